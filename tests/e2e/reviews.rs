//! Reviews: who is asked, what is signed, and what the gate makes of it.

mod bad_input;
mod evidence;
mod many;
mod older;
mod plans;

use crate::cli::{Said, countersign};
use crate::editor::Workspace;
use countersign_review::{Answer, Decision, NAMESPACE, Request};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

pub(crate) const DATABASE: &str =
    "resource \"aws_db_instance\" \"orders\" {\n  identifier = \"orders\"\n  engine     = \"postgres\"\n}\n";
pub(crate) const VPC: &str = "\nresource \"aws_vpc\" \"main\" {\n  cidr_block = \"10.0.0.0/16\"\n}\n";
pub(crate) const FILE: &str = "live/prod/main.tf";
pub(crate) const SIGNERS: &str = ".countersign/allowed_signers";

/// A repository of Ann's with a branch `change` off `main`, and keys of several people.
pub(crate) struct Team {
    pub(crate) workspace: Workspace,
    pub(crate) keys: TempDir,
}

impl Team {
    /// Bob and Eve are signers, and Ann is, whose changes these are.
    pub(crate) fn new(config: &str) -> Self {
        let workspace = Workspace::new();
        workspace.run_git(&["init", "-q"]);
        Self::of(workspace, config)
    }

    /// The same in a repository of which there is nothing yet.
    pub(crate) fn of(workspace: Workspace, config: &str) -> Self {
        workspace.run_git(&["config", "user.name", "Ann"]);
        workspace.run_git(&["config", "user.email", "ann@example.org"]);
        let team = Self { workspace, keys: tempfile::tempdir().expect("a folder") };
        let signers: String = ["ann", "bob", "eve"].map(|name| team.signer(name, "")).concat();
        team.git(&["checkout", "-q", "-B", "main"]);
        team.git(&["remote", "add", "origin", "https://git.example/shop/infra.git"]);
        team.workspace.write(SIGNERS, &signers);
        team.workspace.write(FILE, &format!("{DATABASE}{VPC}"));
        if !config.is_empty() {
            team.workspace.write("countersign.toml", config);
        }
        team.commit("start");
        team.git(&["checkout", "-q", "-b", "change"]);
        team
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.workspace.run_git(arguments)
    }

    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    /// The line of a signer, whose key is made.
    pub(crate) fn signer(&self, name: &str, options: &str) -> String {
        let key = self.keys.path().join(name);
        if !key.exists() {
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(&key).output();
            assert!(made.expect("ssh-keygen is there").status.success());
        }
        let public = fs::read_to_string(key.with_extension("pub")).expect("the key");
        format!("{name}@example.org {options} {}\n", public.trim())
    }

    /// Changes the database so that it is replaced, and asks for a review of that.
    pub(crate) fn asks(&self) -> String {
        let text = self.workspace.read(FILE).replace("\"postgres\"", "\"mysql\"");
        self.workspace.write(FILE, &text);
        self.commit("Use MySQL");
        self.requests()
    }

    pub(crate) fn requests(&self) -> String {
        let said = countersign(&self.workspace, &["review", "request"]);
        assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
        let id = said.stdout.strip_prefix("Requested ").and_then(|rest| rest.split(' ').next()).expect("a name");
        self.commit("Ask for a review");
        id.to_owned()
    }

    fn file(&self, id: &str) -> PathBuf {
        self.workspace.path(&format!(".countersign/reviews/{id}.json"))
    }

    fn request(&self, id: &str) -> Request {
        Request::read(&fs::read(self.file(id)).expect("the request")).expect("a request")
    }

    /// Answers a request in the name of somebody with a key, for a namespace.
    pub(crate) fn answers(&self, id: &str, answer: &Answer, (key, namespace): (&str, &str)) {
        let bytes = answer.to_bytes();
        let signature = self.sign(&bytes, key, namespace);
        let name = format!(".countersign/reviews/{id}/{key}.json");
        self.workspace.write(&name, &String::from_utf8(bytes).expect("JSON"));
        self.workspace.write(&format!("{name}.sig"), &signature);
        self.commit("Answer");
    }

    pub(crate) fn sign(&self, bytes: &[u8], key: &str, namespace: &str) -> String {
        self.signer(key, "");
        let file = self.keys.path().join("statement");
        fs::write(&file, bytes).expect("it is written");
        let signature = self.keys.path().join("statement.sig");
        let _ = fs::remove_file(&signature);
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(self.keys.path().join(key)).arg(&file);
        assert!(sign.output().expect("ssh-keygen is there").status.success());
        fs::read_to_string(signature).expect("the signature")
    }

