//! Partial evaluation: from expressions to values of which each is known, or says what would have to be known.
//!
//! What another block, a variable file or a module says is asked of the [`Workspace`], and every question is recorded with
//! the number of its answer, so that what was worked out holds until one of them changes.

use super::functions;
use super::lower::{address_of, text_of};
use super::syntax::{Content, Dynamic, Element, Expr, ExprKind, For, Items, Operator, Part, Step, Template};
use super::workspace::{ANY_KIND, Definition, Key, What, Workspace, callee, folder, normal};
use crate::json::document;
use crate::model::{Body, Field, Resource, Value, ValueKind, Via, ViaSource};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// Steps that the evaluation of one unit may take. A step is one expression looked at or one value copied, some fifty to a
/// hundred nanoseconds; real blocks take some dozens to some thousands.
pub const MAX_STEPS: u64 = 200_000;

/// Names that may take all steps that there are for one, in the evaluation of one unit.
const MAX_NAMES: u64 = 20;

/// Instances of a resource with `count` or `for_each` that are looked at; more are taken as one of which nothing is known.
const MAX_INSTANCES: usize = 32;

/// Modules that call each other are followed so deep.
const MAX_CALLS: usize = 8;

/// References that lead to each other are followed so deep; each costs some kilobytes of the stack.
const MAX_CHAIN: usize = 60;

/// Expressions inside of each other are followed so deep, references included; each costs some kilobytes of the stack.
const MAX_DEPTH: usize = 200;

/// Values inside of each other that a name may stand for.
const MAX_VALUE_DEPTH: usize = 200;

/// What is said of a value for which the steps do not suffice.
const TOO_MANY_STEPS: &str = "more steps than the evaluation of a block may take";

/// Elements that one list or object may have, made by an expression.
pub(super) const MAX_ELEMENTS: usize = 20_000;

/// Values that are kept for others that ask.
const MAX_KNOWN: usize = 50_000;

/// What is said of an attribute that is not there; `try` and `can` ask for it.
const ABSENT: &str = "an attribute that is not there";

/// What was asked while something was worked out, with the numbers of the answers.
pub type Reads = FxHashMap<Key, u64>;

/// Something that Terraform itself refuses, found while a value was worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, in one sentence.
    pub message: String,
    /// The addresses that have part in it.
    pub about: Vec<String>,
}

/// The state of one evaluation, shared by the scopes that it goes through.
pub struct Evaluation<'a> {
    pub(super) workspace: &'a Workspace,
    reads: RefCell<Reads>,
    steps: Cell<u64>,
    taken: Cell<u64>,
    /// Steps that may be taken for names as well, each of which has steps of its own.
    work: Cell<u64>,
    stack: RefCell<Vec<String>>,
    refusals: RefCell<Vec<Refusal>>,
    depth: Cell<usize>,
    /// How far down it went, of references and of expressions.
    reached: Cell<(usize, usize)>,
    /// Whether something depends on where it began: a cycle, a limit of depth.
    relative: Cell<bool>,
    /// Whether the steps for names did not suffice.
    is_over: Cell<bool>,
}

/// What was worked out, and what it depends on.
#[derive(Debug)]
pub(super) struct Worked<T> {
    result: T,
    reads: Reads,
    /// How far down it went from where it began.
    height: (usize, usize),
    relative: bool,
}

/// Values of names that hold for a module by itself, for all who ask.
pub(super) type Known = FxHashMap<(Arc<str>, Arc<str>), Arc<Worked<Value>>>;

impl<'a> Evaluation<'a> {
    /// An evaluation that may take so many steps.
    pub fn new(workspace: &'a Workspace, steps: u64) -> Self {
        Self {
            workspace,
            reads: RefCell::default(),
            steps: Cell::new(steps),
            stack: RefCell::default(),
            taken: Cell::new(0),
            work: Cell::new(if steps < MAX_STEPS { steps } else { steps.saturating_mul(MAX_NAMES) }),
            refusals: RefCell::default(),
            depth: Cell::new(0),
            reached: Cell::new((0, 0)),
            relative: Cell::new(false),
            is_over: Cell::new(false),
        }
    }

    /// Steps that are left; 0 where they did not suffice.
    pub fn steps_left(&self) -> u64 {
        if self.is_over.get() { 0 } else { self.steps.get() }
    }

    /// Steps that were taken.
    pub fn steps_taken(&self) -> u64 {
        self.taken.get()
    }

    /// Works something out, and says what it depends on.
    fn tracked<T>(&self, work: impl FnOnce() -> T) -> Worked<T> {
        let before = (self.reads.take(), self.reached.get(), self.relative.replace(false));
        let (stack, depth) = (self.stack.borrow().len(), self.depth.get());
        self.reached.set((stack, depth));
        let result = work();
        let reached = self.reached.get();
        let (reads, relative) = (self.reads.replace(before.0), self.relative.replace(before.2));
        self.reached.set(before.1);
        let worked = Worked { result, reads, height: (reached.0 - stack, reached.1 - depth), relative };
        self.depends(&worked);
        worked
    }

    /// What is being worked out depends on this.
    fn depends<T>(&self, worked: &Worked<T>) {
        let mut reads = self.reads.borrow_mut();
        for (key, version) in &worked.reads {
            reads.entry(key.clone()).or_insert(*version);
        }
        let (stack, depth) = self.reached.get();
        let (here, down) = (self.stack.borrow().len(), self.depth.get());
        self.reached.set((stack.max(here + worked.height.0), depth.max(down + worked.height.1)));
        self.relative.set(self.relative.get() || worked.relative);
    }

    /// Whether what was worked out holds here.
    fn holds(&self, worked: &Worked<Value>) -> bool {
        self.stack.borrow().len() + worked.height.0 < MAX_CHAIN
            && self.depth.get() + worked.height.1 < MAX_DEPTH
            && worked.reads.iter().all(|(key, version)| self.workspace.version_of(key) == *version)
    }

    /// Works out what a name stands for, with steps of its own, so that it is the same for all who ask.
    fn with_own_steps<T>(&self, work: impl FnOnce() -> T) -> T {
        let own = self.work.get().min(MAX_STEPS);
        let before = self.steps.replace(own);
        let result = work();
        let left = self.steps.replace(before);
        self.work.set(self.work.get().saturating_sub(own - left));
        if left == 0 && own < MAX_STEPS {
            self.is_over.set(true);
            self.relative.set(true);
        }
        result
    }

    /// Everything that was asked.
    pub fn into_reads(self) -> Reads {
        self.reads.into_inner()
    }

    /// What Terraform would refuse.
    pub fn refusals(&self) -> Vec<Refusal> {
        self.refusals.borrow().clone()
    }

    /// Takes a step; false where none is left.
    pub(super) fn step(&self, cost: usize) -> bool {
        let left = self.steps.get().saturating_sub(cost as u64);
        self.taken.set(self.taken.get().saturating_add(cost as u64));
        self.steps.set(left);
        left > 0
    }

    fn refuse(&self, message: String, about: Vec<String>) {
        // Everyone is told who comes by here.
        self.relative.set(true);
        let refusal = Refusal { message, about };
        let mut refusals = self.refusals.borrow_mut();
        if !refusals.contains(&refusal) {
            refusals.push(refusal);
        }
    }

    /// Records a question.
    pub(super) fn ask(&self, module: &Arc<str>, what: What, name: &str) -> Key {
        let key = Key { module: Arc::clone(module), what, name: name.into() };
        let mut reads = self.reads.borrow_mut();
        if !reads.contains_key(&key) {
            let version = self.workspace.version_of(&key);
            reads.insert(key.clone(), version);
        }
        key
    }

