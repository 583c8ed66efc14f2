//! Who can reach a resource, and what is encrypted: as a difference.

use super::{At, States, at, blocks, elements, for_each_leaf, last};
use crate::change::{Widened, Widening};
use crate::predict::module::Pair;
use countersign_infra::{Body, Value, ValueKind};
use std::collections::BTreeMap;

/// Sources that stand for everybody.
const EVERYBODY: &[&str] = &["0.0.0.0/0", "::/0"];

/// Sources that stand for everybody in Azure's rules.
const EVERYBODY_AZURE: &[&str] = &["0.0.0.0/0", "::/0", "*", "internet", "any"];

/// Switches that open a resource, by the last name of their paths: the value that opens.
///
/// Source: the providers' documentation of the attribute.
const SWITCHES: &[(&str, &str)] = &[
    ("publicly_accessible", "true"),
    ("associate_public_ip_address", "true"),
    ("map_public_ip_on_launch", "true"),
    ("public_network_access_enabled", "true"),
    ("endpoint_public_access", "true"),
    ("allow_nested_items_to_be_public", "true"),
    ("allow_blob_public_access", "true"),
    ("public_access_enabled", "true"),
    ("block_public_acls", "false"),
    ("block_public_policy", "false"),
    ("ignore_public_acls", "false"),
    ("restrict_public_buckets", "false"),
    ("internal", "false"),
    ("enable_private_nodes", "false"),
    ("enable_private_endpoint", "false"),
    ("private_cluster_enabled", "false"),
    ("public_access_prevention", "inherited"),
    ("acl", "public-read"),
    ("acl", "public-read-write"),
    ("acl", "authenticated-read"),
    ("container_access_type", "blob"),
    ("container_access_type", "container"),
    ("authorization_type", "none"),
    ("ingress", "ingress_traffic_all"),
];

/// Switches that are worth saying of a new resource too: without them it would not be reached by everybody.
const SAID_OF_NEW: &[&str] = &[
    "publicly_accessible",
    "acl",
    "container_access_type",
    "allow_nested_items_to_be_public",
    "allow_blob_public_access",
];

/// Switches whose state on is encryption.
const ENCRYPTION: &[&str] = &[
    "encrypted",
    "storage_encrypted",
    "at_rest_encryption_enabled",
    "transit_encryption_enabled",
    "encryption_at_rest_enabled",
    "encrypt_at_rest.enabled",
    "node_to_node_encryption.enabled",
    "server_side_encryption.enabled",
    "infrastructure_encryption_enabled",
    "encryption_at_host_enabled",
    "enable_disk_encryption",
    "enforce_https",
    "https_only",
    "https_traffic_only_enabled",
    "enable_https_traffic_only",
    "ssl_enforcement_enabled",
    "require_ssl",
    "transit_encryption",
];

/// Something that is open, by what tells it from others.
type Open<'a> = BTreeMap<String, (String, &'a Value, String)>;

impl Pair<'_> {
    /// What is opened or no longer encrypted.
    pub(super) fn exposed(&self, kind: &str, states: &States<'_>) -> Vec<Widening> {
        let Some(after) = states.after else { return Vec::new() };
        let mut found = Vec::new();
        let old = states.before.map(|before| open_sources(kind, before)).unwrap_or_default();
        for (key, (path, value, why)) in open_sources(kind, after) {
            if !old.contains_key(&key) {
                let reason = self.reason_at(states, &path, Some(value), why);
                found.push(Widening { what: Widened::Exposure, reason });
            }
        }
        for (path, value) in switches(after) {
            let is_new = match states.before {
                Some(before) => match at(before, &path) {
                    At::Value(old) => !opens(&path, old),
                    At::Missing => true,
                    At::Unknown => false,
                },
                None => SAID_OF_NEW.contains(&&*snake(last(&path))),
            };
            if is_new {
                let shown = super::super::words::shown(&path, value).unwrap_or_default();
                let why = format!("`{path}` is {shown} now, which lets more reach it");
                let reason = self.reason_at(states, &path, Some(value), why);
                found.push(Widening { what: Widened::Exposure, reason });
            }
        }
        if let Some(before) = states.before {
            found.extend(self.unencrypted(states, before, after));
        }
        found
    }

    fn unencrypted(&self, states: &States<'_>, before: &Body, after: &Body) -> Vec<Widening> {
        let mut found = Vec::new();
        for_each_leaf(before, "", &mut |path, value| {
            let plain = snake(path);
            let is_encryption = ENCRYPTION.iter().any(|name| plain == *name || plain.ends_with(&format!(".{name}")));
            if !is_encryption || value.as_bool() != Some(true) {
                return;
            }
            let now = match at(after, path) {
                At::Value(value) if value.as_bool() == Some(false) => Some(value),
                _ => return,
            };
            let why = format!("`{path}` was on and is off: it is not encrypted any more");
            let reason = self.reason_at(states, path, now, why);
            found.push(Widening { what: Widened::Encryption, reason });
        });
        found
    }
}

