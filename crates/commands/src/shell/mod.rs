//! Reading shell: texts into commands, words into what programs get.

mod condition;
mod expand;
mod lenient;
mod output;
mod parse;
mod redirect;
mod state;
mod walk;
mod word;

pub(crate) use lenient::plain_words;
pub(crate) use state::{Origin, Place, Shell, Value, normal};
pub(crate) use walk::Walk;
pub(crate) use word::{Stream, Word, short};
