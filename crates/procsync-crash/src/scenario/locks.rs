//! What one holds at a time: the mutexes, and a semaphore of one permit.

use super::{LONG, Scenario, USUAL, keep, opened, used};
use crate::crew::{Crew, Outcome};
use crate::object::{Kind, Object};
use crate::victim::Victim;
use procsync::{Permit, Semaphore};
use std::time::Duration;

const KINDS: [(Kind, [&str; 7]); 4] = [
    (
        Kind::Mutex,
        [
            "mutex: acquire",
            "mutex: release",
            "mutex: release, one sleeps",
            "mutex: acquire, held by another, woken",
            "mutex: acquire, held by another, gives up",
            "mutex: acquire from the dead, waiting",
            "mutex: acquire from the dead, at once",
        ],
    ),
    (
        Kind::Permit,
        [
            "permit: acquire",
            "permit: release",
            "permit: release, one sleeps",
            "permit: acquire, held by another, woken",
            "permit: acquire, held by another, gives up",
            "permit: acquire from the dead, waiting",
            "permit: acquire from the dead, at once",
        ],
    ),
    (
        Kind::ProcessMutex,
        [
            "mutex of a process: acquire",
            "mutex of a process: release",
            "mutex of a process: release, one sleeps",
            "mutex of a process: acquire, held by another, woken",
            "mutex of a process: acquire, held by another, gives up",
            "mutex of a process: acquire from the dead, waiting",
            "mutex of a process: acquire from the dead, at once",
        ],
    ),
    (
        Kind::Reentrant,
        [
            "reentrant mutex: acquire",
            "reentrant mutex: release",
            "reentrant mutex: release, one sleeps",
            "reentrant mutex: acquire, held by another, woken",
            "reentrant mutex: acquire, held by another, gives up",
            "reentrant mutex: acquire from the dead, waiting",
            "reentrant mutex: acquire from the dead, at once",
        ],
    ),
];

pub(super) fn all() -> Vec<Scenario> {
    let mut all: Vec<Scenario> = KINDS.into_iter().flat_map(of_kind).collect();
    all.push(Scenario {
        name: "mutex: a thread's first acquire, in a dead one's slot",
        kind: Kind::Tight,
        set_up: |crew| {
            crew.open_both()?;
            // Each has its slots, and two are left.
            crew.a.expect("try", "held 0")?;
            crew.a.expect("release", "released")?;
            crew.b.expect("try", "held 0")?;
            crew.b.expect("release", "released")
        },
        before: a_holder_dies_while_b_waits,
        prepare: |kind, name| {
            let object = opened(kind, name);
            Box::new(|| keep(object.hold(1, None).expect("it comes free")))
        },
        check: b_hears_of_a_death,
        ..USUAL
    });
    all
}

