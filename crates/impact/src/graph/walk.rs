//! The walk from a resource to what depends on it.

use super::{Dependent, Frame, Links, MAX_WALKED, Node, Radius, beside, parts};
use countersign_infra::outside::services;
use countersign_infra::terraform::{Block, Definition, Item, Step, Workspace, module_of};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// Calls of modules inside of each other that are followed.
const MAX_CALLS: usize = 16;

/// Data sources that read the outputs of another configuration.
const REMOTE_STATE: &str = "data.terraform_remote_state.";

/// What depends on the block with an address, in a module however that is called. The address may go through calls, as in
/// `module.app.aws_instance.web`; it is then that of this call alone.
pub fn dependents(workspace: &Workspace, links: &Links, module: &str, address: &str) -> Radius {
    let mut walk = Walk::new(workspace, links);
    let mut frame = walk.plain(&module.into());
    let (calls, mut address) = parts(address);
    for call in calls {
        let definition = workspace.definition(&walk.module(frame), &call);
        if let Some(Called::Frame(inside)) = definition.map(|definition| walk.enter(frame, definition)) {
            frame = inside;
        } else {
            address = call;
            break;
        }
    }
    let address: Arc<str> = address.into();
    let plain = walk.radius.frame(frame).map_or(frame, |frame| frame.plain);
    walk.found.insert((plain, Arc::clone(&address)));
    walk.reach(Target { frame, address, definition: None, is_known: true }, 0);
    walk.run();
    walk.radius
}

struct Walk<'a> {
    workspace: &'a Workspace,
    links: &'a Links,
    radius: Radius,
    frames: FxHashMap<Arc<str>, u32>,
    /// What calls lead to, by the frame and the address of the call.
    calls: FxHashMap<(u32, Arc<str>), Called>,
    /// Who uses which output, by the frame and the address of the call or data source.
    users: FxHashMap<(u32, Arc<str>), Rc<Users<'a>>>,
    seen: FxHashSet<(u32, Arc<str>)>,
    /// Blocks that are among the dependents, each by its plain frame, and the one that is asked about.
    found: FxHashSet<(u32, Arc<str>)>,
    /// Frames of which all that depend on the whole module are found.
    raised: FxHashSet<u32>,
    /// What has to be looked at yet: with as many resources on the way as now, and with one more.
    now: VecDeque<u32>,
    next: VecDeque<u32>,
    distance: usize,
}

/// Something that depends on what is looked at.
#[derive(Clone)]
struct Target<'a> {
    frame: u32,
    address: Arc<str>,
    /// The block, where it is a resource.
    definition: Option<&'a Definition>,
    /// Whether what is behind it is known.
    is_known: bool,
}

/// Where the call of a module leads.
#[derive(Clone, Copy)]
enum Called {
    Frame(u32),
    /// To a module that is not there to be read.
    Nowhere,
    /// Back to where it comes from, or too deep.
    Back,
}

/// Who uses the outputs of a call or data source.
#[derive(Default)]
struct Users<'a> {
    by_output: FxHashMap<Arc<str>, Vec<Target<'a>>>,
    /// Those that take all outputs at once.
    of_all: Vec<Target<'a>>,
    /// Those that wait for everything in it: `depends_on`.
    of_whole: Vec<Target<'a>>,
}

impl<'a> Walk<'a> {
    fn new(workspace: &'a Workspace, links: &'a Links) -> Self {
        Self {
            workspace,
            links,
            radius: Radius::default(),
            frames: FxHashMap::default(),
            calls: FxHashMap::default(),
            users: FxHashMap::default(),
            seen: FxHashSet::default(),
            found: FxHashSet::default(),
            raised: FxHashSet::default(),
            now: VecDeque::new(),
            next: VecDeque::new(),
            distance: 1,
        }
    }

    fn run(&mut self) {
        loop {
            while let Some(node) = self.now.pop_front() {
                self.follow(node);
            }
            if self.next.is_empty() {
                return;
            }
            self.now = std::mem::take(&mut self.next);
            self.distance += 1;
        }
    }

