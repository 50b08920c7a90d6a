//! Whether a process will never run its program again.

use super::posix::is_there;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;

/// Whether no thread of this process will ever run its program again, although its files may not be
/// closed yet: the system gives its memory back before. False if that cannot be told.
///
/// A thread that has no memory any more (proc_pid_statm(5) shows zeros) is exiting and can neither run
/// its program nor start another thread. So if all threads that there are have none, and after that
/// was seen there is no other one, it is over: a thread that was missed must have been started by
/// one that was seen exiting, before, and would be in the second list.
pub(crate) fn is_over(pid: u32, started: u64) -> bool {
    if pid == 0 || started == 0 {
        return false; // it did not tell
    }
    if !is_there(pid) {
        return true;
    }
    if !proc_tells_of_our_namespace() {
        return false;
    }
    // All below is asked of one process, even if its pid is used again meanwhile.
    let Ok(process) = File::open(format!("/proc/{pid}")) else { return false };
    let path = format!("/proc/self/fd/{}", process.as_raw_fd());
    match super::linux::started_in(&path) {
        Some(other) if other != started => return true, // the pid is used again
        Some(_) => {}
        None => return false,
    }
    let Some(threads) = threads(&path) else { return false };
    if !threads.iter().all(|thread| has_no_memory(&path, thread)) {
        return false;
    }
    self::threads(&path).is_some_and(|later| later.is_subset(&threads))
}

fn threads(process: &str) -> Option<HashSet<String>> {
    let entries = fs::read_dir(format!("{process}/task")).ok()?;
    entries.map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

fn has_no_memory(process: &str, thread: &str) -> bool {
    match fs::read_to_string(format!("{process}/task/{thread}/statm")) {
        Ok(sizes) => {
            let mut sizes = sizes.split_ascii_whitespace().peekable();
            sizes.peek().is_some() && sizes.all(|size| size == "0")
        }
        // ESRCH: it was reaped between.
        Err(error) => {
            error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
        }
    }
}

/// Whether pids in /proc are those of this process's own pid namespace: it may be mounted from a
/// namespace above, where the same number means another process.
fn proc_tells_of_our_namespace() -> bool {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return false };
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    // One number for each namespace from that of /proc down to our own.
    numbers.is_some_and(|numbers| numbers.trim().parse() == Ok(std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn who_runs_is_not_over_and_a_zombie_is() {
        let me = std::process::id();
        let started = super::super::linux::started_of(me).unwrap();
        assert!(proc_tells_of_our_namespace());
        assert!(!is_over(me, started));
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let started = super::super::linux::started_of(child.id()).unwrap();
        assert!(!is_over(child.id(), started));
        drop(child.stdin.take());
        let began = std::time::Instant::now();
        while !is_over(child.id(), started) {
            assert!(began.elapsed().as_secs() < 30, "it never ends");
        }
        child.wait().unwrap();
        assert!(is_over(child.id(), started));
        // Another process has got its pid since; and one that did not tell when it began.
        assert!(is_over(me, started + 1));
        assert!(!is_over(me, 0));
    }

    #[test]
    fn while_one_thread_runs_it_is_not_over() {
        // A process whose first thread has ended: it is a zombie by its looks.
        let program = "import ctypes, threading, time\n\
            threading.Thread(target=time.sleep, args=(60,)).start()\n\
            print('on', flush=True)\n\
            ctypes.CDLL(None).syscall(60, 0)";
        if !cfg!(target_arch = "x86_64") {
            return;
        }
        let mut child = match Command::new("python3").args(["-c", program]).spawn() {
            Ok(child) => child,
            Err(_) => return,
        };
        let began = std::time::Instant::now();
        let stat = format!("/proc/{}/stat", child.id());
        while !fs::read_to_string(&stat).unwrap().contains(") Z") {
            assert!(began.elapsed().as_secs() < 30, "its first thread does not end");
        }
        let started = super::super::linux::started_of(child.id()).unwrap();
        assert!(!is_over(child.id(), started));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
