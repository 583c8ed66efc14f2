//! The index of a workspace: which blocks form a module, who mentions whom, who calls whom; kept up by unit.
//!
//! A [`Workspace`] is a value: a clone is cheap and does not change. Everything that an evaluation may ask of it has a
//! [`Key`], and a number that is another one when the answer is ([`Workspace::version_of`]).

use super::entries::{Definition, Entries, number};
use super::evaluate::Known;
use super::lower::address_of;
use super::syntax::{Block, Content, ExprKind, Item, Lowered};
use crate::charts::is_values;
use crate::outside::names;
use archery::ArcTK;
use rpds::HashTrieMap;
use rustc_hash::{FxHashMap, FxHasher};
use std::collections::{BTreeSet, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Changes that are remembered, so that what did not ask for anything that changed stays as it was worked out.
const KEPT_CHANGES: usize = 64;

/// Whether a file's blocks change those of the other files of its module.
pub fn is_override(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let stem = stem.strip_suffix(".tf").or_else(|| stem.strip_suffix(".tofu")).unwrap_or(stem);
    stem == "override" || stem.ends_with("_override")
}

/// A map of which a clone is cheap. Its keys are names of the user's own workspace: nobody gains by making them collide.
type Map<K, V> = HashTrieMap<K, V, ArcTK, BuildHasherDefault<FxHasher>>;

type Table = Map<Arc<str>, Entries>;

/// The blocks of one folder.
#[derive(Debug, Clone, Default)]
pub(super) struct Module {
    definitions: Table,
    mentions: Table,
    kinds: Table,
    values: Table,
    /// Blocks that name another one in an attribute, and not by a reference: by kind and attribute.
    names: Table,
    /// Units that could not be read in full, by file.
    broken: Map<Arc<str>, Arc<[Arc<Lowered>]>>,
    /// A number that tells sets of all its blocks apart.
    sum: u64,
}

impl Module {
    fn note_broken(&mut self, file: &Arc<str>, unit: &Arc<Lowered>, add: bool) {
        let mut units = self.broken.get(file).map(|units| units.to_vec()).unwrap_or_default();
        match units.iter().position(|known| known.digest == unit.digest) {
            _ if add => units.push(Arc::clone(unit)),
            Some(at) => drop(units.remove(at)),
            None => {}
        }
        if units.is_empty() {
            self.broken.remove_mut(file);
        } else {
            self.broken.insert_mut(Arc::clone(file), units.into());
        }
    }

    fn table(&mut self, what: What) -> Option<&mut Table> {
        Some(match what {
            What::Definition => &mut self.definitions,
            What::Mentions => &mut self.mentions,
            What::Kind => &mut self.kinds,
            What::Values => &mut self.values,
            What::Names => &mut self.names,
            What::MentionsBy
            | What::All
            | What::Kinds
            | What::Callers
            | What::Outside
            | What::Everywhere
            | What::File
            | What::Installed => return None,
        })
    }
}

/// What can be asked of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// The blocks with an address.
    Definition,
    /// The blocks that mention an address.
    Mentions,
    /// The blocks of a kind that mention an address: `KIND ADDRESS`.
    MentionsBy,
    /// The blocks of a kind.
    Kind,
    /// All blocks.
    All,
    /// The kinds of which there is a block.
    Kinds,
    /// What variable files say of a variable.
    Values,
    /// The blocks of a kind that name another one in an attribute, and not by a reference; `KIND.ATTRIBUTE`.
    Names,
    /// The calls of a module.
    Callers,
    /// The blocks of files that stand for themselves which are known by a name outside of these, or mention it.
    Outside,
    /// The resources or data sources of a kind, in all modules.
    Everywhere,
    /// The text of a file.
    File,
    /// Where a remote module was installed.
    Installed,
}

/// A question to a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Folder of the module.
    pub module: Arc<str>,
    /// What of it.
    pub what: What,
    /// The name: an address, a kind, a variable, a path.
    pub name: Arc<str>,
}

/// All modules that are known.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    modules: Map<Arc<str>, Arc<Module>>,
    /// By folder of the module that is called.
    callers: Table,
    /// By the name that others may use: an object's address, a stack's export.
    outside: Table,
    /// Resources and data sources of all modules by their kind.
    everywhere: Table,
    texts: Map<Arc<str>, Arc<str>>,
    installed: Map<(Arc<str>, Arc<str>), Arc<str>>,
    version: u64,
    /// What changed since a version, up to the next one.
    changes: VecDeque<(u64, Arc<Vec<u64>>)>,
    /// What names stand for, each with the answers by which it holds; shared by all states of the workspace.
    known: Arc<Mutex<Known>>,
}

