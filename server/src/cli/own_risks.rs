//! `countersign risks new` and `countersign risks test`: the risks of a repository's own.

use super::print;
use crate::disk::display;
use crate::own_risks::{files, id_of};
use crate::state::write_atomically;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use countersign_engine::{Policy, failed_examples};
use countersign_policy::{AREAS, Catalogue, Config, OWN_RISKS, Surface, Wrong, read_own_risk};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub(super) enum RisksCommand {
    /// Write the beginning of a risk of your own under .countersign/risks, which holds as it is.
    New(NewArguments),
    /// Hold the examples of your own risks against what is seen in them.
    ///
    /// Ends with 0 where each example does what its file says, with 1 where one does not, and with 2 where a file cannot be read
    /// as a risk.
    Test(TestArguments),
}

#[derive(Debug, Args)]
pub(super) struct NewArguments {
    /// What it is called: small letters, digits and hyphens, as in `load-balancer-without-waf`.
    id: String,
    /// What it is about.
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(AREAS), default_value = "exposure")]
    area: String,
    /// The kind of resource in which it shows, as in `aws_s3_bucket`, `AWS::S3::Bucket` or `apps/v1/Deployment`.
    #[arg(long, default_value = "aws_db_instance")]
    kind: String,
    /// The attribute that it looks at; dots lead into blocks and objects.
    #[arg(long)]
    attribute: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct TestArguments {
    /// Files of risks; all under .countersign/risks of this repository where none is named.
    files: Vec<PathBuf>,
}

pub(super) fn run(command: &RisksCommand) -> anyhow::Result<ExitCode> {
    match command {
        RisksCommand::New(arguments) => new(arguments),
        RisksCommand::Test(arguments) => test(arguments),
    }
}

/// The root of the repository at work, outside of git the folder at work.
fn root() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("the folder at work is gone")?;
    Ok(crate::git::work_tree(&here.join("-")).unwrap_or(here))
}

fn new(arguments: &NewArguments) -> anyhow::Result<ExitCode> {
    let root = root()?;
    let file = root.join(OWN_RISKS).join(format!("{}.md", arguments.id));
    let text = skeleton(arguments);
    if let Err(Wrong { message, .. }) = read_own_risk(&text, &arguments.id) {
        bail!("`{}` cannot be its name: {message}", arguments.id);
    }
    if file.exists() {
        bail!("{} is there already; choose another name, or edit it", shown(&file, &root));
    }
    file.parent().map(std::fs::create_dir_all).transpose()?;
    write_atomically(&file, text.as_bytes()).with_context(|| format!("{} cannot be written", shown(&file, &root)))?;
    print(&format!(
        "{} is written. Say in it what is so and why it matters, then run `countersign risks test`.\n",
        shown(&file, &root)
    ))
}

/// A risk that holds as it is: an attribute that is `false` where it should be `true`.
fn skeleton(arguments: &NewArguments) -> String {
    let NewArguments { id, area, kind, attribute } = arguments;
    let format = Example::of(kind);
    let attribute = attribute.as_deref().unwrap_or(format.attribute());
    let title = id.replace('-', " ");
    let title: String = title.chars().take(1).flat_map(char::to_uppercase).chain(title.chars().skip(1)).collect();
    let (bad, marked, good) = (
        format.write(kind, attribute, "false", false),
        format.write(kind, attribute, "false", true),
        format.write(kind, attribute, "true", false),
    );
    let fence = format.fence();
    let fixed = bad.replace("false", "true");
    format!(
        r#"+++
id = "{id}"
area = "{area}"
severity = "medium"
title = "{title}"
message = "`{{address}}` has `{{attribute}}` off: say here how that hurts."
help = "Set `{{attribute}}` to `true`."

[[binding]]
kinds = ["{kind}"]
attribute = "{attribute}"
when = "false"
fix = "true"
+++

Say here what the setting means and how it hurts, so that somebody who never thought about it understands why it matters.

## What to do

Say here what to write instead, and what to watch for when changing something that is live.

## Flagged

```{fence}
{marked}```

## Not flagged

```{fence}
{good}```

## Fixed

```{fence}
{fixed}```

## References

- Link to the provider's page about it, or to your own.
"#
    )
}

/// The language that an example is written in, by the kind of its resource.
enum Example {
    Terraform,
    CloudFormation,
    Kubernetes,
}

impl Example {
    fn of(kind: &str) -> Self {
        match kind {
            kind if kind.contains("::") => Self::CloudFormation,
            kind if kind.contains('/') => Self::Kubernetes,
            _ => Self::Terraform,
        }
    }

