//! Two pid namespaces that share the objects: both holders are pid 1.

use crate::any_lock::{Way, assert_held};
use crate::child::{Helper, Role};
use crate::kill::outlive_a_crowd;
use crate::support::{LIMIT, eventually, name, say, skip, waiters};
use procsync::{Mutex, Ownership, Scope};
use std::process::Command;
use std::time::{Duration, Instant};

/// How a program is run in a pid namespace of its own, or why it cannot be.
pub(crate) fn unshare() -> Result<&'static [&'static str], String> {
    const AS_ROOT: &[&str] = &["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
    const AS_USER: &[&str] = &[
        "unshare",
        "--user",
        "--map-current-user",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
    ];
    let mut why = String::new();
    for way in [AS_ROOT, AS_USER] {
        match Command::new(way[0]).args(&way[1..]).arg("true").output() {
            Ok(output) if output.status.success() => return Ok(way),
            Ok(output) => why = String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => return Err(format!("unshare: {error}")),
        }
    }
    Err(why)
}

#[test]
fn in_two_containers_in_which_both_are_pid_1_nothing_is_mixed_up() {
    let unshare = match unshare() {
        Ok(unshare) => unshare,
        Err(why) => {
            return skip("in_two_containers_in_which_both_are_pid_1_nothing_is_mixed_up", &why);
        }
    };
    let start = |way: Way, name: &str| {
        let mut user = Helper::start_by(unshare, "user", &[way.as_str(), name]);
        assert_eq!(user.hear(), "open");
        user
    };
    for way in Way::OWNED {
        let name = name("pid-1");
        let (mut first, mut second) = (start(way, &name), start(way, &name));
        assert_held(&first.ask("hold"), 0);
        assert_eq!(second.ask("try"), "busy", "{way:?}");
        let refused = second.ask("hold within 50");
        assert!(refused.contains("pid 1") && !refused.contains("dead"), "{way:?}: {refused}");
        assert!(refused.contains("of another pid namespace"), "{way:?}: {refused}");
        let seen = procsync::inspect::show(&name, Scope::User).unwrap();
        assert_eq!(seen.holders.len(), 1);
        let holder = &seen.holders[0];
        assert_eq!((holder.pid, holder.foreign_namespace, holder.dead), (1, true, false));
        assert_eq!(seen.processes, 2);

        second.tell("hold");
        eventually("the second one sleeps", || waiters(&name) == 1);
        let began = Instant::now();
        first.kill();
        assert_held(&second.hear(), 1);
        say(&format!(
            "{way:?}: holder of a killed container replaced after {:.1?}",
            began.elapsed()
        ));
        let mut third = start(way, &name);
        assert_eq!(third.ask("try"), "busy");
        assert_eq!(second.ask("release"), "released");
        assert_held(&third.ask("hold"), 0);
        second.finish();
        third.finish();
    }
}

#[test]
fn one_pid_1_cannot_release_what_another_pid_1_has() {
    let unshare = match unshare() {
        Ok(unshare) => unshare,
        Err(why) => return skip("one_pid_1_cannot_release_what_another_pid_1_has", &why),
    };
    for ownership in ["thread", "process"] {
        let name = name("pid-1-release");
        let mut users = [(); 2].map(|()| {
            let mut user = Helper::start_by(unshare, "keep-and-release", &[&name, ownership]);
            assert_eq!(user.hear(), "1");
            user
        });
        assert_eq!(users[0].ask("keep"), "kept");
        let refused = users[1].ask("release");
        assert!(refused.contains("does not hold it"), "{refused}");
        assert!(Mutex::<()>::attach(&name).unwrap().is_locked());
        assert_eq!(users[0].ask("release"), "released");
        assert_eq!(users[1].ask("keep"), "kept");
        assert!(users[0].ask("release").contains("does not hold it"));
    }
}

#[test]
fn a_crowd_in_one_container_does_not_count_as_ones_own() {
    let unshare = match unshare() {
        Ok(unshare) => unshare,
        Err(why) => return skip("a_crowd_in_one_container_does_not_count_as_ones_own", &why),
    };
    for way in [Way::Mutex, Way::Semaphore] {
        let outlive =
            |_| outlive_a_crowd(way, |role, arguments| Helper::start_by(unshare, role, arguments));
        let mut times: Vec<_> = (0..3).map(outlive).collect();
        times.sort_unstable();
        say(&format!("{way:?}: killed container with a crowd replaced after {times:.1?}"));
        // Those who come late look seldom, and only if others look for them.
        assert!(times[1] < Duration::from_secs(1), "{way:?}: {times:?}");
    }
}

/// Role: says its pid, then keeps and releases a mutex as it is told.
pub(crate) fn keep_and_release(role: &mut Role) {
    let ownership =
        if role.argument(1) == "process" { Ownership::Process } else { Ownership::Thread };
    let mutex = Mutex::<()>::options().ownership(ownership).open(role.argument(0));
    let mutex = mutex.expect("it opens");
    role.say(&std::process::id().to_string());
    while let Some(line) = role.hear() {
        if line == "keep" {
            mutex.lock_timeout(LIMIT).expect("it is free").keep();
            role.say("kept");
        } else {
            match mutex.release() {
                Ok(()) => role.say("released"),
                Err(error) => role.say(&error.to_string()),
            }
        }
    }
}
