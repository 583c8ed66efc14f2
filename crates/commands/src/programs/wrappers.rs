//! Programs that run another program: what counts is the other one.

use super::builtins::{joined, of_file};
use crate::args::{Args, Spec};
use crate::call::Call;
use crate::context::File;
use crate::operation::{Evidence, Source};
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
}

const fn plain(names: &'static [&'static str], valued: &'static [&'static str]) -> Wrapper {
    Wrapper { names, valued, before: 0, kind: Kind::Plain }
}

const fn of(kind: Kind, names: &'static [&'static str], valued: &'static [&'static str]) -> Wrapper {
    Wrapper { names, valued, before: 0, kind }
}

pub(super) const WRAPPERS: &[Wrapper] = &[
    plain(
        &["sudo", "doas"],
        &[
            "-u", "-g", "-h", "-p", "-C", "-D", "-R", "-T", "-U", "-r", "-t", "--user", "--group", "--chdir", "--host",
            "--prompt",
        ],
    ),
    of(Kind::Env, &["env", "cross-env", "dotenvx"], &["-u", "--unset", "-C", "--chdir", "-f"]),
    plain(
        &[
            "nohup",
            "setsid",
            "unbuffer",
            "chronic",
            "caffeinate",
            "winpty",
            "exec",
            "builtin",
            "busybox",
            "rtk",
            "noglob",
            "nocorrect",
            "coproc",
            "catchsegv",
            "eatmydata",
            "-",
        ],
        &["-a", "-t", "-w"],
    ),
    plain(&["command"], &[]),
    plain(&["time", "gtime"], &["-f", "-o", "--format", "--output"]),
    Wrapper { before: 1, ..plain(&["timeout", "gtimeout"], &["-k", "-s", "--kill-after", "--signal"]) },
    plain(&["nice"], &["-n", "--adjustment"]),
    plain(
        &[
            "ionice",
            "chrt",
            "taskset",
            "stdbuf",
            "strace",
            "ltrace",
            "prlimit",
            "numactl",
            "systemd-run",
            "firejail",
            "bwrap",
            "nsenter",
            "unshare",
            "fakeroot",
            "script-run",
        ],
        &["-c", "-n", "-p", "-i", "-o", "-e", "-s", "-u", "-t", "--unit", "--target"],
    ),
    Wrapper { before: 1, ..plain(&["chroot"], &["--userspec", "--groups"]) },
    of(Kind::Text, &["flock", "su", "runuser", "script"], &["-c", "--command", "-w", "-u", "-E", "-g", "-s"]),
    of(Kind::Joined, &["watch", "viddy", "entr", "retry"], &["-n", "--interval", "-t", "-s", "-d"]),
    of(
        Kind::Xargs,
        &["xargs", "gxargs"],
        &[
            "-I",
            "-n",
            "-P",
            "-L",
            "-d",
            "-E",
            "-s",
            "-a",
            "--max-args",
            "--max-procs",
            "--delimiter",
            "--replace",
            "--arg-file",
        ],
    ),
    of(
        Kind::Parallel,
        &["parallel"],
        &[
            "-j",
            "--jobs",
            "-a",
            "--arg-file",
            "-I",
            "--delay",
            "--retries",
            "--timeout",
            "-n",
            "-N",
            "--joblog",
            "--results",
            "-S",
            "--sshlogin",
        ],
    ),
    of(
        Kind::Shell,
        &["sh", "bash", "zsh", "dash", "ash", "ksh", "fish", "rbash"],
        &["-o", "+o", "-O", "+O", "--rcfile", "--init-file"],
    ),
    of(
        Kind::Ssh,
        &["ssh", "mosh", "autossh"],
        &[
            "-b", "-c", "-D", "-E", "-e", "-F", "-I", "-i", "-J", "-L", "-l", "-m", "-O", "-o", "-p", "-Q", "-R", "-S",
            "-W", "-w",
        ],
    ),
    of(
        Kind::Container,
        &["docker", "podman", "nerdctl", "docker-compose", "podman-compose", "lxc", "devcontainer"],
        &[],
    ),
    of(Kind::Kubectl, &["kubectl", "k", "oc", "kubecolor"], &[]),
    of(
        Kind::Vault,
        &[
            "aws-vault",
            "chamber",
            "aws-okta",
            "saml2aws",
            "granted",
            "assume",
            "vaulted",
            "op",
            "doppler",
            "infisical",
            "teller",
            "envchain",
            "awsume",
            "sops",
        ],
        &[
            "--profile",
            "-p",
            "--config",
            "-c",
            "--env",
            "-e",
            "--duration",
            "-d",
            "--project",
            "--path",
            "--env-file",
            "--region",
        ],
    ),
    of(
        Kind::Exec,
        &[
            "poetry", "uv", "pipenv", "bundle", "pdm", "hatch", "mise", "asdf", "direnv", "rye", "nix", "devbox",
            "conda", "pixi", "tsh", "dotenv", "yarn", "pnpm", "bun", "npm", "rbenv", "pyenv",
        ],
        &[
            "-f",
            "-n",
            "--with",
            "--from",
            "-p",
            "--python",
            "--env-file",
            "-e",
            "--prefix",
            "-C",
            "--dir",
            "--cwd",
            "--filter",
            "-w",
            "--workspace",
        ],
    ),
    plain(&["npx", "pnpx", "bunx", "uvx", "pipx-run", "dlx"], &["-p", "--package", "--from", "--with"]),
];

