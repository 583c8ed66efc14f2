//! The blast radius against a model that makes every instance of every module, one node each, and follows every edge.

use countersign_grammars::Language;
use countersign_impact::graph::{Links, dependents};
use countersign_infra::terraform::{Workspace, lower};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::sync::Arc;

/// A name that an expression uses.
#[derive(Debug, Clone)]
enum Name {
    Variable(usize),
    Resource(usize),
    Local(usize),
    Output(usize, usize),
    /// `module.c`, all outputs at once.
    Call(usize),
}

/// A name in `depends_on`.
#[derive(Debug, Clone)]
enum Before {
    Resource(usize),
    Call(usize),
}

#[derive(Debug, Clone, Default)]
struct Folder {
    resources: Vec<(Vec<Name>, Vec<Before>)>,
    locals: Vec<Vec<Name>>,
    outputs: Vec<Vec<Name>>,
    calls: Vec<Call>,
}

#[derive(Debug, Clone)]
struct Call {
    folder: usize,
    /// What goes into each variable.
    arguments: Vec<Vec<Name>>,
    before: Vec<Before>,
}

const VARIABLES: usize = 2;
const RESOURCES: usize = 3;
const LOCALS: usize = 2;
const OUTPUTS: usize = 2;
const CALLS: usize = 2;

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        1 => (0..VARIABLES).prop_map(Name::Variable),
        3 => (0..RESOURCES).prop_map(Name::Resource),
        1 => (0..LOCALS).prop_map(Name::Local),
        2 => (0..CALLS, 0..OUTPUTS).prop_map(|(call, output)| Name::Output(call, output)),
        1 => (0..CALLS).prop_map(Name::Call),
    ]
}

fn names() -> impl Strategy<Value = Vec<Name>> {
    prop::collection::vec(name(), 0..2)
}

fn before() -> impl Strategy<Value = Vec<Before>> {
    let one = prop_oneof![(0..RESOURCES).prop_map(Before::Resource), (0..CALLS).prop_map(Before::Call)];
    prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(one, 1..2)]
}

/// A folder that calls folders with higher numbers only, for Terraform refuses modules that call each other in a circle.
fn folder(index: usize, count: usize) -> impl Strategy<Value = Folder> {
    let call = (index + 1..count.max(index + 2), prop::collection::vec(names(), VARIABLES), before())
        .prop_map(|(folder, arguments, before)| Call { folder, arguments, before });
    let calls = prop::collection::vec(call, if index + 1 < count { 0..CALLS + 1 } else { 0..1 });
    (
        prop::collection::vec((names(), before()), RESOURCES),
        prop::collection::vec(names(), LOCALS),
        prop::collection::vec(names(), OUTPUTS),
        calls,
    )
        .prop_map(|(resources, locals, outputs, calls)| Folder { resources, locals, outputs, calls })
}

fn folders() -> impl Strategy<Value = Vec<Folder>> {
    (0..4_usize).prop_flat_map(|most| (0..=most).map(|index| folder(index, most + 1)).collect::<Vec<_>>())
}

