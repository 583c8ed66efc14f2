//! Regions against the simplest model: a list of characters, each with its origin, and an editor's undo stack.

#![expect(clippy::expect_used, reason = "in a test what goes wrong ends the test")]

use countersign_provenance::{Agent, Attribution, Authority, Origin, Regions, Saved, Writer, minimal_edits};
use countersign_text::TextEdit;
use proptest::prelude::*;

fn origin(tool: u8) -> Origin {
    let agent = Agent { tool: format!("tool-{tool}"), model: None, session: None };
    Origin { writer: Writer::Ai(agent), authority: Authority::Observed, means: None, corrects: None }
}

/// One character and which tool wrote it.
type Model = Vec<(char, Option<u8>)>;

#[derive(Debug, Clone)]
enum Step {
    /// Text comes in, typed or from a tool.
    Insert {
        at: usize,
        len: usize,
        tool: Option<u8>,
    },
    Delete {
        at: usize,
        len: usize,
    },
    /// Delete one character after the other, backwards.
    Backspace {
        at: usize,
        len: usize,
    },
    Undo,
    Redo,
}

fn step() -> impl Strategy<Value = Step> {
    let place = 0usize..60;
    prop_oneof![
        4 => (place.clone(), 1usize..12, prop::option::of(0u8..3)).prop_map(|(at, len, tool)| Step::Insert { at, len, tool }),
        2 => (place.clone(), 1usize..12).prop_map(|(at, len)| Step::Delete { at, len }),
        1 => (place, 1usize..6).prop_map(|(at, len)| Step::Backspace { at, len }),
        2 => Just(Step::Undo),
        2 => Just(Step::Redo),
    ]
}

/// An editor: the model, the same in Countersign, and two stacks of inverse edits.
#[derive(Default)]
struct Editor {
    model: Model,
    attribution: Attribution,
    undo: Vec<(usize, Model, Model)>,
    redo: Vec<(usize, Model, Model)>,
    fresh: u32,
}

impl Editor {
    fn text(model: &[(char, Option<u8>)]) -> String {
        model.iter().map(|(c, _)| c).collect()
    }

    /// Characters that were never used: what is typed is then never by chance what was deleted at that place.
    fn fresh(&mut self, len: usize, tool: Option<u8>) -> Model {
        let text = (0..len).map(|_| {
            self.fresh += 1;
            (char::from_u32(0x4E00 + self.fresh).expect("a character"), tool)
        });
        text.collect()
    }

    fn replace(&mut self, at: usize, removed: &[(char, Option<u8>)], inserted: &[(char, Option<u8>)]) {
        let start = Self::text(&self.model[..at]).len();
        let removed_text = Self::text(removed);
        let edit = TextEdit::new(start..start + removed_text.len(), Self::text(inserted));
        self.attribution.edit(&edit, &removed_text);
        self.model.splice(at..at + removed.len(), inserted.iter().copied());
    }

    fn edit(&mut self, at: usize, removed: Model, inserted: Model) {
        self.replace(at, &removed, &inserted);
        self.undo.push((at, removed, inserted));
        self.redo.clear();
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Insert { at, len, tool } => {
                let at = at.min(self.model.len());
                let inserted = self.fresh(len, tool);
                self.edit(at, Vec::new(), inserted.clone());
                if let Some(tool) = tool {
                    let start = Self::text(&self.model[..at]).len();
                    let range = start..start + Self::text(&inserted).len();
                    self.attribution.regions_mut().attribute(&[range], &origin(tool));
                }
            }
            Step::Delete { at, len } => {
                let at = at.min(self.model.len());
                let removed = self.model[at..(at + len).min(self.model.len())].to_vec();
                self.edit(at, removed, Vec::new());
            }
            Step::Backspace { at, len } => {
                let at = at.min(self.model.len());
                let from = at.saturating_sub(len);
                let removed = self.model[from..at].to_vec();
                for index in (from..at).rev() {
                    let one = vec![self.model[index]];
                    self.replace(index, &one, &[]);
                }
                // Editors undo a run of backspaces at once.
                self.undo.push((from, removed, Vec::new()));
                self.redo.clear();
            }
            Step::Undo => {
                if let Some((at, removed, inserted)) = self.undo.pop() {
                    self.replace(at, &inserted, &removed);
                    self.redo.push((at, removed, inserted));
                }
            }
            Step::Redo => {
                if let Some((at, removed, inserted)) = self.redo.pop() {
                    self.replace(at, &removed, &inserted);
                    self.undo.push((at, removed, inserted));
                }
            }
        }
    }

    fn check(&self) {
        let mut at = 0;
        for (c, tool) in &self.model {
            let range = at..at + c.len_utf8();
            let pieces: Vec<_> = self.attribution.regions().pieces(range.clone()).collect();
            let found = pieces.first().map(|piece| piece.origin.clone());
            assert_eq!(found, tool.map(origin), "at byte {at}");
            assert!(pieces.first().is_none_or(|piece| piece.start == range.start && piece.end == range.end));
            at = range.end;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn follow_edits_undo_and_redo(steps in prop::collection::vec(step(), 1..60)) {
        let mut editor = Editor::default();
        for step in steps {
            editor.step(&step);
            editor.check();
        }
    }

    #[test]
    fn minimal_edits_make_the_new_text(old in lines(), new in lines()) {
        let mut text = old.clone();
        for edit in minimal_edits(0, &old, &new) {
            text.replace_range(edit.range, &edit.text);
        }
        prop_assert_eq!(text, new);
    }

    #[test]
    fn what_is_saved_comes_back(text in lines(), ranges in prop::collection::vec((0usize..200, 1usize..60, 0u8..3), 0..8)) {
        let mut regions = Regions::default();
        for (start, len, tool) in ranges {
            let (start, end) = (text.floor_char_boundary(start), text.floor_char_boundary(start + len));
            regions.attribute(std::slice::from_ref(&(start..end)), &origin(tool));
        }
        let owners = |regions: &Regions| -> Vec<Option<Origin>> {
            (0..text.len()).map(|at| regions.pieces(at..at + 1).next().map(|piece| piece.origin.clone())).collect()
        };
        match Saved::new(&text, &regions) {
            Some(saved) => prop_assert_eq!(owners(&saved.restore(&text)), owners(&regions)),
            None => prop_assert!(regions.is_empty()),
        }
    }
}

fn lines() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "resource \"a\" {\n",
        "  name = \"some value\"\n",
        "}\n",
        "\n",
        "  é = 1\r\n",
        "last",
    ]);
    prop::collection::vec(line, 0..14).prop_map(|lines| lines.concat())
}

