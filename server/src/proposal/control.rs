//! Files that check what agents do, so that no agent changes them.

use crate::disk;
use countersign_commands::{Effect, Grade, Operation, Reach};
use std::path::Path;

/// Where checks before a merge are set up, by the end of a path or a folder in it.
const CHECKS: &[&str] = &[
    "/.github/workflows/",
    "/.gitlab-ci.yml/",
    "/.circleci/config.yml/",
    "/azure-pipelines.yml/",
    "/bitbucket-pipelines.yml/",
    "/Jenkinsfile/",
    "/.buildkite/",
    "/.pre-commit-config.yaml/",
    "/lefthook.yml/",
];

/// What an edit of such a file would do; `None` for any other file. `found` is the text that the file has.
pub(super) fn edited(path: &Path, shown: &str, found: Option<&str>) -> Option<Operation> {
    let names = disk::names(path);
    let is_control = names.iter().any(|name| {
        let name = name.to_string_lossy().replace('\\', "/");
        countersign_commands::is_control(&name) || name.contains("/.git/")
    });
    let what = if is_control {
        format!("changes `{shown}`, which says what agents may do or what is checked")
    } else if is_check(&names.iter().map(|name| name.to_string_lossy()).collect::<Vec<_>>().join("/\n"), found) {
        format!("changes `{shown}`, which runs Countersign before a merge")
    } else {
        return None;
    };
    Some(bypass(what))
}

/// Whether a check before a merge that is set up here runs Countersign.
fn is_check(names: &str, found: Option<&str>) -> bool {
    let names = format!("{}/", names.replace('\\', "/"));
    found.is_some_and(|text| text.contains("countersign")) && CHECKS.iter().any(|place| names.contains(place))
}

/// Something that takes a check out of the way.
pub(super) fn bypass(what: String) -> Operation {
    Operation {
        program: "edit".to_owned(),
        effect: Effect::BypassControl,
        reach: Reach::Local,
        grade: Grade::Grave,
        certain: true,
        what,
        instead: "Say what is in the way and why, and let a person decide.".to_owned(),
        target: None,
        plan: None,
        evidence: Vec::new(),
        folder: None,
        via: Vec::new(),
        file: None,
        range: 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_agents() {
        let is = |path: &str, found| edited(Path::new(path), path, found).is_some();
        assert!(is("/r/countersign.toml", None) && is("/r/.claude/settings.json", None) && is("/r/.git/config", None));
        assert!(is("/r/.git/HEAD", None) && is("/r/.github/CODEOWNERS", None));
        assert!(is("/r/.github/workflows/ci.yml", Some("run: countersign check")));
        assert!(!is("/r/.github/workflows/ci.yml", Some("run: make")) && !is("/r/.github/workflows/ci.yml", None));
        assert!(is("/r/lefthook.yml", Some("countersign")) && !is("/r/main.tf", Some("countersign")));
        assert!(!is("/r/.gitignore", None));
    }
}