fn text(folder: &Folder) -> String {
    let value = |names: &[Name]| {
        let names: Vec<String> = names
            .iter()
            .map(|name| match name {
                Name::Variable(index) => format!("var.v{index}"),
                Name::Resource(index) => format!("aws_r.r{index}.id"),
                Name::Local(index) => format!("local.l{index}"),
                Name::Output(call, output) => format!("module.c{call}.o{output}"),
                Name::Call(call) => format!("module.c{call}"),
            })
            .collect();
        format!("[{}]", names.join(", "))
    };
    let order = |before: &[Before]| {
        let names: Vec<String> = before
            .iter()
            .map(|name| match name {
                Before::Resource(index) => format!("aws_r.r{index}"),
                Before::Call(call) => format!("module.c{call}"),
            })
            .collect();
        format!("  depends_on = [{}]\n", names.join(", "))
    };
    let mut text = String::new();
    for index in 0..VARIABLES {
        let _ = writeln!(text, "variable \"v{index}\" {{}}");
    }
    for (index, (names, before)) in folder.resources.iter().enumerate() {
        let _ = writeln!(text, "resource \"aws_r\" \"r{index}\" {{\n  x = {}\n{}}}", value(names), order(before));
    }
    for (index, names) in folder.locals.iter().enumerate() {
        let _ = writeln!(text, "locals {{\n  l{index} = {}\n}}", value(names));
    }
    for (index, names) in folder.outputs.iter().enumerate() {
        let _ = writeln!(text, "output \"o{index}\" {{\n  value = {}\n}}", value(names));
    }
    for (index, call) in folder.calls.iter().enumerate() {
        let _ = writeln!(text, "module \"c{index}\" {{\n  source = \"../f{}\"", call.folder);
        for (index, names) in call.arguments.iter().enumerate() {
            let _ = writeln!(text, "  v{index} = {}", value(names));
        }
        let _ = writeln!(text, "{}}}", order(&call.before));
    }
    text
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Variable(usize),
    Resource(usize),
    Local(usize),
    Output(usize),
}

/// The calls from the root on, first the root itself; and what.
type Node = (Vec<usize>, What);

/// Every instance of every module.
struct Model<'a> {
    folders: &'a [Folder],
    /// What depends on what.
    edges: BTreeMap<Node, BTreeSet<Node>>,
    instances: Vec<(Vec<usize>, usize)>,
}

impl<'a> Model<'a> {
    fn new(folders: &'a [Folder]) -> Self {
        let mut model = Self { folders, edges: BTreeMap::new(), instances: Vec::new() };
        for root in 0..folders.len() {
            model.instance(&[root], root);
        }
        model
    }

    fn add(&mut self, from: &Node, to: &Node) {
        self.edges.entry(from.clone()).or_default().insert(to.clone());
    }

    fn all_in(&self, path: &[usize], folder: usize, all: &mut Vec<Node>) {
        for index in 0..self.folders[folder].resources.len() {
            all.push((path.to_vec(), What::Resource(index)));
        }
        for (index, call) in self.folders[folder].calls.iter().enumerate() {
            self.all_in(&[path, &[index]].concat(), call.folder, all);
        }
    }

    fn named(&self, path: &[usize], folder: usize, names: &[Name]) -> Vec<Node> {
        let mut nodes = Vec::new();
        for name in names {
            let output = |call: usize, output: usize| ([path, &[call]].concat(), What::Output(output));
            let is_there = |call: usize| call < self.folders[folder].calls.len();
            match *name {
                Name::Variable(index) => nodes.push((path.to_vec(), What::Variable(index))),
                Name::Resource(index) => nodes.push((path.to_vec(), What::Resource(index))),
                Name::Local(index) => nodes.push((path.to_vec(), What::Local(index))),
                Name::Output(call, index) if is_there(call) => nodes.push(output(call, index)),
                Name::Call(call) if is_there(call) => nodes.extend((0..OUTPUTS).map(|index| output(call, index))),
                Name::Output(..) | Name::Call(_) => {}
            }
        }
        nodes
    }

    fn before(&self, path: &[usize], folder: usize, before: &[Before]) -> Vec<Node> {
        let mut nodes = Vec::new();
        for name in before {
            match *name {
                Before::Resource(index) => nodes.push((path.to_vec(), What::Resource(index))),
                Before::Call(call) => {
                    if let Some(called) = self.folders[folder].calls.get(call) {
                        self.all_in(&[path, &[call]].concat(), called.folder, &mut nodes);
                    }
                }
            }
        }
        nodes
    }

