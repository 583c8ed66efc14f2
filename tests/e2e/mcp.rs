//! `countersign mcp`: real conversations over standard input and output.

use crate::cli::countersign;
use crate::editor::{COUNTERSIGN, FORCE, LIMIT, PUBLIC, SAFE, Workspace};
use countersign_testkit::run_on;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const INVALID_PARAMS: i64 = -32602;
const METHOD_NOT_FOUND: i64 = -32601;

const NETWORK: &str = "resource \"aws_vpc\" \"main\" {\n  cidr_block = \"10.0.0.0/16\"\n}\n\nresource \"aws_subnet\" \"a\" {\n  vpc_id     = aws_vpc.main.id\n  cidr_block = \"10.0.1.0/24\"\n}\n\nresource \"aws_instance\" \"web\" {\n  subnet_id = aws_subnet.a.id\n}\n";

/// A client of the server.
struct Session {
    process: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    asked: u64,
}

impl Session {
    fn spawn(workspace: &Workspace, folder: &Path, arguments: &[&str]) -> Self {
        let mut process = Command::new(COUNTERSIGN)
            .arg("mcp")
            .args(arguments)
            .current_dir(folder)
            .env("XDG_STATE_HOME", workspace.state())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let output = BufReader::new(process.stdout.take().expect("stdout"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let input = process.stdin.take();
        Self { process, input, lines, asked: 0 }
    }

    /// A session that is initialized.
    fn start(workspace: &Workspace) -> Self {
        Self::start_in(workspace, &workspace.root(), &[])
    }

    fn start_in(workspace: &Workspace, folder: &Path, arguments: &[&str]) -> Self {
        let mut session = Self::spawn(workspace, folder, arguments);
        let offered = session.initialize();
        assert_eq!(offered["serverInfo"]["name"], "countersign");
        session
    }

    fn initialize(&mut self) -> Value {
        let client = json!({ "name": "test", "version": "1" });
        let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
        let offered = self.request("initialize", params).expect("an answer");
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string());
        offered
    }

    fn send(&mut self, line: &str) {
        self.send_bytes(line.as_bytes());
    }

    fn send_bytes(&mut self, line: &[u8]) {
        let input = self.input.as_mut().expect("it is open");
        input.write_all(line).and_then(|()| input.write_all(b"\n")).expect("the server reads");
    }

    fn receive(&self) -> Value {
        let line = self.lines.recv_timeout(LIMIT).expect("an answer in time");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The result, or code and message of the error.
    fn request(&mut self, method: &str, params: Value) -> Result<Value, (i64, String)> {
        self.asked += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": params });
        self.send(&request.to_string());
        let answer = self.receive();
        assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(self.asked)), "{answer}");
        let error = &answer["error"];
        match error["code"].as_i64() {
            Some(code) => Err((code, error["message"].as_str().expect("a message").to_owned())),
            None => Ok(answer["result"].clone()),
        }
    }

    /// What a tool answers, or why it does not.
    fn try_call(&mut self, tool: &str, arguments: &Value) -> Result<Value, String> {
        let answer = self.request("tools/call", json!({ "name": tool, "arguments": arguments })).expect("a result");
        let text = answer["content"][0]["text"].as_str().expect("a text").to_owned();
        if answer["isError"] == true {
            assert!(answer.get("structuredContent").is_none(), "{answer}");
            return Err(text);
        }
        let structured = &answer["structuredContent"];
        assert_eq!(&serde_json::from_str::<Value>(&text).expect("JSON"), structured, "both say the same");
        Ok(structured.clone())
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.try_call(tool, &arguments).unwrap_or_else(|why| panic!("{tool} {arguments}: {why}"))
    }

    fn tools(&mut self) -> Vec<Value> {
        self.request("tools/list", json!({})).expect("tools")["tools"].as_array().expect("a list").clone()
    }

