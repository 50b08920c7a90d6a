//! Scenarios for a word with an owner.
#![allow(clippy::disallowed_types)] // a tally, which takes part in nothing

use std::sync::atomic::{AtomicU32 as Tally, Ordering::Relaxed};

use super::{ABANDONED, Denied, OwnedWord, ProcessTag, TAG, Taken, ThreadTag};
use crate::raw::Waker;
use crate::raw::model::{GaveUp, Kernel, Plain, explore, together};

/// The tags of the threads in a scenario, and of one that died before it began.
const A: u32 = 1;
const B: u32 = 2;
const C: u32 = 3;
const DEAD: u32 = 4;

struct Scene {
    word: OwnedWord,
    data: Plain,
    kernel: Kernel,
    /// Counts what the scenario is about. Not loom's: it takes part in nothing.
    tally: Tally,
}

impl Scene {
    fn free() -> Self {
        Scene {
            word: OwnedWord::new(),
            data: Plain::new(),
            kernel: Kernel::default(),
            tally: Tally::new(0),
        }
    }

    fn held_by(tag: u32) -> Self {
        let scene = Self::free();
        assert!(scene.word.try_acquire_clean(tag));
        scene
    }

    fn slow_acquire(&self, tag: u32, take_abandoned: bool) -> Result<Taken, Denied<GaveUp>> {
        self.word.acquire(&ThreadTag(tag), take_abandoned, &mut self.kernel.waiter(tag))
    }

    /// As the handles do it: the short way, then the long one.
    fn acquire(&self, tag: u32) -> Taken {
        if self.word.try_acquire_clean(tag) {
            return Taken { abandoned: false };
        }
        self.slow_acquire(tag, true).expect("nobody gives up or is refused here")
    }

    fn release(&self, tag: u32) {
        let freed = self.word.release(tag).expect("a holder is the owner");
        if freed.wake {
            self.kernel.wake(self.word.futex(), 1);
        }
    }

    /// Takes the word away from `tag`. True if it was still there.
    fn abandon(&self, tag: u32) -> bool {
        let freed = self.word.abandon(tag);
        if freed.as_ref().is_some_and(|freed| freed.wake) {
            self.kernel.wake(self.word.futex(), 1);
        }
        freed.is_some()
    }

    /// Takes the word, works under it, gives it back.
    fn work(&self, tag: u32) -> Taken {
        let taken = self.acquire(tag);
        self.data.change();
        self.release(tag);
        taken
    }

    fn is_free(&self) -> bool {
        self.word.bits() & TAG == 0
    }
}

#[test]
fn two_threads_hand_over() {
    explore(|| {
        together(
            Scene::free(),
            &[
                |s| {
                    s.work(A);
                    s.work(A);
                },
                |s| {
                    s.work(B);
                },
            ],
            |s| {
                assert_eq!(s.data.read(), 3);
                assert!(s.is_free());
            },
        );
    });
}

#[test]
fn three_threads_hand_over() {
    explore(|| {
        together(
            Scene::free(),
            &[
                |s| {
                    s.work(A);
                },
                |s| {
                    s.work(B);
                },
                |s| {
                    s.work(C);
                },
            ],
            |s| {
                assert_eq!(s.data.read(), 3);
                assert!(s.is_free());
            },
        );
    });
}

/// The search over several words takes each of them this way.
#[test]
fn trying_hands_over() {
    explore(|| {
        fn try_to_work(s: &Scene, tag: u32) {
            if s.word.try_acquire(tag).is_some() {
                s.data.change();
                s.release(tag);
            }
        }
        together(
            Scene::free(),
            &[|s| try_to_work(s, A), |s| try_to_work(s, B), |s| try_to_work(s, C)],
            |s| assert!(s.is_free()),
        );
    });
}

#[test]
fn release_wakes_one_who_falls_asleep() {
    explore(|| {
        together(
            Scene::held_by(A),
            &[
                |s| {
                    s.data.change();
                    s.release(A);
                },
                |s| {
                    s.slow_acquire(B, true).expect("nobody gives up here");
                    s.data.change();
                },
            ],
            |s| assert_eq!(s.data.read(), 2),
        );
    });
}

#[test]
fn release_reaches_two_who_fall_asleep() {
    explore(|| {
        together(
            Scene::held_by(A),
            &[
                |s| s.release(A),
                |s| {
                    s.work(B);
                },
                |s| {
                    s.work(C);
                },
            ],
            |s| {
                assert_eq!(s.data.read(), 2);
                assert!(s.is_free());
            },
        );
    });
}

/// Threads that share a tag exclude each other and wait for each other.
#[test]
fn one_tag_two_threads() {
    fn work(s: &Scene) {
        s.word
            .acquire(&ProcessTag(A), true, &mut s.kernel.waiter(A))
            .expect("the same tag is waited for");
        s.data.change();
        s.release(A);
    }
    explore(|| {
        together(Scene::free(), &[work, work, work], |s| {
            assert_eq!(s.data.read(), 3);
            assert!(s.is_free());
        });
    });
}

#[test]
fn what_the_dead_wrote_is_seen() {
    explore(|| {
        together(
            Scene::free(),
            &[
                |s| {
                    // Dies as DEAD, then learns of that death as the recoverer.
                    if s.word.try_acquire_clean(DEAD) {
                        s.data.change();
                        assert!(s.abandon(DEAD));
                    }
                },
                |s| {
                    let taken = s.acquire(B);
                    s.data.change();
                    let dead_was_here = s.data.read() == 2;
                    assert_eq!(taken.abandoned, dead_was_here);
                    s.release(B);
                },
            ],
            |s| assert!(s.is_free()),
        );
    });
}

