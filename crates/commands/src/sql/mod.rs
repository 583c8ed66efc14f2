//! SQL as far as it must be read to say what a statement deletes.

mod tokens;

pub(crate) use tokens::Meta;

use crate::operation::{Effect, Grade};
use tokens::{Token, tokens};

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// PostgreSQL and `SQLite`, where a `ROLLBACK` takes definitions back, too.
    Transactional,
    /// All others.
    Other,
}

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) effect: Effect,
    pub(crate) grade: Grade,
    /// A clause without subject.
    pub(crate) what: String,
    /// The table or database.
    pub(crate) target: Option<String>,
    /// Whether a `ROLLBACK` would take it back.
    defines: bool,
}

/// What is in a text of SQL.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) statements: Vec<Statement>,
    pub(crate) metas: Vec<Meta>,
}

/// Reads a text.
pub(crate) fn read(text: &str, dialect: Dialect) -> Reading {
    let mut reading = Reading::default();
    read_into(text, dialect, &mut reading, 0);
    reading
}

fn read_into(text: &str, dialect: Dialect, reading: &mut Reading, level: usize) {
    let tokens = tokens(text, &mut reading.metas);
    let mut open_from = None;
    // In a block of code statements begin behind these words, too.
    let begins = |token: &Token| level > 0 && matches!(word(token), Some("BEGIN" | "THEN" | "ELSE" | "LOOP"));
    for statement in tokens.split(|token| *token == Token::Sign(';') || begins(token)) {
        let first = statement.iter().find_map(word).unwrap_or_default();
        let second = statement.iter().filter_map(word).nth(1).unwrap_or_default();
        match first {
            "BEGIN" | "START" => open_from = Some(reading.statements.len()),
            "COMMIT" | "END" => open_from = None,
            // What a transaction did is taken back, unless it is one that commits by itself.
            "ROLLBACK" | "ABORT" if second != "TO" => {
                if let Some(from) = open_from.take() {
                    let kept = reading.statements.split_off(from.min(reading.statements.len()));
                    let stays = |statement: &Statement| statement.defines && dialect == Dialect::Other;
                    reading.statements.extend(kept.into_iter().filter(stays));
                }
            }
            "EXPLAIN" if !statement.iter().filter_map(word).any(|word| word == "ANALYZE") => {}
            "EXECUTE" if (1..4).contains(&level) => {
                if let Some(Token::Text(body)) = statement.get(1) {
                    read_into(body, dialect, reading, level + 1);
                }
            }
            "DO" if level == 0 => {
                for token in statement {
                    if let Token::Text(body) = token {
                        read_into(body, dialect, reading, level + 1);
                    }
                }
            }
            _ => one(statement, first, reading),
        }
    }
}

fn word(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word, _) => Some(word),
        _ => None,
    }
}

fn one(tokens: &[Token], first: &str, reading: &mut Reading) {
    let words: Vec<&str> = tokens.iter().filter_map(word).collect();
    let has = |name: &str| words.contains(&name);
    let mut push = |effect, grade, what: String, target: Option<String>, defines| {
        reading.statements.push(Statement { effect, grade, what, target, defines });
    };
    match first {
        "DROP" => {
            let kind = words.get(1).copied().unwrap_or_default();
            if matches!(kind, "TEMPORARY" | "TEMP") {
                return;
            }
            let after = words
                .iter()
                .position(|word| *word == "EXISTS")
                .map_or(kind, |at| words.get(at).copied().unwrap_or(kind));
            let target = name_after(tokens, after);
            let data = matches!(
                kind,
                "TABLE"
                    | "DATABASE"
                    | "SCHEMA"
                    | "KEYSPACE"
                    | "TABLESPACE"
                    | "COLLECTION"
                    | "TABLES"
                    | "OWNED"
                    | "FOREIGN"
                    | "GRAPH"
            );
            let grade = if data { Grade::Grave } else { Grade::Lesser };
            let effect = if data { Effect::DataDelete } else { Effect::Destroy };
            push(
                effect,
                grade,
                format!("drops the {} {}", kind.to_ascii_lowercase(), shown(target.as_ref())),
                target,
                true,
            );
        }
        "TRUNCATE" => {
            let target = name_after(tokens, if words.get(1) == Some(&"TABLE") { "TABLE" } else { "TRUNCATE" });
            push(
                Effect::DataDelete,
                Grade::Grave,
                format!("empties the table {}", shown(target.as_ref())),
                target,
                true,
            );
        }
        "ALTER" if has("DROP") && words.get(1) == Some(&"TABLE") => {
            let at = words.iter().position(|word| *word == "DROP").unwrap_or_default();
            let kind = words.get(at + 1).copied().unwrap_or_default();
            if matches!(
                kind,
                "CONSTRAINT"
                    | "DEFAULT"
                    | "NOT"
                    | "INDEX"
                    | "PRIMARY"
                    | "FOREIGN"
                    | "CHECK"
                    | "KEY"
                    | "IDENTITY"
                    | "EXPRESSION"
            ) {
                return;
            }
            let target =
                name_after(tokens, if has("EXISTS") && words.get(2) == Some(&"IF") { "EXISTS" } else { "TABLE" });
            let what = if kind == "PARTITION" { "a partition" } else { "a column" };
            push(
                Effect::DataDelete,
                Grade::Grave,
                format!("drops {what} of the table {}", shown(target.as_ref())),
                target,
                true,
            );
        }
        "ALTER" if has("SUPERUSER") || (has("DISABLE") && has("SECURITY")) => {
            push(Effect::Access, Grade::Grave, "lets somebody do more in the database".to_owned(), None, true);
        }
        "GRANT" if has("ALL") || has("PUBLIC") || has("SUPERUSER") => {
            push(Effect::Access, Grade::Grave, "lets somebody do more in the database".to_owned(), None, true);
        }
        "GRANT" | "REVOKE" => {
            push(Effect::Access, Grade::Lesser, "changes who may do what in the database".to_owned(), None, true);
        }
        "CREATE" | "COMMENT" | "INSERT" | "REPLACE" | "SHOW" | "SET" => {}
        _ => rows(tokens, first, &mut push),
    }
}

