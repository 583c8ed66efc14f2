//! What a policy in Rego finds in `input`: a file as Conftest hands it over, and what is known beyond that.

use crate::analysis::{OriginSummary, Policy, ResourceRef, origin, shift};
use crate::derive::written;
use crate::document::Snapshot;
use crate::facts::Facts;
use crate::impact::Impact;
use crate::report::{JsonOrigin, JsonRange};
use countersign_grammars::Language;
use countersign_impact::Action;
use countersign_infra::terraform::{Block, Evaluation, MAX_STEPS, Plain, Scope, Workspace, join, module_of, plain};
use countersign_infra::{Body, Value, ValueKind};
use countersign_policy::{Environment, EnvironmentEvidence, Tier, Written};
use countersign_provenance as provenance;
use countersign_syntax::{Budget, Unit, parse};
use countersign_text::RangeMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use std::ops::Range;
use std::sync::Arc;

/// Version of `input.countersign`. A field that is added does not change it; one that goes or changes its meaning does.
pub const INPUT_VERSION: u32 = 1;

/// What a policy in Rego finds in `input`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonInput {
    /// The file as Conftest hands it over: `resource.aws_s3_bucket.logs[0].acl`. An expression is its text in `${…}`.
    #[serde(flatten)]
    pub file: Map<String, Json>,
    /// What Countersign knows beyond that.
    pub countersign: JsonModel,
}

/// What Countersign knows of a file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JsonModel {
    /// Version of this part.
    pub version: u32,
    /// The file, from the root of the repository, with forward slashes.
    pub path: String,
    /// Its language: `terraform`, `terraform-vars`, `terragrunt`, `packer` and their like.
    pub language: String,
    /// The resources, data sources and calls of modules that it declares, in order of the text.
    pub resources: Vec<JsonDeclared>,
}

/// A resource, a data source or a call of a module.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JsonDeclared {
    /// Its type: `aws_s3_bucket`, `data.aws_ami`, `module`.
    pub kind: String,
    /// Its address: `aws_s3_bucket.logs`.
    pub address: String,
    /// Where it stands.
    pub range: JsonRange,
    /// Who wrote it, as far as the evidence goes.
    pub origin: JsonOrigin,
    /// The environment that it belongs to.
    pub environment: Environment,
    /// What tells the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_by: Option<EnvironmentEvidence>,
    /// How much it matters.
    pub tier: Tier,
    /// What applying the edit does to it; left out where nothing is known to happen, and with `--no-impact`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<JsonHappens>,
    /// One for each instance that `count` or `for_each` makes: none where that is zero, one where it is not known.
    pub instances: Vec<JsonInstance>,
}

/// What applying an edit does to a resource.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JsonHappens {
    /// What happens.
    pub action: Action,
    /// Whether that follows from what is known alone.
    pub certain: bool,
    /// Why: sentences for people.
    pub reasons: Vec<String>,
    /// Whether something is lost for good.
    pub data_loss: bool,
    /// Whether something does not answer meanwhile.
    pub interruption: bool,
    /// What would have kept it from harm and is off or gone: sentences for people.
    pub protections_removed: Vec<String>,
    /// What is opened: sentences for people.
    pub widened: Vec<String>,
    /// How many resources depend on it.
    pub dependents: usize,
}

/// A resource with its values worked out, as far as they can be known.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonInstance {
    /// Its attributes and blocks; a block is a list, also where it stands once. What is not known is a text `${…}` that names
    /// what would have to be known.
    pub values: Map<String, Json>,
    /// Paths of what is not known: `tags.owner`, `ingress.0.cidr_blocks`; `*` at the end for names that are not known.
    pub unknown: Vec<String>,
}

/// The input of one file, and where what is in it stands.
#[derive(Debug, Clone)]
pub struct Input {
    model: JsonModel,
    parts: Vec<Part>,
    /// A file in JSON, as it is.
    json: Option<Map<String, Json>>,
}

/// A block or an attribute at the top of a file.
#[derive(Debug, Clone)]
pub struct Part {
    plain: Plain,
    /// Where it stands, in bytes.
    pub range: Range<usize>,
    /// What to underline to point at it.
    pub anchor: Range<usize>,
    /// What it declares, where that has an address.
    pub declared: Option<ResourceRef>,
    /// Who wrote it.
    pub origin: OriginSummary,
}

