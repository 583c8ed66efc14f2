//! The AWS command line, and actions of AWS by whatever way they are called.
//!
//! Whether an action reads, writes or changes permissions is looked up in `data/aws.txt`. What a writing one does is told by
//! its verb.

use super::cloud_words::{self, Verb};
use super::rule::Program;
use crate::args::Args;
use crate::call::{Call, Found};
use crate::instead::{ASK_OR_CODE, PERMISSIONS};
use crate::operation::{Effect, Reach};
use crate::shell::{Shell, Walk};

const TABLE: &str = include_str!("../../data/aws.txt");

pub(super) const PROGRAMS: &[Program] = &[Program {
    evidence: &[
        "--profile",
        "--region",
        "--endpoint-url",
        "--stack-name",
        "--cluster",
        "--cluster-name",
        "--db-instance-identifier",
        "--db-cluster-identifier",
        "--table-name",
        "--bucket",
        "--function-name",
        "--name",
    ],
    variables: &["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_VAULT", "AWS_ENDPOINT_URL"],
    help: &["--help", "--generate-cli-skeleton"],
    dry: &["--dry-run", "--dryrun"],
    special: Some(aws),
    looks_for: "every action that deletes, terminates, stops or changes permissions, by its access level and verb; `s3 rm`, \
                `s3 rb`, `s3 sync --delete`; protections that are switched off; capacity that is set to 0",
    ..Program::new(
        &["aws", "awslocal", "aws2"],
        &[
            "--profile",
            "--region",
            "--output",
            "--endpoint-url",
            "--query",
            "--color",
            "--ca-bundle",
            "--cli-read-timeout",
            "--cli-connect-timeout",
            "--cli-binary-format",
        ],
    )
}];

/// Services that only touch this machine, or print.
const LOCAL: &[&str] = &["configure", "help", "history", "sso", "login", "logout"];

/// Names of services on the command line that differ from those of their actions. Service authorization reference.
const PREFIXES: &[(&str, &str)] = &[
    ("s3api", "s3"),
    ("s3control", "s3"),
    ("elbv2", "elasticloadbalancing"),
    ("elb", "elasticloadbalancing"),
    ("efs", "elasticfilesystem"),
    ("emr", "elasticmapreduce"),
    ("stepfunctions", "states"),
    ("configservice", "config"),
    ("deploy", "codedeploy"),
    ("opensearch", "es"),
    ("resource-groups-tagging-api", "tag"),
    ("application-autoscaling", "application-autoscaling"),
    ("docdb", "rds"),
    ("neptune", "rds"),
    ("cloudhsmv2", "cloudhsm"),
    ("sso-admin", "sso"),
    ("waf-regional", "waf-regional"),
    ("lexv2-models", "lex"),
    ("ses", "ses"),
    ("sesv2", "ses"),
    ("apigatewayv2", "apigateway"),
    ("globalaccelerator", "globalaccelerator"),
];

/// Calls of S3 whose action has another name. Service authorization reference of Amazon S3.
const S3_ACTIONS: &[(&str, &str)] = &[
    ("delete-public-access-block", "put-bucket-public-access-block"),
    ("put-public-access-block", "put-bucket-public-access-block"),
    ("delete-bucket-ownership-controls", "put-bucket-ownership-controls"),
    ("get-public-access-block", "get-bucket-public-access-block"),
];

/// Words before the verb in the names of actions.
const BEFORE_VERB: &[&str] = &["batch", "admin", "bulk"];

/// Things whose deletion is small: labels, messages, drafts.
const SMALL: &[&str] = &["tags", "tag", "message", "log-stream", "query", "event", "alarms", "dashboards"];

/// The access level of an action: `R`, `W` or `P`.
fn level(service: &str, action: &str) -> Option<u8> {
    let prefix = PREFIXES.iter().find(|(name, _)| *name == service).map_or(service, |(_, prefix)| *prefix);
    let name = action.replace('-', "").to_ascii_lowercase();
    let exception = format!("{prefix}:{name}");
    find(&exception).or_else(|| (1..=name.len()).rev().find_map(|end| find(name.get(..end)?)))
}

/// The level that stands behind a name in the table, which is sorted by bytes.
fn find(name: &str) -> Option<u8> {
    let bytes = TABLE.as_bytes();
    let (mut low, mut high) = (0, bytes.len());
    while low < high {
        let middle = low.midpoint(high);
        let begin = bytes.get(..middle)?.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end = bytes.get(begin..)?.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| begin + at);
        let line = TABLE.get(begin..end)?;
        let (key, value) = line.rsplit_once(' ')?;
        let order = if line.starts_with('#') { std::cmp::Ordering::Less } else { key.cmp(name) };
        match order {
            std::cmp::Ordering::Equal => return value.bytes().next(),
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = begin,
        }
    }
    None
}

