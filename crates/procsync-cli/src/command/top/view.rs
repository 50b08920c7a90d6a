//! How `top` is drawn. Only what fits on the screen is put into words.

use super::model::{Line, Model};
use crate::cli::Sort;
use crate::report::details;
use crate::report::person::compact;
use crate::text::{self, Paint, plain, shortened, span};
use procsync::Participant;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::Line as TextLine;
use ratatui::widgets::{Cell, Paragraph, Row, Table, Wrap};

const KEYS: &str = "q quit   ↑↓ select   enter details   s sort   r reverse   / filter   p pause";

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let deadlocks = model.deadlocks.len().min(3) as u16;
    let [head, alarms, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(deadlocks),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(summary(model)).style(Style::new().bold()), head);
    let alarm = |text: &String| TextLine::from(format!("deadlock: {}", plain(text)));
    let lines: Vec<_> = model.deadlocks.iter().take(3).map(alarm).collect();
    frame.render_widget(Paragraph::new(lines).style(Style::new().fg(paint(Color::Red))), alarms);
    match model.selected_line().filter(|_| model.detailed) {
        Some(line) => draw_details(frame, line, body),
        None => draw_table(frame, model, body),
    }
    let foot_text =
        if model.typing { format!("filter: {}▏", plain(&model.filter)) } else { KEYS.to_owned() };
    frame.render_widget(Paragraph::new(foot_text).style(Style::new().dim()), foot);
}

/// As NO_COLOR wishes.
fn paint(color: Color) -> Color {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|text| !text.is_empty());
    if refused { Color::Reset } else { color }
}

fn summary(model: &Model) -> String {
    let held = model.all().filter(|line| line.seen().is_some_and(|seen| !seen.holders.is_empty()));
    let waiting: usize = model.all().filter_map(|line| Some(line.seen()?.waiters.len())).sum();
    let mut text = format!(
        "procsync   {} objects, {} held, {waiting} waiting   by {}{}",
        model.count(),
        held.count(),
        sort_name(model.sort),
        if model.reversed { ", reversed" } else { "" },
    );
    if !model.filter.is_empty() {
        text += &format!("   only {:?}: {}", plain(&model.filter), model.lines().len());
    }
    if model.is_paused() {
        text += "   PAUSED";
    }
    text
}

fn sort_name(sort: Sort) -> &'static str {
    match sort {
        Sort::Name => "name",
        Sort::Waiters => "waiters",
        Sort::Waited => "longest wait",
        Sort::Held => "time held",
        Sort::Rate => "rate",
    }
}

fn draw_table(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    // One line is the head's.
    let height = usize::from(area.height.saturating_sub(1));
    let selected = model.selected().unwrap_or(0);
    let first = (selected + 1).saturating_sub(height.max(1));
    let rows = model.lines().enumerate().skip(first).take(height).map(|(index, line)| {
        let row = row(line);
        if index == selected {
            row.style(Style::new().add_modifier(Modifier::REVERSED))
        } else {
            row
        }
    });
    let head =
        ["NAME", "KIND", "STATE", "ACQ/S", "SLEPT/S", "WAITERS", "WAITED", "HELD", "HOLDERS"];
    // Only the system's own semaphores have much to say.
    let states = model.lines().skip(first).take(height).filter_map(Line::seen);
    let widest = states.map(|seen| seen.state.to_string().chars().count()).max().unwrap_or(0);
    let widths = [
        Constraint::Fill(2),
        Constraint::Length(16),
        Constraint::Length(widest.clamp(14, 32) as u16),
        Constraint::Length(8),
        Constraint::Length(8),
        Constraint::Length(7),
        Constraint::Length(9),
        Constraint::Length(9),
        Constraint::Fill(3),
    ];
    let table = Table::new(rows, widths)
        .header(Row::new(head).style(Style::new().add_modifier(Modifier::BOLD)));
    frame.render_widget(table, area);
}

fn row(line: &Line) -> Row<'static> {
    let seen = match &line.looked {
        Ok(seen) => seen,
        Err(error) => {
            let cells = [plain(&line.name), "damaged?".into(), plain(&error.to_string())];
            return Row::new(cells).style(Style::new().fg(paint(Color::Red)));
        }
    };
    let color = match details::style(seen) {
        text::Style::Good => paint(Color::Green),
        text::Style::Busy => paint(Color::Yellow),
        text::Style::Bad => paint(Color::Red),
        text::Style::Plain | text::Style::Head => Color::Reset,
    };
    let state = if seen.is_leftover() { "left over".to_owned() } else { seen.state.to_string() };
    let time = |time: Option<std::time::Duration>| time.map(span).unwrap_or_default();
    let waiters = match seen.waiters.len() {
        0 => String::new(),
        count => count.to_string(),
    };
    Row::new([
        Cell::from(line.name.clone()),
        Cell::from(seen.kind.as_str()),
        Cell::from(state).style(Style::new().fg(color)),
        Cell::from(rate(line.acquired)),
        Cell::from(rate(line.slept)),
        Cell::from(waiters),
        Cell::from(time(line.waited())),
        Cell::from(time(line.held())),
        Cell::from(people(&seen.holders)),
    ])
}

fn rate(rate: Option<f64>) -> String {
    match rate {
        None | Some(0.0) => String::new(),
        Some(rate) if rate < 10.0 => format!("{rate:.1}"),
        Some(rate) if rate < 100_000.0 => format!("{rate:.0}"),
        Some(rate) => format!("{:.1}M", rate / 1e6),
    }
}

fn people(people: &[Participant]) -> String {
    let Some(first) = people.first() else { return String::new() };
    let mut first = first.clone();
    first.since = None;
    let text = compact(&first, 60);
    match people.len() {
        1 => text,
        more => format!("{}, and {} more", shortened(&text, 40), more - 1),
    }
}

fn draw_details(frame: &mut Frame<'_>, line: &Line, area: Rect) {
    let text = match &line.looked {
        Ok(seen) => details::of(seen, Paint::NONE),
        Err(error) => plain(&error.to_string()),
    };
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), area);
}
