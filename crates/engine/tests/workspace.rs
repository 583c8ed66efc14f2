//! What is said of files that are edited side by side equals what is said of them from scratch: the index is never stale.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

use countersign_engine::{Change, Document, Finding, Policy, Snapshot, Workspace, analyze, is_affected, read, units};
use countersign_grammars::Language;
use countersign_policy::{Config, Surface};
use countersign_syntax::Budget;
use proptest::prelude::*;
use std::sync::Arc;

const FILES: &[&str] = &[
    "/w/main.tf",
    "/w/other.tf",
    "/w/override.tf",
    "/w/terraform.tfvars",
    "/w/prod.tfvars",
    "/w/m/main.tf",
    "/w/more.tf.json",
];

const FRAGMENTS: &[&str] = &[
    "resource \"aws_db_instance\" \"a\" {\n  publicly_accessible = var.public\n  storage_encrypted = local.on\n}\n",
    "resource \"aws_db_instance\" \"a\" {\n  publicly_accessible = local.open\n}\n",
    "resource \"aws_db_instance\" \"c\" {\n  count = local.on ? 1 : 0\n  publicly_accessible = module.m.open\n}\n",
    "resource \"aws_s3_bucket\" \"b\" {\n  bucket = \"b\"\n}\n",
    "resource \"aws_s3_bucket_public_access_block\" \"b\" {\n  bucket = aws_s3_bucket.b.id\n  block_public_acls = local.on\n}\n",
    "variable \"public\" {\n  type = bool\n  default = true\n}\n",
    "variable \"public\" {}\n",
    "variable \"x\" {\n  default = false\n}\n",
    "locals {\n  on = true\n}\n",
    "locals {\n  on = !var.public\n  open = local.on\n}\n",
    "locals {\n  open = local.on\n}\n",
    "locals {\n  on = local.open\n}\n",
    "locals {\n  policy = file(\"policy.json\")\n}\n",
    "resource \"aws_iam_policy\" \"p\" {\n  policy = file(\"policy.json\")\n}\n",
    "module \"m\" {\n  source = \"./m\"\n  x = var.public\n}\n",
    "module \"m\" {\n  source = \"./m\"\n  x = true\n}\n",
    "module \"far\" {\n  source = \"a/b/c\"\n  x = true\n}\n",
    "module \"up\" {\n  source = \"../\"\n}\n",
    "output \"open\" {\n  value = var.x\n}\n",
    "resource \"aws_db_instance\" \"m\" {\n  publicly_accessible = var.x\n}\n",
    "public = true\n",
    "public = false\n",
    "x = true\n",
    "public = [1]\n",
    "data \"aws_iam_policy_document\" \"d\" {\n  statement {\n    actions = [\"*\"]\n    resources = [\"*\"]\n  }\n}\n",
    "resource \"aws_iam_policy\" \"q\" {\n  policy = data.aws_iam_policy_document.d.json\n}\n",
    "{\"locals\": {\"on\": true}}",
    "{\"resource\": {\"aws_db_instance\": {\"j\": {\"publicly_accessible\": \"${var.public}\"}}}}",
    "# countersign: allow database-public reason=\"why\"\n",
    "true",
    "false",
    "}\n",
    "\"",
    "\n",
];

const POLICY: &str = "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}";

#[derive(Debug, Clone)]
enum Step {
    Edit(usize, usize, usize, String),
    All(usize, String),
    /// What a file said before.
    Back(usize, usize),
    /// The units of a file in another order.
    Turn(usize),
    Close(usize),
    Open(usize),
    File(bool),
    Installed,
    Look(usize),
    LookAtAll,
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(FRAGMENTS), 0..5).prop_map(|parts| parts.concat())
}

fn step() -> impl Strategy<Value = Step> {
    let file = 0..FILES.len();
    let small = prop_oneof![4 => 0usize..5, 1 => 0usize..200];
    prop_oneof![
        8 => (file.clone(), 0usize..400, small, text()).prop_map(|(file, at, len, text)| Step::Edit(file, at, len, text)),
        4 => (file.clone(), text()).prop_map(|(file, text)| Step::All(file, text)),
        2 => (file.clone(), 0usize..8).prop_map(|(file, which)| Step::Back(file, which)),
        2 => file.clone().prop_map(Step::Turn),
        1 => file.clone().prop_map(Step::Close),
        2 => file.clone().prop_map(Step::Open),
        1 => any::<bool>().prop_map(Step::File),
        1 => Just(Step::Installed),
        3 => file.prop_map(Step::Look),
        3 => Just(Step::LookAtAll),
    ]
}

fn policy() -> Policy {
    Policy::new(&Config::defaults(), Surface::CommandLine, jiff::civil::date(2026, 11, 20))
}

fn language(file: &str) -> Language {
    Language::of_path(file).expect("a language")
}

struct Open {
    document: Document,
    version: i32,
    history: Vec<String>,
    /// What was said last, and of what.
    shown: Option<(Snapshot, Vec<Finding>)>,
}

#[derive(Default)]
struct Session {
    workspace: Workspace,
    open: Vec<Option<Open>>,
    texts: Vec<String>,
    file: bool,
    installed: bool,
}

impl Session {
    fn open(&mut self, file: usize) {
        if self.open[file].is_some() {
            return;
        }
        let mut snapshot = Snapshot::new(language(FILES[file]), 0, &self.texts[file]);
        snapshot.file = Arc::from(FILES[file]);
        let document = Document::of(snapshot);
        self.open[file] = Some(Open { document, version: 0, history: Vec::new(), shown: None });
    }

