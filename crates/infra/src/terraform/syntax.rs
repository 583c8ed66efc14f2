//! Blocks and expressions as they are written, before anything is evaluated. Ranges are bytes from the start of the unit.

use super::kept::{name, names, nested, optional_name};
use super::lower::text_of;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// What one unit says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lowered {
    /// Tells its text from others: a digest of the unit's text.
    pub digest: u64,
    /// Its blocks, in order of the text.
    pub blocks: Box<[Block]>,
    /// Whether it could not be read in full: its tree has an error, it holds merge markers, it is over a limit. It may then
    /// declare more than its blocks, and its blocks may say more than is here.
    pub broken: bool,
    /// The unit's text, where something may have to be read from it again: a document in a heredoc, what is not known of a policy,
    /// or anything of a unit that could not be read in full. Else it is empty, for an index holds the units of many files.
    pub source: Arc<str>,
}

/// A top-level block, or one that stands for itself inside of another, such as a `backend`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Its type as resources have one: `aws_db_instance`, `data.aws_ami`, `variable`, `local`, `backend.s3`.
    #[serde(deserialize_with = "name")]
    pub kind: Arc<str>,
    /// Its name: `aws_db_instance.orders`, `var.name`, `local.name`.
    #[serde(deserialize_with = "name")]
    pub address: Arc<str>,
    /// From its first byte to its last.
    pub range: Span,
    /// How long its first line is, in bytes.
    pub(super) header: u32,
    /// What it holds.
    pub body: Items,
    /// Addresses that it mentions, sorted: `var.name`, `aws_s3_bucket.logs`, `each`, `path`.
    #[serde(deserialize_with = "names")]
    pub mentions: Box<[Arc<str>]>,
    /// The paths of the files that it reads.
    pub files: Box<[Expr]>,
}

/// Attributes and nested blocks.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Items {
    /// In order of the text.
    pub entries: Vec<Item>,
    /// What to underline to point at the whole.
    pub anchor: Span,
    /// Where another one can be added: before the closing brace of a block, behind the last entry of a mapping in YAML or JSON.
    pub close: Option<u32>,
    /// Holds something that could not be read.
    pub open: bool,
}

/// An attribute or a nested block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its name.
    #[serde(deserialize_with = "name")]
    pub name: Arc<str>,
    /// From its name to its end.
    pub range: Span,
    /// What it is.
    #[serde(with = "nested")]
    pub content: Content,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Content {
    /// `name = value`.
    Attribute(Expr),
    /// `name { … }`.
    Block(Box<Items>),
    /// `dynamic "name" { … }`.
    Dynamic(Box<Dynamic>),
}

/// A `dynamic` block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dynamic {
    /// What it goes over.
    pub for_each: Option<Expr>,
    /// Name under which an element is known inside.
    #[serde(deserialize_with = "name")]
    pub iterator: Arc<str>,
    /// What is repeated.
    pub content: Items,
}

/// An expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expr {
    /// Where it stands.
    pub range: Span,
    /// What it is.
    #[serde(with = "nested")]
    pub kind: ExprKind,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ExprKind {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A string or heredoc.
    Template(Template),
    /// `[…]`.
    List(Box<[Expr]>),
    /// `{…}`.
    Object {
        /// In order of the text.
        elements: Box<[Element]>,
        /// Holds something that could not be read.
        open: bool,
    },
    /// A name: what stands before the first dot.
    #[serde(deserialize_with = "name")]
    Variable(Arc<str>),
    /// `root.name[index]`.
    Traversal(Box<Expr>, Box<[Step]>),
    /// `name(…)`.
    Call(Box<Call>),
    /// `condition ? yes : no`.
    Conditional(Box<[Expr; 3]>),
    /// `-x`, `!x`.
    Unary(Operator, Box<Expr>),
    /// `a + b`.
    Binary(Operator, Box<[Expr; 2]>),
    /// `[for …]`, `{for …}`.
    For(Box<For>),
    /// Something that could not be read.
    Unreadable,
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Name of the function.
    #[serde(deserialize_with = "name")]
    pub name: Arc<str>,
    /// What it is given.
    pub arguments: Box<[Expr]>,
    /// Whether the last argument is a list that stands for several.
    pub expand: bool,
}

/// An entry of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Element {
    /// From its key to its end.
    pub range: Span,
    /// Its key; a bare word is a string.
    pub key: Expr,
    /// Its value.
    pub value: Expr,
}

