//! What the trailers of a commit message say about AI tools.
//!
//! A trailer is a word of whoever made the commit, about the commit as a whole. Tools that sign as a person are known by
//! their e-mail address and their name together, since there are people called Claude and Devin.

use crate::origin::Agent;

/// A trailer that names an AI tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailerOrigin {
    /// Name of the tool as git-ai writes it, where git-ai knows it.
    pub tool: String,
    /// The model as the trailer has it, where it names one.
    pub model: Option<String>,
    /// Line of the message that it starts on, counted from 1.
    pub line: usize,
}

/// A tool, and how it is named in trailers.
struct Known {
    /// As git-ai writes it.
    tool: &'static str,
    /// What its makers call it.
    names: &'static [&'static str],
    /// Addresses that it signs with.
    emails: &'static [&'static str],
    /// Where a name says which model it was.
    model: InName,
    /// Whether people are called so, and the name alone says nothing.
    is_given_name: bool,
}

/// Where a name says which model it was.
#[derive(Clone, Copy)]
enum InName {
    /// In parentheses: `aider (gpt-4o)`.
    Parentheses,
    /// The name is the model's: `Claude Opus 4.5`.
    Itself,
}

/// Sources: for Claude Code, its settings' documentation; Copilot, microsoft/vscode pull requests 310226 and 313931; Codex,
/// openai/codex pull request 11617; aider, Aider-AI/aider `aider/repo.py`; the other addresses as they stand in commits.
/// Gemini, Windsurf, Amazon Q, Kiro and Cline sign with no address that their makers document, so none is listed for them.
const KNOWN: &[Known] = &[
    Known {
        tool: "claude",
        names: &["Claude", "Claude Code"],
        emails: &["noreply@anthropic.com"],
        model: InName::Itself,
        is_given_name: true,
    },
    Known {
        tool: "github-copilot",
        names: &["Copilot", "GitHub Copilot"],
        emails: &["copilot@github.com", "223556219+Copilot@users.noreply.github.com"],
        model: InName::Parentheses,
        is_given_name: false,
    },
    Known {
        tool: "github-copilot-cli",
        names: &["Copilot CLI", "GitHub Copilot CLI"],
        emails: &["223556219+Copilot@users.noreply.github.com"],
        model: InName::Parentheses,
        is_given_name: false,
    },
    Known {
        tool: "cursor",
        names: &["Cursor", "Cursor Agent"],
        emails: &["cursoragent@cursor.com"],
        model: InName::Parentheses,
        is_given_name: false,
    },
    Known {
        tool: "codex",
        names: &["Codex", "Codex CLI", "OpenAI Codex"],
        emails: &["noreply@openai.com"],
        model: InName::Parentheses,
        is_given_name: false,
    },
    Known {
        tool: "aider",
        names: &["aider"],
        emails: &["aider@aider.chat", "noreply@aider.chat"],
        model: InName::Parentheses,
        is_given_name: false,
    },
    Known {
        tool: "devin",
        names: &["Devin", "Devin AI", "devin-ai-integration[bot]"],
        emails: &["158243242+devin-ai-integration[bot]@users.noreply.github.com"],
        model: InName::Parentheses,
        is_given_name: true,
    },
    Known {
        tool: "gemini",
        names: &["Gemini", "Gemini CLI"],
        emails: &[],
        model: InName::Parentheses,
        is_given_name: true,
    },
];

/// The trailers of a commit message that name an AI tool: `Co-authored-by`, `Assisted-by`, `Generated-by` and
/// `Co-authored-by-AI`. Only the last paragraph holds trailers, by the rule of `git interpret-trailers`.
pub fn trailers(message: &str) -> Vec<TrailerOrigin> {
    let read = |trailer: Trailer<'_>| {
        let value = trailer.value.trim();
        let agent = match trailer.token.to_ascii_lowercase().as_str() {
            "co-authored-by" => known_agent_of(value),
            "assisted-by" => signed(value, assistant),
            "generated-by" => signed(value, |value| product(value, true)),
            "co-authored-by-ai" => signed(value, |value| product(value, true).or_else(|| unknown_product(value))),
            _ => None,
        }?;
        Some(TrailerOrigin { tool: agent.tool, model: agent.model, line: trailer.line })
    };
    block(message).into_iter().filter_map(read).collect()
}

