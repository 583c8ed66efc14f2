//! SQL cut into words, texts and signs.

/// A command of a database's own shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meta {
    /// Run this in a shell.
    Shell(String),
    /// Read this file.
    Include(String),
}

/// A piece of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// In upper case for keywords; as written beside.
    Word(String, String),
    /// A text in quotes, or between dollars.
    Text(String),
    Sign(char),
}

/// The tokens of a text without comments; commands of a database's own shell go to `metas`.
pub(super) fn tokens(text: &str, metas: &mut Vec<Meta>) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line_begins = true;
    while let Some(c) = rest.chars().next() {
        let next = rest.get(c.len_utf8()..).unwrap_or_default();
        if c == '\n' {
            line_begins = true;
            rest = next;
            continue;
        }
        if line_begins && matches!(c, '\\' | '.') {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            metas.extend(meta(line));
            tokens.push(Token::Sign(';'));
            rest = after;
            continue;
        }
        if !c.is_whitespace() {
            line_begins = false;
        }
        let comment = rest.starts_with("--") || (c == '#' && !rest.starts_with("#>") && !rest.starts_with("#-"));
        if comment {
            rest = rest.find('\n').and_then(|at| rest.get(at..)).unwrap_or_default();
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").and_then(|at| rest.get(at + 2..)).unwrap_or_default();
        } else if matches!(c, '\'' | '"' | '`') {
            let (inside, after) = quoted(next, c);
            // A name in quotes is a name, and a text in single quotes is none.
            tokens.push(if c == '\'' { Token::Text(inside) } else { Token::Word(String::new(), inside) });
            rest = after;
        } else if c == '$'
            && let Some((body, after)) = dollars(rest)
        {
            tokens.push(Token::Text(body.to_owned()));
            rest = after;
        } else if c.is_alphanumeric() || matches!(c, '_' | '$' | '{' | '@') {
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '$' | '{' | '}' | '@' | '-' | ':'))
                .unwrap_or(rest.len());
            let end = rest.get(..end).and_then(|word| word.find("--")).unwrap_or(end).max(c.len_utf8());
            let name = rest.get(..end).unwrap_or_default();
            tokens.push(Token::Word(name.to_ascii_uppercase(), name.to_owned()));
            rest = rest.get(end..).unwrap_or_default();
        } else {
            if !c.is_whitespace() {
                tokens.push(Token::Sign(c));
            }
            rest = next;
        }
    }
    tokens
}

fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut inside = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
                inside.push(quote);
                continue;
            }
            return (inside, text.get(at + 1..).unwrap_or_default());
        }
        inside.push(c);
    }
    (inside, "")
}

/// The body of `$tag$ … $tag$`.
fn dollars(text: &str) -> Option<(&str, &str)> {
    let end = text.get(1..)?.find('$')? + 2;
    let tag = text.get(..end)?;
    if !tag.trim_matches('$').chars().all(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let rest = text.get(end..)?;
    let close = rest.find(tag)?;
    Some((rest.get(..close)?, rest.get(close + tag.len()..)?))
}

fn meta(line: &str) -> Option<Meta> {
    let line = line.trim();
    if let Some(command) =
        line.strip_prefix("\\!").or_else(|| line.strip_prefix(".shell ")).or_else(|| line.strip_prefix(".system "))
    {
        return Some(Meta::Shell(command.trim().to_owned()));
    }
    let file = ["\\ir ", "\\i ", "\\include ", "\\. ", ".read "].iter().find_map(|begin| line.strip_prefix(begin))?;
    Some(Meta::Include(file.trim().trim_end_matches(';').trim_matches(['\'', '"']).to_owned()))
}
