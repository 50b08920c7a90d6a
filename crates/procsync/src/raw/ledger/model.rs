//! Scenarios for the ledger: somebody dies at each step, others adopt, sweep, reap and settle.
//!
//! The system's semaphore is a count here, whose taking and giving are single steps, as the system's
//! are. One who dies just stops; who finds that out does so by `bury`, at any moment after.

use super::{
    Buried, DOUBT, Gave, HELD, LedgerWord, Lines, Settled, State, Took, Units, Wanted, adopt,
    find_out, give, reap, settle, tally, try_take, want,
};
use crate::raw::model::{Plain, explore, explore_up_to, together};
use crate::raw::owned_word::OwnedWord;
use crate::raw::sync::{AtomicU32, Ordering, load_newest};

/// The one who dies, and two who live.
const DEAD: u32 = 1;
const A: u32 = 2;
const B: u32 = 3;

struct Scene {
    lines: Vec<LedgerWord>,
    gate: OwnedWord,
    free: AtomicU32,
    /// How many are inside; never more than `capacity`.
    inside: AtomicU32,
    capacity: u32,
    /// What a semaphore of one unit guards.
    data: Plain,
}

impl Lines for Scene {
    fn count(&self) -> u32 {
        self.lines.len() as u32
    }

    fn line(&self, index: u32) -> &LedgerWord {
        &self.lines[index as usize]
    }

    fn gate_is_closed(&self) -> bool {
        self.gate.newest_owner() != 0
    }
}

impl Units for Scene {
    type Error = ();

    fn take(&self) -> Result<bool, ()> {
        let mut free = load_newest(&self.free);
        while free > 0 {
            match self.free.compare_exchange(free, free - 1, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(true),
                Err(now) => free = now,
            }
        }
        Ok(false)
    }

    fn give(&self) -> Result<(), ()> {
        self.free.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    fn free(&self) -> Option<u32> {
        Some(load_newest(&self.free))
    }
}

impl Scene {
    /// All units free, three lines.
    fn free(capacity: u32) -> Scene {
        Scene {
            lines: (0..3).map(|_| LedgerWord::new()).collect(),
            gate: OwnedWord::new(),
            free: AtomicU32::new(capacity),
            inside: AtomicU32::new(0),
            capacity,
            data: Plain::new(),
        }
    }

    /// One unit, which `DEAD` holds on line 0.
    fn held() -> Scene {
        let scene = Scene::free(1);
        assert_eq!(try_take(&scene, &scene, DEAD, 0, 1), Ok(Took::Granted(0)));
        scene
    }

    fn enter(&self) {
        let before = self.inside.fetch_add(1, Ordering::Relaxed);
        assert!(before < self.capacity, "more are inside than there are units");
        if self.capacity == 1 {
            self.data.change();
        }
    }