    /// The blocks that answer a question.
    pub(super) fn blocks(&self, module: &Arc<str>, what: What, name: &str) -> Vec<Definition> {
        let key = self.ask(module, what, name);
        self.workspace.entries(&key).map(|entries| entries.iter().cloned().collect()).unwrap_or_default()
    }
}

type ByAddress<T> = Rc<RefCell<FxHashMap<Arc<str>, T>>>;

type Entered<'a> = Rc<Worked<Option<Scope<'a>>>>;

/// A module as it is called, or by itself.
#[derive(Clone)]
pub struct Scope<'a> {
    pub(super) evaluation: &'a Evaluation<'a>,
    pub(super) module: Arc<str>,
    /// What a call passes in.
    arguments: Option<Rc<HashMap<Arc<str>, Value>>>,
    /// The modules that led here.
    callers: Rc<Vec<Arc<str>>>,
    /// Values that were worked out, by address.
    known: ByAddress<Arc<Worked<Value>>>,
    /// Modules that were entered, by address of the call; nothing while one is being entered.
    entered: ByAddress<Option<Entered<'a>>>,
}

/// Names that are bound inside of an expression: `each`, `count`, the iterator of a block, the names of a `for`.
#[derive(Clone, Copy)]
pub(super) struct Bound<'b> {
    name: &'b str,
    value: &'b Value,
    outer: Option<&'b Bound<'b>>,
}

impl<'b> Bound<'b> {
    fn find(mut bound: Option<&'b Self>, name: &str) -> Option<&'b Value> {
        while let Some(here) = bound {
            if here.name == name {
                return Some(here.value);
            }
            bound = here.outer;
        }
        None
    }
}

/// A value that is unknown for the want of something.
pub(super) fn unknown(range: &Range<usize>, needs: &str) -> Value {
    Value::new(range.clone(), unknown_kind(needs))
}

pub(super) fn unknown_kind(needs: &str) -> ValueKind {
    ValueKind::Unknown { template: None, needs: Some(needs.into()) }
}

impl Worked<Value> {
    pub(super) fn value(&self) -> &Value {
        &self.result
    }
}

impl<'a> Scope<'a> {
    /// A module by itself.
    pub fn new(evaluation: &'a Evaluation<'a>, module: &str) -> Self {
        Self {
            evaluation,
            module: module.into(),
            arguments: None,
            callers: Rc::new(Vec::new()),
            known: Rc::default(),
            entered: Rc::default(),
        }
    }

    /// The instances of a block: one where it has neither `count` nor `for_each`, none where it is known to have none.
    pub fn resources(&self, definition: &Definition) -> Vec<Resource> {
        let block = definition.block();
        let unknown_each = |needs: &str| {
            let part = |name: &str| Field {
                name: name.to_owned(),
                range: block.range.clone(),
                value: unknown(&block.range, needs),
            };
            let body = Body { fields: vec![part("key"), part("value")], open: true, ..Body::default() };
            Value::new(block.range.clone(), ValueKind::Object(body))
        };
        let instance = |name: &str, value: &Value| self.resource(definition, Some(&Bound { name, value, outer: None }));
        if !is_repeatable(&block.kind) {
            return vec![self.resource(definition, None)];
        }
        if let Some((expr, _)) = self.setting(definition, "count") {
            let count = self.eval(&expr, None);
            return match count.as_number() {
                Some(number) if number <= 0.0 => Vec::new(),
                Some(_) if block.mentions("count") => {
                    let index = Field {
                        name: "index".to_owned(),
                        range: expr.range.clone(),
                        value: Value::new(expr.range.clone(), ValueKind::Number(0.0)),
                    };
                    let body = Body { fields: vec![index], ..Body::default() };
                    vec![instance("count", &Value::new(expr.range.clone(), ValueKind::Object(body)))]
                }
                _ => vec![instance("count", &unknown_each("count.index"))],
            };
        }
        if let Some((expr, _)) = self.setting(definition, "for_each") {
            let elements = Self::elements(&self.eval(&expr, None));
            return match elements {
                Some(elements) if elements.is_empty() => Vec::new(),
                Some(elements) if block.mentions("each") && elements.len() <= MAX_INSTANCES => {
                    elements.into_iter().map(|(key, value)| instance("each", &pair(&expr.range, key, value))).collect()
                }
                _ => vec![instance("each", &unknown_each("each.value"))],
            };
        }
        vec![self.resource(definition, None)]
    }

    /// What a block says of an attribute, the last override file first, and where.
    fn setting(&self, definition: &Definition, name: &str) -> Option<(Expr, Definition)> {
        let mut from = definition.clone();
        if !definition.is_override() {
            let blocks = self.evaluation.blocks(&self.module, What::Definition, &definition.block().address);
            let says = |other: &Definition| other.is_override() && other.block().body.attribute(name).is_some();
            if let Some(other) = blocks.into_iter().rfind(says) {
                from = other;
            }
        }
        Some((from.block().body.attribute(name)?.clone(), from))
    }

    fn resource(&self, definition: &Definition, bound: Option<&Bound<'_>>) -> Resource {
        let block = definition.block();
        self.evaluation.step(1);
        let mut body = self.body(&block.body, bound);
        if &*block.kind == "locals" || &*block.kind == "module" {
            // Their names are the user's own.
            body.open = true;
        }
        if definition.is_override() {
            // What it does not say, the block that it changes may say.
            body.open = true;
        } else if !matches!(&*block.kind, "local" | "value" | "variable") {
            self.override_fields(definition, &mut body, bound);
        }
        Resource { kind: block.kind.to_string(), address: block.address.to_string(), range: block.range.clone(), body }
    }

    /// What override files say of a block takes the place of what it says itself.
    pub(super) fn override_fields(&self, definition: &Definition, body: &mut Body, bound: Option<&Bound<'_>>) {
        let others = self.evaluation.blocks(&self.module, What::Definition, &definition.block().address);
        for other in others.iter().filter(|other| other.is_override()) {
            let mut changed = self.body(&other.block().body, bound);
            // Of this block alone Terraform takes the settings that the other does not make.
            if let Some(ValueKind::Object(before)) = body.value("lifecycle").map(|value| value.kind.clone()) {
                for field in changed.fields.iter_mut().filter(|field| field.name == "lifecycle") {
                    let ValueKind::Object(after) = &mut field.value.kind else { continue };
                    let kept: Vec<_> =
                        before.fields.iter().filter(|field| after.value(&field.name).is_none()).cloned().collect();
                    after.fields.extend(kept);
                }
            }
            let mut names: Vec<_> = changed.fields.iter().map(|field| field.name.clone()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let place = body.fields.iter().find(|field| field.name == name);
                let range = place.map_or_else(|| body.anchor.clone(), |field| field.value.range.clone());
                body.fields.retain(|field| field.name != name);
                for field in changed.named(&name) {
                    let via = Self::via(&name, ViaSource::Override, other, &field.value);
                    let value = self.moved(&field.value, &range, &via);
                    body.fields.push(Field { name: name.clone(), range: range.clone(), value });
                }
            }
        }
    }

    pub(super) fn body(&self, items: &Items, bound: Option<&Bound<'_>>) -> Body {
        let mut body = Body { fields: Vec::new(), anchor: items.anchor.clone(), close: items.close, open: items.open };
        for item in &items.entries {
            let value = match &item.content {
                Content::Attribute(value) => self.eval(value, bound),
                Content::Block(items) => Value::new(item.range.clone(), ValueKind::Object(self.body(items, bound))),
                Content::Dynamic(dynamic) => {
                    self.dynamic(&item.name, dynamic, &item.range, bound, &mut body);
                    continue;
                }
            };
            body.fields.push(Field { name: item.name.to_string(), range: item.range.clone(), value });
        }
        body
    }

