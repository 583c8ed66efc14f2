//! Python, Node and others: calls of cloud kits by their names, and what is given to a shell or a database.

use super::Language;
pub(crate) use super::pieces::kebab;
use super::pieces::{Piece, Token, tokens};
use crate::args::Args;
use crate::call::{Call, Found};
use crate::instead::ASK_OR_CODE;
use crate::operation::{Effect, Reach};
use crate::programs::{self, Verb};
use crate::shell::{Origin, Shell, Stream, Walk, Word, normal};
use crate::sql::Dialect;
use std::collections::BTreeMap;
use std::ops::Range;

/// Reports what a program text calls.
pub(crate) fn judge(
    walk: &mut Walk<'_>,
    shell: &mut Shell,
    call: &Call,
    text: &str,
    origin: &Origin,
    language: Language,
) {
    if text.len() > crate::limits::MAX_COMMAND_BYTES {
        walk.limit(
            origin,
            &format!("runs a script that is longer than {} KiB", crate::limits::MAX_COMMAND_BYTES >> 10),
        );
        return;
    }
    let tokens = tokens(text, language);
    let mentions = |names: &[&str]| names.iter().any(|name| text.contains(name));
    let kits = KITS.iter().filter(|(_, names)| mentions(names)).map(|(kit, _)| *kit).collect();
    let mut program = Program {
        walk,
        shell,
        call,
        origin,
        tokens: &tokens,
        kits,
        clients: BTreeMap::new(),
        strings: BTreeMap::new(),
    };
    program.run();
}

/// Names of variables that hold something of the language's own, whose `delete` deletes nothing that lives.
const LOCAL: &[&str] = &["map", "set", "params", "cache", "headers", "dict", "searchParams", "seen", "store"];

/// A maker's kit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kit {
    Aws,
    Google,
    Azure,
    Kubernetes,
}

/// What a text that uses a kit mentions.
const KITS: &[(Kit, &[&str])] = &[
    (Kit::Aws, &["boto3", "botocore", "aioboto", "aws-sdk", "aiobotocore"]),
    (Kit::Google, &["google.cloud", "googleapiclient", "@google-cloud", "googleapis"]),
    (Kit::Azure, &["azure.", "@azure/", "azure-"]),
    (Kit::Kubernetes, &["kubernetes", "client-node"]),
];

struct Program<'w, 'c, 't> {
    walk: &'w mut Walk<'c>,
    shell: &'w mut Shell,
    call: &'w Call,
    origin: &'w Origin,
    tokens: &'t [Token<'t>],
    kits: Vec<Kit>,
    /// Names of variables with the service that their client talks to.
    clients: BTreeMap<&'t str, &'t str>,
    /// Names of variables with the text that they were set to.
    strings: BTreeMap<&'t str, &'t str>,
}

