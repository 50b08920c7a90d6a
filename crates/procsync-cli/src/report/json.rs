//! What programs read. The fields are described in `docs/cli.md` and `docs/schema.json`; they may
//! become more, but none changes its meaning.

use super::Row;
use crate::text::plain;
use procsync::inspect::{Blocker, Snapshot, State, Wait, WaitGraph};
use procsync::{Deceased, Error, Participant, Reset, Scope};
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    Object(Box<Object>),
    Damaged(Damaged),
}

#[derive(Serialize)]
struct Object {
    scope: &'static str,
    name: String,
    kind: &'static str,
    state: Standing,
    holders: Vec<Person>,
    waiters: Vec<Person>,
    processes: u32,
    persistent: bool,
    created: Option<f64>,
    grants: u64,
    contended: u64,
    recovered: u64,
    deceased: Option<Dead>,
    acquired: Option<f64>,
    reset: Option<&'static str>,
    participants: Vec<Person>,
    slots: u32,
    leftover: bool,
    data_size: u64,
    file_size: u64,
    path: String,
    owner: u32,
    mode: Option<String>,
}

#[derive(Serialize)]
struct Dead {
    pid: u32,
    tid: Option<u32>,
    noticed: Option<f64>,
}

#[derive(Serialize)]
struct Damaged {
    scope: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    error: String,
}

/// How an object stands, each with what belongs to it.
#[derive(Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
enum Standing {
    Free,
    Held,
    Abandoned,
    Permits {
        available: u32,
        capacity: u32,
    },
    Tokens {
        count: u32,
    },
    Set,
    Unset,
    Memory {
        bytes: u64,
    },
    Native {
        capacity: Option<u32>,
        free: Option<u32>,
        held: u32,
        abandoned: u32,
        doubtful: u32,
        unknown: Option<u32>,
    },
    /// What a newer library knows and this program does not.
    Other {
        text: String,
    },
}

#[derive(Serialize)]
struct Person {
    pid: u32,
    tid: Option<u32>,
    command: String,
    since: Option<f64>,
    dead: bool,
    foreign_namespace: bool,
    label: String,
    uid: Option<u32>,
    user: Option<String>,
    namespace: u64,
    condition: &'static str,
    as_process: bool,
}

#[derive(Serialize)]
struct Graph {
    waits: Vec<Waiting>,
    deadlocks: Vec<Knot>,
}

#[derive(Serialize)]
struct Knot {
    text: String,
    certain: bool,
    cycle: Vec<Waiting>,
    also_stuck: Vec<Waiting>,
}

#[derive(Serialize)]
struct Waiting {
    waiter: Person,
    /// None: it waits for its command.
    object: Option<Named>,
    holders: Vec<Person>,
}

#[derive(Serialize)]
struct Named {
    scope: &'static str,
    name: String,
    kind: &'static str,
}

/// A listing.
pub(crate) fn of(rows: &[Row]) -> String {
    written(&rows.iter().map(entry).collect::<Vec<_>>())
}

/// One object.
pub(crate) fn of_one(row: &Row) -> String {
    written(&entry(row))
}

/// Who waits for whom.
pub(crate) fn of_graph(graph: &WaitGraph) -> String {
    let deadlocks = graph.deadlocks.iter().map(|deadlock| Knot {
        text: plain(&deadlock.to_string()),
        certain: deadlock.certain,
        cycle: deadlock.cycle.iter().map(waiting).collect(),
        also_stuck: deadlock.also_stuck.iter().map(waiting).collect(),
    });
    let waits = graph.waits.iter().map(waiting).collect();
    written(&Graph { waits, deadlocks: deadlocks.collect() })
}

/// Anything, with a line's end.
pub(crate) fn written(what: &impl Serialize) -> String {
    let mut text =
        serde_json::to_string_pretty(what).expect("text, numbers and lists are always JSON");
    text.push('\n');
    text
}

