//! One process is killed in front of a system call of opening, leaving or removing an object, while
//! another one stands in front of one of opening it: whoever lives gets an object that is whole.
//!
//! The other one may have found the dead one's lock in its way a moment before, and get a lock of its
//! own a moment after: what the dead one was about to remove must not pass for what somebody uses.

use crate::child::{Helper, Role};
use crate::support::{LIMIT, data_file_of, eventually, file_of, name, say, skip};
use crate::tracer::{Traced, be_traced, marked};
use procsync::{Mutex, Scope, SharedMemory};
use std::any::Any;

/// What a mutex's data begins with. A memory begins with zeros.
const WHOLE: [u64; 2] = [0x1234_5678_9abc_def0; 2];
const MEMORY: usize = 8_192;

/// Opens it, and looks whether it is whole.
fn opened(what: &str, name: &str, persistent: bool) -> procsync::Result<Box<dyn Any>> {
    if what == "memory" {
        let memory = SharedMemory::options(MEMORY as u64).persistent(persistent).open(name)?;
        let mut bytes = [1; MEMORY];
        memory.read(0, &mut bytes)?;
        assert_eq!(bytes, [0; MEMORY], "half made");
        return Ok(Box::new(memory));
    }
    let mutex = Mutex::options().initial(WHOLE).persistent(persistent).open(name)?;
    assert_eq!(mutex.lock_timeout(LIMIT)?.get(), WHOLE, "half made");
    Ok(Box::new(mutex))
}

/// Role: does something to an object between the tracer's marks. Arguments: what, how, a name.
pub(crate) fn come_or_go_or_remove(role: &mut Role) {
    let (what, how, name) = (role.argument(0), role.argument(1), role.argument(2));
    let mut object = (how == "leave").then(|| opened(what, name, false));
    be_traced(role);
    marked(|| match how {
        "leave" => object = None,
        "remove" => drop(procsync::remove(name, Scope::User).map(drop)),
        _ => object = Some(opened(what, name, false)),
    });
    let outcome = object.map(|object| object.map(drop));
    role.say(&outcome.map_or("gone".into(), |outcome| format!("{outcome:?}")));
}

/// Who opens looks again and again as long as the other one is in its way: no need to see it all.
const MOST_CALLS: u64 = 50;

/// Tries every pair of points, or of two who open every third; false: processes cannot be traced here.
fn kill_between(test: &str, what: &str, how: &str) -> bool {
    let start = |how: &str, name: &str| {
        let mut helper = Helper::start("come-or-go-or-remove", &[what, how, name]);
        let traced = Traced::begin(&mut helper)?;
        traced.run_to_begin();
        Ok::<_, String>((helper, traced))
    };
    let step = if how == "open" { 3 } else { 1 };
    let mut pairs = 0;
    for dies_at in 0.. {
        let mut more = true;
        for stands_at in (dies_at % step..MOST_CALLS).step_by(step as usize) {
            let name = name("struck");
            if how == "remove" {
                drop(opened(what, &name, true).unwrap());
            }
            let (mut dying, dies) = match start(how, &name) {
                Ok(started) => started,
                Err(why) => {
                    skip(test, &why);
                    return false;
                }
            };
            more = dies.run_to_call(dies_at, |_| true);
            let (mut living, lives) = start("open", &name).expect("the first one was traced");
            let stands = lives.run_to_call(stands_at, |_| true);
            dies.kill(&mut dying);
            lives.let_go();
            pairs += 1;
            let context = format!("{what}: killed before call {dies_at} of {how}; {stands_at}");
            assert_eq!(living.hear(), "Ok(())", "{context}");
            living.finish();
            if how == "remove" {
                let _ = procsync::remove(&name, Scope::User).unwrap();
            }
            for path in [file_of(&name), data_file_of(&name)] {
                eventually(&format!("{context}: {} goes", path.display()), || !path.exists());
            }
            if !stands {
                break;
            }
        }
        if !more {
            say(&format!("{what}, {how}: {pairs} pairs, {dies_at} system calls"));
            assert!(dies_at > 5, "{dies_at}");
            return true;
        }
    }
    unreachable!()
}

#[test]
fn whoever_leaves_and_dies_while_another_comes_there_is_one_mutex() {
    const TEST: &str = "whoever_leaves_and_dies_while_another_comes_there_is_one_mutex";
    let _ = ["leave", "open", "remove"].iter().all(|how| kill_between(TEST, "mutex", how));
}

#[test]
fn whoever_leaves_and_dies_while_another_comes_there_is_one_memory() {
    const TEST: &str = "whoever_leaves_and_dies_while_another_comes_there_is_one_memory";
    let _ = ["leave", "open", "remove"].iter().all(|how| kill_between(TEST, "memory", how));
}
