//! Kubernetes manifests: in an editor, on the command line, for an agent; and YAML that nobody should have to read.

use crate::cli::{countersign, files, report};
use crate::editor::Workspace;
use countersign_testkit::Client;
use serde_json::{Value, json};
use std::fmt::Write as _;

const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");
const URI: &str = "file:///kubernetes/web.yaml";

/// A deployment whose container has a security context with one line.
fn deployment(name: &str, line: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  template:\n    spec:\n      containers:\n        - name: web\n          image: quay.io/shop/web:3.4\n          securityContext:\n            {line}\n"
    )
}

/// Code and first line, from zero, of diagnostics.
fn told(diagnostics: &[Value]) -> Vec<(&str, u64)> {
    let told = |diagnostic: &'_ Value| diagnostic["range"]["start"]["line"].as_u64().unwrap_or_default();
    diagnostics.iter().map(|diagnostic| (diagnostic["code"].as_str().unwrap_or_default(), told(diagnostic))).collect()
}

/// Place and risk of each finding in a folder: `web.yaml:11 privileged-container`, lines from zero.
fn found(workspace: &Workspace) -> Vec<String> {
    let (report, _) = report(workspace, &[]);
    let place = |finding: &Value| {
        let [path, risk] = ["path", "risk"].map(|key| finding[key].as_str().unwrap_or_default());
        format!("{path}:{} {risk}", finding["range"]["start"]["line"])
    };
    report["findings"].as_array().into_iter().flatten().map(place).collect()
}

