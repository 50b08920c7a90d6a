//! What was to be reached, and whether it was: computed from the results, never written by hand.

use std::borrow::Cow;

use crate::table::{Better, Column, Row, Table, aligned_words, shown};

/// One thing to be reached.
struct Target {
    what: &'static str,
    workload: &'static str,
    /// How the setting begins; each table of which that is true is a case of its own.
    setting: &'static str,
    /// How the column's name begins.
    column: &'static str,
    ours: &'static str,
    against: Against,
    bound: Bound,
}

/// What our figure is taken with.
#[derive(Clone, Copy)]
enum Against {
    /// Nothing: it counts as it stands.
    Nothing,
    /// That of the best of these in this very column.
    Best(&'static [&'static str]),
    /// That of whichever of these is best in the table's first column.
    TheirsWhoLead(&'static [&'static str]),
    /// Our own, where the setting begins otherwise.
    Ourselves { instead_of: &'static str, other: &'static str },
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

use Against::{Best, Nothing, Ourselves, TheirsWhoLead};
use Bound::{AtLeast, AtMost};

/// Peers whose waiters go on when a holder was killed.
const ROBUST: &[&str] =
    &["pthread-robust", "pthread-robust-recursive", "sysv-undo", "flock", "ofd-lock", "named-lock"];

const PTHREAD_ROBUST: &[&str] = &["pthread-robust"];

/// Peers that signal to many. The futex alone is a floor, not a peer.
const GATES: &[&str] = &["pthread-cond", "sem-shared", "sem-open", "boost", "raw-sync", "iceoryx2"];

/// Peers that Python programs share between processes.
const PYTHON: &[&str] = &[
    "multiprocessing.Lock",
    "multiprocessing.RLock",
    "posix_ipc.Semaphore",
    "fastipc.NamedMutex",
    "fastipc.Mutex",
    "filelock.FileLock",
    "portalocker.Lock",
    "fasteners.InterProcessLock",
];

const POSIX_IPC: &[&str] = &["posix_ipc.Semaphore"];

/// No CPU at all cannot be measured: so little, in per cent of one.
const NO_CPU: f64 = 0.1;

#[rustfmt::skip]
const TARGETS: &[Target] = &[
    target("uncontended pair", "pair", "", "ns", "procsync", Best(PTHREAD_ROBUST), AtMost(0.8)),
    target("uncontended pair, raw mutex", "pair", "", "ns", "procsync-raw", Best(&["std-mutex"]), AtMost(1.0)),
    target("throughput", "contended", "2 processes", "k ops/s", "procsync", Best(ROBUST), AtLeast(2.0)),
    target("throughput", "contended", "8 processes", "k ops/s", "procsync", Best(ROBUST), AtLeast(1.8)),
    target("slowest process to fastest", "contended", "2 processes", "slowest", "procsync", Nothing, AtLeast(0.5)),
    target("slowest process to fastest", "contended", "8 processes", "slowest", "procsync", Nothing, AtLeast(0.5)),
    target("wait p99", "contended", "2 processes", "wait p99", "procsync", TheirsWhoLead(ROBUST), AtMost(0.3)),
    target("wait p99", "contended", "8 processes", "wait p99", "procsync", TheirsWhoLead(ROBUST), AtMost(0.3)),
    target("throughput of 32 processes to that of 8", "contended", "32 processes", "k ops/s", "procsync", Ourselves { instead_of: "32 processes", other: "8 processes" }, AtLeast(0.8)),
    target("ping-pong p50, µs", "pingpong", "two CPUs", "round trip p50", "procsync", Nothing, AtMost(0.7)),
    target("ping-pong p50", "pingpong", "one CPU", "round trip p50", "procsync", Best(&["sem-open", "sem-shared"]), AtMost(1.1)),
    target("broadcast, until the last one is awake p50", "broadcast", "8 processes", "open → last", "procsync-event", Best(GATES), AtMost(1.0)),
    target("killed → next one inside p50", "recovery", "", "killed", "procsync", Best(PTHREAD_ROBUST), AtMost(1.5)),
    target("create … remove", "open", "", "create", "procsync", Best(&["sem-open"]), AtMost(1.0)),
    target("CPU while waiting, % of one", "waiters", "1 thread", "CPU", "procsync", Nothing, AtMost(NO_CPU)),
    target("CPU while waiting, % of one", "waiters", "1000 threads", "CPU", "procsync", Nothing, AtMost(NO_CPU)),

    target("acquire + release", "python pair", "", "ns per acquire", "procsync.Lock", Best(&["multiprocessing.Lock"]), AtMost(1.0)),
    target("with", "python pair", "", "ns per with", "procsync.Lock", Best(&["threading.Lock"]), AtMost(0.75)),
    target("throughput", "python contended", "2 processes", "k ops/s", "procsync.Lock", Best(PYTHON), AtLeast(1.5)),
    target("throughput", "python contended", "8 processes", "k ops/s", "procsync.Lock", Best(PYTHON), AtLeast(1.5)),
    target("ping-pong p50, µs", "python pingpong", "two CPUs", "round trip p50", "procsync.TokenSemaphore", Nothing, AtMost(1.5)),
    target("ping-pong p50", "python pingpong", "one CPU", "round trip p50", "procsync.TokenSemaphore", Best(POSIX_IPC), AtMost(1.2)),
    target("create + close + remove", "python open", "", "create", "procsync.Lock", Best(POSIX_IPC), AtMost(1.5)),
    target("open + close of one in use", "python open", "", "open + close", "procsync.Lock", Best(POSIX_IPC), AtMost(1.5)),
    target("atomic increments", "python atomic", "", "M increments", "procsync fetch_add", Best(&["fastipc load + cas"]), AtLeast(2.0)),
    target("import, ms", "python import", "", "ms", "procsync", Nothing, AtMost(5.0)),
];

