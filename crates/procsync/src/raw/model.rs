//! What the models stand on: a futex made of loom's parking, and a frame for a scenario.
//!
//! A sleep has no time limit here, so a wake-up that gets lost shows as a deadlock, which loom
//! reports. Nobody spins.
#![allow(unsafe_code)] // the cell whose accesses loom watches hands out a raw pointer

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use loom::cell::UnsafeCell;
use loom::thread::{self, Thread};

use super::sync::{AtomicU32, Ordering};
use super::{Waiter, Waker};

/// Runs `scenario` under every interleaving with at most three preemptions (or what
/// `LOOM_MAX_PREEMPTIONS` says).
pub(crate) fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    explore_up_to(usize::MAX, scenario);
}

/// The same, with at most `preemptions`: for scenarios of four threads, or of many steps.
pub(crate) fn explore_up_to(preemptions: usize, scenario: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(builder.preemption_bound.unwrap_or(3).min(preemptions));
    builder.check(scenario);
}

/// Runs the bodies in threads of their own over the same `scene`, and `finally` after all of them.
/// To be called within [`explore`].
pub(crate) fn together<S: Send + Sync + 'static>(scene: S, bodies: &[fn(&S)], finally: fn(&S)) {
    let scene = Arc::new(scene);
    // Not loom's `join`, which prints, and not loom's atomics, which would multiply the
    // interleavings by the orders in which the threads end. The end of a body happens before
    // `finally`, but before nothing in the other bodies: none of them runs in the main thread.
    let running = Arc::new(Mutex::new(bodies.len()));
    let main = thread::current();
    for &body in bodies {
        let (scene, running, main) = (scene.clone(), running.clone(), main.clone());
        thread::spawn(move || {
            body(&scene);
            *running.lock().expect("no model panics here") -= 1;
            main.unpark();
        });
    }
    while *running.lock().expect("no model panics here") > 0 {
        thread::park();
    }
    finally(&scene);
}

/// How a sleep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Woken,
    Expired,
}

struct Sleeper {
    word: usize,
    name: u32,
    thread: Thread,
    end: Arc<Mutex<Option<End>>>,
}

#[derive(Default)]
struct Queue {
    /// Oldest first.
    sleepers: VecDeque<Sleeper>,
    /// Whose deadline has passed.
    expired: Vec<u32>,
    /// Who has looked at the state at least once.
    begun: Vec<u32>,
}

/// The part of a system that puts to sleep and wakes.
///
/// Loom changes threads only before an access to an atomic, to the start of a sleep, and at its
/// end. So the compare and the queueing of a sleeper are one step, as are a waker's touch of the
/// word (which changes nothing: it is there to have an access) and its look at the queue. The
/// mutex is never contended, and unlike loom's orders nothing.
#[derive(Clone, Default)]
pub(crate) struct Kernel(Arc<Mutex<Queue>>);

fn address(word: &AtomicU32) -> usize {
    std::ptr::from_ref(word) as usize
}

impl Kernel {
    /// The newest value, without any ordering; and a point at which loom may change threads.
    pub(crate) fn touch(word: &AtomicU32) -> u32 {
        word.fetch_add(0, Ordering::Relaxed)
    }

    fn sleep(&self, name: u32, word: &AtomicU32, expected: u32) -> Result<(), GaveUp> {
        let seen = Self::touch(word);
        let end = Arc::new(Mutex::new(None));
        {
            let mut queue = self.0.lock().expect("no model panics here");
            if seen != expected {
                return Ok(());
            }
            if queue.expired.contains(&name) {
                return Err(GaveUp);
            }
            queue.sleepers.push_back(Sleeper {
                word: address(word),
                name,
                thread: thread::current(),
                end: end.clone(),
            });
        }
        loop {
            thread::park();
            match *end.lock().expect("no model panics here") {
                None => {}
                Some(End::Woken) => return Ok(()),
                Some(End::Expired) => return Err(GaveUp),
            }
        }
    }

    fn wake(&self, word: &AtomicU32, sleepers: u32) -> u32 {
        Self::touch(word);
        let mut queue = self.0.lock().expect("no model panics here");
        let mut woken = 0;
        while woken < sleepers {
            let Some(at) = queue.sleepers.iter().position(|one| one.word == address(word)) else {
                break;
            };
            if let Some(one) = queue.sleepers.remove(at) {
                *one.end.lock().expect("no model panics here") = Some(End::Woken);
                one.thread.unpark();
                woken += 1;
            }
        }
        woken
    }

    /// The deadline of the waiter `name`, who may sleep on `word`, passes.
    pub(crate) fn expire(&self, name: u32, word: &AtomicU32) {
        Self::touch(word);
        let mut queue = self.0.lock().expect("no model panics here");
        queue.expired.push(name);
        if let Some(at) = queue.sleepers.iter().position(|one| one.name == name)
            && let Some(one) = queue.sleepers.remove(at)
        {
            *one.end.lock().expect("no model panics here") = Some(End::Expired);
            one.thread.unpark();
        }
    }

    /// Whether the waiter `name`, who waits on `word`, has looked at the state.
    pub(crate) fn has_begun(&self, name: u32, word: &AtomicU32) -> bool {
        Self::touch(word);
        self.0.lock().expect("no model panics here").begun.contains(&name)
    }

    /// A waiter that never gives up, unless it [expires](Self::expire) under this name.
    pub(crate) fn waiter(&self, name: u32) -> ModelWaiter {
        ModelWaiter { kernel: self.clone(), name }
    }
}

impl Waker for Kernel {
    fn wake(&self, word: &AtomicU32, sleepers: u32) -> u32 {
        Kernel::wake(self, word, sleepers)
    }
}

/// The waiter's deadline has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GaveUp;

pub(crate) struct ModelWaiter {
    kernel: Kernel,
    name: u32,
}

impl Waker for ModelWaiter {
    fn wake(&self, word: &AtomicU32, sleepers: u32) -> u32 {
        self.kernel.wake(word, sleepers)
    }
}

impl Waiter for ModelWaiter {
    type Stop = GaveUp;

    fn spin(&mut self) -> bool {
        false
    }

    fn sleep(&mut self, word: &AtomicU32, expected: u32) -> Result<(), GaveUp> {
        self.kernel.sleep(self.name, word, expected)
    }

    fn check(&mut self) -> Result<(), GaveUp> {
        let mut queue = self.kernel.0.lock().expect("no model panics here");
        queue.begun.push(self.name);
        if queue.expired.contains(&self.name) { Err(GaveUp) } else { Ok(()) }
    }
}

/// Data without any synchronization of its own. Loom panics if two threads come here and the one
/// does not happen before the other.
pub(crate) struct Plain(UnsafeCell<u32>);

// SAFETY: loom reports every pair of accesses that race.
unsafe impl Sync for Plain {}

impl Plain {
    pub(crate) fn new() -> Self {
        Plain(UnsafeCell::new(0))
    }

    /// Writes: one more.
    pub(crate) fn change(&self) {
        self.0.with_mut(|value| {
            // SAFETY: loom has found no other access that races with this one; the cell lives.
            unsafe { *value += 1 }
        });
    }

    pub(crate) fn read(&self) -> u32 {
        self.0.with(|value| {
            // SAFETY: loom has found no write that races with this read; the cell lives.
            unsafe { *value }
        })
    }
}
