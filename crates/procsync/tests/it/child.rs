//! Helper processes: this binary, run again in a role.
//!
//! Test and helper talk in lines, over the helper's standard input and output. What the test
//! harness itself prints there, also at the beginning of a line, is told apart by a mark.
#![allow(unsafe_code)] // prctl, alarm and kill

use crate::support::{self, LIMIT};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

pub(crate) const ROLE: &str = "PROCSYNC_TEST_ROLE";
const ARGUMENTS: &str = "PROCSYNC_TEST_ARGUMENTS";
const MARK: &str = "@> ";

/// A helper process, as the test sees it. Killed at the latest when this goes.
pub(crate) struct Helper {
    role: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

/// There where the tests run under Wine.
const WINE: &str = "PROCSYNC_TEST_WINE";

/// Names the program, with its arguments, that this binary and its helpers are run by.
pub(crate) const EMULATOR: &str = "PROCSYNC_TEST_EMULATOR";

/// How often to repeat what is repeated many times: under an emulator, less often.
pub(crate) fn times(many: u64) -> u64 {
    if std::env::var_os(EMULATOR).is_some() { (many / 50).max(1) } else { many }
}

/// How this binary is run as a helper.
fn command(role: &str, arguments: &[&str]) -> Command {
    support::base();
    let me = std::env::current_exe().expect("the path of this program");
    // Built for another kind of processor, it needs an emulator, and so do its helpers.
    let emulator = std::env::var(EMULATOR).unwrap_or_default();
    let mut emulator = emulator.split_whitespace();
    let mut command = Command::new(emulator.next().map_or(me.as_os_str(), OsStr::new));
    if command.get_program() != me {
        command.args(emulator).arg(&me);
    }
    command
        .args(["--exact", "child::a_helper_plays_its_role", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(ARGUMENTS, arguments.join("\n"));
    command
}

/// Starts a process.
///
/// Wine (not Windows) says "internal error" now and then on a busy machine: the new process ended before
/// it had told Wine's server that it runs, and nobody knows why. Tried again, it starts.
fn started(command: &mut Command) -> Child {
    const INTERNAL_ERROR: i32 = 1359;
    let may_fail = cfg!(windows) && std::env::var_os(WINE).is_some();
    for _ in 0..3 {
        match command.spawn() {
            Err(error) if may_fail && error.raw_os_error() == Some(INTERNAL_ERROR) => {
                support::say("Wine could not start a process; once more");
            }
            answer => return answer.expect("a helper process starts"),
        }
    }
    command.spawn().expect("a helper process starts")
}

impl Helper {
    /// Starts a helper in a role.
    pub(crate) fn start(role: &str, arguments: &[&str]) -> Helper {
        Helper::spawn(role, command(role, arguments))
    }

    /// Starts a helper whose objects lie in this directory.
    pub(crate) fn start_in(directory: &Path, role: &str, arguments: &[&str]) -> Helper {
        let mut command = command(role, arguments);
        command.env(support::DIRECTORY, directory);
        Helper::spawn(role, command)
    }

    /// Starts a helper through another program, which runs what follows its own arguments.
    #[cfg(unix)]
    pub(crate) fn start_by(program: &[&str], role: &str, arguments: &[&str]) -> Helper {
        let helper = command(role, arguments);
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(helper.get_program()).args(helper.get_args());
        command.envs(helper.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Helper::spawn(role, command)
    }

    /// Starts a helper with which nobody talks.
    pub(crate) fn start_silent(role: &str, arguments: &[&str]) -> Silent {
        let mut command = command(role, arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Silent(started(&mut command))
    }

    fn spawn(role: &str, mut command: Command) -> Helper {
        let mut child = started(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some((_, said)) = line.split_once(MARK) {
                    let _ = sender.send(said.to_owned());
                }
            }
        });
        Helper { role: role.to_owned(), input: child.stdin.take(), child, lines }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends the helper a line.
    #[track_caller]
    pub(crate) fn tell(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it is still told things");
        writeln!(input, "{line}").expect("the helper listens");
    }

    /// The helper's next line.
    #[track_caller]
    pub(crate) fn hear(&mut self) -> String {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => line,
            Err(why) => {
                let (role, status) = (&self.role, self.child.try_wait());
                panic!("helper {role} says nothing ({why}); its status: {status:?}");
            }
        }
    }

    /// The helper's next line, if it says one in this time.
    pub(crate) fn hear_within(&mut self, time: std::time::Duration) -> Option<String> {
        self.lines.recv_timeout(time).ok()
    }

    /// Sends a line and hears the answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.hear()
    }

    /// Kills it as the system does (SIGKILL, TerminateProcess), and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.strike();
        let _ = self.child.wait();
    }

    /// The same, without waiting.
    pub(crate) fn strike(&mut self) {
        let _ = self.child.kill();
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it can be waited for").is_none()
    }

    /// It hears no more lines.
    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// Waits until it has ended; answers the signal that ended it, if one did.
    #[track_caller]
    #[cfg(unix)]
    pub(crate) fn ended_by(&mut self) -> Option<libc::c_int> {
        std::os::unix::process::ExitStatusExt::signal(&wait(&mut self.child))
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: libc::c_int) {
        // SAFETY: plain system call; the child is not reaped before `self` goes, so the pid is its.
        assert_eq!(unsafe { libc::kill(self.child.id() as libc::pid_t, signal) }, 0);
    }

    /// SIGSTOP, and waits until every thread has stopped: a signal takes its time.
    #[track_caller]
    #[cfg(all(unix, not(target_os = "linux")))]
    pub(crate) fn stop(&self) {
        self.signal(libc::SIGSTOP);
        support::eventually("the process has stopped", || {
            let mut ps = Command::new("ps");
            let ps = ps.args(["-o", "state=", "-p", &self.child.id().to_string()]).output();
            ps.expect("there is ps").stdout.starts_with(b"T")
        });
    }

    /// SIGSTOP, and waits until every thread has stopped: a signal takes its time.
    #[track_caller]
    #[cfg(target_os = "linux")]
    pub(crate) fn stop(&self) {
        self.signal(libc::SIGSTOP);
        let tasks = format!("/proc/{}/task", self.child.id());
        support::eventually("all threads have stopped", || {
            std::fs::read_dir(&tasks).expect("it lives").flatten().all(|task| {
                let stat = std::fs::read_to_string(task.path().join("stat"));
                stat.is_ok_and(|stat| stat.contains(") T "))
            })
        });
    }

    /// Lets the helper end: it hears no more lines, and must end in good order.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        self.input = None;
        let status = wait(&mut self.child);
        assert!(status.success(), "helper {}: {status}", self.role);
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A helper process that says and hears nothing. Killed at the latest when this goes.
pub(crate) struct Silent(Child);

impl Silent {
    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("it can be waited for")
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        let status = wait(&mut self.0);
        assert!(status.success(), "a helper ended so: {status}");
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.kill();
    }
}

#[track_caller]
fn wait(child: &mut Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status;
        }
        assert!(began.elapsed() < LIMIT, "a helper does not end");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// A helper process, as it sees itself.
pub(crate) struct Role {
    pub(crate) arguments: Vec<String>,
}

impl Role {
    pub(crate) fn argument(&self, index: usize) -> &str {
        &self.arguments[index]
    }

