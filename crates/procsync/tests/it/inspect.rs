//! What a stranger sees, and that looking changes nothing.

use crate::any_lock::{Way, assert_held, start_user};
use crate::child::{Helper, Role, is_command_of_helper};
use crate::support::{LIMIT, directory, eventually, file_of, joined, name, waiters};
use procsync::inspect::{Snapshot, State, list, show};
use procsync::{Error, Event, Kind, Mutex, Reset, Scope, Semaphore, SharedMemory, TokenSemaphore};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

fn look(name: &str) -> Snapshot {
    show(name, Scope::User).unwrap()
}

#[test]
fn holders_and_waiters_of_every_lock_are_seen_from_another_process() {
    for way in Way::OWNED {
        let name = name("seen");
        let before = SystemTime::now() - Duration::from_secs(1);
        let mut holder = start_user(way, &name);
        let free = look(&name);
        assert!(free.holders.is_empty() && free.waiters.is_empty());
        assert_eq!((free.processes, free.persistent, free.recovered), (1, false, 0));
        let created = free.created.expect("a time");
        assert!(created > before && created <= SystemTime::now());
        assert_held(&holder.ask("hold"), 0);
        let mut waiting: Vec<_> = (0..3).map(|_| start_user(way, &name)).collect();
        waiting.iter_mut().for_each(|waiter| waiter.tell("hold"));
        eventually("all three are seen", || waiters(&name) == 3);
        let seen = look(&name);
        assert_eq!(seen.name.as_str(), name);
        let expected = match way {
            Way::Mutex | Way::ProcessMutex => (Kind::Mutex, State::Held),
            Way::Reentrant => (Kind::ReentrantMutex, State::Held),
            _ => (Kind::Semaphore, State::Permits { available: 0, capacity: 1 }),
        };
        assert_eq!((seen.kind, seen.state), expected);
        assert_eq!(seen.processes, 4);
        assert!(seen.contended >= 3);
        let [held_by] = &seen.holders[..] else { panic!("{:?}", seen.holders) };
        assert_eq!((held_by.pid, held_by.dead), (holder.pid(), false));
        assert_ne!(held_by.tid, 0);
        assert!(is_command_of_helper(&held_by.command), "{}", held_by.command);
        let mut pids: Vec<_> = seen.waiters.iter().map(|waiter| waiter.pid).collect();
        let mut expected: Vec<_> = waiting.iter().map(Helper::pid).collect();
        pids.sort_unstable();
        expected.sort_unstable();
        assert_eq!(pids, expected);
        for waiter in &seen.waiters {
            let since = waiter.since.expect("a time");
            assert!(since > before && since <= SystemTime::now() && !waiter.dead);
            assert!(waiter.duration().expect("a time") < LIMIT);
        }
        // A dead waiter is not shown, and a dead holder is shown as dead.
        waiting.iter_mut().for_each(Helper::kill);
        assert_eq!(look(&name).waiters, []);
        holder.kill();
        let seen = look(&name);
        assert_eq!(seen.processes, 0);
        let [held_by] = &seen.holders[..] else { panic!("{:?}", seen.holders) };
        assert_eq!((held_by.pid, held_by.dead), (holder.pid(), true));
        assert!(held_by.to_string().contains("dead"));
    }
}

