//! Terraform and OpenTofu, Terragrunt, Pulumi, CDK, and others that make and destroy whole stacks.

use super::rule::{Program, Rule, When, rule};
use crate::args::{Args, Spec};
use crate::call::{Call, Found};
use crate::context::File;
use crate::operation::{Effect, Evidence, Reach, Source};
use crate::shell::{Shell, Stream, Walk};

const PLAN_DESTROY: &str =
    "Run `terraform plan -destroy -out=plan` and let a person look at the plan before it is applied.";
const PLAN_FIRST: &str = "Run `terraform plan -out=plan`, let a person look at the plan, then apply that plan.";
const ASK_STATE: &str = "Say what is wrong with the state and let a person change it; `moved`, `removed` and `import` blocks do it in a plan.";
const ASK_LOCK: &str = "Ask whose run holds the lock, and let a person release it.";

const TERRAFORM_RULES: &[Rule] = &[
    rule("destroy", Effect::Destroy, "destroys the named resources of the Terraform state {folder}", PLAN_DESTROY)
        .when(&[When::Has(&["-target"])]),
    rule("destroy", Effect::Destroy, "destroys every resource of the Terraform state {folder}", PLAN_DESTROY),
    rule("apply", Effect::Destroy, "destroys every resource of the Terraform state {folder}", PLAN_DESTROY)
        .when(&[When::Has(&["-destroy"])]),
    rule("apply|refresh", Effect::Replace, "destroys the resource that `-replace` names and makes it anew", PLAN_FIRST)
        .when(&[When::Has(&["-replace"])]),
    rule(
        "state rm|remove",
        Effect::StateChange,
        "makes Terraform forget {target|resources}, which go on to run without it",
        ASK_STATE,
    ),
    rule("state push", Effect::StateChange, "overwrites the Terraform state {folder} with {target|a file}", ASK_STATE),
    rule(
        "state mv|move",
        Effect::StateChange,
        "renames {target|resources} in the Terraform state",
        "Write a `moved` block, so that the plan shows it.",
    )
    .lesser(),
    rule(
        "state replace-provider",
        Effect::StateChange,
        "changes the provider of resources in the Terraform state",
        ASK_STATE,
    ),
    rule(
        "workspace delete",
        Effect::StateChange,
        "deletes the workspace {target|named} and with it its state",
        ASK_STATE,
    ),
    rule(
        "force-unlock",
        Effect::StateChange,
        "breaks the lock of the Terraform state {folder}, while somebody else may be writing it",
        ASK_LOCK,
    ),
    rule(
        "taint",
        Effect::Replace,
        "marks {target|a resource}, so that the next apply destroys it and makes it anew",
        PLAN_FIRST,
    ),
    rule(
        "import",
        Effect::StateChange,
        "puts {target|a resource} under the Terraform state {folder}",
        "Write an `import` block, so that the plan shows it.",
    )
    .lesser(),
];

const TERRAFORM_VALUED: &[&str] = &[
    "-target",
    "-var",
    "-var-file",
    "-state",
    "-state-out",
    "-backup",
    "-replace",
    "-parallelism",
    "-lock-timeout",
    "-chdir",
    "-backend-config",
    "-out",
    "-plugin-dir",
    "-exclude",
    "-generate-config-out",
];
const TERRAFORM_EVIDENCE: &[&str] =
    &["-chdir", "-var-file", "-var", "-state", "-backend-config", "-target", "-working-dir", "-terragrunt-working-dir"];
const TERRAFORM_VARIABLES: &[&str] = &[
    "TF_WORKSPACE",
    "TF_VAR_environment",
    "TF_VAR_env",
    "TF_VAR_stage",
    "TF_CLI_ARGS",
    "TF_CLI_ARGS_apply",
    "TF_CLI_ARGS_destroy",
    "AWS_PROFILE",
    "ARM_SUBSCRIPTION_ID",
    "GOOGLE_PROJECT",
    "GOOGLE_CLOUD_PROJECT",
    "CLOUDSDK_CORE_PROJECT",
    "KUBECONFIG",
];
const GO: &[&str] = &["-help", "-h"];

