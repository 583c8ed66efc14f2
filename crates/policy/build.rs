//! Reads the catalogue of risks under `rules/`, checks it, and hands it to the library as JSON.

#[expect(unreachable_pub, dead_code, reason = "the library makes it public, and uses all of it")]
#[path = "src/format.rs"]
mod format;
#[expect(unreachable_pub, reason = "the library makes it public")]
#[path = "src/name.rs"]
mod name;

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let rules = Path::new("../../rules");
    println!("cargo::rerun-if-changed={}", rules.display());
    println!("cargo::rerun-if-changed=src/format.rs");
    println!("cargo::rerun-if-changed=src/name.rs");
    let made = [
        ("catalogue.json", catalogue(rules)),
        ("areas.json", table(&rules.join("areas.toml"), format::read_areas).and_then(|areas| json(&areas))),
        ("shapes.json", table(&rules.join("shapes.toml"), format::read_shapes).and_then(|shapes| json(&shapes))),
        ("twins.json", table(&rules.join("twins.toml"), format::read_twins).and_then(|twins| json(&twins))),
    ];
    for (name, made) in made {
        match made {
            Ok(json) => {
                let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join(name);
                if let Err(error) = fs::write(&out, json) {
                    println!("cargo::error=cannot write {name}: {error}");
                }
            }
            Err(error) => println!("cargo::error={error}"),
        }
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}

fn catalogue(rules: &Path) -> Result<String, String> {
    let shapes = table(&rules.join("shapes.toml"), format::read_shapes)?;
    let twins = table(&rules.join("twins.toml"), format::read_twins)?;
    let mut risks = Vec::new();
    for area in sorted(rules)?.into_iter().filter(|path| path.is_dir()) {
        for file in sorted(&area)? {
            let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            let risk = format::read(&text, &stem(&file), Some(&stem(&area)), &shapes, &twins)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            risks.push(risk);
        }
    }
    risks.sort_by_key(|document| document.risk.id);
    if let Some(pair) = risks.windows(2).find(|pair| pair[0].risk.id == pair[1].risk.id) {
        return Err(format!("the risk `{}` has two files", pair[0].risk.id));
    }
    json(&risks)
}

/// What a file beside the areas says.
fn table<T>(file: &Path, read: fn(&str) -> Result<T, String>) -> Result<T, String> {
    let in_file = |error: String| format!("{}: {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| in_file(error.to_string()))?;
    read(&text).map_err(in_file)
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
