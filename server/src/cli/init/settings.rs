//! Hooks in the settings of an agent, which people write by hand: comments and keys stay as they are.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstRootNode};
use serde_json::{Map, Value};

/// A hook of an agent: the event, and what stands in its list.
pub(super) type Entry = (&'static str, Value);

/// Settings with these hooks in them, and with these other settings where they are not there yet. Hooks of ours that stand there
/// in another form are replaced, those of others stay. Says why where that cannot be.
pub(super) fn with(text: Option<&str>, others: &[Entry], hooks: &[Entry]) -> Result<String, String> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(fresh(others, hooks)) };
    let (root, object) = parse(text)?;
    for (name, value) in others {
        if object.get(name).is_none() {
            object.append(name, input(value));
        }
    }
    let events = object.object_value_or_create("hooks").ok_or("`hooks` is no object")?;
    for (event, value) in hooks {
        let list = events.array_value_or_create(event).ok_or_else(|| format!("`hooks.{event}` is no list"))?;
        let wanted = std::slice::from_ref(value);
        // What somebody put beside ours into one group is theirs to arrange.
        let is_there = list.elements().iter().any(|one| value_of(one) == *value || is_shared(&value_of(one)));
        take_out(&list, wanted);
        if !is_there {
            list.append(input(value));
        }
    }
    Ok(root.to_string())
}

/// Settings without our hooks; `None` where nothing else is left in them.
pub(super) fn without(text: &str, others: &[Entry]) -> Result<Option<String>, String> {
    if text.trim().is_empty() {
        return Ok(Some(text.to_owned()));
    }
    let (root, object) = parse(text)?;
    let Some(events) = object.object_value("hooks") else { return Ok(Some(text.to_owned())) };
    let mut changed = false;
    for event in events.properties() {
        let Some(list) = event.array_value() else { continue };
        let before = list.elements().len();
        for group in list.elements().iter().filter(|one| is_shared(&value_of(one))) {
            let inner = group.as_object().and_then(|group| group.array_value("hooks"));
            changed |= inner.is_some_and(|inner| take_out(&inner, &[]));
        }
        changed |= take_out(&list, &[]);
        if before > 0 && list.elements().is_empty() {
            event.remove();
        }
    }
    if !changed {
        return Ok(Some(text.to_owned()));
    }
    if events.properties().is_empty()
        && let Some(hooks) = object.get("hooks")
    {
        hooks.remove();
    }
    let is_ours = |name: &str| others.iter().any(|(other, _)| *other == name);
    let is_left = object.properties().iter().any(|it| it.decoded_name().is_none_or(|name| !is_ours(&name)));
    Ok((is_left || has_comments(text)).then(|| root.to_string()))
}

fn parse(text: &str) -> Result<(CstRootNode, CstObject), String> {
    let root = CstRootNode::parse(text, &ParseOptions::default()).map_err(|error| format!("it is no JSON: {error}"))?;
    let object = root.object_value_or_create().ok_or("it is no object")?;
    Ok((root, object))
}

/// Takes what is ours alone out of a list, but for what is wanted there.
fn take_out(list: &CstArray, wanted: &[Value]) -> bool {
    let mut changed = false;
    for one in list.elements() {
        let value = value_of(&one);
        let own = commands(&value);
        if !own.is_empty() && own.iter().all(|command| is_ours(command)) && !wanted.contains(&value) {
            one.remove();
            changed = true;
        }
    }
    changed
}

/// Whether a group holds hooks of ours and of others.
fn is_shared(group: &Value) -> bool {
    let commands = commands(group);
    commands.iter().any(|command| is_ours(command)) && commands.iter().any(|command| !is_ours(command))
}

fn is_ours(command: &str) -> bool {
    command.trim_start().starts_with("countersign hook ")
}

/// The commands in a value, at any depth.
fn commands(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value.as_str() {
                Some(text) if matches!(name.as_str(), "command" | "bash" | "powershell") => vec![text],
                _ => commands(value),
            })
            .collect(),
        Value::Array(list) => list.iter().flat_map(commands).collect(),
        _ => Vec::new(),
    }
}

fn value_of(node: &CstNode) -> Value {
    node.to_serde_value().unwrap_or_default()
}

