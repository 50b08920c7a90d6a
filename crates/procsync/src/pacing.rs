//! How long one wait spins, and how: what named objects and the types over the caller's memory share.

use crate::raw::spin::{Pace, Spin, SpinEstimate};
use crate::sys::clock;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Adaptive spinning lasts between these, in microseconds: about as long as going to sleep and being
/// woken, with what the scheduler has to do for it.
const LEAST_SPIN: u32 = 20;
const MOST_SPIN: u32 = 50;
/// A wait that nothing has been learnt in favour of is allowed this, in microseconds.
const ALWAYS: u32 = 1;
/// One that backs off looks this often at least, in microseconds.
const BETWEEN_LOOKS: u32 = 3;

/// Who gave the processor away and got it back after this time only, in nanoseconds, gave it to a busy
/// program: that keeps what it is given for milliseconds, but must let one who wakes up from sleep run
/// at once. (Those who want the same lock give it back sooner: they sleep.)
const KEPT: u64 = 1_000_000;
/// So many times as long nobody tries again.
const STAYS: u64 = 64;

/// The spinning of one wait of one thread: first it looks again after pauses of the processor, then
/// after others were allowed to run on it.
///
/// Nobody can know beforehand which of them helps: the one that it waits for may run on another
/// processor, or want this very one, for this thread may be bound to it (and others to others), or
/// there may be more to do than processors. So that is learnt, too.
#[derive(Debug)]
pub(crate) struct Spinner<'a> {
    estimate: &'a SpinEstimate,
    pace: Pace,
    /// How many pauses may come before it gives way.
    pausing: u32,
    /// How many pauses it may spin for altogether.
    left: u32,
    spun: u32,
    gave_way: bool,
    backs_off: bool,
    may_yield: bool,
    between_looks: u32,
}

impl<'a> Spinner<'a> {
    /// `backs_off`: whoever looks takes the line away from the one that it waits for, so look less and
    /// less often.
    pub(crate) fn new(backs_off: bool, spin: Spin, estimate: &'a SpinEstimate) -> Self {
        let pace = pace();
        let (left, pausing) = match spin {
            Spin::Never => (0, 0),
            Spin::Adaptive => (estimate.allowance(pace), estimate.pausing(pace)),
            Spin::Pauses(pauses) => (pauses, pauses),
        };
        let may_yield = estimate.may_yield(clock::monotonic);
        Spinner {
            estimate,
            pace,
            pausing,
            left,
            spun: 0,
            gave_way: false,
            backs_off,
            may_yield,
            between_looks: 1,
        }
    }

    /// Waits for a moment and answers true, as long as spinning may still pay.
    #[inline]
    pub(crate) fn spin(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        if self.pausing > 0 {
            self.pause();
        } else if self.may_yield {
            self.give_way();
        } else {
            return false;
        }
        true
    }

    fn pause(&mut self) {
        let pauses = self.between_looks.min(self.pausing).min(self.left);
        (0..pauses).for_each(|_| std::hint::spin_loop());
        self.left -= pauses;
        self.pausing -= pauses;
        self.spun += pauses;
        if self.pausing == 0 {
            self.estimate.paused_in_vain();
        }
        if self.backs_off {
            self.between_looks =
                (self.between_looks * 2).min(BETWEEN_LOOKS * self.pace.microsecond);
        }
    }

    /// Lets others run before it looks again, and pays for it by the time that takes.
    fn give_way(&mut self) {
        let before = clock::monotonic();
        std::thread::yield_now();
        let now = clock::monotonic();
        let took = now - before;
        if took > KEPT {
            self.estimate.was_kept_waiting(now + took * STAYS);
            self.may_yield = false;
        }
        let pauses = took * u64::from(self.pace.microsecond) / 1_000 + 1;
        let pauses = u32::try_from(pauses).unwrap_or(u32::MAX);
        self.left = self.left.saturating_sub(pauses);
        self.spun = self.spun.saturating_add(pauses);
        self.gave_way = true;
    }