/// Numbers of versions, no two of them the same in one process, so that one workspace is never taken for another.
static VERSIONS: AtomicU64 = AtomicU64::new(1);

/// The folder of a file, with forward slashes; a module's name here.
pub fn folder(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path without `.` and `..`, as far as they can be resolved.
pub fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether an address is that of a block, and not of something bound to an expression such as `each`.
fn is_indexed(address: &str) -> bool {
    address.contains('.')
}

/// Whether an address is that of a resource or module, not of a value.
fn is_no_value(address: &str) -> bool {
    is_indexed(address) && !["var.", "local."].iter().any(|prefix| address.starts_with(prefix))
}

/// Whether an attribute of this name may say which other resource a block is about.
pub(super) fn may_name(attribute: &str) -> bool {
    let whole = ["bucket", "role", "user", "group", "groups", "roles", "users", "network", "subnet", "subnetwork"];
    let ends = ["_id", "_ids", "_arn", "_name", "_identifier"];
    whole.contains(&attribute) || ends.iter().any(|end| attribute.ends_with(end))
}

/// Whether an attribute is no more than a reference to a resource.
fn is_reference(item: &Item) -> bool {
    let Content::Attribute(value) = &item.content else { return false };
    let ExprKind::Traversal(root, steps) = &value.kind else { return false };
    address_of(root, steps).is_some_and(|(address, _)| is_no_value(&address) && !address.starts_with("module."))
}

/// The module that a file belongs to: its folder. A Terragrunt file stands for itself, and so does one in another format but for values
/// of charts.
pub fn module_of(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    let terraform = [".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars", ".tfvars.json", ".pkr.hcl", ".pkrvars.hcl"];
    let is_of_folder = terraform.iter().any(|suffix| name.ends_with(suffix)) || is_values(file);
    if is_of_folder { folder(file) } else { file }
}

/// Whether a file holds values of variables.
pub fn is_variable_file(file: &str) -> bool {
    [".tfvars", ".tfvars.json", ".pkrvars.hcl"].iter().any(|suffix| file.ends_with(suffix)) || is_values(file)
}

impl Key {
    /// A number that stands for it. Two keys with the same number only cost that something is looked at once more.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = FxHasher::default();
        self.hash(&mut hasher);
        let hash = hasher.finish();
        let mixed = (hash ^ hash >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        mixed ^ mixed >> 33
    }
}

impl Workspace {
    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells states of a workspace apart.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Fingerprints of the keys whose answers may have changed since a version; `None` where that is not remembered.
    pub fn changed_since(&self, version: u64) -> Option<impl Iterator<Item = u64>> {
        let from = if version == self.version {
            self.changes.len()
        } else {
            self.changes.iter().rposition(|(from, _)| *from == version)?
        };
        Some(self.changes.iter().skip(from).flat_map(|(_, keys)| keys.iter().copied()))
    }

    /// Takes units of a file away and puts others in.
    pub fn update(&mut self, file: &Arc<str>, removed: &[Arc<Lowered>], added: &[Arc<Lowered>]) {
        // A unit that only moved is no change.
        let (removed, added) = (without(removed, added), without(added, removed));
        if removed.is_empty() && added.is_empty() {
            return;
        }
        let name: Arc<str> = module_of(file).into();
        let mut module = self.modules.get(&name).map(|module| (**module).clone()).unwrap_or_default();
        // One change of a table for each key: a block that was edited goes and comes under the same ones.
        let mut moves: FxHashMap<Key, Vec<(Definition, bool)>> = FxHashMap::default();
        let is_value = is_variable_file(file);
        for (units, add) in [(&removed, false), (&added, true)] {
            for unit in units {
                if unit.broken {
                    module.note_broken(file, unit, add);
                }
                for (index, block) in unit.blocks.iter().enumerate() {
                    let definition = Definition::new(file, unit, index);
                    if !is_value {
                        let number = number(&definition);
                        module.sum =
                            if add { module.sum.wrapping_add(number) } else { module.sum.wrapping_sub(number) };
                    }
                    for key in keys(&name, file, is_value, block) {
                        moves.entry(key).or_default().push((definition.clone(), add));
                    }
                }
            }
        }
        let mut changed = Vec::with_capacity(moves.len() + 2);
        let kinds = module.kinds.size();
        for (key, definitions) in moves {
            changed.push(key.fingerprint());
            let table = match key.what {
                What::Callers => Some(&mut self.callers),
                What::Outside => Some(&mut self.outside),
                What::Everywhere => Some(&mut self.everywhere),
                what => module.table(what),
            };
            if let Some(table) = table {
                change(table, &key.name, &definitions);
            }
        }
        changed.push(all(What::All, &name).fingerprint());
        let kind = |unit: &Arc<Lowered>| unit.blocks.iter().map(|block| Arc::clone(&block.kind)).collect::<Vec<_>>();
        let same_kinds = removed.iter().flat_map(kind).eq(added.iter().flat_map(kind));
        if module.kinds.size() != kinds || !same_kinds {
            changed.push(all(What::Kinds, &name).fingerprint());
        }
        self.modules = self.modules.insert(name, Arc::new(module));
        self.changed(changed);
    }

    /// Takes the text of a file that an expression may read, or its absence.
    pub fn set_text(&mut self, path: &str, text: Option<Arc<str>>) {
        let path: Arc<str> = path.into();
        if self.texts.get(&path) == text.as_ref() {
            return;
        }
        self.texts = match text {
            Some(text) => self.texts.insert(Arc::clone(&path), text),
            None => self.texts.remove(&path),
        };
        let key = Key { module: Arc::clone(&path), what: What::File, name: path };
        self.changed(vec![key.fingerprint()]);
    }

    /// Takes where the module that a call names was installed.
    pub fn set_installed(&mut self, module: &str, call: &str, folder: &str) {
        let (module, call): (Arc<str>, Arc<str>) = (module.into(), call.into());
        self.installed = self.installed.insert((Arc::clone(&module), Arc::clone(&call)), folder.into());
        self.changed(vec![Key { module, what: What::Installed, name: call }.fingerprint()]);
    }

    fn changed(&mut self, keys: Vec<u64>) {
        let next = VERSIONS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.changes.push_back((self.version, Arc::new(keys)));
        self.version = next;
        if self.changes.len() > KEPT_CHANGES {
            self.changes.pop_front();
        }
    }

    /// A number that is another one when the answer to a question is.
    pub fn version_of(&self, key: &Key) -> u64 {
        let module = || self.modules.get(&key.module);
        match key.what {
            What::File => self.texts.get(&key.name).map_or(0, |text| super::digest(text)),
            What::Installed => self
                .installed
                .get(&(Arc::clone(&key.module), Arc::clone(&key.name)))
                .map_or(0, |folder| super::digest(folder)),
            What::All => module().map_or(0, |module| module.sum),
            What::Kinds => self.kinds(&key.module).fold(0, |sum: u64, kind| sum.wrapping_add(super::digest(kind))),
            What::MentionsBy => self.blocks(key).fold(0, |sum, definition| {
                sum.wrapping_add(number(definition).wrapping_mul(definition.count() as u64))
            }),
            _ => self.entries(key).map_or(0, Entries::sum),
        }
    }

    fn entries(&self, key: &Key) -> Option<&Entries> {
        match key.what {
            What::Callers => return self.callers.get(&key.name),
            What::Outside => return self.outside.get(&key.name),
            What::Everywhere => return self.everywhere.get(&key.name),
            _ => {}
        }
        let module = self.modules.get(&key.module)?;
        match key.what {
            What::Definition => module.definitions.get(&key.name),
            What::Mentions => module.mentions.get(&key.name),
            What::MentionsBy => module.mentions.get(key.name.split_once(' ')?.1),
            What::Kind => module.kinds.get(&key.name),
            What::Values => module.values.get(&key.name),
            What::Names => module.names.get(&key.name),
            What::All
            | What::Kinds
            | What::Callers
            | What::Outside
            | What::Everywhere
            | What::File
            | What::Installed => None,
        }
    }

    /// The blocks that answer a question, in a fixed order.
    pub(super) fn blocks<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = &'a Definition> {
        let kind = key.name.split_once(' ').filter(|_| key.what == What::MentionsBy).map(|(kind, _)| kind);
        let is_of_kind = move |definition: &&Definition| kind.is_none_or(|kind| &*definition.block().kind == kind);
        self.entries(key).into_iter().flat_map(Entries::iter).filter(is_of_kind)
    }

    /// Every block of a module, in a fixed order; those of variable files are [`values`](Self::values).
    pub fn all(&self, module: &str) -> Vec<Definition> {
        let tables = self.modules.get(module).map(|module| &module.definitions);
        let mut all: Vec<_> =
            tables.into_iter().flat_map(|table| table.values()).flat_map(Entries::iter).cloned().collect();
        all.sort_by(Definition::place_cmp);
        all
    }

    /// What the variable files of a module say, in a fixed order.
    pub fn values(&self, module: &str) -> Vec<Definition> {
        let tables = self.modules.get(module).map(|module| &module.values);
        let mut all: Vec<_> =
            tables.into_iter().flat_map(|table| table.values()).flat_map(Entries::iter).cloned().collect();
        all.sort_by(Definition::place_cmp);
        all
    }

    /// The calls of a module, in a fixed order. A module that was installed is not known to be called.
    pub fn callers(&self, module: &str) -> Vec<Definition> {
        self.callers.get(module).into_iter().flat_map(Entries::iter).cloned().collect()
    }

    /// The blocks of files that stand for themselves which are known by a name outside of these, or mention it, in a fixed order.
    pub fn outside(&self, name: &str) -> impl Iterator<Item = &Definition> {
        self.outside.get(name).into_iter().flat_map(Entries::iter)
    }

    /// The units of a module that could not be read in full, in order of their files.
    pub fn broken(&self, module: &str) -> Vec<(Arc<str>, Arc<Lowered>)> {
        let files = self.modules.get(module).map(|module| &module.broken);
        let mut all: Vec<_> = files
            .into_iter()
            .flat_map(|files| files.iter())
            .flat_map(|(file, units)| units.iter().map(|unit| (Arc::clone(file), Arc::clone(unit))))
            .collect();
        all.sort_by(|a, b| (&a.0, a.1.digest).cmp(&(&b.0, b.1.digest)));
        all
    }

    /// A number that tells states of a module apart: its blocks, its variable files, what could not be read of it.
    pub fn sum(&self, module: &str) -> u64 {
        let Some(tables) = self.modules.get(module) else { return 0 };
        let values = tables.values.values().fold(0, |sum: u64, entries| sum.wrapping_add(entries.sum()));
        let broken = tables.broken.values().flat_map(|units| units.iter());
        let broken = broken.fold(0, |sum: u64, unit| sum.wrapping_add(unit.digest));
        tables.sum.wrapping_add(values.rotate_left(21)).wrapping_add(broken.rotate_left(42))
    }

    /// The kinds of which a module has a block.
    pub(super) fn kinds(&self, module: &str) -> impl Iterator<Item = &str> {
        self.modules.get(module).into_iter().flat_map(|module| module.kinds.keys()).map(|kind| &**kind)
    }

    /// Whether the text of a file is there.
    pub fn has_text(&self, path: &str) -> bool {
        self.texts.contains_key(path)
    }

    pub(super) fn text(&self, path: &str) -> Option<&Arc<str>> {
        self.texts.get(path)
    }

    pub(super) fn installed(&self, module: &Arc<str>, call: &Arc<str>) -> Option<&Arc<str>> {
        self.installed.get(&(Arc::clone(module), Arc::clone(call)))
    }

    /// Whether a folder holds a module that is known.
    pub fn has_module(&self, folder: &str) -> bool {
        self.modules.get(folder).is_some_and(|module| !module.kinds.is_empty())
    }

    /// The folders of all modules.
    pub fn modules(&self) -> BTreeSet<&str> {
        self.modules.keys().map(|name| &**name).collect()
    }

    /// The folders of the modules that a module calls, as far as they are on disk.
    pub fn callees(&self, module: &str) -> BTreeSet<String> {
        let calls = self.modules.get(module).and_then(|module| module.kinds.get("module"));
        calls.into_iter().flat_map(Entries::iter).filter_map(|call| callee(module, call.block())).collect()
    }

    /// The blocks of a module that mention an address, in a fixed order.
    pub fn mentioning(&self, module: &str, address: &str) -> impl Iterator<Item = &Definition> {
        self.modules.get(module).and_then(|module| module.mentions.get(address)).into_iter().flat_map(Entries::iter)
    }

    /// The folder of the module that a block of a module calls, where what it says is known.
    pub fn called(&self, module: &Arc<str>, call: &Block) -> Option<Arc<str>> {
        let folder = callee(module, call).map(Arc::from).or_else(|| {
            let name = call.address.strip_prefix("module.")?;
            self.installed(module, &name.into()).cloned()
        });
        folder.filter(|folder| self.has_module(folder))
    }

    /// The blocks of a module of some kinds, in no order that means anything.
    pub fn of_kinds(&self, module: &str, is_wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = &Definition> {
        let kinds = self.modules.get(module).into_iter().flat_map(|module| module.kinds.iter());
        kinds.filter(move |(kind, _)| is_wanted(kind)).flat_map(|(_, entries)| entries.iter())
    }

    /// The resources (`aws_vpc`) or data sources (`data.aws_vpc`) of a kind in all modules, in a fixed order.
    pub fn everywhere(&self, kind: &str) -> impl Iterator<Item = &Definition> {
        self.everywhere.get(kind).into_iter().flat_map(Entries::iter)
    }

    /// What tells whether [`Workspace::everywhere`] has other blocks than before.
    pub fn version_everywhere(&self, kind: &str) -> u64 {
        self.everywhere.get(kind).map_or(0, Entries::sum)
    }

    /// The blocks with an address, those in override files too, in a fixed order.
    pub fn definitions(&self, module: &str, address: &str) -> impl Iterator<Item = &Definition> {
        self.modules.get(module).and_then(|module| module.definitions.get(address)).into_iter().flat_map(Entries::iter)
    }

    /// Where the block with an address stands.
    pub fn definition(&self, module: &str, address: &str) -> Option<&Definition> {
        self.definitions(module, address).next()
    }
}

/// Units without those that are among others, each as often as it is.
fn without(units: &[Arc<Lowered>], others: &[Arc<Lowered>]) -> Vec<Arc<Lowered>> {
    let mut left: FxHashMap<u64, usize> = FxHashMap::default();
    for other in others {
        *left.entry(other.digest).or_default() += 1;
    }
    let is_among = |unit: &&Arc<Lowered>| match left.get_mut(&unit.digest) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    let mut is_among = is_among;
    units.iter().filter(|unit| !is_among(unit)).cloned().collect()
}

fn change(table: &mut Table, key: &Arc<str>, definitions: &[(Definition, bool)]) {
    let entries = table.get(key).cloned().unwrap_or_default().with(definitions);
    if entries.is_empty() {
        table.remove_mut(key);
    } else {
        table.insert_mut(Arc::clone(key), entries);
    }
}

/// A question about a module as a whole.
pub(super) fn all(what: What, module: &Arc<str>) -> Key {
    Key { module: Arc::clone(module), what, name: Arc::default() }
}

/// The resources or data sources of a kind, in all modules.
fn everywhere(kind: &Arc<str>) -> Key {
    Key { module: Arc::default(), what: What::Everywhere, name: Arc::clone(kind) }
}

/// Everything under which a block can be asked for.
fn keys(module: &Arc<str>, file: &str, is_value: bool, block: &Block) -> Vec<Key> {
    let key = |what, name: &Arc<str>| Key { module: Arc::clone(module), what, name: Arc::clone(name) };
    if is_value {
        return vec![key(What::Values, &block.address)];
    }
    let mut keys = vec![key(What::Definition, &block.address), key(What::Kind, &block.kind)];
    if block.is_resource() || block.is_data() {
        keys.push(everywhere(&block.kind));
    }
    for item in block.body.entries.iter().filter(|item| may_name(&item.name) && !is_reference(item)) {
        keys.push(key(What::Names, &format!("{}.{}", block.kind, item.name).into()));
    }
    // The names of a template have no dot.
    let all = &**module == file;
    for mention in block.mentions.iter().filter(|mention| all || is_indexed(mention)) {
        keys.push(key(What::Mentions, mention));
        if all || is_no_value(mention) {
            keys.push(key(What::MentionsBy, &format!("{} {mention}", block.kind).into()));
        }
    }
    for name in names(block).filter(|_| all) {
        keys.push(Key { module: Arc::default(), what: What::Outside, name: Arc::clone(name) });
    }
    if let Some(callee) = callee(module, block) {
        let callee: Arc<str> = callee.into();
        keys.push(Key { module: Arc::clone(&callee), what: What::Callers, name: callee });
    }
    keys
}

/// The folder of the module that a block calls, where that is one on disk.
pub fn callee(module: &str, block: &Block) -> Option<String> {
    if &*block.kind != "module" || !block.address.starts_with("module.") {
        return None;
    }
    let source = block.text("source")?;
    (source.starts_with("./") || source.starts_with("../") || matches!(source, "." | ".."))
        .then(|| normal(&format!("{module}/{source}")))
}
