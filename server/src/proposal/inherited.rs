//! What a session of an agent inherits from whoever started it: profiles, roles, contexts, workspaces, and secrets by name.
//!
//! Of a variable that may hold a secret only the name is looked at, and of files only what says what is chosen.

use super::commands::Place;
use super::{Judgement, Saying};
use countersign_agents::{AgentKind, Call};
use countersign_commands::{Evidence, Source};
use countersign_policy::{Asked, Environment, Review, Verdict};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest file of settings that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Ends of the names of variables that hold a secret.
const SECRET_ENDINGS: &[&str] = &[
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "API_KEY",
    "APIKEY",
    "SECRET_KEY",
    "ACCESS_KEY",
    "ACCESS_KEY_ID",
    "PRIVATE_KEY",
    "CREDENTIALS",
    "DATABASE_URL",
];

/// Something that a session inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Inherited {
    /// The variable, or what was chosen: `kubernetes-context`.
    name: String,
    /// What was chosen; `None` for what may be a secret.
    value: Option<String>,
}

impl Inherited {
    fn new(name: &str, value: String) -> Self {
        Self { name: name.to_owned(), value: Some(value) }
    }

    /// As policy names it.
    fn shown(&self) -> String {
        match &self.value {
            Some(value) => format!("{}={value}", self.name),
            None => self.name.clone(),
        }
    }

    fn environment(&self, place: &Place) -> Environment {
        let evidence = self.value.as_ref().map(|word| Evidence {
            source: Source::Variable,
            name: self.name.clone(),
            word: word.clone(),
        });
        place.config.config.environment.of_evidence(evidence.as_slice(), &place.root()).0
    }
}

/// Judges the start of a session: what it inherits beyond its scope, and where nothing says how far it may go, that it reaches
/// production.
pub(super) fn session(call: &Call) -> Option<Judgement> {
    let place = Place::of(call);
    let agents = &place.config.config.agents;
    let mut judgement = Judgement { review: Some(Review::Tell), ..Judgement::new("this session", agents) };
    let inherited = collect(&place);
    for saying in beyond(call.agent, &place, &inherited) {
        judgement.say(saying);
    }
    if judgement.sayings.is_empty() {
        for one in inherited.iter().filter(|one| one.environment(&place) == Environment::Production) {
            judgement.say(Saying {
                verdict: Verdict::Note,
                what: format!("It inherits `{}`, which is production.", one.shown()),
                instead: "Name the environment in each command, and leave this one alone unless it is asked for."
                    .to_owned(),
                id: "session/production".to_owned(),
            });
        }
    }
    (!judgement.sayings.is_empty()).then_some(judgement)
}

/// Adds what a session inherits beyond its scope to what is said of a command or a tool that acts on what runs, where policy
/// wants that.
pub(super) fn add(agent: AgentKind, place: &Place, judgement: &mut Judgement) {
    let config = &place.config.config;
    if config.scope.is_empty() || config.agents.inherited == Review::Tell {
        return;
    }
    for saying in beyond(agent, place, &collect(place)) {
        judgement.say(saying);
        if config.agents.inherited == Review::Ask && judgement.review == Some(Review::Tell) {
            judgement.review = Some(Review::Ask);
        }
    }
}

/// What of it a scope does not let the agent have.
fn beyond(agent: AgentKind, place: &Place, inherited: &[Inherited]) -> Vec<Saying> {
    let config = &place.config.config;
    let verdict = if config.agents.inherited == Review::Deny { Verdict::Deny } else { Verdict::Review };
    let mut sayings = Vec::new();
    for one in inherited {
        let environment = one.environment(place);
        let shown = one.shown();
        let by_environment = (environment != Environment::Unknown).then_some(Asked::Environment(environment));
        let asked = by_environment.into_iter().chain([Asked::Inherits(&shown)]);
        let Some(forbidden) = asked.into_iter().find_map(|asked| config.forbids(agent, asked)) else { continue };
        let is = match by_environment {
            Some(_) => format!(", which is {}", environment.name()),
            None => String::new(),
        };
        sayings.push(Saying {
            verdict,
            what: format!(
                "The session inherits `{shown}`{is}. `{forbidden}` of countersign.toml does not let {agent} have that."
            ),
            instead: "Start the agent without it: unset the variable, or choose another profile, context or workspace."
                .to_owned(),
            id: format!("scope/{forbidden}"),
        });
    }
    sayings
}

