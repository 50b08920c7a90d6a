//! Other users: let in as far as the mode of an object says, and no further; and nothing that they
//! have planted is used. (More of that is in `attacks_files`.)
#![allow(unsafe_code)] // setuid, umask, chown

use crate::attacks_files::{base_for_all, start_in, there_is_only_one_user};
use crate::child::{Helper, Role};
use crate::support::name;
use procsync::{Mutex, Scope, SharedMemory};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

const ALICE: u32 = 1001;
const BOB: u32 = 1002;
const CAROL: u32 = 1003;
const FRIENDS: u32 = 2001;

pub(crate) fn become_user(user: u32, group: u32, umask: u32) {
    // SAFETY: no groups, so nothing is read.
    assert_eq!(unsafe { libc::setgroups(0, std::ptr::null()) }, 0);
    // SAFETY: plain system call.
    assert_eq!(unsafe { libc::setgid(group) }, 0);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setuid(user) }, 0);
    // SAFETY: plain system call.
    unsafe { libc::umask(umask) };
}

/// Role: some user. Arguments: the user, the group, the umask.
///
/// `create SCOPE NAME`, `open SCOPE NAME` and `attach SCOPE NAME` answer `open`, where the scope is
/// `user` or a machine-wide object's mode; `hold` answers `held` with the pid of the dead holder
/// before or 0, `try` also `busy`; `show SCOPE NAME` answers how many hold it, `remove SCOPE NAME`
/// what became of it, `memory MODE NAME` and `close` say what they did.
/// Whatever fails answers `error` with the text.
pub(crate) fn somebody(role: &mut Role) {
    become_user(role.number(0), role.number(1), role.number(2));
    let mut open: Option<&'static Mutex<u64>> = None;
    let mut memories = Vec::new();
    while let Some(line) = role.hear() {
        let words: Vec<_> = line.split(' ').collect();
        let scope = match words.get(1) {
            Some(&"user") | None => Scope::User,
            Some(mode) => Scope::Machine { mode: u32::from_str_radix(mode, 8).expect("octal") },
        };
        let options = Mutex::<u64>::options().scope(scope);
        let mut keep = |opened: procsync::Result<Mutex<u64>>| {
            opened.map(|mutex| {
                open = Some(Box::leak(Box::new(mutex)));
                "open".to_owned()
            })
        };
        let answer = match words[0] {
            "create" => keep(options.create(words[2])),
            "open" => keep(options.open(words[2])),
            "attach" => keep(options.attach(words[2])),
            "hold" => open.expect("open").lock_timeout(crate::support::LIMIT).map(|guard| {
                let dead = guard.abandoned().map_or(0, |dead| dead.pid);
                guard.keep();
                format!("held {dead}")
            }),
            "try" => open.expect("open").try_lock().map(|guard| match guard {
                Some(guard) => {
                    guard.keep();
                    "held".to_owned()
                }
                None => "busy".to_owned(),
            }),
            "show" => {
                procsync::inspect::show(words[2], scope).map(|seen| seen.holders.len().to_string())
            }
            "remove" => procsync::remove(words[2], scope).map(|removed| format!("{removed:?}")),
            "memory" => SharedMemory::options(64).scope(scope).open(words[2]).and_then(|memory| {
                memory.write(0, b"x")?;
                memories.push(memory);
                Ok("open".to_owned())
            }),
            other => panic!("{other}"),
        };
        role.say(&answer.unwrap_or_else(|error| format!("error {error}")));
    }
    memories.clear();
    if let Some(mutex) = open {
        // SAFETY: it came from a Box, and nobody refers to it any more.
        drop(unsafe { Box::from_raw(std::ptr::from_ref(mutex).cast_mut()) });
    }
}

