//! How participants are, what is cleared up after the dead, and what damage does to looking.
#![allow(unsafe_code)] // geteuid
#![cfg_attr(windows, allow(unused_imports))] // not all of these tests run there

use crate::any_lock::{Way, assert_held, start_user};
use crate::child::{Helper, Role};
use crate::support::{directory, eventually, file_of, name};
use procsync::inspect::{Inspector, Reaped, list, reap, show};
use procsync::{Condition, Event, Kind, Mutex, Reset, Scope, Semaphore, SharedMemory};
use std::collections::BTreeMap;

#[test]
#[cfg(unix)]
fn a_stopped_holder_is_shown_as_stopped_and_as_whose_it_is() {
    for way in Way::OWNED {
        let name = name("stopped");
        let mut holder = start_user(way, &name);
        assert_held(&holder.ask("hold"), 0);
        let look = || show(&name, Scope::User).unwrap();
        let seen = look();
        let [one] = &seen.holders[..] else { panic!("{:?}", seen.holders) };
        assert_eq!((one.condition, one.pid), (Condition::Running, holder.pid()));
        // SAFETY: geteuid has no arguments and cannot fail.
        assert_eq!(one.user, Some(unsafe { libc::geteuid() }));
        assert!(!one.label.is_empty() && one.label.len() <= 15, "{one:?}");
        assert_eq!(one.as_process, matches!(way, Way::ProcessMutex | Way::Semaphore), "{way:?}");
        assert_ne!(one.namespace, 0);
        let threads = if one.as_process { 0 } else { 1 };
        assert_eq!(seen.participants.len(), 1 + threads, "{:?}", seen.participants);
        assert!(seen.participants.iter().all(|one| one.pid == holder.pid() && one.since.is_some()));
        assert_eq!((seen.slots, seen.acquired), (1_024, one.since));

        holder.signal(libc::SIGSTOP);
        eventually("it is stopped", || look().holders[0].condition == Condition::Stopped);
        let refused = Mutex::<()>::attach(&name);
        if let Ok(mutex) = refused {
            let text = mutex.owner().unwrap().to_string();
            assert!(text.ends_with(", which is stopped"), "{text}");
        }
        holder.signal(libc::SIGCONT);
        eventually("it goes on", || look().holders[0].condition == Condition::Running);
        holder.kill();
        let seen = look();
        assert_eq!((seen.holders[0].condition, seen.participants.len()), (Condition::Dead, 0));
        assert!(seen.is_leftover() && seen.deceased.is_none());
    }
}

#[test]
fn what_an_object_is_made_of_is_shown() {
    let names: Vec<_> = ["mutex", "event", "memory", "semaphore"].map(name).into();
    let _mutex = Mutex::<[u64; 4]>::options().participants(7).open(&names[0]).unwrap();
    let _event = Event::open(&names[1], Reset::Auto).unwrap();
    let _memory = SharedMemory::open(&names[2], 5_000).unwrap();
    let _semaphore = Semaphore::open(&names[3], 3).unwrap();
    let seen: Vec<_> = names.iter().map(|name| show(name, Scope::User).unwrap()).collect();
    assert_eq!((seen[0].data_size, seen[0].data_align, seen[0].slots), (32, 8, 7));
    assert_eq!((seen[1].reset, seen[0].reset), (Some(Reset::Auto), None));
    assert_eq!(seen[2].data_size, 5_000);
    for object in &seen {
        assert_eq!(object.path, file_of(object.name.as_str()));
        assert_eq!(object.file_size, object.path.metadata().unwrap().len());
        assert_eq!((object.scope, object.is_leftover()), (Scope::User, false));
        assert!(object.age().unwrap() < crate::support::LIMIT);
    }
}

