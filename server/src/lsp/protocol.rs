//! Our own methods, described in `docs/protocol.md`.

use super::reviews::ReviewsParams;
use countersign_engine::report::JsonFinding;
use countersign_impact::Action;
use countersign_policy::{Environment, Tier, Verdict};
use countersign_provenance::{Agent, Authority, Means, Origin, Writer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of the notification with [`EditParams`].
pub(super) const EDIT: &str = "countersign/edit";
/// Name of the request with [`RegionsParams`].
pub(super) const REGIONS: &str = "countersign/regions";
/// Name of the request with [`CheckEditParams`].
pub(super) const CHECK_EDIT: &str = "countersign/checkEdit";
/// Name of the request with [`BlastRadiusParams`].
pub(super) const BLAST_RADIUS: &str = "countersign/blastRadius";
/// Name of the request with [`IsCriticalParams`].
pub(super) const IS_CRITICAL: &str = "countersign/isCritical";

/// All shapes of the protocol, for its schema.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Protocol {
    /// Parameters of the notification `countersign/edit`.
    pub(super) edit: EditParams,
    /// Parameters of the request `countersign/regions`.
    pub(super) regions: RegionsParams,
    /// Its result.
    pub(super) regions_result: Vec<RegionResult>,
    /// Parameters of the request `countersign/checkEdit`.
    pub(super) check_edit: CheckEditParams,
    /// Its result.
    pub(super) check_edit_result: CheckEditResult,
    /// Parameters of the request `countersign/blastRadius`.
    pub(super) blast_radius: BlastRadiusParams,
    /// Its result; null where no resource is.
    pub(super) blast_radius_result: Option<BlastRadiusResult>,
    /// Parameters of the notification `countersign/reviews`, from the server.
    pub(super) reviews: ReviewsParams,
    /// Parameters of the request `countersign/isCritical`.
    pub(super) is_critical: IsCriticalParams,
    /// Its result.
    pub(super) is_critical_result: IsCriticalResult,
}

/// A question whether a team calls a file critical. It need not be open, nor be there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct IsCriticalParams {
    /// The file.
    pub(super) text_document: WireDocument,
}

/// Its answer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct IsCriticalResult {
    /// A `[[tier]]` of the team's own says so, by its path; opened here, the file counts whatever language it is in.
    pub(super) critical: bool,
}

/// A place in a document, in the encoding that was negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) struct WirePosition {
    /// Zero-based line.
    pub(super) line: u32,
    /// Zero-based code unit within the line.
    pub(super) character: u32,
}

/// From a position up to and not including another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) struct WireRange {
    /// First position.
    pub(super) start: WirePosition,
    /// Position behind the last.
    pub(super) end: WirePosition,
}

/// A document.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(super) struct WireDocument {
    /// Its URI, as in `textDocument/didOpen`.
    pub(super) uri: String,
}

/// A document in one version.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(super) struct WireVersionedDocument {
    /// Its URI, as in `textDocument/didOpen`.
    pub(super) uri: String,
    /// The version that the ranges count in.
    pub(super) version: i32,
}

/// The text now at these ranges, in that version, came from there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EditParams {
    /// The document and version. The notification may come before or after the `didChange` of that version.
    pub(super) text_document: WireVersionedDocument,
    /// Where the text stands.
    pub(super) ranges: Vec<WireRange>,
    /// From where it came.
    pub(super) origin: WireOrigin,
}

/// From where a text came.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(super) struct WireOrigin {
    /// The tool: `claude`, `cursor`, `github-copilot`. For a person, the editor.
    pub(super) tool: String,
    /// The model, if the editor knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    /// The tool's name for the conversation, if the editor knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<String>,
    /// By what means it came in.
    pub(super) means: WireMeans,
}

/// By what means text came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum WireMeans {
    /// An accepted inline completion.
    InlineCompletion,
    /// An edit applied from a chat.
    Chat,
    /// An edit by an agent.
    Agent,
    /// A paste: nothing is said about who wrote the text.
    Paste,
    /// Typed by a person.
    Human,
}

impl WireOrigin {
    /// The evidence that it is, if it says anything about a writer.
    pub(super) fn evidence(&self) -> countersign_engine::Evidence {
        let (writer, means) = match self.means {
            WireMeans::InlineCompletion => (Some(Writer::Ai(self.agent())), Means::InlineCompletion),
            WireMeans::Chat => (Some(Writer::Ai(self.agent())), Means::Chat),
            WireMeans::Agent => (Some(Writer::Ai(self.agent())), Means::Agent),
            WireMeans::Paste => (None, Means::Paste),
            WireMeans::Human => (Some(Writer::Human), Means::Human),
        };
        let origin =
            writer.map(|writer| Origin { writer, authority: Authority::Observed, means: Some(means), corrects: None });
        countersign_engine::Evidence { origin, means }
    }

    fn agent(&self) -> Agent {
        Agent { tool: self.tool.clone(), model: self.model.clone(), session: self.session.clone() }
    }
}

/// Whose regions.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RegionsParams {
    /// An open document.
    pub(super) text_document: WireDocument,
}

/// One region of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RegionResult {
    /// Where it stands.
    pub(super) range: WireRange,
    /// Who wrote it.
    pub(super) origin: RegionOrigin,
    /// SHA-256 of its text as UTF-8, in lower-case hexadecimal digits.
    pub content_sha256: String,
}

