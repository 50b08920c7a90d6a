//! Workers that are killed at any instruction, one every few milliseconds, for a long time.
//!
//! Who is inside writes its number where it is inside. Who comes in and finds another number there
//! knows that its owner was to be killed (the test says so before it kills), was told that its
//! predecessor died, and sees that the other one's heart does not beat any more.

use crate::any_lock::{AnyLock, Held, Way};
use crate::child::{Helper, Role, Silent};
use crate::support::{LIMIT, data_file_of, file_of, name, say};
use procsync::native::{self, NativeSemaphore};
use procsync::{Permit, Scope, Semaphore, SharedMemory};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

const WORKERS: usize = 4;
/// Where things are in the shared memory.
const STOP: usize = 0;
const TURNS: usize = 64;
const FAULT: usize = 128;
/// The number of the one inside, for each permit.
const INSIDE: usize = 192;
const PERMITS: u32 = 2;
/// For each worker that ever was: its heartbeats, and whether it is to be killed.
const HEARTS: usize = 4_096;
const MOST_WORKERS: usize = 100_000;

/// What a worker can find wrong.
const FAULTS: [&str; 5] = [
    "nothing",
    "two were inside, both alive: the one before was not to be killed",
    "the one before was killed inside, and its successor was not told",
    "two were inside: the one before was to be killed, but its heart beat on",
    "somebody else came in meanwhile",
];

fn heart(memory: &SharedMemory, worker: u64) -> &AtomicU64 {
    memory.atomic_u64(HEARTS + worker as usize * 16).expect("in bounds")
}

fn doomed(memory: &SharedMemory, worker: u64) -> &AtomicU64 {
    memory.atomic_u64(HEARTS + worker as usize * 16 + 8).expect("in bounds")
}

/// Numbers that look random; the same ones for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// Another one for each run.
    pub(crate) fn new() -> Random {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Random(now.expect("after 1970").as_nanos() as u64 | 1)
    }
}

pub(crate) fn storm_seconds() -> Duration {
    let seconds = std::env::var("PROCSYNC_STORM_SECONDS").ok();
    Duration::from_secs_f64(seconds.map_or(20.0, |text| text.parse().expect("a number")))
}

/// What the workers use: any lock, or a semaphore of which some take all permits at once.
enum Used {
    Lock(AnyLock),
    Permits(Semaphore),
    Native(NativeSemaphore),
}

enum Inside<'a> {
    Held(Held<'a>),
    Permit(Permit<'a>),
    Native(NativeHold<'a>),
}

/// A native semaphore that is locked, and whether its holder before died.
struct NativeHold<'a>(&'a NativeSemaphore, bool);

impl Drop for NativeHold<'_> {
    fn drop(&mut self) {
        self.0.unlock().expect("it is held");
    }
}

const TWO_PERMITS: &str = "two permits";
const NATIVE: &str = "native semaphore";

impl Used {
    fn open(what: &str, name: &str) -> Used {
        if what == TWO_PERMITS {
            Used::Permits(Semaphore::open(name, PERMITS).expect("it opens"))
        } else if what == NATIVE {
            let semaphore = NativeSemaphore::instantiate(name).expect("a good name");
            semaphore.open().expect("it opens");
            Used::Native(semaphore)
        } else {
            Used::Lock(AnyLock::open(Way::parse(what), name).expect("it opens"))
        }
    }

    fn enter(&self, choice: u64) -> procsync::Result<Inside<'_>> {
        match self {
            Used::Lock(lock) => lock.hold_within(LIMIT).map(Inside::Held),
            Used::Native(native) => {
                let locked = if choice.is_multiple_of(5) { native.try_lock()? } else { None };
                let locked = locked.map_or_else(|| native.lock_for(LIMIT), Ok)?;
                Ok(Inside::Native(NativeHold(native, locked.abandoned.is_some())))
            }
            Used::Permits(permits) => match choice % 5 {
                0 => permits.acquire_many_timeout(PERMITS, LIMIT).map(Inside::Permit),
                1 => loop {
                    if let Some(all) = permits.try_acquire_many(PERMITS)? {
                        return Ok(Inside::Permit(all));
                    }
                    if let Some(one) = permits.try_acquire()? {
                        return Ok(Inside::Permit(one));
                    }
                },
                _ => permits.acquire_timeout(LIMIT).map(Inside::Permit),
            },
        }
    }
}

impl Inside<'_> {
    fn indexes(&self) -> &[u32] {
        match self {
            Inside::Permit(permit) => permit.indexes(),
            Inside::Held(Held::Permit(permit)) => permit.indexes(),
            Inside::Held(_) | Inside::Native(_) => &[0],
        }
    }

    fn told(&self) -> bool {
        match self {
            Inside::Permit(permit) => permit.abandoned().is_some(),
            Inside::Held(held) => held.abandoned().is_some(),
            Inside::Native(hold) => hold.1,
        }
    }
}

