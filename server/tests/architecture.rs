//! The crates know only what docs/architecture.md lets them know.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What each crate may depend on: other crates of ours, and libraries that would give it away.
const ALLOWED: &[(&str, &[&str])] = &[
    ("countersign-agents", &[]),
    ("countersign-commands", &["countersign-grammars"]),
    ("countersign-ledger", &[]),
    ("countersign-rego", &[]),
    ("countersign-text", &[]),
    ("countersign-grammars", &[]),
    ("countersign-syntax", &["countersign-grammars", "countersign-text"]),
    ("countersign-infra", &["countersign-commands", "countersign-grammars"]),
    ("countersign-impact", &["countersign-infra"]),
    ("countersign-provenance", &["countersign-text"]),
    ("countersign-review", &[]),
    ("countersign-policy", &["countersign-agents", "countersign-commands", "countersign-impact", "countersign-infra"]),
    (
        "countersign-engine",
        &[
            "countersign-grammars",
            "countersign-impact",
            "countersign-infra",
            "countersign-policy",
            "countersign-provenance",
            "countersign-syntax",
            "countersign-text",
        ],
    ),
];

/// Libraries that only the server may use: protocols, runtimes, the disk's layout, git.
const SERVER_ONLY: &[&str] =
    &["tower-lsp-server", "tokio", "gix", "ignore", "clap", "dashmap", "rayon", "etcetera", "tempfile"];

#[test]
fn dependencies_point_down() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    let of = |package: &Value| -> BTreeSet<String> {
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        dependencies.filter(|dependency| dependency["kind"].is_null()).map(name).collect()
    };
    let found: BTreeMap<String, BTreeSet<String>> =
        packages.iter().map(|package| (name(package), of(package))).collect();
    for (package, allowed) in ALLOWED {
        let dependencies = found.get(*package).expect("the crate is there");
        for dependency in dependencies {
            let ours = dependency.starts_with("countersign");
            assert!(!ours || allowed.contains(&dependency.as_str()), "{package} must not know {dependency}");
            assert!(!SERVER_ONLY.contains(&dependency.as_str()), "{package} must not know {dependency}");
        }
    }
    let known: BTreeSet<&str> = ALLOWED.iter().map(|(package, _)| *package).collect();
    let ours = found.keys().filter(|package| package.starts_with("countersign-") && *package != "countersign-testkit");
    for package in ours {
        assert!(known.contains(package.as_str()), "docs/architecture.md and this test do not know {package}");
    }
}

/// The types of the protocol stay in one folder, so that the next version of it is a change in one folder.
#[test]
fn protocol_types_stay_in_their_folder() {
    let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![sources];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name() != Some("lsp".as_ref()) {
                folders.push(path);
            } else if path.is_file() {
                let text = std::fs::read_to_string(&path).expect("text");
                assert!(!text.contains("tower_lsp"), "{}", path.display());
            }
        }
    }
}