const fn target(
    what: &'static str,
    workload: &'static str,
    setting: &'static str,
    column: &'static str,
    ours: &'static str,
    against: Against,
    bound: Bound,
) -> Target {
    Target { what, workload, setting, column, ours, against, bound }
}

/// All targets as a table in Markdown. Those of which nothing was measured say so.
pub(crate) fn render<'a>(tables: impl Iterator<Item = &'a Table> + Clone) -> String {
    let heads = ["work", "what", "who", "target", "reached", ""];
    let mut lines = vec![heads.map(str::to_owned).to_vec()];
    for target in TARGETS {
        let cases = tables.clone().filter(|table| target.is_about(table));
        let cases: Vec<_> = cases.map(|table| target.line(table, tables.clone())).collect();
        if cases.is_empty() {
            lines.push(target.not_measured());
        }
        lines.extend(cases);
    }
    aligned_words(&lines)
}

/// A column that was found in a table.
type Found<'a> = (usize, &'a Column);

impl Target {
    fn is_about(&self, table: &Table) -> bool {
        // "1 thread" is not the beginning of "1 threads of 1 processes", nor "32 processes" of anything else.
        let rest = table.setting.strip_prefix(self.setting);
        let whole = rest.is_some_and(|rest| {
            self.setting.is_empty() || !rest.starts_with(char::is_alphanumeric)
        });
        table.workload == self.workload && whole
    }

    fn column<'a>(&self, table: &'a Table) -> Option<Found<'a>> {
        table.columns.iter().enumerate().find(|(_, column)| column.name.starts_with(self.column))
    }

    /// Work, what, who, target, reached, verdict.
    fn line<'a>(&self, table: &'a Table, mut all: impl Iterator<Item = &'a Table>) -> Vec<String> {
        let reached = match self.against {
            Ourselves { instead_of, other } => {
                let setting = table.setting.replacen(instead_of, other, 1);
                let same = |one: &&Table| one.workload == table.workload && one.setting == setting;
                all.find(same).and_then(|other| self.with_another(table, other))
            }
            _ => self.in_one(table),
        };
        let (figure, text) = reached.unwrap_or((f64::NAN, "not measured".to_owned()));
        let verdict = if figure.is_nan() {
            ""
        } else if self.bound.holds(figure) {
            "met"
        } else {
            "**missed**"
        };
        self.cells(table.title(), text, verdict)
    }

    fn not_measured(&self) -> Vec<String> {
        let separator = if self.setting.is_empty() { "" } else { ", " };
        let work = format!("{}{separator}{}", self.workload, self.setting);
        self.cells(work, "not measured".to_owned(), "")
    }

    fn cells(&self, work: String, reached: String, verdict: &str) -> Vec<String> {
        let (sign, bound) = match self.bound {
            AtMost(bound) => ("≤", bound),
            AtLeast(bound) => ("≥", bound),
        };
        let to_whom: Cow<'_, str> = match self.against {
            Nothing | Ourselves { .. } => "".into(),
            Best([one]) => format!(" × {one}").into(),
            Best(_) => " × the best peer".into(),
            TheirsWhoLead(_) => " × the fastest peer's".into(),
        };
        let target = format!("{sign} {bound}{to_whom}");
        vec![work, self.what.into(), self.ours.into(), target, reached, verdict.into()]
    }

    /// The figure to be judged, and what to say of it.
    fn in_one(&self, table: &Table) -> Option<(f64, String)> {
        let (index, column) = self.column(table)?;
        let own = table.measured(self.ours)?;
        let figure = table.figure(own, index);
        let peer = match self.against {
            Best(peers) => best(table, peers, index)?,
            TheirsWhoLead(peers) => best(table, peers, 0)?,
            Nothing | Ourselves { .. } => return Some((figure, shown(figure))),
        };
        let ratio = own.ratio(peer, index);
        let (theirs, unit) = (table.figure(peer, index), unit(column));
        let text = format!(
            "{} × {} ({} against {}{unit})",
            shown(ratio),
            peer.contender,
            shown(figure),
            shown(theirs)
        );
        Some((ratio, text))
    }

    fn with_another(&self, table: &Table, other: &Table) -> Option<(f64, String)> {
        let (index, _) = self.column(table)?;
        let (own, before) = (table.measured(self.ours)?, other.measured(self.ours)?);
        let ratio = own.ratio(before, index);
        let (now, then) = (table.figure(own, index), other.figure(before, index));
        Some((ratio, format!("{} ({} against {})", shown(ratio), shown(now), shown(then))))
    }
}

