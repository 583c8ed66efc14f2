//! The blocks of Cline's `replace_in_file`.
//!
//! Source: `src/core/assistant-message/diff.ts` of cline/cline.

use crate::{Change, Replacement};

fn is_mark(line: &str, marks: [char; 2], word: &str) -> bool {
    let rest = line.trim_end();
    let rest = rest.strip_suffix('>').filter(|rest| rest.ends_with(word)).unwrap_or(rest);
    let Some(run) = rest.strip_suffix(word) else { return false };
    let run = if word.is_empty() { run } else { run.trim_end_matches(' ') };
    run.len() >= 3 && marks.iter().any(|mark| run.chars().all(|c| c == *mark))
}

/// What a text of `------- SEARCH`, `=======` and `+++++++ REPLACE` blocks changes. A text that is not made of whole
/// blocks says nothing certain.
pub(crate) fn read(diff: &str) -> Change {
    let mut replacements: Vec<Replacement> = Vec::new();
    let mut block: Option<(String, Option<String>)> = None;
    for line in diff.lines() {
        match &mut block {
            None if is_mark(line, ['-', '<'], "SEARCH") => block = Some((String::new(), None)),
            None => {}
            Some((_, new @ None)) if is_mark(line, ['=', '='], "") => *new = Some(String::new()),
            Some((old, Some(new))) if is_mark(line, ['+', '>'], "REPLACE") => {
                let (old, new) = (std::mem::take(old), std::mem::take(new));
                replacements.push(Replacement { old, new, all: false, at: None });
                block = None;
            }
            Some((old, None)) => push_line(old, line),
            Some((_, Some(new))) => push_line(new, line),
        }
    }
    match (replacements.as_mut_slice(), block) {
        ([], _) | (_, Some(_)) => Change::Patched,
        // Nothing to search for stands for the whole file.
        ([only], None) if only.old.is_empty() => Change::Write(std::mem::take(&mut only.new)),
        _ => Change::Replace(replacements),
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_old_and_new() {
        let diff = "------- SEARCH\na\n=======\nb\n+++++++ REPLACE\n<<<<<<< SEARCH\nc\n=======\n>>>>>>> REPLACE\n";
        let Change::Replace(found) = read(diff) else { panic!("replacements") };
        assert_eq!(found.iter().map(|r| (&*r.old, &*r.new)).collect::<Vec<_>>(), [("a\n", "b\n"), ("c\n", "")]);
        assert_eq!(read("--- SEARCH>\n===\nall\n+++ REPLACE"), Change::Write("all\n".to_owned()));
        assert_eq!(read("------- SEARCH\na\n=======\nb\n"), Change::Patched);
        assert_eq!(read("nothing"), Change::Patched);
    }
}
