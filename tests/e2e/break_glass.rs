//! Break-glasses: what one lets through, and each way to let more through by one.

use crate::cli::{countersign, fits};
use crate::hooks::claude_writes;
use crate::reviews::{DATABASE, FILE, SIGNERS, Team};
use countersign_review::{BreakGlass, NAMESPACE};
use jiff::{SignedDuration, Timestamp};

/// Ann and Eve may break the glass, for two hours.
const POLICY: &str = "[break_glass]\nby = [\"ann@example.org\", \"eve@example.org\"]\nhours = 2\n";

impl Team {
    /// A break-glass of Ann's over what a request is about.
    fn glass(&self, id: &str) -> BreakGlass {
        let request: serde_json::Value =
            serde_json::from_str(&self.workspace.read(&format!(".countersign/reviews/{id}.json"))).expect("JSON");
        let bound = serde_json::from_value(request["predicate"]["bound"].clone()).expect("what it is about");
        let now = Timestamp::now();
        BreakGlass {
            base: self.git(&["merge-base", "main", "HEAD"]).trim().to_owned(),
            changes: vec![bound],
            reason: "The shop is down.".to_owned(),
            by: "ann@example.org".to_owned(),
            at: now,
            expires: now + SignedDuration::from_hours(2),
        }
    }

    /// Commits a break-glass that somebody has signed.
    fn breaks(&self, glass: &BreakGlass, (key, namespace): (&str, &str)) {
        let bytes = glass.to_bytes();
        let name = format!(".countersign/reviews/break-glass/{}.json", glass.id());
        self.workspace.write(&format!("{name}.sig"), &self.sign(&bytes, key, namespace));
        self.workspace.write(&name, &String::from_utf8(bytes).expect("JSON"));
        self.commit("Break the glass");
    }
}

#[test]
fn it_passes_what_it_names_and_is_said_until_somebody_else_has_looked() {
    let team = Team::new(POLICY);
    let id = team.asks();
    team.is_refused(&format!("the review {id} waits"));
    team.breaks(&team.glass(&id), ("ann", NAMESPACE));
    team.passes();
    let gate = team.gate();
    let change = &gate.json["changes"][0];
    assert_eq!(change["hasIt"], false, "it still lacks what it needs: {change}");
    let said = change["breakGlass"].as_str().unwrap_or_default();
    assert!(
        said.starts_with("passed by break-glass of ann@example.org until ")
            && said.contains("to be reviewed afterwards"),
        "{said}"
    );
    let waits = &gate.json["breakGlasses"][0];
    assert_eq!((&waits["by"], &waits["changes"][0]["review"]), (&"ann@example.org".into(), &id.as_str().into()));
    for (format, wanted) in
        [("human", "BY BREAK-GLASS"), ("github", "::warning file=live/prod/main.tf,line=1,endLine=4,title=Countersign")]
    {
        let said = countersign(&team.workspace, &["gate", "--base", "main", "--format", format]);
        assert!(said.code == Some(0) && said.stdout.contains(wanted), "{format}: {}", said.stdout);
        assert!(said.stdout.contains("passed by break-glass of ann@example.org"), "{format}: {}", said.stdout);
        assert!(said.stdout.contains("nobody else has looked at"), "{format}: {}", said.stdout);
    }
    fits("gate", &gate.json);

    // Merged, it is said on the next branch, too, and to take its file away does not help there.
    team.git(&["checkout", "-q", "main"]);
    team.git(&["branch", "old"]);
    team.git(&["merge", "-q", "change"]);
    team.git(&["checkout", "-q", "-b", "next"]);
    let waiting = || team.gate().json["breakGlasses"].as_array().map_or(0, Vec::len);
    assert_eq!(waiting(), 1);
    let listed = countersign(&team.workspace, &["review", "list", "--base", "main"]);
    assert!(listed.stderr.contains("ann@example.org broke the glass"), "{}", listed.stderr);
    team.git(&["rm", "-q", "-r", ".countersign/reviews/break-glass"]);
    team.commit("Nothing happened");
    assert_eq!(waiting(), 1);
    // Ann's own word is not somebody else's.
    team.approves(&id, "ann");
    assert_eq!(waiting(), 1);
    team.approves(&id, "bob");
    assert_eq!(waiting(), 0);
    team.passes();
    // A branch that began before all of that.
    team.git(&["checkout", "-q", "old"]);
    assert_eq!(waiting(), 1, "nobody has looked at what is merged");
    team.git(&["checkout", "-q", "next"]);
    team.git(&["checkout", "-q", "main", "--", ".countersign/reviews/break-glass"]);
    team.commit("It is kept");
    team.git(&["checkout", "-q", "main"]);
    team.git(&["merge", "-q", "next"]);
    team.git(&["checkout", "-q", "old"]);
    assert_eq!(waiting(), 0);
}