fn has_comments(text: &str) -> bool {
    text.contains("//") || text.contains("/*")
}

/// Settings that were not there.
fn fresh(others: &[Entry], hooks: &[Entry]) -> String {
    let mut events = Map::new();
    for (event, value) in hooks {
        let list = events.entry(*event).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(value.clone());
        }
    }
    let mut object: Map<String, Value> =
        others.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    object.insert("hooks".to_owned(), Value::Object(events));
    format!("{:#}\n", Value::Object(object))
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(flag) => CstInputValue::Bool(*flag),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(list) => CstInputValue::Array(list.iter().map(input).collect()),
        Value::Object(fields) => {
            CstInputValue::Object(fields.iter().map(|(name, value)| (name.clone(), input(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ours(matcher: &str) -> Value {
        json!({ "matcher": matcher, "hooks": [{ "type": "command", "command": "countersign hook claude-code" }] })
    }

    #[test]
    fn comments_and_keys_stay() {
        let text = "{\n  // what we like\n  \"model\": \"opus\",\n  \"hooks\": {\n    \"PreToolUse\": [\n      { \"matcher\": \"Bash\", \"hooks\": [{ \"type\": \"command\", \"command\": \"lint\" }] }, // ours\n    ],\n  },\n}\n";
        let hooks = [("PreToolUse", ours("Edit")), ("PostToolUse", ours("Edit"))];
        let set = with(Some(text), &[], &hooks).expect("settings");
        for line in
            text.lines().filter(|line| line.contains("what we like") || line.contains("model") || line.contains("lint"))
        {
            assert!(set.contains(line.trim_end_matches(',')), "{line}: {set}");
        }
        assert_eq!(set.matches("countersign hook").count(), 2, "{set}");
        assert_eq!(with(Some(&set), &[], &hooks).as_deref(), Ok(set.as_str()), "twice is once");
        // Another form takes the place of the old one.
        let other = with(Some(&set), &[], &[("PreToolUse", ours("Edit|Write")), hooks[1].clone()]).expect("settings");
        assert!(other.contains("Edit|Write") && other.matches("countersign hook").count() == 2, "{other}");
        let back = without(&set, &[]).expect("settings").expect("they are left");
        assert!(
            back.contains("// what we like") && back.contains("\"lint\"") && !back.contains("countersign"),
            "{back}"
        );
        assert_eq!(without(text, &[]), Ok(Some(text.to_owned())));
    }

    #[test]
    fn what_was_made_goes_as_a_whole() {
        let others = [("version", json!(1))];
        let hooks = [("preToolUse", json!({ "command": "countersign hook cursor" }))];
        let made = with(None, &others, &hooks).expect("settings");
        assert_eq!(
            serde_json::from_str::<Value>(&made).expect("JSON"),
            json!({ "version": 1, "hooks": { "preToolUse": [hooks[0].1] } })
        );
        assert_eq!(without(&made, &others), Ok(None));
        let with_more = made.replacen('{', "{\n  \"own\": true,", 1);
        assert!(without(&with_more, &others).expect("settings").expect("it is left").contains("own"));
    }

    #[test]
    fn a_group_that_somebody_else_uses_too() {
        let shared = json!({ "hooks": { "PreToolUse": [{ "hooks": [{ "command": "lint" }, { "command": "countersign hook claude-code" }] }] } });
        let text = format!("{shared:#}");
        let set = with(Some(&text), &[], &[("PreToolUse", ours("Edit"))]).expect("settings");
        assert_eq!(set, text, "it is there already");
        let back = without(&text, &[]).expect("settings").expect("they are left");
        let expected = json!({ "hooks": { "PreToolUse": [{ "hooks": [{ "command": "lint" }] }] } });
        assert_eq!(serde_json::from_str::<Value>(&back).expect("JSON"), expected);
    }

    #[test]
    fn what_cannot_be_read_is_left_alone() {
        for text in ["{", "[]", "{ \"hooks\": [] }", "{ \"hooks\": { \"PreToolUse\": {} } }"] {
            assert!(with(Some(text), &[], &[("PreToolUse", ours("Edit"))]).is_err(), "{text}");
        }
    }
}