impl Input {
    /// The input of a file that was read. `declared` is what in-file tags declare. Why there is none: of a file that is known in
    /// part, no policy could say what is missing.
    pub fn new(
        snapshot: &Snapshot,
        workspace: &Workspace,
        policy: &Policy,
        declared: &RangeMap<provenance::Origin>,
    ) -> Result<Self, String> {
        if let Some(why) = &snapshot.unread {
            return Err(why.clone());
        }
        let path = policy.relative(&snapshot.file).to_owned();
        let language = snapshot.language.name().to_owned();
        let mut input = Self {
            model: JsonModel { version: INPUT_VERSION, path, language, resources: Vec::new() },
            parts: Vec::new(),
            json: None,
        };
        let reader = Reader { snapshot, workspace, policy, declared };
        for (start, unit) in snapshot.units.iter() {
            reader.unit(start, unit, &mut input)?;
        }
        input.document(None)?;
        Ok(input)
    }

    /// The document, perhaps without one of its parts, by its index.
    pub fn document(&self, without: Option<usize>) -> Result<Json, String> {
        let parts = self.parts.iter().enumerate().filter(|(index, _)| Some(*index) != without);
        let mut document = match &self.json {
            Some(json) => json.clone(),
            None => join(parts.map(|(_, part)| &part.plain))
                .map_err(|clash| format!("`{}` stands for two things, and no document can hold both", clash.name))?,
        };
        let left_out = without.and_then(|index| self.parts.get(index)).and_then(|part| part.declared.as_ref());
        let mut model = self.model.clone();
        model.resources.retain(|resource| left_out.is_none_or(|out| *resource.address != *out.address));
        document.insert("countersign".to_owned(), json!(model));
        Ok(Json::Object(document))
    }

    /// What stands at the top of the file, in order of the text; nothing of a file in JSON.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What is known of the resource with an address.
    pub fn resource(&self, address: &str) -> Option<&JsonDeclared> {
        self.model.resources.iter().find(|resource| resource.address == address)
    }
}

struct Reader<'a> {
    snapshot: &'a Snapshot,
    workspace: &'a Workspace,
    policy: &'a Policy,
    declared: &'a RangeMap<provenance::Origin>,
}

impl Reader<'_> {
    fn unit(&self, start: usize, unit: &Unit<Facts>, input: &mut Input) -> Result<(), String> {
        let text = self.snapshot.text.slice(start..start + unit.len());
        let line = self.snapshot.text.line_of(start + (text.len() - text.trim_start().len())) + 1;
        let broken = |why: &str| format!("from line {line} on, {why}");
        let facts = unit.memo().ok_or_else(|| broken("it was not read"))?;
        if let Some((failure, _)) = &facts.failure {
            return Err(broken(failure));
        }
        let blocks = &facts.lowered.blocks;
        if matches!(self.snapshot.language, Language::TerraformJson | Language::TerraformVarsJson) {
            if !text.trim().is_empty() {
                input.json =
                    Some(serde_json::from_str(&text).map_err(|error| format!("it is no JSON object: {error}"))?);
            }
        } else {
            let tree = parse(self.snapshot.language, &text, 0, None, &mut Budget::unbounded());
            let tree = tree.map_err(|()| broken("it was not read"))?.map_err(|failure| broken(&failure.to_string()))?;
            if tree.root_node().has_error() {
                return Err(broken("it has an error of syntax"));
            }
            let plain = plain(&text, &tree)
                .map_err(|clash| broken(&format!("`{}` stands for two things in one block", clash.name)))?;
            for plain in plain {
                let block = blocks.iter().find(|block| block.range.range() == plain.range);
                let range = start + plain.range.start..start + plain.range.end;
                let anchor = block.map_or_else(
                    || self.snapshot.text.line_content(self.snapshot.text.line_of(range.start)),
                    |block| shift(&block.body.anchor.range(), start),
                );
                input.parts.push(Part {
                    plain,
                    anchor,
                    declared: block.map(|block| ResourceRef {
                        kind: Arc::clone(&block.kind),
                        address: Arc::clone(&block.address),
                        range: range.clone(),
                    }),
                    origin: self.origin(&range),
                    range,
                });
            }
        }
        let evaluation = Evaluation::new(self.workspace, MAX_STEPS);
        let scope = Scope::new(&evaluation, module_of(&self.snapshot.file));
        for (definition, resources) in scope.unit(&self.snapshot.file, &facts.lowered) {
            let block = definition.block();
            if block.is_resource() || block.is_data() || &*block.kind == "module" {
                input.model.resources.push(self.resource(start, block, &scope, &resources));
            }
        }
        Ok(())
    }

    fn resource(
        &self,
        start: usize,
        block: &Block,
        scope: &Scope<'_>,
        resources: &[countersign_infra::Resource],
    ) -> JsonDeclared {
        let range = shift(&block.range.range(), start);
        let path = self.policy.relative(&self.snapshot.file).to_owned();
        let (environment, environment_by) = match resources.first() {
            Some(first) => self.policy.environments.of(&Written { path: path.clone(), ..written(scope, first) }),
            None => (Environment::Unknown, None),
        };
        let happens =
            |impact: &&Impact| impact.change.address == *block.address && impact.range(self.snapshot).is_some();
        JsonDeclared {
            kind: block.kind.to_string(),
            address: block.address.to_string(),
            range: JsonRange::new(&self.snapshot.text, &range),
            origin: JsonOrigin::from(&self.origin(&range)),
            environment,
            environment_by,
            tier: self.policy.tiers.of(&path, &block.kind, environment),
            impact: self.snapshot.impacts.iter().find(happens).map(JsonHappens::from),
            instances: resources.iter().map(|resource| instance(&resource.body)).collect(),
        }
    }

    fn origin(&self, range: &Range<usize>) -> OriginSummary {
        origin(self.snapshot, self.declared, range, self.policy.assumed_origin)
    }
}

