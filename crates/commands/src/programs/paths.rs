//! How much a path matters where it is removed.

use super::control::control;
use crate::shell::{Shell, normal};

/// Folders that are made anew by a build.
const BUILT: &[&str] = &[
    "node_modules",
    "target",
    "dist",
    "build",
    "out",
    ".terraform",
    ".terragrunt-cache",
    ".next",
    ".nuxt",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".tox",
    ".venv",
    "venv",
    "coverage",
    ".gradle",
    ".cache",
    ".turbo",
    ".parcel-cache",
    "tmp",
    "temp",
    "logs",
    "cdk.out",
    ".serverless",
    ".aws-sam",
    "htmlcov",
    ".nyc_output",
    ".eggs",
    ".svelte-kit",
    ".angular",
    ".vite",
    ".output",
    "obj",
    ".build",
    "DerivedData",
    "Pods",
    ".dart_tool",
    "_build",
    ".docusaurus",
    ".hypothesis",
    ".nox",
    ".parcel",
    ".sass-cache",
    ".vercel",
    ".netlify",
    "cmake-build-debug",
    "cmake-build-release",
    "bazel-out",
    "test-results",
    "playwright-report",
    ".stack-work",
    "storybook-static",
    ".expo",
    ".wrangler",
];

/// Folders that belong to the system.
const SYSTEM: &[&str] = &[
    "/etc", "/usr", "/var", "/bin", "/sbin", "/lib", "/boot", "/opt", "/dev", "/sys", "/proc", "/srv", "/mnt", "/data",
    "/System", "/Library", "/lib64",
];

/// What becomes of a path that is removed with all that is in it.
#[derive(PartialEq, Eq)]
pub(super) enum Weight {
    Harmless,
    Lesser,
    Grave(String),
}

/// How much a folder matters, by its path as it is written.
pub(super) fn weight(path: &str, shell: &Shell) -> Weight {
    let trimmed = path.trim_end_matches('/');
    let trimmed = trimmed.strip_suffix("/*").or_else(|| trimmed.strip_suffix("/.")).unwrap_or(trimmed);
    let everything =
        matches!(path, "*" | "." | "./" | "./*" | ".." | "../" | ".[!.]*" | "./.*" | ".*" | "..*" | "{*,.*}")
            || trimmed == "..";
    if (path.starts_with('/') && matches!(trimmed, "" | "/")) || path == "/*" {
        return Weight::Grave("everything on this machine".to_owned());
    }
    if matches!(trimmed, "~" | "/root" | "/home" | "/Users")
        || (trimmed.starts_with("/home/") && trimmed.matches('/').count() == 2)
        || (trimmed.starts_with("/Users/") && trimmed.matches('/').count() == 2)
    {
        return Weight::Grave("the whole home folder".to_owned());
    }
    if everything {
        let temporary = shell
            .folder
            .as_deref()
            .is_some_and(|folder| is_temporary(folder) || is_built(folder) && folder.contains('/'));
        return if temporary { Weight::Harmless } else { Weight::Grave("everything in this folder".to_owned()) };
    }
    let absolute = shell.path(trimmed).unwrap_or_else(|| trimmed.to_owned());
    if is_temporary(&absolute) {
        return Weight::Harmless;
    }
    let name = trimmed.rsplit('/').next().unwrap_or(trimmed);
    if name == ".git" || absolute.contains("/.git/") || absolute.starts_with(".git/") {
        return Weight::Grave("the repository's history".to_owned());
    }
    if name == ".countersign" || control(&absolute).is_some() {
        return Weight::Grave("what checks this repository".to_owned());
    }
    let inside_folder = shell
        .folder
        .as_deref()
        .is_some_and(|folder| folder.starts_with('/') && absolute.starts_with(&format!("{folder}/")));
    let system = !inside_folder
        && SYSTEM.iter().any(|system| {
            absolute == *system || absolute.strip_prefix(system).is_some_and(|rest| rest.starts_with('/'))
        });
    if is_built(&normal(trimmed)) {
        return if system { Weight::Lesser } else { Weight::Harmless };
    }
    if is_state(name) {
        return Weight::Grave("a state that tools live by".to_owned());
    }
    if system {
        return Weight::Grave("a folder of the system".to_owned());
    }
    if let Some(folder) = shell.folder.as_deref().filter(|folder| folder.starts_with('/'))
        && (absolute == folder || folder.starts_with(&format!("{absolute}/")))
    {
        return Weight::Grave("the folder that this is run in".to_owned());
    }
    if trimmed.starts_with("~/.")
        && matches!(name, ".ssh" | ".aws" | ".kube" | ".gnupg" | ".config" | ".azure" | ".claude" | ".terraform.d")
    {
        return Weight::Grave("keys and settings of this user".to_owned());
    }
    Weight::Lesser
}

pub(super) fn is_temporary(path: &str) -> bool {
    ["/tmp", "/var/tmp", "/private/tmp", "/var/folders", "/dev/shm", "$RUNNER_TEMP", "$TMPDIR", "${TMPDIR"].iter().any(
        |folder| {
            path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '}', '.', '-']))
        },
    ) || path.starts_with("/tmp/")
}

/// Whether one of a path's parts is a folder that a build makes anew.
pub(super) fn is_built(path: &str) -> bool {
    path.split('/').any(|part| {
        let part = part.trim_end_matches('*').trim_end_matches('/');
        BUILT.contains(&part) || part.ends_with(".egg-info") || part.ends_with(".dSYM")
    })
}

/// Whether a name is that of a single file, by its ending.
pub(super) fn is_file(name: &str) -> bool {
    const ENDINGS: &[&str] = &[
        "json", "lock", "hcl", "tf", "tfvars", "txt", "log", "md", "yaml", "yml", "toml", "zip", "gz", "tgz", "tar",
        "js", "ts", "tsx", "jsx", "py", "rs", "go", "css", "html", "map", "png", "svg", "xml", "csv", "out", "pid",
        "tmp", "bak", "old", "pyc", "class", "jar", "o", "sh", "ini", "sql",
    ];
    !name.contains('*') && name.rsplit_once('.').is_some_and(|(_, end)| ENDINGS.contains(&end))
}

/// Whether a file holds what a tool believes about the world.
pub(super) fn is_state(name: &str) -> bool {
    name.contains(".tfstate") || name == "terraform.tfstate.d" || name == ".pulumi" || name == "*.tfstate*"
}
