//! What expressions come to, as Terraform has it. Where that is not certain, unknown is right.

#![expect(clippy::expect_used, clippy::panic, reason = "in a test what goes wrong ends the test")]
#![expect(clippy::too_many_lines, reason = "tables")]
#![expect(clippy::format_push_string, reason = "a test may take its time")]

use countersign_grammars::Language;
use countersign_infra::terraform::{Definition, Evaluation, MAX_STEPS, Scope, Workspace, lower};
use countersign_infra::{Found, Value, ValueKind};
use std::sync::Arc;
use tree_sitter::Parser;

/// Files of `/w`, each one unit.
struct Module(Workspace);

impl Module {
    fn new(files: &[(&str, &str)]) -> Self {
        let mut workspace = Workspace::default();
        for (name, text) in files {
            let language = Language::of_path(name).expect("a language");
            let mut parser = Parser::new();
            parser.set_language(&language.grammar()).expect("a grammar");
            let tree = parser.parse(text, None).expect("a tree");
            let unit = Arc::new(lower(language, text, &tree));
            workspace.update(&Arc::from(format!("/w/{name}")), &[], &[unit]);
        }
        Self(workspace)
    }

    /// The value of `var.x` or `local.x`.
    fn value(&self, address: &str) -> Value {
        let evaluation = Evaluation::new(&self.0, MAX_STEPS);
        let value = Scope::new(&evaluation, "/w").value_of(address);
        value.unwrap_or_else(|| panic!("{address} is not declared"))
    }

    fn definition(&self, address: &str) -> Definition {
        let evaluation = Evaluation::new(&self.0, MAX_STEPS);
        let definition = Scope::new(&evaluation, "/w").definition(address);
        definition.unwrap_or_else(|| panic!("{address} is not declared"))
    }

    /// What stands at a path, in each instance of a block.
    fn at(&self, address: &str, path: &str) -> String {
        let definition = self.definition(address);
        let evaluation = Evaluation::new(&self.0, MAX_STEPS);
        let resources = Scope::new(&evaluation, "/w").resources(&definition);
        let of_one = |found: &Found<'_>| match found {
            Found::Value(value) => short(value),
            Found::Missing { .. } => "-".to_owned(),
            Found::Unknown => "?".to_owned(),
        };
        let all = resources.iter().map(|resource| {
            let found = resource.body.find(path);
            found.iter().map(of_one).collect::<Vec<_>>().join(", ")
        });
        all.collect::<Vec<_>>().join(" | ")
    }
}

/// A value as one would write it; what is unknown as `?`.
fn short(value: &Value) -> String {
    match &value.kind {
        ValueKind::Null => "null".to_owned(),
        ValueKind::Bool(bool) => bool.to_string(),
        ValueKind::Number(number) => number.to_string(),
        ValueKind::String { text, .. } => format!("{text:?}"),
        ValueKind::List(values) => format!("[{}]", values.iter().map(short).collect::<Vec<_>>().join(", ")),
        ValueKind::Object(body) => {
            let field = |field: &countersign_infra::Field| format!("{} = {}", field.name, short(&field.value));
            let mut fields: Vec<_> = body.fields.iter().map(field).collect();
            fields.sort();
            fields.extend(body.open.then(|| "…".to_owned()));
            format!("{{{}}}", fields.join(", "))
        }
        ValueKind::Unknown { .. } => "?".to_owned(),
    }
}

/// What an expression comes to in a module where some names are known and some are not.
fn eval(expression: &str) -> String {
    let names = r#"
locals {
  list    = ["a", "b"]
  map     = { b = 1, a = 2 }
  objects = [{ id = 1, on = true }, { id = 2 }]
  nothing = null
}
variable "u" {}
variable "k" { default = "known" }
"#;
    let module = Module::new(&[("names.tf", names), ("main.tf", &format!("locals {{\n  x = {expression}\n}}\n"))]);
    short(&module.value("local.x"))
}