    /// Closes the input and waits for the end.
    fn end(mut self) {
        self.input = None;
        let deadline = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.process.try_wait().expect("a process") {
                break status;
            }
            assert!(Instant::now() < deadline, "it ends with its input");
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut said = String::new();
        let _ = std::io::Read::read_to_string(&mut self.process.stderr.take().expect("stderr"), &mut said);
        assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write(path: &str, content: &str) -> Value {
    json!({ "edits": [{ "path": path, "content": content }] })
}

fn replace(path: &str, old: &str, new: &str) -> Value {
    json!({ "edits": [{ "path": path, "old_string": old, "new_string": new }] })
}

/// Verdict and ids.
fn verdict(answer: &Value) -> (&str, Vec<&str>) {
    let reasons = answer["reasons"].as_array().expect("reasons").iter();
    let ids = reasons.map(|reason| reason["id"].as_str().expect("an id")).collect();
    (answer["verdict"].as_str().expect("a verdict"), ids)
}

#[test]
fn the_tools_say_what_they_are() {
    let workspace = Workspace::git(&[("main.tf", &format!("{NETWORK}{PUBLIC}"))]);
    let mut session = Session::start(&workspace);
    let tools = session.tools();
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["check_edit", "check_command", "explain_risk", "blast_radius", "list_findings"]);
    for (tool, arguments) in tools.iter().zip([
        replace("main.tf", "10.0.0.0", "10.1.0.0"),
        json!({ "command": "terraform destroy && kubectl delete ns shop" }),
        json!({ "risk": "database-public" }),
        json!({ "address": "aws_vpc.main" }),
        json!({}),
    ]) {
        let name = tool["name"].as_str().expect("a name");
        let hints =
            json!({ "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false });
        for (hint, value) in hints.as_object().expect("an object") {
            assert_eq!(&tool["annotations"][hint], value, "{name}: {hint}");
        }
        let description = tool["description"].as_str().expect("a description");
        assert!(description.contains("Call it") && description.len() > 200, "{name}: {description}");
        let input = jsonschema::validator_for(&tool["inputSchema"]).expect("a schema");
        assert!(input.is_valid(&arguments) && !input.is_valid(&json!({ "other": 1 })), "{name}");
        let output = jsonschema::validator_for(&tool["outputSchema"]).expect("a schema");
        let answer = session.call(name, arguments);
        let errors: Vec<_> = output.iter_errors(&answer).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?} in {answer}");
        assert!(!output.is_valid(&json!({})), "{name}: the schema says what is there");
    }
    session.end();
}

/// What Claude Code's hook answers to the use of a tool: the decision and its reason.
fn hook(workspace: &Workspace, tool: &str, input: Value) -> (String, String) {
    let payload = json!({
        "session_id": "s1", "transcript_path": "", "cwd": workspace.root(), "hook_event_name": "PreToolUse",
        "tool_name": tool, "tool_use_id": "t1", "tool_input": input,
    });
    let path = workspace.state().join("payload");
    std::fs::write(&path, payload.to_string()).expect("the payload is written");
    let mut command = Command::new(COUNTERSIGN);
    command.args(["hook", "claude-code"]).current_dir(workspace.root()).env("XDG_STATE_HOME", workspace.state());
    let output = run_on(&mut command, File::open(path).expect("the payload is there"), LIMIT);
    if output.stdout.is_empty() {
        return (String::new(), String::new());
    }
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let specific = &answer["hookSpecificOutput"];
    let text = |name: &str| specific[name].as_str().unwrap_or_default().to_owned();
    let told = text("additionalContext");
    if told.is_empty() {
        (text("permissionDecision"), text("permissionDecisionReason"))
    } else {
        ("tell".to_owned(), told)
    }
}

#[test]
fn the_answers_are_those_of_the_hook() {
    let workspace =
        Workspace::git(&[("main.tf", &format!("{NETWORK}{SAFE}")), ("Makefile", "down:\n\tterraform destroy\n")]);
    let mut session = Session::start(&workspace);
    for (name, content) in [
        ("main.tf", format!("{NETWORK}{PUBLIC}")),
        ("main.tf", format!("{NETWORK}{SAFE}{FORCE}")),
        ("main.tf", NETWORK.replace("10.0.0.0", "10.1.0.0")),
        ("main.tf", format!("{NETWORK}{SAFE}# note\n")),
        ("new.tf", PUBLIC.to_owned()),
        ("countersign.toml", "[agents]\nunjudged = \"pass\"\n".to_owned()),
    ] {
        let (decision, reason) =
            hook(&workspace, "Write", json!({ "file_path": workspace.path(name), "content": content }));
        let answer = session.call("check_edit", write(name, &content));
        let said = if decision.is_empty() { "pass" } else { decision.as_str() };
        assert_eq!(answer["hook"], said, "{content}");
        assert!(reason.is_empty() || answer["message"] == reason.as_str(), "{reason}\n{answer}");
    }
    for command in ["terraform destroy", "make down", "kubectl --context dev delete ns shop", "ls -l", "git clean -fd"]
    {
        let (decision, reason) = hook(&workspace, "Bash", json!({ "command": command }));
        let answer = session.call("check_command", json!({ "command": command }));
        assert_eq!(answer["hook"], if decision.is_empty() { "pass" } else { decision.as_str() }, "{command}");
        // What was denied can be requested, which the hook says behind it: it knows the session.
        let is_same = answer["message"].as_str().is_some_and(|message| reason.starts_with(message));
        assert!(reason.is_empty() || is_same, "{reason}\n{answer}");
    }
    session.end();
}

#[test]
fn the_other_answers_are_those_of_the_command_line() {
    let workspace = Workspace::git(&[("main.tf", &format!("{NETWORK}{PUBLIC}")), ("live/other.tf", FORCE)]);
    workspace.write("main.tf", &format!("{}{PUBLIC}", NETWORK.replace("10.0.0.0", "10.1.0.0")));
    let mut session = Session::start(&workspace);
    let explained = session.call("explain_risk", json!({ "risk": "database-public" }));
    assert_eq!(explained["page"], countersign(&workspace, &["explain", "database-public"]).stdout);
    assert_eq!((&explained["severity"], &explained["area"]), (&json!("critical"), &json!("exposure")));

    let said: Value =
        serde_json::from_str(&countersign(&workspace, &["check", "--format", "json"]).stdout).expect("JSON");
    let mut listed = session.call("list_findings", json!({}))["findings"].as_array().expect("findings").clone();
    let verdicts: Vec<_> = listed.iter().map(|finding| finding["verdict"].clone()).collect();
    let rank = |verdict: &Value| ["deny", "review", "note", "allow"].iter().position(|name| verdict == name);
    assert!(verdicts.is_sorted_by_key(rank), "the gravest first: {verdicts:?}");
    listed.sort_by_key(|finding| {
        (finding["path"].to_string(), finding["range"]["start"]["line"].as_u64(), finding["risk"].to_string())
    });
    let mut expected = said["findings"].as_array().expect("findings").clone();
    expected.sort_by_key(|finding| {
        (finding["path"].to_string(), finding["range"]["start"]["line"].as_u64(), finding["risk"].to_string())
    });
    assert!(expected.len() > 2);
    assert_eq!(listed, expected);
    let only =
        session.call("list_findings", json!({ "paths": ["live"], "risk": "force-destroy", "min_severity": "high" }));
    assert_eq!((&only["total"], &only["findings"][0]["path"]), (&json!(1), &json!("live/other.tf")));

    let radius = session.call("blast_radius", json!({ "address": "aws_vpc.main" }));
    let said = countersign(&workspace, &["impact", "aws_vpc.main", "--format", "json"]).stdout;
    let said: Value = serde_json::from_str(&said).expect("JSON");
    for (name, value) in said["resources"][0].as_object().expect("an object") {
        assert_eq!(&radius["resources"][0][name], value, "{name}");
    }
    let addresses: Vec<_> =
        radius["resources"][0]["listed"].as_array().expect("a list").iter().map(|one| &one["address"]).collect();
    assert_eq!(addresses, ["aws_subnet.a", "aws_instance.web"], "{radius}");
    assert_eq!(radius["resources"][0]["action"], "replace");
    session.end();
}

#[test]
fn every_kind_of_edit() {
    let workspace =
        Workspace::git(&[("main.tf", &format!("{NETWORK}{SAFE}")), ("db.tf", FORCE), ("README.md", "text\n")]);
    let mut session = Session::start(&workspace);
    let mut says = |edits: Value| {
        let answer = session.call("check_edit", json!({ "edits": edits }));
        let (verdict, ids) = verdict(&answer);
        (verdict.to_owned(), ids.join(" "))
    };
    let all = json!([{ "path": "main.tf", "old_string": "= ", "new_string": "=  ", "replace_all": true }]);
    assert_eq!(says(all), ("allow".to_owned(), String::new()));
    let two = json!([
        { "path": "main.tf", "old_string": "publicly_accessible = false", "new_string": "publicly_accessible = maybe" },
        { "path": "main.tf", "old_string": "maybe", "new_string": "true" },
    ]);
    assert_eq!(says(two), ("deny".to_owned(), "database-public".to_owned()), "one after the other");
    let (verdict, ids) = says(json!([{ "path": "main.tf", "delete": true }]));
    assert!(verdict == "deny" && ids.contains("destroys"), "{ids}");
    let (verdict, ids) = says(json!([{ "path": "db.tf", "move_to": "zone.tf" }]));
    assert!(verdict == "review" && !ids.contains("destroys"), "it stays in its module: {ids}");
    let (verdict, ids) = says(json!([{ "path": "db.tf", "move_to": "elsewhere/zone.tf" }]));
    assert!(verdict == "review" && ids.contains("impact-unknown"), "{verdict} {ids}");
    assert!(!workspace.path("elsewhere").exists() && workspace.read("db.tf") == FORCE, "nothing is written");
    // What is not read is not said to be right.
    assert_eq!(says(json!([{ "path": "README.md", "content": "other\n" }])).0, "unknown");
    session.end();
}

#[test]
fn nothing_is_recorded() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut session = Session::start(&workspace);
    assert_eq!(verdict(&session.call("check_edit", write("main.tf", PUBLIC))).0, "deny");
    assert_eq!(verdict(&session.call("check_command", json!({ "command": "terraform destroy" }))).0, "deny");
    session.end();
    let kept: Vec<_> = std::fs::read_dir(workspace.path(".git/countersign"))
        .map(|folder| folder.flatten().map(|entry| entry.file_name()).collect())
        .unwrap_or_default();
    assert!(kept.iter().all(|name| name == "units"), "no record, no attribution: {kept:?}");
    assert_eq!(workspace.run_git(&["status", "--porcelain"]), "");
}

#[test]
fn what_cannot_be_asked_is_told() {
    let workspace = Workspace::git(&[("main.tf", &format!("{SAFE}{FORCE}")), ("sub/a.tf", SAFE)]);
    std::fs::write(workspace.path("latin.tf"), b"# caf\xe9\n").expect("it is written");
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc", workspace.path("link")).expect("a link");
    let outside = workspace.state().join("other.tf");
    std::fs::write(&outside, SAFE).expect("it is written");
    let outside = outside.display().to_string();
    let mut session = Session::start(&workspace);
    let long = "echo ok; ".repeat(130_000);
    for (tool, arguments, says) in [
        ("check_edit", write(&outside, PUBLIC), "outside of the workspace"),
        ("check_edit", write("../../etc/main.tf", PUBLIC), "outside of the workspace"),
        #[cfg(unix)]
        ("check_edit", write("link/main.tf", PUBLIC), "outside of the workspace"),
        ("check_edit", write("", PUBLIC), "empty"),
        ("check_edit", write("a\0b.tf", PUBLIC), "NUL"),
        ("check_edit", write(&"a/".repeat(5_000), PUBLIC), "longer than 4096"),
        ("check_edit", write("sub", PUBLIC), "no file"),
        ("check_edit", replace("main.tf", "not there", "x"), "`old_string` is not in the file"),
        ("check_edit", replace("main.tf", "resource", "x"), "stands there 2 times"),
        ("check_edit", replace("main.tf", "", "x"), "`old_string` is empty"),
        ("check_edit", replace("missing.tf", "a", "b"), "no such file"),
        ("check_edit", replace("latin.tf", "a", "b"), "not UTF-8"),
        ("check_edit", json!({ "edits": [] }), "`edits` is empty"),
        ("check_edit", json!({ "edits": [{ "path": "main.tf" }] }), "in one way"),
        ("check_edit", json!({ "edits": [{ "path": "main.tf", "content": "", "delete": true }] }), "in one way"),
        ("check_edit", json!({ "edits": [{ "path": "main.tf", "text": "" }] }), "unknown field `text`"),
        ("check_edit", json!({ "edits": [{ "path": "main.tf", "move_to": "/tmp/x.tf" }] }), "outside of the workspace"),
        ("check_edit", json!({}), "missing field `edits`"),
        ("check_edit", json!({ "edits": vec![json!({ "path": "a.tf", "delete": true }); 1_001] }), "at most 1000"),
        ("check_command", json!({ "command": long }), "at most 1048576 are read"),
        ("check_command", json!({ "command": " " }), "empty"),
        ("check_command", json!({ "command": "ls", "folder": "missing" }), "no folder"),
        ("check_command", json!({ "command": "ls", "folder": "/" }), "outside of the workspace"),
        ("check_command", json!({ "command": 5 }), "invalid type"),
        ("explain_risk", json!({ "risk": "database-pub" }), "`database-public`"),
        ("explain_risk", json!({ "risk": "command/destroy" }), "effect"),
        ("explain_risk", json!({ "risk": "…" }), "There is no risk"),
        ("blast_radius", json!({ "address": "aws_vpc.none" }), "there is no `aws_vpc.none`"),
        ("blast_radius", json!({ "address": "vpc" }), "no address"),
        ("blast_radius", json!({ "address": "aws_route53_zone.logs", "base": "--exec=x" }), "--exec=x"),
        ("blast_radius", json!({ "address": "aws_route53_zone.logs", "folder": ".." }), "outside of the workspace"),
        ("list_findings", json!({ "paths": ["missing"] }), "no such file"),
        ("list_findings", json!({ "paths": [outside] }), "outside of the workspace"),
        ("list_findings", json!({ "risk": "none" }), "There is no risk"),
        ("list_findings", json!({ "limit": 0 }), "from 1 to 200"),
        ("list_findings", json!({ "limit": 1e30 }), "invalid type"),
        ("list_findings", json!({ "min_severity": "bad" }), "unknown variant"),
    ] {
        let shown: String = arguments.to_string().chars().take(200).collect();
        let why = session.try_call(tool, &arguments).expect_err(&shown);
        assert!(why.contains(says), "{tool} {shown}: {why}");
        assert!(why.len() < 1_000, "{why}");
    }
    let (code, message) = session.request("tools/call", json!({ "name": "run" })).expect_err("no tool");
    assert!(code == INVALID_PARAMS && message.contains("check_edit"), "{message}");
    assert_eq!(session.request("tools/call", json!({ "name": 5 })).expect_err("no call").0, INVALID_PARAMS);
    assert_eq!(session.request("resources/none", json!({})).expect_err("no method").0, METHOD_NOT_FOUND);
    // A long command is judged all the same.
    let long = format!("{}terraform destroy", "echo ok; ".repeat(1_000));
    assert_eq!(verdict(&session.call("check_command", json!({ "command": long }))).0, "deny");
    session.end();
}

#[test]
fn files_that_cannot_be_read_are_not_said_to_be_right() {
    let workspace = Workspace::git(&[("main.tf", PUBLIC)]);
    std::fs::write(workspace.path("latin.tf"), b"# caf\xe9\n").expect("it is written");
    let mut session = Session::start(&workspace);
    let answer = session.call("list_findings", json!({}));
    let risks: Vec<_> = answer["findings"].as_array().expect("findings").iter().map(|one| &one["risk"]).collect();
    assert!(risks.contains(&&json!("not-analysed")) && risks.contains(&&json!("database-public")), "{answer}");
    session.end();
}

#[test]
fn where_it_is_started() {
    let workspace = Workspace::git(&[("main.tf", PUBLIC), ("sub/a.tf", FORCE), ("sub/deep/b.tf", SAFE)]);
    // From a subfolder: paths count from there, and all of the repository is looked at.
    let mut session = Session::start_in(&workspace, &workspace.path("sub"), &[]);
    assert_eq!(verdict(&session.call("check_edit", write("deep/b.tf", PUBLIC))).0, "deny");
    assert_eq!(verdict(&session.call("check_edit", write("../main.tf", &format!("# new\n{PUBLIC}")))).0, "allow");
    let absolute = workspace.path("sub/a.tf").display().to_string();
    assert!(session.call("check_edit", replace(&absolute, "true", "false"))["message"].is_string());
    assert_eq!(session.call("list_findings", json!({ "paths": ["."] }))["findings"][0]["path"], "a.tf");
    assert!(session.call("list_findings", json!({}))["total"].as_u64() > Some(1));
    session.end();

    let elsewhere = Workspace::new();
    elsewhere.write("main.tf", PUBLIC);
    let mut session = Session::start(&elsewhere);
    for (tool, arguments) in [
        ("check_edit", write("main.tf", SAFE)),
        ("check_command", json!({ "command": "ls" })),
        ("blast_radius", json!({ "address": "aws_vpc.main" })),
        ("list_findings", json!({})),
    ] {
        let why = session.try_call(tool, &arguments).expect_err("no repository");
        assert!(why.contains("no git repository") && why.contains("--workspace FOLDER"), "{tool}: {why}");
    }
    assert!(session.try_call("explain_risk", &json!({ "risk": "database-public" })).is_ok());
    session.end();
    // A folder that is named needs no repository, but for what is compared with a commit.
    let folder = elsewhere.root().display().to_string();
    let mut session = Session::start_in(&workspace, &workspace.root(), &["--workspace", &folder]);
    assert_eq!(verdict(&session.call("check_edit", write("new.tf", PUBLIC))).0, "deny");
    assert_eq!(session.call("list_findings", json!({}))["findings"][0]["path"], "main.tf");
    let why = session.try_call("blast_radius", &json!({ "address": "aws_vpc.main" })).expect_err("no commit");
    assert!(why.contains("no git repository"), "{why}");
    session.end();
    let said = countersign(&workspace, &["mcp", "--workspace", "/nowhere"]);
    assert!(said.code == Some(2) && said.stdout.is_empty() && said.stderr.contains("/nowhere"), "{}", said.stderr);
}

#[test]
fn the_limits_of_an_agent_hold() {
    let settings = "[[scope]]\nagent = [\"cursor\"]\n[scope.never]\npaths = [\"live/**\"]\n";
    let workspace = Workspace::git(&[("countersign.toml", settings), ("live/main.tf", SAFE)]);
    for (arguments, expected) in
        [(&["--agent", "cursor"][..], "deny"), (&["--agent", "codex"], "allow"), (&[], "allow")]
    {
        let mut session = Session::start_in(&workspace, &workspace.root(), arguments);
        let answer = session.call("check_edit", write("live/main.tf", &format!("# new\n{SAFE}")));
        assert_eq!(verdict(&answer).0, expected, "{arguments:?}");
        session.end();
    }
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let buckets: String = (0..260).map(|number| FORCE.replace("logs", &format!("z{number}"))).collect();
    let subnet = "resource \"aws_subnet\" \"sN\" {\n  vpc_id = aws_vpc.main.id\n}\n";
    let subnets: String = (0..130).map(|number| subnet.replace('N', &number.to_string())).collect();
    let workspace = Workspace::git(&[("zones.tf", &buckets), ("net/main.tf", &format!("{NETWORK}{subnets}"))]);
    let mut session = Session::start(&workspace);
    for (limit, listed) in [(None, 50), (Some(200), 200), (Some(7), 7)] {
        let answer = session.call("list_findings", json!({ "risk": "force-destroy", "limit": limit }));
        assert_eq!((&answer["total"], &answer["leftOut"]), (&json!(260), &json!(260 - listed)));
        assert_eq!(answer["findings"].as_array().map(Vec::len), Some(listed));
    }
    let radius = session.call("blast_radius", json!({ "address": "aws_vpc.main" }));
    let resource = &radius["resources"][0];
    assert_eq!(resource["dependents"]["transitive"], 132);
    assert_eq!((resource["listed"].as_array().map(Vec::len), &resource["leftOut"]), (Some(100), &json!(32)));
    let answer = session.call("check_edit", write("zones.tf", ""));
    assert_eq!(answer["reasons"].as_array().map(Vec::len), Some(50));
    assert_eq!(answer["leftOut"], 210, "one is destroyed with each");
    session.end();
}

/// A question about a command is no attempt to run it, so the hook lets it pass.
#[test]
fn the_hook_lets_questions_pass() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let input = json!({ "command": "terraform destroy" });
    assert_eq!(hook(&workspace, "mcp__countersign__check_command", input.clone()).0, "");
    assert_eq!(hook(&workspace, "mcp__other__check_command", input).0, "deny");
}

