//! Workflows and composite actions of GitHub Actions.
//!
//! A job is a resource (`github/job`), and so are what stands before the jobs (`github/workflow`) and a composite action
//! (`github/action`). The steps are a list in them. A job's address is `jobs.NAME`.

use crate::shell;
use crate::terraform::lower::{finished, mentioning};
use crate::terraform::syntax::{Block, Content, Element, Expr, ExprKind, Item, Items};
use crate::terraform::text_of;
use crate::yaml::{get, name, shared, text};

/// Adds what a value declares, where it is of a workflow: the head of it, a composite action, or some jobs.
pub(crate) fn add(source: &str, document: &Expr, blocks: &mut Vec<Block>) {
    let ExprKind::Object { elements, .. } = &document.kind else { return };
    let composite = get(document, "runs").is_some_and(|runs| get(runs, "using").is_some());
    if composite {
        block("github/action", "action", document, elements.first(), blocks);
        scripts(source, get(document, "runs"), blocks);
    } else if get(document, "on").is_some() && get(document, "jobs").is_some() {
        block("github/workflow", "workflow", document, elements.first(), blocks);
    }
    let jobs = match get(document, "jobs").map(|jobs| &jobs.kind) {
        Some(ExprKind::Object { elements, .. }) => elements,
        _ => elements,
    };
    for job in jobs {
        let is_job =
            get(&job.value, "runs-on").is_some() || (get(&job.value, "uses").is_some() && is_called(&job.value));
        if let Some(id) = name(job).filter(|_| is_job) {
            block("github/job", &format!("jobs.{id}"), &job.value, Some(job), blocks);
            scripts(source, Some(&job.value), blocks);
        }
    }
}

/// Adds what the steps of a job or an action run in a shell.
fn scripts(source: &str, of: Option<&Expr>, blocks: &mut Vec<Block>) {
    let steps = of.and_then(|of| get(of, "steps")).map(|steps| &steps.kind);
    let Some(ExprKind::List(steps)) = steps else { return };
    for step in steps {
        let is_shell =
            get(step, "shell").is_none_or(|it| text_of(it).is_some_and(|it| it.contains("sh") && !it.contains("pwsh")));
        if let Some(run) = get(step, "run").filter(|_| is_shell) {
            shell::add_value(source, run, blocks);
        }
    }
}

/// Whether a value says that another workflow is the job, and nothing that no such job has.
fn is_called(job: &Expr) -> bool {
    text(job, "uses").is_some_and(|uses| uses.contains(".github/workflows/"))
}

/// A value in which `${{ matrix.NAME }}` is a list of all that a matrix has under that name.
fn listed(value: &Expr, matrix: &Expr) -> Expr {
    let kind = match &value.kind {
        ExprKind::Object { elements, open } => {
            let inside = |element: &Element| Element { value: listed(&element.value, matrix), ..element.clone() };
            ExprKind::Object { elements: elements.iter().map(inside).collect(), open: *open }
        }
        ExprKind::Template(_) => {
            let inside = text_of(value).and_then(|text| text.trim().strip_prefix("${{")?.strip_suffix("}}"));
            let Some(name) = inside.and_then(|inside| inside.trim().strip_prefix("matrix.")) else {
                return value.clone();
            };
            let list = |of: Option<&Expr>| match of.map(|of| &of.kind) {
                Some(ExprKind::List(values)) => values.to_vec(),
                _ => Vec::new(),
            };
            let mut values = list(get(matrix, name));
            values.extend(list(get(matrix, "include")).iter().filter_map(|it| get(it, name)).cloned());
            if values.is_empty() {
                return value.clone();
            }
            ExprKind::List(values.into())
        }
        _ => return value.clone(),
    };
    Expr { range: value.range, kind }
}

/// A block of a mapping; `at` is what it is pointed at by.
fn block(kind: &str, address: &str, of: &Expr, at: Option<&Element>, blocks: &mut Vec<Block>) {
    let ExprKind::Object { elements, open } = &of.kind else { return };
    let matrix = get(of, "strategy").and_then(|strategy| get(strategy, "matrix"));
    let item = |element: &Element| {
        let is_image = kind == "github/job" && matches!(name(element), Some("container" | "services"));
        let matrix = matrix.filter(|_| is_image);
        let content = Content::Attribute(matrix.map_or_else(|| element.value.clone(), |it| listed(&element.value, it)));
        // Jobs are resources of their own.
        let name = name(element).filter(|name| kind != "github/workflow" || *name != "jobs")?;
        Some(Item { name: shared(name), range: element.range, content })
    };
    let entries: Vec<_> = elements.iter().filter_map(item).collect();
    let anchor = at.map_or(of.range, |element| element.key.range);
    let start = at.map_or(of.range.start(), |element| element.range.start().min(of.range.start()));
    let items = Items { entries, anchor, close: None, open: *open };
    let needs = match get(of, "needs").map(|value| &value.kind) {
        Some(ExprKind::List(values)) => values.iter().filter_map(text_of).map(str::to_owned).collect(),
        _ => text(of, "needs").map(str::to_owned).into_iter().collect::<Vec<_>>(),
    };
    let block = finished(kind, address, start..of.range.end(), items);
    blocks.push(mentioning(block, needs.into_iter().map(|job| format!("jobs.{job}"))));
}