    /// Takes somebody's key back at the base.
    pub(crate) fn takes_key_back(&self, who: &str) {
        self.git(&["checkout", "-q", "main"]);
        self.workspace.write(SIGNERS, &self.signer(who, "valid-before=\"20200101Z\""));
        self.commit("Somebody has left");
        self.git(&["checkout", "-q", "change"]);
    }

    pub(crate) fn approves(&self, id: &str, who: &str) {
        let answer = self.answer(id, who);
        self.answers(id, &answer, (who, NAMESPACE));
    }

    pub(crate) fn answer(&self, id: &str, who: &str) -> Answer {
        let now = jiff::Timestamp::now();
        Answer::to(&self.request(id), Decision::Approve, &format!("{who}@example.org"), now)
    }

    pub(crate) fn gate(&self) -> Gate {
        let said = countersign(&self.workspace, &["gate", "--base", "main", "--format", "json"]);
        assert!(said.code.is_some(), "it ends by itself");
        let json = serde_json::from_str(&said.stdout).unwrap_or_default();
        Gate { said, json }
    }

    /// That the gate does not pass, and says why.
    pub(crate) fn is_refused(&self, why: &str) {
        let gate = self.gate();
        assert_eq!(gate.said.code, Some(1), "{why}: {}{}", gate.said.stdout, gate.said.stderr);
        assert_eq!(gate.json["passed"], false);
        assert!(gate.said.stdout.contains(why), "{why}: {}", gate.said.stdout);
    }

    pub(crate) fn passes(&self) {
        let gate = self.gate();
        assert_eq!(gate.said.code, Some(0), "{}{}", gate.said.stdout, gate.said.stderr);
        assert_eq!(gate.json["passed"], true);
    }
}

pub(crate) struct Gate {
    pub(crate) said: Said,
    pub(crate) json: Value,
}

#[test]
fn a_change_that_needs_somebody_waits_and_passes_once_it_is_approved() {
    let team = Team::new("");
    team.passes();
    let text = team.workspace.read(FILE).replace("\"postgres\"", "\"mysql\"");
    team.workspace.write(FILE, &text);
    team.commit("Use MySQL\n\nCo-Authored-By: Claude <noreply@anthropic.com>");
    let gate = team.gate();
    assert_eq!(gate.said.code, Some(1));
    let change = &gate.json["changes"][0];
    let told = |key: &str| change[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        ["path", "address", "tier", "environment", "origin", "action", "state"].map(told),
        [FILE, "aws_db_instance.orders", "critical", "production", "ai", "replace", "none"]
    );
    assert_eq!(change["whoMay"], serde_json::json!(["bob@example.org", "eve@example.org"]), "not whose own it is");

    let id = team.requests();
    assert_eq!(gate.json["changes"][0]["review"], id.as_str());
    team.is_refused(&format!("the review {id} waits"));
    team.approves(&id, "bob");
    team.passes();
    let gate = team.gate();
    assert_eq!(gate.json["changes"][0]["answered"], serde_json::json!(["approved by bob@example.org"]));
    let human = countersign(&team.workspace, &["gate", "--base", "main"]);
    assert!(human.stdout.contains("Passed against `main`"), "{}", human.stdout);

    // Moved within its file and laid out anew, it is the same; so is what stands around it.
    let moved =
        format!("{VPC}\n\n{}", DATABASE.replace("\"postgres\"", "\"mysql\"").replace("engine     =", "engine ="));
    team.workspace.write(FILE, &moved);
    team.commit("Move it");
    team.passes();
    // And what somebody rejects does not pass, whoever has approved it.
    let no = Answer { decision: Decision::Reject, ..team.answer(&id, "eve") };
    team.answers(&id, &no, ("eve", NAMESPACE));
    team.is_refused("was rejected by eve@example.org");
    team.git(&["rm", "-q", &format!(".countersign/reviews/{id}/eve.json")]);
    team.commit("Nobody said no");
    team.is_refused("was rejected by eve@example.org");
}

