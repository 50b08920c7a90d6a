//! Files that other users plant or forge, names that lead to others' files, and names that several
//! users share in good faith.
#![allow(unsafe_code)] // chown and setuid

use crate::child::{Helper, Role};
use crate::support::{self, data_file_of, name, skip};
use procsync::{
    Error, Event, Mutex, OnAbandoned, Reset, Scope, Semaphore, SharedMemory, TokenSemaphore,
};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Two users who have nothing to do with each other.
pub(crate) const ALICE: u32 = 1001;
pub(crate) const BOB: u32 = 1002;

pub(crate) const EVERYBODY: Scope = Scope::Machine { mode: 0o666 };

/// Skips a test that needs several users; says whether to.
pub(crate) fn there_is_only_one_user(test: &str) -> bool {
    // SAFETY: geteuid has no arguments and cannot fail.
    let only_one = unsafe { libc::geteuid() } != 0;
    if only_one {
        skip(test, "only root can become another user");
    }
    only_one
}

/// Becomes another user, for good.
pub(crate) fn become_user(user: u32) {
    // SAFETY: no groups, so nothing is read.
    assert_eq!(unsafe { libc::setgroups(0, std::ptr::null()) }, 0);
    // SAFETY: plain system call.
    assert_eq!(unsafe { libc::setgid(user) }, 0);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setuid(user) }, 0);
}

/// A base directory for all users, as /dev/shm is one.
pub(crate) fn base_for_all() -> TempDir {
    support::base();
    let directory =
        tempfile::Builder::new().prefix("procsync-test-").tempdir_in("/dev/shm").unwrap();
    fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o1777)).unwrap();
    directory
}

/// Starts a helper whose objects lie there.
pub(crate) fn start_in(base: &Path, role: &str, arguments: &[&str]) -> Helper {
    let variable = format!("{}={}", support::DIRECTORY, base.display());
    Helper::start_by(&["env", &variable], role, arguments)
}

/// Another program's file in /dev/shm. Removed when this goes.
struct OtherProgramsFile(PathBuf);

impl OtherProgramsFile {
    const CONTENT: &[u8] = b"what another program wrote";

    fn make(name: &str, owner: u32, mode: u32) -> OtherProgramsFile {
        let path = data_file_of(name);
        let mut content = Self::CONTENT.to_vec();
        content.resize(4_096, 0);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        std::os::unix::fs::chown(&path, Some(owner), None).unwrap();
        OtherProgramsFile(path)
    }

    #[track_caller]
    fn assert_untouched(&self) {
        let content = fs::read(&self.0).expect("it is there");
        assert!(content.len() == 4_096 && content.starts_with(Self::CONTENT));
    }
}

impl Drop for OtherProgramsFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn me() -> u32 {
    // SAFETY: geteuid has no arguments and cannot fail.
    unsafe { libc::geteuid() }
}

#[track_caller]
fn refuse_memory(name: &str) {
    for opened in [
        SharedMemory::open(name, 4_096),
        SharedMemory::create(name, 4_096),
        SharedMemory::attach(name),
        SharedMemory::options(4_096).persistent(true).open(name),
    ] {
        match opened {
            Err(Error::Damaged { .. } | Error::AlreadyExists { .. } | Error::System { .. }) => {}
            Err(Error::NotFound { .. }) => {}
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("what is meant to be private would lie in it"),
        }
    }
    assert!(!support::file_of(name).exists(), "nothing is left of the tries");
}

#[test]
fn private_memory_is_never_put_into_a_file_of_another_user() {
    if there_is_only_one_user("private_memory_is_never_put_into_a_file_of_another_user") {
        return;
    }
    for mode in [0o666, 0o660, 0o600] {
        let name = name("planted");
        let file = OtherProgramsFile::make(&name, BOB, mode);
        refuse_memory(&name);
        file.assert_untouched();
        let error = SharedMemory::open(&name, 4_096).expect_err("refused").to_string();
        assert!(error.contains("belongs to user 1002"), "{error}");
    }
}

