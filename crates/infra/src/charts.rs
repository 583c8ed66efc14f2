//! Charts of Helm: what their templates are filled with.
//!
//! A chart is a folder with `values.yaml` and `templates`. What a template says is worked out with the values that the chart comes with;
//! where another file beside them (`values-prod.yaml`), or the chart that this one is a part of, has another one, it is not known.
//!
//! Source: the chart template guide of Helm 3.

use crate::terraform::lower::{text_of, value_block};
use crate::terraform::syntax::{Block, Content, Expr, ExprKind, Item};
use crate::yaml::{MAX_TEMPLATE_NAME, documents, get, name, shared};
use countersign_grammars::Language;
use tree_sitter::Tree;

/// What stands before the names of values in templates, and before the addresses of their blocks.
pub(crate) const VALUES: &str = ".Values.";

/// Functions that leave what a scalar says as it is, or make a string of it.
const SAME: [&str; 5] = ["quote", "squote", "toString", "trim", "int"];

/// Whether a file holds values for a chart.
pub(crate) fn is_values(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    // This is asked of every file.
    let may_be = name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("values"));
    may_be && Language::of_path(file) == Some(Language::ChartValues)
}

/// Whether values are those that the chart comes with.
pub(crate) fn is_default(file: &str) -> bool {
    file.ends_with("/values.yaml") || file == "values.yaml"
}

/// The folder of the chart that a template belongs to.
pub fn chart_of(file: &str) -> Option<&str> {
    let (chart, _) = file.rsplit_once("/templates/")?;
    Some(chart)
}

/// The folder of the chart that a chart may be a part of, and the name under which that holds values for it.
pub fn parent_of(chart: &str) -> Option<(&str, &str)> {
    chart.rsplit_once("/charts/").filter(|(_, name)| !name.contains('/'))
}

/// The blocks of values, one a key.
pub(crate) fn values(source: &str, tree: &Tree) -> Vec<Block> {
    let mut blocks = Vec::new();
    for document in documents(source, tree, &|_, value| value) {
        let ExprKind::Object { elements, .. } = document.kind else { continue };
        for element in elements {
            let Some(name) = name(&element).map(shared) else { continue };
            let address = format!("{VALUES}{name}");
            let content = Content::Attribute(element.value);
            blocks.push(value_block(&address, Item { name, range: element.range, content }));
        }
    }
    blocks
}

/// The keys of the value that a template puts in its place, where it puts nothing else there (`.Values.image.tag | quote`), and whether
/// something else takes the place of what is empty (`default`).
pub(crate) fn path(template: &str) -> Option<(Vec<&str>, bool)> {
    if template.chars().count() >= MAX_TEMPLATE_NAME {
        // There may be more of it.
        return None;
    }
    let mut parts = template.split('|').map(str::trim);
    let value = parts.next()?;
    let path = value.strip_prefix('$').unwrap_or(value).strip_prefix(VALUES)?;
    let is_name = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let mut has_default = false;
    let leaves_it = |function: &str| {
        let is_default = function.starts_with("default ");
        has_default |= is_default;
        is_default || SAME.contains(&function)
    };
    (path.split('.').all(is_name) && parts.all(leaves_it)).then(|| (path.split('.').collect(), has_default))
}

/// Whether a name in an expression is a value that a chart is filled with, with or without what is made of it.
pub fn is_value(name: &str) -> bool {
    name.strip_prefix('$').unwrap_or(name).starts_with(VALUES)
}

/// What stands under keys in a value; `None` where nothing does.
pub(crate) fn leaf<'e>(value: &'e Expr, keys: &[&str]) -> Option<&'e Expr> {
    keys.iter().try_fold(value, |value, key| get(value, key))
}

/// Whether a value says something that a template can be filled with. Nothing, or an empty text, is left for who installs the chart;
/// `false` and 0 are as good as nothing where something else takes the place of that.
pub(crate) fn is_said(value: &Expr, has_default: bool) -> bool {
    match &value.kind {
        ExprKind::Bool(is) => *is || !has_default,
        ExprKind::Number(number) => *number != 0.0 || !has_default,
        ExprKind::Template(_) => text_of(value).is_some_and(|text| !text.is_empty()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{chart_of, parent_of, path};

    #[test]
    fn what_a_template_puts_in_its_place() {
        assert_eq!(path(".Values.image.tag"), Some((vec!["image", "tag"], false)));
        assert_eq!(path("$.Values.image.tag | quote"), Some((vec!["image", "tag"], false)));
        assert_eq!(path(".Values.a | default .Chart.AppVersion | quote"), Some((vec!["a"], true)));
        for other in [".Values", ".Values.", ".Values.a..b", ".Release.Name", "include .Values.a", ".Values.a b"] {
            assert_eq!(path(other), None, "{other}");
        }
    }

    #[test]
    fn charts_and_parts_of_charts() {
        assert_eq!(chart_of("a/web/templates/deploy.yaml"), Some("a/web"));
        assert_eq!(chart_of("a/web/templates/db/claim.yaml"), Some("a/web"));
        assert_eq!(chart_of("a/web/values.yaml"), None);
        assert_eq!(parent_of("a/charts/db"), Some(("a", "db")));
        assert_eq!(parent_of("a/charts/db/x"), None);
    }
}