fn of_kind((kind, names): (Kind, [&'static str; 7])) -> [Scenario; 7] {
    let usual = Scenario { kind, ..USUAL };
    let sample = if matches!(kind, Kind::Mutex | Kind::Permit) { 1 } else { usual.sample };
    let whole = Scenario { sample, ..usual };
    [
        Scenario {
            name: names[0],
            prepare: |kind, name| acquires(used(kind, name)),
            check: free_or_held,
            ..whole
        },
        Scenario {
            name: names[1],
            prepare: |kind, name| releases(used(kind, name)),
            check: free_or_held,
            ..whole
        },
        Scenario {
            name: names[2],
            prepare: |kind, name| releases(used(kind, name)),
            begun: |crew| crew.b_waits(1),
            check: released_or_held,
            ..whole
        },
        Scenario {
            name: names[3],
            // Before A holds it, so that the victim can be made ready.
            prepare: |kind, name| waits(used(kind, name), None),
            begun: a_holds,
            asleep: |crew| {
                crew.b_waits_behind()?;
                crew.a.expect("release", "released")
            },
            check: woken,
            ..usual
        },
        Scenario {
            name: names[4],
            prepare: |kind, name| waits(used(kind, name), Some(Duration::from_millis(3))),
            begun: |crew| {
                a_holds(crew)?;
                crew.b_waits(1)
            },
            check: |crew, victim| {
                crew.kill(victim);
                crew.a.expect("release", "released")?;
                crew.b_is_told([0, 0])?;
                crew.b_is_alone_then_it_is_free()
            },
            ..usual
        },
        Scenario {
            name: names[5],
            prepare: |kind, name| waits(used(kind, name), Some(LONG)),
            begun: a_holder_dies_while_b_waits,
            check: b_hears_of_a_death,
            ..usual
        },
        Scenario {
            name: names[6],
            prepare: |kind, name| {
                let object = used(kind, name);
                Box::new(|| keep(object.try_hold().expect("no error").expect("it was the dead's")))
            },
            begun: a_holder_dies_while_b_waits,
            check: b_hears_of_a_death,
            ..usual
        },
    ]
}

type Operation = crate::victim::Operation;

/// By each object's own function, as a program would call it.
fn acquires(object: &'static Object) -> Operation {
    match object {
        Object::Mutex(mutex) => Box::new(|| std::mem::forget(mutex.lock())),
        Object::Reentrant(mutex) => Box::new(|| std::mem::forget(mutex.lock())),
        Object::Semaphore(semaphore) => Box::new(|| std::mem::forget(semaphore.acquire())),
        _ => unreachable!("these do not exclude"),
    }
}

fn releases(object: &'static Object) -> Operation {
    match object {
        Object::Mutex(mutex) => {
            let guard = mutex.lock().expect("it is free");
            Box::new(move || drop(guard))
        }
        Object::Reentrant(mutex) => {
            let guard = mutex.lock().expect("it is free");
            Box::new(move || drop(guard))
        }
        Object::Semaphore(semaphore) => {
            let permit = one(semaphore);
            Box::new(move || drop(permit))
        }
        _ => unreachable!("these do not exclude"),
    }
}

fn one(semaphore: &'static Semaphore) -> Permit<'static> {
    semaphore.acquire().expect("it is free")
}

fn waits(object: &'static Object, time: Option<Duration>) -> Operation {
    Box::new(move || {
        if let Ok(held) = object.hold(1, time) {
            keep(held);
        }
    })
}

fn a_holds(crew: &mut Crew) -> Outcome {
    crew.slept = false;
    crew.a.expect("hold 1 2000", "held 0")
}

/// B waits, but is stopped, so that it cannot be the one who finds out.
fn a_holder_dies_while_b_waits(crew: &mut Crew) -> Outcome {
    crew.holds_and_can_die(1)?;
    crew.b_waits(1)?;
    crew.stop_b();
    crew.dies();
    Ok(())
}

/// The operation took it or gave it back at one instruction: before that it was free (or held),
/// afterwards it is the other. Nobody waited when it began.
fn free_or_held(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    let free = match crew.a.ask("try")?.as_str() {
        "held 0" => {
            crew.a.expect("release", "released")?;
            true
        }
        // The victim is stopped, not dead.
        "busy" => false,
        other => return Err(format!("while the victim is only stopped, another hears {other:?}")),
    };
    if !free {
        crew.b_waits(1)?;
    }
    crew.kill(victim);
    if free {
        crew.b.tell("hold 1 6000")?;
    }
    // Told of the death if the dead one had it, and only then.
    crew.b_is_told([if free { 0 } else { victim.pid() }; 2])?;
    crew.b_is_alone_then_it_is_free()
}

/// B slept when it began.
fn released_or_held(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    // Every other time a third one comes in between, if the victim has let go and B is not in yet.
    let stolen = crew.turn % 2 == 1 && crew.a.ask("try")? == "held 0";
    if stolen {
        crew.a.expect("release", "released")?;
    }
    crew.kill(victim);
    crew.b_is_told([0, if stolen || crew.ended { 0 } else { victim.pid() }])?;
    crew.b_is_alone_then_it_is_free()
}

/// A held it when the victim came, and let go when the victim slept. B sleeps behind it.
fn woken(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    if !crew.slept {
        crew.b_waits(1)?;
    }
    crew.kill(victim);
    if !crew.slept {
        crew.a.expect("release", "released")?;
    }
    crew.b_is_told([if crew.ended { victim.pid() } else { 0 }, victim.pid()])?;
    crew.b_is_alone_then_it_is_free()
}

/// One died before the victim did, and nobody has been told of it yet who lives.
fn b_hears_of_a_death(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    crew.kill(victim);
    crew.b_is_told([if crew.ended { victim.pid() } else { crew.dead }, victim.pid()])?;
    crew.b_is_alone_then_it_is_free()
}
