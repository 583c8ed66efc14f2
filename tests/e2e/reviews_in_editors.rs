//! Reviews as an editor shows them: who is told what, who is offered to answer, and where an approval does not hold any more.

use crate::cli::countersign;
use crate::editor::{Editor, INFORMATION, capabilities};
use crate::reviews::{DATABASE, FILE, Team, VPC};
use countersign_review::{Answer, Decision, NAMESPACE};
use serde_json::{Value, json};
use std::fs;

/// What a client offers that shows reviews.
fn offers() -> Value {
    let mut offers = capabilities();
    offers["experimental"] = json!({ "countersign": { "reviews": true } });
    offers["textDocument"]["codeAction"]["disabledSupport"] = true.into();
    offers
}

/// The editor of somebody, on the file.
fn editor_of(team: &Team, who: &str, offers: Value) -> Editor {
    team.git(&["config", "user.email", &format!("{who}@example.org")]);
    let mut editor = team.workspace.editor_with(offers);
    editor.open(FILE, &team.workspace.read(FILE));
    editor
}

/// Waits until a request is told to be as wanted.
#[track_caller]
fn told(editor: &mut Editor, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let is_wanted = |review: &&Value| review["id"] == id && wanted(review);
    let received = editor.client.wait(&format!("the review {id} as wanted"), |message| {
        let reviews = message["params"]["reviews"].as_array();
        message["method"] == "countersign/reviews" && reviews.into_iter().flatten().any(|review| is_wanted(&review))
    });
    let reviews = received.message["params"]["reviews"].as_array().expect("reviews").clone();
    reviews.iter().find(is_wanted).expect("it is there").clone()
}

#[track_caller]
fn told_as(editor: &mut Editor, id: &str, state: &str) -> Value {
    told(editor, id, |review| review["state"] == state)
}

/// Answers are offered as these titles at a piece of text, with why where they cannot be chosen.
fn offered(editor: &mut Editor, piece: &str) -> Vec<(String, Option<String>)> {
    let range = editor.find(FILE, piece);
    let actions = editor.actions_at(FILE, &range, Value::Null);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let is_answer = |title: &str| title.starts_with("Approve the review") || title.starts_with("Reject the review");
    let titles =
        actions.iter().filter_map(|action| Some((text(&action["title"])?, text(&action["disabled"]["reason"]))));
    titles.filter(|(title, _)| is_answer(title)).collect()
}

/// What is said of approvals that do not hold any more, with the text that it is said of.
fn voided(editor: &mut Editor) -> Vec<(String, String)> {
    let diagnostics = editor.diagnostics(FILE);
    let own: Vec<Value> = diagnostics
        .into_iter()
        .filter(|one| one["message"].as_str().is_some_and(|message| message.starts_with("The approval by")))
        .collect();
    let texts = editor.in_short(FILE, &own);
    let said = own.iter().zip(texts).map(|(one, (severity, _, text))| {
        assert_eq!((severity, &one["source"], one.get("code")), (INFORMATION, &json!("countersign"), None));
        (one["message"].as_str().expect("a message").to_owned(), text)
    });
    said.collect()
}

/// Ann goes on with what is in the file, and saves it.
fn saves(team: &Team, editor: &mut Editor, old: &str, new: &str) {
    editor.replace(FILE, old, new);
    team.workspace.write(FILE, editor.text(FILE));
    editor.save(FILE);
}

const APPROVE: &str = "Approve the review of aws_db_instance.orders, asked by Ann <ann@example.org>";
const REJECT: &str = "Reject the review of aws_db_instance.orders, asked by Ann <ann@example.org>";

