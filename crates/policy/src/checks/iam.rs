//! AWS policy documents: JSON in a heredoc or string, `jsonencode`, or the `aws_iam_policy_document` data source.
//!
//! Only what is certain counts: a statement with a condition that not everybody meets, or with a part that decides and is unknown, is passed over.

use super::Context;
use crate::evaluate::Place;
use countersign_infra::{Body, Field, Found, Resource, Value, ValueKind, document};

/// Names of a statement's parts, which the data source spells differently.
struct Names {
    effect: &'static str,
    actions: &'static str,
    other_actions: &'static str,
    resources: &'static str,
    principals: &'static str,
    condition: &'static str,
}

const JSON: Names = Names {
    effect: "Effect",
    actions: "Action",
    other_actions: "NotAction",
    resources: "Resource",
    principals: "Principal",
    condition: "Condition",
};

const DATA_SOURCE: Names = Names {
    effect: "effect",
    actions: "actions",
    other_actions: "not_actions",
    resources: "resources",
    principals: "principals",
    condition: "condition",
};

/// Allow statements that let every action be done to every resource. A statement that names principals stands on a
/// resource, such as a key, and everything is that resource.
pub(super) fn allows_everything(context: &Context<'_>) -> Vec<Place> {
    allow_statements(context, |statement, names| {
        let any = |name, all: &[&str]| {
            strings(statement.value(name))
                .into_iter()
                .find(|value| value.as_str().is_some_and(|text| all.contains(&text)))
        };
        let narrowed = statement.value(names.other_actions).is_some() || statement.value(names.principals).is_some();
        match (any(names.actions, &["*", "*:*"]), any(names.resources, &["*"])) {
            (Some(action), Some(_)) if !narrowed => vec![Place::at(action)],
            _ => Vec::new(),
        }
    })
}

/// Allow statements with the action `*` on resources that are named, in policies of identities.
pub(super) fn any_action(context: &Context<'_>) -> Vec<Place> {
    allow_statements(context, |statement, names| {
        let narrowed = statement.value(names.other_actions).is_some() || statement.value(names.principals).is_some();
        let resources = strings(statement.value(names.resources));
        let everything = resources.iter().any(|value| value.is_unknown() || value.as_str() == Some("*"));
        let any = strings(statement.value(names.actions))
            .into_iter()
            .find(|value| matches!(value.as_str(), Some("*" | "*:*")));
        any.filter(|_| !narrowed && !everything && !resources.is_empty()).map(Place::at).into_iter().collect()
    })
}

/// Actions with which an identity gives itself, or one that it can sign in as, more rights.
const ESCALATIONS: &[&str] = &[
    "iam:addusertogroup",
    "iam:attachgrouppolicy",
    "iam:attachrolepolicy",
    "iam:attachuserpolicy",
    "iam:createaccesskey",
    "iam:createloginprofile",
    "iam:createpolicyversion",
    "iam:putgrouppolicy",
    "iam:putrolepolicy",
    "iam:putuserpolicy",
    "iam:setdefaultpolicyversion",
    "iam:updateassumerolepolicy",
    "iam:updateloginprofile",
];

/// Actions that start something under a role that is passed to it.
const LAUNCHES: &[&str] = &[
    "cloudformation:createstack",
    "codebuild:createproject",
    "datapipeline:createpipeline",
    "ec2:runinstances",
    "ecs:runtask",
    "glue:createdevendpoint",
    "glue:createjob",
    "lambda:createfunction",
    "sagemaker:createnotebookinstance",
];

/// Allow statements on every resource with which an identity can become an administrator: changing anyone's rights, or
/// passing any role to something that it starts.
pub(super) fn escalation(context: &Context<'_>) -> Vec<Place> {
    allow_statements(context, |statement, names| {
        let everywhere = strings(statement.value(names.resources)).iter().any(|value| value.as_str() == Some("*"));
        let narrowed = statement.value(names.other_actions).is_some() || statement.value(names.principals).is_some();
        if !everywhere || narrowed {
            return Vec::new();
        }
        let actions = strings(statement.value(names.actions));
        let allows = |wanted: &[&str]| {
            actions.iter().copied().find(|value| {
                value.as_str().is_some_and(|text| {
                    let text = text.to_ascii_lowercase();
                    !matches!(text.as_str(), "*" | "*:*") && wanted.iter().any(|action| covers(&text, action))
                })
            })
        };
        let passes = || allows(LAUNCHES).and_then(|_| allows(&["iam:passrole"]));
        allows(ESCALATIONS).or_else(passes).map(Place::at).into_iter().collect()
    })
}

