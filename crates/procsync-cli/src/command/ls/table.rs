//! The listing for people.

use super::{Row, json};
use crate::text::{plain, shortened, span};
use procsync::Participant;
use procsync::inspect::Snapshot;

/// How many holders or waiters of one object are named; `--json` names all.
const NAMED: usize = 8;
/// How many characters of a command line are shown.
const COMMAND: usize = 40;
const GAP: &str = "   ";

/// One object's part of the table. What stands beside each other in a cell is on lines of its own.
enum Part {
    Cells(Vec<Vec<String>>),
    /// The first cells, and then a text that no column is made wider for.
    Text(Vec<String>, String),
}

/// A table with a line for its head, or more lines where an object has several holders or waiters.
pub(super) fn of(rows: &[Row], with_scope: bool) -> String {
    let mut head = vec!["NAME", "KIND", "STATE", "PROCESSES", "HOLDERS", "WAITERS"];
    if with_scope {
        head.insert(0, "SCOPE");
    }
    let head = head.into_iter().map(|title| vec![title.to_owned()]).collect();
    let mut parts = vec![Part::Cells(head)];
    parts.extend(rows.iter().map(|row| part(row, with_scope)));
    let widths = widths(&parts);
    parts.iter().flat_map(|part| lines(part, &widths)).map(|line| line + "\n").collect()
}

fn part(row: &Row, with_scope: bool) -> Part {
    let scope = with_scope.then(|| row.scope.to_owned());
    match &row.looked {
        Ok(snapshot) => {
            let cells = scope.map(|scope| vec![scope]).into_iter().chain(cells(snapshot));
            Part::Cells(cells.collect())
        }
        Err(error) => {
            let name = json::name_in(error).unwrap_or_else(|| "?".to_owned());
            let first = scope.into_iter().chain([plain(&name)]);
            Part::Text(first.collect(), plain(&error.to_string()))
        }
    }
}

fn cells(snapshot: &Snapshot) -> [Vec<String>; 6] {
    let processes = match (snapshot.processes, snapshot.persistent) {
        (0, false) => "0, left over".to_owned(),
        (count, false) => count.to_string(),
        (count, true) => format!("{count}, persistent"),
    };
    [
        vec![snapshot.name.to_string()],
        vec![snapshot.kind.to_string()],
        vec![snapshot.state.to_string()],
        vec![processes],
        named(&snapshot.holders),
        waiters(&snapshot.waiters),
    ]
}

/// How many, and then who.
fn waiters(waiters: &[Participant]) -> Vec<String> {
    let count = format!("{}: ", waiters.len());
    let lines = named(waiters).into_iter().enumerate();
    lines
        .map(|(index, line)| match index {
            0 => format!("{count}{line}"),
            _ => format!("{:width$}{line}", "", width = count.len()),
        })
        .collect()
}

/// One line for each, or for several permits of one process.
fn named(participants: &[Participant]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut shown = 0;
    while shown < participants.len() && lines.len() < NAMED {
        let first = &participants[shown];
        let alike = participants[shown..]
            .iter()
            .take_while(|one| one.pid == first.pid && one.tid == first.tid)
            .count();
        let mut line = compact(first);
        if alike > 1 {
            line += &format!(", {alike} times");
        }
        lines.push(line);
        shown += alike;
    }
    if shown < participants.len() {
        lines.push(format!("and {} more", participants.len() - shown));
    }
    lines
}

/// `pid 812 (train.py) 42 s`
fn compact(participant: &Participant) -> String {
    let mut text = format!("pid {}", participant.pid);
    let command = shortened(&plain(without_directory(&participant.command)), COMMAND);
    if !command.is_empty() {
        text += &format!(" ({command})");
    }
    if let Some(duration) = participant.duration() {
        text += &format!(" {}", span(duration));
    }
    if participant.foreign_namespace {
        text += ", in another pid namespace";
    }
    if participant.dead {
        text += ", dead";
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

fn width(text: &str) -> usize {
    text.chars().count()
}

fn widths(parts: &[Part]) -> Vec<usize> {
    let mut widths = Vec::new();
    for part in parts {
        let cells = match part {
            Part::Cells(cells) => cells.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            Part::Text(first, _) => first.iter().map(std::slice::from_ref).collect(),
        };
        for (column, cell) in cells.into_iter().enumerate() {
            let widest = cell.iter().map(|line| width(line)).max().unwrap_or(0);
            match widths.get_mut(column) {
                Some(so_far) => *so_far = widest.max(*so_far),
                None => widths.push(widest),
            }
        }
    }
    widths
}

fn lines(part: &Part, widths: &[usize]) -> Vec<String> {
    let padded = |column: usize, text: &str| {
        format!("{text}{}{GAP}", " ".repeat(widths[column].saturating_sub(width(text))))
    };
    match part {
        Part::Cells(cells) => {
            let height = cells.iter().map(Vec::len).max().unwrap_or(0);
            let line = |at: usize| -> String {
                let text_at = |cell: &Vec<String>| cell.get(at).cloned().unwrap_or_default();
                let cells = cells.iter().enumerate();
                cells.map(|(column, cell)| padded(column, &text_at(cell))).collect()
            };
            (0..height).map(|at| line(at).trim_end().to_owned()).collect()
        }
        Part::Text(first, text) => {
            let first = first.iter().enumerate();
            vec![first.map(|(column, cell)| padded(column, cell)).collect::<String>() + text]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

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

    #[test]
    fn columns_stand_below_each_other_and_long_texts_widen_none() {
        let parts = [
            Part::Cells(vec![cell(&["NAME"]), cell(&["HOLDERS"]), cell(&["WAITERS"])]),
            Part::Cells(vec![cell(&["größer"]), cell(&["one", "two"]), cell(&["2: a", "   b"])]),
            Part::Text(cell(&["broken"]), "a long text about what is wrong with it".to_owned()),
            Part::Cells(vec![cell(&["free"]), cell(&[]), cell(&[])]),
        ];
        let widths = widths(&parts);
        let lines: Vec<_> = parts.iter().flat_map(|part| lines(part, &widths)).collect();
        assert_eq!(
            lines,
            [
                "NAME     HOLDERS   WAITERS",
                "größer   one       2: a",
                "         two          b",
                "broken   a long text about what is wrong with it",
                "free",
            ]
        );
    }
}
