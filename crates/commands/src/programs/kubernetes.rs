//! kubectl, Helm, eksctl and others that talk to clusters.

use super::rule::{Program, When, rule};
use crate::args::Args;
use crate::call::{Call, Found};
use crate::instead::ASK;
use crate::operation::{Effect, Evidence, Reach, Source};
use crate::shell::{Shell, Walk};

const DRY: &str = "Show what it would hit with `--dry-run=server`, and let a person decide.";
const HISTORY: &str = "Show `helm history` and `helm diff`, and let a person decide.";

const KUBECTL_VALUED: &[&str] = &[
    "-n",
    "--namespace",
    "--context",
    "--cluster",
    "--kubeconfig",
    "--user",
    "-s",
    "--server",
    "--token",
    "--as",
    "--as-group",
    "-f",
    "--filename",
    "-k",
    "--kustomize",
    "-l",
    "--selector",
    "--field-selector",
    "-o",
    "--output",
    "--replicas",
    "--current-replicas",
    "--resource-version",
    "--timeout",
    "--grace-period",
    "-p",
    "--patch",
    "--patch-file",
    "--type",
    "-c",
    "--container",
    "--request-timeout",
    "--certificate-authority",
    "--client-key",
    "--client-certificate",
    "--cache-dir",
    "--profile",
    "-v",
    "--v",
    "--to-revision",
    "--image",
    "--clusterrole",
    "--role",
    "--serviceaccount",
    "--group",
    "--template",
    "--sort-by",
    "--for",
    "--subresource",
    "--pod-selector",
    "--field-manager",
    "--tail",
    "--since",
    "--from-literal",
    "--from-file",
    "--verb",
    "--resource",
];

const CLUSTER: &[&str] =
    &["--context", "--kube-context", "--cluster", "--kubeconfig", "-n", "--namespace", "--server", "-s"];

