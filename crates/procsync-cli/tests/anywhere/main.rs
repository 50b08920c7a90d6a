//! What the command line does on every system: real processes, nothing that only one system has. The
//! tests in `tests/it` go further, on Linux.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// So long that only what never happens takes longer.
const PATIENCE: Duration = Duration::from_secs(120);
/// The file that is there for as long as the command is to run.
const FILE: &str = "PROCSYNC_TEST_FILE";

fn eventually(awaited: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {awaited}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Where one test's objects and files are.
struct Place(tempfile::TempDir);

struct Done {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        let objects = place.file("objects");
        fs::create_dir(&objects).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&objects, fs::Permissions::from_mode(0o700)).unwrap();
        }
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn procsync(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_procsync"));
        command
            .args(arguments)
            .env("PROCSYNC_DIR", self.file("objects"))
            .env_remove("PROCSYNC_LOG")
            .env_remove("PROCSYNC_ABANDONED")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Done {
        let output = self.procsync(arguments).output().unwrap();
        Done {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n"),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn exits(&self, code: i32, arguments: &[&str]) -> Done {
        let done = self.run(arguments);
        assert_eq!(done.code, Some(code), "{arguments:?}: {}{}", done.stdout, done.stderr);
        done
    }

    /// `procsync run` with a command that runs for as long as its file is there.
    fn hold(&self, options: &[&str], name: &str) -> Holder {
        let inside = self.file(&format!("inside-{}", fs::read_dir(self.0.path()).unwrap().count()));
        let this = std::env::current_exe().unwrap();
        let command = [this.to_str().unwrap(), "--exact", "as_a_command", "--quiet"];
        let arguments = [&["run"], options, &[name, "--"], &command].concat();
        let mut procsync = self.procsync(&arguments);
        procsync.env(FILE, &inside).stdout(Stdio::null()).stderr(Stdio::null());
        let holder = Holder { procsync: procsync.spawn().unwrap(), inside };
        eventually("the command to run", || holder.inside.exists());
        holder
    }

    fn look(&self, name: &str) -> Option<Value> {
        let all: Vec<Value> =
            serde_json::from_str(&self.exits(0, &["ls", "--json"]).stdout).unwrap();
        all.into_iter().find(|object| object["name"] == name)
    }
}

/// Ended, with its command, when this goes.
struct Holder {
    procsync: Child,
    inside: PathBuf,
}

impl Holder {
    fn let_go(&self) {
        let _ = fs::remove_file(&self.inside);
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.let_go();
        let _ = self.procsync.kill();
        let _ = self.procsync.wait();
    }
}

/// Does nothing unless another test started it, below `procsync run`.
#[test]
fn as_a_command() {
    let Ok(file) = std::env::var(FILE) else { return };
    fs::write(&file, "").unwrap();
    let began = Instant::now();
    while Path::new(&file).exists() && began.elapsed() < PATIENCE * 2 {
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn events_and_tokens() {
    let place = Place::new();
    place.exits(0, &["create", "event", "ready"]);
    place.exits(75, &["wait", "-n", "ready"]);
    place.exits(9, &["wait", "-w", "0.05", "-E", "9", "ready"]);
    place.exits(0, &["set", "ready"]);
    place.exits(0, &["wait", "ready"]);
    place.exits(0, &["clear", "ready"]);
    place.exits(75, &["wait", "-n", "ready"]);
    // Two names, where the system tells small letters from capital ones or procsync does.
    place.exits(0, &["create", "tokens", "jobs", "--count", "1"]);
    #[cfg(not(target_os = "macos"))]
    place.exits(0, &["create", "semaphore", "Jobs", "--permits", "3"]);
    place.exits(0, &["post", "jobs"]);
    place.exits(0, &["wait", "-n", "jobs"]);
    place.exits(0, &["wait", "-n", "jobs"]);
    place.exits(75, &["wait", "-n", "jobs"]);
    let listed = place.exits(0, &["ls"]).stdout;
    assert!(listed.contains("ready") && listed.contains("token semaphore"), "{listed}");
    assert!(place.exits(0, &["show", "ready"]).stdout.contains("unset"));
    place.exits(0, &["rm", "ready", "jobs"]);
    place.exits(1, &["rm", "ready"]);
    assert!(place.look("jobs").is_none());
    #[cfg(not(target_os = "macos"))]
    assert_eq!(place.look("Jobs").unwrap()["kind"], "semaphore");
}

#[test]
fn commands_exclude_each_other() {
    let place = Place::new();
    let holder = place.hold(&[], "gpu0");
    let refused = place.exits(75, &["try", "gpu0", "-c", "exit 0"]);
    let pid = holder.procsync.id();
    assert!(refused.stderr.contains(&format!("pid {pid}")), "{}", refused.stderr);
    let seen = place.look("gpu0").unwrap();
    assert_eq!(seen["state"]["is"], "held");
    assert_eq!(seen["holders"][0]["pid"], pid);
    let mut waiter = place.procsync(&["run", "gpu0", "-c", "exit 7"]).spawn().unwrap();
    eventually("a waiter", || !place.look("gpu0").unwrap()["waiters"][0].is_null());
    holder.let_go();
    assert_eq!(waiter.wait().unwrap().code(), Some(7), "its own status, as it is");
}

#[test]
fn permits_let_as_many_in() {
    let place = Place::new();
    let _first = place.hold(&["--permits", "2"], "gpus");
    let second = place.hold(&["--permits", "2"], "gpus");
    place.exits(75, &["try", "--permits", "2", "gpus", "-c", "exit 0"]);
    second.let_go();
    place.exits(0, &["run", "-w", "60", "--permits", "2", "gpus", "-c", "exit 0"]);
}

#[test]
fn the_systems_own_semaphores() {
    let place = Place::new();
    let name = format!("procsync-anywhere-{}", std::process::id());
    let mut holder = place.hold(&["--native"], &name);
    let refused = place.exits(75, &["try", "--native", &name, "-c", "exit 0"]);
    assert!(
        refused.stderr.contains(&format!("pid {}", holder.procsync.id())),
        "{}",
        refused.stderr
    );
    assert_eq!(place.look(&name).unwrap()["kind"], "native semaphore");
    // Somebody has to have it open meanwhile, or it goes on systems where it goes with its last user.
    let waiter = place
        .procsync(&["run", "--native", "-w", "60", &name, "-c", "exit 7"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("a waiter", || !place.look(&name).unwrap()["waiters"][0].is_null());
    holder.procsync.kill().unwrap();
    holder.procsync.wait().unwrap();
    let waiter = waiter.wait_with_output().unwrap();
    let said = String::from_utf8(waiter.stderr).unwrap();
    assert_eq!(waiter.status.code(), Some(7), "{said}");
    assert!(said.contains("abandoned by pid"), "{said}");
    let gone = place.run(&["rm", "--native", &name]);
    assert!(cfg!(windows) || gone.code == Some(0), "{}", gone.stderr);
}

#[test]
fn a_killed_holder_is_replaced_when_its_command_is_gone() {
    let place = Place::new();
    // One that stays, for what all users left by dying is made anew.
    place.exits(0, &["create", "mutex", "gpu0"]);
    let mut holder = place.hold(&[], "gpu0");
    holder.procsync.kill().unwrap();
    holder.procsync.wait().unwrap();
    // Where the command has inherited the hold it goes on, elsewhere it was killed as well.
    holder.let_go();
    let next = place.exits(0, &["run", "-w", "60", "gpu0", "-c", "exit 0"]);
    assert!(next.stderr.contains("abandoned by pid"), "{}", next.stderr);
}

#[test]
fn the_rest_of_the_verbs() {
    let place = Place::new();
    let _holder = place.hold(&[], "gpu0");
    assert_eq!(place.exits(0, &["deadlocks"]).stdout, "");
    assert_eq!(place.exits(0, &["reap"]).stdout, "");
    let doctor = place.run(&["doctor", "--json"]);
    assert!(matches!(doctor.code, Some(0 | 3)), "{}", doctor.stderr);
    let findings: Vec<Value> = serde_json::from_str(&doctor.stdout).unwrap();
    assert!(findings.iter().all(|finding| finding["severity"] != "problem"), "{findings:?}");
    let measured = place.exits(0, &["bench", "--each", "0.05", "--json"]).stdout;
    let measured: Vec<Value> = serde_json::from_str(&measured).unwrap();
    assert!(measured.iter().all(|one| one["value"].as_f64().unwrap() > 0.0), "{measured:?}");
    assert!(place.exits(0, &["completions", "powershell"]).stdout.contains("procsync"));
    assert!(place.exits(0, &["man", "run"]).stdout.contains(".TH"));
    assert!(place.exits(1, &["top"]).stderr.contains("needs a terminal"));
    #[cfg(not(target_os = "linux"))]
    assert!(
        place
            .exits(1, &["jobserver", "x", "--permits", "1", "--", "make"])
            .stderr
            .contains("Linux")
    );
}

#[test]
fn a_command_that_is_not_there_has_its_own_exit_code() {
    let place = Place::new();
    place.exits(127, &["run", "gpu0", "--", "no-such-command-anywhere"]);
    place.exits(2, &["run", "gpu0"]);
    place.exits(1, &["set", "no-such-event"]);
}
