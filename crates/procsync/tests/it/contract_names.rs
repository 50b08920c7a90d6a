//! What all kinds of objects have in common: names, opening, creating, attaching, removing.

use crate::child::Helper;
#[cfg(unix)]
use crate::support::{base, directory};
use crate::support::{eventually, file_of, name};
use procsync::{
    Error, Event, Kind, Mutex, Name, ReentrantMutex, Removal, Reset, Result, Scope, Semaphore,
    SharedMemory, TokenSemaphore,
};
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;

/// How an object is opened, kind by kind.
#[derive(Clone, Copy)]
struct Opener {
    kind: Kind,
    open: fn(&str) -> Result<Box<dyn Removable>>,
    create: fn(&str) -> Result<Box<dyn Removable>>,
    attach: fn(&str) -> Result<Box<dyn Removable>>,
}

trait Removable {
    fn remove(&self) -> Result<Removal>;
    fn name(&self) -> &str;
}

macro_rules! removable {
    ($($object:ty),*) => {$(
        impl Removable for $object {
            fn remove(&self) -> Result<Removal> {
                <$object>::remove(self)
            }
            fn name(&self) -> &str {
                <$object>::name(self)
            }
        }
    )*};
}
removable!(Mutex<u64>, ReentrantMutex, Semaphore, TokenSemaphore, Event, SharedMemory);

fn boxed<T: Removable + 'static>(object: T) -> Box<dyn Removable> {
    Box::new(object)
}

fn openers() -> [Opener; 6] {
    macro_rules! opener {
        ($kind:ident, $object:ty $(, $with:expr)?) => {
            Opener {
                kind: Kind::$kind,
                open: |name| <$object>::open(name $(, $with)?).map(boxed),
                create: |name| <$object>::create(name $(, $with)?).map(boxed),
                attach: |name| <$object>::attach(name).map(boxed),
            }
        };
    }
    [
        opener!(Mutex, Mutex<u64>),
        opener!(ReentrantMutex, ReentrantMutex),
        opener!(Semaphore, Semaphore, 3),
        opener!(TokenSemaphore, TokenSemaphore, 3),
        opener!(Event, Event, Reset::Manual),
        opener!(SharedMemory, SharedMemory, 100),
    ]
}

#[test]
fn what_is_created_can_be_opened_and_attached_to_and_goes_with_its_last_handle() {
    for Opener { kind, open, create, attach } in openers() {
        let name = name("common");
        let found = attach(&name);
        assert!(matches!(&found, Err(Error::NotFound { object }) if object.name == name), "{kind}");
        let first = create(&name).unwrap();
        assert!(matches!(create(&name), Err(Error::AlreadyExists { .. })), "{kind}");
        let (second, third) = (open(&name).unwrap(), attach(&name).unwrap());
        for handle in [first, second, third] {
            assert_eq!(handle.name(), name);
            assert!(file_of(&name).exists(), "{kind}: somebody has it open");
            drop(handle);
        }
        assert!(!file_of(&name).exists(), "{kind}: nobody has it open");
        assert!(matches!(attach(&name), Err(Error::NotFound { .. })), "{kind}");
        drop(open(&name).unwrap());
        assert!(!file_of(&name).exists(), "{kind}");
    }
}

#[test]
fn a_name_is_of_one_kind() {
    for first in openers() {
        let name = name("one-kind");
        let _object = (first.create)(&name).unwrap();
        for other in openers().into_iter().filter(|other| other.kind != first.kind) {
            for how in [other.open, other.create, other.attach] {
                let Err(error) = how(&name) else { panic!("a {} is a {}", first.kind, other.kind) };
                let Error::WrongKind { object, found } = &error else { panic!("{error}") };
                assert_eq!((object.kind, *found), (other.kind, first.kind));
                assert!(error.to_string().contains(first.kind.as_str()), "{error}");
            }
        }
    }
}

