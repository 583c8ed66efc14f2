//! Placeholders that documentation uses, left where the real thing should be.

use super::super::{Context, secrets};
use super::{emulated, for_each_leaf, place, place_at};
use crate::evaluate::Place;
use countersign_infra::{Resource, ValueKind};
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// Account ids that AWS's documentation uses.
const ACCOUNTS: &[&str] = &["123456789012", "111122223333", "444455556666", "777788889999", "012345678901"];

/// Kinds of AWS ids of which documentation is full.
const IDS: &[&str] = &[
    "acl", "eipalloc", "eni", "fs", "i", "igw", "lt", "nat", "pcx", "rtb", "sg", "snap", "subnet", "tgw", "vgw", "vol",
    "vpc", "vpce",
];

/// What ids are filled with in documentation, but for one digit repeated.
const FILLERS: &[&str] = &[
    "0123456789",
    "01234567",
    "0123456789abcdef",
    "0123456789abcdef0",
    "01234567890abcdef",
    "0abcdef1234567890",
    "0abc123def456789",
    "12345",
    "123456",
    "1234567",
    "12345678",
    "123456789",
    "1234567890abcdef0",
    "12345678901234567",
    "87654321",
    "abc123",
    "abcd1234",
    "abcdef",
    "abcdef01",
    "abcdef12",
    "abcdef12345678901",
    "0a1b2c3d4e5f67890",
    "1a2b3c4d",
    "0123abcd",
    "deadbeef",
];

/// Names under which prose and deliberate examples stand.
const PROSE: &[&str] = &["comment", "description", "documentation", "error_message", "example", "examples", "message"];

/// Text that asks to be replaced. Only where it is the whole value, or where it can be nothing else.
static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        ^<(?:your|my|insert|replace|enter|account|project|subscription|tenant|bucket|region|cluster|domain|image|name|id|secret|key)
            (?:[ _-][a-z0-9 _-]*)?>$
        | <(?:your|insert|replace|change|enter)[ _-][a-z0-9 _-]+>
        | <(?:(?:aws|gcp)[ _-])?(?:account|project|subscription|tenant)[ _-]?id>
        | ^(?:replace|change)[_-]?me(?:[_-].*)?$
        | ^your[_-](?:[a-z]+[_-])*(?:account|bucket|cluster|domain|image|key|name|org|project|region|registry|secret|subscription|tenant|token|id|here)
            (?:[_-][a-z]+)*$
        ",
    )
    .ok()
});

/// Placeholders in a resource's values.
pub(in super::super) fn placeholder(context: &Context<'_>) -> Vec<Place> {
    let resource = context.resource;
    if passed_over(resource) {
        return Vec::new();
    }
    let mut aws = Vec::new();
    let mut places = Vec::new();
    // Of neighbours with the same placeholder, the first is named.
    let mut last = None;
    let mut is_first = |name: &str, placeholder: &str| {
        let this = Some((name.to_owned(), placeholder.to_owned()));
        let first = last != this;
        last = this;
        first
    };
    for_each_leaf(&resource.body, &mut |name, value| {
        if PROSE.contains(&name) || name.ends_with("Description") || name.starts_with("mock") {
            return;
        }
        let known = matches!(value.kind, ValueKind::String { .. });
        if !known && !value.is_unknown() {
            return;
        }
        // A value that is written elsewhere is looked at there.
        let written = context.source.get(value.range.clone()).filter(|text| text.starts_with(['"', '<']));
        let Some(text) = written else { return };
        let whole = known.then(|| text.trim_matches('"'));
        let holder = holder(name, resource);
        let at = |range: Range<usize>| value.range.start + range.start..value.range.start + range.end;
        for account in accounts(text, whole.is_some_and(|_| names_account(name, resource))) {
            let id = &text[account.clone()];
            if is_first(name, id) {
                let message =
                    format!("`{holder}` names `{id}`, an account id of AWS's documentation, not one of yours");
                aws.push(place(at(account), message));
            }
        }
        let Some(whole) = whole else { return };
        if is_example_id(whole) {
            if is_first(name, whole) {
                let message = format!("`{holder}` is `{whole}`, an id of AWS's documentation, not one of yours");
                aws.push(place_at(value, message));
            }
        } else if resource.kind == "variable" {
            // The default of a variable may be there to be replaced.
        } else if let Some(words) = value.as_str().filter(|text| asks_to_be_replaced(text)) {
            let of_credential = resource.kind != "value" || !is_bare(words) || secrets::is_name_of_secret(holder);
            if of_credential && is_first(name, words) {
                places.push(place_at(value, format!("`{holder}` still holds the placeholder `{words}`")));
            }
        }
    });
    if !aws.is_empty() && !emulated(context.world) {
        places.extend(aws);
    }
    places
}

