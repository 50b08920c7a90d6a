//! Beside a C program that knows nothing of procsync, built here.
#![allow(unsafe_code)] // a post by the system's own function

use crate::child::{Helper, Role};
use crate::native::OwnName;
use crate::native_kill::start;
use crate::support::{LIMIT, base, eventually, joined, skip};
use procsync::native::NativeSemaphore;
use procsync::{Scope, inspect};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Posts as a stranger does.
pub(crate) fn post(system_name: &std::ffi::CStr) {
    // SAFETY: a string that ends in a zero byte.
    let semaphore = unsafe { libc::sem_open(system_name.as_ptr(), 0) };
    assert_ne!(semaphore, libc::SEM_FAILED);
    // SAFETY: open.
    assert_eq!(unsafe { libc::sem_post(semaphore) }, 0);
    // SAFETY: open, and not used after this.
    assert_eq!(unsafe { libc::sem_close(semaphore) }, 0);
}

/// The C program, or why it cannot be had.
fn program() -> Result<&'static Path, String> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = PROGRAM.get_or_init(|| {
        let (source, program) = (base().join("stranger.c"), base().join("stranger"));
        std::fs::write(&source, include_str!("native_interop.c")).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program).arg(&source);
        match compiler.arg("-pthread").output() {
            Ok(output) if output.status.success() => Ok(program),
            Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => Err(format!("cc: {error}")),
        }
    });
    built.as_deref().map_err(Clone::clone)
}

/// A running one. Killed at the latest when this goes.
struct Stranger {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Stranger {
    /// None: this machine has no C compiler.
    fn start(test: &str, name: &OwnName) -> Option<Stranger> {
        let program = program().inspect_err(|why| skip(test, why)).ok()?;
        let mut child = Command::new(program)
            .arg(format!("/{}", name.0))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        Some(Stranger { input: child.stdin.take().expect("piped"), child, lines })
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("it listens");
    }

    #[track_caller]
    fn hear(&mut self) -> String {
        self.lines.recv_timeout(LIMIT).expect("it answers")
    }

    #[track_caller]
    fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.hear()
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.kill();
    }
}

#[test]
fn a_stranger_and_we_exclude_each_other() {
    for we_are_first in [true, false] {
        let name = OwnName::new("stranger");
        let Some(mut stranger) = Stranger::start("native_interop", &name) else { return };
        if !we_are_first {
            assert_eq!(stranger.ask("open"), "ok");
        }
        let semaphore = NativeSemaphore::instantiate(&name.0).unwrap();
        assert_eq!(semaphore.open().unwrap().created, we_are_first);
        if we_are_first {
            assert_eq!(stranger.ask("open"), "ok");
        }
        semaphore.lock().unwrap();
        assert_eq!(stranger.ask("try"), "Resource temporarily unavailable");
        stranger.tell("wait");
        assert!(stranger.lines.recv_timeout(Duration::from_millis(30)).is_err(), "it waits");
        semaphore.unlock().unwrap();
        assert_eq!(stranger.hear(), "ok");
        assert!(semaphore.try_lock().unwrap().is_none());
        let accounts = semaphore.accounts().unwrap().unwrap();
        // Who finds one is not told how many units it was made with.
        assert_eq!((accounts.held, accounts.unknown), (0, we_are_first.then_some(1)));
        // We wait for it, as it did for us.
        let theirs = name.0.clone();
        let thread = std::thread::spawn(move || {
            let semaphore = NativeSemaphore::instantiate(&theirs).unwrap();
            semaphore.open().unwrap();
            let abandoned = semaphore.lock().unwrap().abandoned;
            semaphore.unlock().unwrap();
            abandoned.is_none()
        });
        eventually("it waits", || crate::support::waiters(&name.0) == 1);
        assert_eq!(stranger.ask("post"), "ok");
        assert!(joined(thread));
        assert_eq!(stranger.ask("value"), "1");
    }
}

/// Role: adds to a number in a file, under the semaphore. Arguments: name, rounds, file.
pub(crate) fn add(role: &mut Role) {
    let semaphore = NativeSemaphore::instantiate(role.argument(0)).expect("a good name");
    semaphore.open().expect("it opens");
    role.say("open");
    role.hear();
    for _ in 0..role.number(1) {
        semaphore.lock().expect("it comes free");
        let text = std::fs::read_to_string(role.argument(2)).expect("the number");
        let number: u64 = text.trim().parse().expect("a number");
        std::fs::write(role.argument(2), format!("{}\n", number + 1)).expect("it is written");
        semaphore.unlock().expect("it is held");
    }
    role.say("done");
}

