//! Calls of tools that are no shell, such as those of MCP servers: judged by name and arguments.

use crate::call::{Call, Found};
use crate::context::Context;
use crate::instead::ASK_OR_CODE;
use crate::operation::{Effect, Evidence, Operation, Reach, Source};
use crate::programs::{self, Verb};
use crate::shell::{Origin, Shell, Stream, Walk, Word, short};
use crate::sql::Dialect;
use serde_json::Value;

/// Levels of the arguments that are looked at.
const MAX_ARGUMENT_DEPTH: usize = 8;
/// Texts of the arguments that are looked at.
const MAX_TEXTS: usize = 500;

/// Names of arguments that hold a command.
const COMMANDS: &[&str] = &[
    "command",
    "cmd",
    "commands",
    "script",
    "cli_command",
    "shell_command",
    "shell",
    "commandline",
    "command_line",
    "bash",
];
/// Names of arguments that hold SQL.
const SQL: &[&str] = &["sql", "query", "statement", "statements", "queries", "sql_query", "ddl"];
/// Names of arguments that say which environment is meant.
const PLACES: &[&str] = &[
    "environment",
    "env",
    "stage",
    "profile",
    "context",
    "cluster",
    "namespace",
    "project",
    "project_id",
    "projectid",
    "workspace",
    "account",
    "account_id",
    "subscription",
    "subscription_id",
    "region",
    "host",
    "database",
    "db",
    "kubeconfig",
    "stack",
    "resource_group",
    "working_directory",
    "folder",
    "path",
    "cwd",
    "repo",
    "branch",
    "organization",
    "team",
    "app",
    "service",
    "domain",
];
/// Names of arguments that say what is hit.
const TARGETS: &[&str] = &[
    "name",
    "id",
    "identifier",
    "arn",
    "bucket",
    "key",
    "resource",
    "table",
    "url",
    "uri",
    "instance",
    "resource_name",
    "resource_id",
];

/// What a call of a tool would do. `name` is the tool's, with its server's before it where the agent puts it there
/// (`mcp__aws__delete_bucket`).
///
/// A tool that changes something which is not known, or whose name says nothing, gives [`Effect::Unknown`]: the first is
/// certain, the second is not. One that only reads gives nothing.
pub fn judge_tool(name: &str, arguments: &Value, context: &Context<'_>) -> Vec<Operation> {
    let mut walk = Walk::new(context);
    let mut shell = Shell::new(context.folder.trim_end_matches('/'));
    let mut texts = Vec::new();
    collect("", arguments, 0, &mut texts);
    for (key, text) in &texts {
        if PLACES.contains(&key.as_str()) {
            shell.choices.push((&[], Evidence { source: Source::Flag, name: key.clone(), word: short(text) }));
        }
    }
    let call = Call {
        words: vec![Word::new(name)],
        variables: Vec::new(),
        stdin: Stream::Nothing,
        origin: Origin::default(),
        range: 0..0,
        uncertain: false,
    };
    let mut tool = Tool { walk: &mut walk, shell: &mut shell, call: &call, words: words(name), texts: &texts };
    tool.judge(arguments);
    for operation in &mut walk.operations {
        name.clone_into(&mut operation.program);
        operation.range = 0..0;
    }
    walk.operations
}

struct Tool<'w, 'c> {
    walk: &'w mut Walk<'c>,
    shell: &'w mut Shell,
    call: &'w Call,
    /// The words of the tool's own name, in lower case.
    words: Vec<String>,
    texts: &'w [(String, String)],
}

impl Tool<'_, '_> {
    fn judge(&mut self, arguments: &Value) {
        let dry = ["dry_run", "dryrun", "dry-run", "validate_only", "preview"].iter().any(|name| {
            self.texts
                .iter()
                .any(|(key, text)| key == name && matches!(text.as_str(), "true" | "client" | "server" | "All"))
        });
        if dry {
            return;
        }
        let before = self.walk.operations.len();
        let commands = self.commands(arguments);
        let statements = self.statements();
        if self.walk.operations.len() > before {
            return;
        }
        let verbs: Vec<(String, Verb)> = self.verbs();
        let target = self
            .texts
            .iter()
            .find(|(key, _)| TARGETS.contains(&key.as_str()) || key.ends_with("_id") || key.ends_with("_name"))
            .map(|(_, text)| short(text));
        let worst = verbs
            .iter()
            .find(|(_, verb)| matches!(verb, Verb::Does(_)))
            .or_else(|| verbs.iter().find(|(_, verb)| matches!(verb, Verb::DoesLesser(_))));
        let shown = target.as_ref().map(|target| format!(" of `{target}`")).unwrap_or_default();
        if let Some((word, Verb::Does(effect) | Verb::DoesLesser(effect))) = worst {
            let noun = self.words.iter().filter(|other| *other != word).cloned().collect::<Vec<_>>().join("-");
            let effect = programs::of_noun(*effect, &noun);
            let found = Found::new(
                effect,
                Reach::Live,
                format!("does what its name says: {}{shown}", self.words.join(" ")),
                ASK_OR_CODE,
            );
            let lesser = matches!(worst, Some((_, Verb::DoesLesser(_))));
            self.report(found.lesser_if(lesser).target(target));
            return;
        }
        // A command or statement that was read and does nothing of note is that, whatever the tool is called.
        if commands || statements || self.reads(&verbs) {
            return;
        }
        let changes = verbs.iter().any(|(_, verb)| *verb == Verb::Changes);
        let what = if changes {
            format!("changes something, and what becomes of it is not known: {}{shown}", self.words.join(" "))
        } else {
            format!("is a tool of which it is not known what it does: {}", self.words.join(" "))
        };
        self.report(
            Found::new(Effect::Unknown, Reach::Live, what, ASK_OR_CODE).lesser().uncertain_if(!changes).target(target),
        );
    }

