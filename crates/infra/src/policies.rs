//! Policies of AWS's IAM that stand in files of their own.
//!
//! Such a file is one resource with the attribute `Document`: what identities may do (`aws/identity-policy`), who may do what with a
//! resource (`aws/resource-policy`), or who may take a role (`aws/trust-policy`). Its address is `policy`.
//!
//! Source: the JSON policy element reference of IAM.

use crate::terraform::lower::finished;
use crate::terraform::syntax::{Block, Content, Expr, ExprKind, Item, Items};
use crate::terraform::text_of;
use crate::yaml::{get, shared};

/// Adds the policy that a document is, where it is one.
pub(crate) fn add(document: &Expr, blocks: &mut Vec<Block>) {
    let Some(statement) = get(document, "Statement") else { return };
    let statements = match &statement.kind {
        ExprKind::List(statements) => &**statements,
        ExprKind::Object { .. } => std::slice::from_ref(statement),
        _ => return,
    };
    let has = |key: &str| statements.iter().any(|statement| get(statement, key).is_some());
    if !has("Effect") || !(has("Action") || has("NotAction")) {
        return;
    }
    let kind = match (has("Principal") || has("NotPrincipal"), statements.iter().all(takes_role)) {
        (false, _) => "aws/identity-policy",
        (true, false) => "aws/resource-policy",
        (true, true) => "aws/trust-policy",
    };
    let item = Item { name: shared("Document"), range: document.range, content: Content::Attribute(document.clone()) };
    let items = Items { entries: vec![item], anchor: statement.range, ..Items::default() };
    blocks.push(finished(kind, "policy", document.range.range(), items));
}

/// Whether a statement is about taking the role that it belongs to: it names no resource.
fn takes_role(statement: &Expr) -> bool {
    let actions = match get(statement, "Action").map(|action| &action.kind) {
        Some(ExprKind::List(actions)) => actions.iter().filter_map(text_of).collect(),
        Some(_) => get(statement, "Action").and_then(text_of).into_iter().collect::<Vec<_>>(),
        None => Vec::new(),
    };
    let is_of_roles = |action: &&str| action.starts_with("sts:");
    get(statement, "Resource").is_none() && !actions.is_empty() && actions.iter().all(is_of_roles)
}
