//! Programs that run others elsewhere: on another machine, in a container, in a cluster, with other rights.

use super::super::builtins::joined;
use super::stdin;
use crate::args::{Args, Spec};
use crate::call::Call;
use crate::operation::{Evidence, Source};
use crate::shell::{Shell, Stream, Walk, Word, short};

pub(super) fn ssh(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args) -> Stream {
    let Some((host, words)) = args.rest.split_first() else { return Stream::Nothing };
    // Flags may stand behind the host, too.
    let spec = Spec { valued: &["-p", "-i", "-l", "-o", "-F", "-J"], attached: &[], clusters: true, stops: true };
    let words = Args::parse(words, &spec).rest;
    let mut inner = shell.clone();
    inner.remote = true;
    inner.folder = None;
    inner
        .choices
        .push((&[], Evidence { source: Source::Host, name: call.program().to_owned(), word: host.text.clone() }));
    let step = format!("{} {}", call.program(), short(&host.text));
    let origin = match words.as_slice() {
        [] => {
            let inner_call = Call { origin: call.origin.through(step), ..call.clone() };
            return match &call.stdin {
                Stream::Nothing => Stream::Nothing,
                _ => stdin(walk, &mut inner, &inner_call),
            };
        }
        [word] => call.origin.inner(&word.range, word.verbatim),
        _ => call.origin.inner(&call.range, None),
    };
    walk.text(&joined(&words), &origin.through(step), &mut inner, &call.stdin)
}

const CONTAINER_VALUED: &[&str] = &[
    "-e",
    "--env",
    "--env-file",
    "-v",
    "--volume",
    "-w",
    "--workdir",
    "-u",
    "--user",
    "--name",
    "-p",
    "--publish",
    "--network",
    "--net",
    "--entrypoint",
    "--mount",
    "-h",
    "--hostname",
    "-l",
    "--label",
    "-m",
    "--memory",
    "--cpus",
    "--platform",
    "--add-host",
    "--gpus",
    "--ulimit",
    "--restart",
    "--pull",
    "--log-driver",
    "--log-opt",
    "--tmpfs",
    "--shm-size",
    "--ip",
    "--dns",
    "--link",
    "--volumes-from",
    "--cap-add",
    "--cap-drop",
    "--security-opt",
    "--index",
    "-f",
    "--file",
    "--project-name",
    "--profile",
    "--context",
    "-c",
    "-H",
    "--host",
    "--detach-keys",
    "--cidfile",
    "--device",
    "--ipc",
    "--pid",
    "--stop-signal",
];

/// Images that run the program of their name.
const IMAGES: &[(&str, &str)] = &[
    ("terraform", "terraform"),
    ("opentofu", "tofu"),
    ("tofu", "tofu"),
    ("kubectl", "kubectl"),
    ("helm", "helm"),
    ("aws-cli", "aws"),
    ("terragrunt", "terragrunt"),
    ("psql", "psql"),
];

pub(super) fn container(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) -> Option<Stream> {
    let args =
        Args::parse(call.arguments(), &Spec { valued: CONTAINER_VALUED, attached: &[], clusters: true, stops: true });
    let mut words = args.rest.as_slice();
    let mut steps = Vec::new();
    while let Some((first, rest)) = words.split_first() {
        let name = first.known().unwrap_or_default();
        if !matches!(name, "compose" | "container" | "run" | "exec" | "sandbox") {
            return None;
        }
        steps.push(name);
        words = rest;
        if matches!(name, "run" | "exec") {
            break;
        }
        // Flags between `compose` and its sub-command.
        let between =
            Args::parse(words, &Spec { valued: CONTAINER_VALUED, attached: &[], clusters: true, stops: true })
                .rest
                .len();
        words = words.get(words.len() - between..).unwrap_or_default();
    }
    let runs = *steps.last()?;
    if !matches!(runs, "run" | "exec") {
        return None;
    }
    let inner = Args::parse(words, &Spec { valued: CONTAINER_VALUED, attached: &[], clusters: true, stops: true });
    let (image, command) = inner.rest.split_first()?;
    let step = format!("{} {} {}", call.program(), steps.join(" "), short(&image.text));
    let mut inside = shell.clone();
    inside.container = true;
    inside.choices.push((
        &[],
        Evidence {
            source: Source::Host,
            name: format!("{} {}", call.program(), steps.join(" ")),
            word: image.text.clone(),
        },
    ));
    let mut words = command.to_vec();
    let image_name = image.text.rsplit('/').next().unwrap_or_default().split([':', '@']).next().unwrap_or_default();
    if let Some(program) = inner.value("--entrypoint").filter(|word| !word.text.is_empty()) {
        words.insert(0, program.clone());
    } else if runs == "run"
        && let Some((_, program)) = IMAGES.iter().find(|(image, _)| *image == image_name)
        && words.first().is_none_or(|word| word.text != *program && !matches!(word.text.as_str(), "sh" | "bash"))
    {
        words.insert(0, Word { range: image.range.clone(), ..Word::new(*program) });
    }
    let mut next = call.rest(&words, step);
    for word in inner.values(&["-e", "--env"]) {
        if let Some((name, value)) = word.text.split_once('=') {
            next.variables.push((name.to_owned(), word.after(word.text.len() - value.len())));
        }
    }
    if next.words.is_empty() {
        return Some(Stream::Unknown("what a container prints".to_owned()));
    }
    Some(walk.call(next, &mut inside))
}