impl From<&Impact> for JsonHappens {
    fn from(impact: &Impact) -> Self {
        let change = &impact.change;
        Self {
            action: change.action,
            certain: change.certain,
            reasons: change.reasons.iter().map(|reason| reason.why.clone()).collect(),
            data_loss: change.loss.is_some(),
            interruption: change.interruption.is_some(),
            protections_removed: change.protections_removed.iter().map(|reason| reason.why.clone()).collect(),
            widened: change.widened.iter().map(|widening| widening.reason.why.clone()).collect(),
            dependents: impact.reach.transitive,
        }
    }
}

fn instance(body: &Body) -> JsonInstance {
    let mut unknown = Vec::new();
    let values = fields(body, "", &mut unknown);
    JsonInstance { values, unknown }
}

/// What a body says; blocks of one name are one list. Paths of what is not known go to `unknown`.
fn fields(body: &Body, path: &str, unknown: &mut Vec<String>) -> Map<String, Json> {
    let mut fields = Map::new();
    if body.open {
        unknown.push(format!("{path}*"));
    }
    for field in &body.fields {
        let name = &field.name;
        let is_block = matches!(&field.value.kind, ValueKind::Object(body) if body.close.is_some());
        if !is_block {
            fields.insert(name.clone(), json_of(&field.value, &format!("{path}{name}"), unknown));
            continue;
        }
        let list = fields.entry(name.clone()).or_insert_with(|| json!([]));
        let index = list.as_array().map_or(0, Vec::len);
        let value = json_of(&field.value, &format!("{path}{name}.{index}"), unknown);
        match list.as_array_mut() {
            Some(list) => list.push(value),
            None => *list = value,
        }
    }
    fields
}

fn json_of(value: &Value, path: &str, unknown: &mut Vec<String>) -> Json {
    match &value.kind {
        ValueKind::Null => Json::Null,
        ValueKind::Bool(bool) => Json::Bool(*bool),
        ValueKind::Number(number) => whole(*number),
        ValueKind::String { text, .. } => Json::String(text.clone()),
        ValueKind::List(values) => {
            let values = values.iter().enumerate();
            values.map(|(index, value)| json_of(value, &format!("{path}.{index}"), unknown)).collect()
        }
        ValueKind::Object(body) => Json::Object(fields(body, &format!("{path}."), unknown)),
        ValueKind::Unknown { needs, .. } => {
            unknown.push(path.to_owned());
            Json::String(format!("${{{}}}", needs.as_deref().unwrap_or("unknown")))
        }
    }
}

