//! Approvals of commands that have to be signed, and each way to pass off something else as one.

use super::{approves, approves_with, claude, records, requests};
use crate::cli::countersign;
use crate::editor::Workspace;
use crate::ledger::log;
use crate::reviews::Team;
use countersign_review::{CommandApproval, NAMESPACE, digest};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const DESTROY: &str = "terraform destroy -auto-approve";

fn asks(workspace: &Workspace) -> String {
    requests(workspace, &DESTROY.split(' ').collect::<Vec<_>>())
}

/// A person's approval with that person's key, or with another one.
fn signs(team: &Team, person: &str, key: &str, id: &str) -> (bool, String) {
    let key = team.keys.path().join(key);
    approves_with(&team.workspace, person, id, "yes", &format!("--key {}", key.display()))
}

#[test]
fn where_there_are_signers_an_approval_is_signed() {
    let team = Team::new("");
    let workspace = &team.workspace;
    let id = asks(workspace);
    let (is_done, said) = approves(workspace, "Bob", &id, "yes");
    assert!(!is_done && said.contains("which key to sign with"), "{said}");
    let (is_done, said) = signs(&team, "Bob", "eve", &id);
    assert!(!is_done && said.contains("this key is eve@example.org's"), "{said}");
    let _ = team.signer("mallory", "");
    let (is_done, said) = signs(&team, "Mallory", "mallory", &id);
    assert!(!is_done && said.contains("not among the signers"), "{said}");
    let (answer, reason) = claude(workspace, DESTROY);
    assert!(answer == "deny" && reason.contains("waits for a person"), "{reason}");
    let (is_done, said) = signs(&team, "Bob", "bob", &id);
    assert!(is_done && said.contains(&format!("Request {id} is approved")), "{said}");
    let (answer, said) = claude(workspace, DESTROY);
    assert!(answer == "tell" && said.contains("approved by Bob <bob@example.org>"), "{said}");
    let approved: Vec<Value> = log(workspace, &["--kind", "approval"])
        .into_iter()
        .filter(|entry| entry["body"]["state"] == "approved")
        .collect();
    assert_eq!(approved.len(), 1, "{approved:?}");
    let body = &approved[0]["body"];
    assert!(body["key"].as_str().is_some_and(|key| key.starts_with("SHA256:")), "{body}");
    assert_eq!(body["statement"].as_str().map(str::len), Some(64), "{body}");
}

#[test]
fn ssh_keygen_verifies_what_was_signed() {
    let team = Team::new("");
    let id = asks(&team.workspace);
    assert!(signs(&team, "Bob", "bob", &id).0);
    let word = word(&record(&team.workspace, &id));
    for part in ["statement", "signature"] {
        fs::write(team.keys.path().join(part), word["signed"][part].as_str().expect("a text")).expect("it is written");
    }
    let mut verify = std::process::Command::new("ssh-keygen");
    verify.args(["-Y", "verify", "-I", "bob@example.org", "-n", NAMESPACE, "-s", "signature", "-f"]);
    verify.arg(team.workspace.path(crate::reviews::SIGNERS)).current_dir(&team.keys);
    let statement = fs::File::open(team.keys.path().join("statement")).expect("it is there");
    let verified = verify.stdin(statement).output().expect("ssh-keygen is there");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

fn record(workspace: &Workspace, id: &str) -> PathBuf {
    let is_its = |folder: &PathBuf| folder.ends_with(id);
    records(workspace).into_iter().find(is_its).expect("a record")
}

fn word_file(record: &Path) -> PathBuf {
    let is_word = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("approved-"));
    let entries = fs::read_dir(record).expect("a folder").flatten().map(|entry| entry.path());
    entries.into_iter().find(is_word).expect("an approval")
}

fn word(record: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(word_file(record)).expect("an approval")).expect("JSON")
}

