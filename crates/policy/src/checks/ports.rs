//! Ports that the whole internet can reach: AWS security groups, Google firewall rules, Azure network security rules.
//!
//! A rule counts only where its direction, its ports and its open source all stand in the text.

use super::Context;
use crate::evaluate::Place;
use countersign_infra::{Body, Found, Resource, Value, ValueKind};

/// Ports of remote shells and desktops.
const ADMIN_PORTS: &[(u16, &str)] = &[(22, "SSH"), (3389, "RDP")];

/// Ports of databases and caches.
const DATABASE_PORTS: &[(u16, &str)] = &[
    (1433, "SQL Server"),
    (1521, "Oracle"),
    (3306, "MySQL"),
    (5432, "PostgreSQL"),
    (5439, "Redshift"),
    (6379, "Redis"),
    (9200, "Elasticsearch"),
    (11211, "Memcached"),
    (27017, "MongoDB"),
];

/// Ports of protocols that carry passwords and files in the clear or were never meant to leave a local network.
const CLEARTEXT_PORTS: &[(u16, &str)] = &[
    (20, "FTP data"),
    (21, "FTP"),
    (23, "Telnet"),
    (69, "TFTP"),
    (111, "RPC"),
    (139, "NetBIOS"),
    (445, "SMB"),
    (512, "rexec"),
    (513, "rlogin"),
    (514, "rsh"),
    (873, "rsync"),
    (2049, "NFS"),
    (2375, "the Docker API"),
    (5900, "VNC"),
    (10250, "the kubelet API"),
];

/// An inbound rule: from where, to which ports.
struct Inbound<'a> {
    sources: Vec<&'a Value>,
    ports: Vec<(u16, u16)>,
    /// Of TCP alone.
    tcp: bool,
}

const ALL_PORTS: (u16, u16) = (0, u16::MAX);

/// The open sources of rules that let them reach an administrator's port.
pub(super) fn open_admin_port(context: &Context<'_>) -> Vec<Place> {
    open(context.resource, |rule| rule.reached(ADMIN_PORTS))
}

/// The open sources of rules that let them reach a database's port and no administrator's port, which is the other risk.
pub(super) fn open_database_port(context: &Context<'_>) -> Vec<Place> {
    open(
        context.resource,
        |rule| if rule.reached(ADMIN_PORTS).is_empty() { rule.reached(DATABASE_PORTS) } else { Vec::new() },
    )
}

/// The first of the administrators' and database ports that the whole internet can reach by the rules of a resource.
pub(super) fn open_to_the_world(resource: &Resource) -> Option<String> {
    let ports: Vec<_> = ADMIN_PORTS.iter().chain(DATABASE_PORTS).copied().collect();
    inbound(resource).iter().filter(|rule| !rule.sources.is_empty()).find_map(|rule| {
        if rule.ports.contains(&ALL_PORTS) {
            Some(rule.every_port().to_owned())
        } else {
            rule.reached(&ports).into_iter().next()
        }
    })
}

/// The open sources of rules that let them reach a port of a cleartext protocol, and no port of the two other risks.
pub(super) fn open_cleartext_port(context: &Context<'_>) -> Vec<Place> {
    open(context.resource, |rule| {
        let others = rule.reached(ADMIN_PORTS).len() + rule.reached(DATABASE_PORTS).len();
        if others == 0 { rule.reached(CLEARTEXT_PORTS) } else { Vec::new() }
    })
}

/// Width of a range that is there for the answers to outgoing connections.
const ANSWERS: u16 = 10_000;

/// Entries of network ACLs that let everybody reach an administrator's or cleartext port, and do so by name: all ports and
/// wide ranges of them are what an ACL without opinion looks like, unless it denies the port to everybody with a higher number,
/// which is then never looked at. An entry with a lower number that denies comes first.
pub(super) fn open_acl_port(context: &Context<'_>) -> Vec<Place> {
    let body = &context.resource.body;
    let entries: Vec<_> = match context.resource.kind.as_str() {
        "aws_network_acl_rule" if body.value("egress").is_none_or(|egress| egress.as_bool() == Some(false)) => {
            vec![AclEntry::read(body, "rule_action", "rule_number")]
        }
        "aws_network_acl_rule" => Vec::new(),
        _ => blocks(body, "ingress").map(|entry| AclEntry::read(entry, "action", "rule_no")).collect(),
    };
    let Some(entries) = entries.into_iter().collect::<Option<Vec<_>>>() else { return Vec::new() };
    let mut places = Vec::new();
    for entry in entries.iter().filter(|entry| entry.allows) {
        let by_name = entry.ports.1 - entry.ports.0 < ANSWERS;
        let denied_too_late = |port: u16| {
            let late = |other: &&AclEntry<'_>| !other.allows && other.source.is_some() && other.number > entry.number;
            entries
                .iter()
                .filter(late)
                .any(|other| other.ports != ALL_PORTS && (other.ports.0..=other.ports.1).contains(&port))
        };
        let denied = |port: u16| {
            entries.iter().any(|other| {
                !other.allows && other.number < entry.number && (other.ports.0..=other.ports.1).contains(&port)
            })
        };
        let named = ADMIN_PORTS.iter().chain(CLEARTEXT_PORTS);
        let reached: Vec<_> = named
            .filter(|(port, _)| (entry.ports.0..=entry.ports.1).contains(port) && !denied(*port))
            .filter(|(port, _)| by_name || denied_too_late(*port))
            .map(|(port, name)| format!("{name} ({port})"))
            .collect();
        if let (Some(first), Some(source)) = (reached.first(), entry.source) {
            let more = if reached.len() > 1 { " and more" } else { "" };
            places.push(Place { value: Some(format!("{first}{more}")), ..Place::at(source) });
        }
    }
    places
}