#[test]
fn what_was_approved_is_this_text_in_this_place_on_this_base() {
    let team = Team::new("");
    let id = team.asks();
    team.approves(&id, "bob");
    team.passes();
    let approved = team.git(&["rev-parse", "HEAD"]);
    let back = || team.git(&["reset", "-q", "--hard", approved.trim()]);

    team.workspace.write(FILE, &team.workspace.read(FILE).replace("\"mysql\"", "\"mariadb\""));
    team.commit("Another one");
    team.is_refused("aws_db_instance.orders in live/prod/main.tf has changed since");

    back();
    let request = team.file(&id);
    let text = fs::read_to_string(&request).expect("the request").replace("would be destroyed", "would be polished");
    fs::write(&request, text).expect("it is written");
    team.commit("Say it nicely");
    team.is_refused("it answers another request, or this one before it was changed");

    // The same in another place, with what was said of the first.
    back();
    let other = "live/prod/other.tf";
    team.git(&["checkout", "-q", "main"]);
    team.workspace.write(other, &DATABASE.replace("orders", "users"));
    team.commit("More");
    team.git(&["checkout", "-q", "-B", "change"]);
    team.workspace.write(other, &DATABASE.replace("orders", "users").replace("postgres", "mysql"));
    team.commit("Use MySQL");
    let second = team.requests();
    let answer = team.git(&["show", &format!("{}:.countersign/reviews/{id}/bob.json", approved.trim())]);
    let signature = team.git(&["show", &format!("{}:.countersign/reviews/{id}/bob.json.sig", approved.trim())]);
    team.workspace.write(&format!(".countersign/reviews/{second}/bob.json"), &answer);
    team.workspace.write(&format!(".countersign/reviews/{second}/bob.json.sig"), &signature);
    team.commit("Bob has said so");
    team.is_refused("it answers another request");
}

#[test]
fn an_approval_is_of_one_repository_and_one_base() {
    let team = Team::new("");
    let id = team.asks();
    team.approves(&id, "bob");
    team.passes();
    team.git(&["remote", "set-url", "origin", "git@git.example:shop/infra"]);
    team.passes();
    team.git(&["remote", "set-url", "origin", "git@git.example:shop/shop"]);
    team.is_refused("it is about the repository git.example/shop/infra, and this is git.example/shop/shop");
    team.git(&["remote", "set-url", "origin", "git@git.example:shop/infra"]);

    // Something else of the file may have moved on, and what was approved may not.
    team.git(&["checkout", "-q", "main"]);
    team.workspace.write(FILE, &format!("{DATABASE}{}", VPC.replace("10.0", "10.1")));
    team.commit("Another network");
    team.git(&["checkout", "-q", "change"]);
    team.passes();
    team.git(&["checkout", "-q", "main"]);
    let moved = DATABASE.replace("\"orders\"\n", "\"orders-2\"\n");
    team.workspace.write(FILE, &format!("{moved}{VPC}"));
    team.commit("Another name");
    team.git(&["checkout", "-q", "change"]);
    team.is_refused("the base has moved");
}

#[test]
fn signatures_that_do_not_count_are_told_with_their_reason() {
    let team = Team::new("");
    let id = team.asks();
    let asked = team.git(&["rev-parse", "HEAD"]);
    let refused = |answer: &Answer, with: (&str, &str), why: &str| {
        team.git(&["reset", "-q", "--hard", asked.trim()]);
        team.answers(&id, answer, with);
        team.is_refused(why);
    };
    let bob = team.answer(&id, "bob");
    refused(&team.answer(&id, "ann"), ("ann", NAMESPACE), "nobody approves what is their own");
    refused(&bob, ("agent", NAMESPACE), "its key is not among the signers");
    refused(&bob, ("eve", NAMESPACE), "it says to be from bob@example.org, and was signed by eve@example.org");
    refused(&bob, ("bob", "git"), "it was signed for `git`, and not for `countersign`");
    let expired = Answer { expires: Some(jiff::Timestamp::UNIX_EPOCH), ..bob.clone() };
    refused(&expired, ("bob", NAMESPACE), "it has expired");

    // Another's signature under it.
    team.git(&["reset", "-q", "--hard", asked.trim()]);
    let eve = team.sign(&team.answer(&id, "eve").to_bytes(), "eve", NAMESPACE);
    team.answers(&id, &bob, ("bob", NAMESPACE));
    team.workspace.write(&format!(".countersign/reviews/{id}/bob.json.sig"), &eve);
    team.commit("Swap");
    team.is_refused("its signature is not that of what it says");

    // A key that was taken back at the base since.
    team.git(&["reset", "-q", "--hard", asked.trim()]);
    team.approves(&id, "bob");
    team.passes();
    team.takes_key_back("bob");
    team.is_refused("its key is not valid any more");
}

