//! What is wrong with the objects that there are.

use super::Finding;
use super::Severity::{Note, Problem, Warning};
use crate::report::json::name_in;
use crate::report::person::{compact, user};
use procsync::inspect::{Inspector, Snapshot, State};
use procsync::{Condition, Error, Scope};
use std::io::ErrorKind;

/// How long a holder may be stopped before that is worth a warning: Ctrl-Z and `fg` are no fault.
const STOPPED_FOR_LONG: std::time::Duration = std::time::Duration::from_secs(1);

/// Looks at all objects; answers also how many there are.
pub(super) fn look(inspector: &mut Inspector) -> (Vec<Finding>, usize) {
    let (mut found, mut all) = (Vec::new(), Vec::new());
    for scope in [Scope::User, Scope::Machine { mode: 0o600 }] {
        match inspector.list(scope) {
            Ok(rows) => {
                for row in rows {
                    match row {
                        Ok(seen) => all.push(seen),
                        Err(error) => found.push(unreadable(&error, scope)),
                    }
                }
            }
            Err(error) => {
                let advice = "objects cannot be made or found before that is set right";
                let finding = Finding::new(Problem, "directory", error.to_string(), advice);
                // Both scopes may lie below the same directory.
                if !found.iter().any(|other: &Finding| other.text == finding.text) {
                    found.push(finding);
                }
            }
        }
    }
    for seen in &all {
        found.extend(people(seen).into_iter().chain(slots(seen)).chain(permissions(seen)));
        found.extend(units(seen));
    }
    found.extend(leftovers(&all));
    found.extend(namespaces(&all));
    for deadlock in inspector.wait_graph_of(&all.iter().collect::<Vec<_>>()).deadlocks {
        let severity = if deadlock.certain { Problem } else { Warning };
        let advice = "end one of them; `procsync deadlocks` shows it as long as it lasts";
        found.push(Finding::new(severity, "deadlock", deadlock.to_string(), advice));
    }
    (found, all.len())
}

fn scope_option(scope: Scope) -> &'static str {
    if scope == Scope::User { "" } else { "--scope machine " }
}

fn unreadable(error: &Error, scope: Scope) -> Finding {
    let name = name_in(error).unwrap_or_else(|| "?".to_owned());
    let remove = format!("`procsync rm {}{name}` removes it", scope_option(scope));
    let refused = matches!(error, Error::System { source, .. } if source.kind() == ErrorKind::PermissionDenied);
    let finding = if refused {
        let advice = "whose it is can remove it, or make it again with a mode that lets you in";
        Finding::new(Note, "permission", error.to_string(), advice)
    } else if let Error::LayoutVersion { .. } = error {
        let advice = format!("use one version of procsync for all its users, or {remove}");
        Finding::new(Problem, "version", error.to_string(), advice)
    } else {
        let advice = format!("if nobody needs it, {remove}");
        Finding::new(Problem, "damaged", error.to_string(), advice)
    };
    finding.of(&name)
}

/// Holders that will not let go by themselves.
fn people(seen: &Snapshot) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for holder in &seen.holders {
        let who = compact(holder, 60);
        let waits = match seen.waiters.len() {
            0 => String::new(),
            1 => "; 1 waits for it".to_owned(),
            count => format!("; {count} wait for it"),
        };
        let text = format!("held by {who}{waits}");
        let severity = if seen.waiters.is_empty() { Note } else { Warning };
        let finding = match holder.condition {
            Condition::Stopped if holder.duration().is_some_and(|t| t >= STOPPED_FOR_LONG) => {
                let advice = format!("continue it (`kill -CONT {}`) or end it", holder.pid);
                Finding::new(severity, "stopped", text, advice)
            }
            Condition::Zombie | Condition::Gone => {
                let advice = format!(
                    "its process has ended, but what it started has inherited its open file: \
                     `lsof {}` or `fuser {0}` names them; the object is free when they have ended",
                    seen.path.display()
                );
                let check = if holder.condition == Condition::Zombie { "zombie" } else { "heir" };
                Finding::new(severity, check, text, advice)
            }
            _ => continue,
        };
        let finding = finding.of(seen.name.as_str());
        if !found.iter().any(|known| known.text == finding.text) {
            found.push(finding);
        }
    }
    found
}

