//! Shared memory whose own file goes, or comes, without its books.

use crate::child::{Helper, Role};
use crate::fork::forked;
use crate::support::{data_file_of, eventually, file_of, name, skip};
use crate::tracer::{Stop, Traced, be_traced, marked};
use procsync::{Error, SharedMemory};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const SIZE: u64 = 4_096;

fn make_foreign(name: &str) {
    let path = data_file_of(name);
    fs::write(&path, [7; SIZE as usize]).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn memory_that_was_to_stay_and_whose_bytes_are_gone_is_made_anew() {
    for foreign in [true, false] {
        let name = name("bytes-gone");
        if foreign {
            make_foreign(&name);
        }
        let options = SharedMemory::options(SIZE).persistent(true);
        let memory = options.open(&name).unwrap();
        assert_eq!(memory.created(), !foreign);
        drop(memory);
        // By the other program, or because the machine was started anew and only the books lie on a
        // disk.
        fs::remove_file(data_file_of(&name)).unwrap();
        let gone = SharedMemory::attach(&name);
        assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
        drop(options.open(&name).unwrap());
        fs::remove_file(data_file_of(&name)).unwrap();
        let memory = options.create(&name).unwrap();
        assert!(memory.created());
        let _ = memory.remove().unwrap();
    }
}

/// Role: attaches to, or opens, another program's memory, between the tracer's marks. Arguments: how, a
/// name.
pub(crate) fn meet_foreign_memory(role: &mut Role) {
    let (attach, name) = (role.argument(0) == "attach", role.argument(1));
    let mut memory = None;
    be_traced(role);
    marked(|| {
        memory =
            Some(if attach { SharedMemory::attach(name) } else { SharedMemory::open(name, SIZE) });
    });
    role.say(&match memory.expect("it was opened") {
        Ok(memory) if memory.created() => "made".to_owned(),
        Ok(_) => "met".to_owned(),
        Err(Error::NotFound { .. }) => "not found".to_owned(),
        Err(error) => error.to_string(),
    });
}

/// Another program removes its memory before each system call of one who comes. What he says at each.
fn goes_while(test: &str, how: &str) -> Option<Vec<String>> {
    let mut said = Vec::new();
    for stops in 0.. {
        let name = name("foreign-goes");
        make_foreign(&name);
        let mut helper = Helper::start("meet-foreign-memory", &[how, &name]);
        let traced = match Traced::begin(&mut helper) {
            Ok(traced) => traced,
            Err(why) => {
                let _ = fs::remove_file(data_file_of(&name));
                skip(test, &why);
                return None;
            }
        };
        traced.run_to_begin();
        let ended = (0..stops).any(|_| traced.next_call() == Stop::End);
        fs::remove_file(data_file_of(&name)).unwrap();
        traced.let_go();
        said.push(helper.hear());
        helper.finish();
        assert!(!data_file_of(&name).exists() && !file_of(&name).exists(), "{how}, stop {stops}");
        if ended {
            return Some(said);
        }
    }
    unreachable!()
}

#[test]
fn who_attaches_to_another_programs_memory_never_makes_one() {
    let test = "who_attaches_to_another_programs_memory_never_makes_one";
    let Some(said) = goes_while(test, "attach") else { return };
    assert!(said.iter().all(|said| said != "made"));
    assert_eq!(said[0], "not found");
    assert_eq!(said.last().unwrap(), "met");
}

#[test]
fn another_programs_memory_may_go_while_one_is_made_beside_it() {
    let test = "another_programs_memory_may_go_while_one_is_made_beside_it";
    let Some(said) = goes_while(test, "open") else { return };
    assert_eq!((said[0].as_str(), said.last().unwrap().as_str()), ("made", "met"));
    // Only what was found fit already may turn out to be missing when it is to be mapped.
    let others = |said: &&String| !matches!(said.as_str(), "made" | "met");
    let wrong = said.iter().filter(others).find(|said| !said.contains("cannot open"));
    assert_eq!(wrong, None);
}

/// Role: forks, and leaves a memory before the child asks about it. Argument: a name.
pub(crate) fn fork_and_leave(role: &mut Role) {
    let name = role.argument(0);
    for made_anew in [false, true] {
        let memory = SharedMemory::create(name, SIZE).expect("it is new");
        let signal = file_of(&format!("{name}-signal"));
        let child = forked(|| {
            eventually("the parent has left", || signal.exists());
            let answer = memory.attached_processes();
            assert!(matches!(answer, Err(Error::NotFound { .. })), "{answer:?}");
            assert_eq!(data_file_of(name).exists(), made_anew, "what it has is not there any more");
        });
        drop(memory);
        assert!(!data_file_of(name).exists());
        let other = made_anew.then(|| SharedMemory::create(name, SIZE).expect("it is new"));
        fs::write(&signal, "").expect("it can be written");
        child.ended_well();
        fs::remove_file(&signal).expect("it is there");
        drop(other);
        assert!(!data_file_of(name).exists() && !file_of(name).exists());
    }
    role.say("ok");
}

#[test]
fn a_forked_child_that_asks_about_its_memory_makes_no_other_one() {
    let mut helper = Helper::start("fork-and-leave", &[&name("child-asks")]);
    assert_eq!(helper.hear(), "ok");
    helper.finish();
}
