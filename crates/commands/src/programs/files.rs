//! Files and devices of this machine: rm, find, dd, mkfs and others, and what is written over.

use super::control::{self, control};
use super::paths::{Weight, is_built, is_file, is_state, is_temporary, weight};
use super::rule::Program;
use crate::args::Args;
use crate::call::{Call, Found};
use crate::operation::{Effect, Reach};
use crate::shell::{Origin, Shell, Stream, Walk, Word, short};

const NAME: &str = "Name the files one by one, or leave it to a person.";
const KEEP: &str = "Leave the file as it is, and say what is in the way.";
const DEVICE: &str = "Say which device and why, and let a person do it.";

/// A program that takes paths.
const fn paths(
    names: &'static [&'static str],
    valued: &'static [&'static str],
    special: super::rule::Special,
    looks_for: &'static str,
) -> Program {
    Program {
        reach: Reach::Local,
        help: &["--help"],
        dry: &[],
        special: Some(special),
        looks_for,
        ..Program::new(names, valued)
    }
}

pub(super) const PROGRAMS: &[Program] = &[
    paths(
        &["rm", "grm", "unlink", "rimraf", "srm", "rmdir"],
        &[],
        remove,
        "`-r` of anything but build folders and temporary ones; single files that hold state or control a check",
    ),
    paths(&["find", "gfind"], &[], find, "`-delete`, and the command behind `-exec`"),
    paths(&["dd"], &[], dd, "`of=` a device"),
    paths(&["shred", "wipe"], &["-n", "-s"], shred, "any file"),
    paths(
        &[
            "mkfs",
            "mkfs.ext4",
            "mkfs.ext3",
            "mkfs.ext2",
            "mkfs.xfs",
            "mkfs.btrfs",
            "mkfs.vfat",
            "mkswap",
            "wipefs",
            "mke2fs",
            "blkdiscard",
        ],
        &["-t", "-L", "-m", "-b", "-U"],
        formatted,
        "a device; `wipefs` with `-a`",
    ),
    paths(&["tee", "sponge"], &[], tee, "files that control a check or hold state"),
    paths(&["sed", "gsed", "perl"], &["-e", "-f", "-E"], in_place, "`-i` in files that control a check")
        .attached(&["-i"]),
    paths(
        &["mv", "cp", "ln", "install", "rsync", "gmv", "gcp"],
        &["-t", "--target-directory"],
        moved,
        "files that control a check, as source or destination; `rsync --delete`",
    ),
    paths(
        &["chmod", "chown", "chattr", "truncate", "touch"],
        &["-s", "--size"],
        changed,
        "files that control a check; `truncate` of state",
    ),
];

fn remove(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    let recursive = args.has_any(&["-r", "-R", "--recursive", "-d"])
        || args.has_abbreviated("--recursive", 5)
        || call.program() == "rimraf";
    let recursive = recursive && call.program() != "rmdir";
    for path in &args.positionals {
        removed(walk, shell, call, args, program, path, recursive);
    }
    true
}

