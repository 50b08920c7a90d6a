//! The operations, each with what has to be right wherever it is killed.

mod lifetime;
mod locks;
mod native;
mod permits;
mod signals;

use crate::crew::{Crew, Outcome};
use crate::object::{Held, Kind, Object};
use crate::victim::{Operation, Victim};
use std::time::Duration;

/// An operation and what is around it.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Every so many of its points are tried in a sample. Primes, so that they fall in step with no
    /// loop.
    pub(crate) sample: u64,
    /// Once, when the crew is new.
    pub(crate) set_up: fn(&mut Crew) -> Outcome,
    /// Before the victim is made ready, each time.
    pub(crate) before: fn(&mut Crew) -> Outcome,
    /// What the victim makes ready, and then does.
    pub(crate) prepare: fn(Kind, &str) -> Operation,
    /// Once the victim is stopped just before the operation.
    pub(crate) begun: fn(&mut Crew) -> Outcome,
    /// Once the victim sleeps in the middle of the operation.
    pub(crate) asleep: fn(&mut Crew) -> Outcome,
    /// The victim is stopped at the point; this kills it and looks what is left.
    pub(crate) check: fn(&mut Crew, &mut Victim) -> Outcome,
}

/// What most have.
const USUAL: Scenario = Scenario {
    name: "",
    kind: Kind::Mutex,
    sample: 41,
    set_up: Crew::open_both,
    before: nothing,
    prepare: |_, _| Box::new(|| ()),
    begun: nothing,
    asleep: nothing,
    check: |_, _| Ok(()),
};

fn nothing(_crew: &mut Crew) -> Outcome {
    Ok(())
}

/// All of them.
pub(crate) fn all() -> Vec<Scenario> {
    [locks::all(), permits::all(), signals::all(), lifetime::all(), native::all()].concat()
}

/// In a victim: opens the object for as long as the process lasts, which is not long.
fn opened(kind: Kind, name: &str) -> &'static Object {
    Box::leak(Box::new(Object::open(kind, name).expect("it opens")))
}

/// As `opened`, and has the thread known to the object: the first time costs more.
fn used(kind: Kind, name: &str) -> &'static Object {
    let object = opened(kind, name);
    drop(object.hold(1, None).expect("it is free"));
    object
}

/// What is held is kept until the process dies.
fn keep(held: Held<'_>) {
    std::mem::forget(held);
}

const LONG: Duration = Duration::from_secs(20);
