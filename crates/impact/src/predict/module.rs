//! Two states of one module.

use super::diff::Compared;
use super::half::{Declared, Half};
use super::harm::States;
use super::instances::is_none;
use super::moves::{Statements, plain};
use super::providers::{self, Elsewhere};
use super::resource::refused;
use super::similar::{Words, matched, words};
use super::{ByAddress, names};
use crate::change::{Action, Change, Place, Reason};
use crate::tables::Tables;
use countersign_infra::terraform::{Definition, Instances, module_of};
use countersign_infra::{Body, Field, Format};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Blocks of one kind that are gone and new, up to which they are compared with each other.
const MAX_COMPARED: usize = 100;

/// What was found so far.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) changes: Vec<Change>,
    /// What was found of modules by themselves: folder and address.
    alone: BTreeMap<(Arc<str>, String), (Action, bool)>,
    /// Resources that are gone and new, of modules by themselves.
    pub(super) gone: Vec<Loose>,
    pub(super) new: Vec<Loose>,
}

/// A resource that is in one of the states only.
pub(super) struct Loose {
    pub(super) folder: Arc<str>,
    pub(super) address: Arc<str>,
    pub(super) definition: Definition,
}

/// Two states of one module.
pub(super) struct Pair<'w> {
    pub(super) before: Half<'w>,
    pub(super) after: Half<'w>,
    pub(super) tables: Tables,
    /// What stands before the addresses inside: `module.a.`, empty for a module by itself.
    prefix: String,
    /// Where changes are shown: the call that leads here.
    shown: Option<Place>,
    pub(super) statements: Rc<Statements>,
    /// What those say that call this module, each with what stands before the addresses here.
    pub(super) outer: Vec<(String, Rc<Statements>)>,
    /// Names whose values are not what they were.
    pub(super) changed: BTreeSet<String>,
    /// Addresses to which Terraform itself adds `[0]`, or from which it takes it away.
    implied: BTreeSet<String>,
    /// Providers that look elsewhere now.
    pub(super) elsewhere: BTreeMap<String, Elsewhere>,
}

impl<'w> Pair<'w> {
    /// A module by itself.
    pub(super) fn new(before: Half<'w>, after: Half<'w>, tables: &Tables) -> Self {
        let changed = names::changed(&before, &after, &BTreeSet::new());
        let tables = tables.of(&after.folder, |provider| after.versions(provider));
        let mut pair = Self::with(before, after, tables, changed, String::new(), None);
        pair.outer = pair.callers();
        pair
    }

    /// What the `moved` blocks say where this module is called.
    fn callers(&self) -> Vec<(String, Rc<Statements>)> {
        let calls = self.after.workspace.callers(&self.after.folder);
        let of = |call: &Definition| {
            let folder = module_of(&call.file);
            if folder == &*self.after.folder {
                return None;
            }
            let statements = Statements::new(&self.before.by_itself(folder), &self.after.by_itself(folder));
            Some((format!("{}.", call.block().address), Rc::new(statements)))
        };
        calls.iter().filter_map(of).collect()
    }

    /// The module that a call leads to in both states. `arguments` are the variables for which something else is passed.
    pub(super) fn inside(
        &self,
        (before, after): (Half<'w>, Half<'w>),
        address: &str,
        shown: Place,
        arguments: &BTreeSet<String>,
    ) -> Self {
        let changed = names::changed(&before, &after, arguments);
        let prefix = format!("{}{address}.", self.prefix);
        let shown = self.shown.clone().unwrap_or(shown);
        let mut inside = Self::with(before, after, self.tables.clone(), changed, prefix, Some(shown));
        let outer = self.outer.iter().map(|(before, it)| (format!("{before}{address}."), Rc::clone(it)));
        inside.outer = outer.chain([(format!("{address}."), Rc::clone(&self.statements))]).collect();
        let inherited = self.elsewhere.iter().filter(|(provider, _)| !provider.contains('.'));
        inside.elsewhere.extend(inherited.map(|(provider, it)| (provider.clone(), it.clone())));
        inside
    }

    pub(super) fn with(
        before: Half<'w>,
        after: Half<'w>,
        tables: Tables,
        changed: BTreeSet<String>,
        prefix: String,
        shown: Option<Place>,
    ) -> Self {
        let statements = Rc::new(Statements::new(&before, &after));
        let counts =
            |half: &Half<'_>, address: &str| half.said(address).iter().any(|definition| has(definition, "count"));
        let each =
            |half: &Half<'_>, address: &str| half.said(address).iter().any(|definition| has(definition, "for_each"));
        let in_both = before.resources().filter(|address| after.blocks.contains_key(*address));
        let implied = in_both
            .filter(|address| !each(&before, address) && !each(&after, address))
            .filter(|address| counts(&before, address) != counts(&after, address))
            .map(ToString::to_string)
            .collect();
        let elsewhere = providers::elsewhere(&before, &after);
        let outer = Vec::new();
        Self { before, after, tables, prefix, shown, statements, outer, changed, implied, elsewhere }
    }