/// Reports that a path is removed.
fn removed(
    walk: &mut Walk<'_>,
    shell: &mut Shell,
    call: &Call,
    args: &Args,
    program: &'static Program,
    path: &Word,
    recursive: bool,
) {
    let local = |effect, what: String| Found::new(effect, Reach::Local, what, NAME).target(Some(path.text.clone()));
    let mut report = |found: Found| {
        let contained = shell.container || shell.remote;
        let found = if contained { Found { reach: Reach::Live, ..found }.lesser_if(shell.container) } else { found };
        walk.report(shell, call, Some(args), Some(program), found.uncertain_if(contained && shell.container));
    };
    if !path.is_known() {
        let known = path.known_part();
        let harmless = is_temporary(&path.text) || is_built(&path.text) || !recursive;
        if harmless {
            return;
        }
        let reason = path.reason.clone().unwrap_or_else(|| path.text.clone());
        let what = format!("deletes `{}` with all that is in it; {reason} is not written", short(&path.text));
        let root = matches!(known, "/" | "~" | "~/");
        report(local(Effect::FileDelete, what).lesser_if(!root).uncertain_if(true));
        return;
    }
    let name = path.text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if !recursive || (path.known().is_some_and(|path| !path.ends_with('/')) && is_file(name)) {
        if let Some(found) = control::touched(&shell.path(&path.text).unwrap_or_else(|| path.text.clone()), "deletes") {
            report(Found { instead: KEEP.to_owned(), ..found });
        } else if is_state(name) && !is_built(&path.text) && !is_temporary(&path.text) && !name.contains("backup") {
            report(local(Effect::StateChange, format!("deletes the Terraform state `{}`", path.text)));
        }
        return;
    }
    match weight(&path.text, shell) {
        Weight::Harmless => {}
        Weight::Lesser => report(
            local(Effect::FileDelete, format!("deletes `{}` with all that is in it", short(&path.text))).lesser(),
        ),
        Weight::Grave(thing) => {
            let absolute = shell.path(&path.text).unwrap_or_else(|| path.text.clone());
            let controls = control(&absolute).is_some() || name == ".countersign";
            let effect = match thing.as_str() {
                _ if controls => Effect::BypassControl,
                "the repository's history" => Effect::HistoryRewrite,
                "a state that tools live by" => Effect::StateChange,
                _ => Effect::FileDelete,
            };
            report(local(effect, format!("deletes {thing}: `{}`", short(&path.text))));
        }
    }
}

fn find(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    let words = call.arguments();
    let roots: Vec<&Word> = words.iter().take_while(|word| !word.text.starts_with(['-', '(', '!'])).collect();
    let names: Vec<&Word> = words
        .iter()
        .zip(words.iter().skip(1))
        .filter(|(flag, _)| matches!(flag.text.as_str(), "-name" | "-iname" | "-path" | "-wholename" | "-regex"))
        .map(|(_, pattern)| pattern)
        .collect();
    let empties = words.iter().any(|word| word.text == "-empty");
    let here = Word::new(".");
    let root = roots.first().copied().unwrap_or(&here);
    let text = match names.last() {
        Some(pattern) => format!("{}/{}", root.text.trim_end_matches('/'), pattern.text.trim_start_matches("*/")),
        None => root.text.clone(),
    };
    let path = Word { text, unknown_from: root.unknown_from, reason: root.reason.clone(), ..Word::default() };
    if words.iter().any(|word| word.text == "-delete") && !empties {
        let whole = names.is_empty() || names.iter().any(|name| matches!(name.text.as_str(), "*" | ".*"));
        let path = if whole { root } else { &path };
        let aged = words
            .iter()
            .any(|word| matches!(word.text.as_str(), "-mtime" | "-mmin" | "-atime" | "-ctime" | "-newer" | "-size"));
        if whole && aged {
            if !is_temporary(&root.text) && !is_built(&root.text) {
                let what = format!("deletes files below `{}` by their age or size", root.text);
                let found = Found::new(Effect::FileDelete, Reach::Local, what, NAME).lesser();
                walk.report(shell, call, Some(args), Some(program), found.target(Some(root.text.clone())));
            }
        } else {
            removed(walk, shell, call, args, program, path, whole);
        }
    }
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        if !matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir") {
            continue;
        }
        let end = words
            .iter()
            .skip(at)
            .position(|word| matches!(word.text.as_str(), ";" | "+"))
            .map_or(words.len(), |end| at + end);
        let inner: Vec<Word> = words
            .get(at..end)
            .unwrap_or_default()
            .iter()
            .map(
                |word| {
                    if word.text == "{}" { Word { range: word.range.clone(), ..path.clone() } } else { word.clone() }
                },
            )
            .collect();
        walk.call(call.rest(&inner, "find -exec"), &mut shell.clone());
        at = end;
    }
    true
}

