//! How objects come to be, are found, and go: thousands of instructions each.

use super::{Scenario, USUAL, nothing, opened};
use crate::crew::{Crew, Outcome};
use crate::object::{FRESH, Kind, Object};
use crate::victim::{Operation, Victim};
use procsync::Scope;

/// Nobody has it open but who opens it.
const ALONE: Scenario = Scenario { set_up: nothing, sample: 251, ..USUAL };
const MEMORY: Scenario = Scenario { kind: Kind::Memory, ..ALONE };

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario { name: "mutex: create", prepare: opens, check: as_new, ..ALONE },
        Scenario {
            name: "mutex: attach",
            before: a_has_changed_it,
            prepare: opens,
            check: as_a_has_it,
            ..ALONE
        },
        Scenario { name: "mutex: detach, the last one", prepare: leaves, check: as_new, ..ALONE },
        Scenario {
            name: "mutex: detach, not the last one",
            before: a_has_changed_it,
            prepare: leaves,
            check: as_a_has_it,
            ..ALONE
        },
        Scenario {
            name: "mutex: open what a dead one left",
            before: one_dies_with_it,
            prepare: opens,
            check: as_new,
            ..ALONE
        },
        Scenario {
            name: "mutex: remove",
            before: |crew| crew.a.expect(&format!("make {}", crew.name), "made"),
            prepare: removes,
            check: there_or_gone,
            ..ALONE
        },
        Scenario {
            name: "mutex: remove, in use",
            before: |crew| {
                crew.a.expect(&format!("make {}", crew.name), "made")?;
                a_has_changed_it(crew)
            },
            prepare: removes,
            check: |crew, victim| {
                b_and_a_use_it(crew, victim)?;
                crew.a.expect("close", "closed")?;
                // It may still be meant to stay, if the word that it is not came too late.
                let removed = crew.b.ask(&format!("remove {}", crew.name))?;
                if !matches!(removed.as_str(), "removed" | "none") {
                    return Err(format!("it was to be removed: {removed}"));
                }
                crew.nothing_is_left()
            },
            ..ALONE
        },
        Scenario { name: "memory: create", prepare: opens, check: memory_as_new, ..MEMORY },
        Scenario {
            name: "memory: attach",
            before: |crew| {
                crew.open_a()?;
                crew.a.expect("give", "given")
            },
            prepare: opens,
            check: |crew, victim| {
                crew.kill(victim);
                crew.open_b()?;
                crew.b.expect("count", "1")?;
                crew.b.expect("close", "closed")?;
                crew.a.expect("count", "1")?;
                crew.a.expect("close", "closed")?;
                crew.nothing_is_left()
            },
            ..MEMORY
        },
        Scenario {
            name: "memory: detach, the last one",
            prepare: leaves,
            check: memory_as_new,
            ..MEMORY
        },
        Scenario {
            name: "memory: open what a dead one left",
            before: one_dies_with_it,
            prepare: opens,
            check: memory_as_new,
            ..MEMORY
        },
    ]
}

fn opens(kind: Kind, name: &str) -> Operation {
    let name = name.to_owned();
    Box::new(move || {
        opened(kind, &name);
    })
}

fn leaves(kind: Kind, name: &str) -> Operation {
    let object = Object::open(kind, name).expect("it opens");
    if kind == Kind::Memory {
        object.give().expect("in bounds");
    } else {
        drop(object.hold(1, None).expect("it is free"));
    }
    Box::new(move || drop(object))
}

fn removes(_kind: Kind, name: &str) -> Operation {
    let name = name.to_owned();
    Box::new(move || {
        let _ = procsync::remove(&name, Scope::User).expect("it can be removed");
    })
}

fn a_has_changed_it(crew: &mut Crew) -> Outcome {
    crew.open_a()?;
    crew.a.expect("hold 1 2000", "held 0")?;
    crew.a.expect("put", &changed())?;
    crew.a.expect("release", "released")
}

fn changed() -> String {
    (FRESH + 1).to_string()
}

/// In the middle of using it.
fn one_dies_with_it(crew: &mut Crew) -> Outcome {
    crew.holds_and_can_die(1)?;
    crew.dies();
    Ok(())
}

/// The name is usable at once, and what it leads to is new: nobody was there who lives.
fn as_new(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    // Every other time somebody comes while the victim is still there, and may have to wait.
    let early = crew.turn % 2 == 1;
    let open = crew.open_order();
    if early {
        crew.b.tell(&open)?;
    }
    crew.kill(victim);
    let opened = if early { crew.b.hear()? } else { crew.b.ask(&open)? };
    if opened != "open" {
        return Err(format!("the name is not usable: {opened}"));
    }
    crew.b.expect("hold 1 2000", "held 0")?;
    crew.b.expect("get", &FRESH.to_string())?;
    crew.open_a()?;
    crew.b_is_alone_then_it_is_free()?;
    crew.a.expect("close", "closed")?;
    crew.b.expect("close", "closed")?;
    crew.nothing_is_left()
}

/// A has it open all the time, and has changed it: B finds the same one.
fn b_and_a_use_it(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    crew.kill(victim);
    crew.open_b()?;
    crew.b.expect("hold 1 2000", "held 0")?;
    crew.b.expect("get", &changed())?;
    crew.b_is_alone_then_it_is_free()?;
    crew.b.expect("close", "closed")?;
    crew.a.expect("hold 1 2000", "held 0")?;
    crew.a.expect("get", &changed())?;
    crew.a.expect("release", "released")
}

fn as_a_has_it(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    b_and_a_use_it(crew, victim)?;
    crew.a.expect("close", "closed")?;
    crew.nothing_is_left()
}

/// It was to stay, and to be removed.
fn there_or_gone(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    crew.kill(victim);
    if crew.turn % 2 == 1 {
        // Whole, or made anew.
        crew.open_b()?;
        crew.b.expect("hold 1 2000", "held 0")?;
        crew.b.expect("get", &FRESH.to_string())?;
        crew.b.expect("close", "closed")?;
    }
    let removed = crew.b.ask(&format!("remove {}", crew.name))?;
    if !matches!(removed.as_str(), "removed" | "none") {
        return Err(format!("it was to be removed: {removed}"));
    }
    crew.nothing_is_left()
}

fn memory_as_new(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    crew.kill(victim);
    crew.open_b()?;
    crew.b.expect("count", "0")?;
    crew.b.expect("give", "given")?;
    crew.open_a()?;
    crew.a.expect("count", "1")?;
    crew.a.expect("close", "closed")?;
    crew.b.expect("close", "closed")?;
    crew.nothing_is_left()
}
