//! Scenarios for the bookkeeping of sleepers. What a user of the queue sees is modelled beside
//! `TokenCount` and `Permits`.

use super::WaitQueue;
use crate::raw::model::{Kernel, explore, together};
use crate::raw::sync::{AtomicU32, Ordering, load_newest};

struct Scene {
    queue: WaitQueue,
    /// What is waited for: that it reaches a value. It only ever grows.
    state: AtomicU32,
    kernel: Kernel,
}

impl Scene {
    fn new() -> Self {
        Scene { queue: WaitQueue::new(), state: AtomicU32::new(0), kernel: Kernel::default() }
    }

    fn raise(&self) {
        self.state.fetch_add(1, Ordering::SeqCst);
        self.queue.notify(1, &self.kernel);
    }

    fn wait_for(&self, value: u32) {
        while load_newest(&self.state) < value {
            let arrival = self.queue.arrive();
            if load_newest(&self.state) >= value {
                return;
            }
            self.queue.sleep(arrival, &mut self.kernel.waiter(0)).expect("nobody gives up here");
        }
    }
}

#[test]
fn a_change_reaches_one_who_falls_asleep() {
    explore(|| {
        together(Scene::new(), &[Scene::raise, |s| s.wait_for(1)], |_| ());
    });
}

/// One who changed the state is held up on the way to settle those whom it saw, while the same
/// waiter goes on, and comes back.
#[test]
fn a_newcomer_is_not_settled_with_those_before_it() {
    explore(|| {
        together(
            Scene::new(),
            &[
                |s| {
                    s.wait_for(2);
                    s.wait_for(3);
                },
                Scene::raise,
                |s| {
                    s.raise();
                    s.raise();
                },
            ],
            |_| (),
        );
    });
}

/// Otherwise every change would pay for a wake-up for ever after.
#[test]
fn once_nobody_sleeps_a_change_wakes_nobody() {
    explore(|| {
        together(Scene::new(), &[Scene::raise, |s| s.wait_for(1)], |s| {
            // Settles what the scenario left.
            s.queue.notify(1, &s.kernel);
            let before = load_newest(&s.queue.sequence);
            s.queue.notify(1, &s.kernel);
            assert_eq!(load_newest(&s.queue.sequence), before);
        });
    });
}
