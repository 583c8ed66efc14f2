//! Partial evaluation: from expressions to values of which each is known, or says what would have to be known.
//!
//! What another block, a variable file or a module says is asked of the [`Workspace`], and every question is recorded with
//! the number of its answer, so that what was worked out holds until one of them changes.

mod blocks;
mod expressions;
mod modules;
mod references;
mod variables;

pub use blocks::Instances;
pub use expressions::same;
pub(in crate::terraform) use expressions::{equal, is_exact, string};

use crate::model::{Value, ValueKind};
use crate::terraform::entries::Definition;
use crate::terraform::workspace::{Key, What, Workspace};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
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
pub(in crate::terraform) const MAX_ELEMENTS: usize = 20_000;

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
    pub(in crate::terraform) workspace: &'a Workspace,
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
pub(in crate::terraform) struct Worked<T> {
    result: T,
    reads: Reads,
    /// How far down it went from where it began.
    height: (usize, usize),
    relative: bool,
}

/// Values of names that hold for a module by itself, for all who ask.
pub(in crate::terraform) type Known = FxHashMap<(Arc<str>, Arc<str>), Arc<Worked<Value>>>;

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
    pub(in crate::terraform) fn step(&self, cost: usize) -> bool {
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
    pub(in crate::terraform) fn ask(&self, module: &Arc<str>, what: What, name: &str) -> Key {
        let key = Key { module: Arc::clone(module), what, name: name.into() };
        let mut reads = self.reads.borrow_mut();
        if !reads.contains_key(&key) {
            let version = self.workspace.version_of(&key);
            reads.insert(key.clone(), version);
        }
        key
    }

    /// The blocks that answer a question.
    pub(in crate::terraform) fn blocks(&self, module: &Arc<str>, what: What, name: &str) -> Vec<Definition> {
        let key = self.ask(module, what, name);
        self.workspace.blocks(&key).cloned().collect()
    }
}

type ByAddress<T> = Rc<RefCell<FxHashMap<Arc<str>, T>>>;

type Entered<'a> = Rc<Worked<Option<Scope<'a>>>>;

/// A module as it is called, or by itself.
#[derive(Clone)]
pub struct Scope<'a> {
    pub(in crate::terraform) evaluation: &'a Evaluation<'a>,
    pub(in crate::terraform) module: Arc<str>,
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
pub(in crate::terraform) struct Bound<'b> {
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
pub(in crate::terraform) fn unknown(range: &Range<usize>, needs: &str) -> Value {
    Value::new(range.clone(), unknown_kind(needs))
}

pub(in crate::terraform) fn unknown_kind(needs: &str) -> ValueKind {
    ValueKind::Unknown { template: None, needs: Some(needs.into()) }
}

impl Worked<Value> {
    pub(in crate::terraform) fn value(&self) -> &Value {
        &self.result
    }
}

impl<'a> Scope<'a> {
    /// The folder of the module.
    pub fn folder(&self) -> &str {
        &self.module
    }

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
}
