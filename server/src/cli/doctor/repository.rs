//! What stands in the repository: the settings, the notes, what is checked before a commit and before a merge.

use super::JsonControl;
use crate::disk::{self, Configs, FolderConfig};
use crate::git::{Git, NOTES};
use countersign_agents::AgentKind;
use countersign_commands::Effect;
use countersign_impact::Action;
use countersign_policy::{
    CODEOWNERS, CONFIG_FILE, Circumstances, Environment, Impacted, Origin, Owners, Severity, Surface, Tier, Verdict,
};
use std::path::{Path, PathBuf};

const POLICY: &str =
    "countersign.toml says what is denied and how far agents may go; a part that is wrong does not hold.";
const NOTES_WHY: &str = "Notes keep who wrote what from commit to commit. Without them all that is known stays on this machine, and is lost with a rebase.";
const COMMIT_GATE: &str = "It catches what was written without a hook before it is in a commit.";
const CI_GATE: &str = "It is the only check that an agent on somebody else's machine cannot go around.";
const REQUIRED: &str = "A check that nobody waits for, and a review that nobody has to give, hold nothing up.";
const TIERS: &str = "What most depends on is where one wrong apply takes production down; an AI's change there needs a person at least.";
const APPROVALS: &str =
    "A person lets a denied command through. Where that may be the one whose agent asks, alone, nobody else sees it.";
const OWNERS: &str = "Whoever may change the policy may let anything through, so that change needs eyes of its own.";

/// Files that say what runs before a merge, and folders of such.
const CI: &[&str] = &[
    ".github/workflows",
    ".gitlab-ci.yml",
    ".circleci/config.yml",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "Jenkinsfile",
    ".buildkite",
];

/// Longest file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

pub(super) fn controls(root: &Path) -> Vec<JsonControl> {
    let configs = Configs::default();
    let config = configs.of(&root.join("-"));
    let mut controls = vec![policy(root, &configs), tiers(&config), approvals(&config)];
    if let Ok(git) = Git::of(root) {
        controls.extend(notes(&git));
        controls.push(commit_gate(&git));
    } else {
        let what = format!("{} is in no git repository, so there are no commits to keep notes of", root.display());
        controls.push(JsonControl::missing(
            "notes",
            None,
            NOTES_WHY,
            what,
            "`git init`, then `countersign init --git`",
        ));
    }
    controls.push(ci_gate(root));
    controls.push(owners(root));
    controls.push(JsonControl::unknown(
        "required",
        None,
        REQUIRED,
        "whether a merge waits for the check and for the owners' review is set up at the forge, which is not asked",
        "protect the default branch there: require the check that runs Countersign, and reviews by code owners",
    ));
    controls
}

fn text(path: &Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok().filter(|metadata| metadata.is_file() && metadata.len() <= MAX_BYTES);
    metadata.and_then(|_| std::fs::read_to_string(path).ok())
}

/// Whether what the policy says of an AI's change holds it up where it destroys what much depends on.
fn tiers(config: &FolderConfig) -> JsonControl {
    let table = config.policy(Surface::Editor, crate::cli::today()).table;
    let verdict = |tier: Tier, environment: Environment| {
        let impact = Impacted {
            action: Action::Destroy,
            data_loss: false,
            interruption: false,
            tier,
            dependents: 1,
            more_dependents: false,
            at_once: 1,
        };
        let (verdict, _) = table.decide(Circumstances {
            origin: Origin::Ai,
            severity: Severity::High,
            surface: Surface::Editor,
            changed: true,
            environment,
            impact: Some(impact),
        });
        verdict
    };
    let passing = [Tier::Critical, Tier::High].into_iter().flat_map(|tier| {
        let environments = [Environment::Production, Environment::Unknown].into_iter();
        environments
            .filter(move |environment| verdict(tier, *environment) < Verdict::Review)
            .map(move |environment| format!("{} in an environment that is {}", tier.name(), environment.name()))
    });
    let passing: Vec<_> = passing.collect();
    if passing.is_empty() {
        let what = "what is critical or high cannot be destroyed by an AI's change without a person, in production or where \
                    nothing tells the environment";
        return JsonControl::ok("tiers", None, TIERS, what);
    }
    let what = format!("an AI may destroy what is {}, and nobody has to look", passing.join(", "));
    let next = format!("let the rows of `[[verdict]]` in {CONFIG_FILE} that hold there say `review` or `deny`");
    JsonControl::missing("tiers", None, TIERS, what, next)
}

