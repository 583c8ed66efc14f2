//! Programs that are known: what each would do, as tables where that is enough.

mod aws;
mod azure;
mod builtins;
mod cloud_words;
pub(crate) mod control;
mod databases;
pub(crate) mod files;
mod gcloud;
mod git;
mod infrastructure;
mod kubernetes;
mod paths;
mod platforms;
mod rule;
pub(crate) mod scripts;
mod services;
mod stores;
mod wrappers;

pub(crate) use aws::action as aws_action;
pub(crate) use cloud_words::{Verb, of_noun, verb};
pub(crate) use databases::statements as sql_statements;
pub(crate) use rule::Program;
pub(crate) use scripts::sdk;

use crate::args::Args;
use crate::call::{Call, Found};
use crate::operation::Reach;
use crate::shell::{Shell, Stream, Walk};
use std::collections::HashSet;
use std::sync::LazyLock;

/// Every program whose own arguments are judged.
const PROGRAMS: &[&[Program]] = &[
    infrastructure::PROGRAMS,
    kubernetes::PROGRAMS,
    aws::PROGRAMS,
    gcloud::PROGRAMS,
    azure::PROGRAMS,
    databases::PROGRAMS,
    stores::PROGRAMS,
    files::PROGRAMS,
    git::PROGRAMS,
    control::PROGRAMS,
    services::PROGRAMS,
    platforms::PROGRAMS,
];

/// The program of a name.
pub(crate) fn find(name: &str) -> Option<&'static Program> {
    PROGRAMS.iter().copied().flatten().find(|program| program.names.contains(&name))
}

/// Whether a name is that of a program that is judged, or of one that is known to do nothing of note.
pub(crate) fn is_known(name: &str) -> bool {
    const HARMLESS: &[&str] = &[
        "editor", "visual", "pager", "browser", "cc", "cxx", "go", "cargo", "pip", "pip3", "tar", "grep", "awk", "jq",
        "yq", "npm", "make", "java", "gradle", "mvn", "cmake", "ninja", "rustc",
    ];
    find(name).is_some()
        || wrappers::WRAPPERS.iter().any(|wrapper| wrapper.names.contains(&name))
        || scripts::is_interpreter(name)
        || HARMLESS.contains(&name)
}

/// Whether a text may do something beyond this machine: it has the name of a program that can. A text without one need not be judged.
pub fn may_matter(text: &str) -> bool {
    static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
        let beyond = PROGRAMS.iter().copied().flatten().filter(|program| program.reach != Reach::Local);
        beyond.flat_map(|program| program.names).copied().chain(["git"]).collect()
    });
    let is_end = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.');
    text.split(is_end)
        .any(|word| NAMES.contains(word) || word.chars().any(|c| c.is_ascii_uppercase()) && is_meant(&NAMES, word))
}

/// Whether a variable is called after a program: `$KUBECTL`, `TERRAFORM_BIN`.
fn is_meant(names: &HashSet<&str>, word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    names.contains(word.split('_').next().unwrap_or_default())
}

/// The programs that are recognised, with their other names and what is recognised of them, for the documentation.
pub fn recognised() -> Vec<(String, String)> {
    let one = |program: &Program| {
        let names: Vec<String> = program.names.iter().map(|name| format!("`{name}`")).collect();
        (names.join(", "), program.about())
    };
    let mut rows: Vec<_> = PROGRAMS.iter().copied().flatten().map(one).collect();
    rows.extend(wrappers::WRAPPERS.iter().map(|wrapper| {
        let names: Vec<String> = wrapper.names.iter().map(|name| format!("`{name}`")).collect();
        (names.join(", "), wrapper.about().to_owned())
    }));
    rows
}

/// Builtins of the shell and programs that run others. `None` for all else.
pub(crate) fn run(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, name: &str) -> Option<Stream> {
    builtins::run(walk, shell, call, name).or_else(|| wrappers::run(walk, shell, call, name))
}

impl Walk<'_> {
    /// Judges a program by its own arguments.
    pub(crate) fn judge(&mut self, program: &'static Program, call: &Call, shell: &mut Shell) {
        let args = Args::parse(call.arguments(), &program.spec);
        if args.has_any(program.help) || program.dry_run(&args) {
            return;
        }
        if let Some(special) = program.special
            && special(self, shell, call, &args, program)
        {
            return;
        }
        for rule in program.rules {
            let Some(depth) = rule.matches(&args) else { continue };
            let target = args.named_from(depth);
            let folder = args.value("-chdir").or_else(|| args.value("--cwd")).map(|word| word.text.clone());
            let folder = folder.or_else(|| shell.folder.clone()).filter(|folder| !matches!(folder.as_str(), "" | "."));
            let what = rule.describe(target.as_deref(), folder.as_deref());
            let target =
                target.or_else(|| args.values(&["-target", "-f", "--filename"]).next().map(|word| word.text.clone()));
            let found = Found { grade: rule.grade, ..Found::new(rule.effect, program.reach, what, rule.instead) };
            self.report(shell, call, Some(&args), Some(program), found.uncertain_if(!rule.certain).target(target));
            return;
        }
    }
}
