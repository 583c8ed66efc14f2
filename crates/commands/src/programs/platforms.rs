//! Platforms that run applications, and smaller clouds.

use super::rule::{Program, When, rule};
use super::services::{DATA, data, gone, stopped};
use crate::args::Args;
use crate::call::{Call, Found};
use crate::instead::ASK;
use crate::operation::{Effect, Reach};
use crate::shell::{Shell, Walk};

/// A platform's program whose deleting sub-commands are in a table.
pub(super) const fn platform(names: &'static [&'static str]) -> Program {
    const FLAGS: &[&str] = &[
        "-a",
        "--app",
        "--project",
        "-p",
        "--env",
        "-e",
        "--environment",
        "-c",
        "--context",
        "--config",
        "-R",
        "--repo",
        "--name",
        "-n",
        "--org",
        "-o",
        "--team",
    ];
    Program { evidence: FLAGS, ..Program::new(names, FLAGS) }
}

pub(super) const PROGRAMS: &[Program] = &[
    Program {
        rules: &[
            gone("destroy"),
            gone("apps destroy"),
            gone("app destroy"),
            data("postgres|pg|volumes|volume destroy|delete"),
            gone("machine|machines destroy|remove"),
            stopped("scale count 0"),
            stopped("machine|machines stop"),
        ],
        ..platform(&["fly", "flyctl"])
    },
    Program {
        special: Some(super::databases::by_platform),
        looks_for: "`pg:psql` with SQL that deletes",
        rules: &[
            gone("apps:destroy|apps:delete|destroy"),
            data("pg:reset"),
            gone("addons:destroy"),
            stopped("ps:stop"),
            rule("pg:copy", Effect::DataDelete, "overwrites a database with another", DATA),
            stopped("maintenance:on"),
            rule("access:add|access:update", Effect::Access, "lets somebody do more with the application", ASK),
        ],
        ..platform(&["heroku"])
    },
    Program {
        rules: &[
            gone("remove|rm"),
            gone("project|projects rm|remove"),
            gone("env rm|remove"),
            gone("domains|dns rm|remove"),
        ],
        ..platform(&["vercel", "now"])
    },
    Program { rules: &[gone("sites:delete"), gone("env:unset")], ..platform(&["netlify"]) },
    Program {
        rules: &[
            gone("delete"),
            data("d1 delete"),
            data("r2 bucket|object delete"),
            data("kv:namespace|kv:key|kv:bulk delete"),
            data("kv namespace|key|bulk delete"),
            gone("secret|pages|queues delete"),
            gone("pages project delete"),
        ],
        ..platform(&["wrangler"])
    },
    Program {
        rules: &[gone("down|delete|destroy"), gone("service|environment|volume delete")],
        ..platform(&["railway"])
    },
    Program {
        rules: &[
            data("projects|project delete"),
            data("branches|branch delete"),
            data("db reset").when(&[When::Has(&["--linked", "--db-url"])]),
            gone("functions|secrets delete|unset"),
        ],
        ..platform(&["supabase", "neonctl", "neon", "turso", "pscale"])
    },
    Program {
        rules: &[
            data("firestore:delete"),
            data("database:remove"),
            gone("functions:delete|hosting:disable|apps:delete"),
        ],
        ..platform(&["firebase"])
    },
    Program {
        special: Some(by_verb),
        looks_for: "every command whose verb deletes or stops",
        ..platform(&[
            "doctl",
            "linode-cli",
            "hcloud",
            "scw",
            "ibmcloud",
            "oci",
            "yc",
            "exo",
            "openstack",
            "civo",
            "vultr-cli",
            "aliyun",
            "tccli",
            "upctl",
            "databricks",
            "confluent",
            "atlas",
            "cf",
            "rancher",
            "tctl",
        ])
    },
];

fn by_verb(walk: &mut Walk<'_>, shell: &mut Shell, call: &Call, args: &Args, program: &'static Program) -> bool {
    use super::cloud_words::{Verb, of_noun, verb};
    let words: Vec<&str> = args.positionals.iter().map(|word| word.known().unwrap_or_default()).collect();
    let Some((at, meaning)) = words.iter().enumerate().find_map(|(at, word)| {
        let first = word.split('-').next().unwrap_or(word);
        verb(word)
            .or_else(|| verb(first))
            .filter(|_| at > 0 || word.contains('-') || matches!(*word, "delete" | "destroy"))
            .map(|meaning| (at, meaning))
    }) else {
        return true;
    };
    let group = words.get(..at).unwrap_or_default().join(" ");
    let local = matches!(
        words.first(),
        Some(&("config" | "configure" | "auth" | "profile" | "context" | "account" | "completion" | "plugin"))
    );
    let target = args.named_from(at + 1);
    if let (Verb::Does(effect), false) = (meaning, local) {
        let does = if effect == Effect::Interrupt { "stops or resets" } else { "deletes" };
        let what =
            format!("{does} {group} {}", target.as_ref().map(|target| format!("`{target}`")).unwrap_or_default());
        let found = Found::new(of_noun(effect, &group.replace(' ', "-")), Reach::Live, what.trim_end(), ASK);
        walk.report(shell, call, Some(args), Some(program), found.target(target));
    }
    true
}
