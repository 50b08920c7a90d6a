//! What was measured, as data and as tables to be read.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use crate::histogram::Histogram;
use crate::statistics::{largest, median};

/// One workload in one setting, done by every contender.
#[derive(Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) workload: Cow<'static, str>,
    /// The setting, if the workload has several.
    pub(crate) setting: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
}

/// One kind of figure.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Column {
    /// What and in which unit.
    pub(crate) name: Cow<'static, str>,
    pub(crate) better: Better,
    /// How the figures of several runs become one.
    pub(crate) over_runs: OverRuns,
    /// Whether the ratio to the reference is shown beside it.
    pub(crate) compared: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Better {
    Lower,
    Higher,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OverRuns {
    Median,
    Largest,
}

impl Column {
    /// Smaller is better; the median over runs; shown beside the reference's.
    pub(crate) fn lower(name: &'static str) -> Self {
        let name = Cow::Borrowed(name);
        Column { name, better: Better::Lower, over_runs: OverRuns::Median, compared: true }
    }

    /// Larger is better; the median over runs; shown beside the reference's.
    pub(crate) fn higher(name: &'static str) -> Self {
        Column { better: Better::Higher, ..Column::lower(name) }
    }

    /// Without the ratio to the reference.
    pub(crate) fn alone(self) -> Self {
        Column { compared: false, ..self }
    }

    /// The largest of all runs instead of the median, without a ratio: two extremes are no comparison.
    pub(crate) fn largest(self) -> Self {
        Column { over_runs: OverRuns::Largest, compared: false, ..self }
    }
}

/// What one contender made of it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) contender: Cow<'static, str>,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
    /// How long it took, of all runs together: pairs of a share, and the nanoseconds that it does not exceed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) distribution: Vec<(f64, f64)>,
}

/// What one contender made of it in one run.
pub(crate) struct Figures {
    /// One for every column.
    pub(crate) columns: Vec<f64>,
    /// Every single duration in nanoseconds, where that is what is measured.
    pub(crate) durations: Option<Histogram>,
}

