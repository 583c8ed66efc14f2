//! Statements of SQL that change a schema, or rows without a limit.
//!
//! Each thing that a statement does is a resource: a column that is dropped (`sql/drop-column`, its address `users.email`), an index
//! that is made (`sql/create-index`). Names are in small letters unless they stand in quotes, without the schema `public`. What a
//! routine's body or a string holds is not looked into. What makes something harmless further down has an address of its own, so that
//! it can be asked for: a table that is made (`table users`), is emptied (`emptied users`), has a constraint validated (`validated
//! users`), and what tells the dialect.
//!
//! Sources: the reference of SQL commands of PostgreSQL 18, and the statement syntax of MySQL 8.4.

use crate::found::Found;
use crate::terraform::syntax::Block;
use countersign_grammars::sql::{Token, TokenKind, direction, tokens};
use std::ops::Range;

/// What tells that a text is of MySQL or `MariaDB`, and of no dialect that is known here.
const MYSQL: &str = "dialect mysql";
const OTHER: &str = "dialect other";

/// The blocks of a unit, in order of the text.
pub(crate) fn blocks(source: &str) -> Vec<Block> {
    let tokens = tokens(source);
    let text = |token: &Token| source.get(token.range.clone()).unwrap_or_default();
    let goes = |back| tokens.iter().find(|token| direction(source.as_bytes(), token) == Some(back));
    let is_query = tokens.iter().any(|token| token.kind == TokenKind::Comment && is_query(text(token)));
    let mut reader = Reader {
        source,
        tokens: tokens.iter().filter(|token| token.kind != TokenKind::Comment).cloned().collect(),
        at: 0,
        is_query,
        blocks: Vec::new(),
    };
    reader.dialect();
    if let Some(on) = goes(false) {
        reader.add_at("direction", GOES_ON, on.range.clone(), Found::new());
    }
    match goes(true) {
        Some(_) => reader.rollback(),
        None => reader.statement(),
    }
    reader.blocks.sort_by_key(|block| block.range.start());
    reader.blocks
}

/// The address of what says that a part of the file goes on, so that another part takes it back.
const GOES_ON: &str = "direction up";

/// Whether a comment says that a program runs the statement with parameters, by a name: `-- name: DeleteUser :exec`, as sqlc has it.
fn is_query(comment: &str) -> bool {
    let mut words = comment.trim_start_matches(['-', '/', '*', ' ']).split_whitespace();
    words.next() == Some("name:") && words.nth(1).is_some_and(|command| command.starts_with(':'))
}

/// A name and where it stands.
#[derive(Debug, Clone)]
struct Name {
    text: String,
    range: Range<usize>,
}

impl Found {
    fn name(self, name: &str, value: &Name) -> Self {
        self.text(name, &value.text, value.range.clone())
    }
}

struct Reader<'s> {
    source: &'s str,
    /// Without comments.
    tokens: Vec<Token>,
    at: usize,
    /// A program runs it with parameters.
    is_query: bool,
    blocks: Vec<Block>,
}