pub(super) fn run(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, name: &str) -> Option<Stream> {
    let wrapper = WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&name))?;
    let args = Args::parse(call.arguments(), &Spec { valued: wrapper.valued, clusters: true, stops: true });
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
        Kind::Ssh => Some(ssh(walk, shell, call, &args)),
        Kind::Container => container(walk, shell, call),
        Kind::Kubectl => kubectl(walk, shell, call),
        Kind::Vault => vault(walk, shell, call, &args),
        Kind::Exec => exec(walk, shell, call, &args),
        Kind::Text => Some(text(walk, shell, call, &args)),
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
    let Some(word) = words.get(at) else { return stdin(walk, shell, call) };
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

fn ssh(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args) -> Stream {
    let Some((host, words)) = args.rest.split_first() else { return Stream::Nothing };
    // Flags may stand behind the host, too.
    let spec = Spec { valued: &["-p", "-i", "-l", "-o", "-F", "-J"], clusters: true, stops: true };
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

fn container(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) -> Option<Stream> {
    let args = Args::parse(call.arguments(), &Spec { valued: CONTAINER_VALUED, clusters: true, stops: true });
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
        let between = Args::parse(words, &Spec { valued: CONTAINER_VALUED, clusters: true, stops: true }).rest.len();
        words = words.get(words.len() - between..).unwrap_or_default();
    }
    let runs = *steps.last()?;
    if !matches!(runs, "run" | "exec") {
        return None;
    }
    let inner = Args::parse(words, &Spec { valued: CONTAINER_VALUED, clusters: true, stops: true });
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

fn kubectl(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) -> Option<Stream> {
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
    let spec = Spec { valued: VALUED, clusters: true, stops: true };
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

fn vault(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args) -> Option<Stream> {
    let (verb, words) = args.rest.split_first()?;
    let runs = matches!(verb.known()?, "exec" | "run" | "exec-env" | "exec-file" | "shell");
    let direct = matches!(call.program(), "envchain" | "awsume" | "assume");
    if !runs && !direct {
        return Some(Stream::Unknown(format!("what `{}` prints", call.program())));
    }
    let mut inner = shell.clone();
    let spec = Spec {
        valued: &[
            "--profile",
            "-p",
            "--config",
            "-c",
            "--env",
            "-e",
            "--duration",
            "-d",
            "--project",
            "--path",
            "--env-file",
            "--region",
        ],
        clusters: true,
        stops: true,
    };
    let parsed = Args::parse(if direct { &args.rest } else { words }, &spec);
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
        rest = Args::parse(&rest, &spec).rest;
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
    let at = words.iter().position(|word| matches!(word.text.as_str(), "-c" | "--command" | "-lc" | "-qc"));
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

/// A file as a script would be found: its text, or why there is none.
pub(super) fn script_text(walk: &mut Walk<'_>, shell: &Shell, call: &Call, path: &str) -> (File, crate::shell::Origin) {
    let file = walk.file(path, shell, &call.origin);
    (file, of_file(&call.origin, path).through(path))
}