#[test]
fn private_memory_is_never_put_into_a_file_that_others_may_write() {
    for mode in [0o666, 0o660, 0o602] {
        let name = name("planted-own");
        let file = OtherProgramsFile::make(&name, me(), mode);
        refuse_memory(&name);
        file.assert_untouched();
        // Closed to others, it is another program's memory like any.
        fs::set_permissions(&file.0, PermissionsExt::from_mode(0o644)).unwrap();
        let memory = SharedMemory::open(&name, 4_096).unwrap();
        assert!(!memory.created());
        let mut bytes = [0; 26];
        memory.read(0, &mut bytes).unwrap();
        assert_eq!(bytes, OtherProgramsFile::CONTENT);
        drop(memory);
        file.assert_untouched();
    }
}

#[test]
fn memory_follows_no_link() {
    let (target_name, link_name) = (name("link-target"), name("planted-link"));
    let file = OtherProgramsFile::make(&target_name, me(), 0o600);
    let link = data_file_of(&link_name);
    for target in [&file.0, &data_file_of(&name("nowhere"))] {
        symlink(target, &link).unwrap();
        refuse_memory(&link_name);
        assert!(link.symlink_metadata().is_ok(), "it is not ours to remove");
        fs::remove_file(&link).unwrap();
        assert!(*target == file.0 || !target.exists());
    }
    file.assert_untouched();
}

#[test]
fn memory_is_never_put_into_a_file_that_has_another_name() {
    // As somebody could do where everybody may make files and the kernel lets users link others'.
    for scope in [Scope::User, EVERYBODY] {
        let (target, name) = (name("named-twice"), name("second-name"));
        let file = OtherProgramsFile::make(&target, me(), 0o600);
        let second = OtherProgramsFile(data_file_of(&name));
        fs::hard_link(&file.0, &second.0).unwrap();
        let error = SharedMemory::options(64).scope(scope).open(&name).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("2 names"), "{error}");
        file.assert_untouched();
        second.assert_untouched();
        // With one name, it is memory like any.
        fs::remove_file(&file.0).unwrap();
        drop(SharedMemory::options(64).scope(scope).open(&name).unwrap());
        second.assert_untouched();
    }
}

#[test]
fn memory_cannot_have_names_whose_files_are_something_else() {
    for prefix in ["procsync.", "procsync-", "sem.", "/procsync.", "Global\\sem."] {
        let name = format!("{prefix}{}", name("taken"));
        let options = SharedMemory::options(64);
        for opened in [
            SharedMemory::open(&name, 64),
            SharedMemory::create(&name, 64),
            SharedMemory::attach(&name),
            options.clone().scope(Scope::Machine { mode: 0o600 }).open(&name),
            options.clone().scope(Scope::Machine { mode: 0o600 }).create(&name),
            options.clone().scope(Scope::Machine { mode: 0o600 }).attach(&name),
        ] {
            let Err(Error::InvalidName { reason, .. }) = opened else { panic!("{name}") };
            assert!(reason.contains("something else"), "{reason}");
        }
        let bare = name.trim_start_matches('/').trim_start_matches("Global\\");
        assert!(!data_file_of(bare).exists());
        // Of other kinds' objects no file lies there.
        drop(Mutex::<u64>::open(&name).unwrap());
        drop(Semaphore::open(&name, 2).unwrap());
    }
    // And what only resembles them is free.
    for name in [name("procsync."), format!("semaphore.{}", name("like"))] {
        drop(SharedMemory::create(&name, 64).unwrap());
        assert!(!data_file_of(&name).exists());
    }
}

/// One object that all users may use.
#[allow(dead_code, reason = "it is kept open")]
enum Common {
    Mutex(Mutex<u64>),
    Semaphore(Semaphore),
    Tokens(TokenSemaphore),
    Event(Event),
    Memory(SharedMemory),
}

impl Common {
    const KINDS: [&str; 5] = ["mutex", "semaphore", "tokens", "event", "memory"];

    fn open(kind: &str, name: &str) -> procsync::Result<Common> {
        Ok(match kind {
            "mutex" => {
                let options = Mutex::<u64>::options().scope(EVERYBODY).initial(7);
                Common::Mutex(options.on_abandoned(OnAbandoned::Refuse).open(name)?)
            }
            "semaphore" => Common::Semaphore(Semaphore::options(2).scope(EVERYBODY).open(name)?),
            "tokens" => Common::Tokens(TokenSemaphore::options(3).scope(EVERYBODY).open(name)?),
            "event" => Common::Event(Event::options(Reset::Manual).scope(EVERYBODY).open(name)?),
            "memory" => Common::Memory(SharedMemory::options(4_096).scope(EVERYBODY).open(name)?),
            _ => unreachable!("no such kind"),
        })
    }