/// An entry of a network ACL for everybody.
struct AclEntry<'a> {
    allows: bool,
    number: f64,
    ports: (u16, u16),
    /// Where it says that everybody is meant; none where it is somebody else.
    source: Option<&'a Value>,
}

impl<'a> AclEntry<'a> {
    /// `None` where what matters is not known.
    fn read(entry: &'a Body, action: &str, number: &str) -> Option<Self> {
        let ports = match text(entry, "protocol")?.as_str() {
            "-1" | "all" => ALL_PORTS,
            "tcp" | "6" => (port(entry.value("from_port")?)?, port(entry.value("to_port")?)?),
            _ => (0, 0),
        };
        let sources = ["cidr_block", "ipv6_cidr_block"];
        Some(Self {
            allows: text(entry, action)? == "allow",
            number: entry.value(number)?.as_number()?,
            ports: (ports.0.min(ports.1), ports.1),
            source: open_sources(entry, &sources, &["0.0.0.0/0", "::/0"]).into_iter().next(),
        })
    }
}

/// The open sources of each rule that reaches ports, with the names of those.
fn open(resource: &Resource, reached: impl Fn(&Inbound<'_>) -> Vec<String>) -> Vec<Place> {
    let mut places = Vec::new();
    for rule in inbound(resource) {
        let reached = if rule.ports.contains(&ALL_PORTS) && !reached(&rule).is_empty() {
            vec![rule.every_port().to_owned()]
        } else {
            reached(&rule)
        };
        if let Some((last, first)) = reached.split_last() {
            let names = if first.is_empty() { last.clone() } else { format!("{} and {last}", first.join(", ")) };
            places.extend(rule.sources.iter().map(|source| Place { value: Some(names.clone()), ..Place::at(source) }));
        }
    }
    places
}

impl Inbound<'_> {
    /// What a rule for all ports reaches.
    fn every_port(&self) -> &'static str {
        if self.tcp { "every TCP port" } else { "every port" }
    }

    /// Names of those among `ports` that the rule reaches.
    fn reached(&self, ports: &[(u16, &str)]) -> Vec<String> {
        let reaches = |port: u16| self.ports.iter().any(|(from, to)| (*from..=*to).contains(&port));
        ports.iter().filter(|(port, _)| reaches(*port)).map(|(port, name)| format!("{name} ({port})")).collect()
    }
}

fn inbound(resource: &Resource) -> Vec<Inbound<'_>> {
    let body = &resource.body;
    match resource.kind.as_str() {
        "aws_security_group" | "aws_default_security_group" => blocks(body, "ingress").filter_map(aws).collect(),
        "aws_security_group_rule" if is(body, "type", "ingress") => aws(body).into_iter().collect(),
        "aws_vpc_security_group_ingress_rule" | "AWS::EC2::SecurityGroupIngress" => aws(body).into_iter().collect(),
        "AWS::EC2::SecurityGroup" => blocks(body, "SecurityGroupIngress").filter_map(aws).collect(),
        "google_compute_firewall" => google(body).into_iter().collect(),
        "azurerm_network_security_rule" => azure(body).into_iter().collect(),
        "azurerm_network_security_group" => blocks(body, "security_rule").filter_map(azure).collect(),
        _ => Vec::new(),
    }
}

