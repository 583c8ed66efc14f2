//! Google Cloud: gcloud, gsutil, bq.

use super::cloud_words::{self, Verb};
use super::rule::{Program, When, rule};
use crate::args::Args;
use crate::call::{Call, Found};
use crate::instead::{ASK_OR_CODE, PERMISSIONS};
use crate::operation::{Effect, Evidence, Reach, Source};
use crate::shell::{Shell, Walk};

pub(super) const PROGRAMS: &[Program] = &[
    Program {
        evidence: &[
            "--project",
            "--account",
            "--configuration",
            "--cluster",
            "--instance",
            "--billing-project",
            "--region",
            "--zone",
        ],
        variables: &["CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_PROJECT", "CLOUDSDK_ACTIVE_CONFIG_NAME", "GCLOUD_PROJECT"],
        dry: &["--dry-run", "--validate-only"],
        special: Some(gcloud),
        looks_for: "every command whose verb deletes, stops or resets; changes of IAM policies; firewall rules that are open to \
                    all; protections that are switched off; nodes that are set to 0",
        ..Program::new(
            &["gcloud"],
            &[
                "--project",
                "--account",
                "--configuration",
                "--format",
                "--verbosity",
                "--impersonate-service-account",
                "--billing-project",
                "--region",
                "--zone",
                "--location",
                "--filter",
                "--flags-file",
                "--member",
                "--role",
                "--cluster",
                "--instance",
                "--keyring",
                "--num-nodes",
                "--size",
                "--source-ranges",
                "--service",
                "--database",
            ],
        )
    },
    Program {
        evidence: &["-u"],
        dry: &["-n"],
        rules: &[
            rule("rm", Effect::DataDelete, "deletes every object below {target|what is named}", ASK_OR_CODE)
                .when(&[When::Has(&["-r", "-R", "-a"])]),
            rule("rm", Effect::DataDelete, "deletes the object {target|named}", ASK_OR_CODE).lesser(),
            rule("rb", Effect::DataDelete, "deletes the bucket {target|named}", ASK_OR_CODE),
            rule(
                "rsync",
                Effect::DataDelete,
                "deletes at the destination what the source has not: {target|}",
                ASK_OR_CODE,
            )
            .when(&[When::Has(&["-d"])]),
            rule("iam ch|set", Effect::Access, "changes who may do what with {target|a bucket}", PERMISSIONS),
            rule("acl ch|set", Effect::Access, "changes who may do what with {target|objects}", PERMISSIONS),
        ],
        ..Program::new(&["gsutil"], &["-o", "-u", "-h", "-i"])
    },
    Program {
        evidence: &["--project_id", "--dataset_id"],
        rules: &[
            rule("rm", Effect::DataDelete, "deletes {target|a table or dataset}", ASK_OR_CODE),
            rule(
                "remove-iam-policy-binding|add-iam-policy-binding|set-iam-policy",
                Effect::Access,
                "changes who may do what with {target|data}",
                PERMISSIONS,
            ),
        ],
        special: Some(bq),
        looks_for: "`query` with SQL that deletes",
        ..Program::new(&["bq"], &["--project_id", "--dataset_id", "--location", "--format"])
    },
];

/// Groups that only touch this machine, or print.
const LOCAL: &[&str] = &[
    "config",
    "auth",
    "components",
    "info",
    "help",
    "version",
    "topic",
    "feedback",
    "init",
    "docker",
    "emulators",
    "cheat-sheet",
];

fn gcloud(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    let words: Vec<&str> = args.positionals.iter().map(|word| word.known().unwrap_or_default()).collect();
    let words: Vec<&str> = words.into_iter().skip_while(|word| matches!(*word, "alpha" | "beta" | "preview")).collect();
    let Some(group) = words.first() else { return true };
    if let ["config", "set", "project" | "core/project", project] = words.as_slice() {
        let evidence =
            Evidence { source: Source::Choice, name: "config set project".to_owned(), word: (*project).to_owned() };
        shell.choices.push((&["gcloud", "gsutil", "bq"], evidence));
    }
    if let ["config", "configurations", "activate", name] = words.as_slice() {
        let evidence = Evidence {
            source: Source::Choice,
            name: "config configurations activate".to_owned(),
            word: (*name).to_owned(),
        };
        shell.choices.push((&["gcloud", "gsutil", "bq"], evidence));
    }
    if LOCAL.contains(group) {
        return true;
    }
    let Some(found) = judge(&words, args) else { return true };
    walk.report(shell, call, Some(args), Some(program), found);
    true
}

