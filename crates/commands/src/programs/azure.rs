//! Azure's command line.

use super::cloud_words::{self, Verb};
use super::rule::Program;
use crate::args::Args;
use crate::call::{Call, Found};
use crate::instead::{ASK_OR_CODE, PERMISSIONS};
use crate::operation::{Effect, Evidence, Reach, Source};
use crate::shell::{Shell, Walk};

pub(super) const PROGRAMS: &[Program] = &[Program {
    evidence: &[
        "--subscription",
        "--resource-group",
        "-g",
        "--name",
        "-n",
        "--vault-name",
        "--account-name",
        "--cluster-name",
        "--slot",
    ],
    variables: &["AZURE_SUBSCRIPTION_ID", "ARM_SUBSCRIPTION_ID", "AZURE_DEFAULTS_GROUP"],
    special: Some(azure),
    looks_for: "every command whose verb deletes, purges, stops or deallocates; role assignments and access policies; locks; \
                `deployment … --mode Complete`",
    ..Program::new(
        &["az"],
        &[
            "--subscription",
            "--resource-group",
            "-g",
            "--name",
            "-n",
            "--output",
            "-o",
            "--query",
            "--vault-name",
            "--account-name",
            "--cluster-name",
            "--server",
            "-s",
            "--ids",
            "--mode",
            "--access",
            "--source-address-prefixes",
            "--role",
            "--assignee",
            "--scope",
            "--source",
            "--container-name",
            "-c",
            "--slot",
            "--node-count",
            "--template-file",
            "-f",
            "--parameters",
            "-p",
        ],
    )
}];

/// Groups that only touch this machine, or print.
const LOCAL: &[&str] = &[
    "account",
    "config",
    "extension",
    "cloud",
    "configure",
    "login",
    "logout",
    "cache",
    "bicep",
    "find",
    "feedback",
    "self-test",
    "version",
    "upgrade",
    "alias",
    "demo",
    "interactive",
    "local-context",
];

fn azure(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    let words: Vec<&str> = args.positionals.iter().map(|word| word.known().unwrap_or_default()).collect();
    if let ["account", "set", ..] = words.as_slice()
        && let Some(word) = args.values(&["--subscription", "-s", "--name", "-n"]).last()
    {
        let evidence = Evidence { source: Source::Choice, name: "account set".to_owned(), word: word.text.clone() };
        shell.choices.push((&["az"], evidence));
    }
    if words.first().is_none_or(|group| LOCAL.contains(group)) {
        return true;
    }
    if let Some(found) = judge(&words, args) {
        walk.report(shell, call, Some(args), Some(program), found);
    }
    true
}

fn judge(words: &[&str], args: &Args) -> Option<Found> {
    let live = |effect, what: String| Found::new(effect, Reach::Live, what, ASK_OR_CODE);
    let access = |what: String| Found { instead: PERMISSIONS.to_owned(), ..live(Effect::Access, what) };
    // The verb is the last word before the flags; some verbs take an address behind them.
    let (at, verb) = words.iter().enumerate().skip(1).rev().find_map(|(at, word)| {
        let first = word.split('-').next().unwrap_or(word);
        (cloud_words::verb(word).is_some() || cloud_words::verb(first).is_some()).then_some((at, *word))
    })?;
    let group = words.get(..at)?.join(" ");
    let target = args
        .values(&["--name", "-n", "--ids", "--vault-name", "--resource-group", "-g"])
        .next()
        .map(|word| word.text.clone());
    let shown = target.as_ref().map(|target| format!(" `{target}`")).unwrap_or_default();
    let found = match (group.as_str(), verb) {
        ("lock" | "group lock" | "resource lock" | "account lock", "delete") => {
            live(Effect::BypassControl, format!("takes the lock{shown} away that keeps resources from being deleted"))
        }
        ("role assignment" | "role definition", "create" | "delete" | "update") => {
            access(format!("changes who may do what ({group} {verb})"))
        }
        ("keyvault", "set-policy" | "delete-policy") => access(format!("changes who may read the secrets of{shown}")),
        (group, "create" | "update") if group.ends_with("firewall-rule") || group.starts_with("network nsg rule") => {
            let denies = args.value("--access").is_some_and(|word| word.text.eq_ignore_ascii_case("deny"));
            if denies {
                return None;
            }
            access(format!("changes what can be reached through the firewall ({group}{shown})"))
        }
        (group, "create") if group.starts_with("deployment") => {
            if !args.value("--mode").is_some_and(|word| word.text.eq_ignore_ascii_case("complete")) {
                return None;
            }
            live(Effect::Destroy, "deletes every resource of the group that the template does not have".to_owned())
        }
        ("aks" | "aks nodepool", "scale") if args.value("--node-count").and_then(|word| word.known()) == Some("0") => {
            live(Effect::Interrupt, format!("takes every node of{shown} away"))
        }
        _ => {
            let first = verb.split('-').next().unwrap_or(verb);
            match cloud_words::verb(first)? {
                Verb::Does(effect) => {
                    let effect = cloud_words::of_noun(effect, &group.replace(' ', "-"));
                    let does = if effect == Effect::Interrupt { "stops or resets" } else { "deletes" };
                    live(effect, format!("{does} {group}{shown}"))
                }
                Verb::DoesLesser(effect) => live(effect, format!("ends {group}{shown}")).lesser(),
                Verb::Reads | Verb::Changes => return None,
            }
        }
    };
    Some(found.target(target))
}
