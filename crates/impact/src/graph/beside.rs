//! What leads from one file of YAML or JSON to another: objects of a cluster by their names, exports of stacks.

use countersign_infra::outside::{is_whole, known_as};
use countersign_infra::terraform::{Definition, Workspace, folder};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The blocks of other files that use what a block declares, each with the name that they use.
///
/// What stands in the folder of the one who uses it is meant. Where nothing does, a name that stands for one thing everywhere leads to
/// the only one that has it; of two it is not known which is meant.
pub(super) fn users<'w>(workspace: &'w Workspace, of: &'w Definition) -> Vec<(&'w Definition, &'w Arc<str>)> {
    let mut users = Vec::new();
    for name in known_as(of.block()) {
        let is_declared = |definition: &&Definition| known_as(definition.block()).any(|known| known == name);
        let declared: BTreeSet<&str> = workspace.outside(name).filter(is_declared).map(|it| &*it.file).collect();
        let is_user = |user: &&Definition| {
            if user.file == of.file || is_declared(user) || declared.contains(&*user.file) {
                return false;
            }
            let mut beside = declared.iter().filter(|file| folder(file) == folder(&user.file)).peekable();
            match beside.peek() {
                None => is_whole(name) && declared.len() == 1,
                Some(_) => beside.eq([&&*of.file]),
            }
        };
        users.extend(workspace.outside(name).filter(is_user).map(|user| (user, name)));
    }
    users
}
