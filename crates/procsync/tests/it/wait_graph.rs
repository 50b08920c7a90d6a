//! Who waits for whom, and who for ever.

use crate::any_lock::{AnyLock, Way};
use crate::child::{Helper, Role};
use crate::support::{eventually, name, waiters};
#[cfg(target_os = "linux")]
use procsync::inspect::{Blocker, Wait};
use procsync::inspect::{Deadlock, wait_graph};
use procsync::{Mutex, Scope};
use std::time::{Duration, Instant};

/// Role: holds the first lock, and wants the second one by a handle that looks for deadlocks, or not.
/// Arguments: whether it is to look, the two names.
pub(crate) fn hold_and_suspect(role: &mut Role) {
    let open = |at: usize| {
        let options = Mutex::<()>::options().detect_deadlocks(role.argument(0) == "looks");
        options.open(role.argument(at)).expect("it opens")
    };
    let (own, other) = (open(1), open(2));
    let held = own.lock().expect("it is free");
    role.say("holds");
    while role.hear().is_some() {
        match other.lock() {
            Ok(_) => role.say("got"),
            Err(error) => role.say(&format!("error {error}")),
        }
        if role.argument(0) == "looks" {
            break;
        }
    }
    drop(held);
    // Until the test has seen enough.
    while role.hear().is_some() {}
}

/// Role: holds the first lock, then waits for the second one. Arguments: the way, the two names.
pub(crate) fn hold_and_want(role: &mut Role) {
    let open = |at| AnyLock::open(Way::parse(role.argument(0)), role.argument(at)).expect("opens");
    let (own, other) = (open(1), open(2));
    let _held = own.hold().expect("it is free");
    role.say("holds");
    while let Some(line) = role.hear() {
        match line.strip_prefix("want within ") {
            Some(time) => {
                let time = Duration::from_millis(time.parse().expect("a time"));
                let got = other.hold_within(time);
                role.say(if got.is_ok() { "got" } else { "in vain" });
            }
            None => {
                let _got = other.hold().expect("it comes");
                role.say("got");
            }
        }
    }
}

fn start(way: Way, own: &str, other: &str) -> Helper {
    let mut helper = Helper::start("hold-and-want", &[way.as_str(), own, other]);
    assert_eq!(helper.hear(), "holds");
    helper
}

/// The deadlocks of which one of these processes is a part.
fn deadlocks_of(helpers: &[&Helper]) -> Vec<Deadlock> {
    let is_one = |pid| helpers.iter().any(|helper| helper.pid() == pid);
    let graph = wait_graph(&[Scope::User]).unwrap();
    let all = graph.deadlocks.into_iter();
    all.filter(|one| one.cycle.iter().any(|wait| is_one(wait.waiter.pid))).collect()
}

#[test]
fn a_deadlock_between_processes_is_found_and_ends_with_one_of_them() {
    for way in Way::OWNED {
        let names = [name("knot-a"), name("knot-b"), name("knot-c")];
        let mut first = start(way, &names[0], &names[1]);
        let mut second = start(way, &names[1], &names[0]);
        // One who only waits behind them.
        let mut third = start(way, &names[2], &names[0]);
        first.tell("want");
        third.tell("want");
        eventually("they wait", || waiters(&names[1]) == 1 && waiters(&names[0]) == 1);
        assert!(deadlocks_of(&[&first, &second, &third]).is_empty(), "{way:?}: a chain is none");
        second.tell("want");
        eventually("it waits too", || waiters(&names[0]) == 2);
        let found = deadlocks_of(&[&first, &second, &third]);
        let [deadlock] = &found[..] else { panic!("{way:?}: {found:?}") };
        let mut pids: Vec<_> = deadlock.cycle.iter().map(|wait| wait.waiter.pid).collect();
        let mut expected = [first.pid(), second.pid()];
        pids.sort_unstable();
        expected.sort_unstable();
        assert_eq!(pids, expected, "{way:?}");
        assert_eq!(deadlock.also_stuck.len(), 1);
        assert_eq!(deadlock.also_stuck[0].waiter.pid, third.pid());
        // Permits and the like could be released by another thread.
        assert_eq!(deadlock.certain, matches!(way, Way::Mutex | Way::Reentrant), "{way:?}");
        let text = deadlock.to_string();
        for part in [&format!("pid {} ", first.pid()), &format!("{:?}, held by", names[0])] {
            assert!(text.contains(part), "{part} in {text}");
        }
        first.kill();
        assert_eq!(second.hear(), "got");
        assert!(deadlocks_of(&[&second, &third]).is_empty(), "{way:?}");
        second.kill();
        assert_eq!(third.hear(), "got");
    }
}