/// Blocks in which a placeholder is meant: stand-ins for tests, and values that are filled in from elsewhere later on.
fn passed_over(resource: &Resource) -> bool {
    let ignores_changes = resource.body.value("lifecycle").is_some_and(
        |lifecycle| matches!(&lifecycle.kind, ValueKind::Object(body) if body.value("ignore_changes").is_some()),
    );
    let stand_in = ["dependency", "mock_", "override_", "run", "check", "output"];
    ignores_changes || stand_in.iter().any(|begin| resource.kind.starts_with(begin))
}

/// What a message calls the place under a name: a variable by its own.
fn holder<'a>(name: &'a str, resource: &'a Resource) -> &'a str {
    let address = resource.address.as_str();
    if name == "default" && resource.kind == "variable" {
        address.strip_prefix("var.").unwrap_or(address)
    } else {
        name
    }
}

/// Whether a value under this name is an account id, if anything.
fn names_account(name: &str, resource: &Resource) -> bool {
    let name = if name == "default" { resource.address.as_str() } else { name };
    name.contains("account") || matches!(name, "identifiers" | "AWS" | "owners")
}

/// Where a text names accounts of the documentation: in an ARN, in the name of a registry, or as a whole.
fn accounts(text: &str, whole: bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let digit = |at: Option<&u8>| at.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) {
        let length = bytes[at..].iter().take_while(|byte| digit(Some(byte))).count();
        from = at + length;
        if length != 12 || !is_example_account(&text[at..from]) {
            continue;
        }
        let (before, after) = (&text[..at], &text[from..]);
        // `arn:aws:iam::123456789012:role/…`: four colons since `arn`.
        let in_arn = after.starts_with(':')
            && before.rfind("arn:").is_some_and(|arn| {
                let between = &before[arn..];
                between.bytes().filter(|byte| *byte == b':').count() == 4 && between.ends_with(':')
            });
        let all = whole && before.trim_matches('"').is_empty() && after.trim_matches('"').is_empty();
        if in_arn || all || after.starts_with(".dkr.ecr.") {
            found.push(at..from);
        }
    }
    found
}

fn is_example_account(digits: &str) -> bool {
    ACCOUNTS.contains(&digits) || same_byte(digits)
}

fn same_byte(text: &str) -> bool {
    text.len() > 3 && text.bytes().all(|byte| byte == text.as_bytes()[0])
}

/// `vpc-12345678` and its like.
fn is_example_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(kind, id)| IDS.contains(&kind) && id.len() >= 8 && is_placeholder_id(id))
}

/// Whether what follows the hyphen of an id is a filler.
pub(super) fn is_placeholder_id(id: &str) -> bool {
    let id = id.to_ascii_lowercase();
    FILLERS.contains(&id.as_str())
        || same_byte(&id)
        || matches!(id.strip_prefix('0'), Some(rest) if rest.len() == 16 && same_byte(rest))
}

