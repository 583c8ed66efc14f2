//! Files and settings on disk.

use crate::own_risks::OwnRisks;
use crate::upwards::Upwards;
use countersign_engine::report::JsonProblem;
use countersign_engine::{MAX_FILE_BYTES, Policy, over_limit};
use countersign_grammars::Language;
use countersign_policy::{
    CODEOWNERS, CONFIG_FILE, Catalogue, Config, ConfigProblem, DEFAULT_CONFIG, MAX_CONFIG_BYTES, Owners, Surface, Tiers,
};
use ignore::WalkBuilder;
use jiff::civil::Date;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is over a limit or no text; nothing is wrong with the disk.
    Limit(String),
    /// It could not be read.
    Io(String),
}

impl Unread {
    /// What is wrong.
    pub(crate) fn message(self) -> String {
        match self {
            Self::Limit(message) | Self::Io(message) => message,
        }
    }
}

/// Reads a text file within the limits.
pub(crate) fn read(path: &Path) -> Result<String, Unread> {
    let io = |error: std::io::Error| Unread::Io(format!("cannot be read: {error}"));
    decode(read_most(path, MAX_FILE_BYTES).map_err(io)?)
}

/// The bytes of a file, up to the one by which it is known to be longer than `most`, whatever a size on disk says.
pub(crate) fn read_most(path: &Path, most: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Checks that bytes are a text within the limits.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<String, Unread> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(Unread::Limit(over_limit()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Unread::Limit(format!("This file is not analysed: it is not UTF-8 text from byte {at} on. Save it as UTF-8."))
    })
}

/// The text of a file that an agent names; `None` where there is none. What is no file, a pipe for instance, might keep the
/// agent waiting.
pub(crate) fn found(path: &Path) -> Result<Option<String>, String> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot be read: {error}")),
        Ok(metadata) if !metadata.is_file() => Err("it is no file".to_owned()),
        Ok(_) => read(path).map(Some).map_err(Unread::message),
    }
}

/// The file that an agent means, under the name that it has here.
pub(crate) fn place(cwd: Option<&Path>, path: &Path) -> PathBuf {
    let path = cwd.map_or_else(|| path.to_owned(), |cwd| cwd.join(path));
    PathBuf::from(&*crate::surroundings::key(&path))
}

/// A path for people and for JSON: forward slashes, no leading `./`.
pub(crate) fn display(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}

/// The names of a file: as it was said, and as it is without links.
pub(crate) fn names(path: &Path) -> Vec<PathBuf> {
    let mut names = vec![path.to_owned()];
    names.extend(path.canonicalize().ok().filter(|real| real != path));
    names
}

/// The files below the paths that Countersign reads, in order and once each, and what is wrong with the paths. Among them are those
/// of other languages that the team calls critical.
pub(crate) fn files(paths: &[PathBuf], configs: &Configs) -> (Vec<(PathBuf, Language)>, Vec<JsonProblem>) {
    let mut files: BTreeMap<PathBuf, Language> = BTreeMap::new();
    let mut below: Vec<(PathBuf, Language)> = Vec::new();
    let mut problems = Vec::new();
    let mut problem = |path: &Path, message: String| {
        problems.push(JsonProblem { path: display(path), message });
    };
    for path in paths {
        match std::fs::metadata(path) {
            Err(error) => problem(path, format!("cannot be read: {error}")),
            Ok(metadata) if metadata.is_file() => match configs.of(path).language(path) {
                Some(language) => {
                    files.insert(cleaned(path), language);
                }
                None => problem(
                    path,
                    "Countersign does not read this kind of file; it reads .tf, .tofu, .tfvars, .hcl, .yaml, .yml, .json and \
                     .template, and what a `[[tier]]` of countersign.toml calls critical by its path"
                        .to_owned(),
                ),
            },
            Ok(_) => {
                for entry in walk(path).require_git(false).build() {
                    match entry {
                        Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                            let config = configs.of(entry.path());
                            if let Some(language) = config.language(entry.path())
                                && !config.excludes(entry.path())
                            {
                                below.push((cleaned(entry.path()), language));
                            }
                        }
                        Ok(_) => {}
                        Err(error) => problem(path, error.to_string()),
                    }
                }
            }
        }
    }
    files.par_extend(below.into_par_iter().filter(|(path, language)| may_declare(path, *language, configs)));
    (files.into_iter().collect(), problems)
}

