//! All about one object, for people.

use super::person::user;
use crate::text::{Paint, Style, plain, span};
use procsync::inspect::{Snapshot, State};
use procsync::{Condition, Participant, Reset, Scope};
use std::time::SystemTime;

pub(crate) fn of(seen: &Snapshot, paint: Paint) -> String {
    let mut lines = Vec::new();
    let mut line = |title: &str, text: String| {
        if !text.is_empty() {
            lines.push(format!("{}{text}", paint.paint(&format!("{title:<14}"), Style::Head)));
        }
    };
    line("name", seen.name.to_string());
    line("kind", format!("{}{}", seen.kind, reset(seen)));
    line("state", paint.paint(&seen.state.to_string(), style(seen)));
    line("holders", people(&seen.holders));
    line("waiters", people(&seen.waiters));
    line("processes", format!("{}{}", seen.processes, stays(seen)));
    line("participants", people(&seen.participants));
    line("room for", format!("{} participants", seen.slots));
    line("made", ago(seen.created));
    line("acquired", ago(seen.acquired));
    line(
        "acquired so far",
        if counts_grants(seen) { format!("{} times", seen.grants) } else { String::new() },
    );
    line("slept for", format!("{} times", seen.contended));
    line("taken back", format!("{} times from dead holders", seen.recovered));
    line(
        "died last",
        seen.deceased.as_ref().map(|dead| plain(&dead.to_string())).unwrap_or_default(),
    );
    line(
        "data",
        if seen.data_size > 0 { format!("{} bytes", seen.data_size) } else { String::new() },
    );
    let mode = match seen.scope {
        Scope::Machine { mode } => format!(", mode {mode:o}"),
        _ => String::new(),
    };
    line(
        "file",
        format!(
            "{} ({} bytes, of {}{mode})",
            seen.path.display(),
            seen.file_size,
            user(seen.owner)
        ),
    );
    lines.join("\n") + "\n"
}

/// Whether it is counted how often it is acquired.
pub(crate) fn counts_grants(seen: &Snapshot) -> bool {
    matches!(seen.state, State::Free | State::Held | State::Abandoned | State::Native(_))
}

fn reset(seen: &Snapshot) -> &'static str {
    match seen.reset {
        Some(Reset::Auto) => ", each wait consumes its setting",
        Some(_) => ", set until it is cleared",
        None => "",
    }
}

fn stays(seen: &Snapshot) -> &'static str {
    match (seen.is_leftover(), seen.persistent) {
        (true, _) => ": left over, all its users died",
        (_, true) => ", it stays when the last one leaves",
        _ => "",
    }
}

/// How good its state is news.
pub(crate) fn style(seen: &Snapshot) -> Style {
    let all_taken = matches!(seen.state, State::Permits { available: 0, .. });
    match seen.state {
        State::Abandoned => Style::Bad,
        State::Native(accounts) if accounts.doubtful > 0 => Style::Bad,
        _ if seen.is_leftover() || seen.holders.iter().any(|holder| holder.dead) => Style::Bad,
        State::Held => Style::Busy,
        State::Native(accounts) if accounts.free == Some(0) => Style::Busy,
        State::Permits { .. } if all_taken => Style::Busy,
        State::Free | State::Set | State::Permits { .. } | State::Native(_) => Style::Good,
        _ => Style::Plain,
    }
}

fn ago(moment: Option<SystemTime>) -> String {
    moment.map_or_else(String::new, |moment| {
        format!("{} ago", span(moment.elapsed().unwrap_or_default()))
    })
}

/// One line for each.
fn people(people: &[Participant]) -> String {
    let one = |one: &Participant| {
        let mut text = format!("pid {}", one.pid);
        if one.tid != 0 && one.tid != one.pid {
            text += &format!(" thread {}", one.tid);
        }
        if let Some(id) = one.user {
            text += &format!(" of {}", user(id));
        }
        if let Some(duration) = one.duration() {
            text += &format!(" for {}", span(duration));
        }
        if one.condition != Condition::Running {
            text += &format!(", {}", one.condition);
        }
        if one.foreign_namespace {
            text += &format!(", in pid namespace {}", one.namespace);
        }
        let label = plain(&one.label);
        if !label.is_empty() {
            text += &format!(", {label}");
        }
        let command = plain(&one.command);
        if command != label {
            text += &format!(": {command}");
        }
        text
    };
    people.iter().map(one).collect::<Vec<_>>().join("\n              ")
}
