//! An editor for the tests of features: a folder, a client, and the text that the client shows.

use countersign_testkit::{Client, Encoding, LspText, RpcError, run};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");

/// How long a command may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Severities of diagnostics.
pub(crate) const ERROR: u64 = 1;
pub(crate) const WARNING: u64 = 2;
pub(crate) const INFORMATION: u64 = 3;
pub(crate) const HINT: u64 = 4;

/// Has one finding, `database-public`, which is critical, on `true`.
pub(crate) const PUBLIC: &str = "resource \"aws_lightsail_database\" \"db\" {\n  publicly_accessible = true\n}\n";

/// Has one finding, `force-destroy`, which is high, on `true`.
pub(crate) const FORCE: &str = "resource \"aws_route53_zone\" \"logs\" {\n  force_destroy = true\n}\n";

/// Has no finding.
pub(crate) const SAFE: &str = "resource \"aws_lightsail_database\" \"safe\" {\n  publicly_accessible = false\n}\n";

/// A folder that is opened in an editor, and the state folder of the user.
pub(crate) struct Workspace {
    folder: TempDir,
    state: TempDir,
}

impl Workspace {
    /// A folder outside of git.
    pub(crate) fn new() -> Self {
        let folder = || tempfile::Builder::new().prefix("countersign-").tempdir().expect("a folder");
        Self { folder: folder(), state: folder() }
    }

    /// A repository in which `files` are committed by Ann.
    pub(crate) fn git(files: &[(&str, &str)]) -> Self {
        let workspace = Self::new();
        workspace.run_git(&["init", "-q"]);
        workspace.run_git(&["config", "user.name", "Ann"]);
        workspace.run_git(&["config", "user.email", "ann@example.org"]);
        for (name, text) in files {
            workspace.write(name, text);
        }
        workspace.run_git(&["add", "-A"]);
        workspace.run_git(&["commit", "-q", "--allow-empty", "-m", "start"]);
        workspace
    }

    pub(crate) fn run_git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.current_dir(self.root())
            .args(["-c", "core.autocrlf=false", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        let output = run(&mut git, LIMIT);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("the folder is there")
    }

    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn uri(&self, name: &str) -> String {
        format!("file://{}", self.path(name).display())
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        fs::write(path, text).expect("the file is written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("the file is there")
    }

    /// A server that is not initialized yet.
    pub(crate) fn server(&self) -> Client {
        Client::spawn(
            Command::new(COUNTERSIGN)
                .arg("lsp")
                .current_dir(self.root())
                .env("XDG_STATE_HOME", self.state.path())
                .env("GIT_CONFIG_GLOBAL", "/dev/null"),
        )
    }

    /// An editor that offers everything but to pull diagnostics.
    pub(crate) fn editor(&self) -> Editor {
        self.editor_with(capabilities())
    }

    pub(crate) fn editor_with(&self, capabilities: Value) -> Editor {
        let mut client = self.server();
        let offered = client.initialize_with(json!({
            "processId": std::process::id(),
            "rootUri": format!("file://{}", self.root().display()),
            "workspaceFolders": [{ "uri": format!("file://{}", self.root().display()), "name": "test" }],
            "capabilities": capabilities,
        }));
        let encoding = match offered["capabilities"]["positionEncoding"].as_str() {
            Some("utf-8") => Encoding::Utf8,
            Some("utf-32") => Encoding::Utf32,
            _ => Encoding::Utf16,
        };
        Editor {
            client,
            offered,
            root: format!("file://{}", self.root().display()),
            encoding,
            documents: HashMap::new(),
            shown: HashMap::new(),
            probes: 0,
        }
    }

    /// An editor with this text in `main.tf`, which is a file with another text.
    pub(crate) fn editor_on(&self, text: &str) -> Editor {
        let mut editor = self.editor();
        editor.open("main.tf", text);
        editor
    }
}

/// Everything that a client can offer, except pulled diagnostics.
pub(crate) fn capabilities() -> Value {
    json!({
        "general": { "positionEncodings": ["utf-16"] },
        "workspace": {
            "applyEdit": true,
            "workspaceEdit": { "documentChanges": true, "resourceOperations": ["create"] },
        },
        "textDocument": {
            "publishDiagnostics": { "versionSupport": true },
            "hover": { "contentFormat": ["markdown", "plaintext"] },
            "codeAction": {
                "codeActionLiteralSupport": { "codeActionKind": { "valueSet": ["quickfix", "refactor"] } },
                "dataSupport": true,
                "resolveSupport": { "properties": ["edit"] },
            },
        },
    })
}

/// Capabilities with another value at a path.
pub(crate) fn capabilities_but(pointer: &str, value: Value) -> Value {
    let mut capabilities = capabilities();
    *capabilities.pointer_mut(pointer).expect("a capability") = value;
    capabilities
}

pub(crate) fn sha256(text: &str) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// A diagnostic: its severity, its code and the text that it underlines.
pub(crate) type Finding = (u64, String, String);

/// What is expected of a diagnostic.
pub(crate) fn finding(severity: u64, risk: &str, text: &str) -> Finding {
    (severity, risk.to_owned(), text.to_owned())
}

/// A region as `countersign/regions` answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Region {
    pub(crate) by: String,
    pub(crate) text: String,
    pub(crate) retained: f64,
    pub(crate) origin: Value,
}

struct Open {
    text: LspText,
    version: i32,
}

pub(crate) struct Editor {
    pub(crate) client: Client,
    pub(crate) offered: Value,
    root: String,
    encoding: Encoding,
    documents: HashMap<String, Open>,
    shown: HashMap<String, Vec<Value>>,
    probes: usize,
}

impl Editor {
    pub(crate) fn uri(&self, name: &str) -> String {
        format!("{}/{name}", self.root)
    }

