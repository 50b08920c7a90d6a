//! The system's own semaphores: a command under one, other software beside it, deaths, doubts.
#![allow(unsafe_code)] // sem_open and its like, as other software calls them

use crate::support::{Place, Running, eventually, signal, state_of};
use serde_json::{Value, json};
use std::ffi::CString;
use std::fs;
use std::io::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A name that nobody else has; the semaphore goes with this.
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn new(label: &str) -> Name {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Name(format!("cli-test-{label}-{}-{number}", std::process::id()))
    }

    fn file(&self) -> PathBuf {
        PathBuf::from(format!("/dev/shm/sem.{}", self.0))
    }
}

impl std::ops::Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.file());
    }
}

/// The semaphore as software has it open that knows nothing of procsync.
struct Foreign(*mut libc::sem_t);

impl Foreign {
    fn open(name: &str) -> Foreign {
        let name = CString::new(format!("/{name}")).unwrap();
        // SAFETY: a string that ends in a zero byte; what has to be there is opened and not made.
        let semaphore = unsafe { libc::sem_open(name.as_ptr(), 0) };
        assert!(semaphore != libc::SEM_FAILED, "sem_open: {}", Error::last_os_error());
        Foreign(semaphore)
    }

    fn take(&self) -> bool {
        // SAFETY: open until this is dropped.
        unsafe { libc::sem_trywait(self.0) == 0 }
    }

    fn give(&self) {
        // SAFETY: as above.
        assert_eq!(unsafe { libc::sem_post(self.0) }, 0);
    }

    fn value(&self) -> i32 {
        let mut value = -1;
        // SAFETY: open, and the number may be written.
        assert_eq!(unsafe { libc::sem_getvalue(self.0, &raw mut value) }, 0);
        value
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // SAFETY: open, and not used after this.
        unsafe { libc::sem_close(self.0) };
    }
}

/// The semaphore as `procsync show --native --json` has it.
fn look(place: &Place, name: &str) -> Value {
    let done = place.run(&["show", "--native", "--json", name]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    serde_json::from_str(&done.stdout).unwrap()
}

fn accounts(place: &Place, name: &str) -> [Value; 5] {
    let seen = look(place, name);
    ["free", "held", "abandoned", "doubtful", "unknown"].map(|word| seen["state"][word].clone())
}

fn findings(place: &Place) -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_str(&place.run(&["doctor", "--json"]).stdout).unwrap();
    let of_natives = |one: &&Value| one["check"].as_str().unwrap().starts_with("native");
    all.iter().filter(of_natives).map(|one| json!([one["severity"], one["check"]])).collect()
}

#[test]
fn a_command_and_other_software_exclude_each_other() {
    let (place, name) = (Place::new(), Name::new("foreign"));
    let holder = place.hold(&["--native"], &name);
    let foreign = Foreign::open(&name);
    assert!(!foreign.take(), "a command has it");
    let refused = place.run(&["try", "--native", &name, "--", "true"]);
    assert_eq!(refused.code, Some(75));
    let says = format!("procsync: native semaphore {:?}: 0 of 1 free; held ", &*name);
    assert!(refused.stderr.starts_with(&says), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("by pid {}", holder.procsync.pid())));
    holder.let_go();
    eventually("the unit to come back", || foreign.take());
    let refused = place.run(&["run", "--native", "-w", "0.05", "-E", "9", &name, "--", "true"]);
    assert_eq!(refused.code, Some(9), "{}", refused.stderr);
    let refused = place.run(&["try", "--native", &name, "--", "true"]);
    assert!(refused.stderr.contains("1 unknown; whoever holds it does not use procsync"));
    assert_eq!(accounts(&place, &name), [0, 0, 0, 0, 1]);
    foreign.give();
    let done =
        place.run(&["run", "--native", &name, "-c", "echo $PROCSYNC_NAME $PROCSYNC_HELD; exit 5"]);
    assert_eq!((done.code, &*done.stdout), (Some(5), &*format!("{0} native/{0}\n", &*name)));
    assert_eq!(foreign.value(), 1);
}

#[test]
fn as_many_run_as_it_has_units() {
    let (place, name) = (Place::new(), Name::new("units"));
    let first = place.hold(&["--native", "--permits", "2"], &name);
    // How many it has was said when it was made.
    let _second = place.hold(&["--native"], &name);
    assert_eq!(place.run(&["try", "--native", &name, "--", "true"]).code, Some(75));
    assert_eq!(look(&place, &name)["holders"].as_array().unwrap().len(), 2);
    first.let_go();
    assert_eq!(place.run(&["run", "--native", "-w", "60", &name, "--", "true"]).code, Some(0));
}

