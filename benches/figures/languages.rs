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
    of_rounds(lines, "", PRIVILEGED, document)
}

/// One pod with many containers: a single unit.
fn one_unit(lines: usize) -> Document {
    let head = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: many\nspec:\n  containers:\n";
    let round =
        |round: usize, privileged: bool| format!("    - name: c{round}\n{}", container("      ", round, privileged));
    of_rounds(lines, head, PRIVILEGED, round)
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
    of_rounds(lines, "", ("  unique;", "-- the rest\n"), round)
}

/// As many rounds as fit, of which [`FINDINGS`] have a finding, and comments for the rest. The finding is at the last letter before the
/// sign that ends its line, which `ends` says how to tell.
fn of_rounds(
    lines: usize,
    head: &str,
    (ends, comment): (&str, &str),
    round: impl Fn(usize, bool) -> String,
) -> Document {
    let rounds = (lines - head.lines().count()) / round(0, false).lines().count();
    let mut text = head.to_owned();
    let mut spots = Vec::new();
    for number in 0..rounds {
        let found = (number * FINDINGS) % rounds < FINDINGS;
        let part = round(number, found);
        if found {
            let at = text.matches('\n').count();
            let (line, content) = part.lines().enumerate().find(|(_, line)| line.ends_with(ends)).expect("the finding");
            let column = content.trim_end_matches(';').len() - 1;
            spots.push(Spot { line: at + line, column, column_above: 0 });
        }
        text.push_str(&part);
    }
    text.push_str(&comment.repeat(lines - text.matches('\n').count()));
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

/// Edits in turns between all sessions.
pub(crate) fn measure(settings: &Settings) -> Vec<Row> {
    let large = one_unit(5_000);
    let mut grammar = Grammar::new(&large);
    let yaml = |document| Session::of(document, "file:///figures/all.yaml", "yaml");
    let sql = |document| Session::of(document, "file:///figures/1.sql", "sql");
    let mut sessions =
        [yaml(stream(5_000)), yaml(stream(50_000)), yaml(large), sql(migration(5_000)), sql(migration(50_000))];
    let edits = if settings.quick { EDITS / 10 } else { EDITS };
    let mut samples: [Vec<Duration>; 5] = Default::default();
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
    let [short, long, large, statements, more] =
        samples.each_ref().map(|samples| (percentile(samples, 50), percentile(samples, 99)));
    let alone = percentile(&alone, 50);
    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    let (stream, unit) = (ratio(long.0, short.0), ratio(large.0, alone));
    vec![
        Row::new(
            "Kubernetes: edit to diagnostics, 5,000 lines of documents, p50 and p99",
            "at most 1 ms, 4 ms",
            format!("{:.2} ms, {:.2} ms", ms(short.0), ms(short.1)),
            ms(short.0) <= 1.0 && ms(short.1) <= 4.0,
        ),
        Row::new(
            "Kubernetes: the same in 50,000 lines, p50",
            "as in 5,000: at most 1.5×",
            format!("{stream:.2}×: {:.2} ms; p99 {:.2} ms", ms(long.0), ms(long.1)),
            stream <= 1.5,
        ),
        Row::new(
            "Kubernetes: one unit of 5,000 lines, p50",
            "at most 1.5× the grammar's own incremental parse",
            format!("{unit:.2}×: {:.2} ms of {:.2} ms; p99 {:.2} ms", ms(large.0), ms(alone), ms(large.1)),
            unit <= 1.5,
        ),
        Row::new(
            "SQL: edit to diagnostics, 5,000 lines of statements, p50 and p99",
            "at most 1 ms, 4 ms",
            format!("{:.2} ms, {:.2} ms", ms(statements.0), ms(statements.1)),
            ms(statements.0) <= 1.0 && ms(statements.1) <= 4.0,
        ),
        Row::new(
            "SQL: the same in 50,000 lines, p50",
            "as in 5,000: at most 1.5×",
            format!("{:.2}×: {:.2} ms; p99 {:.2} ms", ratio(more.0, statements.0), ms(more.0), ms(more.1)),
            ratio(more.0, statements.0) <= 1.5,
        ),
    ]
}
