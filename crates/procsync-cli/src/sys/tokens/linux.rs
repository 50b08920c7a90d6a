//! What a build's tokens lie in: a named pipe, of which everybody who has it open takes and puts
//! bytes. And what else it takes to serve a build: sleeping until something happens there, taking
//! in the orphans of killed sub-makes, seeing who could have a token.
#![allow(unsafe_code)] // mkfifo, ioctl, poll, inotify, prctl, waitid

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A named pipe in a directory of its own; both go with it.
pub(crate) struct Tokens {
    /// None: it was removed already.
    directory: Option<PathBuf>,
    path: PathBuf,
    /// Ours alone: how it waits is not how those wait who inherit theirs.
    pipe: File,
    notices: Option<File>,
}

impl Tokens {
    pub(crate) fn new() -> io::Result<Tokens> {
        let directory = own_directory()?;
        let path = directory.join("tokens");
        let made = make(&path);
        let (pipe, notices) = match made {
            Ok(made) => made,
            Err(error) => {
                let _ = fs::remove_dir_all(&directory);
                return Err(error);
            }
        };
        Ok(Tokens { directory: Some(directory), path, pipe, notices })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the name: who has the pipe open or inherits it needs none, and nothing can stay behind.
    pub(crate) fn forget_path(&mut self) {
        if let Some(directory) = self.directory.take() {
            let _ = fs::remove_dir_all(directory);
        }
    }

    /// Two descriptors that a command inherits: to take from, and to put into.
    pub(crate) fn inheritable(&self) -> io::Result<(OwnedFd, OwnedFd)> {
        let take = OpenOptions::new().read(true).custom_flags(libc::O_CLOEXEC).open(&self.path)?;
        let put = OpenOptions::new().write(true).custom_flags(libc::O_CLOEXEC).open(&self.path)?;
        Ok((to_be_inherited(&take)?, to_be_inherited(&put)?))
    }

    /// How many lie there.
    pub(crate) fn count(&self) -> io::Result<u32> {
        let mut bytes: libc::c_int = 0;
        // SAFETY: the descriptor is open, and FIONREAD writes an integer.
        if unsafe { libc::ioctl(self.pipe.as_raw_fd(), libc::FIONREAD, &raw mut bytes) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(u32::try_from(bytes).unwrap_or(0))
    }

    /// Puts one there.
    pub(crate) fn put(&self) -> io::Result<()> {
        // What make itself puts there at its start.
        (&self.pipe).write_all(b"+")
    }

    /// Takes one away; false if there is none (any more).
    pub(crate) fn take(&self) -> io::Result<bool> {
        match (&self.pipe).read(&mut [0]) {
            Ok(count) => Ok(count == 1),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sleeps until somebody took or put one, or `other` can be read, but no longer than this.
    pub(crate) fn wait(&self, other: BorrowedFd<'_>, longest: Duration) -> io::Result<()> {
        let of = |fd: libc::c_int| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // A negative descriptor is passed over.
        let notices = self.notices.as_ref().map_or(-1, |file| file.as_raw_fd());
        let mut both = [of(other.as_raw_fd()), of(notices)];
        let ms = longest.as_millis().try_into().unwrap_or(libc::c_int::MAX);
        // SAFETY: two entries that may be written; the descriptors are open.
        let answer = unsafe { libc::poll(both.as_mut_ptr(), 2, ms) };
        if answer < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        if let Some(mut notices) = self.notices.as_ref() {
            // That something happened is all there is to know.
            while notices.read(&mut [0; 4_096]).is_ok_and(|got| got > 0) {}
        }
        Ok(())
    }

    /// How many tokens those could have that have the pipe open, at most: the processes below
    /// `ancestor`, each one for every child and every further thread, and at least one.
    pub(crate) fn most_in_use(&self, ancestor: u32) -> io::Result<u32> {
        let pipe = self.pipe.metadata()?;
        let all = processes()?;
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for (pid, one) in &all {
            children.entry(one.parent).or_default().push(*pid);
        }
        let (mut most, mut to_do) = (0, vec![ancestor]);
        while let Some(pid) = to_do.pop() {
            let below = children.remove(&pid).unwrap_or_default();
            if pid != ancestor && has_open(pid, &pipe) {
                let alive = below.iter().filter(|pid| !all[*pid].is_zombie).count() as u32;
                let threads = all.get(&pid).map_or(1, |one| one.threads);
                most += (alive + threads.saturating_sub(1)).max(1);
            }
            to_do.extend(below);
        }
        Ok(most)
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        self.forget_path();
    }
}

/// A directory that only this user can look into.
fn own_directory() -> io::Result<PathBuf> {
    const TRIES: u32 = 100;
    for number in 0..TRIES {
        let name = format!("procsync-jobserver-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn make(path: &Path) -> io::Result<(File, Option<File>)> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: a string that ends in a zero byte.
    if unsafe { libc::mkfifo(name.as_ptr(), 0o600) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // To read and to write: so opening waits for nobody, and the pipe never ends.
    let flags = libc::O_NONBLOCK | libc::O_CLOEXEC;
    let pipe = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
    // Without notices, what happens is noticed a little later.
    Ok((pipe, notices(&name).ok()))
}

/// Notices of reading and writing.
fn notices(path: &CString) -> io::Result<File> {
    // SAFETY: plain system call.
    let fd = unsafe { libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else knows it.
    let file = unsafe { File::from_raw_fd(fd) };
    let what = libc::IN_ACCESS | libc::IN_MODIFY;
    // SAFETY: the descriptor is open, and the path ends in a zero byte.
    if unsafe { libc::inotify_add_watch(fd, path.as_ptr(), what) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(file)
}

fn to_be_inherited(file: &File) -> io::Result<OwnedFd> {
    // SAFETY: plain system call on a descriptor that is open. Not below 3: a command gives those a
    // meaning.
    let fd = unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_DUPFD, 3) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Processes that lose their parent become children of this one: so that what a killed sub-make
/// has started is still seen as a part of the build.
pub(crate) fn take_in_orphans() -> io::Result<()> {
    // SAFETY: plain system call.
    if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Lets orphans go that have ended; not the command, whose status is still wanted.
pub(crate) fn bury_orphans(command: u32) {
    /// More in one go are left for the next time.
    const MOST: u32 = 1_000;
    for _ in 0..MOST {
        // SAFETY: siginfo_t is a plain struct of integers and pointers, for which zeros are a value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: `info` may be written.
        let answer = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) };
        if answer != 0 {
            return;
        }
        // SAFETY: filled in by waitid; 0 if nobody has ended.
        let pid = unsafe { info.si_pid() };
        if pid == 0 || pid as u32 == command {
            // The command hides those that ended after it, which do not matter any more.
            return;
        }
        // SAFETY: a child of this process that has ended and that nobody else waits for.
        unsafe { libc::waitpid(pid, std::ptr::null_mut(), libc::WNOHANG) };
    }
}

struct Process {
    parent: u32,
    threads: u32,
    is_zombie: bool,
}

/// All processes that can be seen (proc_pid_stat(5)).
fn processes() -> io::Result<HashMap<u32, Process>> {
    let mut all = HashMap::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may be gone by now.
        let Ok(stat) = fs::read(entry.path().join("stat")) else { continue };
        let Some(end) = stat.iter().rposition(|&byte| byte == b')') else { continue };
        let rest = String::from_utf8_lossy(&stat[end + 1..]).into_owned();
        let fields: Vec<_> = rest.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse().ok());
        let (Some(parent), Some(threads)) = (number(1), number(17)) else { continue };
        all.insert(pid, Process { parent, threads, is_zombie: matches!(fields[0], "Z" | "X") });
    }
    Ok(all)
}

fn has_open(pid: u32, pipe: &fs::Metadata) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    entries.flatten().any(|entry| {
        fs::metadata(entry.path())
            .is_ok_and(|file| (file.dev(), file.ino()) == (pipe.dev(), pipe.ino()))
    })
}
