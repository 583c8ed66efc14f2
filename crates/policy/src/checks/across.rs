//! Risks that are seen in how resources stand to each other. Each is reported once, at the resource that gets hurt, and names
//! the other end.

use super::{Context, iam, ports};
use crate::evaluate::{Place, Related};
use countersign_infra::{Alone, Found, Resource, Value, ValueKind, World};
use std::sync::Arc;

const ADMIN_POLICY: &str = ":iam::aws:policy/AdministratorAccess";

/// A bucket that is the `bucket` of an S3 backend of the same folder.
pub(super) fn state_bucket(context: &Context<'_>) -> Vec<Place> {
    let Some(name) = context.resource.body.value("bucket") else { return Vec::new() };
    let holds = |backend: &Arc<Resource>| {
        name.as_str().is_some_and(|text| backend.body.value("bucket").and_then(Value::as_str) == Some(text))
    };
    let Some(backend) = context.world.of_kind("backend.s3").into_iter().find(holds) else { return Vec::new() };
    vec![Place { related: vec![related(&backend, "keeps its state in the bucket")], ..Place::at(name) }]
}

/// The security groups of a resource that let the whole internet reach an administrator's or database's port.
pub(super) fn open_group(context: &Context<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    for value in values(context.resource, context.attribute) {
        if let Some((opener, ports)) = group_openings(value, context.world).into_iter().next() {
            let message = format!("lets the whole internet reach {ports}");
            places.push(Place {
                range: value.range.clone(),
                value: Some(ports),
                related: vec![related(&opener, &message)],
                ..Place::default()
            });
        }
    }
    places
}

/// The principal for everybody in the trust policy of a role that is an administrator.
pub(super) fn open_admin_role(context: &Context<'_>) -> Vec<Place> {
    let Some(grant) = admin_grant(context.resource, context.world) else { return Vec::new() };
    let mut places = iam::anyone(context);
    for place in &mut places {
        place.related.push(related(&grant, "makes the role an administrator"));
    }
    places
}

/// The profile of a machine with a public address and an open security group, where its role is an administrator.
pub(super) fn reachable_admin(context: &Context<'_>) -> Vec<Place> {
    let Context { resource, attribute, world, .. } = *context;
    let groups = ["vpc_security_group_ids", "security_groups"];
    let opening = groups
        .iter()
        .flat_map(|name| values(resource, name))
        .find_map(|value| group_openings(value, world).into_iter().next());
    let Some((opener, ports)) = opening else { return Vec::new() };
    let mut places = Vec::new();
    for value in values(resource, attribute) {
        let roles = pointed_at(value, &["aws_iam_instance_profile"], world).into_iter().flat_map(|profile| {
            values(&profile, "role")
                .into_iter()
                .flat_map(|role| pointed_at(role, &["aws_iam_role"], world))
                .collect::<Vec<_>>()
        });
        for role in roles {
            if let Some(grant) = admin_grant(&role, world) {
                places.push(Place {
                    range: value.range.clone(),
                    value: Some(ports.clone()),
                    related: vec![
                        related(&opener, &format!("lets the whole internet reach {ports}")),
                        related(&grant, "makes its role an administrator"),
                    ],
                    ..Place::default()
                });
            }
        }
    }
    places
}

/// The subnets of a resource, where all of them are known to reach the internet through a NAT gateway.
pub(super) fn routed_through_nat(context: &Context<'_>) -> Vec<Place> {
    let Context { resource, world, .. } = *context;
    let subnets: Vec<_> = ["subnet_id", "network_configuration.subnets"]
        .iter()
        .flat_map(|name| values(resource, name))
        .filter(|value| !matches!(value.kind, ValueKind::Null))
        .collect();
    let through_nat = |value: &&Value| {
        let found = pointed_at(value, &["aws_subnet"], world);
        !found.is_empty() && found.iter().all(|subnet| is_behind_nat(subnet, world))
    };
    let all = subnets.iter().all(through_nat);
    subnets.into_iter().filter(|_| all).map(Place::at).collect()
}

/// Whether what a subnet sends to the internet goes through a NAT gateway, for all that is said of its routes.
fn is_behind_nat(subnet: &Resource, world: &dyn World) -> bool {
    let associations = pointing_at("aws_route_table_association", "subnet_id", subnet, world);
    let tables: Vec<_> = associations
        .iter()
        .flat_map(|association| values(association, "route_table_id"))
        .map(|table| pointed_at(table, &["aws_route_table"], world))
        .collect();
    let through_nat = |table: &Arc<Resource>| {
        let own = table.body.named("route").filter_map(|route| match &route.value.kind {
            ValueKind::Object(route) => Some(route.clone()),
            _ => None,
        });
        let beside = pointing_at("aws_route", "route_table_id", table, world);
        own.chain(beside.iter().map(|route| route.body.clone())).any(|route| {
            let everywhere = ["cidr_block", "destination_cidr_block"]
                .iter()
                .any(|name| route.value(name).and_then(Value::as_str) == Some("0.0.0.0/0"));
            let gateway = route.value("nat_gateway_id").is_some_and(|gateway| !matches!(gateway.kind, ValueKind::Null));
            everywhere && gateway
        })
    };
    !tables.is_empty() && tables.iter().all(|tables| !tables.is_empty() && tables.iter().all(through_nat))
}

