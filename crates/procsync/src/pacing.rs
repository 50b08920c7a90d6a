//! How long one wait spins, and how: what named objects and the types over the caller's memory share.

use crate::raw::spin::{Pace, Spin, SpinEstimate};
use crate::sys::{clock, process};
use std::sync::OnceLock;

/// Adaptive spinning lasts between these, in microseconds.
const LEAST_SPIN: u32 = 1;
const MOST_SPIN: u32 = 50;

/// Who gave the processor away and got it back after this time only, in nanoseconds, gave it to a busy
/// program: that keeps what it is given for milliseconds, but must let one who wakes up from sleep run
/// at once. (Those who want the same lock give it back sooner: they sleep.)
const KEPT: u64 = 1_000_000;
/// So many times as long nobody tries again.
const STAYS: u64 = 64;

/// The most pauses or yields between two looks of one that backs off.
const MOST_BETWEEN_LOOKS: u32 = 16;

/// The spinning of one wait of one thread.
#[derive(Debug)]
pub(crate) struct Spinner<'a> {
    estimate: &'a SpinEstimate,
    pace: Pace,
    several_cpus: bool,
    left: u32,
    spun: u32,
    backs_off: bool,
    may_yield: bool,
    between_looks: u32,
}

impl<'a> Spinner<'a> {
    /// `backs_off`: whoever looks takes the line away from the one that it waits for, so look less and
    /// less often. `several_cpus`: another one could change what is waited for while this one looks at it.
    pub(crate) fn new(
        several_cpus: bool,
        backs_off: bool,
        spin: Spin,
        estimate: &'a SpinEstimate,
    ) -> Self {
        let pace = pace(several_cpus);
        let left = match spin {
            Spin::Never => 0,
            Spin::Adaptive => estimate.allowance(pace),
            Spin::Pauses(pauses) => pauses,
        };
        let may_yield = estimate.may_yield(clock::monotonic);
        Spinner {
            estimate,
            pace,
            several_cpus,
            left,
            spun: 0,
            backs_off,
            may_yield,
            between_looks: 1,
        }
    }

    /// Pauses for a moment and answers true, as long as spinning may still pay.
    #[inline]
    pub(crate) fn spin(&mut self) -> bool {
        for _ in 0..self.between_looks {
            if self.left == 0 {
                return false;
            }
            if self.several_cpus && self.spun < self.pace.least {
                self.left -= 1;
                self.spun += 1;
                std::hint::spin_loop();
            } else if self.may_yield {
                self.give_way();
            } else {
                return false;
            }
        }
        if self.backs_off {
            self.between_looks = (self.between_looks * 2).min(MOST_BETWEEN_LOOKS);
        }
        self.left > 0
    }

    /// Lets others run before it looks again, and pays for it by the time that takes. The one that
    /// it waits for may be waiting for this very CPU: always where this thread may run on one only,
    /// and likely if a few pauses did not help.
    fn give_way(&mut self) {
        let before = clock::monotonic();
        std::thread::yield_now();
        let now = clock::monotonic();
        let took = now - before;
        if took > KEPT {
            self.estimate.was_kept_waiting(now + took * STAYS);
            self.may_yield = false;
        }
        let pauses = took * u64::from(self.pace.least) / (1_000 * u64::from(LEAST_SPIN)) + 1;
        let pauses = u32::try_from(pauses).unwrap_or(u32::MAX);
        self.left = self.left.saturating_sub(pauses);
        self.spun = self.spun.saturating_add(pauses);
    }

    /// The wait was successful and did not sleep: the next ones learn from it.
    pub(crate) fn was_enough(&self) {
        // Longer than allowed: a yield gave the CPU to somebody who kept it.
        if self.spun > self.pace.most {
            self.estimate.wasted(self.pace);
        } else {
            self.estimate.paid(self.spun, self.pace);
        }
    }

    /// The wait goes to sleep for the first time.
    pub(crate) fn was_in_vain(&self) {
        if self.spun > 0 {
            self.estimate.wasted(self.pace);
        }
    }
}

fn pace(several_cpus: bool) -> Pace {
    let pauses = process::pauses_per_microsecond();
    let always = if several_cpus { pauses / 5 } else { 0 };
    Pace { always, least: pauses * LEAST_SPIN, most: pauses * MOST_SPIN }
}

/// What the environment variable `PROCSYNC_SPIN` says; adaptive if it says nothing. Read once.
pub(crate) fn spin_of_environment() -> Spin {
    static SPIN: OnceLock<Spin> = OnceLock::new();
    *SPIN.get_or_init(|| {
        let Ok(text) = std::env::var("PROCSYNC_SPIN") else { return Spin::Adaptive };
        Spin::parse(&text).unwrap_or_else(|| {
            tracing::warn!(value = text, "PROCSYNC_SPIN is not understood and ignored");
            Spin::Adaptive
        })
    })
}