    fn instance(&mut self, path: &[usize], folder: usize) {
        self.instances.push((path.to_vec(), folder));
        let this = &self.folders[folder];
        let mut edges: Vec<(Vec<Node>, Node)> = Vec::new();
        for (index, (names, before)) in this.resources.iter().enumerate() {
            let node = (path.to_vec(), What::Resource(index));
            edges.push((self.named(path, folder, names), node.clone()));
            edges.push((self.before(path, folder, before), node));
        }
        for (index, names) in this.locals.iter().enumerate() {
            edges.push((self.named(path, folder, names), (path.to_vec(), What::Local(index))));
        }
        for (index, names) in this.outputs.iter().enumerate() {
            edges.push((self.named(path, folder, names), (path.to_vec(), What::Output(index))));
        }
        for (index, call) in this.calls.iter().enumerate() {
            let inside = [path, &[index]].concat();
            for (variable, names) in call.arguments.iter().enumerate() {
                edges.push((self.named(path, folder, names), (inside.clone(), What::Variable(variable))));
            }
            let mut all = Vec::new();
            self.all_in(&inside, call.folder, &mut all);
            for node in all {
                edges.push((self.before(path, folder, &call.before), node));
            }
        }
        for (from, to) in edges {
            for from in from {
                self.add(&from, &to);
            }
        }
        for (index, call) in self.folders[folder].calls.iter().enumerate() {
            self.instance(&[path, &[index]].concat(), call.folder);
        }
    }

    /// Each dependent resource by folder and number, with how many resources are on the way.
    fn dependents(&self, folder: usize, resource: usize) -> BTreeMap<(usize, usize), usize> {
        let of = self.instances.iter().filter(|(_, of)| *of == folder);
        let mut open: VecDeque<(Node, usize)> =
            of.map(|(path, _)| ((path.clone(), What::Resource(resource)), 0)).collect();
        let mut seen: BTreeMap<Node, usize> = BTreeMap::new();
        while let Some((node, distance)) = open.pop_front() {
            if seen.get(&node).is_some_and(|known| *known <= distance) {
                continue;
            }
            seen.insert(node.clone(), distance);
            for next in self.edges.get(&node).into_iter().flatten() {
                match next.1 {
                    What::Resource(_) => open.push_back((next.clone(), distance + 1)),
                    _ => open.push_front((next.clone(), distance)),
                }
            }
        }
        let mut found = BTreeMap::new();
        for ((path, what), distance) in seen {
            let What::Resource(index) = what else { continue };
            let Some((_, of)) = self.instances.iter().find(|(known, _)| *known == path) else { continue };
            if (*of, index) != (folder, resource) {
                let least = found.entry((*of, index)).or_insert(distance);
                *least = distance.min(*least);
            }
        }
        found
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn it_is_what_following_every_edge_finds(folders in folders()) {
        let mut workspace = Workspace::default();
        for (index, folder) in folders.iter().enumerate() {
            let text = text(folder);
            let mut parser = tree_sitter::Parser::new();
            parser.set_language(&Language::Terraform.grammar()).unwrap();
            let unit = lower(Language::Terraform, &text, &parser.parse(&text, None).unwrap());
            workspace.update(&format!("w/f{index}/main.tf").as_str().into(), &[], &[Arc::new(unit)]);
        }
        let model = Model::new(&folders);
        let links = Links::default();
        for (folder, content) in folders.iter().enumerate() {
            for resource in 0..content.resources.len() {
                let radius = dependents(&workspace, &links, &format!("w/f{folder}"), &format!("aws_r.r{resource}"));
                let number = |text: &str| text.rsplit(['f', 'r']).next().unwrap().parse::<usize>().unwrap();
                let found: BTreeMap<_, _> = radius
                    .dependents
                    .iter()
                    .map(|found| ((number(&found.module), number(&found.address)), found.distance))
                    .collect();
                prop_assert_eq!(found.len(), radius.dependents.len());
                prop_assert_eq!(&found, &model.dependents(folder, resource), "of r{} in f{}", resource, folder);
                for dependent in &radius.dependents {
                    // The same block may have been reached before by another call.
                    let through = radius.through(dependent).map_or(0, |through| through.distance);
                    prop_assert!(through < dependent.distance);
                }
            }
        }
    }
}