fn waiting(wait: &Wait) -> Waiting {
    let object = match &wait.blocker {
        Blocker::Object(object, scope) => Some(Named {
            scope: if *scope == Scope::User { "user" } else { "machine" },
            name: object.name.clone(),
            kind: object.kind.as_str(),
        }),
        _ => None,
    };
    let holders = wait.holders.iter().map(person).collect();
    Waiting { waiter: person(&wait.waiter), object, holders }
}

fn entry(row: &Row) -> Entry {
    match &row.looked {
        Ok(snapshot) => Entry::Object(Box::new(object(row.scope, snapshot))),
        Err(error) => Entry::Damaged(Damaged {
            scope: row.scope,
            name: name_in(error),
            error: plain(&error.to_string()),
        }),
    }
}

fn object(scope: &'static str, snapshot: &Snapshot) -> Object {
    Object {
        scope,
        name: snapshot.name.to_string(),
        kind: snapshot.kind.as_str(),
        state: standing(snapshot.state),
        holders: snapshot.holders.iter().map(person).collect(),
        waiters: snapshot.waiters.iter().map(person).collect(),
        processes: snapshot.processes,
        persistent: snapshot.persistent,
        created: snapshot.created.and_then(unix_seconds),
        grants: snapshot.grants,
        contended: snapshot.contended,
        recovered: snapshot.recovered,
        deceased: snapshot.deceased.as_ref().map(dead),
        acquired: snapshot.acquired.and_then(unix_seconds),
        reset: snapshot.reset.map(|reset| if reset == Reset::Auto { "auto" } else { "manual" }),
        participants: snapshot.participants.iter().map(person).collect(),
        slots: snapshot.slots,
        leftover: snapshot.is_leftover(),
        data_size: snapshot.data_size,
        file_size: snapshot.file_size,
        path: plain(&snapshot.path.to_string_lossy()),
        owner: snapshot.owner,
        mode: match snapshot.scope {
            Scope::Machine { mode } => Some(format!("{mode:o}")),
            _ => None,
        },
    }
}

fn standing(state: State) -> Standing {
    match state {
        State::Free => Standing::Free,
        State::Held => Standing::Held,
        State::Abandoned => Standing::Abandoned,
        State::Permits { available, capacity } => Standing::Permits { available, capacity },
        State::Tokens(count) => Standing::Tokens { count },
        State::Set => Standing::Set,
        State::Unset => Standing::Unset,
        State::Bytes(bytes) => Standing::Memory { bytes },
        State::Native(accounts) => Standing::Native {
            capacity: accounts.capacity,
            free: accounts.free,
            held: accounts.held,
            abandoned: accounts.abandoned,
            doubtful: accounts.doubtful,
            unknown: accounts.unknown,
        },
        other => Standing::Other { text: plain(&other.to_string()) },
    }
}

fn person(participant: &Participant) -> Person {
    Person {
        pid: participant.pid,
        tid: Some(participant.tid).filter(|tid| *tid != 0),
        command: plain(&participant.command),
        since: participant.since.and_then(unix_seconds),
        dead: participant.dead,
        foreign_namespace: participant.foreign_namespace,
        label: plain(&participant.label),
        uid: participant.user,
        user: participant.user.map(super::person::user),
        namespace: participant.namespace,
        condition: participant.condition.as_str(),
        as_process: participant.as_process,
    }
}

fn dead(deceased: &Deceased) -> Dead {
    Dead {
        pid: deceased.pid,
        tid: Some(deceased.tid).filter(|tid| *tid != 0),
        noticed: deceased.noticed.and_then(unix_seconds),
    }
}

fn unix_seconds(moment: SystemTime) -> Option<f64> {
    Some(moment.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())
}

/// Of which object an error speaks, if it was looked at.
pub(crate) fn name_in(error: &Error) -> Option<String> {
    match error {
        Error::Damaged { object, .. }
        | Error::LayoutVersion { object, .. }
        | Error::System { object, .. } => Some(object.name.clone()),
        _ => None,
    }
}