/// Switches of a body that open it.
fn switches(body: &Body) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for_each_leaf(body, "", &mut |path, value| {
        if opens(path, value) {
            found.push((path.to_owned(), value));
        }
    });
    found
}

fn opens(path: &str, value: &Value) -> bool {
    let name = snake(last(path));
    let text = match (value.as_bool(), value.as_str()) {
        (Some(bool), _) => bool.to_string(),
        (None, Some(text)) => text.to_ascii_lowercase(),
        (None, None) => return false,
    };
    SWITCHES.iter().any(|(switch, opening)| *switch == name && *opening == text)
}

/// Sources that stand for everybody in what lets others in.
fn open_sources<'a>(kind: &str, body: &'a Body) -> Open<'a> {
    let mut open = Open::new();
    match kind {
        "aws_security_group" | "aws_default_security_group" => {
            for rule in blocks(body, "ingress") {
                aws(rule, "ingress.", &mut open);
            }
        }
        "aws_security_group_rule" => {
            if is(body, "type", "ingress") {
                aws(body, "", &mut open);
            }
        }
        "aws_vpc_security_group_ingress_rule" | "AWS::EC2::SecurityGroupIngress" => aws(body, "", &mut open),
        "AWS::EC2::SecurityGroup" => {
            for rule in blocks(body, "SecurityGroupIngress") {
                aws(rule, "SecurityGroupIngress.", &mut open);
            }
        }
        "v1/Service" => service(body, &mut open),
        "google_compute_firewall" => {
            let is_ingress = body.value("direction").is_none() || is(body, "direction", "ingress");
            let is_off = matches!(at(body, "disabled"), At::Value(value) if value.as_bool() == Some(true));
            let allows: Vec<_> = blocks(body, "allow").collect();
            if is_ingress && !is_off && !allows.is_empty() {
                let ports: Vec<_> = allows
                    .iter()
                    .map(|allow| {
                        let ports = allow
                            .value("ports")
                            .map(|ports| elements(ports).iter().map(text).collect::<Vec<_>>().join(","));
                        format!(
                            "{} {}",
                            allow.value("protocol").map(text).unwrap_or_default(),
                            ports.unwrap_or_default()
                        )
                    })
                    .collect();
                sources(body, &["source_ranges"], EVERYBODY, "", ports.join(", ").trim(), &mut open);
            }
        }
        "azurerm_network_security_rule" => azure(body, "", &mut open),
        "azurerm_network_security_group" => {
            for rule in blocks(body, "security_rule") {
                azure(rule, "security_rule.", &mut open);
            }
        }
        // Everything goes out by an egress rule, and a network's access list is open as a rule and narrowed by others.
        _ if ["egress", "network_acl", "route"].iter().any(|part| kind.contains(part)) => {}
        _ => for_each_leaf(body, "", &mut |path, value| {
            let lets_in =
                ["ingress", "inbound", "allowed", "authorized", "whitelist", "source_ranges", "public_access_cidrs"];
            let is_way_out = ["egress", "outbound", "destination", "route"].iter().any(|part| path.contains(part));
            if let Some(source) = value.as_str().filter(|source| EVERYBODY.contains(source))
                && lets_in.iter().any(|part| path.contains(part))
                && !is_way_out
            {
                let why = format!("`{path}` has `{source}` now, which is everybody");
                open.insert(format!("{path} {source}"), (path.to_owned(), value, why));
            }
        }),
    }
    open
}