    /// A module however it is called.
    fn plain(&mut self, module: &Arc<str>) -> u32 {
        if let Some(frame) = self.frames.get(module) {
            return *frame;
        }
        let frame = number(self.radius.frames.len());
        self.radius.frames.push(Frame { module: Arc::clone(module), caller: None, plain: frame, depth: 0 });
        self.frames.insert(Arc::clone(module), frame);
        frame
    }

    fn module(&self, frame: u32) -> Arc<str> {
        self.radius.frame(frame).map(|frame| Arc::clone(&frame.module)).unwrap_or_default()
    }

    /// Looks at what mentions something that was reached.
    fn follow(&mut self, index: u32) {
        let Some(node) = self.radius.node(index).filter(|node| node.is_known) else { return };
        let (frame, address, is_resource) = (node.frame, Arc::clone(&node.address), node.is_resource || index == 0);
        if address.is_empty() {
            return self.reach_everything(frame, index);
        }
        if let Some((of, output)) = output_of(&address) {
            let users = self.users(frame, &of.into());
            let of_output = users.by_output.get(output).into_iter().flatten();
            for user in of_output.chain(&users.of_all) {
                self.reach(user.clone(), index);
            }
            return;
        }
        if let Some(output) = address.strip_prefix("output.") {
            return self.leave(frame, output, index);
        }
        let module = self.module(frame);
        for definition in self.workspace.mentioning(&module, &address) {
            for target in self.targets(frame, definition, &address) {
                self.reach(target, index);
            }
        }
        let definition = self.workspace.definition(&module, &address);
        for (user, name) in definition.into_iter().flat_map(|definition| beside::users(self.workspace, definition)) {
            let frame = self.plain(&module_of(&user.file).into());
            for target in self.targets(frame, user, name) {
                self.reach(target, index);
            }
        }
        for service in definition.into_iter().flat_map(|definition| services(self.workspace, definition)) {
            let frame = self.plain(&module_of(&service.file).into());
            if let Some(target) = self.target(frame, service, None) {
                self.reach(target, index);
            }
        }
        if is_resource {
            self.raise(frame, index);
            if let Some(definition) = definition {
                for (module, address) in self.links.lookups(self.workspace, &module, definition) {
                    let frame = self.plain(&module);
                    self.reach(Target { frame, address, definition: None, is_known: true }, index);
                }
            }
        }
    }

    /// Notes that something depends on a node.
    fn reach(&mut self, target: Target<'a>, parent: u32) {
        let Target { frame, address, definition, is_known } = target;
        let plain = self.radius.frame(frame).map_or(frame, |frame| frame.plain);
        // What holds however the module is called holds for this call too.
        if (plain != frame && self.seen.contains(&(plain, Arc::clone(&address))))
            || !self.seen.insert((frame, Arc::clone(&address)))
        {
            return;
        }
        if self.radius.nodes.len() >= MAX_WALKED {
            self.radius.is_cut = true;
            return;
        }
        let node = number(self.radius.nodes.len());
        let is_resource = definition.is_some();
        if let Some(definition) = definition
            && self.found.insert((plain, Arc::clone(&address)))
        {
            self.radius.dependents.push(Dependent {
                module: self.module(frame),
                address: Arc::clone(&address),
                definition: definition.clone(),
                distance: self.distance,
                node,
            });
        }
        self.radius.nodes.push(Node { frame, address, parent, is_resource, is_known });
        if is_resource { &mut self.next } else { &mut self.now }.push_back(node);
    }

