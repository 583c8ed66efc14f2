//! Every test that can be offered for a risk can be read by the language that it is in.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

use countersign_policy::{Binding, Catalogue, Risk, Skeleton, skeletons};
use std::collections::BTreeSet;
use tree_sitter::{Language, Parser};

fn parser(language: &Language) -> Parser {
    let mut parser = Parser::new();
    parser.set_language(language).expect("the grammar");
    parser
}

/// What is said of a resource by a binding.
fn message(risk: &Risk, binding: &Binding, kind: &str, address: &str) -> String {
    let template = binding.message.as_ref().unwrap_or(&risk.message);
    [("{kind}", kind), ("{address}", address), ("{attribute}", &binding.attribute), ("{value}", "\"a\" or `b`")]
        .into_iter()
        .fold(template.clone(), |text, (name, value)| text.replace(name, value))
}

/// The tests for a binding of a risk, told of the first of its kinds.
fn of(risk: &str, binding: usize) -> Vec<Skeleton> {
    let risk = Catalogue::built_in().risk(risk).expect("a risk");
    let binding = &risk.bindings[binding];
    let kind = binding.kinds.first().expect("a kind");
    let address = format!("{kind}.orders");
    skeletons(Catalogue::built_in(), &risk.id, kind, &address, &message(risk, binding, kind, &address))
}

fn condition(skeletons: &[Skeleton]) -> Option<&str> {
    let [Skeleton::Test(text), ..] = skeletons else { return None };
    text.split_once("    condition     = ")?.1.split_once("\n    error_message").map(|(condition, _)| condition)
}

#[test]
fn every_test_can_be_read() {
    let (mut hcl, mut shell) = (parser(&tree_sitter_hcl::LANGUAGE.into()), parser(&tree_sitter_bash::LANGUAGE.into()));
    let (mut with_test, mut with_plan) = (BTreeSet::new(), BTreeSet::new());
    for document in Catalogue::built_in().documents() {
        let risk = &document.risk;
        let of_bindings =
            risk.bindings.iter().flat_map(|binding| binding.kinds.iter().map(move |kind| (binding, kind)));
        let mut told: Vec<(String, String)> = of_bindings
            .map(|(binding, kind)| (kind.clone(), message(risk, binding, kind, &format!("{kind}.orders_db"))))
            .collect();
        told.push(("aws_db_instance".to_owned(), risk.message.clone()));
        for (kind, message) in told {
            let address = format!("{kind}.orders_db");
            for skeleton in skeletons(Catalogue::built_in(), &risk.id, &kind, &address, &message) {
                let (parser, seen, text) = match &skeleton {
                    Skeleton::Test(text) => (&mut hcl, &mut with_test, text),
                    Skeleton::Plan(text) => (&mut shell, &mut with_plan, text),
                };
                let tree = parser.parse(text, None).expect("a tree");
                assert!(!tree.root_node().has_error(), "{}: {text}", risk.id);
                assert!(text.contains(&address), "{}: {text}", risk.id);
                seen.insert(risk.id.as_str());
            }
        }
    }
    assert!(with_test.len() > 50, "{}: {with_test:?}", with_test.len());
    assert!(["destroys", "destroys-data", "replaces", "interrupts"].iter().all(|id| with_plan.contains(id)));
}

#[test]
fn a_condition_is_that_of_the_rule_turned_round() {
    for (risk, binding, expected) in [
        ("deletion-protection-off", 0, "aws_db_instance.orders.deletion_protection != false"),
        (
            "deletion-protection-off",
            1,
            "length([for value in flatten([aws_db_instance.orders.deletion_protection]) : value if value != null]) > 0",
        ),
        ("deletion-protection-off", 2, "aws_rds_cluster.orders.deletion_protection == true"),
    ] {
        let skeletons = of(risk, binding);
        let condition = condition(&skeletons).unwrap_or_default();
        assert!(condition.split(" && ").any(|part| part == expected), "{risk} {binding}: {condition}");
    }
    assert!(condition(&of("admin-everything", 0)).is_some_and(|text| text.contains("jsondecode(")));
    assert!(condition(&of("open-admin-port", 0)).is_some_and(|text| text.contains("[22, 3389]")));
}

#[test]
fn nothing_is_made_up() {
    let said = |risk: &str, kind: &str, address: &str, message: &str| {
        skeletons(Catalogue::built_in(), risk, kind, address, message)
    };
    let message = "`{address}` can be destroyed by one mistaken apply: deletion protection is off.";
    let of_address = |address: &str| {
        said("deletion-protection-off", "aws_db_instance", address, &message.replace("{address}", address))
    };
    assert_eq!(of_address("aws_db_instance.orders").len(), 1);
    assert_eq!(of_address("module.shop.aws_db_instance.orders"), [], "a module is tested by its own tests");
    assert_eq!(said("deletion-protection-off", "aws_db_instance", "aws_db_instance.orders", "Something else."), []);
    assert_eq!(said("password-in-code", "aws_db_instance", "aws_db_instance.orders", "A secret."), []);
    assert_eq!(said("destroys", "aws_db_instance", "aws_db_instance.o['x']", "It is destroyed."), []);
    assert_eq!(said("no-such-risk", "aws_db_instance", "aws_db_instance.orders", ""), []);
}

#[test]
fn every_risk_says_what_to_look_at() {
    for document in Catalogue::built_in().documents() {
        assert!(!Catalogue::built_in().checklist(&document.risk.id).is_empty(), "{}", document.risk.id);
    }
    let own = Catalogue::built_in().checklist("destroys-data");
    assert!(own.iter().any(|item| item.contains("snapshot")), "{own:?}");
}
