//! How long a waiter looks at a word before it sleeps.

use super::sync::{AtomicU32, Ordering};

/// The most that an adaptive waiter ever spins, in pauses. About the time that going to sleep and
/// being woken costs: spinning longer than that can lose more than it can win.
pub(crate) const MOST: u32 = 1_000;
/// The least: a wait that is over at once is noticed, and that is how it becomes known.
pub(crate) const LEAST: u32 = 16;
/// One wait in so many is allowed [`MOST`], whatever was learnt, so that the estimate finds out
/// when waits have become short again.
const PROBE_EVERY: u32 = 64;

/// What the waits for one object have taught this process. Only a hint: every access is
/// `Relaxed`, and an update that gets lost is one lesson the less.
#[derive(Debug)]
pub(crate) struct SpinEstimate {
    budget: AtomicU32,
    waits: AtomicU32,
}

impl SpinEstimate {
    pub(crate) fn new() -> Self {
        SpinEstimate { budget: AtomicU32::new(MOST / 4), waits: AtomicU32::new(0) }
    }

    /// How often the next wait may pause.
    pub(crate) fn allowance(&self) -> u32 {
        let waits = self.waits.load(Ordering::Relaxed);
        self.waits.store(waits.wrapping_add(1), Ordering::Relaxed);
        if waits % PROBE_EVERY == PROBE_EVERY - 1 {
            MOST
        } else {
            self.budget.load(Ordering::Relaxed).clamp(LEAST, MOST)
        }
    }

    /// A wait was over after `pauses`: allow such waits, and some more.
    pub(crate) fn paid(&self, pauses: u32) {
        let wanted = pauses.saturating_mul(2).saturating_add(LEAST).min(MOST);
        let budget = self.budget.load(Ordering::Relaxed).min(MOST);
        // A quarter of the way down, half of the way up: too little costs a sleep, too much a spin.
        let next = if wanted > budget {
            budget + (wanted - budget) / 2
        } else {
            budget - (budget - wanted) / 4
        };
        self.budget.store(next, Ordering::Relaxed);
    }

    /// A wait had to sleep after all that it was allowed.
    pub(crate) fn wasted(&self) {
        let budget = self.budget.load(Ordering::Relaxed);
        self.budget.store(budget / 2, Ordering::Relaxed);
    }
}

/// How long a waiter spins before it sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Spin {
    /// As long as it has paid off lately.
    #[default]
    Adaptive,
    /// Not at all.
    Never,
    /// This many pauses.
    Pauses(u32),
}

impl Spin {
    /// Reads `adaptive`, `never` or a number of pauses (0 is never).
    pub fn parse(text: &str) -> Option<Spin> {
        match text.trim() {
            "" | "adaptive" => Some(Spin::Adaptive),
            "never" | "0" => Some(Spin::Never),
            number => number.parse().ok().map(Spin::Pauses),
        }
    }
}
