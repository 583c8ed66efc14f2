//! The blast radius: what depends on a resource, directly and through others.
//!
//! No second index is made: the one of the workspace is walked from the resource on. References count as Terraform counts
//! them: through locals, data sources, arguments of module calls and outputs, up and down. A module that was entered through
//! one call is left through that call only. Other configurations are reached where the text determines it: through
//! `terraform_remote_state`, and through data sources that look up a name that one resource alone has ([`Links`]). From one file
//! of YAML or JSON to another it goes by the names of objects and exports (`beside.rs`).

mod address;
mod beside;
mod links;
mod state;
mod walk;

pub use address::parts;
pub use links::Links;
pub use walk::dependents;

use countersign_infra::terraform::Definition;
use std::sync::Arc;

/// Blocks, values and resources that one walk goes over; what is behind them is left out, and [`Radius::is_cut`] says so. At
/// about half a microsecond each.
pub const MAX_WALKED: usize = 20_000;

/// A resource that depends on another.
#[derive(Debug, Clone)]
pub struct Dependent {
    /// Folder of its module.
    pub module: Arc<str>,
    /// Its address there; that of the call where the module that is called is not there to be read.
    pub address: Arc<str>,
    /// Where it stands.
    pub definition: Definition,
    /// Resources on the way to it and itself: 1 for one that depends directly.
    pub distance: usize,
    /// Place of what leads to it among what was walked.
    node: u32,
}

impl Dependent {
    /// Its type; `module` for a call of a module that is not there to be read.
    pub fn kind(&self) -> &str {
        &self.definition.block().kind
    }
}

/// What depends on a resource.
#[derive(Debug, Default)]
pub struct Radius {
    /// Each block once, the nearest first.
    pub dependents: Vec<Dependent>,
    /// Whether there may be more, because [`MAX_WALKED`] was reached.
    pub is_cut: bool,
    nodes: Vec<Node>,
    frames: Vec<Frame>,
}

/// Something that was reached: a block, an output as a caller sees it, or with no address all of a module.
#[derive(Debug)]
struct Node {
    frame: u32,
    address: Arc<str>,
    /// What led to it; itself for the first.
    parent: u32,
    /// Whether it is one of [`Radius::dependents`].
    is_resource: bool,
    /// Whether what is behind it is known.
    is_known: bool,
}

/// A module as the walk came into it.
#[derive(Debug)]
struct Frame {
    module: Arc<str>,
    /// The frame and the call that it was entered by; `None` where it holds for the module however it is called.
    caller: Option<(u32, Arc<str>)>,
    /// The same module however it is called.
    plain: u32,
    depth: usize,
}

impl Radius {
    /// How many depend on it directly.
    pub fn direct(&self) -> usize {
        self.dependents.iter().take_while(|dependent| dependent.distance == 1).count()
    }

    /// Calls of modules that are not there to be read: what depends on the resource behind them is not known.
    pub fn unseen(&self) -> impl Iterator<Item = &Dependent> {
        self.dependents.iter().filter(|dependent| !self.node(dependent.node).is_some_and(|node| node.is_known))
    }

    /// The most critical one: that with the highest rank, of equal ones the nearest.
    pub fn worst<R: Ord>(&self, rank: impl Fn(&Dependent) -> R) -> Option<(&Dependent, R)> {
        let mut worst: Option<(&Dependent, R)> = None;
        for dependent in &self.dependents {
            let rank = rank(dependent);
            if worst.as_ref().is_none_or(|(_, highest)| rank > *highest) {
                worst = Some((dependent, rank));
            }
        }
        worst
    }

    /// What leads from the resource to a dependent, in order and without both: `local.subnets`, `module.app.var.subnet`.
    pub fn via(&self, dependent: &Dependent) -> Vec<String> {
        let mut via: Vec<_> = self.above(dependent.node).map(|index| self.shown(index)).collect();
        // The resource itself.
        via.pop();
        via.reverse();
        via
    }

    /// The resource through which a dependent was reached; `None` for one that depends directly.
    pub fn through(&self, dependent: &Dependent) -> Option<&Dependent> {
        let above = self.above(dependent.node).find(|index| self.node(*index).is_some_and(|node| node.is_resource))?;
        // They are in the order in which they were reached.
        if let Ok(place) = self.dependents.binary_search_by_key(&above, |other| other.node) {
            return self.dependents.get(place);
        }
        // The same block by another call.
        let node = self.node(above)?;
        let module = &self.frame(node.frame)?.module;
        self.dependents.iter().find(|other| other.address == node.address && other.module == *module)
    }

    /// The address of a dependent with the calls that the walk went through: `module.app.aws_instance.web`.
    pub fn full_address(&self, dependent: &Dependent) -> String {
        self.shown(dependent.node)
    }

    /// Folder of the module from which the calls went out that led to a dependent; its own where there were none.
    pub fn root<'a>(&'a self, dependent: &'a Dependent) -> &'a Arc<str> {
        let mut frame = self.node(dependent.node).and_then(|node| self.frame(node.frame));
        while let Some(Frame { caller: Some((caller, _)), .. }) = frame {
            frame = self.frame(*caller);
        }
        frame.map_or(&dependent.module, |frame| &frame.module)
    }

    fn node(&self, index: u32) -> Option<&Node> {
        self.nodes.get(index as usize)
    }

    fn frame(&self, index: u32) -> Option<&Frame> {
        self.frames.get(index as usize)
    }

    /// What led to a node, the nearest first, the resource that is asked about last.
    fn above(&self, node: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(node), |index| self.node(*index).map(|node| node.parent).filter(|up| up != index))
            .skip(1)
    }

    fn shown(&self, index: u32) -> String {
        let Some(node) = self.node(index) else { return String::new() };
        let mut parts = vec![&*node.address];
        let mut frame = self.frame(node.frame);
        while let Some(Frame { caller: Some((caller, call)), .. }) = frame {
            parts.push(call);
            frame = self.frame(*caller);
        }
        parts.reverse();
        parts.retain(|part| !part.is_empty());
        parts.join(".")
    }
}
