//! The queue of what happens, and the turns in which the session takes it in.
//!
//! Whoever has the session takes a turn with it: the reader with what it has just read, so that no other thread has to wake up
//! between a key and its diagnostics, and the main loop with everything else.

use super::session::{Event, Session};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// Events that may wait; who sends more waits too. The session itself never sends one.
const QUEUE: usize = 10_000;

/// Events that are taken in before what they changed is looked at.
const BATCH: usize = 256;

/// How long nothing may happen before the main loop looks around.
const IDLE: Duration = Duration::from_mins(1);

/// Where events are sent to.
#[derive(Clone, Default)]
pub(super) struct Events {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is something for the main loop.
    arrived: Condvar,
    /// There is room.
    taken: Condvar,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    /// When the session has something to do, whatever happens.
    due: Option<Instant>,
    /// The main loop waits, until then at most.
    waiting: Option<Instant>,
    ended: bool,
}

impl Events {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an event to the main loop.
    pub(super) fn send(&self, event: Event) {
        self.leave(event);
        self.shared.arrived.notify_one();
    }

    /// The same for who takes a turn afterwards.
    pub(super) fn leave(&self, event: Event) {
        let mut queue = self.queue();
        while queue.events.len() >= QUEUE && !queue.ended {
            self.shared.arrived.notify_one();
            queue = self.shared.taken.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.events.push_back(event);
    }

    /// Waits until there is something to do. Returns whether there will ever be.
    fn wait(&self) -> bool {
        let mut queue = self.queue();
        loop {
            let now = Instant::now();
            if queue.ended || !queue.events.is_empty() || queue.due.is_some_and(|due| due <= now) {
                return !queue.ended;
            }
            let until = queue.due.unwrap_or_else(|| now + IDLE);
            queue.waiting = Some(until);
            let waited = self.shared.arrived.wait_timeout(queue, until - now);
            (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
            queue.waiting = None;
        }
    }

    /// What is to be taken in now.
    fn take(&self) -> VecDeque<Event> {
        let mut queue = self.queue();
        let rest = queue.events.len().min(BATCH);
        let rest = queue.events.split_off(rest);
        let taken = std::mem::replace(&mut queue.events, rest);
        drop(queue);
        self.shared.taken.notify_all();
        taken
    }

    /// Notes when the session has something to do.
    fn set_due(&self, due: Option<Instant>) {
        let mut queue = self.queue();
        queue.due = due;
        let is_earlier = queue.waiting.is_some_and(|until| due.is_some_and(|due| due < until));
        if is_earlier || !queue.events.is_empty() {
            self.shared.arrived.notify_one();
        }
    }

    fn end(&self) {
        self.queue().ended = true;
        self.shared.arrived.notify_one();
        self.shared.taken.notify_all();
    }
}

/// The session, for one thread at a time.
pub(super) struct Turns {
    session: Mutex<Session>,
    events: Events,
}

impl Turns {
    pub(super) fn new(session: Session, events: Events) -> Self {
        Self { session: Mutex::new(session), events }
    }

    /// The main loop; runs until [`Event::End`].
    pub(super) fn run(&self) {
        while self.events.wait() {
            self.turn(&mut self.session.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Takes a turn, unless the main loop is in one, which then finds what was left in the queue.
    pub(super) fn take(&self) {
        match self.session.try_lock() {
            Ok(mut session) => self.turn(&mut session),
            Err(TryLockError::Poisoned(session)) => self.turn(&mut session.into_inner()),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    fn turn(&self, session: &mut Session) {
        if session.turn(self.events.take()) {
            self.events.set_due(session.next_due());
        } else {
            self.events.end();
        }
    }
}
