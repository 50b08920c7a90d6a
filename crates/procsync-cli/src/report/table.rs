//! The listing for people.

use super::person::{COMMAND, compact, user};
use super::{Row, details, json};
use crate::cli::Column;
use crate::text::{Paint, Style, plain, span};
use procsync::inspect::{Snapshot, State};
use procsync::{Participant, Scope};

/// How many holders or waiters of one object are named; `--json` names all.
const NAMED: usize = 8;
const GAP: &str = "   ";

/// What stands in one place of the table, a line below the other.
struct Cell {
    lines: Vec<String>,
    style: Style,
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell { lines: vec![text], style: Style::Plain }
    }
}

/// One object's part of the table.
enum Part {
    Cells(Vec<Cell>),
    /// The first cells, and then a text that no column is made wider for.
    Text(Vec<Cell>, String),
}

/// A table with a line for its head, or more lines where an object has several holders or waiters.
pub(crate) fn of(rows: &[Row], columns: &[Column], headings: bool, paint: Paint) -> String {
    let mut parts = Vec::new();
    if headings {
        let head = columns.iter().map(|column| Cell {
            lines: vec![format!("{column:?}").to_uppercase()],
            style: Style::Head,
        });
        parts.push(Part::Cells(head.collect()));
    }
    parts.extend(rows.iter().map(|row| part(row, columns)));
    let widths = widths(&parts);
    parts.iter().flat_map(|part| lines(part, &widths, paint)).map(|line| line + "\n").collect()
}

fn part(row: &Row, columns: &[Column]) -> Part {
    match &row.looked {
        Ok(snapshot) => {
            let cells = columns.iter().map(|column| cell(*column, row.scope, snapshot));
            Part::Cells(cells.collect())
        }
        Err(error) => {
            let name = json::name_in(error).unwrap_or_else(|| "?".to_owned());
            let known = |column: &Column| match column {
                Column::Scope => Some(row.scope.to_owned().into()),
                Column::Name => Some(plain(&name).into()),
                _ => None,
            };
            Part::Text(columns.iter().map_while(known).collect(), plain(&error.to_string()))
        }
    }
}

fn cell(column: Column, scope: &str, seen: &Snapshot) -> Cell {
    match column {
        Column::Scope => scope.to_owned(),
        Column::Name => seen.name.to_string(),
        Column::Kind => seen.kind.to_string(),
        Column::State => {
            return Cell { lines: vec![seen.state.to_string()], style: details::style(seen) };
        }
        Column::Processes => {
            let leftover = seen.is_leftover();
            let style = if leftover { Style::Bad } else { Style::Plain };
            let text = match (leftover, seen.persistent) {
                (true, _) => "0, left over".to_owned(),
                (_, false) => seen.processes.to_string(),
                (_, true) => format!("{}, persistent", seen.processes),
            };
            return Cell { lines: vec![text], style };
        }
        Column::Holders => {
            return Cell { lines: named(&seen.holders), style: Style::Plain };
        }
        Column::Waiters => {
            return Cell { lines: waiters(&seen.waiters), style: Style::Plain };
        }
        Column::Age => seen.age().map(span).unwrap_or_default(),
        Column::Capacity => match seen.state {
            State::Permits { capacity, .. } => capacity.to_string(),
            State::Native(accounts) => {
                accounts.capacity.map(|units| units.to_string()).unwrap_or_default()
            }
            _ => String::new(),
        },
        Column::Grants => {
            if details::counts_grants(seen) {
                seen.grants.to_string()
            } else {
                String::new()
            }
        }
        Column::Contended => seen.contended.to_string(),
        Column::Recovered => seen.recovered.to_string(),
        Column::Size => seen.data_size.to_string(),
        Column::Slots => format!("{}/{}", seen.participants.len(), seen.slots),
        Column::Owner => user(seen.owner),
        Column::Mode => match seen.scope {
            Scope::Machine { mode } => format!("{mode:o}"),
            _ => "600".to_owned(),
        },
        Column::Path => plain(&seen.path.to_string_lossy()),
    }
    .into()
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
            .take_while(|one| {
                (one.namespace, one.pid, one.tid) == (first.namespace, first.pid, first.tid)
            })
            .count();
        let mut line = compact(first, COMMAND);
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

fn width(text: &str) -> usize {
    text.chars().count()
}

fn widths(parts: &[Part]) -> Vec<usize> {
    let mut widths = Vec::new();
    for part in parts {
        let (Part::Cells(cells) | Part::Text(cells, _)) = part;
        for (column, cell) in cells.iter().enumerate() {
            let widest = cell.lines.iter().map(|line| width(line)).max().unwrap_or(0);
            match widths.get_mut(column) {
                Some(so_far) => *so_far = widest.max(*so_far),
                None => widths.push(widest),
            }
        }
    }
    widths
}

fn lines(part: &Part, widths: &[usize], paint: Paint) -> Vec<String> {
    let (Part::Cells(cells) | Part::Text(cells, _)) = part;
    let rest = match part {
        Part::Cells(_) => None,
        Part::Text(_, text) => Some(paint.paint(text, Style::Bad)),
    };
    let height = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(0).max(1);
    (0..height)
        .map(|at| {
            let mut line = String::new();
            // What is missing before the next text: no blanks at the end of a line, and none in
            // colour.
            let mut gap = 0;
            for (cell, width_of_column) in cells.iter().zip(widths) {
                let text = cell.lines.get(at).map_or("", String::as_str);
                if !text.is_empty() {
                    line += &" ".repeat(gap);
                    line += &paint.paint(text, cell.style);
                    gap = 0;
                }
                gap += width_of_column.saturating_sub(width(text)) + GAP.len();
            }
            if let Some(rest) = &rest {
                line += &" ".repeat(gap);
                line += rest;
            }
            line
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Color;

    fn cell(lines: &[&str]) -> Cell {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Cell { lines, style: Style::Busy }
    }

    #[test]
    fn columns_stand_below_each_other_and_long_texts_widen_none() {
        let parts = [
            Part::Cells(vec![cell(&["NAME"]), cell(&["HOLDERS"]), cell(&["WAITERS"])]),
            Part::Cells(vec![cell(&["größer"]), cell(&["one", "two"]), cell(&["2: a", "   b"])]),
            Part::Text(vec![cell(&["broken"])], "a long text about what is wrong with it".into()),
            Part::Cells(vec![cell(&["free"]), cell(&[]), cell(&[])]),
        ];
        let widths = widths(&parts);
        let all = |color| -> Vec<String> {
            parts.iter().flat_map(|part| lines(part, &widths, Paint::of(color))).collect()
        };
        let plain = [
            "NAME     HOLDERS   WAITERS",
            "größer   one       2: a",
            "         two          b",
            "broken   a long text about what is wrong with it",
            "free",
        ];
        assert_eq!(all(Color::Never), plain);
        // Colours change nothing but colours.
        let painted = all(Color::Always);
        assert_eq!(
            painted[0],
            "\x1b[33mNAME\x1b[0m     \x1b[33mHOLDERS\x1b[0m   \x1b[33mWAITERS\x1b[0m"
        );
        let stripped = |line: &String| {
            ["\x1b[33m", "\x1b[31m", "\x1b[0m"]
                .iter()
                .fold(line.clone(), |line, code| line.replace(code, ""))
        };
        assert_eq!(painted.iter().map(stripped).collect::<Vec<_>>(), plain);
    }
}
