//! Where a finding stands that a policy speaks of: by what the result says, else by what it hangs on.

use super::Asked;
use crate::disk;
use countersign_rego::{Outcome, Said};
use serde_json::{Map, Value};

/// Parts of files that are left out one by one to see what a result hangs on; each is one more run of the policies.
const MAX_PARTS: usize = 200;

/// How deep the metadata of a result is searched.
const MAX_DEPTH: usize = 3;

/// A place: a line or a part of a file, else the file as such.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct At {
    /// Which file.
    pub(super) file: usize,
    /// Zero-based line.
    pub(super) line: Option<usize>,
    /// Which part.
    pub(super) part: Option<usize>,
}

/// Where each result stands. `again` runs the policies without one part of one file, as far as there is time for that.
pub(super) fn places(asked: &[Asked], said: &[Said], again: impl Fn((usize, usize)) -> Option<Outcome>) -> Vec<At> {
    let mut places: Vec<Option<At>> = said.iter().map(|said| named(asked, said)).collect();
    let mut needs: Vec<Vec<(usize, usize)>> = vec![Vec::new(); said.len()];
    let open: Vec<usize> = (0..said.len()).filter(|index| places.get(*index).is_some_and(Option::is_none)).collect();
    let parts = || {
        asked.iter().enumerate().flat_map(|(file, asked)| (0..asked.input.parts().len()).map(move |part| (file, part)))
    };
    if !open.is_empty() && parts().count() <= MAX_PARTS {
        for part in parts() {
            // Without an answer it is not known what hangs on what.
            let Some(outcome) = again(part) else {
                needs.iter_mut().for_each(Vec::clear);
                break;
            };
            for index in &open {
                if let (Some(said), Some(needs)) = (said.get(*index), needs.get_mut(*index))
                    && !outcome.said.contains(said)
                {
                    needs.push(part);
                }
            }
        }
    }
    for ((place, needs), said) in places.iter_mut().zip(&needs).zip(said) {
        place.get_or_insert_with(|| hanging(asked, said, needs));
    }
    places.into_iter().map(Option::unwrap_or_default).collect()
}

/// The place that a result names: `_loc` as Conftest has it, the address of something that is declared, a file.
fn named(asked: &[Asked], said: &Said) -> Option<At> {
    let texts = texts(&said.metadata);
    let location = said.metadata.get("_loc").and_then(Value::as_object);
    let is_file = |asked: &Asked, name: &str| {
        let shown = disk::display(&asked.path);
        let name = name.strip_prefix("./").unwrap_or(name);
        shown == name || name.ends_with(&format!("/{shown}"))
    };
    let of_name = |name: &str| asked.iter().position(|asked| is_file(asked, name));
    let file = match asked {
        [_] => Some(0),
        _ => texts.iter().copied().find_map(of_name),
    };
    let located = location.and_then(|location| location.get("file")).and_then(Value::as_str);
    if let Some(line) = location.and_then(|location| line(location.get("line")?))
        && let Some(file) = located.map_or(file, of_name)
        && let Some(of) = asked.get(file)
        && line < of.text.line_count()
    {
        return Some(At { file, line: Some(line), part: part_at(of, line) });
    }
    let candidates = || asked.iter().enumerate().filter(move |(index, _)| file.is_none_or(|file| file == *index));
    let one = |fits: &dyn Fn(&str, &str) -> bool| {
        let declared = candidates().flat_map(|(file, asked)| {
            let parts = asked.input.parts().iter().enumerate();
            parts.filter_map(move |(part, at)| Some((file, part, at.declared.as_ref()?)))
        });
        let mut found = declared.filter(|(_, _, declared)| fits(&declared.kind, &declared.address));
        match (found.next(), found.next()) {
            (Some((file, part, _)), None) => Some(At { file, line: None, part: Some(part) }),
            _ => None,
        }
    };
    let holds = |text: &str| texts.contains(&text);
    one(&|_, address| holds(address))
        .or_else(|| {
            let label = |kind: &str, address: &str| {
                address.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.')).is_some_and(&holds)
            };
            one(&|kind, address| holds(kind) && label(kind, address))
        })
        .or_else(|| one(&|_, address| address.contains('.') && mentions(&said.message, address)))
}

/// A line as `_loc` has it: a number from one on, or a text that holds one.
fn line(value: &Value) -> Option<usize> {
    let line = match value {
        Value::String(text) => text.trim().parse().ok()?,
        value => usize::try_from(value.as_u64()?).ok()?,
    };
    line.checked_sub(1)
}

/// The part that a line is in.
fn part_at(of: &Asked, line: usize) -> Option<usize> {
    let start = of.text.line_content(line).start;
    of.input.parts().iter().position(|part| part.range.contains(&start))
}