    fn dynamic(&self, name: &str, dynamic: &Dynamic, range: &Range<usize>, bound: Option<&Bound<'_>>, body: &mut Body) {
        let mut push = |value| body.fields.push(Field { name: name.to_owned(), range: range.clone(), value });
        let over = dynamic.for_each.as_ref().map(|expr| (expr, self.eval(expr, bound)));
        let elements = over.as_ref().and_then(|(expr, value)| Self::keyed(expr, value));
        match (over, elements) {
            (Some((expr, _)), Some(elements)) if elements.len() <= MAX_INSTANCES => {
                for (key, value) in elements {
                    let element = pair(&expr.range, key, value);
                    let bound = Bound { name: &dynamic.iterator, value: &element, outer: bound };
                    let content = self.body(&dynamic.content, Some(&bound));
                    push(Value::new(range.clone(), ValueKind::Object(content)));
                }
            }
            (Some((_, value)), _) => push(unknown(range, value.needs().unwrap_or("for_each"))),
            (None, _) => push(unknown(range, "for_each")),
        }
    }

    /// The elements of a value that something goes over, with their keys. The keys of a set are its elements, those of a list
    /// are numbers, and a value does not tell which of them it is.
    fn keyed(expr: &Expr, value: &Value) -> Option<Vec<(Value, Value)>> {
        let is_set = matches!(&expr.kind, ExprKind::Call { name, .. } if &**name == "toset");
        let is_list = matches!(&expr.kind, ExprKind::List(_));
        let mut elements = Self::elements(value)?;
        if matches!(value.kind, ValueKind::List(_)) && !is_set {
            for (index, (key, value)) in elements.iter_mut().enumerate() {
                #[expect(clippy::cast_precision_loss, reason = "an index")]
                let kind =
                    if is_list { ValueKind::Number(index as f64) } else { unknown_kind("the key of an element") };
                *key = Value::new(value.range.clone(), kind);
            }
        }
        Some(elements)
    }

    /// The elements of a value that something goes over, with their keys: those of objects in order of their names.
    fn elements(value: &Value) -> Option<Vec<(Value, Value)>> {
        let text =
            |text: &str| Value::new(value.range.clone(), ValueKind::String { text: text.to_owned(), verbatim: None });
        match &value.kind {
            ValueKind::Object(body) if !body.open => {
                let mut fields: Vec<_> = body.fields.iter().collect();
                fields.sort_by(|a, b| a.name.cmp(&b.name));
                Some(fields.into_iter().map(|field| (text(&field.name), field.value.clone())).collect())
            }
            ValueKind::List(values) => Some(
                values
                    .iter()
                    .enumerate()
                    .map(|(index, element)| {
                        let key = match &element.kind {
                            // As in a set, an element is its own key.
                            ValueKind::String { .. } => element.clone(),
                            #[expect(clippy::cast_precision_loss, reason = "an index")]
                            _ => Value::new(element.range.clone(), ValueKind::Number(index as f64)),
                        };
                        (key, element.clone())
                    })
                    .collect(),
            ),
            _ => None,
        }
    }

    /// The value of an expression.
    pub(super) fn eval(&self, expr: &Expr, bound: Option<&Bound<'_>>) -> Value {
        if !self.evaluation.step(1) {
            return unknown(&expr.range, TOO_MANY_STEPS);
        }
        let depth = self.evaluation.depth.get();
        if depth >= MAX_DEPTH {
            self.evaluation.relative.set(true);
            return unknown(&expr.range, "expressions that lead to each other too deep");
        }
        self.evaluation.depth.set(depth + 1);
        let (stack, deepest) = self.evaluation.reached.get();
        self.evaluation.reached.set((stack, deepest.max(depth + 1)));
        let value = self.eval_inside(expr, bound);
        self.evaluation.depth.set(depth);
        value
    }

    fn eval_inside(&self, expr: &Expr, bound: Option<&Bound<'_>>) -> Value {
        let range = &expr.range;
        let kind = match &expr.kind {
            ExprKind::Null => ValueKind::Null,
            ExprKind::Bool(bool) => ValueKind::Bool(*bool),
            ExprKind::Number(number) => ValueKind::Number(*number),
            ExprKind::Template(template) => return self.template(template, range, bound),
            ExprKind::List(values) => ValueKind::List(values.iter().map(|value| self.eval(value, bound)).collect()),
            ExprKind::Object { elements, open } => ValueKind::Object(self.object(elements, *open, range, bound)),
            ExprKind::Variable(name) => {
                return Bound::find(bound, name)
                    .map_or_else(|| unknown(range, name), |value| self.here(value.clone(), range));
            }
            ExprKind::Traversal(root, steps) => return self.traversal(root, steps, range, bound),
            ExprKind::Call { name, arguments, expand } => return self.call(name, arguments, *expand, range, bound),
            ExprKind::Conditional(parts) => return self.conditional(parts, range, bound),
            ExprKind::Unary(operator, operand) => {
                let value = self.eval(operand, bound);
                match (operator, value.as_number(), value.as_bool()) {
                    // Not `-number`, for there is no -0.
                    (Operator::Subtract, Some(number), _) => ValueKind::Number(0.0 - number),
                    (Operator::Not, _, Some(bool)) => ValueKind::Bool(!bool),
                    _ => unknown_kind(value.needs().unwrap_or("an operand of another type")),
                }
            }
            ExprKind::Binary(operator, operands) => self.binary(*operator, operands, bound),
            ExprKind::For(parts) => self.comprehension(parts, range, bound),
            ExprKind::Unreadable => ValueKind::UNKNOWN,
        };
        Value::new(range.clone(), kind)
    }

    fn object(&self, elements: &[Element], open: bool, range: &Range<usize>, bound: Option<&Bound<'_>>) -> Body {
        let anchor = range.start..(range.start + 1).min(range.end);
        let mut body = Body { fields: Vec::with_capacity(elements.len()), anchor, close: None, open };
        for element in elements {
            let value = self.eval(&element.value, bound);
            let key = match text_of(&element.key) {
                Some(text) => Some(text.to_owned()),
                None => string(&self.eval(&element.key, bound)),
            };
            match key {
                Some(name) => body.fields.push(Field { name, range: element.range.clone(), value }),
                None => body.open = true,
            }
        }
        // The last entry with a name counts.
        let mut names = HashSet::with_capacity(body.fields.len());
        let is_last: Vec<bool> = body.fields.iter().rev().map(|field| names.insert(field.name.as_str())).collect();
        if is_last.contains(&false) {
            let mut is_last = is_last.into_iter().rev();
            body.fields.retain(|_| is_last.next() == Some(true));
        }
        body
    }

    fn template(&self, template: &Template, range: &Range<usize>, bound: Option<&Bound<'_>>) -> Value {
        let string = |text: String, verbatim: Option<Range<usize>>| {
            Value::new(range.clone(), ValueKind::String { text, verbatim })
        };
        match template.parts.as_slice() {
            [] => return string(String::new(), Some(template.content.clone())),
            [Part::Text { text, verbatim }] if template.flush => {
                return string(flush(text), verbatim.then(|| template.content.clone()));
            }
            [Part::Text { text, verbatim }] => {
                return string(text.to_string(), verbatim.then(|| template.content.clone()));
            }
            // `"${x}"` is x itself.
            [Part::Interpolation(expr)] if !template.heredoc => {
                return Value { range: range.clone(), ..self.eval(expr, bound) };
            }
            _ => {}
        }
        let mut text = String::new();
        match self.parts(&template.parts, &mut text, bound) {
            // What is put in may have lines of its own, which are not indented any less.
            Ok(()) if template.flush => unknown(range, "the indentation of a heredoc"),
            Ok(()) => string(text, None),
            Err(needs) => {
                let template = template.heredoc.then(|| template.content.clone());
                Value::new(range.clone(), ValueKind::Unknown { template, needs })
            }
        }
    }

