//! The tables under `crates/impact/data/`: what replaces a resource, what it is and what protects it.

use crate::tables::{entries, read};
use anyhow::{Context, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

const HEADING: &str = "\
# What changes of which attributes replace a resource, what it is, and what protects it. Made by `cargo xtask tables`.
# Facts from the providers' sources (ForceNew and RequiresReplace; MPL-2.0) and their registries, extracted in November 2026;
# types that have been removed since are those of the last version that had them. A type's attributes are complete: one that
# is not here does not replace it.
# A line: the type; its tier, 0 to 4, `-` where there is none; flags: `r` a change of `region` replaces, `A` every settable
# top-level attribute does, `x` the type has been removed, `-` none; classes, joined by commas, `-` where there is none;
# attributes that protect it, with their defaults, joined by commas, `-` where there is none; attributes: `!` a change replaces,
# `?` it does under a condition in the provider's code, `=` it does where a value is set, nothing where only those inside of it
# do, which stand in parentheses. Sorted by bytes. A line `~provider`: the version.
";

const CLOUDFORMATION: &str = "\
# As `terraform.txt`, for types of CloudFormation. Made by `cargo xtask tables`. Facts from the registry schemas as shipped in the
# cfn-lint package (MIT-0), November 2026: `!` create-only, `?` conditionally create-only; what a type is, is taken from the
# type of Terraform that is the same resource. Flags: `A` nothing of it can be changed in place, `d` the old one is deleted
# before the new one is there.
";

/// Properties that protect a resource and that the schemas do not single out.
///
/// Source: the property reference of CloudFormation.
const PROTECTING: &[(&str, &str)] = &[
    ("AWS::EC2::Instance", "DisableApiTermination=false"),
    ("AWS::NetworkFirewall::Firewall", "DeleteProtection=false"),
];

/// What holds where a protecting property is not written.
///
/// Source: the property reference of CloudFormation.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("AWS::Logs::LogGroup", "RetentionInDays", "0"),
    ("AWS::RDS::DBInstance", "BackupRetentionPeriod", "1"),
    ("AWS::RDS::DBCluster", "BackupRetentionPeriod", "1"),
    ("AWS::KMS::Key", "PendingWindowInDays", "30"),
];

/// Types that are called otherwise in Terraform, beside the twins of the rules.
const SAME: &[(&str, &str)] = &[
    ("AWS::ApiGateway::RestApi", "aws_api_gateway_rest_api"),
    ("AWS::AutoScaling::AutoScalingGroup", "aws_autoscaling_group"),
    ("AWS::CertificateManager::Certificate", "aws_acm_certificate"),
    ("AWS::EC2::SecurityGroupEgress", "aws_vpc_security_group_egress_rule"),
    ("AWS::EC2::SecurityGroupIngress", "aws_vpc_security_group_ingress_rule"),
    ("AWS::ElasticLoadBalancingV2::Listener", "aws_lb_listener"),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "aws_lb"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "aws_lb_target_group"),
    ("AWS::Events::Rule", "aws_cloudwatch_event_rule"),
    ("AWS::IAM::ManagedPolicy", "aws_iam_policy"),
    ("AWS::Route53::HostedZone", "aws_route53_zone"),
    ("AWS::Route53::RecordSet", "aws_route53_record"),
    ("AWS::StepFunctions::StateMachine", "aws_sfn_state_machine"),
];

/// What is said of the attributes of a block.
#[derive(Default)]
struct Node {
    mark: Option<char>,
    inside: BTreeMap<String, Node>,
}

/// The table, from the facts in a folder.
pub(crate) fn terraform(from: &Path) -> anyhow::Result<String> {
    let types = read(from, "tf_types.json")?;
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    for provider in ["aws", "azurerm", "google", "helm", "kubernetes"] {
        let facts = &read(from, &format!("tf_replace_{provider}.json"))?[provider];
        lines.insert(format!("~{provider}"), facts["v"].as_str().context("a version")?.to_owned());
        for (name, facts) in entries(&facts["r"])? {
            lines.insert(name.clone(), line(facts, &types["types"][name], "")?);
        }
    }
    for (name, facts) in entries(&read(from, "tf_replace_legacy.json")?)?.filter(|(name, _)| name.contains('_')) {
        if !lines.contains_key(name) {
            lines.insert(name.clone(), line(facts, &types["types"][name], "x")?);
        }
    }
    for (name, _) in entries(&types["types"])? {
        ensure!(lines.contains_key(name), "{name} has a class, and no line about replacement");
    }
    let mut text = HEADING.to_owned();
    for (name, line) in &lines {
        writeln!(text, "{name} {line}")?;
    }
    Ok(text)
}

