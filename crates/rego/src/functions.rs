//! Functions of OPA that the interpreter does not have: those that old policies use are here, and of the others it is noticed that
//! one was called.
//!
//! Source: OPA's page "Policy Reference", its section on deprecated functions included.

use anyhow::bail;
use regex::Regex;
use regorus::{Engine, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// Functions that there are not, with how many arguments they take: what reaches out, and what is rare in policies for
/// infrastructure.
const LACKING: &[(&str, u8)] = &[
    ("crypto.hmac.equal", 2),
    ("crypto.hmac.md5", 2),
    ("crypto.hmac.sha1", 2),
    ("crypto.hmac.sha256", 2),
    ("crypto.hmac.sha512", 2),
    ("crypto.md5", 1),
    ("crypto.parse_private_keys", 1),
    ("crypto.sha1", 1),
    ("crypto.sha256", 1),
    ("crypto.x509.parse_and_verify_certificates", 1),
    ("crypto.x509.parse_certificate_request", 1),
    ("crypto.x509.parse_certificates", 1),
    ("crypto.x509.parse_keypair", 2),
    ("crypto.x509.parse_rsa_private_key", 1),
    ("graphql.is_valid", 2),
    ("graphql.parse", 2),
    ("graphql.parse_and_verify", 2),
    ("graphql.parse_query", 1),
    ("graphql.parse_schema", 1),
    ("graphql.schema_is_valid", 1),
    ("http.send", 1),
    ("io.jwt.decode", 1),
    ("io.jwt.decode_verify", 2),
    ("io.jwt.encode_sign", 3),
    ("io.jwt.encode_sign_raw", 3),
    ("io.jwt.verify_es256", 2),
    ("io.jwt.verify_hs256", 2),
    ("io.jwt.verify_ps256", 2),
    ("io.jwt.verify_rs256", 2),
    ("json.match_schema", 2),
    ("json.verify_schema", 1),
    ("net.cidr_contains_matches", 2),
    ("net.cidr_intersects", 2),
    ("net.cidr_merge", 1),
    ("net.cidr_overlap", 2),
    ("net.lookup_ip_addr", 1),
    ("opa.runtime", 0),
    ("providers.aws.sign_req", 3),
    ("regex.find_all_string_submatch_n", 3),
    ("rego.metadata.chain", 0),
    ("rego.metadata.rule", 0),
    ("rego.parse_module", 2),
    ("strings.render_template", 2),
    ("urlquery.decode", 1),
    ("urlquery.decode_object", 1),
    ("urlquery.encode", 1),
    ("urlquery.encode_object", 1),
    ("uuid.parse", 1),
    ("uuid.rfc4122", 1),
];

/// Which of them was called. In a function of a policy, what goes wrong is undefined, as a call that fails is; that there is no
/// such function must not get lost so.
#[derive(Clone, Default)]
pub(crate) struct Missed(Arc<Mutex<Option<&'static str>>>);

impl Missed {
    /// The one that was called since this was asked last.
    pub(crate) fn take(&self) -> Option<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, name: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(name);
    }
}

/// Makes them known to an interpreter.
pub(crate) fn add(engine: &mut Engine) -> anyhow::Result<Missed> {
    engine.add_extension("re_match".to_owned(), 2, Box::new(|arguments: Vec<Value>| Ok(re_match(&arguments))))?;
    engine.add_extension("any".to_owned(), 1, Box::new(|arguments: Vec<Value>| Ok(any(&arguments))))?;
    engine.add_extension("all".to_owned(), 1, Box::new(|arguments: Vec<Value>| Ok(all(&arguments))))?;
    let missed = Missed::default();
    for &(name, arguments) in LACKING {
        let missed = missed.clone();
        let call = move |_: Vec<Value>| -> anyhow::Result<Value> {
            missed.note(name);
            bail!("could not find function {name}")
        };
        engine.add_extension(name.to_owned(), arguments, Box::new(call))?;
    }
    Ok(missed)
}

/// Whether a text matches a regular expression somewhere; undefined where these are none.
fn re_match(arguments: &[Value]) -> Value {
    let [Value::String(pattern), Value::String(text)] = arguments else { return Value::Undefined };
    Regex::new(pattern).map_or(Value::Undefined, |regex| Value::Bool(regex.is_match(text)))
}

/// Whether an element is `true`.
fn any(arguments: &[Value]) -> Value {
    elements(arguments).map_or(Value::Undefined, |elements| Value::Bool(elements.contains(&Value::Bool(true))))
}

/// Whether no element is anything else than `true`.
fn all(arguments: &[Value]) -> Value {
    let is_true = |element: &Value| *element == Value::Bool(true);
    elements(arguments).map_or(Value::Undefined, |elements| Value::Bool(elements.iter().all(is_true)))
}

/// The elements of the only argument, where that is a list or a set.
fn elements(arguments: &[Value]) -> Option<Vec<Value>> {
    match arguments {
        [Value::Array(list)] => Some(list.iter().cloned().collect()),
        [Value::Set(set)] => Some(set.iter().cloned().collect()),
        _ => None,
    }
}