fn aws(rule: &Body) -> Option<Inbound<'_>> {
    let protocol = ["protocol", "ip_protocol", "IpProtocol"].iter().find_map(|name| text(rule, name))?;
    let end = |names: [&str; 2]| names.into_iter().find_map(|name| rule.value(name));
    let (from, to) = (end(["from_port", "FromPort"]), end(["to_port", "ToPort"]));
    let ports = match protocol.as_str() {
        "-1" | "all" => ALL_PORTS,
        // AWS takes -1 for "all" only with ICMP, but every port is what it asks for.
        "tcp" | "6" if from?.as_number() == Some(-1.0) => ALL_PORTS,
        "tcp" | "6" => (port(from?)?, port(to?)?),
        _ => return None,
    };
    let sources = ["cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6", "CidrIp", "CidrIpv6"];
    Some(Inbound {
        sources: open_sources(rule, &sources, &["0.0.0.0/0", "::/0"]),
        ports: vec![ports],
        tcp: matches!(protocol.as_str(), "tcp" | "6"),
    })
}

fn google(rule: &Body) -> Option<Inbound<'_>> {
    let inbound = rule.value("direction").is_none() || is(rule, "direction", "ingress");
    let enabled = rule.value("disabled").is_none_or(|disabled| disabled.as_bool() == Some(false));
    if !inbound || !enabled {
        return None;
    }
    let (mut ports, mut tcp) = (Vec::new(), true);
    for allow in blocks(rule, "allow") {
        match text(allow, "protocol").as_deref() {
            Some("all") => {
                ports.push(ALL_PORTS);
                tcp = false;
            }
            Some("tcp" | "6") => match allow.value("ports") {
                None if !allow.open => ports.push(ALL_PORTS),
                Some(Value { kind: ValueKind::List(list), .. }) => ports.extend(list.iter().filter_map(port_range)),
                _ => {}
            },
            _ => {}
        }
    }
    Some(Inbound { sources: open_sources(rule, &["source_ranges"], &["0.0.0.0/0", "::/0"]), ports, tcp })
}

fn azure(rule: &Body) -> Option<Inbound<'_>> {
    let protocol = text(rule, "protocol")?;
    if !is(rule, "direction", "inbound") || !is(rule, "access", "allow") || !matches!(protocol.as_str(), "tcp" | "*") {
        return None;
    }
    let ports = ["destination_port_range", "destination_port_ranges"];
    let ports = ports.iter().filter_map(|name| rule.value(name)).flat_map(elements).filter_map(port_range).collect();
    let sources = ["source_address_prefix", "source_address_prefixes"];
    Some(Inbound {
        sources: open_sources(rule, &sources, &["0.0.0.0/0", "::/0", "*", "internet", "any"]),
        ports,
        tcp: protocol == "tcp",
    })
}

fn open_sources<'a>(rule: &'a Body, names: &[&str], open: &[&str]) -> Vec<&'a Value> {
    let values = names.iter().filter_map(|name| rule.value(name)).flat_map(elements);
    values
        .filter(|value| {
            // Whatever stands before it, `/0` is every address.
            let is_open = |text: &str| open.contains(&text.to_ascii_lowercase().as_str()) || text.ends_with("/0");
            value.as_str().is_some_and(is_open)
        })
        .collect()
}

/// The instances of a nested block, also where they are written as a list of objects.
fn blocks<'a>(body: &'a Body, name: &'a str) -> impl Iterator<Item = &'a Body> {
    body.named(name).flat_map(|field| elements(&field.value)).filter_map(|value| match &value.kind {
        ValueKind::Object(body) => Some(body),
        _ => None,
    })
}

/// The elements of a list; any other value is its own only element.
fn elements(value: &Value) -> std::slice::Iter<'_, Value> {
    match &value.kind {
        ValueKind::List(values) => values.iter(),
        _ => std::slice::from_ref(value).iter(),
    }
}

/// A string or number in lower case.
fn text(body: &Body, name: &str) -> Option<String> {
    let value = body.value(name)?;
    match &value.kind {
        ValueKind::Number(number) => Some(number.to_string()),
        _ => value.as_str().map(str::to_ascii_lowercase),
    }
}

fn is(body: &Body, name: &str, expected: &str) -> bool {
    match body.find(name).as_slice() {
        [Found::Value(value)] => value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(expected)),
        _ => false,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a port number")]
fn port(value: &Value) -> Option<u16> {
    value.as_number().filter(|number| (0.0..=65535.0).contains(number)).map(|number| number as u16)
}

/// `22`, `"22"`, `"20-30"`, `"*"`.
fn port_range(value: &Value) -> Option<(u16, u16)> {
    if let Some(port) = port(value) {
        return Some((port, port));
    }
    match value.as_str()? {
        "*" => Some(ALL_PORTS),
        text => {
            let (from, to) = text.split_once('-')?;
            Some((from.trim().parse().ok()?, to.trim().parse().ok()?))
        }
    }
}
