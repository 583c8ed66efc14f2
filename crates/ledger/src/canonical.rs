//! One way to write a JSON value, so that the same value has the same hash.

use serde_json::Value;

/// How deep lists and objects of a body may stand in each other. Readers of JSON stop at 128.
pub const MAX_DEPTH: usize = 100;

/// The value without white space and with the keys of objects sorted by their bytes; `None` where it is nested deeper than
/// [`MAX_DEPTH`].
pub(crate) fn canonical(value: &Value) -> Option<String> {
    let mut out = String::new();
    write(value, MAX_DEPTH, &mut out)?;
    Some(out)
}

fn write(value: &Value, depth: usize, out: &mut String) -> Option<()> {
    match value {
        Value::Array(items) => {
            let depth = depth.checked_sub(1)?;
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, depth, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let depth = depth.checked_sub(1)?;
            // Whether the map is sorted already depends on a feature that any crate of a build can turn on.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, item)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(item, depth, out)?;
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_nothing_is_between() {
        let value = json!({"b": [1, {"z": null, "a\n": "é\""}], "B": -0.5, "a": true});
        assert_eq!(canonical(&value).expect("flat"), r#"{"B":-0.5,"a":true,"b":[1,{"a\n":"é\"","z":null}]}"#);
    }

    #[test]
    fn nesting_ends() {
        let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        let deepest = canonical(&nested(MAX_DEPTH)).expect("deep enough");
        assert!(serde_json::from_str::<Value>(&deepest).is_ok());
        assert_eq!(canonical(&nested(MAX_DEPTH + 1)), None);
    }
}
