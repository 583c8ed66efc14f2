use super::*;
use countersign_ledger::{Hash, Name, Named};
use serde_json::json;

/// Entries about `main.tf`, in order: when, kind, body.
fn cases(entries: &[(i64, Kind, Value)], said: Vec<Said>) -> Vec<Case> {
    let mut cases = Cases::default();
    for (number, (at, kind, body)) in (1..).zip(entries) {
        cases.add(&Entry {
            number,
            at: *at,
            kind: kind.clone(),
            agent: Some("claude".to_owned()),
            person: None,
            file: Some(Named { commitment: Hash::default(), name: Name::Known("main.tf".to_owned()) }),
            body: body.clone(),
            previous: Hash::default(),
            hash: Hash::default(),
        });
    }
    cases.finish(said)
}

fn insertion(at: i64) -> (i64, Kind, Value) {
    (at, Kind::Insertion, json!({ "session": "s" }))
}

fn open(at: i64, more: &Value) -> (i64, Kind, Value) {
    let mut body = json!({ "risk": "destroys", "address": "aws_vpc.a", "session": "s", "state": "open" });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    (at, Kind::Finding, body)
}

fn gone(at: i64, mended: &Value) -> (i64, Kind, Value) {
    let body = json!({ "risk": "destroys", "address": "aws_vpc.a", "state": "gone", "mended": mended });
    (at, Kind::Finding, body)
}

fn verdict(at: i64, verdict: &str, dependents: u64) -> (i64, Kind, Value) {
    let body = json!({
        "risk": "destroys", "address": "aws_vpc.a", "surface": "editor", "verdict": verdict, "dependents": dependents,
    });
    (at, Kind::Verdict, body)
}

fn told(at: i64, verdict: &str) -> (i64, Kind, Value) {
    let body = json!({ "surface": "hook", "verdict": verdict, "risks": ["destroys"], "session": "s" });
    (at, Kind::Verdict, body)
}

const HOUR: i64 = 3_600_000;

#[test]
fn a_text_came_in_by_one_of_the_insertions_that_fit() {
    let one = |entries: &[(i64, Kind, Value)]| {
        let all = cases(entries, Vec::new());
        assert_eq!(all.len(), 1);
        (all[0].inserted, all[0].detection)
    };
    let nothing = json!({});
    assert_eq!(one(&[open(9, &nothing)]), (None, None), "no insertion is known");
    assert_eq!(one(&[insertion(2), open(9, &nothing)]), (Some((2, 2)), Some((7, 7))));
    assert_eq!(one(&[insertion(2), insertion(5), open(9, &nothing), insertion(10)]), (Some((2, 5)), Some((4, 7))));
    let other = (3, Kind::Insertion, json!({ "session": "t" }));
    assert_eq!(one(&[insertion(2), other, open(9, &nothing)]), (Some((2, 2)), Some((7, 7))), "of another session");
    // What was there at an earlier look had not brought it; a look a moment later may not have seen it yet.
    let looked = |at: i64| json!({ "lookedBefore": at });
    let two = [insertion(HOUR), insertion(2 * HOUR)];
    let at = |look: i64| [two.as_slice(), &[open(2 * HOUR + 5, &looked(look))]].concat();
    assert_eq!(one(&at(HOUR + SLACK + 1)), (Some((2 * HOUR, 2 * HOUR)), Some((5, 5))));
    assert_eq!(one(&at(HOUR + SLACK)).0, Some((HOUR, 2 * HOUR)));
    // What was gone and is there again did not come in before it was gone.
    let again = [insertion(1), open(2, &nothing), gone(3, &Value::Null), insertion(4), open(6, &nothing)];
    let all = cases(&again, Vec::new());
    let inserted: Vec<_> = all.iter().map(|case| case.inserted).collect();
    assert_eq!(inserted, [Some((1, 1)), Some((4, 4))]);
}

