//! Scenarios for tokens, and through them for the wait queue.

use super::TokenCount;
use crate::raw::model::{GaveUp, Kernel, Plain, explore, explore_up_to, together};
use crate::raw::wait_queue::WaitQueue;

struct Scene {
    tokens: TokenCount,
    queue: WaitQueue,
    data: Plain,
    kernel: Kernel,
}

impl Scene {
    fn with(tokens: u32) -> Self {
        Scene {
            tokens: TokenCount::new(tokens),
            queue: WaitQueue::new(),
            data: Plain::new(),
            kernel: Kernel::default(),
        }
    }

    fn post(&self, count: u32) {
        self.tokens.post(count, &self.queue, &self.kernel).expect("far from overflowing");
    }

    fn take(&self) {
        self.take_as(0).expect("nobody gives up here");
    }

    fn take_as(&self, name: u32) -> Result<(), GaveUp> {
        self.tokens.take(&self.queue, &mut self.kernel.waiter(name))
    }
}

fn nothing_left(s: &Scene) {
    assert_eq!(s.tokens.value(), 0);
}

#[test]
fn post_wakes_one_who_falls_asleep() {
    explore(|| {
        together(
            Scene::with(0),
            &[
                |s| {
                    s.data.change();
                    s.post(1);
                },
                |s| {
                    s.take();
                    assert_eq!(s.data.read(), 1);
                },
            ],
            nothing_left,
        );
    });
}

/// The second post finds a count that is not 0 and must wake all the same.
#[test]
fn two_posts_wake_two() {
    explore(|| {
        together(
            Scene::with(0),
            &[
                |s| {
                    s.post(1);
                    s.post(1);
                },
                Scene::take,
                Scene::take,
            ],
            nothing_left,
        );
    });
}

#[test]
fn one_post_of_two_wakes_two() {
    explore(|| {
        together(Scene::with(0), &[|s| s.post(2), Scene::take, Scene::take], nothing_left);
    });
}

#[test]
fn posts_of_two_threads_wake_one_who_wants_both() {
    explore(|| {
        together(
            Scene::with(0),
            &[
                |s| s.post(1),
                |s| s.post(1),
                |s| {
                    s.take();
                    s.take();
                },
            ],
            nothing_left,
        );
    });
}

#[test]
fn posts_of_two_threads_wake_two() {
    explore_up_to(2, || {
        together(
            Scene::with(0),
            &[|s| s.post(1), |s| s.post(1), Scene::take, Scene::take],
            nothing_left,
        );
    });
}

#[test]
fn tokens_are_taken_once() {
    fn try_take(s: &Scene) {
        if s.tokens.try_take() {
            s.data.change();
        }
    }
    explore(|| {
        // One token: that two changes of the data do not race shows that only one happens.
        together(Scene::with(1), &[try_take, try_take, try_take], |s| {
            assert_eq!(s.data.read(), 1);
            nothing_left(s);
        });
    });
}

/// The token goes from hand to hand, with what was written under it.
#[test]
fn a_token_serves_as_a_lock() {
    fn work(s: &Scene) {
        s.take();
        s.data.change();
        s.post(1);
    }
    explore(|| {
        together(Scene::with(1), &[work, work, work], |s| {
            assert_eq!(s.data.read(), 3);
            assert_eq!(s.tokens.value(), 1);
        });
    });
}

#[test]
fn giving_up_loses_no_token_and_no_wake_up() {
    explore(|| {
        together(
            Scene::with(0),
            &[
                |s| {
                    s.post(1);
                    s.kernel.expire(1, s.queue.futex());
                },
                |s| {
                    if s.take_as(1).is_ok() {
                        s.post(1);
                    }
                },
                Scene::take,
            ],
            nothing_left,
        );
    });
}
