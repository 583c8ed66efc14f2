//! What bounds the reading of a command. All are counts, so the same text gets the same answer everywhere.

/// Bytes of a command, or of a script that it runs.
pub const MAX_COMMAND_BYTES: usize = 1 << 20;

/// Brackets that are open at once. The parser and the walk over its tree are never asked for more.
pub const MAX_NESTING: usize = 200;

/// Operators, brackets and quotes in one statement of a command.
pub const MAX_OPERATORS: usize = 2_000;

/// The same of all statements that have errors.
pub(crate) const MAX_BROKEN_OPERATORS: usize = 2_000;

/// Levels of a syntax tree that are walked.
pub(crate) const MAX_TREE_DEPTH: usize = 120;

/// Texts inside each other: a script that a command runs, a string given to `bash -c`, the body of a function.
pub const MAX_LEVELS: usize = 12;

/// Scripts, Makefiles and files of SQL that are read for one command.
pub const MAX_FILES: usize = 16;

/// Statements that are looked at for one command, those of loops, functions and scripts included, each round of a loop anew.
pub const MAX_STEPS: usize = 50_000;

/// Bytes that variables, substitutions and files may become in all: `x=$x$x` doubles.
pub const MAX_EXPANDED_BYTES: usize = 16 << 20;

/// Words of a list that a `for` loop is run for; one with more is run once with its variable unknown.
pub(crate) const MAX_ROUNDS: usize = 8;

/// Operations that are reported; the last one then says that there are more.
pub const MAX_OPERATIONS: usize = 100;

/// Bytes of what an operation quotes of a command.
pub(crate) const MAX_QUOTED: usize = 120;

/// Calls of the parser's progress callback that a text may take besides those for its length.
pub(crate) const BASE_PARSE_STEPS: usize = 2_000;

/// Bytes for each of which a text may take one more.
pub(crate) const BYTES_PER_PARSE_STEP: usize = 16;