/// What there is.
fn collect(place: &Place) -> Vec<Inherited> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let home = etcetera::home_dir().ok();
    let at_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let mut found = Vec::new();
    let profile = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].into_iter().find_map(|name| Some((name, variable(name)?)));
    let aws = variable("AWS_CONFIG_FILE").map(PathBuf::from).or_else(|| at_home(".aws/config"));
    let section = match &profile {
        Some((_, profile)) if profile != "default" => format!("profile {profile}"),
        _ => "default".to_owned(),
    };
    let role = aws.and_then(|path| small(&path)).and_then(|text| setting(&text, &section, "role_arn"));
    found.extend(profile.map(|(name, value)| Inherited::new(name, value)));
    found.extend(role.map(|role| Inherited::new("aws-role", role)));
    found.extend(variable("AWS_ROLE_ARN").map(|role| Inherited::new("AWS_ROLE_ARN", role)));
    let configs: Vec<PathBuf> = match variable("KUBECONFIG") {
        Some(paths) => std::env::split_paths(&paths).collect(),
        None => at_home(".kube/config").into_iter().collect(),
    };
    let context = configs.iter().find_map(|path| top_level(&small(path)?, "current-context"));
    found.extend(context.map(|context| Inherited::new("kubernetes-context", context)));
    let workspace = variable("TF_WORKSPACE").or_else(|| small(&place.folder.join(".terraform/environment")));
    let workspace = workspace.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty() && name != "default");
    found.extend(workspace.map(|name| Inherited::new("terraform-workspace", name)));
    gcloud(&mut found, &variable, at_home(".config/gcloud"));
    let azure = variable("AZURE_CONFIG_DIR").map(PathBuf::from).or_else(|| at_home(".azure"));
    let subscription = azure.and_then(|folder| subscription(&small(&folder.join("azureProfile.json"))?));
    found.extend(subscription.map(|name| Inherited::new("azure-subscription", name)));
    let mut secrets: Vec<String> = std::env::vars_os()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| is_secret(name) && !found.iter().any(|known| known.name == *name))
        .collect();
    secrets.sort();
    found.extend(secrets.into_iter().map(|name| Inherited { name, value: None }));
    found
}

fn gcloud(found: &mut Vec<Inherited>, variable: &dyn Fn(&str) -> Option<String>, home: Option<PathBuf>) {
    let folder = variable("CLOUDSDK_CONFIG").map(PathBuf::from).or(home);
    let active = || small(&folder.as_ref()?.join("active_config")).map(|name| name.trim().to_owned());
    let name = variable("CLOUDSDK_ACTIVE_CONFIG_NAME").or_else(active).filter(|name| !name.is_empty());
    let chosen = name.as_ref().and_then(|name| {
        let text = small(&folder.as_ref()?.join("configurations").join(format!("config_{name}")))?;
        setting(&text, "core", "project")
    });
    found.extend(name.filter(|name| name != "default").map(|name| Inherited::new("gcloud-configuration", name)));
    let project = variable("CLOUDSDK_CORE_PROJECT").or_else(|| variable("GOOGLE_CLOUD_PROJECT")).or(chosen);
    found.extend(project.map(|project| Inherited::new("gcloud-project", project)));
}

/// Whether the value of a variable must not be looked at.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending)) || name.starts_with("TF_TOKEN_")
}

/// A setting of a section of an INI file.
fn setting(text: &str, section: &str, name: &str) -> Option<String> {
    let mut is_there = false;
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            is_there = header.trim() == section;
        } else if let Some((key, value)) = line.split_once('=').filter(|_| is_there)
            && key.trim() == name
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

/// A text at the top level of a YAML file.
fn top_level(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let value = line.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

/// The subscription that Azure's command line uses.
fn subscription(text: &str) -> Option<String> {
    let profile: serde_json::Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
    let subscriptions = profile.get("subscriptions")?.as_array()?;
    let default = subscriptions.iter().find(|one| one.get("isDefault").is_some_and(|is| is == true))?;
    Some(default.get("name")?.as_str()?.to_owned())
}

/// The text of a file of a sensible length.
fn small(path: &Path) -> Option<String> {
    std::fs::metadata(path).ok().filter(|metadata| metadata.is_file() && metadata.len() <= MAX_BYTES)?;
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_of_settings_say() {
        let aws = "[default]\nregion = eu-west-1\n[profile prod]\nrole_arn = arn:aws:iam::1:role/admin\n";
        assert_eq!(setting(aws, "profile prod", "role_arn").as_deref(), Some("arn:aws:iam::1:role/admin"));
        assert_eq!(setting(aws, "default", "role_arn"), None);
        let kube = "apiVersion: v1\ncontexts:\n- name: x\n  current-context: no\ncurrent-context: \"prod-eu\"\n";
        assert_eq!(top_level(kube, "current-context").as_deref(), Some("prod-eu"));
        assert_eq!(top_level("current-context: \"\"\n", "current-context"), None);
        let azure =
            "\u{feff}{\"subscriptions\":[{\"name\":\"a\",\"isDefault\":false},{\"name\":\"Prod\",\"isDefault\":true}]}";
        assert_eq!(subscription(azure).as_deref(), Some("Prod"));
    }

    #[test]
    fn names_of_secrets() {
        for name in
            ["GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "PGPASSWORD", "TF_TOKEN_app", "npm_token"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in ["PATH", "HOME", "AWS_REGION", "KEYBOARD", "SSH_AUTH_SOCK"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