#[test]
fn a_manifest_is_followed_while_it_is_written() {
    let mut client = Client::start(COUNTERSIGN);
    client.initialize(json!({}));
    let text = deployment("web", "privileged: tru");
    client.open(URI, "yaml", &text);
    assert!(told(&client.diagnostics(URI, 1)).is_empty());
    let typed = json!({ "range": { "start": { "line": 11, "character": 27 }, "end": { "line": 11, "character": 27 } }, "text": "e" });
    client.change(URI, 2, json!([typed]));
    let diagnostics = client.diagnostics(URI, 2).clone();
    assert_eq!(told(&diagnostics), [("privileged-container", 11)]);
    let message = diagnostics[0]["message"].as_str().expect("a message");
    assert!(message.contains("`Deployment web`"), "{message}");
    // Another document in front of it, and a broken one behind.
    let before = json!({ "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 0 } }, "text": "kind: {\n---\n" });
    client.change(URI, 3, json!([before]));
    assert_eq!(told(&client.diagnostics(URI, 3)), [("privileged-container", 13)]);
}

#[test]
fn a_fix_and_a_suppression() {
    let escalates = deployment("web", "allowPrivilegeEscalation: true");
    let allowed = escalates.replace(
        "            allow",
        "            # countersign: allow container-may-gain-rights reason=\"it steps down by itself\"\n            allow",
    );
    let workspace = files(&[("web.yaml", &escalates), ("allowed.yml", &allowed)]);
    assert_eq!(found(&workspace), ["web.yaml:11 container-may-gain-rights"]);
    assert_eq!(countersign(&workspace, &["check", "--fix"]).code, Some(0));
    assert_eq!(workspace.read("web.yaml"), escalates.replace("Escalation: true", "Escalation: false"));
    assert_eq!(workspace.read("allowed.yml"), allowed);
}

#[test]
fn documents_lists_and_anchors() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: one}\n  spec: &spec\n    hostPID: true\n    containers: []\n- apiVersion: extensions/v1beta1\n  kind: Deployment\n  metadata: {name: two}\n  spec: {template: {spec: {hostNetwork: true}}}\n";
    let merged = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: merged\nspec:\n  <<: &own\n    hostIPC: true\n  hostNetwork: false\n";
    let flow = "{apiVersion: v1, kind: Pod, metadata: {name: flow}, spec: {hostPID: true}}\n";
    let text = format!("# about\n{list}---\n{merged}---\n{flow}");
    let workspace = files(&[("all.yaml", &text)]);
    let (report, _) = report(&workspace, &[]);
    let addresses: Vec<_> = report["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|finding| (finding["resource"]["kind"].as_str(), finding["resource"]["address"].as_str()))
        .collect();
    assert_eq!(
        addresses,
        [
            (Some("v1/Pod"), Some("Pod one")),
            (Some("apps/v1/Deployment"), Some("Deployment two")),
            (Some("v1/Pod"), Some("Pod merged")),
            (Some("v1/Pod"), Some("Pod flow")),
        ]
    );
}

#[test]
fn a_chart_is_read_around_its_templates() {
    let text = "{{- if .Values.enabled }}\napiVersion: {{ include \"chart.version\" . }}\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}-web\n  labels:\n    {{- include \"chart.labels\" . | nindent 4 }}\nspec:\n  template:\n    spec:\n      hostNetwork: {{ .Values.hostNetwork }}\n      hostPID: true\n      containers:\n        - name: web\n          image: \"{{ .Values.image }}:latest\"\n          ports:\n            - containerPort: 80\n          {{- with .Values.probe }}\n          readinessProbe:\n            {{- toYaml . | nindent 12 }}\n          {{- end }}\n{{- end }}\n";
    let workspace = files(&[("chart/templates/web.yaml", text)]);
    assert_eq!(found(&workspace), ["chart/templates/web.yaml:11 node-namespace-shared"]);
    let (report, _) = report(&workspace, &[]);
    assert_eq!(report["findings"][0]["resource"]["address"], "Deployment {{ .Release.Name }}-web");
}

/// What a chart comes with fills its templates; whoever installs it may fill them otherwise.
#[test]
fn a_chart_is_filled_with_its_values() {
    const WEB: &str = "chart/templates/web.yaml";
    let template = |value: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  hostNetwork: {value}\n  containers: []\n")
    };
    let text = template("{{ .Values.pod.hostNetwork }}");
    let values = "# Of the pod.\npod:\n  hostNetwork: true\n\nname: web\n";
    let shared = [format!("{WEB}:5 node-namespace-shared")];
    let with = |all: &[(&str, &str)]| found(&files(&[&[(WEB, text.as_str())][..], all].concat()));
    assert!(with(&[]).is_empty());
    assert_eq!(with(&[("chart/values.yaml", values)]), shared);
    assert!(with(&[("chart/values.yaml", &values.replace("true", "false"))]).is_empty());
    assert!(with(&[("chart/values.yaml", "pod: {}\n")]).is_empty());
    assert!(with(&[("other/values.yaml", values)]).is_empty());
    // Another file of values has another one, or says nothing of it.
    let other = |text: &str| with(&[("chart/values.yaml", values), ("chart/values-prod.yaml", text)]);
    assert!(other("pod: {hostNetwork: false}\n").is_empty());
    assert_eq!(other("name: front\n"), shared);
    for same in [
        "{{ $.Values.pod.hostNetwork }}",
        "\"{{ .Values.pod.hostNetwork | toString }}\"",
        "{{ .Values.pod.hostNetwork | default false }}",
    ] {
        assert_eq!(found(&files(&[(WEB, &template(same)), ("chart/values.yaml", values)])), shared, "{same}");
    }
    for (unknown, value) in
        [("{{ .Values.pod.hostNetwork | default true }}", "false"), ("{{ not .Values.pod.hostNetwork }}", "false")]
    {
        let values = values.replace("true", value);
        assert!(found(&files(&[(WEB, &template(unknown)), ("chart/values.yaml", &values)])).is_empty(), "{unknown}");
    }
    // A chart that another one is made of.
    let part = |of: &str| {
        let part = [
            ("app/charts/chart/templates/web.yaml", text.as_str()),
            ("app/charts/chart/values.yaml", values),
            ("app/values.yaml", of),
        ];
        found(&files(&part)).len()
    };
    assert_eq!((part("chart: {pod: {hostNetwork: false}}\n"), part("chart: {name: x}\n")), (0, 1));
    // Asked about the templates alone, it is read as well, and it is said where the value stands.
    let said = countersign(&files(&[(WEB, &text), ("chart/values.yaml", values)]), &["check", "chart/templates"]);
    for part in ["node-namespace-shared", "the default of `.Values.pod.hostNetwork`", "chart/values.yaml:3"] {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
}

#[test]
fn secrets_are_not_shown() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shop\ndata:\n  key: |\n    -----BEGIN PRIVATE KEY-----\n    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n    -----END PRIVATE KEY-----\n";
    let workspace = files(&[("shop.yaml", text)]);
    let said = countersign(&workspace, &["check"]);
    assert!(said.stdout.contains("credentials-in-code"), "{}", said.stdout);
    assert!(!said.stdout.contains("MIIEvQ"), "{}", said.stdout);
}

#[test]
fn other_yaml_is_left_alone() {
    let playbook =
        "- hosts: all\n  tasks:\n    - name: privileged\n      docker_container:\n        privileged: true\n";
    let broken = "key: [unclosed\n  : {\n";
    // More rows than the grammar reads.
    let lock = format!(
        "lockfileVersion: '9.0'\npackages:\n{}",
        "  '@types/kind@1.0.0':\n    engines: {node: '>=10'}\n".repeat(20_000)
    );
    let workspace =
        files(&[("playbook.yml", playbook), ("broken.yaml", broken), ("empty.yaml", ""), ("pnpm-lock.yaml", &lock)]);
    let said = countersign(&workspace, &["check"]);
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    assert!(said.stdout.contains("0 findings in 0 files"), "{}", said.stdout);
}

/// What ends the grammar, and what grows without bound when it is taken at its word.
#[test]
fn hostile_yaml_has_an_answer() {
    let head = "apiVersion: v1\nkind: Pod\n";
    let mut laughs = format!("{head}a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 9].join(", ");
        let _ = writeln!(laughs, "a{level}: &a{level} [{inner}]");
    }
    let deep = (0..400).map(|depth| " ".repeat(depth) + "a:\n").collect::<Vec<_>>().concat();
    let texts = [
        ("items.yaml", format!("{head}spec: {}x\n", "- ".repeat(254))),
        ("questions.yaml", format!("{head}{}x\n", "? ".repeat(300))),
        ("deep.yaml", format!("{head}spec:\n{deep}")),
        ("brackets.yaml", format!("{head}spec: {}\n", "[".repeat(100_000))),
        ("rows.yaml", format!("{head}spec:\n{}", "  - a\n".repeat(40_000))),
        ("laughs.yaml", laughs),
        ("cycle.yaml", format!("{head}spec: &a\n  b: *a\n  <<: *a\n")),
        ("tabs.yaml", format!("{head}spec:\n\thostPID: true\n  hostPID: true\n")),
        ("tag.yaml", format!("{head}spec: !unknown {{hostPID: true}}\n")),
        ("twice.yaml", format!("{head}spec:\n  hostPID: false\n  hostPID: false\n")),
        ("braces.yaml", format!("{head}spec: {}\n", "{{ ".repeat(50_000))),
        ("quote.yaml", format!("{head}spec: \"{}\n", "x\n".repeat(20_000))),
        ("nul.yaml", format!("{head}spec: \0\n")),
        ("long.yaml", format!("{head}spec: {}\n", "x".repeat(2 << 20))),
    ];
    let named: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let workspace = files(&named);
    let found = found(&workspace);
    let over = ["items", "questions", "deep", "brackets", "rows", "braces", "nul", "long"];
    for name in over {
        let said = found
            .iter()
            .any(|finding| finding.starts_with(&format!("{name}.yaml:")) && finding.ends_with("not-analysed"));
        assert!(said, "{name} in {found:?}");
    }
    // A tag that is not known changes what a value is, not what stands in it.
    assert!(found.contains(&"tag.yaml:2 node-namespace-shared".to_owned()), "{found:?}");
    // The server goes on, too.
    let mut client = Client::start(COUNTERSIGN);
    client.initialize(json!({}));
    for (version, (_, text)) in (1..).zip(&texts) {
        if version == 1 {
            client.open(URI, "yaml", text);
        } else {
            client.change(URI, version, json!([{ "text": text }]));
        }
    }
    let last = i32::try_from(texts.len()).expect("a few") + 1;
    client.change(URI, last, json!([{ "text": deployment("web", "privileged: true") }]));
    assert_eq!(told(&client.diagnostics(URI, last)), [("privileged-container", 11)]);
}