/// The AI tool that signs with this name and e-mail address, as a co-author, author or committer. The name alone is no sign,
/// nor is the address.
pub fn known_agent(name: &str, email: &str) -> Option<Agent> {
    let (name, email) = (name.trim(), email.trim());
    let signs = |known: &&Known| known.emails.iter().any(|known| known.eq_ignore_ascii_case(email));
    longest(KNOWN.iter().filter(signs), name).map(|(known, rest)| known.agent(name, rest))
}

impl Known {
    /// `rest` is what stands in `text` after the tool's name.
    fn agent(&self, text: &str, rest: &str) -> Agent {
        let model = match self.model {
            InName::Parentheses => in_parentheses(rest),
            InName::Itself if rest.starts_with('(') => in_parentheses(rest),
            // `Claude Code 2.1` has the version of the program.
            InName::Itself if rest.is_empty() || self.names.iter().skip(1).any(|name| after(text, name).is_some()) => {
                None
            }
            InName::Itself => Some(text),
        };
        Agent { tool: self.tool.to_owned(), model: model.map(str::to_owned), session: None }
    }
}

/// The tool whose name is the longest that a text starts with, and what stands after it.
fn longest(known: impl Iterator<Item = &'static Known>, text: &str) -> Option<(&'static Known, &str)> {
    let named = known.flat_map(|known| known.names.iter().map(move |name| (known, *name)));
    let found = named.filter_map(|(known, name)| Some((known, after(text, name)?)));
    // The first of several, which the table lists before its variants.
    found.reduce(|best, next| if next.1.len() < best.1.len() { next } else { best })
}

/// What stands after a name that a text starts with, as a whole word and in any case.
fn after<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(name.len())?;
    let is_word = rest.is_empty() || rest.starts_with(char::is_whitespace) || rest.starts_with('(');
    (start.eq_ignore_ascii_case(name) && is_word).then_some(rest.trim())
}

fn in_parentheses(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?.trim();
    Some(inner).filter(|inner| !inner.is_empty())
}

/// `Name <email>`.
fn known_agent_of(person: &str) -> Option<Agent> {
    let (name, email) = person.rsplit_once('<')?;
    known_agent(name, email.strip_suffix('>')?)
}

/// Who a value names: by address and name where it has an address, else as `read` has it.
fn signed(value: &str, read: impl Fn(&str) -> Option<Agent>) -> Option<Agent> {
    if value.contains('@') { known_agent_of(value) } else { read(value) }
}

/// `AGENT:MODEL [TOOLS]`, as `Documentation/process/coding-assistants.rst` of Linux has it, or a product's name alone.
fn assistant(value: &str) -> Option<Agent> {
    let Some((agent, rest)) = value.split_once(':') else {
        return product(value, false);
    };
    let model = rest.split(char::is_whitespace).next().filter(|model| !model.is_empty() && !model.starts_with("//"))?;
    let is_name = |agent: &str| !agent.trim().is_empty() && agent.split_whitespace().count() <= 3;
    let known =
        longest(KNOWN.iter(), agent).filter(|(_, rest)| rest.is_empty()).map(|(known, _)| known.tool.to_owned());
    let tool = known.or_else(|| is_name(agent).then(|| slug(agent)))?;
    Some(Agent { tool, model: Some(model.to_owned()), session: None })
}

/// A known product's name, with a model or a version behind it or nothing. `is_machine` is whether the trailer can mean
/// nothing but a machine, so that a given name is enough.
fn product(value: &str, is_machine: bool) -> Option<Agent> {
    let (known, rest) = longest(KNOWN.iter(), value)?;
    let is_plain = rest.is_empty() || rest.starts_with('(') || rest.contains(|c: char| c.is_ascii_digit());
    let is_sure =
        is_machine || !known.is_given_name || known.names.iter().skip(1).any(|name| after(value, name).is_some());
    (is_plain && is_sure).then(|| known.agent(value, rest))
}

/// A product that is not known, `Name (model)`.
fn unknown_product(value: &str) -> Option<Agent> {
    let (name, model) =
        value.split_once('(').map_or((value, None), |(name, _)| (name, in_parentheses(&value[name.len()..])));
    let tool = slug(name);
    (!tool.is_empty()).then(|| Agent { tool, model: model.map(str::to_owned), session: None })
}

/// A name as git-ai writes names of tools: small letters, joined by hyphens.
fn slug(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join("-").to_lowercase()
}