/// The place of a result by the parts that it would not be there without: the only one, else the only one that it mentions.
fn hanging(asked: &[Asked], said: &Said, needs: &[(usize, usize)]) -> At {
    let at = |(file, part): (usize, usize)| At { file, line: None, part: Some(part) };
    if let [only] = needs {
        return at(*only);
    }
    let label = |(file, part): &(usize, usize)| {
        let declared = asked.get(*file)?.input.parts().get(*part)?.declared.as_ref()?;
        declared.address.rsplit('.').next().map(str::to_owned)
    };
    let mut mentioned = needs.iter().filter(|need| label(need).is_some_and(|label| mentions(&said.message, &label)));
    if let (Some(only), None) = (mentioned.next(), mentioned.next()) {
        return at(*only);
    }
    At { file: needs.first().map_or(0, |(file, _)| *file), ..At::default() }
}

/// Whether a text holds a name as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let continues = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let mut after = text.get(at + name.len()..).unwrap_or_default().chars();
        let is_end = match after.next() {
            Some('.') => !after.next().is_some_and(continues),
            other => !other.is_some_and(continues),
        };
        !before.is_some_and(|c| continues(c) || c == '.') && is_end
    })
}

/// The texts in the metadata of a result.
fn texts(metadata: &Map<String, Value>) -> Vec<&str> {
    let mut texts = Vec::new();
    let mut open: Vec<(&Value, usize)> = metadata.values().map(|value| (value, 0)).collect();
    while let Some((value, depth)) = open.pop() {
        match value {
            Value::String(text) => texts.push(text.as_str()),
            Value::Object(inner) if depth < MAX_DEPTH => open.extend(inner.values().map(|value| (value, depth + 1))),
            Value::Array(inner) if depth < MAX_DEPTH => open.extend(inner.iter().map(|value| (value, depth + 1))),
            _ => {}
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_engine::input::Input;
    use countersign_engine::{Policy, alone};
    use countersign_grammars::Language;
    use countersign_policy::{Config, Surface};
    use countersign_rego::Level;
    use countersign_text::RangeMap;
    use serde_json::json;
    use std::path::PathBuf;

    const TEXT: &str = "resource \"aws_s3_bucket\" \"logs\" {\n  acl = \"x\"\n}\n\nresource \"aws_s3_bucket\" \"site\" {\n}\n\nresource \"aws_db_instance\" \"logs\" {\n}\n";

    fn asked() -> Vec<Asked> {
        let path = PathBuf::from("main.tf");
        let snapshot = crate::surroundings::snapshot(&path, Language::Terraform, TEXT);
        let policy = Policy::new(&Config::defaults(), Surface::CommandLine, jiff::civil::date(2026, 11, 20));
        let input = Input::new(&snapshot, &alone(&snapshot), &policy, &RangeMap::default()).expect("an input");
        vec![Asked { path, text: snapshot.text, input }]
    }

    fn said(message: &str, metadata: &Value) -> Said {
        Said {
            level: Level::Deny,
            rule: "main.deny".to_owned(),
            file: "p.rego".to_owned(),
            message: message.to_owned(),
            metadata: metadata.as_object().cloned().unwrap_or_default(),
        }
    }

    #[test]
    fn what_a_result_names() {
        let asked = asked();
        let part = |part| Some(At { file: 0, line: None, part: Some(part) });
        let cases = [
            ("x", json!({"_loc": {"file": "main.tf", "line": 2}}), Some(At { file: 0, line: Some(1), part: Some(0) })),
            ("x", json!({"_loc": {"line": "4"}}), Some(At { file: 0, line: Some(3), part: None })),
            ("x", json!({"_loc": {"line": 400}}), None),
            ("x", json!({"_loc": {"file": "other.tf", "line": 2}}), None),
            ("x", json!({"resource": "aws_s3_bucket.site"}), part(1)),
            ("x", json!({"details": {"resource": {"type": "aws_db_instance", "name": "logs"}}}), part(2)),
            ("x", json!({"name": "logs"}), None),
            ("aws_db_instance.logs is open", json!({}), part(2)),
            ("aws_db_instance.logs2 is open", json!({}), None),
            ("aws_db_instance.logs and aws_s3_bucket.logs are open", json!({}), None),
        ];
        for (message, metadata, expected) in cases {
            assert_eq!(named(&asked, &said(message, &metadata)), expected, "{message} {metadata}");
        }
    }

    #[test]
    fn what_a_result_hangs_on() {
        let asked = asked();
        let all = [
            said("bucket", &json!({})),
            said("two", &json!({})),
            said("`logs` of two", &json!({})),
            said("none", &json!({})),
        ];
        // The first hangs on the second part, the next two on the first and second, the last on none.
        let again = |(_, part): (usize, usize)| {
            let gone: &[usize] = match part {
                0 => &[1, 2],
                1 => &[0, 1, 2],
                _ => &[],
            };
            let left = all.iter().enumerate().filter(|(index, _)| !gone.contains(index));
            Some(Outcome { said: left.map(|(_, said)| said.clone()).collect(), excepted: 0 })
        };
        let parts: Vec<_> = places(&asked, &all, again).into_iter().map(|at| at.part).collect();
        assert_eq!(parts, [Some(1), None, Some(0), None]);
        let unanswered = places(&asked, &all, |_| None);
        assert_eq!(unanswered, vec![At::default(); 4]);
    }
}
