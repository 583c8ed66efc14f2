//! Resources and values, the same for every format.

use std::ops::Range;
use std::sync::Arc;

/// One declared piece of infrastructure, or another top-level block that says something about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Its type: `aws_db_instance`, `data.aws_iam_policy_document`, `provider.aws`, `backend.s3`, or the block's own name
    /// where it has no type.
    pub kind: String,
    /// Its name in the language's convention: `aws_db_instance.orders`.
    pub address: String,
    /// From the block's first byte to its last.
    pub range: Range<usize>,
    /// What it says.
    pub body: Body,
}

/// Named values: a block's or an object's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Body {
    /// In order of the text. A nested block that is repeated stands here once an instance.
    pub fields: Vec<Field>,
    /// What to underline to point at the whole: a block's labels, its name where it has none, an object's opening brace.
    pub anchor: Range<usize>,
    /// Where an attribute can be added: before the brace that closes a block; behind the last entry of what a resource in YAML or
    /// JSON says. `None` for objects.
    pub close: Option<usize>,
    /// Holds names that cannot be read from the text, so a name that is not found may still be there.
    pub open: bool,
}

/// An attribute, a nested block or an entry of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// From its name to the end of its value.
    pub range: Range<usize>,
    /// Its value; a nested block is an object.
    pub value: Value,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// With quotes and brackets.
    pub range: Range<usize>,
    /// What it is, as far as the text tells.
    pub kind: ValueKind,
    /// Where it is written, if that is not here: `range` is then the expression that leads there.
    pub via: Option<Arc<Via>>,
}

/// A place where a value is written that is used elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// What leads there: `var.size`, `local.tags`, `aws_s3_bucket.logs.bucket`.
    pub name: Arc<str>,
    /// How.
    pub source: ViaSource,
    /// The file.
    pub file: Arc<str>,
    /// Digest of the unit.
    pub unit: u64,
    /// Where it is written, in bytes from the start of that unit.
    pub range: Range<usize>,
    /// Where that is used elsewhere in turn, the next place.
    pub next: Option<Arc<Via>>,
}

/// How a value is written elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViaSource {
    /// As the default of a variable.
    Default,
    /// In a variable file.
    VariableFile,
    /// As an argument of a module call.
    Argument,
    /// As a local value.
    Local,
    /// As an attribute of another block, or in a policy document.
    Attribute,
    /// As an output of a module.
    Output,
    /// In an override file.
    Override,
}

impl Via {
    /// This place and those behind it.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |via| via.next.as_deref())
    }
}

/// What a value is, as far as it can be read from the text.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueKind {
    /// `null`, which means the same as leaving the attribute out.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A string. `verbatim` is where its characters stand one to one in the text, if they do; it is longer where the lines
    /// of a heredoc are indented there and not in the string.
    String {
        /// The characters, with escapes resolved.
        text: String,
        /// Where they stand.
        verbatim: Option<Range<usize>>,
    },
    /// A list.
    List(Vec<Value>),
    /// An object or a nested block.
    Object(Body),
    /// Not to be known from the text alone. `template` is where the text of a heredoc stands of which parts are known.
    Unknown {
        /// The heredoc's lines, interpolations included.
        template: Option<Range<usize>>,
        /// What would have to be known: `aws_s3_bucket.logs.id`, `var.name`.
        needs: Option<Arc<str>>,
    },
}

impl ValueKind {
    /// A value of which nothing is known.
    pub const UNKNOWN: Self = Self::Unknown { template: None, needs: None };
}

impl Value {
    /// The string, where it is one that stands in the text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::String { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The number; a string that holds one counts, as Terraform converts it.
    pub fn as_number(&self) -> Option<f64> {
        match &self.kind {
            ValueKind::Number(number) => Some(*number),
            ValueKind::String { text, .. } if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                text.parse().ok().filter(|number: &f64| number.is_finite())
            }
            _ => None,
        }
    }

    /// The boolean; the strings `"true"` and `"false"` count, as Terraform converts them.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.kind {
            ValueKind::Bool(bool) => Some(*bool),
            ValueKind::String { text, .. } => text.parse().ok(),
            _ => None,
        }
    }

    /// A value that is written where it is used.
    pub fn new(range: Range<usize>, kind: ValueKind) -> Self {
        Self { range, kind, via: None }
    }

    /// Whether it is an attribute of the resource with this address.
    pub fn refers_to(&self, address: &str) -> bool {
        let is =
            |name: &str| name.strip_prefix(address).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        self.needs().is_some_and(is) || self.via.iter().flat_map(|via| via.chain()).any(|via| is(&via.name))
    }

    /// The address of the resource that it is an attribute of, where it is one.
    pub fn reference(&self) -> Option<String> {
        let name = self.needs().or_else(|| self.via.as_deref()?.chain().last().map(|via| &*via.name))?;
        let mut parts = name.split(['.', '[']);
        let (kind, label) = (parts.next()?, parts.next()?);
        let is_resource = kind.contains('_') && !label.is_empty();
        is_resource.then(|| format!("{kind}.{label}"))
    }

    /// What would have to be known to know it, where it is unknown and that can be said.
    pub fn needs(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::Unknown { needs, .. } => needs.as_deref(),
            _ => None,
        }
    }

    /// Whether nothing is known about it.
    pub fn is_unknown(&self) -> bool {
        matches!(self.kind, ValueKind::Unknown { .. })
    }
}