fn hold(cases: &[(&str, &str)]) {
    let wrong: Vec<_> = cases
        .iter()
        .map(|(expression, expected)| (expression, expected, eval(expression)))
        .filter(|(_, expected, found)| found != *expected)
        .map(|(expression, expected, found)| format!("{expression}\n  is       {found}\n  should be {expected}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn operators() {
    hold(&[
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("10 - 2 - 3", "5"),
        ("-2 + 5", "3"),
        ("-0", "0"),
        ("!true || true", "true"),
        ("!local.objects[0].on", "false"),
        ("1 + local.map.a", "3"),
        ("1 + local.map.a * local.map[\"a\"] - local.map.b", "4"),
        ("(1 + local.map.a) * 2", "6"),
        ("2 * local.map.a + 1", "5"),
        ("local.map.a - local.map.b - local.map.b", "0"),
        ("!false ? 1 : 2", "1"),
        ("1 + 1 == local.map.a ? local.map.a + 1 : local.map.b", "3"),
        ("!local.objects[0].on ? 1 : !local.objects[0].on ? 3 : 4", "4"),
        ("[-local.map.a, !true]", "[-2, false]"),
        ("local.map.a >= 2 && local.map.b < 2 || local.nothing.x", "true"),
        ("-local.map.a + 1", "-1"),
        ("-(local.map.a) + 1", "-1"),
        ("true ? local.map.a : local.map.b", "2"),
        ("1 == local.map.b && local.objects[0].on", "true"),
        ("!(local.list[0] == \"b\") && !local.objects[0].on", "false"),
        ("!(true || true)", "false"),
        ("1 < 2 && 2 < 1", "false"),
        ("true || false && false", "true"),
        ("1 + 1 == 2", "true"),
        ("true ? false ? 1 : 2 : 3", "2"),
        ("false ? 1 : true ? 2 : 3", "2"),
        ("true ? 1 : false ? 2 : 3", "1"),
        ("(true ? false : true) ? 2 : 3", "3"),
        ("true ? 1 : 1 == 1 ? 2 : 3", "1"),
        ("true ? 1 : 2 + 5", "1"),
        ("false ? 1 : local.map.a == 2 ? local.map.a : 3", "2"),
        ("7 % 3", "1"),
        ("-7 % 3", "-1"),
        ("3 / 2", "1.5"),
        ("1 / 3", "?"),
        ("1 / 0", "?"),
        ("0.1 + 0.2", "?"),
        ("12345678901234567890", "?"),
        ("\"2\" + 1", "3"),
        ("\"inf\" + 1", "?"),
        ("\"a\" + 1", "?"),
    ]);
}

#[test]
fn three_values() {
    hold(&[
        ("var.u && false", "false"),
        ("false && var.u", "false"),
        ("var.u && true", "?"),
        ("var.u || true", "true"),
        ("true || var.u", "true"),
        ("var.u || false", "?"),
        ("!var.u", "?"),
        ("var.u == var.u", "?"),
        ("var.u ? 1 : 1", "1"),
        ("var.u ? 1 : 2", "?"),
        ("var.u ? var.u : var.u", "?"),
        ("\"a\" == \"a\"", "true"),
        ("\"a\" == \"b\"", "false"),
        ("null == null", "true"),
        ("\"\" == null", "false"),
        ("local.nothing != null", "false"),
        // Values of two types are never equal, and types are not always known.
        ("1 == \"1\"", "?"),
        ("1 == \"2\"", "false"),
        ("local.list == []", "false"),
        ("[] == []", "?"),
    ]);
}

#[test]
fn templates() {
    hold(&[
        ("\"${1}\"", "1"),
        ("\"a${1}${true}b\"", "\"a1trueb\""),
        ("\"$${a} %%{b} \\n \\u0041\"", "\"${a} %{b} \\n A\""),
        ("\"${var.k}-${var.u}\"", "?"),
        ("\"%{ if true }a%{ else }b%{ endif }\"", "\"a\""),
        ("\"x%{ if var.k == \"other\" }a%{ endif }\"", "\"x\""),
        ("\"%{ if var.u }a%{ endif }\"", "?"),
        ("\"%{ for a in local.list }${a}%{ endfor }\"", "?"),
        ("\"${local.list}\"", "[\"a\", \"b\"]"),
        ("\"a${local.list}\"", "?"),
        ("\"a ${~ 1 ~} b\"", "?"),
        ("<<EOT\n  a\n  b\nEOT\n", "\"  a\\n  b\\n\""),
        ("<<EOT\n  a\n  EOT\n", "\"  a\\n\""),
        ("<<-EOT\n    a\n      b\n    EOT\n", "\"a\\n  b\\n\""),
        ("<<-EOT\n    a\n      %{ if true }b%{ endif }\n    EOT\n", "?"),
        ("<<-EOT\n    a ${var.k}\n      ${1}\n    b\n    EOT\n", "\"a known\\n  1\\nb\\n\""),
        ("<<-EOT\n    a\n${1}\n    EOT\n", "\"    a\\n1\\n\""),
        ("<<-EOT\n    a\n\n    b\n    EOT\n", "?"),
        ("<<-EOT\n\ta\n    EOT\n", "?"),
        ("jsondecode(<<-EOT\n    {\"a\": \"${var.k}\"}\n    EOT\n  )", "{a = \"known\"}"),
        ("<<EOT\n%{ if false }\nb\n%{ else }c%{ endif }\nEOT\n", "\"c\\n\""),
        ("<<EOT\n${var.k} $${x}\nEOT\n", "\"known ${x}\\n\""),
        ("<<EOT\nEOT\n", "\"\""),
    ]);
}

#[test]
fn collections() {
    hold(&[
        ("{ a = 1, \"b\" = 2, (var.k) = 3, \"c${var.k}\" = 4 }", "{a = 1, b = 2, cknown = 4, known = 3}"),
        ("{ a = 1, a = 2 }", "{a = 2}"),
        ("length({ a = 1, a = 2 })", "1"),
        ("{ (var.u) = 1 }", "{…}"),
        ("{ a = 1 }.a", "1"),
        ("{ a = 1 }[\"a\"]", "1"),
        ("{ a = 1 }.b", "?"),
        ("[1, 2][1]", "2"),
        ("[1, 2][2]", "?"),
        ("[1, 2][-1]", "?"),
        ("local.list[var.u]", "?"),
        ("local.list.0", "\"a\""),
        ("local.map[\"a\"]", "2"),
        ("local.objects[*].id", "[1, 2]"),
        ("local.objects.*.id", "[1, 2]"),
        ("local.objects.*.id[1]", "2"),
        ("local.objects[*].id[1]", "?"),
        ("local.nothing[*].id", "[]"),
        ("local.map[*].a", "[2]"),
        ("var.u[*].id", "?"),
        ("[for x in local.list : upper(x)]", "[\"A\", \"B\"]"),
        ("[for i, x in [5, 6] : i]", "[0, 1]"),
        ("[for k, v in local.map : k]", "[\"a\", \"b\"]"),
        ("[for v in local.map : v]", "[2, 1]"),
        ("{ for k, v in local.map : k => v if v > 1 }", "{a = 2}"),
        ("{ for x in [\"a\", \"b\", \"ab\"] : length(x) => x... }", "{1 = [\"a\", \"b\"], 2 = [\"ab\"]}"),
        ("{ for x in [1, 2] : \"same\" => x }", "?"),
        ("[for x in var.u : x]", "?"),
        ("[for x in [1] : var.u]", "[?]"),
        ("[for x in [1] : x if var.u]", "?"),
        ("{ for x in [1] : var.u => x }", "{…}"),
        ("{ for x in [1, 2] : (x == 1 ? var.u : \"k\") => x... }", "?"),
        ("[for k, v in toset([\"b\", \"a\"]) : k]", "[\"a\", \"b\"]"),
        ("[for k, v in local.list : k]", "[?, ?]"),
        ("[for x in [for y in [1, 2] : y * 2] : x + 1]", "[3, 5]"),
        ("try(local.map.zz, \"d\")", "\"d\""),
        ("try(local.map.a, \"d\")", "2"),
        ("try(var.u.a, \"d\")", "?"),
        ("try(local.objects[*].zz, \"d\")", "\"d\""),
        ("try(local.nothing.a, \"d\")", "\"d\""),
        ("can(local.map.a)", "true"),
        ("can(local.map.zz)", "false"),
        ("can(var.u.a)", "?"),
    ]);
}

#[test]
fn functions() {
    hold(&[
        ("lower(\"ÄB\")", "\"äb\""),
        ("upper(\"ß\")", "?"),
        ("upper(var.u)", "?"),
        ("title(\"hello-world a_b\")", "\"Hello-World A_b\""),
        ("trimspace(\" a \\n\")", "\"a\""),
        ("chomp(\"a\\n\\n\")", "\"a\""),
        ("trimprefix(\"aab\", \"a\")", "\"ab\""),
        ("trimsuffix(\"abb\", \"b\")", "\"ab\""),
        ("trim(\"?!a!?\", \"!?\")", "\"a\""),
        ("replace(\"a.b.c\", \".\", \"-\")", "\"a-b-c\""),
        ("replace(\"abc\", \"/b/\", \"-\")", "?"),
        ("substr(\"hello\", 1, 3)", "\"ell\""),
        ("substr(\"hello\", 1, -1)", "\"ello\""),
        ("substr(\"hello\", -2, -1)", "?"),
        ("substr(\"héllo\", 0, 2)", "?"),
        ("split(\",\", \"a,b\")", "[\"a\", \"b\"]"),
        ("split(\",\", \"\")", "[\"\"]"),
        ("split(\"\", \"ab\")", "[\"a\", \"b\"]"),
        ("join(\"-\", [\"a\", 1], [true])", "\"a-1-true\""),
        ("join(\"-\", [var.u])", "?"),
        ("format(\"%s-%d-%v-%q-%%\", \"a\", 1, true, \"b\")", "\"a-1-true-\\\"b\\\"-%\""),
        ("format(\"%03d\", 1)", "?"),
        ("format(\"%s\", \"a\", \"b\")", "?"),
        ("format(\"%s\", var.u)", "?"),
        ("startswith(\"abc\", \"ab\")", "true"),
        ("endswith(\"abc\", \"ab\")", "false"),
        ("strcontains(\"abc\", \"b\")", "true"),
        ("abs(-2)", "2"),
        ("ceil(1.5)", "2"),
        ("floor(-1.5)", "-2"),
        ("max(1, 3, 2)", "3"),
        ("min([3, 2]...)", "2"),
        ("sum([1, 2])", "3"),
        ("sum([])", "?"),
        ("length(\"abc\")", "3"),
        ("length(\"né\")", "?"),
        ("length([var.u])", "1"),
        ("length(var.u)", "?"),
        ("length(toset([\"a\", \"a\"]))", "1"),
        ("concat([1], [], [2])", "[1, 2]"),
        ("concat([1], var.u)", "?"),
        ("flatten([[1, [2]], [], 3])", "[1, 2, 3]"),
        ("flatten([[1], var.u])", "?"),
        ("compact([\"a\", \"\", null])", "[\"a\"]"),
        ("compact([\"a\", var.u])", "?"),
        ("distinct([\"b\", \"a\", \"b\"])", "[\"b\", \"a\"]"),
        ("distinct([\"b\", var.u])", "?"),
        ("setunion([\"b\"], [\"a\", \"b\"])", "[\"a\", \"b\"]"),
        ("reverse([1, 2])", "[2, 1]"),
        ("sort([\"b\", \"a\"])", "[\"a\", \"b\"]"),
        ("slice([1, 2, 3], 1, 3)", "[2, 3]"),
        ("slice([1], 0, 2)", "?"),
        ("element([1, 2], 3)", "2"),
        ("element([], 0)", "?"),
        ("range(3)", "[0, 1, 2]"),
        ("range(3, 0)", "[3, 2, 1]"),
        ("range(0, 4, 2)", "[0, 2]"),
        ("range(0, 4, -1)", "?"),
        ("range(2000)", "?"),
        ("contains([\"a\", var.u], \"a\")", "true"),
        ("contains([\"a\", var.u], \"b\")", "?"),
        ("contains([\"a\"], \"b\")", "false"),
        ("keys(local.map)", "[\"a\", \"b\"]"),
        ("values(local.map)", "[2, 1]"),
        ("lookup(local.map, \"zz\", 5)", "5"),
        ("lookup(local.map, \"a\", 5)", "2"),
        ("lookup(var.u, \"a\", 5)", "?"),
        ("lookup(local.map, var.u, 5)", "?"),
        ("merge({ a = 1 }, null, { a = 2, b = 3 })", "{a = 2, b = 3}"),
        ("merge({ a = 1 }, var.u, { b = 3 })", "{a = ?, b = 3, …}"),
        ("merge({ a = 1 }, merge({ b = 1 }, var.u))", "{a = ?, b = ?, …}"),
        ("merge([{ a = 1 }, { b = 2 }]...)", "{a = 1, b = 2}"),
        ("zipmap([\"a\", \"b\"], [1, 2])", "{a = 1, b = 2}"),
        ("zipmap([\"a\", \"b\"], [1])", "?"),
        ("coalesce(null, \"\", \"a\")", "\"a\""),
        ("coalesce(var.u, \"a\")", "?"),
        ("coalesce(\"a\", var.u)", "\"a\""),
        ("coalescelist([], [1])", "[1]"),
        ("alltrue([true, var.u])", "?"),
        ("alltrue([false, var.u])", "false"),
        ("alltrue([])", "true"),
        ("anytrue([true, var.u])", "true"),
        ("anytrue([])", "false"),
        ("one([])", "null"),
        ("one([5])", "5"),
        ("one([5, 6])", "?"),
        ("tostring(5)", "\"5\""),
        ("tostring(null)", "null"),
        ("tonumber(\"5\")", "5"),
        ("tonumber(\"x\")", "?"),
        ("tobool(\"true\")", "true"),
        ("tolist([1])", "[1]"),
        ("toset([\"b\", \"a\", \"b\"])", "[\"a\", \"b\"]"),
        ("jsonencode({ a = [1] })", "{a = [1]}"),
        ("jsonencode(\"a\")", "\"\\\"a\\\"\""),
        ("jsondecode(\"{\\\"a\\\": [1, null]}\")", "{a = [1, null]}"),
        ("jsondecode(<<-X\n    [1]\n    X\n  )", "[1]"),
        ("jsondecode(var.u)", "?"),
        ("basename(\"a/b.txt\")", "\"b.txt\""),
        ("basename(\"a/b/\")", "\"b\""),
        ("dirname(\"a/b.txt\")", "\"a\""),
        ("dirname(\"/a\")", "\"/\""),
        ("dirname(\"a\")", "\".\""),
        ("sensitive(\"a\")", "\"a\""),
        ("timestamp()", "?"),
        ("uuid()", "?"),
        ("file(\"missing\")", "?"),
        ("nosuch(1)", "?"),
    ]);
}

#[test]
fn instances() {
    let text = r#"
variable "u" {}
variable "off" { default = false }
resource "a" "none" { count = var.off ? 1 : 0 }
resource "a" "some" {
  count = 2
  name  = "n-${count.index}"
}
resource "a" "unknown" {
  count = var.u
  name  = "n-${count.index}"
  fixed = true
}
resource "a" "set" {
  for_each = toset(["y", "x"])
  name     = each.key
  value    = each.value
}
resource "a" "map" {
  for_each = { b = { open = true }, a = { open = false } }
  name     = each.key
  inner {
    open = each.value.open
  }
}
resource "a" "over" {
  for_each = var.u
  name     = each.key
  fixed    = true
}
resource "a" "dynamic" {
  dynamic "rule" {
    for_each = [80, 443]
    content {
      port = rule.value
      at   = rule.key
    }
  }
  dynamic "other" {
    for_each = { p = 1 }
    iterator = it
    content {
      key = it.key
      dynamic "deep" {
        for_each = ["z"]
        content {
          both = "${it.key}${deep.value}"
        }
      }
    }
  }
  dynamic "what" {
    for_each = var.u
    content {
      open = true
    }
  }
  dynamic "nothing" {
    for_each = []
    content {}
  }
}
locals {
  count    = 0
  for_each = 1
  first    = a.some[0].name
  third    = a.some[2].name
  all      = a.some[*].name
  keyed    = a.map["a"].name
  one      = a.dynamic.rule
  maybe    = try(a.unknown[0].fixed, "none")
}
"#;
    let module = Module::new(&[("main.tf", text)]);
    for (address, path, expected) in [
        ("a.none", "name", ""),
        ("a.some", "name", "\"n-0\""),
        ("a.unknown", "name", "?"),
        ("a.unknown", "fixed", "true"),
        ("a.set", "name", "\"x\" | \"y\""),
        ("a.set", "value", "\"x\" | \"y\""),
        ("a.map", "name", "\"a\" | \"b\""),
        ("a.map", "inner.open", "false | true"),
        ("a.over", "name", "?"),
        ("a.over", "fixed", "true"),
        ("a.dynamic", "rule.port", "80, 443"),
        ("a.dynamic", "rule.at", "0, 1"),
        ("a.dynamic", "other.key", "\"p\""),
        ("a.dynamic", "other.deep.both", "\"pz\""),
        ("a.dynamic", "what.open", "?"),
        ("a.dynamic", "nothing", "-"),
        ("local.count", "count", "0"),
        ("local.first", "first", "?"),
        ("local.third", "third", "?"),
        ("local.all", "all", "?"),
        ("local.keyed", "keyed", "?"),
        ("local.one", "one", "?"),
        ("local.maybe", "maybe", "?"),
    ] {
        assert_eq!(module.at(address, path), expected, "{address} {path}");
    }
}

#[test]
fn variables() {
    let declared = r#"
variable "a" { default = "default" }
variable "b" { default = "default" }
variable "c" { default = "default" }
variable "d" { default = "default" }
variable "e" {}
variable "f" { default = "default" }
variable "g" {
  default  = "default"
  nullable = false
}
variable "h" { type = string }
"#;
    let module = Module::new(&[
        ("variables.tf", declared),
        ("terraform.tfvars", "a = \"tfvars\"\nb = \"tfvars\"\ng = null\nh = 5\n"),
        ("1.auto.tfvars", "b = \"one\"\nc = \"one\"\n"),
        ("2.auto.tfvars", "c = \"two\"\n"),
        ("prod.tfvars", "d = \"prod\"\ne = \"prod\"\nf = \"default\"\n"),
        ("0.auto.tfvars.json", "{\"b\": \"zero\"}"),
    ]);
    for (name, expected) in [
        ("a", "\"tfvars\""),
        ("b", "\"one\""),
        ("c", "\"two\""),
        ("d", "?"),
        ("e", "\"prod\""),
        ("f", "\"default\""),
        ("g", "\"default\""),
        ("h", "\"5\""),
    ] {
        assert_eq!(short(&module.value(&format!("var.{name}"))), expected, "{name}");
    }
}

#[test]
fn types() {
    let text = r#"
variable "x" {
  type = object({
    name = string
    port = optional(number, 80)
    open = optional(bool)
    deep = optional(object({ a = optional(string, "a") }), {})
    list = optional(list(object({ b = optional(number, 1) })), [{}])
  })
  default = { name = 1, extra = true }
}
variable "m" {
  type    = map(object({ on = optional(bool, true) }))
  default = { a = {}, b = { on = false }, c = { on = null } }
}
variable "s" {
  type    = set(string)
  default = ["b", "a", "b"]
}
variable "missing" {
  type    = object({ needed = string })
  default = {}
}
"#;
    let module = Module::new(&[("main.tf", text)]);
    for (name, expected) in [
        ("x", "{deep = {a = \"a\"}, list = [{b = 1}], name = \"1\", open = null, port = 80}"),
        ("m", "{a = {on = true}, b = {on = false}, c = {on = true}}"),
        ("s", "[\"a\", \"b\"]"),
        ("missing", "{needed = ?}"),
    ] {
        assert_eq!(short(&module.value(&format!("var.{name}"))), expected, "{name}");
    }
}

#[test]
fn overrides() {
    let module = Module::new(&[
        (
            "main.tf",
            "variable \"v\" { default = 1 }\nlocals { l = 1 }\nresource \"a\" \"b\" {\n  x = 1\n  y = 1\n  n { z = 1 }\n  lifecycle { prevent_destroy = true }\n}\nlocals { of = a.b.x }\n",
        ),
        ("a_override.tf", "locals { l = 2 }\nresource \"a\" \"b\" {\n  x = 2\n  n { z = 2 }\n  n { z = 3 }\n}\n"),
        (
            "override.tf",
            "locals { l = 3 }\nvariable \"v\" { description = \"d\" }\nresource \"a\" \"b\" {\n  lifecycle { ignore_changes = [x] }\n}\n",
        ),
    ]);
    for (address, path, expected) in
        [("a.b", "x", "2"), ("a.b", "y", "1"), ("a.b", "n.z", "2, 3"), ("a.b", "lifecycle.prevent_destroy", "true")]
    {
        assert_eq!(module.at(address, path), expected, "{address} {path}");
    }
    assert_eq!(short(&module.value("local.l")), "3");
    assert_eq!(short(&module.value("var.v")), "1");
    assert_eq!(short(&module.value("local.of")), "2");
}

#[test]
fn modules() {
    let mut module = Module::new(&[
        (
            "main.tf",
            r#"
module "one" {
  source = "./one"
  x      = true
}
module "self" { source = "./" }
module "back" {
  source = "./one"
  x      = module.back.out
}
module "many" {
  source = "./one"
  count  = 1
  x      = true
}
module "remote" { source = "a/b/c" }
module "absent" { source = "./absent" }
locals {
  out    = module.one.out
  fixed  = module.one.fixed
  inner  = module.one.inner
  unset  = module.one.unset
  self   = module.self.x
  back   = module.back.out
  many   = module.many[0].out
  remote = module.remote.r
  absent = module.absent.x
  none   = module.one.none
  root   = module.one.root == path.module
}
"#,
        ),
        (
            "one/main.tf",
            r#"
variable "x" {}
variable "y" { default = "y" }
variable "z" {}
module "two" {
  source = "../two"
  x      = var.x
}
output "out" { value = var.x }
output "fixed" { value = "f-${var.y}" }
output "inner" { value = module.two.x }
output "unset" { value = var.z }
output "root" { value = path.root }
"#,
        ),
        ("two/main.tf", "variable \"x\" {}\noutput \"x\" { value = [var.x] }\n"),
        (".terraform/modules/remote/main.tf", "output \"r\" { value = 5 }\n"),
    ]);
    module.0.set_installed("/w", "remote", "/w/.terraform/modules/remote");
    for (name, expected) in [
        ("out", "true"),
        ("fixed", "\"f-y\""),
        ("inner", "[true]"),
        ("unset", "?"),
        ("self", "?"),
        ("back", "?"),
        ("many", "?"),
        ("remote", "5"),
        ("absent", "?"),
        ("none", "?"),
        ("root", "true"),
    ] {
        assert_eq!(short(&module.value(&format!("local.{name}"))), expected, "{name}");
    }
}

#[test]
fn references() {
    let text = r#"
resource "a" "b" {
  name = "n"
  tags = { k = "v" }
  deep { x = 1 }
}
data "d" "e" { filter = "f" }
provider "aws" {
  alias  = "west"
  region = "us-west-2"
}
moved {
  from = a.old
  to   = a.b
}
removed {
  from = a.gone
  lifecycle { destroy = false }
}
import {
  to = a.b
  id = "i"
}
check "health" {
  data "http" "x" { url = "u" }
  assert {
    condition     = data.http.x.status_code == 200
    error_message = "no"
  }
}
locals {
  name    = a.b.name
  tag     = a.b.tags.k
  absent  = a.b.tags.zz
  id      = a.b.id
  deep    = a.b.deep[0].x
  data    = data.d.e.filter
  data_id = data.d.e.id
  old     = a.old.name
  http    = data.http.x.status_code
  region  = provider.aws.region
  ws      = terraform.workspace
  each    = each.key
  cycle   = local.cycle
  a1      = local.a2
  a2      = "${local.a1}x"
}
"#;
    let module = Module::new(&[("main.tf", text)]);
    for (name, expected) in [
        ("name", "\"n\""),
        ("tag", "\"v\""),
        ("absent", "?"),
        ("id", "?"),
        ("deep", "?"),
        ("data", "\"f\""),
        ("data_id", "?"),
        ("old", "?"),
        ("http", "?"),
        ("ws", "?"),
        ("each", "?"),
        ("cycle", "?"),
        ("a1", "?"),
    ] {
        assert_eq!(short(&module.value(&format!("local.{name}"))), expected, "{name}");
    }
}

#[test]
fn policy_documents() {
    let text = r#"
data "aws_iam_policy_document" "base" {
  statement {
    sid       = "one"
    actions   = ["s3:*"]
    resources = ["*"]
  }
  statement {
    actions = ["ec2:*"]
  }
}
data "aws_iam_policy_document" "top" {
  source_policy_documents = [data.aws_iam_policy_document.base.json]
  statement {
    sid     = "one"
    effect  = "Deny"
    actions = ["s3:Get*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}
variable "u" {}
data "aws_iam_policy_document" "partly" {
  source_policy_documents = [var.u]
  statement {
    actions = ["a:*"]
  }
}
data "aws_iam_policy_document" "over" {
  override_policy_documents = [var.u]
  statement {
    actions = ["a:*"]
  }
}
locals {
  base   = data.aws_iam_policy_document.base.json
  top    = data.aws_iam_policy_document.top.json
  partly = data.aws_iam_policy_document.partly.json
  over   = data.aws_iam_policy_document.over.json
}
"#;
    let module = Module::new(&[("main.tf", text)]);
    for (name, expected) in [
        (
            "base",
            "{Statement = [{Action = [\"s3:*\"], Effect = \"Allow\", Resource = [\"*\"], Sid = \"one\"}, {Action = [\"ec2:*\"], Effect = \"Allow\"}]}",
        ),
        (
            "top",
            "{Statement = [{Action = [\"ec2:*\"], Effect = \"Allow\"}, {Action = [\"s3:Get*\"], Effect = \"Deny\", Principal = {AWS = [\"*\"]}, Sid = \"one\"}]}",
        ),
        ("partly", "{Statement = [?, {Action = [\"a:*\"], Effect = \"Allow\"}]}"),
        ("over", "?"),
    ] {
        assert_eq!(short(&module.value(&format!("local.{name}"))), expected, "{name}");
    }
}

/// The same in JSON comes to the same, at the right places.
#[test]
fn json() {
    let text = r#"{
  "variable": {"k": {"default": "kn\u006fwn"}, "o": {"type": "object({ a = optional(number, 5) })", "default": {}}},
  "locals": {
    "plain": "text",
    "template": "${var.k}-x",
    "whole": "${[1, 2]}",
    "call": "${upper(\"a\")}",
    "list": [1, "${var.k}", null, true],
    "typed": "${var.o.a}"
  },
  "resource": {"a": {"b": {"//": "comment", "n": {"x": "1"}, "m": [{"y": 1}, {"y": 2}],
    "dynamic": {"d": {"for_each": ["p"], "content": {"z": "${d.value}"}}}}}}
}"#;
    let module = Module::new(&[("main.tf.json", text)]);
    for (name, expected) in [
        ("plain", "\"text\""),
        ("template", "\"known-x\""),
        ("whole", "[1, 2]"),
        ("call", "\"A\""),
        ("list", "[1, \"known\", null, true]"),
        ("typed", "5"),
    ] {
        assert_eq!(short(&module.value(&format!("local.{name}"))), expected, "{name}");
    }
    for (path, expected) in [("n.x", "\"1\""), ("m.y", "1, 2"), ("d.z", "\"p\"")] {
        assert_eq!(module.at("a.b", path), expected, "{path}");
    }
    let definition = module.definition("local.template");
    let evaluation = Evaluation::new(&module.0, MAX_STEPS);
    let resources = Scope::new(&evaluation, "/w").resources(&definition);
    let value = resources[0].body.value("template").expect("it is there");
    assert_eq!(&text[value.range.clone()], "\"${var.k}-x\"");
}

#[test]
fn places() {
    let text = "resource \"a\" \"b\" {\n  é = \"é\"\n  plain = \"text\"\n  template = \"${var.k}\"\n  json = <<EOF\n{\"Statement\": [{\"Action\": \"ä\", \"Resource\": \"*\"}]}\nEOF\n  flush = <<-EOF\n    {\"Action\":\n      \"x\"}\n    EOF\n  gaps = <<-EOF\n    {\"b\":\n\n      \"y\"}\n    EOF\n  part = <<EOF\n{\"a\": \"${var.k}\", \"b\": \"here\"}\nEOF\n  each = [for x in [\"p\", \"q\"] : x]\n}\nvariable \"k\" { default = \"known\" }\n";
    let module = Module::new(&[("main.tf", text)]);
    let definition = module.definition("a.b");
    let evaluation = Evaluation::new(&module.0, MAX_STEPS);
    let resource = Scope::new(&evaluation, "/w").resources(&definition).remove(0);
    let value = |name: &str| resource.body.value(name).expect("it is there").clone();
    let document = |name: &str| countersign_infra::document(&value(name), text).expect("a document").into_owned();
    let found = |value: &Value, path: &str| match &value.kind {
        ValueKind::Object(body) => match body.find(path).as_slice() {
            [Found::Value(value)] => text[value.range.clone()].to_owned(),
            other => format!("{other:?}"),
        },
        other => format!("{other:?}"),
    };
    assert_eq!(&text[value("plain").range], "\"text\"");
    assert_eq!(&text[value("template").range], "\"${var.k}\"");
    assert_eq!(found(&document("json"), "Statement.Action"), "\"ä\"");
    assert_eq!(found(&document("json"), "Statement.Resource"), "\"*\"");
    assert_eq!(found(&document("flush"), "Action"), "\"x\"");
    assert_eq!(found(&document("gaps"), "b"), "\"y\"");
    assert_eq!(found(&document("part"), "a"), "<<EOF\n{\"a\": \"${var.k}\", \"b\": \"here\"}\nEOF");
    assert!(value("template").via.is_some_and(|via| &*via.name == "var.k"));
    let ValueKind::List(values) = value("each").kind else { panic!("a list") };
    assert_eq!(values.iter().map(|value| &text[value.range.clone()]).collect::<Vec<_>>(), ["\"p\"", "\"q\""]);
}

/// What is deep is unknown, and nothing overflows, on the smallest of the stacks on which this runs.
#[test]
fn depth() {
    let mut text = String::new();
    for at in 0..200 {
        let (open, close) = ("[".repeat(60), "]".repeat(60));
        text += &format!(
            "locals {{\n  down{at} = {open}local.down{}{close}\n  up{} = {open}local.up{at}{close}\n",
            at + 1,
            at + 1
        );
        text += &format!(
            "  call{at} = upper(lower(upper(local.call{})))\n  cond{at} = true ? local.cond{} : 1\n}}\n",
            at + 1,
            at + 1
        );
    }
    text += "locals {\n  up0 = 1\n  down200 = 1\n  call200 = \"a\"\n  cond200 = 1\n}\n";
    text += "locals {\n  all = [";
    for at in 0..200 {
        text += &format!("local.up{at}, local.down{at}, local.call{at}, local.cond{at}, ");
    }
    text += "]\n}\n";
    let work = move || {
        let module = Module::new(&[("main.tf", &text)]);
        for name in ["down0", "up200", "call0", "cond0", "all", "down150", "call195"] {
            short(&module.value(&format!("local.{name}")));
        }
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread");
    thread.join().expect("no overflow");
}
