//! Scenarios for life words: the protocol of `segment/lives.rs`, with the system's part played by
//! the model. A slot's byte lock and its turn are locks that are only ever tried, as there.

use super::{Life, LifeWord};
use crate::raw::model::{Plain, explore, explore_up_to, together};
use crate::raw::owned_word::OwnedWord;
use crate::raw::sync::{AtomicU32, Ordering};

/// The tag of the one slot that all is about.
const TAG: u32 = 7;
/// Thread ids: of the one that dies, and of one that claims its slot.
const DEAD: u32 = 100;
const NEW: u32 = 200;

/// A lock of the system's.
struct TryLock(AtomicU32);

impl TryLock {
    fn take(&self) -> bool {
        self.0.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn give_back(&self) {
        self.0.store(0, Ordering::Release);
    }
}

struct Scene {
    word: OwnedWord,
    life: LifeWord,
    bears_life: AtomicU32,
    byte: TryLock,
    turn: TryLock,
    data: Plain,
}

impl Scene {
    /// The slot's participant holds the word, and has changed what it guards.
    fn held() -> Scene {
        let scene = Scene {
            word: OwnedWord::new(),
            life: LifeWord(AtomicU32::new(DEAD)),
            bears_life: AtomicU32::new(1),
            byte: TryLock(AtomicU32::new(1)),
            turn: TryLock(AtomicU32::new(0)),
            data: Plain::new(),
        };
        assert!(scene.word.try_acquire_clean(TAG));
        scene
    }

    /// What the system does as the participant dies: first the mark, later the locks.
    fn die(&self) {
        self.data.change();
        let mut seen = self.life.0.load(Ordering::Relaxed);
        while seen & super::THREAD == DEAD {
            let marked = super::DIED | (seen & super::SOMEBODY_SLEEPS);
            match self.life.0.compare_exchange(seen, marked, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        self.byte.give_back();
    }

    fn bears(&self) -> bool {
        self.bears_life.load(Ordering::Acquire) == 1
    }

    fn is_proved_dead(&self) -> bool {
        self.bears() && self.life.is_dead()
    }

    fn sweep(&self) -> bool {
        self.word.owner() == TAG && self.word.abandon(TAG).is_some()
    }

    fn forget_life(&self) {
        self.bears_life.store(0, Ordering::Release);
    }

    fn recover_by_life(&self) -> bool {
        if !self.is_proved_dead() || !self.turn.take() {
            return false;
        }
        let proved = self.is_proved_dead();
        if proved {
            self.sweep();
            self.forget_life();
        }
        self.turn.give_back();
        proved
    }

    fn clear_life(&self) -> bool {
        if !self.bears() {
            return true;
        }
        if !self.turn.take() {
            return false;
        }
        self.forget_life();
        self.turn.give_back();
        true
    }

    fn recover_by_byte(&self) -> bool {
        if !self.byte.take() {
            return false;
        }
        let cleared = self.clear_life();
        if cleared {
            self.sweep();
        }
        self.byte.give_back();
        cleared
    }

    /// A newcomer claims the slot, takes the word, and must keep it until it gives it back.
    fn claim_and_hold(&self) {
        if !self.byte.take() {
            return;
        }
        if !self.clear_life() {
            self.byte.give_back();
            return;
        }
        self.sweep();
        self.life.clear();
        self.life.0.store(NEW, Ordering::Release);
        self.bears_life.store(1, Ordering::Release);
        if self.word.try_acquire(TAG).is_some() {
            self.data.change();
            assert!(self.word.release(TAG).is_ok(), "taken away from a living holder");
        }
        assert!(self.life.retire());
        self.bears_life.store(0, Ordering::Release);
        self.byte.give_back();
    }

    /// Another participant takes the word once it is free.
    fn take_if_free(&self) {
        if self.word.try_acquire(9).is_some() {
            self.data.change();
            assert!(self.word.release(9).is_ok());
        }
    }
}

fn recovered(s: &Scene) {
    // In the end somebody looks whom nothing keeps from it.
    s.recover_by_life();
    s.recover_by_byte();
    assert_eq!(s.word.owner(), 0, "held by the dead for ever");
}

#[test]
fn a_recovery_by_the_mark_frees_nothing_of_who_claims_the_slot() {
    explore(|| {
        together(
            Scene::held(),
            &[
                Scene::die,
                |s| {
                    s.recover_by_life();
                    s.take_if_free();
                },
                Scene::claim_and_hold,
            ],
            recovered,
        );
    });
}

#[test]
fn recoveries_by_mark_and_by_lock_free_nothing_of_who_claims_the_slot() {
    explore_up_to(2, || {
        together(
            Scene::held(),
            &[
                |s| {
                    s.die();
                    s.claim_and_hold();
                },
                |s| {
                    s.recover_by_life();
                },
                |s| {
                    s.recover_by_byte();
                    s.take_if_free();
                },
            ],
            recovered,
        );
    });
}

#[test]
fn a_sleeper_is_announced_or_sees_the_mark() {
    explore(|| {
        together(
            Scene::held(),
            &[Scene::die, |s| match s.life.watch() {
                // The system compares the word again before it lets anybody sleep on it, and wakes a
                // sleeper if it finds it announced.
                Life::Alive(seen) => {
                    let now = s.life.futex().load(Ordering::SeqCst);
                    let announced = super::SOMEBODY_SLEEPS;
                    assert!(now == seen || now == super::DIED | announced);
                }
                Life::Dead => assert_eq!(s.data.read(), 1),
                Life::Unknown => panic!("it bears one"),
            }],
            |_| (),
        );
    });
}