    /// Uses it; says what it was like, and leaves something behind that a new one has not.
    fn used(&self) -> procsync::Result<u64> {
        Ok(match self {
            Common::Mutex(mutex) => {
                let mut guard = mutex.lock()?;
                let before = guard.get();
                guard.set(9);
                guard.keep();
                before
            }
            Common::Semaphore(semaphore) => {
                let permits = semaphore.acquire_many(2)?;
                assert!(permits.abandoned().is_none());
                std::mem::forget(permits);
                2
            }
            Common::Tokens(tokens) => {
                let before = tokens.value();
                tokens.wait()?;
                u64::from(before)
            }
            Common::Event(event) => {
                let before = event.is_set();
                event.set()?;
                u64::from(before)
            }
            Common::Memory(memory) => {
                let mut byte = [0];
                memory.read(4_095, &mut byte)?;
                memory.write(4_095, &[1])?;
                u64::from(byte[0])
            }
        })
    }

    /// What a new one is like.
    fn new_is(kind: &str) -> u64 {
        match kind {
            "mutex" => 7,
            "semaphore" => 2,
            "tokens" => 3,
            _ => 0,
        }
    }
}

/// Role: a user of the machine. Arguments: the user's number, a name.
///
/// `open KIND` answers `open`, `use` answers what the object was like, `close` answers `closed`,
/// `forge DEVICE NUMBER` and `forge-ready DEVICE NUMBER` answer `forged`; errors answer `error` with the text.
pub(crate) fn stranger(role: &mut Role) {
    become_user(role.number(0));
    let name = role.argument(1);
    let mut open = None;
    let mut forged = None;
    while let Some(line) = role.hear() {
        let mut words = line.split(' ');
        let answer = match words.next() {
            Some("open") => Common::open(words.next().expect("a kind"), name).map(|common| {
                open = Some(common);
                "open".to_owned()
            }),
            Some("use") => open.as_ref().expect("open").used().map(|before| before.to_string()),
            Some("close") => {
                open = None;
                Ok("closed".to_owned())
            }
            Some(how @ ("forge" | "forge-ready")) => {
                let mut number = || words.next().expect("two").parse().expect("a number");
                let (device, number) = (number(), number());
                forge(name, device, number, how == "forge-ready").map(|event| {
                    forged = Some(event);
                    "forged".to_owned()
                })
            }
            _ => unreachable!("not asked for"),
        };
        role.say(&answer.unwrap_or_else(|error| format!("error {error}")));
    }
}

/// Makes a machine-wide object that says: I am a shared memory, and that file is mine; and perhaps: come
/// in.
fn forge(name: &str, device: u64, number: u64, ready: bool) -> procsync::Result<Event> {
    let event = Event::options(Reset::Manual).scope(EVERYBODY).open(name)?;
    let path = support::base().join(format!("procsync.{name}"));
    let file = File::options().write(true).open(path).expect("it is ours");
    // The kind and the identity of the data file, as docs/layout.md has them.
    file.write_all_at(&6_u32.to_ne_bytes(), 12).expect("it is ours");
    file.write_all_at(&device.to_ne_bytes(), 128 + 48).expect("it is ours");
    file.write_all_at(&number.to_ne_bytes(), 128 + 56).expect("it is ours");
    if ready {
        file.write_all_at(&1_u32.to_ne_bytes(), 128 + 36).expect("it is ours");
    }
    Ok(event)
}

/// A user who has forged an object and was killed; the user opens the kind `opens` of the same name
/// and closes it. Is the file still there that the forged object claims for its own?
fn file_survives(forger: u32, opens: &str) -> bool {
    let (base, name) = (base_for_all(), name("forged"));
    let file = OtherProgramsFile::make(&name, 0, 0o600);
    let data = file.0.metadata().unwrap();
    let mut attacker = start_in(base.path(), "stranger", &[&forger.to_string(), &name]);
    let answer = attacker.ask(&format!("forge {} {}", data.dev(), data.ino()));
    assert_eq!(answer, "forged");
    attacker.kill();
    let mut victim = start_in(base.path(), "stranger", &["0", &name]);
    victim.ask(&format!("open {opens}"));
    victim.ask("close");
    victim.finish();
    file.0.exists() && file.0.metadata().unwrap().ino() == data.ino()
}

