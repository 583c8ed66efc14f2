//! What does not answer, or answers less.

use super::{At, States, at, blocks, for_each_leaf, last, takes_away};
use crate::change::{Action, Change, Reason};
use crate::predict::module::Pair;
use crate::tables::{Class, class};
use countersign_infra::{Body, Value};
use std::collections::BTreeMap;

/// Attributes that say how many of something run, by the last name of their paths.
const CAPACITY: &[&str] = &[
    "desired_capacity",
    "min_size",
    "max_size",
    "desired_size",
    "desired_count",
    "node_count",
    "min_node_count",
    "max_node_count",
    "instance_count",
    "min_instances",
    "max_instances",
    "min_instance_count",
    "max_instance_count",
    "reserved_concurrent_executions",
    "provisioned_concurrent_executions",
    "replicas",
    "replica_count",
    "min_replicas",
    "max_replicas",
    "num_nodes",
    "number_of_nodes",
    "num_cache_clusters",
    "num_cache_nodes",
    "num_node_groups",
    "replicas_per_node_group",
    "min_capacity",
    "max_capacity",
    "min_count",
    "max_count",
    "number_of_broker_nodes",
    "target_size",
    "instances",
    "read_capacity",
    "write_capacity",
    "DesiredCapacity",
    "MinSize",
    "MaxSize",
    "DesiredCount",
    "MinCapacity",
    "MaxCapacity",
    "InstanceCount",
    "NumCacheClusters",
    "NumCacheNodes",
    "NumberOfNodes",
    "ReservedConcurrentExecutions",
    "ReadCapacityUnits",
    "WriteCapacityUnits",
    "minReplicas",
    "maxReplicas",
    "minAvailable",
];

/// Attributes whose change stops a thing for a while, with what happens.
///
/// Source: the providers' and clouds' documentation: "Modifying a DB instance" and "Change your instance type" of AWS,
/// "Edit instances" of Cloud SQL, "Stopping an instance" of Compute Engine, "Resize a virtual machine" and "Compute and storage
/// options" of Azure.
const STOPS: &[(&str, &[&str], &str)] = &[
    (
        "aws_db_instance",
        &["instance_class", "engine_version", "parameter_group_name", "storage_type"],
        "the database restarts",
    ),
    ("aws_rds_cluster", &["engine_version", "db_cluster_parameter_group_name"], "the databases restart"),
    ("aws_rds_cluster_instance", &["instance_class", "db_parameter_group_name"], "the database restarts"),
    ("aws_docdb_cluster", &["engine_version"], "the databases restart"),
    ("aws_docdb_cluster_instance", &["instance_class"], "the database restarts"),
    ("aws_neptune_cluster", &["engine_version"], "the databases restart"),
    ("aws_neptune_cluster_instance", &["instance_class"], "the database restarts"),
    ("aws_instance", &["instance_type", "user_data", "user_data_base64"], "the machine is stopped and started"),
    (
        "aws_elasticache_cluster",
        &["node_type", "engine_version", "parameter_group_name"],
        "the nodes are replaced one by one",
    ),
    ("aws_elasticache_replication_group", &["node_type", "engine_version"], "the nodes are replaced one by one"),
    (
        "aws_redshift_cluster",
        &["node_type", "number_of_nodes", "cluster_version"],
        "the cluster is resized and answers reads at most",
    ),
    ("aws_mq_broker", &["engine_version", "host_instance_type"], "the broker restarts"),
    ("aws_msk_cluster", &["kafka_version", "broker_node_group_info.instance_type"], "the brokers restart one by one"),
    ("google_compute_instance", &["machine_type", "min_cpu_platform"], "the machine is stopped and started"),
    (
        "google_sql_database_instance",
        &["settings.tier", "settings.database_flags", "database_version"],
        "the database restarts",
    ),
    ("azurerm_linux_virtual_machine", &["size"], "the machine restarts"),
    ("azurerm_windows_virtual_machine", &["size"], "the machine restarts"),
    ("azurerm_postgresql_flexible_server", &["sku_name", "version"], "the database restarts"),
    ("azurerm_mysql_flexible_server", &["sku_name", "version"], "the database restarts"),
    ("azurerm_mssql_database", &["sku_name"], "open connections are cut"),
    ("AWS::RDS::DBInstance", &["DBInstanceClass", "EngineVersion", "StorageType"], "the database restarts"),
    ("AWS::RDS::DBCluster", &["EngineVersion", "DBClusterParameterGroupName"], "the databases restart"),
    ("AWS::EC2::Instance", &["InstanceType", "UserData"], "the machine is stopped and started"),
    ("AWS::ElastiCache::CacheCluster", &["CacheNodeType", "EngineVersion"], "the nodes are replaced one by one"),
];