/// Whether an action with wildcards stands for another.
fn covers(pattern: &str, action: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| action.strip_prefix(first)) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Deny statements that keep everybody, the owner's administrators included, from everything in a bucket.
pub(super) fn locks_out(context: &Context<'_>) -> Vec<Place> {
    statements(context, "Deny", |statement, names| {
        let narrowed = ["NotAction", "NotPrincipal", "NotResource"].iter().any(|name| statement.value(name).is_some());
        let bucket = |value: &&Value| {
            let text = value.as_str().unwrap_or_default();
            text == "*" || text.starts_with("arn:") && !text.contains('/')
        };
        let resources = strings(statement.value(names.resources));
        let everywhere = resources.is_empty() || resources.iter().any(bucket);
        let everybody = statement.named(names.principals).any(|field| any_principal(&field.value).is_some());
        let action = strings(statement.value(names.actions))
            .into_iter()
            .find(|value| value.as_str().is_some_and(|text| matches!(text, "*") || text.eq_ignore_ascii_case("s3:*")));
        action.filter(|_| !narrowed && everywhere && everybody).map(Place::at).into_iter().collect()
    })
}

/// Statements that trust the issuer of every GitHub workflow's tokens without saying whose workflows are meant.
pub(super) fn github_open(context: &Context<'_>) -> Vec<Place> {
    const ISSUER: &str = "token.actions.githubusercontent.com";
    each_statement(context, "Allow", |statement, names| {
        let federated = statement.value(names.principals).and_then(|principal| match &principal.kind {
            ValueKind::Object(body) => body.value("Federated"),
            _ => None,
        });
        let issuer =
            strings(federated).into_iter().find(|value| value.as_str().is_some_and(|text| text.ends_with(ISSUER)));
        let limited = statement.named(names.condition).any(|condition| match &condition.value.kind {
            ValueKind::Object(operators) => {
                operators.open || operators.fields.iter().any(|operator| limits_subject(&operator.value))
            }
            _ => true,
        });
        issuer.filter(|_| !limited).map(Place::at).into_iter().collect()
    })
}

/// Whether a condition may say which workflows are meant: by their subject, repository or owner, and not by `*`.
fn limits_subject(operator: &Value) -> bool {
    let ValueKind::Object(keys) = &operator.kind else { return true };
    keys.open
        || keys.fields.iter().any(|key| {
            let claim = key.name.rsplit(':').next().unwrap_or_default();
            claim != "aud"
                && strings(Some(&key.value))
                    .iter()
                    .all(|value| !matches!(value.as_str(), Some("*" | "repo:*" | "repo:*/*" | "repo:*:*")))
        })
}

/// A policy document for anyone that nothing here uses, so that what it is for is decided elsewhere. Where a resource uses
/// it, that resource's own risk says so.
pub(super) fn document_public(context: &Context<'_>) -> Vec<Place> {
    let used = |other: &Resource| other.kind != "output";
    if context.world.referrers(&context.resource.address, &[]).iter().any(|other| used(other)) {
        return Vec::new();
    }
    anyone(context)
}

/// Allow statements for any principal whatsoever.
pub(super) fn anyone(context: &Context<'_>) -> Vec<Place> {
    allow_statements(context, |statement, names| {
        statement.named(names.principals).filter_map(|field| any_principal(&field.value)).map(Place::at).collect()
    })
}

/// The `"*"` that stands for everybody in `Principal = "*"`, `Principal = { AWS = "*" }` or a `principals` block.
fn any_principal(principal: &Value) -> Option<&Value> {
    let star = |value: &Value| {
        value.as_str().is_some_and(|text| text == "*" || text.starts_with("arn:") && text.contains(":iam::*:"))
    };
    match &principal.kind {
        ValueKind::Object(body) if body.value("identifiers").is_some() => {
            let kind = body.value("type").and_then(Value::as_str)?;
            strings(body.value("identifiers")).into_iter().find(|value| star(value) && matches!(kind, "*" | "AWS"))
        }
        ValueKind::Object(body) => strings(body.value("AWS")).into_iter().find(|value| star(value)),
        _ => Some(principal).filter(|value| star(value)),
    }
}

