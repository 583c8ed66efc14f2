//! The project's own chores. `cargo xtask` lists them.

mod book;
mod example_report;
mod impact_tables;
mod notes;
mod replay;
mod sample;
mod score;
mod score_impact;
mod soak;
mod tables;
mod traces;

use anyhow::{Context, bail};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

const USAGE: &str = "\
cargo xtask book             make a book of the pages under docs in target/book (needs mdbook); 1 where a link leads nowhere
cargo xtask docs [--check]   write (or check) what is made from the code: schemas, the rule pages and the book's contents, the settings' defaults, commands' help, the programs in docs/commands.md
cargo xtask example-report DIR
                             make a repository with twelve weeks of history and a record, for pictures and tests of the report
cargo xtask figures [ARGS]   measure the figures and print them as a table; ARGS go to the benchmark (--quick, --only NAME)
cargo xtask fuzz SECONDS     run every fuzz target for so long (needs a nightly toolchain and cargo-fuzz)
cargo xtask notes [--data FILE]
                             whether real notes of git-ai are read and written back; 1 where a valid entry is not
cargo xtask picture          draw docs/images/check.svg from what `countersign check examples/shop` prints
cargo xtask replay [--data FILE]
                             replay real edits of an agent as its hook and an editor show them; 1 where a byte is missed or wrong
cargo xtask sample [--corpus DIR] [--seed N] [--count N]
                             print findings in real repositories, drawn by lot, with their source
cargo xtask score [--corpus DIR]
                             how much of what the labelled fixtures of Checkov, KICS and zizmor expect is found; 1 where a bar is missed
cargo xtask score impact [--data FILE] [--list FILE]
                             what is predicted of real edits, held against their labels; disagreements go to FILE; 1 where a bar is missed
cargo xtask soak editors [--times N]
                             every test in a real editor, 20 times in a row unless said otherwise, none of them tried again; ends where one
                             fails; a series of one commit goes on where it was left
cargo xtask soak ledger [--kills N]
                             kill processes that write to one ledger; 1,000 kills are the full run, 100 the default
cargo xtask soak store [--kills N]
                             kill processes that send to one store in PostgreSQL; 100 kills unless said otherwise
cargo xtask tables [--check] [DIR]
                             write (or check) the tables of crates/policy, impact and commands from the facts in DIR
cargo xtask traces [--data DIR]
                             replay people at work with 200 pieces of evidence open; 1 where a byte of theirs is taken for an
                             AI's, or too much or too little is asked about
";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["score", "impact", "templates", rest @ ..] = arguments.as_slice() {
        return score_impact::templates::run(option(rest, "--data"), option(rest, "--list"));
    }
    if let ["score", "impact", rest @ ..] = arguments.as_slice() {
        return score_impact::run(option(rest, "--data"), option(rest, "--list"));
    }
    if let ["score", rest @ ..] = arguments.as_slice() {
        return score::run(option(rest, "--corpus"));
    }
    if let ["replay", rest @ ..] = arguments.as_slice() {
        let data =
            option(rest, "--data").map_or_else(|| shared().join("data/agents/claude-edits.jsonl.gz"), PathBuf::from);
        return replay::run(&data);
    }
    if let ["traces", rest @ ..] = arguments.as_slice() {
        return traces::run(&option(rest, "--data").map_or_else(|| shared().join("data"), PathBuf::from));
    }
    if let ["notes", rest @ ..] = arguments.as_slice() {
        return notes::run(option(rest, "--data"));
    }
    match arguments.as_slice() {
        ["book"] => book::build(),
        ["docs"] => docs(false),
        ["docs", "--check"] => docs(true),
        ["figures", rest @ ..] => {
            run("cargo", &[&["bench", "--package", "countersign", "--bench", "figures", "--"], rest].concat())
        }
        ["example-report", folder] => example_report::run(Path::new(folder)),
        ["fuzz", seconds] => fuzz(seconds),
        ["picture"] => picture(),
        ["sample", rest @ ..] => {
            let corpus = option(rest, "--corpus").map_or_else(corpus, PathBuf::from);
            let seed = option(rest, "--seed").unwrap_or("1").parse().context("--seed takes a number")?;
            let count = option(rest, "--count").unwrap_or("200").parse().context("--count takes a number")?;
            sample::run(&corpus, seed, count)
        }
        ["soak", "ledger", rest @ ..] => {
            soak::ledger::run(option(rest, "--kills").unwrap_or("100").parse().context("--kills takes a number")?)
        }
        ["soak", "editors", rest @ ..] => {
            soak::editors::run(option(rest, "--times").unwrap_or("20").parse().context("--times takes a number")?)
        }
        ["soak", "store", rest @ ..] => {
            soak::store::run(option(rest, "--kills").unwrap_or("100").parse().context("--kills takes a number")?)
        }
        [soak::ledger::WRITER, path, writer] => soak::ledger::write(path, writer),
        ["tables"] => tables::run(None, false),
        ["tables", "--check"] => tables::run(None, true),
        ["tables", "--check", from] => tables::run(Some(from), true),
        ["tables", from] => tables::run(Some(from), false),
        _ => {
            std::io::stdout().write_all(USAGE.as_bytes())?;
            Ok(())
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Where the corpora are looked for.
fn corpus() -> PathBuf {
    shared().join("corpus")
}

/// Where data that is not the project's own is looked for: in `$COUNTERSIGN_SHARED`, else in `../shared` beside the
/// workspace.
fn shared() -> PathBuf {
    env::var_os("COUNTERSIGN_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from)
}

/// What stands behind an option.
fn option<'a>(arguments: &[&'a str], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| *argument == name)?;
    arguments.get(at + 1).copied()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(program).args(arguments).current_dir(root()).status().context(program.to_owned())?;
    if !status.success() {
        bail!("`{program} {}` failed", arguments.join(" "));
    }
    Ok(())
}

