//! A command under a lock on Windows.
//!
//! Nothing that is inherited could keep a lock held there: it is this process that holds. So the
//! command must not outlive it. This process puts itself into a job that the system ends with its last
//! handle, which is this process's; the command is born into that job, so there is no moment at which
//! it runs outside of it. If this process ends by itself, the job ends nobody.
#![allow(unsafe_code)] // job objects, console control handlers

use procsync::{MutexGuard, Permit, Result};
use std::ffi::OsStr;
use std::io;
use std::mem::ManuallyDrop;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::ptr;
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, SetConsoleCtrlHandler};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT,
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::GetCurrentProcess;
use windows_sys::core::BOOL;

/// What a command inherits to keep the object held: nothing can.
pub(crate) type Inherited = ();

/// What keeps a mutex held for the command: this process.
pub(crate) fn inherited_of_mutex(_guard: &MutexGuard<'_, ()>) -> Result<Inherited> {
    Ok(())
}

/// What keeps a permit held for the command: this process.
pub(crate) fn inherited_of_permit(_permit: &Permit<'_>) -> Result<Inherited> {
    Ok(())
}

/// What keeps a thread's hold for the command: this process.
pub(crate) const INHERITED_OF_THREAD: Inherited = ();

/// The signals by which a process is asked to end: those that the C runtime makes of console events.
pub(crate) const ENDS: &[i32] = &[signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM];

/// By what a process is killed that nobody asks.
pub(crate) const KILL: &str = "TerminateProcess";

/// Which signal ended a process: there are none.
pub(crate) fn signal_of(_status: ExitStatus) -> Option<i32> {
    None
}

/// The user's shell, about to run this.
pub(crate) fn shell(line: &OsStr) -> Command {
    let shell = std::env::var_os("COMSPEC").filter(|shell| !shell.is_empty());
    let mut command = Command::new(shell.unwrap_or_else(|| "cmd.exe".into()));
    // As it was typed: the shell has quoting rules of its own, and takes off one pair of quotes.
    let mut quoted = std::ffi::OsString::from("\"");
    quoted.push(line);
    quoted.push("\"");
    command.raw_arg("/D").raw_arg("/S").raw_arg("/C").raw_arg(quoted);
    command
}

/// A command that was started.
pub(crate) struct Running {
    child: Child,
    _job: Option<Job>,
}

impl Running {
    /// Starts the command.
    pub(crate) fn start(mut command: Command, (): Inherited) -> io::Result<Running> {
        // Somebody typed Ctrl-C: the command has got it as well, and decides for itself. This process
        // has to be there when it ends.
        // SAFETY: the handler only answers; it may be called in any thread until the process ends.
        if unsafe { SetConsoleCtrlHandler(Some(leave_it_to_the_command), 1) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // Windows 7 has no job within a job: who is in one there runs without.
        let job = Job::around_this_process().ok();
        let child = command.spawn()?;
        Ok(Running { child, _job: job })
    }

    /// Waits for the command's end.
    pub(crate) fn wait(mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }
}

unsafe extern "system" fn leave_it_to_the_command(event: u32) -> BOOL {
    BOOL::from(matches!(event, CTRL_C_EVENT | CTRL_BREAK_EVENT))
}

/// What ends with this process, unless this process lets go of it first.
struct Job(ManuallyDrop<OwnedHandle>);

impl Drop for Job {
    fn drop(&mut self) {
        // What the command has left running is to run on, and so is this process: it is in there too.
        if self.limit(0).is_ok() {
            // SAFETY: dropped once, here, and this is the end of what holds it.
            unsafe { ManuallyDrop::drop(&mut self.0) };
        }
        // Else it stays open, and what is in it ends with this process.
    }
}

impl Job {
    fn around_this_process() -> io::Result<Job> {
        // SAFETY: neither security attributes nor a name are given; the handle is not inherited.
        let handle = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just made, and nobody else knows it.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        let job = Job(ManuallyDrop::new(handle));
        job.limit(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE)?;
        // SAFETY: has no conditions; a handle that needs no closing.
        let this = unsafe { GetCurrentProcess() };
        // SAFETY: both handles are open.
        if unsafe { AssignProcessToJobObject(job.0.as_raw_handle(), this) } == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(job)
    }

    fn limit(&self, flags: JOB_OBJECT_LIMIT) -> io::Result<()> {
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = flags;
        let size = size_of_val(&limits) as u32;
        // SAFETY: the job is open; the information has the type and size of its class.
        let done = unsafe {
            SetInformationJobObject(
                self.0.as_raw_handle(),
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                size,
            )
        };
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::os::windows::fs::OpenOptionsExt;
    use std::path::Path;
    use std::thread;
    use std::time::{Duration, Instant};

    /// So long that only what never happens takes longer.
    const PATIENCE: Duration = Duration::from_secs(60);
    const ROLE: &str = "PROCSYNC_TEST_ROLE";
    const FILE: &str = "PROCSYNC_TEST_FILE";

    fn eventually(awaited: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "waited in vain for {awaited}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// This program, as the other test's helper.
    fn helper(role: &str, file: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "sys::child::windows::tests::as_a_helper", "--quiet"]);
        command.env(ROLE, role).env(FILE, file).stdout(std::process::Stdio::null());
        command
    }

    /// Does nothing unless another test started it.
    #[test]
    fn as_a_helper() {
        let Ok(role) = std::env::var(ROLE) else { return };
        let file = std::env::var(FILE).unwrap();
        if role == "procsync" {
            let running = Running::start(helper("command", file.as_ref()), ()).unwrap();
            running.wait().unwrap();
            return;
        }
        // Nobody else can open it for as long as this process has it open.
        let _held = OpenOptions::new().write(true).create(true).share_mode(0).open(file).unwrap();
        thread::sleep(PATIENCE * 2);
    }

    #[test]
    fn who_kills_procsync_kills_its_command() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("held");
        let mut procsync = helper("procsync", &file).spawn().unwrap();
        let is_held = || file.exists() && OpenOptions::new().write(true).open(&file).is_err();
        eventually("the command to run", is_held);
        procsync.kill().unwrap();
        procsync.wait().unwrap();
        eventually("the command to end", || !is_held());
    }

    #[test]
    fn a_command_that_cannot_be_started_is_an_error_and_ends_nobody() {
        let command = Command::new("no-such-command-anywhere");
        let error = Running::start(command, ()).map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_commands_status_is_passed_through() {
        for status in [0, 7, 300] {
            let line = format!("exit {status}");
            let running = Running::start(shell(line.as_ref()), ()).unwrap();
            assert_eq!(running.wait().unwrap().code(), Some(status));
        }
    }
}