/// Kinds by which others are found or reached, with what is missing without one of them.
const WAYS: &[(&str, &str)] = &[
    ("aws_route53_record", "the name is not answered"),
    ("azurerm_dns_", "the name is not answered"),
    ("azurerm_private_dns_", "the name is not answered"),
    ("google_dns_record_set", "the name is not answered"),
    ("cloudflare_record", "the name is not answered"),
    ("aws_route53_zone", "none of its names is answered"),
    ("google_dns_managed_zone", "none of its names is answered"),
    ("aws_route_table_association", "traffic takes another route"),
    ("aws_route_table", "traffic takes another route"),
    ("aws_route", "traffic takes another route"),
    ("azurerm_route", "traffic takes another route"),
    ("google_compute_route", "traffic takes another route"),
    ("aws_lb_listener", "the load balancer does not listen there"),
    ("aws_alb_listener", "the load balancer does not listen there"),
    ("aws_lb_target_group", "the load balancer sends nothing there"),
    ("aws_alb_target_group", "the load balancer sends nothing there"),
    ("aws_security_group_rule", "traffic that it let through is cut off"),
    ("aws_vpc_security_group_ingress_rule", "traffic that it let through is cut off"),
    ("azurerm_network_security_rule", "traffic that it let through is cut off"),
    ("google_compute_firewall", "traffic that it let through is cut off"),
    ("google_compute_forwarding_rule", "nothing is forwarded"),
    ("google_compute_global_forwarding_rule", "nothing is forwarded"),
    ("azurerm_lb_rule", "the load balancer does not listen there"),
    ("kubernetes_ingress", "nothing is let in by it"),
    ("kubernetes_service", "the service is not found"),
    ("networking.k8s.io/v1/Ingress", "nothing is let in by it"),
    ("v1/Service", "the service is not found"),
    ("AWS::Route53::RecordSet", "the name is not answered"),
    ("AWS::Route53::HostedZone", "none of its names is answered"),
    ("AWS::EC2::SubnetRouteTableAssociation", "traffic takes another route"),
    ("AWS::EC2::Route", "traffic takes another route"),
    ("AWS::ElasticLoadBalancingV2::Listener", "the load balancer does not listen there"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "the load balancer sends nothing there"),
    ("AWS::EC2::SecurityGroupIngress", "traffic that it let through is cut off"),
    ("AWS::EC2::VPCEndpoint", "the service behind it is not reached this way"),
    ("AWS::EC2::NatGateway", "what is behind it does not reach the internet"),
    ("AWS::EC2::InternetGateway", "the network does not reach the internet"),
    ("aws_vpc_endpoint", "the service behind it is not reached this way"),
    ("aws_nat_gateway", "what is behind it does not reach the internet"),
    ("aws_internet_gateway", "the network does not reach the internet"),
];

