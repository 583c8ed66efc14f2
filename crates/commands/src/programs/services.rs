//! Other programs that take live things away: containers' data, services, secrets, repositories, platforms.

use super::rule::{Program, Rule, When, rule};
use crate::args::Args;
use crate::call::{Call, Found};
use crate::instead::ASK;
use crate::operation::{Effect, Reach};
use crate::shell::{Shell, Walk};

pub(super) const DATA: &str = "Say what is to go and why, and let a person do it after a backup.";

pub(super) const fn gone(path: &'static str) -> Rule {
    rule(path, Effect::Destroy, "deletes {target|what the arguments name}", ASK)
}

pub(super) const fn stopped(path: &'static str) -> Rule {
    rule(path, Effect::Interrupt, "stops {target|what the arguments name}", ASK)
}

pub(super) const fn data(path: &'static str) -> Rule {
    rule(path, Effect::DataDelete, "deletes {target|data}", DATA)
}

pub(super) const PROGRAMS: &[Program] = &[
    Program {
        reach: Reach::Local,
        evidence: &["--context", "-c", "-H", "--host"],
        variables: &["DOCKER_HOST", "DOCKER_CONTEXT"],
        help: &["--help"],
        rules: &[
            data("volume rm|remove|prune"),
            rule("system prune", Effect::DataDelete, "deletes every volume that no container uses", DATA)
                .when(&[When::Has(&["--volumes"])]),
            rule("compose down", Effect::DataDelete, "deletes the volumes of the services", DATA)
                .when(&[When::Has(&["-v", "--volumes"])]),
            rule("compose rm", Effect::DataDelete, "deletes the volumes of the services", DATA)
                .when(&[When::Has(&["-v", "--volumes"])]),
            rule("stack|service rm|remove|down", Effect::Destroy, "removes {target|services} from the swarm", ASK),
            rule("swarm leave", Effect::Interrupt, "takes this machine out of the swarm", ASK),
            gone("context rm").lesser(),
        ],
        ..Program::new(
            &["docker", "podman", "nerdctl"],
            &[
                "--context",
                "-c",
                "-H",
                "--host",
                "-f",
                "--file",
                "-p",
                "--project-name",
                "--config",
                "--filter",
                "--profile",
            ],
        )
    },
    Program {
        reach: Reach::Local,
        help: &["--help"],
        rules: &[rule("down|rm", Effect::DataDelete, "deletes the volumes of the services", DATA)
            .when(&[When::Has(&["-v", "--volumes"])])],
        ..Program::new(
            &["docker-compose", "podman-compose"],
            &["-f", "--file", "-p", "--project-name", "--profile", "-t"],
        )
    },
    Program {
        evidence: &["-address", "-namespace"],
        variables: &["VAULT_ADDR", "VAULT_NAMESPACE"],
        spec: crate::args::Spec {
            valued: &["-address", "-namespace", "-mount", "-versions"],
            attached: &[],
            clusters: false,
            stops: false,
        },
        help: &["-help", "-h"],
        rules: &[
            data("delete"),
            data("kv delete|destroy"),
            data("kv metadata delete"),
            rule("secrets disable", Effect::DataDelete, "deletes every secret below {target|a path}", DATA),
            rule("auth disable", Effect::Access, "takes a way to log in away: {target|}", ASK),
            rule("policy write|delete", Effect::Access, "changes who may read which secrets: {target|}", ASK),
            rule("lease|token revoke", Effect::Interrupt, "ends credentials that programs use", ASK),
            rule("operator seal", Effect::Interrupt, "closes the vault for everybody", ASK),
            rule("operator raft remove-peer", Effect::Interrupt, "takes a member out of the cluster", ASK),
            rule("namespace delete", Effect::DataDelete, "deletes the namespace {target|named}", DATA),
        ],
        ..Program::new(&["vault", "bao"], &[])
    },
    Program {
        evidence: &["-http-addr", "-datacenter"],
        variables: &["CONSUL_HTTP_ADDR"],
        spec: crate::args::Spec {
            valued: &["-http-addr", "-datacenter", "-token"],
            attached: &[],
            clusters: false,
            stops: false,
        },
        help: &["-help", "-h"],
        rules: &[
            data("kv delete"),
            gone("acl policy|token|role delete"),
            gone("config delete"),
            stopped("leave|force-leave"),
        ],
        ..Program::new(&["consul"], &[])
    },
    Program {
        evidence: &["-address", "-namespace", "-region"],
        variables: &["NOMAD_ADDR"],
        spec: crate::args::Spec {
            valued: &["-address", "-namespace", "-region", "-token"],
            attached: &[],
            clusters: false,
            stops: false,
        },
        help: &["-help", "-h"],
        rules: &[
            stopped("job stop"),
            stopped("stop"),
            stopped("node drain").when(&[When::Has(&["-enable"])]),
            gone("namespace|volume|var delete|purge"),
        ],
        ..Program::new(&["nomad"], &[])
    },
    Program {
        evidence: &["-R", "--repo", "--org", "-e", "--env"],
        reach: Reach::Shared,
        rules: &[
            gone("repo delete"),
            gone("secret|variable delete|remove"),
            gone("release delete").lesser(),
            gone("repo archive").lesser(),
            gone("run|cache delete").lesser(),
            rule(
                "pr merge",
                Effect::BypassControl,
                "merges without the checks and reviews that the branch asks for",
                ASK,
            )
            .when(&[When::Has(&["--admin"])]),
            rule(
                "pr review",
                Effect::BypassControl,
                "approves a change",
                "Ask a person to review it; an agent cannot approve its own work.",
            )
            .when(&[When::Has(&["--approve", "-a"])]),
            rule("workflow disable", Effect::BypassControl, "switches a check off: {target|}", ASK),
            rule("ruleset delete", Effect::BypassControl, "takes the rules of a branch away", ASK),
        ],
        special: Some(gh_api),
        looks_for: "`api -X DELETE`, `api -X PUT` of protections and rulesets",
        ..Program::new(
            &["gh"],
            &[
                "-R",
                "--repo",
                "--org",
                "-e",
                "--env",
                "-b",
                "--body",
                "-t",
                "--title",
                "-X",
                "--method",
                "-H",
                "--header",
                "-f",
                "--field",
                "-F",
                "--raw-field",
                "--jq",
                "-q",
                "--input",
            ],
        )
    },
    Program {
        reach: Reach::Shared,
        rules: &[
            gone("repo|project delete"),
            gone("variable|release delete"),
            rule("mr approve", Effect::BypassControl, "approves a change", ASK),
        ],
        ..super::platforms::platform(&["glab"])
    },
    Program {
        reach: Reach::Local,
        help: &["--help"],
        rules: &[
            stopped("stop|disable|mask|kill|isolate"),
            stopped("restart").lesser(),
            stopped("poweroff|reboot|halt|rescue|emergency"),
        ],
        ..Program::new(&["systemctl"], &["-H", "--host", "-M", "--machine"])
    },
    Program {
        reach: Reach::Local,
        help: &["--help"],
        dry: &["-c", "-k"],
        rules: &[rule("", Effect::Interrupt, "stops or restarts this machine", ASK)],
        ..Program::new(&["shutdown", "reboot", "poweroff", "halt"], &[])
    },
    Program {
        reach: Reach::Local,
        help: &["--help"],
        rules: &[
            rule("", Effect::DataDelete, "deletes every job of this user's crontab", ASK).when(&[When::Has(&["-r"])])
        ],
        ..Program::new(&["crontab"], &["-u"])
    },
    Program {
        reach: Reach::Local,
        help: &["--help"],
        rules: &[rule("", Effect::Access, "takes every rule of the firewall away", ASK)
            .when(&[When::Has(&["-F", "--flush"])])],
        ..Program::new(&["iptables", "ip6tables"], &["-t", "-A", "-I", "-p", "-j", "-s", "-d"])
    },
    Program {
        reach: Reach::Local,
        help: &["--help"],
        rules: &[rule("disable|reset", Effect::Access, "switches the firewall off", ASK)],
        ..Program::new(&["ufw"], &[])
    },
    Program {
        reach: Reach::Local,
        help: &["--help"],
        rules: &[data("destroy"), gone("remove")],
        ..Program::new(&["zfs", "zpool", "btrfs"], &["-o"])
    },
    Program {
        reach: Reach::Local,
        help: &["--help"],
        rules: &[rule("", Effect::DataDelete, "deletes {target|a volume}", DATA)],
        ..Program::new(&["lvremove", "vgremove", "pvremove"], &[])
    },
    Program {
        help: &["--help"],
        special: Some(curl),
        looks_for: "`-X DELETE`, but of this machine",
        ..Program::new(
            &["curl", "xh", "http", "https"],
            &[
                "-X",
                "--request",
                "-H",
                "--header",
                "-d",
                "--data",
                "--data-raw",
                "--data-binary",
                "-u",
                "--user",
                "-o",
                "--output",
                "-b",
                "-c",
                "-A",
                "-e",
                "-F",
                "--url",
                "--cacert",
                "--cert",
                "--key",
                "-T",
                "-w",
                "-m",
                "--max-time",
                "--connect-timeout",
                "--resolve",
            ],
        )
    },
    Program {
        evidence: &["-i", "--inventory", "-l", "--limit", "-e", "--extra-vars"],
        dry: &["--check", "-C", "--list-hosts", "--list-tasks", "--syntax-check"],
        special: Some(ansible),
        looks_for: "the command that `-m shell` or `-m command` runs",
        ..Program::new(
            &["ansible"],
            &[
                "-i",
                "--inventory",
                "-l",
                "--limit",
                "-m",
                "--module-name",
                "-a",
                "--args",
                "-u",
                "-e",
                "--extra-vars",
                "-f",
                "-t",
            ],
        )
    },
];

