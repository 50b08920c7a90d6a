//! `TokenSemaphore`: tokens that nobody owns.

use crate::child::{Helper, Role};
use crate::support::{LIMIT, eventually, joined, name, waiters};
use procsync::{Error, TokenSemaphore};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(30);

#[test]
fn tokens_are_counted() {
    let name = name("count");
    let tokens = TokenSemaphore::create(&name, 2).unwrap();
    // What is there already keeps its count.
    let again = TokenSemaphore::open(&name, 7).unwrap();
    assert_eq!((tokens.value(), again.value()), (2, 2));
    tokens.wait().unwrap();
    assert!(again.try_wait().unwrap());
    assert!(!tokens.try_wait().unwrap());
    again.post(3).unwrap();
    again.post(0).unwrap();
    assert_eq!(tokens.value(), 3);
    tokens.wait_timeout(Duration::ZERO).unwrap();
    tokens.wait_deadline(Instant::now()).unwrap();
    assert_eq!(again.value(), 1);
}

#[test]
fn too_many_tokens_change_nothing() {
    let name = name("overflow");
    let tokens = TokenSemaphore::create(&name, u32::MAX - 1).unwrap();
    let refused = tokens.post(2);
    let Err(Error::Overflow { count: 2, limit: u32::MAX, .. }) = refused else { panic!() };
    assert_eq!(tokens.value(), u32::MAX - 1);
    tokens.post(1).unwrap();
    assert_eq!(tokens.value(), u32::MAX);
    assert!(matches!(tokens.post(1), Err(Error::Overflow { .. })));
    assert!(matches!(tokens.post(u32::MAX), Err(Error::Overflow { .. })));
    tokens.post(0).unwrap();
    tokens.wait().unwrap();
    assert_eq!(tokens.value(), u32::MAX - 1);
}

#[test]
fn a_wait_ends_at_its_deadline() {
    let tokens = TokenSemaphore::open(&name("deadline"), 0).unwrap();
    let began = Instant::now();
    let Err(Error::TimedOut { waited, holder: None, .. }) = tokens.wait_timeout(SHORT) else {
        panic!("nobody posts")
    };
    assert!(began.elapsed() >= SHORT && waited >= SHORT);
    let deadline = Instant::now() + SHORT;
    assert!(matches!(tokens.wait_deadline(deadline), Err(Error::TimedOut { .. })));
    assert!(Instant::now() >= deadline);
    assert!(matches!(tokens.wait_timeout(Duration::ZERO), Err(Error::TimedOut { .. })));
    assert_eq!(tokens.value(), 0);
}

#[test]
fn quick_posts_wake_as_many_sleepers() {
    let name = name("quick");
    let tokens = TokenSemaphore::open(&name, 0).unwrap();
    let mut sleepers: Vec<_> = (0..4).map(|_| Helper::start("take-token", &[&name])).collect();
    for round in 0..20 {
        for sleeper in &mut sleepers {
            sleeper.tell("take");
        }
        eventually("all sleep", || waiters(&name) == 4);
        match round % 3 {
            // One after the other: the second must not rely on the first one's wake.
            0 => (0..4).for_each(|_| tokens.post(1).unwrap()),
            1 => tokens.post(4).unwrap(),
            _ => (0..2).for_each(|_| tokens.post(2).unwrap()),
        }
        for sleeper in &mut sleepers {
            assert_eq!(sleeper.hear(), "took");
        }
        assert_eq!(tokens.value(), 0);
    }
    sleepers.into_iter().for_each(Helper::finish);
}

/// Role: takes a token each time it is told.
pub(crate) fn take_token(role: &mut Role) {
    let tokens = TokenSemaphore::attach(role.argument(0)).expect("it is there");
    while role.hear().is_some() {
        tokens.wait_timeout(LIMIT).expect("a token comes");
        role.say("took");
    }
}

#[test]
fn what_is_made_is_taken_once() {
    let tokens = Arc::new(TokenSemaphore::open(&name("once"), 0).unwrap());
    let spawn = |work: fn(&TokenSemaphore)| {
        let tokens = tokens.clone();
        std::thread::spawn(move || work(&tokens))
    };
    let takers: Vec<_> = (0..4)
        .map(|_| spawn(|tokens| (0..5_000).for_each(|_| tokens.wait_timeout(LIMIT).unwrap())))
        .collect();
    let makers: Vec<_> = (0..2)
        .map(|_| spawn(|tokens| (0..2_500).for_each(|round| tokens.post(1 + round % 7).unwrap())))
        .collect();
    makers.into_iter().for_each(joined);
    let made: u32 = 2 * (0..2_500).map(|round| 1 + round % 7).sum::<u32>();
    tokens.post(20_000 - made).unwrap();
    takers.into_iter().for_each(joined);
    assert_eq!(tokens.value(), 0);
}

#[test]
fn tokens_of_the_dead_do_not_come_back() {
    let name = name("dead");
    let tokens = TokenSemaphore::open(&name, 2).unwrap();
    let mut helper = Helper::start("take-token", &[&name]);
    assert_eq!(helper.ask("take"), "took");
    helper.kill();
    assert_eq!(tokens.value(), 1);
    tokens.wait().unwrap();
    assert!(!tokens.try_wait().unwrap());
}