impl Pair<'_> {
    /// What does not answer, or answers less.
    pub(super) fn interruption(&self, change: &Change, states: &States<'_>) -> Option<Reason> {
        if takes_away(change.action) {
            return self.taken_away(change, states);
        }
        let (before, after) = (states.before?, states.after?);
        self.less(states, before, after)
            .or_else(|| self.disabled(states, before, after))
            .or_else(|| self.stopped(change, states, before, after))
            .or_else(|| self.narrowed(states, before, after))
    }

    fn taken_away(&self, change: &Change, states: &States<'_>) -> Option<Reason> {
        let way = WAYS.iter().find(|(kind, _)| change.kind.starts_with(kind)).map(|(_, what)| (*what).to_owned());
        let serves = || {
            let classes: Vec<Class> = class(&change.kind)?.classes().collect();
            let is = |class: &Class| matches!(class, Class::Data | Class::WeakData | Class::Network | Class::Control);
            classes.iter().any(is).then(|| "what uses it gets no answer".to_owned())
        };
        let what = way.or_else(serves)?;
        let why = match change.action {
            Action::Replace if states.create_first => return None,
            Action::Replace => format!("{what} until the new one is there"),
            _ => format!("{what} from then on"),
        };
        let mut reason = self.reason_at(states, "", None, why);
        reason.attribute = None;
        Some(reason)
    }

    /// Capacity that falls to nothing or by half.
    fn less(&self, states: &States<'_>, before: &Body, after: &Body) -> Option<Reason> {
        let numbers = |body| {
            let mut found: BTreeMap<String, (f64, &Value)> = BTreeMap::new();
            for_each_leaf(body, "", &mut |path, value| {
                if let Some(number) = value.as_number().filter(|_| CAPACITY.contains(&last(path))) {
                    found.entry(path.to_owned()).or_insert((number, value));
                }
            });
            found
        };
        let old = numbers(before);
        numbers(after).into_iter().find_map(|(path, (new, value))| {
            let (old, _) = *old.get(&path)?;
            // -1 stands for no limit.
            let is_less = old > 0.0 && (0.0..=old / 2.0).contains(&new);
            let what = if new > 0.0 { "half or less of it is left" } else { "nothing of it is left" };
            is_less.then(|| {
                self.reason_at(states, &path, Some(value), format!("`{path}` goes from {old} to {new}: {what}"))
            })
        })
    }

    fn disabled(&self, states: &States<'_>, before: &Body, after: &Body) -> Option<Reason> {
        let states_of = |body| {
            let mut found: BTreeMap<String, (bool, &Value)> = BTreeMap::new();
            for_each_leaf(body, "", &mut |path, value| {
                let text = value.as_str().map(str::to_ascii_uppercase);
                let state = match (last(path), value.as_bool(), text.as_deref()) {
                    ("enabled" | "is_enabled" | "active", Some(bool), _) => bool,
                    ("disabled" | "paused", Some(bool), _) => !bool,
                    ("state" | "status", _, Some("ENABLED")) => true,
                    ("state" | "status", _, Some("DISABLED")) => false,
                    _ => return,
                };
                found.entry(path.to_owned()).or_insert((state, value));
            });
            found
        };
        let old = states_of(before);
        states_of(after).into_iter().find_map(|(path, (is_on, value))| {
            let was_on = old.get(&path).map_or(!path.contains('.'), |(state, _)| *state);
            let is_protection = ["versioning", "logging", "backup", "rotation"].iter().any(|part| path.contains(part));
            (was_on && !is_on && !is_protection)
                .then(|| self.reason_at(states, &path, Some(value), format!("`{path}` switches it off")))
        })
    }

    fn stopped(&self, change: &Change, states: &States<'_>, before: &Body, after: &Body) -> Option<Reason> {
        let (_, paths, what) = STOPS.iter().find(|(kind, ..)| *kind == change.kind)?;
        let path = paths.iter().find(|path| {
            // What is known to change: it is one of the reasons.
            let is_reason = |reason: &Reason| {
                reason.attribute.as_deref().is_some_and(|it| it == **path || it.starts_with(&format!("{path}.")))
            };
            change.reasons.iter().any(is_reason)
        })?;
        let (old, new) = (at(before, path), at(after, path));
        if matches!(old, At::Missing) || matches!(new, At::Missing) {
            return None;
        }
        let when = match at(after, "apply_immediately") {
            At::Value(value) if value.as_bool() == Some(true) => " at once",
            At::Unknown => "",
            _ if class_has_window(&change.kind) => " in the next maintenance window",
            _ => "",
        };
        let value = match new {
            At::Value(value) => Some(value),
            _ => None,
        };
        Some(self.reason_at(states, path, value, format!("`{path}` changes: {what}{when}")))
    }

    /// Ways in that are taken away from something that stays.
    fn narrowed(&self, states: &States<'_>, before: &Body, after: &Body) -> Option<Reason> {
        for (block, what) in [
            ("ingress", "what it let in is cut off"),
            ("route", "traffic takes another route"),
            ("security_rule", "what it let through is cut off"),
        ] {
            let count = |body: &Body| blocks(body, block).count();
            let is_unknown = |body: &Body| body.open || body.named(block).any(|field| field.value.is_unknown());
            if count(after) < count(before) && !is_unknown(before) && !is_unknown(after) {
                let why = format!("there are fewer `{block}` blocks: {what}");
                return Some(self.reason_at(states, block, None, why));
            }
        }
        None
    }
}

/// Whether changes of a kind wait for a window unless they are asked for at once.
fn class_has_window(kind: &str) -> bool {
    ["aws_db_", "aws_rds_", "aws_docdb_", "aws_neptune_", "aws_elasticache_", "aws_mq_", "aws_redshift_"]
        .iter()
        .any(|prefix| kind.starts_with(prefix))
}
