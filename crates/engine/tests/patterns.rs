//! What AI tools may write where `[[pattern]]` says so.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

use countersign_engine::{
    Analysis, Change, Document, Evidence, Policy, Snapshot, Workspace, analyze, analyze_alone, read, units,
};
use countersign_grammars::Language;
use countersign_policy::{Config, Origin, Surface, Verdict};
use countersign_provenance::{self as provenance, Agent, Means};
use countersign_syntax::Budget;
use countersign_text::Text;
use proptest::prelude::*;
use std::sync::Arc;

const QUEUE: &str = "resource \"aws_sqs_queue\" \"jobs\" {\n  name = \"jobs\"\n}\n";
const DASHBOARD: &str = "resource \"aws_cloudwatch_dashboard\" \"all\" {\n  dashboard_name = \"all\"\n}\n";
const DATABASE: &str =
    "resource \"aws_db_instance\" \"orders\" {\n  engine = \"postgres\"\n  tags = {\n    a = \"b\"\n  }\n}\n";

fn policy(rows: &str) -> Policy {
    let (config, problems) = Config::read(rows);
    assert_eq!(problems, [], "{rows}");
    let policy = Policy::new(&config, Surface::Editor, jiff::civil::date(2026, 1, 1));
    Policy { root: "/shop".to_owned(), ..policy }
}

fn only(lists: &str) -> Policy {
    policy(&format!("[[pattern]]\n[pattern.only]\n{lists}\n"))
}

fn document(file: &str, text: &str) -> Document {
    let snapshot = Snapshot { file: format!("/shop/{file}").into(), ..Snapshot::new(Language::Terraform, 0, text) };
    Document::of(snapshot)
}

fn insert(document: &mut Document, at: usize, text: &str, writer: provenance::Writer) {
    let change = Change { range: Some(at..at), text: text.to_owned() };
    document.change(document.version() + 1, [change], |_: &Text, change| change);
    let origin = provenance::Origin { writer, authority: provenance::Authority::Observed, means: None, corrects: None };
    let evidence = Evidence { origin: Some(origin), means: Means::Agent };
    let range = at..at + text.len();
    document.evidence(document.version(), evidence, Box::new(move |_| vec![range.clone()]));
}

fn agent() -> provenance::Writer {
    provenance::Writer::Ai(Agent { tool: "claude".to_owned(), model: None, session: None })
}

fn analysis(document: &mut Document, policy: &Policy) -> Analysis {
    let snapshot = document.snapshot().clone();
    analyze_alone(&snapshot, policy, &mut Budget::unbounded()).expect("unbounded")
}

/// Writer, underlined text and message of each finding of the kind.
fn outside(document: &mut Document, policy: &Policy) -> Vec<(Origin, String, String)> {
    let found = analysis(document, policy).findings;
    let snapshot = document.snapshot();
    found
        .into_iter()
        .filter(|finding| finding.risk == "outside-pattern")
        .map(|finding| (finding.origin.by, snapshot.text.slice(finding.range), finding.message.to_string()))
        .collect()
}

/// What is said of a text that an AI wrote all of; the messages.
fn of_ai(text: &str, policy: &Policy) -> Vec<String> {
    let mut document = document("live/main.tf", "");
    insert(&mut document, 0, text, agent());
    outside(&mut document, policy).into_iter().map(|(.., message)| message).collect()
}

#[test]
fn kinds_of_blocks() {
    let queues = only("kinds = [\"aws_sqs_*\"]");
    assert_eq!(of_ai(QUEUE, &queues), [""; 0]);
    let said = of_ai(&format!("{QUEUE}{DATABASE}variable \"a\" {{\n  default = 1\n}}\n"), &queues);
    let message = "An AI wrote `aws_db_instance.orders` or a part of it. AI tools may write only `aws_sqs_*` here, by row 1 of \
                   `[[pattern]]`.";
    assert_eq!(said, [message]);
    assert_eq!(of_ai(QUEUE, &only("kinds = []")).len(), 1);
    assert!(of_ai(QUEUE, &only("kinds = []"))[0].contains("may write nothing of the sort here"));
    assert_eq!(of_ai("provider \"aws\" {\n  region = \"x\"\n}\n", &queues).len(), 1);
    assert_eq!(
        of_ai(&format!("{QUEUE}{DATABASE}"), &policy("")),
        [""; 0],
        "nothing is limited unless somebody says so"
    );
}