    fn report(&mut self, found: Found) {
        self.walk.report(self.shell, self.call, None, None, found);
    }

    fn reads(&self, verbs: &[(String, Verb)]) -> bool {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        // A question is asked, whatever else the name says.
        let first_reads = matches!(verbs.first(), Some((_, Verb::Reads)));
        first_reads
            || (!verbs.is_empty() && verbs.iter().all(|(_, verb)| *verb == Verb::Reads))
            || words.iter().any(|word| matches!(*word, "think" | "thinking" | "docs" | "documentation"))
    }

    /// The verbs of the name, and of an argument that chooses what is done.
    fn verbs(&self) -> Vec<(String, Verb)> {
        let mut verbs = Vec::new();
        for (key, text) in self.texts {
            if matches!(
                key.as_str(),
                "action" | "operation" | "verb" | "method" | "subcommand" | "operation_name" | "api" | "op"
            ) {
                let first = words(text).into_iter().find_map(|word| programs::verb(&word).map(|verb| (word, verb)));
                verbs.extend(first);
            }
        }
        if verbs.is_empty() {
            verbs.extend(self.words.iter().filter_map(|word| programs::verb(word).map(|verb| (word.clone(), verb))));
        }
        verbs
    }

    /// Judges arguments that hold a command. Returns whether there were any.
    fn commands(&mut self, arguments: &Value) -> bool {
        let mut any = false;
        let program = self.words.iter().find(|word| programs::find(word).is_some()).cloned();
        let listed = ["args", "arguments", "argv"]
            .iter()
            .find_map(|key| arguments.get(key)?.as_array())
            .map(|list| list.iter().filter_map(Value::as_str).map(quoted).collect::<Vec<_>>().join(" "));
        let texts = self.texts;
        let mut commands: Vec<&str> =
            texts.iter().filter(|(key, _)| COMMANDS.contains(&key.as_str())).map(|(_, text)| text.as_str()).collect();
        let array = COMMANDS.iter().find_map(|key| arguments.get(key)?.as_array());
        let joined = array.map(|list| list.iter().filter_map(Value::as_str).map(quoted).collect::<Vec<_>>().join(" "));
        if let Some(joined) = &joined {
            commands.push(joined);
        }
        let with_list: Vec<String> = match &listed {
            Some(listed) if commands.is_empty() => vec![listed.clone()],
            Some(listed) => commands.iter().map(|command| format!("{command} {listed}")).collect(),
            None => commands.iter().map(|command| (*command).to_owned()).collect(),
        };
        for command in with_list {
            any = true;
            let origin = Origin::default().through("an argument");
            let known = command
                .split_whitespace()
                .next()
                .is_some_and(|first| programs::find(crate::call::base(first)).is_some());
            // A tool for one program is often given only what stands behind the program's name.
            let text = match &program {
                Some(program) if !known => format!("{program} {command}"),
                _ => command,
            };
            self.walk.text(&text, &origin, &mut self.shell.clone(), &Stream::Nothing);
        }
        any
    }

    /// Judges arguments that hold SQL. Returns whether there were any.
    fn statements(&mut self) -> bool {
        let mut any = false;
        for (key, text) in self.texts {
            let begins =
                text.trim_start().split(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_ascii_uppercase();
            let is_sql = matches!(
                begins.as_str(),
                "SELECT"
                    | "INSERT"
                    | "UPDATE"
                    | "DELETE"
                    | "DROP"
                    | "TRUNCATE"
                    | "ALTER"
                    | "CREATE"
                    | "WITH"
                    | "GRANT"
                    | "REVOKE"
                    | "EXPLAIN"
                    | "SHOW"
                    | "BEGIN"
                    | "DO"
                    | "MERGE"
                    | "REPLACE"
                    | "DESCRIBE"
                    | "PRAGMA"
            );
            let comment = text.trim_start().starts_with("--") || text.trim_start().starts_with("/*");
            if !SQL.contains(&key.as_str()) || !(is_sql || comment) {
                continue;
            }
            any = true;
            for found in programs::sql_statements(text, Dialect::Other) {
                self.report(found);
            }
        }
        any
    }
}

fn quoted(word: &str) -> String {
    let plain = word
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '.' | '=' | ':' | ',' | '@' | '+' | '%'));
    if plain && !word.is_empty() { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// The words of a tool's own name, without its server's.
fn words(name: &str) -> Vec<String> {
    let own = name.rsplit("__").next().unwrap_or(name);
    let own = own.rsplit(['.', ':', '/']).next().unwrap_or(own);
    programs::sdk::kebab(own).split('-').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The texts of arguments, each with the name that it stands under, in lower case.
fn collect(key: &str, value: &Value, depth: usize, texts: &mut Vec<(String, String)>) {
    if depth > MAX_ARGUMENT_DEPTH || texts.len() >= MAX_TEXTS {
        return;
    }
    match value {
        Value::String(text) => texts.push((key.to_owned(), text.clone())),
        Value::Bool(flag) => texts.push((key.to_owned(), flag.to_string())),
        Value::Number(number) => texts.push((key.to_owned(), number.to_string())),
        // A list of words is looked at as a whole where it is a command.
        Value::Array(list) if COMMANDS.contains(&key) && list.iter().all(Value::is_string) => {}
        Value::Array(list) => list.iter().for_each(|value| collect(key, value, depth + 1, texts)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            collect(&programs::sdk::kebab(name).replace('-', "_"), value, depth + 1, texts);
        }),
        Value::Null => {}
    }
}