#[test]
fn what_passes_itself_off_as_a_signed_approval_does_not_count() {
    let team = Team::new("");
    let workspace = &team.workspace;
    // What was signed for another request of the very same command.
    let other = asks(workspace);
    assert!(signs(&team, "Bob", "bob", &other).0);
    let for_another = word(&record(workspace, &other))["signed"].clone();
    assert_eq!(countersign(workspace, &["request-command", "--decline", &other]).code, Some(0));

    let id = asks(workspace);
    assert!(signs(&team, "Bob", "bob", &id).0);
    let folder = record(workspace, &id);
    let (file, good) = (word_file(&folder), word(&folder));
    let request = fs::read(folder.join("request.json")).expect("the request");
    let statement = |reviewer: &str| {
        let statement = CommandApproval {
            request_id: id.clone(),
            request_sha256: digest(&request),
            command: DESTROY.to_owned(),
            reviewer: reviewer.to_owned(),
            at: jiff::Timestamp::now(),
        };
        String::from_utf8(statement.to_bytes()).expect("JSON")
    };
    let signed = |statement: &str, key: &str, namespace: &str| json!({ "statement": statement, "signature": team.sign(statement.as_bytes(), key, namespace) });
    let bobs = statement("bob@example.org");
    let edited = good["signed"]["statement"].as_str().expect("a text").replace("-auto-approve", "-target=a.b");
    for (signed, why) in [
        (Value::Null, "it is not signed"),
        (for_another, "agrees to another request"),
        (json!({ "statement": edited, "signature": good["signed"]["signature"] }), "not that of what it says"),
        (signed(&bobs, "eve", NAMESPACE), "was signed by eve@example.org"),
        (signed(&statement("eve@example.org"), "eve", NAMESPACE), "it was signed by eve@example.org"),
        (signed(&bobs, "agent", NAMESPACE), "not among the signers"),
        (signed(&bobs, "bob", "git"), "signed for `git`"),
        (signed("{}", "bob", NAMESPACE), "missing field"),
        (json!({ "statement": bobs, "signature": "garbage" }), "cannot be read"),
    ] {
        let mut word = good.clone();
        match signed {
            Value::Null => drop(word.as_object_mut().expect("an object").remove("signed")),
            signed => word["signed"] = signed,
        }
        fs::write(&file, word.to_string()).expect("it is written");
        assert_eq!(claude(workspace, DESTROY).0, "deny", "{why}");
        let listed = countersign(workspace, &["request-command", "--list"]).stdout;
        let said = listed.lines().find(|line| line.contains("does not count")).unwrap_or(&listed);
        assert!(said.contains("Approved by Bob") && said.contains(why), "{why}: {said}");
    }
    // A key that has been taken back since.
    fs::write(&file, good.to_string()).expect("it is written");
    let signers = workspace.read(crate::reviews::SIGNERS);
    workspace.write(crate::reviews::SIGNERS, &team.signer("bob", "valid-before=\"20200101Z\""));
    assert_eq!(claude(workspace, DESTROY).0, "deny");
    // Nobody who is left may sign: what is broken in the file opens nothing.
    workspace.write(crate::reviews::SIGNERS, "garbage\n");
    assert_eq!(claude(workspace, DESTROY).0, "deny");
    let (is_done, said) = approves(workspace, "Eve", &id, "yes");
    assert!(!is_done && said.contains("has to be signed"), "{said}");
    workspace.write(crate::reviews::SIGNERS, &signers);
    assert_eq!(claude(workspace, DESTROY).0, "tell", "what was signed is there again");
}

#[test]
fn policy_says_who_signs_and_how() {
    let policy = "[[approval]]\neffect = [\"destroy\"]\npeople = 2\nlevel = \"senior\"\nown = false\n\
                  [[approval]]\npeople = 1\nhardware = true\n\
                  [[person]]\nemails = [\"bob@example.org\", \"robert@example.org\"]\nlevel = \"senior\"\n\
                  [[person]]\nemails = [\"ann@example.org\"]\nlevel = \"senior\"\n";
    let team = Team::new(policy);
    let workspace = &team.workspace;
    let bob = team.signer("bob", "");
    let robert = bob.replace("bob@", "robert@");
    let others: String = ["ann", "eve"].map(|name| team.signer(name, "")).concat();
    workspace.write(crate::reviews::SIGNERS, &format!("{bob}{robert}{others}"));
    workspace.run_git(&["config", "user.email", "ann@example.org"]);
    let id = asks(workspace);
    for (person, key, why) in
        [("Eve", "eve", "senior is asked for"), ("Ann", "ann", "works in the name of ann@example.org")]
    {
        let (is_done, said) = signs(&team, person, key, &id);
        assert!(!is_done && said.contains(why), "{said}");
    }
    assert!(signs(&team, "Bob", "bob", &id).0);
    let (is_done, said) = signs(&team, "Robert", "bob", &id);
    assert!(is_done && said.contains("waits for a person"), "one person under two names counts once: {said}");
    assert_eq!(claude(workspace, DESTROY).0, "deny");
    // A key in a file, where one in hardware is asked for.
    workspace.run_git(&["config", "user.email", "ann@example.org"]);
    let id = requests(workspace, &["psql", "-h", "prod-db", "-c", "DROP TABLE orders"]);
    let (is_done, said) = signs(&team, "Bob", "bob", &id);
    assert!(!is_done && said.contains("a key in hardware"), "{said}");
}
