//! One call of a program, and what is reported of it.

use crate::args::Args;
use crate::limits::MAX_OPERATIONS;
use crate::operation::{Effect, Evidence, Grade, Operation, Reach, Source};
use crate::programs::{self, Program};
use crate::shell::{Origin, Shell, Stream, Value, Walk, Word, short};
use std::ops::Range;

/// A program with its words, as a shell would start it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The program and its arguments.
    pub(crate) words: Vec<Word>,
    /// Variables that are set for it alone.
    pub(crate) variables: Vec<(String, Word)>,
    /// What it reads on standard input.
    pub(crate) stdin: Stream,
    pub(crate) origin: Origin,
    /// Its bytes in the origin's text.
    pub(crate) range: Range<usize>,
    /// Whether it cannot be read without doubt.
    pub(crate) uncertain: bool,
}

/// What is to be reported.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) effect: Effect,
    pub(crate) reach: Reach,
    pub(crate) grade: Grade,
    pub(crate) certain: bool,
    pub(crate) what: String,
    pub(crate) instead: String,
    pub(crate) target: Option<String>,
    pub(crate) plan: Option<String>,
}

impl Found {
    pub(crate) fn new(effect: Effect, reach: Reach, what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self {
            effect,
            reach,
            grade: Grade::Grave,
            certain: true,
            what: what.into(),
            instead: instead.into(),
            target: None,
            plan: None,
        }
    }

    pub(crate) fn lesser(self) -> Self {
        Self { grade: Grade::Lesser, ..self }
    }

    pub(crate) fn lesser_if(self, lesser: bool) -> Self {
        if lesser { self.lesser() } else { self }
    }

    pub(crate) fn uncertain_if(self, uncertain: bool) -> Self {
        Self { certain: self.certain && !uncertain, ..self }
    }

    pub(crate) fn target(self, target: Option<String>) -> Self {
        Self { target, ..self }
    }
}

impl Call {
    /// The same call without its first `count` words, reached through a step.
    pub(crate) fn rest(&self, words: &[Word], step: impl Into<String>) -> Self {
        Self { words: words.to_vec(), origin: self.origin.through(step), ..self.clone() }
    }

    /// The program without its folder.
    pub(crate) fn program(&self) -> &str {
        self.words.first().map(|word| base(&word.text)).unwrap_or_default()
    }

    pub(crate) fn arguments(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }

    /// A variable as the program sees it: its text, known or as it is written.
    pub(crate) fn variable(&self, name: &str, walk: &Walk<'_>, shell: &Shell) -> Option<String> {
        if let Some((_, word)) = self.variables.iter().rev().find(|(known, _)| known == name) {
            return Some(word.text.clone());
        }
        match walk.lookup(name, shell) {
            Some(Value::Known(text)) => Some(text.to_string()),
            _ => None,
        }
    }
}

/// The last part of a path.
pub(crate) fn base(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.strip_suffix(".exe").unwrap_or(name)
}

/// A text whose addresses say nobody's name and password: `postgres://…@db`.
fn without_credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://").map(|at| at + 3) {
        let end =
            rest[at..].find(|c: char| c.is_whitespace() || "/?#\"'`".contains(c)).map_or(rest.len(), |end| at + end);
        out.push_str(&rest[..at]);
        let host = rest[at..end].rfind('@').map_or(at, |sign| {
            out.push('…');
            at + sign
        });
        out.push_str(&rest[host..end]);
        rest = &rest[end..];
    }
    out + rest
}

/// Whether a file's name ends so, whatever its case.
pub(crate) fn has_ending(path: &str, ending: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case(ending))
}

