//! What statements of SQL do to a database when they run.
//!
//! A migration runs once: what counts is what it says now and did not say before. A statement that is there no more has run, or
//! never will, and takes nothing along. Which tables are live is presumed: all but those that something new makes.
//!
//! Sources: PostgreSQL 18, "ALTER TABLE", "Explicit Locking"; MySQL 8.4, "Online DDL Operations".

use super::columns::{Fit, fit};
use super::module::{Pair, Seen};
use super::resource::raise;
use super::{ByAddress, words};
use crate::change::{Action, Change, Loss, Reason, Widened, Widening};
use countersign_infra::terraform::{Definition, Workspace};
use countersign_infra::{Body, Format, Value, ValueKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What says that a table is made, by its schema and name.
const TABLE: &str = "sql/table";

impl Pair<'_> {
    /// Adds what the statements of a file do that are new in it.
    pub(super) fn statements(&self, seen: &mut Seen) {
        let is_mysql = self.after.blocks.contains_key("dialect mysql");
        let is_other = self.after.blocks.contains_key("dialect other");
        let locks = !is_mysql && !is_other;
        let mut found: ByAddress<Change> = BTreeMap::new();
        for definition in self.new_statements() {
            let Some(body) = self.after.declared(definition).and_then(|it| it.bodies.into_iter().next()) else {
                continue;
            };
            let statement = Statement { definition, body: body.body, locks, pair: self };
            let Some(change) = statement.change() else { continue };
            match found.get_mut(&*change.address) {
                None => _ = found.insert(change.address.as_str().into(), change),
                Some(known) => add(known, change),
            }
        }
        seen.changes.extend(found.into_values());
        seen.changes.extend(self.unread());
    }

    /// The statements that are not in the state before, or not as often.
    fn new_statements(&self) -> Vec<&Definition> {
        let mut before: BTreeMap<String, usize> = BTreeMap::new();
        for definition in self.before.blocks.values().flatten() {
            *before.entry(written(definition)).or_default() += definition.count();
        }
        let is_new = |definition: &&Definition| {
            let known = before.get_mut(&written(definition));
            match known {
                Some(left) if *left >= definition.count() => {
                    *left -= definition.count();
                    false
                }
                _ => true,
            }
        };
        self.after.blocks.values().flatten().filter(is_new).collect()
    }

    /// Whether a table is made by something that is new: in this file, or in another one that is not applied yet.
    fn is_new_table(&self, table: &str) -> bool {
        let address = format!("table {table}");
        let made =
            |workspace: &Workspace| workspace.everywhere(TABLE).filter(|it| *it.block().address == *address).count();
        self.after.blocks.contains_key(address.as_str()) || made(self.after.workspace) > made(self.before.workspace)
    }

    /// The type that a column has before this, where all that is said of it says the same.
    fn type_of(&self, table: &str, column: &str) -> Option<String> {
        let text = |definition: &Definition, of: &dyn Fn(&Body) -> Option<String>| {
            self.before.declared(definition)?.bodies.iter().find_map(|resource| of(&resource.body))
        };
        let made = |body: &Body| {
            let ValueKind::Object(columns) = &body.value("columns")?.kind else { return None };
            columns.value(column)?.as_str().map(str::to_owned)
        };
        let said = |body: &Body| body.value("type")?.as_str().map(str::to_owned);
        let workspace = self.before.workspace;
        let (whole, one) = (format!("table {table}"), format!("{table}.{column}"));
        let of_table =
            workspace.everywhere(TABLE).filter(|it| *it.block().address == *whole).filter_map(|it| text(it, &made));
        let of_column = ["sql/add-column", "sql/alter-type"]
            .into_iter()
            .flat_map(|kind| workspace.everywhere(kind))
            .filter(|it| *it.block().address == *one)
            .filter_map(|it| text(it, &said));
        let mut types = of_table.chain(of_column);
        let first = types.next()?;
        types.all(|other| fit(&first, &other) == Fit::Same && fit(&other, &first) == Fit::Same).then_some(first)
    }

    /// What is said of a file of which not all could be read.
    fn unread(&self) -> Option<Change> {
        let known = |digest: u64| self.before.broken.iter().any(|(_, unit)| unit.digest == digest);
        let (file, unit) = self.after.broken.iter().find(|(_, unit)| !known(unit.digest))?;
        let name = words::file(file);
        let place =
            crate::change::Place { side: self.after.side, file: Arc::clone(file), unit: unit.digest, range: 0..0 };
        let mut change = self.change("sql/file", name, place, Action::Unknown);
        let why = "a statement of it cannot be read, so what else it does is not known".to_owned();
        change.reasons.push(Reason { attribute: None, why, place: None });
        Some(change)
    }
}

