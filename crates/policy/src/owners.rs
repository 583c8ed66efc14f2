//! Who owns which files by the CODEOWNERS file of a repository.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Where forges look for the owners of files, from the root of the repository; the first that is there counts.
pub const CODEOWNERS: &[&str] = &[".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// Lines that are read.
const MAX_LINES: usize = 10_000;

/// Who owns which files.
#[derive(Debug, Default)]
pub struct Owners {
    lines: Vec<(GlobSet, Vec<String>)>,
}

impl Owners {
    /// Reads a CODEOWNERS file. Patterns are those of `.gitignore`, without `!`; what is no pattern is nobody's.
    pub fn read(text: &str) -> Self {
        let lines = text.lines().take(MAX_LINES).map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '[', '!']));
        let line = |line: &str| {
            let mut words = line.split_whitespace();
            let globs = globs(words.next()?)?;
            Some((globs, words.take_while(|word| !word.starts_with('#')).map(str::to_owned).collect()))
        };
        Self { lines: lines.filter_map(line).collect() }
    }

    /// The owners of a file, given from the root of the repository with forward slashes: as the last line says that is about it.
    pub fn of(&self, file: &str) -> &[String] {
        let is_about = |(globs, _): &&(GlobSet, Vec<String>)| globs.is_match(file);
        self.lines.iter().rev().find(is_about).map_or(&[], |(_, owners)| owners)
    }
}

/// A pattern as `.gitignore` has it: with a slash before its end it counts from the root, else in any folder, and what fits a folder
/// fits all that is in it.
fn globs(pattern: &str) -> Option<GlobSet> {
    let (body, is_folder) = pattern.strip_suffix('/').map_or((pattern, false), |body| (body, true));
    let from_root = if body.contains('/') { body.trim_start_matches('/').to_owned() } else { format!("**/{body}") };
    if from_root.trim_start_matches("**/").is_empty() {
        return None;
    }
    let mut set = GlobSetBuilder::new();
    let inside = format!("{from_root}/**");
    for glob in [Some(from_root).filter(|_| !is_folder), Some(inside)].into_iter().flatten() {
        set.add(GlobBuilder::new(&glob).literal_separator(true).backslash_escape(true).build().ok()?);
    }
    set.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_owns_a_file() {
        for (text, expected) in [
            ("* @team", "@team"),
            ("# * @team", ""),
            ("*", ""),
            ("/countersign.toml @a\n", "@a"),
            ("countersign.toml a@example.org\n", "a@example.org"),
            ("* @team\n/countersign.toml\n", ""),
            ("* @team\n/countersign.toml # nobody\n", ""),
            ("/infra/ @team\n", ""),
            ("*.toml @team @other # both\n", "@team @other"),
            ("[ @team\n", ""),
        ] {
            assert_eq!(Owners::read(text).of("countersign.toml").join(" "), expected, "{text}");
        }
        assert_eq!(Owners::read("/.github/ @team").of(".github/CODEOWNERS"), ["@team"]);
        let of = |pattern: &str, file: &str| !Owners::read(&format!("{pattern} @team")).of(file).is_empty();
        for (pattern, file, is) in [
            ("infra", "live/infra/a/main.tf", true),
            ("/infra", "live/infra/main.tf", false),
            ("live/infra", "live/infra/a/main.tf", true),
            ("live/infra", "other/live/infra/main.tf", false),
            ("live/", "live/a/main.tf", true),
            ("live/", "live", false),
            ("*.tf", "a/b/main.tf", true),
            ("live/*.tf", "live/a/main.tf", false),
            ("live/**/main.tf", "live/a/b/main.tf", true),
            ("**/prod/", "live/prod/main.tf", true),
            ("/", "main.tf", false),
        ] {
            assert_eq!(of(pattern, file), is, "{pattern} {file}");
        }
    }
}
