//! What is affected, and whether something reaches it.

use super::{Place, Reach};
use crate::disk::Configs;
use crate::git::{Checkout, Git};
use crate::impact::{Compared, State, two};
use crate::surroundings::key;
use crate::watch;
use anyhow::bail;
use countersign_engine::{Format, module_of, names_of, units};
use countersign_impact::graph::{Radius, dependents, parts};
use countersign_policy::{Environment, Globs};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// What somebody says is affected.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// Addresses of resources, as `countersign impact` takes them, each perhaps with its folder before it.
    pub(super) resources: Vec<String>,
    /// Globs of files, from the root.
    pub(super) paths: Vec<String>,
}

/// A resource: the folder of its module, as the index names it, and its address there.
type Resource = (Arc<str>, Arc<str>);

/// A way to a module: the folder from which calls go out, and the calls.
type Way = (Arc<str>, Vec<String>);

/// Resources that have one name and are told apart; of more it is not even tried.
const MAX_OF_NAME: usize = 50;

/// Modules in modules that are followed.
const MAX_CALLS: usize = 16;

/// What is affected, in the last good state and in the one that was deployed.
pub(super) struct Affected {
    compared: Compared,
    /// The folder of the deployed state, as the index names it.
    root: Arc<str>,
    /// What is affected. Where somebody asked by way of calls, those: of another call of the module nothing is said.
    resources: BTreeMap<Resource, Vec<Way>>,
    files: Globs,
    is_asked: bool,
    /// Where that is, from the root.
    places: Vec<Place>,
    /// The environments of those files.
    environments: BTreeSet<Environment>,
    /// All resources by the digests of their names, as the record has them.
    by_name: HashMap<String, Vec<Resource>>,
    /// The modules that each module calls.
    calls: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
    reached: RefCell<HashMap<Resource, (Reach, usize)>>,
    whole: RefCell<HashMap<String, bool>>,
    /// What makes the answer less than one expects.
    pub(super) doubts: Vec<String>,
    _checkouts: [Checkout; 2],
}

/// What the programs of a command are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Platform {
    Terraform,
    Kubernetes,
    Sql,
    /// A cloud, by how the kinds of its resources begin.
    Cloud(&'static [&'static str]),
    Other,
}

impl Platform {
    fn of(program: &str) -> Self {
        match program {
            "terraform" | "tofu" | "terragrunt" => Self::Terraform,
            "kubectl" | "oc" | "helm" | "flux" | "argocd" => Self::Kubernetes,
            "psql" | "mysql" | "mariadb" | "sqlite3" => Self::Sql,
            "aws" | "awslocal" => Self::Cloud(&["aws_", "AWS::"]),
            "gcloud" | "gsutil" | "bq" => Self::Cloud(&["google_"]),
            "az" => Self::Cloud(&["azurerm_", "azuread_", "azapi_"]),
            _ => Self::Other,
        }
    }

    /// Whether it can be about a resource of a kind.
    fn fits(self, kind: &str) -> bool {
        match self {
            Self::Terraform => Format::of_kind(kind) == Format::Terraform,
            Self::Kubernetes => Format::of_kind(kind) == Format::Kubernetes,
            Self::Sql => Format::of_kind(kind) == Format::Sql,
            Self::Cloud(prefixes) => prefixes.iter().any(|prefix| kind.starts_with(prefix)),
            Self::Other => false,
        }
    }
}

/// Short names that `kubectl` takes for kinds.
///
/// Source: `kubectl api-resources` of Kubernetes 1.34.
const SHORT_KINDS: [(&str, &str); 14] = [
    ("configmap", "cm"),
    ("cronjob", "cj"),
    ("daemonset", "ds"),
    ("deployment", "deploy"),
    ("horizontalpodautoscaler", "hpa"),
    ("ingress", "ing"),
    ("namespace", "ns"),
    ("networkpolicy", "netpol"),
    ("persistentvolumeclaim", "pvc"),
    ("pod", "po"),
    ("replicaset", "rs"),
    ("service", "svc"),
    ("serviceaccount", "sa"),
    ("statefulset", "sts"),
];

