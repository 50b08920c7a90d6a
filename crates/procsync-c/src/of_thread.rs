//! What belongs to the thread that made it.
#![allow(unsafe_code)] // Send and Sync, for what is only ever touched by one thread

use crate::boundary::Outcome;
use crate::failure::Failure;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers of threads, which are never used again.
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    // Without a destructor, so that it can be read until the thread's very end.
    static THIS: Cell<u64> = const { Cell::new(0) };
}

fn this_thread() -> u64 {
    match THIS.get() {
        0 => {
            // Relaxed: only that no number comes twice matters.
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            THIS.set(number);
            number
        }
        number => number,
    }
}

/// Something that its own thread can reach, and no other one. Who forks takes it along: the child's
/// only thread is the copy of the one that forked.
pub(crate) struct OfThread<T> {
    thread: u64,
    value: ManuallyDrop<T>,
}

// SAFETY: the value is made, reached (`get`) and dropped by one and the same thread, which is
// checked each time; other threads see only the number of that thread, which never changes.
unsafe impl<T> Send for OfThread<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for OfThread<T> {}

impl<T> OfThread<T> {
    pub(crate) fn new(value: T) -> OfThread<T> {
        OfThread { thread: this_thread(), value: ManuallyDrop::new(value) }
    }

    /// The value, for its own thread.
    ///
    /// # Errors
    /// In any other thread.
    pub(crate) fn get(&self) -> Outcome<&T> {
        if self.thread == this_thread() { Ok(&self.value) } else { Err(Failure::OtherThread) }
    }
}

impl<T> Drop for OfThread<T> {
    fn drop(&mut self) {
        // Elsewhere it has to stay: leaked, which is harmless, and touched by nobody.
        if self.thread == this_thread() {
            // SAFETY: dropped once, here, and this is the end of what holds it.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn only_its_own_thread_reaches_it() {
        let counted = Rc::new(5);
        let ours = OfThread::new(Rc::clone(&counted));
        assert_eq!(ours.get().map(|value| **value).ok(), Some(5));
        let ours = std::thread::spawn(move || {
            assert!(matches!(ours.get(), Err(Failure::OtherThread)));
            ours
        })
        .join()
        .expect("no panic");
        assert!(ours.get().is_ok());
        std::thread::spawn(move || drop(ours)).join().expect("no panic");
        assert_eq!(Rc::strong_count(&counted), 2, "left alone by another thread");
        drop(OfThread::new(Rc::clone(&counted)));
        assert_eq!(Rc::strong_count(&counted), 2, "dropped by its own");
    }
}
