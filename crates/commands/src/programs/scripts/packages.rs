//! Scripts of `package.json`.

use crate::args::{Args, Spec};
use crate::call::Call;
use crate::context::File;
use crate::shell::{Origin, Place, Shell, Stream, Walk};
use serde_json::Value;

/// Runs a script of the package. Returns whether the call was one.
pub(super) fn run(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call) -> bool {
    const VALUED: &[&str] = &["--prefix", "-C", "--dir", "--cwd", "--filter", "-F", "-w", "--workspace"];
    let args = Args::parse(call.arguments(), &Spec { valued: VALUED, clusters: true, stops: true });
    let Some((first, rest)) = args.rest.split_first() else { return false };
    let Some(first) = first.known() else { return false };
    let program = call.program();
    let (name, rest) = match first {
        "run" | "run-script" | "rum" | "urn" => {
            let inner = Args::parse(rest, &Spec { valued: VALUED, clusters: true, stops: true });
            let Some((name, rest)) = inner.rest.split_first() else { return true };
            (name.text.clone(), rest.to_vec())
        }
        "test" | "t" | "start" | "stop" | "restart" => (if first == "t" { "test" } else { first }.to_owned(), rest.to_vec()),
        // Yarn, pnpm and bun run a script by its name alone.
        other if program != "npm" => (other.to_owned(), rest.to_vec()),
        _ => return false,
    };
    let mut inner = shell.clone();
    if let Some(folder) = args.values(&["--prefix", "-C", "--dir", "--cwd"]).last() {
        inner.folder = inner.path(&folder.text);
    }
    let File::Text(text) = walk.file("package.json", &inner, &call.origin) else { return program == "npm" };
    let Ok(package) = serde_json::from_str::<Value>(&text) else { return false };
    let Some(scripts) = package.get("scripts").and_then(Value::as_object) else { return false };
    if !scripts.contains_key(&name) {
        return program == "npm";
    }
    let behind: Vec<String> = rest.iter().map(|word| word.text.clone()).filter(|text| text != "--").collect();
    for (part, with) in [(format!("pre{name}"), false), (name.clone(), true), (format!("post{name}"), false)] {
        let Some(script) = scripts.get(&part).and_then(Value::as_str) else { continue };
        let place = match text.find(script) {
            Some(at) => Place::Within(at..at + script.len()),
            None => Place::Within(0..text.len()),
        };
        let origin = Origin { file: Some("package.json".into()), place, ..call.origin.through(format!("{program} run {part}")) };
        let command = if with && !behind.is_empty() { format!("{script} {}", behind.join(" ")) } else { script.to_owned() };
        walk.text(&command, &origin, &mut inner.clone(), &Stream::Nothing);
    }
    true
}