    fn attribute(&self) -> &'static str {
        match self {
            Self::Terraform => "deletion_protection",
            Self::CloudFormation => "DeletionProtection",
            Self::Kubernetes => "spec.enabled",
        }
    }

    fn fence(&self) -> &'static str {
        match self {
            Self::Terraform => "hcl",
            Self::CloudFormation | Self::Kubernetes => "yaml",
        }
    }

    /// A resource of a kind with one attribute, and a mark under its value.
    fn write(&self, kind: &str, attribute: &str, value: &str, marked: bool) -> String {
        let parts: Vec<&str> = attribute.split('.').filter(|part| part.parse::<usize>().is_err()).collect();
        let (head, mut depth) = match self {
            Self::Terraform => {
                let head = match kind.split_once('.') {
                    Some(("data", kind)) => format!("data \"{kind}\" \"example\" {{\n"),
                    Some(("provider", name)) => {
                        format!("provider \"{name}\" {{\n")
                    }
                    _ => format!("resource \"{kind}\" \"example\" {{\n"),
                };
                (head, 1)
            }
            Self::CloudFormation => (format!("Resources:\n  Example:\n    Type: {kind}\n    Properties:\n"), 3),
            Self::Kubernetes => {
                let (version, kind) = kind.rsplit_once('/').unwrap_or(("v1", kind));
                (format!("apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: example\n"), 0)
            }
        };
        let mut text = head;
        let (last, outer) = parts.split_last().map_or(("enabled", &[][..]), |(last, outer)| (*last, outer));
        for part in outer {
            let opening = if matches!(self, Self::Terraform) { " {" } else { ":" };
            let _ = writeln!(text, "{}{part}{opening}", "  ".repeat(depth));
            depth += 1;
        }
        let indent = "  ".repeat(depth);
        let sign = if matches!(self, Self::Terraform) { " = " } else { ": " };
        let _ = writeln!(text, "{indent}{last}{sign}{value}");
        if marked {
            // Below the value, in a comment of the language.
            let before = indent.len() + last.len() + sign.len();
            let _ =
                writeln!(text, "{indent}#{}{} expect", " ".repeat(before - indent.len() - 1), "^".repeat(value.len()));
        }
        if matches!(self, Self::Terraform) {
            for depth in (0..depth).rev() {
                let _ = writeln!(text, "{}}}", "  ".repeat(depth));
            }
        }
        text
    }
}

fn test(arguments: &TestArguments) -> anyhow::Result<ExitCode> {
    let root = root()?;
    let files = if arguments.files.is_empty() { files(&root) } else { arguments.files.clone() };
    if files.is_empty() {
        return print(&format!("There is no risk in {OWN_RISKS}; `countersign risks new` writes one.\n"));
    }
    let mut report = String::new();
    let (mut wrong, mut failed) = (0, 0);
    for file in &files {
        let text = std::fs::read(file).with_context(|| format!("{} cannot be read", display(file)))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let shown = shown(file, &root);
        let at = |offset: usize| text.get(..offset).unwrap_or(&text).matches('\n').count() + 1;
        let document = match read_own_risk(&text, &id_of(file)) {
            Ok(document) => document,
            Err(Wrong { range, message }) => {
                wrong += 1;
                let _ = writeln!(report, "{shown}:{}: {message}", at(range.start));
                continue;
            }
        };
        let body = text.find(&document.body).unwrap_or_default();
        let document = Arc::new(document);
        let catalogue = Catalogue::set(&[Arc::clone(&document)], &[]);
        let policy = Policy::with(catalogue, &Config::defaults(), Surface::CommandLine, super::today());
        let found = failed_examples(&document, &policy);
        failed += usize::from(!found.is_empty());
        for example in found {
            let _ = writeln!(report, "{shown}:{}: {}", at(body + example.range.start), example.message);
        }
    }
    let risks = |count: usize| if count == 1 { "1 risk".to_owned() } else { format!("{count} risks") };
    let _ = match (wrong, failed) {
        (0, 0) => writeln!(report, "{} tested: every example does what its file says.", risks(files.len())),
        (wrong, failed) => {
            let mut parts = Vec::new();
            parts.extend((wrong > 0).then(|| format!("{} cannot be read", risks(wrong))));
            parts.extend((failed > 0).then(|| format!("{} with examples that do something else", risks(failed))));
            writeln!(report, "{} tested: {}.", risks(files.len()), parts.join(", "))
        }
    };
    print(&report)?;
    Ok(ExitCode::from(if wrong > 0 { super::FAILED } else { u8::from(failed > 0) }))
}

/// A file as messages name it: from the root where it is below that.
fn shown(file: &Path, root: &Path) -> String {
    display(file.strip_prefix(root).unwrap_or(file))
}
