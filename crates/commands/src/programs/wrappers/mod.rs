//! Programs that run another program: what counts is the other one.

mod elsewhere;
mod table;

pub(super) use table::WRAPPERS;

use super::builtins::{joined, of_file};
use crate::args::{Args, Spec};
use crate::call::Call;
use crate::context::File;
use crate::shell::{Shell, Stream, Walk, Word, plain_words, short};

/// A program that runs what stands behind its flags.
pub(super) struct Wrapper {
    pub(super) names: &'static [&'static str],
    /// Flags that take a word.
    valued: &'static [&'static str],
    /// Words before the command: a time, a lock's file, `exec`.
    before: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The words behind it are the command.
    Plain,
    /// `NAME=value` may stand before the command.
    Env,
    /// The words behind it are joined to a text for a shell.
    Joined,
    /// Words from standard input are put behind the command.
    Xargs,
    Parallel,
    /// A shell: `-c`, a script, or standard input.
    Shell,
    /// Runs the words on another machine.
    Ssh,
    /// `exec` and `run` run in a container.
    Container,
    /// `exec` runs in a cluster.
    Kubectl,
    /// The first word is a sub-command, `exec` or `run`, and the second names an environment.
    Vault,
    /// `exec` or `run` and then the command.
    Exec,
    /// A text behind `-c`.
    Text,
    /// A terminal that is given a text, behind a sub-command.
    Terminal,
}

impl Wrapper {
    /// What its flags are.
    const fn spec(&self) -> Spec {
        Spec { valued: self.valued, attached: &[], clusters: true, stops: true }
    }

    /// What is looked at, for the documentation.
    pub(super) const fn about(&self) -> &'static str {
        match self.kind {
            Kind::Plain => "the command behind it",
            Kind::Env => "the variables and the command behind it",
            Kind::Joined => "its words as one command",
            Kind::Xargs => "the command behind it, with what it reads where that can be known",
            Kind::Parallel => "the command behind it, with the first of its inputs",
            Kind::Shell => "the text behind `-c`, the script, or what it reads",
            Kind::Ssh => "the command behind the host, or what it reads",
            Kind::Container => "the command behind `run` and `exec`; of images of known programs, their arguments",
            Kind::Kubectl => "the command behind `exec`, `run` and `debug`",
            Kind::Vault => "the command behind `exec` or `run`; its profile tells the environment",
            Kind::Exec => "the command behind `exec` or `run`",
            Kind::Text => "the text behind `-c`, or the command",
            Kind::Terminal => "the command that the terminal is given",
        }
    }
}

pub(super) fn run(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, name: &str) -> Option<Stream> {
    let wrapper = WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&name))?;
    let args = Args::parse(call.arguments(), &wrapper.spec());
    let step = call.program().to_owned();
    match wrapper.kind {
        Kind::Plain if name == "command" && args.has_any(&["-v", "-V"]) => None,
        Kind::Plain => {
            let rest = args.rest.get(wrapper.before..).unwrap_or_default();
            // `sudo A=b program` sets a variable.
            Some(with_variables(walk, shell, &call.rest(rest, step)))
        }
        Kind::Env => {
            let mut inner = call.rest(&args.rest, step);
            if let Some(text) = call
                .arguments()
                .iter()
                .position(|word| matches!(word.text.as_str(), "-S" | "--split-string"))
                .and_then(|at| call.arguments().get(at + 1))
            {
                inner.words = plain_words(&text.text);
            }
            Some(with_variables(walk, shell, &inner))
        }
        Kind::Joined => {
            let origin = call.origin.inner(&call.range, None).through(step);
            Some(walk.text(&joined(&args.rest), &origin, &mut shell.clone(), &Stream::Nothing))
        }
        Kind::Xargs => Some(xargs(walk, shell, call, &args)),
        Kind::Parallel => Some(parallel(walk, shell, call, &args)),
        Kind::Shell => Some(interpreter(walk, shell, call)),
        Kind::Ssh => Some(elsewhere::ssh(walk, shell, call, &args)),
        Kind::Container => elsewhere::container(walk, shell, call),
        Kind::Kubectl => elsewhere::kubectl(walk, shell, call),
        Kind::Vault => elsewhere::vault(walk, shell, call, &args, &wrapper.spec()),
        Kind::Exec => exec(walk, shell, call, &args),
        Kind::Text => Some(text(walk, shell, call, &args)),
        Kind::Terminal => Some(terminal(walk, shell, call, &args)),
    }
}

