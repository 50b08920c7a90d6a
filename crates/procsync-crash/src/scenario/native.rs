//! The system's own semaphores with their ledger. What was asked of the system and what is recorded are
//! two steps, so at some points a unit is gone with the victim. Then the ledger must say that it is in
//! doubt, and `post_doubtful` must bring it back; at all others who waits is inside by itself. There are
//! never two units.

use super::{LONG, Scenario, USUAL, keep, opened, used};
use crate::crew::{Crew, Outcome};
use crate::object::{Kind, Object};
use crate::victim::{Operation, Victim};
use procsync::Scope;
use procsync::native::{self, NativeSemaphore};
use std::time::Duration;

const NATIVE: Scenario = Scenario { kind: Kind::Native, sample: 7, ..USUAL };
/// Those that take long.
const LONGER: Scenario = Scenario { sample: 101, ..NATIVE };

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "native: lock",
            prepare: |_, name| {
                let semaphore = ready(name);
                Box::new(|| std::mem::forget(semaphore.lock()))
            },
            check: |crew, victim| after(crew, victim, End::Held),
            ..Scenario { sample: 1, ..NATIVE }
        },
        Scenario {
            name: "native: unlock",
            prepare: |_, name| unlocks(name),
            check: |crew, victim| after(crew, victim, End::Free),
            ..Scenario { sample: 1, ..NATIVE }
        },
        Scenario {
            name: "native: unlock, one waits",
            prepare: |_, name| unlocks(name),
            begun: |crew| crew.b_waits(1),
            check: |crew, victim| waited_for(crew, victim, End::Free),
            ..NATIVE
        },
        Scenario {
            name: "native: lock and unlock within a lock",
            prepare: |_, name| {
                let semaphore = locked(name);
                Box::new(|| {
                    std::mem::forget(semaphore.lock());
                    std::mem::forget(semaphore.unlock());
                })
            },
            check: |crew, victim| {
                crew.a.expect("try", "busy")?;
                crew.b_waits(1)?;
                crew.kill(victim);
                crew.b_is_told([victim.pid(); 2])?;
                alone_then_free(crew)
            },
            ..NATIVE
        },
        Scenario {
            name: "native: lock, held by another, woken",
            prepare: |_, name| waits(name),
            begun: |crew| crew.a.expect("hold 1 2000", "held 0"),
            asleep: |crew| crew.a.expect("release", "released"),
            check: lets_b_in_behind,
            ..LONGER
        },
        Scenario {
            name: "native: lock, held by another, after a slice",
            prepare: |_, name| waits(name),
            begun: |crew| crew.a.expect("hold 1 2000", "held 0"),
            asleep: |crew| {
                // Longer than its first sleep: then it finds the unit by itself.
                std::thread::sleep(Duration::from_millis(4));
                crew.a.expect("release", "released")
            },
            check: lets_b_in_behind,
            ..LONGER
        },
        Scenario {
            name: "native: adopt from the dead, at once",
            prepare: |_, name| {
                let semaphore = ready(name);
                Box::new(|| std::mem::forget(semaphore.try_lock()))
            },
            begun: one_dies_while_b_waits,
            check: |crew, victim| waited_for(crew, victim, End::Held),
            ..LONGER
        },
        Scenario {
            name: "native: adopt from the dead, waiting",
            prepare: |_, name| waits(name),
            begun: one_dies_while_b_waits,
            check: |crew, victim| waited_for(crew, victim, End::Held),
            ..LONGER
        },
        Scenario {
            name: "native: reap what a dead one held",
            prepare: |_, name| {
                let semaphore = ready(name);
                Box::new(|| std::mem::forget(semaphore.reap()))
            },
            begun: |crew| {
                crew.holds_and_can_die(1)?;
                crew.dies();
                Ok(())
            },
            check: |crew, victim| after(crew, victim, End::Free),
            ..LONGER
        },
        Scenario {
            name: "native: post doubtful",
            set_up: |crew| {
                crew.open_both()?;
                // Nobody has to wait for the ledger's lines.
                crew.a.expect("settle", "0")
            },
            prepare: |_, name| {
                let semaphore = ready(name);
                Box::new(|| std::mem::forget(semaphore.post_doubtful()))
            },
            begun: |crew| {
                let kind = std::mem::replace(&mut crew.kind, Kind::Stranger);
                let held = crew.holds_and_can_die(1);
                crew.kind = kind;
                held?;
                crew.dies();
                Ok(())
            },
            check: |crew, victim| {
                crew.kill(victim);
                // Whatever the victim came to, one is missing or none.
                let given = crew.a.ask("settle")?;
                crew.doubtful = match given.as_str() {
                    "0" => false,
                    "1" => true,
                    other => return Err(format!("\"settle\" was answered by {other:?}")),
                };
                if crew.ended && crew.doubtful {
                    return Err("it was posted for already".to_owned());
                }
                crew.b.expect("hold 1 2000", "held 0")?;
                alone_then_free(crew)
            },
            ..LONGER
        },
        Scenario {
            name: "native: open, make",
            set_up: |_| Ok(()),
            before: |crew| {
                native::unlink(&crew.name, Scope::User).map(drop).map_err(|error| error.to_string())
            },
            prepare: |kind, name| {
                let name = name.to_owned();
                Box::new(move || {
                    opened(kind, &name);
                })
            },
            check: opens_anew,
            ..LONGER
        },
        Scenario {
            name: "native: close",
            prepare: |_, name| {
                let semaphore = ready(name);
                Box::new(|| std::mem::forget(semaphore.close()))
            },
            check: |crew, victim| after(crew, victim, End::Free),
            ..LONGER
        },
        Scenario {
            name: "native: unlink",
            set_up: |_| Ok(()),
            prepare: |_, name| {
                let semaphore = ready(name);
                semaphore.close().expect("it closes");
                Box::new(|| std::mem::forget(semaphore.unlink()))
            },
            check: opens_anew,
            ..LONGER
        },
    ]
}

