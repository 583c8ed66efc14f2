//! The impact for people: what in one line, then each resource with why and what follows.

use crate::cli::human::plural;
use crate::impact::report::{Impact, JsonAction, JsonAgreement, JsonDependent, JsonReason, Told};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use countersign_engine::Format;
use countersign_policy::{Environment, Tier};
use std::fmt::Write;

/// Longest header of a block that is shown, in bytes.
const SHOWN_LINE: usize = 160;

/// The whole report.
pub(super) fn report(impact: &Impact<'_>) -> String {
    let mut out = format!("{}\n", summary(impact));
    let _ = writeln!(out, "compared with {}", impact.compared.baseline);
    let mut told: Vec<_> = impact.told.iter().collect();
    // The worst first; within that by path and place.
    told.sort_by_key(|told| told.json.outcome());
    let (small, large): (Vec<&Told>, Vec<&Told>) = told.into_iter().partition(|told| is_small(told));
    for told in large {
        let _ = write!(out, "\n{}\n", resource(impact, told));
    }
    if !small.is_empty() {
        out.push('\n');
    }
    for told in small {
        let json = &told.json;
        let _ = writeln!(out, "{} is created ({}:{})", json.address, json.path, json.range.start.line + 1);
    }
    out
}

/// Whether there is no more to say of a resource than that it is created.
fn is_small(told: &Told) -> bool {
    let json = &told.json;
    json.outcome() == JsonAction::Create && json.certain && !json.is_dangerous() && json.plan.is_none()
}

fn summary(impact: &Impact<'_>) -> String {
    let mut parts = Vec::new();
    let words = [
        (JsonAction::Destroy, "destroyed"),
        (JsonAction::Replace, "replaced"),
        (JsonAction::Unknown, "not known"),
        (JsonAction::Update, "updated"),
        (JsonAction::Rename, "renamed"),
        (JsonAction::Create, "created"),
    ];
    for (action, word) in words {
        let of = impact.told.iter().filter(|told| told.json.outcome() == action);
        let (count, uncertain) = of.fold((0, 0), |(count, uncertain), told| {
            let is_settled = told.json.plan.is_some() || told.json.certain || action == JsonAction::Unknown;
            (count + 1, uncertain + usize::from(!is_settled))
        });
        match (count, uncertain) {
            (0, _) => {}
            (count, 0) => parts.push(format!("{count} {word}")),
            (count, uncertain) => parts.push(format!("{count} {word} ({uncertain} uncertain)")),
        }
    }
    let mut summary = if parts.is_empty() { "nothing changes".to_owned() } else { parts.join(", ") };
    if impact.told.iter().all(|told| told.json.outcome() == JsonAction::Create) {
        return summary;
    }
    let at_least = if impact.told.iter().any(|told| told.json.dependents.at_least) { "at least " } else { "" };
    let _ = write!(summary, "; {at_least}{}", plural(impact.all_dependents(), "dependent"));
    if let Some(worst) = impact.worst_of_all() {
        let _ = write!(summary, ", worst: {}", dependent(worst));
    }
    summary
}

fn resource(impact: &Impact<'_>, told: &Told) -> String {
    let json = &told.json;
    let (level, name) = match json.outcome() {
        JsonAction::Destroy => (Level::ERROR, "destroy"),
        JsonAction::Replace => (Level::ERROR, "replace"),
        JsonAction::Unknown => (Level::WARNING, "unknown"),
        JsonAction::Update if json.is_dangerous() => (Level::WARNING, "update"),
        JsonAction::Update => (Level::INFO, "update"),
        JsonAction::Rename => (Level::INFO, "rename"),
        JsonAction::Create => (Level::INFO, "create"),
        JsonAction::None => (Level::INFO, "nothing"),
    };
    let title = title(told);
    let title = level.clone().with_name(name).primary_title(&*title);
    let header = header(impact, told);
    let mut group = Group::with_title(title);
    group = match &header {
        Some((line, text)) => group.element(
            Snippet::source(text.as_str())
                .path(json.path.as_str())
                .line_start(*line)
                .fold(false)
                .annotation(AnnotationKind::Primary.span(0..text.len())),
        ),
        None => group.element(annotate_snippets::Origin::path(json.path.as_str())),
    };
    let notes = notes(impact, told);
    for note in &notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    Renderer::styled().render(&[group])
}

/// The first line of a block, and its number.
fn header(impact: &Impact<'_>, told: &Told) -> Option<(usize, String)> {
    let (file, range) = told.place.as_ref()?;
    let text = &impact.state(told.side).file(file)?.text;
    let line = text.line_of(range.start);
    let content = text.line_content(line);
    let end = text.clamp(content.start..content.end.min(content.start + SHOWN_LINE)).end;
    Some((line + 1, text.slice(content.start..end).trim_end().to_owned()))
}

