//! Who waits for whom, over all objects, and who waits for ever.
//!
//! A thread waits for one object at a time. It goes on as soon as *one* of those who hold it lets
//! go: a mutex has one holder, a semaphore as many as permits. So a wait is hopeless if all holders
//! are known and each of them waits hopelessly in turn. Those are found by taking away, from all
//! waits, again and again, each that somebody who does not wait can end. What remains is stuck.
//!
//! Events and tokens have no holders: anybody may set or post, so nobody is ever stuck there. Nor is who
//! waits for a native semaphore, unless its ledger knows who holds each of its units.
//!
//! Objects are read one after the other while the world goes on, so a cycle could be made of parts
//! that never were at one time. What was found is therefore read once more: if each wait and each
//! hold in it has lasted since before the first reading ended, there was a moment at which all were.

use super::snapshot::{Snapshot, State};
use super::{Inspector, dot};
use crate::error::Result;
use crate::kind::{Kind, Object};
use crate::participant::{Participant, Span};
use crate::processes::Processes;
use crate::segment::place::Scope;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::{Duration, SystemTime};

/// Who waits for whom at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WaitGraph {
    /// Everybody who waits, for anything.
    pub waits: Vec<Wait>,
    /// Those who wait for each other.
    pub deadlocks: Vec<Deadlock>,
}

/// One who waits.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Wait {
    /// Who.
    pub waiter: Participant,
    /// For what.
    pub blocker: Blocker,
    /// For whom: it goes on when one of these lets go. Empty for what nobody holds.
    pub holders: Vec<Participant>,
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Blocker {
    /// An object.
    Object(Object, Scope),
    /// The end of a command: `procsync run` holds something while its command runs, and somewhere
    /// below that command there is one who waits.
    Command,
}

/// Some who wait for each other, and will for ever unless a wait has a timeout or one of them is
/// killed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Deadlock {
    /// Each waits for the next one, the last one for the first. The first one in `holders` is the
    /// next one in the cycle.
    pub cycle: Vec<Wait>,
    /// Those who are not in the cycle and cannot go on before it is broken.
    pub also_stuck: Vec<Wait>,
    /// False if another thread of one of the processes could still let go (permits and mutexes that
    /// processes own), or if a command could end although something below it waits.
    pub certain: bool,
}

/// What a thread is known by: see `Participant::identity`.
type Identity = (u64, u32, u32);

/// A wait is written down anew with each look of the waiter, by a clock that has ticks.
const SAME_WAIT: Duration = Duration::from_millis(100);

/// What `procsync run` and its like call themselves: they wait for a command while they hold.
pub(crate) const RUNS_A_COMMAND: &str = "procsync run";

impl Inspector {
    /// As [`wait_graph`](super::wait_graph).
    ///
    /// # Errors
    /// As for [`list`](super::list).
    pub fn wait_graph(&mut self, scopes: &[Scope]) -> Result<WaitGraph> {
        self.processes.look_again();
        let mut seen = Vec::new();
        for scope in scopes {
            seen.extend(self.list_on(*scope)?.into_iter().flatten());
        }
        Ok(self.wait_graph_of(&seen.iter().collect::<Vec<_>>()))
    }

    /// The graph of objects that were looked at just now. Reads no more than what is in a deadlock.
    pub fn wait_graph_of(&mut self, seen: &[&Snapshot]) -> WaitGraph {
        let mut graph = WaitGraph::of(seen, &mut self.processes);
        graph.deadlocks.retain(|deadlock| self.still_is(deadlock));
        graph
    }

    /// Reads once more what a deadlock was found in.
    fn still_is(&mut self, deadlock: &Deadlock) -> bool {
        self.processes.look_again();
        deadlock.cycle.iter().all(|wait| {
            let Blocker::Object(object, scope) = &wait.blocker else { return true };
            let seen = match object.kind {
                Kind::Native => self.show_native(&object.name, *scope),
                _ => self.show_on(&object.name, *scope),
            };
            let Ok(seen) = seen else { return false };
            let waits = seen.waiters.iter().any(|one| {
                one.identity() == wait.waiter.identity() && is_about(one.since, wait.waiter.since)
            });
            // All of them, not only the one in the cycle: none may have let go meanwhile.
            let held = wait.holders.iter().all(|holder| {
                let same = |one: &&Participant| {
                    one.identity() == holder.identity() && one.since == holder.since && !one.dead
                };
                seen.holders.iter().any(|one| same(&one))
            });
            waits && held && !has_free(&seen)
        })
    }
}

