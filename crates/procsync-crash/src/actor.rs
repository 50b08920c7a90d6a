//! The others: processes that use an object as they are told, in lines over a socket.
#![allow(unsafe_code)] // kill, waitpid, poll, a page that parent and child share

use crate::object::{FRESH, Held, Kind, Object, mutex};
use crate::victim::{end_with_parent, fork, state_of};
use procsync::{Event, Removal, Scope};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Only a true failure lasts so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Told to a process that cannot answer any more.
const LOST: &str = "one of the other processes is gone";

/// How far an actor has come with what it was told, for its parent to see. Never unmapped.
struct Progress {
    begun: AtomicU64,
    done: AtomicU64,
}

fn shared_progress() -> Result<&'static Progress, String> {
    const ACCESS: libc::c_int = libc::PROT_READ | libc::PROT_WRITE;
    const FLAGS: libc::c_int = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
    let page = unsafe { libc::mmap(null_mut(), size_of::<Progress>(), ACCESS, FLAGS, -1, 0) };
    if page == libc::MAP_FAILED {
        return Err(format!("mmap: {}", std::io::Error::last_os_error()));
    }
    // SAFETY: aligned to a page, as large as it, never unmapped, and all zeros, which is a value.
    Ok(unsafe { &*page.cast::<Progress>() })
}

/// A process that does as it is told. Killed when this goes.
pub(crate) struct Actor {
    pid: libc::pid_t,
    orders: UnixStream,
    answers: BufReader<UnixStream>,
    progress: &'static Progress,
    told: u64,
}

impl Actor {
    pub(crate) fn start() -> Result<Actor, String> {
        let failed = |error: std::io::Error| format!("a pair of sockets: {error}");
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let progress = shared_progress()?;
        let pid = fork()?;
        if pid == 0 {
            drop(ours);
            serve(theirs, progress);
        }
        let answers = BufReader::new(ours.try_clone().map_err(failed)?);
        Ok(Actor { pid, orders: ours, answers, progress, told: 0 })
    }

    /// Gives an order, whose answer comes some time.
    pub(crate) fn tell(&mut self, order: &str) -> Result<(), String> {
        self.told += 1;
        writeln!(self.orders, "{order}").map_err(|_| LOST.to_owned())
    }

    /// Waits for the answer.
    pub(crate) fn hear(&mut self) -> Result<String, String> {
        let until = Instant::now() + PATIENCE;
        // One answer for one order: nothing is left in the buffer before it comes.
        while !self.has_answered(until)? {}
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(length) if length > 0 => Ok(line.trim_end().to_owned()),
            _ => Err(LOST.to_owned()),
        }
    }

    fn has_answered(&self, until: Instant) -> Result<bool, String> {
        let mut wanted = libc::pollfd {
            fd: self.answers.get_ref().as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one entry, which may be written.
        let ready = unsafe { libc::poll(&raw mut wanted, 1, 1_000) };
        if ready > 0 {
            return Ok(true);
        }
        if Instant::now() < until { Ok(false) } else { Err("one of the others hangs".to_owned()) }
    }

    pub(crate) fn ask(&mut self, order: &str) -> Result<String, String> {
        self.tell(order)?;
        self.hear()
    }

    /// Gives an order that has only one right answer.
    pub(crate) fn expect(&mut self, order: &str, right: &str) -> Result<(), String> {
        let answer = self.ask(order)?;
        if answer == right {
            return Ok(());
        }
        Err(format!("{order:?} was answered by {answer:?} and not by {right:?}"))
    }

    /// Waits until it sleeps over the last order, or has carried it out.
    pub(crate) fn settle(&self) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        loop {
            if self.progress.done.load(Ordering::Acquire) == self.told {
                return Ok(());
            }
            // Before it begins, it sleeps for want of orders.
            let begun = self.progress.begun.load(Ordering::Acquire) == self.told;
            if begun && state_of(self.pid)? == b'S' {
                return Ok(());
            }
            if Instant::now() > until {
                return Err("one of the others neither sleeps nor ends".to_owned());
            }
            std::thread::yield_now();
        }
    }

    pub(crate) fn signal(&self, signal: libc::c_int) {
        // SAFETY: plain system call; the child is not reaped before `self` goes, so the pid is its.
        unsafe { libc::kill(self.pid, signal) };
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid as u32
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.signal(libc::SIGKILL);
        // SAFETY: no status is asked for.
        unsafe { libc::waitpid(self.pid, null_mut(), 0) };
    }
}

/// The child's side of the socket.
struct Post<'a> {
    orders: BufReader<UnixStream>,
    progress: &'a Progress,
}

