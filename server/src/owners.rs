//! Who owns which files by the CODEOWNERS file of a repository.

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Where forges look for the owners of files.
pub(crate) const CODEOWNERS: &[&str] = &[".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// The owners of a file, as the last line of CODEOWNERS says that is about it. Patterns are those of `.gitignore`, without `!`.
pub(crate) fn owners(text: &str, file: &str) -> Vec<String> {
    let mut owners = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '[', '!'])) {
        let mut words = line.split_whitespace();
        let Some(pattern) = words.next() else { continue };
        if globs(pattern).is_some_and(|globs| globs.matched_path_or_any_parents(file, false).is_ignore()) {
            owners = words.take_while(|word| !word.starts_with('#')).map(str::to_owned).collect();
        }
    }
    owners
}

fn globs(pattern: &str) -> Option<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    builder.add_line(None, pattern).ok()?;
    builder.build().ok()
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
            assert_eq!(owners(text, "countersign.toml").join(" "), expected, "{text}");
        }
        assert_eq!(owners("/.github/ @team", ".github/CODEOWNERS"), ["@team"]);
    }
}