fn aws<'a>(rule: &'a Body, prefix: &str, open: &mut Open<'a>) {
    let part = |name: &str| {
        let mut fields = rule.fields.iter().filter(|field| snake(&field.name) == name);
        fields.next().map(|field| text(&field.value)).unwrap_or_default()
    };
    let (protocol, from, to) =
        (part("protocol").to_lowercase() + &part("ip_protocol").to_lowercase(), part("from_port"), part("to_port"));
    let ports = match (protocol.as_str(), from == to) {
        ("-1" | "all", _) => "every port".to_owned(),
        (_, true) => from,
        (_, false) => format!("{from}-{to}"),
    };
    let names = ["cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6", "CidrIp", "CidrIpv6"];
    sources(rule, &names, EVERYBODY, prefix, &format!("{ports} {protocol}"), open);
}

/// A service that is reached from outside of the cluster.
fn service<'a>(body: &'a Body, open: &mut Open<'a>) {
    let At::Value(value) = at(body, "spec.type") else { return };
    let Some(kind @ ("LoadBalancer" | "NodePort")) = value.as_str() else { return };
    let mut is_internal = false;
    if let At::Value(annotations) = at(body, "metadata.annotations")
        && let ValueKind::Object(annotations) = &annotations.kind
    {
        is_internal = annotations.fields.iter().any(|field| field.name.contains("internal"));
    }
    if !is_internal {
        let why = format!("`spec.type` is `{kind}` now: it is reached from outside of the cluster");
        open.insert("service".to_owned(), ("spec.type".to_owned(), value, why));
    }
}

fn azure<'a>(rule: &'a Body, prefix: &str, open: &mut Open<'a>) {
    if !is(rule, "direction", "inbound") || !is(rule, "access", "allow") {
        return;
    }
    let names = ["destination_port_range", "destination_port_ranges"];
    let ports: Vec<_> = names.iter().filter_map(|name| rule.value(name)).flat_map(elements).map(text).collect();
    let names = ["source_address_prefix", "source_address_prefixes"];
    let to = ["destination_address_prefix", "destination_address_prefixes"];
    let to = to
        .iter()
        .filter_map(|name| rule.value(name))
        .flat_map(elements)
        .map(|it| it.needs().map_or_else(|| text(it), str::to_owned));
    let to: Vec<_> = to.filter(|to| to != "*").collect();
    let to = if to.is_empty() { String::new() } else { format!(" of {}", to.join(",")) };
    sources(rule, &names, EVERYBODY_AZURE, prefix, &format!("{}{to}", ports.join(",")), open);
}

fn sources<'a>(rule: &'a Body, names: &[&str], everybody: &[&str], prefix: &str, ports: &str, open: &mut Open<'a>) {
    for name in names {
        for value in rule.value(name).map(elements).unwrap_or_default() {
            let Some(source) = value.as_str().filter(|it| everybody.contains(&it.to_ascii_lowercase().as_str())) else {
                continue;
            };
            let path = format!("{prefix}{name}");
            let port = ports.split(' ').next().unwrap_or_default();
            let on = if port.is_empty() { String::new() } else { format!(" on {}", ports.trim()) };
            let why = format!("lets in `{source}`, which is everybody{on}");
            open.insert(format!("{source} {ports}"), (path, value, why));
        }
    }
}

fn is(body: &Body, name: &str, expected: &str) -> bool {
    matches!(at(body, name), At::Value(value) if value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(expected)))
}

/// A path in the spelling of Terraform: `PubliclyAccessible` is `publicly_accessible` there.
fn snake(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 4);
    let mut before = '.';
    for c in path.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
        before = c;
    }
    out
}

/// A scalar as text; what is not known as `?`.
fn text(value: &Value) -> String {
    match (value.as_str(), value.as_number()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(number)) => number.to_string(),
        (None, None) => "?".to_owned(),
    }
}