    pub(crate) fn document(&self, name: &str) -> Value {
        json!({ "uri": self.uri(name) })
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.documents[name].text.as_str()
    }

    pub(crate) fn version(&self, name: &str) -> i32 {
        self.documents[name].version
    }

    pub(crate) fn open(&mut self, name: &str, text: &str) {
        self.open_as(name, "terraform", text);
    }

    /// Opens a document as one of a language that the editor knows.
    pub(crate) fn open_as(&mut self, name: &str, language: &str, text: &str) {
        let open = Open { text: LspText::new(text, self.encoding), version: 1 };
        self.documents.insert(name.to_owned(), open);
        let uri = self.uri(name);
        self.client.open(&uri, language, text);
    }

    pub(crate) fn close(&mut self, name: &str) {
        self.documents.remove(name);
        let params = json!({ "textDocument": self.document(name) });
        self.client.notify("textDocument/didClose", params);
    }

    pub(crate) fn save(&mut self, name: &str) {
        let params = json!({ "textDocument": self.document(name) });
        self.client.notify("textDocument/didSave", params);
    }

    /// Where a piece of text stands, which must stand there once.
    #[track_caller]
    pub(crate) fn find(&self, name: &str, piece: &str) -> Range<usize> {
        let text = self.text(name);
        let mut found = text.match_indices(piece);
        let (start, _) = found.next().expect("the piece is in the text");
        assert!(found.next().is_none(), "{piece:?} stands more than once in {text}");
        start..start + piece.len()
    }

    /// The LSP range of a piece of text.
    #[track_caller]
    pub(crate) fn range(&self, name: &str, piece: &str) -> Value {
        self.range_of(name, &self.find(name, piece))
    }

    pub(crate) fn range_of(&self, name: &str, range: &Range<usize>) -> Value {
        self.documents[name].text.range(range)
    }

    /// Makes a change in the text here and does not send it yet.
    pub(crate) fn prepare(&mut self, name: &str, edits: &[(Range<usize>, &str)]) -> Vec<Value> {
        let open = self.documents.get_mut(name).expect("the document is open");
        open.version += 1;
        edits.iter().map(|(range, new)| open.text.edit(range.clone(), new)).collect()
    }