/// A whole number as one, so that it is not written `80.0`.
fn whole(number: f64) -> Json {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and no larger than what both hold exactly")]
        return json!(number as i64);
    }
    json!(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{alone, read};
    use countersign_policy::{Config, Surface};

    fn input(language: Language, text: &str) -> Result<Input, String> {
        let snapshot = Snapshot { file: "/r/live/prod/main.tf".into(), ..Snapshot::new(language, 0, text) };
        assert!(read(&snapshot, &mut Budget::unbounded()));
        let policy = Policy {
            root: "/r".to_owned(),
            ..Policy::new(&Config::defaults(), Surface::CommandLine, jiff::civil::date(2026, 11, 20))
        };
        Input::new(&snapshot, &alone(&snapshot), &policy, &RangeMap::default())
    }

    const TEXT: &str = "variable \"size\" {}\n\nlocals {\n  acl = \"private\"\n}\n\nresource \"aws_s3_bucket\" \"logs\" {\n  acl    = local.acl\n  bucket = \"logs-${var.size}\"\n  count  = 2\n\n  versioning {\n    enabled = true\n  }\n}\n\nresource \"aws_s3_bucket\" \"none\" {\n  count = 0\n}\n";

    #[test]
    fn what_is_written_and_what_is_worked_out() {
        let document = input(Language::Terraform, TEXT).expect("an input").document(None).expect("a document");
        assert_eq!(document["resource"]["aws_s3_bucket"]["logs"][0]["acl"], "${local.acl}");
        assert_eq!(document["locals"][0]["acl"], "private");
        let model = &document["countersign"];
        assert_eq!((&model["path"], &model["language"]), (&json!("live/prod/main.tf"), &json!("terraform")));
        let logs = &model["resources"][0];
        assert_eq!((&logs["address"], &logs["tier"]), (&json!("aws_s3_bucket.logs"), &json!("critical")));
        assert_eq!((&logs["environment"], &logs["origin"]["by"]), (&json!("production"), &json!("unknown")));
        assert_eq!(logs["instances"].as_array().map(Vec::len), Some(1), "what all have in common is said once");
        let values = &logs["instances"][0]["values"];
        assert_eq!(values["acl"], "private");
        assert_eq!(values["versioning"], json!([{"enabled": true}]));
        assert_eq!(logs["instances"][0]["unknown"], json!(["bucket"]));
        assert!(values["bucket"].as_str().expect("a text").starts_with("${"), "{values}");
        assert_eq!(model["resources"][1]["instances"], json!([]), "nothing is made of it");
        let typed: JsonInput = serde_json::from_value(document).expect("as the schema says");
        assert_eq!(typed.countersign.version, INPUT_VERSION);
    }

    #[test]
    fn a_part_can_be_left_out() {
        let input = input(Language::Terraform, TEXT).expect("an input");
        let logs = input
            .parts()
            .iter()
            .position(|part| part.declared.as_ref().is_some_and(|declared| &*declared.address == "aws_s3_bucket.logs"));
        let document = input.document(Some(logs.expect("it is there"))).expect("a document");
        assert!(document["resource"]["aws_s3_bucket"].get("logs").is_none(), "{document}");
        assert!(document["resource"]["aws_s3_bucket"].get("none").is_some(), "{document}");
        assert_eq!(document["countersign"]["resources"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn a_file_in_json_is_itself() {
        let text = "{\"resource\": {\"aws_s3_bucket\": {\"logs\": {\"acl\": \"${var.acl}\"}}}}";
        let document = input(Language::TerraformJson, text).expect("an input").document(None).expect("a document");
        assert_eq!(document["resource"]["aws_s3_bucket"]["logs"]["acl"], "${var.acl}");
        assert_eq!(document["countersign"]["resources"][0]["address"], "aws_s3_bucket.logs");
    }

    #[test]
    fn of_what_is_known_in_part_there_is_no_input() {
        let broken = format!("{TEXT}\nresource \"aws_s3_bucket\" \"x\" {{\n  acl = = 1\n}}\n");
        assert_eq!(
            input(Language::Terraform, &broken).expect_err("broken"),
            "from line 21 on, it has an error of syntax"
        );
        let merge = "<<<<<<< ours\nresource \"a_b\" \"c\" {}\n=======\n>>>>>>> theirs\n";
        assert!(input(Language::Terraform, merge).is_err());
        assert!(input(Language::TerraformJson, "{\"resource\": ").is_err());
    }
}
