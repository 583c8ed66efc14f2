//! In-file tags: a comment before and a comment after text that an AI wrote.
//!
//! `# ai-provenance: begin id=s_<14 hex> tool=claude model=anthropic/… reviewed=no` and `# ai-provenance: end id=…`. They
//! move with the text and survive every kind of merge, and anybody can delete or forge them: they are a declaration.

use crate::origin::{Agent, Authority, Origin, Writer};
use sha2::{Digest, Sha256};
use std::ops::Range;

const MARK: &str = "ai-provenance:";

/// Which end of the text a tag stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagEdge {
    /// Before the text.
    Begin,
    /// After it.
    End,
}

/// A tag as it stands in a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Before or after the text.
    pub edge: TagEdge,
    /// Joins the two.
    pub id: String,
    /// Tool, where the tag says so.
    pub tool: Option<String>,
    /// Model, where the tag says so.
    pub model: Option<String>,
    /// The comment, in bytes of the text that it was read from.
    pub range: Range<usize>,
}

impl Tag {
    /// What the tag declares.
    pub fn origin(&self) -> Origin {
        let agent = Agent {
            tool: self.tool.clone().unwrap_or_else(|| "unknown".to_owned()),
            model: self.model.clone(),
            session: Some(self.id.clone()),
        };
        Origin { writer: Writer::Ai(agent), authority: Authority::Declared, means: None, corrects: None }
    }
}

/// Whether a text can hold a tag at all; cheap.
pub fn may_hold_tag(text: &str) -> bool {
    text.contains(MARK)
}

/// The tag that a comment holds. `comment` is its text with the characters that start it, and `start` where that stands.
pub fn read_tag(comment: &str, start: usize) -> Option<Tag> {
    let body = comment.trim_start_matches(['#', '/', '*', '-', ' ', '\t']);
    let mut words = body.strip_prefix(MARK)?.split_whitespace();
    let edge = match words.next()? {
        "begin" => TagEdge::Begin,
        "end" => TagEdge::End,
        _ => return None,
    };
    let mut tag =
        Tag { edge, id: String::new(), tool: None, model: None, range: start..start + comment.trim_end().len() };
    for (key, value) in words.filter_map(|word| word.split_once('=')) {
        match key {
            "id" => value.clone_into(&mut tag.id),
            "tool" => tag.tool = Some(value.to_owned()),
            "model" => tag.model = Some(value.to_owned()),
            _ => {}
        }
    }
    Some(tag)
}

/// The two comments of a tag, without line breaks. `id` is a [`session_id`].
pub fn render_tags(line_comment: &str, id: &str, agent: &Agent) -> (String, String) {
    let word = |text: &str| -> String {
        text.chars().map(|c| if c.is_whitespace() || c.is_control() { '-' } else { c }).collect()
    };
    let model = agent.model.as_deref().map(|model| format!(" model={}", word(model))).unwrap_or_default();
    (
        format!("{line_comment} {MARK} begin id={id} tool={}{model} reviewed=no", word(&agent.tool)),
        format!("{line_comment} {MARK} end id={id}"),
    )
}

/// SHA-256 of a text in lower-case hexadecimal digits.
pub fn sha256(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        for digit in [byte >> 4, byte & 15] {
            hex.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    hex
}

/// The id of a session as git-ai builds it: `s_` and 14 hexadecimal digits of the SHA-256 of `tool:conversation`.
pub fn session_id(tool: &str, conversation: &str) -> String {
    format!("s_{}", &sha256(&format!("{tool}:{conversation}"))[..14])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let agent = Agent { tool: "claude".to_owned(), model: Some("anthropic/some model".to_owned()), session: None };
        let id = session_id("claude", "abc");
        assert_eq!(id.len(), 16);
        let (begin, end) = render_tags("//", &id, &agent);
        let begin = read_tag(&begin, 0).expect("a tag");
        assert_eq!((begin.edge, begin.tool.as_deref()), (TagEdge::Begin, Some("claude")));
        assert_eq!(begin.model.as_deref(), Some("anthropic/some-model"));
        let end = read_tag(&end, 7).expect("a tag");
        assert_eq!((end.edge, end.id.as_str()), (TagEdge::End, id.as_str()));
        assert_eq!(end.range.start, 7);
        assert_eq!(read_tag("# ai-provenance: middle", 0), None);
    }
}