/// What no client should send: it is answered where it can be, and the next question is, too.
#[test]
fn broken_messages() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let mut session = Session::spawn(&workspace, &workspace.root(), &[]);
    session.send("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    session.send("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    session.send("");
    let code = |session: &Session| session.receive()["error"]["code"].as_i64();
    session.send("nonsense");
    assert_eq!(code(&session), Some(-32700));
    session.send_bytes(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}");
    assert_eq!(code(&session), Some(-32700));
    session.send(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    assert_eq!(code(&session), Some(-32700));
    session.send("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]");
    assert_eq!(code(&session), Some(-32600));
    session.send("{\"jsonrpc\":\"2.0\",\"id\":\"seven\",\"method\":\"ping\",\"result\":{}}");
    let answer = session.receive();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("seven"), &json!(-32600)), "{answer}");
    // Nothing before `initialize`.
    assert!(session.request("tools/list", json!({})).is_err());
    session.initialize();
    session.send("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/none\",\"params\":{\"a\":[]}}");
    session.send("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":99}}");
    assert_eq!(session.tools().len(), 5);
    session.initialize();
    assert_eq!(verdict(&session.call("check_edit", write("main.tf", PUBLIC))).0, "deny");
    session.end();
}

/// What is asked before the input ends is answered, and nothing else is printed.
#[test]
fn a_conversation_that_is_piped_in() {
    let workspace = Workspace::git(&[("main.tf", SAFE)]);
    let client = json!({ "name": "test", "version": "1" });
    let begin = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
    let mut lines = vec![json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": begin })];
    for id in 1..=20 {
        let params = json!({ "name": "check_edit", "arguments": write("main.tf", PUBLIC) });
        lines.push(json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }));
    }
    let text: String = lines.iter().flat_map(|line| [line.to_string(), "\n".to_owned()]).collect();
    let path = workspace.state().join("conversation");
    std::fs::write(&path, text).expect("it is written");
    let mut command = Command::new(COUNTERSIGN);
    command.arg("mcp").current_dir(workspace.root());
    let output = run_on(&mut command, File::open(path).expect("a file"), LIMIT);
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let mut ids: Vec<_> = said
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["id"].as_u64().expect("an id"))
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..=20).collect::<Vec<_>>());
    // A client that says nothing.
    let mut command = Command::new(COUNTERSIGN);
    let output = run_on(command.arg("mcp").current_dir(workspace.root()), Stdio::null(), LIMIT);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &[][..]));
}