    pub(crate) fn send(&mut self, name: &str, changes: Vec<Value>) {
        let (uri, version) = (self.uri(name), self.version(name));
        self.client.change(&uri, version, changes.into());
    }

    pub(crate) fn edit(&mut self, name: &str, range: Range<usize>, new: &str) {
        let changes = self.prepare(name, &[(range, new)]);
        self.send(name, changes);
    }

    /// Replaces a piece of text that stands there once.
    #[track_caller]
    pub(crate) fn replace(&mut self, name: &str, old: &str, new: &str) {
        self.edit(name, self.find(name, old), new);
    }

    /// Inserts behind a piece of text that stands there once.
    #[track_caller]
    pub(crate) fn insert_after(&mut self, name: &str, piece: &str, new: &str) {
        let end = self.find(name, piece).end;
        self.edit(name, end..end, new);
    }

    pub(crate) fn append(&mut self, name: &str, new: &str) {
        let end = self.text(name).len();
        self.edit(name, end..end, new);
    }

    /// Sends the whole text, as editors do that know no ranges or that read the file again.
    pub(crate) fn replace_all(&mut self, name: &str, text: &str) {
        let encoding = self.encoding;
        let open = self.documents.get_mut(name).expect("the document is open");
        open.version += 1;
        open.text = LspText::new(text, encoding);
        self.send(name, vec![json!({ "text": text })]);
    }

    /// Says from where the text at a range of the newest version came.
    pub(crate) fn evidence(&mut self, name: &str, range: Range<usize>, means: &str) {
        let params = json!({
            "textDocument": { "uri": self.uri(name), "version": self.version(name) },
            "ranges": [self.range_of(name, &range)],
            "origin": { "tool": "claude", "model": "anthropic/opus", "session": "s1", "means": means },
        });
        self.client.notify("countersign/edit", params);
    }

    /// Says that an agent wrote a piece of text.
    #[track_caller]
    pub(crate) fn ai_wrote(&mut self, name: &str, piece: &str) {
        self.evidence(name, self.find(name, piece), "agent");
    }

    /// An agent appends a text, and says so.
    pub(crate) fn ai_appends(&mut self, name: &str, piece: &str) {
        let start = self.text(name).len();
        self.append(name, piece);
        self.evidence(name, start..start + piece.len(), "agent");
    }

    /// Waits until everything that was sent had its effect.
    ///
    /// The server reads and writes the disk in order, so once it knows the settings of a document that is opened now, it
    /// has done everything that came before; and it answers a request about a document after it has shown its findings.
    pub(crate) fn settle(&mut self) {
        self.probes += 1;
        let probe = self.uri(&format!("probe{}.tf", self.probes));
        self.client.open(&probe, "terraform", "");
        self.client.wait("diagnostics of the probe", |message| {
            message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == probe.as_str()
        });
        let document = json!({ "uri": probe });
        self.client.request("countersign/regions", json!({ "textDocument": document })).expect("regions");
        let open: Vec<_> = self.documents.keys().map(|name| self.document(name)).collect();
        for document in open {
            // A document in another language has no regions; its answer counts all the same.
            let _ = self.client.request("countersign/regions", json!({ "textDocument": document }));
        }
        self.client.notify("textDocument/didClose", json!({ "textDocument": document }));
        for mut params in self.client.take_unread("textDocument/publishDiagnostics") {
            let uri = params["uri"].as_str().expect("a URI").to_owned();
            let diagnostics = serde_json::from_value(params["diagnostics"].take()).expect("a list");
            self.shown.insert(uri, diagnostics);
        }
    }

    /// The diagnostics that the editor shows, once everything that was sent had its effect.
    pub(crate) fn diagnostics(&mut self, name: &str) -> Vec<Value> {
        self.settle();
        let shown = self.shown.get(&self.uri(name));
        shown.expect("diagnostics were published").clone()
    }