/// Role: goes in and out until it is told to stop, or killed. Arguments: what it uses, its name,
/// the memory's name, the worker's number.
pub(crate) fn worker(role: &mut Role) {
    let used = Used::open(role.argument(0), role.argument(1));
    let memory = SharedMemory::attach(role.argument(2)).expect("it is there");
    let me: u64 = role.number(3);
    let mut random = Random(me * 7_919 + 1);
    let at = |offset| memory.atomic_u64(offset).expect("in bounds");
    let fault = |number: usize| {
        let _ = at(FAULT).compare_exchange(0, number as u64, SeqCst, SeqCst);
        std::process::exit(3);
    };
    while at(STOP).load(Relaxed) == 0 {
        let inside = used.enter(random.below(1 << 20)).expect("there is room in time");
        let mut before = Vec::new();
        for index in inside.indexes() {
            let one = at(INSIDE + *index as usize * 64).swap(me, SeqCst);
            if one != 0 {
                if doomed(&memory, one).load(SeqCst) == 0 {
                    fault(1);
                }
                before.push((one, heart(&memory, one).load(SeqCst)));
            }
        }
        if !before.is_empty() && !inside.told() {
            fault(2);
        }
        for _ in 0..random.below(400) {
            heart(&memory, me).fetch_add(1, SeqCst);
        }
        if before.iter().any(|(one, beats)| heart(&memory, *one).load(SeqCst) != *beats) {
            fault(3);
        }
        for index in inside.indexes() {
            let place = at(INSIDE + *index as usize * 64);
            if place.compare_exchange(me, 0, SeqCst, SeqCst).is_err() {
                fault(4);
            }
        }
        at(TURNS).fetch_add(1, Relaxed);
        drop(inside);
        if random.below(8) == 0 {
            std::thread::yield_now();
        }
    }
}

fn storm(what: &str, lasts: Duration) {
    let name = name("storm");
    let memory_name = format!("{name}-memory");
    let memory = SharedMemory::create(&memory_name, HEARTS as u64 + MOST_WORKERS as u64 * 16);
    let memory = memory.unwrap();
    let at = |offset| memory.atomic_u64(offset).unwrap();
    let mut random = Random::new();
    say(&format!("{what}: storm with seed {}", random.0));
    let mut started = 0;
    let mut start = || {
        started += 1;
        let arguments = [what, &name, &memory_name, &started.to_string()];
        (started, Helper::start_silent("storm-worker", &arguments))
    };
    let healthy = |workers: &mut [(u64, Silent)]| {
        let fault = at(FAULT).load(SeqCst) as usize;
        assert_eq!(fault, 0, "{what}: {}", FAULTS[fault]);
        for (number, worker) in workers {
            let ended = worker.ended();
            assert!(ended.is_none(), "{what}: worker {number} ended by itself: {ended:?}");
        }
    };
    // If all workers were dead at one moment, the object would go, and with it what it knows of them.
    let last = Used::open(what, &name);
    let mut workers: Vec<_> = (0..WORKERS).map(|_| start()).collect();
    // Starting a process takes long under Wine, and one that is killed before it works shows nothing.
    let longest_pause = if cfg!(windows) { 400_000 } else { 8_000 };
    let (began, mut kills) = (Instant::now(), 0);
    let (mut turns, mut progress) = (0, Instant::now());
    let mut doubtful = 0;
    while began.elapsed() < lasts {
        std::thread::sleep(Duration::from_micros(random.below(longest_pause)));
        healthy(&mut workers);
        let victim = random.below(WORKERS as u64) as usize;
        let (number, worker) = &mut workers[victim];
        doomed(&memory, *number).store(1, SeqCst);
        worker.kill();
        kills += 1;
        if what == NATIVE && kills % 5 == 0 {
            // Nobody else uses it, so what is missing went with a dead one.
            doubtful += native::post_doubtful(&name, Scope::User).unwrap();
        }
        workers[victim] = start();
        let now = at(TURNS).load(Relaxed);
        if now != turns {
            (turns, progress) = (now, Instant::now());
        }
        assert!(progress.elapsed() < LIMIT / 2, "{what}: nobody gets in any more");
    }
    if let Used::Native(native) = &last {
        doubtful += native.post_doubtful().unwrap();
        say(&format!("{what}: {doubtful} units were in doubt and given back on demand"));
    }
    at(STOP).store(1, SeqCst);
    workers.into_iter().for_each(|(_, worker)| worker.finish());
    let fault = at(FAULT).load(SeqCst) as usize;
    assert_eq!(fault, 0, "{what}: {}", FAULTS[fault]);
    say(&format!("{what}: {kills} kills, {turns} turns in {:.1?}", began.elapsed()));
    match &last {
        Used::Lock(lock) => assert!(lock.try_hold().unwrap().is_some(), "it is free"),
        Used::Native(native) => {
            // What was left to whoever comes next, too.
            native.reap().unwrap();
            assert_eq!(native.value().unwrap(), Some(1));
            native.close().unwrap();
            assert!(native.unlink().unwrap());
        }
        Used::Permits(permits) => {
            assert_eq!(permits.available().unwrap(), PERMITS);
            assert!(permits.try_acquire_many(PERMITS).unwrap().is_some());
        }
    }
    drop(last);
    assert!(!file_of(&name).exists(), "the last one took the name along");
    drop(memory);
    assert!(!file_of(&memory_name).exists() && !data_file_of(&memory_name).exists());
}

#[test]
fn a_mutex_survives_a_storm_of_kills() {
    storm(Way::Mutex.as_str(), storm_seconds());
}

#[test]
fn two_permits_survive_a_storm_of_kills() {
    storm(TWO_PERMITS, storm_seconds());
}

#[test]
#[cfg(target_os = "linux")] // elsewhere its count is not told
fn a_native_semaphore_survives_a_short_storm_of_kills() {
    storm(NATIVE, storm_seconds() / 4);
}

#[test]
fn the_other_locks_survive_a_short_storm_of_kills() {
    for way in [Way::ProcessMutex, Way::Reentrant, Way::Semaphore] {
        storm(way.as_str(), storm_seconds() / 5);
    }
}