#[test]
fn a_change_cannot_loosen_what_it_is_judged_by() {
    let team = Team::new("");
    let id = team.asks();
    team.workspace.write("countersign.toml", "[[require]]\napprovals = 0\n");
    let signers = team.workspace.read(SIGNERS) + &team.signer("mallory", "");
    team.workspace.write(SIGNERS, &signers);
    team.commit("Make it easy");
    team.approves(&id, "mallory");
    let gate = team.gate();
    assert_eq!(gate.said.code, Some(1), "{}", gate.said.stdout);
    let changes = gate.json["changes"].as_array().expect("changes");
    let missing: Vec<_> =
        changes.iter().filter(|change| change["hasIt"] == false).filter_map(|change| change["path"].as_str()).collect();
    assert_eq!(missing, [SIGNERS, "countersign.toml", FILE], "each of them needs somebody");
    assert!(gate.said.stdout.contains("not among the signers"), "{}", gate.said.stdout);
}

#[test]
fn so_many_people_are_not_so_many_keys() {
    let team = Team::new("[[require]]\naction = [\"replace\"]\napprovals = 2\n");
    let id = team.asks();
    team.approves(&id, "bob");
    team.is_refused(&format!("the review {id} waits for 1 more"));
    // Bob's second key, under the same name.
    team.git(&["checkout", "-q", "main"]);
    let second = team.signer("second", "").replace("second@example.org", "bob@example.org");
    team.workspace.write(SIGNERS, &(team.workspace.read(SIGNERS) + &second));
    team.commit("A second key");
    team.git(&["checkout", "-q", "change"]);
    team.answers(&id, &team.answer(&id, "bob"), ("second", NAMESPACE));
    team.is_refused(&format!("the review {id} waits for 1 more"));
    team.approves(&id, "eve");
    team.passes();
}

#[test]
fn levels_teams_and_owners_say_who_may() {
    let people = "[[person]]\nemails = [\"bob@example.org\"]\nlevel = \"mid\"\nteams = [\"@shop/data\"]\n\
                  [[person]]\nemails = [\"eve@example.org\"]\nlevel = \"senior\"\n";
    let rows = [
        ("", "bob", "bob@example.org is of the level mid, and senior is asked for", "eve"),
        (
            "[[require]]\napprovals = 1\nteams = [\"@shop/data\"]\naction = [\"replace\"]\n",
            "eve",
            "eve@example.org is not of @shop/data",
            "bob",
        ),
        (
            "[[require]]\napprovals = 1\nowners = true\naction = [\"replace\"]\n",
            "eve",
            "eve@example.org does not own the file by CODEOWNERS (@shop/data)",
            "bob",
        ),
    ];
    for (row, wrong, why, right) in rows {
        let team = Team::new(&format!("{people}{row}"));
        team.git(&["checkout", "-q", "main"]);
        team.workspace.write("CODEOWNERS", "* @shop/nobody\n/live/ @shop/data\n");
        team.commit("Owners");
        team.git(&["checkout", "-q", "-B", "change"]);
        let id = team.asks();
        team.approves(&id, wrong);
        team.is_refused(why);
        let may = team.gate().json["changes"][0]["whoMay"].clone();
        assert_eq!(may, serde_json::json!([format!("{right}@example.org")]), "{row}");
        team.approves(&id, right);
        team.passes();
    }
}

