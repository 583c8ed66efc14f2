//! CloudFormation and SAM templates.
//!
//! A resource's kind is its `Type`, its address its logical id, and its attributes are its `Properties`, with `DeletionPolicy` and
//! its like beside them. Parameters, mappings and conditions are blocks as well, so that what refers to them is worked out as it
//! is in Terraform. Functions are expressions; those that need what is deployed are unknown.
//!
//! Source: the intrinsic function reference of CloudFormation.

use crate::terraform::lower::{finished, interned, mentioning};
use crate::terraform::syntax::{
    Block, Call, Content, Element, Expr, ExprKind, Item, Items, Operator, Part, Step, Template,
};
use crate::terraform::text_of;
use crate::yaml::{get, last, name, shared, text};

/// Adds what a value declares, where it is of a template: the whole of it, one of its sections, or some of its resources.
pub(crate) fn add(document: &Expr, blocks: &mut Vec<Block>) {
    let ExprKind::Object { elements, .. } = &document.kind else { return };
    let is_section = |element: &Element| {
        // A resource may be called so.
        let is_resource = text(&element.value, "Type").is_some_and(|kind| kind.contains("::"));
        name(element).is_some_and(|name| SECTIONS.contains(&name)) && !is_resource
    };
    let is_template = elements.iter().filter_map(name).any(|name| name == "Resources")
        || text(document, "AWSTemplateFormatVersion").is_some()
        || elements.iter().all(is_section);
    if !is_template {
        for element in elements {
            resource(element, blocks);
        }
        return;
    }
    let section = |name: &str| match get(document, name).map(|section| &section.kind) {
        Some(ExprKind::Object { elements, .. }) => elements.iter().collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    for element in section("Parameters") {
        named(element, "parameter", "", blocks);
    }
    for element in section("Mappings") {
        valued(element, "mapping", "Mappings.", blocks);
    }
    for element in section("Conditions") {
        valued(element, "condition", "Conditions.", blocks);
    }
    for element in section("Globals") {
        named(element, "globals", GLOBALS, blocks);
    }
    for element in section("Resources") {
        resource(element, blocks);
    }
    for element in section("Outputs") {
        named(element, OUTPUT, "Outputs.", blocks);
    }
}

/// What may stand behind `Resources`, in a unit of its own.
const SECTIONS: [&str; 7] = ["Conditions", "Globals", "Mappings", "Metadata", "Outputs", "Parameters", "Rules"];

/// What stands before the addresses of what a template of SAM says of all resources of a kind.
const GLOBALS: &str = "Globals.";

/// Where a template says what holds for all resources of a kind.
pub(crate) fn globals_of(kind: &str) -> Option<String> {
    kind.strip_prefix("AWS::Serverless::").map(|name| format!("{GLOBALS}{name}"))
}

fn items_of(value: &Expr) -> (Vec<Item>, bool) {
    let ExprKind::Object { elements, open } = &value.kind else { return (Vec::new(), true) };
    let item = |element: &Element| {
        let content = Content::Attribute(resolved(element.value.clone()));
        Some(Item { name: shared(name(element)?), range: element.range, content })
    };
    let items: Vec<_> = elements.iter().filter_map(item).collect();
    let open = *open || items.len() < elements.len() || items.iter().any(|item| item.name.starts_with("Fn::"));
    (items, open)
}

/// A resource.
fn resource(element: &Element, blocks: &mut Vec<Block>) {
    let (Some(id), Some(kind)) = (name(element), text(&element.value, "Type").filter(|kind| kind.contains("::")))
    else {
        return;
    };
    let ExprKind::Object { elements, open } = &element.value.kind else { return };
    let mut items = Items { anchor: element.key.range, open: *open, ..Items::default() };
    for part in elements {
        match name(part) {
            Some("Properties") => {
                let (properties, open) = items_of(&part.value);
                items.entries.extend(properties);
                items.open |= open;
                // What an alias stands for is written elsewhere.
                let inside = part.range.start()..=part.range.end();
                items.close = last(&part.value).filter(|at| inside.contains(&(*at as usize)));
            }
            Some("Type") => {}
            Some(name) => {
                let named = text_of(&part.value).filter(|_| name == "Condition");
                let content = Content::Attribute(match named {
                    Some(named) => Expr { range: part.value.range, kind: condition(named) },
                    None => resolved(part.value.clone()),
                });
                items.entries.push(Item { name: shared(name), range: part.range, content });
            }
            None => items.open = true,
        }
    }
    let others = match get(&element.value, "DependsOn").map(|value| &value.kind) {
        Some(ExprKind::List(values)) => values.iter().filter_map(text_of).map(str::to_owned).collect(),
        _ => text(&element.value, "DependsOn").map(str::to_owned).into_iter().collect::<Vec<_>>(),
    };
    let others = others.into_iter().chain(globals_of(kind));
    blocks.push(mentioning(finished(kind, id, element.range.range(), items), others));
}

/// A block of what an entry of a section says.
fn named(element: &Element, kind: &str, before: &str, blocks: &mut Vec<Block>) {
    let Some(id) = name(element) else { return };
    let (entries, open) = items_of(&element.value);
    let exported = entries.iter().find(|item| &*item.name == "Export").and_then(|item| match &item.content {
        Content::Attribute(value) => text(value, "Name"),
        _ => None,
    });
    let exported = exported.filter(|_| kind == OUTPUT).map(export);
    let items = Items { entries, anchor: element.key.range, close: None, open };
    blocks.push(mentioning(finished(kind, &format!("{before}{id}"), element.range.range(), items), exported));
}

/// A block that stands for one value.
fn valued(element: &Element, kind: &str, before: &str, blocks: &mut Vec<Block>) {
    let Some(id) = name(element) else { return };
    let content = Content::Attribute(resolved(element.value.clone()));
    let item = Item { name: shared(VALUE), range: element.value.range, content };
    let items = Items { entries: vec![item], anchor: element.key.range, ..Items::default() };
    blocks.push(finished(kind, &format!("{before}{id}"), element.range.range(), items));
}

/// The attribute of a mapping or condition that holds what it is.
const VALUE: &str = "value";

/// A function in its short form, `!Ref X`; another tag changes nothing.
pub(crate) fn tagged(tag: &str, value: Expr) -> Expr {
    let name = tag.trim_start_matches('!');
    let is_function = name.starts_with(|c: char| c.is_ascii_uppercase());
    if is_function { function(name, value) } else { value }
}

/// With every function in its long form, `{"Fn::Sub": …}`, as what it says.
fn resolved(expr: Expr) -> Expr {
    let Expr { range, kind } = expr;
    let kind = match kind {
        ExprKind::List(values) => ExprKind::List(values.into_iter().map(resolved).collect()),
        ExprKind::Object { elements, open } => {
            let inside = |element: Element| Element { value: resolved(element.value), ..element };
            let elements: Vec<_> = elements.into_iter().map(inside).collect();
            if let ([only], false) = (elements.as_slice(), open)
                && let Some(called) = name(only).and_then(|name| long_form(name, &only.value))
            {
                return function(called, Expr { range, kind: only.value.kind.clone() });
            }
            ExprKind::Object { elements: elements.into(), open }
        }
        kind => kind,
    };
    Expr { range, kind }
}

/// The name of a function that a mapping with one key stands for.
fn long_form<'n>(name: &'n str, value: &Expr) -> Option<&'n str> {
    match name {
        "Ref" => Some(name),
        // Conditions in policies are mappings.
        "Condition" => text_of(value).map(|_| name),
        _ => name.strip_prefix("Fn::").filter(|name| !name.contains("::")),
    }
}