    /// Writes the parts one after the other, or says what is unknown in them.
    fn parts(&self, parts: &[Part], text: &mut String, bound: Option<&Bound<'_>>) -> Result<(), Option<Arc<str>>> {
        for part in parts {
            match part {
                Part::Text { text: part, .. } => text.push_str(part),
                Part::Interpolation(expr) => {
                    let value = self.eval(expr, bound);
                    match string(&value) {
                        Some(part) if self.evaluation.step(part.len() / 64) => text.push_str(&part),
                        _ => return Err(value.needs().map(Arc::from)),
                    }
                }
                Part::If(parts) => {
                    let condition = self.eval(&parts.0, bound);
                    match condition.as_bool() {
                        Some(true) => self.parts(&parts.1, text, bound)?,
                        Some(false) => self.parts(&parts.2, text, bound)?,
                        None => return Err(condition.needs().map(Arc::from)),
                    }
                }
                Part::Unknown => return Err(None),
            }
        }
        Ok(())
    }

    fn conditional(&self, parts: &[Expr; 3], range: &Range<usize>, bound: Option<&Bound<'_>>) -> Value {
        let [condition, yes, no] = parts;
        let condition = self.eval(condition, bound);
        match condition.as_bool() {
            Some(true) => self.eval(yes, bound),
            Some(false) => self.eval(no, bound),
            None => {
                let (yes, no) = (self.eval(yes, bound), self.eval(no, bound));
                if same(&yes, &no) == Some(true) {
                    return Value { range: range.clone(), ..yes };
                }
                unknown(range, condition.needs().unwrap_or("a condition"))
            }
        }
    }

    fn binary(&self, operator: Operator, operands: &[Expr; 2], bound: Option<&Bound<'_>>) -> ValueKind {
        let left = self.eval(&operands[0], bound);
        match (operator, left.as_bool()) {
            (Operator::And, Some(false)) => return ValueKind::Bool(false),
            (Operator::Or, Some(true)) => return ValueKind::Bool(true),
            _ => {}
        }
        let right = self.eval(&operands[1], bound);
        let needs = || unknown_kind(left.needs().or(right.needs()).unwrap_or("an operand of another type"));
        let numbers = left.as_number().zip(right.as_number());
        let number = |of: fn(f64, f64) -> f64| {
            numbers.map(|(a, b)| of(a, b)).filter(|number| is_exact(*number)).map_or_else(needs, ValueKind::Number)
        };
        let order = |of: fn(&f64, &f64) -> bool| numbers.map_or_else(needs, |(a, b)| ValueKind::Bool(of(&a, &b)));
        match operator {
            Operator::Add => number(|a, b| a + b),
            Operator::Subtract => number(|a, b| a - b),
            Operator::Multiply => number(|a, b| a * b),
            Operator::Divide => number(|a, b| a / b),
            Operator::Remainder => number(|a, b| a % b),
            Operator::Less => order(f64::lt),
            Operator::LessOrEqual => order(f64::le),
            Operator::Greater => order(f64::gt),
            Operator::GreaterOrEqual => order(f64::ge),
            Operator::Equal => equal(&left, &right).map_or_else(needs, ValueKind::Bool),
            Operator::NotEqual => equal(&left, &right).map_or_else(needs, |equal| ValueKind::Bool(!equal)),
            Operator::And => match (left.as_bool(), right.as_bool()) {
                (_, Some(false)) => ValueKind::Bool(false),
                (Some(true), Some(true)) => ValueKind::Bool(true),
                _ => needs(),
            },
            Operator::Or => match (left.as_bool(), right.as_bool()) {
                (_, Some(true)) => ValueKind::Bool(true),
                (Some(false), Some(false)) => ValueKind::Bool(false),
                _ => needs(),
            },
            Operator::Not => ValueKind::UNKNOWN,
        }
    }

    fn comprehension(&self, parts: &For, range: &Range<usize>, bound: Option<&Bound<'_>>) -> ValueKind {
        let collection = self.eval(&parts.collection, bound);
        let elements = Self::keyed(&parts.collection, &collection);
        let Some(elements) = elements.filter(|elements| elements.len() <= MAX_ELEMENTS) else {
            return unknown_kind(collection.needs().unwrap_or("a collection"));
        };
        let mut list = Vec::new();
        let mut body = Body { anchor: range.start..(range.start + 1).min(range.end), ..Body::default() };
        let mut places: HashMap<String, usize> = HashMap::new();
        for (key, value) in elements {
            if self.evaluation.steps_left() == 0 {
                return unknown_kind(TOO_MANY_STEPS);
            }
            let outer = Bound { name: parts.key_name.as_deref().unwrap_or_default(), value: &key, outer: bound };
            let bound = Bound { name: &parts.value_name, value: &value, outer: Some(&outer) };
            if let Some(condition) = &parts.condition {
                let condition = self.eval(condition, Some(&bound));
                match condition.as_bool() {
                    Some(true) => {}
                    Some(false) => continue,
                    None => return unknown_kind(condition.needs().unwrap_or("a condition")),
                }
            }
            let result = self.eval(&parts.value, Some(&bound));
            let Some(key) = &parts.key else {
                list.push(result);
                continue;
            };
            match string(&self.eval(key, Some(&bound))) {
                Some(name) if parts.grouped => {
                    let group = places.get(&name).and_then(|place| body.fields.get_mut(*place));
                    if let Some(ValueKind::List(values)) = group.map(|field| &mut field.value.kind) {
                        values.push(result);
                    } else {
                        places.insert(name.clone(), body.fields.len());
                        let value = Value::new(range.clone(), ValueKind::List(vec![result]));
                        body.fields.push(Field { name, range: range.clone(), value });
                    }
                }
                Some(name) => {
                    if places.insert(name.clone(), body.fields.len()).is_some() {
                        return unknown_kind("keys that are all different");
                    }
                    body.fields.push(Field { name, range: range.clone(), value: result });
                }
                None => body.open = true,
            }
        }
        if body.open && parts.grouped {
            // Any group may have more elements.
            return unknown_kind("the key of an element");
        }
        if parts.key.is_some() { ValueKind::Object(body) } else { ValueKind::List(list) }
    }

    fn call(
        &self,
        name: &str,
        arguments: &[Expr],
        expand: bool,
        range: &Range<usize>,
        bound: Option<&Bound<'_>>,
    ) -> Value {
        match name {
            "try" | "can" => {
                for argument in arguments {
                    let value = self.eval(argument, bound);
                    let absent = value.needs() == Some(ABSENT);
                    // Where a part is unknown, it may be one that is not there.
                    if let Some(needs) = unknown_part(&value).filter(|_| !value.is_unknown()) {
                        return unknown(range, needs);
                    }
                    if name == "can" {
                        return match (absent, value.is_unknown()) {
                            (true, _) => Value::new(range.clone(), ValueKind::Bool(false)),
                            (false, true) => value,
                            (false, false) => Value::new(range.clone(), ValueKind::Bool(true)),
                        };
                    }
                    if !absent {
                        return value;
                    }
                }
                return unknown(range, ABSENT);
            }
            "file" | "templatefile" | "filebase64" => return self.file(name, arguments, range, bound),
            _ => {}
        }
        let mut values: Vec<Value> = arguments.iter().map(|argument| self.eval(argument, bound)).collect();
        if expand && let Some(last) = values.pop() {
            match last.kind {
                ValueKind::List(elements) => values.extend(elements),
                _ => return unknown(range, last.needs().unwrap_or("the arguments")),
            }
        }
        if !self.evaluation.step(values.iter().map(width).sum()) {
            return unknown(range, TOO_MANY_STEPS);
        }
        functions::call(name, values, range)
    }

    /// A path that counts from the module's folder.
    pub(super) fn path(&self, path: &str) -> String {
        if path.starts_with('/') { normal(path) } else { normal(&format!("{}/{path}", self.module)) }
    }

