//! Suppressions that stand there for other tools: where they reach, and what they take away.

use crate::analysis::{Analysis, Finding};
use countersign_policy::{Catalogue, PeerSuppression, Reach, read_peers};
use jiff::civil::Date;
use std::ops::Range;
use tree_sitter::{Node, Tree};

/// How many are heeded in a unit; a person writes one or two.
const MAX_PEERS: usize = 256;

/// One for another tool, in bytes from the unit's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) suppression: PeerSuppression,
    pub(crate) target: Target,
}

/// What it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Text of the unit.
    Range(Range<usize>),
    /// The whole file, if the unit is its first.
    File,
}

/// Those of a unit that are about anything. `beside` says what a comment stands beside.
pub(crate) fn peers(
    source: &str,
    tree: &Tree,
    comments: &[Node<'_>],
    beside: impl Fn(&Range<usize>) -> Range<usize>,
) -> Vec<Peer> {
    let mut peers = Vec::new();
    // Up to where there are only comments.
    let mut head = 0;
    for comment in comments {
        let range = comment.byte_range();
        let between = source.get(head..range.start).unwrap_or("-");
        if between.trim_start_matches('\u{feff}').trim().is_empty() {
            head = range.end;
        }
        let text = source.get(range.clone()).unwrap_or_default();
        for suppression in read_peers(text, range.start) {
            let target = match suppression.reach {
                Reach::Around => block_around(tree, &range).map(Target::Range),
                Reach::Beside => Some(Target::Range(beside(&range))),
                Reach::NextLine => Some(Target::Range(next_line(source, &range))),
                Reach::File => (head == range.end).then_some(Target::File),
            };
            peers.extend(target.map(|target| Peer { suppression, target }));
        }
        if peers.len() >= MAX_PEERS {
            break;
        }
    }
    peers.truncate(MAX_PEERS);
    peers
}

/// The outermost block that a comment stands in.
fn block_around(tree: &Tree, comment: &Range<usize>) -> Option<Range<usize>> {
    let mut node = tree.root_node().descendant_for_byte_range(comment.start, comment.end);
    let mut around = None;
    while let Some(current) = node {
        if current.kind() == "block" && current.start_byte() < comment.start && comment.end <= current.end_byte() {
            around = Some(current.byte_range());
        }
        node = current.parent();
    }
    around
}

fn next_line(source: &str, comment: &Range<usize>) -> Range<usize> {
    // The grammar counts the line break to some comments.
    let end = source[..comment.end].trim_end().len();
    let start = source[end..].find('\n').map_or(source.len(), |length| end + length + 1);
    start..source[start..].find('\n').map_or(source.len(), |length| start + length)
}

/// Takes away what the suppressions are about. Returns those that would have taken something away and have no effect, each
/// with the reason; one that is about nothing of ours is about a check that only the other tool has.
///
/// `is_ai` says whether an AI wrote a range.
pub(crate) fn suppress<'a>(
    analysis: &mut Analysis,
    catalogue: &Catalogue,
    peers: impl Iterator<Item = (usize, &'a Peer)>,
    today: Date,
    refuses: impl Fn(&Analysis, &Range<usize>) -> Option<&'static str>,
) -> Vec<(Range<usize>, String)> {
    let mut unused = Vec::new();
    analysis.findings.sort_by_key(|finding| finding.range.start);
    let mut taken = vec![false; analysis.findings.len()];
    for (start, Peer { suppression, target }) in peers {
        let findings = &analysis.findings;
        let at = |offset: usize| findings.partition_point(|finding| finding.range.start < start + offset);
        let reach = match target {
            Target::File if start > 0 => continue,
            Target::File => 0..findings.len(),
            Target::Range(range) => at(range.start)..at(range.end),
        };
        let is_about = |finding: &Finding| {
            // What the engine says about itself is nobody else's.
            let risk = catalogue.risk(finding.risk).filter(|risk| !risk.engine);
            risk.is_some_and(|risk| suppression.is_about(risk))
        };
        let about: Vec<_> = reach.filter(|index| !taken[*index] && is_about(&findings[*index])).collect();
        if about.is_empty() {
            continue;
        }
        let range = suppression.range.start + start..suppression.range.end + start;
        if let Some(until) = suppression.until.filter(|until| *until < today) {
            unused.push((range, format!("it ended on {until}")));
        } else if let Some(why) = refuses(analysis, &range) {
            unused.push((range, why.to_owned()));
        } else {
            analysis.suppressed += about.len();
            for index in about {
                taken[index] = true;
            }
        }
    }
    let mut taken = taken.into_iter();
    analysis.findings.retain(|_| !taken.next().unwrap_or(false));
    unused
}