const TERRAFORM: Program = Program {
    spec: Spec { valued: TERRAFORM_VALUED, attached: &[], clusters: false, stops: false },
    evidence: TERRAFORM_EVIDENCE,
    variables: TERRAFORM_VARIABLES,
    help: GO,
    dry: &["-dry-run"],
    rules: TERRAFORM_RULES,
    special: Some(terraform),
    looks_for: "`apply` of a plan, with `-auto-approve`, and without",
    ..Program::new(&["terraform", "tofu", "tf", "opentofu"], &[])
};

const TERRAGRUNT: Program = Program {
    spec: Spec {
        valued: &[
            "-target",
            "-var",
            "-var-file",
            "-replace",
            "-chdir",
            "-out",
            "-queue-include-dir",
            "-queue-exclude-dir",
            "-filter",
            "-working-dir",
            "-config",
            "-terragrunt-working-dir",
            "-terragrunt-config",
            "-terragrunt-include-dir",
            "-terragrunt-exclude-dir",
            "-parallelism",
            "-iam-assume-role",
            "-terragrunt-iam-role",
            "-log-level",
            "-terragrunt-log-level",
            "-units-that-include",
            "-queue-include-units-reading",
        ],
        attached: &[],
        clusters: false,
        stops: false,
    },
    evidence: TERRAFORM_EVIDENCE,
    variables: TERRAFORM_VARIABLES,
    help: GO,
    dry: &["-dry-run"],
    rules: TERRAFORM_RULES,
    special: Some(terragrunt),
    looks_for: "the same as of Terraform, also behind `run-all`, `run --all`, `run --`, `stack run`; `destroy-all`, `apply-all`",
    ..Program::new(&["terragrunt", "tg"], &[])
};

const SHOW_PULUMI: &str = "Run `pulumi preview --diff` and let a person look at it.";
const SHOW_CDK: &str = "Run `cdk diff` and let a person look at it.";
const ASK: &str = "Say what is to go and why, and let a person do it.";