fn is_about(one: Option<SystemTime>, other: Option<SystemTime>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return one == other };
    one.duration_since(other).unwrap_or_else(|error| error.duration()) < SAME_WAIT
}

/// Whether somebody could take something at once.
fn has_free(seen: &Snapshot) -> bool {
    match seen.state {
        State::Free | State::Abandoned => true,
        // Who waits for several may wait beside free ones. Nobody tells how many it wants, so it
        // is not called stuck.
        State::Permits { available, .. } => available > 0,
        // Unless the ledger knows who holds each unit, there may be somebody who gives one back.
        State::Native(accounts) => {
            accounts.capacity != Some(accounts.held) || accounts.abandoned > 0
        }
        _ => false,
    }
}

impl WaitGraph {
    /// The graph of these objects, unconfirmed.
    pub(crate) fn of(seen: &[&Snapshot], processes: &mut Processes) -> WaitGraph {
        let mut waits = Vec::new();
        let mut can_go_on = Vec::new();
        for object in seen {
            for waiter in &object.waiters {
                let holders =
                    if object.kind.has_holders() { object.holders.clone() } else { vec![] };
                can_go_on.push(holders.is_empty() || has_free(object));
                let blocker = Blocker::Object(object.object(), object.scope);
                waits.push(Wait { waiter: waiter.clone(), blocker, holders });
            }
        }
        let commands = waits_for_commands(seen, &waits, processes);
        can_go_on.extend(commands.iter().map(|_| false));
        waits.extend(commands);
        let mut deadlocks = deadlocks(&waits, can_go_on);
        for deadlock in &mut deadlocks {
            let mut all = deadlock.cycle.iter().chain(&deadlock.also_stuck);
            deadlock.certain = all.all(|wait| {
                wait.blocker != Blocker::Command
                    && wait.holders.iter().all(|holder| is_alone(holder, processes))
            });
        }
        WaitGraph { waits, deadlocks }
    }

    /// The graph in the language of Graphviz: `dot -Tsvg` draws it. Participants are ellipses,
    /// objects boxes; what is in a deadlock is red.
    pub fn to_dot(&self) -> String {
        dot::of(self)
    }
}

/// Whether nobody else could let go of what it holds: it holds as a thread, or its process has no
/// other thread.
fn is_alone(holder: &Participant, processes: &mut Processes) -> bool {
    !holder.as_process
        || !holder.foreign_namespace
            && processes.get(holder.pid).is_some_and(|seen| seen.glance.threads == 1)
}

/// Each `procsync run` waits for those below it that wait: if one of those does so for ever, its
/// command will not end.
fn waits_for_commands(seen: &[&Snapshot], waits: &[Wait], processes: &mut Processes) -> Vec<Wait> {
    let mut runs: Vec<&Participant> = Vec::new();
    for holder in seen.iter().flat_map(|object| &object.holders) {
        let runs_one = holder.label == RUNS_A_COMMAND && !holder.foreign_namespace && !holder.dead;
        if runs_one && !runs.iter().any(|known| known.identity() == holder.identity()) {
            runs.push(holder);
        }
    }
    let mut commands = Vec::new();
    for run in runs {
        let below = |one: &Participant, processes: &mut Processes| {
            one.namespace == run.namespace && processes.descends(one.pid, run.pid)
        };
        let holders: Vec<_> = waits
            .iter()
            .map(|wait| &wait.waiter)
            .filter(|waiter| below(waiter, processes))
            .cloned()
            .collect();
        if !holders.is_empty() {
            commands.push(Wait { waiter: run.clone(), blocker: Blocker::Command, holders });
        }
    }
    commands
}

