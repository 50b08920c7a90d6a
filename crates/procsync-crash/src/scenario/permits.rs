//! Several permits at once, of a semaphore that has three.

use super::{Scenario, USUAL, opened};
use crate::crew::{Crew, Outcome};
use crate::object::{Held, Kind, Object};
use crate::victim::Victim;

const PERMITS: Scenario = Scenario { kind: Kind::Permits, ..USUAL };

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "permits: acquire two of three",
            prepare: |kind, name| {
                let object = ready(kind, name);
                Box::new(|| std::mem::forget(object.hold(2, None)))
            },
            check: some_or_none,
            ..PERMITS
        },
        Scenario {
            name: "permits: acquire two, one is free, woken",
            prepare: |kind, name| {
                let object = ready(kind, name);
                Box::new(|| std::mem::forget(object.hold(2, None)))
            },
            begun: |crew| crew.a.expect("hold 2 2000", "held 0"),
            asleep: |crew| {
                crew.b_waits_behind()?;
                crew.a.expect("release", "released")
            },
            check: woken,
            ..PERMITS
        },
        Scenario {
            name: "permits: release three, one sleeps for two",
            prepare: |kind, name| {
                let held: Held<'static> = ready(kind, name).hold(3, None).expect("they are free");
                Box::new(move || drop(held))
            },
            begun: |crew| crew.b_waits(2),
            check: |crew, victim| {
                crew.kill(victim);
                crew.b_is_told([0, victim.pid()])?;
                counts(crew, 1)?;
                crew.b.expect("release", "released")?;
                counts(crew, 3)
            },
            ..PERMITS
        },
        Scenario {
            name: "permits: acquire from the dead, waiting",
            prepare: |kind, name| {
                let object = ready(kind, name);
                Box::new(|| std::mem::forget(object.hold(1, None)))
            },
            begun: |crew| {
                crew.holds_and_can_die(3)?;
                crew.b_waits(1)?;
                crew.stop_b();
                crew.dies();
                Ok(())
            },
            check: |crew, victim| {
                crew.kill(victim);
                crew.b_is_told([crew.dead, victim.pid()])?;
                counts(crew, 2)?;
                crew.b.expect("release", "released")?;
                counts(crew, 3)?;
                // Whoever takes the others is told too, once.
                crew.b.tell("hold 3 2000")?;
                crew.b_is_told([crew.dead, victim.pid()])?;
                crew.b.expect("release", "released")?;
                crew.b.expect("hold 3 2000", "held 0")?;
                crew.b.expect("release", "released")
            },
            ..PERMITS
        },
    ]
}

/// The thread is known to the object: the first time costs more.
fn ready(kind: Kind, name: &str) -> &'static Object {
    let object = opened(kind, name);
    drop(object.hold(2, None).expect("they are free"));
    object
}

fn counts(crew: &mut Crew, right: u64) -> Outcome {
    crew.a.expect("count", &right.to_string())
}

/// B can have all of them: then all are there, and afterwards all are free.
fn b_has_all_then_all_are_free(crew: &mut Crew) -> Outcome {
    counts(crew, 0)?;
    crew.a.expect("try", "busy")?;
    crew.b.expect("release", "released")?;
    counts(crew, 3)
}

fn some_or_none(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    let free = crew.count()?;
    if !(1..=3).contains(&free) {
        return Err(format!("{free} of three are free, and one takes two"));
    }
    if free < 3 {
        crew.b_waits(3)?;
    }
    crew.kill(victim);
    if free == 3 {
        crew.b.tell("hold 3 6000")?;
    }
    // Told of the death if the dead one had any, and only then.
    crew.b_is_told([if free == 3 { 0 } else { victim.pid() }; 2])?;
    b_has_all_then_all_are_free(crew)
}

fn woken(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    if !crew.slept {
        crew.b_waits(3)?;
    }
    crew.kill(victim);
    if !crew.slept {
        crew.a.expect("release", "released")?;
    }
    crew.b_is_told([if crew.ended { victim.pid() } else { 0 }, victim.pid()])?;
    b_has_all_then_all_are_free(crew)
}
