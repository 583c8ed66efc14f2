//! Units after any series of edits equal units from scratch, and so do the trees of those without errors.

use countersign_grammars::Language;
use countersign_syntax::{Budget, Units};
use countersign_text::{Text, TextEdit};
use proptest::prelude::*;

type Sexp = String;

fn fragments() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec![
            "resource \"a\" \"b\" {\n  x = 1\n}\n",
            "resource \"c\" \"d\" {\n  y = <<EOF\n  text ${z}\nEOF\n}\n",
            "data \"e\" \"f\" {\n  nested {\n    z = [1, 2, { a = \"b\" }]\n  }\n}\n",
            "# comment\n",
            "\n",
            "x = 1\n",
            "{",
            "}",
            "\"",
            "${",
            "<<EOF\n",
            "EOF\n",
            "/*",
            "*/",
            "\\",
            "resource \"g\" \"h\" {\n",
            "é😀",
            "(",
            "]",
            "\r\n",
        ]),
        0..12,
    )
    .prop_map(|parts| parts.concat())
}

fn compute(units: &Units<Sexp>, text: &Text) -> Vec<Sexp> {
    let done = units.compute(text, &mut Budget::unbounded(), |source, tree| match tree {
        Ok(tree) => format!("{source:?} {}", tree.root_node().to_sexp()),
        Err(failure) => failure.to_string(),
    });
    assert!(done);
    let mut all = Vec::new();
    all.extend(units.iter().filter_map(|(_, unit)| unit.memo().cloned()));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn equal_from_scratch(
        first in fragments(),
        edits in prop::collection::vec((0usize..600, prop_oneof![4 => 0usize..4, 1 => 0usize..200], fragments(), any::<bool>()), 1..20),
    ) {
        let mut text = Text::from(first.as_str());
        let mut units: Units<Sexp> = Units::new(Language::Terraform, &first);
        for (start, removed, new, look) in edits {
            let start = start.min(text.len());
            let range = text.clamp(start..start + removed);
            let edit = TextEdit::new(range, new);
            text.edit(&edit);
            units.edit(&text, &edit.range, edit.text.len());
            let scratch: Units<Sexp> = Units::new(Language::Terraform, &text.to_string());
            prop_assert_eq!(units.lengths(), scratch.lengths(), "{:?}", text.to_string());
            prop_assert_eq!(units.lengths().iter().sum::<usize>(), text.len());
            if look {
                prop_assert_eq!(compute(&units, &text), compute(&scratch, &text));
            }
        }
        let scratch: Units<Sexp> = Units::new(Language::Terraform, &text.to_string());
        prop_assert_eq!(compute(&units, &text), compute(&scratch, &text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn plain_text_equals_from_scratch(
        lines in 0usize..400,
        edits in prop::collection::vec((0usize..12_000, 0usize..300, "([a-z {}]{0,20}\n){0,8}[a-z]{0,3}"), 1..12),
    ) {
        let first: Vec<String> = (0..lines).map(|line| format!("price[{line}] = {}\n", line * 37 % 1_000)).collect();
        let first = first.concat();
        let mut text = Text::from(first.as_str());
        let mut units: Units<Sexp> = Units::new(Language::Plain, &first);
        for (start, removed, new) in edits {
            let start = start.min(text.len());
            let edit = TextEdit::new(text.clamp(start..start + removed), new);
            text.edit(&edit);
            units.edit(&text, &edit.range, edit.text.len());
            let scratch: Units<Sexp> = Units::new(Language::Plain, &text.to_string());
            prop_assert_eq!(units.lengths(), scratch.lengths(), "{:?}", text.to_string());
        }
        prop_assert_eq!(units.lengths().iter().sum::<usize>(), text.len());
    }
}

#[test]
fn an_edit_of_plain_text_costs_the_units_near_it() {
    let lines: Vec<String> = (0..100_000).map(|line| format!("price[{line}] = {}\n", line * 37 % 1_000)).collect();
    let lines = lines.concat();
    let mut text = Text::from(lines.as_str());
    let mut units: Units<Sexp> = Units::new(Language::Plain, &lines);
    let edit = TextEdit::new(1_000_000..1_000_010, "two\nlines\n");
    text.edit(&edit);
    let gone = units.edit(&text, &edit.range, edit.text.len());
    assert!((1..=4).contains(&gone.len()), "{} of {} units", gone.len(), units.lengths().len());
}

#[test]
fn a_budget_that_is_too_small_is_not_an_answer() {
    let source = format!("locals {{\n{}}}\n", "  a = [1, 2, 3]\n".repeat(2_000));
    let units: Units<Sexp> = Units::new(Language::Terraform, &source);
    let text = Text::from(source.as_str());
    let small = |source: &str, _: Result<&tree_sitter::Tree, _>| source.to_owned();
    assert!(!units.compute(&text, &mut Budget::of_steps(10), small));
    assert_eq!(units.iter().filter(|(_, unit)| unit.memo().is_some()).count(), 0);
    assert!(units.compute(&text, &mut Budget::unbounded(), small));
}

#[test]
fn limits_are_named() {
    let failure = |source: &str| {
        let units: Units<Sexp> = Units::new(Language::Terraform, source);
        compute(&units, &Text::from(source)).join("|")
    };
    assert!(failure(&format!("a = {}", "[".repeat(100_000))).contains("200 deep"));
    assert!(failure(&format!("a = \"{}\"", "x".repeat(2 << 20))).contains("1024 KiB"));
    assert!(failure("a = \"\0\"").contains("NUL"));
}
