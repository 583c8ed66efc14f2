//! How far something is that takes a while.

use super::client::Requester;
use super::transport::Outbox;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tower_lsp::ls_types::ProgressToken;

/// What the client is told of one piece of work. Without a client that shows it, nothing is told.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    token: Option<ProgressToken>,
    title: String,
    outbox: Outbox,
    stage: Mutex<Stage>,
    cancelled: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The client has not made a place for it yet.
    Asked,
    /// It has come to its end before that.
    EndedBefore,
    /// It is told.
    Shown,
    /// Nothing more is told.
    Over,
}

impl Progress {
    fn new(token: Option<ProgressToken>, title: &str, outbox: &Outbox, stage: Stage) -> Self {
        let shared = Shared {
            token,
            title: title.to_owned(),
            outbox: outbox.clone(),
            stage: Mutex::new(stage),
            cancelled: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Work that is told to nobody.
    pub(super) fn silent(outbox: &Outbox) -> Self {
        Self::new(None, "", outbox, Stage::Over)
    }

    /// Work on a request, with the token that the client gave for it.
    pub(super) fn of_request(token: Option<ProgressToken>, title: &str, outbox: &Outbox) -> Self {
        let stage = if token.is_some() { Stage::Shown } else { Stage::Over };
        let progress = Self::new(token, title, outbox, stage);
        if stage == Stage::Shown {
            progress.begin();
        }
        progress
    }

    /// Work of the server's own, for which the client is asked to make a place.
    pub(super) fn of_server(name: String, title: &str, outbox: &Outbox, requester: &Requester) -> Self {
        let token = ProgressToken::String(name);
        let progress = Self::new(Some(token.clone()), title, outbox, Stage::Asked);
        let made = progress.clone();
        requester.create_progress(token, move |is_made| made.made(is_made));
        progress
    }

    fn made(&self, is_made: bool) {
        let mut stage = self.stage();
        let ended = *stage == Stage::EndedBefore;
        *stage = if is_made && !ended { Stage::Shown } else { Stage::Over };
        // Told while the stage is held, so that nothing comes before its beginning.
        if is_made {
            self.begin();
            if ended {
                self.tell(&json!({ "kind": "end" }));
            }
        }
    }

    fn begin(&self) {
        let title = &self.shared.title;
        self.tell(&json!({ "kind": "begin", "title": title, "cancellable": true, "percentage": 0 }));
    }

    /// Says how much is done.
    pub(super) fn report(&self, done: usize, total: usize) {
        if *self.stage() == Stage::Shown {
            let percentage = done.saturating_mul(100) / total.max(1);
            let message = format!("{done} of {total} files");
            self.tell(&json!({ "kind": "report", "message": message, "percentage": percentage, "cancellable": true }));
        }
    }

    /// Says that it is over, and in which way.
    pub(super) fn end(&self, message: &str) {
        let mut stage = self.stage();
        if *stage == Stage::Shown {
            self.tell(&json!({ "kind": "end", "message": message }));
        }
        *stage = if *stage == Stage::Asked { Stage::EndedBefore } else { Stage::Over };
    }

    /// The person does not want it any more.
    pub(super) fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }

    /// Whether this is what a token stands for and it is not over.
    pub(super) fn is_running(&self) -> bool {
        *self.stage() != Stage::Over
    }

    pub(super) fn has_token(&self, token: &ProgressToken) -> bool {
        self.shared.token.as_ref() == Some(token)
    }

    fn tell(&self, value: &Value) {
        if let Some(token) = &self.shared.token {
            self.shared.outbox.notify("$/progress", &json!({ "token": token, "value": value }));
        }
    }

    fn stage(&self) -> std::sync::MutexGuard<'_, Stage> {
        self.shared.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