/// What an action of AWS does, its name in lower case with hyphens (`delete-db-instance`); `None` where nothing of note.
pub(crate) fn action(service: &str, name: &str, target: Option<&str>) -> Option<Found> {
    let renamed = S3_ACTIONS.iter().find(|(call, _)| *call == name && service.starts_with("s3"));
    let level = level(service, renamed.map_or(name, |(_, action)| *action));
    if level == Some(b'R') {
        return None;
    }
    let mut parts = name.split('-').skip_while(|part| BEFORE_VERB.contains(part));
    let verb = parts.next().unwrap_or_default();
    let noun = parts.collect::<Vec<_>>().join("-");
    let thing = target.map_or_else(
        || format!("{service} {}", noun.replace('-', " ")),
        |target| format!("{} `{target}`", noun.replace('-', " ")),
    );
    let thing = thing.trim();
    let live = |effect, what: String| Found::new(effect, Reach::Live, what, ASK_OR_CODE);
    let found = match (service, name) {
        ("cloudtrail", "stop-logging" | "delete-trail")
        | ("guardduty", "delete-detector")
        | ("configservice", "stop-configuration-recorder" | "delete-configuration-recorder") => {
            live(Effect::BypassControl, format!("ends the record of who does what ({service} {name})"))
        }
        ("elasticbeanstalk", "rebuild-environment") | ("workspaces", "rebuild-workspaces") => {
            live(Effect::Replace, format!("destroys {thing} and makes it anew ({service} {name})"))
        }
        ("kms", "schedule-key-deletion" | "disable-key") => live(
            Effect::Destroy,
            format!(
                "makes what the key {} encrypts unreadable",
                target.map(|key| format!("`{key}`")).unwrap_or_default()
            ),
        ),
        (
            "ec2",
            "authorize-security-group-ingress"
            | "authorize-security-group-egress"
            | "revoke-security-group-ingress"
            | "revoke-security-group-egress",
        ) => Found {
            instead: PERMISSIONS.to_owned(),
            ..live(Effect::Access, format!("changes what can be reached through {thing}"))
        },
        ("cloudformation", "deploy" | "execute-change-set" | "update-stack") => {
            let what = format!("changes what is live as the template says, and nobody confirms it: {thing}");
            return Some(Found {
                instead: "Make a change set with `create-change-set` and let a person look at it.".to_owned(),
                ..live(Effect::Apply, what)
            });
        }
        ("organizations", "leave-organization" | "remove-account-from-organization" | "close-account") => {
            live(Effect::Destroy, format!("takes an account away: {thing}"))
        }
        _ if level == Some(b'P') => {
            let takes = matches!(verb, "delete" | "detach" | "remove" | "revoke" | "deregister");
            let what = if takes { "takes permissions or a policy away" } else { "changes who may do what" };
            Found {
                instead: PERMISSIONS.to_owned(),
                ..live(
                    Effect::Access,
                    format!(
                        "{what}: {service} {name}{}",
                        target.map(|target| format!(" on `{target}`")).unwrap_or_default()
                    ),
                )
            }
        }
        _ => match cloud_words::verb(verb)? {
            Verb::Does(effect) => {
                let effect = cloud_words::of_noun(effect, &noun);
                let does = if effect == Effect::Interrupt { "stops or takes away" } else { "deletes" };
                live(effect, format!("{does} {thing} ({service} {name})")).lesser_if(SMALL.contains(&noun.as_str()))
            }
            Verb::DoesLesser(effect) => live(effect, format!("ends {thing} ({service} {name})")).lesser(),
            Verb::Reads | Verb::Changes => return None,
        },
    };
    Some(found.target(target.map(str::to_owned)))
}

fn aws(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    // Flags of an action take any number of words; the first two words that are none are the service and its action.
    let (Some(service), Some(name)) = (args.positional(0), args.positional(1)) else { return true };
    if LOCAL.contains(&service) || args.positionals.iter().any(|word| word.text == "help") {
        return true;
    }
    let mut found = match service {
        "s3" => s3(name, args),
        _ => action(service, name, target(call).as_deref()).or_else(|| switched_off(service, name, call, args)),
    };
    if let Some(found) = found.as_mut() {
        let text = call.variable("AWS_ENDPOINT_URL", walk, shell).unwrap_or_default();
        let endpoint = flag(call, "--endpoint-url").map_or(text, str::to_owned);
        if call.program() == "awslocal" || endpoint.contains("localhost") || endpoint.contains("127.0.0.1") {
            return true;
        }
        if found.target.is_none() {
            found.target = target(call);
        }
    }
    let args = &Args { flags: all_flags(call), ..args.clone() };
    if let Some(found) = found {
        walk.report(shell, call, Some(args), Some(program), found);
    }
    true
}

/// Every flag of an action with its first value.
fn all_flags(call: &Call) -> Vec<crate::args::Flag> {
    let words = call.arguments();
    let mut flags = Vec::new();
    for (index, word) in words.iter().enumerate().filter(|(_, word)| word.text.starts_with("--")) {
        let (name, value) = match word.text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(word.after(word.text.len() - value.len()))),
            None => (word.text.clone(), words.get(index + 1).filter(|next| !next.text.starts_with("--")).cloned()),
        };
        flags.push(crate::args::Flag { name, value });
    }
    flags
}