fn semaphore(object: &'static Object) -> &'static NativeSemaphore {
    match object {
        Object::Native(semaphore) => semaphore,
        _ => unreachable!("it is one"),
    }
}

/// The thread is known to the ledger: the first time costs more.
fn ready(name: &str) -> &'static NativeSemaphore {
    semaphore(used(Kind::Native, name))
}

fn locked(name: &str) -> &'static NativeSemaphore {
    let object = used(Kind::Native, name);
    keep(object.hold(1, None).expect("it is free"));
    semaphore(object)
}

fn unlocks(name: &str) -> Operation {
    let semaphore = locked(name);
    Box::new(|| std::mem::forget(semaphore.unlock()))
}

fn waits(name: &str) -> Operation {
    let semaphore = ready(name);
    Box::new(|| std::mem::forget(semaphore.lock_for(LONG)))
}

/// A held it when the victim came, and let go when the victim slept. B comes behind it: earlier, it
/// could be faster than one that goes on at a thousandth of its speed, which then took another way.
fn lets_b_in_behind(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    if !crew.slept {
        crew.a.expect("release", "released")?;
    }
    crew.b_waits(1)?;
    waited_for(crew, victim, End::Held)
}

fn one_dies_while_b_waits(crew: &mut Crew) -> Outcome {
    crew.holds_and_can_die(1)?;
    crew.b_waits(1)?;
    crew.stop_b();
    crew.dies();
    Ok(())
}

/// What the victim has when its operation is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Held,
    Free,
}

/// B does not wait yet. While the victim is only stopped, what it has is its own.
fn after(crew: &mut Crew, victim: &mut Victim, end: End) -> Outcome {
    match crew.a.ask("try")?.as_str() {
        "busy" => crew.b_waits(1)?,
        // Free, or another dead one's.
        held if held.starts_with("held ") => {
            crew.a.expect("release", "released")?;
            if end == End::Held && crew.ended {
                return Err("it is locked and free at once".to_owned());
            }
            crew.kill(victim);
            crew.b.tell("hold 1 6000")?;
            return let_in(crew, 0);
        }
        other => return Err(format!("while the victim is only stopped, another hears {other:?}")),
    }
    if end == End::Free && crew.ended {
        return Err("it is let go and held at once".to_owned());
    }
    waited_for(crew, victim, end)
}

/// B waits already.
fn waited_for(crew: &mut Crew, victim: &mut Victim, end: End) -> Outcome {
    crew.kill(victim);
    let doubts = crew.a.ask("doubts")?;
    if doubts != "0" {
        // B may be inside by now; then nothing is missing.
        crew.doubtful = match crew.a.ask("settle")?.as_str() {
            "0" => false,
            "1" => true,
            other => return Err(format!("\"settle\" was answered by {other:?}")),
        };
        crew.time_counts();
    }
    if crew.ended && crew.doubtful {
        return Err("it was done, and yet in doubt".to_owned());
    }
    let dead = if crew.ended && end == End::Held { victim.pid() } else { 0 };
    let_in(crew, if dead == 0 { victim.pid() } else { dead })
}

/// B is let in, told of the death of the victim, or of the one before it, or of none.
fn let_in(crew: &mut Crew, victim: u32) -> Outcome {
    let answer = crew.b_is_let_in()?;
    let right = [0, victim, crew.dead].iter().any(|pid| answer == format!("held {pid}"));
    if !right {
        return Err(format!("who waited heard {answer:?}; {victim} and {} died", crew.dead));
    }
    alone_then_free(crew)
}

/// And there is one unit, not two.
fn alone_then_free(crew: &mut Crew) -> Outcome {
    crew.b_is_alone_then_it_is_free()?;
    crew.a.expect("count", "1")?;
    crew.a.expect("doubts", "0")
}

/// Whatever is there, two who open it now have the same one, and nothing of another stays for long.
fn opens_anew(crew: &mut Crew, victim: &mut Victim) -> Outcome {
    crew.kill(victim);
    crew.open_both()?;
    crew.b.expect("hold 1 2000", "held 0")?;
    alone_then_free(crew)?;
    crew.a.expect("close", "closed")?;
    crew.b.expect("close", "closed")?;
    procsync::inspect::reap(Scope::User).map_err(|error| error.to_string())?;
    let ledgers = procsync::inspect::list(Scope::User).map_err(|error| error.to_string())?;
    let ours = ledgers.iter().flatten().filter(|seen| seen.name.as_str() == crew.name).count();
    if ours == 1 { Ok(()) } else { Err(format!("{ours} ledgers of one name")) }
}