#[test]
fn what_lets_nothing_through_is_told_with_its_reason() {
    let team = Team::new(POLICY);
    let id = team.asks();
    let asked = team.git(&["rev-parse", "HEAD"]);
    let refused = |glass: &BreakGlass, with: (&str, &str), why: &str| {
        team.git(&["reset", "-q", "--hard", asked.trim()]);
        team.breaks(glass, with);
        team.is_refused(why);
    };
    let ann = team.glass(&id);
    let hours = SignedDuration::from_hours;
    let expired = BreakGlass { at: ann.at - hours(3), expires: ann.at - hours(1), ..ann.clone() };
    refused(&expired, ("ann", NAMESPACE), "it has expired");
    let long = BreakGlass { expires: ann.expires + hours(1), ..ann.clone() };
    refused(&long, ("ann", NAMESPACE), "it is for longer than the 2 hours that policy allows");
    let ahead = BreakGlass { at: ann.at + hours(1), ..ann.clone() };
    refused(&ahead, ("ann", NAMESPACE), "it is dated in the future");
    let bobs = BreakGlass { by: "bob@example.org".to_owned(), ..ann.clone() };
    refused(&bobs, ("bob", NAMESPACE), "`by` of `[break_glass]` does not name bob@example.org");
    refused(&ann, ("bob", NAMESPACE), "it says to be from ann@example.org, and was signed by bob@example.org");
    refused(&ann, ("agent", NAMESPACE), "its key is not among the signers");
    refused(&ann, ("ann", "git"), "it was signed for `git`, and not for `countersign`");
    let other_base = BreakGlass { base: "0123456789".repeat(4), ..ann.clone() };
    refused(&other_base, ("ann", NAMESPACE), "it is about changes that start from 0123456");
    let mut elsewhere = ann.clone();
    elsewhere.changes[0].repository = "git.example/shop/shop".to_owned();
    refused(&elsewhere, ("ann", NAMESPACE), "it is about the repository git.example/shop/shop");
    // Edited after it was signed.
    team.git(&["reset", "-q", "--hard", asked.trim()]);
    let signature = team.sign(&ann.to_bytes(), "ann", NAMESPACE);
    let edited = BreakGlass { reason: "No reason.".to_owned(), ..ann.clone() }.to_bytes();
    let file = ".countersign/reviews/break-glass/edited.json";
    team.workspace.write(file, &String::from_utf8(edited).expect("JSON"));
    team.workspace.write(&format!("{file}.sig"), &signature);
    team.commit("Swap");
    team.is_refused("its signature is not that of what it says");
    // What somebody has rejected.
    team.git(&["reset", "-q", "--hard", asked.trim()]);
    let no = countersign_review::Answer { decision: countersign_review::Decision::Reject, ..team.answer(&id, "eve") };
    team.answers(&id, &no, ("eve", NAMESPACE));
    team.breaks(&ann, ("ann", NAMESPACE));
    team.is_refused("the change was rejected");
    // And all the same it passes where nothing is wrong with it.
    team.git(&["reset", "-q", "--hard", asked.trim()]);
    team.breaks(&ann, ("ann", NAMESPACE));
    team.passes();
    // Taken away it lets nothing through; that somebody gave it stays known.
    let broken = team.git(&["rev-parse", "HEAD"]);
    team.git(&["rm", "-q", "-r", ".countersign/reviews/break-glass"]);
    team.commit("It could wait");
    team.is_refused("its file is not there any more");
    assert_eq!(team.gate().json["breakGlasses"].as_array().map_or(0, Vec::len), 1);
    team.git(&["reset", "-q", "--hard", broken.trim()]);
    // A key that was taken back at the base since.
    team.takes_key_back("ann");
    team.is_refused("its key is not valid any more");
}

