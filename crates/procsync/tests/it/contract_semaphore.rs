//! `Semaphore`: permits, who has them, and several at once.

use crate::any_lock::{Way, assert_held, start_user};
use crate::child::{Helper, Role, times};
use crate::support::{LIMIT, eventually, file_of, joined, name, waiters};
use procsync::{Cause, Error, Semaphore, SharedMemory};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(30);

#[test]
fn as_many_are_inside_as_there_are_permits_each_with_a_number_of_its_own() {
    let semaphore = Semaphore::open(&name("inside"), 5).unwrap();
    assert_eq!((semaphore.capacity(), semaphore.available().unwrap()), (5, 5));
    let mut permits: Vec<_> = (0..5).map(|_| semaphore.acquire().unwrap()).collect();
    let indexes: HashSet<u32> = permits.iter().map(|permit| permit.indexes()[0]).collect();
    assert_eq!(indexes, (0..5).collect());
    assert!(permits.iter().all(|permit| permit.count() == 1 && permit.indexes().len() == 1));
    assert_eq!(semaphore.available().unwrap(), 0);
    assert!(semaphore.try_acquire().unwrap().is_none());
    let given_back = permits.swap_remove(2).indexes()[0];
    assert_eq!(semaphore.available().unwrap(), 1);
    assert_eq!(semaphore.try_acquire().unwrap().expect("one is free").indexes(), [given_back]);
}

