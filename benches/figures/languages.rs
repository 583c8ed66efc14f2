//! From a keystroke to its diagnostics in the languages beside Terraform.

use crate::Settings;
use crate::document::{Document, Spot};
use crate::latency::Session;
use crate::table::{Row, ms, percentile};
use countersign_grammars::Language;
use std::time::{Duration, Instant};
use tree_sitter::{InputEdit, Parser, Point, Tree};

/// Findings of each file.
pub(crate) const FINDINGS: usize = 20;

/// Timed edits of each session, and edits before that.
const EDITS: usize = 400;
const WARM_UP: usize = 40;

/// Edits of one session before the next has its turn.
const TURN: usize = 20;

/// A stream of deployments, each a document of its own.
fn stream(lines: usize) -> Document {
    let document = |round: usize, privileged: bool| {
        format!(
            "---\n# The service {round}.\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: service-{round}\n  namespace: shop\n  labels:\n    app: service-{round}\nspec:\n  replicas: 3\n  selector:\n    matchLabels:\n      app: service-{round}\n  template:\n    metadata:\n      labels:\n        app: service-{round}\n    spec:\n      serviceAccountName: service-{round}\n      containers:\n        - name: web\n{}      volumes:\n        - name: cache\n          emptyDir: {{}}\n",
            container("          ", round, privileged)
        )
    };
    of_rounds(lines, ("", ""), PRIVILEGED, document)
}

/// One pod with many containers: a single unit.
fn one_unit(lines: usize) -> Document {
    let head = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: many\nspec:\n  containers:\n";
    let round =
        |round: usize, privileged: bool| format!("    - name: c{round}\n{}", container("      ", round, privileged));
    of_rounds(lines, (head, ""), PRIVILEGED, round)
}

/// How the finding of a container ends its line, and a comment.
const PRIVILEGED: (&str, &str) = ("privileged: true", "# the rest\n");

fn container(indent: &str, round: usize, privileged: bool) -> String {
    let lines = [
        format!("image: quay.io/shop/service-{round}:1.{round}.0"),
        "args: [\"--listen\", \":8080\"]".to_owned(),
        "env:".to_owned(),
        "  - name: LOG_LEVEL".to_owned(),
        "    value: info".to_owned(),
        "readinessProbe:".to_owned(),
        "  httpGet: {path: /ready, port: 8080}".to_owned(),
        "securityContext:".to_owned(),
        "  runAsNonRoot: true".to_owned(),
        format!("  privileged: {privileged}"),
    ];
    lines.iter().map(|line| format!("{indent}{line}\n")).collect::<Vec<_>>().concat()
}

/// A migration of many statements.
fn migration(lines: usize) -> Document {
    let round = |round: usize, found: bool| {
        let which = if found { "unique" } else { "null" };
        format!(
            "-- The table {round}.\nCREATE TABLE orders_{round} (\n  id bigint PRIMARY KEY,\n  total numeric NOT NULL,\n  \
             note text\n);\nCREATE INDEX orders_{round}_total ON orders_{round} (total);\nINSERT INTO plans (name) VALUES ('p{round}');\n\
             ALTER TABLE users_{round} ADD COLUMN handle text\n  {which};\n\n"
        )
    };
    of_rounds(lines, ("", ""), ("  unique;", "-- the rest\n"), round)
}

/// A script of many functions.
fn script(lines: usize) -> Document {
    let round = |round: usize, found: bool| {
        let which = if found { "destroy" } else { "plan" };
        format!(
            "# The service {round}.\ndeploy_{round}() {{\n  local image=\"registry.example.com/service:1.{round}.0\"\n  \
             docker build --tag \"$image\" services/{round}\n  docker push \"$image\"\n  \
             kubectl --namespace shop set image deployment/s{round} web=\"$image\"\n}}\nif [ \"$1\" = {round} ]; then\n  \
             terraform {which}\nfi\n\n"
        )
    };
    of_rounds(lines, ("", ""), ("terraform destroy", "# the rest\n"), round)
}

