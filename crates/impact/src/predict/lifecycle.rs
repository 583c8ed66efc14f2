//! What `lifecycle` and the provider's own protections say of an action.

use super::harm::{guard, takes_away};
use crate::change::{Action, Change, Reason};
use countersign_infra::terraform::{Definition, Expr, ExprKind};
use countersign_infra::{Body, Found};

/// What a resource's `lifecycle` says.
#[derive(Debug, Default)]
pub(super) struct Lifecycle {
    /// Paths whose changes are ignored.
    ignored: Vec<String>,
    /// All changes are.
    pub(super) ignores_all: bool,
    /// Addresses whose changes replace it.
    pub(super) triggers: Vec<String>,
    pub(super) create_first: bool,
    pub(super) prevent_destroy: bool,
}

impl Lifecycle {
    pub(super) fn of(definitions: &[Definition], body: Option<&Body>) -> Self {
        let mut lifecycle = Self::default();
        let blocks = definitions.iter().flat_map(|definition| definition.block().body.blocks("lifecycle"));
        for items in blocks {
            let each = |name: &str| match items.attribute(name).map(|expr| &expr.kind) {
                Some(ExprKind::List(values)) => values.iter().map(Expr::address).collect::<Vec<_>>(),
                Some(ExprKind::Variable(word)) => vec![Some(word.to_string())],
                _ => Vec::new(),
            };
            for ignored in each("ignore_changes").into_iter().flatten() {
                lifecycle.ignores_all |= ignored == "all";
                lifecycle.ignored.push(super::moves::plain(&ignored));
            }
            lifecycle.triggers.extend(each("replace_triggered_by").into_iter().flatten());
        }
        let is = |name: &str| match body.map(|body| body.find(&format!("lifecycle.{name}"))).as_deref() {
            Some([Found::Value(value)]) => value.as_bool() == Some(true),
            _ => false,
        };
        lifecycle.create_first = is("create_before_destroy");
        lifecycle.prevent_destroy = is("prevent_destroy");
        lifecycle
    }

    /// Whether changes of a path are ignored.
    pub(super) fn ignores(&self, path: &str) -> bool {
        self.ignores_all
            || self.ignored.iter().any(|ignored| {
                path.strip_prefix(ignored.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
    }
}

/// Says that the provider refuses to destroy it.
pub(super) fn say_guard(change: &mut Change, before: Option<&Body>) {
    if !takes_away(change.action) {
        return;
    }
    if let Some(path) = before.and_then(|body| guard(&change.kind, body)) {
        let why = format!("`{path}` was on: applying this fails until that is off; it is no protection from that");
        change.reasons.push(Reason { attribute: Some(path), why, place: None });
    }
}

/// Says what `lifecycle` makes of it.
pub(super) fn say_lifecycle(change: &mut Change, lifecycle: &Lifecycle) {
    let mut say = |why: &str| change.reasons.push(Reason { attribute: None, why: why.to_owned(), place: None });
    if !matches!(change.action, Action::Replace | Action::Destroy) {
        return;
    }
    if lifecycle.prevent_destroy {
        say(
            "`prevent_destroy` makes Terraform refuse to plan this until it is taken away; it is no protection from that",
        );
    }
    if change.action == Action::Replace && lifecycle.create_first {
        say("`create_before_destroy` creates the new one before the old one is destroyed");
    }
}