pub(super) const PROGRAMS: &[Program] = &[
    TERRAFORM,
    TERRAGRUNT,
    Program {
        evidence: &["--stack", "-s", "--cwd", "-C", "--config-file"],
        variables: &["PULUMI_STACK", "AWS_PROFILE"],
        dry: &["--preview-only", "--dry-run"],
        rules: &[
            rule("destroy|down|dn", Effect::Destroy, "destroys every resource of the Pulumi stack", SHOW_PULUMI),
            rule("up|update", Effect::Replace, "replaces the resources that `--replace` names", SHOW_PULUMI)
                .when(&[When::Has(&["--replace", "--target-replace"])]),
            rule(
                "up|update",
                Effect::Apply,
                "changes what is live as the program says, and nobody confirms it",
                SHOW_PULUMI,
            )
            .when(&[When::Has(&["--yes", "-y", "--skip-preview", "-f"])]),
            rule(
                "up|update",
                Effect::Apply,
                "changes what is live as the program says, once somebody confirms it",
                SHOW_PULUMI,
            )
            .uncertain(),
            rule(
                "stack rm|remove",
                Effect::StateChange,
                "removes the stack {target|selected} with its history and state",
                ASK_STATE,
            ),
            rule(
                "state delete",
                Effect::StateChange,
                "makes Pulumi forget {target|resources}, which go on to run without it",
                ASK_STATE,
            ),
            rule("state unprotect", Effect::BypassControl, "takes the protection from {target|resources}", ASK),
            rule("stack import", Effect::StateChange, "overwrites the state of the stack", ASK_STATE),
            rule(
                "cancel",
                Effect::StateChange,
                "breaks the lock of the stack, while somebody else may be updating it",
                ASK_LOCK,
            ),
        ],
        ..Program::new(
            &["pulumi"],
            &[
                "--stack",
                "-s",
                "--cwd",
                "-C",
                "--config",
                "-c",
                "--config-file",
                "--parallel",
                "-p",
                "--target",
                "-t",
                "--replace",
                "--message",
                "-m",
                "--color",
            ],
        )
    },
    Program {
        evidence: &["--profile", "--context", "-c", "--app", "-a"],
        variables: &["AWS_PROFILE", "CDK_DEFAULT_ACCOUNT"],
        dry: &["--no-execute", "--dry-run"],
        rules: &[
            rule("destroy", Effect::Destroy, "destroys {target|every stack of the app}", SHOW_CDK),
            rule(
                "deploy",
                Effect::Apply,
                "changes what is live, permissions included, and nobody confirms it",
                SHOW_CDK,
            )
            .when(&[When::Is(&["--require-approval"], "never")]),
            rule(
                "deploy|watch",
                Effect::Apply,
                "changes what is live, and asks only where permissions widen",
                SHOW_CDK,
            )
            .uncertain(),
        ],
        ..Program::new(
            &["cdk", "cdklocal", "cdktf", "aws-cdk"],
            &[
                "--profile",
                "--context",
                "-c",
                "--app",
                "-a",
                "--require-approval",
                "--output",
                "-o",
                "--role-arn",
                "-r",
                "--outputs-file",
                "-O",
                "--parameters",
                "--toolkit-stack-name",
                "--region",
            ],
        )
    },
    Program { rules: &[gone("remove")], ..stack_tool(&["serverless", "sls"]) },
    Program { rules: &[gone("delete")], ..stack_tool(&["sam"]) },
    Program { rules: &[gone("app|svc|env|job|pipeline delete")], ..stack_tool(&["copilot"]) },
    Program { rules: &[gone("terminate")], ..stack_tool(&["eb"]) },
    Program { rules: &[gone("delete")], ..stack_tool(&["amplify"]) },
    Program { rules: &[gone("remove")], ..stack_tool(&["sst"]) },
    Program { rules: &[gone("down")], ..stack_tool(&["azd"]) },
    Program { rules: &[gone("delete")], ..stack_tool(&["kops"]) },
];

const fn gone(path: &'static str) -> Rule {
    rule(path, Effect::Destroy, "destroys {target|everything that was deployed}", ASK)
}

/// A program with one sub-command that takes everything away.
const fn stack_tool(names: &'static [&'static str]) -> Program {
    const FLAGS: &[&str] = &[
        "--stage",
        "-s",
        "--stack-name",
        "--profile",
        "--env",
        "--environment",
        "-e",
        "--config-env",
        "--name",
        "--state",
    ];
    Program { evidence: FLAGS, variables: &["AWS_PROFILE"], ..Program::new(names, FLAGS) }
}

/// What the tables cannot say: applying.
fn terraform(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    terraform_words(walk, shell, call, args, program, false)
}