#[test]
fn a_wait_that_gave_up_is_no_part_of_a_deadlock() {
    let names = [name("knot-a"), name("knot-b")];
    let mut first = start(Way::Mutex, &names[0], &names[1]);
    let mut second = start(Way::Mutex, &names[1], &names[0]);
    first.tell("want");
    // Long enough to be seen: looking takes its time under Wine.
    second.tell(if cfg!(windows) { "want within 5000" } else { "want within 300" });
    eventually("it is seen", || deadlocks_of(&[&first, &second]).len() == 1);
    assert_eq!(second.hear(), "in vain");
    assert!(deadlocks_of(&[&first, &second]).is_empty());
    second.finish();
    assert_eq!(first.hear(), "got");
    first.finish();
}

#[test]
fn one_that_looks_for_deadlocks_gets_an_error_that_spells_the_cycle_out() {
    let names = [name("knot-a"), name("knot-b")];
    let start = |how: &str, own: &str, other: &str| {
        let mut helper = Helper::start("hold-and-suspect", &[how, own, other]);
        assert_eq!(helper.hear(), "holds");
        helper
    };
    let mut looks = start("looks", &names[0], &names[1]);
    let mut waits = start("does not look", &names[1], &names[0]);
    let began = Instant::now();
    looks.tell("want");
    waits.tell("want");
    let error = looks.hear();
    assert!(began.elapsed() >= Duration::from_millis(900), "not before a second has passed");
    for part in [
        &format!("error mutex {:?}: a deadlock: pid ", names[1]),
        &format!("pid {} ", looks.pid()),
        &format!("mutex {:?}, held by pid {} ", names[0], looks.pid()),
        &format!("mutex {:?}, held by pid {} ", names[1], waits.pid()),
    ] {
        assert!(error.contains(part.as_str()), "{part} in {error}");
    }
    // It let go of what it held, so the other one goes on.
    assert_eq!(waits.hear(), "got");
    looks.finish();
    waits.finish();
}

#[test]
fn one_that_looks_for_deadlocks_waits_on_where_there_is_none() {
    let names = [name("chain-a"), name("chain-b")];
    let mut busy = Helper::start("hold-and-suspect", &["does not look", &names[1], &names[0]]);
    assert_eq!(busy.hear(), "holds");
    let mut looks = Helper::start("hold-and-suspect", &["looks", &names[0], &names[1]]);
    assert_eq!(looks.hear(), "holds");
    looks.tell("want");
    // It looks after 1 and after 2 seconds.
    assert_eq!(looks.hear_within(Duration::from_millis(2_500)), None);
    assert_eq!(waiters(&names[1]), 1);
    busy.finish();
    assert_eq!(looks.hear(), "got");
    looks.finish();
}

#[cfg(target_os = "linux")]
#[test]
#[cfg(target_os = "linux")]
fn a_deadlock_between_containers_in_which_both_are_pid_1_is_told_from_none() {
    let test = "a_deadlock_between_containers_in_which_both_are_pid_1_is_told_from_none";
    let unshare = match crate::containers::unshare() {
        Ok(unshare) => unshare,
        Err(why) => return crate::support::skip(test, &why),
    };
    let names = [name("knot-a"), name("knot-b"), name("knot-c")];
    let start = |own: &str, other: &str| {
        let arguments = [Way::Mutex.as_str(), own, other];
        let mut helper = Helper::start_by(unshare, "hold-and-want", &arguments);
        assert_eq!(helper.hear(), "holds");
        helper
    };
    let ours = || -> Vec<Deadlock> {
        let all = wait_graph(&[Scope::User]).unwrap().deadlocks.into_iter();
        let object = |wait: &Wait| match &wait.blocker {
            Blocker::Object(object, _) => names.contains(&object.name),
            _ => false,
        };
        all.filter(|deadlock| deadlock.cycle.iter().any(object)).collect()
    };
    // By pid alone, the first one would seem to wait for itself.
    let mut first = start(&names[0], &names[1]);
    let mut second = start(&names[1], &names[2]);
    let mut third = start(&names[2], &names[0]);
    first.tell("want");
    second.tell("want");
    eventually("both wait", || waiters(&names[1]) == 1 && waiters(&names[2]) == 1);
    assert!(ours().is_empty(), "{:?}", ours());
    third.tell("want");
    eventually("the third one waits too", || waiters(&names[0]) == 1);
    let found = ours();
    let [deadlock] = &found[..] else { panic!("{found:?}") };
    assert_eq!(deadlock.cycle.len(), 3);
    assert!(deadlock.certain);
    assert!(
        deadlock.cycle.iter().all(|wait| wait.waiter.pid == 1 && wait.waiter.foreign_namespace)
    );
    first.kill();
    assert_eq!(third.hear(), "got");
    third.finish();
    assert_eq!(second.hear(), "got");
    second.finish();
}