/// One trailer, its continuation lines joined to it.
struct Trailer<'m> {
    token: &'m str,
    value: String,
    line: usize,
}

/// The trailers of a message, by git's rule: those of its last paragraph, where that is not its first, and where it holds
/// nothing else or, with a line that git itself writes, at most three other lines for each of them.
fn block(message: &str) -> Vec<Trailer<'_>> {
    let lines: Vec<&str> = message.lines().collect();
    let is_blank = |line: &&str| line.trim().is_empty();
    let end = lines.iter().rposition(|line| !is_blank(line)).map_or(0, |last| last + 1);
    let Some(start) = lines[..end].iter().rposition(is_blank).map(|blank| blank + 1) else {
        return Vec::new();
    };
    if lines[..start].iter().all(is_blank) {
        return Vec::new();
    }
    let mut trailers: Vec<Trailer<'_>> = Vec::new();
    let (mut picks, mut others, mut has_line_of_git, mut is_trailer) = (0, 0, false, false);
    for (index, line) in lines.iter().enumerate().take(end).skip(start) {
        if line.starts_with('#') {
            continue;
        }
        if line.starts_with([' ', '\t']) && is_trailer {
            if let Some(last) = trailers.last_mut() {
                last.value.push(' ');
                last.value.push_str(line.trim());
            }
            continue;
        }
        is_trailer = false;
        if line.starts_with("(cherry picked from commit ") {
            picks += 1;
            has_line_of_git = true;
        } else if let Some((token, value)) = token(line) {
            has_line_of_git |= line.starts_with("Signed-off-by: ");
            is_trailer = true;
            trailers.push(Trailer { token, value: value.trim().to_owned(), line: index + 1 });
        } else {
            others += 1;
        }
    }
    let is_block = others == 0 || has_line_of_git && (trailers.len() + picks) * 3 >= others;
    if is_block { trailers } else { Vec::new() }
}