fn dd(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    for word in call.arguments() {
        if let Some(path) = word.text.strip_prefix("of=")
            && is_device(path)
        {
            let found = Found::new(Effect::DataDelete, Reach::Local, format!("overwrites the device `{path}`"), DEVICE);
            walk.report(shell, call, Some(args), Some(program), found.target(Some(path.to_owned())));
        } else if word.text.starts_with("of=") {
            written(walk, shell, &word.after(3), false, &call.origin.inner(&call.range, Some(call.range.start)));
        }
    }
    true
}

fn formatted(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    let only_shows = call.program() == "wipefs" && !args.has_any(&["-a", "--all"]);
    if only_shows || args.has_any(&["-n", "--no-act"]) {
        return true;
    }
    let device = args.positionals.iter().find(|word| is_device(&word.text) || word.is_opaque());
    if let Some(device) = device {
        let what = format!("overwrites the device `{}` with a new file system", device.text);
        let found = Found::new(Effect::DataDelete, Reach::Local, what, DEVICE).uncertain_if(!device.is_known());
        walk.report(shell, call, Some(args), Some(program), found.target(Some(device.text.clone())));
    }
    true
}

fn is_device(path: &str) -> bool {
    path.strip_prefix("/dev/").is_some_and(|name| {
        !matches!(name, "null" | "zero" | "stdout" | "stderr" | "tty" | "fd" | "full")
            && !name.starts_with("fd/")
            && !name.starts_with("shm/")
            && !name.starts_with("tcp/")
            && !name.starts_with("udp/")
    })
}

fn shred(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    let target = args.named_from(0);
    if target.as_deref().is_some_and(is_temporary) {
        return true;
    }
    let what = format!(
        "overwrites {}, so that it cannot be got back",
        target.as_ref().map(|target| format!("`{}`", short(target))).unwrap_or_default()
    );
    walk.report(
        shell,
        call,
        Some(args),
        Some(program),
        Found::new(Effect::FileDelete, Reach::Local, what, NAME).target(target),
    );
    true
}

fn tee(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, _: &'static Program) -> bool {
    let appends = args.has_any(&["-a", "--append"]);
    for path in &args.positionals {
        written(walk, shell, path, appends, &call.origin.inner(&call.range, Some(call.range.start)));
        if let Some(path) = path.known().and_then(|path| shell.path(path)) {
            let text = match &call.stdin {
                Stream::Text(text) if !appends => Some(text.as_str().into()),
                _ => None,
            };
            shell.written.insert_mut(path, text);
        }
    }
    true
}

/// Reports that a file is written, where that matters: one that controls a check, a device, a state.
pub(crate) fn written(walk: &mut Walk<'_>, shell: &Shell, path: &Word, appends: bool, origin: &Origin) {
    let Some(known) = path.known() else { return };
    if shell.container || shell.remote {
        return;
    }
    let absolute = shell.path(known).unwrap_or_else(|| known.to_owned());
    let name = absolute.rsplit('/').next().unwrap_or_default();
    let found = if let Some(found) = control::touched(&absolute, "writes") {
        Found { instead: KEEP.to_owned(), ..found }
    } else if is_device(known) {
        Found::new(Effect::DataDelete, Reach::Local, format!("overwrites the device `{known}`"), DEVICE)
    } else if !appends && is_state(name) && name.ends_with(".tfstate") && !is_temporary(&absolute) {
        Found::new(Effect::StateChange, Reach::Local, format!("overwrites the Terraform state `{known}`"), KEEP)
    } else {
        return;
    };
    let call = Call {
        words: vec![Word::new(">")],
        variables: Vec::new(),
        stdin: Stream::Nothing,
        origin: origin.clone(),
        range: 0..path.range.len(),
        uncertain: path.guessed,
    };
    walk.report(shell, &call, None, None, found.target(Some(known.to_owned())));
}

fn in_place(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    if call.program() == "perl" {
        super::scripts::other_language(walk, shell, call);
    }
    let edits = args.flags.iter().any(|flag| flag.name == "-i" || flag.name == "--in-place");
    if edits {
        controls(walk, shell, call, args, program, &args.positionals, "writes");
    }
    true
}