/// The cycles among those who cannot go on. `can_go_on`: those for whom something is free.
fn deadlocks(waits: &[Wait], can_go_on: Vec<bool>) -> Vec<Deadlock> {
    let mut stuck: HashMap<Identity, &Wait> = HashMap::new();
    for (wait, can) in waits.iter().zip(can_go_on) {
        if !can {
            stuck.insert(wait.waiter.identity(), wait);
        }
    }
    loop {
        let is_stuck = |one: &Participant| !one.dead && stuck.contains_key(&one.identity());
        let ends = |wait: &Wait| match wait.blocker {
            Blocker::Object(..) => !wait.holders.iter().all(is_stuck),
            // One command in the foreground is enough.
            Blocker::Command => !wait.holders.iter().any(is_stuck),
        };
        let freed: Vec<_> =
            stuck.iter().filter(|(_, wait)| ends(wait)).map(|(identity, _)| *identity).collect();
        if freed.is_empty() {
            break;
        }
        for identity in freed {
            stuck.remove(&identity);
        }
    }
    let next = |wait: &Wait| -> Option<Participant> {
        let holders = wait.holders.iter();
        holders.into_iter().find(|one| stuck.contains_key(&one.identity())).cloned()
    };
    let mut order: Vec<_> = stuck.keys().copied().collect();
    order.sort_unstable();
    let mut in_a_cycle: HashSet<Identity> = HashSet::new();
    let mut found: Vec<Deadlock> = Vec::new();
    // Where each one's way leads: to the cycle with this number.
    let mut leads_to: HashMap<Identity, usize> = HashMap::new();
    for start in order {
        let (mut way, mut at) = (Vec::new(), start);
        let cycle = loop {
            if let Some(&known) = leads_to.get(&at) {
                break known;
            }
            if let Some(begin) = way.iter().position(|&one| one == at) {
                found.push(cycle_of(&way[begin..], &stuck, &next));
                in_a_cycle.extend(&way[begin..]);
                break found.len() - 1;
            }
            way.push(at);
            // Each one that is stuck has a next one that is stuck: that is what stuck means.
            match stuck.get(&at).and_then(|wait| next(wait)) {
                Some(next) => at = next.identity(),
                None => break usize::MAX,
            }
        };
        leads_to.extend(way.into_iter().map(|one| (one, cycle)));
    }
    let mut rest: Vec<_> =
        stuck.iter().filter(|(identity, _)| !in_a_cycle.contains(*identity)).collect();
    rest.sort_unstable_by_key(|(identity, _)| **identity);
    for (identity, wait) in rest {
        if let Some(deadlock) = leads_to.get(identity).and_then(|&number| found.get_mut(number)) {
            deadlock.also_stuck.push((*wait).clone());
        }
    }
    found
}

fn cycle_of(
    way: &[Identity],
    stuck: &HashMap<Identity, &Wait>,
    next: &impl Fn(&Wait) -> Option<Participant>,
) -> Deadlock {
    let mut cycle: Vec<Wait> = way.iter().map(|identity| stuck[identity].clone()).collect();
    for wait in &mut cycle {
        let Some(next) = next(wait) else { continue };
        if let Some(at) = wait.holders.iter().position(|one| one.identity() == next.identity()) {
            wait.holders.swap(0, at);
        }
    }
    Deadlock { cycle, also_stuck: Vec::new(), certain: false }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        who(f, &self.waiter)?;
        if let Some(duration) = self.waiter.duration().filter(|_| self.blocker != Blocker::Command)
        {
            write!(f, " has waited for {}", Span(duration))?;
        } else {
            f.write_str(" waits")?;
        }
        match &self.blocker {
            Blocker::Object(object, _) => write!(f, " for {object}")?,
            Blocker::Command => f.write_str(" for its command to end")?,
        }
        let Some(first) = self.holders.first() else { return Ok(()) };
        f.write_str(match self.blocker {
            Blocker::Object(..) => ", held by ",
            Blocker::Command => ", below which waits ",
        })?;
        who(f, first)?;
        match self.holders.len() {
            0 | 1 => Ok(()),
            2 => f.write_str(" and 1 other"),
            more => write!(f, " and {} others", more - 1),
        }
    }
}

fn who(f: &mut fmt::Formatter<'_>, one: &Participant) -> fmt::Result {
    write!(f, "pid {}", one.pid)?;
    if one.tid != 0 && one.tid != one.pid {
        write!(f, " thread {}", one.tid)?;
    }
    if !one.command.is_empty() {
        write!(f, " ({})", one.command)?;
    }
    if one.foreign_namespace {
        f.write_str(" of another pid namespace")?;
    }
    Ok(())
}

/// The cycle in one sentence.
impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, wait) in self.cycle.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            wait.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
