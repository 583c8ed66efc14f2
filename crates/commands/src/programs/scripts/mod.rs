//! Scripts of the repository that a command runs: shell, Makefiles, package scripts, Python and Node.

mod make;
mod packages;
mod pieces;
pub(crate) mod sdk;

use super::wrappers::script_text;
use crate::call::{Call, base, has_ending};
use crate::context::File;
use crate::shell::{Origin, Shell, Stream, Walk, Word};

/// What a script is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Shell,
    Python,
    Node,
    /// Ruby, Perl, PHP: only what they run by a shell is looked for.
    Other,
}

impl Language {
    fn of_program(name: &str) -> Option<Self> {
        let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        match plain {
            "python" | "pypy" | "ipython" | "py" => Some(Self::Python),
            "node" | "nodejs" | "deno" | "bun" | "tsx" | "ts-node" | "zx" | "esno" | "babel-node" | "vite-node" => {
                Some(Self::Node)
            }
            "ruby" | "perl" | "php" | "irb" => Some(Self::Other),
            _ => None,
        }
    }

    fn of_file(path: &str, text: &str) -> Option<Self> {
        let first = text.lines().next().unwrap_or_default();
        if let Some(interpreter) = first.strip_prefix("#!") {
            let name = interpreter
                .split_whitespace()
                .filter(|part| !part.starts_with('-'))
                .map(base)
                .find(|name| *name != "env");
            let name = name.unwrap_or_default();
            return if name.ends_with("sh") { Some(Self::Shell) } else { Self::of_program(name) };
        }
        match path.rsplit_once('.').map(|(_, end)| end) {
            Some("sh" | "bash" | "zsh" | "ksh") => Some(Self::Shell),
            Some("py") => Some(Self::Python),
            Some("js" | "mjs" | "cjs" | "ts" | "mts") => Some(Self::Node),
            Some("rb" | "pl" | "php") => Some(Self::Other),
            _ => None,
        }
    }
}

/// Whether a program runs Python, Node or the like.
pub(crate) fn is_interpreter(name: &str) -> bool {
    Language::of_program(name).is_some()
}

/// Looks at a program that is not known by itself.
pub(crate) fn run(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) {
    let Some(first) = call.words.first() else { return };
    let name = call.program().to_owned();
    match name.as_str() {
        "make" | "gmake" => make::run(walk, shell, call),
        "just" => make::just(walk, shell, call),
        "npm" | "yarn" | "pnpm" | "bun" if packages::run(walk, shell, call) => {}
        "bun" => interpreted(walk, shell, call, Language::Node),
        _ => {
            if let Some(language) = Language::of_program(&name) {
                interpreted(walk, shell, call, language);
            } else if first.text.contains('/') || Language::of_file(&first.text, "").is_some() {
                let mut inner = shell.clone();
                inner.arguments = Some(call.words.iter().map(|word| word.text.clone()).collect::<Vec<_>>().into());
                direct(walk, &mut inner, call, &first.text);
            }
        }
    }
}

/// A file that is run by its path. One that cannot be read is a program like any other.
fn direct(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, path: &str) {
    let (file, origin) = script_text(walk, shell, call, path);
    match file {
        File::Text(text) => {
            let Some(language) = Language::of_file(path, &text) else { return };
            body(walk, shell, call, &text, &origin, language);
        }
        File::Unreadable if has_ending(path, "sh") && !shell.container && !shell.remote => {
            unreadable(walk, shell, call, path);
        }
        File::Unreadable | File::Absent => {}
    }
}

fn unreadable(walk: &mut Walk<'_>, shell: &Shell, call: &Call, path: &str) {
    walk.unreadable(
        shell,
        call,
        format!("runs the script `{path}`, which cannot be read"),
        "Put the script into the repository, or run its commands themselves.",
    );
}