#[test]
fn another_capacity_is_refused_with_both_and_attach_takes_what_there_is() {
    let name = name("capacity");
    let semaphore = Semaphore::create(&name, 3).unwrap();
    let Err(error) = Semaphore::open(&name, 4) else { panic!("it has three") };
    let Error::Mismatch { property: "capacity", wanted, found, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((wanted.as_str(), found.as_str()), ("4", "3"));
    assert_eq!(Semaphore::attach(&name).unwrap().capacity(), 3);
    for impossible in [0, (1 << 20) + 1, u32::MAX] {
        let refused = Semaphore::open(&crate::support::name("capacity"), impossible);
        assert!(matches!(refused, Err(Error::InvalidArgument { .. })), "{impossible}");
    }
    let most = Semaphore::open(&crate::support::name("capacity"), 1 << 20).unwrap();
    assert_eq!(most.acquire_many(1 << 20).unwrap().count(), 1 << 20);
    drop(semaphore);
}

#[test]
fn who_finds_none_waits_until_one_comes_back() {
    let name = name("comes-back");
    let semaphore = Arc::new(Semaphore::open(&name, 1).unwrap());
    let permit = semaphore.acquire().unwrap();
    let mut user = start_user(Way::Semaphore, &name);
    user.tell("hold");
    let other = semaphore.clone();
    let thread = std::thread::spawn(move || other.acquire().map(drop));
    eventually("both sleep", || waiters(&name) == 2);
    drop(permit);
    // Whoever comes first lets the other one in.
    assert_held(&user.hear(), 0);
    assert_eq!(user.ask("release"), "released");
    joined(thread).unwrap();
    user.finish();
}

#[test]
fn a_permit_may_be_given_back_by_another_thread_and_outlives_the_one_that_took_it() {
    let semaphore: &'static Semaphore =
        Box::leak(Box::new(Semaphore::open(&name("moves"), 2).unwrap()));
    let taken = joined(std::thread::spawn(|| semaphore.acquire().unwrap()));
    assert_eq!(semaphore.available().unwrap(), 1);
    let also_taken = joined(std::thread::spawn(|| semaphore.acquire_many(1).unwrap()));
    assert_eq!(semaphore.available().unwrap(), 0);
    joined(std::thread::spawn(move || drop((taken, also_taken))));
    assert_eq!(semaphore.available().unwrap(), 2);
    assert!(semaphore.acquire_many(2).unwrap().abandoned().is_none());
    let _ = std::fs::remove_file(file_of(semaphore.name()));
}

#[test]
fn several_come_together_or_not_at_all() {
    let name = name("several");
    let semaphore = Semaphore::open(&name, 4).unwrap();
    for impossible in [0, 5, u32::MAX] {
        for refused in [
            semaphore.acquire_many(impossible),
            semaphore.acquire_many_timeout(impossible, SHORT),
            semaphore.try_acquire_many(impossible).map(|_| unreachable!()),
        ] {
            let Err(Error::InvalidArgument { reason, .. }) = refused else { panic!() };
            assert!(reason.contains("1 to 4"), "{reason}");
        }
    }
    let two = semaphore.acquire_many(2).unwrap();
    assert_eq!((two.count(), semaphore.available().unwrap()), (2, 2));
    assert!(semaphore.try_acquire_many(3).unwrap().is_none());
    assert_eq!(semaphore.available().unwrap(), 2, "nothing was taken");
    let began = Instant::now();
    assert!(matches!(semaphore.acquire_many_timeout(3, SHORT), Err(Error::TimedOut { .. })));
    assert!(began.elapsed() >= SHORT);
    assert_eq!(semaphore.available().unwrap(), 2);
    let more = semaphore.try_acquire_many(2).unwrap().expect("two are free");
    let all: HashSet<_> = two.indexes().iter().chain(more.indexes()).copied().collect();
    assert_eq!(all, (0..4).collect());
    drop(two);
    drop(more);
    assert_eq!(semaphore.acquire_many_deadline(4, Instant::now()).unwrap().count(), 4);
}

#[test]
fn while_one_waits_for_several_it_holds_none() {
    let name = name("holds-none");
    let semaphore = Arc::new(Semaphore::open(&name, 3).unwrap());
    let one = semaphore.acquire().unwrap();
    let waiter = {
        let semaphore = semaphore.clone();
        std::thread::spawn(move || semaphore.acquire_many(3).map(|all| all.count()))
    };
    eventually("it sleeps", || waiters(&name) == 1);
    assert_eq!(semaphore.available().unwrap(), 2);
    // Smaller requests overtake it, and what they give back does not go astray.
    for _ in 0..100 {
        drop((semaphore.acquire().unwrap(), semaphore.acquire().unwrap()));
    }
    assert!(semaphore.try_acquire_many(2).unwrap().is_none(), "it is another one's turn");
    assert!(matches!(semaphore.acquire_many_timeout(2, SHORT), Err(Error::TimedOut { .. })));
    drop(one);
    assert_eq!(joined(waiter).unwrap(), 3);
    eventually("all are back", || semaphore.available().unwrap() == 3);
}

#[test]
fn those_who_want_several_and_those_who_want_one_all_come_to_their_turn() {
    let semaphore = Arc::new(Semaphore::open(&name("mixed"), 4).unwrap());
    let work = |wanted: u32| {
        let semaphore = semaphore.clone();
        std::thread::spawn(move || {
            for _ in 0..300 {
                let permit = semaphore.acquire_many_timeout(wanted, LIMIT).unwrap();
                assert_eq!(permit.count(), wanted);
                let distinct: HashSet<_> = permit.indexes().iter().collect();
                assert_eq!(distinct.len(), wanted as usize);
            }
        })
    };
    let workers: Vec<_> = [1, 1, 2, 3, 4, 4].into_iter().map(work).collect();
    workers.into_iter().for_each(joined);
    assert_eq!(semaphore.available().unwrap(), 4);
}

#[test]
fn a_wait_ends_at_its_deadline_and_names_a_holder() {
    let name = name("deadline");
    let semaphore = Semaphore::open(&name, 1).unwrap();
    let mut user = start_user(Way::Semaphore, &name);
    assert_held(&user.ask("hold"), 0);
    let began = Instant::now();
    let Err(error) = semaphore.acquire_timeout(SHORT) else { panic!("it is held") };
    assert!(began.elapsed() >= SHORT);
    let Error::TimedOut { holder: Some(holder), .. } = &error else { panic!("{error}") };
    assert_eq!(holder.pid, user.pid());
    let deadline = Instant::now() + SHORT;
    assert!(matches!(semaphore.acquire_deadline(deadline), Err(Error::TimedOut { .. })));
    assert!(Instant::now() >= deadline);
    assert!(matches!(semaphore.acquire_timeout(Duration::ZERO), Err(Error::TimedOut { .. })));
    assert_eq!(user.ask("release"), "released");
    drop(semaphore.acquire_timeout(Duration::ZERO).unwrap());
    user.finish();
}

#[test]
fn holders_are_shown_a_row_for_each_permit() {
    let name = name("holders");
    let semaphore = Semaphore::open(&name, 4).unwrap();
    assert_eq!(semaphore.holders().unwrap(), []);
    let _two = semaphore.acquire_many(2).unwrap();
    let mut helper = Helper::start("hold-permits", &[&name, "2"]);
    assert_eq!(helper.hear(), "held");
    let holders = semaphore.holders().unwrap();
    let of = |pid| holders.iter().filter(|holder| holder.pid == pid && !holder.dead).count();
    assert_eq!((of(std::process::id()), of(helper.pid())), (2, 2));
    assert!(holders.iter().all(|holder| holder.tid != 0 && holder.since.is_some()));
    helper.kill();
    let dead = semaphore.holders().unwrap();
    assert_eq!(dead.iter().filter(|holder| holder.dead).count(), 2);
    assert_eq!(semaphore.available().unwrap(), 2, "they come back");
    assert_eq!(semaphore.holders().unwrap().len(), 2);
    let back = semaphore.acquire_many(2).unwrap();
    let by = back.abandoned().expect("told");
    assert_eq!((by.pid, by.cause), (helper.pid(), Cause::Died));
}

/// Role: holds permits until it is told to end.
pub(crate) fn hold_permits(role: &mut Role) {
    let semaphore = Semaphore::attach(role.argument(0)).expect("it is there");
    let _permits = semaphore.acquire_many_timeout(role.number(1), LIMIT).expect("they are free");
    role.say("held");
    role.hear();
}

#[test]
fn what_a_closing_process_forgot_comes_back_and_says_so() {
    let name = name("forgot");
    let here = Semaphore::open(&name, 2).unwrap();
    let mut helper = Helper::start("forget-permit", &[&name]);
    assert_eq!(helper.hear(), "closed");
    let all = here.acquire_many_timeout(2, LIMIT).unwrap();
    let by = all.abandoned().expect("told");
    assert_eq!((by.pid, by.cause), (helper.pid(), Cause::Closed));
    helper.finish();
}

/// Role: forgets a permit and closes the semaphore, and lives on.
pub(crate) fn forget_permit(role: &mut Role) {
    let semaphore = Semaphore::attach(role.argument(0)).expect("it is there");
    std::mem::forget(semaphore.acquire().expect("it is free"));
    drop(semaphore);
    role.say("closed");
    role.hear();
}

/// Where the memory of the next test counts who was told, and says that it is over.
const TOLD: usize = 0;
const OVER: usize = 64;

#[test]
fn each_abandoned_permit_is_told_of_once_whoever_else_is_at_it() {
    let name = name("told-once");
    let memory_name = format!("{name}-memory");
    let memory = SharedMemory::create(&memory_name, 128).unwrap();
    let told = memory.atomic_u64(TOLD).unwrap();
    let mut helpers = ["1", "2", "2"]
        .map(|permits| Helper::start("take-and-tell", &[&name, &memory_name, permits]));
    // Before any of them has it open, each round would make a semaphore of its own.
    helpers.iter_mut().for_each(|helper| assert_eq!(helper.hear(), "open"));
    // Opening files takes long under Wine.
    let rounds = times(if cfg!(windows) { 100 } else { 2_000 });
    for round in 1..=rounds {
        let semaphore = Semaphore::open(&name, 2).unwrap();
        std::mem::forget(semaphore.acquire_timeout(LIMIT).unwrap());
        drop(semaphore);
        eventually("somebody is told", || told.load(SeqCst) >= round);
        assert_eq!(told.load(SeqCst), round);
    }
    memory.atomic_u64(OVER).unwrap().store(1, SeqCst);
    helpers.into_iter().for_each(Helper::finish);
    assert_eq!(told.load(SeqCst), rounds);
}

/// Role: takes permits again and again, and counts how often it is told of a predecessor. Arguments:
/// the names of the semaphore and the memory, how many permits.
pub(crate) fn take_and_tell(role: &mut Role) {
    let semaphore = Semaphore::open(role.argument(0), 2).expect("it opens");
    let memory = SharedMemory::attach(role.argument(1)).expect("it is there");
    let number = |offset| memory.atomic_u64(offset).expect("in bounds");
    role.say("open");
    while number(OVER).load(Relaxed) == 0 {
        if let Some(permit) = semaphore.try_acquire_many(role.number(2)).expect("no error")
            && permit.abandoned().is_some()
        {
            number(TOLD).fetch_add(1, SeqCst);
        }
    }
}
