//! The listing for programs. Its fields are described in `docs/cli.md`; they may become more, but
//! none changes its meaning.

use super::Row;
use crate::text::plain;
use procsync::inspect::{Snapshot, State};
use procsync::{Error, Participant};
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
}

pub(super) fn of(rows: &[Row]) -> String {
    let entries: Vec<_> = rows.iter().map(entry).collect();
    let mut text =
        serde_json::to_string_pretty(&entries).expect("text, numbers and lists are always JSON");
    text.push('\n');
    text
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
    }
}

fn unix_seconds(moment: SystemTime) -> Option<f64> {
    Some(moment.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())
}

/// Of which object an error speaks, if it was looked at.
pub(super) fn name_in(error: &Error) -> Option<String> {
    match error {
        Error::Damaged { object, .. }
        | Error::LayoutVersion { object, .. }
        | Error::System { object, .. } => Some(object.name.clone()),
        _ => None,
    }
}