impl Walk<'_> {
    /// Reports what a call does.
    pub(crate) fn report(
        &mut self,
        shell: &Shell,
        call: &Call,
        args: Option<&Args>,
        program: Option<&Program>,
        found: Found,
    ) {
        let name = program.and_then(|program| program.names.first()).map_or_else(|| call.program(), |name| *name);
        let mut evidence = Vec::new();
        if let Some(program) = program {
            if let Some(args) = args {
                for flag in args.flags.iter().filter(|flag| program.evidence.contains(&flag.name.as_str())) {
                    let word = flag.value.as_ref().map(|word| word.text.clone());
                    evidence.extend(word.map(|word| Evidence { source: Source::Flag, name: flag.name.clone(), word }));
                }
            }
            for name in program.variables {
                let word = call.variable(name, self, shell).filter(|word| !word.is_empty());
                evidence.extend(word.map(|word| Evidence { source: Source::Variable, name: (*name).to_owned(), word }));
            }
        }
        let choices = shell.choices.iter().rev().filter(|(programs, _)| {
            let names = program.map(|program| program.names).unwrap_or_default();
            programs.is_empty() || programs.iter().any(|name| names.contains(name))
        });
        evidence.extend(choices.map(|(_, evidence)| evidence.clone()));
        if let Some(target) = &found.target {
            evidence.push(Evidence { source: Source::Target, name: name.to_owned(), word: short(target) });
        }
        let chdir = args.and_then(|args| {
            args.values(&["-chdir", "--chdir", "--cwd", "--terragrunt-working-dir", "--working-dir"]).next()
        });
        let folder = match chdir {
            Some(word) => shell.path(&word.text),
            None => shell.folder.clone(),
        };
        if let Some(folder) = folder.as_ref().filter(|folder| !folder.is_empty()) {
            evidence.push(Evidence { source: Source::Folder, name: String::new(), word: folder.clone() });
        }
        let certain = found.certain && !shell.undecided && !call.uncertain && !args.is_some_and(|args| args.unread);
        let range = call.origin.range(&call.range);
        self.push(Operation {
            program: name.to_owned(),
            effect: found.effect,
            reach: found.reach,
            grade: found.grade,
            certain,
            what: without_credentials(&found.what),
            instead: found.instead,
            target: found.target.map(|target| without_credentials(&short(&target))),
            plan: found.plan,
            evidence,
            folder,
            via: call.origin.via.to_vec(),
            file: call.origin.file.as_deref().map(str::to_owned),
            range,
        });
    }

    fn push(&mut self, operation: Operation) {
        let same = |known: &Operation| {
            known.program == operation.program
                && known.effect == operation.effect
                && known.what == operation.what
                && known.file == operation.file
                && known.evidence == operation.evidence
        };
        if self.over_limit || self.operations.iter().any(same) {
            return;
        }
        if self.operations.len() + 1 >= MAX_OPERATIONS {
            let origin = Origin::default();
            self.limit(&origin, &format!("does more than {MAX_OPERATIONS} things of this kind"));
            return;
        }
        self.operations.push(operation);
    }

    /// Says that a limit ends the reading. Nothing is reported after it.
    pub(crate) fn limit(&mut self, origin: &Origin, reason: &str) {
        if std::mem::replace(&mut self.over_limit, true) {
            return;
        }
        self.operations.push(Operation {
            program: String::new(),
            effect: Effect::Unknown,
            reach: Reach::Live,
            grade: Grade::Grave,
            certain: true,
            what: format!("{reason}, so not all of it was read"),
            instead: "Run it in smaller parts that can be read.".to_owned(),
            target: None,
            plan: None,
            evidence: Vec::new(),
            folder: None,
            via: origin.via.to_vec(),
            file: origin.file.as_deref().map(str::to_owned),
            range: origin.range(&(0..0)),
        });
    }

    /// Reports that what would be run cannot be read.
    pub(crate) fn unreadable(&mut self, shell: &Shell, call: &Call, what: String, instead: &str) {
        let found = Found::new(Effect::Unknown, Reach::Live, what, instead);
        self.report(shell, call, None, None, found);
    }

    /// Looks at a call: what it does itself, and what it runs. Returns what it prints.
    pub(crate) fn call(&mut self, call: Call, shell: &mut Shell) -> Stream {
        if self.over_limit {
            return Stream::Nothing;
        }
        let Some(first) = call.words.first() else {
            for (name, word) in &call.variables {
                let value = word.known().map_or(Value::Unknown, |text| Value::Known(text.into()));
                shell.variables.insert_mut(name.clone(), value);
            }
            return Stream::Nothing;
        };
        if !first.is_known() {
            return self.unknown_program(&call, shell);
        }
        let (name, quoted, guessed) = (base(&first.text).to_owned(), first.quoted, first.guessed);
        let mut call = call;
        call.uncertain |= guessed;
        if let Some(alias) = shell.aliases.get(&name).filter(|_| !quoted).cloned() {
            return self.alias(&alias, &call, shell, &name);
        }
        if let Some(function) = shell.functions.get(&name).cloned() {
            let key = format!("{name}()");
            if self.active.contains(&key) {
                return Stream::Unknown(format!("what `{name}` prints"));
            }
            self.active.push(key);
            let mut arguments = vec![name.clone()];
            arguments.extend(call.arguments().iter().map(|word| word.text.clone()));
            let outer = shell.arguments.replace(std::rc::Rc::new(arguments));
            let out = self.text(&function.body, &function.origin.through(format!("{name}()")), shell, &call.stdin);
            shell.arguments = outer;
            self.active.pop();
            return out;
        }
        if let Some(out) = programs::run(self, shell, &call, &name) {
            return out;
        }
        if let Some(program) = programs::find(&name) {
            self.judge(program, &call, shell);
        } else {
            programs::scripts::run(self, shell, &call);
        }
        self.output(&name, &call, shell)
    }

    fn alias(&mut self, alias: &str, call: &Call, shell: &mut Shell, name: &str) -> Stream {
        let outer = shell.aliases.clone();
        shell.aliases.remove_mut(name);
        let rest: Vec<&str> = call.arguments().iter().map(|word| word.text.as_str()).collect();
        let out = if alias.contains(['|', ';', '&', '$', '\'', '"']) {
            self.text(&format!("{alias} {}", rest.join(" ")), &call.origin.inner(&call.range, None), shell, &call.stdin)
        } else {
            let mut words: Vec<Word> =
                alias.split_whitespace().map(|part| Word { range: call.range.clone(), ..Word::new(part) }).collect();
            words.extend(call.arguments().iter().cloned());
            self.call(Call { words, ..call.clone() }, shell)
        };
        shell.aliases = outer;
        out
    }

    /// A program that a variable or a substitution names.
    fn unknown_program(&mut self, call: &Call, shell: &mut Shell) -> Stream {
        let Some(first) = call.words.first() else { return Stream::Nothing };
        // `$KUBECTL`, `${TERRAFORM}`: the name of the variable says which program is meant.
        let meant = first.text.trim_matches(['$', '{', '}', '"']).to_ascii_lowercase();
        let meant = meant.trim_end_matches("_bin").trim_end_matches("_cmd").trim_end_matches("_path");
        let name = base(&first.text);
        let by_path = !first.is_opaque() && !name.contains(['$', '`']);
        if programs::is_known(meant) || by_path {
            let mut words = call.words.clone();
            if let Some(first) = words.first_mut() {
                let text = if by_path { name.to_owned() } else { meant.to_owned() };
                *first = Word { text, unknown_from: None, ..first.clone() };
            }
            return self.call(Call { words, uncertain: true, ..call.clone() }, shell);
        }
        let reason = first.reason.clone().unwrap_or_else(|| format!("`{}`", short(&first.text)));
        let program = short(&first.text);
        self.unreadable(
            shell,
            call,
            format!("runs {reason} as a program, which cannot be read from `{program}`"),
            "Write the program's name in the command.",
        );
        Stream::Unknown(format!("what `{program}` prints"))
    }
}