#[test]
fn each_kind_shows_its_state() {
    let name = |kind: &str| crate::support::name(&format!("state-{kind}"));
    let tokens = TokenSemaphore::open(&name("tokens"), 7).unwrap();
    assert_eq!(look(tokens.name()).state, State::Tokens(7));
    let event = Event::open(&name("event"), Reset::Manual).unwrap();
    assert_eq!(look(event.name()).state, State::Unset);
    event.set().unwrap();
    assert_eq!((look(event.name()).state, look(event.name()).kind), (State::Set, Kind::Event));
    let memory = SharedMemory::options(99).persistent(true).open(&name("memory")).unwrap();
    let seen = look(memory.name());
    assert_eq!((seen.state, seen.persistent, seen.processes), (State::Bytes(99), true, 1));
    let _ = memory.remove().unwrap();
    assert!(!look(memory.name()).persistent);
    let semaphore = Semaphore::open(&name("semaphore"), 5).unwrap();
    let _permits = semaphore.acquire_many(3).unwrap();
    let seen = look(semaphore.name());
    assert_eq!(seen.state, State::Permits { available: 2, capacity: 5 });
    assert_eq!((seen.holders.len(), seen.state.to_string()), (3, "2 of 5 free".to_owned()));
    let mutex = Mutex::<u64>::open(&name("mutex")).unwrap();
    assert_eq!((look(mutex.name()).state, look(mutex.name()).grants), (State::Free, 0));
    drop(mutex.lock().unwrap());
    mutex.lock().unwrap().keep();
    assert_eq!((look(mutex.name()).state, look(mutex.name()).grants), (State::Held, 2));
    assert!(mutex.force_release().unwrap());
    assert_eq!(look(mutex.name()).state, State::Abandoned);
    assert_eq!(look(&format!("/{}", mutex.name())).name.as_str(), mutex.name());
}

#[test]
fn waiters_of_events_and_tokens_are_seen_as_long_as_they_wait() {
    let (event_name, tokens_name) = (name("event"), name("tokens"));
    let event = Event::open(&event_name, Reset::Manual).unwrap();
    let tokens = TokenSemaphore::open(&tokens_name, 0).unwrap();
    let mut waits =
        [Helper::start("wait-event", &[&event_name]), Helper::start("take-token", &[&tokens_name])];
    assert_eq!(waits[0].hear(), "attached");
    waits.iter_mut().for_each(|helper| helper.tell("wait"));
    for (helper, name) in waits.iter().zip([&event_name, &tokens_name]) {
        eventually("it is seen", || waiters(name) == 1);
        assert_eq!(look(name).waiters[0].pid, helper.pid());
        assert_eq!(look(name).holders, []);
    }
    event.set().unwrap();
    tokens.post(1).unwrap();
    assert_eq!((waits[0].hear(), waits[1].hear()), ("on".to_owned(), "took".to_owned()));
    assert_eq!((waiters(&event_name), waiters(&tokens_name)), (0, 0));
}

#[test]
fn a_recovery_is_counted() {
    let name = name("recovered");
    let mutex = Mutex::<u64>::open(&name).unwrap();
    for round in 1..=3 {
        let mut user = start_user(Way::Mutex, &name);
        assert_held(&user.ask("hold"), 0);
        user.kill();
        assert_eq!(look(&name).recovered, round - 1, "looking recovers nothing");
        drop(mutex.lock().unwrap());
        assert_eq!(look(&name).recovered, round);
    }
}

#[test]
fn what_is_damaged_hides_nothing_else() {
    let names: Vec<_> = ["a", "b", "c"].map(|label| name(&format!("list-{label}"))).into();
    let first = Mutex::<u64>::open(&names[0]).unwrap();
    let last = Semaphore::open(&names[2], 2).unwrap();
    std::fs::write(file_of(&names[1]), "damaged").unwrap();
    std::fs::write(directory().join(".hidden"), "no object's name").unwrap();
    let all = list(Scope::User).unwrap();
    let of = |wanted: &str| {
        all.iter().position(|row| match row {
            Ok(seen) => seen.name.as_str() == wanted,
            Err(error) => error.to_string().contains(&format!("{wanted:?}")),
        })
    };
    let rows: Vec<_> = names.iter().map(|name| of(name).expect("it is listed")).collect();
    assert!(rows.is_sorted(), "in the order of the names");
    assert!(matches!(all[rows[1]], Err(Error::Damaged { .. })));
    assert!(!all.iter().any(|row| format!("{row:?}").contains(".hidden")));
    std::fs::remove_file(file_of(&names[1])).unwrap();
    assert!(matches!(show(&names[1], Scope::User), Err(Error::NotFound { .. })));
    drop((first, last));
    let left = list(Scope::User).unwrap();
    assert!(!left.iter().flatten().any(|seen| names.contains(&seen.name.as_str().to_owned())));
}