fn start(base: &Path, user: u32, group: u32, umask: u32) -> Helper {
    let arguments = [user, group, umask].map(|number| number.to_string());
    start_in(base, "somebody", &[&arguments[0], &arguments[1], &arguments[2]])
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[track_caller]
fn assert_denied(answer: &str) {
    assert!(answer.starts_with("error") && answer.contains("ermission denied"), "{answer}");
}

#[test]
fn a_group_shares_what_is_made_for_it_and_nobody_else_does() {
    if there_is_only_one_user("a_group_shares_what_is_made_for_it_and_nobody_else_does") {
        return;
    }
    // Whatever the umask of the one who makes it: the mode is what was asked for.
    for umask in [0o000, 0o022, 0o077, 0o777] {
        let (base, name) = (base_for_all(), name("group"));
        let mut alice = start(base.path(), ALICE, FRIENDS, umask);
        let mut bob = start(base.path(), BOB, FRIENDS, umask);
        let mut carol = start(base.path(), CAROL, CAROL, umask);
        assert_eq!(alice.ask(&format!("create 660 {name}")), "open", "{umask:o}");
        assert_eq!(mode(&base.path().join(format!("procsync.{name}"))), 0o660, "{umask:o}");
        assert_eq!(bob.ask(&format!("open 660 {name}")), "open", "{umask:o}");
        for how in ["open", "create", "attach"] {
            assert_denied(&carol.ask(&format!("{how} 660 {name}")));
        }
        assert!(carol.ask(&format!("show 660 {name}")).starts_with("error"));
        assert_denied(&carol.ask(&format!("remove 660 {name}")));
        // They exclude each other, and take over from each other's dead.
        assert_eq!(alice.ask("hold"), "held 0");
        assert_eq!(bob.ask("try"), "busy");
        let pid = bob.ask(&format!("show 660 {name}"));
        assert_eq!(pid, "1");
        alice.kill();
        assert!(bob.ask("hold").starts_with("held ") && bob.runs());
        let mut alice = start(base.path(), ALICE, FRIENDS, umask);
        assert_eq!(alice.ask(&format!("attach 660 {name}")), "open");
        assert_eq!(alice.ask("try"), "busy");
        bob.kill();
        assert!(alice.ask("hold").starts_with("held "), "and back");
        alice.finish();
    }
}

#[test]
fn what_is_ones_own_no_other_user_sees_and_no_umask_opens() {
    if there_is_only_one_user("what_is_ones_own_no_other_user_sees_and_no_umask_opens") {
        return;
    }
    for umask in [0o000, 0o777] {
        let (base, name) = (base_for_all(), name("own"));
        let mut alice = start(base.path(), ALICE, FRIENDS, umask);
        let mut bob = start(base.path(), BOB, FRIENDS, umask);
        assert_eq!(alice.ask(&format!("create user {name}")), "open");
        assert_eq!(alice.ask("hold"), "held 0");
        let own = base.path().join(format!("procsync-{ALICE}"));
        // A directory is made as the umask lets it be made, never more open than for its user.
        assert_eq!(mode(&own) & 0o077, 0, "{umask:o}");
        assert_eq!(mode(&own.join(&name)), 0o600, "{umask:o}");
        // The same name is another object for another user, in a directory of its own.
        assert!(bob.ask(&format!("attach user {name}")).starts_with("error"));
        assert_eq!(bob.ask(&format!("create user {name}")), "open");
        assert_eq!(bob.ask("try"), "held");
        bob.finish();
        alice.finish();
    }
}

#[test]
fn a_peer_that_may_only_read_can_look_and_nothing_else() {
    if there_is_only_one_user("a_peer_that_may_only_read_can_look_and_nothing_else") {
        return;
    }
    for mode in ["644", "640"] {
        let (base, name) = (base_for_all(), name("read"));
        let mut alice = start(base.path(), ALICE, FRIENDS, 0);
        let mut bob = start(base.path(), BOB, FRIENDS, 0);
        assert_eq!(alice.ask(&format!("create {mode} {name}")), "open");
        for how in ["open", "create", "attach"] {
            assert_denied(&bob.ask(&format!("{how} {mode} {name}")));
        }
        assert_denied(&bob.ask(&format!("remove {mode} {name}")));
        assert_eq!(bob.ask(&format!("show {mode} {name}")), "0");
        assert_eq!(alice.ask("hold"), "held 0");
        assert_eq!(bob.ask(&format!("show {mode} {name}")), "1");
        // The same of memory: who may not write does not get it.
        let memory = format!("{name}-memory");
        assert_eq!(alice.ask(&format!("memory {mode} {memory}")), "open");
        assert_denied(&bob.ask(&format!("memory {mode} {memory}")));
        alice.finish();
        assert!(!base.path().join(format!("procsync.{name}")).exists());
        assert!(!crate::support::data_file_of(&memory).exists());
    }
}

#[test]
fn a_directory_that_another_user_planted_is_refused() {
    if there_is_only_one_user("a_directory_that_another_user_planted_is_refused") {
        return;
    }
    let name = name("planted");
    let base = base_for_all();
    let own = base.path().join(format!("procsync-{ALICE}"));
    let elsewhere = base.path().join("elsewhere");
    let refused = |expected: &str| {
        let mut alice = start(base.path(), ALICE, ALICE, 0o022);
        for how in ["create", "open", "attach"] {
            let answer = alice.ask(&format!("{how} user {name}"));
            assert!(answer.starts_with("error") && answer.contains(expected), "{answer}");
        }
        let answer = alice.ask(&format!("remove user {name}"));
        assert!(answer.starts_with("error") && answer.contains(expected), "{answer}");
        alice.finish();
    };
    // Bob's, however it looks.
    for mode in [0o700, 0o755, 0o777, 0o1777] {
        fs::create_dir(&own).unwrap();
        chown(&own, Some(BOB), Some(BOB)).unwrap();
        fs::set_permissions(&own, PermissionsExt::from_mode(mode)).unwrap();
        refused(&format!("belongs to user {BOB}"));
        assert_eq!(fs::read_dir(&own).unwrap().count(), 0, "nothing was put there");
        fs::remove_dir(&own).unwrap();
    }
    // Her own, but a link of Bob's leads there.
    fs::create_dir(&elsewhere).unwrap();
    chown(&elsewhere, Some(ALICE), Some(ALICE)).unwrap();
    fs::set_permissions(&elsewhere, PermissionsExt::from_mode(0o700)).unwrap();
    symlink(&elsewhere, &own).unwrap();
    refused("not a directory");
    fs::remove_file(&own).unwrap();
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "nothing was put there");
    // Her own, and open to others.
    fs::rename(&elsewhere, &own).unwrap();
    for mode in [0o701, 0o710, 0o720, 0o777] {
        fs::set_permissions(&own, PermissionsExt::from_mode(mode)).unwrap();
        refused("lets others in");
    }
    fs::set_permissions(&own, PermissionsExt::from_mode(0o700)).unwrap();
    let mut alice = start(base.path(), ALICE, ALICE, 0o022);
    assert_eq!(alice.ask(&format!("create user {name}")), "open");
    alice.finish();
}