impl Reader<'_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).and_then(|token| self.source.get(token.range.clone())).unwrap_or_default()
    }

    fn kind(&self, at: usize) -> Option<TokenKind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// Whether a word stands somewhere.
    fn is_at(&self, at: usize, word: &str) -> bool {
        self.kind(at) == Some(TokenKind::Word) && self.text(at).eq_ignore_ascii_case(word)
    }

    fn is_sign(&self, at: usize, sign: u8) -> bool {
        self.kind(at) == Some(TokenKind::Sign(sign))
    }

    /// Goes past some words, where they are next.
    fn eat(&mut self, words: &[&str]) -> bool {
        let are_next = words.iter().enumerate().all(|(ahead, word)| self.is_at(self.at + ahead, word));
        if are_next {
            self.at += words.len();
        }
        are_next
    }

    /// Goes past one of these words, where one is next.
    fn eat_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.eat(&[word]))
    }

    /// From one token to behind another.
    fn span(&self, from: usize, to: usize) -> Range<usize> {
        let start = self.tokens.get(from).map_or(0, |token| token.range.start);
        let end = to.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(start, |token| token.range.end);
        start..end.max(start)
    }

    /// Goes past a name: `users`, `public.users`, `"Users"`.
    fn name(&mut self) -> Option<Name> {
        let start = self.at;
        let mut parts: Vec<String> = Vec::new();
        loop {
            let text = self.text(self.at);
            let part = match self.kind(self.at)? {
                TokenKind::Word => text.to_lowercase(),
                TokenKind::Quoted if text.len() > 1 => {
                    let inner = text.get(1..text.len() - 1).unwrap_or_default();
                    inner.replace("\"\"", "\"")
                }
                _ => return None,
            };
            parts.push(part);
            self.at += 1;
            if !self.is_sign(self.at, b'.') {
                break;
            }
            self.at += 1;
        }
        if parts.len() > 1 && parts[0] == "public" {
            parts.remove(0);
        }
        Some(Name { text: parts.join("."), range: self.span(start, self.at) })
    }

    /// Goes past names between commas.
    fn names(&mut self) -> Vec<Name> {
        let mut names = Vec::new();
        while let Some(name) = self.name() {
            names.push(name);
            if !self.is_sign(self.at, b',') {
                break;
            }
            self.at += 1;
        }
        names
    }

    /// The end of what stands between parentheses, from the opening one on; the place itself where none is.
    fn past_parentheses(&self, from: usize) -> usize {
        if !self.is_sign(from, b'(') {
            return from;
        }
        let (mut at, mut depth) = (from, 0_usize);
        while at < self.tokens.len() {
            match self.kind(at) {
                Some(TokenKind::Sign(b'(')) => depth += 1,
                Some(TokenKind::Sign(b')')) => {
                    depth -= 1;
                    if depth == 0 {
                        return at + 1;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// Where a clause ends: at a comma or the end of the statement, outside of parentheses.
    fn clause_end(&self, from: usize) -> usize {
        let mut at = from;
        while at < self.tokens.len() {
            match self.kind(at) {
                Some(TokenKind::Sign(b'(')) => at = self.past_parentheses(at),
                Some(TokenKind::Sign(b',' | b';' | b')')) => return at,
                _ => at += 1,
            }
        }
        at
    }

    /// The first place of some words in a clause, outside of parentheses.
    fn find(&self, words: &[&str], from: usize, to: usize) -> Option<usize> {
        let mut at = from;
        while at < to {
            if words.iter().enumerate().all(|(ahead, word)| self.is_at(at + ahead, word)) {
                return Some(at);
            }
            at = if self.is_sign(at, b'(') { self.past_parentheses(at) } else { at + 1 };
        }
        None
    }

    /// Adds something that the statement does. `from` and `to` are the tokens that say so, and what is underlined.
    fn add(&mut self, kind: &str, address: &str, (from, to): (usize, usize), found: Found) {
        self.add_at(kind, address, self.span(from, to), found);
    }

    /// Notes what tells the dialect.
    fn dialect(&mut self) {
        let any = |test: &dyn Fn(usize) -> bool| (0..self.tokens.len()).find(|at| test(*at));
        let is_backquoted = |at: usize| self.kind(at) == Some(TokenKind::Quoted) && self.text(at).starts_with('`');
        let is_of_mysql = |at: usize| {
            let word = |word| self.is_at(at, word);
            is_backquoted(at)
                || word("auto_increment")
                || (word("engine") && self.is_sign(at + 1, b'='))
                || (word("modify") && self.is_at(at + 1, "column"))
        };
        // T-SQL, Oracle, BigQuery.
        let others =
            ["nvarchar", "varchar2", "nvarchar2", "number", "identity_insert", "uniqueidentifier", "int64", "getdate"];
        let is_of_other = |at: usize| {
            others.iter().any(|word| self.is_at(at, word)) || self.is_sign(at, b'[') && self.is_bracketed(at)
        };
        let found = any(&is_of_mysql).map(|at| (at, MYSQL)).or_else(|| any(&is_of_other).map(|at| (at, OTHER)));
        if let Some((at, address)) = found {
            self.add("dialect", address, (at, at + 1), Found::new());
        }
    }

    /// Whether a bracket stands around a name, as in T-SQL, and not behind a type or a value.
    fn is_bracketed(&self, at: usize) -> bool {
        let is_open = at == 0 || matches!(self.kind(at - 1), Some(TokenKind::Sign(b'.' | b',' | b'('))) || {
            let before = at - 1;
            ["table", "column", "on", "into", "from", "update", "index"].iter().any(|word| self.is_at(before, word))
        };
        is_open && self.kind(at + 1) == Some(TokenKind::Word) && self.is_sign(at + 2, b']')
    }

    /// What takes a migration back: the first thing that it destroys. Where nothing says what it takes back, all of it runs.
    fn rollback(&mut self) {
        let begins = |at: &usize| *at == 0 || self.is_sign(at - 1, b';');
        let destroys = ["drop", "truncate", "delete"];
        let first = (0..self.tokens.len()).filter(begins).find(|at| {
            let column = || self.is_at(*at, "alter") && self.find(&["drop"], *at, self.statement_end(*at)).is_some();
            destroys.iter().any(|word| self.is_at(*at, word)) || column()
        });
        if let Some(at) = first {
            let range = self.span(at, at + 2);
            let found = Found::new().text("destroys", &self.written(&range).to_uppercase(), range);
            self.add("rollback", "rollback", (at, at + 2), found);
        }
    }

    fn statement_end(&self, from: usize) -> usize {
        (from..self.tokens.len()).find(|at| self.is_sign(*at, b';')).unwrap_or(self.tokens.len())
    }

    fn statement(&mut self) {
        // The transaction around it, and the separator of T-SQL, begin nothing.
        while self.is_sign(self.at, b';') || self.is_at(self.at, "go") {
            self.at += 1;
        }
        let start = self.at;
        if self.eat(&["alter", "table"]) {
            self.alter_table(start);
        } else if self.eat(&["drop"]) {
            self.drop(start);
        } else if self.eat(&["create"]) {
            self.create(start);
        } else if self.eat(&["truncate"]) {
            self.truncate(start);
        } else if !self.is_query && self.eat(&["delete", "from"]) {
            self.rows("delete", start);
        } else if !self.is_query && self.eat(&["update"]) {
            self.rows("update", start);
        } else if self.eat(&["rename", "table"]) {
            self.renamed_table(start);
        } else if self.eat(&["grant"]) {
            self.grant(start);
        } else if self.eat(&["alter", "role"]) || self.eat(&["alter", "user"]) {
            self.role(start);
        } else if self.eat(&["vacuum"]) {
            self.vacuum(start);
        } else if self.eat(&["cluster"]) {
            self.eat(&["verbose"]);
            self.rebuilt("CLUSTER", start, false);
        } else if self.eat(&["reindex"]) {
            self.at = self.past_parentheses(self.at);
            self.eat_any(&["index", "table", "schema", "database", "system"]);
            let concurrently = self.eat(&["concurrently"]);
            self.rebuilt("REINDEX", start, concurrently);
        } else if self.eat(&["refresh", "materialized", "view"]) {
            let concurrently = self.eat(&["concurrently"]);
            self.rebuilt("REFRESH MATERIALIZED VIEW", start, concurrently);
        }
    }

    /// What is made anew while it is locked, or beside what is there where that is `concurrently`.
    fn rebuilt(&mut self, command: &str, start: usize, concurrently: bool) {
        let words = self.at;
        let Some(name) = self.name() else { return };
        self.rebuilt_as(&name.text, command, (start, words), concurrently);
    }

    fn rebuilt_as(&mut self, address: &str, command: &str, (start, words): (usize, usize), concurrently: bool) {
        let range = self.span(start, words);
        let found = Found::new().text("command", command, range.clone()).is("concurrently", concurrently, range);
        self.add("rebuild", address, (start, self.at), found);
    }

    fn vacuum(&mut self, start: usize) {
        let end = self.past_parentheses(self.at);
        let in_parentheses = (self.at..end).any(|at| self.is_at(at, "full"));
        self.at = end;
        let is_full = self.eat(&["full"]) || in_parentheses;
        while self.eat_any(&["freeze", "verbose", "analyze"]) {}
        let words = self.at;
        // Without a table, it is all of them.
        let address = self.name().map_or_else(|| "database".to_owned(), |name| name.text);
        if is_full {
            self.rebuilt_as(&address, "VACUUM FULL", (start, words), false);
        }
    }

    fn drop(&mut self, start: usize) {
        let object = self.at;
        self.eat_any(&["materialized", "foreign"]);
        let kind = match () {
            () if self.eat(&["table"]) => "drop-table",
            () if self.eat(&["database"]) => "drop-database",
            () if self.eat(&["schema"]) => "drop-schema",
            () if self.eat(&["index"]) => "drop-index",
            () => return,
        };
        let is_temporary = self.is_at(object, "temporary");
        let concurrently = self.eat(&["concurrently"]);
        let words = self.at;
        let if_exists = self.eat(&["if", "exists"]);
        let names = self.names();
        let cascade = self.eat(&["cascade"]);
        for name in names {
            let range = self.span(start, words);
            let found = Found::new()
                .name("name", &name)
                .is("if_exists", if_exists, range.clone())
                .is("cascade", cascade, range.clone())
                .is("temporary", is_temporary, range.clone())
                .is("concurrently", concurrently, range);
            self.add_at(kind, &name.text, name.range.clone(), found);
        }
    }

    /// Adds something that is underlined at a place.
    fn add_at(&mut self, kind: &str, address: &str, at: Range<usize>, found: Found) {
        self.blocks.push(found.block(&format!("sql/{kind}"), address, at));
    }

    fn create(&mut self, start: usize) {
        let is_unique = self.eat(&["unique"]);
        if self.eat(&["index"]) {
            let words = self.at;
            let concurrently = self.eat(&["concurrently"]);
            self.eat(&["if", "not", "exists"]);
            let name = if self.is_at(self.at, "on") { None } else { self.name() };
            if !self.eat(&["on"]) {
                return;
            }
            if self.eat(&["only"]) {
                // Of the parent of partitions: it has no rows of its own.
                return;
            }
            if let Some(table) = self.name() {
                let range = self.span(start, words);
                let found = Found::new()
                    .name("table", &table)
                    .is("concurrently", concurrently, range.clone())
                    .is("unique", is_unique, range);
                let address = name.map_or_else(|| format!("an index on {}", table.text), |name| name.text);
                self.add("create-index", &address, (start, words), found);
            }
            return;
        }
        if self.eat(&["role"]) || self.eat(&["user"]) {
            self.role(start);
            return;
        }
        self.eat_any(&["global", "local"]);
        let temporary = self.eat_any(&["temporary", "temp"]);
        self.eat_any(&["unlogged", "foreign"]);
        if self.eat(&["table"]) {
            self.eat(&["if", "not", "exists"]);
            if let Some(name) = self.name() {
                let range = name.range.clone();
                let head = self.at;
                let columns = self.columns();
                let found = Found::new()
                    .name("name", &name)
                    .is("temporary", temporary, range.clone())
                    .map("columns", &columns, range);
                self.add("table", &format!("table {}", name.text), (start, head), found);
            }
        }
    }

    /// The columns of a table that is made, each with its type.
    fn columns(&mut self) -> Vec<(String, String, Range<usize>)> {
        const NONE: [&str; 12] = [
            "check",
            "constraint",
            "exclude",
            "foreign",
            "fulltext",
            "index",
            "key",
            "like",
            "period",
            "primary",
            "spatial",
            "unique",
        ];
        let mut columns = Vec::new();
        if !self.is_sign(self.at, b'(') {
            return columns;
        }
        loop {
            self.at += 1;
            let is_other = NONE.iter().any(|word| self.is_at(self.at, word));
            if let Some(name) = self.name().filter(|_| !is_other) {
                let to = self.type_end(self.at);
                let range = self.span(self.at, to);
                columns.push((name.text, self.written(&range), range));
            }
            self.at = self.clause_end(self.at);
            if !self.is_sign(self.at, b',') {
                return columns;
            }
        }
    }

    /// Where a type ends: at what is said of the column besides.
    fn type_end(&self, from: usize) -> usize {
        const BESIDES: [&str; 16] = [
            "after",
            "as",
            "auto_increment",
            "check",
            "collate",
            "comment",
            "constraint",
            "default",
            "first",
            "generated",
            "not",
            "null",
            "primary",
            "references",
            "unique",
            "using",
        ];
        let end = self.clause_end(from);
        (from..end).find(|at| BESIDES.iter().any(|word| self.is_at(*at, word))).unwrap_or(end)
    }

    fn truncate(&mut self, start: usize) {
        self.eat(&["table"]);
        self.eat(&["only"]);
        let names = self.names();
        self.eat(&["restart", "identity"]);
        self.eat(&["continue", "identity"]);
        let cascade = self.at;
        let is_cascading = self.eat(&["cascade"]);
        let cascade = if is_cascading { self.span(cascade, self.at) } else { self.span(start, start + 1) };
        for name in names {
            let found = Found::new().name("table", &name).is("cascade", is_cascading, cascade.clone());
            self.add_at("truncate", &name.text, name.range.clone(), found);
            self.add_at("emptied", &format!("emptied {}", name.text), name.range.clone(), Found::new());
        }
    }

    /// `DELETE FROM` and `UPDATE`: whether they say of which rows.
    fn rows(&mut self, kind: &str, start: usize) {
        self.eat(&["only"]);
        let Some(table) = self.name() else { return };
        let head = self.at;
        let end = self.tokens.len();
        // A cursor names one row, and a limit a few.
        let limits = ["where", "limit", "using", "join"];
        let limited = limits.iter().any(|word| self.find(&[word], head, end).is_some());
        if kind == "update" && self.find(&["set"], head, end).is_none() {
            return;
        }
        let range = self.span(start, head);
        let found = Found::new().name("table", &table).is("limited", limited, range);
        self.add(kind, &table.text, (start, head), found);
    }

    fn renamed_table(&mut self, start: usize) {
        if let Some(name) = self.name()
            && self.eat(&["to"])
            && let Some(to) = self.name()
        {
            let found = Found::new().name("table", &name).name("to", &to).text("object", "table", name.range.clone());
            self.add("rename", &name.text, (start, self.at), found);
        }
    }

    fn alter_table(&mut self, start: usize) {
        self.eat(&["if", "exists"]);
        self.eat(&["only"]);
        let Some(table) = self.name() else { return };
        if self.is_sign(self.at, b'*') {
            self.at += 1;
        }
        loop {
            let from = self.at;
            let end = self.clause_end(from);
            self.action(&table, (start, from, end));
            if !self.is_sign(end, b',') {
                break;
            }
            self.at = end + 1;
        }
    }

    /// One action of an `ALTER TABLE`.
    fn action(&mut self, table: &Name, (start, from, end): (usize, usize, usize)) {
        let column = |name: &Name| format!("{}.{}", table.text, name.text);
        if self.eat(&["drop"]) {
            if self.eat(&["constraint"])
                || self.eat(&["index"])
                || self.eat(&["primary"])
                || self.eat(&["foreign"])
                || self.eat(&["key"])
            {
                return;
            }
            self.eat(&["column"]);
            let words = self.at;
            let if_exists = self.eat(&["if", "exists"]);
            if let Some(name) = self.name() {
                let cascade = self.eat(&["cascade"]);
                let range = self.span(from, words);
                let found = Found::new()
                    .name("table", table)
                    .name("column", &name)
                    .is("if_exists", if_exists, range.clone())
                    .is("cascade", cascade, range);
                self.add_at("drop-column", &column(&name), name.range.clone(), found);
            }
        } else if self.eat(&["add"]) {
            self.added(table, (from, end));
        } else if self.eat(&["alter"]) {
            self.eat(&["column"]);
            let Some(name) = self.name() else { return };
            let words = self.at;
            let kind = match () {
                () if self.eat(&["set", "not", "null"]) => "set-not-null",
                () if self.eat(&["drop", "not", "null"]) => "drop-not-null",
                () if self.eat(&["set", "data", "type"]) || self.eat(&["type"]) => "alter-type",
                () => return,
            };
            let said = self.span(words, self.at);
            let found = Found::new().name("table", table).name("column", &name);
            if kind == "alter-type" {
                let range = self.span(self.at, self.type_end(self.at));
                let found = found.text("type", &self.written(&range), range.clone());
                self.add_at(kind, &column(&name), said.start..range.end.max(said.end), found);
            } else {
                self.add_at(kind, &column(&name), said.clone(), found.is("is", true, said));
            }
        } else if self.is_at(from, "modify") || self.is_at(from, "change") {
            // MySQL: the whole column is said anew, with `CHANGE` under another name as well.
            self.at += 1;
            self.eat(&["column"]);
            let Some(name) = self.name() else { return };
            let said = self.span(from, self.at);
            if self.is_at(from, "change") {
                let Some(to) = self.name() else { return };
                if to.text != name.text {
                    let object = name.range.clone();
                    let found = Found::new().name("table", table).name("to", &to).text("object", "column", object);
                    self.add("rename", &column(&name), (from, self.at), found);
                }
            }
            let range = self.span(self.at, self.type_end(self.at));
            let found =
                Found::new().name("table", table).name("column", &name).text("type", &self.written(&range), range);
            self.add_at("alter-type", &column(&name), said, found);
        } else if self.eat(&["rename"]) {
            let is_other = self.eat(&["constraint"]) || self.eat(&["index"]) || self.eat(&["key"]);
            if is_other {
                return;
            }
            if self.eat(&["to"]) || self.eat(&["as"]) {
                if let Some(to) = self.name() {
                    let found =
                        Found::new().name("table", table).name("to", &to).text("object", "table", table.range.clone());
                    self.add("rename", &table.text, (from, self.at), found);
                }
                return;
            }
            self.eat(&["column"]);
            if let Some(name) = self.name()
                && self.eat(&["to"])
                && let Some(to) = self.name()
            {
                let found =
                    Found::new().name("table", table).name("to", &to).text("object", "column", name.range.clone());
                self.add("rename", &column(&name), (from, self.at), found);
            }
        } else if self.eat(&["validate", "constraint"]) {
            self.add("validated", &format!("validated {}", table.text), (from, self.at), Found::new());
        } else if self.eat(&["disable", "row", "level", "security"]) {
            let found = Found::new().name("table", table).is("enabled", false, self.span(from, self.at));
            self.add("row-security", &table.text, (from, self.at), found);
        } else if let Some(set) = self.find(&["set", "tablespace"], start, end).filter(|at| *at == from) {
            let range = self.span(set, end);
            let found = Found::new().text("command", "SET TABLESPACE", range.clone()).is("concurrently", false, range);
            self.add("rebuild", &table.text, (set, end), found);
        }
    }

    /// `ADD` of an `ALTER TABLE`: a constraint or a column.
    fn added(&mut self, table: &Name, (from, end): (usize, usize)) {
        let named = self.eat(&["constraint"]).then(|| self.name()).flatten();
        let words = self.at;
        let constraint = match () {
            () if self.eat(&["foreign", "key"]) => Some("FOREIGN KEY"),
            () if self.eat(&["primary", "key"]) => Some("PRIMARY KEY"),
            () if self.eat(&["check"]) => Some("CHECK"),
            () if self.eat(&["unique"]) => Some("UNIQUE"),
            () if self.eat(&["exclude"]) => Some("EXCLUDE"),
            () => None,
        };
        if let Some(constraint) = constraint {
            let range = self.span(words, self.at);
            let found = Found::new()
                .name("table", table)
                .text("constraint", constraint, range.clone())
                .is("not_valid", self.find(&["not", "valid"], self.at, end).is_some(), range.clone())
                .is("using_index", self.find(&["using", "index"], self.at, end).is_some(), range);
            let address = named.map_or_else(|| table.text.clone(), |name| name.text);
            self.add("add-constraint", &address, (from, self.at), found);
            return;
        }
        // What MySQL adds besides: `ADD INDEX`, `ADD KEY`, `ADD FULLTEXT`.
        if named.is_some()
            || ["index", "key", "fulltext", "spatial", "partition"].iter().any(|word| self.is_at(self.at, word))
        {
            return;
        }
        self.eat(&["column"]);
        self.eat(&["if", "not", "exists"]);
        let Some(name) = self.name() else { return };
        let head = self.at;
        let has = |words: &[&str]| self.find(words, head, end);
        let range = self.span(head, end);
        let not_null = has(&["not", "null"]).is_some();
        let default = has(&["default"]);
        let generated = has(&["generated", "always", "as"]);
        let is_identity = has(&["as", "identity"]).is_some();
        let is_stored = generated.is_some() && has(&["stored"]).is_some();
        let of_type = self.text(head).to_lowercase();
        let is_serial =
            ["serial", "bigserial", "smallserial", "serial4", "serial8", "serial2"].contains(&of_type.as_str());
        let is_volatile = default.is_some_and(|at| self.is_volatile(at + 1, end));
        let is_filled =
            default.is_some() || generated.is_some() || is_identity || is_serial || has(&["auto_increment"]).is_some();
        let is_primary = has(&["primary", "key"]).is_some();
        let rewrites = is_volatile || is_stored || is_identity || is_serial;
        let at = |place: Option<usize>, len: usize| place.map_or_else(|| range.clone(), |at| self.span(at, at + len));
        let type_range = self.span(head, self.type_end(head));
        let found = Found::new()
            .name("table", table)
            .name("column", &name)
            .text("type", &self.written(&type_range), type_range)
            .is("rewrites", rewrites, at(default.or(generated), 1))
            .is("required", (not_null || is_primary) && !is_filled, at(has(&["not", "null"]), 2))
            .is(
                "unique",
                has(&["unique"]).is_some() || is_primary,
                at(has(&["unique"]).or(has(&["primary", "key"])), 1),
            )
            .is("references", has(&["references"]).is_some(), at(has(&["references"]), 1));
        let address = format!("{}.{}", table.text, name.text);
        self.add("add-column", &address, (from, head), found);
    }

    /// Whether a default may be another value for each row: it calls a function that is not known to give one value for all.
    fn is_volatile(&self, from: usize, to: usize) -> bool {
        const STABLE: [&str; 12] = [
            "array",
            "cast",
            "coalesce",
            "date",
            "interval",
            "make_interval",
            "numeric",
            "timestamp",
            "to_timestamp",
            "upper",
            "varchar",
            "char",
        ];
        let stops = ["not", "null", "unique", "primary", "references", "check", "constraint", "collate", "generated"];
        let stop = (from..to).find(|at| *at > from && stops.iter().any(|word| self.is_at(*at, word))).unwrap_or(to);
        (from..stop).any(|at| {
            let is_call = self.kind(at) == Some(TokenKind::Word) && self.is_sign(at + 1, b'(');
            // `now()` is the start of the transaction; with an argument it is something of one's own.
            let is_now = ["now", "current_timestamp", "transaction_timestamp", "statement_timestamp", "current_date"]
                .iter()
                .any(|word| self.is_at(at, word))
                && self.is_sign(at + 2, b')');
            is_call && !is_now && !STABLE.iter().any(|word| self.is_at(at, word))
        })
    }

    fn grant(&mut self, start: usize) {
        let end = self.tokens.len();
        let Some(to) = self.find(&["to"], self.at, end) else { return };
        let is_all = self.is_at(self.at, "all");
        let is_public = (to + 1..end).any(|at| self.is_at(at, "public"));
        let on = self.find(&["on"], self.at, to);
        let address = on.map(|on| self.written(&self.span(on + 1, to))).unwrap_or_default();
        let range = self.span(to + 1, (to + 2).min(end));
        let found = Found::new().is("everything", is_all, self.span(start, self.at + 1)).is(
            "to_public",
            is_public && on.is_some(),
            range,
        );
        self.add("grant", if address.is_empty() { "role" } else { &address }, (start, to), found);
    }

    fn role(&mut self, start: usize) {
        let Some(name) = self.name() else { return };
        let head = self.at;
        let end = self.tokens.len();
        let all = self.find(&["superuser"], head, end).or_else(|| self.find(&["bypassrls"], head, end));
        let mut found = Found::new().is(
            "superuser",
            all.is_some(),
            all.map_or_else(|| name.range.clone(), |at| self.span(at, at + 1)),
        );
        let password = self.find(&["password"], head, end).map(|at| at + 1);
        let password = password.or_else(|| self.find(&["identified", "by"], head, end).map(|at| at + 2));
        if let Some(at) = password.filter(|at| self.kind(*at) == Some(TokenKind::String)) {
            let range = self.span(at, at + 1);
            let text = self.source.get(range.start + 1..range.end.saturating_sub(1)).unwrap_or_default();
            found = found.text("password", text, range);
        }
        self.add("role", &name.text, (start, head), found);
    }

    /// A text on one line.
    fn written(&self, range: &Range<usize>) -> String {
        self.source.get(range.clone()).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