    /// Whether this is a module by itself and not one that a call leads to.
    pub(super) fn is_alone(&self) -> bool {
        self.prefix.is_empty()
    }

    /// Length of what stands before the addresses inside.
    pub(super) fn prefix_len(&self) -> usize {
        self.prefix.len()
    }

    /// A change of something in this module. `place` is where it is, unless a call leads here.
    pub(super) fn change(&self, kind: &str, address: &str, place: Place, action: Action) -> Change {
        let module = if self.is_alone() { &self.after.folder } else { &self.after.route.root };
        let place = self.shown.clone().unwrap_or(place);
        super::change(module, format!("{}{address}", self.prefix), kind, place, action)
    }

    /// What is said of the two states of a block.
    pub(super) fn compared<'a>(
        &'a self,
        kind: &'a str,
        (from, to): (&str, &str),
        names: &'a (impl Fn(&str) -> Option<String>, impl Fn(&str) -> Option<String>),
    ) -> Compared<'a> {
        Compared {
            kind,
            tables: &self.tables,
            before: self.before.said(from),
            after: self.after.said(to),
            names: [&names.0, &names.1],
            changed: &self.changed,
            halves: [&self.before, &self.after],
        }
    }

    /// Other names for addresses: of before, as they are called now; of after, without keys that Terraform itself adds.
    pub(super) fn names(&self) -> (impl Fn(&str) -> Option<String> + '_, impl Fn(&str) -> Option<String> + '_) {
        let short = |address: &str| {
            let outer = address.strip_suffix("[0]")?;
            self.implied.contains(outer).then(|| outer.to_owned())
        };
        let before = move |address: &str| match self.statements.target(address) {
            // Where a block of that address is still there, the statement is not about it.
            Some(to) if !self.after.blocks.contains_key(address) => Some(short(&to).unwrap_or(to)),
            _ => short(address),
        };
        (before, short)
    }

    /// Compares all resources, the state's place and what is said of providers.
    pub(super) fn compare(&self, seen: &mut Seen) {
        let mut gone: Vec<&Arc<str>> = Vec::new();
        let mut taken: BTreeSet<String> = BTreeSet::new();
        let mut pairs: Vec<(&Arc<str>, String)> = Vec::new();
        for address in self.before.resources() {
            if self.after.blocks.contains_key(address) {
                taken.insert(address.to_string());
                pairs.push((address, self.own_instance(address)));
                continue;
            }
            match self.statements.target(address) {
                Some(to) if self.is_free(&to) => {
                    taken.insert(plain(&to));
                    pairs.push((address, to));
                }
                _ => gone.push(address),
            }
        }
        let new: Vec<&Arc<str>> = self.after.resources().filter(|address| !taken.contains(&***address)).collect();
        let renamed = self.renamed(&gone, &new, &self.before, &self.after);
        let mut found: Vec<Change> = Vec::new();
        for (from, to) in &pairs {
            found.extend(self.resource(from, to));
        }
        // A job that is gone takes nothing along.
        let lives = |half: &Half<'_>, address: &str| Format::of_kind(&half.kind(address)) != Format::Workflow;
        gone.retain(|address| lives(&self.before, address));
        for address in &gone {
            found.extend(self.gone(address, renamed.get(&***address).map(String::as_str)));
        }
        for address in &new {
            found.extend(self.created(address, &renamed));
        }
        let pairs: Vec<_> = pairs.into_iter().map(|(from, to)| (from, plain(&to))).collect();
        self.follow(&pairs, &mut found);
        self.state(&mut found);
        self.documents(&mut found);
        self.selectors(&mut found);
        if self.is_alone() {
            self.loose(&gone, &new, seen);
            for change in &found {
                let key = (Arc::clone(&self.after.folder), change.address.clone());
                seen.alone.insert(key, (change.action, change.certain));
            }
        } else {
            // What holds for the module by itself has been said there.
            let is_same_folder = self.before.folder == self.after.folder;
            found.retain(|change| {
                let local = change.address.strip_prefix(&self.prefix).unwrap_or(&change.address);
                let known = seen.alone.get(&(Arc::clone(&self.after.folder), local.to_owned()));
                !is_same_folder
                    || known.is_none_or(|(action, certain)| *action != change.action || !certain && change.certain)
            });
        }
        seen.changes.extend(found);
    }

    /// Notes what is in one of the states only, which may be in another folder.
    pub(super) fn loose(&self, gone: &[&Arc<str>], new: &[&Arc<str>], seen: &mut Seen) {
        if !self.is_alone() {
            return;
        }
        let loose = |half: &Half<'_>, address: &Arc<str>| {
            let definition = half.main(address)?.clone();
            Some(Loose { folder: Arc::clone(&half.folder), address: Arc::clone(address), definition })
        };
        seen.gone.extend(gone.iter().filter_map(|address| loose(&self.before, address)));
        seen.new.extend(new.iter().filter_map(|address| loose(&self.after, address)));
    }

    /// Notes all that is in one of the states only.
    pub(super) fn note_loose(&self, seen: &mut Seen) {
        let only = |of: &Half<'_>, other: &Half<'_>| -> Vec<Arc<str>> {
            of.resources().chain(of.calls()).filter(|address| !other.blocks.contains_key(*address)).cloned().collect()
        };
        let (gone, new) = (only(&self.before, &self.after), only(&self.after, &self.before));
        self.loose(&gone.iter().collect::<Vec<_>>(), &new.iter().collect::<Vec<_>>(), seen);
    }

    /// An address that stays, or the one of its own instances that a `moved` block moves it to.
    pub(super) fn own_instance(&self, address: &str) -> String {
        self.statements.target(address).filter(|to| plain(to) == address).unwrap_or_else(|| address.to_owned())
    }

    /// Whether an address is there for something that is moved to it.
    pub(super) fn is_free(&self, to: &str) -> bool {
        let whole = plain(to);
        self.after.blocks.contains_key(whole.as_str()) && (whole != to || !self.before.blocks.contains_key(to))
    }

    /// New blocks that are likely to be old ones under another name.
    pub(super) fn renamed(
        &self,
        gone: &[&Arc<str>],
        new: &[&Arc<str>],
        before: &Half<'_>,
        after: &Half<'_>,
    ) -> BTreeMap<String, String> {
        type Named = Vec<(String, Words)>;
        let mut by_kind: ByAddress<(Named, Named)> = BTreeMap::new();
        for address in gone {
            if let Some(definition) = before.main(address) {
                let kind = by_kind.entry(Arc::clone(&definition.block().kind)).or_default();
                kind.0.push((address.to_string(), words(definition)));
            }
        }
        for address in new.iter().filter(|address| !self.statements.imports(address)) {
            if let Some(definition) = after.main(address) {
                let kind = by_kind.entry(Arc::clone(&definition.block().kind)).or_default();
                kind.1.push((address.to_string(), words(definition)));
            }
        }
        let is_small = |(gone, new): &&(Named, Named)| gone.len().max(new.len()) <= MAX_COMPARED;
        by_kind.values().filter(is_small).flat_map(|(gone, new)| matched(gone, new)).collect()
    }

    /// A resource that was not there before.
    /// What one that is gone and is likely to be the same allowed already is nothing new.
    fn created(&self, address: &str, renamed: &BTreeMap<String, String>) -> Option<Change> {
        let from = renamed.iter().find(|(_, to)| to.as_str() == address).map(|(from, _)| from.as_str());
        let definition = self.after.main(address)?;
        let block = definition.block();
        let mut change = self.change(&block.kind, address, self.after.anchor(definition), Action::Create);
        let mut say = |why: String| change.reasons.push(Reason { attribute: None, why, place: None });
        // It was somewhere else, and that is said there.
        if self.outer.iter().any(|(prefix, statements)| statements.arrives(&format!("{prefix}{address}"))) {
            return None;
        }
        if self.statements.imports(address) {
            say("an `import` block says that it takes over what is there already, and it may change that".to_owned());
            (change.action, change.certain) = (Action::Update, false);
            return Some(change);
        }
        if self.after.is_repeated(address) {
            say(format!("`{address}` is declared more than once{}", refused(&block.kind)));
            (change.action, change.certain) = (Action::Unknown, false);
            return Some(change);
        }
        let declared = self.after.declared(definition);
        match declared.as_ref().map(|declared| &declared.instances) {
            Some(instances) if is_none(instances) => return None,
            Some(Instances::Count(None) | Instances::Keys(None)) => change.certain = false,
            _ => {}
        }
        if let Some(file) = self.before.may_hold(address) {
            let why =
                format!("{} could not be read in full before, so it may have been there", super::words::file(&file));
            change.reasons.push(Reason { attribute: None, why, place: None });
            (change.action, change.certain) = (Action::Unknown, false);
        }
        let from =
            from.filter(|from| self.is_only_renamed(from, address, renamed)).and_then(|from| self.before.main(from));
        let old = from.and_then(|from| self.before.declared(from));
        let body = |declared: &Declared| declared.bodies.first().map(|resource| resource.body.clone());
        let (old, new) = (old.as_ref().and_then(body), declared.as_ref().and_then(body));
        let states = States::new(old.as_ref().zip(from), new.as_ref(), definition);
        self.add_differences(&mut change, &states);
        // They are said of what it takes the place of.
        change.protections_removed.clear();
        Some(change)
    }

    /// Policy documents that allow more, and of which no resource here shows it: they go to a module, an output, a file that is
    /// not read.
    fn documents(&self, found: &mut Vec<Change>) {
        const KIND: &str = "data.aws_iam_policy_document";
        for definition in self.after.of_kind(KIND) {
            let address = &definition.block().address;
            let shows = |change: &Change| {
                let local =
                    change.renamed_to.as_deref().or(change.address.get(self.prefix.len()..)).unwrap_or_default();
                let uses = |half: &Half<'_>| half.said(local).iter().any(|it| it.block().mentions(address));
                !change.widened.is_empty() && (uses(&self.after) || uses(&self.before))
            };
            if !self.changed.contains(&**address) || found.iter().any(shows) {
                continue;
            }
            let policy = |half: &Half<'_>| {
                let definition = half.main(address)?;
                let value = half.with(|scope| scope.policy_document(definition))?;
                let field = Field { name: "json".to_owned(), range: value.range.clone(), value };
                Some(Body { fields: vec![field], ..Body::default() })
            };
            let (before, after) = (policy(&self.before), policy(&self.after));
            let mut change = self.change(KIND, address, self.after.anchor(definition), Action::Update);
            change.certain = false;
            let states = States::new(before.as_ref().zip(self.before.main(address)), after.as_ref(), definition);
            if self.add_differences(&mut change, &states) {
                let why = "what it renders is used elsewhere".to_owned();
                change.reasons.push(Reason { attribute: None, why, place: None });
                found.push(change);
            }
        }
    }

    /// Whether a new block says what one that is gone said, but for how it is called and described.
    fn is_only_renamed(&self, from: &str, to: &str, renamed: &BTreeMap<String, String>) -> bool {
        const NAMING: &[&str] = &["name", "name_prefix", "description", "tags", "labels", "sid"];
        let text = |half: &Half<'_>, address: &str, names: &dyn Fn(&str) -> Option<String>| {
            let mut text = String::new();
            let items = half.said(address).iter().flat_map(|it| &it.block().body.entries);
            items.filter(|item| !NAMING.contains(&&*item.name)).for_each(|item| item.write(names, &mut text));
            text
        };
        text(&self.before, from, &|name| renamed.get(name).cloned()) == text(&self.after, to, &|_| None)
    }

    /// Where the state is kept.
    fn state(&self, found: &mut Vec<Change>) {
        if !self.is_alone() {
            return;
        }
        let backends = |half: &'_ Half<'_>| -> BTreeMap<Arc<str>, (String, Definition)> {
            let all = half.blocks.values().flatten().filter(|it| it.block().kind.starts_with("backend."));
            let all = all.map(|definition| {
                let mut text = String::new();
                definition.block().body.write(&|_| None, &mut text);
                (Arc::clone(&definition.block().address), (text, definition.clone()))
            });
            all.collect()
        };
        let (before, after) = (backends(&self.before), backends(&self.after));
        let texts = |of: &BTreeMap<Arc<str>, (String, Definition)>| -> Vec<(Arc<str>, String)> {
            of.iter().map(|(address, (text, _))| (Arc::clone(address), text.clone())).collect()
        };
        if texts(&before) == texts(&after) || !self.before.is_there() || !self.after.is_there() {
            return;
        }
        let is_new = |address: &Arc<str>, text: &str, of: &BTreeMap<Arc<str>, (String, Definition)>| {
            of.get(address).is_none_or(|(other, _)| other != text)
        };
        let shown = after.iter().find(|(address, (text, _))| is_new(address, text, &before));
        let (half, (address, (_, definition))) = match shown.or(after.iter().next()) {
            Some(shown) => (&self.after, shown),
            None => match before.iter().next() {
                Some(shown) => (&self.before, shown),
                None => return,
            },
        };
        let mut change = self.change(&definition.block().kind, address, half.anchor(definition), Action::Unknown);
        let why =
            "where the state is kept changes; unless the state is moved there (`terraform init -migrate-state`), \
                   Terraform finds nothing of what is live and creates all of it again"
                .to_owned();
        change.reasons.push(Reason { attribute: None, why, place: Some(half.anchor(definition)) });
        found.push(change);
    }
}

fn has(definition: &Definition, name: &str) -> bool {
    definition.block().body.attribute(name).is_some()
}