/// Takes `NAME=value` from the front of a command and runs the rest.
fn with_variables(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) -> Stream {
    let mut inner = call.clone();
    let is_assignment = |word: &Word| {
        word.text
            .split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_'))
    };
    while inner.words.first().is_some_and(|word| is_assignment(word) && word.unknown_from != Some(0)) {
        let word = inner.words.remove(0);
        if let Some((name, value)) = word.text.split_once('=') {
            let value = word.after(word.text.len() - value.len());
            inner.variables.push((name.to_owned(), value));
        }
    }
    if inner.words.is_empty() {
        return Stream::Nothing;
    }
    walk.call(inner, shell)
}

fn xargs(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args) -> Stream {
    let mark = args.value("-I").map(|word| word.text.clone()).or_else(|| args.has("-i").then(|| "{}".to_owned()));
    let read: Vec<Word> = match &call.stdin {
        Stream::Text(text) => {
            text.split_whitespace().map(|word| Word { range: call.range.clone(), ..Word::new(word) }).collect()
        }
        Stream::Nothing => vec![unknown_word("its standard input", call)],
        Stream::Unknown(reason) => vec![unknown_word(reason, call)],
    };
    let mut words = args.rest.clone();
    match mark {
        Some(mark) => {
            let first = read.first().cloned().unwrap_or_default();
            for word in words.iter_mut().filter(|word| word.text.contains(&mark)) {
                let at = word.text.find(&mark).unwrap_or_default();
                word.text = word.text.replace(&mark, &first.text);
                word.unknown_from = word.unknown_from.or(first.unknown_from.map(|_| at));
                word.reason = word.reason.take().or_else(|| first.reason.clone());
                word.verbatim = None;
            }
        }
        None => words.extend(read),
    }
    let inner = Call { stdin: Stream::Nothing, ..call.rest(&words, "xargs") };
    walk.call(inner, &mut shell.clone())
}

fn unknown_word(reason: &str, call: &Call) -> Word {
    Word {
        text: "…".to_owned(),
        unknown_from: Some(0),
        // It may be anything but a flag: programs print names.
        quoted: true,
        reason: Some(reason.to_owned()),
        range: call.range.clone(),
        ..Word::default()
    }
}

fn parallel(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args) -> Stream {
    let end = args.rest.iter().position(|word| word.text.starts_with(":::")).unwrap_or(args.rest.len());
    let (command, inputs) = args.rest.split_at(end);
    let inputs: Vec<Word> = match &call.stdin {
        _ if !inputs.is_empty() => inputs.iter().skip(1).cloned().collect(),
        Stream::Text(text) => text.lines().map(Word::new).collect(),
        _ => vec![unknown_word("its standard input", call)],
    };
    let mut text = joined(command);
    let first = inputs
        .first()
        .map(|word| if word.is_known() { word.text.clone() } else { "\"$ARGUMENT\"".to_owned() })
        .unwrap_or_default();
    if command.is_empty() {
        text = inputs.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join("\n");
    } else if text.contains("{}") {
        text = text.replace("{}", &first);
    } else {
        text = format!("{text} {first}");
    }
    let origin = call.origin.inner(&call.range, None).through("parallel");
    walk.text(&text, &origin, &mut shell.clone(), &Stream::Nothing)
}

/// A shell: the text behind `-c`, a script, or standard input.
fn interpreter(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) -> Stream {
    let words = call.arguments();
    let mut at = 0;
    let mut text = false;
    while let Some(word) = words.get(at).filter(|word| word.text.len() > 1 && word.text.starts_with(['-', '+'])) {
        at += 1;
        let letters = !word.text.starts_with("--");
        if letters && word.text.starts_with('-') && word.text.contains('n') && !word.text.contains('c') {
            // `-n` reads and runs nothing.
            return Stream::Nothing;
        }
        if matches!(word.text.as_str(), "-o" | "+o" | "-O" | "+O" | "--rcfile" | "--init-file") {
            at += 1;
        } else if matches!(word.text.as_str(), "--version" | "--help") {
            return Stream::Nothing;
        } else if letters && word.text.contains('c') {
            text = true;
            at += usize::from(word.text.ends_with('o'));
        } else if letters && word.text.ends_with('o') {
            at += 1;
        } else if letters && word.text.contains('s') {
            return stdin(walk, shell, call);
        }
    }
    let Some(word) = words.get(at).filter(|word| word.text != "-") else { return stdin(walk, shell, call) };
    let arguments: Vec<String> = words.iter().skip(at + usize::from(text)).map(|word| word.text.clone()).collect();
    let mut inner = shell.clone();
    inner.aliases = rpds::HashTrieMap::new();
    inner.arguments = Some(arguments.into());
    if text {
        if word.is_opaque() {
            let reason = word.reason.clone().unwrap_or_else(|| word.text.clone());
            walk.unreadable(
                shell,
                call,
                format!("runs {reason} as commands, which cannot be read"),
                "Write the commands themselves.",
            );
            return Stream::Unknown("what a shell prints".to_owned());
        }
        let origin = call.origin.inner(&word.range, word.verbatim).through(format!("{} -c", call.program()));
        return walk.text(&word.text, &origin, &mut inner, &call.stdin);
    }
    if let Some(stream) = &word.stream {
        return stdin(walk, shell, &Call { stdin: stream.clone(), ..call.clone() });
    }
    super::scripts::script(walk, &mut inner, call, word, super::scripts::Language::Shell);
    Stream::Unknown(format!("what `{}` prints", short(&word.text)))
}

