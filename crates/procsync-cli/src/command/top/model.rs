//! What `top` shows: the objects, what changed since the last look, what was typed.

use crate::cli::{self, Sort};
use crate::report::Row;
use crate::report::json::name_in;
use procsync::inspect::{Blocker, Deadlock, Inspector, Snapshot};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a key leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Stay,
    Quit,
}

/// An object, and how fast it changes.
pub(super) struct Line {
    pub(super) scope: &'static str,
    pub(super) name: String,
    pub(super) looked: procsync::Result<Snapshot>,
    /// How often a mutex was acquired, per second.
    pub(super) acquired: Option<f64>,
    /// How often somebody had to sleep for it, per second.
    pub(super) slept: Option<f64>,
}

/// What a line is known by: the scope and the file. Names are not enough, for one of the system's own
/// semaphores may be called as an object is.
type Key = (&'static str, PathBuf);

impl Line {
    fn key(&self) -> Key {
        let path = self.seen().map_or_else(|| PathBuf::from(&self.name), |seen| seen.path.clone());
        (self.scope, path)
    }

    pub(super) fn seen(&self) -> Option<&Snapshot> {
        self.looked.as_ref().ok()
    }

    /// How long the longest wait has lasted.
    pub(super) fn waited(&self) -> Option<Duration> {
        self.seen()?.waiters.iter().filter_map(|one| one.duration()).max()
    }

    /// How long it has been held.
    pub(super) fn held(&self) -> Option<Duration> {
        self.seen()?.holders.iter().filter_map(|one| one.duration()).max()
    }

    fn contains(&self, text: &str) -> bool {
        let Some(seen) = self.seen() else { return self.name.contains(text) };
        self.name.contains(text)
            || seen.kind.as_str().contains(text)
            || seen.holders.iter().any(|one| one.command.contains(text))
    }
}

/// `pid 812 -> gpu0 -> pid 900 -> gpu1 -> pid 812`
fn in_a_line(deadlock: &Deadlock) -> String {
    let mut text = String::new();
    for wait in &deadlock.cycle {
        let what = match &wait.blocker {
            Blocker::Object(object, _) => &object.name,
            _ => "its command",
        };
        text += &format!("pid {} -> {what} -> ", wait.waiter.pid);
    }
    let first = deadlock.cycle.first().map_or(0, |wait| wait.waiter.pid);
    text + &format!("pid {first}")
}

/// What the counters of an object were.
struct Counted {
    created: Option<std::time::SystemTime>,
    grants: u64,
    contended: u64,
}

pub(super) struct Model {
    all: Vec<Line>,
    /// Which of them are shown, in which order.
    shown: Vec<usize>,
    counted: HashMap<Key, Counted>,
    counted_at: Option<Instant>,
    pub(super) deadlocks: Vec<String>,
    pub(super) sort: Sort,
    pub(super) reversed: bool,
    pub(super) filter: String,
    /// The filter is being typed.
    pub(super) typing: bool,
    pub(super) detailed: bool,
    paused: bool,
    selected: Option<Key>,
}

impl Model {
    pub(super) fn new(arguments: &cli::Top) -> Model {
        Model {
            all: Vec::new(),
            shown: Vec::new(),
            counted: HashMap::new(),
            counted_at: None,
            deadlocks: Vec::new(),
            sort: arguments.sort,
            reversed: false,
            filter: arguments.filter.clone(),
            typing: false,
            detailed: false,
            paused: false,
            selected: None,
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Line> {
        self.all.iter()
    }

    /// The lines that are shown, in their order.
    pub(super) fn lines(&self) -> impl ExactSizeIterator<Item = &Line> {
        self.shown.iter().map(|&index| &self.all[index])
    }

    /// Which of the shown lines is selected.
    pub(super) fn selected(&self) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        self.lines().position(|line| line.key() == *selected)
    }

    pub(super) fn selected_line(&self) -> Option<&Line> {
        self.lines().nth(self.selected()?)
    }

    /// What a new look found.
    pub(super) fn take(&mut self, rows: Vec<Row>, inspector: &mut Inspector, now: Instant) {
        let seen: Vec<_> = rows.iter().filter_map(|row| row.looked.as_ref().ok()).collect();
        // Two have to wait for each other.
        let waits = seen.iter().any(|object| !object.waiters.is_empty());
        self.deadlocks = if waits {
            let found = inspector.wait_graph_of(&seen).deadlocks;
            found.iter().map(in_a_line).collect()
        } else {
            Vec::new()
        };
        let past = self.counted_at.map(|at| now.saturating_duration_since(at).as_secs_f64());
        let before = std::mem::take(&mut self.counted);
        self.all = rows
            .into_iter()
            .map(|row| {
                let name = match &row.looked {
                    Ok(seen) => seen.name.to_string(),
                    Err(error) => name_in(error).unwrap_or_else(|| "?".to_owned()),
                };
                let mut line = Line {
                    scope: row.scope,
                    name,
                    looked: row.looked,
                    acquired: None,
                    slept: None,
                };
                if let Ok(seen) = &line.looked {
                    let key = line.key();
                    // Of the same name, but not another one.
                    let known = before.get(&key).filter(|known| known.created == seen.created);
                    if let (Some(known), Some(past)) = (known, past.filter(|past| *past > 0.0)) {
                        let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / past;
                        line.acquired = Some(rate(seen.grants, known.grants));
                        line.slept = Some(rate(seen.contended, known.contended));
                    }
                    let (grants, contended) = (seen.grants, seen.contended);
                    self.counted.insert(key, Counted { created: seen.created, grants, contended });
                }
                line
            })
            .collect();
        self.counted_at = Some(now);
        self.arrange();
    }

    /// Filters and sorts.
    fn arrange(&mut self) {
        let all = &self.all;
        let mut shown: Vec<usize> =
            (0..all.len()).filter(|&index| all[index].contains(&self.filter)).collect();
        let by_number = |number: &dyn Fn(&Line) -> f64, shown: &mut Vec<usize>| {
            // The most first; a stable sort keeps the order of the names among equals.
            shown.sort_by(|&a, &b| number(&all[b]).total_cmp(&number(&all[a])));
        };
        let seconds = |time: Option<Duration>| time.map_or(-1.0, |time| time.as_secs_f64());
        match self.sort {
            Sort::Name => {}
            Sort::Waiters => by_number(
                &|line| line.seen().map_or(0.0, |seen| seen.waiters.len() as f64),
                &mut shown,
            ),
            Sort::Waited => by_number(&|line| seconds(line.waited()), &mut shown),
            Sort::Held => by_number(&|line| seconds(line.held()), &mut shown),
            Sort::Rate => by_number(&|line| line.acquired.unwrap_or(-1.0), &mut shown),
        }
        if self.reversed {
            shown.reverse();
        }
        self.shown = shown;
        if self.selected().is_none() {
            self.select(0);
        }
    }

    fn select(&mut self, at: usize) {
        let at = at.min(self.shown.len().saturating_sub(1));
        let line = self.shown.get(at).map(|&index| &self.all[index]);
        self.selected = line.map(Line::key);
    }

    fn move_by(&mut self, lines: isize) {
        let at = self.selected().unwrap_or(0);
        self.select(at.saturating_add_signed(lines));
    }

    pub(super) fn press(&mut self, key: KeyEvent) -> Step {
        if key.kind == KeyEventKind::Release {
            return Step::Stay;
        }
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Step::Quit;
        }
        if self.typing {
            self.type_filter(key.code);
            return Step::Stay;
        }
        match key.code {
            KeyCode::Char('q') => return Step::Quit,
            KeyCode::Esc if self.detailed => self.detailed = false,
            KeyCode::Esc if !self.filter.is_empty() => {
                self.filter.clear();
                self.arrange();
            }
            KeyCode::Esc => return Step::Quit,
            KeyCode::Up | KeyCode::Char('k') => self.move_by(-1),
            KeyCode::Down | KeyCode::Char('j') => self.move_by(1),
            KeyCode::PageUp => self.move_by(-20),
            KeyCode::PageDown => self.move_by(20),
            KeyCode::Home => self.select(0),
            KeyCode::End => self.select(usize::MAX),
            KeyCode::Enter => self.detailed = !self.detailed,
            KeyCode::Char('p') => self.paused = !self.paused,
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Char('r') => {
                self.reversed = !self.reversed;
                self.arrange();
            }
            KeyCode::Char('s') => {
                self.sort = match self.sort {
                    Sort::Name => Sort::Waiters,
                    Sort::Waiters => Sort::Waited,
                    Sort::Waited => Sort::Held,
                    Sort::Held => Sort::Rate,
                    Sort::Rate => Sort::Name,
                };
                self.arrange();
            }
            _ => {}
        }
        Step::Stay
    }

    fn type_filter(&mut self, key: KeyCode) {
        match key {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(c) => self.filter.push(c),
            _ => {}
        }
        self.arrange();
    }
}