    /// What a block that mentions an address is to the walk.
    fn targets(&mut self, frame: u32, definition: &'a Definition, address: &str) -> Vec<Target<'a>> {
        let block = definition.block();
        if !is_call(block) {
            return self.target(frame, definition, None).into_iter().collect();
        }
        let mut targets = Vec::new();
        for item in &block.body.entries {
            let mut mentions = false;
            item.for_each_mention(|mentioned, _| mentions = mentions || mentioned == address);
            if mentions {
                targets.extend(self.target(frame, definition, Some(item)));
            }
        }
        targets
    }

    /// The same for one item of it, which tells of a call what it passes on.
    fn target(&mut self, frame: u32, definition: &'a Definition, item: Option<&Item>) -> Option<Target<'a>> {
        let block = definition.block();
        let address = Arc::clone(&block.address);
        let Some(item) = item.filter(|_| is_call(block)) else {
            let passes_on = block.is_data() || matches!(&*block.kind, "local" | "output") || is_ephemeral(block);
            let is_resource = block.is_resource();
            let definition = Some(definition).filter(|_| is_resource);
            return (is_resource || passes_on).then_some(Target { frame, address, definition, is_known: true });
        };
        let inside = match &*item.name {
            "source" | "version" | "providers" | "lifecycle" => return None,
            "count" | "for_each" | "depends_on" => Arc::default(),
            name => format!("var.{name}").into(),
        };
        match self.enter(frame, definition) {
            Called::Frame(frame) => Some(Target { frame, address: inside, definition: None, is_known: true }),
            Called::Nowhere => Some(Target { frame, address, definition: Some(definition), is_known: false }),
            Called::Back => None,
        }
    }

    /// The module that a call leads to.
    fn enter(&mut self, frame: u32, call: &Definition) -> Called {
        let key = (frame, Arc::clone(&call.block().address));
        if let Some(known) = self.calls.get(&key) {
            return *known;
        }
        let module = self.module(frame);
        // An override file need not say where the module is.
        let mut blocks = self.workspace.definitions(&module, &call.block().address);
        let folder = blocks.find_map(|block| self.workspace.called(&module, block.block()));
        let called = match folder {
            None => Called::Nowhere,
            Some(folder) if self.is_within(frame, &folder) => Called::Back,
            Some(folder) => {
                let plain = self.plain(&folder);
                let depth = self.radius.frame(frame).map_or(0, |frame| frame.depth) + 1;
                let entered = number(self.radius.frames.len());
                self.radius.frames.push(Frame { module: folder, caller: Some(key.clone()), plain, depth });
                Called::Frame(entered)
            }
        };
        self.calls.insert(key, called);
        called
    }

    /// Whether a module is one of those that were entered, or no more may be.
    fn is_within(&self, frame: u32, folder: &Arc<str>) -> bool {
        let mut at = self.radius.frame(frame);
        if at.is_some_and(|frame| frame.depth >= MAX_CALLS) {
            return true;
        }
        while let Some(frame) = at {
            if frame.module == *folder {
                return true;
            }
            at = frame.caller.as_ref().and_then(|(caller, _)| self.radius.frame(*caller));
        }
        false
    }

    /// The calls by which a module is used: the one that it was entered by, else all.
    fn callers(&mut self, frame: u32) -> Vec<(u32, Arc<str>)> {
        if let Some(caller) = self.radius.frame(frame).and_then(|frame| frame.caller.clone()) {
            return vec![caller];
        }
        let module = self.module(frame);
        let calls = self.workspace.callers(&module);
        calls
            .iter()
            .map(|call| (self.plain(&module_of(&call.file).into()), Arc::clone(&call.block().address)))
            .collect()
    }

    /// Goes out of a module by one of its outputs.
    fn leave(&mut self, frame: u32, output: &str, parent: u32) {
        let mut targets: Vec<(u32, Arc<str>)> = Vec::new();
        for (caller, call) in self.callers(frame) {
            targets.push((caller, format!("{call}.{output}").into()));
        }
        let module = self.module(frame);
        // What is called has no state of its own.
        if self.radius.frame(frame).is_some_and(|frame| frame.caller.is_none()) {
            for (module, address) in self.links.readers(self.workspace, &module) {
                targets.push((self.plain(&module), format!("{address}.outputs.{output}").into()));
            }
        }
        for (frame, address) in targets {
            self.reach(Target { frame, address, definition: None, is_known: true }, parent);
        }
    }

    /// Goes to those that wait for everything in a module, and in the modules that this one is a part of.
    fn raise(&mut self, frame: u32, parent: u32) {
        let mut open = vec![frame];
        while let Some(frame) = open.pop() {
            if !self.raised.insert(frame) {
                continue;
            }
            for (caller, call) in self.callers(frame) {
                let users = self.users(caller, &call);
                for user in &users.of_whole {
                    self.reach(user.clone(), parent);
                }
                open.push(caller);
            }
        }
    }

    /// Everything that comes into being with a module.
    fn reach_everything(&mut self, frame: u32, parent: u32) {
        let module = self.module(frame);
        let mut blocks: Vec<_> = self
            .workspace
            .of_kinds(&module, |kind| kind.contains('_') || kind == "module")
            .filter(|definition| !definition.is_override())
            .filter(|definition| definition.block().is_resource() || is_call(definition.block()))
            .collect();
        blocks.sort_by(|a, b| a.block().address.cmp(&b.block().address));
        for definition in blocks {
            if !is_call(definition.block()) {
                if let Some(target) = self.target(frame, definition, None) {
                    self.reach(target, parent);
                }
                continue;
            }
            let address = Arc::clone(&definition.block().address);
            match self.enter(frame, definition) {
                Called::Frame(frame) => {
                    let target = Target { frame, address: Arc::default(), definition: None, is_known: true };
                    self.reach(target, parent);
                }
                Called::Nowhere => {
                    self.reach(Target { frame, address, definition: Some(definition), is_known: false }, parent);
                }
                Called::Back => {}
            }
        }
    }

    /// Who uses which output of a call or of a data source that reads a state.
    fn users(&mut self, frame: u32, address: &Arc<str>) -> Rc<Users<'a>> {
        let key = (frame, Arc::clone(address));
        if let Some(known) = self.users.get(&key) {
            return Rc::clone(known);
        }
        let is_state = address.starts_with(REMOTE_STATE);
        let mut users = Users::default();
        let module = self.module(frame);
        // An argument of a call may take an output of the same call, which does not count as a mention.
        let own = self.workspace.definitions(&module, address).filter(|own| is_call(own.block()));
        for definition in self.workspace.mentioning(&module, address).chain(own) {
            for item in &definition.block().body.entries {
                let mut all = Vec::new();
                item.for_each_mention(|mentioned, rest| {
                    if mentioned == &**address {
                        all.push(used(rest, is_state));
                    }
                });
                if all.is_empty() {
                    continue;
                }
                let Some(target) = self.target(frame, definition, Some(item)) else { continue };
                for used in all {
                    match used {
                        Used::Output(output) => users.by_output.entry(output).or_default().push(target.clone()),
                        Used::All if &*item.name == "depends_on" => users.of_whole.push(target.clone()),
                        Used::All => users.of_all.push(target.clone()),
                        Used::Nothing => {}
                    }
                }
            }
        }
        let users = Rc::new(users);
        self.users.insert(key, Rc::clone(&users));
        users
    }
}

/// The call and output of `module.network.vpc_id`; the data source and output of
/// `data.terraform_remote_state.network.outputs.vpc_id`.
fn output_of(address: &str) -> Option<(&str, &str)> {
    let name = address.strip_prefix("module.").or_else(|| address.strip_prefix(REMOTE_STATE))?;
    let (_, output) = name.split_once('.')?;
    let of = address.strip_suffix(output)?.strip_suffix('.')?;
    Some((of, output.strip_prefix("outputs.").filter(|_| of.starts_with(REMOTE_STATE)).unwrap_or(output)))
}

/// What steps take of a call or of a data source that reads a state.
enum Used {
    Output(Arc<str>),
    All,
    /// Something that is no output.
    Nothing,
}

fn used(steps: &[Step], is_state: bool) -> Used {
    let mut names = steps.iter().filter_map(|step| match step {
        Step::Attribute(name) => Some(name),
        _ => None,
    });
    if is_state && names.next().is_some_and(|name| &**name != "outputs") {
        return Used::Nothing;
    }
    names.next().map_or(Used::All, |name| Used::Output(Arc::clone(name)))
}

fn is_call(block: &Block) -> bool {
    &*block.kind == "module"
}

fn is_ephemeral(block: &Block) -> bool {
    block.kind.starts_with("ephemeral.")
}

/// A place in one of the lists of a walk, which are far shorter.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