#[test]
fn it_is_about_this_text_on_this_base_and_nothing_more() {
    let team = Team::new(POLICY);
    let id = team.asks();
    team.breaks(&team.glass(&id), ("ann", NAMESPACE));
    team.passes();
    let broken = team.git(&["rev-parse", "HEAD"]);
    let back = || team.git(&["reset", "-q", "--hard", broken.trim()]);
    // Another resource beside it.
    team.workspace.write("live/prod/other.tf", &DATABASE.replace("engine ", "publicly_accessible = true\n  engine "));
    team.commit("While I am here");
    let gate = team.gate();
    assert_eq!(gate.said.code, Some(1), "{}", gate.said.stdout);
    let stopped =
        gate.json["changes"].as_array().expect("changes").iter().filter(|change| change["breakGlass"].is_null());
    let stopped: Vec<_> = stopped.map(|change| change["path"].as_str().unwrap_or_default()).collect();
    assert_eq!(stopped, ["live/prod/other.tf"], "it was not named");
    // More of the same resource.
    back();
    team.workspace.write(FILE, &team.workspace.read(FILE).replace("\"mysql\"", "\"mariadb\""));
    team.commit("Another one");
    team.is_refused("aws_db_instance.orders in live/prod/main.tf has changed since");
    // The same text again, on a base that has moved on.
    back();
    team.git(&["checkout", "-q", "main"]);
    team.workspace.write("README.md", "Moved on.\n");
    team.commit("Move on");
    team.git(&["checkout", "-q", "change"]);
    team.passes();
    team.git(&["rebase", "-q", "main"]);
    team.is_refused("it is about changes that start from");
}