pub(super) const PROGRAMS: &[Program] = &[
    Program {
        evidence: CLUSTER,
        variables: &["KUBECONFIG", "KUBE_CONTEXT", "KUBECTL_CONTEXT"],
        rules: &[
            rule("delete", Effect::Destroy, "deletes {target|what the arguments name} from the cluster", DRY),
            rule("drain", Effect::Interrupt, "evicts every pod from the node {target|named}", ASK),
            rule("cordon", Effect::Interrupt, "lets no new pod onto the node {target|named}", ASK).lesser(),
            rule("scale", Effect::Interrupt, "stops every pod of {target|what is named}", ASK)
                .when(&[When::Is(&["--replicas"], "0")]),
            rule(
                "replace",
                Effect::Replace,
                "deletes what the file holds and makes it anew",
                "Use `kubectl apply`, which changes it in place.",
            )
            .when(&[When::Has(&["--force"])]),
            rule("rollout undo", Effect::Interrupt, "takes {target|a rollout} back to what ran before", ASK).lesser(),
            rule("rollout restart", Effect::Interrupt, "restarts every pod of {target|what is named}", ASK).lesser(),
            rule(
                "apply",
                Effect::Destroy,
                "deletes what the files no longer hold",
                "Run `kubectl diff --prune` and let a person look at it.",
            )
            .when(&[When::Has(&["--prune"])]),
            rule(
                "apply|create",
                Effect::Replace,
                "deletes and recreates what cannot be changed in place",
                "Leave `--force` out.",
            )
            .when(&[When::Has(&["--force"])]),
            rule("taint", Effect::Interrupt, "lets pods no longer run on {target|a node}", ASK).lesser(),
            rule(
                "create clusterrolebinding|rolebinding|clusterrole|role",
                Effect::Access,
                "lets somebody do more in the cluster: {target|a role}",
                ASK,
            ),
            rule("certificate approve", Effect::Access, "gives somebody a certificate for the cluster", ASK),
            rule("auth reconcile", Effect::Access, "changes who may do what in the cluster", ASK),
        ],
        special: Some(kubectl),
        looks_for: "`patch` that removes finalizers or scales to 0, `config use-context` for what follows, the command behind `exec`",
        ..Program::new(&["kubectl", "k", "oc", "kubecolor", "microk8s.kubectl"], KUBECTL_VALUED)
    },
    Program {
        evidence: CLUSTER,
        variables: &["KUBECONFIG", "HELM_KUBECONTEXT", "HELM_NAMESPACE"],
        rules: &[
            rule(
                "uninstall|un|del|delete",
                Effect::Destroy,
                "removes the release {target|named} and what it runs",
                HISTORY,
            ),
            rule("rollback", Effect::Interrupt, "takes the release {target|named} back to an earlier state", HISTORY),
            rule(
                "upgrade",
                Effect::Replace,
                "replaces resources of the release {target|named} by deleting them",
                "Leave `--force` out.",
            )
            .when(&[When::Has(&["--force", "--force-replace"])]),
        ],
        ..Program::new(
            &["helm", "helm3"],
            &[
                "--kube-context",
                "--kubeconfig",
                "-n",
                "--namespace",
                "--timeout",
                "--description",
                "-f",
                "--values",
                "--set",
                "--version",
                "--repo",
                "--cascade",
                "--history-max",
                "--max",
                "-o",
                "--output",
                "--registry-config",
            ],
        )
    },
    Program {
        evidence: &["-e", "--environment", "--kube-context", "-f", "--file", "-n", "--namespace", "-l", "--selector"],
        variables: &["KUBECONFIG"],
        rules: &[
            rule("destroy|delete", Effect::Destroy, "removes every release of the helmfile", HISTORY),
            rule(
                "apply|sync",
                Effect::Apply,
                "changes every release of the helmfile, and nobody confirms it",
                "Run `helmfile diff` and let a person look at it.",
            ),
        ],
        ..Program::new(
            &["helmfile"],
            &["-e", "--environment", "--kube-context", "-f", "--file", "-n", "--namespace", "-l", "--selector"],
        )
    },
    Program {
        evidence: &["--cluster", "-c", "--name", "-n", "--region", "-r", "--profile", "-p", "-f", "--config-file"],
        variables: &["AWS_PROFILE"],
        rules: &[
            rule("delete", Effect::Destroy, "deletes {target|what the arguments name} of a cluster", ASK),
            rule("drain", Effect::Interrupt, "evicts every pod from {target|nodes}", ASK),
            rule("scale", Effect::Interrupt, "takes every node away", ASK).when(&[When::Is(&["--nodes", "-N"], "0")]),
        ],
        ..Program::new(
            &["eksctl"],
            &[
                "--cluster",
                "-c",
                "--name",
                "-n",
                "--region",
                "-r",
                "--profile",
                "-p",
                "-f",
                "--config-file",
                "--nodes",
                "-N",
                "--timeout",
            ],
        )
    },
    Program {
        evidence: &["--server", "--kube-context", "--project"],
        rules: &[
            rule(
                "app|application delete",
                Effect::Destroy,
                "deletes the application {target|named} and what it runs",
                ASK,
            ),
            rule(
                "app|application rollback",
                Effect::Interrupt,
                "takes the application {target|named} back to an earlier state",
                ASK,
            )
            .lesser(),
            rule("app|application sync", Effect::Destroy, "deletes what is no longer in the repository", ASK)
                .when(&[When::Has(&["--prune"])]),
            rule("appset|proj|cluster|repo delete|rm|remove", Effect::Destroy, "deletes {target|what is named}", ASK),
        ],
        ..Program::new(&["argocd"], &["--server", "--kube-context", "--project", "--revision", "--grpc-web-root-path"])
    },
    Program {
        evidence: CLUSTER,
        rules: &[
            rule("delete|uninstall", Effect::Destroy, "deletes {target|what is named} of Flux", ASK),
            rule("suspend", Effect::Interrupt, "keeps the cluster from following the repository", ASK).lesser(),
        ],
        ..Program::new(&["flux"], &["--context", "--kubeconfig", "-n", "--namespace"])
    },
    Program {
        evidence: CLUSTER,
        rules: &[
            rule("backup|schedule|restore delete", Effect::DataDelete, "deletes {target|backups}", ASK),
            rule("delete", Effect::DataDelete, "deletes {target|backups}", ASK),
            rule("uninstall", Effect::Destroy, "removes the backups' program from the cluster", ASK),
        ],
        ..Program::new(&["velero"], &["--kubecontext", "--kubeconfig", "-n", "--namespace"])
    },
    Program {
        evidence: CLUSTER,
        rules: &[
            rule("delete|rm", Effect::Destroy, "deletes what the configuration made", ASK),
            rule("deploy|apply", Effect::Apply, "changes what runs in the cluster, and nobody confirms it", ASK)
                .when(&[When::Has(&["-y", "--yes"])]),
        ],
        ..Program::new(&["kapp"], &["-a", "--app", "-f", "--file", "-n", "--namespace"])
    },
];

fn kubectl(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    match (args.positional(0), args.positional(1)) {
        (Some("config"), Some("use-context" | "use" | "set-context")) => {
            if let Some(word) = args.positionals.get(2) {
                let evidence =
                    Evidence { source: Source::Choice, name: "config use-context".to_owned(), word: word.text.clone() };
                shell.choices.push((&["kubectl", "helm", "helmfile", "flux", "velero", "kapp"], evidence));
            }
            true
        }
        (Some("patch"), _) => {
            let Some(patch) = args.values(&["-p", "--patch"]).last() else { return true };
            let text: String = patch.text.chars().filter(|c| !c.is_whitespace()).collect();
            let target = args.named_from(1);
            let named = target.clone().unwrap_or_default();
            let found = if text.contains("finalizers")
                && (text.contains("null") || text.contains("[]") || text.contains("remove"))
            {
                let what = format!("takes the finalizers from `{named}`, so what waits for a clean end is skipped");
                Found::new(Effect::BypassControl, Reach::Live, what, ASK)
            } else if text.contains("\"replicas\":0") || text.contains("replicas:0") {
                Found::new(Effect::Interrupt, Reach::Live, format!("stops every pod of `{named}`"), ASK)
            } else if text.contains("\"op\":\"remove\"") {
                Found::new(Effect::Destroy, Reach::Live, format!("removes parts of `{named}`"), ASK).lesser()
            } else {
                return true;
            };
            walk.report(shell, call, Some(args), Some(program), found.target(target));
            true
        }
        _ => false,
    }
}