/// What the built program prints.
fn countersign(arguments: &[&str]) -> anyhow::Result<String> {
    let cargo = ["run", "--quiet", "--package", "countersign", "--"];
    let mut command = Command::new("cargo");
    // How wide a help text is must not depend on who asks.
    let command = command.args(cargo).args(arguments).current_dir(root()).env_remove("COLUMNS");
    let output = command.output()?;
    if !output.status.success() && output.status.code() != Some(1) {
        bail!("`countersign {}`: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// What there are schemas of.
const SCHEMAS: [&str; 18] = [
    "blame",
    "config",
    "doctor",
    "findings",
    "gate",
    "impact",
    "incident",
    "log",
    "policy",
    "policy-input",
    "protocol",
    "report",
    "requests",
    "reviews",
    "risks",
    "slo",
    "stamp",
    "status",
];

/// Every file that is made from the code, and its content.
fn generated() -> anyhow::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for schema in SCHEMAS {
        files.push((format!("docs/schemas/{schema}.json"), countersign(&["schema", schema])?));
    }
    let risks: serde_json::Value = serde_json::from_str(&countersign(&["risks", "--format", "json"])?)?;
    let mut index =
        "# Risks\n\nMade from the files under `rules/`; `countersign explain RISK` prints a page.\n".to_owned();
    let mut area = String::new();
    let text = |risk: &serde_json::Value, key: &str| risk[key].as_str().unwrap_or_default().to_owned();
    let mut risks = risks.as_array().cloned().unwrap_or_default();
    risks.sort_by_key(|risk| (text(risk, "area"), text(risk, "id")));
    for risk in &risks {
        let id = text(risk, "id");
        if area != text(risk, "area") {
            area = text(risk, "area");
            write!(index, "\n## {area}\n\n| risk | severity | what |\n|---|---|---|\n")?;
        }
        writeln!(index, "| [`{id}`]({id}.md) | {} | {} |", text(risk, "severity"), text(risk, "title"))?;
        files.push((format!("docs/risks/{id}.md"), countersign(&["explain", &id])?));
    }
    files.push(("docs/risks/README.md".to_owned(), index));
    let contents = fs::read_to_string(root().join("docs/SUMMARY.md"))?;
    files.push(("docs/SUMMARY.md".to_owned(), book::contents(&contents, &risks)?));
    let defaults = fs::read_to_string(root().join("crates/policy/src/default.toml"))?;
    let page = fs::read_to_string(root().join("docs/configuration.md"))?;
    let (before, rest) = page.split_once("```toml\n").context("docs/configuration.md has the defaults in a fence")?;
    let (_, after) = rest.split_once("\n```").context("the fence ends")?;
    files.push(("docs/configuration.md".to_owned(), format!("{before}```toml\n{}\n```{after}", defaults.trim_end())));
    let page = fs::read_to_string(root().join("docs/commands.md"))?;
    files.push(("docs/commands.md".to_owned(), with_programs(&page)?));
    for page in [
        "docs/agents.md",
        "docs/command-line.md",
        "docs/incidents.md",
        "docs/mcp.md",
        "docs/objectives.md",
        "docs/provenance.md",
        "docs/releases.md",
        "docs/report.md",
        "docs/reviews.md",
        "docs/store.md",
        "docs/telemetry.md",
    ] {
        files.push((page.to_owned(), with_help(&fs::read_to_string(root().join(page))?)?));
    }
    Ok(files)
}

/// A page with the table of the programs that are recognised.
fn with_programs(page: &str) -> anyhow::Result<String> {
    const HEAD: &str = "| program | what is recognised |\n|---|---|\n";
    let (before, rest) = page.split_once(HEAD).context("docs/commands.md has a table of programs")?;
    let after = rest.split_once("\n\n").map(|(_, after)| after).context("something follows the table")?;
    let mut table = String::new();
    for (names, about) in countersign_commands::recognised() {
        writeln!(table, "| {names} | {about} |")?;
    }
    Ok(format!("{before}{HEAD}{table}\n{after}"))
}

/// A page with each command's help in the fence that begins with that command.
fn with_help(page: &str) -> anyhow::Result<String> {
    const FENCE: &str = "```console\n$ countersign ";
    let mut parts = page.split(FENCE);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (fence, after) = part.split_once("\n```").context("a fence with a command has no end")?;
        let command = fence.lines().next().unwrap_or_default();
        if !command.ends_with(" --help") {
            // An example: what it prints is another each time, and it may do something.
            write!(out, "{FENCE}{part}")?;
            continue;
        }
        let help = countersign(&command.split(' ').collect::<Vec<_>>())?;
        let help: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
        write!(out, "{FENCE}{command}\n{}\n```{after}", help.join("\n"))?;
    }
    Ok(out)
}

fn docs(check: bool) -> anyhow::Result<()> {
    let files = generated()?;
    let mut stale = Vec::new();
    for (name, content) in &files {
        let path = root().join(name);
        if fs::read_to_string(&path).ok().as_ref() != Some(content) {
            if check {
                stale.push(name.clone());
            } else {
                fs::create_dir_all(path.parent().unwrap_or(&path))?;
                fs::write(&path, content)?;
            }
        }
    }
    for entry in fs::read_dir(root().join("docs/risks"))?.flatten() {
        let name = format!("docs/risks/{}", entry.file_name().to_string_lossy());
        if !files.iter().any(|(known, _)| *known == name) {
            if check {
                stale.push(name);
            } else {
                fs::remove_file(entry.path())?;
            }
        }
    }
    if !stale.is_empty() {
        bail!("not up to date, run `cargo xtask docs`: {}", stale.join(", "));
    }
    Ok(())
}

fn fuzz(seconds: &str) -> anyhow::Result<()> {
    for entry in fs::read_dir(root().join("fuzz/fuzz_targets"))?.flatten() {
        let target = entry.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let limit = format!("-max_total_time={seconds}");
        run("cargo", &["+nightly", "fuzz", "run", "--fuzz-dir", "fuzz", &target, "--", &limit, "-rss_limit_mb=4096"])?;
    }
    Ok(())
}

/// Draws what the README's first command prints, colours and all.
fn picture() -> anyhow::Result<()> {
    let cargo = ["run", "--quiet", "--package", "countersign", "--", "check", "examples/shop"];
    let output = Command::new("cargo").args(cargo).env("CLICOLOR_FORCE", "1").current_dir(root()).output()?;
    let text = String::from_utf8(output.stdout)?;
    // A screenful: the first findings, each with the blank line behind it.
    let shown: Vec<_> = text.split_inclusive("\n\n").take(5).collect();
    let shown = format!("\u{1b}[1m$ countersign check examples/shop\u{1b}[0m\n{}…\n", shown.concat());
    let path = root().join("docs/images/check.svg");
    fs::create_dir_all(path.parent().unwrap_or(&path))?;
    let svg = anstyle_svg::Term::new().render_svg(&shown);
    fs::write(path, svg)?;
    Ok(())
}