#[test]
fn policy_and_signers_pass_by_none() {
    let team = Team::new("");
    let id = team.asks();
    // Who may is what the base says, and it says nobody.
    team.workspace.write("countersign.toml", POLICY);
    team.commit("Let me");
    team.breaks(&team.glass(&id), ("ann", NAMESPACE));
    team.is_refused("policy lets nobody break the glass");
    // Where somebody may, the rules themselves are not among what passes.
    let team = Team::new(POLICY);
    team.workspace.write("countersign.toml", &format!("{POLICY}[[require]]\napprovals = 0\n"));
    let signers = team.workspace.read(SIGNERS) + &team.signer("mallory", "");
    team.workspace.write(SIGNERS, &signers);
    team.workspace.write("CODEOWNERS", "* @mallory\n");
    team.commit("Make it easy");
    let said = countersign(&team.workspace, &["review", "request", "--all", "--why", "now"]);
    team.commit("Ask");
    let ids: Vec<_> =
        said.stdout.lines().filter_map(|line| line.strip_prefix("Requested ")?.split(' ').next()).collect();
    assert_eq!(ids.len(), 3, "{}", said.stdout);
    let changes = ids.iter().flat_map(|id| team.glass(id).changes).collect();
    team.breaks(&BreakGlass { changes, ..team.glass(ids[0]) }, ("ann", NAMESPACE));
    let gate = team.gate();
    assert_eq!(gate.said.code, Some(1), "{}", gate.said.stdout);
    for change in gate.json["changes"].as_array().expect("changes") {
        assert!(change["breakGlass"].is_null(), "{change}");
        assert!(change["missing"].to_string().contains("no break-glass covers what says who may do what"), "{change}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_person_breaks_it_at_a_terminal_and_nobody_else_does() {
    let team = Team::new(POLICY);
    let text = team.workspace.read(FILE).replace("\"postgres\"", "\"mysql\"");
    team.workspace.write(FILE, &text);
    team.commit("Use MySQL");
    let said = countersign(&team.workspace, &["review", "break-glass", "--why", "down", "--hours", "1"]);
    assert!(said.code == Some(2) && said.stderr.contains("a person at a terminal"), "{}", said.stderr);
    let breaks = |who: &str, more: &str, typed: &str| {
        team.git(&["config", "user.email", &format!("{who}@example.org")]);
        let key = team.keys.path().join(who);
        let line = format!("review break-glass --why 'The shop is down.' --key {} {more}", key.display());
        let (code, said) = crate::cli::at_terminal(&team.workspace, &line, typed);
        (code == Some(0), said)
    };
    for (who, more, typed, why) in [
        ("bob", "--hours 1", "yes", "does not name bob@example.org"),
        ("mallory", "--hours 1", "yes", "is not among the signers"),
        ("ann", "--hours 3", "yes", "allows 2 hours at most"),
        ("ann", "--hours 1 aws_vpc.main", "yes", "no glass to break"),
        ("ann", "--hours 1", "no", "the glass was not broken"),
    ] {
        let (done, said) = breaks(who, more, typed);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!done && said.contains(why), "{who} {more}: {said}");
    }
    assert!(!team.workspace.path(".countersign/reviews").exists(), "nothing was written");
    let (done, said) = breaks("ann", "--hours 1 aws_db_instance.orders", "yes");
    assert!(done && said.contains("The glass is broken until"), "{said}");
    team.commit("Break the glass");
    team.passes();
    let log = countersign(&team.workspace, &["log", "--kind", "approval", "--format", "json"]);
    assert!(log.stdout.contains("\"break-glass\"") && !log.stdout.contains("The shop is down"), "{}", log.stdout);
    // Whoever looks at it afterwards: after the merge, against the commit that it started from.
    let base = team.git(&["rev-parse", "main"]);
    team.git(&["checkout", "-q", "main"]);
    team.git(&["merge", "-q", "change"]);
    let waits = &team.gate().json["breakGlasses"][0];
    assert_eq!(waits["base"], base.trim());
    team.git(&["config", "user.email", "bob@example.org"]);
    let shown = countersign(
        &team.workspace,
        &["review", "show", waits["changes"][0]["review"].as_str().expect("a name"), "--base", base.trim()],
    );
    assert!(shown.code == Some(0) && shown.stdout.contains("mysql"), "{}{}", shown.stdout, shown.stderr);
}

#[test]
fn modes_are_by_place_and_by_the_agents_that_wrote_it_alone() {
    for (row, code) in [
        ("tier = [\"critical\"]\nmode = \"observe\"\n", 0),
        ("tier = [\"low\"]\nmode = \"observe\"\n", 1),
        ("environment = [\"production\"]\nmode = \"warn\"\n", 0),
        // Nobody knows who wrote it, so it is no agent's.
        ("agent = [\"claude-code\"]\nmode = \"observe\"\n", 1),
    ] {
        let team = Team::new(&format!("[[mode]]\n{row}"));
        team.asks();
        let said = countersign(&team.workspace, &["gate", "--base", "main"]);
        assert_eq!(said.code, Some(code), "{row}: {}", said.stdout);
        assert_eq!(said.stdout.contains("Enforcement would have stopped 1 more"), code == 0, "{row}: {}", said.stdout);
    }
    // Claude's alone, by the note; and not any more once a person has had a hand in it.
    let team = Team::new("[[mode]]\nagent = [\"claude-code\"]\nmode = \"observe\"\n");
    let text = team.workspace.read(FILE).replace("\"postgres\"", "\"mysql\"");
    claude_writes(&team.workspace, FILE, &text);
    team.commit("Use MySQL");
    assert_eq!(countersign(&team.workspace, &["note"]).code, Some(0));
    let gate = team.gate();
    assert_eq!(
        (gate.said.code, &gate.json["changes"][0]["mode"]),
        (Some(0), &"observe".into()),
        "{}",
        gate.said.stdout
    );
    assert_eq!(gate.json["changes"][0]["hasIt"], false);
    team.workspace.write(FILE, &text.replace("\"orders\"\n", "\"orders-2\"\n"));
    team.commit("Another name, by hand");
    let gate = team.gate();
    assert_eq!(
        (gate.said.code, &gate.json["changes"][0]["mode"]),
        (Some(1), &"enforce".into()),
        "{}",
        gate.said.stdout
    );
}