/// A statement in one spelling.
fn written(definition: &Definition) -> String {
    let block = definition.block();
    let mut text = format!("{} {} ", block.kind, block.address);
    block.body.write(&|_| None, &mut text);
    text
}

/// Adds what another statement does with the same thing.
fn add(known: &mut Change, other: Change) {
    if super::resource::weight(other.action, other.certain) > super::resource::weight(known.action, known.certain) {
        (known.kind, known.place) = (other.kind, other.place);
    }
    raise(known, other.action, other.certain);
    known.reasons.extend(other.reasons);
    known.renamed_to = known.renamed_to.take().or(other.renamed_to);
    known.loss = known.loss.take().or(other.loss);
    known.interruption = known.interruption.take().or(other.interruption);
    known.widened.extend(other.widened);
}

/// A statement that is new.
struct Statement<'p, 'w> {
    definition: &'p Definition,
    body: Body,
    /// Whether locks are taken as PostgreSQL takes them.
    locks: bool,
    pair: &'p Pair<'w>,
}

impl Statement<'_, '_> {
    fn is(&self, name: &str) -> bool {
        self.body.value(name).and_then(Value::as_bool).unwrap_or_default()
    }

    fn text(&self, name: &str) -> &str {
        self.body.value(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn reason(&self, attribute: Option<&str>, why: String) -> Reason {
        let place = Some(self.pair.after.anchor(self.definition));
        Reason { attribute: attribute.map(str::to_owned), why, place }
    }

    /// What it does to what is live; `None` where that is nothing, or nothing that is known.
    fn change(&self) -> Option<Change> {
        let block = self.definition.block();
        let table =
            [self.text("table"), self.text("name")].into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        let (kind, address) = (&*block.kind, &*block.address);
        if kind != TABLE && !table.is_empty() && self.pair.is_new_table(table) {
            return None;
        }
        let place = self.pair.after.anchor(self.definition);
        let change = |action| self.pair.change(kind, address, place.clone(), action);
        let mut change = match kind.strip_prefix("sql/")? {
            "table" | "drop-table" if self.is("temporary") => return None,
            "table" => {
                let name = self.text("name");
                self.pair.change(kind, name, place.clone(), Action::Create)
            }
            "drop-table" => {
                self.lost(change(Action::Destroy), "the table, every row of it and its indexes", "is dropped")
            }
            "drop-database" => self.lost(change(Action::Destroy), "every table of the database", "is dropped"),
            "drop-schema" if self.is("cascade") => {
                self.lost(change(Action::Destroy), "every table of the schema", "is dropped with all that is in it")
            }
            "drop-column" => self.lost(change(Action::Destroy), "what is in the column, in every row", "is dropped"),
            "truncate" if self.is("cascade") => {
                self.lost(change(Action::Update), "every row of it and of every table that refers to it", "is emptied")
            }
            "truncate" => self.lost(change(Action::Update), "every row of it", "is emptied"),
            "delete" if !self.is("limited") => {
                self.lost(change(Action::Update), "every row of it", "is emptied: `DELETE` does not say of which rows")
            }
            "update" if !self.is("limited") => {
                let mut change = change(Action::Update);
                let why =
                    "`UPDATE` does not say of which rows: what they held in its columns is overwritten".to_owned();
                change.reasons.push(self.reason(None, why));
                let why = "whoever writes to it waits until every row is written anew".to_owned();
                change.interruption = Some(self.reason(None, why));
                change
            }
            "rename" => {
                let mut change = change(Action::Rename);
                change.renamed_to = Some(self.renamed_to());
                let why = "what asks for it under its old name fails from then on".to_owned();
                change.interruption = Some(self.reason(None, why));
                change
            }
            "alter-type" => self.retyped(change(Action::Update))?,
            "grant" if self.is("to_public") && self.is("everything") => {
                self.opened(change(Action::Update), Widened::Identity, "everybody may do anything with it")
            }
            "role" if self.is("superuser") => {
                self.opened(change(Action::Update), Widened::Identity, "it is asked for no permission any more")
            }
            "row-security" if !self.is("enabled") => {
                self.opened(change(Action::Update), Widened::Identity, "its policies of rows do not count any more")
            }
            _ => self.locked(change(Action::Update))?,
        };
        if self.is("if_exists") && change.action == Action::Destroy {
            change.certain = false;
            change.reasons.push(self.reason(None, "`IF EXISTS`: nothing happens where it is not there".to_owned()));
        }
        Some(change)
    }

    fn lost(&self, mut change: Change, what: &str, why: &str) -> Change {
        change.reasons.push(self.reason(None, format!("it {why}")));
        change.loss = Some(Loss { why: format!("{what}: gone once this runs"), saved_by: None });
        change
    }

    fn opened(&self, mut change: Change, what: Widened, why: &str) -> Change {
        change.widened.push(Widening { what, reason: self.reason(None, why.to_owned()) });
        change
    }

    /// The new address of what is renamed.
    fn renamed_to(&self) -> String {
        match self.text("object") {
            "column" => format!("{}.{}", self.text("table"), self.text("to")),
            _ => self.text("to").to_owned(),
        }
    }

    /// A column that gets another type.
    fn retyped(&self, mut change: Change) -> Option<Change> {
        let to = self.text("type");
        let from = self.pair.type_of(self.text("table"), self.text("column"));
        // MySQL says the whole column anew, for whatever is different about it.
        if from.as_deref() == Some(to) {
            return None;
        }
        let fit = from.as_deref().map_or(Fit::Unknown, |from| fit(from, to));
        let was = from.map_or_else(|| format!("its type becomes `{to}`"), |from| format!("`{from}` becomes `{to}`"));
        change.reasons.push(self.reason(Some("type"), was));
        match fit {
            Fit::Same | Fit::Holds => {}
            Fit::Refused => {
                let why = format!("where a value does not fit into `{to}`, the statement fails");
                change.reasons.push(self.reason(Some("type"), why));
            }
            Fit::Lost => {
                let why = format!(
                    "what `{to}` does not hold (decimals, a time of day, a zone): rounded or cut off in every row"
                );
                change.loss = Some(Loss { why, saved_by: None });
            }
            Fit::Unknown => {
                let why = format!("whether `{to}` holds all that is in it is not known");
                change.reasons.push(self.reason(Some("type"), why));
            }
        }
        if self.locks && fit != Fit::Same && !self.is_said("emptied") {
            let why = "in most cases the whole table is written anew, and nobody reads it meanwhile".to_owned();
            change.interruption = Some(self.reason(None, why));
        }
        Some(change)
    }

    /// Whether the file does something else with the same table.
    fn is_said(&self, what: &str) -> bool {
        self.pair.after.blocks.contains_key(format!("{what} {}", self.text("table")).as_str())
    }

    /// What holds others up while it runs.
    fn locked(&self, mut change: Change) -> Option<Change> {
        let kind = &*self.definition.block().kind;
        if matches!(kind, "sql/add-column" | "sql/add-constraint" | "sql/create-index") {
            (change.action, change.certain) = (Action::Create, true);
        }
        let why = match kind {
            "sql/create-index" if self.is("concurrently") => return Some(change),
            "sql/create-index" => "nobody writes to the table until the index is built",
            "sql/add-constraint" => match self.text("constraint") {
                "FOREIGN KEY" | "CHECK" if self.is("not_valid") => return Some(change),
                "FOREIGN KEY" | "CHECK" => "every row is checked while nobody writes to the table",
                _ if self.is("using_index") => return Some(change),
                _ => "nobody writes to the table until its index is built",
            },
            "sql/add-column" if self.is("rewrites") => "the whole table is written anew, and nobody reads it meanwhile",
            "sql/add-column" if self.is("unique") => "nobody writes to the table until its index is built",
            "sql/add-column" if self.is("references") => "every row is checked while nobody writes to the table",
            "sql/add-column" => return Some(change),
            "sql/set-not-null" if !self.is_said("validated") => "every row is checked while nobody reads the table",
            "sql/rebuild" if !self.is("concurrently") => {
                "nobody writes to it, and mostly nobody reads it, until it is done"
            }
            _ => return None,
        };
        if self.locks && !self.is_said("emptied") {
            change.interruption = Some(self.reason(None, why.to_owned()));
            return Some(change);
        }
        (change.action == Action::Create).then_some(change)
    }
}

/// Whether two states of a module are those of a file of statements.
pub(super) fn are_statements(pair: &Pair<'_>) -> bool {
    let mut all = pair.before.blocks.values().chain(pair.after.blocks.values()).flatten();
    all.next().is_some_and(|definition| Format::of_kind(&definition.block().kind) == Format::Sql)
}