#[test]
fn modules_and_their_versions() {
    let ours = only("kinds = []\nmodules = [\"acme/*/aws ~> 2.1\", \"modules/*\"]");
    let call = |lines: &str| format!("module \"a\" {{\n{lines}\n}}\n");
    for inside in [
        "  source  = \"acme/vpc/aws\"\n  version = \"2.1.4\"",
        "  source  = \"acme/vpc/aws\"\n  version = \"~> 2.2\"",
        "  source = \"../modules/queue\"",
    ] {
        assert_eq!(of_ai(&call(inside), &ours), [""; 0], "{inside}");
    }
    for (beside, what) in [
        ("  source  = \"acme/vpc/aws\"\n  version = \"1.9.0\"", "the call `module.a` of `acme/vpc/aws` `1.9.0`"),
        ("  source  = \"acme/vpc/aws\"", "the call `module.a` of `acme/vpc/aws`, or"),
        ("  source  = \"acme/vpc/aws\"\n  version = var.version", "the call `module.a` of `acme/vpc/aws`, or"),
        ("  source = \"../../modules/queue\"", "the call `module.a` of `../../modules/queue`, or"),
        ("  source = \"${var.where}/vpc\"", "of a module that is not known"),
    ] {
        let said = of_ai(&call(beside), &ours);
        assert!(said.len() == 1 && said[0].contains(what), "{beside}: {said:?}");
        assert!(said[0].contains("may write only calls of `acme/*/aws ~> 2.1`, `modules/*` here"), "{said:?}");
    }
}

#[test]
fn attributes_alone() {
    let tags = only("attributes = [\"tags\", \"scaling.max\"]");
    let mut known = document("live/main.tf", DATABASE);
    let at =
        |document: &mut Document, text: &str| document.snapshot().text.to_string().find(text).expect("it is there");
    let place = at(&mut known, "    a =");
    insert(&mut known, place, "    c = \"d\"\n", agent());
    assert_eq!(outside(&mut known, &tags), []);
    let place = at(&mut known, "  tags");
    insert(&mut known, place, "  kms_key_id = \"x\"\n", agent());
    let found = outside(&mut known, &tags);
    let (by, shown, message) = found.first().expect("a finding");
    assert_eq!((found.len(), *by, shown.as_str()), (1, Origin::Ai, "kms_key_id = \"x\""));
    assert!(message.contains("`kms_key_id` of `aws_db_instance.orders`. AI tools may write only `tags`"), "{message}");
    // Of a nested block what is named is free, and the rest is not.
    assert_eq!(of_ai("resource \"a_b\" \"c\" {\n  scaling {\n    max = 1\n  }\n}\n", &tags), [""; 0]);
    let said =
        of_ai("resource \"a_b\" \"c\" {\n  scaling {\n    min = 1\n  }\n  other {}\n  x = 1\n  y = 2\n}\n", &tags);
    assert!(said.len() == 1 && said[0].contains("`scaling.min`, `other`, `x` and 1 more of `a_b.c`"), "{said:?}");
    let dynamic = "  dynamic \"scaling\" {\n    for_each = [1]\n    content {\n      max = 1\n    }\n  }\n";
    let said = of_ai(&format!("resource \"a_b\" \"c\" {{\n{dynamic}}}\n"), &tags);
    assert!(said.len() == 1 && said[0].contains("`scaling` of"), "what it goes over is not named: {said:?}");
    // Source and version are a matter of `modules`, where that is said.
    let call = "module \"a\" {\n  source  = \"acme/vpc/aws\"\n  version = \"2.1.4\"\n  tags    = {}\n}\n";
    assert_eq!(of_ai(call, &only("modules = [\"acme/vpc/aws\"]\nattributes = [\"tags\"]")), [""; 0]);
    assert_eq!(of_ai(call, &tags).len(), 1);
}

#[test]
fn a_persons_and_nobodys_are_left_alone_until_the_gate() {
    let none = only("kinds = []");
    let mut typed = document("live/main.tf", "");
    insert(&mut typed, 0, DATABASE, provenance::Writer::Human);
    assert_eq!(outside(&mut typed, &none), []);
    let mut nobodys = document("live/main.tf", "");
    let change = Change { range: Some(0..0), text: format!("{DATABASE}{DASHBOARD}") };
    nobodys.change(1, [change], |_: &Text, change| change);
    assert_eq!(outside(&mut nobodys, &none), []);
    let gate = Policy { at_gate: true, ..none.clone() };
    let said = outside(&mut nobodys, &gate);
    let found: Vec<_> = said.iter().map(|(by, ..)| *by).collect();
    assert_eq!(found, [Origin::Unknown], "a dashboard is in no high tier: {said:?}");
    assert!(said[0].2.starts_with("Nothing says who wrote `aws_db_instance.orders`"), "{said:?}");
    assert!(said[0].2.contains("counts as an AI's where the tier is critical"), "{said:?}");
    assert_eq!(outside(&mut typed, &gate), [], "a person's is a person's");
    // What was there before is not what anybody changes.
    let mut before = document("live/main.tf", DATABASE);
    insert(&mut before, DATABASE.len(), QUEUE, agent());
    assert_eq!(outside(&mut before, &gate).len(), 1);
}