fn title(told: &Told) -> String {
    let json = &told.json;
    let may = |surely: &str, perhaps: &str| {
        let is_sure = json.certain || json.plan.is_some();
        format!("{} {}", json.address, if is_sure { surely } else { perhaps })
    };
    match json.outcome() {
        JsonAction::Destroy => may("is destroyed", "may be destroyed"),
        JsonAction::Replace => may("is destroyed and created anew", "may be destroyed and created anew"),
        JsonAction::Unknown => format!("what happens to {} is not known", json.address),
        JsonAction::Update => may("is changed in place", "may be changed in place"),
        JsonAction::Rename => match &json.renamed_to {
            Some(to) => format!("{} is {to} from now on, and stays what it is", json.address),
            None => format!("{} gets another address, and stays what it is", json.address),
        },
        JsonAction::Create => may("is created", "may be created"),
        JsonAction::None if json.plan.is_some() => format!("nothing happens to {}", json.address),
        JsonAction::None => format!("nothing is different about {}", json.address),
    }
}

/// Why, and what follows.
fn notes(impact: &Impact<'_>, told: &Told) -> Vec<String> {
    let json = &told.json;
    let mut notes: Vec<String> = json.reasons.iter().map(reason).collect();
    notes.extend(json.renamed_to.as_ref().and_then(|to| match json.outcome() {
        // The title says it.
        JsonAction::Rename => None,
        JsonAction::Destroy if Format::of_kind(&json.kind) != Format::Terraform => None,
        JsonAction::Destroy => Some(format!("a `moved` block from {} to {to} keeps it", json.address)),
        _ => Some(format!("its new address: {to}")),
    }));
    notes.extend(json.interruption.iter().map(|why| format!("interruption: {}", reason(why))));
    notes.extend(json.protections_removed.iter().map(|why| format!("protection removed: {}", reason(why))));
    notes.extend(json.widened.iter().map(|widened| format!("opened: {}", widened.why)));
    if json.outcome() != JsonAction::Create {
        notes.extend(dependents(impact, told));
    }
    notes.extend(json.plan.map(|plan| {
        let prediction = match json.action {
            JsonAction::None => "nothing was predicted",
            JsonAction::Destroy => "predicted: destroy",
            JsonAction::Replace => "predicted: replace",
            JsonAction::Unknown => "predicted: not known",
            JsonAction::Update => "predicted: update",
            JsonAction::Rename => "predicted: rename",
            JsonAction::Create => "predicted: create",
        };
        let what = match plan.prediction {
            JsonAgreement::Confirmed => "confirms",
            JsonAgreement::Settled => "settles",
            JsonAgreement::Corrected => "corrects",
        };
        format!("the plan {what} the prediction ({prediction})")
    }));
    notes
}

fn reason(reason: &JsonReason) -> String {
    match &reason.attribute {
        Some(attribute) if !reason.why.contains(attribute.as_str()) => format!("`{attribute}`: {}", reason.why),
        _ => reason.why.clone(),
    }
}

fn dependents(impact: &Impact<'_>, told: &Told) -> Vec<String> {
    let all = &told.json.dependents;
    let mut notes = Vec::new();
    let at_least = if all.at_least { "at least " } else { "" };
    let depend = if all.transitive == 1 { "depends" } else { "depend" };
    match (all.transitive, all.direct) {
        (0, _) if told.json.outcome() == JsonAction::None => notes.push("nothing here depends on it".to_owned()),
        (0, _) => {}
        (count, direct) => {
            let direct = if direct == count { "directly".to_owned() } else { format!("{direct} of them directly") };
            notes.push(format!("{at_least}{} {depend} on it, {direct}", plural(count, "resource")));
        }
    }
    if let Some(worst) = &all.worst {
        let mut note = format!("the most critical: {}", dependent(worst));
        if !worst.via.is_empty() {
            let _ = write!(note, ", by way of {}", worst.via.join(", "));
        }
        notes.push(note);
    }
    let unseen: Vec<_> = told.radius.unseen().map(|call| told.radius.full_address(call)).collect();
    if !unseen.is_empty() {
        notes.push(format!("what depends on it inside of {} is not known: the text is not here", unseen.join(", ")));
    }
    if told.json.outcome() == JsonAction::None {
        notes.extend(listed(impact, told));
    }
    notes
}

/// Dependents that are listed where somebody asked for them.
const LISTED: usize = 50;

/// Each dependent by itself.
fn listed(impact: &Impact<'_>, told: &Told) -> Vec<String> {
    let radius = &told.radius;
    let one = |dependent| {
        let environment = impact.environment(told.lives, radius, dependent);
        let mut line = radius.full_address(dependent);
        if environment != Environment::Unknown {
            let _ = write!(line, " ({})", environment.name());
        }
        let via = radius.via(dependent);
        if !via.is_empty() {
            let _ = write!(line, ", by way of {}", via.join(", "));
        }
        line
    };
    let mut lines: Vec<_> = radius.dependents.iter().take(LISTED).map(one).collect();
    if radius.dependents.len() > LISTED {
        lines.push(format!(
            "and {} more; --format json counts them, --format dot draws them",
            radius.dependents.len() - LISTED
        ));
    }
    lines
}

fn dependent(worst: &JsonDependent) -> String {
    let tier = Some(worst.tier).filter(|tier| *tier >= Tier::High).map(Tier::name);
    let environment = Some(worst.environment).filter(|is| *is != Environment::Unknown).map(Environment::name);
    let about: Vec<&str> = environment.into_iter().chain(tier).collect();
    if about.is_empty() { worst.address.clone() } else { format!("{} ({})", worst.address, about.join(", ")) }
}
