//! What nobody owns: tokens and events. What a dead one was just giving or taking may be gone with
//! it; anything else may not.

use super::{Scenario, USUAL, opened};
use crate::crew::{Crew, Outcome};
use crate::object::{Kind, Object};
use crate::victim::{Operation, Victim};
use procsync::Event;

const TOKENS: Scenario = Scenario { kind: Kind::Tokens, before: none_is_there, ..USUAL };
const MANUAL: Scenario = Scenario { kind: Kind::Manual, before: none_is_there, ..USUAL };
const AUTO: Scenario = Scenario { kind: Kind::Auto, before: none_is_there, ..USUAL };

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario { name: "tokens: post", prepare: gives, check: one_or_none, ..TOKENS },
        Scenario {
            name: "tokens: post, one sleeps",
            prepare: gives,
            begun: |crew| crew.b_waits(1),
            check: b_gets_this_or_the_next,
            ..TOKENS
        },
        Scenario {
            name: "tokens: wait",
            before: |crew| {
                none_is_there(crew)?;
                crew.a.expect("give", "given")?;
                crew.a.expect("give", "given")
            },
            prepare: takes,
            check: |crew, victim| {
                crew.kill(victim);
                let left = crew.count()?;
                if !(1..=2).contains(&left) {
                    return Err(format!("{left} of two are there, and one was taken at most"));
                }
                crew.b.expect("hold 1 2000", "held 0")?;
                counts(crew, left - 1)
            },
            ..TOKENS
        },
        Scenario {
            name: "tokens: wait, woken",
            prepare: takes,
            asleep: b_sleeps_and_a_gives,
            check: woken,
            ..TOKENS
        },
        Scenario {
            name: "event, manual: set, one sleeps",
            prepare: gives,
            begun: |crew| crew.b_waits(1),
            check: b_gets_this_or_the_next,
            ..MANUAL
        },
        Scenario {
            name: "event, manual: clear",
            before: |crew| crew.a.expect("give", "given"),
            prepare: |kind, name| match opened(kind, name) {
                Object::Event(event) => Box::new(|| Event::clear(event).expect("it is cleared")),
                _ => unreachable!("it is an event"),
            },
            check: |crew, victim| {
                crew.kill(victim);
                crew.a.expect("give", "given")?;
                crew.b.expect("hold 1 2000", "held 0")?;
                none_is_there(crew)
            },
            ..MANUAL
        },
        Scenario {
            name: "event, manual: wait",
            before: |crew| crew.a.expect("give", "given"),
            prepare: takes,
            check: stays_set,
            ..MANUAL
        },
        Scenario {
            name: "event, manual: wait, woken",
            prepare: takes,
            asleep: b_sleeps_and_a_gives,
            check: |crew, victim| {
                if !crew.slept {
                    b_sleeps_and_a_gives(crew)?;
                }
                crew.kill(victim);
                crew.b_is_let_in()?;
                counts(crew, 1)
            },
            ..MANUAL
        },
        Scenario {
            name: "event, auto: set, one sleeps",
            prepare: gives,
            begun: |crew| crew.b_waits(1),
            check: b_gets_this_or_the_next,
            ..AUTO
        },
        Scenario {
            name: "event, auto: wait",
            before: |crew| crew.a.expect("give", "given"),
            prepare: takes,
            check: |crew, victim| {
                crew.kill(victim);
                crew.a.expect("give", "given")?;
                // Set once or twice, it lets one go on.
                crew.b.expect("hold 1 2000", "held 0")?;
                crew.a.expect("try", "busy")
            },
            ..AUTO
        },
        Scenario {
            name: "event, auto: wait, woken",
            prepare: takes,
            asleep: b_sleeps_and_a_gives,
            check: woken,
            ..AUTO
        },
    ]
}

fn gives(kind: Kind, name: &str) -> Operation {
    match opened(kind, name) {
        Object::Tokens(tokens) => Box::new(|| tokens.post(1).expect("there is room")),
        Object::Event(event) => Box::new(|| event.set().expect("it is set")),
        _ => unreachable!("somebody owns it"),
    }
}

fn takes(kind: Kind, name: &str) -> Operation {
    match opened(kind, name) {
        Object::Tokens(tokens) => Box::new(|| tokens.wait().expect("one comes")),
        Object::Event(event) => Box::new(|| event.wait().expect("it is set some time")),
        _ => unreachable!("somebody owns it"),
    }
}

/// Takes what was left at the point before.
fn none_is_there(crew: &mut Crew) -> Outcome {
    if crew.kind != Kind::Tokens {
        crew.a.expect("clear", "clear")?;
    }
    for _ in 0..4 {
        match crew.a.ask("try")?.as_str() {
            "busy" => return Ok(()),
            "held 0" => {}
            other => return Err(format!("\"try\" was answered by {other:?}")),
        }
    }
    Err("there is more than anybody gave".to_owned())
}

fn counts(crew: &mut Crew, right: u64) -> Outcome {
    crew.a.expect("count", &right.to_string())
}

fn b_sleeps_and_a_gives(crew: &mut Crew) -> Outcome {
    crew.b_waits_behind()?;
    crew.a.expect("give", "given")
}

fn one_or_none(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    crew.kill(victim);
    let posted = crew.count()?;
    if posted > 1 {
        return Err(format!("one was posted, {posted} are there"));
    }
    crew.a.expect("give", "given")?;
    crew.b.expect("hold 1 2000", "held 0")?;
    counts(crew, posted)
}

/// What is there, somebody who waits gets; if it was not given any more, the next one.
fn b_gets_this_or_the_next(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    crew.kill(victim);
    let given = crew.count()?;
    if given == 0 {
        // Not given, or B has it already.
        crew.a.expect("give", "given")?;
        crew.time_counts();
    }
    crew.b_is_let_in()?;
    let left = crew.count()?;
    if left > 1 || (given == 1 && left == 1 && crew.kind != Kind::Manual) {
        return Err(format!("{left} are left over"));
    }
    Ok(())
}

/// The victim slept first, then B; one was given, which woke the victim.
fn woken(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    if !crew.slept {
        b_sleeps_and_a_gives(crew)?;
    }
    b_gets_this_or_the_next(crew, victim)
}

fn stays_set(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    crew.kill(victim);
    counts(crew, 1)?;
    crew.b.expect("hold 1 2000", "held 0")?;
    counts(crew, 1)
}