#[test]
fn the_first_row_that_holds_decides() {
    let rows = "[[tier]]\npaths = [\"lab/**\"]\ntier = \"low\"\n\
                [[pattern]]\nkinds = [\"aws_db_*\"]\nenvironment = [\"production\"]\n[pattern.only]\nattributes = [\"tags\"]\n\
                [[pattern]]\npaths = [\"live/**\"]\ntier = [\"critical\", \"high\"]\n[pattern.only]\nkinds = [\"aws_db_*\"]\n";
    let policy = policy(rows);
    let said = |file: &str, text: &str| {
        let mut document = document(file, "");
        insert(&mut document, 0, text, agent());
        outside(&mut document, &policy).into_iter().map(|(.., message)| message).collect::<Vec<_>>()
    };
    let production = said("live/prod/main.tf", DATABASE);
    assert!(
        production.len() == 1 && production[0].contains("`engine`") && production[0].contains("row 1"),
        "{production:?}"
    );
    assert_eq!(said("live/dev/main.tf", DATABASE), [""; 0], "the second row allows it");
    let key = "resource \"aws_kms_key\" \"a\" {\n  description = \"x\"\n}\n";
    let found = said("live/dev/main.tf", key);
    assert!(found.len() == 1 && found[0].contains("row 2"), "{found:?}");
    assert_eq!(said("live/dev/main.tf", DASHBOARD), [""; 0], "its tier is none of these");
    assert_eq!(said("lab/main.tf", key), [""; 0]);
    let tagged = DATABASE.replace("  tags = {\n", "  tags = {\n    environment = \"production\"\n");
    assert_eq!(said("lab/main.tf", &tagged).len(), 1, "a tag tells the environment");
}

#[test]
fn what_tells_the_environment_may_change_elsewhere() {
    let policy = policy("[[pattern]]\nenvironment = [\"production\"]\n[pattern.only]\nkinds = []\n");
    let mut main = document("live/x/main.tf", "");
    insert(&mut main, 0, &DATABASE.replace("a = \"b\"", "environment = var.stage"), agent());
    let main = main.snapshot().clone();
    assert!(read(&main, &mut Budget::unbounded()));
    let mut workspace = Workspace::default();
    workspace.update(&main.file, &[], &units(&main));
    let variable = |value: &str| {
        let text = format!("variable \"stage\" {{\n  default = \"{value}\"\n}}\n");
        let snapshot = document("live/x/variables.tf", &text).snapshot().clone();
        assert!(read(&snapshot, &mut Budget::unbounded()));
        (Arc::clone(&snapshot.file), units(&snapshot))
    };
    let mut before = Vec::new();
    for (value, expected) in [("dev", 0), ("production", 1), ("production", 1), ("dev", 0), ("production", 1)] {
        let (file, after) = variable(value);
        workspace.update(&file, &before, &after);
        before = after;
        let found = analyze(&main, &workspace, &policy, &mut Budget::unbounded()).expect("unbounded").findings;
        let found = found.iter().filter(|finding| finding.risk == "outside-pattern").count();
        assert_eq!(found, expected, "{value}");
    }
}

#[test]
fn it_is_a_finding_like_any_other() {
    let mut document = document("live/main.tf", "");
    insert(&mut document, 0, DATABASE, agent());
    let none = only("kinds = []");
    let found = analysis(&mut document, &none).findings;
    let finding = found.iter().find(|finding| finding.risk == "outside-pattern").expect("a finding");
    assert_eq!(finding.verdict, Verdict::Review);
    assert_eq!(finding.resource.as_ref().map(|resource| &*resource.address), Some("aws_db_instance.orders"));
    // A person may accept it.
    let line = "# countersign: allow outside-pattern reason=\"the platform team has said so\"\n";
    insert(&mut document, 0, line, provenance::Writer::Human);
    assert_eq!(outside(&mut document, &none), []);
}

proptest! {
    /// Of what an AI wrote between a person's lines, a block is reported where it has a line of the AI's in it, and no other.
    #[test]
    fn blocks_with_something_of_an_ai_in_them_are_told(of_ai in prop::collection::vec(any::<bool>(), 1..30)) {
        let mut document = document("live/main.tf", "");
        let mut at = 0;
        for (index, is_ai) in of_ai.iter().enumerate() {
            let block = format!("resource \"a_b\" \"c{index}\" {{\n  x = 1\n}}\n\n");
            insert(&mut document, at, &block, provenance::Writer::Human);
            if *is_ai {
                let inside = at + block.find("  x").expect("it is there");
                insert(&mut document, inside, "  y = 2\n", agent());
                at += "  y = 2\n".len();
            }
            at += block.len();
        }
        let expected: Vec<String> =
            of_ai.iter().enumerate().filter(|(_, is)| **is).map(|(index, _)| format!("`a_b.c{index}`")).collect();
        let said = outside(&mut document, &only("kinds = []"));
        prop_assert_eq!(said.len(), expected.len());
        for ((by, shown, message), name) in said.iter().zip(&expected) {
            prop_assert_eq!((*by, shown.as_str()), (Origin::Ai, "y = 2"));
            prop_assert!(message.contains(name.as_str()), "{} {}", message, name);
        }
        prop_assert_eq!(outside(&mut document, &only("attributes = [\"y\"]")), vec![]);
        prop_assert_eq!(outside(&mut document, &only("attributes = [\"x\"]")).len(), expected.len());
    }
}