fn moved(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    if call.program() == "rsync" {
        if args.has_any(&["-n", "--dry-run"]) {
            return true;
        }
        let deletes = args.flags.iter().any(|flag| flag.name.starts_with("--delete") || flag.name == "--del");
        let target = args.positionals.last().map(|word| word.text.clone());
        let local = target.as_deref().is_none_or(|target| is_temporary(target) || is_built(target));
        if deletes && !local {
            let what = "deletes at the destination what the source has not";
            let remote = target.as_deref().is_some_and(|target| target.contains(':'));
            let reach = if remote { Reach::Live } else { Reach::Local };
            let found = Found::new(Effect::FileDelete, reach, what, NAME).lesser_if(!remote);
            walk.report(shell, call, Some(args), Some(program), found.target(target));
        }
    }
    let moves = matches!(call.program(), "mv" | "gmv");
    let (sources, destination) = match args.positionals.split_last() {
        Some((last, rest)) if args.value("-t").is_none() => (rest.to_vec(), Some(last.clone())),
        _ => (args.positionals.clone(), args.value("-t").cloned()),
    };
    if moves {
        controls(walk, shell, call, args, program, &sources, "moves away");
        for source in &sources {
            let name = source.text.rsplit('/').next().unwrap_or_default();
            if is_state(name) && name.ends_with(".tfstate") && !is_temporary(&source.text) {
                let found = Found::new(
                    Effect::StateChange,
                    Reach::Local,
                    format!("moves the Terraform state `{}` away", source.text),
                    KEEP,
                );
                walk.report(shell, call, Some(args), Some(program), found.target(Some(source.text.clone())));
            }
        }
    }
    if let Some(destination) = destination {
        // Into a folder, the file keeps its name.
        let mut reached = vec![destination.clone()];
        reached.extend(sources.iter().map(|source| {
            let name = source.text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            Word { text: format!("{}/{name}", destination.text.trim_end_matches('/')), ..destination.clone() }
        }));
        let reached: Vec<Word> = reached.into_iter().filter(|path| !is_temporary(&path.text)).collect();
        controls(walk, shell, call, args, program, &reached, "writes");
        if let Some(path) = destination.known().and_then(|path| shell.path(path)) {
            shell.written.insert_mut(path, None);
        }
    }
    true
}

fn changed(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    // `chmod -x FILE`: the mode looks like a flag.
    let by_flag =
        call.program() == "chmod" && args.flags.iter().any(|flag| matches!(flag.name.as_str(), "-x" | "-w" | "-r"));
    let skip = usize::from(!by_flag && !matches!(call.program(), "truncate" | "touch"));
    let paths: Vec<Word> = args.positionals.iter().skip(skip).cloned().collect();
    // Making a hook executable is how one is installed.
    let harmless = call.program() == "chmod"
        && !by_flag
        && args.positional(0).is_some_and(|mode| mode.contains("+x") || mode.starts_with('7'));
    if !harmless && call.program() != "touch" {
        controls(walk, shell, call, args, program, &paths, "changes");
    }
    if call.program() == "truncate" {
        for path in &paths {
            written(walk, shell, path, false, &call.origin.inner(&call.range, Some(call.range.start)));
        }
    }
    true
}

fn controls(
    walk: &mut Walk<'_>,
    shell: &Shell,
    call: &Call,
    args: &Args,
    program: &'static Program,
    paths: &[Word],
    does: &str,
) {
    if shell.container || shell.remote {
        return;
    }
    for path in paths {
        let Some(known) = path.known() else { continue };
        let absolute = shell.path(known).unwrap_or_else(|| known.to_owned());
        if let Some(found) = control::touched(&absolute, does) {
            let found = Found { instead: KEEP.to_owned(), ..found };
            walk.report(shell, call, Some(args), Some(program), found.target(Some(known.to_owned())));
            return;
        }
    }
}
