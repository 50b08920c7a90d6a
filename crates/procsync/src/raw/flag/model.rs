//! Scenarios for flags.
#![allow(clippy::disallowed_types)] // a tally, which takes part in nothing

use std::sync::atomic::{AtomicU32 as Tally, Ordering::Relaxed};

use loom::thread;

use super::{Consume, Flag};
use crate::raw::model::{GaveUp, Kernel, Plain, explore, together};

const MANUAL: Consume = Consume::Nothing;
const AUTO: Consume = Consume::Setting;

/// Waiters with a name: those that give up, or whose beginning matters.
const B: u32 = 1;
const C: u32 = 2;

struct Scene {
    flag: Flag,
    data: Plain,
    kernel: Kernel,
    /// Counts what the scenario is about. Not loom's: it takes part in nothing.
    tally: Tally,
}

impl Scene {
    fn new() -> Self {
        Scene {
            flag: Flag::new(),
            data: Plain::new(),
            kernel: Kernel::default(),
            tally: Tally::new(0),
        }
    }

    fn set(&self, consume: Consume) {
        self.flag.set(consume, &self.kernel);
    }

    fn wait_as(&self, consume: Consume, name: u32) -> Result<(), GaveUp> {
        self.flag.wait(consume, &mut self.kernel.waiter(name))
    }

    fn wait(&self, consume: Consume) {
        self.wait_as(consume, 0).expect("nobody gives up here");
    }
}

fn ends_unset(s: &Scene) {
    assert!(!s.flag.is_set());
}

#[test]
fn what_was_written_before_the_set_is_seen() {
    explore(|| {
        together(
            Scene::new(),
            &[
                |s| {
                    s.data.change();
                    s.set(MANUAL);
                },
                |s| {
                    s.wait(MANUAL);
                    assert_eq!(s.data.read(), 1);
                },
                |s| {
                    if s.flag.is_set() {
                        assert_eq!(s.data.read(), 1);
                    }
                },
            ],
            |s| assert!(s.flag.is_set()),
        );
    });
}

#[test]
fn what_was_written_before_the_set_is_seen_by_its_consumer() {
    explore(|| {
        together(
            Scene::new(),
            &[
                |s| {
                    s.data.change();
                    s.set(AUTO);
                },
                |s| {
                    s.wait(AUTO);
                    assert_eq!(s.data.read(), 1);
                },
            ],
            ends_unset,
        );
    });
}

/// The second set finds the flag set, and yet who waits must see what came before it.
#[test]
fn a_set_of_a_set_flag_publishes_too() {
    explore(|| {
        together(
            Scene::new(),
            &[
                |s| s.set(AUTO),
                |s| {
                    s.data.change();
                    s.set(AUTO);
                    s.tally.store(1, Relaxed);
                },
                |s| {
                    let after_both = s.tally.load(Relaxed) == 1;
                    s.wait(AUTO);
                    if after_both {
                        assert_eq!(s.data.read(), 1);
                    }
                },
            ],
            |_| (),
        );
    });
}

#[test]
fn a_set_wakes_two() {
    explore(|| {
        together(Scene::new(), &[|s| s.set(MANUAL), |s| s.wait(MANUAL), |s| s.wait(MANUAL)], |s| {
            assert!(s.flag.is_set());
        });
    });
}

#[test]
fn set_and_cleared_reaches_who_waited() {
    explore(|| {
        together(
            Scene::new(),
            &[
                |s| {
                    let waits = s.kernel.has_begun(B, s.flag.futex());
                    s.set(MANUAL);
                    // Who has not begun to wait may miss it.
                    if waits {
                        s.flag.clear();
                    }
                },
                |s| s.wait_as(MANUAL, B).expect("nobody gives up here"),
            ],
            |_| (),
        );
    });
}

#[test]
fn set_and_cleared_reaches_two_who_waited() {
    explore(|| {
        together(
            Scene::new(),
            &[
                |s| {
                    let waits = s.kernel.has_begun(B, s.flag.futex())
                        && s.kernel.has_begun(C, s.flag.futex());
                    s.set(MANUAL);
                    if waits {
                        s.flag.clear();
                    }
                },
                |s| s.wait_as(MANUAL, B).expect("nobody gives up here"),
                |s| s.wait_as(MANUAL, C).expect("nobody gives up here"),
            ],
            |_| (),
        );
    });
}

impl Scene {
    fn set_until_consumed(&self) {
        self.set(AUTO);
        while self.flag.is_set() {
            thread::yield_now();
        }
    }
}

#[test]
fn two_sets_let_two_go_on() {
    explore(|| {
        together(
            Scene::new(),
            &[
                |s| {
                    s.set_until_consumed();
                    s.set(AUTO);
                },
                |s| s.wait(AUTO),
                |s| s.wait(AUTO),
            ],
            ends_unset,
        );
    });
}

/// The setting that wakes a waiter is consumed by somebody else, and with it went the mark of the
/// other waiter.
#[test]
fn a_setting_that_was_taken_away_wakes_when_it_is_back() {
    fn wait_and_hand_on(s: &Scene) {
        s.wait(AUTO);
        s.set(AUTO);
    }
    explore(|| {
        together(
            Scene::new(),
            &[
                |s| {
                    s.set(AUTO);
                    if s.flag.try_wait(AUTO) {
                        s.set(AUTO);
                    }
                },
                wait_and_hand_on,
                wait_and_hand_on,
            ],
            |s| assert!(s.flag.is_set()),
        );
    });
}

#[test]
fn giving_up_loses_no_setting() {
    explore(|| {
        together(
            Scene::new(),
            &[
                |s| {
                    s.set(AUTO);
                    s.kernel.expire(B, s.flag.futex());
                },
                |s| {
                    if s.wait_as(AUTO, B).is_ok() {
                        s.set(AUTO);
                    }
                },
                |s| s.wait(AUTO),
            ],
            ends_unset,
        );
    });
}

/// As above, but somebody else consumes the setting that woke the one that then gives up.
#[test]
fn giving_up_after_another_consumed_loses_no_wake_up() {
    explore(|| {
        together(
            Scene::new(),
            &[
                |s| {
                    s.set(AUTO);
                    let taken = s.flag.try_wait(AUTO);
                    s.kernel.expire(B, s.flag.futex());
                    if taken {
                        s.set(AUTO);
                    }
                },
                |s| {
                    if s.wait_as(AUTO, B).is_ok() {
                        s.set(AUTO);
                    }
                },
                |s| s.wait(AUTO),
            ],
            ends_unset,
        );
    });
}
