//! `cargo xtask sample`: findings in real repositories, drawn by lot, for people to read.

use anyhow::Context;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// Lines of source above and below the finding's first line.
const ABOVE: usize = 2;
const BELOW: usize = 3;

/// Draws `count` findings from all repositories under `corpus/real`.
pub(crate) fn run(corpus: &Path, seed: u64, count: usize) -> anyhow::Result<()> {
    let real = corpus.join("real");
    let mut repositories: Vec<_> = fs::read_dir(&real)
        .with_context(|| real.display().to_string())?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    repositories.sort();
    let mut findings = Vec::new();
    let mut out = std::io::stdout().lock();
    for repository in repositories {
        let report = super::countersign(&["check", &repository.to_string_lossy(), "--format", "json"])?;
        let mut report: Value = serde_json::from_str(&report)?;
        let found = report["findings"].as_array_mut().map(std::mem::take).unwrap_or_default();
        if !found.is_empty() {
            writeln!(out, "{}: {}", repository.file_name().unwrap_or_default().to_string_lossy(), found.len())?;
        }
        findings.extend(found);
    }
    let place = |finding: &Value| {
        let start = &finding["range"]["start"];
        let line = start["line"].as_u64().unwrap_or_default();
        (finding["path"].to_string(), line, start["character"].as_u64(), finding["risk"].to_string())
    };
    findings.sort_by_cached_key(place);
    let all = findings.len();
    let drawn = draw(findings, seed, count);
    writeln!(out, "\n{} of {all} findings, drawn with seed {seed}", drawn.len())?;
    for (number, finding) in drawn.iter().enumerate() {
        writeln!(out, "\n{}. {}", number + 1, shown(finding, &real))?;
    }
    Ok(())
}

/// `count` elements by lot, in the order in which they are drawn.
fn draw<T>(mut from: Vec<T>, seed: u64, count: usize) -> Vec<T> {
    let mut random = Random(seed);
    let mut drawn = Vec::new();
    while drawn.len() < count && !from.is_empty() {
        let at = usize::try_from(random.next() % from.len() as u64).unwrap_or_default();
        drawn.push(from.swap_remove(at));
    }
    drawn
}

/// `SplitMix64`, which is the same on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// A finding with the source around it.
fn shown(finding: &Value, real: &Path) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let path = text(&finding["path"]);
    let line = usize::try_from(finding["range"]["start"]["line"].as_u64().unwrap_or_default()).unwrap_or_default();
    let name = Path::new(&path).strip_prefix(real).map_or_else(|_| path.clone(), |name| name.display().to_string());
    let mut shown = format!(
        "{name}:{} {} ({})\n   {}\n",
        line + 1,
        text(&finding["risk"]),
        text(&finding["severity"]),
        text(&finding["message"])
    );
    let source = fs::read_to_string(&path).unwrap_or_default();
    for (at, source) in source.lines().enumerate().skip(line.saturating_sub(ABOVE)).take(ABOVE.min(line) + 1 + BELOW) {
        let mark = if at == line { '>' } else { ' ' };
        let _ = writeln!(shown, "   {mark}{:5} {source}", at + 1);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same() {
        let drawn = draw((0..100).collect(), 7, 10);
        assert_eq!(drawn, draw((0..100).collect(), 7, 10));
        assert_ne!(drawn, draw((0..100).collect(), 8, 10));
        assert_eq!(draw((0..3).collect(), 1, 10).len(), 3);
    }
}