    fn leave(&self) {
        self.inside.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes if there is one, and keeps it; the line.
    fn keep(&self, tag: u32) -> Option<u32> {
        let took = try_take(self, self, tag, tag - 1, 1).expect("this semaphore refuses nothing");
        let (Took::Granted(index) | Took::Adopted(index)) = took else { return None };
        self.enter();
        Some(index)
    }

    fn give_back(&self, tag: u32, index: u32) {
        self.leave();
        assert_eq!(give(self, self, tag, index), Ok(Gave::Done));
    }

    fn work(&self, tag: u32) {
        if let Some(index) = self.keep(tag) {
            self.give_back(tag, index);
        }
    }

    /// Finds `DEAD` dead.
    fn sweep(&self) {
        for line in &self.lines {
            let _ = line.bury(DEAD);
        }
    }

    /// Settles, unless another does or somebody is busy; how many it gave.
    fn settle(&self, tag: u32) -> Option<u32> {
        self.gate.try_acquire(tag)?;
        let still = || self.gate.newest_owner() == tag;
        let settled = settle(self, self, tag, self.capacity, still).expect("nothing is refused");
        // Not the caller's any more, if its time was over.
        let _ = self.gate.release(tag);
        match settled {
            Settled::Done(given) => Some(given),
            Settled::Unsteady(0) => None,
            Settled::Unsteady(given) => Some(given),
        }
    }

    fn find_out(&self) -> bool {
        find_out(self, self, self.capacity)
    }
}

fn accounted(s: &Scene) -> u32 {
    let tally = tally(s);
    load_newest(&s.free) + tally.held + tally.abandoned
}

/// Nobody is in the middle of anything any more: each unit is somewhere, and none twice.
fn one_is_there(s: &Scene) {
    let tally = tally(s);
    assert_eq!((tally.wanting, tally.posting, tally.doubtful), (0, 0, 0), "{tally:?}");
    assert_eq!(accounted(s), 1);
}

/// One unit is there at most; and if none is, the ledger says that it is in doubt.
fn one_or_doubt(s: &Scene) {
    let accounted = accounted(s);
    assert!(accounted <= 1);
    assert!(accounted == 1 || tally(s).doubtful > 0, "a unit is lost and the ledger says nothing");
}

#[test]
fn two_exclude_each_other_and_no_unit_is_lost() {
    explore(|| {
        together(Scene::free(1), &[|s| s.work(A), |s| s.work(B)], one_is_there);
    });
}

#[test]
fn a_dead_holders_unit_is_adopted_once() {
    explore(|| {
        together(
            Scene::held(),
            &[
                |s| s.sweep(),
                |s| {
                    let _ = s.keep(A);
                },
                |s| {
                    let _ = s.keep(B);
                },
            ],
            |s| {
                // Whoever came before the sweep got nothing.
                assert!(s.inside.load(Ordering::Relaxed) <= 1);
                one_is_there(s);
            },
        );
    });
}

#[test]
fn two_sweepers_make_one_unit_of_it() {
    explore(|| {
        together(Scene::held(), &[|s| s.sweep(), |s| s.sweep(), |s| s.work(A)], one_is_there);
    });
}

#[test]
fn who_adopts_and_who_reaps_do_not_both_have_it() {
    explore(|| {
        let scene = Scene::held();
        scene.sweep();
        together(
            scene,
            &[
                |s| s.work(A),
                |s| {
                    let _ = reap(s, s, B).expect("nothing is refused");
                },
            ],
            one_is_there,
        );
    });
}

/// Dies with the line written and nothing taken.
#[test]
fn a_death_before_the_grant_leaves_a_doubt_and_no_second_unit() {
    explore(|| {
        together(
            Scene::free(1),
            &[
                |s| {
                    assert!(matches!(want(s, DEAD, 0, 1), Wanted::Line(_)));
                    s.sweep();
                },
                |s| s.work(A),
                |s| s.work(B),
            ],
            |s| {
                assert_eq!((accounted(s), tally(s).doubtful), (1, 1));
                // All units are there, so whoever asks learns that the dead one had none.
                assert!(s.find_out());
                one_is_there(s);
            },
        );
    });
}

/// Dies granted and not recorded.
#[test]
fn a_death_after_the_grant_leaves_a_doubt_and_one_unit_is_given_back_on_demand() {
    explore(|| {
        together(
            Scene::free(1),
            &[
                |s| {
                    let Wanted::Line(_) = want(s, DEAD, 0, 1) else { return };
                    let _ = s.take().expect("nothing is refused");
                    s.sweep();
                },
                |s| s.work(A),
                |s| {
                    // Never given back unasked.
                    let _ = s.find_out();
                },
            ],
            |s| {
                one_or_doubt(s);
                let lost = 1 - accounted(s);
                assert_eq!(s.settle(B), Some(lost));
                one_is_there(s);
            },
        );
    });
}

/// Dies giving back, before the system has it or after.
#[test]
fn a_death_while_giving_back_leaves_a_doubt() {
    explore(|| {
        together(
            Scene::held(),
            &[
                |s| {
                    assert!(s.lines[0].begin_to_give(DEAD));
                    s.give().expect("nothing is refused");
                    s.sweep();
                },
                |s| s.work(A),
            ],
            |s| {
                assert_eq!((accounted(s), tally(s).doubtful), (1, 1));
                assert_eq!(s.settle(B), Some(0), "it was given back already");
                one_is_there(s);
            },
        );
    });
    explore(|| {
        together(
            Scene::held(),
            &[
                |s| {
                    assert!(s.lines[0].begin_to_give(DEAD));
                    s.sweep();
                },
                |s| s.work(A),
            ],
            |s| {
                assert_eq!((accounted(s), tally(s).doubtful), (0, 1));
                assert_eq!(s.settle(B), Some(1));
                one_is_there(s);
            },
        );
    });
}

/// Dies reaping, with the unit given back and not recorded.
#[test]
fn a_reapers_death_makes_no_second_unit() {
    explore(|| {
        let scene = Scene::held();
        // A dead one's unit, and another dead one reaps it.
        assert_eq!(scene.lines[0].bury(DEAD), Some(Buried::Abandoned));
        together(
            scene,
            &[
                |s| {
                    if s.lines[0].begin_to_reap(DEAD) {
                        s.give().expect("nothing is refused");
                        s.sweep();
                    }
                },
                |s| {
                    let _ = s.keep(A);
                },
                |s| {
                    let _ = s.keep(B);
                },
            ],
            |s| {
                assert!(s.inside.load(Ordering::Relaxed) <= 1);
                one_or_doubt(s);
            },
        );
    });
}

/// Two settle a unit that is truly lost, while others take and give.
#[test]
fn two_who_settle_give_back_one() {
    explore_up_to(2, || {
        let scene = Scene::free(1);
        assert!(scene.take().expect("nothing is refused"));
        assert!(scene.lines[0].change(0, DOUBT));
        together(
            scene,
            &[
                |s| {
                    let _ = s.settle(A);
                },
                |s| {
                    let _ = s.settle(B);
                },
                |s| s.work(4),
            ],
            |s| {
                if s.settle(A).is_some() {
                    one_is_there(s);
                }
                assert!(accounted(s) <= 1);
            },
        );
    });
}

/// Settling counts right while a holder lets go and another one comes.
#[test]
fn who_settles_counts_nobody_twice_and_misses_nobody() {
    explore(|| {
        let scene = Scene::free(2);
        assert_eq!(try_take(&scene, &scene, DEAD, 0, 1), Ok(Took::Granted(0)));
        scene.enter();
        // A doubt, and nothing is missing.
        assert!(scene.lines[2].change(0, DOUBT));
        together(
            scene,
            &[
                |s| s.give_back(DEAD, 0),
                |s| {
                    let _ = s.keep(A);
                },
                |s| {
                    let given = s.settle(B);
                    assert!(matches!(given, None | Some(0)), "{given:?}");
                },
            ],
            |s| assert_eq!(accounted(s), 2),
        );
    });
}

#[test]
fn damaged_lines_are_nobodys_and_never_taken() {
    explore(|| {
        let scene = Scene::free(1);
        for (line, bits) in scene.lines.iter().zip([7, 6 << 29, HELD]) {
            assert!(line.change(0, bits));
            assert_eq!(line.state(), (State::Damaged, 0));
        }
        assert_eq!(want(&scene, A, 0, 1), Wanted::Full);
        assert_eq!(adopt(&scene, A, 0), None);
    });
}

/// One settles and is stopped, its time is over, and another one settles instead: the missing unit is given
/// back once.
#[test]
fn who_is_late_with_settling_gives_nothing_that_another_gave() {
    explore(|| {
        let scene = Scene::free(1);
        assert!(scene.take().expect("nothing is refused"));
        assert!(scene.lines[0].change(0, DOUBT));
        together(
            scene,
            &[
                |s| {
                    let _ = s.settle(A);
                },
                |s| {
                    let _ = s.gate.abandon(A);
                    let _ = s.settle(B);
                },
            ],
            |s| {
                assert!(accounted(s) <= 1);
                if s.settle(A).is_some() {
                    one_is_there(s);
                }
            },
        );
    });
}
