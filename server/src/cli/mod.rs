//! The command line.

mod baseline;
mod blame;
mod break_glass;
mod catalogue;
mod check;
mod checked;
mod doctor;
mod evidence;
mod export;
mod fix;
mod gate;
mod git_hook;
mod github;
mod gitlab;
mod hook;
mod human;
mod impact;
mod incident;
mod init;
mod junit;
mod ledger;
mod note;
mod otlp;
mod own_risks;
mod person;
mod policy;
mod report;
mod request_command;
mod revert;
mod review;
mod sarif;
mod sign;
mod slo;
mod stamp;
mod status;
mod sync;

pub(crate) use catalogue::page;
pub(crate) use check::{Check, Listed, listed, today};
pub(crate) use gate::json as change_in_json;
pub(crate) use human::written_by;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{CommandFactory, Parser, Subcommand};
use countersign_agents::AgentKind;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

/// Exit code for wrong usage and for input that could not be read.
const FAILED: u8 = 2;

/// Knows which infrastructure text an AI wrote, what it would do to what is live, and who has to look at it.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check files and folders.
    ///
    /// Ends with 0 where nothing is at or above the threshold of --fail-on, 1 where something is, and 2 where the command
    /// line is wrong or something could not be read.
    Check(check::CheckArguments),
    /// Accept what is found today, to be told only what is new.
    Baseline {
        #[command(subcommand)]
        command: baseline::BaselineCommand,
    },
    /// Say what applying an edit would do to what is live: destroy, replace, interrupt, open; and what depends on it.
    ///
    /// Two states are compared, from the text alone: what is there now, and what is presumed to be live. For Terraform and
    /// OpenTofu. Ends with 0 where nothing that --fail-on names happens, 1 where something does, and 2 where the command line
    /// is wrong or something could not be read.
    Impact(impact::ImpactArguments),
    /// Explain a risk: what it means, how it hurts, what to do instead.
    Explain {
        /// Id of the risk, as `countersign risks` lists them.
        risk: String,
    },
    /// List all risks, those of the repository's own among them; write one, and test them.
    Risks {
        #[command(subcommand)]
        command: Option<own_risks::RisksCommand>,
        /// How to print the list.
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
    },
    /// Print a JSON schema.
    Schema {
        /// Of what.
        #[arg(value_enum)]
        of: Schema,
    },
    /// Print what makes a shell complete the command line.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Say who wrote each line of a file, and how that is known.
    Blame(blame::BlameArguments),
    /// Say what an AI wrote that is in no commit yet.
    Status(status::StatusArguments),
    /// Take back what an AI wrote.
    ///
    /// Shows the inverse of what an agent's session, or AI tools in a file or some of its lines, changed since what is presumed to
    /// be live, and what does not come back with the text where it was applied already.
    Revert(revert::RevertArguments),
    /// Print who wrote what in formats of others.
    Export {
        #[command(subcommand)]
        command: export::ExportCommand,
    },
    /// List what was recorded of who wrote what.
    Log(ledger::LogArguments),
    /// Check, export or redact the record.
    Ledger {
        #[command(subcommand)]
        command: ledger::LedgerCommand,
    },
    /// Say whether what is wanted of changes by AI tools holds: blast radius, and the time to detection, review, decision, rollback.
    ///
    /// By what was recorded here, against the limits under `[objectives]` of countersign.toml. Whatever the record does not hold is
    /// not known, and never counted as kept. Ends with 0, with --check with 1 unless each limit is kept, and with 2 where the
    /// command line or countersign.toml is wrong.
    Slo(slo::SloArguments),
    /// Say what AI tools did in a time: their share of what has changed, verdicts and what became of them, objectives, what is open.
    ///
    /// By what was recorded in this clone and by the notes and trailers of commits; what neither holds is said to be not known. Ends
    /// with 0, and with 2 where the command line is wrong or something could not be read.
    Report(report::ReportArguments),
    /// Send verdicts, anomalies and objectives to a collector of OpenTelemetry, as OTLP over HTTP.
    ///
    /// Sends what is new in the ledger of this clone since the last call, and ends. Names of people and files are not sent, for nobody
    /// could erase them there. Ends with 0, and with 2 where the collector cannot be reached or did not take all of it.
    Otlp(otlp::OtlpArguments),
    /// Send ledgers to a team's store in PostgreSQL.
    ///
    /// Sends what the store does not have yet, of this clone or of those that are named: from where it has everything, each entry once,
    /// also where several send at once or one was ended in between. Ends with 0, and with 2 where something could not be sent.
    Sync(sync::SyncArguments),
    /// Find out what may have caused an incident, and keep what was decided about it.
    #[command(subcommand)]
    Incident(incident::IncidentCommand),
    /// Write down on a commit who wrote its lines: what the hooks call that `init --git` sets up.
    ///
    /// The note is that of git-ai (`refs/notes/ai`, authorship/3.0.0). Where git-ai itself is installed, it writes its own
    /// and this command does nothing.
    Note(note::NoteArguments),
    /// Set up a repository.
    ///
    /// Shows each change that it makes, leaves alone what others have put there, and takes its own back with --undo.
    Init(init::InitArguments),
    /// Prove that what stands between agents and what is live does stand there, and say what to do next.
    ///
    /// A known bad edit and a known bad command are sent through the hook in each agent's settings as the agent would, and have
    /// to be denied; about a repository of its own, so nothing is recorded here. What cannot be seen is said to be not known.
    /// Ends with 0 where nothing is missing, 1 where something is, and 2 where the command line is wrong.
    Doctor(doctor::DoctorArguments),
    /// Answer a coding agent before it edits, runs a command or calls a tool, and record what it writes: to be called by the
    /// agent's own hooks.
    ///
    /// Reads what the agent says from standard input, and answers in the agent's own format: nothing where it may go on, else
    /// what is to be known, a question for the person at work, or a no with its reason. Before and after each edit it notes
    /// which bytes are the agent's own. Whatever goes wrong is said on standard error, and the agent goes on unless
    /// countersign.toml says otherwise (`unjudged`).
    Hook {
        /// The agent that calls.
        #[arg(value_parser = agents())]
        agent: AgentKind,
    },
    /// Answer a coding agent that asks by itself, as an MCP server on standard input and output.
    ///
    /// The tools `check_edit`, `check_command`, `explain_risk`, `blast_radius` and `list_findings` say what the hooks, `check`,
    /// `impact` and `explain` say. Nothing is changed and nothing recorded. Errors are said on standard error; with
    /// `COUNTERSIGN_LOG=info` in the environment more is said there.
    Mcp(crate::mcp::McpArguments),
    /// Ask for a command that was denied to a coding agent, and let it through once.
    ///
    /// What is approved is this command alone, in this folder, by this agent in this session, as long as it would do what it was
    /// judged to do by the same scripts and plans. Whoever policy names approves it (`[[approval]]` in countersign.toml), at a
    /// terminal: an agent cannot.
    #[command(name = "request-command")]
    Request(request_command::RequestArguments),
    /// Ask for reviews of changes, and answer with a signature.
    ///
    /// Which changes need one, and whose, says policy (`[[require]]`, `[[tier]]` and `[[person]]` in countersign.toml). A request is
    /// a file under .countersign/reviews, an answer another one with an SSH signature beside it; both are committed with the
    /// change.
    Review {
        #[command(subcommand)]
        command: review::ReviewCommand,
    },
    /// Say whether every change of a range has what policy wants for it, for CI and before a push.
    ///
    /// Everything is read from commits: what is changed, who wrote it by notes and trailers, who has approved it; policy and
    /// signers from the base, so that no change loosens what it is judged by. Ends with 0 where nothing is missing, 1 where
    /// something is, and 2 where the command line is wrong or something could not be read.
    Gate(gate::GateArguments),
    /// Say what AI tools had a part in between two commits, to go with a release or a deployment.
    ///
    /// From commits alone, as `gate` reads them, by the policy and the signers of the last one: how many changes of which tier, by
    /// which tools, and which of them lack what policy wants. The same commits give the same text. Ends with 0, and with 2 where
    /// the command line is wrong or something could not be read.
    Stamp(stamp::StampArguments),
    /// Sign, in a pipeline, what was done with a commit and what came of it, for `gate --evidence`.
    ///
    /// The signature is one of SSH in the namespace `countersign-evidence`, by a key whose line among the signers names that.
    Evidence {
        #[command(subcommand)]
        command: evidence::EvidenceCommand,
    },
    /// Say why policy says what it says, and try it on examples.
    Policy {
        #[command(subcommand)]
        command: policy::PolicyCommand,
    },
    /// Answer git before it pushes, and add trailers to the messages of commits: to be called by git's own hooks.
    ///
    /// `countersign init --gate` and `--trailers` set them up, and `.pre-commit-hooks.yaml` has them for the framework `pre-commit`.
    GitHook {
        #[command(subcommand)]
        command: git_hook::GitHookCommand,
    },
    /// Stand between an editor and a completion server, to record which of its suggestions are taken over.
    ///
    /// To be set in the editor where the completion server is: everything passes as it is, and the exit code is that of the
    /// server. Who wrote what is left for the Countersign that runs in the same editor, and for `check` and `blame`.
    Proxy(crate::proxy::ProxyArguments),
    /// Run policies for `check --policy`, in a process of its own.
    #[command(hide = true)]
    PolicyWorker,
    /// Run the language server on standard input and output.
    Lsp {
        /// Accepted because some clients add it; standard input and output are always used.
        #[arg(long, hide = true)]
        stdio: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Schema {
    /// What `blame --format json` prints.
    Blame,
    /// `countersign.toml`.
    Config,
    /// What `doctor --format json` prints.
    Doctor,
    /// What `check --format json` prints.
    Findings,
    /// What `gate --format json` prints.
    Gate,
    /// What `impact --format json` prints.
    Impact,
    /// What `log --format json` prints.
    Log,
    /// What `policy explain --format json` prints.
    Policy,
    /// What policies in Rego find in `input`.
    PolicyInput,
    /// Countersign's own methods of the language server.
    Protocol,
    /// What `report --format json` prints.
    Report,
    /// What `incident new --format json` prints, and keeps.
    Incident,
    /// What `request-command --list --format json` prints.
    Requests,
    /// What `review list --format json` prints.
    Reviews,
    /// What `risks --format json` prints.
    Risks,
    /// What `slo --format json` prints.
    Slo,
    /// What `stamp --format json` prints.
    Stamp,
    /// What `status --format json` prints.
    Status,
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no failures; nothing is left to say if printing fails.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { FAILED } else { 0 });
        }
    };
    let outcome = match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Baseline { command } => baseline::run(&command),
        Command::Impact(arguments) => impact::run(&arguments),
        Command::Explain { risk } => catalogue::explain(&risk),
        Command::Risks { command: Some(command), .. } => own_risks::run(&command),
        Command::Risks { command: None, format } => catalogue::list(format),
        Command::Schema { of } => schema(of),
        Command::Completions { shell } => completions(shell),
        Command::Blame(arguments) => blame::run(&arguments),
        Command::Revert(arguments) => revert::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Export { command } => export::run(&command),
        Command::Log(arguments) => ledger::log(&arguments),
        Command::Ledger { command } => ledger::run(&command),
        Command::Slo(arguments) => slo::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Otlp(arguments) => otlp::run(&arguments),
        Command::Sync(arguments) => sync::run(&arguments),
        Command::Incident(command) => incident::run(&command),
        Command::Note(arguments) => note::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Hook { agent } => return hook::run(agent),
        Command::Mcp(arguments) => crate::mcp::run(&arguments),
        Command::Request(arguments) => request_command::run(&arguments),
        Command::Review { command } => review::run(&command),
        Command::Gate(arguments) => gate::run(&arguments),
        Command::Stamp(arguments) => stamp::run(&arguments),
        Command::Evidence { command } => evidence::run(&command),
        Command::Policy { command } => policy::run(&command),
        Command::GitHook { command } => git_hook::run(&command),
        Command::Proxy(arguments) => crate::proxy::run(arguments),
        Command::PolicyWorker => check::serve_policies(),
        Command::Lsp { stdio: _ } => return lsp(),
    };
    match outcome {
        Ok(code) => code,
        // A reader that has seen enough, such as `head`, is no failure of ours.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "countersign: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

/// Reads the name of an agent.
pub(crate) fn agents() -> impl TypedValueParser<Value = AgentKind> {
    let names = AgentKind::ALL.iter().map(|agent| PossibleValue::new(agent.name()).alias(agent.tool()));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<AgentKind>())
}