    /// The wait was successful and did not sleep: the next ones learn from it.
    pub(crate) fn was_enough(&self) {
        if self.spun > 0 && !self.gave_way {
            self.estimate.pausing_paid();
        }
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

fn pace() -> Pace {
    let microsecond = pauses_per_microsecond();
    Pace {
        microsecond,
        always: microsecond * ALWAYS,
        least: microsecond * LEAST_SPIN,
        most: microsecond * MOST_SPIN,
    }
}

/// How many pauses of the processor (`spin_loop`) fill a microsecond; measured once. They differ by a
/// factor of twenty between processors.
pub(crate) fn pauses_per_microsecond() -> u32 {
    static MEASURED: AtomicU32 = AtomicU32::new(0);
    match MEASURED.load(Ordering::Relaxed) {
        0 => {
            const PAUSES: u64 = 64;
            // The shortest of three: an interruption makes a measurement longer, never shorter.
            let shortest = (0..3)
                .map(|_| {
                    let before = clock::monotonic();
                    (0..PAUSES).for_each(|_| std::hint::spin_loop());
                    clock::monotonic() - before
                })
                .min();
            let pauses = PAUSES * 1_000 / shortest.unwrap_or(0).max(1);
            let pauses = pauses.clamp(5, 1_000) as u32;
            // Who was first has the word, so that it is the same for all from now on.
            match MEASURED.compare_exchange(0, pauses, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => pauses,
                Err(first) => first,
            }
        }
        pauses => pauses,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pauses a wait makes before it gives way, if it has to.
    fn pausing(estimate: &SpinEstimate) -> u32 {
        Spinner::new(false, Spin::Adaptive, estimate).pausing
    }

    #[test]
    fn pauses_that_do_not_help_are_left_out_and_come_back_when_they_do() {
        let estimate = SpinEstimate::new();
        let full = pace().least;
        for expected in [full, full / 2, full / 4, full / 8] {
            let mut spinner = Spinner::new(false, Spin::Adaptive, &estimate);
            assert_eq!(spinner.pausing, expected);
            (0..expected).for_each(|_| assert!(spinner.spin()));
            // From here on it would give way.
            assert_eq!((spinner.pausing, spinner.gave_way), (0, false));
        }
        let trying = (0..64).map(|_| pausing(&estimate)).filter(|&pauses| pauses > 0);
        assert_eq!(trying.collect::<Vec<_>>(), [pace().always]);
        // One that is over after a few pauses.
        let mut spinner = (0..64)
            .map(|_| Spinner::new(false, Spin::Adaptive, &estimate))
            .find(|one| one.pausing > 0);
        let spinner = spinner.as_mut().unwrap();
        assert!(spinner.spin() && spinner.spin());
        spinner.was_enough();
        assert_eq!(pausing(&estimate), full);
    }

    #[test]
    fn who_waits_in_vain_spins_for_a_moment_only() {
        let estimate = SpinEstimate::new();
        (0..20).for_each(|_| estimate.wasted(pace()));
        let spinner = Spinner::new(false, Spin::Adaptive, &estimate);
        assert_eq!(spinner.left, pace().always);
    }

    #[test]
    fn who_backs_off_looks_less_often_but_does_not_stop() {
        let estimate = SpinEstimate::new();
        let looks = |backs_off| {
            let mut spinner = Spinner::new(backs_off, Spin::Pauses(10_000), &estimate);
            let mut looks = 0;
            while spinner.spin() {
                looks += 1;
            }
            assert_eq!((spinner.left, spinner.gave_way), (0, false));
            looks
        };
        assert_eq!(looks(false), 10_000);
        let fewer = looks(true);
        assert!((10..5_000).contains(&fewer), "{fewer}");
        assert!(!Spinner::new(true, Spin::Never, &estimate).spin());
    }
}