#[test]
fn who_kills_procsync_kills_its_command_and_the_next_one_is_told() {
    let (place, name) = (Place::new(), Name::new("killed"));
    let mut holder = place.hold(&["--native"], &name);
    let mut command =
        place.procsync(&["run", "--native", &name, "-c", "echo $PROCSYNC_ABANDONED >by"]);
    command.stderr(fs::File::create(place.file("said")).unwrap());
    let mut waiter = Running::new(&mut command);
    eventually("a waiter", || look(&place, &name)["waiters"][0]["pid"] == waiter.pid());
    let dead = holder.procsync.pid();
    signal(dead, libc::SIGKILL);
    holder.procsync.end();
    eventually("the command to end", || matches!(state_of(holder.command), None | Some('Z' | 'X')));
    assert!(waiter.end().success());
    assert_eq!(place.lines("by"), [dead.to_string()]);
    let said = fs::read_to_string(place.file("said")).unwrap();
    assert!(said.contains(&format!("abandoned by pid {dead}")), "{said}");
    assert_eq!(Foreign::open(&name).value(), 1, "given back once");
    assert_eq!(look(&place, &name)["recovered"], 1);
}

#[test]
fn what_the_dead_had_is_reaped_for_those_who_have_no_procsync() {
    let (place, name) = (Place::new(), Name::new("reaped"));
    assert_eq!(place.run(&["create", "native", &name]).code, Some(0));
    let foreign = Foreign::open(&name);
    let mut holder = place.hold(&["--native"], &name);
    signal(holder.procsync.pid(), libc::SIGKILL);
    holder.procsync.end();
    assert!(!foreign.take());
    let foretold = place.run(&["reap", "-n"]).stdout;
    assert_eq!(foretold, format!("{}: 1 would be taken back from dead holders\n", &*name));
    assert!(!foreign.take(), "only foretold");
    let done = place.run(&["reap"]);
    let expected = format!("{}: 1 unit of dead holders given back\n", &*name);
    assert_eq!((done.code, done.stdout), (Some(0), expected));
    assert!(foreign.take());
    assert_eq!(place.run(&["reap"]).stdout, "", "never for somebody who is not known");
    foreign.give();
    // The ledger goes when the semaphore is gone.
    fs::remove_file(name.file()).unwrap();
    let expected = format!("{}: ledger removed, its semaphore is gone\n", &*name);
    assert_eq!(place.run(&["reap"]).stdout, expected);
    assert_eq!(place.run(&["ls", "--noheadings"]).stdout, "");
}

#[test]
fn what_is_missing_is_found_and_given_back_if_that_is_asked_for() {
    let (place, name) = (Place::new(), Name::new("missing"));
    assert_eq!(place.run(&["create", "native", &name]).code, Some(0));
    assert_eq!(findings(&place), [json!(null); 0]);
    let foreign = Foreign::open(&name);
    assert!(foreign.take());
    assert_eq!(findings(&place), [json!(["note", "native-unknown"])]);
    let mut waiter = place.start(&["run", "--native", &name, "--", "true"]);
    eventually("a waiter", || look(&place, &name)["waiters"][0]["pid"] == waiter.pid());
    assert_eq!(findings(&place), [json!(["warning", "native-unknown"])]);
    // Killed while it waits: whether it had been given something cannot be told.
    signal(waiter.pid(), libc::SIGKILL);
    waiter.end();
    assert_eq!(accounts(&place, &name), [0, 0, 0, 1, 1]);
    assert_eq!(findings(&place), [json!(["warning", "native-doubt"])]);
    let words = place.run(&["doctor"]).stdout;
    assert!(words.contains(&format!("`fuser {}`", name.file().display())), "{words}");
    assert!(words.contains(&format!("`procsync reap --missing {}`", &*name)), "{words}");
    let foretold = place.run(&["reap", "-n", "--missing", &name]).stdout;
    assert_eq!(foretold, format!("{}: 1 unit would be given back\n", &*name));
    let done = place.run(&["reap", "--missing", &name]);
    assert_eq!((done.code, done.stdout), (Some(0), format!("{}: 1 unit given back\n", &*name)));
    assert_eq!(accounts(&place, &name), [1, 0, 0, 0, 0]);
    assert_eq!(findings(&place), [json!(null); 0]);
    let done = place.run(&["reap", "--missing", &name]);
    assert_eq!(done.stdout, format!("{}: nothing is missing\n", &*name));
}