/// The value of a flag of an action.
fn flag<'c>(call: &'c Call, name: &str) -> Option<&'c str> {
    let words = call.arguments();
    let at = words
        .iter()
        .position(|word| word.text.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))?;
    let word = words.get(at)?;
    match word.text.split_once('=') {
        Some((_, value)) => Some(value),
        None => words.get(at + 1).map(|word| word.text.as_str()).filter(|text| !text.starts_with("--")),
    }
}

/// What an action hits: the first flag that names something.
fn target(call: &Call) -> Option<String> {
    const GENERAL: &[&str] = &["--profile", "--region", "--output", "--query", "--endpoint-url"];
    let flags = all_flags(call);
    let named = flags.iter().filter(|flag| !GENERAL.contains(&flag.name.as_str())).find(|flag| {
        ["name", "id", "ids", "identifier", "arn", "arns", "bucket", "cluster", "key", "service", "resource"]
            .iter()
            .any(|end| flag.name.ends_with(end))
    });
    named.and_then(|flag| flag.value.as_ref()).map(|word| word.text.clone())
}

fn s3(name: &str, args: &Args) -> Option<Found> {
    let target = args.named_from(2);
    let shown = target.clone().map(|target| format!("`{target}`")).unwrap_or_default();
    let data = |what: String| Found::new(Effect::DataDelete, Reach::Live, what, ASK_OR_CODE);
    let found = match name {
        "rm" if args.has("--recursive") => data(format!("deletes every object below {shown}")),
        "rm" => data(format!("deletes the object {shown}")).lesser(),
        "rb" if args.has("--force") => data(format!("deletes the bucket {shown} with all that is in it")),
        "rb" => data(format!("deletes the bucket {shown}")),
        "sync" if args.has("--delete") => data(format!("deletes at the destination what the source has not: {shown}")),
        "mv" if args.has("--recursive") => data(format!("moves every object of {shown} away")).lesser(),
        _ => return None,
    };
    Some(found.target(target))
}

/// Updates that switch a protection off, open something, or take all capacity away.
fn switched_off(service: &str, name: &str, call: &Call, args: &Args) -> Option<Found> {
    const PROTECTIONS: &[&str] = &[
        "--no-deletion-protection",
        "--no-disable-api-termination",
        "--no-enable-termination-protection",
        "--no-termination-protection",
        "--no-deletion-protection-enabled",
    ];
    const CAPACITY: &[&str] =
        &["--desired-capacity", "--desired-count", "--max-size", "--reserved-concurrent-executions", "--desired-size"];
    let text = call.arguments().iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    let flat = text.replace([' ', '"', '\''], "").to_ascii_lowercase();
    let of = target(call).map(|target| format!(" of `{target}`")).unwrap_or_default();
    if args.has_any(PROTECTIONS)
        || flat.contains("deletionprotectionenabled=false")
        || flat.contains("deletion_protection.enabled,value=false")
    {
        let what = format!("takes the protection against deletion away{of} ({service} {name})");
        return Some(Found::new(Effect::BypassControl, Reach::Live, what, ASK_OR_CODE));
    }
    if args.has("--publicly-accessible") {
        return Some(Found::new(
            Effect::Access,
            Reach::Live,
            format!("opens the database{of} to the internet"),
            PERMISSIONS,
        ));
    }
    if CAPACITY.iter().any(|flag_name| flag(call, flag_name) == Some("0")) || flat.contains("desiredsize=0") {
        return Some(Found::new(
            Effect::Interrupt,
            Reach::Live,
            format!("takes all capacity away{of} ({service} {name})"),
            ASK_OR_CODE,
        ));
    }
    if (service, name) == ("route53", "change-resource-record-sets") && flat.contains("action:delete") {
        return Some(Found::new(Effect::Interrupt, Reach::Live, "deletes DNS records", ASK_OR_CODE));
    }
    if name == "put-bucket-versioning" && flat.contains("status=suspended") {
        return Some(Found::new(
            Effect::BypassControl,
            Reach::Live,
            format!("stops keeping older versions of objects{of}"),
            ASK_OR_CODE,
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        for (service, name, expected) in [
            ("ec2", "describe-instances", Some(b'R')),
            ("ec2", "terminate-instances", Some(b'W')),
            ("s3api", "put-bucket-policy", Some(b'P')),
            ("iam", "attach-role-policy", Some(b'P')),
            ("sts", "get-caller-identity", Some(b'R')),
            ("rds", "frobnicate", None),
        ] {
            assert_eq!(level(service, name), expected, "{service} {name}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_every_line_is_found() {
        let lines: Vec<_> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 1_000, "{}", lines.len());
        let keys: Vec<_> = lines.iter().filter_map(|line| line.rsplit_once(' ')).collect();
        assert!(keys.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (key, value) in keys {
            assert_eq!(find(key), value.bytes().next(), "{key}");
        }
    }
}
