//! Compose files of Docker.
//!
//! A service is a resource (`compose/service`), its address `services.NAME`. What stands between `${` and `}` is filled in when it
//! is started, and unknown.
//!
//! Source: the Compose Specification.

use crate::terraform::lower::{finished, mentioning};
use crate::terraform::syntax::{Block, Content, Element, Expr, ExprKind, Item, Items};
use crate::terraform::text_of;
use crate::yaml::{get, name, shared};

/// What a service may say.
const OF_SERVICE: &[&str] = &[
    "annotations",
    "attach",
    "blkio_config",
    "build",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "command",
    "configs",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "credential_spec",
    "depends_on",
    "deploy",
    "develop",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "extends",
    "external_links",
    "extra_hosts",
    "gpus",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "ipc",
    "isolation",
    "labels",
    "links",
    "logging",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "network_mode",
    "networks",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "platform",
    "ports",
    "post_start",
    "pre_stop",
    "privileged",
    "profiles",
    "pull_policy",
    "read_only",
    "restart",
    "runtime",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "userns_mode",
    "uts",
    "volume_driver",
    "volumes",
    "volumes_from",
    "working_dir",
];

/// Adds the services that a value declares: those of a whole file, or entries that stand indented, as those of `services` do.
pub(crate) fn add(source: &str, document: &Expr, blocks: &mut Vec<Block>) {
    let ExprKind::Object { elements, .. } = &document.kind else { return };
    let services = match get(document, "services").map(|services| &services.kind) {
        Some(ExprKind::Object { elements, .. }) => elements,
        _ if is_indented(source, document) => elements,
        _ => return,
    };
    for service in services.iter().filter(|service| is_service(&service.value)) {
        let (Some(id), ExprKind::Object { elements, open }) = (name(service), &service.value.kind) else { continue };
        let item = |element: &Element| {
            let name = name(element)?;
            let value = if name == "environment" { variables(&element.value) } else { None };
            let content = Content::Attribute(filled(value.unwrap_or_else(|| element.value.clone())));
            Some(Item { name: shared(name), range: element.range, content })
        };
        let entries = elements.iter().filter_map(item).collect();
        let items = Items { entries, anchor: service.key.range, close: None, open: *open };
        let block = finished("compose/service", &format!("services.{id}"), service.range.range(), items);
        let others = match get(&service.value, "depends_on").map(|value| &value.kind) {
            Some(ExprKind::List(values)) => values.iter().filter_map(text_of).map(str::to_owned).collect(),
            Some(ExprKind::Object { elements, .. }) => elements.iter().filter_map(name).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        blocks.push(mentioning(block, others.into_iter().map(|service| format!("services.{service}"))));
    }
}

/// Whether a value stands behind white space in its line.
fn is_indented(source: &str, value: &Expr) -> bool {
    source.get(..value.range.start()).is_some_and(|before| before.ends_with(' '))
}

/// Whether a value is a service: it says where its image is from, and nothing that no service says.
fn is_service(value: &Expr) -> bool {
    let ExprKind::Object { elements, .. } = &value.kind else { return false };
    let has_image = get(value, "image").is_some_and(|image| matches!(image.kind, ExprKind::Template(_)));
    let is_known = |name: &str| name.starts_with("x-") || OF_SERVICE.contains(&name);
    (has_image || get(value, "build").is_some()) && elements.iter().filter_map(name).all(is_known)
}

/// `[NAME=value]` as `{NAME: value}`.
fn variables(value: &Expr) -> Option<Expr> {
    let ExprKind::List(items) = &value.kind else { return None };
    let element = |item: &Expr| {
        let text = text_of(item)?;
        let (name, value) = text.split_once('=')?;
        let literal = |text: &str| crate::cloudformation::literal(text, item);
        Some(Element { range: item.range, key: literal(name), value: literal(value) })
    };
    let elements: Vec<_> = items.iter().filter_map(element).collect();
    Some(Expr { range: value.range, kind: ExprKind::Object { elements: elements.into(), open: false } })
}

/// A value of which what is filled in later is unknown.
fn filled(value: Expr) -> Expr {
    let Expr { range, kind } = value;
    let kind = match kind {
        ExprKind::List(values) => ExprKind::List(values.into_iter().map(filled).collect()),
        ExprKind::Object { elements, open } => {
            let inside = |element: Element| Element { value: filled(element.value), ..element };
            ExprKind::Object { elements: elements.into_iter().map(inside).collect(), open }
        }
        kind => {
            let expr = Expr { range, kind };
            let is_filled_in = text_of(&expr).is_some_and(|text| text.replace("$$", "").contains('$'));
            if is_filled_in { ExprKind::Unreadable } else { expr.kind }
        }
    };
    Expr { range, kind }
}
