//! `countersign mcp`: for agents that ask by themselves, over the Model Context Protocol.
//!
//! The tools say what the agents' hooks, `check`, `impact` and `explain` say. Nothing is changed and nothing recorded: a question
//! is no attempt.

mod commands;
mod edits;
mod findings;
mod judged;
mod radius;
mod risks;
mod stdio;
mod tools;
mod workspace;

use countersign_agents::AgentKind;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest, CustomResult, ErrorCode,
    ErrorData, Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ServerHandler, serve_server};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tools::{Entry, NAMES};
use workspace::Workspace;

/// Questions that are worked on at once; each uses all processors where it can, so more would only take memory.
const AT_ONCE: usize = 2;

/// Bytes of stack of the threads that work, as much as a hook has.
const STACK: usize = 8 << 20;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(crate) struct McpArguments {
    /// Look at this folder. Without it: at the repository around the folder at work.
    #[arg(long, value_name = "FOLDER")]
    workspace: Option<PathBuf>,
    /// The agent that asks, whose limits in countersign.toml hold. Without it: what holds for all agents.
    #[arg(long, value_name = "AGENT", value_parser = crate::cli::agents())]
    agent: Option<AgentKind>,
}

/// Serves one client on standard input and output, until the input ends.
pub(crate) fn run(arguments: &McpArguments) -> anyhow::Result<ExitCode> {
    crate::lsp::log_to_stderr();
    let workspace = Workspace::new(arguments.workspace.as_deref(), arguments.agent)?;
    let server = Server { entries: tools::all()?.into(), workspace: Arc::new(workspace) };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(AT_ONCE + 1)
        .thread_stack_size(STACK)
        .build()?;
    let transport = stdio::Stdio::open()?;
    let ended = runtime.block_on(async {
        match serve_server(server, transport).await {
            Ok(service) => service.waiting().await.map(drop).map_err(anyhow::Error::from),
            // A client that says nothing at all.
            Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    });
    // What is still being worked out is for nobody.
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}

/// Whether an agent's name for a tool is that of one of ours: `mcp__countersign__check_edit`, `@countersign/check_edit`. What is
/// asked about is in its arguments, and asking does nothing.
pub(crate) fn is_own_tool(name: &str) -> bool {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.skip_while(|word| *word == "mcp").collect();
    matches!(words.as_slice(), ["countersign", tool @ ..] if NAMES.contains(&tool.join("_").as_str()))
}

struct Server {
    workspace: Arc<Workspace>,
    entries: Arc<[Entry]>,
}

impl Server {
    fn entry(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.tool.name == name)
    }

    /// Which tools there are, for one who asked for another.
    fn names(&self) -> String {
        self.entries.iter().map(|entry| entry.tool.name.as_ref()).collect::<Vec<_>>().join(", ")
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let about = Implementation::new("countersign", env!("CARGO_PKG_VERSION")).with_title("Countersign");
        let here = self.workspace.here().display();
        let instructions = format!(
            "Countersign knows what an infrastructure change would do to what is live, and what policy says of it. Ask `check_edit` \
             before you edit Terraform or OpenTofu files, and `check_command` before you run a command that may change or destroy \
             anything. A `deny` is final: do what the answer says instead, or tell the person why you need it; another route to \
             the same effect is denied as well. Nothing is changed or recorded by asking. Relative paths count from {here}."
        );
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(about)
            .with_instructions(instructions)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.entries.iter().map(|entry| entry.tool.clone()).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(index) = self.entry(&request.name) else {
            let why = format!("there is no tool `{}`; there are {}", request.name, self.names());
            return Err(ErrorData::invalid_params(why, None));
        };
        let (workspace, entries) = (Arc::clone(&self.workspace), Arc::clone(&self.entries));
        let arguments = request.arguments.unwrap_or_default();
        // Files are read and analysed: nothing of that may hold up the conversation.
        let done = tokio::task::spawn_blocking(move || {
            if context.ct.is_cancelled() {
                return Err("This was cancelled before it began.".to_owned());
            }
            entries.get(index).map_or_else(|| Err(String::new()), |entry| (entry.run)(&workspace, arguments))
        });
        let told = done.await.unwrap_or_else(|_| {
            Err("Countersign failed while it worked on this, so nothing is known; please report it with what was asked.".to_owned())
        });
        Ok(match told {
            Ok(answer) => CallToolResult::structured(answer),
            Err(why) => CallToolResult::error(vec![ContentBlock::text(why)]),
        }
        .into())
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        // What is known comes here where its parameters are of another shape.
        let is_known = matches!(request.method.as_str(), "tools/call" | "tools/list" | "initialize" | "ping");
        Err(if is_known {
            ErrorData::invalid_params(format!("the parameters of `{}` are not as MCP has them", request.method), None)
        } else {
            ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("there is no method `{}` here", request.method), None)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_tools() {
        for name in ["mcp__countersign__check_edit", "@countersign/check_command", "countersign_explain_risk"] {
            assert!(is_own_tool(name), "{name}");
        }
        for name in [
            "mcp__aws__check_edit",
            "mcp__countersign__run",
            "MCP:check_edit",
            "countersign",
            "x__countersign__check_edit",
        ] {
            assert!(!is_own_tool(name), "{name}");
        }
        let tools: Vec<_> = tools::all().expect("tools").iter().map(|entry| entry.tool.name.to_string()).collect();
        assert_eq!(tools, NAMES);
    }
}
