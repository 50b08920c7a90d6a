//! What is left over when users die, and who stumbles over it: nobody takes it for something in use,
//! nothing that is to stay goes, and nobody stands before it for ever.

use crate::attacks_files::there_is_only_one_user;
use crate::attacks_files::{ALICE, BOB, EVERYBODY, base_for_all, become_user, start_in};
use crate::child::{Helper, Role};
use crate::support::{LIMIT, data_file_of, name, say, skip};
use crate::tracer::{Traced, be_traced, marked};
use procsync::{Error, Mutex, Scope, SharedMemory, TokenSemaphore};
use std::any::Any;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const CAROL: u32 = 1003;
const MEMORY: usize = 4_096;

/// Something that is kept open, and what it was like when it was opened.
type Seen = procsync::Result<(Box<dyn Any>, u64)>;

/// Opens an object of one user or of all; `how` is `open`, `keep` (as a persistent one) or `attach`.
fn open(what: &str, how: &str, name: &str, scope: Scope) -> Seen {
    let (attach, persistent) = (how == "attach", how == "keep");
    macro_rules! obtain {
        ($options:expr) => {{
            let options = $options.scope(scope).persistent(persistent);
            if attach { options.attach(name)? } else { options.open(name)? }
        }};
    }
    Ok(match what {
        "mutex" => {
            let mutex = obtain!(Mutex::<u64>::options());
            let seen = mutex.lock_timeout(LIMIT)?.get();
            (Box::new(mutex), seen)
        }
        "tokens" => {
            let tokens = obtain!(TokenSemaphore::options(3));
            let seen = 3 - u64::from(tokens.value());
            (Box::new(tokens), seen)
        }
        "memory" => {
            let memory = obtain!(SharedMemory::options(MEMORY as u64));
            let mut byte = [0];
            memory.read(MEMORY - 1, &mut byte)?;
            (Box::new(memory), u64::from(byte[0]))
        }
        _ => unreachable!("no such kind"),
    })
}

/// Changes an object, so that it shows whether it is a new one.
fn change(object: &dyn Any) {
    if let Some(mutex) = object.downcast_ref::<Mutex<u64>>() {
        mutex.lock().expect("it is free").set(1);
    } else if let Some(tokens) = object.downcast_ref::<TokenSemaphore>() {
        tokens.wait().expect("there are some");
    } else if let Some(memory) = object.downcast_ref::<SharedMemory>() {
        memory.write(MEMORY - 1, &[1]).expect("in bounds");
    }
}

/// Role: a user of one object. Arguments: the user's number or `-`, a name, what, how; a fifth one:
/// to be traced.
///
/// Says what the object was like, `not found`, or the error. Then `change` answers `changed`; with the
/// end of the input it leaves.
pub(crate) fn pass_by(role: &mut Role) {
    let scope = match role.argument(0) {
        "-" => Scope::User,
        user => {
            become_user(user.parse().expect("a number"));
            EVERYBODY
        }
    };
    let (name, what, how) = (role.argument(1), role.argument(2), role.argument(3));
    let come = || match how {
        "remove" => procsync::remove(name, scope).map(|found| (Box::new(found) as Box<dyn Any>, 0)),
        _ => open(what, how, name, scope),
    };
    let mut seen = None;
    if role.arguments.len() > 4 {
        be_traced(role);
        marked(|| seen = Some(come()));
    } else {
        seen = Some(come());
    }
    let seen = seen.expect("it came");
    role.say(&match &seen {
        Ok((_, seen)) => seen.to_string(),
        Err(Error::NotFound { .. }) => "not found".to_owned(),
        Err(error) => error.to_string(),
    });
    if how == "lend" {
        let (object, _) = seen.expect("it is open");
        let mutex = object.downcast::<Mutex<u64>>().expect("that is lent");
        let lent = mutex.lock().expect("it is free").inheritable().expect("it can be lent");
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().expect("there is cat");
        drop(lent);
        role.hear();
        drop(mutex);
        role.say("left");
        role.hear();
        drop(child.stdin.take());
        let _ = child.wait();
        return;
    }
    while role.hear().is_some() {
        change(&*seen.as_ref().expect("it is open").0);
        role.say("changed");
    }
}