#[test]
fn a_base_that_others_own_or_may_change_is_refused_whatever_the_scope() {
    if there_is_only_one_user("a_base_that_others_own_or_may_change_is_refused_whatever_the_scope")
    {
        return;
    }
    let (base, name) = (base_for_all(), name("base"));
    let set = |owner: u32, mode: u32| {
        chown(base.path(), Some(owner), Some(owner)).unwrap();
        fs::set_permissions(base.path(), PermissionsExt::from_mode(mode)).unwrap();
    };
    for (owner, mode, expected) in [
        (BOB, 0o1777, "belongs to user 1002"),
        (BOB, 0o777, "belongs to user 1002"),
        (0, 0o777, "sticky"),
        (0, 0o775, "sticky"),
        (0, 0o755, "may not write"),
        (0, 0o555, "may not write"),
        (ALICE, 0o777, "sticky"),
    ] {
        set(owner, mode);
        let mut alice = start(base.path(), ALICE, ALICE, 0o022);
        for scope in ["user", "666"] {
            for how in ["create", "open", "attach"] {
                let answer = alice.ask(&format!("{how} {scope} {name}"));
                let refused = answer.starts_with("error") && answer.contains(expected);
                assert!(refused, "{owner} {mode:o} {scope}: {answer}");
            }
        }
        alice.finish();
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0, "{owner} {mode:o}");
    }
    // Out of reach: a directory above it lets nobody through.
    set(0, 0o700);
    let inside = base.path().join("inside");
    fs::create_dir(&inside).unwrap();
    fs::set_permissions(&inside, PermissionsExt::from_mode(0o1777)).unwrap();
    let mut alice = start(&inside, ALICE, ALICE, 0o022);
    assert_denied(&alice.ask(&format!("create user {name}")));
    assert_denied(&alice.ask(&format!("create 666 {name}")));
    set(ALICE, 0o700);
    assert_eq!(alice.ask(&format!("create 666 {name}")), "open", "it is hers now");
    alice.finish();
}

#[test]
fn a_machine_wide_name_that_is_a_link_is_not_followed() {
    if there_is_only_one_user("a_machine_wide_name_that_is_a_link_is_not_followed") {
        return;
    }
    let (base, name) = (base_for_all(), name("wide-link"));
    let target = base.path().join("target");
    fs::write(&target, "what root wrote").unwrap();
    let link = base.path().join(format!("procsync.{name}"));
    // Bob's link, and root opens.
    symlink(&target, &link).unwrap();
    let mut root = start(base.path(), 0, 0, 0o022);
    for how in ["create", "open", "attach"] {
        let answer = root.ask(&format!("{how} 666 {name}"));
        assert!(answer.contains("symbolic link"), "{answer}");
    }
    assert!(root.ask(&format!("remove 666 {name}")).starts_with("error"));
    root.finish();
    assert_eq!(fs::read_to_string(&target).unwrap(), "what root wrote");
    assert!(link.symlink_metadata().unwrap().is_symlink());
}
