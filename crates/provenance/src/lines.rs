//! Who wrote which line: what git and everything around it can hold of regions.

use crate::diff::visible;
use crate::origin::Origin;
use crate::regions::Regions;
use imara_diff::{Algorithm, Diff, InternedInput};

/// Who wrote each line of a text, as far as that is known. A line is an AI's where the AI wrote any character of it that is no
/// white space, for then a person has to look at it as at one that is all its own.
pub fn line_origins<'r>(text: &str, regions: &'r Regions) -> Vec<Option<&'r Origin>> {
    let mut start = 0;
    let lines = text.split('\n').map(|line| {
        let range = start..start + line.len();
        start = range.end + 1;
        range
    });
    let owner = |range: std::ops::Range<usize>| {
        let visible = |start: usize, end: usize| !text[start.max(range.start)..end.min(range.end)].trim().is_empty();
        let pieces = regions.pieces(range.clone()).filter(|piece| visible(piece.start, piece.end));
        let known = pieces.map(|piece| piece.origin).filter(|origin| !origin.is_disputed());
        known.max_by_key(|origin| (origin.is_ai(), origin.authority))
    };
    let mut owners: Vec<_> = lines.map(owner).collect();
    // After the last line break there is no line.
    if text.is_empty() || text.ends_with('\n') {
        owners.pop();
    }
    owners
}

/// Lines that two texts have in common, counted from 0: where each is in the one and in the other. White space does not count,
/// for a formatter may have changed that.
pub fn same_lines(before: &str, after: &str) -> Vec<(usize, usize)> {
    let ink = |text: &str| text.split('\n').map(|line| visible(line).collect::<String>()).collect::<Vec<_>>();
    let (old, new) = (ink(before), ink(after));
    let mut input: InternedInput<String> = InternedInput::default();
    input.update_before(old.iter().cloned());
    input.update_after(new.iter().cloned());
    let diff = Diff::compute(Algorithm::Histogram, &input);
    let mut same = Vec::new();
    let (mut then, mut now) = (0, 0);
    let hunks = diff.hunks().map(|hunk| {
        let index = |line: u32| line as usize;
        (index(hunk.before.start), index(hunk.before.end), index(hunk.after.end))
    });
    for (start, end, after_end) in hunks.chain([(old.len(), old.len(), new.len())]) {
        same.extend((then..start).zip(now..));
        (then, now) = (end, after_end);
    }
    same
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Agent, Authority, Writer};

    #[test]
    fn a_line_is_an_ais_where_it_wrote_any_of_it() {
        let text = "a = 1\n  b = true\n\nc = 3\n";
        let origin = |tool: &str| Origin {
            writer: Writer::Ai(Agent { tool: tool.to_owned(), ..Agent::default() }),
            authority: Authority::Reported,
            means: None,
            corrects: None,
        };
        let human = Origin { writer: Writer::Human, ..origin("") };
        let mut regions = Regions::default();
        let at = |piece: &str| text.find(piece).map(|start| start..start + piece.len()).unwrap();
        regions.attribute(&[at("tru")], &origin("claude"));
        regions.attribute(&[at("\n\nc")], &origin("cursor"));
        regions.attribute(&[at("= 3")], &human);
        let tools: Vec<_> = line_origins(text, &regions)
            .into_iter()
            .map(|origin| origin.map(|origin| origin.agent().map_or("human", |agent| agent.tool.as_str())))
            .collect();
        assert_eq!(tools, [None, Some("claude"), None, Some("cursor")]);
    }
}
