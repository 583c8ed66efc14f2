//! What checks an agent's work: files that control it, and programs that would approve it or take it away.

use super::rule::{Program, When, rule};
use crate::args::Args;
use crate::call::{Call, Found};
use crate::operation::{Effect, Reach};
use crate::shell::{Shell, Walk};

const PERSON: &str = "Ask a person to do it; an agent cannot approve its own work.";

/// Files by the end of their path, with what they are.
const FILES: &[(&str, &str)] = &[
    ("countersign.toml", "the policy"),
    ("CODEOWNERS", "who must approve"),
    (".claude/settings.json", "an agent's hooks"),
    (".claude/settings.local.json", "an agent's hooks"),
    (".claude/managed-settings.json", "an agent's hooks"),
    (".cursor/hooks.json", "an agent's hooks"),
    (".codex/hooks.json", "an agent's hooks"),
    (".codex/config.toml", "an agent's hooks"),
    (".gemini/settings.json", "an agent's hooks"),
    (".windsurf/hooks.json", "an agent's hooks"),
    (".codeium/windsurf/hooks.json", "an agent's hooks"),
    (".copilot/hooks.json", "an agent's hooks"),
    (".git/config", "git's settings, hooks among them"),
    (".git/info/attributes", "git's settings"),
];

/// Folders anywhere in a path, with what is in them.
const FOLDERS: &[(&str, &str)] = &[
    (".countersign", "the record and the approvals"),
    (".git/hooks", "git's hooks"),
    (".git/countersign", "the record of who wrote what"),
    (".github/hooks", "an agent's hooks"),
    (".claude/hooks", "an agent's hooks"),
    (".kiro/hooks", "an agent's hooks"),
    (".clinerules/hooks", "an agent's hooks"),
    (".opencode/plugins", "an agent's hooks"),
    (".opencode/plugin", "an agent's hooks"),
    (".husky", "git's hooks"),
    (".git/refs", "branches and notes"),
    (".git/objects", "the repository's history"),
];

/// What a file controls, by its path; `None` where it controls nothing that is known.
pub(crate) fn control(path: &str) -> Option<&'static str> {
    let slashed = format!("/{}/", path.trim_matches('/'));
    let file = FILES.iter().find(|(name, _)| slashed.ends_with(&format!("/{name}/")));
    let folder = || FOLDERS.iter().find(|(name, _)| slashed.contains(&format!("/{name}/")));
    file.or_else(folder).map(|(_, what)| *what)
}

/// Whether a file is one of those that check what agents do, so that an agent may not change it: the policy, the record and
/// the approvals, hooks and their settings, CODEOWNERS.
pub fn is_control(path: &str) -> bool {
    control(path).is_some()
}

/// What touching a path does, where it is one that controls.
pub(super) fn touched(path: &str, does: &str) -> Option<Found> {
    let what = control(path)?;
    let what = format!("{does} `{}`, which holds {what}", crate::shell::short(path));
    Some(Found::new(Effect::BypassControl, Reach::Local, what, PERSON).target(Some(path.to_owned())))
}

pub(super) const PROGRAMS: &[Program] = &[
    Program {
        reach: Reach::Shared,
        rules: &[
            rule("review approve", Effect::BypassControl, "approves a change in a person's name", PERSON),
            rule("review break-glass", Effect::BypassControl, "lets changes through in a person's name", PERSON),
            rule("approve", Effect::BypassControl, "approves a change in a person's name", PERSON),
            rule("request-command", Effect::BypassControl, "approves a command in a person's name", PERSON)
                .when(&[When::Has(&["--approve"])]),
            rule("init", Effect::BypassControl, "takes Countersign out of the repository", PERSON)
                .when(&[When::Has(&["--uninstall", "--undo"])]),
            rule("init", Effect::BypassControl, "writes what policy says", PERSON).when(&[When::Has(&["--preset"])]),
            rule("baseline write", Effect::BypassControl, "accepts every finding that there is", PERSON),
            rule(
                "hook",
                Effect::BypassControl,
                "reports edits as if an agent's hook did",
                "Leave the hook to the agent's program.",
            ),
        ],
        ..Program::new(&["countersign"], &["--agent", "--session", "--minutes", "--decline", "--key", "--preset"])
    },
    Program {
        reach: Reach::Shared,
        help: &["--help"],
        special: Some(sign),
        looks_for: "`-Y sign`",
        ..Program::new(&["ssh-keygen"], &["-Y", "-f", "-n", "-t", "-C", "-N", "-b", "-O", "-I", "-s"])
    },
    Program {
        reach: Reach::Local,
        rules: &[rule("uninstall", Effect::BypassControl, "takes git's hooks away", PERSON)],
        ..Program::new(&["pre-commit", "lefthook", "husky", "overcommit"], &[])
    },
];

fn sign(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    if args.value("-Y").and_then(|word| word.known()) == Some("sign") {
        let found =
            Found::new(Effect::BypassControl, Reach::Shared, "signs in the name of whoever owns the key", PERSON);
        walk.report(shell, call, Some(args), Some(program), found);
    }
    true
}