/// The table of CloudFormation's types, from the facts in a folder and the twins of the rules.
pub(crate) fn cloudformation(from: &Path) -> anyhow::Result<String> {
    let types = &read(from, "tf_types.json")?["types"];
    let twins: toml::Table = std::fs::read_to_string(crate::root().join("rules/twins.toml"))?.parse()?;
    let twins = twins.get("twin").and_then(toml::Value::as_array).context("twins")?;
    let twin = |name: &str| {
        let same = SAME.iter().find(|(kind, _)| *kind == name).map(|(_, of)| *of);
        same.or_else(|| twins.iter().find(|twin| twin["kind"].as_str() == Some(name))?["of"].as_str())
    };
    let mut text = CLOUDFORMATION.to_owned();
    let mut lines = BTreeMap::new();
    // What SAM makes of its own types stands in `utility.txt`.
    let facts = read(from, "cfn_replacement.json")?;
    for (name, facts) in entries(&facts)?.filter(|(name, _)| !name.starts_with("AWS::Serverless::")) {
        let same = twin(name).map(str::to_owned).or_else(|| {
            let mut candidates = likely(name).into_iter();
            candidates.find(|candidate| types.get(candidate).is_some())
        });
        let kind = same.map_or(Value::Null, |same| types[same].clone());
        lines.insert(name.clone(), of_schema(name, facts, &kind)?);
    }
    for (name, line) in &lines {
        writeln!(text, "{}", format!("{name} {line}").trim_end())?;
    }
    Ok(text)
}

/// How Terraform is likely to call a type of CloudFormation.
fn likely(name: &str) -> Vec<String> {
    let mut parts = name.split("::");
    let (Some("AWS"), Some(service), Some(kind)) = (parts.next(), parts.next(), parts.next()) else {
        return Vec::new();
    };
    let mut snake = String::new();
    let chars: Vec<char> = kind.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(at + 1);
        let begins = c.is_ascii_uppercase()
            && before.is_some_and(|it| !it.is_ascii_uppercase() || after.is_some_and(char::is_ascii_lowercase));
        if begins {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    vec![format!("aws_{}_{snake}", service.to_ascii_lowercase()), format!("aws_{snake}")]
}

fn of_schema(name: &str, facts: &Value, kind: &Value) -> anyhow::Result<String> {
    let mut flags = String::new();
    if facts["noupd"] == 1 {
        flags.push('A');
    }
    if facts["rs"] == "delete_then_create" {
        flags.push('d');
    }
    let mut classes: Vec<_> = kind["c"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut tier = kind["t"].as_u64();
    if facts["st"] == 1 && !classes.contains(&"data") {
        classes.insert(0, "data");
        tier = Some(tier.unwrap_or(1).min(1));
    }
    let protecting = facts["prot"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let protecting = protecting.map(|path| {
        let default = DEFAULTS.iter().find(|(of, name_of, _)| *of == name && *name_of == path);
        default.map_or_else(|| path.to_owned(), |(_, _, default)| format!("{path}={default}"))
    });
    let more = PROTECTING.iter().filter(|(of, _)| *of == name).map(|(_, path)| (*path).to_owned());
    let protections: Vec<_> = protecting.chain(more).collect();
    let root = nodes(facts, &[("cc", '?'), ("co", '!')])?;
    Ok(columns(tier, flags, &classes, &protections, &root))
}

fn line(facts: &Value, kind: &Value, flag: &str) -> anyhow::Result<String> {
    let mut flags = flag.to_owned();
    for name in ["r", "A"] {
        if facts[name] == 1 {
            flags.push_str(name);
        }
    }
    let classes: Vec<_> = kind["c"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut protections = Vec::new();
    for pair in kind["p"].as_array().into_iter().flatten() {
        let path = pair[0].as_str().context("a path")?;
        protections.push(match &pair[1] {
            Value::Null => path.to_owned(),
            Value::String(default) => format!("{path}={default}"),
            default => format!("{path}={default}"),
        });
    }
    // The weaker marks first, so that the strongest one of a path stays.
    let root = nodes(facts, &[("w", '='), ("c", '?'), ("f", '!')])?;
    Ok(columns(kind["t"].as_u64(), flags, &classes, &protections, &root))
}

/// The paths of lists as a tree, those of each list with a mark.
fn nodes(facts: &Value, lists: &[(&str, char)]) -> anyhow::Result<Node> {
    let mut root = Node::default();
    for (list, mark) in lists {
        for path in facts[list].as_array().into_iter().flatten() {
            let path = path.as_str().context("a path")?;
            let mut node = &mut root;
            // `*` stands for the elements of a list, which a path goes through without a word.
            for name in path.split(['.', '/']).filter(|name| *name != "*") {
                ensure!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{path} is no path of names");
                node = node.inside.entry(name.to_owned()).or_default();
            }
            node.mark = Some(*mark);
        }
    }
    Ok(root)
}

fn columns(tier: Option<u64>, flags: String, classes: &[&str], protections: &[String], root: &Node) -> String {
    let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let tier = tier.map_or_else(String::new, |tier| tier.to_string());
    let columns = [tier, flags, classes.join(","), protections.join(",")].map(or_none).join(" ");
    format!("{columns} {}", inside(root)).trim_end().to_owned()
}

fn inside(node: &Node) -> String {
    let each = node.inside.iter().map(|(name, node)| {
        let mark = node.mark.map(String::from).unwrap_or_default();
        let inside = if node.inside.is_empty() { String::new() } else { format!("({})", inside(node)) };
        format!("{name}{mark}{inside}")
    });
    each.collect::<Vec<_>>().join(" ")
}
