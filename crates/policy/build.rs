//! Reads the catalogue of risks under `rules/`, checks it, and hands it to the library as JSON.

#[expect(unreachable_pub, reason = "the library makes it public")]
#[path = "src/format.rs"]
mod format;

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let rules = Path::new("../../rules");
    println!("cargo::rerun-if-changed={}", rules.display());
    println!("cargo::rerun-if-changed=src/format.rs");
    for (name, made) in [("catalogue.json", catalogue(rules)), ("areas.json", areas(&rules.join("areas.toml")))] {
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

fn areas(file: &Path) -> Result<String, String> {
    let in_file = |error: String| format!("{}: {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| in_file(error.to_string()))?;
    let areas = format::read_areas(&text).map_err(in_file)?;
    serde_json::to_string(&areas).map_err(|error| error.to_string())
}

fn catalogue(rules: &Path) -> Result<String, String> {
    let shapes = table(&rules.join("shapes.toml"), format::read_shapes)?;
    let twins = table(&rules.join("twins.toml"), format::read_twins)?;
    let mut risks = Vec::new();
    for area in sorted(rules)?.into_iter().filter(|path| path.is_dir()) {
        for file in sorted(&area)? {
            let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            let risk = format::read(&text, &stem(&file), &stem(&area), &shapes, &twins)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            risks.push(risk);
        }
    }
    risks.sort_by(|a, b| a.risk.id.cmp(&b.risk.id));
    if let Some(pair) = risks.windows(2).find(|pair| pair[0].risk.id == pair[1].risk.id) {
        return Err(format!("the risk `{}` has two files", pair[0].risk.id));
    }
    serde_json::to_string(&risks).map_err(|error| error.to_string())
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