#[test]
fn names_with_a_prefix_lead_to_the_same_object() {
    for opener in openers() {
        let name = name("prefix");
        let _object = (opener.create)(&format!("/{name}")).unwrap();
        for prefix in ["", "/", "Global\\", "Local\\"] {
            let prefixed = format!("{prefix}{name}");
            assert_eq!((opener.attach)(&prefixed).unwrap().name(), name, "{}", opener.kind);
            assert!(matches!((opener.create)(&prefixed), Err(Error::AlreadyExists { .. })));
        }
    }
}

#[test]
fn what_cannot_be_a_name_is_refused_by_every_kind() {
    let too_long = "x".repeat(Name::MAX + 1);
    for opener in openers() {
        for bad in ["", "a/b", "..", "../x", "a b", &too_long] {
            for how in [opener.open, opener.create, opener.attach] {
                assert!(matches!(how(bad), Err(Error::InvalidName { .. })), "{bad}");
            }
        }
        let longest = name("longest");
        let longest = format!("{longest}{}", "x".repeat(Name::MAX - longest.len()));
        assert_eq!((opener.open)(&longest).unwrap().name(), longest);
    }
}

#[test]
fn participants_that_make_no_sense_are_refused() {
    for participants in [0, 65_537, u32::MAX] {
        let refused = Mutex::<()>::options().participants(participants).open(&name("crowd"));
        let Err(Error::InvalidArgument { reason, .. }) = refused else { panic!("{refused:?}") };
        assert!(reason.contains("65536"), "{reason}");
    }
    for participants in [1, 63, 64, 65, 65_536] {
        Mutex::<()>::options().participants(participants).open(&name("crowd")).unwrap();
    }
}

#[test]
fn a_process_that_finds_no_slot_is_told_and_leaves_no_trace() {
    let name = name("full");
    let full = Semaphore::options(2).participants(1).create(&name).unwrap();
    let _permit = full.acquire().unwrap();
    let mut other = Helper::start("open-and-tell", &[&name]);
    let answer = other.hear();
    assert!(answer.contains("all its 1 slots"), "{answer}");
    other.finish();
    assert_eq!(full.available().unwrap(), 1);
    drop(_permit);
    drop(full);
    assert!(!file_of(&name).exists());
}

/// Role: tries to attach to a semaphore and tells what came of it.
pub(crate) fn open_and_tell(role: &mut crate::child::Role) {
    match Semaphore::attach(role.argument(0)) {
        Ok(semaphore) => role.say(&format!("{semaphore:?}")),
        Err(error) => role.say(&error.to_string()),
    }
}

#[test]
fn remove_takes_what_nobody_uses_at_once() {
    let name = name("unused");
    drop(Mutex::<()>::options().persistent(true).create(&name).unwrap());
    assert!(file_of(&name).exists(), "it is persistent");
    assert!(matches!(Mutex::<()>::create(&name), Err(Error::AlreadyExists { .. })));
    assert_eq!(procsync::remove(&name, Scope::User).unwrap(), Some(Removal::Done));
    assert!(!file_of(&name).exists());
    assert_eq!(procsync::remove(&name, Scope::User).unwrap(), None);
}

#[test]
fn remove_of_what_is_in_use_lets_it_go_with_its_last_user() {
    for opener in openers() {
        let name = name("in-use");
        let object = (opener.create)(&name).unwrap();
        assert_eq!(object.remove().unwrap(), Removal::WhenLastUserLeaves);
        // No second object can come to be beside the one in use.
        assert!(matches!((opener.create)(&name), Err(Error::AlreadyExists { .. })));
        drop((opener.attach)(&name).unwrap());
        assert!(file_of(&name).exists());
        drop(object);
        assert!(!file_of(&name).exists(), "{}", opener.kind);
    }
    let name = name("in-use-persistent");
    let object = Event::options(Reset::Auto).persistent(true).create(&name).unwrap();
    assert_eq!(procsync::remove(&name, Scope::User).unwrap(), Some(Removal::WhenLastUserLeaves));
    drop(object);
    assert!(!file_of(&name).exists(), "it is not persistent any more");
}

