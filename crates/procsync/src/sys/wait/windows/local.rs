//! Sleeping on words within one process: those who sleep on a word stand in a list.

use crate::raw::host::Slept;
use crate::sys::clock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Words share lists, by their addresses.
const LISTS: usize = 64;

static SLEEPERS: [Mutex<Vec<Sleeper>>; LISTS] = [const { Mutex::new(Vec::new()) }; LISTS];

struct Sleeper {
    address: usize,
    alarm: Arc<Alarm>,
}

#[derive(Default)]
struct Alarm {
    rung: Mutex<bool>,
    rings: Condvar,
}

fn list(address: usize) -> MutexGuard<'static, Vec<Sleeper>> {
    // Four bytes apart; the rest of the multiplication spreads regular distances.
    let hash = (address >> 2).wrapping_mul(0x9E37_79B9);
    SLEEPERS[(hash >> 16) % LISTS].lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sleeps while `word` holds `expected`, until the monotonic clock shows `until` (none: for ever).
pub(super) fn sleep(word: &AtomicU32, expected: u32, until: Option<u64>) -> Slept {
    let address = word.as_ptr().addr();
    let alarm = Arc::new(Alarm::default());
    let mut sleepers = list(address);
    // Under the list's lock, which a waker takes after it changed the word.
    if word.load(Ordering::Relaxed) != expected {
        return Slept::Changed;
    }
    sleepers.push(Sleeper { address, alarm: alarm.clone() });
    drop(sleepers);
    let mut rung = alarm.rung.lock().unwrap_or_else(PoisonError::into_inner);
    while !*rung {
        let left = until.map(|until| until.saturating_sub(clock::monotonic()));
        rung = match left {
            Some(0) => {
                drop(rung);
                return leave(address, &alarm);
            }
            Some(left) => {
                let time = Duration::from_nanos(left);
                let woken = alarm.rings.wait_timeout(rung, time);
                woken.map_or_else(|poisoned| poisoned.into_inner().0, |(guard, _)| guard)
            }
            None => alarm.rings.wait(rung).unwrap_or_else(PoisonError::into_inner),
        };
    }
    Slept::Woken
}

/// The time is up; unless somebody has taken this sleeper from the list just now.
fn leave(address: usize, alarm: &Arc<Alarm>) -> Slept {
    let mut sleepers = list(address);
    match sleepers.iter().position(|sleeper| Arc::ptr_eq(&sleeper.alarm, alarm)) {
        Some(index) => {
            sleepers.remove(index);
            Slept::TimedOut
        }
        None => Slept::Woken,
    }
}

/// Wakes at most so many of those who sleep on `word`, the first ones first; answers how many.
pub(super) fn wake(word: &AtomicU32, most: u32) -> u32 {
    let address = word.as_ptr().addr();
    let mut woken = 0;
    list(address).retain(|sleeper| {
        let wakes = sleeper.address == address && woken < most;
        if wakes {
            woken += 1;
            *sleeper.alarm.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
            sleeper.alarm.rings.notify_one();
        }
        !wakes
    });
    woken
}