/// `DELETE` and `UPDATE`, at the beginning or in a `WITH`.
fn rows(tokens: &[Token], first: &str, push: &mut impl FnMut(Effect, Grade, String, Option<String>, bool)) {
    for (at, token) in tokens.iter().enumerate() {
        let begins = at == 0
            || matches!(tokens.get(at - 1), Some(Token::Sign('(')))
            || (first == "EXPLAIN"
                && matches!(tokens.get(at - 1).and_then(word), Some("ANALYZE" | "VERBOSE" | "EXPLAIN")));
        let name = word(token).unwrap_or_default();
        let after_with = name == "DELETE" && first == "WITH";
        if !matches!(name, "DELETE" | "UPDATE") || !(begins || after_with) {
            continue;
        }
        let mut depth = 0i32;
        let rest = tokens.get(at..).unwrap_or_default();
        let end = rest.iter().position(|token| {
            depth += match token {
                Token::Sign('(') => 1,
                Token::Sign(')') => -1,
                _ => 0,
            };
            depth < 0
        });
        let rest = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let target = name_after(rest, if name == "DELETE" { "FROM" } else { "UPDATE" });
        if name == "UPDATE" && !rest.iter().filter_map(word).any(|word| word == "SET") {
            continue;
        }
        let filter = rest.iter().position(|token| word(token) == Some("WHERE")).and_then(|at| rest.get(at + 1..));
        if filter.is_some_and(|filter| !always(filter)) {
            continue;
        }
        let what = if name == "DELETE" { "deletes every row of the table" } else { "changes every row of the table" };
        push(Effect::DataDelete, Grade::Grave, format!("{what} {}", shown(target.as_ref())), target, false);
    }
}

/// Whether a condition always holds: `1=1`, `true`.
fn always(filter: &[Token]) -> bool {
    let plain: Vec<&str> = filter
        .iter()
        .filter(|token| !matches!(token, Token::Sign('(' | ')')))
        .map(|token| match token {
            Token::Word(word, _) => word.as_str(),
            Token::Text(text) => text.as_str(),
            Token::Sign('=') => "=",
            Token::Sign(_) => "?",
        })
        .collect();
    match plain.as_slice() {
        ["TRUE" | "1"] => true,
        [left, "=", right] => left == right && left.chars().all(|c| c.is_ascii_digit()),
        _ => false,
    }
}

fn shown(name: Option<&String>) -> String {
    name.map(|name| format!("`{name}`")).unwrap_or_default()
}

/// The name that stands behind a keyword, with its parts.
fn name_after(tokens: &[Token], keyword: &str) -> Option<String> {
    let mut rest = tokens.iter().skip_while(|token| word(token) != Some(keyword)).skip(1);
    let mut name = String::new();
    let mut dotted = true;
    for token in rest.by_ref() {
        match token {
            Token::Word(upper, _)
                if dotted && matches!(upper.as_str(), "ONLY" | "TABLE" | "FROM" | "IF" | "EXISTS" | "CONCURRENTLY") => {
            }
            Token::Word(_, text) | Token::Text(text) if dotted => {
                name.push_str(text);
                dotted = false;
            }
            Token::Sign('.') if !dotted => {
                name.push('.');
                dotted = true;
            }
            _ => break,
        }
    }
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effects(text: &str) -> usize {
        read(text, Dialect::Transactional).statements.iter().filter(|statement| statement.grade == Grade::Grave).count()
    }

    #[test]
    fn statements_that_lose_data() {
        for text in [
            "DROP TABLE orders",
            "drop table if exists public.orders cascade;",
            "DROP DATABASE shop",
            "TRUNCATE orders, lines",
            "delete from orders",
            "DELETE FROM orders WHERE 1=1",
            "DELETE FROM orders WHERE true",
            "UPDATE users SET admin = true;",
            "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
            "ALTER TABLE orders DROP COLUMN total",
            "SELECT 1; -- x\nDROP/**/TABLE y",
            "DO $$ BEGIN DROP TABLE x; END $$;",
            "BEGIN; DELETE FROM orders; COMMIT;",
            "explain analyze delete from orders",
        ] {
            assert_eq!(effects(text), 1, "{text}");
        }
    }

    #[test]
    fn statements_that_do_not() {
        for text in [
            "SELECT 'DROP TABLE orders'",
            "-- DROP TABLE orders",
            "/* TRUNCATE x */ SELECT 1",
            "DELETE FROM orders WHERE id = 4",
            "UPDATE users SET admin = true WHERE id = 1",
            "EXPLAIN DELETE FROM orders",
            "BEGIN; DELETE FROM orders; ROLLBACK;",
            "INSERT INTO t VALUES ('delete from x')",
            "INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET x = 1",
            "SELECT * FROM orders FOR UPDATE",
            "CREATE TRIGGER x AFTER DELETE ON orders",
            "DROP TEMPORARY TABLE x",
            "ALTER TABLE orders DROP CONSTRAINT x",
        ] {
            assert_eq!(effects(text), 0, "{text}");
        }
    }
}