impl From<Vec<f64>> for Figures {
    fn from(columns: Vec<f64>) -> Self {
        Figures { columns, durations: None }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// For every run, a figure for every column; not a number (null in JSON) where there is none.
    Runs(#[serde(deserialize_with = "null_is_no_number")] Vec<Vec<f64>>),
    /// It was not asked to.
    NotRun(Cow<'static, str>),
    Failed(String),
}

fn null_is_no_number<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Vec<f64>>, D::Error> {
    let runs = Vec::<Vec<Option<f64>>>::deserialize(from)?;
    let number = |figure: Option<f64>| figure.unwrap_or(f64::NAN);
    Ok(runs.into_iter().map(|run| run.into_iter().map(number).collect()).collect())
}

impl Row {
    /// The figures of one column in all runs, one after another.
    fn figures(&self, column: usize) -> impl Iterator<Item = f64> + '_ {
        let runs = if let Outcome::Runs(runs) = &self.outcome { runs.as_slice() } else { &[] };
        runs.iter().map(move |run| run[column])
    }

    /// How many times the other one's figures its own are. Run by run, so that a slow hour of the machine stands on both
    /// sides.
    pub(crate) fn ratio(&self, other: &Row, column: usize) -> f64 {
        let pairs = self.figures(column).zip(other.figures(column));
        median(pairs.map(|(own, other)| own / other))
    }

    pub(crate) fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}

impl Table {
    /// The workload, and its setting if it has one.
    pub(crate) fn title(&self) -> String {
        let separator = if self.setting.is_empty() { "" } else { ", " };
        format!("{}{separator}{}", self.workload, self.setting)
    }

    /// The row of this contender, if it has figures.
    pub(crate) fn measured(&self, contender: &str) -> Option<&Row> {
        let of_that_name = |row: &&Row| row.contender == contender;
        self.rows.iter().find(of_that_name).filter(|row| row.figures(0).next().is_some())
    }

    /// The table in Markdown, aligned to be read as it stands. `references` are contenders to compare with: the first
    /// that has figures here serves.
    pub(crate) fn render(&self, references: &[String]) -> String {
        let reference = references.iter().find_map(|name| self.measured(name));

        let mut lines = vec![self.heads(reference)];
        lines.extend(self.rows.iter().map(|row| self.cells(row, reference)));

        let mut text = format!("## {}\n\n", self.title());
        text.push_str(&aligned(&lines));
        text
    }

    fn heads(&self, reference: Option<&Row>) -> Vec<String> {
        let mut heads = vec!["contender".to_owned()];
        for column in &self.columns {
            heads.push(column.name.to_string());
            if let (true, Some(reference)) = (column.compared, reference) {
                let better = if column.better == Better::Lower { "lower" } else { "higher" };
                heads.push(format!("× {} ({better} is better)", reference.contender));
            }
        }
        heads
    }

    /// The one figure that stands for all runs; not a number if there is none.
    pub(crate) fn figure(&self, row: &Row, column: usize) -> f64 {
        match self.columns[column].over_runs {
            OverRuns::Median => median(row.figures(column)),
            OverRuns::Largest => largest(row.figures(column)),
        }
    }

    fn cells(&self, row: &Row, reference: Option<&Row>) -> Vec<String> {
        let mut cells = vec![row.contender.to_string()];
        match &row.outcome {
            Outcome::NotRun(why) => cells.push(why.to_string()),
            Outcome::Failed(why) => cells.push(format!("FAILED: {why}")),
            Outcome::Runs(_) => {
                for (index, column) in self.columns.iter().enumerate() {
                    cells.push(shown(self.figure(row, index)));
                    if let (true, Some(reference)) = (column.compared, reference) {
                        cells.push(shown(row.ratio(reference, index)));
                    }
                }
            }
        }
        cells
    }
}

/// About three digits that matter, thousands set apart.
pub(crate) fn shown(figure: f64) -> String {
    let magnitude = figure.abs();
    if figure.is_nan() {
        "–".to_owned()
    } else if magnitude > 0.0 && magnitude < 0.1 {
        format!("{figure:.4}")
    } else if magnitude < 10.0 {
        format!("{figure:.2}")
    } else if magnitude < 100.0 {
        format!("{figure:.1}")
    } else {
        thousands(figure)
    }
}

/// A whole number, thousands set apart.
pub(crate) fn thousands(figure: f64) -> String {
    let digits = format!("{:.0}", figure.abs());
    let mut text = if figure < 0.0 { "-".to_owned() } else { String::new() };
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A reason longer than this stands out of its column rather than widen it.
const LONGEST_REASON: usize = 16;

/// Cells between bars, columns padded to one width: names to the left, figures to the right. A row with too few cells,
/// one that has no figures but a reason, leaves the rest empty.
fn aligned(lines: &[Vec<String>]) -> String {
    in_columns(lines, false)
}

/// The same with words in all columns, so that all are to the left.
pub(crate) fn aligned_words(lines: &[Vec<String>]) -> String {
    in_columns(lines, true)
}

fn in_columns(lines: &[Vec<String>], words: bool) -> String {
    let to_the_left = |column: usize| words || column == 0;
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width_of = |column: usize| {
        let width_in = |line: &Vec<String>| {
            let width = line.get(column)?.chars().count();
            (line.len() == columns || width <= LONGEST_REASON).then_some(width)
        };
        // Markdown wants three dashes.
        lines.iter().filter_map(width_in).max().unwrap_or(0).max(3)
    };
    let widths: Vec<usize> = (0..columns).map(width_of).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (column, &width) in widths.iter().enumerate() {
            let cell = line.get(column).map_or("", String::as_str);
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            text.push_str("| ");
            let cell =
                if to_the_left(column) { cell.to_owned() + &padding } else { padding + cell };
            text.push_str(&cell);
            text.push(' ');
        }
        text.push_str("|\n");
        if number == 0 {
            for (column, &width) in widths.iter().enumerate() {
                text.push_str(if to_the_left(column) { "|:" } else { "|-" });
                text.push_str(&"-".repeat(width));
                text.push_str(if to_the_left(column) { "-" } else { ":" });
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |contender: &'static str, outcome| Row {
            contender: contender.into(),
            outcome,
            distribution: Vec::new(),
        };
        Table {
            workload: "pair".into(),
            setting: "alone".to_owned(),
            columns: vec![Column::lower("ns"), Column::lower("worst").largest()],
            rows: vec![
                row("fast", Outcome::Runs(vec![vec![1.0, 5.0], vec![3.0, 9.0], vec![2.0, 7.0]])),
                row("slow", Outcome::Runs(vec![vec![4.0, 6.0], vec![6.0, 6.0], vec![8.0, 6.0]])),
                row("mortal", Outcome::NotRun("never".into())),
                row("broken", Outcome::Failed("counter 3 instead of 4".to_owned())),
            ],
        }
    }

    fn line_of(text: &str, contender: &str) -> Vec<String> {
        let line = text.lines().find(|line| line.contains(contender)).unwrap();
        line.split('|').map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
    }

    #[test]
    fn figures_are_medians_and_the_worst_of_all_runs_and_ratios_are_taken_run_by_run() {
        let text = table().render(&["slow".to_owned()]);
        // Ratios 1/4, 3/6, 2/8.
        assert_eq!(line_of(&text, "fast"), ["fast", "2.00", "0.25", "9.00"]);
        assert_eq!(line_of(&text, "| slow"), ["slow", "6.00", "1.00", "6.00"]);
    }

    #[test]
    fn the_reference_is_the_first_that_has_figures() {
        let references = ["absent", "broken", "mortal", "fast"].map(str::to_owned);
        let text = table().render(&references);
        assert!(text.contains("× fast (lower is better)"), "{text}");
        assert!(!table().render(&["absent".to_owned()]).contains('×'));
    }

    #[test]
    fn who_was_not_run_or_failed_says_why() {
        let text = table().render(&[]);
        assert_eq!(line_of(&text, "mortal"), ["mortal", "never"]);
        assert_eq!(line_of(&text, "broken"), ["broken", "FAILED: counter 3 instead of 4"]);
    }

    #[test]
    fn every_complete_line_is_equally_long() {
        let text = table().render(&["slow".to_owned()]);
        let is_complete = |line: &&str| line.starts_with('|') && !line.contains("FAILED");
        let lengths: Vec<usize> =
            text.lines().filter(is_complete).map(|line| line.chars().count()).collect();
        assert!(lengths.len() > 3 && lengths.iter().all(|&length| length == lengths[0]), "{text}");
    }

    #[test]
    fn figures_keep_three_digits_that_matter() {
        let figures = [0.0, 0.00432, 0.126, 9.5, 12.34, 123.4, 1_234_567.0, -1_000.0, f64::NAN];
        let expected =
            ["0.00", "0.0043", "0.13", "9.50", "12.3", "123", "1,234,567", "-1,000", "–"];
        assert_eq!(figures.map(shown), expected);
    }

    #[test]
    fn a_figure_that_is_missing_is_null_in_json() {
        let runs = Outcome::Runs(vec![vec![f64::NAN, 1.0]]);
        let row = Row { contender: "fast".into(), outcome: runs, distribution: Vec::new() };
        let json = serde_json::to_string(&row).unwrap();
        assert_eq!(json, r#"{"contender":"fast","runs":[[null,1.0]]}"#);
        let again: Row = serde_json::from_str(&json).unwrap();
        assert!(again.figures(0).next().unwrap().is_nan());
        assert_eq!(again.figures(1).next(), Some(1.0));
    }
}