#[test]
fn what_has_no_note_counts_as_an_ais_where_it_matters_most() {
    let team = Team::new("");
    // Nothing is found in it, and it is critical.
    let change = |cidr: &str, message: &str| {
        team.workspace
            .write(FILE, &format!("{DATABASE}{}", VPC.replace("}\n", &format!("  tags = {{ a = \"{cidr}\" }}\n}}\n"))));
        team.commit(message);
    };
    let noted = |note: &str| {
        team.git(&["notes", "--ref", "refs/notes/ai", "add", "-f", "-m", note, "HEAD"]);
    };
    let note = |files: &str, sessions: &str, humans: &str| {
        format!(
            "{files}---\n{{\"schema_version\":\"authorship/3.0.0\",\"base_commit_sha\":\"\",\"prompts\":{{}},\
             \"sessions\":{{{sessions}}},\"humans\":{{{humans}}}}}"
        )
    };
    change("1", "Tag it");
    team.is_refused("\"countsAs\": \"ai\"");
    // A note that says nothing of these lines, and one that names a person for them, of whichever commit they are.
    noted(&note("", "", ""));
    team.is_refused("\"countsAs\": \"ai\"");
    let person = "h_0123456789abcd";
    let by_person = note(
        &format!("{FILE}\n  {person} 1-20\n"),
        "",
        &format!("\"{person}\":{{\"author\":\"Ann <ann@example.org>\"}}"),
    );
    change("2", "Tag it otherwise");
    team.is_refused("\"countsAs\": \"ai\"");
    noted(&by_person);
    team.passes();
    // A note that says who it was, and one that was written over it since, or taken away.
    let session = "s_0123456789abcd";
    let agent = format!(
        "\"{session}\":{{\"agent_id\":{{\"tool\":\"claude\",\"id\":\"x\",\"model\":\"m\"}},\"human_author\":\"Ann <ann@example.org>\"}}"
    );
    team.git(&["reset", "-q", "--hard", "main"]);
    change("4", "Tag it by an agent");
    noted(&note(&format!("{FILE}\n  {session}::t_0123456789abcd 1-20\n"), &agent, ""));
    team.is_refused("\"origin\": \"ai\"");
    noted(&by_person);
    team.is_refused("\"countsAs\": \"ai\"");
    team.git(&["notes", "--ref", "refs/notes/ai", "remove", "HEAD"]);
    team.is_refused("\"countsAs\": \"ai\"");
}

/// A finding that an AI is denied and a person is not.
#[test]
fn what_an_ai_is_denied_is_not_had_by_saying_nothing() {
    let team = Team::new(
        "[[person]]\nemails = [\"bob@example.org\"]\nlevel = \"mid\"\n[[person]]\nemails = [\"eve@example.org\"]\nlevel = \"senior\"\n",
    );
    let role = "resource \"aws_iam_policy\" \"p\" {\n  policy = jsonencode({ Version = \"2012-10-17\", Statement = [{ Effect = \"Allow\", \
                Action = \"*\", Resource = \"*\" }] })\n}\n";
    team.workspace.write("live/prod/role.tf", role);
    team.commit("A role");
    let gate = team.gate();
    let change = &gate.json["changes"][0];
    assert_eq!(
        (change["address"].as_str(), change["countsAs"].as_str()),
        (Some("aws_iam_policy.p"), Some("ai")),
        "{change}"
    );
    assert!(change["needs"].as_str().is_some_and(|needs| needs.contains("senior")), "{change}");
    let id = team.requests();
    team.approves(&id, "bob");
    team.is_refused("bob@example.org is of the level mid");
    team.approves(&id, "eve");
    team.passes();
}

#[test]
fn what_a_change_accepts_for_itself_somebody_else_looks_at() {
    let risky = "resource \"aws_security_group\" \"a\" {\n  ingress {\n    from_port = 22\n    to_port = 22\n    protocol = \"tcp\"\n    \
                 # countersign: allow open-admin-port reason=\"only for now\"\n    cidr_blocks = [\"0.0.0.0/0\"]\n  }\n}\n";
    let team = Team::new("");
    team.workspace.write("live/prod/net.tf", risky);
    team.commit("Open it");
    team.is_refused("open-admin-port");
    let checked = countersign(&team.workspace, &["check", "."]);
    assert!(!checked.stdout.contains("open-admin-port"), "it holds elsewhere: {}", checked.stdout);
    // What was accepted before the change is accepted.
    team.git(&["checkout", "-q", "main"]);
    team.git(&["merge", "-q", "change"]);
    team.git(&["checkout", "-q", "-B", "change"]);
    team.workspace.write("live/prod/net.tf", &risky.replace("  ingress", "  tags = { a = \"b\" }\n  ingress"));
    team.commit("Tag it");
    let gate = team.gate();
    assert!(!gate.said.stdout.contains("open-admin-port"), "{}", gate.said.stdout);
}