/// Whether a denied command needs somebody else to let it through.
fn approvals(config: &FolderConfig) -> JsonControl {
    let asked = |environment| {
        let rows = AgentKind::ALL.iter().map(|agent| config.config.approval(*agent, [(Effect::Destroy, environment)]));
        rows.into_iter().all(|approval| approval.people > 1 || !approval.own || !approval.by.is_empty())
    };
    let lacking: Vec<_> = [Environment::Production, Environment::Unknown]
        .into_iter()
        .filter(|environment| !asked(*environment))
        .map(Environment::name)
        .collect();
    if lacking.is_empty() {
        let what = "policy names who lets a denied command through, or asks for more than the one whose agent it is";
        return JsonControl::ok("approvals", None, APPROVALS, what);
    }
    let what = format!(
        "where the environment is {}, whoever sits at the terminal lets a denied command through alone",
        lacking.join(" or ")
    );
    let next = format!(
        "add `[[approval]]` with `environment = [\"production\", \"unknown\"]`, `people = 1` and `own = false` or `by = [\"…\"]` \
         to {CONFIG_FILE} (docs/configuration.md)"
    );
    JsonControl::missing("approvals", None, APPROVALS, what, next)
}

/// Whether the settings can be used as they are.
fn policy(root: &Path, configs: &Configs) -> JsonControl {
    let path = root.join(CONFIG_FILE);
    let config = configs.of(&root.join("-"));
    // One that is there and cannot be read is not the same as none.
    if let Err(error) = std::fs::read(&path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        let what = format!("{CONFIG_FILE} cannot be read, so the defaults hold: {error}");
        return JsonControl::missing("policy", None, POLICY, what, "make it readable");
    }
    match (&config.source, configs.problems().first()) {
        (_, Some((place, message))) => {
            let what = format!("{place}: {message}");
            JsonControl::missing(
                "policy",
                None,
                POLICY,
                what,
                format!("put {CONFIG_FILE} right; `countersign check` lists all that is wrong"),
            )
        }
        (Some((path, _)), None) => {
            let shown = disk::display(path.strip_prefix(root).unwrap_or(path));
            JsonControl::ok("policy", None, POLICY, format!("{shown} is valid"))
        }
        (None, None) => {
            JsonControl::ok("policy", None, POLICY, format!("there is no {CONFIG_FILE}; the defaults hold"))
        }
    }
}

