//! What is touched and what depends on it, as a graph for Mermaid and Graphviz.

use crate::impact::report::{Impact, JsonAction};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

/// Resources that are drawn; more than some hundreds nobody can look at.
const MAX_DRAWN: usize = 500;

/// A graph, its nodes numbered.
#[derive(Default)]
struct Drawing {
    /// Label and what happens.
    nodes: Vec<(String, JsonAction)>,
    edges: BTreeSet<(usize, usize)>,
    left_out: usize,
}

impl Drawing {
    fn of(impact: &Impact<'_>) -> Self {
        let mut drawing = Self::default();
        let mut numbers: BTreeMap<(Arc<str>, String), usize> = BTreeMap::new();
        for told in &impact.told {
            let name = (Arc::clone(&told.module), told.json.address.clone());
            let number = drawing.node(told.json.address.clone(), told.json.outcome());
            numbers.entry(name).or_insert(number);
        }
        for told in &impact.told {
            let Some(start) = numbers.get(&(Arc::clone(&told.module), told.json.address.clone())).copied() else {
                continue;
            };
            for dependent in &told.radius.dependents {
                let name = (Arc::clone(&dependent.module), dependent.address.to_string());
                if !numbers.contains_key(&name) {
                    if drawing.nodes.len() >= MAX_DRAWN {
                        drawing.left_out += 1;
                        continue;
                    }
                    let number = drawing.node(told.radius.full_address(dependent), JsonAction::None);
                    numbers.insert(name.clone(), number);
                }
                let through = told.radius.through(dependent);
                let from = through.map_or(Some(start), |through| {
                    numbers.get(&(Arc::clone(&through.module), through.address.to_string())).copied()
                });
                if let (Some(from), Some(to)) = (from, numbers.get(&name)) {
                    drawing.edges.insert((from, *to));
                }
            }
        }
        drawing
    }

    fn node(&mut self, label: String, action: JsonAction) -> usize {
        self.nodes.push((label, action));
        self.nodes.len() - 1
    }
}

fn word(action: JsonAction) -> Option<&'static str> {
    Some(match action {
        JsonAction::Destroy => "destroy",
        JsonAction::Replace => "replace",
        JsonAction::Unknown => "unknown",
        JsonAction::Update => "update",
        JsonAction::Rename => "rename",
        JsonAction::Create => "create",
        JsonAction::None => return None,
    })
}

/// A flowchart of Mermaid: <https://mermaid.js.org/syntax/flowchart.html>.
pub(super) fn mermaid(impact: &Impact<'_>) -> String {
    let drawing = Drawing::of(impact);
    let mut out = "flowchart LR\n".to_owned();
    for (number, (label, action)) in drawing.nodes.iter().enumerate() {
        let label = in_mermaid(label);
        let _ = match word(*action) {
            Some(word) => writeln!(out, "  n{number}[\"{label}<br/>{word}\"]:::{word}"),
            None => writeln!(out, "  n{number}[\"{label}\"]"),
        };
    }
    for (from, to) in &drawing.edges {
        let _ = writeln!(out, "  n{from} --> n{to}");
    }
    if drawing.left_out > 0 {
        let _ = writeln!(out, "  more[\"… and {} more\"]", drawing.left_out);
    }
    out.push_str("  classDef destroy fill:#fdd,stroke:#a00,color:#000\n");
    out.push_str("  classDef replace fill:#fdd,stroke:#a00,color:#000\n");
    out.push_str("  classDef unknown fill:#fed,stroke:#a60,color:#000\n");
    out
}

/// A label between quotes: what means something there is written as an entity, as are marks of Markdown.
fn in_mermaid(label: &str) -> String {
    let mut out = String::new();
    for c in label.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ') || (!c.is_ascii() && !c.is_control()) {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}

/// A graph of Graphviz: <https://graphviz.org/doc/info/lang.html>.
pub(super) fn dot(impact: &Impact<'_>) -> String {
    let drawing = Drawing::of(impact);
    let mut out = "digraph impact {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for (number, (label, action)) in drawing.nodes.iter().enumerate() {
        let label = in_dot(label);
        let _ = match word(*action) {
            Some(word @ ("destroy" | "replace" | "unknown")) => {
                writeln!(out, "  n{number} [label=\"{label}\\n{word}\", style=filled, fillcolor=\"#ffdddd\"];")
            }
            Some(word) => {
                writeln!(out, "  n{number} [label=\"{label}\\n{word}\", style=filled, fillcolor=\"#ddddff\"];")
            }
            None => writeln!(out, "  n{number} [label=\"{label}\"];"),
        };
    }
    for (from, to) in &drawing.edges {
        let _ = writeln!(out, "  n{from} -> n{to};");
    }
    if drawing.left_out > 0 {
        let _ = writeln!(out, "  more [label=\"… and {} more\", shape=plaintext];", drawing.left_out);
    }
    out.push_str("}\n");
    out
}

/// A label between quotes.
fn in_dot(label: &str) -> String {
    let mut out = String::new();
    for c in label.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
