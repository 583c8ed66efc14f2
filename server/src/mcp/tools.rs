//! The tools, as models see them.

use super::workspace::{Told, Workspace};
use super::{commands, edits, findings, radius, risks};
use anyhow::anyhow;
use rmcp::handler::server::tool::{schema_for_input, schema_for_output};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The names of all tools.
pub(super) const NAMES: [&str; 5] = ["check_edit", "check_command", "explain_risk", "blast_radius", "list_findings"];

/// A tool and what it runs.
pub(super) struct Entry {
    pub(super) tool: Tool,
    pub(super) run: Run,
}

/// Answers a question, given by its arguments.
type Run = Box<dyn Fn(&Workspace, JsonObject) -> Told<Value> + Send + Sync>;

/// All tools.
pub(super) fn all() -> anyhow::Result<Vec<Entry>> {
    Ok(vec![
        entry(
            "check_edit",
            "Check an edit before making it",
            "Says what policy would say of an edit of infrastructure code that is not made yet: what it destroys, replaces, opens or \
             switches off, and which risks it brings. Call it before you write, edit, delete or move files of Terraform or OpenTofu, \
             and again after you have changed your mind about the text. Give all files of one change in one call, because they are \
             judged together. `verdict` is the answer: `allow` (nothing to say), `note` (go on, and know this), `review` (go on, and a \
             person has to look at it), `deny` (do not make this edit; each reason says what to do instead), `unknown` (it could not \
             be judged, `unjudged` says why). Nothing is written and nothing recorded.",
            edits::check_edit,
        )?,
        entry(
            "check_command",
            "Check a shell command before running it",
            "Says what a shell command would do to what cannot simply be had again: destroy, replace, stop, open, rewrite, delete; in \
             which environment; and what policy says of it. The command is read, not run: pipes, `bash -c`, scripts, Makefile targets, \
             SQL and calls of cloud tools included. Call it before commands of terraform, tofu, kubectl, helm, pulumi, cloud command \
             lines, database clients, git that rewrites, rm, and scripts of the repository. `verdict`: `allow` (nothing of note), \
             `note` (go on, and know this), `review` (a person has to agree), `deny` (do not run it; each reason says what to do \
             instead), `unknown` (it could not be judged). Nothing is run and nothing recorded.",
            commands::check_command,
        )?,
        entry(
            "explain_risk",
            "Explain a risk",
            "Gives the page of a risk: what it means, how it hurts, what to write instead, with examples and references. Call it with \
             the `id` or `risk` of an answer of another tool where the reason there is not enough to correct the text.",
            risks::explain_risk,
        )?,
        entry(
            "blast_radius",
            "What depends on a resource",
            "Says what depends on a resource of Terraform or OpenTofu, directly and through others (values, outputs, module calls, \
             remote state), and what the uncommitted and committed changes since the default branch do to it. Call it before you \
             change, rename, move or remove a resource, to know what else is hit. `dependents.transitive` counts them, \
             `dependents.worst` is the most critical one, `listed` has the nearest first and `leftOut` says how many are missing \
             there. No dependents means that nothing in this repository's text depends on it; what others use is not seen. Needs a \
             git repository with a commit.",
            radius::blast_radius,
        )?,
        entry(
            "list_findings",
            "List findings",
            "Lists the risks in the infrastructure code as it is on disk now, as `countersign check` does, the gravest first, with the \
             place, who wrote it, what policy says and what to do. Call it to see where things stand before you begin, and after your \
             edits to see what they brought. Narrow it with `paths`, `risk` or `min_severity`; `leftOut` says how many match and are \
             not listed. An empty list means that nothing was found in the files that could be read: see `problems`.",
            findings::list_findings,
        )?,
    ])
}

fn entry<I, O>(
    name: &'static str,
    title: &'static str,
    description: &'static str,
    run: fn(&Workspace, &I) -> Told<O>,
) -> anyhow::Result<Entry>
where
    I: DeserializeOwned + JsonSchema + 'static,
    O: Serialize + JsonSchema + 'static,
{
    let input = schema_for_input::<I>().map_err(|why| anyhow!("{name}: {why}"))?;
    let annotations =
        ToolAnnotations::with_title(title).read_only(true).destructive(false).idempotent(true).open_world(false);
    let tool = Tool::new(name, description, input)
        .with_title(title)
        .with_raw_output_schema(schema_for_output::<O>())
        .with_annotations(annotations);
    let run = move |workspace: &Workspace, arguments: JsonObject| {
        let asked: I = serde_json::from_value(Value::Object(arguments))
            .map_err(|error| format!("The arguments of {name} cannot be used: {error}. See its input schema."))?;
        serde_json::to_value(run(workspace, &asked)?).map_err(|error| format!("The answer cannot be given: {error}."))
    };
    Ok(Entry { tool, run: Box::new(run) })
}