#[test]
fn it_is_made_shown_and_removed_beside_an_object_of_its_name() {
    let (place, name) = (Place::new(), Name::new("twice"));
    assert_eq!(
        place.run(&["create", "native", &name, "--permits", "3", "--mode", "660"]).code,
        Some(0)
    );
    let again = ["create", "native", &name];
    let refused = place.run(&again);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("exists already"), "{}", refused.stderr);
    assert_eq!(place.run(&[&again[..], &["--if-missing"]].concat()).code, Some(0));
    assert_eq!(place.run(&["create", "event", &name]).code, Some(0));
    let kind = |arguments: &[&str]| {
        let shown: Value = serde_json::from_str(&place.run(arguments).stdout).unwrap();
        shown["kind"].clone()
    };
    assert_eq!(kind(&["show", "--json", &name]), "event");
    assert_eq!(kind(&["show", "--json", "--native", &name]), "native semaphore");
    let listed = place.run(&["ls", "-o", "name,kind,capacity,state", "--noheadings"]).stdout;
    let lines: Vec<Vec<_>> = listed.lines().map(|line| line.split("   ").collect()).collect();
    assert_eq!(lines[0][0], lines[1][0]);
    assert!(listed.contains("native semaphore   3   3 of 3 free"), "{listed}");
    assert_eq!(place.run(&["rm", &name]).code, Some(0));
    assert_eq!(kind(&["show", "--json", &name]), "native semaphore", "if there is nothing else");
    assert_eq!(place.run(&["rm", "--native", &name]).code, Some(0));
    assert!(!name.file().exists());
    let gone = place.run(&["rm", "--native", &name]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.stderr.contains("there is no such semaphore"));
    assert_eq!(place.run(&["show", "--native", &name]).code, Some(1));
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn a_name_that_no_object_could_have_is_good() {
    let place = Place::new();
    let name = Name(format!("cli test größe {}", std::process::id()));
    let _holder = place.hold(&["--native"], &name);
    assert_eq!(look(&place, &name)["name"], *name);
    assert_eq!(place.run(&["try", "--native", &name, "--", "true"]).code, Some(75));
    assert_eq!(place.run(&["try", "--native", "a/b", "--", "true"]).code, Some(1));
}

#[test]
fn a_deadlock_through_one_is_found() {
    let (place, name) = (Place::new(), Name::new("knot"));
    let start = |holds: &str, mark: &str, wait_for: &str, wants: &str| {
        let script = format!(
            ">{mark}; until [ -e {wait_for} ]; do sleep 0.01; done; exec $PROCSYNC run {wants} -- true"
        );
        let words: Vec<_> = holds.split(' ').collect();
        let mut command =
            place.procsync(&[&["run"], &words[..], &["--", "sh", "-c", &script]].concat());
        use std::os::unix::process::CommandExt;
        command.env("PROCSYNC", env!("CARGO_BIN_EXE_procsync")).process_group(0);
        Group(Running::new(&mut command))
    };
    let native = format!("--native {}", &*name);
    let _one = start(&native, "one", "two", "m");
    let _other = start("m", "two", "one", &native);
    eventually("the deadlock to be found", || place.run(&["deadlocks"]).code == Some(3));
    let words = place.run(&["deadlocks"]).stdout;
    assert!(words.contains(&format!("for native semaphore {:?}, held by pid", &*name)), "{words}");
    let graph = place.run(&["deadlocks", "--json"]).stdout;
    let graph: Value = serde_json::from_str(&graph).unwrap();
    let cycle = graph["deadlocks"][0]["cycle"].as_array().unwrap();
    assert!(cycle.iter().any(|wait| wait["object"]["kind"] == "native semaphore"), "{graph}");
}

/// A process and all that it started.
struct Group(Running);

impl Drop for Group {
    fn drop(&mut self) {
        // SAFETY: plain system call; the leader is not reaped yet, so the group is its own.
        unsafe { libc::kill(-(self.0.pid() as i32), libc::SIGKILL) };
    }
}

#[test]
fn who_waits_while_other_software_holds_is_in_no_deadlock() {
    let (place, name) = (Place::new(), Name::new("no-knot"));
    assert_eq!(place.run(&["create", "native", &name, "--permits", "2"]).code, Some(0));
    let foreign = Foreign::open(&name);
    assert!(foreign.take());
    // One unit is known to be held by who waits for the other one, which somebody unknown has.
    let script = format!("exec $PROCSYNC run --native {} -- true", &*name);
    let mut command = place.procsync(&["run", "--native", &name, "--", "sh", "-c", &script]);
    command.env("PROCSYNC", env!("CARGO_BIN_EXE_procsync"));
    let mut waits = Running::new(&mut command);
    eventually("a waiter", || !look(&place, &name)["waiters"][0].is_null());
    assert_eq!(place.run(&["deadlocks"]).code, Some(0));
    foreign.give();
    assert!(waits.end().success());
}
