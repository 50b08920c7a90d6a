//! Forks of a process whose other threads are in the middle of everything.

use crate::child::{Helper, Role};
use crate::fork::forked;
use crate::support::{LIMIT, file_of, name, say};
use procsync::{Event, Mutex, ReentrantMutex, Reset, Semaphore, SharedMemory, TokenSemaphore};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const THREADS: usize = 4;
const FORKS: u64 = 300;

/// Opens, uses and closes one of everything.
fn use_everything(name: &str) {
    let named = |kind: &str| format!("{name}-{kind}");
    let mutex = Mutex::<u64>::open(&named("mutex")).expect("it opens");
    mutex.lock_timeout(LIMIT).expect("it comes free").update(|data| *data += 1);
    let semaphore = Semaphore::open(&named("semaphore"), 2).expect("it opens");
    drop(semaphore.acquire_timeout(LIMIT).expect("one comes free"));
    drop(semaphore.acquire_many_timeout(2, LIMIT).expect("both come free"));
    let reentrant = ReentrantMutex::open(&named("reentrant")).expect("it opens");
    drop(reentrant.lock_timeout(LIMIT).expect("it comes free"));
    let tokens = TokenSemaphore::open(&named("tokens"), 0).expect("it opens");
    tokens.post(1).expect("there is room");
    drop(SharedMemory::open(&named("memory"), 64).expect("it opens"));
    Event::open(&named("event"), Reset::Auto).expect("it opens").set().expect("it is set");
}

/// Role: forks again and again while other threads open, use and close objects.
pub(crate) fn fork_among_threads(role: &mut Role) {
    let name = role.argument(0);
    let shared = Mutex::<u64>::open(&format!("{name}-shared")).expect("it opens");
    let reentrant = ReentrantMutex::open(&format!("{name}-layers")).expect("it opens");
    let (stop, turns) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut slowest = Duration::ZERO;
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            threads.push(scope.spawn(|| {
                while !stop.load(Relaxed) {
                    use_everything(name);
                    let _outer = reentrant.lock_timeout(LIMIT).expect("it comes free");
                    let _inner = reentrant.lock().expect("a layer");
                    shared.lock_timeout(LIMIT).expect("it comes free").update(|data| *data += 1);
                    turns.fetch_add(1, Relaxed);
                }
            }));
        }
        for round in 0..FORKS {
            let held = (round % 3 == 0).then(|| shared.lock_timeout(LIMIT).expect("comes free"));
            let began = Instant::now();
            let child = forked(|| {
                if round % 3 == 0 {
                    assert!(shared.try_lock().expect("no error").is_none(), "the parent has it");
                } else {
                    let mut guard = shared.lock_timeout(LIMIT).expect("it comes free");
                    guard.update(|data| *data += 1);
                }
                use_everything(name);
                if round % 3 == 1 {
                    // Also in threads that the child starts. (Not while the parent has the mutex:
                    // those who have the other one may wait for it.)
                    std::thread::scope(|scope| {
                        for _ in 0..2 {
                            scope.spawn(|| {
                                drop(reentrant.lock_timeout(LIMIT).expect("it comes free"));
                                use_everything(name);
                            });
                        }
                    });
                }
            });
            child.ended_well();
            slowest = slowest.max(began.elapsed());
            drop(held);
        }
        stop.store(true, Relaxed);
        // Until they are gone: a scope ends while they still leave what they used, and should this
        // process end just then, it leaves the object to whoever comes next.
        threads.into_iter().for_each(|thread| thread.join().expect("it is well"));
    });
    let counted = shared.lock().expect("it is free").get();
    let children = FORKS - FORKS.div_ceil(3);
    assert_eq!(counted, turns.load(Relaxed) + children, "parent and children excluded each other");
    role.say(&format!("{FORKS} forks beside {counted} turns, the slowest took {slowest:.1?}"));
}

#[test]
fn forks_among_busy_threads_neither_hang_nor_mix_up() {
    let name = name("busy");
    let mut helper = Helper::start("fork-among-threads", &[&name]);
    say(&helper.hear_within(LIMIT * 2).expect("it ends in time"));
    helper.finish();
    for kind in ["mutex", "semaphore", "reentrant", "tokens", "memory", "event", "shared", "layers"]
    {
        assert!(!file_of(&format!("{name}-{kind}")).exists(), "{kind}: all have left");
    }
}