#[test]
fn who_may_is_offered_to_answer_and_sees_who_has() {
    let team = Team::new("");
    let id = team.asks();
    let mut bob = editor_of(&team, "bob", offers());
    let review = told_as(&mut bob, &id, "waiting");
    let text = |key: &str| review[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        ["path", "address", "requestedBy", "uri"].map(text),
        [FILE, "aws_db_instance.orders", "Ann <ann@example.org>", &team.workspace.uri(FILE)]
    );
    assert_eq!(text("file"), team.workspace.uri(&format!(".countersign/reviews/{id}.json")));
    assert!(text("about").contains("critical · production · replace"), "{review}");
    assert!(text("needs").contains("1 approval"), "{review}");
    assert_eq!(review["whoMay"], json!(["bob@example.org", "eve@example.org"]));
    assert_eq!((&review["mayApprove"], &review["mayReject"]), (&json!(true), &json!(true)), "{review}");
    let changed = DATABASE.replace("\"postgres\"", "\"mysql\"");
    assert_eq!(review["range"], bob.range(FILE, changed.trim()));

    assert_eq!(offered(&mut bob, "\"mysql\""), [(APPROVE.to_owned(), None), (REJECT.to_owned(), None)]);
    assert_eq!(offered(&mut bob, "cidr_block"), [], "that is another resource");
    let hover = |editor: &mut Editor| {
        let position = editor.range(FILE, "\"aws_db_instance\"")["start"].clone();
        editor.request("textDocument/hover", FILE, json!({ "position": position }))["contents"]["value"].to_string()
    };
    let said = hover(&mut bob);
    assert!(said.contains(&format!("Review {id} waits for approval. Asked by Ann")), "{said}");

    // The server signs nothing: it says what does, at a terminal.
    let action = bob.action(FILE, "\"mysql\"", "Approve the review");
    let params = json!({ "command": action["command"]["command"], "arguments": action["command"]["arguments"] });
    let answer = bob.client.request("workspace/executeCommand", params).expect("it is told");
    assert_eq!(answer["arguments"], json!(["review", "approve", id]));
    assert_eq!(answer["folder"], team.workspace.root().display().to_string());
    let message = bob.client.notification("window/showMessage")["message"].as_str().expect("a text").to_owned();
    assert!(message.contains("a person at a terminal"), "{message}");
    assert!(message.ends_with(&format!(" review approve {id}")), "{message}");
    assert!(!team.workspace.path(&format!(".countersign/reviews/{id}")).exists(), "nothing is signed");

    let answer = Answer { why: "It was tried on a copy".to_owned(), ..team.answer(&id, "bob") };
    team.answers(&id, &answer, ("bob", NAMESPACE));
    let review = told_as(&mut bob, &id, "approved");
    let said = &review["answers"][0];
    assert_eq!(
        [&said["who"], &said["said"], &said["why"]],
        ["bob@example.org", "approved", "It was tried on a copy"],
        "{review}"
    );
    assert_eq!((&review["mayApprove"], &review["whyNot"]), (&json!(false), &json!("you have approved it")));
    let answers = offered(&mut bob, "\"mysql\"");
    assert_eq!(answers, [(APPROVE.to_owned(), Some("you have approved it".to_owned())), (REJECT.to_owned(), None)]);
    assert!(hover(&mut bob).contains("has approved it"));
    let no = Answer { decision: Decision::Reject, ..team.answer(&id, "eve") };
    team.answers(&id, &no, ("eve", NAMESPACE));
    let review = told_as(&mut bob, &id, "rejected");
    assert_eq!(review["answers"].as_array().map(Vec::len), Some(2), "{review}");
}

#[test]
fn who_may_not_is_told_why() {
    let levels = "[[person]]\nemails = [\"bob@example.org\"]\nlevel = \"mid\"\n";
    let cases = [
        ("", "ann", "nobody approves what is their own", true),
        (levels, "bob", "bob@example.org is of the level mid, and senior is asked for", false),
        ("", "mallory", "mallory@example.org is not among the signers", false),
    ];
    for (config, who, why, may_reject) in cases {
        let team = Team::new(config);
        let id = team.asks();
        let mut editor = editor_of(&team, who, offers());
        let review = told_as(&mut editor, &id, "waiting");
        assert_eq!(
            (&review["mayApprove"], &review["mayReject"]),
            (&json!(false), &json!(may_reject)),
            "{who}: {review}"
        );
        assert!(review["whyNot"].as_str().is_some_and(|not| not.contains(why)), "{who}: {review}");
        let answers = offered(&mut editor, "\"mysql\"");
        let (title, reason) = answers.first().expect("it is named");
        assert!(title == APPROVE && reason.as_ref().is_some_and(|reason| reason.contains(why)), "{who}: {answers:?}");
        assert_eq!(answers.len(), if may_reject { 2 } else { 1 }, "{who}: {answers:?}");
        let root = format!("file://{}", team.workspace.root().display());
        let asks =
            |id: &str| json!({ "command": "countersign.approveReview", "arguments": [{ "root": root, "id": id }] });
        let refused = editor.client.request("workspace/executeCommand", asks(&id)).expect_err("it is refused");
        assert!(
            refused.message.contains("you cannot approve the review") && refused.message.contains(why),
            "{refused:?}"
        );
        let unknown = editor.client.request("workspace/executeCommand", asks("0123456789abcdef")).expect_err("unknown");
        assert!(unknown.message.contains("there is no request `0123456789abcdef`"), "{unknown:?}");
    }
}

