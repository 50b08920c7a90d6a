//! How long a waiter looks at a word before it sleeps.

use super::sync::{AtomicU32, AtomicU64, Ordering};

/// Between which bounds an adaptive waiter spins, in pauses of the processor. (Who knows the clock makes
/// these of times.)
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// About what a microsecond takes.
    pub(crate) microsecond: u32,
    /// What a wait is always allowed: one that is over at once is noticed, and so it becomes known.
    pub(crate) always: u32,
    /// What a wait is allowed at least where spinning has paid off.
    pub(crate) least: u32,
    /// About what going to sleep and being woken takes: spinning longer loses more than it can win,
    /// and spinning less cannot bridge the sleep of one who would answer at once if it were awake.
    pub(crate) most: u32,
}

/// One wait in so many is allowed the most, whatever was learnt, so that the estimate finds out
/// when waits have become short again.
const PROBE_EVERY: u32 = 128;

/// Who spins the least that may pay does not give it up for one wait in vain, as there always is one
/// now and then: each halves what was learnt, and it stops when no more than this part is left.
const FORGIVEN: u32 = 8;

/// After so many waits in a row of which the pauses were in vain, each with half as many as the one
/// before, the next ones give way at once.
const IN_VAIN: u32 = 4;
/// But one wait in so many pauses for a moment, to find out whether it helps again.
const TRY_EVERY: u32 = 64;

/// What the waits for one object have taught this process. Only a hint: every access is
/// `Relaxed`, and an update that gets lost is one lesson the less.
#[derive(Debug)]
pub(crate) struct SpinEstimate {
    budget: AtomicU32,
    waits: AtomicU32,
    /// How many waits in a row have paused in vain; not counted on from `IN_VAIN`.
    in_vain: AtomicU32,
    /// Until when nobody gives the processor away; by the clock of who asks.
    stays_until: AtomicU64,
}

impl SpinEstimate {
    pub(crate) fn new() -> Self {
        SpinEstimate {
            budget: AtomicU32::new(u32::MAX),
            waits: AtomicU32::new(0),
            in_vain: AtomicU32::new(0),
            stays_until: AtomicU64::new(0),
        }
    }

    /// Whether it has paid off lately to let others run and look again, as of now.
    pub(crate) fn may_yield(&self, now: impl FnOnce() -> u64) -> bool {
        let until = self.stays_until.load(Ordering::Relaxed);
        until == 0 || now() >= until
    }

    /// The processor was given to somebody who kept it for long: nobody does so again before `until`.
    pub(crate) fn was_kept_waiting(&self, until: u64) {
        self.stays_until.store(until, Ordering::Relaxed);
    }

    /// How many pauses of the next wait may come before it gives way to others.
    pub(crate) fn pausing(&self, pace: Pace) -> u32 {
        let in_vain = self.in_vain.load(Ordering::Relaxed);
        if in_vain < IN_VAIN {
            pace.least >> in_vain
        } else if self.waits.load(Ordering::Relaxed).is_multiple_of(TRY_EVERY) {
            pace.always
        } else {
            0
        }
    }

    /// A wait was over before it gave way.
    pub(crate) fn pausing_paid(&self) {
        if self.in_vain.load(Ordering::Relaxed) != 0 {
            self.in_vain.store(0, Ordering::Relaxed);
        }
    }

    /// A wait has paused as long as it was allowed.
    pub(crate) fn paused_in_vain(&self) {
        let in_vain = self.in_vain.load(Ordering::Relaxed);
        if in_vain < IN_VAIN {
            self.in_vain.store(in_vain + 1, Ordering::Relaxed);
        }
    }

    /// How long the next wait may spin, in pauses.
    pub(crate) fn allowance(&self, pace: Pace) -> u32 {
        let waits = self.waits.load(Ordering::Relaxed);
        self.waits.store(waits.wrapping_add(1), Ordering::Relaxed);
        let budget = self.budget.load(Ordering::Relaxed);
        if waits % PROBE_EVERY == PROBE_EVERY - 1 {
            pace.most
        } else if budget > pace.least / FORGIVEN {
            budget.clamp(pace.least, pace.most)
        } else {
            pace.always
        }
    }

    /// A wait was over after `pauses`: allow such waits, and some more.
    pub(crate) fn paid(&self, pauses: u32, pace: Pace) {
        let wanted = pauses.saturating_mul(2).clamp(pace.least, pace.most);
        let budget = self.budget.load(Ordering::Relaxed).min(pace.most);
        // At once up, an eighth of the way down: too little costs a sleep, too much a spin.
        let next = if wanted > budget { wanted } else { budget - (budget - wanted) / 8 };
        self.budget.store(next, Ordering::Relaxed);
    }

    /// A wait had to sleep after all that it was allowed.
    pub(crate) fn wasted(&self, pace: Pace) {
        let budget = self.budget.load(Ordering::Relaxed).min(pace.most);
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
    /// This many pauses of the processor.
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
