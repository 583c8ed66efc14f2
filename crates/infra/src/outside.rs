//! Names by which what one file of YAML or JSON declares is known in others: of objects in a cluster, of what stacks export.

use crate::Format;
use crate::cloudformation::{EXPORT, OUTPUT};
use crate::kubernetes::{is_object_of_cluster, selected_by, selects};
use crate::terraform::{Block, Definition, Workspace, folder};
use crate::yaml::text;
use std::sync::Arc;

pub use crate::kubernetes::{SERVICE, WORKLOADS};

/// The names that others may use for what a block declares: an object's address, what an output is exported as.
pub fn known_as(block: &Block) -> impl Iterator<Item = &Arc<str>> {
    let own = std::iter::once(&block.address).filter(move |_| is_object(block));
    own.chain(exported(block))
}

fn is_object(block: &Block) -> bool {
    Format::of_kind(&block.kind) == Format::Kubernetes
}

/// What an output is exported as.
fn exported(block: &Block) -> Option<&Arc<str>> {
    let name = text(block.body.attribute("Export").filter(|_| *block.kind == *OUTPUT)?, "Name")?;
    block.mentions.iter().find(|mention| mention.strip_prefix(EXPORT) == Some(name))
}

/// The names of other files' that a block uses, or may: of most it is in the same file.
fn uses(block: &Block) -> impl Iterator<Item = &Arc<str>> {
    let (is_object, exported) = (is_object(block), exported(block));
    // Variables of templates begin otherwise.
    let is_address = move |name: &str| is_object && name.starts_with(|c: char| c.is_ascii_uppercase());
    let is_import = move |name: &Arc<str>| name.starts_with(EXPORT) && exported != Some(name);
    block.mentions.iter().filter(move |name| is_address(name) || is_import(name))
}

/// All of them.
pub(crate) fn names(block: &Block) -> impl Iterator<Item = &Arc<str>> {
    known_as(block).chain(uses(block))
}

/// The services of a workspace that lead to the pods that a block makes, as far as labels are written out: in its folder, and in its
/// namespace.
pub fn services<'w>(workspace: &'w Workspace, of: &'w Definition) -> impl Iterator<Item = &'w Definition> {
    let names = selected_by(of.block());
    let found = names.into_iter().flat_map(|name| workspace.outside(&name).collect::<Vec<_>>());
    found.filter(move |service| {
        folder(&service.file) == folder(&of.file)
            && namespace(&service.block().address) == namespace(&of.block().address)
            && selects(service.block(), of.block())
    })
}

/// Whether a name stands for one thing wherever it is used, and not only beside what it names. A template comes to something else in
/// each chart.
pub fn is_whole(name: &str) -> bool {
    name.starts_with(EXPORT) || !name.contains("{{") && (namespace(name).is_some() || is_object_of_cluster(name))
}

/// The namespace of an object by its address, where it is written.
pub fn namespace(address: &str) -> Option<&str> {
    let (_, name) = address.split_once(' ')?;
    name.split_once('/').map(|(namespace, _)| namespace)
}