/// A Dockerfile of many stages.
fn stages(lines: usize) -> Document {
    let round = |round: usize, found: bool| {
        let user = if found { "root" } else { "app" };
        format!(
            "# The service {round}.\nFROM debian:12.7 AS service-{round}\nARG VERSION=1.{round}.0\nENV LOG_LEVEL=info\n\
             RUN apt-get update \\\n  && apt-get install -y curl ca-certificates \\\n  && rm -rf /var/lib/apt/lists/*\n\
             COPY services/{round} /app\nUSER {user}\nCMD [\"/app/run\"]\n\n"
        )
    };
    of_rounds(lines, ("", ""), ("USER root", "# the rest\n"), round)
}

/// A template of many resources, in JSON.
fn template(lines: usize) -> Document {
    let round = |round: usize, found: bool| {
        format!(
            "    \"Database{round}\": {{\n      \"Type\": \"AWS::RDS::DBInstance\",\n      \"DeletionPolicy\": \"Snapshot\",\n      \
             \"Properties\": {{\n        \"DBInstanceIdentifier\": \"orders-{round}\",\n        \"Engine\": \"postgres\",\n        \
             \"StorageEncrypted\": true,\n        \"BackupRetentionPeriod\": 14,\n        \"DeletionProtection\": true,\n        \
             \"PubliclyAccessible\": {found}\n      }}\n    }},\n"
        )
    };
    let tail = "    \"Topic\": {\"Type\": \"AWS::SNS::Topic\"}\n  }\n}\n";
    of_rounds(lines, ("{\n  \"Resources\": {\n", tail), ("\"PubliclyAccessible\": true", "\n"), round)
}

/// A file of Compose with many services.
fn services(lines: usize) -> Document {
    let round = |round: usize, found: bool| {
        format!(
            "  service-{round}:\n    image: ghcr.io/shop/service:1.{round}.0\n    environment:\n      LOG_LEVEL: info\n    \
             ports:\n      - \"127.0.0.1:{}:8080\"\n    privileged: {found}\n\n",
            10_000 + round
        )
    };
    of_rounds(lines, ("services:\n", ""), ("privileged: true", "# the rest\n"), round)
}

/// A workflow of many jobs.
fn workflow(lines: usize) -> Document {
    let round = |round: usize, found: bool| {
        let tag = if found { "latest" } else { "1.27" };
        format!(
            "  deploy-{round}:\n    runs-on: ubuntu-24.04\n    permissions:\n      contents: read\n    steps:\n      \
             - uses: actions/checkout@v4\n      - run: make deploy SERVICE={round}\n    container: nginx:{tag}\n\n"
        )
    };
    of_rounds(lines, ("on: push\njobs:\n", ""), ("container: nginx:latest", "# the rest\n"), round)
}

/// As many rounds as fit, of which [`FINDINGS`] have a finding, and comments for the rest. The finding is at the last letter before the
/// sign that ends its line, which `ends` says how to tell.
fn of_rounds(
    lines: usize,
    (head, tail): (&str, &str),
    (ends, comment): (&str, &str),
    round: impl Fn(usize, bool) -> String,
) -> Document {
    let rounds = (lines - head.lines().count() - tail.lines().count()) / round(0, false).lines().count();
    let mut text = head.to_owned();
    let mut spots = Vec::new();
    for number in 0..rounds {
        let found = (number * FINDINGS) % rounds < FINDINGS;
        let part = round(number, found);
        if found {
            let at = text.matches('\n').count();
            let (line, content) = part.lines().enumerate().find(|(_, line)| line.ends_with(ends)).expect("the finding");
            let column = content.trim_end_matches(';').len() - 1;
            let letter = content[column..].chars().next().expect("a letter");
            spots.push(Spot { line: at + line, column, letter, column_above: 0 });
        }
        text.push_str(&part);
    }
    text.push_str(&comment.repeat(lines - text.matches('\n').count() - tail.lines().count()));
    text.push_str(tail);
    assert_eq!((text.lines().count(), spots.len()), (lines, FINDINGS), "the file is as it was ordered");
    Document { text, spots }
}

/// The grammar alone, on one text in which one letter goes and comes.
struct Grammar {
    parser: Parser,
    texts: [String; 2],
    edits: [InputEdit; 2],
    tree: Tree,
    turn: usize,
}