/// Names that begin with a dot and are looked into nevertheless: there stand pipelines.
const PIPELINES: [&str; 5] = [".github", ".gitlab", ".gitlab-ci.yml", ".forgejo", ".gitea"];

/// What is below a path, without what is hidden or ignored.
pub(crate) fn walk(path: &Path) -> WalkBuilder {
    let mut walk = WalkBuilder::new(path);
    walk.hidden(false).filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !name.starts_with('.') || PIPELINES.contains(&&*name)
    });
    walk
}

/// Whether a file in a language that is used for anything may declare infrastructure, or is critical whatever it says.
fn may_declare(path: &Path, language: Language, configs: &Configs) -> bool {
    if !language.is_of_many() || configs.of(path).singles_out(path) {
        return true;
    }
    let text = read_most(path, MAX_FILE_BYTES);
    text.map_or(true, |text| countersign_engine::may_declare(language, &String::from_utf8_lossy(&text)))
}

/// A path without the parts that say nothing, so that a file has one name.
fn cleaned(path: &Path) -> PathBuf {
    let mut parts = path.components().filter(|part| *part != std::path::Component::CurDir).peekable();
    if parts.peek().is_none() { path.to_owned() } else { parts.collect() }
}

/// Who owns which files of a repository, by its CODEOWNERS.
pub(crate) fn owners(root: &Path) -> Owners {
    let text = CODEOWNERS.iter().find_map(|name| read(&root.join(name)).ok());
    Owners::read(&text.unwrap_or_default())
}

/// The settings of a folder and where they come from.
#[derive(Debug)]
pub(crate) struct FolderConfig {
    /// The settings.
    pub(crate) config: Config,
    /// The file, if there is one, and what is wrong in it.
    pub(crate) source: Option<(PathBuf, Vec<ConfigProblem>)>,
    /// The root of the repository, if there is one.
    pub(crate) root: Option<PathBuf>,
    /// How much its places matter.
    pub(crate) tiers: Tiers,
    /// The risks that are looked for.
    pub(crate) catalogue: Arc<Catalogue>,
    /// Those of them that are the repository's own.
    own: Arc<OwnRisks>,
}

impl Default for FolderConfig {
    fn default() -> Self {
        Self::new(Config::default(), None, None, Arc::default())
    }
}

impl FolderConfig {
    fn new(
        config: Config,
        source: Option<(PathBuf, Vec<ConfigProblem>)>,
        root: Option<PathBuf>,
        own: Arc<OwnRisks>,
    ) -> Self {
        let catalogue = Catalogue::set(&own.documents, &config.risk);
        Self { tiers: config.tiers(), config, source, root, catalogue, own }
    }

    /// The folder from which paths count, by its name in the index; empty where there is none.
    fn counts_from(&self) -> String {
        let root = self.root.clone().or_else(|| std::env::current_dir().ok());
        root.map(|root| crate::surroundings::key(&root).to_string()).unwrap_or_default()
    }

    /// What a file is read as: the language that its name tells, else plain text where the team says that it is critical.
    pub(crate) fn language(&self, file: &Path) -> Option<Language> {
        Language::of_path(&file.to_string_lossy()).or_else(|| self.singles_out(file).then_some(Language::Plain))
    }

    /// Whether the team says of a file, whatever it holds, that it is critical. What Countersign itself keeps is none.
    pub(crate) fn singles_out(&self, file: &Path) -> bool {
        if !self.tiers.may_single_out() {
            return false;
        }
        let (root, file) = (self.counts_from(), crate::surroundings::key(file));
        let path = file.strip_prefix(&*root).unwrap_or(&file).trim_start_matches('/');
        let is_own = path.starts_with(".countersign/") || path.rsplit('/').next() == Some(CONFIG_FILE);
        !is_own && self.tiers.single_out(path, &self.config.environment)
    }