/// Units of one of the system's own semaphores of which nobody knows who has them.
fn units(seen: &Snapshot) -> Vec<Finding> {
    let State::Native(accounts) = seen.state else { return Vec::new() };
    let mut found = Vec::new();
    let name = seen.name.as_str();
    let scope = scope_option(seen.scope);
    let waits = !seen.waiters.is_empty();
    let severity = if waits { Warning } else { Note };
    let whose = "a program that has no procsync may hold it";
    let who = match crate::sys::semaphore_file(name) {
        Some(file) => format!("{whose} (`fuser {}` names who has it open)", in_shell(&file)),
        None => whose.to_owned(),
    };
    let give = format!("`procsync reap {scope}--missing {}` gives it back", in_shell(name));
    if accounts.doubtful > 0 && accounts.unknown == Some(0) {
        let text = format!("{} died while it took or gave back", count(accounts.doubtful, "user"));
        let advice = "nothing is missing, so no unit went with it: the next one to use it finds that out, \
                      and so does `procsync reap`";
        found.push(Finding::new(Note, "native-doubt", text, advice).of(name));
    } else if accounts.doubtful > 0 {
        let text = format!(
            "{} died while it took or gave back; whether a unit went with it cannot be told",
            count(accounts.doubtful, "user")
        );
        let advice = format!("{who}; if you know that none does, {give}");
        found.push(Finding::new(Warning, "native-doubt", text, advice).of(name));
    } else if let Some(missing @ 1..) = accounts.unknown {
        let text = format!("{} neither free nor known to be held", count(missing, "unit"));
        let advice = format!("{who}, which is as it should be; if you know that none does, {give}");
        found.push(Finding::new(severity, "native-unknown", text, advice).of(name));
    }
    if accounts.abandoned > 0 {
        let text = format!("{} of dead holders left", count(accounts.abandoned, "unit"));
        let advice = "the next one that uses procsync gets it; for those who do not, `procsync reap` gives \
                      it back to the system";
        found.push(Finding::new(Note, "native-abandoned", text, advice).of(name));
    }
    found
}

/// As a shell takes it for one word.
fn in_shell(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "/._-+@%".contains(c);
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn count(number: u32, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn slots(seen: &Snapshot) -> Option<Finding> {
    let (taken, all) = (seen.participants.len(), seen.slots as usize);
    // Waiters get none of the last quarter.
    if taken * 4 < all * 3 {
        return None;
    }
    let text = format!("{taken} of its {all} participants' slots are taken");
    let (severity, text) = if taken >= all {
        (Problem, format!("{text}; nobody else can open it"))
    } else {
        (Warning, format!("{text}; further waiters are not shown, and soon nobody can open it"))
    };
    let advice = "let all its users leave, and create it with more `--participants`";
    Some(Finding::new(severity, "slots", text, advice).of(seen.name.as_str()))
}

fn permissions(seen: &Snapshot) -> Option<Finding> {
    if seen.scope != Scope::User {
        return None;
    }
    let mode = crate::sys::mode_of(&seen.path)?;
    let fault = if mode & 0o077 != 0 {
        format!("its file has mode {mode:o}, which is meant for machine-wide objects")
    } else if crate::sys::user() != seen.owner {
        format!("its file belongs to {}", user(seen.owner))
    } else {
        return None;
    };
    let advice = format!("`chmod 600 {}`, as its owner", seen.path.display());
    Some(Finding::new(Warning, "permission", fault, advice).of(seen.name.as_str()))
}

fn leftovers(all: &[Snapshot]) -> Option<Finding> {
    let names: Vec<_> =
        all.iter().filter(|seen| seen.is_leftover()).map(|seen| seen.name.as_str()).collect();
    let first = names.first()?;
    let text = match names.len() {
        1 => format!("{first} is left over: all its users died"),
        count => format!("{first} and {} more are left over: all their users died", count - 1),
    };
    Some(Finding::new(Note, "leftover", text, "they do no harm; `procsync reap` removes them"))
}

fn namespaces(all: &[Snapshot]) -> Option<Finding> {
    let mut foreign: Vec<u64> = all
        .iter()
        .flat_map(|seen| &seen.participants)
        .filter(|one| one.foreign_namespace)
        .map(|one| one.namespace)
        .collect();
    foreign.sort_unstable();
    foreign.dedup();
    let text = match &foreign[..] {
        [] => return None,
        [one] => format!("some participants live in another pid namespace ({one})"),
        more => format!("some participants live in {} other pid namespaces", more.len()),
    };
    let advice = "nothing is wrong with that; but their pids mean nothing here, and kill(1) would \
                  hit others";
    Some(Finding::new(Note, "namespace", text, advice))
}
