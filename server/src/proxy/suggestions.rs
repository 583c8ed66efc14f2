//! Suggestions: how completion servers write them, and which are remembered.

use serde_json::Value;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Suggestions that are remembered, the bytes that they may have together, and for how long.
const REMEMBERED: usize = 256;
const REMEMBERED_BYTES: usize = 1 << 20;
const REMEMBERED_FOR: Duration = Duration::from_mins(10);

/// Suggestions of one answer that are remembered. The first are the best.
const OF_ONE_ANSWER: usize = 128;

/// What a client asks a completion server for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// `textDocument/completion`: a list to choose from.
    List,
    /// `textDocument/inlineCompletion` and Copilot's own older and other methods: text that is shown before it is there.
    Inline,
    /// `textDocument/copilotInlineEdit`: an edit somewhere.
    Edit,
}

impl Asked {
    /// What a method asks for.
    pub(super) fn of(method: &str) -> Option<Self> {
        match method {
            "textDocument/completion" => Some(Self::List),
            "textDocument/inlineCompletion"
            | "textDocument/copilotPanelCompletion"
            | "getCompletions"
            | "getCompletionsCycling" => Some(Self::Inline),
            "textDocument/copilotInlineEdit" => Some(Self::Edit),
            _ => None,
        }
    }
}

/// The field of a result that holds the list of suggestions.
pub(super) const LISTS: [&str; 3] = ["items", "completions", "edits"];

/// The list of suggestions in a result.
pub(super) fn list(result: &Value) -> &[Value] {
    let within = || LISTS.iter().find_map(|name| result.get(name)?.as_array());
    result.as_array().or_else(within).map(Vec::as_slice).unwrap_or_default()
}

/// One item of a list, read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// The text that it would insert.
    pub(super) text: String,
    /// The LSP range that it would replace.
    pub(super) range: Option<Value>,
    /// The document that it is about, where it names one.
    pub(super) uri: Option<String>,
    marks: Marks,
}

/// What an acceptance may name an item by.
#[derive(Debug, Clone, PartialEq, Default)]
struct Marks {
    uuid: Option<Value>,
    command: Option<Value>,
    arguments: Option<Value>,
}

impl Item {
    /// Reads an item. `defaults` is the `itemDefaults` of its list.
    pub(super) fn read(asked: Asked, item: &Value, defaults: &Value) -> Option<Self> {
        let edit = &item["textEdit"];
        let string = |value: &Value| value.as_str().map(str::to_owned);
        let snippet = item["insertTextFormat"].as_u64().or_else(|| defaults["insertTextFormat"].as_u64()) == Some(2);
        let text = match asked {
            Asked::List => {
                let label = if item["insertText"].is_string() { &item["insertText"] } else { &item["label"] };
                let written = string(&edit["newText"]).or_else(|| string(&item["textEditText"]));
                let text = written.or_else(|| string(label))?;
                if snippet { expand(&text)? } else { text }
            }
            Asked::Inline | Asked::Edit => {
                let texts = [&item["insertText"], &item["text"], &item["displayText"]];
                // A snippet is an object, `{ kind: "snippet", value }`.
                let snippet = || item["insertText"]["value"].as_str().and_then(expand);
                texts.into_iter().find_map(string).or_else(snippet)?
            }
        };
        let default = &defaults["editRange"];
        let ranges = [&edit["range"], &edit["insert"], &item["range"], default, &default["insert"]];
        let range = ranges.into_iter().find(|range| range["start"].is_object() && range["end"].is_object());
        let part = |value: &Value| (!value.is_null()).then(|| value.clone());
        let command = &item["command"];
        Some(Self {
            text,
            range: range.cloned(),
            uri: string(&item["textDocument"]["uri"]),
            marks: Marks {
                uuid: part(&item["uuid"]).or_else(|| part(&item["id"])),
                command: part(&command["command"]),
                arguments: part(&command["arguments"]),
            },
        })
    }

    /// The items of a result.
    pub(super) fn all(asked: Asked, result: &Value) -> impl Iterator<Item = Self> {
        let defaults = &result["itemDefaults"];
        list(result).iter().filter_map(move |item| Self::read(asked, item, defaults)).take(OF_ONE_ANSWER)
    }
}

/// The text that a snippet inserts at first; `None` where that depends on what the editor knows.
fn expand(snippet: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = snippet.chars().peekable();
    // Placeholders that are open.
    let mut depth = 0;
    while let Some(c) = rest.next() {
        match c {
            '\\' => text.push(rest.next_if(|c| matches!(c, '$' | '}' | '\\')).unwrap_or('\\')),
            '}' if depth > 0 => depth -= 1,
            '$' => {
                let braced = rest.next_if_eq(&'{').is_some();
                let mut digits = 0;
                while rest.next_if(char::is_ascii_digit).is_some() {
                    digits += 1;
                }
                match (digits, braced) {
                    // A variable, or a dollar sign that stands for itself.
                    (0, false) if !rest.peek().is_some_and(|c| c.is_alphabetic() || *c == '_') => text.push('$'),
                    (0, _) => return None,
                    (_, false) => {}
                    (_, true) => match rest.next()? {
                        '}' => {}
                        ':' => depth += 1,
                        '|' => {
                            let mut first = true;
                            loop {
                                match rest.next()? {
                                    '|' => break,
                                    ',' => first = false,
                                    c if first => text.push(c),
                                    _ => {}
                                }
                            }
                            rest.next_if_eq(&'}')?;
                        }
                        _ => return None,
                    },
                }
            }
            c => text.push(c),
        }
    }
    Some(text)
}