/// Calls `each` with every action that a statement names, whatever the statement does with it.
pub(super) fn for_each_action(context: &Context<'_>, mut each: impl FnMut(&Value)) {
    for_each_statement(context, |statement, names| {
        let actions = [names.actions, names.other_actions];
        actions.iter().flat_map(|name| strings(statement.value(name))).for_each(&mut each);
    });
}

/// What `places` finds in each statement that allows something without condition.
fn allow_statements(context: &Context<'_>, places: impl Fn(&Body, &Names) -> Vec<Place>) -> Vec<Place> {
    statements(context, "Allow", places)
}

/// What `places` finds in each statement of one effect that has no condition, or allows under one that everybody meets.
fn statements(context: &Context<'_>, wanted: &str, places: impl Fn(&Body, &Names) -> Vec<Place>) -> Vec<Place> {
    each_statement(context, wanted, |statement, names| {
        let narrowed = statement.value(names.condition).is_some_and(|it| wanted != "Allow" || !anybody_meets(it));
        if narrowed { Vec::new() } else { places(statement, names) }
    })
}

/// What a caller says of itself, and may say as it likes.
///
/// Source: "AWS global condition context keys" in the IAM user guide.
const SAID_BY_CALLER: [&str; 2] = ["aws:Referer", "aws:UserAgent"];

/// Whether a condition asks for no more than an ARN that every principal of every account has, or for what callers say of themselves.
fn anybody_meets(condition: &Value) -> bool {
    let ValueKind::Object(operators) = &condition.kind else { return false };
    let of_anybody = |operator: &str, key: &Field| {
        let any = |value: &&Value| {
            matches!(value.as_str(), Some("*" | "arn:*" | "arn:aws:*" | "arn:aws:iam::*" | "arn:aws:iam::*:*"))
        };
        let is = |name: &&str| key.name.eq_ignore_ascii_case(name);
        let is_arn = is(&"aws:PrincipalArn") && operator != "StringEquals";
        SAID_BY_CALLER.iter().any(is) || (is_arn && strings(Some(&key.value)).iter().any(any))
    };
    let of_all = |operator: &Field| {
        let name = operator.name.as_str();
        let compares = ["ArnEquals", "ArnLike", "StringEquals", "StringLike"].contains(&name);
        let of_anybody = |key: &Field| of_anybody(name, key);
        matches!(&operator.value.kind, ValueKind::Object(keys) if compares && !keys.open && keys.fields.iter().all(of_anybody))
    };
    !operators.open && !operators.fields.is_empty() && operators.fields.iter().all(of_all)
}

/// What `places` finds in each statement of one effect.
fn each_statement(context: &Context<'_>, wanted: &str, places: impl Fn(&Body, &Names) -> Vec<Place>) -> Vec<Place> {
    let mut found = Vec::new();
    for_each_statement(context, |statement, names| {
        let effect = statement.value(names.effect);
        // The data source allows where it does not say.
        let default = context.attribute.is_empty() && wanted == "Allow";
        let is_wanted = effect.map_or(default, |effect| effect.as_str() == Some(wanted));
        if is_wanted && !statement.open {
            found.extend(places(statement, names));
        }
    });
    found
}

/// Calls `each` with every statement of the policy.
fn for_each_statement(context: &Context<'_>, mut each: impl FnMut(&Body, &Names)) {
    let Context { resource, attribute, source, .. } = *context;
    if attribute.is_empty() {
        for field in resource.body.named("statement") {
            if let ValueKind::Object(statement) = &field.value.kind {
                each(statement, &DATA_SOURCE);
            }
        }
        return;
    }
    for value in resource.body.find(attribute) {
        let Found::Value(value) = value else { continue };
        let Some(document) = document(value, source) else {
            continue;
        };
        let ValueKind::Object(document) = &document.kind else {
            continue;
        };
        for statement in objects(document.value("Statement")) {
            each(statement, &JSON);
        }
    }
}

/// An object, or the objects of a list.
fn objects(value: Option<&Value>) -> Vec<&Body> {
    match value.map(|value| &value.kind) {
        Some(ValueKind::Object(body)) => vec![body],
        Some(ValueKind::List(values)) => values
            .iter()
            .filter_map(|value| match &value.kind {
                ValueKind::Object(body) => Some(body),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// A string, or the elements of a list.
fn strings(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value { kind: ValueKind::List(values), .. }) => values.iter().collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    }
}