#[test]
fn no_place_is_left_out() {
    let team = Team::new("[[require]]\npaths = [\"src/pricing/**\"]\napprovals = 1\n");
    let places = [
        ".countersign/reviews-2/main.tf",
        ".countersign/reviews/main.tf",
        ".countersign/reviews/x/main.tf.json",
        "src/pricing/tax.py",
    ];
    for place in places {
        let text = if place.contains(".json") {
            "{\"resource\": {\"aws_db_instance\": {\"a\": {\"publicly_accessible\": true}}}}\n".to_owned()
        } else {
            DATABASE.replace("engine ", "publicly_accessible = true\n  engine ")
        };
        team.workspace.write(place, &text);
    }
    team.commit("Hide it");
    let gate = team.gate();
    let changes = gate.json["changes"].as_array().expect("changes");
    let told: Vec<_> = changes.iter().filter_map(|change| change["path"].as_str()).collect();
    assert_eq!(told, places, "{}", gate.said.stdout);

    // Terraform follows links.
    team.git(&["reset", "-q", "--hard", "main"]);
    team.workspace.write("docs/evil.txt", DATABASE);
    std::os::unix::fs::symlink("../../docs/evil.txt", team.workspace.path("live/prod/evil.tf")).expect("a link");
    team.commit("Link it");
    let gate = team.gate();
    assert!(
        gate.said.code == Some(2) && gate.said.stdout.contains("it is a link to ../../docs/evil.txt"),
        "{}",
        gate.said.stdout
    );
    team.git(&["reset", "-q", "--hard", "main"]);
    std::os::unix::fs::symlink("../prod/main.tf", team.workspace.path("live/prod/same.tf")).expect("a link");
    team.commit("Link what is looked at");
    team.passes();
}

#[test]
fn any_file_may_be_critical() {
    let team = Team::new("[[tier]]\npaths = [\"src/pricing/**\"]\ntier = \"critical\"\n");
    team.workspace.write("src/other/tax.py", "RATE = 19\n");
    team.workspace.write("src/pricing/tax.py", "RATE = 19\n");
    team.commit("Tax");
    let gate = team.gate();
    let changes = gate.json["changes"].as_array().expect("changes");
    let told: Vec<_> = changes.iter().map(|change| change["path"].as_str().unwrap_or_default()).collect();
    assert_eq!(told, ["src/pricing/tax.py"]);
    let id = team.requests();
    team.approves(&id, "eve");
    team.passes();
    team.workspace.write("src/pricing/tax.py", "RATE =  19\n");
    team.commit("Layout counts where nobody knows what it means");
    team.is_refused("src/pricing/tax.py has changed since");
}

#[test]
fn what_a_change_does_elsewhere_is_a_change() {
    let team = Team::new("");
    team.git(&["checkout", "-q", "main"]);
    let variables = "variable \"engine\" {\n  default = \"postgres\"\n}\n\nvariable \"open\" {\n  default = false\n}\n";
    team.workspace.write("live/prod/variables.tf", variables);
    let by_variable = DATABASE.replace("\"postgres\"", "var.engine\n  publicly_accessible = var.open");
    team.workspace.write(FILE, &format!("{by_variable}{VPC}"));
    team.commit("By variables");
    team.git(&["checkout", "-q", "-B", "change"]);
    team.workspace.write("live/prod/variables.tf", &variables.replace("postgres", "mysql"));
    team.commit("Use MySQL");
    let gate = team.gate();
    let changes = gate.json["changes"].as_array().expect("changes");
    let told: Vec<_> = changes.iter().map(|change| (change["address"].as_str(), change["action"].as_str())).collect();
    assert_eq!(told, [(Some("aws_db_instance.orders"), Some("replace"))], "{}", gate.said.stdout);
    assert_eq!(changes[0]["whoMay"], serde_json::json!(["bob@example.org", "eve@example.org"]), "not whose own it is");
    let id = team.requests();
    team.approves(&id, "bob");
    team.passes();
    // It was approved with what brings it about, and with nothing else.
    team.workspace.write("live/prod/variables.tf", &variables.replace("postgres", "mariadb"));
    team.commit("Use MariaDB");
    team.is_refused("aws_db_instance.orders in live/prod/main.tf has changed since");
    // So is what it opens.
    team.git(&["reset", "-q", "--hard", "main"]);
    team.workspace.write("live/prod/variables.tf", &variables.replace("false", "true"));
    team.commit("Open it");
    team.is_refused("database-public");
}