fn judge(words: &[&str], args: &Args) -> Option<Found> {
    let live = |effect, what: String| Found::new(effect, Reach::Live, what, ASK_OR_CODE);
    // The verb is the first word that is one, behind at least one group.
    let (at, verb, meaning) = words.iter().enumerate().skip(1).find_map(|(at, word)| {
        let access = word.ends_with("iam-policy-binding") || word.ends_with("iam-policy");
        let first = word.split('-').next().unwrap_or(word);
        let meaning = if access { Some(Verb::Changes) } else { cloud_words::verb(first) };
        // `export` and `snapshots` are groups, too: only what stands behind a group as a whole word counts.
        meaning
            .filter(|_| access || cloud_words::verb(word).is_some() || word.contains('-'))
            .map(|meaning| (at, *word, meaning))
    })?;
    let group = words.get(..at)?.join(" ");
    let target: Vec<&str> = words.get(at + 1..)?.iter().copied().filter(|word| !word.is_empty()).collect();
    let target = (!target.is_empty()).then(|| target.join(" "));
    let shown = target.as_ref().map(|target| format!(" `{target}`")).unwrap_or_default();
    if verb.contains("iam-policy") && !verb.starts_with("get") {
        let found = live(Effect::Access, format!("changes who may do what with {group}{shown}"));
        return Some(Found { instead: PERMISSIONS.to_owned(), ..found }.target(target));
    }
    if group.ends_with("firewall-rules") && matches!(verb, "create" | "update") {
        let open = args.value("--source-ranges").is_none_or(|ranges| ranges.text.contains("0.0.0.0/0"));
        let found = live(Effect::Access, format!("opens the firewall{shown} to everybody"));
        return open.then(|| Found { instead: PERMISSIONS.to_owned(), ..found }.target(target));
    }
    if args
        .flags
        .iter()
        .any(|flag| matches!(flag.name.as_str(), "--no-deletion-protection" | "--no-deletion-protection-enabled"))
    {
        return Some(
            live(Effect::BypassControl, format!("takes the protection against deletion from {group}{shown}"))
                .target(target),
        );
    }
    if verb == "resize" && args.values(&["--num-nodes", "--size"]).any(|word| word.known() == Some("0")) {
        return Some(live(Effect::Interrupt, format!("takes every node of {group}{shown} away")).target(target));
    }
    if verb == "rsync" && args.has("--delete-unmatched-destination-objects") {
        return Some(
            live(Effect::DataDelete, "deletes at the destination what the source has not".to_owned()).target(target),
        );
    }
    if verb == "rm" && group == "storage" && !args.has_any(&["-r", "-R", "--recursive"]) {
        return Some(live(Effect::DataDelete, format!("deletes the object{shown}")).lesser().target(target));
    }
    match meaning {
        Verb::Does(effect) => {
            let effect = cloud_words::of_noun(effect, &group.replace(' ', "-"));
            let does = if effect == Effect::Interrupt { "stops or resets" } else { "deletes" };
            Some(live(effect, format!("{does} {group}{shown}")).target(target))
        }
        Verb::DoesLesser(effect) => Some(live(effect, format!("ends {group}{shown}")).lesser().target(target)),
        Verb::Reads | Verb::Changes => None,
    }
}

fn bq(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    if args.positional(0) != Some("query") {
        return false;
    }
    for word in args.positionals.iter().skip(1) {
        super::databases::report_sql(walk, shell, call, args, program, &word.text, crate::sql::Dialect::Other);
    }
    true
}