#[test]
fn a_voided_approval_is_told_where_it_was_voided() {
    let team = Team::new("");
    let id = team.asks();
    team.approves(&id, "bob");
    let mut ann = editor_of(&team, "ann", offers());
    told_as(&mut ann, &id, "approved");
    assert_eq!(voided(&mut ann), []);

    // Another text: it is told at the resource, and asked for anew there.
    saves(&team, &mut ann, "\"mysql\"", "\"mariadb\"");
    let review = told_as(&mut ann, &id, "void");
    assert_eq!(review["voided"], json!(["bob@example.org"]));
    let told_once = voided(&mut ann);
    let [(message, place)] = told_once.as_slice() else { panic!("{told_once:?} is not one") };
    let expected = format!(
        "The approval by bob@example.org (review {id}) does not hold any more: aws_db_instance.orders in {FILE} has changed since."
    );
    assert!(message.starts_with(&expected), "{message}");
    assert_eq!(place, "resource \"aws_db_instance\" \"orders\" {");
    assert_eq!(offered(&mut ann, "\"mariadb\""), [], "of what is void nothing is answered");
    // Above the resource something comes in: it is told where that is now.
    ann.edit(FILE, 0..0, "# Something.\nlocals {}\n\n");
    assert_eq!(voided(&mut ann).first().map(|(_, place)| place.clone()), Some(place.clone()));
    ann.edit(FILE, 0.."# Something.\nlocals {}\n\n".len(), "");

    ann.choose(FILE, "\"mariadb\"", "Request the review of aws_db_instance.orders anew");
    let names = fs::read_dir(team.workspace.path(".countersign/reviews")).expect("the folder").flatten();
    let mut names = names.filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".json").map(str::to_owned));
    let second = names.find(|name| *name != id).expect("another request");
    told_as(&mut ann, &second, "waiting");
    assert_eq!(voided(&mut ann).len(), 1, "nobody has approved that yet");
    team.commit("Use MariaDB");
    team.approves(&second, "eve");
    told_as(&mut ann, &second, "approved");
    assert_eq!(voided(&mut ann), [], "an approval holds again");

    // Back to what was approved first.
    saves(&team, &mut ann, "\"mariadb\"", "\"mysql\"");
    told(&mut ann, &second, |review| review["state"] == "void" && review["voided"].is_null());
    assert_eq!(voided(&mut ann), []);
}

#[test]
fn an_approval_that_was_never_given_is_not_missed() {
    // Nobody had approved it.
    let team = Team::new("");
    let id = team.asks();
    let mut ann = editor_of(&team, "ann", offers());
    told_as(&mut ann, &id, "waiting");
    saves(&team, &mut ann, "\"mysql\"", "\"mariadb\"");
    let review = told_as(&mut ann, &id, "void");
    assert!(review["voided"].is_null() && review["mayReject"] == false, "{review}");
    assert_eq!(voided(&mut ann), []);
    // What somebody signed without being asked to does not count, and is not missed.
    saves(&team, &mut ann, "\"mariadb\"", "\"mysql\"");
    told_as(&mut ann, &id, "waiting");
    let agent = team.answer(&id, "bob");
    team.answers(&id, &agent, ("agent", NAMESPACE));
    let review = told(&mut ann, &id, |review| review["answers"][0]["doesNotCount"].is_string());
    assert!(review["answers"][0]["said"].is_null(), "{review}");
    saves(&team, &mut ann, "\"mysql\"", "\"mariadb\"");
    told_as(&mut ann, &id, "void");
    assert_eq!(voided(&mut ann), []);
    ann.quit();

    // It was approved and merged; another change of the same resource is another matter.
    let team = Team::new("");
    let id = team.asks();
    team.approves(&id, "bob");
    team.git(&["checkout", "-q", "main"]);
    team.git(&["merge", "-q", "--no-ff", "-m", "Merge it", "change"]);
    team.git(&["checkout", "-q", "-b", "next"]);
    let mut ann = editor_of(&team, "ann", offers());
    told_as(&mut ann, &id, "past");
    saves(&team, &mut ann, "\"mysql\"", "\"mariadb\"");
    // Where it stands stays the same, and nothing is told; so it is waited for the request of what is new.
    let said = countersign(&team.workspace, &["review", "request"]);
    let second = said.stdout.strip_prefix("Requested ").and_then(|rest| rest.split(' ').next()).expect("a name");
    told_as(&mut ann, second, "waiting");
    assert_eq!(voided(&mut ann), []);
}