#[test]
fn what_the_agent_was_told_before_was_seen_at_once() {
    let nothing = json!({});
    let one = cases(&[told(1, "review"), insertion(2), open(9, &nothing)], Vec::new());
    assert_eq!((one.len(), one[0].inserted, one[0].detection), (1, Some((2, 2)), Some((0, 0))));
    let one = cases(&[told(1, "review"), insertion(2)], Vec::new());
    assert_eq!(
        (one.len(), one[0].detection, one[0].address.as_deref()),
        (1, Some((0, 0)), None),
        "no editor has seen it"
    );
    assert!(one[0].needs_review && !one[0].is_denied && one[0].is_hit && one[0].dependents.is_none());
    assert_eq!(cases(&[told(1, "deny"), insertion(2)], Vec::new()), [], "what was denied was never there");
    assert_eq!(cases(&[told(1, "review")], Vec::new()), [], "nothing followed");
    assert_eq!(cases(&[told(1, "review"), insertion(HOUR + 2)], Vec::new()), [], "that was another edit");
    // Of two insertions the agent was told of one: which of them it was is not known.
    let one = cases(&[insertion(1), told(2, "review"), insertion(3), open(9, &nothing)], Vec::new());
    assert_eq!((one.len(), one[0].detection), (1, Some((0, 8))));
}

#[test]
fn the_worst_that_was_said_counts() {
    let nothing = json!({});
    let entries = [
        insertion(1),
        open(2, &json!({ "dependents": 2 })),
        verdict(2, "deny", 2),
        verdict(3, "note", 7),
        gone(4, &json!(true)),
        // What comes when it is gone is about something else.
        verdict(5, "deny", 9),
        open(6, &nothing),
    ];
    let all = cases(&entries, Vec::new());
    let told: Vec<_> = all.iter().map(|it| (it.is_denied, it.needs_review, it.dependents, it.gone)).collect();
    assert_eq!(told, [(true, true, Some(7), Some((4, Some(true)))), (false, false, None, None)]);
}

#[test]
fn who_was_asked_and_who_answered() {
    let said = |address: Option<&str>, at: i64, is_answer| Said {
        file: "main.tf".to_owned(),
        address: address.map(str::to_owned),
        at,
        is_answer,
    };
    let entries = [
        insertion(10),
        open(12, &json!({})),
        (14, Kind::Approval, json!({ "state": "requested", "review": "1", "address": "aws_vpc.a" })),
        (15, Kind::Approval, json!({ "state": "approved", "review": "1", "address": "aws_vpc.b" })),
        (16, Kind::Approval, json!({ "state": "approved", "request": "1" })),
        (17, Kind::Approval, json!({ "state": "break-glass", "review": "1", "address": "aws_vpc.a" })),
    ];
    let one = |more: Vec<Said>| {
        let all = cases(&entries, more);
        (all[0].asked, all[0].decided)
    };
    assert_eq!(one(Vec::new()), (Some(14), None), "neither another resource, nor a command, nor a break-glass");
    let address = Some("aws_vpc.a");
    assert_eq!(one(vec![said(address, 11, false), said(address, 13, true)]), (Some(11), Some(13)));
    assert_eq!(one(vec![said(address, 9, false), said(None, 13, true)]), (Some(14), None), "before it was there");
    let by_answer =
        (20, Kind::Approval, json!({ "state": "rejected", "review": "1", "address": "aws_vpc.a", "requestedAt": 13 }));
    let all = cases(&[&entries[..2], &[by_answer]].concat(), Vec::new());
    assert_eq!((all[0].asked, all[0].decided), (Some(13), Some(20)));
    let module = said(Some("module.x"), 1, false);
    assert!(module.is_about(Some("module.x.aws_vpc.a")) && module.is_about(Some("module.x[0]")));
    assert!(!module.is_about(Some("module.xy")) && !module.is_about(None));
}

#[test]
fn what_is_taken_back_is_gone() {
    let revert = |body: Value| cases(&[insertion(1), open(2, &json!({})), (5, Kind::Revert, body)], Vec::new())[0].gone;
    assert_eq!(revert(json!({ "whole": true })), Some((5, Some(true))));
    assert_eq!(revert(json!({ "whole": true, "session": "s" })), Some((5, Some(true))));
    assert_eq!(revert(json!({ "whole": true, "session": "t" })), None);
    assert_eq!(revert(json!({ "whole": false })), None, "some of it was left");
    let only_told = [told(1, "review"), insertion(2), (5, Kind::Revert, json!({ "whole": true }))];
    assert_eq!(cases(&only_told, Vec::new())[0].gone, Some((5, Some(true))));
}
