//! The worker processes of one measurement: this program executed again, never a mere fork, whose child could do little
//! that is safe.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::bench::Bench;
use crate::control::{Control, MOST_WORKERS};
use crate::shared::Mapped;
use crate::trouble::{Trouble, poll};
use crate::worker::{Assignment, Task};

/// How long anything may take that should take no time: longer means stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Workers and the block of memory that they share. Dropping it kills and reaps whoever is left.
pub(crate) struct Crew {
    control: Mapped<Control>,
    control_path: PathBuf,
    members: Vec<Member>,
}

struct Member {
    child: Child,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// As far as is known.
    Running,
    /// By itself, and well. Reaped.
    Ended,
    /// On purpose. Not reaped yet.
    Killed,
    /// Killed on purpose and reaped: its line is free.
    Gone,
}

impl Crew {
    pub(crate) fn new(bench: &Bench) -> Result<Self, Trouble> {
        let control_path = bench.scratch.place().path();
        let control = Mapped::create(&control_path)?;
        Ok(Crew { control, control_path, members: Vec::new() })
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// Starts one more worker, and says which line of the control block it has: that of one killed and reaped, if any.
    pub(crate) fn spawn(&mut self, contender: &str, task: Task) -> Result<usize, Trouble> {
        let free = self.members.iter().position(|member| member.state == State::Gone);
        let index = free.unwrap_or(self.members.len());
        if index >= MOST_WORKERS {
            return Err(Trouble::Failed(format!("no more than {MOST_WORKERS} workers")));
        }
        let assignment = Assignment {
            contender: contender.to_owned(),
            control: self.control_path.clone(),
            index,
            parent: std::process::id(),
            task,
        };
        // The kernel's own link: it leads to this program even if the file has been replaced meanwhile.
        let child = Command::new("/proc/self/exe")
            .arg0("procsync-bench")
            .args(["worker", &assignment.to_argument()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let member = Member { child, state: State::Running };
        match self.members.get_mut(index) {
            Some(gone) => *gone = member,
            None => self.members.push(member),
        }
        Ok(index)
    }

    pub(crate) fn pid(&self, index: usize) -> u32 {
        self.members[index].child.id()
    }

    /// Waits until so many have said that they are ready.
    pub(crate) fn await_ready(&mut self, count: usize) -> Result<(), Trouble> {
        let ready = |control: &Control| control.ready.0.load(Ordering::Acquire) as usize >= count;
        self.await_that("not all workers are ready", ready)
    }

    /// Waits until `done`. Fails if that takes too long, for the reason given, or if a worker ends.
    pub(crate) fn await_that(
        &mut self,
        why_not: &str,
        done: impl Fn(&Control) -> bool,
    ) -> Result<(), Trouble> {
        self.await_for(PATIENCE, why_not, done)
    }

    /// The same, for something that takes time.
    pub(crate) fn await_for(
        &mut self,
        patience: Duration,
        why_not: &str,
        done: impl Fn(&Control) -> bool,
    ) -> Result<(), Trouble> {
        let in_time = poll(patience, || {
            if done(&self.control) {
                return Ok(true);
            }
            match self.members.iter_mut().map(Member::has_ended).find(|ended| *ended != Ok(false)) {
                Some(Err(why)) => Err(Trouble::Failed(why)),
                Some(Ok(_)) => Err(Trouble::Failed("a worker has ended early".to_owned())),
                None => Ok(false),
            }
        })?;
        if in_time {
            return Ok(());
        }
        Err(Trouble::Failed(format!("after {} s {why_not}", patience.as_secs())))
    }

    /// Kills a member at once, without waiting for its end.
    pub(crate) fn kill(&mut self, index: usize) -> Result<(), Trouble> {
        self.members[index].state = State::Killed;
        Ok(self.members[index].child.kill()?)
    }

    /// Waits until a killed member is gone.
    pub(crate) fn reap(&mut self, index: usize) -> Result<(), Trouble> {
        let member = &mut self.members[index];
        if !poll(PATIENCE, || Ok(member.child.try_wait()?.is_some()))? {
            return Err(Trouble::Failed("a killed worker does not end".to_owned()));
        }
        member.state = State::Gone;
        Ok(())
    }

    /// Tells everybody to finish, waits until all have, and returns what they report.
    pub(crate) fn finish<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, Trouble> {
        self.control.stop();
        let running = |members: &[Member]| {
            members.iter().filter(|member| member.state == State::Running).count()
        };
        let ended = poll(PATIENCE, || {
            for member in &mut self.members {
                member.has_ended().map_err(Trouble::Failed)?;
            }
            Ok(running(&self.members) == 0)
        })?;
        if !ended {
            let (stuck, all) = (running(&self.members), self.members.len());
            return Err(Trouble::Failed(format!("{stuck} of {all} workers never came back")));
        }
        let by_themselves = |member: &&mut Member| member.state == State::Ended;
        self.members.iter_mut().filter(by_themselves).map(Member::report).collect()
    }
}

impl Member {
    /// Whether it has ended by itself just now, and well. The error says how it has failed.
    fn has_ended(&mut self) -> Result<bool, String> {
        if self.state != State::Running {
            return Ok(false);
        }
        match self.child.try_wait() {
            Ok(None) => Ok(false),
            Ok(Some(status)) if status.success() => {
                self.state = State::Ended;
                Ok(true)
            }
            Ok(Some(status)) => Err(format!("a worker failed: {status}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What it has written, which must fit into a pipe: nobody reads it before it has ended.
    fn report<T: DeserializeOwned>(&mut self) -> Result<T, Trouble> {
        let mut text = String::new();
        let output = self.child.stdout.as_mut().expect("spawned with a pipe");
        output.read_to_string(&mut text)?;
        serde_json::from_str(&text)
            .map_err(|error| Trouble::Failed(format!("a worker reports {text:?}: {error}")))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // All first and then all, so that they die side by side. Both fail only for one that has ended.
        for member in &mut self.members {
            let _ = member.child.kill();
        }
        for member in &mut self.members {
            let _ = member.child.wait();
        }
        // The directory is removed at the end anyway; this keeps it small until then.
        let _ = std::fs::remove_file(&self.control_path);
    }
}
