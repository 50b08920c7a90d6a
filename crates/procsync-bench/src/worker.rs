//! What a worker process does: attaches, says that it is ready, does its task, reports.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use crate::control::{Control, Report};
use crate::shared::Mapped;
use crate::sys;
use crate::workload::{broadcast, contended, open, pingpong, recovery, waiters};

/// Everything that a worker is told, in one argument.
#[derive(Serialize, Deserialize)]
pub(crate) struct Assignment {
    pub(crate) contender: String,
    pub(crate) control: PathBuf,
    /// Which line of the control block is its own.
    pub(crate) index: usize,
    /// Whose death ends it.
    pub(crate) parent: u32,
    pub(crate) task: Task,
}

/// The tasks of each workload are its own business.
#[derive(Serialize, Deserialize)]
pub(crate) enum Task {
    Contended(contended::Task),
    PingPong(pingpong::Task),
    Broadcast(broadcast::Task),
    Recovery(recovery::Task),
    Open(open::Task),
    Waiters(waiters::Task),
}

impl Assignment {
    pub(crate) fn to_argument(&self) -> String {
        serde_json::to_string(self).expect("paths of our own making are text")
    }
}

/// A worker process, as seen by its task.
pub(crate) struct Worker {
    pub(crate) contender: String,
    pub(crate) control: Mapped<Control>,
    index: usize,
}

impl Worker {
    /// Its own line of the control block.
    pub(crate) fn line(&self) -> &Report {
        &self.control.reports[self.index].0
    }

    /// Says that it is attached.
    pub(crate) fn ready(&self) {
        self.control.ready.0.fetch_add(1, Ordering::Release);
    }

    /// Says that it is attached, and sleeps until the start.
    pub(crate) fn ready_to_start(&self) {
        self.ready();
        self.control.await_start(1);
    }
}

/// Does what the argument says. What it reports goes to standard output, as one JSON value.
pub(crate) fn main(argument: &str) -> ExitCode {
    match work(argument) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if even that cannot be written.
            let _ = writeln!(io::stderr(), "worker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn work(argument: &str) -> io::Result<()> {
    let Assignment { contender, control, index, parent, task } = serde_json::from_str(argument)?;
    sys::die_with_parent(parent)?;
    let worker = Worker { contender, control: Mapped::open(&control)?, index };
    let report = match task {
        Task::Contended(task) => serde_json::to_string(&contended::work(&worker, task)?),
        Task::PingPong(task) => serde_json::to_string(&pingpong::work(&worker, task)?),
        Task::Broadcast(task) => serde_json::to_string(&broadcast::work(&worker, task)?),
        Task::Recovery(task) => serde_json::to_string(&recovery::work(&worker, task)?),
        Task::Open(task) => serde_json::to_string(&open::work(&worker, task)?),
        Task::Waiters(task) => serde_json::to_string(&waiters::work(&worker, task)?),
    };
    writeln!(io::stdout(), "{}", report?)
}