pub(super) fn kubectl(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) -> Option<Stream> {
    const VALUED: &[&str] = &[
        "-n",
        "--namespace",
        "--context",
        "--cluster",
        "--kubeconfig",
        "-c",
        "--container",
        "--user",
        "-s",
        "--server",
        "--image",
        "--as",
        "-f",
        "--filename",
    ];
    let spec = Spec { valued: VALUED, attached: &[], clusters: true, stops: true };
    let global = Args::parse(call.arguments(), &spec);
    let (verb, words) = global.rest.split_first()?;
    let verb = verb.known().filter(|verb| matches!(*verb, "exec" | "run" | "debug" | "rsh"))?.to_owned();
    let dashes = words.iter().position(|word| word.text == "--");
    let command = match dashes {
        Some(at) => words.get(at + 1..).unwrap_or_default().to_vec(),
        // Without `--`: the words behind the pod.
        None if verb == "exec" || verb == "rsh" => {
            let rest = Args::parse(words, &spec).rest;
            let behind = Args::parse(rest.get(1..).unwrap_or_default(), &spec);
            behind.rest
        }
        None => Vec::new(),
    };
    if command.is_empty() {
        return Some(Stream::Unknown("what a pod prints".to_owned()));
    }
    let mut inside = shell.clone();
    inside.container = true;
    let before =
        Args::parse(words.get(..dashes.unwrap_or(words.len())).unwrap_or_default(), &Spec { stops: false, ..spec });
    for flag in global.flags.iter().chain(&before.flags) {
        if let (Some(word), true) = (
            &flag.value,
            matches!(flag.name.as_str(), "-n" | "--namespace" | "--context" | "--cluster" | "--kubeconfig"),
        ) {
            inside
                .choices
                .push((&[], Evidence { source: Source::Flag, name: flag.name.clone(), word: word.text.clone() }));
        }
    }
    if let Some(pod) = before.positionals.first() {
        inside
            .choices
            .push((&[], Evidence { source: Source::Host, name: format!("kubectl {verb}"), word: pod.text.clone() }));
    }
    let step = format!("kubectl {verb}");
    Some(walk.call(call.rest(&command, step), &mut inside))
}

pub(super) fn vault(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, spec: &Spec) -> Option<Stream> {
    let (verb, words) = args.rest.split_first()?;
    let runs = matches!(verb.known()?, "exec" | "run" | "exec-env" | "exec-file" | "shell");
    let direct = matches!(call.program(), "envchain" | "awsume" | "assume");
    if !runs && !direct {
        return Some(Stream::Unknown(format!("what `{}` prints", call.program())));
    }
    let mut inner = shell.clone();
    let parsed = Args::parse(if direct { &args.rest } else { words }, spec);
    for flag in args.flags.iter().chain(&parsed.flags) {
        if let Some(word) = &flag.value {
            inner
                .choices
                .push((&[], Evidence { source: Source::Flag, name: flag.name.clone(), word: word.text.clone() }));
        }
    }
    let had_dashes = words.iter().position(|word| word.text == "--");
    let mut rest = parsed.rest;
    let named = matches!(
        call.program(),
        "aws-vault" | "chamber" | "aws-okta" | "granted" | "vaulted" | "envchain" | "awsume" | "assume" | "sops"
    );
    if named && !rest.is_empty() {
        let name = rest.remove(0);
        inner.choices.push((
            &[],
            Evidence { source: Source::Choice, name: format!("{} {}", call.program(), verb.text), word: name.text },
        ));
        rest = Args::parse(&rest, spec).rest;
    }
    if let Some(at) = had_dashes {
        rest = words.get(at + 1..).unwrap_or_default().to_vec();
    }
    if call.program() == "sops" {
        let origin = call.origin.inner(&call.range, None).through("sops");
        return Some(walk.text(&joined(&rest), &origin, &mut inner, &Stream::Nothing));
    }
    if rest.is_empty() {
        return Some(Stream::Nothing);
    }
    Some(walk.call(call.rest(&rest, call.program()), &mut inner))
}