/// What stands at the end of an attribute path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found<'a> {
    /// A value, which may be unknown or `null`.
    Value(&'a Value),
    /// Nothing, and `body` is the innermost body on the way that is there. `parent_found` says that it is the one in which
    /// the attribute itself would stand.
    Missing {
        /// The innermost body on the way.
        body: &'a Body,
        /// Whether only the last name of the path is missing.
        parent_found: bool,
    },
    /// It may be there or not.
    Unknown,
}

impl Body {
    /// The fields with a name, in order.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Field> {
        self.fields.iter().filter(move |field| field.name == name)
    }

    /// Calls `each` with every value in it, at any depth.
    pub fn for_each_value<'a>(&'a self, each: &mut impl FnMut(&'a Value)) {
        self.fields.iter().for_each(|field| field.value.for_each_value(each));
    }

    /// The value of the first field with a name.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|field| field.name == name).map(|field| &field.value)
    }

    /// Everything at the end of a path of names joined by dots, once an instance of each block on the way and once an
    /// element of each list on the way; a number names one element, `*` every
    /// field.
    pub fn find<'a>(&'a self, path: &str) -> Vec<Found<'a>> {
        let mut found = Vec::new();
        self.find_into(path, &mut found);
        found
    }

    fn find_into<'a>(&'a self, path: &str, found: &mut Vec<Found<'a>>) {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let before = found.len();
        for field in self.fields.iter().filter(|field| field.name == name || name == "*") {
            match rest {
                None => found.push(Found::Value(&field.value)),
                Some(rest) => field.value.find_into(rest, found),
            }
        }
        if found.len() == before {
            found.push(if self.open {
                Found::Unknown
            } else {
                Found::Missing { body: self, parent_found: rest.is_none() }
            });
        }
    }
}

impl Value {
    fn for_each_value<'a>(&'a self, each: &mut impl FnMut(&'a Value)) {
        each(self);
        match &self.kind {
            ValueKind::List(values) => values.iter().for_each(|value| value.for_each_value(each)),
            ValueKind::Object(body) => body.for_each_value(each),
            _ => {}
        }
    }

    fn find_into<'a>(&'a self, path: &str, found: &mut Vec<Found<'a>>) {
        match &self.kind {
            ValueKind::Object(body) => body.find_into(path, found),
            ValueKind::List(values) => {
                // A number is the place of an element.
                let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
                match (name.parse::<usize>(), rest) {
                    (Ok(at), None) => found.extend(values.get(at).map(Found::Value)),
                    (Ok(at), Some(rest)) => values.iter().skip(at).take(1).for_each(|it| it.find_into(rest, found)),
                    (Err(_), _) => values.iter().for_each(|value| value.find_into(path, found)),
                }
            }
            _ => found.push(Found::Unknown),
        }
    }
}

/// What stands beside a resource: the others of its module, evaluated as it is.
pub trait World {
    /// The resource with an address.
    fn resource(&self, address: &str) -> Option<Arc<Resource>>;
    /// The blocks of some kinds in which `address` is mentioned; of all kinds, outputs and module calls included, where none
    /// is given.
    fn referrers(&self, address: &str, kinds: &[&str]) -> Vec<Arc<Resource>>;
    /// The resources of a kind whose `attribute` names a resource: by reference, by its known name, or by something of which
    /// it is not known what it names.
    fn naming(&self, kind: &str, attribute: &str, resource: &Resource) -> Vec<Arc<Resource>>;
    /// All resources of a kind. Costs as many evaluations: for kinds of which a module has a few.
    fn of_kind(&self, kind: &str) -> Vec<Arc<Resource>>;
    /// Whether the module has a block of a kind that is wanted.
    fn has_kind(&self, wanted: &dyn Fn(&str) -> bool) -> bool;
    /// Whether another module calls this one.
    fn is_called(&self) -> bool;
}

/// A resource by itself: there is nothing beside it.
#[derive(Debug, Clone, Copy)]
pub struct Alone;

impl World for Alone {
    fn resource(&self, _: &str) -> Option<Arc<Resource>> {
        None
    }

    fn referrers(&self, _: &str, _: &[&str]) -> Vec<Arc<Resource>> {
        Vec::new()
    }

    fn naming(&self, _: &str, _: &str, _: &Resource) -> Vec<Arc<Resource>> {
        Vec::new()
    }

    fn of_kind(&self, _: &str) -> Vec<Arc<Resource>> {
        Vec::new()
    }

    fn has_kind(&self, _: &dyn Fn(&str) -> bool) -> bool {
        false
    }

    fn is_called(&self) -> bool {
        false
    }
}