fn lsp() -> ExitCode {
    match crate::lsp::serve() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "countersign: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn schema(of: Schema) -> anyhow::Result<ExitCode> {
    let schema = match of {
        Schema::Blame => schemars::schema_for!(blame::JsonBlame),
        Schema::Config => schemars::schema_for!(countersign_policy::Config),
        Schema::Doctor => schemars::schema_for!(doctor::JsonDoctor),
        Schema::Findings => schemars::schema_for!(countersign_engine::report::JsonReport),
        Schema::Gate => schemars::schema_for!(gate::JsonGate),
        Schema::Impact => schemars::schema_for!(crate::impact::report::JsonImpact),
        Schema::Log => schemars::schema_for!(Vec<ledger::JsonEntry>),
        Schema::Policy => schemars::schema_for!(policy::JsonExplained),
        Schema::PolicyInput => schemars::schema_for!(countersign_engine::input::JsonInput),
        Schema::Protocol => crate::lsp::protocol_schema(),
        Schema::Report => schemars::schema_for!(report::JsonReport),
        Schema::Incident => schemars::schema_for!(incident::Incident),
        Schema::Requests => schemars::schema_for!(Vec<request_command::JsonRequest>),
        Schema::Reviews => schemars::schema_for!(Vec<gate::JsonChange>),
        Schema::Risks => schemars::schema_for!(Vec<catalogue::JsonRisk<'static>>),
        Schema::Slo => schemars::schema_for!(slo::JsonSlo),
        Schema::Stamp => schemars::schema_for!(stamp::JsonStamp),
        Schema::Status => schemars::schema_for!(status::JsonStatus),
    };
    print(&format!("{}\n", serde_json::to_string_pretty(&schema)?))
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "countersign", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Problems that are told one by one.
const MAX_PROBLEMS: usize = 10;

/// The first of many problems, and how many more there are.
fn first_of(problems: BTreeSet<String>) -> Vec<String> {
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    let more = (more > 0).then(|| format!("{more} more problems of this kind are not told one by one"));
    problems.into_iter().take(MAX_PROBLEMS).chain(more).collect()
}

/// Prints to standard output, without colour where it is no terminal.
fn print(text: &str) -> anyhow::Result<ExitCode> {
    anstream::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