    /// The text of a file of the workspace.
    fn file(&self, name: &str, arguments: &[Expr], range: &Range<usize>, bound: Option<&Bound<'_>>) -> Value {
        let Some(path) = arguments.first().map(|argument| self.eval(argument, bound)) else {
            return unknown(range, "a path");
        };
        let Some(text) = path.as_str() else { return unknown(range, path.needs().unwrap_or("a path")) };
        let path = self.path(text);
        self.evaluation.ask(&Arc::from(path.as_str()), What::File, &path);
        match self.evaluation.workspace.text(&path).filter(|_| name == "file") {
            Some(content) if self.evaluation.step(content.len() / 64) => {
                Value::new(range.clone(), ValueKind::String { text: content.to_string(), verbatim: None })
            }
            _ => unknown(range, &format!("the file {text}")),
        }
    }

    fn traversal(&self, root: &Expr, steps: &[Step], range: &Range<usize>, bound: Option<&Bound<'_>>) -> Value {
        let ExprKind::Variable(name) = &root.kind else {
            return self.walk(&self.eval(root, bound), steps, range, bound);
        };
        if let Some(value) = Bound::find(bound, name) {
            let found = self.walk(value, steps, range, bound);
            return self.here(found, range);
        }
        let Some((address, used)) = address_of(root, steps) else { return unknown(range, name) };
        let rest = &steps[used..];
        match &**name {
            "var" | "local" => {
                let worked = self.named(&address);
                let found = self.walk(worked.value(), rest, range, bound);
                self.here(found, range)
            }
            "path" => {
                let folder = match steps {
                    [Step::Attribute(which)] if &**which == "module" => &self.module,
                    [Step::Attribute(which)] if &**which == "root" => self.callers.first().unwrap_or(&self.module),
                    _ => return unknown(range, "path"),
                };
                Value::new(range.clone(), ValueKind::String { text: folder.to_string(), verbatim: None })
            }
            "module" => self.output(&address, rest, range, bound),
            "each" | "count" | "terraform" | "self" | "ephemeral" => unknown(range, &written(name, steps)),
            _ => self.attribute(&address, rest, range, bound, &written(name, steps)),
        }
    }

    /// A value that was found elsewhere stands where it is used.
    fn here(&self, mut value: Value, range: &Range<usize>) -> Value {
        if (value.via.is_some() || value.is_unknown()) && value.range != *range {
            relocate(&mut value, range);
            self.evaluation.step(width(&value));
        }
        value
    }

    fn walk(&self, value: &Value, steps: &[Step], range: &Range<usize>, bound: Option<&Bound<'_>>) -> Value {
        let Some((step, rest)) = steps.split_first() else { return value.clone() };
        if value.is_unknown() {
            let needs = value.needs().unwrap_or("a value that cannot be read");
            return Value { range: range.clone(), kind: unknown_kind(needs), via: value.via.clone() };
        }
        let absent = || unknown(range, ABSENT);
        match step {
            Step::Attribute(name) => match &value.kind {
                ValueKind::Object(body) => match body.fields.iter().rev().find(|field| *field.name == **name) {
                    Some(field) => self.walk(&field.value, rest, range, bound),
                    None if body.open => unknown(range, name),
                    None => absent(),
                },
                _ => absent(),
            },
            Step::Index(index) => {
                let index = self.eval(index, bound);
                if index.is_unknown() {
                    return unknown(range, index.needs().unwrap_or("an index"));
                }
                match &value.kind {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
                    ValueKind::List(values) => match index.as_number().filter(|at| *at >= 0.0 && at.fract() == 0.0) {
                        Some(at) => values.get(at as usize).map_or_else(absent, |v| self.walk(v, rest, range, bound)),
                        None => absent(),
                    },
                    ValueKind::Object(body) => {
                        let name = string(&index).unwrap_or_default();
                        match body.fields.iter().rev().find(|field| field.name == name) {
                            Some(field) => self.walk(&field.value, rest, range, bound),
                            None if body.open => unknown(range, &name),
                            None => absent(),
                        }
                    }
                    _ => absent(),
                }
            }
            Step::Splat | Step::AttributeSplat => {
                // After `.*`, an index counts in the list of what was found.
                let own = match step {
                    Step::AttributeSplat => rest.iter().take_while(|step| matches!(step, Step::Attribute(_))).count(),
                    _ => rest.len(),
                };
                let (rest, behind) = rest.split_at(own);
                let mut is_absent = false;
                let mut each = |values: &[Value]| {
                    let found: Vec<_> = values.iter().map(|value| self.walk(value, rest, range, bound)).collect();
                    is_absent = found.iter().any(|value| value.needs() == Some(ABSENT));
                    ValueKind::List(found)
                };
                let kind = match &value.kind {
                    ValueKind::List(values) => each(values),
                    ValueKind::Null => ValueKind::List(Vec::new()),
                    _ => each(std::slice::from_ref(value)),
                };
                if is_absent {
                    return absent();
                }
                let all = Value { range: range.clone(), kind, via: value.via.clone() };
                self.walk(&all, behind, range, bound)
            }
        }
    }

    /// The value of `var.x` or `local.x`, worked out once.
    pub(super) fn named(&self, address: &Arc<str>) -> Arc<Worked<Value>> {
        if let Some(worked) = self.known.borrow().get(address) {
            self.evaluation.depends(worked);
            return Arc::clone(worked);
        }
        let work = || match address.strip_prefix("var.") {
            Some(name) => self.variable(name, address),
            None => self.local(address),
        };
        let evaluation = self.evaluation;
        let worked = if self.arguments.is_some() {
            Arc::new(evaluation.tracked(|| self.guarded(address, work)))
        } else {
            let key = (Arc::clone(&self.module), Arc::clone(address));
            let kept = evaluation.workspace.known().get(&key).cloned();
            if let Some(worked) = kept.filter(|worked| evaluation.holds(worked)) {
                evaluation.depends(&worked);
                worked
            } else {
                let worked = evaluation.tracked(|| self.guarded(address, || evaluation.with_own_steps(work)));
                let worked = Arc::new(worked);
                if !worked.relative {
                    let mut known = evaluation.workspace.known();
                    if known.len() >= MAX_KNOWN {
                        known.clear();
                    }
                    known.insert(key, Arc::clone(&worked));
                }
                worked
            }
        };
        self.known.borrow_mut().insert(Arc::clone(address), Arc::clone(&worked));
        worked
    }

    /// Works out what an address stands for, unless that is being done already.
    fn guarded(&self, address: &str, work: impl FnOnce() -> Value) -> Value {
        let here = format!("{} {address}", self.module);
        let stack = &self.evaluation.stack;
        let cycle = stack.borrow().iter().position(|above| *above == here);
        if let Some(start) = cycle {
            let names: Vec<_> = stack.borrow()[start..]
                .iter()
                .map(|above| above.rsplit_once(' ').map_or(above.as_str(), |(_, address)| address).to_owned())
                .collect();
            let message =
                format!("`{address}` depends on itself ({} → {address}); Terraform refuses this.", names.join(" → "));
            self.evaluation.refuse(message, names);
            return unknown(&(0..0), &format!("{address}, which depends on itself"));
        }
        if stack.borrow().len() >= MAX_CHAIN {
            self.evaluation.relative.set(true);
            return unknown(&(0..0), &format!("{address}, which is more than {MAX_CHAIN} references away"));
        }
        stack.borrow_mut().push(here);
        let (longest, depth) = self.evaluation.reached.get();
        self.evaluation.reached.set((longest.max(stack.borrow().len()), depth));
        let value = work();
        stack.borrow_mut().pop();
        value
    }