impl<'t> Program<'_, '_, 't> {
    fn name(&self, at: usize) -> Option<&'t str> {
        match self.tokens.get(at) {
            Some((Piece::Name(name), _)) => Some(name),
            _ => None,
        }
    }

    fn text(&self, at: usize) -> Option<&'t str> {
        match self.tokens.get(at) {
            Some((Piece::Text(text), _)) => Some(text),
            Some((Piece::Name(name), _)) => self.strings.get(name).copied(),
            _ => None,
        }
    }

    fn is(&self, at: usize, sign: u8) -> bool {
        matches!(self.tokens.get(at), Some((Piece::Sign(found), _)) if *found == sign)
    }

    /// The tokens between a call's brackets, the first of which stands at `open`.
    fn arguments(&self, open: usize) -> &'t [Token<'t>] {
        let mut depth = 0usize;
        for (at, (piece, _)) in self.tokens.iter().enumerate().skip(open) {
            match piece {
                Piece::Sign(b'(' | b'[' | b'{') => depth += 1,
                Piece::Sign(b')' | b']' | b'}') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return self.tokens.get(open + 1..at).unwrap_or_default();
                    }
                }
                _ => {}
            }
        }
        self.tokens.get(open + 1..).unwrap_or_default()
    }

    fn run(&mut self) {
        for at in 0..self.tokens.len() {
            let Some(name) = self.name(at) else { continue };
            if !self.walk.spend(usize::from(at % 64 == 0), self.origin) {
                return;
            }
            // `x = "…"` and `x = boto3.client("rds")`
            if self.is(at + 1, b'=') && !self.is(at + 2, b'=') {
                if let Some((Piece::Text(text), _)) = self.tokens.get(at + 2) {
                    self.strings.insert(name, text);
                }
                let service = (at + 2..at + 8)
                    .find(|next| matches!(self.name(*next), Some("client" | "resource")) && self.is(*next + 1, b'('));
                if let Some(service) = service.and_then(|next| self.text(next + 2)) {
                    self.clients.insert(name, service);
                }
            }
            if self.is(at + 1, b'(') {
                self.called(at, name);
            } else if self.is(at + 1, b'`') && matches!(name, "$" | "sh") {
                self.commands(at, &self.tokens[at + 1..(at + 3).min(self.tokens.len())]);
            }
        }
    }

    fn called(&mut self, at: usize, name: &'t str) {
        let arguments = self.arguments(at + 1);
        let method = at > 0 && self.is(at - 1, b'.');
        let receiver = if method { self.name(at.saturating_sub(2)) } else { None };
        let created = at > 0 && self.name(at - 1) == Some("new");
        if defined(self.name(at.saturating_sub(1))) {
            return;
        }
        if dry_run(arguments) {
            return;
        }
        let range = self.tokens.get(at).map(|(_, range)| range.clone()).unwrap_or_default();
        match name {
            "system"
            | "popen"
            | "run"
            | "call"
            | "check_call"
            | "check_output"
            | "Popen"
            | "exec"
            | "execSync"
            | "spawn"
            | "spawnSync"
            | "execFile"
            | "execFileSync"
            | "getoutput"
            | "getstatusoutput"
            | "execa"
            | "execaSync"
            | "execaCommand"
            | "create_subprocess_shell"
            | "create_subprocess_exec"
            | "shell_exec"
            | "passthru"
            | "execv"
            | "execvp"
            | "qx"
            | "os_system"
            | "command"
            | "sh" => {
                self.commands(at, arguments);
            }
            "rmtree" | "rmSync" | "rmdirSync" | "rimraf" | "rm_rf" | "removeSync" | "rm" | "emptyDirSync"
            | "remove_dir_all" => {
                self.removes(arguments, range.clone());
            }
            "execute" | "executescript" | "query" | "executemany" | "raw" | "$executeRawUnsafe" | "$queryRawUnsafe"
            | "unsafe" => self.sql(arguments, &range),
            "open" | "writeFileSync" | "writeFile" | "appendFileSync" | "write_text" | "unlink" | "unlinkSync"
            | "remove" | "rename" | "renameSync" => {
                self.control(name, arguments, &range);
            }
            "flushall" | "flushdb" | "dropDatabase" | "drop_database" if method => {
                let what = format!("deletes everything of a database ({name})");
                self.found(Found::new(Effect::DataDelete, Reach::Live, what, ASK_OR_CODE), &range);
            }
            _ => {}
        }
        self.kit_called(name, receiver, method, created, &range);
    }

    /// A call of a maker's kit.
    fn kit_called(&mut self, name: &str, receiver: Option<&'t str>, method: bool, created: bool, range: &Range<usize>) {
        let uses = |kit| self.kits.contains(&kit);
        let local = receiver.is_some_and(|name| LOCAL.contains(&name));
        if uses(Kit::Aws) {
            let is_class = created || name.starts_with(|first: char| first.is_ascii_uppercase());
            if is_class && let Some(action) = name.strip_suffix("Command") {
                self.aws("", &kebab(action), range);
                return;
            }
            if method && (name.contains('_') || name.chars().any(char::is_uppercase)) {
                let service = receiver.map(|receiver| self.clients.get(receiver).copied().unwrap_or(receiver));
                self.aws(service.unwrap_or_default(), &kebab(name), range);
                return;
            }
            if method && matches!(name, "delete" | "terminate" | "stop") && !local {
                // Resources of boto3: `bucket.objects.all().delete()`
                self.verb("an AWS resource", name, range);
                return;
            }
        }
        let lower = kebab(name);
        if !method || local {
        } else if let (true, Some(rest)) = (uses(Kit::Azure), lower.strip_prefix("begin-")) {
            self.verb("an Azure resource", rest, range);
        } else if uses(Kit::Kubernetes) && lower.starts_with("delete-") {
            self.verb("a Kubernetes object", &lower, range);
        } else if lower == "delete" || lower.starts_with("delete-") || lower.starts_with("purge-") {
            if uses(Kit::Google) {
                self.verb("a Google Cloud resource", &lower, range);
            } else if uses(Kit::Azure) {
                self.verb("an Azure resource", &lower, range);
            }
        }
    }

    fn verb(&mut self, thing: &str, name: &str, range: &Range<usize>) {
        let first = name.split('-').next().unwrap_or(name);
        let Some(Verb::Does(effect)) =
            programs::verb(first).or_else(|| (first == "power").then_some(Verb::Does(Effect::Interrupt)))
        else {
            return;
        };
        let does = if effect == Effect::Interrupt { "stops" } else { "deletes" };
        self.found(Found::new(effect, Reach::Live, format!("{does} {thing} ({name})"), ASK_OR_CODE), range);
    }

    fn aws(&mut self, service: &str, action: &str, range: &Range<usize>) {
        if let Some(found) = programs::aws_action(service, action, None) {
            self.found(found, range);
        }
    }

    fn found(&mut self, found: Found, range: &Range<usize>) {
        let call = Call { origin: self.origin.clone(), range: range.clone(), ..self.call.clone() };
        self.walk.report(
            self.shell,
            &call,
            None::<&Args>,
            programs::find("aws").filter(|_| self.kits.contains(&Kit::Aws)),
            found,
        );
    }

    /// Something that is given to a shell: a text, or a list of words.
    fn commands(&mut self, at: usize, arguments: &[Token<'t>]) {
        let first = arguments.first();
        let range = self.tokens.get(at).map(|(_, range)| range.clone()).unwrap_or_default();
        let step = self.name(at).unwrap_or("a call").to_owned();
        match first {
            Some((Piece::Text(text), inner)) => {
                // `spawn("terraform", ["destroy"])`
                let mut words = vec![(*text).to_owned()];
                if arguments.get(2).is_some_and(|(piece, _)| *piece == Piece::Sign(b'[')) {
                    words.extend(list(arguments.get(3..).unwrap_or_default()));
                } else if matches!(step.as_str(), "create_subprocess_exec" | "execv" | "execvp" | "system") {
                    words.extend(list(arguments.get(2..).unwrap_or_default()));
                }
                if let [only] = words.as_slice() {
                    let origin = self.origin.inner(inner, Some(inner.start)).through(step);
                    self.walk.text(&only.clone(), &origin, &mut self.shell.clone(), &Stream::Nothing);
                } else {
                    self.words(&words, range, step);
                }
            }
            Some((Piece::Sign(b'['), _)) => {
                let words = list(arguments.get(1..).unwrap_or_default());
                self.words(&words, range, step);
            }
            Some((Piece::Name(name), inner)) => {
                if let Some(text) = self.strings.get(name) {
                    let origin = self.origin.inner(inner, None).through(step);
                    self.walk.text(text, &origin, &mut self.shell.clone(), &Stream::Nothing);
                }
            }
            _ => {}
        }
    }

    fn words(&mut self, words: &[String], range: Range<usize>, step: String) {
        let words: Vec<Word> = words.iter().map(|word| Word { quoted: true, ..Word::new(word.as_str()) }).collect();
        if words.is_empty() {
            return;
        }
        let call = Call {
            words,
            variables: Vec::new(),
            stdin: Stream::Nothing,
            origin: self.origin.through(step),
            range,
            uncertain: false,
        };
        self.walk.call(call, &mut self.shell.clone());
    }

    fn removes(&mut self, arguments: &[Token<'t>], range: Range<usize>) {
        let Some((Piece::Text(path), _)) = arguments.first() else { return };
        self.words(&["rm".to_owned(), "-rf".to_owned(), (*path).to_owned()], range, "a call".to_owned());
    }

    fn sql(&mut self, arguments: &[Token<'t>], range: &Range<usize>) {
        let first = match arguments.first() {
            Some((Piece::Text(text), _)) => Some(*text),
            Some((Piece::Name("text"), _)) => match arguments.get(2) {
                Some((Piece::Text(text), _)) => Some(*text),
                _ => None,
            },
            Some((Piece::Name(name), _)) => self.strings.get(name).copied(),
            _ => None,
        };
        for found in first.map(|text| programs::sql_statements(text, Dialect::Other)).unwrap_or_default() {
            self.found(found, range);
        }
    }

    fn control(&mut self, name: &str, arguments: &[Token<'t>], range: &Range<usize>) {
        let Some((Piece::Text(path), _)) = arguments.first() else { return };
        let writes = name != "open" || arguments.iter().any(|(piece, _)| matches!(piece, Piece::Text(mode) if mode.len() <= 3 && mode.contains(['w', 'a', '+', 'x'])));
        let absolute = self.shell.path(path).unwrap_or_else(|| normal(path));
        if writes && let Some(found) = programs::control::touched(&absolute, "writes or deletes") {
            self.found(found, range);
        }
    }
}

/// The texts of a list, up to its end.
fn list(tokens: &[Token<'_>]) -> Vec<String> {
    let mut words = Vec::new();
    for (piece, _) in tokens {
        match piece {
            Piece::Text(text) => words.push((*text).to_owned()),
            Piece::Sign(b',') => {}
            Piece::Sign(_) => break,
            Piece::Name(name) => words.push(format!("${name}")),
        }
    }
    words
}

fn defined(before: Option<&str>) -> bool {
    matches!(before, Some("def" | "function" | "class"))
}

/// Whether a call says that it is only tried.
fn dry_run(arguments: &[Token<'_>]) -> bool {
    arguments.windows(3).any(|three| {
        matches!(
            three,
            [
                (Piece::Name("DryRun" | "dry_run" | "dryRun" | "validate_only"), _),
                (Piece::Sign(b'=' | b':'), _),
                (Piece::Name("True" | "true"), _)
            ]
        )
    })
}
