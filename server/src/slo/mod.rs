//! Safety objectives: how soon what AI tools wrote was seen, asked about, decided on and taken back, as far as the record tells.
//!
//! A case is a risk that was seen in text of an AI tool. Its times count from the insertion of that text. Which insertion it was is
//! not always known: the record has which file an insertion was in, and not which resource. So a time has two bounds, and it counts
//! as kept only where both are within the limit.

mod cases;
mod measure;
mod said;

pub(crate) use cases::{Case, Cases};
pub(crate) use measure::{Measure, Measured, Objective, State, Status, measure};
pub(crate) use said::{Said, said_in_files};
