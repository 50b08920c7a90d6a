//! What the system tells of other processes, each asked once in a look.

use crate::sys::process::{self, Glance};
use std::collections::HashMap;

/// Processes of this pid namespace, as far as they were asked for.
///
/// What hardly changes (command line, user) is kept from look to look for as long as it is the same
/// process running the same program.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    look: u64,
    known: HashMap<u32, Known>,
}

#[derive(Debug)]
struct Known {
    /// When it was asked last.
    look: u64,
    /// None: there is no such process.
    seen: Option<Seen>,
}

/// A process at the time of the look.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) glance: Glance,
    pub(crate) command: Option<String>,
    pub(crate) user: Option<u32>,
}

impl Processes {
    /// What was seen so far is old now.
    pub(crate) fn look_again(&mut self) {
        let look = self.look;
        self.known.retain(|_, known| known.look == look);
        self.look += 1;
    }

    /// The process with this id, if there is one.
    pub(crate) fn get(&mut self, pid: u32) -> Option<&Seen> {
        let look = self.look;
        let known =
            self.known.entry(pid).or_insert(Known { look: look.wrapping_sub(1), seen: None });
        if known.look != look {
            known.look = look;
            let glance = process::glance(pid);
            known.seen = match (glance, known.seen.take()) {
                (None, _) => None,
                (Some(now), Some(before))
                    if now.started == before.glance.started
                        && now.name == before.glance.name
                        // Just begun, it has a name and no command line yet.
                        && before.command.as_ref() != Some(&now.name) =>
                {
                    Some(Seen { glance: now, ..before })
                }
                (Some(glance), _) => {
                    let (command, user) = (process::command_of(pid), process::user_of(pid));
                    Some(Seen { glance, command, user })
                }
            };
        }
        known.seen.as_ref()
    }

    /// Whether `pid` was started by `ancestor`, or by one that it started, and so on.
    pub(crate) fn descends(&mut self, pid: u32, ancestor: u32) -> bool {
        /// No tree of processes is deeper; parents may change while this looks.
        const DEEPEST: u32 = 256;
        let mut at = pid;
        for _ in 0..DEEPEST {
            match self.get(at).map(|seen| seen.glance.parent) {
                Some(parent) if parent == ancestor => return true,
                Some(parent) if parent > 1 => at = parent,
                _ => return false,
            }
        }
        false
    }
}

#[cfg(all(test, any(target_os = "linux", target_os = "macos")))]
mod tests {
    use super::*;

    #[test]
    fn this_process_and_its_parent_are_found() {
        let mut processes = Processes::default();
        let pid = std::process::id();
        let seen = processes.get(pid).unwrap();
        assert!(seen.command.as_ref().unwrap().contains("procsync"), "{seen:?}");
        assert_eq!(seen.user, Some(process::user()));
        let parent = seen.glance.parent;
        assert!(processes.descends(pid, parent) && !processes.descends(parent, pid));
        assert!(processes.get(u32::MAX).is_none());
    }

    #[test]
    fn one_that_runs_another_program_is_seen_anew() {
        let mut processes = Processes::default();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        // Between fork and exec it still is what started it.
        let began = std::time::Instant::now();
        while processes.get(child.id()).and_then(|seen| seen.command.as_deref()) != Some("sleep 60")
        {
            assert!(began.elapsed().as_secs() < 60, "{processes:?}");
            processes.look_again();
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(processes.get(child.id()).is_some(), "one look asks once");
        processes.look_again();
        assert!(processes.get(child.id()).is_none());
    }
}