#[test]
fn nothing_gets_lost_between_strangers_and_us() {
    const ROUNDS: u64 = 2_000;
    let name = OwnName::new("sum");
    let Some(mut one) = Stranger::start("native_interop", &name) else { return };
    let mut other = Stranger::start("native_interop", &name).expect("as the first");
    let file = base().join(format!("{}-number", name.0));
    std::fs::write(&file, "0\n").unwrap();
    let arguments = [name.0.clone(), ROUNDS.to_string(), file.display().to_string()];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut ours: Vec<_> = (0..2).map(|_| Helper::start("native-add", &arguments)).collect();
    ours.iter_mut().for_each(|helper| assert_eq!(helper.hear(), "open"));
    for stranger in [&mut one, &mut other] {
        assert_eq!(stranger.ask("open"), "ok");
        stranger.tell(&format!("add {ROUNDS} {}", file.display()));
    }
    ours.iter_mut().for_each(|helper| helper.tell("go"));
    ours.iter_mut().for_each(|helper| assert_eq!(helper.hear(), "done"));
    assert_eq!((one.hear(), other.hear()), ("ok".to_owned(), "ok".to_owned()));
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), (4 * ROUNDS).to_string());
    assert_eq!(one.ask("value"), "1");
}

#[test]
fn a_stranger_that_dies_holding_is_never_posted_for_unless_asked() {
    let name = OwnName::new("dead-stranger");
    let Some(mut stranger) = Stranger::start("native_interop", &name) else { return };
    let mut user = start(&name);
    assert_eq!(stranger.ask("open"), "ok");
    assert_eq!(stranger.ask("wait"), "ok");
    user.tell("lock");
    eventually("it waits", || crate::support::waiters(&name.0) == 1);
    stranger.kill();
    // Many looks later it still waits, and the books say why.
    assert_eq!(user.hear_within(Duration::from_millis(200)), None);
    let reaped = crate::native::reap();
    assert!(!reaped.iter().any(|one| one.object().name == name.0), "{reaped:?}");
    let seen = inspect::show(&name.0, Scope::User).unwrap();
    let inspect::State::Native(accounts) = seen.state else { panic!("{:?}", seen.state) };
    assert_eq!((accounts.unknown, accounts.abandoned), (Some(1), 0));
    assert_eq!(user.hear_within(Duration::from_millis(50)), None);
    // Whoever knows that it is dead says so, while the other one waits.
    assert_eq!(procsync::native::post_doubtful(&name.0, Scope::User).unwrap(), 1);
    assert_eq!(user.hear(), "locked 0");
    assert_eq!(user.ask("unlock"), "unlocked");
    user.finish();
}

#[test]
fn a_stranger_that_waits_gets_what_a_dead_one_held_after_reap() {
    let unreaped = crate::native::unreaped();
    let name = OwnName::new("stranger-waits");
    let Some(mut stranger) = Stranger::start("native_interop", &name) else { return };
    let mut holder = start(&name);
    assert_eq!(holder.ask("lock"), "locked 0");
    assert_eq!(stranger.ask("open"), "ok");
    stranger.tell("wait");
    holder.kill();
    assert!(stranger.lines.recv_timeout(Duration::from_millis(50)).is_err());
    drop(unreaped);
    let reaped = crate::native::reap();
    assert!(reaped.iter().any(|one| one.object().name == name.0), "{reaped:?}");
    assert_eq!(stranger.hear(), "ok");
    assert_eq!(stranger.ask("value"), "0");
}

#[test]
fn a_name_that_a_stranger_unlinks_leads_to_a_new_ledger() {
    let name = OwnName::new("unlinked");
    let Some(mut stranger) = Stranger::start("native_interop", &name) else { return };
    let mut holder = start(&name);
    assert_eq!(holder.ask("lock"), "locked 0");
    assert_eq!(stranger.ask("unlink"), "ok");
    assert_eq!(stranger.ask("open"), "ok");
    let mut newcomer = start(&name);
    assert_eq!(stranger.ask("wait"), "ok", "it is another semaphore");
    holder.kill();
    // What the dead one held was of the old semaphore: nobody gets it here.
    assert_eq!(newcomer.ask("try"), "busy");
    assert_eq!(stranger.ask("post"), "ok");
    assert_eq!(newcomer.ask("try"), "locked 0");
    newcomer.finish();
}
