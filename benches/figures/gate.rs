//! How long a gate holds up a merge.

use crate::programs::{commit_all, git};
use crate::table::{Row, ms, percentile};
use crate::{COUNTERSIGN, Settings};
use countersign_review::{NAMESPACE, Signers, verify};
use countersign_testkit::run;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Files that are changed, and regions of an AI's in each.
const FILES: usize = 500;
const REGIONS: usize = 10;

/// Signatures that are verified, and the keys that made them.
const SIGNATURES: usize = 1_000;
const KEYS: usize = 20;

const SESSION: &str = "s_0123456789abcd";

/// Measures the gate over a large change, whole processes, and the signatures alone.
pub(crate) fn measure(settings: &Settings) -> Vec<Row> {
    let samples = if settings.quick { 1 } else { 5 };
    let folder = tempfile::tempdir().expect("a folder");
    large_change(folder.path());
    let gate = |_| {
        let mut command = Command::new(COUNTERSIGN);
        command.args(["gate", "--base", "main", "--format", "json"]).current_dir(folder.path());
        let begun = Instant::now();
        let output = run(&mut command, Duration::from_mins(2));
        let elapsed = begun.elapsed();
        let told = String::from_utf8_lossy(&output.stdout).matches("\"hasIt\": false").count();
        assert!(output.status.code() == Some(1) && told == FILES * REGIONS, "{told}: {output:?}");
        elapsed
    };
    let times: Vec<Duration> = (0..samples).map(gate).collect();
    let took = percentile(&times, 50);
    let verified: Vec<Duration> = signatures(samples);
    let verifying = percentile(&verified, 50);
    vec![
        Row::new(
            format!("Gate over {FILES} changed files with {} AI regions, whole process, median", FILES * REGIONS),
            "at most 2 s",
            format!("{:.2} s", took.as_secs_f64()),
            took <= Duration::from_secs(2),
        ),
        Row::new(
            format!("{SIGNATURES} signatures verified, Ed25519, {KEYS} keys, median"),
            "at most 500 ms",
            format!("{:.0} ms", ms(verifying)),
            verifying <= Duration::from_millis(500),
        ),
    ]
}

/// A repository with a branch in which an agent changed ten databases in each of many files.
fn large_change(folder: &Path) {
    let name = |file: usize| format!("m{}/f{file}.tf", file / 10);
    let text = |file: usize, tag: &str| {
        let mut text = String::new();
        for block in 0..REGIONS + 2 {
            let tag = if block < REGIONS { tag } else { "" };
            let _ = write!(
                text,
                "resource \"aws_db_instance\" \"d{file}_{block}\" {{\n  identifier = \"d{file}-{block}\"\n{tag}  instance_class = \
                 \"db.t3.small\"\n  deletion_protection = true\n}}\n\n"
            );
        }
        text
    };
    let write = |tag: &str| {
        for file in 0..FILES {
            let path = folder.join(name(file));
            fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
            fs::write(path, text(file, tag)).expect("it is written");
        }
    };
    write("");
    commit_all(folder);
    git(folder, &["checkout", "-q", "-B", "main"]);
    git(folder, &["checkout", "-q", "-b", "change"]);
    write("  tags = { a = \"b\" }\n");
    git(folder, &["commit", "-q", "-a", "-m", "tag"]);
    let lines: Vec<String> = (0..REGIONS).map(|block| (3 + 7 * block).to_string()).collect();
    let mut note = String::new();
    for file in 0..FILES {
        let _ = write!(note, "{}\n  {SESSION}::t_0123456789abcd {}\n", name(file), lines.join(","));
    }
    let _ = write!(
        note,
        "---\n{{\"schema_version\":\"authorship/3.0.0\",\"base_commit_sha\":\"\",\"prompts\":{{}},\"humans\":{{}},\"sessions\":{{\
         \"{SESSION}\":{{\"agent_id\":{{\"tool\":\"claude\",\"id\":\"x\",\"model\":\"m\"}},\"human_author\":\"Ann <ann@example.org>\"\
         }}}}}}\n"
    );
    let file = folder.join(".git/note");
    fs::write(&file, note).expect("the note is written");
    git(folder, &["notes", "--ref", "refs/notes/ai", "add", "-F", ".git/note", "HEAD"]);
}

/// How long it takes to verify them.
fn signatures(samples: usize) -> Vec<Duration> {
    let folder = tempfile::tempdir().expect("a folder");
    let keygen = |arguments: &[&str]| {
        let output = Command::new("ssh-keygen").args(arguments).current_dir(folder.path()).output();
        assert!(output.expect("ssh-keygen is there").status.success());
    };
    let mut signers = String::new();
    let mut signed: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for key in 0..KEYS {
        let key_name = format!("key{key}");
        keygen(&["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &key_name]);
        let public = fs::read_to_string(folder.path().join(format!("{key_name}.pub"))).expect("the key");
        let _ = writeln!(signers, "p{key}@example.org {}", public.trim());
        let names: Vec<String> = (0..SIGNATURES / KEYS).map(|one| format!("s{key}-{one}")).collect();
        for name in &names {
            fs::write(folder.path().join(name), format!("{name}\n").repeat(40)).expect("it is written");
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        keygen(&[&["-q", "-Y", "sign", "-n", NAMESPACE, "-f", &key_name], names.as_slice()].concat());
        let read = |name: &str| fs::read(folder.path().join(name)).expect("it is there");
        signed.extend(names.iter().map(|name| (read(name), read(&format!("{name}.sig")))));
    }
    let (signers, _) = Signers::read(&signers);
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let all = |_| {
        let begun = Instant::now();
        for (bytes, signature) in &signed {
            assert!(verify(bytes, signature, &signers, &[now]).is_ok());
        }
        begun.elapsed()
    };
    (0..samples).map(all).collect()
}