#[test]
fn what_moves_within_its_file_stays_approved() {
    let team = Team::new("");
    let id = team.asks();
    team.approves(&id, "bob");
    let changed = DATABASE.replace("\"postgres\"", "\"mysql\"");
    team.workspace.write(FILE, &format!("{VPC}\n{changed}"));
    let mut ann = editor_of(&team, "ann", offers());
    let review = told_as(&mut ann, &id, "approved");
    assert_eq!(review["range"], ann.range(FILE, changed.trim()));
    assert_eq!(voided(&mut ann), []);
}

#[test]
fn what_is_asked_answered_and_taken_away_elsewhere_is_seen() {
    let team = Team::new("");
    let text = team.workspace.read(FILE).replace("\"postgres\"", "\"mysql\"");
    team.workspace.write(FILE, &text);
    team.commit("Use MySQL");
    let mut bob = editor_of(&team, "bob", offers());
    bob.settle();
    assert_eq!(bob.client.take_unread("countersign/reviews"), [] as [Value; 0], "nobody has asked");
    // In another terminal.
    team.git(&["config", "user.email", "ann@example.org"]);
    let id = team.requests();
    told_as(&mut bob, &id, "waiting");
    // Another branch is checked out, and this one again.
    team.git(&["checkout", "-q", "main"]);
    bob.client.wait("that there are none", |message| {
        message["method"] == "countersign/reviews" && message["params"]["reviews"] == json!([])
    });
    team.git(&["checkout", "-q", "change"]);
    told_as(&mut bob, &id, "waiting");
    // What is no review is told, and the others stand.
    team.workspace.write(".countersign/reviews/broken.json", "{");
    let received = bob.client.wait("the problem", |message| {
        message["method"] == "countersign/reviews" && message["params"]["problems"] != json!([])
    });
    let params = &received.message["params"];
    assert!(params["problems"][0].as_str().is_some_and(|problem| problem.contains("broken.json")), "{params}");
    assert_eq!(params["reviews"].as_array().map(Vec::len), Some(1), "{params}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_closes_with_it_is_kept_until_it_was_read() {
    let team = Team::new("");
    let id = team.asks();
    let said = |stay: &str| crate::cli::at_terminal(&team.workspace, &format!("review approve {id} {stay}"), "");
    let why = "nobody approves what is their own";
    let (code, text) = said("");
    assert!(code == Some(2) && text.contains(why) && !text.contains("Press Enter"), "{text}");
    let (code, text) = said("--stay");
    assert!(code == Some(2) && text.contains(why) && text.contains("Press Enter to close this."), "{text}");
    let alone = countersign(&team.workspace, &["review", "approve", &id, "--stay"]);
    assert!(alone.code == Some(2) && alone.stderr.contains("a person at a terminal"), "{}", alone.stderr);
}

#[test]
fn a_client_is_told_and_offered_what_it_asked_for() {
    let team = Team::new("");
    let id = team.asks();
    team.approves(&id, "bob");
    // One that asks for nothing has the diagnostic, and no action that it could not show.
    let mut plain = editor_of(&team, "ann", capabilities());
    saves(&team, &mut plain, "\"mysql\"", "\"mariadb\"");
    plain.client.wait("the diagnostic", |message| {
        message["method"] == "textDocument/publishDiagnostics" && message.to_string().contains("does not hold any more")
    });
    saves(&team, &mut plain, "\"mariadb\"", "\"mysql\"");
    plain.client.wait("that it is gone", |message| {
        message["method"] == "textDocument/publishDiagnostics"
            && !message.to_string().contains("does not hold any more")
    });
    assert_eq!(plain.client.take_unread("countersign/reviews"), [] as [Value; 0]);
    let commands = |editor: &Editor| editor.offered["capabilities"]["executeCommandProvider"]["commands"].to_string();
    assert!(commands(&plain).contains("countersign.approveReview"));
    plain.quit();
    // One with commands of its own gets them in the actions, and not among the server's.
    let mut own = offers();
    own["experimental"]["countersign"]["commands"] = json!(["countersign.approveReview", "countersign.rejectReview"]);
    let own = editor_of(&team, "eve", own);
    assert!(!commands(&own).contains("approveReview") && !commands(&own).contains("rejectReview"));
}