/// Digests of the words by which `kubectl` may name the kind of an address: `deployment`, `deployments`, `deploy`.
fn kinds(address: &str) -> Vec<String> {
    let kind = address.split(' ').next().unwrap_or_default().split('.').next().unwrap_or_default().to_lowercase();
    let plural = if kind.ends_with('s') { format!("{kind}es") } else { format!("{kind}s") };
    let policies = kind.strip_suffix('y').map(|stem| format!("{stem}ies"));
    let short = SHORT_KINDS.iter().find(|(name, _)| *name == kind).map(|(_, short)| (*short).to_owned());
    [Some(kind), Some(plural), policies, short].into_iter().flatten().map(|word| watch::digest(&word)).collect()
}

/// The folder before an address, and the address: `live/prod:aws_vpc.main`. An address itself may have a colon within brackets.
fn in_folder(asked: &str) -> (&str, &str) {
    let folder = asked.split_once(':').filter(|(folder, _)| !folder.contains(['[', ' ', '"']));
    folder.map_or(("", asked), |(folder, address)| (folder.trim_matches('/'), address))
}

impl Affected {
    /// Finds what is affected in two commits: the last good one and the one that was deployed.
    pub(super) fn of(git: &Git, (good, deployed): (&str, &str), asked: &Asked) -> anyhow::Result<Self> {
        let (before, after) = (Checkout::of(git, good)?, Checkout::of(git, deployed)?);
        let (then, now) = (before.git().root().to_owned(), after.git().root().to_owned());
        let compared = two(&then, &now)?;
        let doubts = compared.problems.iter().map(|it| format!("{}: {}", it.path, it.message)).collect();
        let mut affected = Self {
            compared,
            root: key(&now),
            resources: BTreeMap::new(),
            files: Globs::try_from(asked.paths.clone()).map_err(anyhow::Error::msg)?,
            is_asked: !(asked.resources.is_empty() && asked.paths.is_empty()),
            places: Vec::new(),
            environments: BTreeSet::new(),
            by_name: HashMap::new(),
            calls: HashMap::new(),
            reached: RefCell::default(),
            whole: RefCell::default(),
            doubts,
            _checkouts: [before, after],
        };
        let mut found = Found::default();
        for state in affected.states() {
            affected.read(state, &asked.resources, &mut found);
        }
        (affected.resources, affected.by_name, affected.calls) = (found.resources, found.by_name, found.calls);
        let mut ambiguous = Vec::new();
        for asked in &asked.resources {
            let meant = affected.meant(asked);
            if meant.is_empty() {
                bail!(
                    "there is no `{asked}` in the files of this repository, neither in the last good state nor in the deployed one; \
                     an address is as `countersign impact` takes it, as in `aws_db_instance.orders`, `module.network.aws_vpc.main` or \
                     `Deployment shop/cart`, with its folder before it where several have it, as in `live/prod:aws_vpc.main`. What is \
                     declared elsewhere cannot be found here; name files with --path"
                );
            }
            let files: BTreeSet<String> =
                meant.into_iter().filter_map(|(module, own)| affected.file_of(module, own)).collect();
            if files.len() > 1 {
                ambiguous.push(format!(
                    "`{asked}` stands in {}, and all of them are taken to be affected; name the folder before it, as in `FOLDER:{}`",
                    files.into_iter().collect::<Vec<_>>().join(" and "),
                    in_folder(asked).1
                ));
            }
        }
        if affected.resources.is_empty() && !asked.paths.is_empty() {
            affected.doubts.push(format!(
                "no resource is declared in {}, so what else leads to these files is not known",
                asked.paths.join(" and ")
            ));
        }
        let place = |(module, address): &Resource| {
            let path = affected.file_of(module, address)?;
            Some(Place { path, address: Some(address.to_string()) })
        };
        let mut places: Vec<Place> = affected.resources.keys().filter_map(place).collect();
        places.sort();
        let files: BTreeSet<&str> = places.iter().map(|place| place.path.as_str()).collect();
        let settings = Configs::default().of(&now.join("-"));
        affected.environments = files.into_iter().map(|file| settings.config.environment.of_path(file)).collect();
        affected.places = places;
        affected.doubts.extend(ambiguous);
        Ok(affected)
    }

    /// The two states, what was deployed first.
    fn states(&self) -> [&State; 2] {
        [&self.compared.after, &self.compared.before]
    }