    /// The globs of files of which the team says so, from the root of the repository.
    pub(crate) fn critical_globs(&self) -> Vec<String> {
        self.tiers.critical_globs()
    }

    /// The policy that it makes. Paths count from the root of the repository, without one from the folder at work.
    pub(crate) fn policy(&self, surface: Surface, today: Date) -> Policy {
        let catalogue = Arc::clone(&self.catalogue);
        Policy { root: self.counts_from(), ..Policy::with(catalogue, &self.config, surface, today) }
    }

    /// The digest of the file as it is now, of the defaults where there is none.
    pub(crate) fn sha256(&self) -> String {
        let text = self.source.as_ref().and_then(|(path, _)| std::fs::read(path).ok());
        countersign_review::digest(text.as_deref().unwrap_or(DEFAULT_CONFIG.as_bytes()))
    }

    /// Whether a file is passed over.
    pub(crate) fn excludes(&self, file: &Path) -> bool {
        let Some((source, _)) = &self.source else { return false };
        let folder = source.parent().unwrap_or(Path::new(""));
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        file.strip_prefix(folder).is_ok_and(|relative| self.config.excludes(&display(relative)))
    }
}

/// The `countersign.toml` of each folder: the nearest one from there upwards, no further than the repository.
#[derive(Debug, Default)]
pub(crate) struct Configs {
    folders: Upwards<Arc<FolderConfig>>,
}

impl Configs {
    /// The settings that hold for a file.
    pub(crate) fn of(&self, file: &Path) -> Arc<FolderConfig> {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        self.folders.of(file.parent().unwrap_or(Path::new("/")), Self::read_folder).unwrap_or_default()
    }

    /// The settings of one folder; `above` are those of the folder above, unless this one is the root of a repository.
    fn read_folder(folder: &Path, is_root: bool, above: Option<Arc<FolderConfig>>) -> Arc<FolderConfig> {
        let path = folder.join(CONFIG_FILE);
        let root = if is_root { Some(folder.to_owned()) } else { above.as_ref().and_then(|above| above.root.clone()) };
        let own = match &above {
            Some(above) => Arc::clone(&above.own),
            None => Arc::new(root.as_deref().map(OwnRisks::of).unwrap_or_default()),
        };
        match (read_most(&path, MAX_CONFIG_BYTES), above) {
            (Ok(bytes), _) => {
                let text = String::from_utf8_lossy(&bytes);
                let (mut config, mut problems) = Config::read(&text);
                if let Some(root) = root.as_deref().filter(|_| config.asks_for_owners()) {
                    config.owners = Arc::new(owners(root));
                }
                problems.extend(Config::problems_of_risks(&text, &Catalogue::set(&own.documents, &[])));
                Arc::new(FolderConfig::new(config, Some((path, problems)), root, own))
            }
            (Err(_), Some(above)) => above,
            (Err(_), None) => Arc::new(FolderConfig::new(Config::defaults(), None, root, own)),
        }
    }

    /// Everything that is wrong in the files that were read, with the file and line of each.
    pub(crate) fn problems(&self) -> Vec<(String, String)> {
        let folders: Vec<_> = self.folders.known(|folders| folders.values().cloned().collect());
        let mut problems = BTreeSet::new();
        let settings = folders.iter().filter_map(|folder| folder.source.as_ref());
        for (path, found) in settings.chain(folders.iter().flat_map(|folder| &folder.own.problems)) {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            for problem in found {
                let line = text[..problem.range.start.min(text.len())].matches('\n').count() + 1;
                problems.insert((display(path), line, problem.message.clone()));
            }
        }
        problems.into_iter().map(|(path, line, message)| (format!("{path}:{line}"), message)).collect()
    }

    /// Forgets what was read, so that a changed file counts.
    pub(crate) fn forget(&self) {
        self.folders.known(HashMap::clear);
    }
}