impl Post<'_> {
    /// The next order, in words; none: there will be no more.
    fn next(&mut self) -> Option<Vec<String>> {
        let mut line = String::new();
        let length = self.orders.read_line(&mut line).ok()?;
        self.progress.begun.fetch_add(1, Ordering::Release);
        (length > 0).then(|| line.split_ascii_whitespace().map(str::to_owned).collect())
    }

    fn answer(&mut self, text: &str) {
        self.progress.done.fetch_add(1, Ordering::Release);
        // Who does not listen any more is gone, and this process goes with it.
        let _ = writeln!(self.orders.get_mut(), "{text}");
    }
}

/// `open KIND NAME` answers `open`, `make NAME` makes a mutex that stays and answers `made`, `remove NAME` answers `removed`, `in use` or `none`; what may
/// come in between is in `serve_open`. Whatever fails answers `error` with the text.
fn serve(socket: UnixStream, progress: &Progress) -> ! {
    end_with_parent();
    let mut post = Post { orders: BufReader::new(socket), progress };
    while let Some(words) = post.next() {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["open", kind, name] => match open(kind, name) {
                Ok(object) => serve_open(&mut post, object),
                Err(text) => post.answer(&text),
            },
            ["make", name] => {
                let made = mutex(Kind::Mutex).persistent(true).create(name);
                post.answer(&made.map_or_else(|error| format!("error {error}"), |_| "made".into()));
            }
            ["remove", name] => {
                let removed = match procsync::remove(name, Scope::User) {
                    Ok(Some(Removal::Done)) => "removed".to_owned(),
                    Ok(Some(Removal::WhenLastUserLeaves)) => "in use".to_owned(),
                    Ok(None) => "none".to_owned(),
                    Err(error) => format!("error {error}"),
                };
                post.answer(&removed);
            }
            _ => post.answer("error not understood"),
        }
    }
    std::process::exit(0);
}

fn open(kind: &str, name: &str) -> Result<Object, String> {
    let kind = Kind::parse(kind).ok_or("error no such kind")?;
    Object::open(kind, name).map_err(|error| format!("error {error}"))
}

/// `hold COUNT MILLISECONDS` and `try` answer `held` with the pid of the dead holder before, or 0,
/// and `busy`; `release` answers `released`, `count` a number, `give` answers `given`, `clear`
/// answers `clear`, `put` writes another number into a mutex that is held, `get` tells it; `close`
/// answers `closed`. `doubts` and `settle` answer how many doubts a native semaphore has, and how many units
/// were given back for them.
fn serve_open(post: &mut Post<'_>, object: Object) {
    let mut held: Option<Held<'_>> = None;
    post.answer("open");
    while let Some(words) = post.next() {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let number = |word: &str| word.parse::<u32>().unwrap_or(1);
        let answer = match words[..] {
            ["hold", many, time] => {
                let time = Duration::from_millis(u64::from(number(time)));
                object.hold(number(many), Some(time)).map(|now| said(held.insert(now)))
            }
            ["try"] => object.try_hold().map(|now| match now {
                Some(now) => said(held.insert(now)),
                None => "busy".to_owned(),
            }),
            ["release"] => {
                held = None;
                Ok("released".to_owned())
            }
            ["count"] => object.count().map(|count| count.to_string()),
            ["give"] => object.give().map(|()| "given".to_owned()),
            ["clear"] => match &object {
                Object::Event(event) => Event::clear(event).map(|()| "clear".to_owned()),
                _ => Ok("error no event".to_owned()),
            },
            ["get"] | ["put"] => Ok(match &mut held {
                Some(Held::Mutex(guard)) => {
                    if words[0] == "put" {
                        guard.set(FRESH + 1);
                    }
                    guard.get().to_string()
                }
                _ => "error not held".to_owned(),
            }),
            ["doubts"] => doubts(&object),
            ["settle"] => match &object {
                Object::Native(native) => native.post_doubtful().map(|given| given.to_string()),
                _ => Ok("error no native semaphore".to_owned()),
            },
            ["close"] => break,
            _ => Ok("error not understood".to_owned()),
        };
        post.answer(&answer.unwrap_or_else(|error| format!("error {error}")));
    }
    drop(held);
    drop(object);
    post.answer("closed");
}

/// How many doubts the ledger of a native semaphore has.
fn doubts(object: &Object) -> procsync::Result<String> {
    let Object::Native(native) = object else {
        return Ok("error no native semaphore".to_owned());
    };
    Ok(native.accounts()?.map_or(0, |accounts| accounts.doubtful).to_string())
}

fn said(held: &Held<'_>) -> String {
    format!("held {}", held.dead())
}
