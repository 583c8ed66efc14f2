//! Countersign from outside: real processes, real pipes.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

mod bad_input;