fn gh_api(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    if args.positional(0) != Some("api") {
        return false;
    }
    let is = |method: &str| args.values(&["-X", "--method"]).any(|word| word.text.eq_ignore_ascii_case(method));
    // With fields to send it is a POST.
    let sends = args.values(&["-f", "-F", "--field", "--raw-field", "--input"]).next().is_some() && !is("get");
    let writes = sends || ["post", "put", "patch"].into_iter().any(is);
    let target = args.named_from(1);
    let bypass = target.as_deref().is_some_and(|target| target.contains("/protection") || target.contains("/rulesets"));
    if is("delete") || (writes && bypass) {
        let effect = if bypass { Effect::BypassControl } else { Effect::Destroy };
        let verb = if is("delete") { "deletes" } else { "changes" };
        let what = format!("{verb} `{}` by the interface of GitHub", target.as_deref().unwrap_or_default());
        walk.report(
            shell,
            call,
            Some(args),
            Some(program),
            Found::new(effect, Reach::Shared, what, ASK).target(target),
        );
    }
    true
}

fn curl(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    let named = matches!(call.program(), "xh" | "http" | "https");
    let method = args.values(&["-X", "--request"]).last().map(|word| word.text.clone());
    let method = method.or_else(|| args.positional(0).filter(|_| named).map(str::to_owned));
    let deletes = method.is_some_and(|method| method.eq_ignore_ascii_case("delete"));
    let url = args
        .positionals
        .iter()
        .rev()
        .find(|word| word.text.contains(['/', '.', '$', ':']))
        .or_else(|| args.value("--url"));
    let url = url.map(|word| word.text.clone()).unwrap_or_default();
    let host = url.split("://").last().unwrap_or_default();
    let here = ["localhost", "127.0.0.1", "[::1]", "0.0.0.0", "host.docker.internal"]
        .iter()
        .any(|name| host.starts_with(name))
        || host.starts_with(':');
    if deletes && !here {
        let what = format!("asks `{}` to delete something", crate::shell::short(&url));
        walk.report(
            shell,
            call,
            Some(args),
            Some(program),
            Found::new(Effect::Destroy, Reach::Live, what, ASK).target(Some(url)),
        );
    }
    // What it writes to a file is not known.
    for word in args.values(&["-o", "--output"]) {
        if let Some(path) = word.known().and_then(|path| shell.path(path)) {
            shell.written.insert_mut(path, None);
        }
    }
    true
}

fn ansible(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, _: &'static Program) -> bool {
    let module = args.values(&["-m", "--module-name"]).last().map_or("command", |word| word.text.as_str()).to_owned();
    if !matches!(module.rsplit('.').next(), Some("shell" | "command" | "raw")) {
        return true;
    }
    let words: Vec<_> = args.values(&["-a", "--args"]).cloned().collect();
    for word in words {
        let mut inner = shell.clone();
        inner.remote = true;
        let name = args.positional(0).unwrap_or_default();
        let origin = call.origin.inner(&word.range, word.verbatim).through(format!("ansible {name}"));
        walk.text(&word.text, &origin, &mut inner, &crate::shell::Stream::Nothing);
    }
    true
}
