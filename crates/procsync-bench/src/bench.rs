//! One run of the program: what was asked for, and how contenders take turns.

use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::contender::{Entry, GATES, LOCKS, Reach, TOKENS};
use crate::histogram::Histogram;
use crate::machine::Noise;
use crate::scratch::Scratch;
use crate::table::{Figures, Outcome, Row};
use crate::trouble::{Trouble, check_interrupt};

/// What was asked for.
///
/// One that is read may lack what another program did not ask.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// How long one measurement of one contender takes, roughly.
    pub(crate) seconds: f64,
    pub(crate) runs: usize,
    /// Names; empty means all that take part by default.
    pub(crate) contenders: Vec<String>,
    /// How many processes contend.
    pub(crate) processes: Vec<usize>,
    /// How many steps each works for itself between two turns.
    pub(crate) between: Vec<u32>,
    /// How many steps each works while it holds the lock.
    pub(crate) inside: Vec<u32>,
    /// How many processes wait for one signal.
    pub(crate) listeners: Vec<usize>,
    /// How many holders are killed in a run.
    pub(crate) kills: usize,
    /// How much memory the large holders have in use.
    pub(crate) big_mib: Vec<usize>,
    /// How many threads wait for one lock.
    pub(crate) waiters: Vec<usize>,
    /// How many objects there are at once.
    pub(crate) objects: Vec<usize>,
}

impl Settings {
    /// A share of the time for one measurement.
    pub(crate) fn time(&self, share: f64) -> Duration {
        Duration::from_secs_f64(self.seconds * share)
    }

    fn chosen(&self, all: &'static [Entry]) -> impl Iterator<Item = &'static Entry> {
        all.iter().filter(|entry| match self.contenders.as_slice() {
            [] => entry.by_default,
            named => named.iter().any(|name| name == entry.name),
        })
    }
}

/// Why those are not run that only threads can share.
pub(crate) const ONE_PROCESS: &str = "one process";

/// A contender in one workload, and why it is not run, if so.
pub(crate) type Entrant = (&'static Entry, Option<&'static str>);

/// One run of the program.
pub(crate) struct Bench {
    pub(crate) settings: Settings,
    pub(crate) scratch: Scratch,
    noise: RefCell<Noise>,
}

impl Bench {
    pub(crate) fn new(settings: Settings) -> io::Result<Self> {
        Ok(Bench { settings, scratch: Scratch::new()?, noise: RefCell::new(Noise::new()) })
    }

    pub(crate) fn noise(&self) -> crate::machine::NoiseReport {
        self.noise.borrow().report()
    }

    /// The locks chosen, all of which can do what one process asks.
    pub(crate) fn locks(&self) -> Vec<Entrant> {
        self.settings.chosen(LOCKS).map(|entry| (entry, None)).collect()
    }

    /// The same, for several processes.
    pub(crate) fn shared_locks(&self) -> Vec<Entrant> {
        let why_not = |entry: &Entry| (entry.reach == Reach::OneProcess).then_some(ONE_PROCESS);
        self.settings.chosen(LOCKS).map(|entry| (entry, why_not(entry))).collect()
    }

    /// The tokens chosen.
    pub(crate) fn tokens(&self) -> Vec<Entrant> {
        self.settings.chosen(TOKENS).map(|entry| (entry, None)).collect()
    }

    /// The gates chosen.
    pub(crate) fn gates(&self) -> Vec<Entrant> {
        self.settings.chosen(GATES).map(|entry| (entry, None)).collect()
    }

    /// Lets every entrant measure once in every round, so that whatever the machine does meanwhile hits all alike. Who
    /// has failed is not asked again.
    pub(crate) fn rounds(
        &self,
        title: &str,
        rounds: usize,
        entrants: &[Entrant],
        mut measure: impl FnMut(&str) -> Result<Figures, Trouble>,
    ) -> Result<Vec<Row>, Trouble> {
        let new_row = |&(entry, why_not): &Entrant| {
            let not_run = |why: &'static str| Outcome::NotRun(why.into());
            let outcome = why_not.map_or_else(|| Outcome::Runs(Vec::new()), not_run);
            Row { contender: entry.name.into(), outcome, distribution: Vec::new() }
        };
        let mut rows: Vec<Row> = entrants.iter().map(new_row).collect();
        let mut durations = vec![Histogram::new(); rows.len()];
        for round in 0..rounds {
            show_progress(title, round, rounds);
            for (row, durations) in rows.iter_mut().zip(&mut durations) {
                let Outcome::Runs(runs) = &mut row.outcome else { continue };
                check_interrupt()?;
                self.noise.borrow_mut().sample();
                match measure(&row.contender) {
                    Ok(figures) => {
                        runs.push(figures.columns);
                        figures.durations.iter().for_each(|of_run| durations.merge(of_run));
                    }
                    Err(Trouble::Failed(why)) => row.outcome = Outcome::Failed(why),
                    Err(Trouble::Interrupted) => return Err(Trouble::Interrupted),
                }
            }
        }
        for (row, durations) in rows.iter_mut().zip(&durations) {
            row.distribution = durations.distribution();
        }
        Ok(rows)
    }
}

/// On a terminal one line that changes; elsewhere one line for each table.
fn show_progress(title: &str, round: usize, rounds: usize) {
    let mut stderr = io::stderr();
    // Progress is a courtesy: it must not end the measurement.
    let _ = if stderr.is_terminal() {
        write!(stderr, "\r\x1b[K{title}: {} of {rounds}\r", round + 1)
    } else if round == 0 {
        writeln!(stderr, "{title}")
    } else {
        Ok(())
    };
}
