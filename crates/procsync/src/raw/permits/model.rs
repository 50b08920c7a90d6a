//! Scenarios for permits.

use super::{PermitWords, acquire, acquire_many, available, release, try_acquire};
use crate::raw::model::{GaveUp, Kernel, Plain, explore, explore_up_to, together};
use crate::raw::owned_word::OwnedWord;
use crate::raw::wait_queue::WaitQueue;

/// The tags of the threads in a scenario, and of one that holds permits before it begins.
const A: u32 = 1;
const B: u32 = 2;
const C: u32 = 3;
const EARLIER: u32 = 4;

struct Scene {
    words: Vec<OwnedWord>,
    /// What each permit guards.
    data: Vec<Plain>,
    queue: WaitQueue,
    kernel: Kernel,
}

impl PermitWords for Scene {
    fn count(&self) -> u32 {
        self.words.len() as u32
    }

    fn word(&self, index: u32) -> &OwnedWord {
        &self.words[index as usize]
    }
}

impl Scene {
    fn free(permits: usize) -> Self {
        Scene {
            words: (0..permits).map(|_| OwnedWord::new()).collect(),
            data: (0..permits).map(|_| Plain::new()).collect(),
            queue: WaitQueue::new(),
            kernel: Kernel::default(),
        }
    }

    /// All of them held by `EARLIER`.
    fn taken(permits: usize) -> Self {
        let scene = Self::free(permits);
        assert!(scene.words.iter().all(|word| word.try_acquire_clean(EARLIER)));
        scene
    }

    fn acquire_as(&self, tag: u32) -> Result<u32, GaveUp> {
        let mut waiter = self.kernel.waiter(tag);
        let got = acquire(self, tag, 0, &self.queue, &mut waiter)?;
        self.data[got.index as usize].change();
        Ok(got.index)
    }

    fn acquire(&self, tag: u32) -> u32 {
        self.acquire_as(tag).expect("nobody gives up here")
    }

    fn release(&self, tag: u32, index: u32) {
        release(self, tag, index, &self.queue, &self.kernel).expect("a holder is the owner");
    }

    fn work(&self, tag: u32) {
        let index = self.acquire(tag);
        self.release(tag, index);
    }

    fn work_with_two(&self, tag: u32) {
        let mut waiter = self.kernel.waiter(tag);
        let got = acquire_many(self, tag, 0, 2, &self.queue, &mut waiter, &self.kernel)
            .expect("nobody gives up here");
        assert_eq!(got.len(), 2);
        assert_ne!(got[0].index, got[1].index);
        for one in &got {
            self.data[one.index as usize].change();
        }
        for one in &got {
            self.release(tag, one.index);
        }
    }
}

fn all_are_free(s: &Scene) {
    assert_eq!(available(s), s.count());
}

fn none_is_free(s: &Scene) {
    assert_eq!(available(s), 0);
}

#[test]
fn release_wakes_one_who_falls_asleep() {
    explore(|| {
        together(
            Scene::taken(1),
            &[
                |s| {
                    s.data[0].change();
                    s.release(EARLIER, 0);
                },
                |s| s.work(B),
            ],
            all_are_free,
        );
    });
}

#[test]
fn two_releases_let_two_in() {
    explore(|| {
        together(
            Scene::taken(2),
            &[
                |s| {
                    s.release(EARLIER, 0);
                    s.release(EARLIER, 1);
                },
                // They keep their permits, so neither can go on through the other.
                |s| {
                    let _ = s.acquire(B);
                },
                |s| {
                    let _ = s.acquire(C);
                },
            ],
            none_is_free,
        );
    });
}

#[test]
fn releases_of_two_threads_let_two_in() {
    explore_up_to(2, || {
        together(
            Scene::taken(2),
            &[
                |s| s.release(EARLIER, 0),
                |s| s.release(EARLIER, 1),
                |s| {
                    let _ = s.acquire(B);
                },
                |s| {
                    let _ = s.acquire(C);
                },
            ],
            none_is_free,
        );
    });
}

#[test]
fn one_permit_for_three() {
    explore(|| {
        together(Scene::free(1), &[|s| s.work(A), |s| s.work(B), |s| s.work(C)], |s| {
            assert_eq!(s.data[0].read(), 3);
            all_are_free(s);
        });
    });
}

#[test]
fn two_permits_for_three() {
    explore(|| {
        together(Scene::free(2), &[|s| s.work(A), |s| s.work(B), |s| s.work(C)], |s| {
            assert_eq!(s.data[0].read() + s.data[1].read(), 3);
            all_are_free(s);
        });
    });
}

#[test]
fn trying_takes_no_more_than_there_are() {
    fn try_it(s: &Scene, tag: u32) {
        if let Some(got) = try_acquire(s, tag, tag) {
            s.data[got.index as usize].change();
        }
    }
    explore(|| {
        // Three try for two and keep them: one of the data that two came to would be a race.
        together(Scene::free(2), &[|s| try_it(s, A), |s| try_it(s, B), |s| try_it(s, C)], |s| {
            assert_eq!((s.data[0].read(), s.data[1].read()), (1, 1));
            none_is_free(s);
        });
    });
}

#[test]
fn both_for_one_who_waits_for_two() {
    explore(|| {
        together(
            Scene::taken(2),
            &[|s| s.release(EARLIER, 0), |s| s.release(EARLIER, 1), |s| s.work_with_two(C)],
            all_are_free,
        );
    });
}

#[test]
fn two_together_against_two_singles() {
    explore(|| {
        together(Scene::free(2), &[|s| s.work_with_two(A), |s| s.work(B), |s| s.work(C)], |s| {
            assert_eq!(s.data[0].read() + s.data[1].read(), 4);
            all_are_free(s);
        });
    });
}

/// What was taken for a moment and given back may be what another fell asleep over.
#[test]
fn taken_in_vain_wakes_when_given_back() {
    explore(|| {
        together(
            Scene::free(2),
            &[
                |s| s.work_with_two(A),
                |s| {
                    let (one, other) = (s.acquire(B), s.acquire(B));
                    s.release(B, one);
                    s.release(B, other);
                },
            ],
            |s| {
                assert_eq!(s.data[0].read() + s.data[1].read(), 4);
                all_are_free(s);
            },
        );
    });
}

/// The one permit that comes free may wake the one that wants two. Only the single can use it, and
/// only after the single was there does the other one come free.
#[test]
fn woken_for_too_little_passes_it_on() {
    explore_up_to(2, || {
        together(
            Scene::taken(2),
            &[
                |s| s.release(EARLIER, 0),
                |s| s.work_with_two(B),
                |s| {
                    let index = s.acquire(C);
                    s.release(C, index);
                    s.release(EARLIER, 1);
                },
            ],
            all_are_free,
        );
    });
}

#[test]
fn a_recovered_permit_lets_one_in() {
    explore_up_to(2, || {
        together(
            Scene::taken(1),
            &[
                |s| {
                    assert!(s.words[0].abandon(EARLIER).is_some());
                    s.queue.notify(1, &s.kernel);
                },
                |s| s.work(B),
                |s| s.work(C),
            ],
            all_are_free,
        );
    });
}

#[test]
fn giving_up_loses_no_permit_and_no_wake_up() {
    explore(|| {
        together(
            Scene::taken(1),
            &[
                |s| {
                    s.release(EARLIER, 0);
                    s.kernel.expire(B, s.queue.futex());
                },
                |s| {
                    if let Ok(index) = s.acquire_as(B) {
                        s.release(B, index);
                    }
                },
                |s| s.work(C),
            ],
            all_are_free,
        );
    });
}
