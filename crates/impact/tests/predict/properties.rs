//! What holds whatever the texts are.

use crate::support::{between, changes, short};
use countersign_impact::{Action, Change};
use proptest::prelude::*;

/// Pieces of which files are made.
const PIECES: &[&str] = &[
    "variable \"n\" {\n  default = 2\n}\n",
    "locals {\n  name = \"a-${var.n}\"\n  list = [\"a\", \"b\"]\n}\n",
    "resource \"aws_s3_bucket\" \"a\" {\n  bucket = local.name\n}\n",
    "resource \"aws_s3_bucket\" \"b\" {\n  count  = var.n\n  bucket = local.list[count.index]\n}\n",
    "resource \"aws_instance\" \"c\" {\n  for_each = toset(local.list)\n  ami = each.key\n  lifecycle {\n    ignore_changes = [ami]\n  }\n}\n",
    "resource \"aws_security_group\" \"d\" {\n  dynamic \"ingress\" {\n    for_each = local.list\n    content {\n      cidr_blocks = [\"0.0.0.0/0\"]\n    }\n  }\n}\n",
    "resource \"aws_iam_policy\" \"e\" {\n  policy = <<EOF\n{\"Statement\": {\"Effect\": \"Allow\", \"Action\": \"*\"}}\nEOF\n}\n",
    "resource \"aws_db_instance\" \"f\" {\n  engine = try(var.engine, \"x\")\n  deletion_protection = true\n}\n",
    "module \"m\" {\n  source = \"./m\"\n  n = local.name\n}\n",
    "module \"r\" {\n  source = \"acme/r/aws\"\n  version = \"1\"\n}\n",
    "moved {\n  from = aws_s3_bucket.a\n  to   = aws_s3_bucket.z\n}\n",
    "moved {\n  from = module.m\n  to   = module.n[\"k\"]\n}\n",
    "removed {\n  from = aws_db_instance.f\n  lifecycle {\n    destroy = false\n  }\n}\n",
    "provider \"aws\" {\n  region = local.name\n}\n",
    "terraform {\n  backend \"s3\" {\n    key = \"a\"\n  }\n}\n",
    "data \"aws_iam_policy_document\" \"g\" {\n  statement {\n    actions = [\"s3:*\"]\n  }\n}\n",
    "resource \"acme_thing\" \"é\" {\n  x = data.aws_iam_policy_document.g.json\n}\n",
];

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(0..PIECES.len(), 0..8).prop_map(|of| of.into_iter().map(|at| PIECES[at]).collect())
}

/// A text of which a part is missing.
fn cut() -> impl Strategy<Value = String> {
    (text(), any::<prop::sample::Index>(), 0..40_usize).prop_map(|(text, at, length)| {
        let mut start = at.index(text.len() + 1);
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = (start + length).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        format!("{}{}", &text[..start], &text[end..])
    })
}

fn predicted(before: &str, after: &str) -> Vec<Change> {
    let module = "variable \"n\" {\n}\nresource \"aws_s3_bucket\" \"in\" {\n  bucket = var.n\n}\n";
    changes(&[("/w/main.tf", before), ("/w/m/main.tf", module)], &[("/w/main.tf", after), ("/w/m/main.tf", module)])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_changes_without_a_change(text in cut()) {
        prop_assert_eq!(short(&predicted(&text, &text)), Vec::<String>::new());
    }

    #[test]
    fn the_same_is_predicted_again(before in cut(), after in cut()) {
        let found = predicted(&before, &after);
        prop_assert_eq!(&found, &predicted(&before, &after));
        let mut sorted = found.clone();
        sorted.sort_by(|a, b| (&a.module, &a.address).cmp(&(&b.module, &b.address)));
        prop_assert_eq!(short(&sorted), short(&found));
        for change in &found {
            prop_assert!(!change.certain || change.action != Action::Unknown, "{:?}", change);
        }
    }

    /// What is destroyed for certain is declared before, and not after.
    #[test]
    fn what_is_destroyed_was_there(before in text(), after in text()) {
        for change in predicted(&before, &after).iter().filter(|it| it.action == Action::Create && it.certain) {
            let name = change.address.rsplit('.').next().unwrap_or_default();
            prop_assert!(after.contains(name) || change.address.starts_with("module."), "{:?}", change);
        }
        for change in predicted(&before, &after).iter().filter(|it| it.action == Action::Destroy && it.certain) {
            let name = change.address.rsplit('.').next().unwrap_or_default();
            prop_assert!(before.contains(name) || change.address.starts_with("module."), "{:?}", change);
        }
    }
}

#[test]
fn places_are_inside_of_their_units() {
    for before in PIECES {
        for after in PIECES {
            for change in between(before, after) {
                let all = change.reasons.iter().chain(&change.interruption).chain(&change.protections_removed);
                let all = all.chain(change.widened.iter().map(|it| &it.reason));
                let places = all.filter_map(|reason| reason.place.as_ref()).chain([&change.place]);
                for place in places {
                    let is_in = |text: &str| text.get(place.range.clone()).is_some();
                    assert!(is_in(before) || is_in(after), "{place:?}");
                }
            }
        }
    }
}