/// A suggestion that was made.
#[derive(Debug)]
pub(super) struct Suggestion {
    /// The document.
    pub(super) uri: String,
    /// What was suggested.
    pub(super) text: String,
    /// Where, in bytes of the document as it is now.
    pub(super) anchor: usize,
    /// Bytes of it that were taken over and are attributed.
    pub(super) taken: usize,
    /// A first part that was perhaps taken over: where it stands, and bytes of the suggestion up to its end.
    pub(super) perhaps: Option<(Range<usize>, usize)>,
    /// The client said that it took it over.
    accepted: Option<(Acceptance, Instant)>,
    marks: Marks,
    made: Instant,
}

/// How much of a suggestion a client says that it took over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acceptance {
    /// All of it.
    Whole,
    /// Its first part.
    Part,
}

/// How long an acceptance waits for its change, or a change for its acceptance.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

impl Suggestion {
    /// What the client said of it a moment ago.
    pub(super) fn accepted(&self) -> Option<Acceptance> {
        self.accepted.filter(|(_, at)| at.elapsed() < PATIENCE).map(|(acceptance, _)| acceptance)
    }

    /// The client says that it took it over.
    pub(super) fn accept(&mut self, acceptance: Acceptance) {
        self.accepted = Some((acceptance, Instant::now()));
    }
}

/// The suggestions that are remembered, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Suggestions {
    made: VecDeque<Suggestion>,
    bytes: usize,
}

impl Suggestions {
    /// Remembers a suggestion.
    pub(super) fn add(&mut self, uri: String, anchor: usize, item: Item) {
        // White space is nobody's, and more than everything that is remembered is too much.
        if item.text.trim().is_empty() || item.text.len() > REMEMBERED_BYTES {
            return;
        }
        // The same again, as a list that is asked for at each letter gives it, is no news.
        let known = self.made.iter().position(|known| {
            known.uri == uri && known.anchor == anchor && known.text == item.text && known.marks == item.marks
        });
        if let Some(known) = known {
            self.remove(known);
        }
        self.bytes += item.text.len();
        self.made.push_back(Suggestion {
            uri,
            text: item.text,
            anchor,
            taken: 0,
            perhaps: None,
            accepted: None,
            marks: item.marks,
            made: Instant::now(),
        });
        let is_old = |made: &Suggestion| made.made.elapsed() > REMEMBERED_FOR;
        while self.made.len() > REMEMBERED || self.bytes > REMEMBERED_BYTES || self.made.front().is_some_and(is_old) {
            self.remove(0);
        }
    }

    fn remove(&mut self, index: usize) {
        self.bytes -= self.made.remove(index).map_or(0, |gone| gone.text.len());
    }