    fn change(&mut self, file: usize, range: Option<&std::ops::Range<usize>>, new: &str) {
        let Some(open) = &mut self.open[file] else { return };
        open.history.push(open.document.text().to_string());
        open.version += 1;
        open.document.change(open.version, [()], |_, ()| Change { range: range.cloned(), text: new.to_owned() });
        self.texts[file] = open.document.text().to_string();
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Edit(file, at, len, new) => {
                let start = self.texts[file].floor_char_boundary(at);
                self.change(file, Some(&(start..start + len)), &new);
            }
            Step::All(file, new) => self.change(file, None, &new),
            Step::Back(file, which) => {
                let before = self.open[file].as_ref().and_then(|open| open.history.iter().rev().nth(which).cloned());
                if let Some(before) = before {
                    self.change(file, None, &before);
                }
            }
            Step::Turn(file) => {
                let mut parts: Vec<_> = self.texts[file].split_inclusive("}\n").collect();
                parts.reverse();
                let turned = parts.concat();
                self.change(file, None, &turned);
            }
            Step::Close(file) => {
                if let Some(mut open) = self.open[file].take() {
                    open.document.unindex(&mut self.workspace);
                }
            }
            Step::Open(file) => self.open(file),
            Step::File(there) => {
                self.file = there;
                self.workspace.set_text("/w/policy.json", there.then(|| Arc::from(POLICY)));
            }
            Step::Installed => {
                self.installed = true;
                self.workspace.set_installed("/w", "far", "/w/m");
            }
            Step::Look(_) | Step::LookAtAll => {}
        }
    }

    fn index(&mut self) {
        for open in self.open.iter_mut().flatten() {
            assert!(read(open.document.snapshot(), &mut Budget::unbounded()));
            open.document.index(&mut self.workspace);
        }
    }

    /// The same files, of which nothing is known.
    fn scratch(&self) -> (Workspace, Vec<Option<Snapshot>>) {
        let mut workspace = Workspace::default();
        if self.file {
            workspace.set_text("/w/policy.json", Some(Arc::from(POLICY)));
        }
        if self.installed {
            workspace.set_installed("/w", "far", "/w/m");
        }
        let mut snapshots = Vec::new();
        for (file, open) in self.open.iter().enumerate() {
            snapshots.push(open.as_ref().map(|_| {
                let mut snapshot = Snapshot::new(language(FILES[file]), 0, &self.texts[file]);
                snapshot.file = Arc::from(FILES[file]);
                assert!(read(&snapshot, &mut Budget::unbounded()));
                workspace.update(&snapshot.file, &[], &units(&snapshot));
                snapshot
            }));
        }
        (workspace, snapshots)
    }

    fn look(&mut self, which: Option<usize>) {
        self.index();
        let (workspace, snapshots) = self.scratch();
        for (file, snapshot) in snapshots.iter().enumerate() {
            let (Some(snapshot), Some(open)) = (snapshot, &mut self.open[file]) else { continue };
            let expected = said(snapshot, &workspace);
            if let Some((shown, findings)) = &open.shown
                && shown.text.to_string() == self.texts[file]
                && !is_affected(shown, &self.workspace)
            {
                assert_eq!(findings, &expected, "what is shown of {} is stale", FILES[file]);
            }
            if which.is_none_or(|which| which == file) {
                let found = said(open.document.snapshot(), &self.workspace);
                assert_eq!(found, expected, "{}\n{}", FILES[file], self.texts[file]);
                open.shown = Some((open.document.snapshot().clone(), found));
            }
        }
    }
}

fn said(snapshot: &Snapshot, workspace: &Workspace) -> Vec<Finding> {
    analyze(snapshot, workspace, &policy(), &mut Budget::unbounded()).expect("unbounded").findings
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn equal_from_scratch(
        texts in prop::collection::vec(text(), FILES.len()),
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let mut session = Session { texts, ..Session::default() };
        session.open.resize_with(FILES.len(), || None);
        for file in 0..FILES.len() {
            session.open(file);
        }
        for step in steps {
            match step {
                Step::Look(file) => session.look(Some(file)),
                Step::LookAtAll => session.look(None),
                step => session.apply(step),
            }
        }
        session.look(None);
    }
}

/// A file grows over what is read and shrinks again.
#[test]
fn a_text_over_the_limit_says_nothing() {
    let mut session = Session { texts: vec![String::new(); FILES.len()], ..Session::default() };
    session.open.resize_with(FILES.len(), || None);
    session.texts[0] = "resource \"aws_db_instance\" \"a\" {\n  publicly_accessible = local.on\n}\n".to_owned();
    session.texts[1] = "locals {\n  on = true\n}\n".to_owned();
    session.open(0);
    session.open(1);
    session.look(None);
    assert!(session.open[0].as_ref().is_some_and(|open| open.shown.as_ref().is_some_and(|(_, said)| !said.is_empty())));
    let large = "#".repeat(countersign_engine::MAX_FILE_BYTES);
    session.change(1, Some(&(0..0)), &large);
    session.look(None);
    session.change(1, Some(&(0..large.len() - 2)), "");
    session.change(1, Some(&(0..2)), "");
    session.look(None);
    session.change(1, Some(&(0..0)), &large);
    session.change(1, Some(&(0..large.len())), "");
    session.look(None);
}