/// What a function comes to, with its argument in the place of the whole.
fn function(name: &str, argument: Expr) -> Expr {
    let range = argument.range;
    let list = || match &argument.kind {
        ExprKind::List(values) => Some(&**values),
        _ => None,
    };
    let binary = |operator, a: &Expr, b: &Expr| ExprKind::Binary(operator, Box::new([a.clone(), b.clone()]));
    let kind = match (name, list()) {
        ("Ref", _) => match text_of(&argument) {
            Some("AWS::NoValue") => Some(ExprKind::Null),
            Some(id) => Some(ExprKind::Variable(shared(id))),
            None => None,
        },
        ("Condition", _) => text_of(&argument).map(condition),
        ("GetAtt", Some([id, attribute])) => text_of(id).map(|id| get_att(id, attribute.clone())),
        ("GetAtt", None) => text_of(&argument).and_then(|text| {
            let (id, attribute) = text.split_once('.')?;
            Some(get_att(id, literal(attribute, &argument)))
        }),
        ("Sub", Some([template, Expr { kind: ExprKind::Object { elements, .. }, .. }])) => {
            text_of(template).map(|text| substituted(text, template, elements))
        }
        ("Sub", None) => text_of(&argument).map(|text| substituted(text, &argument, &[])),
        ("If", Some([named, yes, no])) => text_of(named).map(|named| {
            let decides = Expr { range, kind: condition(named) };
            ExprKind::Conditional(Box::new([decides, yes.clone(), no.clone()]))
        }),
        ("Equals", Some([a, b])) => Some(binary(Operator::Equal, a, b)),
        ("Not", Some([one])) => Some(ExprKind::Unary(Operator::Not, Box::new(one.clone()))),
        ("And" | "Or", Some([first, rest @ ..])) => {
            let operator = if name == "And" { Operator::And } else { Operator::Or };
            let joined = rest.iter().fold(first.clone(), |all, one| Expr { range, kind: binary(operator, &all, one) });
            Some(joined.kind)
        }
        ("FindInMap", Some([map, first, second])) => text_of(map).map(|map| {
            let index = |key: &Expr| Step::Index(Box::new(key.clone()));
            path("Mappings", [attribute(map), attribute(VALUE), index(first), index(second)].into(), &argument)
        }),
        ("Select", Some([index, from])) => {
            Some(ExprKind::Traversal(Box::new(from.clone()), [Step::Index(Box::new(index.clone()))].into()))
        }
        ("Join", Some(arguments @ [_, _])) => Some(call("join", arguments.to_vec())),
        ("Split", Some(arguments @ [_, _])) => Some(call("split", arguments.to_vec())),
        ("Base64", _) => Some(call("base64encode", vec![argument.clone()])),
        _ => None,
    };
    Expr { range, kind: kind.unwrap_or_else(|| call(name, vec![argument])) }
}

