//! What the contenders are made to do: one file for each workload.

pub(crate) mod broadcast;
pub(crate) mod contended;
pub(crate) mod objects;
pub(crate) mod open;
pub(crate) mod pair;
pub(crate) mod pingpong;
pub(crate) mod recovery;
pub(crate) mod waiters;

use clap::ValueEnum;
use serde::Serialize;

use crate::bench::Bench;
use crate::table::Table;
use crate::trouble::Trouble;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Workload {
    /// One thread locks and unlocks, nobody else is there
    Pair,
    /// Processes count together under one lock
    Contended,
    /// Two processes wake each other in turn
    Pingpong,
    /// One signal wakes many processes
    Broadcast,
    /// A holder is killed while another waits
    Recovery,
    /// Objects are made, opened, closed and removed
    Open,
    /// Objects are used, and made, while there are many
    Objects,
    /// Many wait for a lock that is not let go
    Waiters,
}

impl Workload {
    /// Measures all settings of it, handing over each table as soon as it is complete.
    pub(crate) fn run(self, bench: &Bench, tables: &mut Vec<Table>) -> Result<(), Trouble> {
        match self {
            Workload::Pair => pair::run(bench, tables),
            Workload::Contended => contended::run(bench, tables),
            Workload::Pingpong => pingpong::run(bench, tables),
            Workload::Broadcast => broadcast::run(bench, tables),
            Workload::Recovery => recovery::run(bench, tables),
            Workload::Open => open::run(bench, tables),
            Workload::Objects => objects::run(bench, tables),
            Workload::Waiters => waiters::run(bench, tables),
        }
    }
}