/// Whether git keeps notes with commits, fetches those of others and pushes its own.
fn notes(git: &Git) -> Vec<JsonControl> {
    const NEXT: &str = "`countersign init --git`";
    if crate::git_ai::program().is_some() {
        let what = "git-ai is installed, which keeps the notes; whether it does so here is not looked at";
        return vec![JsonControl::unknown("notes", None, NOTES_WHY, what, "`git-ai status`")];
    }
    let mut controls = Vec::new();
    let Some(folder) = hooks(git) else {
        let what = "git does not say where its hooks are";
        return vec![JsonControl::unknown("notes", None, NOTES_WHY, what, NEXT)];
    };
    for (hook, call, does) in [
        ("post-commit", "countersign note", "writes a note for each commit"),
        ("post-rewrite", "countersign note --rewritten", "carries notes over a rebase"),
        // It also joins them with those of the remote.
        ("pre-push", "countersign note --push", "joins the notes with the remote's and pushes them"),
    ] {
        let found = script(&folder, hook);
        let control = match found {
            Some(text) if text.contains(call) => JsonControl::ok("notes", Some(hook), NOTES_WHY, format!("it {does}")),
            _ => JsonControl::missing("notes", Some(hook), NOTES_WHY, format!("no hook {does}"), NEXT),
        };
        controls.push(control);
    }
    let values = |name: &str| {
        let known = git.read(&["config", "--get-all", name], b"").unwrap_or_default();
        String::from_utf8_lossy(&known).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    controls.push(if values("notes.rewriteRef").iter().any(|value| value == NOTES || value == "refs/notes/*") {
        JsonControl::ok("notes", Some("notes.rewriteRef"), NOTES_WHY, "git carries notes over `commit --amend`")
    } else {
        JsonControl::missing(
            "notes",
            Some("notes.rewriteRef"),
            NOTES_WHY,
            "git drops notes with `commit --amend`",
            NEXT,
        )
    });
    let remotes = git.read(&["remote"], b"").unwrap_or_default();
    for remote in String::from_utf8_lossy(&remotes).lines() {
        let is_fetched = values(&format!("remote.{remote}.fetch")).iter().any(|value| value.contains("refs/notes/"));
        let of = format!("from {remote}");
        controls.push(if is_fetched {
            JsonControl::ok("notes", Some(&of), NOTES_WHY, "they come with a fetch")
        } else {
            JsonControl::missing("notes", Some(&of), NOTES_WHY, "those of others do not come with a fetch", NEXT)
        });
    }
    controls
}

/// The folder of git's hooks.
fn hooks(git: &Git) -> Option<PathBuf> {
    let printed = git.read(&["rev-parse", "--git-path", "hooks"], b"").ok()?;
    Some(git.root().join(String::from_utf8_lossy(&printed).trim()))
}

/// A hook of git, where git would run it: a file that may be run. husky keeps what people write beside its own.
fn script(folder: &Path, name: &str) -> Option<String> {
    let own = folder.join(name);
    let beside = folder.ends_with(".husky/_").then(|| folder.parent().map(|parent| parent.join(name))).flatten();
    is_program(&own).then(|| beside.and_then(|path| text(&path)).or_else(|| text(&own))).flatten()
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// Whether something is checked before it is committed.
fn commit_gate(git: &Git) -> JsonControl {
    const NEXT: &str =
        "add the hook of this project to .pre-commit-config.yaml (docs/command-line.md) and run `pre-commit install`";
    let installed = hooks(git).and_then(|folder| script(&folder, "pre-commit"));
    let is_said = |name: &&str| text(&git.root().join(name)).is_some_and(|text| text.contains("countersign"));
    let configured = [".pre-commit-config.yaml", "lefthook.yml"].into_iter().find(is_said);
    match (installed, configured) {
        (Some(hook), _) if hook.contains("countersign check") => {
            JsonControl::ok("commit-gate", None, COMMIT_GATE, "git's pre-commit hook runs `countersign check`")
        }
        (Some(hook), Some(file)) if hook.contains("pre-commit") || hook.contains("lefthook") => JsonControl::ok(
            "commit-gate",
            None,
            COMMIT_GATE,
            format!("{file} names it, and git's pre-commit hook is installed"),
        ),
        (_, Some(file)) => {
            let what = format!("{file} names it, but git has no pre-commit hook that would run it");
            let tool = if file.starts_with('l') { "`lefthook install`" } else { "`pre-commit install`" };
            JsonControl::missing("commit-gate", None, COMMIT_GATE, what, tool)
        }
        (_, None) => JsonControl::missing(
            "commit-gate",
            None,
            COMMIT_GATE,
            "nothing runs `countersign check` before a commit",
            NEXT,
        ),
    }
}

/// Whether a check before a merge runs Countersign.
fn ci_gate(root: &Path) -> JsonControl {
    let files = CI.iter().flat_map(|name| {
        let path = root.join(name);
        let inside = std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
        inside.chain([path.clone()]).collect::<Vec<_>>()
    });
    let mut files: Vec<_> = files.filter(|path| text(path).is_some_and(|text| runs(&text))).collect();
    files.sort();
    if let Some(path) = files.first() {
        let shown = disk::display(path.strip_prefix(root).unwrap_or(path));
        return JsonControl::ok("ci-gate", None, CI_GATE, format!("{shown} runs `countersign check`"));
    }
    let next =
        "add a step with `countersign gate` or `countersign check` to what runs for each change (docs/reviews.md)";
    JsonControl::missing(
        "ci-gate",
        None,
        CI_GATE,
        format!("nothing in {} runs `countersign check`", CI.join(", ")),
        next,
    )
}

/// Whether a definition runs the check, outside of comments.
fn runs(text: &str) -> bool {
    let is_run = |line: &str| line.contains("countersign check") || line.contains("countersign gate");
    text.lines().any(|line| !line.trim_start().starts_with(['#', '/']) && is_run(line))
}

/// Whether the policy has owners.
fn owners(root: &Path) -> JsonControl {
    let next = format!("add a line to .github/CODEOWNERS: `/{CONFIG_FILE} @your-team`, and one for CODEOWNERS itself");
    let Some((name, owners)) = CODEOWNERS.iter().find_map(|name| Some((*name, text(&root.join(name))?))) else {
        let what = format!("there is no CODEOWNERS in {}", CODEOWNERS.join(", "));
        return JsonControl::missing("owners", None, OWNERS, what, next);
    };
    let owners = Owners::read(&owners);
    let unowned: Vec<_> = [CONFIG_FILE, name].into_iter().filter(|file| owners.of(file).is_empty()).collect();
    if unowned.is_empty() {
        return JsonControl::ok("owners", None, OWNERS, format!("{name} names owners of {CONFIG_FILE} and of itself"));
    }
    JsonControl::missing("owners", None, OWNERS, format!("{name} names no owner of {}", unowned.join(" and ")), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_the_check() {
        assert!(runs("steps:\n  - run: countersign check --format github\n"));
        assert!(!runs("steps:\n  # - run: countersign check\n  - run: countersign --version\n"));
    }
}
