//! `countersign sync`: sends ledgers to a team's store.

use super::stamp::counted;
use super::{FAILED, ledger, person, print};
use crate::disk::Configs;
use crate::git::Git;
use crate::review::repository_at;
use crate::store::{Sent, Store};
use anyhow::Context;
use clap::Args;
use countersign_ledger::Names;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where a team's store is, for every command that reads it.
#[derive(Debug, Args)]
pub(super) struct StoreArgument {
    /// Answer by a team's store instead of the ledger of this clone: `postgres://USER@HOST/DATABASE`. A password belongs into
    /// `PGPASSWORD` or the file of passwords of PostgreSQL (`~/.pgpass`).
    #[arg(long, value_name = "ADDRESS")]
    pub(super) store: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct SyncArguments {
    /// The store: `postgres://USER@HOST/DATABASE`. A password belongs into `PGPASSWORD` or the file of passwords of PostgreSQL
    /// (`~/.pgpass`), where no list of processes shows it.
    #[arg(long, value_name = "ADDRESS")]
    store: String,
    /// Create the tables and roles of the store, or bring them up to date, and send nothing. For whoever owns the database.
    #[arg(long, conflicts_with_all = ["folder", "withhold_names"])]
    set_up: bool,
    /// Do not send names of people and files. Those that were sent before stay there.
    #[arg(long)]
    withhold_names: bool,
    /// Work trees whose ledgers are sent; else that of the current folder.
    #[arg(value_name = "FOLDER")]
    folder: Vec<PathBuf>,
}

pub(super) fn run(arguments: &SyncArguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if arguments.set_up {
        let is_new = runtime.block_on(Store::set_up(&arguments.store))?;
        return print(if is_new {
            "The store is set up. Whoever sends to it needs the role `countersign_writer`, whoever reads it `countersign_reader`, as in \
             `GRANT countersign_writer TO ci`.\n"
        } else {
            "The store is set up for this version already.\n"
        });
    }
    let here = [std::env::current_dir()?];
    let folders = if arguments.folder.is_empty() { here.as_slice() } else { arguments.folder.as_slice() };
    let names = if arguments.withhold_names { Names::Withheld } else { Names::Disclosed };
    runtime.block_on(async {
        let mut store = Store::connect(&arguments.store).await?;
        let mut is_whole = true;
        for folder in folders {
            // One that cannot be sent stands in the way of no other.
            if let Err(error) = send(&mut store, folder, names).await {
                anstream::eprintln!("countersign: {}: {error:#}", folder.display());
                is_whole = false;
            }
        }
        store.close().await;
        Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
    })
}

async fn send(store: &mut Store, folder: &Path, names: Names) -> anyhow::Result<()> {
    let git = Git::of(folder).ok();
    let root = git.as_ref().map_or(folder, Git::root);
    let Some(ledger) = ledger::open_in(root)? else {
        print(&format!("{}: nothing was recorded, so there is nothing to send.\n", folder.display()))?;
        return Ok(());
    };
    let configs = Configs::default();
    let repository = repository_at(root, git.as_ref(), &configs.of(&root.join("-")).config);
    let mut so_far = 0;
    let sent = store.send(&ledger, &repository, names, |entries| so_far = entries).await;
    let sent = sent.with_context(|| {
        let before = if so_far == 0 { "nothing".to_owned() } else { some(so_far, "entry") };
        format!("sent before this: {before}; the next call goes on from there")
    })?;
    print(&person::shown(&told(&sent, &repository, store.name())))?;
    Ok(())
}

fn some(count: u64, what: &str) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), what)
}

/// What was sent, in sentences.
fn told(sent: &Sent, repository: &str, store: &str) -> String {
    let Sent { entries, names, erased, forked_after, ahead } = sent;
    let mut out = if *entries == 0 && *names == 0 {
        format!("{repository}: {store} has everything already.\n")
    } else {
        format!("{repository}: {} and {} sent to {store}.\n", some(*entries, "entry"), some(*names, "name"))
    };
    if *erased > 0 {
        let _ = writeln!(out, "  Names that were erased here and now are there as well: {erased}.");
    }
    if let Some(after) = forked_after {
        let _ = writeln!(
            out,
            "  This ledger goes another way than one that is there, after entry {after}: two machines go on with copies of one ledger, or \
             one of them was rewritten. Both are kept."
        );
    }
    if *ahead > 0 {
        let _ = writeln!(
            out,
            "  The store goes on {ahead} beyond the last entry of this ledger: its end was cut off, or an older copy was put in its \
             place. `countersign ledger verify` says what anchors say of it."
        );
    }
    out
}