    /// The diagnostics of every open document, by its name, once everything that was sent had its effect.
    pub(crate) fn all_diagnostics(&mut self) -> BTreeMap<String, Vec<Value>> {
        self.settle();
        let of = |name: &String| (name.clone(), self.shown.get(&self.uri(name)).cloned().unwrap_or_default());
        self.documents.keys().map(of).collect()
    }

    /// The same of one in short.
    pub(crate) fn findings(&mut self, name: &str) -> Vec<Finding> {
        let diagnostics = self.diagnostics(name);
        self.in_short(name, &diagnostics)
    }

    pub(crate) fn in_short(&self, name: &str, diagnostics: &[Value]) -> Vec<Finding> {
        let text = &self.documents[name].text;
        let short = |diagnostic: &Value| {
            let code = diagnostic["code"].as_str().unwrap_or_default();
            let severity = diagnostic["severity"].as_u64().expect("a severity");
            finding(severity, code, text.slice(&diagnostic["range"]))
        };
        diagnostics.iter().map(short).collect()
    }

    /// The message of the only diagnostic.
    #[track_caller]
    pub(crate) fn message(&mut self, name: &str) -> String {
        match self.diagnostics(name).as_slice() {
            [only] => only["message"].as_str().expect("a message").to_owned(),
            other => panic!("{other:#?} is not one diagnostic"),
        }
    }

    /// The regions, whose digests must be right.
    pub(crate) fn regions(&mut self, name: &str) -> Vec<Region> {
        self.settle();
        let answer = self.request("countersign/regions", name, json!({}));
        let text = &self.documents[name].text;
        let region = |mut region: Value| {
            let content = text.slice(&region["range"]);
            assert_eq!(region["contentSha256"], sha256(content).as_str(), "{content:?}");
            Region {
                by: region["origin"]["by"].as_str().expect("a writer").to_owned(),
                text: content.to_owned(),
                retained: region["origin"]["retained"].as_f64().expect("a share"),
                origin: region["origin"].take(),
            }
        };
        let regions: Vec<Value> = serde_json::from_value(answer).expect("a list");
        regions.into_iter().map(region).collect()
    }

    /// The texts that an AI wrote.
    pub(crate) fn ai_texts(&mut self, name: &str) -> Vec<String> {
        let regions = self.regions(name).into_iter();
        regions.filter(|region| region.by == "ai").map(|region| region.text).collect()
    }

    /// Asks about a document, with more parameters.
    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, name: &str, params: Value) -> Value {
        self.try_request(method, name, params).expect("an answer")
    }

    pub(crate) fn try_request(&mut self, method: &str, name: &str, mut params: Value) -> Result<Value, RpcError> {
        params["textDocument"] = self.document(name);
        self.client.request(method, params)
    }

    /// The code actions for a range of bytes.
    pub(crate) fn actions_at(&mut self, name: &str, range: &Range<usize>, only: Value) -> Vec<Value> {
        self.settle();
        let mut context = json!({ "diagnostics": [] });
        if !only.is_null() {
            context["only"] = only;
        }
        let params = json!({ "range": self.range_of(name, range), "context": context });
        serde_json::from_value(self.request("textDocument/codeAction", name, params)).expect("a list")
    }

    /// The code action at a piece of text whose title starts like this.
    #[track_caller]
    pub(crate) fn action(&mut self, name: &str, piece: &str, title: &str) -> Value {
        let range = self.find(name, piece);
        let actions = self.actions_at(name, &range, Value::Null);
        let found = actions.iter().find(|action| {
            let found = action["title"].as_str().expect("a title");
            found.starts_with(title)
        });
        found.unwrap_or_else(|| panic!("no {title:?} in {actions:#?}")).clone()
    }