#[test]
fn one_recoverer_of_two_succeeds() {
    fn recover(s: &Scene) {
        if s.abandon(DEAD) {
            s.tally.fetch_add(1, Relaxed);
        }
    }
    explore(|| {
        together(
            Scene::held_by(DEAD),
            &[recover, recover, |s| {
                // That its release finds the word its own shows that nobody freed it.
                assert!(s.work(B).abandoned);
            }],
            |s| {
                assert_eq!(s.tally.load(Relaxed), 1);
                assert_eq!(s.data.read(), 1);
                assert!(s.is_free());
            },
        );
    });
}

/// The mark of those who sleep outlives a recoverer that dies before it wakes anybody.
#[test]
fn a_recoverer_that_dies_keeps_the_mark() {
    fn recover_and_die(s: &Scene) {
        assert!(s.word.abandon(DEAD).is_some());
    }
    explore(|| {
        together(
            Scene::held_by(DEAD),
            &[
                |s| {
                    recover_and_die(s);
                    s.slow_acquire(A, true).expect("nobody gives up here");
                    s.release(A);
                },
                |s| {
                    let _ = s.work(B);
                },
                |s| {
                    let _ = s.work(C);
                },
            ],
            |s| assert!(s.is_free()),
        );
    });
    explore(|| {
        together(
            Scene::held_by(DEAD),
            &[
                |s| {
                    recover_and_die(s);
                    if s.word.try_acquire(A).is_some() {
                        s.release(A);
                    }
                },
                |s| {
                    let _ = s.work(B);
                },
            ],
            |s| assert!(s.is_free()),
        );
    });
}

#[test]
fn force_against_release() {
    explore(|| {
        together(
            Scene::held_by(A),
            &[
                |s| {
                    s.data.change();
                    if let Ok(freed) = s.word.release(A) {
                        s.tally.fetch_add(1, Relaxed);
                        if freed.wake {
                            s.kernel.wake(s.word.futex(), 1);
                        }
                    }
                },
                |s| {
                    if s.abandon(A) {
                        s.tally.fetch_add(1, Relaxed);
                    }
                },
                |s| {
                    s.acquire(C);
                    s.release(C);
                },
            ],
            |s| {
                assert_eq!(s.tally.load(Relaxed), 1, "the word was freed exactly once");
                assert!(s.is_free());
            },
        );
    });
}

fn is_refused(s: &Scene, tag: u32) {
    assert_eq!(s.slow_acquire(tag, false), Err(Denied::Abandoned));
}

#[test]
fn all_who_sleep_are_refused() {
    explore(|| {
        together(
            Scene::held_by(DEAD),
            &[|s| assert!(s.abandon(DEAD)), |s| is_refused(s, B), |s| is_refused(s, C)],
            |s| assert_eq!(s.word.bits() & !super::WAITERS, ABANDONED),
        );
    });
}

/// The release takes the mark of the sleepers with it, and the next holder dies before any of them
/// set it again.
#[test]
fn all_who_sleep_are_refused_after_a_release_too() {
    fn work_or_be_refused(s: &Scene, tag: u32) {
        match s.slow_acquire(tag, false) {
            Ok(_) => s.release(tag),
            Err(denied) => assert_eq!(denied, Denied::Abandoned),
        }
    }
    explore(|| {
        together(
            Scene::held_by(A),
            &[
                |s| {
                    s.release(A);
                    if s.word.try_acquire_clean(DEAD) {
                        assert!(s.abandon(DEAD));
                    }
                },
                |s| work_or_be_refused(s, B),
                |s| work_or_be_refused(s, C),
            ],
            |s| assert!(s.is_free()),
        );
    });
}

fn work_or_give_up(s: &Scene, tag: u32) {
    match s.slow_acquire(tag, true) {
        Ok(_) => {
            s.data.change();
            s.release(tag);
        }
        Err(denied) => assert_eq!(denied, Denied::Stopped(GaveUp)),
    }
}

#[test]
fn giving_up_before_the_release_loses_no_wake_up() {
    explore(|| {
        together(
            Scene::held_by(A),
            &[
                |s| {
                    s.kernel.expire(B, s.word.futex());
                    s.release(A);
                },
                |s| work_or_give_up(s, B),
                |s| {
                    s.work(C);
                },
            ],
            |s| assert!(s.is_free()),
        );
    });
}

#[test]
fn giving_up_after_the_release_loses_no_wake_up() {
    explore(|| {
        together(
            Scene::held_by(A),
            &[
                |s| {
                    s.release(A);
                    s.kernel.expire(B, s.word.futex());
                },
                |s| work_or_give_up(s, B),
                |s| {
                    s.work(C);
                },
            ],
            |s| assert!(s.is_free()),
        );
    });
}

/// The word is taken again before the one that was woken looks, and that one gives up at its look.
#[test]
fn giving_up_beside_a_new_holder_loses_no_wake_up() {
    explore(|| {
        together(
            Scene::held_by(A),
            &[
                |s| {
                    s.release(A);
                    s.kernel.expire(B, s.word.futex());
                    s.work(A);
                },
                |s| work_or_give_up(s, B),
                |s| {
                    s.work(C);
                },
            ],
            |s| assert!(s.is_free()),
        );
    });
}
