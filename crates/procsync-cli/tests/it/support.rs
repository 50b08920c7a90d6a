//! A directory of its own for each test, and processes that do not outlive it.
#![allow(unsafe_code)] // kill, setsid, openpty

use serde_json::Value;
use std::fs::{self, DirBuilder, File};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// So long that only what never happens takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until it is so.
pub(crate) fn eventually(awaited: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {awaited}");
        thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn signal(pid: u32, signal: i32) {
    signal_exactly(pid as i32, signal);
}

/// To a process group.
pub(crate) fn signal_group(group: u32, signal: i32) {
    signal_exactly(-(group as i32), signal);
}

fn signal_exactly(pid: i32, signal: i32) {
    // SAFETY: plain system call.
    let answer = unsafe { libc::kill(pid, signal) };
    assert_eq!(answer, 0, "kill({pid}, {signal}): {}", std::io::Error::last_os_error());
}

/// The letter that tells a process's state (proc_pid_stat(5)).
pub(crate) fn state_of(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Where one test's objects and files are.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        DirBuilder::new().mode(0o700).create(place.objects()).unwrap();
        place
    }

    /// What `PROCSYNC_DIR` says.
    pub(crate) fn objects(&self) -> PathBuf {
        self.0.path().join("objects")
    }

    /// The file of a user's own object.
    pub(crate) fn object(&self, name: &str) -> PathBuf {
        self.own_objects().join(name)
    }

    fn own_objects(&self) -> PathBuf {
        // SAFETY: geteuid has no arguments and cannot fail.
        let user = unsafe { libc::geteuid() };
        self.objects().join(format!("procsync-{user}"))
    }

    /// The names of all files that stand for objects.
    pub(crate) fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.own_objects()) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// A file for a test's own use; commands run in the directory where it is.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.file(file)).unwrap_or_default();
        // A line that is being written is none yet.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    /// A command that finds this place's objects.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.0.path())
            .env("PROCSYNC_DIR", self.objects())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        for inherited in [
            "PROCSYNC_LOG",
            "PROCSYNC_SPIN",
            "PROCSYNC_NAME",
            "PROCSYNC_PERMIT",
            "PROCSYNC_GRANT",
            "PROCSYNC_HELD",
            "PROCSYNC_ABANDONED",
            "MAKEFLAGS",
            "CARGO_MAKEFLAGS",
            "NO_COLOR",
        ] {
            command.env_remove(inherited);
        }
        command
    }

    pub(crate) fn procsync(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_procsync"));
        command.args(arguments);
        command
    }

    /// Starts procsync.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::new(&mut self.procsync(arguments))
    }

    /// Runs procsync to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        let mut command = self.procsync(arguments);
        Done::from(command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap())
    }

    /// Runs procsync at the end of a shell's script, which may prepare what it inherits.
    pub(crate) fn run_by_shell(&self, script: &str) -> Done {
        let mut command = self.command("sh");
        command.args(["-c", script]).env("PROCSYNC", env!("CARGO_BIN_EXE_procsync"));
        Done::from(command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap())
    }

    /// The object as `procsync ls --json` shows it.
    pub(crate) fn look(&self, name: &str) -> Option<Value> {
        let done = self.run(&["ls", "--json"]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let all: Vec<Value> = serde_json::from_str(&done.stdout).unwrap();
        all.into_iter().find(|object| object["name"] == name)
    }

    /// Holds a mutex or permit until the command is told to go on; answers when it is held.
    pub(crate) fn hold(&self, options: &[&str], name: &str) -> Holder {
        let inside = self.file(&format!("inside-{}", self.holders_so_far()));
        let script = format!(
            "echo $$ >{0}.new; mv {0}.new {0}; while [ -e {0} ]; do sleep 0.01; done",
            inside.display()
        );
        let arguments = [&["run"], options, &[name, "--", "sh", "-c", &script]].concat();
        let procsync = self.start(&arguments);
        eventually("the command to run", || inside.exists());
        let command = fs::read_to_string(&inside).unwrap().trim().parse().unwrap();
        Holder { procsync, command, inside }
    }

    fn holders_so_far(&self) -> usize {
        let entries = fs::read_dir(self.0.path()).unwrap().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("inside-")).count()
    }
}