#[test]
#[cfg(unix)]
fn an_object_is_private_unless_it_is_made_for_the_machine() {
    let name = name("mode");
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let _own = Mutex::<()>::create(&name).unwrap();
    assert_eq!(mode(file_of(&name)), 0o600);
    assert_eq!(mode(directory()), 0o700);
    // The same name in the other scope is another object.
    let scope = Scope::Machine { mode: 0o666 };
    let _everybody = Event::options(Reset::Manual).scope(scope).create(&name).unwrap();
    let file = base().join(format!("procsync.{name}"));
    assert_eq!(mode(file.clone()), 0o666, "not cut by the umask");
    let _group = Event::options(Reset::Manual)
        .scope(Scope::Machine { mode: 0o7777 })
        .create(&format!("{name}-x"))
        .unwrap();
    assert_eq!(mode(base().join(format!("procsync.{name}-x"))), 0o666, "nothing is executable");
    drop(_everybody);
    assert!(!file.exists());
}

#[test]
#[cfg(unix)]
fn a_directory_that_lets_others_in_is_refused() {
    let mut helper = Helper::start("open-in", &[&name("planted")]);
    let fresh = tempfile::tempdir_in(base()).unwrap();
    let own = fresh.path().join(directory().file_name().unwrap());
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    let at = fresh.path().to_str().unwrap();
    assert_eq!(helper.ask(at), "opened");
    assert!(own.is_dir());
    mode(&own, 0o755);
    let answer = helper.ask(at);
    assert!(answer.contains("755") && answer.contains("refused"), "{answer}");
    mode(&own, 0o700);
    assert_eq!(helper.ask(at), "opened");
    mode(fresh.path(), 0o777);
    let answer = helper.ask(at);
    assert!(answer.contains("sticky"), "{answer}");
    mode(fresh.path(), 0o1777);
    assert_eq!(helper.ask(at), "opened");
    // A link that leads to a good directory is no good directory.
    let moved = fresh.path().join("moved");
    std::fs::rename(&own, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &own).unwrap();
    let answer = helper.ask(at);
    assert!(answer.contains("not a directory"), "{answer}");
    std::fs::remove_file(&own).unwrap();
    std::fs::write(&own, "").unwrap();
    let answer = helper.ask(at);
    assert!(answer.contains("not a directory"), "{answer}");
    helper.finish();
}

/// Role: opens a mutex in each directory that it is told, and tells what came of it.
#[allow(unsafe_code)]
pub(crate) fn open_in(role: &mut crate::child::Role) {
    while let Some(directory) = role.hear() {
        // SAFETY: this helper has no other thread that reads the environment.
        unsafe { std::env::set_var(crate::support::DIRECTORY, &directory) };
        match Mutex::<()>::open(role.argument(0)) {
            Ok(_) => role.say("opened"),
            Err(error) => role.say(&error.to_string()),
        }
    }
}

#[test]
fn processes_are_counted_while_they_live() {
    let name = name("count");
    let memory = SharedMemory::create(&name, 8).unwrap();
    assert_eq!(memory.attached_processes().unwrap(), 1);
    let mut helpers: Vec<_> = (0..3).map(|_| Helper::start("attach-memory", &[&name])).collect();
    for helper in &mut helpers {
        assert_eq!(helper.hear(), "attached");
    }
    assert_eq!(memory.attached_processes().unwrap(), 4);
    helpers.pop().unwrap().kill();
    assert_eq!(memory.attached_processes().unwrap(), 3, "a dead one does not count");
    helpers.pop().unwrap().finish();
    eventually("one who left does not count", || memory.attached_processes().unwrap() == 2);
}

/// Role: has a shared memory open until it is told to end.
pub(crate) fn attach_memory(role: &mut crate::child::Role) {
    let _memory = SharedMemory::attach(role.argument(0)).expect("it is there");
    role.say("attached");
    role.hear();
}