#[test]
fn a_forged_object_has_no_file_of_another_user_removed() {
    if there_is_only_one_user("a_forged_object_has_no_file_of_another_user_removed") {
        return;
    }
    for opens in ["mutex", "memory"] {
        assert!(file_survives(BOB, opens), "opened as {opens}");
        // That it is well forged shows where forger and victim are one.
        assert!(!file_survives(0, opens), "opened as {opens}: this test shows nothing");
    }
}

#[test]
fn a_forged_object_has_memory_put_into_no_file_that_has_another_name() {
    if there_is_only_one_user("a_forged_object_has_memory_put_into_no_file_that_has_another_name") {
        return;
    }
    for named_twice in [true, false] {
        let (base, name) = (base_for_all(), name("forged-link"));
        let file = OtherProgramsFile::make(&name, 0, 0o600);
        let other = OtherProgramsFile(data_file_of(&format!("{name}-other")));
        if named_twice {
            fs::hard_link(&file.0, &other.0).unwrap();
        }
        let data = file.0.metadata().unwrap();
        // The forger stays, or the object would be a leftover.
        let mut forger = start_in(base.path(), "stranger", &[&BOB.to_string(), &name]);
        let forge = format!("forge-ready {} {}", data.dev(), data.ino());
        assert_eq!(forger.ask(&forge), "forged");
        let mut victim = start_in(base.path(), "stranger", &["0", &name]);
        let answer = victim.ask("open memory");
        if named_twice {
            assert!(answer.contains("2 names"), "{answer}");
        } else {
            assert_eq!(answer, "open", "that it is well forged");
        }
        victim.finish();
        file.assert_untouched();
    }
}

#[test]
fn a_machine_wide_name_serves_all_users_for_ever() {
    if there_is_only_one_user("a_machine_wide_name_serves_all_users_for_ever") {
        return;
    }
    for kind in Common::KINDS {
        for killed in [false, true] {
            let (base, name) = (base_for_all(), name("common"));
            let start = |user: u32| start_in(base.path(), "stranger", &[&user.to_string(), &name]);
            let open = format!("open {kind}");
            // Made by one; the other one is the last to leave and cannot remove the name.
            let (mut alice, mut bob) = (start(ALICE), start(BOB));
            assert_eq!(alice.ask(&open), "open", "{kind}");
            assert_eq!(bob.ask(&open), "open", "{kind}");
            assert_eq!(alice.ask("close"), "closed");
            assert_eq!(bob.ask("use"), Common::new_is(kind).to_string());
            if killed {
                bob.kill();
            } else {
                assert_eq!(bob.ask("close"), "closed");
            }
            // Everybody in turn finds it as good as new, whoever was there before.
            for user in [BOB, 1003, BOB, ALICE, BOB, 0] {
                let mut next = start(user);
                assert_eq!(next.ask(&open), "open", "{kind} {user}");
                assert_eq!(next.ask("use"), Common::new_is(kind).to_string(), "{kind} {user}");
                assert!(base.path().join(format!("procsync.{name}")).exists());
                if killed {
                    next.kill();
                } else {
                    next.finish();
                }
            }
            // What the killed left of a memory does not lie in the test's own directory.
            let _ = fs::remove_file(data_file_of(&name));
        }
    }
}

#[test]
fn a_leftover_that_another_user_made_differently_is_an_error() {
    if there_is_only_one_user("a_leftover_that_another_user_made_differently_is_an_error") {
        return;
    }
    let (base, name) = (base_for_all(), name("common-differs"));
    let start = |user: u32| start_in(base.path(), "stranger", &[&user.to_string(), &name]);
    let mut alice = start(ALICE);
    assert_eq!(alice.ask("open mutex"), "open");
    alice.kill();
    let mut bob = start(BOB);
    let answer = bob.ask("open semaphore");
    assert!(answer.starts_with("error") && answer.contains("leftover"), "{answer}");
    // Who may remove it does, and all is well.
    let mut alice = start(ALICE);
    assert_eq!(alice.ask("open semaphore"), "open");
    assert_eq!(bob.ask("open semaphore"), "open");
}