    /// The suggestions for a document, the newest first.
    pub(super) fn of<'s>(&'s mut self, uri: &str) -> impl Iterator<Item = &'s mut Suggestion> {
        let is_fresh = |made: &&mut Suggestion| made.made.elapsed() <= REMEMBERED_FOR;
        self.made.iter_mut().rev().filter(is_fresh).filter(move |made| made.uri == uri)
    }

    /// Forgets those for a document.
    pub(super) fn forget(&mut self, uri: &str) {
        self.made.retain(|made| made.uri != uri);
        self.bytes = self.made.iter().map(|made| made.text.len()).sum();
    }

    /// The suggestion that a message of the client says was accepted, and how much of it.
    pub(super) fn accepted(&mut self, method: &str, params: &Value) -> Option<(&mut Suggestion, Acceptance)> {
        let (acceptance, marks, text) = match method {
            "workspace/executeCommand" => {
                let part = |name: &str| params.get(name).cloned();
                let marks = Marks { uuid: None, command: part("command"), arguments: part("arguments") };
                (Acceptance::Whole, marks, None)
            }
            "notifyAccepted" => {
                (Acceptance::Whole, Marks { uuid: params.get("uuid").cloned(), ..Marks::default() }, None)
            }
            "textDocument/didAcceptCompletion" | "textDocument/didPartiallyAcceptCompletion" => {
                let item = Item::read(Asked::Inline, &params["item"], &Value::Null);
                let whole = method == "textDocument/didAcceptCompletion";
                let item = item?;
                (if whole { Acceptance::Whole } else { Acceptance::Part }, item.marks, Some(item.text))
            }
            _ => return None,
        };
        let is_meant = |made: &&mut Suggestion| {
            let same = |said: &Option<Value>, known: &Option<Value>| said.is_some() && said == known;
            same(&marks.uuid, &made.marks.uuid)
                || (same(&marks.command, &made.marks.command) && marks.arguments == made.marks.arguments)
                || (marks == Marks::default() && text.as_ref().is_some_and(|text| *text == made.text))
        };
        let made = self.made.iter_mut().rev().find(is_meant)?;
        // Lengths of Copilot count in UTF-16.
        let length = params["acceptedLength"].as_u64().and_then(|length| usize::try_from(length).ok());
        let is_part = length.is_some_and(|length| length < made.text.encode_utf16().count());
        Some((made, if is_part { Acceptance::Part } else { acceptance }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn texts(asked: Asked, result: &Value) -> Vec<String> {
        Item::all(asked, result).map(|item| item.text).collect()
    }

    #[test]
    fn every_way_to_write_a_suggestion_is_read() {
        let items = json!([
            { "insertText": "a" }, { "insertText": { "kind": "snippet", "value": "b${1:c}$0" } },
            { "text": "d", "displayText": "e", "uuid": "1" }, { "displayText": "f" }, { "label": "none" }, 7,
        ]);
        for result in [items.clone(), json!({ "items": items }), json!({ "completions": items })] {
            assert_eq!(texts(Asked::Inline, &result), ["a", "bc", "d", "f"]);
        }
        let edits = json!({ "edits": [{ "text": "a", "textDocument": { "uri": "file:///a.tf" }, "range": {} }] });
        assert_eq!(Item::all(Asked::Edit, &edits).next().and_then(|item| item.uri).as_deref(), Some("file:///a.tf"));
        let list = json!({ "itemDefaults": { "insertTextFormat": 2 }, "items": [
            { "label": "a" }, { "label": "x", "insertText": "b$1" }, { "label": "x", "textEdit": { "newText": "c" } },
            { "label": "x", "textEditText": "d" }, { "label": "x", "insertText": "$TM_FILENAME" },
            { "label": "x", "insertText": "$1", "insertTextFormat": 1 },
        ] });
        assert_eq!(texts(Asked::List, &list), ["a", "b", "c", "d", "$1"]);
        for nothing in [json!(null), json!({}), json!({ "items": 3 }), json!("x"), json!([[]])] {
            assert!(texts(Asked::List, &nothing).is_empty());
        }
    }

    #[test]
    fn snippets_are_expanded() {
        let cases = [
            ("a", Some("a")),
            (r"\$1 \} \n", Some(r"$1 } \n")),
            ("${1:a ${2:b} c} {d}", Some("a b c {d}")),
            ("${1|x,y|} $2", Some("x ")),
            ("5$", Some("5$")),
            ("${TM_FILENAME}", None),
            ("$x", None),
            ("${1", None),
        ];
        for (snippet, expected) in cases {
            assert_eq!(expand(snippet).as_deref(), expected, "{snippet}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let item =
            |text: &str| Item::read(Asked::Inline, &json!({ "insertText": text }), &Value::Null).expect("an item");
        let mut suggestions = Suggestions::default();
        for number in 0..1000 {
            suggestions.add("u".to_owned(), 0, item(&number.to_string()));
        }
        assert_eq!(suggestions.of("u").count(), REMEMBERED);
        for letter in ["a", "b", "c"] {
            suggestions.add("u".to_owned(), 0, item(&letter.repeat(REMEMBERED_BYTES / 2)));
        }
        assert_eq!(suggestions.of("u").count(), 2);
        suggestions.add("u".to_owned(), 0, item(&"a".repeat(REMEMBERED_BYTES + 1)));
        suggestions.add("u".to_owned(), 0, item(" \n"));
        assert_eq!(suggestions.of("u").count(), 2);
        suggestions.forget("u");
        assert_eq!((suggestions.of("u").count(), suggestions.bytes), (0, 0));
    }

    #[test]
    fn acceptances_name_their_suggestion() {
        let command = json!({ "command": "accept", "arguments": ["7"] });
        let items = json!([{ "insertText": "one two", "command": command }, { "text": "three", "uuid": "u3" }]);
        let mut suggestions = Suggestions::default();
        for item in Item::all(Asked::Inline, &items) {
            suggestions.add("u".to_owned(), 0, item);
        }
        let mut said = |method: &str, params: Value| {
            let (made, acceptance) = suggestions.accepted(method, &params)?;
            Some((made.text.clone(), acceptance))
        };
        let of = |text: &str, acceptance| Some((text.to_owned(), acceptance));
        assert_eq!(said("workspace/executeCommand", command), of("one two", Acceptance::Whole));
        let other = json!({ "command": "accept", "arguments": ["8"] });
        assert_eq!(said("workspace/executeCommand", other), None);
        assert_eq!(said("notifyAccepted", json!({ "uuid": "u3" })), of("three", Acceptance::Whole));
        let part = json!({ "uuid": "u3", "acceptedLength": 2 });
        assert_eq!(said("notifyAccepted", part), of("three", Acceptance::Part));
        let part = json!({ "item": items[0], "acceptedLength": 3 });
        assert_eq!(said("textDocument/didPartiallyAcceptCompletion", part), of("one two", Acceptance::Part));
        assert_eq!(said("notifyAccepted", json!(null)), None);
    }
}