    /// Takes what a state declares.
    fn read(&self, state: &State, asked: &[String], found: &mut Found) {
        for asked in asked {
            let (folder, address) = in_folder(asked);
            let (calls, own) = parts(address);
            let roots = state.workspace.modules().into_iter().filter(|it| self.is_below(it, folder));
            for root in roots.map(Arc::<str>::from).collect::<Vec<_>>() {
                let Some(module) = state.enter(&root, &calls) else { continue };
                if state.workspace.definition(&module, &own).is_some() {
                    let ways = found.resources.entry((module, own.as_str().into())).or_default();
                    if !calls.is_empty() {
                        ways.push((root, calls.clone()));
                    }
                }
            }
        }
        for (file, snapshot) in state.files() {
            let is_meant = self.files.fit(self.relative(file));
            let module: Arc<str> = module_of(file).into();
            for unit in units(snapshot) {
                for block in unit.blocks.iter().filter(|block| !block.address.is_empty()) {
                    let resource = (Arc::clone(&module), Arc::clone(&block.address));
                    if &*block.kind == "module" {
                        let called = state.workspace.called(&module, block);
                        found.calls.entry(Arc::clone(&module)).or_default().extend(called);
                    }
                    let mut names: BTreeSet<String> = watch::names(&block.address).into_iter().collect();
                    names.extend(names_of(&state.workspace, &module, &block.address).iter().map(|it| watch::name(it)));
                    for name in names {
                        let known = found.by_name.entry(name).or_default();
                        if known.len() < MAX_OF_NAME && !known.contains(&resource) {
                            known.push(resource.clone());
                        }
                    }
                    if is_meant {
                        found.resources.entry(resource).or_default();
                    }
                }
            }
        }
    }

    /// Whether a module is in a folder, from the root, or below it.
    fn is_below(&self, module: &str, folder: &str) -> bool {
        Path::new(self.relative(module)).starts_with(folder)
    }

    /// The resources that an address that was asked about may mean.
    fn meant(&self, asked: &str) -> Vec<&Resource> {
        let (folder, address) = in_folder(asked);
        let (calls, own) = parts(address);
        let is_it =
            |(module, known): &&Resource| **known == *own && (!calls.is_empty() || self.is_below(module, folder));
        self.resources.keys().filter(is_it).collect()
    }