#[test]
fn a_changed_file_keeps_what_can_be_told() {
    let before = "# mine\nresource \"aws_s3_bucket\" \"logs\" {\n  bucket = \"logs-of-everything\"\n}\n";
    let start = before.find("resource").expect("there");
    let mut regions = Regions::default();
    regions.attribute(std::slice::from_ref(&(start..before.len())), &origin(1));
    let saved = Saved::new(before, &regions).expect("regions");

    let after = format!("# new\n# lines\n{before}# tail\n");
    let found: Vec<_> = saved.restore(&after).pieces(0..after.len()).map(|piece| piece.start..piece.end).collect();
    assert_eq!(found, std::slice::from_ref(&(start + 14..before.len() + 14)));

    let rewritten = "resource \"other\" \"one\" {\n}\n";
    assert!(saved.restore(rewritten).is_empty(), "a brace alone says nothing");
}

#[test]
fn a_correction_keeps_what_it_corrects() {
    let mut regions = Regions::default();
    regions.attribute(std::slice::from_ref(&(0..10)), &origin(1));
    let human = Origin { writer: Writer::Human, authority: Authority::Corrected, means: None, corrects: None };
    regions.attribute(std::slice::from_ref(&(2..4)), &human);
    let corrected = regions.pieces(2..4).next().map(|piece| piece.origin.clone()).expect("a piece");
    assert_eq!(corrected.corrects.as_deref(), Some(&origin(1)));
    regions.attribute(std::slice::from_ref(&(0..10)), &origin(2));
    let kept = regions.pieces(2..4).next().map(|piece| piece.origin.writer.clone());
    assert_eq!(kept, Some(Writer::Human), "a weaker word does not change it");
}

#[test]
fn words_of_the_same_rank_that_disagree() {
    use Authority::{Corrected, Observed, Reported};
    let origin = |writer, authority| Origin { writer, authority, means: None, corrects: None };
    let ai = |tool: &str| Writer::Ai(Agent { tool: tool.to_owned(), ..Agent::default() });
    let of = |words: &[(Writer, Authority)]| {
        let mut regions = Regions::default();
        for (writer, authority) in words {
            regions.attribute(std::slice::from_ref(&(0..4)), &origin(writer.clone(), *authority));
        }
        let found = regions.pieces(0..4).next().expect("a piece").origin.clone();
        (found.is_ai(), found.is_disputed(), found.agent().map(|agent| agent.tool.clone()))
    };
    // An AI or a person: nobody knows, whoever spoke first.
    for words in
        [[(ai("claude"), Observed), (Writer::Human, Observed)], [(Writer::Human, Observed), (ai("claude"), Observed)]]
    {
        assert_eq!(of(&words), (false, true, None));
    }
    // One AI or another: an AI.
    assert_eq!(of(&[(ai("claude"), Observed), (ai("cursor"), Observed)]), (true, false, None));
    // The same one, twice, is no disagreement; and a third word does not settle one.
    assert_eq!(of(&[(ai("claude"), Observed), (ai("claude"), Observed)]), (true, false, Some("claude".to_owned())));
    let third = [(ai("claude"), Observed), (Writer::Human, Observed), (ai("claude"), Observed)];
    assert_eq!(of(&third), (false, true, None));
    // Stronger evidence does, and a person, who may think again.
    let stronger = [(ai("claude"), Observed), (Writer::Human, Observed), (ai("claude"), Reported)];
    assert_eq!(of(&stronger), (true, false, Some("claude".to_owned())));
    let again = [(ai("claude"), Reported), (Writer::Human, Corrected), (ai("cursor"), Corrected)];
    assert_eq!(of(&again), (true, false, Some("cursor".to_owned())));
}
