//! Scripts of `package.json`.

use crate::args::{Args, Spec};
use crate::call::Call;
use crate::context::File;
use crate::shell::{Origin, Place, Shell, Stream, Walk};
use serde_json::Value;

/// What Yarn, pnpm and bun do themselves.
const OWN: &[&str] = &[
    "add",
    "audit",
    "autoclean",
    "bin",
    "build",
    "cache",
    "check",
    "config",
    "constraints",
    "create",
    "dedupe",
    "deploy",
    "env",
    "explain",
    "fetch",
    "generate-lock-entry",
    "global",
    "i",
    "import",
    "info",
    "init",
    "install",
    "licenses",
    "link",
    "list",
    "login",
    "logout",
    "ls",
    "node",
    "npm",
    "outdated",
    "owner",
    "pack",
    "patch",
    "plugin",
    "pm",
    "policies",
    "prune",
    "publish",
    "rebuild",
    "remove",
    "rm",
    "root",
    "search",
    "server",
    "set",
    "setup",
    "stage",
    "store",
    "tag",
    "team",
    "un",
    "uninstall",
    "unlink",
    "unplug",
    "up",
    "update",
    "upgrade",
    "upgrade-interactive",
    "version",
    "versions",
    "why",
    "workspace",
    "workspaces",
];

/// Runs a script of the package. Returns whether the call was one.
pub(super) fn run(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) -> bool {
    const VALUED: &[&str] = &["--prefix", "-C", "--dir", "--cwd", "--filter", "-F", "-w", "--workspace"];
    let args = Args::parse(call.arguments(), &Spec { valued: VALUED, attached: &[], clusters: true, stops: true });
    let Some((first, rest)) = args.rest.split_first() else { return false };
    let Some(first) = first.known() else { return false };
    let program = call.program();
    let (name, rest) = match first {
        "run" | "run-script" | "rum" | "urn" => {
            let inner = Args::parse(rest, &Spec { valued: VALUED, attached: &[], clusters: true, stops: true });
            let Some((name, rest)) = inner.rest.split_first() else { return true };
            (name.text.clone(), rest.to_vec())
        }
        "test" | "t" | "start" | "stop" | "restart" => {
            (if first == "t" { "test" } else { first }.to_owned(), rest.to_vec())
        }
        // Yarn, pnpm and bun run a script by its name alone.
        other if program != "npm" => (other.to_owned(), rest.to_vec()),
        _ => return false,
    };
    let mut inner = shell.clone();
    if let Some(folder) = args.values(&["--prefix", "-C", "--dir", "--cwd"]).last() {
        inner.folder = inner.path(&folder.text);
    }
    let text = match walk.file("package.json", &inner, &call.origin) {
        File::Text(text) => text,
        File::Absent | File::Unreadable => String::new(),
    };
    let package: Value = serde_json::from_str(&text).unwrap_or_default();
    let empty = serde_json::Map::new();
    let scripts = package.get("scripts").and_then(Value::as_object).unwrap_or(&empty);
    if !scripts.contains_key(&name) {
        // Else it is a program of a dependency.
        if program != "npm" && first == name && !OWN.contains(&first) {
            walk.call(call.rest(&args.rest, program), &mut inner);
            return true;
        }
        return program != "bun";
    }
    let behind: Vec<String> = rest.iter().map(|word| word.text.clone()).filter(|text| text != "--").collect();
    for (part, with) in [(format!("pre{name}"), false), (name.clone(), true), (format!("post{name}"), false)] {
        let Some(script) = scripts.get(&part).and_then(Value::as_str) else { continue };
        let place = match text.find(script) {
            Some(at) => Place::Within(at..at + script.len()),
            None => Place::Within(0..text.len()),
        };
        let origin =
            Origin { file: Some("package.json".into()), place, ..call.origin.through(format!("{program} run {part}")) };
        let key = format!("package.json:{part}");
        if walk.active.contains(&key) {
            continue;
        }
        walk.active.push(key);
        let command =
            if with && !behind.is_empty() { format!("{script} {}", behind.join(" ")) } else { script.to_owned() };
        walk.text(&command, &origin, &mut inner.clone(), &Stream::Nothing);
        walk.active.pop();
    }
    true
}