/// Role: clears up in a directory that nobody else uses.
pub(crate) fn clear_up(role: &mut Role) {
    let open = |kind: &str| format!("{}-{kind}", role.argument(0));
    let kill = |way, kind: &str| {
        let mut dead = start_user(way, &open(kind));
        assert_held(&dead.ask("hold"), 0);
        dead.kill();
    };
    kill(Way::Mutex, "leftover");
    kill(Way::Semaphore, "leftover-permits");
    let mutex = Mutex::<u64>::open(&open("in-use")).expect("it opens");
    kill(Way::Mutex, "in-use");
    let semaphore = Semaphore::options(1).persistent(true).open(&open("stays")).expect("it opens");
    kill(Way::Semaphore, "stays");
    drop(semaphore);
    let well = Mutex::<u64>::open(&open("well")).expect("it opens");
    well.lock().expect("it is free").keep();
    std::fs::write(file_of(&open("damaged")), "damaged").expect("it is written");

    let done: BTreeMap<_, _> = reap(Scope::User)
        .expect("it can be listed")
        .into_iter()
        .map(|one| (one.object().name.clone(), one))
        .collect();
    assert_eq!(done.len(), 4, "{done:?}");
    let was = |kind: &str| &done[&open(kind)];
    assert!(matches!(was("leftover"), Reaped::Removed(_)), "{done:?}");
    assert!(matches!(was("leftover-permits"), Reaped::Removed(_)), "{done:?}");
    assert!(matches!(was("in-use"), Reaped::Recovered(_, 1)), "{done:?}");
    assert!(matches!(was("stays"), Reaped::Recovered(_, 1)), "{done:?}");
    assert!(matches!(was("leftover"), Reaped::Removed(object) if object.kind == Kind::Mutex));

    let mut left: Vec<_> = std::fs::read_dir(directory())
        .expect("it can be read")
        .map(|entry| entry.expect("it can be read").file_name().into_string().expect("a name"))
        .collect();
    left.sort();
    assert_eq!(left, ["damaged", "in-use", "stays", "well"].map(open));
    assert!(mutex.lock().expect("it is free").abandoned().is_some());
    assert!(reap(Scope::User).expect("it can be listed").is_empty(), "nothing is left to do");
    role.say("cleared up");
}

#[test]
fn what_the_dead_left_is_cleared_up_and_nothing_else() {
    let alone = tempfile::tempdir_in(crate::support::base()).unwrap();
    let mut helper = Helper::start_in(alone.path(), "clear-up", &[&name("alone")]);
    assert_eq!(helper.hear(), "cleared up");
    helper.finish();
}

#[test]
fn no_damage_makes_looking_fail_otherwise_than_by_an_error() {
    const ROUNDS: usize = if cfg!(windows) { 50 } else { 1_000 };
    let name = name("damage");
    let semaphore = Semaphore::open(&name, 40).unwrap();
    let _permits = semaphore.acquire_many(3).unwrap();
    let good = std::fs::read(file_of(&name)).unwrap();
    let copy = crate::support::name("damaged-copy");
    let mut inspector = Inspector::new();
    // Always the same ones: what fails can be repeated.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let (mut shown, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let mut bytes = good.clone();
        // The parts in which everything is: header, hot line, records, first slots, permits.
        let places = [0..192, 192..448, bytes.len() - 40 * 32..bytes.len()];
        for _ in 0..1 + random() % 6 {
            let place = places[random() % 3].clone();
            let at = place.start + random() % place.len();
            bytes[at] = random() as u8;
        }
        if round % 10 == 0 {
            bytes.truncate(random() % bytes.len());
        }
        std::fs::write(file_of(&copy), &bytes).unwrap();
        match inspector.show(&copy, Scope::User) {
            Ok(seen) => {
                shown += 1;
                let _ = format!("{seen:?} {}", seen.state);
            }
            Err(error) => {
                refused += 1;
                assert!(error.to_string().starts_with(&format!("object {copy:?}: ")), "{error}");
            }
        }
        let _ = inspector.wait_graph(&[Scope::User]).unwrap().to_dot();
    }
    assert!(shown > ROUNDS / 10 && refused > ROUNDS / 10, "{shown} {refused}");
    std::fs::remove_file(file_of(&copy)).unwrap();
    assert!(list(Scope::User).is_ok());
}