    pub(crate) fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(&self, index: usize) -> T {
        self.arguments[index].parse().expect("a number")
    }

    /// Says a line to the test.
    pub(crate) fn say(&self, line: &str) {
        let mut output = std::io::stdout().lock();
        writeln!(output, "{MARK}{line}").and_then(|()| output.flush()).expect("the test listens");
    }

    /// The test's next line; none: there will be no more.
    pub(crate) fn hear(&self) -> Option<String> {
        let mut line = String::new();
        let length = std::io::stdin().read_line(&mut line).expect("the test speaks");
        (length > 0).then(|| line.trim_end().to_owned())
    }
}

/// Whether this is how a helper's command is shown: on Windows, arguments are not told to others.
pub(crate) fn is_command_of_helper(shown: &str) -> bool {
    shown.contains(if cfg!(windows) { ".exe" } else { "a_helper_plays_its_role" })
}

/// Says back what it hears.
pub(crate) fn echo(role: &mut Role) {
    role.say(role.argument(0));
    while let Some(line) = role.hear() {
        role.say(&line);
    }
}

/// Whatever happens to the test, this process ends when the time is up; on Linux also with the thread
/// that started it.
#[cfg(unix)]
fn end_in_any_case() {
    // SAFETY: plain system call.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL)
    };
    // SAFETY: plain system call.
    unsafe { libc::alarm(5 * 60) };
}

/// Whatever happens to the test, this process ends when the time is up.
#[cfg(windows)]
fn end_in_any_case() {
    std::thread::spawn(|| {
        std::thread::sleep(std::time::Duration::from_secs(5 * 60));
        std::process::abort();
    });
}

/// In a helper: plays the role. In the tests: sees that a helper does.
#[test]
fn a_helper_plays_its_role() {
    let Ok(role) = std::env::var(ROLE) else {
        let mut helper = Helper::start("echo", &["first"]);
        assert_eq!(helper.hear(), "first");
        assert_eq!(helper.ask("second"), "second");
        return helper.finish();
    };
    end_in_any_case();
    let arguments = std::env::var(ARGUMENTS).unwrap_or_default();
    let arguments = arguments.split('\n').map(str::to_owned).collect();
    let (_, play) = super::ROLES.iter().find(|(name, _)| *name == role).expect("a known role");
    play(&mut Role { arguments });
    // Before the harness prints anything else.
    std::process::exit(0);
}