    fn local(&self, address: &Arc<str>) -> Value {
        let blocks = self.evaluation.blocks(&self.module, What::Definition, address);
        let Some(definition) = blocks.iter().rfind(|block| block.is_override()).or(blocks.first()) else {
            return unknown(&(0..0), &format!("{address}, which is not declared"));
        };
        // Packer has `local "name" { expression = … }` too.
        let body = &definition.block().body;
        let name = address.strip_prefix("local.").unwrap_or(address);
        let Some(expr) = body.attribute(name).or_else(|| body.attribute("expression")) else {
            return unknown(&(0..0), address);
        };
        let value = self.eval(expr, None);
        let value = as_document(value, definition);
        let via = Self::via(address, ViaSource::Local, definition, &value);
        self.moved(&value, &(0..0), &via)
    }

    /// The value of a variable: what the call passes, else what variable files that apply by themselves say, else its
    /// default.
    fn variable(&self, name: &str, address: &Arc<str>) -> Value {
        let nowhere = 0..0;
        let blocks = self.evaluation.blocks(&self.module, What::Definition, address);
        let definition = blocks.iter().find(|block| !block.is_override()).or(blocks.first());
        let setting = |name: &str| definition.and_then(|definition| self.setting(definition, name));
        let kind = setting("type").map(|(kind, _)| kind);
        let kind = kind.as_ref();
        let is_nullable =
            || setting("nullable").is_none_or(|(expr, _)| self.eval(&expr, None).as_bool() != Some(false));
        let of_type = |value: Value| kind.map_or_else(|| value.clone(), |kind| self.of_type(&value, kind, 0));
        if let Some(arguments) = &self.arguments
            && let Some(value) = arguments.get(name)
        {
            // `null` stands for the default where the variable is not nullable.
            if !matches!(value.kind, ValueKind::Null) || is_nullable() {
                return of_type(value.clone());
            }
        }
        let default = setting("default").map(|(expr, definition)| {
            let value = as_document(self.eval(&expr, None), &definition);
            let via = Self::via(address, ViaSource::Default, &definition, &value);
            of_type(self.moved(&value, &nowhere, &via))
        });
        if self.arguments.is_some() {
            return default.unwrap_or_else(|| unknown(&nowhere, &format!("{address}, which the call does not set")));
        }
        let mut files = self.evaluation.blocks(&self.module, What::Values, name);
        files.sort_by(|a, b| applied(&a.file).cmp(&applied(&b.file)));
        let (mut value, mut others) = (default.clone(), Vec::new());
        for definition in &files {
            let Some(item) = definition.block().body.entries.first() else { continue };
            let Content::Attribute(expr) = &item.content else { continue };
            let found = as_document(self.eval(expr, None), definition);
            let via = Self::via(address, ViaSource::VariableFile, definition, &found);
            let found = of_type(self.moved(&found, &nowhere, &via));
            let found = match (&default, &found.kind) {
                (Some(default), ValueKind::Null) if !is_nullable() => default.clone(),
                _ => found,
            };
            if applied(&definition.file).is_some() {
                value = Some(found);
            } else {
                others.push((found, file_name(&definition.file).to_owned()));
            }
        }
        let Some(value) = value.or_else(|| {
            // Nothing applies by itself, and all the files that say something say the same.
            let (first, _) = others.first()?;
            others.iter().all(|(other, _)| same(first, other) == Some(true)).then(|| first.clone())
        }) else {
            let needs = match (others.first(), definition) {
                (Some((_, file)), _) => format!("{address}, which depends on the variable file ({file})"),
                (None, Some(_)) => format!("{address}, which has no default"),
                (None, None) => format!("{address}, which is not declared"),
            };
            return unknown(&nowhere, &needs);
        };
        if let Some((_, file)) = others.iter().find(|(other, _)| same(&value, other) != Some(true)) {
            return unknown(&nowhere, &format!("{address}, which {file} sets to something else"));
        }
        if self.is_set_by_callers(name) {
            return unknown(&nowhere, &format!("{address}, which the calls of this module set"));
        }
        value
    }

    /// Whether the module is called, and every call sets a variable.
    fn is_set_by_callers(&self, name: &str) -> bool {
        let calls = self.evaluation.blocks(&self.module, What::Callers, &self.module);
        !calls.is_empty() && calls.iter().all(|call| call.block().body.attribute(name).is_some())
    }

    /// A value as its type makes it: attributes that are left out get their defaults.
    fn of_type(&self, value: &Value, kind: &Expr, depth: usize) -> Value {
        if let ExprKind::Variable(name) = &kind.kind {
            let made = match (&**name, &value.kind) {
                ("string", ValueKind::Number(_) | ValueKind::Bool(_)) => {
                    string(value).map(|text| ValueKind::String { text, verbatim: None })
                }
                ("number", ValueKind::String { .. }) => value.as_number().map(ValueKind::Number),
                ("bool", ValueKind::String { .. }) => value.as_bool().map(ValueKind::Bool),
                _ => None,
            };
            return made.map_or_else(|| value.clone(), |kind| Value { kind, ..value.clone() });
        }
        let ExprKind::Call { name, arguments, .. } = &kind.kind else { return value.clone() };
        let Some(argument) = arguments.first().filter(|_| depth < 16 && self.evaluation.step(1)) else {
            return value.clone();
        };
        let mut value = value.clone();
        match (&**name, &mut value.kind) {
            ("optional", _) => return self.of_type(&value, argument, depth + 1),
            ("list" | "set", ValueKind::List(values)) => {
                for element in values.iter_mut() {
                    *element = self.of_type(element, argument, depth + 1);
                }
                if &**name == "set" {
                    functions::make_set(values);
                }
            }
            ("map", ValueKind::Object(body)) => {
                for field in &mut body.fields {
                    field.value = self.of_type(&field.value, argument, depth + 1);
                }
            }
            ("object", ValueKind::Object(body)) => {
                let ExprKind::Object { elements, open: false } = &argument.kind else { return value };
                let names: Option<Vec<_>> = elements.iter().map(|element| text_of(&element.key)).collect();
                if let Some(names) = names {
                    body.fields.retain(|field| names.contains(&field.name.as_str()));
                }
                for element in elements {
                    let Some(name) = text_of(&element.key) else { continue };
                    match body.fields.iter_mut().find(|field| field.name == name) {
                        Some(field) if !matches!(field.value.kind, ValueKind::Null) => {
                            field.value = self.of_type(&field.value, &element.value, depth + 1);
                        }
                        Some(field) => {
                            if let Some(default) = self.optional(&element.value, depth) {
                                field.value = Value { via: value.via.clone(), ..default };
                            }
                        }
                        None if body.open => {}
                        None => {
                            let default = self.optional(&element.value, depth);
                            let is_optional =
                                matches!(&element.value.kind, ExprKind::Call { name, .. } if &**name == "optional");
                            let missing = if is_optional { ValueKind::Null } else { ValueKind::UNKNOWN };
                            let null = || Value::new(value.range.clone(), missing);
                            let default = Value { via: value.via.clone(), ..default.unwrap_or_else(null) };
                            let range = value.range.clone();
                            body.fields.push(Field { name: name.to_owned(), range, value: default });
                        }
                    }
                }
            }
            _ => {}
        }
        value
    }

    /// The default of an `optional(type, default)`.
    fn optional(&self, kind: &Expr, depth: usize) -> Option<Value> {
        let ExprKind::Call { name, arguments, .. } = &kind.kind else { return None };
        let [kind, default] = arguments.as_slice() else { return None };
        (&**name == "optional").then(|| {
            let value = self.eval(default, None);
            self.of_type(&Value { range: 0..0, ..value }, kind, depth + 1)
        })
    }