/// A script that is given to its interpreter.
pub(crate) fn script(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, word: &Word, language: Language) {
    if let Some(stream) = &word.stream {
        given(walk, shell, call, stream, language);
        return;
    }
    let Some(path) = word.known() else {
        if language == Language::Shell && !shell.container && !shell.remote {
            let what = format!(
                "runs the script `{}`, of which {} is not written",
                word.text,
                word.reason.as_deref().unwrap_or("the name")
            );
            walk.unreadable(shell, call, what, "Write the script's name in the command.");
        }
        return;
    };
    let (file, origin) = script_text(walk, shell, call, path);
    match file {
        File::Text(text) => {
            let language = Language::of_file("", &text).unwrap_or(language);
            body(walk, shell, call, &text, &origin, language);
        }
        // In a container or on another machine are other files.
        File::Unreadable if language == Language::Shell && !shell.container && !shell.remote => {
            unreadable(walk, shell, call, path);
        }
        File::Unreadable | File::Absent => {}
    }
}

fn body(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, text: &str, origin: &Origin, language: Language) {
    let key = origin.file.as_deref().unwrap_or_default().to_owned();
    if walk.active.contains(&key) {
        return;
    }
    walk.active.push(key);
    if language == Language::Shell {
        walk.text(text, origin, shell, &call.stdin);
    } else {
        sdk::judge(walk, shell, call, text, origin, language);
    }
    walk.active.pop();
}

/// Python, Node and others: a text behind a flag, a file, or standard input.
fn interpreted(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, language: Language) {
    let words = call.arguments();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        match word.text.as_str() {
            "-c" | "-e" | "--eval" | "-p" | "--print" | "-r" | "-ne" | "-pe" | "-le" | "-Ic" => {
                let takes_code = match language {
                    Language::Python => matches!(word.text.as_str(), "-c" | "-Ic"),
                    _ => word.text != "-c" && !(word.text == "-r" && language == Language::Node),
                };
                if let Some(code) = words.get(at).filter(|_| takes_code) {
                    if code.is_opaque() {
                        let reason = code.reason.as_deref().unwrap_or(&code.text);
                        let what = format!("runs {reason} as a program, which cannot be read");
                        walk.unreadable(shell, call, what, "Write it to a file, read that, and run the file.");
                        return;
                    }
                    let origin = call.origin.inner(&code.range, code.verbatim).through(format!(
                        "{} {}",
                        call.program(),
                        word.text
                    ));
                    sdk::judge(walk, shell, call, &code.text, &origin, language);
                    return;
                }
                at += usize::from(!takes_code && language == Language::Node);
            }
            "-m" if language == Language::Python => return,
            "-W" | "-X" | "--require" | "--import" | "--loader" | "-I" => at += 1,
            "-" => break,
            "run" if matches!(call.program(), "deno" | "bun") => {}
            text if text.starts_with('-') => {}
            path => {
                let mut inner = shell.clone();
                if super::find(base(path)).is_some() {
                    // `python manage.py …`, `php artisan …`: known by itself.
                    walk.call(call.rest(words.get(at - 1..).unwrap_or_default(), call.program()), &mut inner);
                } else {
                    script(walk, &mut inner, call, word, language);
                }
                return;
            }
        }
    }
    let piped = match &call.stdin {
        Stream::Unknown(reason) => {
            ["curl", "wget", "base64", "openssl", "xxd"].iter().any(|name| reason.contains(name))
        }
        _ => true,
    };
    if piped {
        given(walk, shell, call, &call.stdin, language);
    }
}

/// A program text that comes from elsewhere than a file.
fn given(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, stream: &Stream, language: Language) {
    match stream {
        Stream::Text(text) => {
            let origin = call.origin.inner(&call.range, None).through(call.program());
            if language == Language::Shell {
                walk.text(text, &origin, shell, &Stream::Nothing);
            } else {
                sdk::judge(walk, shell, call, text, &origin, language);
            }
        }
        Stream::Unknown(reason) => {
            let what = format!("runs {reason} as a program, which cannot be read");
            walk.unreadable(shell, call, what, "Write it to a file, read that, and run the file.");
        }
        Stream::Nothing => {}
    }
}

/// Perl's `-e`, which the table knows for its `-i`.
pub(super) fn other_language(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) {
    interpreted(walk, shell, call, Language::Other);
}