impl Bound {
    fn holds(self, figure: f64) -> bool {
        match self {
            AtMost(bound) => figure <= bound,
            AtLeast(bound) => figure >= bound,
        }
    }
}

/// Which of these contenders has the best figure in this column.
fn best<'a>(table: &'a Table, peers: &[&str], column: usize) -> Option<&'a Row> {
    let sign = if table.columns[column].better == Better::Lower { 1.0 } else { -1.0 };
    let figures = peers.iter().filter_map(|peer| {
        let row = table.measured(peer)?;
        let figure = table.figure(row, column) * sign;
        (!figure.is_nan()).then_some((figure, row))
    });
    figures.min_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, row)| row)
}

/// The unit in a column's name, behind a comma or before what is counted.
fn unit(column: &Column) -> String {
    let behind = column.name.rsplit_once(", ").map(|(_, unit)| unit);
    let before = ["ns", "k ops/s", "M increments/s"];
    let unit = behind.or_else(|| before.into_iter().find(|unit| column.name.starts_with(unit)));
    unit.map_or_else(String::new, |unit| format!(" {unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Outcome;

    fn table(
        workload: &'static str,
        setting: &str,
        columns: Vec<Column>,
        rows: &[(&'static str, &[f64])],
    ) -> Table {
        let row = |&(contender, run): &(&'static str, &[f64])| Row {
            contender: contender.into(),
            outcome: Outcome::Runs(vec![run.to_vec(); 3]),
            distribution: Vec::new(),
        };
        let rows = rows.iter().map(row).collect();
        Table { workload: workload.into(), setting: setting.to_owned(), columns, rows }
    }

    fn contended(setting: &str, ours: [f64; 3]) -> Table {
        let columns = vec![
            Column::higher("k ops/s"),
            Column::higher("slowest / fastest process").alone(),
            Column::lower("wait p99, ns"),
        ];
        let rows: [(&str, &[f64]); 4] = [
            ("procsync", &ours),
            ("pthread-robust", &[100.0, 0.9, 1_000.0]),
            ("flock", &[10.0, 0.9, 5.0]),
            ("futex", &[900.0, 0.9, 1.0]),
        ];
        table("contended", setting, columns, &rows)
    }

    fn lines(tables: &[Table], beginning: &str) -> Vec<String> {
        let text = render(tables.iter());
        let of_that = text.lines().filter(|line| line.starts_with(&format!("| {beginning}")));
        of_that.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn ratios_are_to_the_best_peer_that_recovers_and_waits_to_the_same_one() {
        let tables = [contended("2 processes, turn after turn", [250.0, 0.4, 200.0])];
        let lines = lines(&tables, "contended, 2 processes, turn after turn");
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines[0].contains("2.50 × pthread-robust (250 against 100 k ops/s) | met"),
            "{lines:?}"
        );
        assert!(lines[1].contains("0.40 | **missed**"), "{lines:?}");
        assert!(
            lines[2].contains("0.20 × pthread-robust (200 against 1,000 ns) | met"),
            "{lines:?}"
        );
    }

    #[test]
    fn each_setting_is_a_case_of_its_own() {
        let tables = [
            contended("8 processes, turn after turn", [179.0, 1.0, 1.0]),
            contended("8 processes, 100 steps", [181.0, 1.0, 1.0]),
        ];
        let verdicts = lines(&tables, "contended, 8 processes");
        assert!(
            verdicts[0].ends_with("| **missed** |") && verdicts[1].ends_with("| met |"),
            "{verdicts:?}"
        );
    }

    #[test]
    fn more_processes_are_compared_with_fewer_of_our_own() {
        let tables = [
            contended("8 processes, turn after turn", [100.0, 1.0, 1.0]),
            contended("32 processes, turn after turn", [79.0, 1.0, 1.0]),
        ];
        let line = &lines(&tables, "contended, 32 processes")[0];
        assert!(line.contains("| 0.79 (79.0 against 100) | **missed** |"), "{line}");
    }

    #[test]
    fn what_was_not_measured_says_so_and_has_no_verdict() {
        let none: Vec<String> = render([].iter()).lines().skip(2).map(str::to_owned).collect();
        assert_eq!(none.len(), TARGETS.len());
        assert!(none.iter().all(|line| line.contains("not measured") && !line.contains("met |")));
        let without_us =
            [table("pair", "", vec![Column::lower("ns")], &[("pthread-robust", &[1.0])])];
        assert!(lines(&without_us, "pair").iter().all(|line| line.contains("| not measured | |")));
    }

    #[test]
    fn one_thread_is_not_a_thousand() {
        let of = |setting: &str| {
            table(
                "waiters",
                setting,
                vec![Column::lower("CPU while waiting, % of one")],
                &[("procsync", &[0.05])],
            )
        };
        let tables =
            [of("1 thread"), of("10 threads of 8 processes"), of("1000 threads of 8 processes")];
        let lines = lines(&tables, "waiters");
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines.iter().all(|line| line.ends_with("| met |")), "{lines:?}");
    }
}
