//! Pipelines of GitLab CI.
//!
//! A job is a resource (`gitlab/job`), its address `jobs.NAME`, and so is what stands beside the jobs (`gitlab/pipeline`). What begins
//! with a `$` is filled in when the pipeline runs, and is left as it is written.
//!
//! Source: the keyword reference of GitLab CI.

use crate::shell;
use crate::terraform::lower::{finished, mentioning};
use crate::terraform::syntax::{Block, Content, Element, Expr, ExprKind, Item, Items};
use crate::terraform::text_of;
use crate::yaml::{get, name, shared, text};

/// What stands beside the jobs.
const BESIDE: &[&str] = &[
    "after_script",
    "before_script",
    "cache",
    "default",
    "image",
    "include",
    "pages",
    "services",
    "spec",
    "stages",
    "variables",
    "workflow",
];

/// Adds the pipeline that a document is, where it has jobs with scripts.
pub(crate) fn add(source: &str, document: &Expr, blocks: &mut Vec<Block>) {
    let ExprKind::Object { elements, open } = &document.kind else { return };
    let jobs: Vec<_> = elements.iter().filter(|element| is_job(element)).collect();
    // In other formats one key of many may be called so.
    let is_known = |element: &&Element| {
        let known = |name: &str| name.starts_with('.') || BESIDE.contains(&name);
        is_job(element) || name(element).is_some_and(known) || has_trigger(&element.value)
    };
    if jobs.is_empty() || !elements.iter().all(|element| is_known(&element)) {
        return;
    }
    let entry = |element: &Element| {
        let content = Content::Attribute(element.value.clone());
        Some(Item { name: shared(name(element)?), range: element.range, content })
    };
    let beside = elements.iter().filter(|element| name(element).is_some_and(|name| BESIDE.contains(&name)));
    let entries: Vec<_> = beside.filter(|element| !is_job(element)).filter_map(entry).collect();
    if let Some(first) = entries.first() {
        let anchor = (first.range.start()..first.range.start() + first.name.len()).into();
        let items = Items { entries, anchor, close: None, open: *open };
        blocks.push(finished("gitlab/pipeline", "pipeline", document.range.range(), items));
        scripts(source, document, blocks);
    }
    for job in jobs {
        let (Some(id), ExprKind::Object { elements, open }) = (name(job), &job.value.kind) else { continue };
        let entries = elements.iter().filter_map(entry).collect();
        let items = Items { entries, anchor: job.key.range, close: None, open: *open };
        let needs = match get(&job.value, "needs").map(|needs| &needs.kind) {
            Some(ExprKind::List(needs)) => {
                needs.iter().filter_map(|it| text_of(it).or_else(|| text(it, "job"))).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        let block = finished("gitlab/job", &format!("jobs.{id}"), job.range.range(), items);
        blocks.push(mentioning(block, needs.into_iter().map(|job| format!("jobs.{job}"))));
        scripts(source, &job.value, blocks);
    }
}

/// Adds what a job runs, or each job of a pipeline.
fn scripts(source: &str, of: &Expr, blocks: &mut Vec<Block>) {
    for key in ["before_script", "script", "after_script"] {
        if let Some(script) = get(of, key) {
            shell::add_value(source, script, blocks);
        }
    }
}

/// Whether a key of the document is a job with a script.
fn is_job(element: &Element) -> bool {
    let is_script = |script: &Expr| matches!(script.kind, ExprKind::List(_) | ExprKind::Template(_));
    get(&element.value, "script").is_some_and(is_script)
}

/// Whether a value is a job without a script of its own.
fn has_trigger(value: &Expr) -> bool {
    get(value, "trigger").is_some() || get(value, "extends").is_some()
}