    /// An attribute of another block.
    fn attribute(
        &self,
        address: &str,
        steps: &[Step],
        range: &Range<usize>,
        bound: Option<&Bound<'_>>,
        written: &str,
    ) -> Value {
        let blocks = self.evaluation.blocks(&self.module, What::Definition, address);
        let Some(definition) = blocks.iter().find(|definition| !definition.is_override()) else {
            return unknown(range, written);
        };
        let block = definition.block();
        // An instance: all of them are written in one block.
        let (instance, steps) = match steps.split_first() {
            Some((step @ (Step::Index(_) | Step::Splat | Step::AttributeSplat), rest)) => (Some(step), rest),
            _ => (None, steps),
        };
        let Some((Step::Attribute(name), rest)) = steps.split_first() else { return unknown(range, written) };
        let is_policy = &*block.kind == "data.aws_iam_policy_document" && matches!(&**name, "json" | "minified_json");
        let expands = self.setting(definition, "count").or_else(|| self.setting(definition, "for_each")).is_some();
        if is_policy && (expands || instance.is_none()) && !matches!(instance, Some(Step::Splat | Step::AttributeSplat))
        {
            let value = self.guarded(address, || super::policy_document::render(self, definition));
            let via = Self::via(address, ViaSource::Attribute, definition, &value);
            return self.moved(&value, range, &via);
        }
        let is_there = match instance {
            Some(Step::Index(index)) if expands => self.is_instance(definition, &self.eval(index, bound)),
            // How many there are is not worked out.
            Some(_) => false,
            None => !expands,
        };
        let Some((expr, from)) = self.setting(definition, name).filter(|_| is_there) else {
            return unknown(range, written);
        };
        let value = self.guarded(&format!("{address}.{name}"), || {
            let value = as_document(self.eval(&expr, None), &from);
            self.walk(&value, rest, range, bound)
        });
        if value.is_unknown() {
            return unknown(range, written);
        }
        let via = Self::via(written, ViaSource::Attribute, &from, &value);
        self.moved(&value, range, &via)
    }

    /// Whether a block is known to have the instance with an index or a key.
    fn is_instance(&self, definition: &Definition, index: &Value) -> bool {
        if let Some((count, _)) = self.setting(definition, "count") {
            let count = self.guarded(&format!("{}.count", definition.block().address), || self.eval(&count, None));
            return count
                .as_number()
                .zip(index.as_number())
                .is_some_and(|(count, index)| index >= 0.0 && index < count);
        }
        let Some((over, _)) = self.setting(definition, "for_each") else { return false };
        let over = self.guarded(&format!("{}.for_each", definition.block().address), || self.eval(&over, None));
        let keys = Self::elements(&over).unwrap_or_default();
        keys.iter().any(|(key, _)| key.as_str().is_some() && key.as_str() == index.as_str())
    }

    /// An output of a module that is called.
    fn output(&self, address: &Arc<str>, steps: &[Step], range: &Range<usize>, bound: Option<&Bound<'_>>) -> Value {
        let written = || match steps.first() {
            Some(Step::Attribute(name)) => format!("{address}.{name}"),
            _ => address.to_string(),
        };
        let blocks = self.evaluation.blocks(&self.module, What::Definition, address);
        let Some(call) = blocks.iter().find(|definition| !definition.is_override()) else {
            return unknown(range, &written());
        };
        let Some((Step::Attribute(name), rest)) = steps.split_first() else { return unknown(range, &written()) };
        let expands = ["count", "for_each"].iter().any(|name| self.setting(call, name).is_some());
        let Some(inside) = self.enter(call).filter(|_| !expands) else { return unknown(range, &written()) };
        let blocks = self.evaluation.blocks(&inside.module, What::Definition, &format!("output.{name}"));
        let Some(output) = blocks.iter().find(|block| !block.is_override()) else {
            return unknown(range, &written());
        };
        let Some((expr, output)) = inside.setting(output, "value") else { return unknown(range, &written()) };
        let value = inside.guarded(&format!("output.{name}"), || {
            let value = as_document(inside.eval(&expr, None), &output);
            self.walk(&value, rest, range, bound)
        });
        if value.is_unknown() {
            return unknown(range, &written());
        }
        let via = Self::via(&written(), ViaSource::Output, &output, &value);
        self.moved(&value, range, &via)
    }

    /// The module that a block calls, with what the call passes. `None` where the module is not there to be read, or calls
    /// itself.
    pub fn enter(&self, call: &Definition) -> Option<Self> {
        let address = &call.block().address;
        let entered = self.entered.borrow().get(address).cloned();
        match entered {
            Some(Some(worked)) => {
                self.evaluation.depends(&worked);
                return worked.result.clone();
            }
            Some(None) => {
                self.evaluation.relative.set(true);
                return None;
            }
            None => {}
        }
        // An argument may need an output of the same module, which Terraform can do and this does not.
        self.entered.borrow_mut().insert(Arc::clone(address), None);
        let worked = Rc::new(self.evaluation.tracked(|| self.enter_once(call)));
        self.entered.borrow_mut().insert(Arc::clone(address), Some(Rc::clone(&worked)));
        worked.result.clone()
    }

    fn enter_once(&self, call: &Definition) -> Option<Self> {
        let block = call.block();
        let folder: Arc<str> = if let Some(folder) = callee(&self.module, block) {
            folder.into()
        } else {
            let name: Arc<str> = block.address.strip_prefix("module.")?.into();
            self.evaluation.ask(&self.module, What::Installed, &name);
            Arc::clone(self.evaluation.workspace.installed(&self.module, &name)?)
        };
        if folder == self.module || self.callers.contains(&folder) {
            let message = format!(
                "`{}` calls a module that it is itself a part of ({}); Terraform refuses this.",
                block.address,
                text_of(block.body.attribute("source")?).unwrap_or_default()
            );
            self.evaluation.refuse(message, vec![block.address.to_string()]);
            return None;
        }
        if self.callers.len() >= MAX_CALLS {
            return None;
        }
        if !self.evaluation.workspace.has_module(&folder) {
            // It may be read later.
            self.evaluation.ask(&folder, What::Kind, ANY_KIND);
            return None;
        }
        let mut arguments = HashMap::new();
        for item in &block.body.entries {
            let Content::Attribute(expr) = &item.content else { continue };
            if matches!(&*item.name, "source" | "version" | "providers" | "count" | "for_each" | "depends_on") {
                continue;
            }
            let name = format!("{}.{}", block.address, item.name);
            let value = as_document(self.eval(expr, None), call);
            let via = Self::via(&name, ViaSource::Argument, call, &value);
            arguments.insert(Arc::clone(&item.name), self.moved(&value, &(0..0), &via));
        }
        let others = self.evaluation.blocks(&self.module, What::Definition, &block.address);
        for other in others.iter().filter(|other| other.is_override()) {
            for item in &other.block().body.entries {
                let Content::Attribute(expr) = &item.content else { continue };
                let value = as_document(self.eval(expr, None), other);
                let via = Self::via(&format!("{}.{}", block.address, item.name), ViaSource::Override, other, &value);
                arguments.insert(Arc::clone(&item.name), self.moved(&value, &(0..0), &via));
            }
        }
        let mut callers = (*self.callers).clone();
        callers.push(Arc::clone(&self.module));
        Some(Self {
            evaluation: self.evaluation,
            module: folder,
            arguments: Some(Rc::new(arguments)),
            callers: Rc::new(callers),
            known: Rc::default(),
            entered: Rc::default(),
        })
    }

    fn via(name: &str, source: ViaSource, definition: &Definition, value: &Value) -> Via {
        Via {
            name: name.into(),
            source,
            file: Arc::clone(&definition.file),
            unit: definition.unit.digest,
            range: value.range.clone(),
            next: None,
        }
    }

    /// A value of another place, used here.
    pub(super) fn moved(&self, value: &Value, range: &Range<usize>, via: &Via) -> Value {
        self.moved_inside(value, range, via, 0)
    }