fn terraform_words(
    walk: &mut Walk<'_>,
    shell: &mut Shell,
    call: &Call,
    args: &Args,
    program: &'static Program,
    all: bool,
) -> bool {
    match (args.positional(0), args.positional(1)) {
        (Some("workspace"), Some("select" | "new")) => {
            if let Some(word) = args.positionals.get(2) {
                let evidence =
                    Evidence { source: Source::Choice, name: "workspace select".to_owned(), word: word.text.clone() };
                shell.choices.push((&["terraform", "terragrunt"], evidence));
            }
            return true;
        }
        (Some("apply"), _) if !args.has_any(&["-destroy", "-replace"]) => {}
        (Some("apply" | "destroy" | "state" | "taint" | "force-unlock"), _) => {
            workspace(walk, shell, call, args);
            return false;
        }
        _ => return false,
    }
    workspace(walk, shell, call, args);
    let plan = args.positionals.get(1).filter(|_| !all);
    let confirmed = args.has("-auto-approve")
        || call.variable("TF_CLI_ARGS_apply", walk, shell).is_some_and(|text| text.contains("auto-approve"));
    let answered = match &call.stdin {
        Stream::Text(text) => text.trim_start().starts_with("yes"),
        Stream::Unknown(_) => true,
        Stream::Nothing => false,
    };
    let (what, certain) = match plan {
        Some(plan) => (format!("applies the plan `{}`, whatever it holds, without asking", plan.text), true),
        None if confirmed || all => (
            "changes what is live, destroying and replacing included, and nobody sees the plan before".to_owned(),
            true,
        ),
        None if answered => ("changes what is live and answers Terraform's question by itself".to_owned(), true),
        None => (
            "changes what is live once its question is answered, which a shell without a terminal cannot do".to_owned(),
            false,
        ),
    };
    let mut found = Found::new(Effect::Apply, Reach::Live, what, PLAN_FIRST).uncertain_if(!certain);
    found.plan = plan.map(|plan| plan.text.clone());
    found.target = args.value("-target").map(|word| word.text.clone());
    walk.report(shell, call, Some(args), Some(program), found);
    true
}

/// The workspace that is selected in the folder.
fn workspace(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args) {
    if !walk.may_ask() || shell.choices.iter().any(|(_, evidence)| evidence.name == "workspace select") {
        return;
    }
    let folder = args.values(&["-chdir", "-working-dir", "-terragrunt-working-dir"]).next();
    let path = folder.map_or_else(
        || ".terraform/environment".to_owned(),
        |folder| format!("{}/.terraform/environment", folder.text),
    );
    if let File::Text(name) = walk.file(&path, shell, &call.origin)
        && !name.trim().is_empty()
        && name.trim() != "default"
    {
        let evidence = Evidence { source: Source::Workspace, name: path, word: name.trim().to_owned() };
        if !shell.choices.iter().any(|(_, known)| *known == evidence) {
            shell.choices.push((&["terraform", "terragrunt"], evidence));
        }
    }
}

/// Terragrunt puts words of its own before Terraform's.
fn terragrunt(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    let mut args = args.clone();
    let mut all = args.has("-all") || args.has("-a");
    match (args.positional(0), args.positional(1)) {
        (Some("run-all"), _) => {
            all = true;
            args.positionals.remove(0);
        }
        (Some("run"), _) => {
            args.positionals.remove(0);
        }
        (Some("stack"), Some("run")) => {
            all = true;
            args.positionals.drain(..2);
        }
        (Some("destroy-all"), _) => {
            all = true;
            set_first(&mut args, "destroy");
        }
        (Some("apply-all"), _) => {
            all = true;
            set_first(&mut args, "apply");
        }
        _ => {}
    }
    // Behind `--` stand Terraform's own flags.
    let behind: Vec<_> = args.positionals.iter().filter(|word| word.text.starts_with('-')).cloned().collect();
    args.positionals.retain(|word| !word.text.starts_with('-'));
    args.flags.extend(Args::parse(&behind, &program.spec).flags);
    if args.has_any(GO) {
        return true;
    }
    if terraform_words(walk, shell, call, &args, program, all) {
        return true;
    }
    for rule in TERRAFORM_RULES {
        let Some(depth) = rule.matches(&args) else { continue };
        let target = args.named_from(depth);
        let mut what = rule.describe(target.as_deref(), shell.folder.as_deref().filter(|folder| !folder.is_empty()));
        if all {
            what.push_str(", in every unit below this folder");
        }
        let found = Found { grade: rule.grade, ..Found::new(rule.effect, Reach::Live, what, rule.instead) };
        walk.report(shell, call, Some(&args), Some(program), found.target(target));
        break;
    }
    true
}

fn set_first(args: &mut Args, text: &str) {
    if let Some(first) = args.positionals.first_mut() {
        text.clone_into(&mut first.text);
    }
}
