//! What may stand in a `countersign.toml`, by the JSON schema that is made of the code that reads it.

use countersign_policy::Config;
use serde_json::{Map, Value};
use std::sync::LazyLock;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(Config).to_value());

/// What may stand at a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// Where it is described: the key.
    here: &'static Value,
    /// The same with what a reference leads to.
    shape: &'static Value,
    /// What holds where nothing is written.
    default: Option<&'static Value>,
    is_list: bool,
}

/// Follows references, and passes over `null`.
fn shape(mut value: &'static Value) -> &'static Value {
    loop {
        let options = value.get("anyOf").and_then(Value::as_array);
        let some = options.and_then(|options| options.iter().find(|it| it["type"] != "null"));
        let referred = value["$ref"].as_str().and_then(|name| SCHEMA.pointer(name.strip_prefix('#')?));
        match some.or(referred) {
            Some(next) => value = next,
            None => return value,
        }
    }
}

fn is_type(shape: &Value, name: &str) -> bool {
    let types = &shape["type"];
    types == name || types.as_array().is_some_and(|types| types.iter().any(|it| it == name))
}

impl Node {
    fn new(here: &'static Value, default: Option<&'static Value>) -> Self {
        let default = here.get("default").or(default);
        let whole = shape(here);
        match whole.get("items").filter(|_| is_type(whole, "array")) {
            Some(items) => Self { here, shape: shape(items), default, is_list: true },
            None => Self { here, shape: whole, default, is_list: false },
        }
    }

    /// The whole file.
    pub(super) fn root() -> Self {
        Self::new(&SCHEMA, None)
    }

    /// What a path of tables and keys leads to.
    pub(super) fn at(path: &[String]) -> Option<Self> {
        path.iter().try_fold(Self::root(), |node, key| node.key(key))
    }

    fn properties(self) -> Option<&'static Map<String, Value>> {
        self.shape.get("properties")?.as_object()
    }

    fn key(self, name: &str) -> Option<Self> {
        // What holds for a row of a list, its own keys say.
        let of_table = self.default.filter(|_| !self.is_list).and_then(|default| default.get(name));
        Some(Self::new(self.properties()?.get(name)?, of_table))
    }

    /// The keys of a table, in order.
    pub(super) fn keys(self) -> impl Iterator<Item = (&'static str, Self)> {
        let names = self.properties().into_iter().flat_map(Map::keys);
        names.filter_map(move |name| Some((name.as_str(), self.key(name)?)))
    }

    /// Whether it is a table, or a list of tables.
    pub(super) fn is_table(self) -> bool {
        self.properties().is_some()
    }

    /// Whether it is a list.
    pub(super) const fn is_list(self) -> bool {
        self.is_list
    }

    /// Whether it is a text, or a list of texts.
    pub(super) fn is_text(self) -> bool {
        is_type(self.shape, "string") || self.values().next().is_some_and(|(value, _)| value.starts_with('"'))
    }

    /// What it is for.
    pub(super) fn documentation(self) -> Option<&'static str> {
        let own = self.here.get("description").or_else(|| shape(self.here).get("description"));
        own.and_then(Value::as_str)
    }

    /// What holds where nothing is written, as it would be written; `None` where that is nothing.
    pub(super) fn default(self) -> Option<String> {
        let default = self.default.filter(|_| !self.is_table()).filter(|default| !default.is_null())?;
        Some(written(default))
    }

    /// The values that it may have, each as it is written, with what it means; none where they cannot be listed.
    pub(super) fn values(self) -> impl Iterator<Item = (String, Option<&'static str>)> {
        let list = |name: &str| self.shape.get(name).and_then(Value::as_array).into_iter().flatten();
        let described = list("oneOf").chain(list("anyOf")).flat_map(|option| {
            let meaning = option["description"].as_str();
            let several = option.get("enum").and_then(Value::as_array).into_iter().flatten();
            option.get("const").into_iter().chain(several).map(move |value| (written(value), meaning))
        });
        let plain = list("enum").map(|value| (written(value), None));
        let truths = ["true", "false"].into_iter().filter(move |_| is_type(self.shape, "boolean"));
        described.chain(plain).chain(truths.map(|value| (value.to_owned(), None)))
    }

    /// What it is, in a word or two.
    pub(super) fn kind(self) -> &'static str {
        let of = |names: [&'static str; 2]| if self.is_list { names[1] } else { names[0] };
        if self.is_table() {
            of(["table", "list of tables"])
        } else if is_type(self.shape, "boolean") {
            of(["true or false", "list of true or false"])
        } else if is_type(self.shape, "integer") || is_type(self.shape, "number") {
            of(["number", "list of numbers"])
        } else {
            of(["text", "list of texts"])
        }
    }
}

/// A value as it is written in TOML. Of tables there are none here.
fn written(value: &Value) -> String {
    match value {
        Value::Array(values) => format!("[{}]", values.iter().map(written).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(path: &str) -> Node {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        Node::at(&path).unwrap_or_else(|| panic!("{path:?} is described"))
    }

    #[test]
    fn every_key_says_what_it_is_for() {
        fn look(name: &str, node: Node, depth: usize) -> usize {
            assert!(node.documentation().is_some_and(|text| text.len() > 8), "{name} says nothing");
            assert!(depth < 6, "{name} is deep");
            1 + node.keys().map(|(key, inner)| look(&format!("{name}.{key}"), inner, depth + 1)).sum::<usize>()
        }
        assert!(look("", Node::root(), 0) > 60);
    }

    #[test]
    fn values_and_defaults_are_those_of_the_code() {
        let values = |path: &str| node(path).values().map(|(value, _)| value).collect::<Vec<_>>();
        assert_eq!(values("tier.tier"), ["\"low\"", "\"standard\"", "\"high\"", "\"critical\""]);
        assert_eq!(values("verdict.changed"), ["true", "false"]);
        assert!(values("require.mode").contains(&"\"observe\"".to_owned()));
        assert_eq!(values("tier.paths"), [] as [&str; 0]);
        assert_eq!(node("editor.ask_about_unknown_origin").default().as_deref(), Some("true"));
        assert_eq!(node("people.levels").default().as_deref(), Some("[\"junior\", \"mid\", \"senior\"]"));
        assert_eq!(node("require.approvals").default().as_deref(), Some("0"));
        assert_eq!(node("tier.tier").default(), None);
        assert!(node("impact.attribute").is_table() && node("impact.attribute").is_list());
        assert!(Node::at(&["nonsense".to_owned()]).is_none());
    }
}