/// A shell that reads its commands.
fn stdin(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) -> Stream {
    match &call.stdin {
        Stream::Nothing => Stream::Nothing,
        Stream::Text(text) => {
            let origin = call.origin.inner(&call.range, None).through(call.program());
            walk.text(text, &origin, &mut shell.clone(), &Stream::Nothing)
        }
        Stream::Unknown(reason) => {
            walk.unreadable(
                shell,
                call,
                format!("runs {reason} as commands, which cannot be read"),
                "Write it to a file, read that, and run the file.",
            );
            Stream::Unknown("what a shell prints".to_owned())
        }
    }
}

fn exec(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args) -> Option<Stream> {
    let (verb, words) = args.rest.split_first()?;
    let name = call.program();
    let verb = verb.known()?;
    // `npm run` and its kind run scripts of the package, which are looked at elsewhere.
    let packages = matches!(name, "npm" | "yarn" | "pnpm" | "bun");
    let runs = match verb {
        "exec" | "dlx" | "x" => true,
        "run" | "shell" => !packages,
        _ => false,
    };
    if !runs {
        return None;
    }
    let rest = Args::parse(
        words,
        &Spec {
            valued: &["-n", "-p", "--with", "--from", "--python", "-e", "--package", "--extra", "--env-file"],
            attached: &[],
            clusters: true,
            stops: true,
        },
    )
    .rest;
    if rest.is_empty() {
        return Some(Stream::Nothing);
    }
    Some(walk.call(call.rest(&rest, format!("{name} {verb}")), shell))
}

fn text(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args) -> Stream {
    let words = call.arguments();
    // `-c`, also as the last of several letters: `-qec`.
    let is_flag = |word: &Word| {
        let letters = word.text.strip_prefix('-').unwrap_or_default();
        word.text == "--command" || (letters.ends_with('c') && letters.chars().all(char::is_alphabetic))
    };
    let at = words.iter().position(is_flag);
    if let Some(word) = at.and_then(|at| words.get(at + 1)) {
        let origin = call.origin.inner(&word.range, word.verbatim).through(format!("{} -c", call.program()));
        return walk.text(&word.text, &origin, &mut shell.clone(), &call.stdin);
    }
    // `flock FILE command`
    let rest = args.rest.get(1..).unwrap_or_default();
    if call.program() == "flock" && !rest.is_empty() {
        return walk.call(call.rest(rest, "flock"), shell);
    }
    Stream::Unknown(format!("what `{}` prints", call.program()))
}

fn terminal(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args) -> Stream {
    const RUNS: &[&str] = &[
        "new-session",
        "new",
        "new-window",
        "neww",
        "split-window",
        "splitw",
        "respawn-pane",
        "respawn-window",
        "send-keys",
        "send",
        "run-shell",
        "run",
    ];
    let words = args.rest.as_slice();
    let words = match words.split_first() {
        Some((first, rest)) if call.program() == "tmux" => {
            if !first.known().is_some_and(|name| RUNS.contains(&name)) {
                return Stream::Nothing;
            }
            rest
        }
        _ => words,
    };
    let spec = Spec {
        valued: &["-s", "-n", "-t", "-c", "-x", "-y", "-F", "-e", "-l", "-p", "-S", "-L"],
        attached: &[],
        clusters: true,
        stops: true,
    };
    let mut words = Args::parse(words, &spec).rest;
    words.retain(|word| !matches!(word.text.as_str(), "Enter" | "C-m" | "KPEnter"));
    let origin = match words.as_slice() {
        [word] => call.origin.inner(&word.range, word.verbatim),
        _ => call.origin.inner(&call.range, None),
    };
    walk.text(&joined(&words), &origin.through(call.program()), &mut shell.clone(), &Stream::Nothing);
    Stream::Nothing
}

/// A file as a script would be found: its text, or why there is none.
pub(super) fn script_text(walk: &mut Walk<'_>, shell: &Shell, call: &Call, path: &str) -> (File, crate::shell::Origin) {
    let file = walk.file(path, shell, &call.origin);
    (file, of_file(&call.origin, path).through(path))
}