/// The token of a trailer, letters, digits and hyphens up to a colon, and its value.
fn token(line: &str) -> Option<(&str, &str)> {
    let (token, value) = line.split_once(':')?;
    let token = token.trim_end_matches([' ', '\t']);
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_token.then_some((token, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one trailer under a subject and a body says, as `tool` or `tool model`.
    fn said(trailer: &str) -> Option<String> {
        let trailers = trailers(&format!("Subject\n\nBody.\n\n{trailer}\n"));
        assert!(trailers.len() < 2 && trailers.iter().all(|trailer| trailer.line == 5));
        let TrailerOrigin { tool, model, .. } = trailers.into_iter().next()?;
        Some(format!("{tool} {}", model.unwrap_or_default()).trim_end().to_owned())
    }

    #[test]
    fn tools_that_sign() {
        for (trailer, expected) in [
            ("Co-Authored-By: Claude <noreply@anthropic.com>", "claude"),
            ("Co-Authored-By: Claude Opus 4.5 <noreply@anthropic.com>", "claude Claude Opus 4.5"),
            ("Co-Authored-By: Claude Code <noreply@anthropic.com>", "claude"),
            ("co-authored-by:Claude<NoReply@Anthropic.com>", "claude"),
            ("Co-authored-by: Copilot <copilot@github.com>", "github-copilot"),
            ("Co-authored-by: Copilot <223556219+Copilot@users.noreply.github.com>", "github-copilot"),
            ("Co-authored-by: Cursor <cursoragent@cursor.com>", "cursor"),
            ("Co-authored-by: Cursor Agent <cursoragent@cursor.com>", "cursor"),
            ("Co-authored-by: Codex <noreply@openai.com>", "codex"),
            ("Co-authored-by: aider (gpt-4o) <aider@aider.chat>", "aider gpt-4o"),
            ("Co-authored-by: aider (openai/o1) <noreply@aider.chat>", "aider openai/o1"),
            (
                "Co-authored-by: devin-ai-integration[bot] <158243242+devin-ai-integration[bot]@users.noreply.github.com>",
                "devin",
            ),
            ("Assisted-by: Claude:claude-3-opus coccinelle sparse", "claude claude-3-opus"),
            ("Assisted-by: GitHub Copilot:gpt-4.1", "github-copilot gpt-4.1"),
            ("Assisted-by: New Agent:model-1", "new-agent model-1"),
            ("Assisted-by: Claude <noreply@anthropic.com>", "claude"),
            ("Assisted-by: Claude Code", "claude"),
            ("Assisted-by: GitHub Copilot", "github-copilot"),
            ("Generated-by: Claude", "claude"),
            ("Generated-by: Claude Code 2.1", "claude"),
            ("Generated-by: Claude Sonnet 4.5", "claude Claude Sonnet 4.5"),
            ("Generated-by: Copilot CLI", "github-copilot-cli"),
            ("Co-authored-by-AI: GitHub Copilot (gpt-4.1)", "github-copilot gpt-4.1"),
            ("Co-authored-by-AI: Other Thing (m)", "other-thing m"),
        ] {
            assert_eq!(said(trailer).as_deref(), Some(expected), "{trailer}");
        }
    }

    #[test]
    fn people_are_not_tools() {
        for trailer in [
            "Co-authored-by: Claude <claude@example.com>",
            "Co-authored-by: Claude Martin <claude.martin@example.com>",
            "Co-authored-by: Devin <devin@example.com>",
            "Co-authored-by: Jane Doe <noreply@anthropic.com>",
            "Co-authored-by: Claudette <noreply@anthropic.com>",
            "Co-authored-by: Claude",
            "Co-authored-by: Claude noreply@anthropic.com",
            "Co-authored-by: <noreply@anthropic.com>",
            "Signed-off-by: Claude <noreply@anthropic.com>",
            "Assisted-by: Claude",
            "Assisted-by: Devin",
            "Assisted-by: Claude Martin",
            "Assisted-by: Devin <devin@example.com>",
            "Assisted-by: Claude:x <claude@example.com>",
            "Assisted-by: Jane Doe",
            "Assisted-by: see https://example.com",
            "Assisted-by: the people of the team: thanks",
            "Generated-by: Claude Martin <claude@example.com>",
            "Generated-by: Claude Martin",
            "Generated-by: protoc 3.2",
            "Co-authored-by-AI:",
            "Co-authored-by-AI: Devin <devin@example.com>",
        ] {
            assert_eq!(said(trailer), None, "{trailer}");
        }
    }

    #[test]
    fn only_the_last_paragraph_holds_trailers() {
        const CLAUDE: &str = "Co-authored-by: Claude <noreply@anthropic.com>";
        for (message, lines) in [
            (format!("Subject\n\n{CLAUDE}"), vec![3]),
            (format!("Subject\r\n\r\n{CLAUDE}\r\n\r\n"), vec![3]),
            (format!("Subject\n \t\n{CLAUDE}\nX-Y: z\n{CLAUDE}\n"), vec![3, 5]),
            (format!("Subject\n\n{CLAUDE}\n\nMore words.\n"), vec![]),
            (format!("{CLAUDE}\n"), vec![]),
            (format!("\n\n{CLAUDE}\n"), vec![]),
            (format!("Subject\n{CLAUDE}\n"), vec![]),
            (format!("Subject\n\nWords.\n{CLAUDE}\n"), vec![]),
            (format!("Subject\n\nWords.\n{CLAUDE}\nSigned-off-by: A <a@example.com>\n"), vec![4]),
            (format!("Subject\n\nWords.\n{CLAUDE}\n(cherry picked from commit 1)\n"), vec![4]),
            (format!("Subject\n\n1\n2\n3\n4\n5\n6\n(cherry picked from commit 1)\n{CLAUDE}\n"), vec![10]),
            (format!("Subject\n\n1\n 2\n 3\n 4\n 5\n 6\n 7\n{CLAUDE}\nSigned-off-by: A <a@example.com>\n"), vec![]),
            (format!("Subject\n\n1\n2\n3\n4\n5\n6\n7\n{CLAUDE}\nSigned-off-by: A <a@example.com>\n"), vec![]),
            ("Subject\n\nCo-authored-by: Claude\n  <noreply@anthropic.com>\nX: y\n".to_owned(), vec![3]),
            (format!("Subject\n\nX: y\n {CLAUDE}\n"), vec![]),
            (format!("Subject\n\n{CLAUDE}\n more\n"), vec![]),
            (format!("Subject\n\n  words\n{CLAUDE}\n"), vec![]),
            (format!("Subject\n\nX: y\n# words\n{CLAUDE}\n"), vec![5]),
            (String::new(), vec![]),
        ] {
            let found: Vec<_> = trailers(&message).into_iter().map(|trailer| trailer.line).collect();
            assert_eq!(found, lines, "{message}");
        }
    }
}