/// Whether what follows the hyphen of an id can be one.
pub(super) fn is_id_body(id: &str) -> bool {
    matches!(id.len(), 8 | 17) && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a placeholder is a word by itself, which a variable file of a test or demonstration may well mean.
fn is_bare(text: &str) -> bool {
    let letters: String = text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
    matches!(letters.as_str(), "changeme" | "replaceme")
}

/// Whether a text says of itself that it is to be replaced.
fn asks_to_be_replaced(text: &str) -> bool {
    // The pattern costs more than the rest together.
    let begins = text.starts_with(['y', 'Y', 'r', 'R', 'c', 'C']);
    text.len() <= 200 && (begins || text.contains('<')) && WORDS.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_infra::{Alone, Body, Field, Value};

    #[test]
    fn accounts_of_the_documentation() {
        let found = |text: &str, whole| accounts(text, whole).len();
        assert_eq!(found("\"arn:aws:iam::123456789012:role/x\"", false), 1);
        assert_eq!(found("\"arn:aws:sqs:eu-west-1:111122223333:${var.queue}\"", false), 1);
        assert_eq!(found("\"000000000000.dkr.ecr.eu-west-1.amazonaws.com/app\"", false), 1);
        assert_eq!(found("\"123456789012\"", true), 1);
        for real in [
            "\"123456789012\"",
            "\"arn:aws:iam::127311923021:root\"",
            "\"arn:aws:s3:::123456789012\"",
            "\"1123456789012\"",
        ] {
            assert_eq!(found(real, false), 0, "{real}");
        }
        assert_eq!(found("\"127311923021\"", true), 0);
    }

    /// What is said of a value in a variable file.
    fn in_variable_file(name: &str, text: &str) -> Vec<Option<String>> {
        let source = format!("\"{text}\"");
        let kind = ValueKind::String { text: text.to_owned(), verbatim: Some(1..1 + text.len()) };
        let value = Value::new(0..source.len(), kind);
        let field = Field { name: name.to_owned(), range: value.range.clone(), value };
        let resource = Resource {
            kind: "value".to_owned(),
            address: name.to_owned(),
            range: 0..source.len(),
            body: Body { fields: vec![field], ..Body::default() },
        };
        let context = Context { resource: &resource, attribute: "", source: &source, world: &Alone };
        placeholder(&context).into_iter().map(|place| place.value).collect()
    }

    #[test]
    fn variable_files() {
        let said = |text: &str| vec![Some(text.to_owned())];
        let password = said("`db_password` still holds the placeholder `changeme`");
        assert_eq!(in_variable_file("db_password", "changeme"), password);
        assert_eq!(in_variable_file("greeting", "changeme"), []);
        let bucket = said("`bucket` still holds the placeholder `<your-bucket-name>`");
        assert_eq!(in_variable_file("bucket", "<your-bucket-name>"), bucket);
    }

    #[test]
    fn bare_words() {
        assert!(is_bare("changeme") && is_bare("CHANGE_ME") && is_bare("replace-me"));
        assert!(!is_bare("<your-name>") && !is_bare("your-bucket-name"));
    }

    #[test]
    fn ids_of_the_documentation() {
        for wrong in
            ["vpc-12345678", "subnet-0123456789abcdef0", "sg-xxxxxxxx", "subnet-00000000000000000", "subnet-1a2b3c4d"]
        {
            assert!(is_example_id(wrong), "{wrong}");
        }
        for real in ["vpc-0a1b2c3e", "vpc-main", "sg-web", "vpc-", "sg", "subnet-private", "i-abcd", "subnet-test-rg"] {
            assert!(!is_example_id(real), "{real}");
        }
    }

    #[test]
    fn words_that_ask_to_be_replaced() {
        for wrong in [
            "<YOUR_ACCOUNT_ID>",
            "<account-id>",
            "arn:aws:iam::<ACCOUNT_ID>:root",
            "REPLACE_ME",
            "change-me",
            "CHANGEME",
            "your-bucket-name",
            "YOUR_PROJECT_ID",
            "your_api_key_here",
            "/subscriptions/<subscription-id>/resourceGroups/x",
        ] {
            assert!(asks_to_be_replaced(wrong), "{wrong}");
        }
        for real in [
            "<td>",
            "<p>Error",
            "(?<year>[0-9]+)",
            "changed",
            "replacement",
            "yours",
            "change",
            "cluster",
            "<a href=x>",
            "<pod-name>",
        ] {
            assert!(!asks_to_be_replaced(real), "{real}");
        }
    }
}