    /// Resolves an action.
    pub(crate) fn resolve(&mut self, action: Value) -> Result<Value, RpcError> {
        self.client.request("codeAction/resolve", action)
    }

    /// Chooses an action whose edit comes late.
    #[track_caller]
    pub(crate) fn choose(&mut self, name: &str, piece: &str, title: &str) {
        let action = self.action(name, piece, title);
        assert!(action.get("edit").is_none(), "{action}");
        let action = self.resolve(action).expect("the action is resolved");
        self.apply(&action["edit"]);
    }

    /// Runs a command on a piece of text.
    #[track_caller]
    pub(crate) fn command(&mut self, command: &str, name: &str, piece: &str, more: Value) -> Result<Value, RpcError> {
        let mut arguments = more;
        arguments["uri"] = self.uri(name).into();
        arguments["range"] = self.range(name, piece);
        let params = json!({ "command": command, "arguments": [arguments] });
        self.client.request("workspace/executeCommand", params)
    }

    /// Applies a workspace edit as an editor does: to the texts here, and the server is told; new files go to disk.
    #[track_caller]
    pub(crate) fn apply(&mut self, edit: &Value) {
        if let Some(changes) = edit["documentChanges"].as_array() {
            assert!(edit.get("changes").is_none(), "{edit}");
            for change in changes.clone() {
                self.apply_document_change(&change);
            }
        } else {
            let changes = edit["changes"].as_object().expect("changes of documents").clone();
            for (uri, edits) in changes {
                self.apply_text_edits(&uri, &edits);
            }
        }
    }

    #[track_caller]
    fn apply_document_change(&mut self, change: &Value) {
        if change["kind"] == "create" {
            let path = path_of(&change["uri"]);
            fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
            fs::write(path, "").expect("the file is made");
            return;
        }
        assert!(change.get("kind").is_none(), "{change}");
        let uri = change["textDocument"]["uri"].as_str().expect("a URI");
        if let Some(name) = self.name(uri) {
            assert_eq!(change["textDocument"]["version"], self.version(&name), "{change}");
        }
        self.apply_text_edits(uri, &change["edits"]);
    }

    /// The name of an open document.
    fn name(&self, uri: &str) -> Option<String> {
        self.documents.keys().find(|name| self.uri(name) == uri).cloned()
    }

    #[track_caller]
    fn apply_text_edits(&mut self, uri: &str, edits: &Value) {
        let edits = edits.as_array().expect("edits");
        let Some(name) = self.name(uri) else {
            // A file that was created: its text is inserted.
            let [edit] = edits.as_slice() else { panic!("{edits:?} is not one edit") };
            let text = edit["newText"].as_str().expect("a text");
            return fs::write(path_of(&uri.into()), text).expect("the file is written");
        };
        let text = &self.documents[&name].text;
        let mut changes: Vec<(Range<usize>, &str)> = edits
            .iter()
            .map(|edit| {
                let position = |edge: &str| {
                    let number = |part: &str| {
                        let number = edit["range"][edge][part].as_u64().expect("a number");
                        usize::try_from(number).expect("a small number")
                    };
                    text.offset(number("line"), number("character"))
                };
                let range = position("start")..position("end");
                (range, edit["newText"].as_str().expect("a text"))
            })
            .collect();
        // All of them count in the text as it is, so the last goes first.
        changes.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let changes = self.prepare(&name, &changes);
        self.send(&name, changes);
    }

    /// Applies the edit that the server asks for with `workspace/applyEdit`.
    #[track_caller]
    pub(crate) fn apply_what_is_asked(&mut self) {
        let params = self.client.server_request("workspace/applyEdit");
        self.apply(&params["edit"]);
    }

    /// Ends the server in order.
    pub(crate) fn quit(self) {
        drop(self);
    }
}

pub(crate) fn path_of(uri: &Value) -> PathBuf {
    let uri = uri.as_str().expect("a URI");
    PathBuf::from(uri.strip_prefix("file://").expect("a file"))
}