impl Grammar {
    fn new(Document { text, spots }: &Document) -> Self {
        let spot = &spots[FINDINGS / 2];
        let start: usize = text.lines().take(spot.line).map(|line| line.len() + 1).sum::<usize>() + spot.column;
        let mut without = text.clone();
        without.remove(start);
        let at = |column| Point { row: spot.line, column };
        let edit = |old: usize, new: usize| InputEdit {
            start_byte: start,
            old_end_byte: start + old,
            new_end_byte: start + new,
            start_position: at(spot.column),
            old_end_position: at(spot.column + old),
            new_end_position: at(spot.column + new),
        };
        let mut parser = Parser::new();
        parser.set_language(&Language::Yaml.grammar()).expect("a language of this version");
        let tree = parser.parse(text, None).expect("nothing cancels it");
        Self { parser, texts: [without, text.clone()], edits: [edit(1, 0), edit(0, 1)], tree, turn: 0 }
    }

    /// The time of one incremental parse.
    fn edit(&mut self) -> Duration {
        let which = self.turn % 2;
        self.turn += 1;
        let begun = Instant::now();
        self.tree.edit(&self.edits[which]);
        self.tree = self.parser.parse(&self.texts[which], Some(&self.tree)).expect("nothing cancels it");
        begun.elapsed()
    }
}

/// Files of many units: the language for people and for the server, the file, and the text of so many lines.
const OF_MANY: [Many; 7] = [
    ("Kubernetes", "yaml", "file:///figures/all.yaml", stream),
    ("CloudFormation in JSON", "json", "file:///figures/template.json", template),
    ("GitHub Actions", "yaml", "file:///figures/.github/workflows/all.yaml", workflow),
    ("Docker Compose", "yaml", "file:///figures/compose.yaml", services),
    ("SQL", "sql", "file:///figures/1.sql", migration),
    ("scripts", "shellscript", "file:///figures/1.sh", script),
    ("Dockerfiles", "dockerfile", "file:///figures/Dockerfile", stages),
];

type Many = (&'static str, &'static str, &'static str, fn(usize) -> Document);

/// Edits in turns between all sessions.
pub(crate) fn measure(settings: &Settings) -> Vec<Row> {
    let large = one_unit(5_000);
    let mut grammar = Grammar::new(&large);
    let yaml = |document| Session::of(document, "file:///figures/all.yaml", "yaml");
    let mut sessions = vec![yaml(large)];
    for (_, id, uri, document) in OF_MANY {
        sessions.extend([5_000, 50_000].map(|lines| Session::of(document(lines), uri, id)));
    }
    let edits = if settings.quick { EDITS / 10 } else { EDITS };
    let mut samples = vec![Vec::new(); sessions.len()];
    let mut alone = Vec::new();
    for turn in (0..WARM_UP + edits).step_by(TURN) {
        for _ in 0..TURN {
            let sample = grammar.edit();
            if turn >= WARM_UP {
                alone.push(sample);
            }
        }
        for (session, samples) in sessions.iter_mut().zip(&mut samples) {
            for _ in 0..TURN {
                let sample = session.edit(Duration::ZERO);
                if turn >= WARM_UP {
                    samples.push(sample);
                }
            }
        }
    }
    let mut figures = samples.iter().map(|samples| (percentile(samples, 50), percentile(samples, 99)));
    let mut next = || figures.next().expect("a session each");
    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    let (large, alone) = (next(), percentile(&alone, 50));
    let unit = ratio(large.0, alone);
    let mut rows = vec![Row::new(
        "Kubernetes: one unit of 5,000 lines, p50",
        "at most 1.5× the grammar's own incremental parse",
        format!("{unit:.2}×: {:.2} ms of {:.2} ms; p99 {:.2} ms", ms(large.0), ms(alone), ms(large.1)),
        unit <= 1.5,
    )];
    for (name, ..) in OF_MANY {
        let (short, long) = (next(), next());
        let growth = ratio(long.0, short.0);
        rows.push(Row::new(
            format!("{name}: edit to diagnostics, 5,000 lines of many units, p50 and p99"),
            "at most 1 ms, 4 ms",
            format!("{:.2} ms, {:.2} ms", ms(short.0), ms(short.1)),
            ms(short.0) <= 1.0 && ms(short.1) <= 4.0,
        ));
        rows.push(Row::new(
            format!("{name}: the same in 50,000 lines, p50"),
            "as in 5,000: at most 1.5×",
            format!("{growth:.2}×: {:.2} ms; p99 {:.2} ms", ms(long.0), ms(long.1)),
            growth <= 1.5,
        ));
    }
    rows
}
