//! Participants and users as people read them.

use crate::sys;
use crate::text::{plain, shortened, span};
use procsync::{Condition, Participant};
use std::cell::RefCell;
use std::collections::HashMap;

/// How many characters of a command line are shown.
pub(crate) const COMMAND: usize = 40;

/// `pid 812 (train.py) 42 s`
pub(crate) fn compact(participant: &Participant, command: usize) -> String {
    let mut text = format!("pid {}", participant.pid);
    let command = shortened(&plain(without_directory(&participant.command)), command);
    if !command.is_empty() {
        text += &format!(" ({command})");
    }
    if let Some(duration) = participant.duration() {
        text += &format!(" {}", span(duration));
    }
    text += match participant.condition {
        Condition::Stopped => ", stopped",
        Condition::Zombie => ", zombie",
        Condition::Gone => ", gone",
        Condition::Dead => ", dead",
        Condition::Elsewhere => ", in another pid namespace",
        _ => "",
    };
    if participant.dead && participant.foreign_namespace {
        text += ", in another pid namespace";
    }
    text
}

/// A command line whose program is named as people type it.
fn without_directory(command: &str) -> &str {
    let program = command.split(' ').next().unwrap_or_default();
    match program.rfind('/') {
        Some(slash) if slash + 1 < program.len() => &command[slash + 1..],
        _ => command,
    }
}

/// A user by name, or by number if it has none. Each is looked up once.
pub(crate) fn user(user: u32) -> String {
    thread_local! {
        static KNOWN: RefCell<HashMap<u32, String>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        let name = || sys::user_name(user).map_or_else(|| user.to_string(), |name| plain(&name));
        known.entry(user).or_insert_with(name).clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_named_without_its_directory() {
        for (command, shown) in [
            ("/usr/bin/python3 /home/me/train.py", "python3 /home/me/train.py"),
            ("python3 a/b", "python3 a/b"),
            ("./größe", "größe"),
            ("odd/ x", "odd/ x"),
            ("", ""),
        ] {
            assert_eq!(without_directory(command), shown);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn users_have_names_or_numbers() {
        assert_eq!(user(0), "root");
        assert_eq!(user(4_000_000_123), "4000000123");
    }
}