#[test]
fn what_goes_with_a_call_of_a_module_is_its_change() {
    let team = Team::new("");
    team.git(&["checkout", "-q", "main"]);
    team.workspace.write("modules/db/main.tf", DATABASE);
    let call = "module \"orders\" {\n  source = \"../../modules/db\"\n}\n";
    team.workspace.write("live/prod/db.tf", call);
    team.workspace.write("live/prod/more.tf", &call.replace("orders", "users"));
    team.commit("Modules");
    team.git(&["checkout", "-q", "-B", "change"]);
    team.workspace.write("live/prod/db.tf", "# nothing\n");
    team.git(&["rm", "-q", "live/prod/more.tf"]);
    team.commit("Take them away");
    let gate = team.gate();
    let changes = gate.json["changes"].as_array().expect("changes");
    let told: Vec<_> = changes.iter().map(|change| (change["address"].as_str(), change["action"].as_str())).collect();
    let expected = [(Some("module.orders"), Some("destroy")), (Some("module.users"), Some("destroy"))];
    assert_eq!(told, expected, "{}", gate.said.stdout);
}

#[test]
fn what_git_is_told_hides_nothing() {
    let risky = "resource \"aws_db_instance\" \"orders\" {\n  publicly_accessible = true\n}\n";
    let team = Team::new("");
    team.workspace.write(".gitignore", "*_override.tf\n");
    team.workspace.write("live/prod/a_override.tf", &risky.replace("publicly_accessible = true", "engine = \"mysql\""));
    team.git(&["add", "-f", "live/prod/a_override.tf", ".gitignore"]);
    // Behind the back of this machine's git, which would heed it.
    let attributes = team.keys.path().join("attributes");
    fs::write(&attributes, "*.tf working-tree-encoding=UTF-16LE eol=crlf\n").expect("it is written");
    let blob = team.git(&["hash-object", "-w", "--no-filters", &attributes.to_string_lossy()]);
    team.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{},.gitattributes", blob.trim())]);
    let tree = team.git(&["write-tree"]);
    let commit = team.git(&["commit-tree", tree.trim(), "-p", "HEAD", "-m", "Hide it"]);
    team.git(&["update-ref", "refs/heads/change", commit.trim()]);
    let gate = team.gate();
    assert!(
        gate.said.code == Some(1) && gate.said.stdout.contains("\"replace\""),
        "{}{}",
        gate.said.stdout,
        gate.said.stderr
    );

    let team = Team::new("");
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"live/prod/evil\xff.tf");
    fs::write(team.workspace.root().join(name), risky).expect("it is written");
    team.commit("A name");
    let gate = team.gate();
    assert!(
        gate.said.code == Some(2) && gate.said.stderr.contains("is no UTF-8"),
        "{}{}",
        gate.said.stdout,
        gate.said.stderr
    );
}

#[test]
fn what_cannot_be_read_needs_somebody() {
    let team = Team::new("");
    team.workspace.write("live/prod/new.tf", "resource \"null_resource\" \"a\" {\n  x = [1, 2\n}\n");
    team.commit("Broken");
    team.is_refused("live/prod/new.tf");
    team.workspace.write("live/prod/new.tf", &format!("# {}\n", "x".repeat(9 << 20)));
    team.commit("Long");
    team.is_refused("live/prod/new.tf");
    team.workspace.write("live/prod/new.tf", "resource \"null_resource\" \"a\" {\n}\n");
    team.commit("Harmless");
    team.passes();
}

#[test]
fn modes_say_what_becomes_of_what_is_missing() {
    for (mode, code) in [("observe", 0), ("warn", 0), ("enforce", 1)] {
        let team = Team::new(&format!(
            "[[require]]\naction = [\"replace\"]\napprovals = 1\nmode = \"{mode}\"\ntrailer = \"Ticket\"\n"
        ));
        let id = team.asks();
        let said = countersign(&team.workspace, &["gate", "--base", "main"]);
        assert_eq!(said.code, Some(code), "{mode}: {}", said.stdout);
        assert!(said.stdout.contains("no commit of it has the trailer `Ticket:`"), "{}", said.stdout);
        assert_eq!(said.stdout.contains("Enforcement would have stopped 1 more"), mode != "enforce", "{}", said.stdout);
        team.approves(&id, "bob");
        team.git(&["commit", "-q", "--amend", "--no-edit"]);
        let text = team.workspace.read(FILE);
        team.workspace.write(FILE, &format!("{text}\n"));
        team.commit("More\n\nTicket: OPS-1");
        team.passes();
    }
}