/// What makes a bucket public, where that stands in a policy or an access list of the module.
pub(super) fn bucket_is_public(context: &Context<'_>) -> Vec<Place> {
    let Context { resource, world, .. } = *context;
    let public = |value: &&Value| value.as_str().is_some_and(|acl| acl.starts_with("public"));
    let lists = pointing_at("aws_s3_bucket_acl", "bucket", resource, world);
    let by_list =
        values(resource, "acl").iter().any(public) || lists.iter().any(|list| values(list, "acl").iter().any(public));
    let by_policy = || {
        pointing_at("aws_s3_bucket_policy", "bucket", resource, world).iter().any(|policy| {
            // Its text may stand in another unit: only what needs no text is looked at.
            let context = Context { resource: policy, attribute: "policy", source: "", world: &Alone };
            !iam::anyone(&context).is_empty()
        })
    };
    if by_list || by_policy() {
        vec![Place { range: resource.body.anchor.clone(), ..Place::default() }]
    } else {
        Vec::new()
    }
}

fn related(resource: &Resource, message: &str) -> Related {
    Related { address: resource.address.clone(), message: message.to_owned() }
}

/// What stands at an attribute, the elements of a list one by one.
fn values<'a>(resource: &'a Resource, attribute: &str) -> Vec<&'a Value> {
    let mut values = Vec::new();
    for found in resource.body.find(attribute) {
        match found {
            Found::Value(Value { kind: ValueKind::List(elements), .. }) => values.extend(elements),
            Found::Value(value) => values.push(value),
            Found::Missing { .. } | Found::Unknown => {}
        }
    }
    values
}

/// Whether a value stands for a resource: as a reference, or by its known name.
fn points_at(value: &Value, resource: &Resource) -> bool {
    value.refers_to(&resource.address)
        || value.as_str().is_some_and(|text| {
            let is = |name| resource.body.value(name).and_then(Value::as_str) == Some(text);
            !text.is_empty() && ["name", "id", "arn"].into_iter().any(is)
        })
}

/// The resources of some kinds that a value stands for.
fn pointed_at(value: &Value, kinds: &[&str], world: &dyn World) -> Vec<Arc<Resource>> {
    if let Some(address) = value.reference() {
        let resource = world.resource(&address).filter(|resource| kinds.contains(&resource.kind.as_str()));
        return resource.into_iter().collect();
    }
    if value.as_str().is_none() {
        return Vec::new();
    }
    kinds.iter().flat_map(|kind| world.of_kind(kind)).filter(|resource| points_at(value, resource)).collect()
}

/// The resources of a kind that are certain to name another one in an attribute.
fn pointing_at(kind: &str, attribute: &str, resource: &Resource, world: &dyn World) -> Vec<Arc<Resource>> {
    let mut naming = world.naming(kind, attribute, resource);
    naming.retain(|other| values(other, attribute).iter().any(|value| points_at(value, resource)));
    naming
}

/// The security group that a value stands for, or rules of it in resources of their own, that the whole internet can reach,
/// with the ports.
fn group_openings(value: &Value, world: &dyn World) -> Vec<(Arc<Resource>, String)> {
    let mut openings = Vec::new();
    for group in pointed_at(value, &["aws_security_group"], world) {
        let rules = ["aws_security_group_rule", "aws_vpc_security_group_ingress_rule"]
            .into_iter()
            .flat_map(|kind| pointing_at(kind, "security_group_id", &group, world));
        for opener in std::iter::once(Arc::clone(&group)).chain(rules.collect::<Vec<_>>()) {
            if let Some(ports) = ports::open_to_the_world(&opener) {
                openings.push((opener, ports));
            }
        }
    }
    openings
}

/// What makes a role an administrator: a policy attached to it, one of its own, or the role's own list.
fn admin_grant(role: &Resource, world: &dyn World) -> Option<Arc<Resource>> {
    let admin = |value: &&Value| value.as_str().is_some_and(|text| text.ends_with(ADMIN_POLICY));
    if values(role, "managed_policy_arns").iter().any(admin) {
        return Some(Arc::new(role.clone()));
    }
    let attached = pointing_at("aws_iam_role_policy_attachment", "role", role, world)
        .into_iter()
        .find(|other| values(other, "policy_arn").iter().any(admin));
    attached.or_else(|| {
        pointing_at("aws_iam_role_policy", "role", role, world).into_iter().find(|other| {
            // Its text may stand in another unit: only what needs no text is looked at.
            let context = Context { resource: other, attribute: "policy", source: "", world: &Alone };
            !iam::allows_everything(&context).is_empty()
        })
    })
}
