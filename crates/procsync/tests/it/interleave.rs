//! One process is stopped before and after each system call of opening or leaving an object, and
//! another one opens, leaves or removes it meanwhile. In the end all use the one file that the name
//! leads to, however the two were interleaved.

use crate::child::{Helper, Role};
use crate::support::{data_file_of, file_of, joined, name, say, skip};
use crate::tracer::{Stop, Traced, be_traced, marked};
use procsync::{Mutex, Scope, SharedMemory};
use std::any::Any;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Mutex,
    Memory,
}

type Open = Box<dyn Any + Send>;

impl What {
    fn open(self, name: &str) -> Open {
        match self {
            What::Mutex => Box::new(Mutex::<u64>::open(name).expect("it opens")),
            What::Memory => Box::new(SharedMemory::open(name, 8_192).expect("it opens")),
        }
    }

    fn open_persistent(self, name: &str) -> Open {
        match self {
            What::Mutex => {
                Box::new(Mutex::<u64>::options().persistent(true).open(name).expect("it opens"))
            }
            What::Memory => {
                let options = SharedMemory::options(8_192).persistent(true);
                Box::new(options.open(name).expect("it opens"))
            }
        }
    }
}

/// Role: opens or leaves an object between the tracer's marks. Arguments: what, how, a name.
pub(crate) fn come_or_leave(role: &mut Role) {
    let what = if role.argument(0) == "Memory" { What::Memory } else { What::Mutex };
    let name = role.argument(2);
    let mut object = None;
    if role.argument(1) == "leave" {
        object = Some(what.open(name));
        be_traced(role);
        marked(|| object = None);
    } else {
        be_traced(role);
        marked(|| object = Some(what.open(name)));
    }
    role.hear();
    drop(object);
}

/// The numbers of the files that a process has mapped under a path, also if that is gone.
fn mapped(pid: u32, path: &Path) -> Vec<u64> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("the process lives");
    let path = path.to_str().expect("a plain path");
    maps.lines()
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let number = fields.nth(4)?;
            (fields.next()? == path).then(|| number.parse().expect("a number"))
        })
        .collect()
}

/// What this process does while the other one is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    /// Opens it.
    Open,
    /// Leaves it, having had it open before.
    Leave,
    /// Leaves it and opens it again.
    LeaveAndOpen,
    /// Removes it, which nobody had open and which was to stay, and opens it again.
    RemoveAndOpen,
    /// Fails to open it as something else.
    Fail,
}

impl Meanwhile {
    fn before(self, what: What, name: &str) -> Option<Open> {
        match self {
            Meanwhile::Leave | Meanwhile::LeaveAndOpen => Some(what.open(name)),
            Meanwhile::RemoveAndOpen => {
                drop(what.open_persistent(name));
                None
            }
            Meanwhile::Open | Meanwhile::Fail => None,
        }
    }

    fn act(self, what: What, name: &str, had: Option<Open>) -> Option<Open> {
        drop(had);
        match self {
            Meanwhile::Leave => return None,
            Meanwhile::Fail => {
                assert!(procsync::ReentrantMutex::attach(name).is_err());
                return None;
            }
            Meanwhile::RemoveAndOpen => {
                let _ = procsync::remove(name, Scope::User).expect("it can be removed");
            }
            Meanwhile::Open | Meanwhile::LeaveAndOpen => {}
        }
        Some(what.open(name))
    }
}

/// Tries one way at each stop; false: processes cannot be traced here.
fn interleave(test: &str, what: What, how: &str, meanwhile: Meanwhile) -> bool {
    let label = format!("{what:?}-{how}");
    for stops in 0.. {
        let name = name("between");
        let paths = match what {
            What::Mutex => vec![file_of(&name)],
            What::Memory => vec![file_of(&name), data_file_of(&name)],
        };
        let had = meanwhile.before(what, &name);
        let mut helper = Helper::start("come-or-leave", &[&format!("{what:?}"), how, &name]);
        let traced = match Traced::begin(&mut helper) {
            Ok(traced) => traced,
            Err(why) => {
                skip(test, &why);
                return false;
            }
        };
        traced.run_to_begin();
        let ended = (0..stops).any(|_| traced.next_call() == Stop::End);
        let action = {
            let name = name.clone();
            std::thread::spawn(move || meanwhile.act(what, &name, had))
        };
        // It may have to wait for the one that is stopped.
        let began = Instant::now();
        while !action.is_finished() && began.elapsed() < Duration::from_millis(30) {
            std::thread::yield_now();
        }
        while !ended && traced.next_call() != Stop::End {}
        let ours = joined(action);
        for path in &paths {
            let named = std::fs::metadata(path).map(|found| found.ino()).ok();
            let theirs = mapped(helper.pid(), path);
            let own = mapped(std::process::id(), path);
            let context = format!(
                "{label}, {meanwhile:?} at stop {stops}: {} leads to {named:?}; there {theirs:?}, \
                 here {own:?}",
                path.display()
            );
            assert!(theirs.iter().chain(&own).all(|file| Some(*file) == named), "{context}");
            assert_eq!(own.len(), usize::from(ours.is_some()), "{context}");
            assert_eq!(theirs.len(), usize::from(how == "open"), "{context}");
            let used = ours.is_some() || how == "open";
            assert_eq!(named.is_some(), used, "{context}");
        }
        traced.let_go();
        drop(ours);
        helper.finish();
        for path in paths {
            assert!(!path.exists(), "{label}, {meanwhile:?} at stop {stops}: all have left");
        }
        if ended {
            say(&format!("{label}, {meanwhile:?}: at {stops} stops"));
            assert!(stops > 5, "{stops}");
            break;
        }
    }
    true
}

#[test]
fn however_one_comes_while_another_does_there_is_one_mutex() {
    const TEST: &str = "however_one_comes_while_another_does_there_is_one_mutex";
    for meanwhile in [
        Meanwhile::Open,
        Meanwhile::Leave,
        Meanwhile::LeaveAndOpen,
        Meanwhile::RemoveAndOpen,
        Meanwhile::Fail,
    ] {
        if !interleave(TEST, What::Mutex, "open", meanwhile) {
            return;
        }
    }
}

#[test]
fn however_one_leaves_while_another_comes_there_is_one_mutex() {
    const TEST: &str = "however_one_leaves_while_another_comes_there_is_one_mutex";
    for meanwhile in [Meanwhile::Open, Meanwhile::Leave, Meanwhile::LeaveAndOpen, Meanwhile::Fail] {
        if !interleave(TEST, What::Mutex, "leave", meanwhile) {
            return;
        }
    }
}

#[test]
fn however_two_meet_there_is_one_shared_memory() {
    const TEST: &str = "however_two_meet_there_is_one_shared_memory";
    for (how, meanwhile) in [
        ("open", Meanwhile::Open),
        ("open", Meanwhile::LeaveAndOpen),
        ("open", Meanwhile::RemoveAndOpen),
        ("leave", Meanwhile::Open),
        ("leave", Meanwhile::Leave),
    ] {
        if !interleave(TEST, What::Memory, how, meanwhile) {
            return;
        }
    }
}