/// Role: looks at an object and at all of them, in a directory that nobody else uses.
pub(crate) fn look_around(role: &mut Role) {
    let open = |kind: &str| format!("{}-{kind}", role.argument(0));
    let mutex = Mutex::<u64>::open(&open("mutex")).expect("it opens");
    mutex.lock().expect("it is free").keep();
    let semaphore = Semaphore::open(&open("semaphore"), 3).expect("it opens");
    let _permit = semaphore.acquire().expect("it is free");
    let memory = SharedMemory::open(&open("memory"), 50).expect("it opens");
    let mut dead = start_user(Way::Reentrant, &open("dead"));
    assert_held(&dead.ask("hold"), 0);
    dead.kill();
    std::fs::write(file_of(&open("damaged")), "damaged").expect("it is written");
    let bytes = || -> BTreeMap<_, _> {
        let entries = std::fs::read_dir(directory()).expect("the directory is there");
        entries
            .map(|entry| entry.expect("it can be read").path())
            .map(|path| {
                let data = path.metadata().expect("it is there");
                let written = data.modified().expect("a time");
                #[cfg(unix)]
                let place = {
                    use std::os::unix::fs::MetadataExt;
                    (data.ino(), data.blocks())
                };
                #[cfg(windows)]
                let place = data.created().expect("a time");
                let found = (place, data.len(), written);
                (path.clone(), (found, std::fs::read(&path).expect("it can be read")))
            })
            .collect()
    };
    let before = bytes();
    for _ in 0..3 {
        let rows = list(Scope::User).expect("it can be listed");
        assert_eq!((rows.len(), rows.iter().flatten().count()), (5, 4));
        for kind in ["mutex", "semaphore", "memory", "dead", "damaged", "not-there"] {
            let _ = show(&open(kind), Scope::User);
        }
        let graph = procsync::inspect::wait_graph(&[Scope::User]).expect("it can be listed");
        assert!(graph.waits.is_empty());
    }
    assert!(bytes() == before, "looking changed something");
    drop(memory);
    role.say("nothing changed");
}

#[test]
fn looking_changes_nothing() {
    let alone = tempfile::tempdir_in(crate::support::base()).unwrap();
    let mut helper = Helper::start_in(alone.path(), "look-around", &[&name("alone")]);
    assert_eq!(helper.hear(), "nothing changed");
    helper.finish();
}

#[test]
fn a_directory_that_is_not_there_holds_no_objects() {
    let alone = tempfile::tempdir_in(crate::support::base()).unwrap();
    let mut helper = Helper::start_in(alone.path(), "look-at-nothing", &[&name("nothing")]);
    assert_eq!(helper.hear(), "nothing");
    helper.finish();
    assert_eq!(std::fs::read_dir(alone.path()).unwrap().count(), 0, "nothing was made");
}

/// Role: looks where nothing is.
pub(crate) fn look_at_nothing(role: &mut Role) {
    assert!(list(Scope::User).expect("it can be listed").is_empty());
    let name = role.argument(0);
    assert!(matches!(show(name, Scope::User), Err(Error::NotFound { .. })));
    assert!(matches!(Mutex::<u64>::attach(name), Err(Error::NotFound { .. })));
    assert_eq!(procsync::remove(name, Scope::User).expect("no error"), None);
    role.say("nothing");
}

#[test]
fn looking_while_objects_come_and_go_is_no_error() {
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let names: Vec<_> = (0..4).map(|_| name("fleeting")).collect();
    let work = |name: &String| {
        let (name, stop) = (name.clone(), stop.clone());
        std::thread::spawn(move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                drop(Mutex::<u64>::open(&name).unwrap().lock().unwrap());
                drop(Semaphore::open(&name, 3).unwrap().acquire().unwrap());
            }
        })
    };
    let workers: Vec<_> = names.iter().map(work).collect();
    let mut seen = 0;
    for _ in 0..if cfg!(windows) { 30 } else { 300 } {
        for row in list(Scope::User).unwrap() {
            match row {
                Ok(object) => seen += usize::from(names.iter().any(|n| *n == object.name.as_str())),
                Err(error) => {
                    let text = error.to_string();
                    assert!(!names.iter().any(|name| text.contains(name)), "{text}");
                }
            }
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    workers.into_iter().for_each(joined);
    assert!(seen > 0);
}
