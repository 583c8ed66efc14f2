//! Parsing one unit, with limits that depend on the text alone.

use countersign_grammars::{Language, MAX_NESTING, MAX_UNIT_BYTES, MAX_UNIT_ROWS, TOO_MANY_ROWS};
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tree_sitter::{ParseOptions, Parser, Tree};

/// Calls of the parser's progress callback that a unit may take besides those for its length. Tree-sitter calls it once in
/// a hundred operations, which is once for some forty bytes of HCL, and a call stands for some 20 to 80 microseconds.
const BASE_STEPS: usize = 2_000;

/// Bytes that a step reads where the text has no errors.
const USUAL_BYTES_PER_STEP: usize = 40;

/// Bytes for each of which a unit may take one more call: ten times what text without errors takes.
const BYTES_PER_STEP: usize = 4;

/// Why a unit has no tree. Each is a limit that the text itself is over, or lies in its language, so the answer is the same every time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseFailure {
    /// More bytes than [`MAX_UNIT_BYTES`].
    #[error("the block is longer than {} KiB", MAX_UNIT_BYTES >> 10)]
    TooLong,
    /// Deeper than [`MAX_NESTING`].
    #[error("brackets or templates are nested more than {MAX_NESTING} deep")]
    TooDeep,
    /// More rows than [`MAX_UNIT_ROWS`].
    #[error("the block is longer than {MAX_UNIT_ROWS} lines")]
    TooManyRows,
    /// NUL bytes, which end the text for the parser.
    #[error("the text contains a NUL byte")]
    Nul,
    /// The language is not parsed.
    #[error("this language is not parsed")]
    NoGrammar,
    /// The parser needed more steps than the length of the text allows.
    #[error("the text is too broken to be read within the parser's step limit")]
    TooManySteps,
}

/// How much parsing may be done before the caller wants to hear back, in steps of the parser.
///
/// Unlike the limits of [`ParseFailure`], running out of budget says nothing about the text: ask again with more.
#[derive(Debug, Clone)]
pub struct Budget {
    steps: usize,
    deadline: Option<Instant>,
    cancelled: Option<Arc<AtomicBool>>,
}

impl Budget {
    /// No bound but the limits of the text.
    pub const fn unbounded() -> Self {
        Self { steps: usize::MAX, deadline: None, cancelled: None }
    }

    /// A budget of so many steps; a step is some 20 to 80 microseconds.
    pub const fn of_steps(steps: usize) -> Self {
        Self { steps, deadline: None, cancelled: None }
    }

    /// The same, but it runs out at a time: some steps take a hundred times longer than others. That is no limit of the
    /// text, so what comes of the text does not depend on the clock.
    #[must_use]
    pub fn before(self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// The same, but it runs out as soon as somebody sets the flag.
    #[must_use]
    pub fn until(self, cancelled: Arc<AtomicBool>) -> Self {
        Self { cancelled: Some(cancelled), ..self }
    }

    /// Steps that are left.
    pub const fn steps(&self) -> usize {
        self.steps
    }

    /// Takes steps for work that is no parsing. Returns whether that was not too much.
    pub fn spend(&mut self, steps: usize) -> bool {
        let enough = self.steps > steps || self.steps == usize::MAX;
        if self.steps != usize::MAX {
            self.steps = self.steps.saturating_sub(steps);
        }
        enough && !self.is_cancelled()
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

thread_local! {
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

/// Parses a unit. `seed` is the tree of its text before, already edited; it makes the parse cheap and does not change its
/// outcome: a tree with errors is always that of a full parse, for there the incremental one may differ.
///
/// Returns `Ok(Err(_))` where the text is over a limit, and `Err(())` where the budget ran out.
#[expect(clippy::result_unit_err, reason = "running out of budget has nothing more to say")]
pub fn parse(
    language: Language,
    source: &str,
    nesting: usize,
    seed: Option<&Tree>,
    budget: &mut Budget,
) -> Result<Result<Tree, ParseFailure>, ()> {
    let without_tree = |budget: &mut Budget| if budget.spend(1) { Ok(Err(ParseFailure::NoGrammar)) } else { Err(()) };
    if !language.is_parsed() || !language.may_declare(source) {
        return without_tree(budget);
    }
    if source.len() > MAX_UNIT_BYTES {
        return Ok(Err(ParseFailure::TooLong));
    }
    if nesting == TOO_MANY_ROWS {
        return Ok(Err(ParseFailure::TooManyRows));
    }
    if nesting > MAX_NESTING {
        return Ok(Err(ParseFailure::TooDeep));
    }
    if source.as_bytes().contains(&0) {
        return Ok(Err(ParseFailure::Nul));
    }
    if !language.has_grammar() {
        return without_tree(budget);
    }
    if let Some(masked) = language.masked(source) {
        // An edit may change what is left of the text far away from it.
        return if source.len() / USUAL_BYTES_PER_STEP > budget.steps {
            Err(())
        } else {
            run(language, &masked, None, budget)
        };
    }
    if let Some(seed) = seed
        && !seed.root_node().has_error()
        && let Ok(Ok(tree)) = run(language, source, Some(seed), budget)
        && !tree.root_node().has_error()
    {
        return Ok(Ok(tree));
    }
    // What cannot suffice is not begun: a caller in a hurry has not lost the time.
    if source.len() / USUAL_BYTES_PER_STEP > budget.steps {
        return Err(());
    }
    run(language, source, None, budget)
}

fn run(
    language: Language,
    source: &str,
    seed: Option<&Tree>,
    budget: &mut Budget,
) -> Result<Result<Tree, ParseFailure>, ()> {
    let limit = BASE_STEPS + source.len() / BYTES_PER_STEP;
    let mut steps = 0usize;
    let allowed = limit.min(budget.steps);
    let bytes = source.as_bytes();
    let tree = PARSER.with_borrow_mut(|parser| {
        parser.set_language(&language.grammar()).ok()?;
        let mut count = |_: &tree_sitter::ParseState| {
            steps += 1;
            if steps > allowed || budget.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let tree = parser.parse_with_options(
            &mut |at, _| bytes.get(at..).unwrap_or_default(),
            seed,
            Some(ParseOptions::new().progress_callback(&mut count)),
        );
        if tree.is_none() {
            // What was cancelled would otherwise be taken up again by the next parse.
            parser.reset();
        }
        tree
    });
    if budget.steps != usize::MAX {
        budget.steps = budget.steps.saturating_sub(steps);
    }
    match tree {
        Some(tree) => Ok(Ok(tree)),
        None if budget.is_cancelled() || (budget.steps == 0 && steps <= limit) => Err(()),
        None => Ok(Err(ParseFailure::TooManySteps)),
    }
}