/// What became of a process.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Done {
        Done {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A process that is killed if the test does not see its end.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn new(command: &mut Command) -> Running {
        Running(command.spawn().unwrap())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    pub(crate) fn end(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("a process to end", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `procsync run` with a command that runs until it is told to go on.
pub(crate) struct Holder {
    pub(crate) procsync: Running,
    /// The command's process id.
    pub(crate) command: u32,
    inside: PathBuf,
}

impl Holder {
    /// Tells the command to end.
    pub(crate) fn let_go(&self) {
        fs::remove_file(&self.inside).unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // So that the command ends, also if procsync was killed and cannot pass anything on.
        let _ = fs::remove_file(&self.inside);
    }
}

/// A command that begins with SIGCHLD ignored, so that the kernel keeps no status of its children.
pub(crate) fn ignoring_children(command: &mut Command) -> &mut Command {
    let ignore = || {
        // SAFETY: sets a signal's disposition; no handler is involved.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        Ok(())
    };
    // SAFETY: the closure makes one system call that is allowed between fork and exec.
    unsafe { command.pre_exec(ignore) }
}

/// The operator's end of a terminal, and a command that has the other end for its own.
pub(crate) fn in_terminal(command: &mut Command) -> (File, Running) {
    let (mut ours, mut theirs) = (-1, -1);
    let (name, settings, size) = (std::ptr::null_mut(), std::ptr::null(), std::ptr::null());
    // SAFETY: two integers to write to; null pointers stand for what is not wanted.
    let answer = unsafe { libc::openpty(&raw mut ours, &raw mut theirs, name, settings, size) };
    assert_eq!(answer, 0, "openpty: {}", std::io::Error::last_os_error());
    // SAFETY: just opened, and nobody else has it.
    let ours = unsafe { OwnedFd::from_raw_fd(ours) };
    // SAFETY: as above.
    let theirs = unsafe { OwnedFd::from_raw_fd(theirs) };
    command.stdin(Stdio::from(theirs));
    let own_terminal = || {
        // SAFETY: plain system call.
        let session = unsafe { libc::setsid() };
        // SAFETY: plain system call; descriptor 0 is the terminal by now.
        let terminal = unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) };
        if session < 0 || terminal != 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: the closure makes two system calls that are allowed between fork and exec.
    unsafe { command.pre_exec(own_terminal) };
    let running = Running::new(command);
    // The parent's copy of the terminal's other end goes with the command.
    command.stdin(Stdio::null());
    (File::from(ours), running)
}

/// Two commands that wait for each other. Ended with all that they started when this goes.
pub(crate) struct Knot([Running; 2]);

impl Knot {
    /// One holds `a` and wants `b`, the other the reverse, each below the other's hold.
    pub(crate) fn tie(place: &Place) -> Knot {
        let start = |holds: &str, mark: &str, wait_for: &str, wants: &str| {
            let script = format!(
                ">{mark}; until [ -e {wait_for} ]; do sleep 0.01; done; \
                 exec $PROCSYNC run {wants} -- true"
            );
            let mut command = place.procsync(&["run", holds, "--", "sh", "-c", &script]);
            command.env("PROCSYNC", env!("CARGO_BIN_EXE_procsync")).process_group(0);
            Running::new(&mut command)
        };
        Knot([start("a", "one", "two", "b"), start("b", "two", "one", "a")])
    }

    pub(crate) fn pids(&self) -> [u32; 2] {
        [self.0[0].pid(), self.0[1].pid()]
    }
}

impl Drop for Knot {
    fn drop(&mut self) {
        for pid in self.pids() {
            // SAFETY: plain system call; the leader is not reaped yet, so the group is its own.
            unsafe { libc::kill(-(pid as i32), libc::SIGKILL) };
        }
    }
}

/// Says that this machine cannot run a test, and why; past the test harness, which shows nothing of
/// a test that passed.
pub(crate) fn skip(test: &str, why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test}: {why}");
    if let Some(log) = std::env::var_os("PROCSYNC_SKIP_LOG") {
        let log = File::options().append(true).create(true).open(log);
        writeln!(log.expect("the list of skipped tests"), "{test}: {why}").expect("it is written");
    }
}

/// Whether a program is there to be run.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
