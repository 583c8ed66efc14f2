//! The words of a command that is one program with nothing to expand, so that two spellings of it can be told to be the same.

/// The words of a command; `None` where it is more than one program with its arguments, or where a shell would expand,
/// assign or redirect anything. Nothing is guessed: where this gives words, every shell gives the same.
pub fn argv(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = command.trim().chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        end if end == character => break,
                        '$' | '`' | '\\' | '!' if character == '"' => return None,
                        other => word.push(other),
                    }
                }
            }
            plain if is_plain(plain) => word.get_or_insert_default().push(plain),
            _ => return None,
        }
    }
    words.extend(word);
    // `A=b program` assigns, and a first word that had to be quoted is no usual program.
    let is_program = |first: &String| !first.is_empty() && first.chars().all(|it| is_plain(it) && it != '=');
    words.first().is_some_and(is_program).then_some(words)
}

/// A command for a shell that has these words; of a single one, the word as it stands.
pub fn line(argv: &[String]) -> String {
    if let [only] = argv {
        return only.clone();
    }
    argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it back.
pub fn quoted(word: &str) -> String {
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    // A quote ends the quoted part, stands in the other quotes, and begins it anew.
    format!("'{}'", word.replace('\'', "'\"'\"'"))
}

/// Whether a character stands for itself in every shell, wherever it is.
fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '/' | ':' | '=' | ',' | '@' | '%' | '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(of: &[&str]) -> Vec<String> {
        of.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn spellings_of_the_same_words() {
        let expected = Some(words(&["psql", "-c", "DROP TABLE orders;", "shop"]));
        for command in [
            "psql -c 'DROP TABLE orders;' shop",
            " psql  -c \"DROP TABLE orders;\"\tshop ",
            "'psql' -c 'DROP'\" TABLE orders;\" shop",
        ] {
            assert_eq!(argv(command), expected, "{command}");
        }
        assert_eq!(argv("x ''"), Some(words(&["x", ""])));
    }

    #[test]
    fn what_a_shell_would_change_has_no_words() {
        for command in [
            "", "a && b", "a; b", "a | b", "a > b", "a $b", "a \"$b\"", "a `b`", "a *", "a ?", "a [b]", "a {b,c}",
            "a ~/b", "A=b c", "a # b", "! a", "a\nb", "a \\b", "a 'b", "'a b' c", "'' a", "(a)", "a & b", "a \"b!\"",
        ] {
            assert_eq!(argv(command), None, "{command}");
        }
    }

    #[test]
    fn words_are_read_back() {
        for argv_of in [&["terraform", "destroy"][..], &["psql", "-c", "it's", ""], &["a", "$b", "c;d\ne", "\"'\""]] {
            let given = words(argv_of);
            assert_eq!(argv(&line(&given)), Some(given));
        }
        assert_eq!(line(&words(&["cd a && b"])), "cd a && b");
    }
}