/// Where objects lie, and what they are called.
struct Scene<'a> {
    base: Option<&'a Path>,
    what: &'a str,
    name: String,
}

impl Scene<'_> {
    fn start(&self, user: &str, how: &str, traced: bool) -> Helper {
        let mut arguments = vec![user, &self.name, self.what, how];
        arguments.extend(traced.then_some("traced"));
        match self.base {
            Some(base) => start_in(base, "pass-by", &arguments),
            None => Helper::start("pass-by", &arguments),
        }
    }

    /// A user who is about to do something, and does it system call by system call.
    fn traced(&self, user: &str, how: &str) -> Result<(Helper, Traced), String> {
        let mut helper = self.start(user, how, true);
        let traced = Traced::begin(&mut helper)?;
        traced.run_to_begin();
        Ok((helper, traced))
    }

    /// Leaves an object behind that was changed and whose only user was killed.
    fn leave_over(&self, user: &str) {
        let mut maker = self.start(user, "open", false);
        assert_eq!(maker.hear(), "0", "it is new");
        assert_eq!(maker.ask("change"), "changed");
        maker.kill();
    }
}

const FLOCK: u64 = libc::SYS_flock as u64;

#[test]
fn what_the_dead_left_is_not_taken_for_used_when_who_clears_it_up_dies_too() {
    for what in ["mutex", "tokens", "memory"] {
        // Whoever clears up is killed before each of its system calls, until all is new.
        for dies_at in 0..25 {
            // In front of its first lock the other one has seen nothing yet; it has failed to be
            // alone before the second.
            for stands_at in 0..2 {
                let scene = Scene { base: None, what, name: name("left-over") };
                scene.leave_over("-");
                let (mut dying, dies) = match scene.traced("-", "open") {
                    Ok(started) => started,
                    Err(why) => return skip("what_the_dead_left_is_not_taken_for_used", &why),
                };
                dies.run_to_call(dies_at, |_| true);
                let (mut living, lives) = scene.traced("-", "open").expect("as the first one");
                lives.run_to_call(stands_at, |call| call == FLOCK);
                dies.kill(&mut dying);
                lives.let_go();
                let context = format!("{what}: killed before call {dies_at}; {stands_at}");
                assert_eq!(living.hear(), "0", "it is not as a new one; {context}");
                living.finish();
            }
        }
    }
}

#[test]
fn what_the_dead_left_is_not_taken_for_used_while_another_user_looks_at_it() {
    const TEST: &str = "what_the_dead_left_is_not_taken_for_used_while_another_user_looks_at_it";
    if there_is_only_one_user(TEST) {
        return;
    }
    let base = base_for_all();
    let [alice, bob, carol] = [ALICE, BOB, CAROL].map(|user| user.to_string());
    for what in ["tokens", "memory"] {
        for looks in ["attach", "remove"] {
            for at in 0.. {
                let scene = Scene { base: Some(base.path()), what, name: name("left-over") };
                scene.leave_over(&alice);
                // She may not remove it, and goes again.
                let (mut looking, looks_on) = match scene.traced(&carol, looks) {
                    Ok(started) => started,
                    Err(why) => return skip(TEST, &why),
                };
                let more = looks_on.run_to_call(at, |_| true);
                let (mut opening, opens) = scene.traced(&bob, "open").expect("as the first one");
                opens.run_to_call(1, |call| call == FLOCK);
                looks_on.let_go();
                // She may have to wait for the one that stands still.
                let _ = looking.hear_within(Duration::from_millis(30));
                opens.let_go();
                assert_eq!(opening.hear(), "0", "{what}: it is not as a new one; {looks} {at}");
                opening.finish();
                if !more {
                    say(&format!("{what}, {looks}: {at} system calls"));
                    break;
                }
            }
        }
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        // It does not lie in the test's own directory, and some are left by users who were killed.
        let _ = std::fs::remove_file(data_file_of(&self.name));
    }
}