#[test]
fn what_is_no_review_is_told_and_nothing_passes() {
    let team = Team::new("");
    let id = team.asks();
    team.approves(&id, "bob");
    team.passes();
    let answer = team.workspace.path(&format!(".countersign/reviews/{id}/bob.json"));
    let away = team.workspace.path("said.json");
    fs::rename(&answer, &away).expect("it is moved");
    std::os::unix::fs::symlink("../../../said.json", &answer).expect("a link");
    team.commit("A link");
    let gate = team.gate();
    assert_eq!(gate.said.code, Some(2), "{}", gate.said.stdout);
    assert!(gate.said.stdout.contains("is a link"), "{}", gate.said.stdout);
    team.git(&["reset", "-q", "--hard", "HEAD~1"]);
    for garbage in ["", "{}", "[1, 2", "\u{0}\u{1}"] {
        fs::write(team.file("0123456789abcdef"), garbage).expect("written");
        team.commit("Garbage");
        let gate = team.gate();
        assert_eq!(gate.said.code, Some(2), "{garbage}: {}", gate.said.stdout);
        assert_eq!(gate.json["passed"], false);
        team.git(&["reset", "-q", "--hard", "HEAD~1"]);
    }
}

#[test]
fn what_the_gate_cannot_compare_is_one_clear_error() {
    let team = Team::new("");
    let said = |arguments: &[&str]| {
        let said = countersign(&team.workspace, &[&["gate"], arguments].concat());
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        said.stderr
    };
    assert!(said(&["--base", "nowhere"]).contains("`nowhere` is no commit of this repository"));
    assert!(said(&["--base", "--upload-pack=x"]).contains("--base"));
    team.git(&["checkout", "-q", "--orphan", "alone"]);
    team.commit("Another beginning");
    assert!(said(&["--base", "main"]).contains("have no commit in common"));
    let empty = Workspace::new();
    let outside = countersign(&empty, &["gate", "--base", "main"]);
    assert!(outside.code == Some(2) && outside.stderr.contains("is in no work tree of git"), "{}", outside.stderr);
    let outside = countersign(&empty, &["review", "list"]);
    assert!(outside.code == Some(2) && outside.stderr.contains("kept with the commits"), "{}", outside.stderr);
}

#[test]
fn nothing_is_left_behind() {
    let team = Team::new("");
    team.asks();
    let listed = |team: &Team| (team.git(&["worktree", "list"]), team.git(&["status", "--porcelain"]));
    let before = listed(&team);
    team.gate();
    assert_eq!(listed(&team), before);
    assert!(!team.workspace.path(".git/worktrees").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_person_approves_at_a_terminal_and_nobody_else_does() {
    let team = Team::new("");
    let id = team.asks();
    let said = countersign(&team.workspace, &["review", "approve", &id]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("a person at a terminal"), "{}", said.stderr);
    let approves = |who: &str, key: &str, typed: &str| {
        team.git(&["config", "user.email", &format!("{who}@example.org")]);
        let line = format!("review approve {id} --key {}", team.keys.path().join(key).display());
        let (code, said) = crate::cli::at_terminal(&team.workspace, &line, typed);
        (code == Some(0), said)
    };
    let (done, said) = approves("ann", "ann", "yes");
    assert!(!done && said.contains("nobody approves what is their own"), "{said}");
    let (done, said) = approves("bob", "bob", "no");
    assert!(!done && said.contains("it was not approved"), "{said}");
    team.signer("mallory", "");
    let (done, said) = approves("mallory", "mallory", "yes");
    assert!(!done && said.contains("is not among the signers"), "{said}");
    let (done, said) = approves("bob", "eve", "yes");
    assert!(done || said.contains("eve@example.org"), "{said}");
    assert!(!done, "{said}");
    assert!(!team.workspace.path(&format!(".countersign/reviews/{id}")).exists(), "nothing was written");
    let (done, said) = approves("bob", "bob", "yes");
    assert!(done && said.contains("It has all approvals that it needs."), "{said}");
    team.commit("Bob agrees");
    team.passes();
    let log = countersign(&team.workspace, &["log", "--format", "json"]);
    assert!(log.stdout.contains(&id) && log.stdout.contains("approved"), "{}", log.stdout);
}