/// One step of a traversal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// `.name`.
    #[serde(deserialize_with = "name")]
    Attribute(Arc<str>),
    /// `[index]`.
    Index(Box<Expr>),
    /// `[*]`: the steps after it are taken by each element.
    Splat,
    /// `.*`: the names after it are taken by each element, what follows them by the list.
    AttributeSplat,
}

/// A comprehension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct For {
    /// Name of the key or index, if it has one.
    #[serde(deserialize_with = "optional_name")]
    pub key_name: Option<Arc<str>>,
    /// Name of the element.
    #[serde(deserialize_with = "name")]
    pub value_name: Arc<str>,
    /// What it goes over.
    pub collection: Expr,
    /// The key of an object's entry; a list where there is none.
    pub key: Option<Expr>,
    /// The value of an entry.
    pub value: Expr,
    /// Entries with equal keys are collected in lists.
    pub grouped: bool,
    /// Which entries count.
    pub condition: Option<Expr>,
}

/// A string with its parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// In order of the text.
    pub parts: Box<[Part]>,
    /// Where its characters stand, without quotes and marks.
    pub content: Span,
    /// Whether it is a heredoc.
    pub heredoc: bool,
}

/// Bytes from the start of a unit, in half the room of a range: a unit is at most a megabyte long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// It as a range.
    pub fn range(self) -> Range<usize> {
        self.start()..self.end()
    }

    /// Its first byte.
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// The byte after its last.
    pub fn end(self) -> usize {
        self.end as usize
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self { start: short(range.start), end: short(range.end) }
    }
}

/// An offset in a unit, in the room that it takes.
pub(crate) fn short(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Part {
    /// Characters, with escapes resolved. `verbatim` says that they stand so in the text.
    Text {
        /// The characters.
        #[serde(deserialize_with = "name")]
        text: Arc<str>,
        /// Whether no escape was resolved.
        verbatim: bool,
    },
    /// `${…}`.
    Interpolation(Box<Expr>),
    /// `%{ if … }`.
    #[serde(with = "nested")]
    If(Box<(Expr, Vec<Part>, Vec<Part>)>),
    /// A part that is not understood, `%{ for … }` for one.
    Unknown,
}

/// An operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `!`
    Not,
}

impl Items {
    /// The attribute with a name.
    pub fn attribute(&self, name: &str) -> Option<&Expr> {
        self.entries.iter().find_map(|item| match &item.content {
            Content::Attribute(value) if &*item.name == name => Some(value),
            _ => None,
        })
    }

    /// The nested blocks with a name.
    pub fn blocks<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Items> {
        self.entries.iter().filter_map(move |item| match &item.content {
            Content::Block(items) if &*item.name == name => Some(&**items),
            _ => None,
        })
    }
}

impl Lowered {
    /// The text that is kept of a unit.
    pub(super) fn source_of(text: &str, broken: bool) -> Arc<str> {
        // Heredocs and documents, and attributes that take a policy.
        // A scalar of several lines in YAML is begun by one of these at the end of a line.
        let is_block = |line: &str| ["|", ">", "|-", ">-", "|+", ">+"].iter().any(|end| line.trim_end().ends_with(end));
        let may_be_asked = || {
            ["<<", "jsonencode", "Statement", "policy", "policies"].iter().any(|it| text.contains(it))
                || text.lines().any(is_block)
        };
        if broken || may_be_asked() { text.into() } else { Arc::default() }
    }
}

impl Block {
    /// Its first line.
    pub fn header(&self) -> Range<usize> {
        self.range.start()..self.range.start() + self.header as usize
    }

    /// Whether it declares a resource, which is what Terraform creates, changes and destroys. The name of a resource's type
    /// begins with that of its provider and an underscore; no other block's does. The kinds of other formats have a `/` or `::`.
    pub fn is_resource(&self) -> bool {
        if self.kind.contains('/') || self.kind.contains("::") {
            return true;
        }
        let label = self.address.strip_prefix(&*self.kind).and_then(|rest| rest.strip_prefix('.'));
        self.kind.contains('_') && !self.kind.contains('.') && label.is_some_and(|label| !label.contains('.'))
    }

    /// Whether it is a data source: something that is looked up.
    pub fn is_data(&self) -> bool {
        self.kind.starts_with("data.")
    }

    /// The text of an attribute that is written out, with nothing in it that would have to be worked out.
    pub fn text(&self, name: &str) -> Option<&str> {
        text_of(self.body.attribute(name)?)
    }

    /// Whether it mentions an address.
    pub fn mentions(&self, address: &str) -> bool {
        self.mentions.binary_search_by(|known| (**known).cmp(address)).is_ok()
    }
}
