//! What a shell does itself.

use crate::call::Call;
use crate::context::File;
use crate::operation::{Evidence, Source};
use crate::shell::{Origin, Place, Shell, Stream, Value, Walk, Word};

/// Runs a builtin; `None` where the program is none.
pub(super) fn run(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, name: &str) -> Option<Stream> {
    let words = call.arguments();
    match name {
        "cd" | "pushd" => {
            let target = words.iter().find(|word| !word.text.starts_with('-') || word.text == "-");
            shell.folder = match target {
                None => Some("~".to_owned()),
                Some(word) if word.text == "-" => None,
                Some(word) => {
                    if let Some(path) = word.known() {
                        shell.path(path)
                    } else {
                        // A part of it may still tell the environment.
                        let evidence =
                            Evidence { source: Source::Choice, name: name.to_owned(), word: word.text.clone() };
                        shell.choices.push((&[], evidence));
                        None
                    }
                }
            };
            Some(Stream::Nothing)
        }
        "popd" => {
            shell.folder = None;
            Some(Stream::Nothing)
        }
        "alias" => {
            for word in words {
                if let Some((name, text)) = word.text.split_once('=') {
                    shell.aliases.insert_mut(name.to_owned(), text.to_owned());
                }
            }
            Some(Stream::Nothing)
        }
        "export" | "local" | "declare" | "typeset" | "readonly" => {
            for word in words {
                if let Some((name, text)) = word.text.split_once('=') {
                    let value = if word.is_known() { Value::Known(text.into()) } else { Value::Unknown };
                    shell.variables.insert_mut(name.to_owned(), value);
                }
            }
            Some(Stream::Nothing)
        }
        "read" | "mapfile" | "readarray" => {
            for word in words.iter().filter(|word| !word.text.starts_with('-')) {
                shell.variables.insert_mut(word.text.clone(), Value::Unknown);
            }
            Some(Stream::Nothing)
        }
        "set" => {
            if words.first().is_some_and(|word| word.text == "--") {
                let mut arguments = vec![String::new()];
                arguments.extend(words.iter().skip(1).map(|word| word.text.clone()));
                shell.arguments = Some(arguments.into());
            }
            Some(Stream::Nothing)
        }
        "shift" => {
            if let Some(arguments) = &shell.arguments {
                let count = words.first().and_then(|word| word.text.parse().ok()).unwrap_or(1usize);
                let mut rest = vec![arguments.first().cloned().unwrap_or_default()];
                rest.extend(arguments.iter().skip(1 + count).cloned());
                shell.arguments = Some(rest.into());
            }
            Some(Stream::Nothing)
        }
        "eval" => Some(eval(walk, shell, call)),
        "source" | "." => Some(source(walk, shell, call)),
        "trap" => {
            if let Some(word) = words.first().filter(|word| word.text != "-" && words.len() > 1) {
                let origin = call.origin.inner(&word.range, word.verbatim).through("trap");
                walk.traps.push((word.text.clone(), origin));
            }
            Some(Stream::Nothing)
        }
        _ => None,
    }
}

fn eval(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) -> Stream {
    let words = call.arguments();
    if let Some(word) = words.iter().find(|word| !word.is_known()) {
        // What sets up a shell is a habit of many programs, and is read as that.
        const SETUP: &[&str] = &[
            "ssh-agent",
            "direnv",
            "starship",
            "pyenv",
            "rbenv",
            "nodenv",
            "brew shellenv",
            "fnm env",
            "opam env",
            "zoxide",
            "mise activate",
            "minikube docker-env",
            "docker-machine env",
            "conda shell",
            "luarocks path",
            "opam config",
            "dircolors",
            "rtx activate",
            "asdf",
            "nvm",
            "volta",
            "poetry env",
            "saml2aws script",
            "aws configure export-credentials",
        ];
        let reason = word.reason.clone().unwrap_or_else(|| word.text.clone());
        if !SETUP.iter().any(|name| reason.contains(name)) {
            walk.unreadable(
                shell,
                call,
                format!("runs {reason} as commands, which cannot be read"),
                "Write the commands themselves.",
            );
        }
        return Stream::Unknown("what `eval` prints".to_owned());
    }
    let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    let origin = match words {
        [word] => call.origin.inner(&word.range, word.verbatim),
        _ => call.origin.inner(&call.range, None),
    };
    walk.text(&text, &origin.through("eval"), shell, &call.stdin)
}

fn source(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) -> Stream {
    let Some(word) = call.arguments().first().cloned() else { return Stream::Nothing };
    match &word.stream {
        Some(Stream::Text(text)) => {
            let origin = call.origin.inner(&word.range, None).through("source");
            return walk.text(&text.clone(), &origin, shell, &Stream::Nothing);
        }
        Some(_) => {
            let reason = word.reason.clone().unwrap_or_else(|| word.text.clone());
            if reason.contains("completion") {
                return Stream::Nothing;
            }
            walk.unreadable(
                shell,
                call,
                format!("runs {reason} as commands, which cannot be read"),
                "Write it to a file and read that first.",
            );
            return Stream::Nothing;
        }
        None => {}
    }
    let Some(path) = word.known() else { return Stream::Nothing };
    if let File::Text(text) = walk.file(path, shell, &call.origin) {
        let origin = of_file(&call.origin, path).through(path);
        return walk.text(&text, &origin, shell, &Stream::Nothing);
    }
    Stream::Nothing
}

/// The origin of a file's text.
pub(super) fn of_file(origin: &Origin, path: &str) -> Origin {
    Origin { file: Some(path.into()), place: Place::At(0), ..origin.clone() }
}

/// Words as one text that a shell would read, for programs that join their arguments.
pub(super) fn joined(words: &[Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}
