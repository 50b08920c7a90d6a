//! Who is who: pids that come again, and directories that are worlds of their own.
#![allow(unsafe_code)] // kill and waitpid

use crate::any_lock::{AnyLock, Way, assert_held};
use crate::attacks_files::{base_for_all, start_in};
use crate::child::{Helper, Role};
use crate::fork::forked;
use crate::support::{LIMIT, eventually, name, skip};
use procsync::{Error, Mutex, Scope};
use std::process::Command;
use std::time::Duration;

const NEXT_PID: &str = "/proc/sys/kernel/ns_last_pid";

/// The one that dies and comes again.
const PID: u32 = 500;

/// How a program is run in a pid namespace of its own, in which the next pid can be chosen; or why
/// it cannot be.
fn unshare() -> Result<&'static [&'static str], String> {
    const WAY: &[&str] = &["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    let script = format!("echo 99 > {NEXT_PID}");
    match Command::new(WAY[0]).args(&WAY[1..]).args(["sh", "-c", &script]).output() {
        Ok(output) if output.status.success() => Ok(WAY),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("unshare: {error}")),
    }
}

/// Forks a child with just that pid, which says what it is asked to and stays.
fn forked_as(pid: u32, child: impl FnOnce()) -> libc::pid_t {
    std::fs::write(NEXT_PID, (pid - 1).to_string()).expect("the next pid can be chosen");
    let child = forked(|| {
        child();
        std::thread::sleep(Duration::from_secs(1_000));
    });
    assert_eq!(child.pid(), pid, "nobody else makes processes here");
    pid as libc::pid_t
}

fn kill(pid: libc::pid_t) {
    // SAFETY: plain system call; it was not reaped, so the pid is its.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    // SAFETY: no status is asked for.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
}

/// Role: pid 1 of its own namespace, where a holder dies and its pid comes again. Argument: a name.
pub(crate) fn see_a_pid_again(role: &mut Role) {
    for way in Way::OWNED {
        for opens in [false, true] {
            let name = format!("{}-{}-{opens}", role.argument(0), way.as_str());
            let lock = AnyLock::open(way, &name).expect("it opens");
            let holder = forked_as(PID, || {
                std::mem::forget(lock.hold().expect("it is free"));
            });
            eventually("the child has it", || lock.try_hold().expect("no error").is_none());
            kill(holder);
            let (reading, writing) = std::os::unix::net::UnixStream::pair().expect("sockets");
            let again = forked_as(PID, || {
                if opens {
                    // Claims a slot, perhaps the very one. It must not take the dead one's hold for
                    // its own.
                    let own = AnyLock::open(way, &name).expect("it opens");
                    if let AnyLock::Mutex(mutex) = &own {
                        assert!(matches!(mutex.release(), Err(Error::NotOwner { .. })));
                    }
                    std::mem::forget(own);
                }
                drop(writing);
            });
            // Ends when the child has closed its copy, and this process its own.
            drop(std::io::read_to_string(reading));
            let seen = procsync::inspect::show(&name, Scope::User).expect("it is there");
            assert!(seen.holders.iter().all(|holder| holder.dead), "{way:?}: {:?}", seen.holders);
            // A process of this pid lives, and this is not it.
            let held = lock.hold_within(LIMIT).expect("the holder is dead");
            assert_eq!(held.abandoned().map(|dead| dead.pid), Some(PID), "{way:?} {opens}");
            let name_of = |pid| std::fs::read_to_string(format!("/proc/{pid}/stat"));
            assert!(name_of(again).is_ok_and(|stat| !stat.contains(") Z ")), "it lives");
            drop(held);
            kill(again);
            assert!(lock.hold_within(LIMIT).expect("it is free").abandoned().is_none());
        }
    }
    role.say("ok");
}

#[test]
fn a_dead_holders_pid_that_comes_again_keeps_nothing_alive() {
    let unshare = match unshare() {
        Ok(unshare) => unshare,
        Err(why) => return skip("a_dead_holders_pid_that_comes_again_keeps_nothing_alive", &why),
    };
    let mut helper = Helper::start_by(unshare, "see-a-pid-again", &[&name("pid-again")]);
    assert_eq!(helper.hear(), "ok");
    helper.finish();
}

#[test]
fn each_directory_is_a_world_of_its_own() {
    let (one, other) = (base_for_all(), base_for_all());
    for way in Way::OWNED {
        let name = name("worlds");
        let start = |base: &tempfile::TempDir| {
            let mut user = start_in(base.path(), "user", &[way.as_str(), &name]);
            assert_eq!(user.hear(), "open");
            user
        };
        let (mut first, mut second, mut third) = (start(&one), start(&other), start(&one));
        assert_held(&first.ask("hold"), 0);
        assert_held(&second.ask("hold"), 0);
        assert_eq!(third.ask("try"), "busy");
        first.finish();
        assert_held(&third.ask("try"), 0);
        assert!(matches!(Mutex::<u64>::attach(&name), Err(Error::NotFound { .. })));
    }
}

#[test]
fn a_directory_that_cannot_be_used_is_named_in_the_error() {
    let mut helper = Helper::start("open-in", &[&name("nowhere")]);
    let base = base_for_all();
    let path = |name: &str| base.path().join(name).display().to_string();
    std::fs::write(path("file"), "").unwrap();
    std::os::unix::fs::symlink(base.path(), path("link")).unwrap();
    std::os::unix::fs::symlink(path("not-there"), path("dangling")).unwrap();
    for bad in ["not-there", "file", "link", "dangling", "file/below", "not-there/below"] {
        let answer = helper.ask(&path(bad));
        assert!(answer != "opened" && answer.contains(&path(bad)), "{bad}: {answer}");
    }
    assert!(!base.path().join("not-there").exists(), "nothing is made that was not asked for");
    assert_eq!(helper.ask(&path("")), "opened", "and the next one is tried as if nothing was");
    helper.finish();
}

/// Role: goes somewhere else while it has an object open in a directory that is told relative to
/// where it was. Argument: a name.
pub(crate) fn walk_off(role: &mut Role) {
    let lock = AnyLock::open(Way::Mutex, role.argument(0)).expect("it opens");
    let held = lock.hold().expect("it is free");
    std::env::set_current_dir("/").expect("it is there");
    forked(|| {
        assert!(lock.try_hold().expect("no error").is_none(), "the parent has it, wherever it is");
    })
    .ended_well();
    drop(held);
    drop(lock);
    role.say("left");
}

#[test]
fn who_goes_to_another_directory_keeps_its_objects_and_takes_them_along() {
    let (base, name) = (base_for_all(), name("relative"));
    let at = format!("--chdir={}", base.path().display());
    for relative in [".", "./"] {
        let directory = format!("{}={relative}", crate::support::DIRECTORY);
        let mut helper = Helper::start_by(&["env", &at, &directory], "walk-off", &[&name]);
        assert_eq!(helper.hear(), "left");
        helper.finish();
        let left = std::fs::read_dir(base.path()).unwrap().flatten();
        let left: Vec<_> = left.flat_map(|own| std::fs::read_dir(own.path()).unwrap()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