    fn moved_inside(&self, value: &Value, range: &Range<usize>, via: &Via, depth: usize) -> Value {
        if !self.evaluation.step(1) {
            return unknown(range, TOO_MANY_STEPS);
        }
        if depth > MAX_VALUE_DEPTH {
            return unknown(range, "values that are nested too deep");
        }
        let at = Via { range: value.range.clone(), next: value.via.clone(), ..via.clone() };
        let kind = match &value.kind {
            ValueKind::List(values) => {
                ValueKind::List(values.iter().map(|value| self.moved_inside(value, range, via, depth + 1)).collect())
            }
            ValueKind::Object(body) => ValueKind::Object(Body {
                fields: body
                    .fields
                    .iter()
                    .map(|field| Field {
                        name: field.name.clone(),
                        range: range.clone(),
                        value: self.moved_inside(&field.value, range, via, depth + 1),
                    })
                    .collect(),
                anchor: range.clone(),
                close: None,
                open: body.open,
            }),
            ValueKind::String { text, .. } => ValueKind::String { text: text.clone(), verbatim: None },
            ValueKind::Unknown { needs, .. } => ValueKind::Unknown { template: None, needs: needs.clone() },
            ValueKind::Null => ValueKind::Null,
            ValueKind::Bool(bool) => ValueKind::Bool(*bool),
            ValueKind::Number(number) => ValueKind::Number(*number),
        };
        Value { range: range.clone(), kind, via: Some(Arc::new(at)) }
    }
}

/// A heredoc with interpolations that holds a document: the document, as far as it is known.
fn as_document(value: Value, definition: &Definition) -> Value {
    if matches!(value.kind, ValueKind::Unknown { template: Some(_), .. })
        && let Some(document) = document(&value, &definition.unit.source).map(std::borrow::Cow::into_owned)
    {
        return document;
    }
    value
}

fn relocate(value: &mut Value, range: &Range<usize>) {
    value.range = range.clone();
    match &mut value.kind {
        ValueKind::List(values) => values.iter_mut().for_each(|value| relocate(value, range)),
        ValueKind::Object(body) => {
            body.anchor = range.clone();
            body.close = None;
            for field in &mut body.fields {
                field.range = range.clone();
                relocate(&mut field.value, range);
            }
        }
        ValueKind::String { verbatim, .. } => *verbatim = None,
        ValueKind::Unknown { template, .. } => *template = None,
        _ => {}
    }
}

/// What is needed for a part of a value that is unknown.
fn unknown_part(value: &Value) -> Option<&str> {
    match &value.kind {
        ValueKind::Unknown { needs, .. } => Some(needs.as_deref().unwrap_or("a part that cannot be read")),
        ValueKind::List(values) => values.iter().find_map(unknown_part),
        ValueKind::Object(body) => body.fields.iter().find_map(|field| unknown_part(&field.value)),
        _ => None,
    }
}

/// How many values a value is made of.
fn width(value: &Value) -> usize {
    match &value.kind {
        ValueKind::List(values) => 1 + values.iter().map(width).sum::<usize>(),
        ValueKind::Object(body) => 1 + body.fields.iter().map(|field| width(&field.value)).sum::<usize>(),
        _ => 1,
    }
}

/// The order in which variable files apply by themselves; `None` for those that have to be named.
fn applied(file: &str) -> Option<(u8, &str)> {
    let name = file_name(file);
    match name {
        "terraform.tfvars" => Some((0, name)),
        "terraform.tfvars.json" => Some((1, name)),
        _ if [".auto.tfvars", ".auto.tfvars.json", ".auto.pkrvars.hcl"].iter().any(|end| name.ends_with(end)) => {
            Some((2, name))
        }
        _ => None,
    }
}

fn file_name(file: &str) -> &str {
    file.strip_prefix(folder(file)).unwrap_or(file).trim_start_matches('/')
}

/// Whether `count` and `for_each` make instances of a block.
fn is_repeatable(kind: &str) -> bool {
    !matches!(kind, "variable" | "output" | "local" | "locals" | "value" | "terraform" | "inputs")
        && !kind.starts_with("provider.")
}

/// Whether a result of floating point numbers is the one of Terraform, whose numbers are longer.
pub(super) fn is_exact(number: f64) -> bool {
    number.abs() < 1e12 && (number * 1024.0).fract() == 0.0
}

/// The text of a heredoc without the indentation that all of its lines have, as `<<-` asks for.
fn flush(text: &str) -> String {
    let indentation = |line: &str| line.len() - line.trim_start_matches(' ').len();
    // Terraform counts empty lines like any other.
    let least = text.split_inclusive('\n').map(indentation).min().unwrap_or(0);
    text.split_inclusive('\n').map(|line| &line[least..]).collect()
}

/// `name.a.b`, for words.
fn written(name: &str, steps: &[Step]) -> String {
    let mut written = name.to_owned();
    for step in steps {
        match step {
            Step::Attribute(name) => {
                written.push('.');
                written.push_str(name);
            }
            Step::Index(_) => {}
            Step::Splat | Step::AttributeSplat => written.push_str("[*]"),
        }
    }
    written
}

fn pair(range: &Range<usize>, key: Value, value: Value) -> Value {
    let via = value.via.clone();
    let field = |name: &str, value| Field { name: name.to_owned(), range: range.clone(), value };
    let body = Body { fields: vec![field("key", key), field("value", value)], ..Body::default() };
    Value { range: range.clone(), kind: ValueKind::Object(body), via }
}

/// A value as a string, where it is a known scalar.
pub(super) fn string(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::String { text, .. } => Some(text.clone()),
        ValueKind::Number(number) => Some(number.to_string()),
        ValueKind::Bool(bool) => Some(bool.to_string()),
        _ => None,
    }
}

/// What `==` says of two values, where that is known. Values of two types are never equal, and it is not always known of what
/// type a value is: a number may be kept as a string, and `[]` is not equal to an empty list of strings.
pub(super) fn equal(a: &Value, b: &Value) -> Option<bool> {
    let equal = same(a, b)?;
    let is_certain = matches!(
        (&a.kind, &b.kind),
        (ValueKind::Null, ValueKind::Null)
            | (ValueKind::String { .. }, ValueKind::String { .. })
            | (ValueKind::Number(_), ValueKind::Number(_))
            | (ValueKind::Bool(_), ValueKind::Bool(_))
    );
    (!equal || is_certain).then_some(equal)
}

/// Whether two values say the same, where that is known.
pub(super) fn same(a: &Value, b: &Value) -> Option<bool> {
    match (&a.kind, &b.kind) {
        (ValueKind::Unknown { .. }, _) | (_, ValueKind::Unknown { .. }) => None,
        (ValueKind::Null, ValueKind::Null) => Some(true),
        (ValueKind::List(a), ValueKind::List(b)) => {
            if a.len() != b.len() {
                return Some(false);
            }
            a.iter().zip(b).try_fold(true, |all, (a, b)| Some(all && same(a, b)?))
        }
        (ValueKind::Object(a), ValueKind::Object(b)) => {
            if a.open || b.open {
                return None;
            }
            if a.fields.len() != b.fields.len() {
                return Some(false);
            }
            a.fields.iter().try_fold(true, |all, field| match b.value(&field.name) {
                Some(other) => Some(all && same(&field.value, other)?),
                None => Some(false),
            })
        }
        (ValueKind::Null | ValueKind::List(_) | ValueKind::Object(_), _)
        | (_, ValueKind::Null | ValueKind::List(_) | ValueKind::Object(_)) => Some(false),
        (ValueKind::Number(a), ValueKind::Number(b)) => Some(a.partial_cmp(b) == Some(std::cmp::Ordering::Equal)),
        _ => Some(string(a) == string(b)),
    }
}