/// Files that a test makes where all users' objects lie.
fn file_in(base: &Path, name: &str) -> std::path::PathBuf {
    base.join(format!("procsync.{name}"))
}

#[test]
fn what_another_user_makes_last_of_a_leftover_is_not_removed_by_who_gave_up_before() {
    const TEST: &str = "what_another_user_makes_last_of_a_leftover_is_not_removed";
    if there_is_only_one_user(TEST) {
        return;
    }
    let base = base_for_all();
    let [alice, bob] = [ALICE, BOB].map(|user| user.to_string());
    for at in 0.. {
        let name = name("made-to-last");
        let scene = Scene { base: Some(base.path()), what: "mutex", name };
        // Alice made it and Bob uses it.
        let mut made = scene.start(&alice, "open", false);
        assert_eq!(made.hear(), "0");
        let mut used = scene.start(&bob, "open", false);
        assert_eq!(used.hear(), "0");
        assert_eq!(used.ask("change"), "changed");
        made.finish();
        // She opens it as something else, which fails. Meanwhile Bob is killed, and comes again.
        let other = Scene { what: "memory", name: scene.name.clone(), ..scene };
        let (mut failing, fails) = match other.traced(&alice, "open") {
            Ok(started) => started,
            Err(why) => return skip(TEST, &why),
        };
        let more = fails.run_to_call(at, |_| true);
        used.kill();
        let mut maker = scene.start(&bob, "keep", false);
        // He may have to wait for her.
        let made = maker.hear_within(Duration::from_millis(100));
        if let Some(made) = &made {
            assert_eq!(made, "0", "nobody uses it");
            maker.finish();
        }
        let there = file_in(base.path(), &scene.name);
        let number = || there.metadata().map(|found| found.ino()).ok();
        let before = number();
        fails.let_go();
        let failed = failing.hear();
        if made.is_some() && failed != "0" {
            assert_eq!(number(), before, "it was to stay; she was before call {at}: {failed}");
        }
        if !more {
            say(&format!("{at} system calls"));
            break;
        }
    }
}

#[test]
fn a_child_that_was_lent_the_open_file_keeps_nobody_out_when_its_parent_has_left() {
    const TEST: &str = "a_child_that_was_lent_the_open_file_keeps_nobody_out";
    if there_is_only_one_user(TEST) {
        return;
    }
    let base = base_for_all();
    let [alice, bob, carol] = [ALICE, BOB, CAROL].map(|user| user.to_string());
    let scene = Scene { base: Some(base.path()), what: "mutex", name: name("lent") };
    let mut made = scene.start(&alice, "open", false);
    assert_eq!(made.hear(), "0");
    let mut lender = scene.start(&bob, "lend", false);
    assert_eq!(lender.hear(), "0");
    made.finish();
    assert_eq!(lender.ask("leave"), "left");
    let mut comes = scene.start(&carol, "open", false);
    assert_eq!(comes.hear(), "0");
}

#[test]
fn who_may_not_remove_memory_and_is_killed_trying_does_not_end_it() {
    const TEST: &str = "who_may_not_remove_memory_and_is_killed_trying_does_not_end_it";
    if there_is_only_one_user(TEST) {
        return;
    }
    let base = base_for_all();
    let [alice, carol] = [ALICE, CAROL].map(|user| user.to_string());
    for at in 0.. {
        let scene = Scene { base: Some(base.path()), what: "memory", name: name("to-stay") };
        let mut maker = scene.start(&alice, "keep", false);
        assert_eq!(maker.hear(), "0");
        assert_eq!(maker.ask("change"), "changed");
        maker.finish();
        let (mut removing, removes) = match scene.traced(&carol, "remove") {
            Ok(started) => started,
            Err(why) => return skip(TEST, &why),
        };
        let more = removes.run_to_call(at, |_| true);
        removes.kill(&mut removing);
        let mut next = scene.start(&alice, "open", false);
        assert_eq!(next.hear(), "1", "killed before call {at}, which was refused or never made");
        next.finish();
        let mut end = scene.start(&alice, "remove", false);
        end.hear();
        if !more {
            say(&format!("{at} system calls"));
            break;
        }
    }
}