    /// A file as people name it: from the root of the repository.
    fn relative<'f>(&self, file: &'f str) -> &'f str {
        file.strip_prefix(&*self.root).unwrap_or(file).trim_start_matches('/')
    }

    fn file_of(&self, module: &str, address: &str) -> Option<String> {
        let definition = self.states().into_iter().find_map(|state| state.workspace.definition(module, address))?;
        Some(self.relative(&definition.file).to_owned())
    }

    /// What is affected.
    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }

    /// Whether one of these files was asked about.
    pub(super) fn names_file(&self, files: &[String]) -> Option<String> {
        files.iter().find(|file| self.files.fit(file)).cloned()
    }

    /// Whether an environment is known to be another one than those of all that is affected. What depends on something may do so from
    /// another environment.
    pub(super) fn is_elsewhere(&self, environment: Environment, reach: &Reach) -> bool {
        let is_by_text = matches!(reach, Reach::Itself | Reach::Dependent { .. });
        let are_known = !self.environments.is_empty() && !self.environments.contains(&Environment::Unknown);
        !is_by_text && environment != Environment::Unknown && are_known && !self.environments.contains(&environment)
    }

    /// How a part of a file reaches what is affected.
    pub(super) fn reach(&self, place: &Place) -> Reach {
        if !self.is_asked {
            return Reach::NotAsked;
        }
        if self.files.fit(&place.path) {
            return Reach::Itself;
        }
        let module: Arc<str> = module_of(&format!("{}/{}", self.root, place.path)).into();
        let by_graph = place.address.as_ref().map(|address| self.of_resource(&(module, address.as_str().into())).0);
        match by_graph {
            Some(reach) if reach != Reach::Elsewhere => reach,
            _ => self.beside(&place.path),
        }
    }

    /// Whether a file is one in which something is affected, or in the same folder.
    fn beside(&self, path: &str) -> Reach {
        let folder = |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        if self.places.iter().any(|place| place.path == path) {
            Reach::Beside
        } else if self.places.iter().any(|place| folder(&place.path) == folder(path)) {
            Reach::Nearby
        } else {
            Reach::Elsewhere
        }
    }

    /// How a resource reaches what is affected, and how many depend on it.
    fn of_resource(&self, resource: &Resource) -> (Reach, usize) {
        if let Some(known) = self.reached.borrow().get(resource) {
            return known.clone();
        }
        let (module, address) = resource;
        let there = self.states().into_iter().filter(|state| state.workspace.definition(module, address).is_some());
        let (mut reach, mut count) = (Reach::Elsewhere, 0);
        for state in there {
            let radius = dependents(&state.workspace, &state.links, module, address);
            count = count.max(radius.dependents.len());
            let mut found = self.hit(&radius);
            if found == Reach::Elsewhere && address.starts_with("module.") {
                found = self.made_by(state, module, address);
            }
            // What was cut off may have led there.
            if found == Reach::Elsewhere && (radius.is_cut || radius.unseen().next().is_some()) {
                found = Reach::Unknown;
            }
            reach = nearer(reach, found);
        }
        // Of what was asked about by way of a call, the definition is that of all calls.
        if self.resources.contains_key(resource) {
            reach = Reach::Itself;
        }
        self.reached.borrow_mut().insert(resource.clone(), (reach.clone(), count));
        (reach, count)
    }

    /// The nearest dependent that is affected.
    fn hit(&self, radius: &Radius) -> Reach {
        let is_affected = |dependent: &&countersign_impact::graph::Dependent| {
            let resource = (Arc::clone(&dependent.module), Arc::clone(&dependent.address));
            let Some(ways) = self.resources.get(&resource) else { return false };
            let is_way = |(root, calls): &Way| {
                let full = radius.full_address(dependent);
                let (own, _) = parts(&full);
                // Where the walk went through no call, it is about all of them.
                own.is_empty() || (own == *calls && radius.root(dependent) == root)
            };
            ways.is_empty() || ways.iter().any(is_way)
        };
        let Some(hit) = radius.dependents.iter().find(is_affected) else { return Reach::Elsewhere };
        Reach::Dependent { on: radius.full_address(hit), distance: hit.distance, via: radius.via(hit) }
    }

    /// Whether what is affected is made by a call of a module. Of an address that was asked about by way of calls, this has to be one of them.
    fn made_by(&self, state: &State, module: &Arc<str>, call: &str) -> Reach {
        let Some(inside) = state.enter(module, &[call.to_owned()]) else { return Reach::Elsewhere };
        let inside = self.called_from(&inside);
        let is_it = |((own, _), ways): &(&Resource, &Vec<Way>)| {
            let is_way = |(root, calls): &Way| {
                let is_first = || calls.first().is_none_or(|first| first == call);
                if root == module { is_first() } else { self.called_from(root).contains(module) }
            };
            inside.contains(own) && (ways.is_empty() || ways.iter().any(is_way))
        };
        match self.resources.iter().find(is_it) {
            Some(((_, address), _)) => {
                Reach::Dependent { on: format!("{call}.{address}"), distance: 1, via: Vec::new() }
            }
            None => Reach::Elsewhere,
        }
    }

    /// A module, and those that are called from it.
    fn called_from(&self, module: &Arc<str>) -> BTreeSet<Arc<str>> {
        let mut found = BTreeSet::from([Arc::clone(module)]);
        let mut newest = vec![Arc::clone(module)];
        for _ in 0..MAX_CALLS {
            let called = newest.iter().filter_map(|module| self.calls.get(module)).flatten();
            newest = called.filter(|module| found.insert(Arc::clone(module))).cloned().collect();
        }
        found
    }

    /// How what a program does to something of these names reaches what is affected, as far as one can tell by names; with what has
    /// them, and how many depend on that. `folder` is that in which it ran, from the root, where that is known.
    pub(super) fn named(
        &self,
        program: &str,
        names: &[String],
        folder: Option<&str>,
    ) -> (Reach, Option<String>, usize) {
        if !self.is_asked {
            let one = self.only(program, names, folder).ok().map(|resource| resource.1.to_string());
            return (Reach::NotAsked, one, 0);
        }
        match self.only(program, names, folder) {
            Ok(resource) => {
                let (reach, count) = self.of_resource(&resource);
                (reach, Some(resource.1.to_string()), count)
            }
            Err(several) => {
                let reaches = several.iter().map(|resource| (self.of_resource(resource), resource));
                let hit = reaches.min_by_key(|((reach, _), _)| distance(reach));
                match hit.filter(|((reach, _), _)| distance(reach) < usize::MAX) {
                    Some(((_, count), (_, address))) => {
                        (Reach::Perhaps { address: address.to_string() }, Some(address.to_string()), count)
                    }
                    None => (Reach::Unknown, None, 0),
                }
            }
        }
    }

    /// The one resource that a program can mean by some names; else all that it may mean.
    fn only(&self, program: &str, names: &[String], folder: Option<&str>) -> Result<Resource, Vec<Resource>> {
        let platform = Platform::of(program);
        let root: Option<Arc<str>> = folder.map(|folder| match folder {
            "." => Arc::clone(&self.root),
            folder => format!("{}/{folder}", self.root).into(),
        });
        let mut fitting: BTreeSet<&Resource> = BTreeSet::new();
        for known in names.iter().filter_map(|name| self.by_name.get(name)) {
            fitting.extend(known.iter().filter(|resource| self.kind(resource).is_some_and(|kind| platform.fits(kind))));
        }
        let is_full = fitting.len() >= MAX_OF_NAME;
        let exact: Vec<&Resource> = match platform {
            // An address is one of the configuration in the folder.
            Platform::Terraform => {
                let is_it = |(module, address): &&&Resource| {
                    names.contains(&watch::digest(&address.to_lowercase())) && root.as_ref() == Some(module)
                };
                fitting.iter().filter(is_it).copied().collect()
            }
            Platform::Kubernetes => {
                let is_it = |(_, address): &&&Resource| kinds(address).iter().any(|kind| names.contains(kind));
                fitting.iter().filter(is_it).copied().collect()
            }
            Platform::Cloud(_) => {
                let is_here = |(module, _): &&&Resource| root.as_ref() == Some(module);
                let here: Vec<&Resource> = fitting.iter().filter(is_here).copied().collect();
                if here.is_empty() { fitting.iter().copied().collect() } else { here }
            }
            Platform::Sql | Platform::Other => Vec::new(),
        };
        match exact.as_slice() {
            [one] if !is_full => Ok((*one).clone()),
            _ => Err(fitting.into_iter().cloned().collect()),
        }
    }

    fn kind(&self, (module, address): &Resource) -> Option<&str> {
        let states = self.states().into_iter();
        states.into_iter().find_map(|state| Some(&*state.workspace.definition(module, address)?.block().kind))
    }

    /// How what a program does to all of a folder reaches what is affected, where that is what it does.
    pub(super) fn whole(&self, program: &str, folder: Option<&str>) -> Reach {
        if !self.is_asked {
            return Reach::NotAsked;
        }
        let Some(folder) = folder.filter(|_| Platform::of(program) == Platform::Terraform) else {
            return Reach::Unknown;
        };
        let is_there = *self.whole.borrow_mut().entry(folder.to_owned()).or_insert_with(|| {
            let root = if folder == "." { Arc::clone(&self.root) } else { format!("{}/{folder}", self.root).into() };
            let inside = self.called_from(&root);
            let is_way = |(own, _): &Way| *own == root;
            self.resources
                .iter()
                .any(|((module, _), ways)| inside.contains(module) && (ways.is_empty() || ways.iter().any(is_way)))
        });
        if is_there { Reach::Whole } else { Reach::Elsewhere }
    }
}

/// What is found in both states.
#[derive(Default)]
struct Found {
    resources: BTreeMap<Resource, Vec<Way>>,
    by_name: HashMap<String, Vec<Resource>>,
    calls: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
}

/// How far something is from what is affected.
const fn distance(reach: &Reach) -> usize {
    match reach {
        Reach::Itself => 0,
        Reach::Dependent { distance, .. } => *distance,
        _ => usize::MAX,
    }
}

/// The nearer of two.
fn nearer(one: Reach, other: Reach) -> Reach {
    let is_nothing = one == Reach::Elsewhere && distance(&other) == usize::MAX;
    if is_nothing || distance(&other) < distance(&one) { other } else { one }
}
