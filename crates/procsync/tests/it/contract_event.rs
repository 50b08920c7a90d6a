//! `Event`: set, unset, and who goes on.

use crate::child::{Helper, Role};
use crate::support::{LIMIT, eventually, name, waiters};
use procsync::{Error, Event, Reset};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(30);

fn start_waiters(count: usize, name: &str) -> Vec<Helper> {
    let mut helpers: Vec<_> = (0..count).map(|_| Helper::start("wait-event", &[name])).collect();
    for helper in &mut helpers {
        assert_eq!(helper.hear(), "attached");
    }
    helpers
}

/// Role: waits for an event each time it is told.
pub(crate) fn wait_event(role: &mut Role) {
    let event = Event::attach(role.argument(0)).expect("it is there");
    role.say("attached");
    while role.hear().is_some() {
        event.wait_timeout(LIMIT).expect("it is set");
        role.say("on");
    }
}

#[test]
fn a_wait_on_what_is_set_goes_on_at_once() {
    for reset in [Reset::Manual, Reset::Auto] {
        let name = name("set-before");
        let event = Event::open(&name, reset).unwrap();
        event.set().unwrap();
        assert!(event.is_set());
        let mut helper = start_waiters(1, &name).remove(0);
        assert_eq!(helper.ask("wait"), "on");
        assert_eq!(event.is_set(), reset == Reset::Manual);
        event.set().unwrap();
        event.wait_timeout(Duration::ZERO).unwrap();
        event.set().unwrap();
        event.wait_deadline(Instant::now()).unwrap();
        event.set().unwrap();
        assert!(event.try_wait().unwrap());
        event.clear().unwrap();
        assert!(!event.is_set() && !event.try_wait().unwrap());
        helper.finish();
    }
}

#[test]
fn an_event_begins_as_asked() {
    for (reset, set) in [(Reset::Manual, false), (Reset::Auto, true)] {
        let name = name("begins");
        let event = Event::options(reset).initially_set(set).create(&name).unwrap();
        assert_eq!((event.reset(), event.is_set()), (reset, set));
        // What is there already is as it is.
        let again = Event::options(reset).initially_set(!set).open(&name).unwrap();
        assert_eq!(again.is_set(), set);
    }
}

#[test]
fn another_reset_is_refused_with_both_and_attach_takes_what_there_is() {
    for (reset, other, names) in [
        (Reset::Manual, Reset::Auto, ("auto", "manual")),
        (Reset::Auto, Reset::Manual, ("manual", "auto")),
    ] {
        let name = name("reset");
        let _event = Event::create(&name, reset).unwrap();
        let Err(error) = Event::open(&name, other) else { panic!("it is {reset:?}") };
        let Error::Mismatch { property: "reset", wanted, found, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!((wanted.as_str(), found.as_str()), names);
        assert_eq!(Event::attach(&name).unwrap().reset(), reset);
    }
}

#[test]
fn a_wait_ends_at_its_deadline() {
    for reset in [Reset::Manual, Reset::Auto] {
        let event = Event::open(&name("deadline"), reset).unwrap();
        let began = Instant::now();
        let Err(Error::TimedOut { waited, holder: None, .. }) = event.wait_timeout(SHORT) else {
            panic!("nobody sets it")
        };
        assert!(began.elapsed() >= SHORT && waited >= SHORT);
        let deadline = Instant::now() + SHORT;
        assert!(matches!(event.wait_deadline(deadline), Err(Error::TimedOut { .. })));
        assert!(Instant::now() >= deadline);
        assert!(matches!(event.wait_timeout(Duration::ZERO), Err(Error::TimedOut { .. })));
    }
}

#[test]
fn all_who_wait_go_on_when_a_manual_event_is_set_even_if_it_is_cleared_at_once() {
    let name = name("all");
    let event = Event::open(&name, Reset::Manual).unwrap();
    let mut helpers = start_waiters(5, &name);
    for round in 0..20 {
        for helper in &mut helpers {
            helper.tell("wait");
        }
        eventually("all sleep", || waiters(&name) == 5);
        event.set().unwrap();
        if round % 2 == 0 {
            event.clear().unwrap();
        }
        for helper in &mut helpers {
            assert_eq!(helper.hear(), "on");
        }
        event.clear().unwrap();
    }
    helpers.into_iter().for_each(Helper::finish);
}

#[test]
fn one_goes_on_for_each_setting_of_an_automatic_event() {
    let name = name("one-each");
    let event = Event::open(&name, Reset::Auto).unwrap();
    let mut helpers = start_waiters(4, &name);
    for helper in &mut helpers {
        helper.tell("wait");
    }
    eventually("all sleep", || waiters(&name) == 4);
    let mut waiting: Vec<usize> = (0..4).collect();
    while !waiting.is_empty() {
        event.set().unwrap();
        let mut on = Vec::new();
        eventually("one goes on", || {
            on.extend(
                waiting.iter().copied().filter(|index| {
                    helpers[*index].hear_within(Duration::from_millis(1)).is_some()
                }),
            );
            !on.is_empty()
        });
        waiting.retain(|index| !on.contains(index));
        assert_eq!(on.len(), 1, "one setting, one waiter");
        assert!(!event.is_set());
        eventually("the others sleep on", || crate::support::waiters(&name) == waiting.len());
    }
    // Twice before anybody came is once.
    event.set().unwrap();
    event.set().unwrap();
    assert_eq!(helpers[0].ask("wait"), "on");
    assert!(!event.try_wait().unwrap());
    helpers.into_iter().for_each(Helper::finish);
}

#[test]
fn what_was_written_before_the_setting_is_seen_after_the_wait() {
    let name = name("sees");
    let memory = procsync::SharedMemory::create(&name, 64).unwrap();
    let (ping, pong) = (format!("{name}-ping"), format!("{name}-pong"));
    let ping = Event::create(&ping, Reset::Auto).unwrap();
    let pong = Event::create(&pong, Reset::Auto).unwrap();
    let mut helper = Helper::start("ping-pong", &[&name]);
    assert_eq!(helper.hear(), "attached");
    for round in 0..5_000_u64 {
        memory.write(8, &round.to_ne_bytes()).unwrap();
        ping.set().unwrap();
        pong.wait_timeout(LIMIT).unwrap();
        let mut answer = [0; 8];
        memory.read(16, &mut answer).unwrap();
        assert_eq!(u64::from_ne_bytes(answer), round + 1);
    }
    helper.kill();
}

/// Role: answers each ping with a pong, and the number with the next one.
pub(crate) fn ping_pong(role: &mut Role) {
    let name = role.argument(0);
    let memory = procsync::SharedMemory::attach(name).expect("it is there");
    let ping = Event::attach(&format!("{name}-ping")).expect("it is there");
    let pong = Event::attach(&format!("{name}-pong")).expect("it is there");
    role.say("attached");
    loop {
        ping.wait_timeout(LIMIT).expect("a ping comes");
        let mut number = [0; 8];
        memory.read(8, &mut number).expect("in bounds");
        let next = u64::from_ne_bytes(number) + 1;
        memory.write(16, &next.to_ne_bytes()).expect("in bounds");
        pong.set().expect("it is set");
    }
}