fn call(name: &str, arguments: Vec<Expr>) -> ExprKind {
    ExprKind::Call(Box::new(Call { name: interned(name), arguments: arguments.into(), expand: false }))
}

fn attribute(name: &str) -> Step {
    Step::Attribute(shared(name))
}

fn path(root: &str, steps: Box<[Step]>, at: &Expr) -> ExprKind {
    ExprKind::Traversal(Box::new(Expr { range: at.range, kind: ExprKind::Variable(interned(root)) }), steps)
}

/// What a condition comes to.
fn condition(name: &str) -> ExprKind {
    let root = Expr { range: (0..0).into(), kind: ExprKind::Variable(interned("Conditions")) };
    ExprKind::Traversal(Box::new(root), [attribute(name), attribute(VALUE)].into())
}

fn get_att(id: &str, of: Expr) -> ExprKind {
    let resource = Expr { range: of.range, kind: ExprKind::Variable(shared(id)) };
    call(GET_ATT, vec![resource, of])
}

/// The kind of an output's block.
pub(crate) const OUTPUT: &str = "output";

/// The function that gives what another stack exports, as it is called in expressions.
pub(crate) const IMPORT_VALUE: &str = "ImportValue";

/// What an output mentions that is exported under a name, and whatever imports that.
pub(crate) fn export(name: &str) -> String {
    format!("{EXPORT}{name}")
}

/// What stands before the name of an export.
pub(crate) const EXPORT: &str = "Export ";

/// The function that gives an attribute of a resource, as it is called in expressions.
pub(crate) const GET_ATT: &str = "GetAtt";

/// A text as an expression, in the place of another.
pub(crate) fn literal(text: &str, at: &Expr) -> Expr {
    let part = Part::Text { text: shared(text), verbatim: false };
    let template = Template { parts: [part].into(), content: at.range, heredoc: false };
    Expr { range: at.range, kind: ExprKind::Template(template) }
}

/// `${Name}`, `${Resource.Attribute}`; `${!Name}` stands for `${Name}` as it is. `names` come first.
fn substituted(text: &str, at: &Expr, names: &[Element]) -> ExprKind {
    let mut parts = Vec::new();
    let push = |text: &str, parts: &mut Vec<Part>| {
        if !text.is_empty() {
            parts.push(Part::Text { text: shared(text), verbatim: false });
        }
    };
    let mut rest = text;
    while let Some((before, from)) = rest.split_once("${") {
        push(before, &mut parts);
        let Some((inside, after)) = from.split_once('}') else {
            push(&rest[before.len()..], &mut parts);
            rest = "";
            break;
        };
        rest = after;
        if let Some(literal) = inside.strip_prefix('!') {
            push(&format!("${{{literal}}}"), &mut parts);
            continue;
        }
        let inside = inside.trim();
        let given = names.iter().find(|element| name(element) == Some(inside));
        let kind = match (given, inside.split_once('.')) {
            (Some(given), _) => given.value.kind.clone(),
            (None, Some((id, of))) => get_att(id, literal(of, at)),
            (None, None) => ExprKind::Variable(shared(inside)),
        };
        parts.push(Part::Interpolation(Box::new(Expr { range: at.range, kind })));
    }
    push(rest, &mut parts);
    ExprKind::Template(Template { parts: parts.into(), content: at.range, heredoc: false })
}