/// Who wrote a region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct RegionOrigin {
    /// `ai`, `human`, `mixed`, or `unknown` for a block that is asked about.
    pub(super) by: countersign_policy::Origin,
    /// The AI tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tool: Option<String>,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    /// Its conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<String>,
    /// How we know: `suspected`, `declared`, `observed`, `reported` or `corrected`.
    pub(super) authority: String,
    /// Share of the text that came in then and is still there, from 0 to 1.
    pub(super) retained: f64,
}

/// An edit that is to be judged and not applied.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckEditParams {
    /// The document, open or on disk.
    pub(super) text_document: WireDocument,
    /// Replacements, all of them in the document as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) edits: Option<Vec<WireEdit>>,
    /// The whole text, or with `oldText` what stands in its place, in place of `edits`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) new_text: Option<String>,
    /// With `newText`: the text that it replaces, which is the whole text or stands in it once. As a diff of the Agent Client
    /// Protocol has it: null where the file is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) old_text: Option<String>,
    /// Who would have written it.
    pub(super) origin: WireOrigin,
}

/// A replacement.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireEdit {
    /// What is replaced.
    pub(super) range: WireRange,
    /// What stands there afterwards.
    pub(super) new_text: String,
}

/// What would be said of an edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckEditResult {
    /// The gravest verdict.
    pub(super) verdict: Verdict,
    /// Findings that the edit brings or touches, in the text as it would be.
    pub(super) findings: Vec<JsonFinding>,
    /// All of it in a few words.
    pub(super) message: String,
}

/// Whose blast radius: of the resource at `position`, or of that with `address`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlastRadiusParams {
    /// An open document.
    pub(super) text_document: WireDocument,
    /// A place in a resource of that document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) position: Option<WirePosition>,
    /// In place of `position`, the address of a resource in its module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    /// The folder of the module of `address`, as a result names it; that of the document where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) module: Option<String>,
}

/// A resource and what depends on it, directly and through others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlastRadiusResult {
    /// The folder of its module.
    pub(super) module: String,
    /// The resource.
    pub(super) resource: BlastResource,
    /// What the changes do to it, where that is worth a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) change: Option<BlastChange>,
    /// What depends on it, the nearest first: 500 at most, and what leads to `worst`.
    pub(super) dependents: Vec<BlastDependent>,
    /// How many there are.
    pub(super) total: usize,
    /// Whether there may be more than `total`, because the walk reached its limit.
    pub(super) at_least: bool,
    /// How many of all that depend on it are calls of modules that are not there to be read: what is behind them is not known.
    pub(super) unseen: usize,
    /// Index of the most critical one among `dependents`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) worst: Option<usize>,
}

/// A resource, and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct BlastResource {
    /// Its address; with the calls that lead to it, where there are some: `module.app.aws_instance.web`.
    pub(super) address: String,
    /// Its type; `module` for a call of a module that is not there to be read.
    pub(super) kind: String,
    /// The environment, by what is written.
    pub(super) environment: Environment,
    /// How much hangs on its kind.
    pub(super) tier: Tier,
    /// The file that declares it, or where it stood; left out where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) uri: Option<String>,
    /// The first line of its block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) range: Option<WireRange>,
}

/// What the changes do to a resource that is live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlastChange {
    /// What happens.
    pub(super) action: Action,
    /// Whether it follows from the text alone.
    pub(super) certain: bool,
    /// Whether data is lost for good.
    pub(super) data_loss: bool,
    /// It in a few words, as the code lens says it.
    pub(super) summary: String,
    /// Whether the resource is not declared any more: `dependents` is then what still refers to it.
    pub(super) is_gone: bool,
    /// How many depended on it when the changes were compared; of one that is gone, before they were made.
    pub(super) dependents: usize,
}

/// A resource that depends on the one that is asked about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(super) struct BlastDependent {
    /// The resource.
    #[serde(flatten)]
    pub(super) resource: BlastResource,
    /// Resources on the way to it and itself: 1 for one that depends directly.
    pub(super) distance: usize,
    /// Index of the one through which it was reached; left out for one that depends directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) through: Option<usize>,
    /// What leads to it, in order: resources, values, arguments, outputs.
    pub(super) via: Vec<String>,
    /// Whether it is a call of a module that is not there to be read.
    pub(super) unseen: bool,
}

/// Arguments of the commands that do something to a stretch of a document.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActionArguments {
    /// The document.
    pub(super) uri: String,
    /// Where; for an action about a finding, the finding's range.
    pub(super) range: WireRange,
    /// The risk, for an action about a finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) risk: Option<String>,
    /// Why, for a review or a suppression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The tool, for a tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tool: Option<String>,
    /// The model, for a tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
}

/// Arguments of the commands that answer a request for a review.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ReviewArguments {
    /// The root of the repository, as `countersign/reviews` names it.
    pub(super) root: String,
    /// The name of the request.
    pub(super) id: String,
}

/// The tag of a text in a language without comments: a record beside the file, in the form of evidence.
pub(super) fn tag_beside(arguments: &ActionArguments, version: i32) -> EditParams {
    EditParams {
        text_document: WireVersionedDocument { uri: arguments.uri.clone(), version },
        ranges: vec![arguments.range],
        origin: WireOrigin {
            tool: arguments.tool.clone().unwrap_or_else(|| "unknown".to_owned()),
            model: arguments.model.clone(),
            session: None,
            means: WireMeans::Agent,
        },
    }
}