/// Arguments of every shape for every tool: each is answered, by a result or by a reason, and the server goes on.
#[test]
fn hostile_arguments() {
    let workspace = Workspace::git(&[("main.tf", &format!("{NETWORK}{SAFE}")), ("sub/a.tf", FORCE)]);
    let mut session = Session::start(&workspace);
    let deep = (0..60).fold(json!("x"), |inner, _| json!([inner]));
    let texts = [
        "",
        " ",
        ".",
        "..",
        "/",
        "main.tf",
        "./sub/../main.tf",
        "~",
        "a\0b",
        "file:///etc/passwd",
        "C:\\main.tf",
        "\\\\host\\x",
        "😀.tf",
        "\u{202e}ft.niam",
        "-rf",
        "--help",
        "$(reboot)",
        "`x`",
        "${var.x}",
        "aws_vpc.main",
        "module.a.module.b.c.d",
        "aws_vpc.main[\"",
        "....",
        "resource",
        "\r\n",
        "\u{feff}",
        "HEAD~1",
        "database-public",
        "sub",
        "{\"a\":",
        "sub/a.tf/x.tf",
    ];
    let mut values: Vec<Value> = texts.iter().map(|text| json!(text)).collect();
    values.push(json!("a/".repeat(5_000)));
    values.push(json!("(".repeat(20_000)));
    values.push(json!("$(".repeat(10_000)));
    values.extend([json!(null), json!(true), json!(-1), json!(1e300), json!([]), json!({}), json!(["main.tf"]), deep]);
    let fields = [
        ("check_command", &["command", "folder"][..]),
        ("explain_risk", &["risk"]),
        ("blast_radius", &["address", "folder", "base"]),
        ("list_findings", &["paths", "risk", "min_severity", "limit"]),
    ];
    let right = json!({ "command": "terraform apply", "address": "aws_vpc.main", "paths": ["sub"] });
    let mut questions = Vec::new();
    for (place, value) in values.iter().enumerate() {
        for (tool, fields) in fields {
            for field in fields {
                let mut arguments = json!({});
                for needed in fields.iter().filter(|needed| right.get(**needed).is_some()) {
                    arguments[*needed] = right[*needed].clone();
                }
                arguments[*field] = value.clone();
                questions.push((tool, arguments));
            }
        }
        let other = &values[(place * 7 + 3) % values.len()];
        for edit in [
            json!({ "path": value, "content": other }),
            json!({ "path": "main.tf", "content": value }),
            json!({ "path": "main.tf", "old_string": value, "new_string": other, "replace_all": place % 2 == 0 }),
            json!({ "path": "main.tf", "move_to": value }),
            json!({ "path": value, "delete": true }),
        ] {
            questions.push(("check_edit", json!({ "edits": [edit] })));
        }
        questions.push(("check_edit", json!({ "edits": value })));
    }
    let (mut answered, mut refused) = (0, 0);
    for (tool, arguments) in &questions {
        match session.try_call(tool, arguments) {
            Ok(_) => answered += 1,
            Err(why) => {
                assert!(why.len() > 15 && !why.contains("Countersign failed"), "{tool} {arguments}: {why}");
                refused += 1;
            }
        }
    }
    assert!(answered > 50 && refused > 200, "{answered} {refused}");
    assert_eq!(verdict(&session.call("check_edit", write("main.tf", PUBLIC))).0, "deny");
    assert_eq!(workspace.run_git(&["status", "--porcelain"]), "", "nothing is written");
    session.end();
}
