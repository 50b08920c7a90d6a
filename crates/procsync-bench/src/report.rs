//! From files of results to `docs/benchmarks.md`: targets and tables between markers, and pictures beside them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::bench::ONE_PROCESS;
use crate::plot::{Across, Plot, Series};
use crate::results::Results;
use crate::table::{Better, Outcome, Table};
use crate::targets;

/// Puts targets and tables into the document, and pictures into the folder beside it that is called like it.
pub(crate) fn write(results: &[PathBuf], document: &Path, references: &[String]) -> io::Result<()> {
    let results: Vec<Results> =
        results.iter().map(|path| Results::read(path)).collect::<io::Result<_>>()?;
    let text = fs::read_to_string(document)?;
    let folder = document.with_extension("");
    let folder_name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();

    let tables = || results.iter().flat_map(|results| &results.tables);
    let (mut figures, mut pictures) = (Vec::new(), Vec::new());
    for results in &results {
        let of_these = pictures_of(&results.tables);
        figures.push(paragraph(&results.heading()));
        for table in &results.tables {
            figures.push(format!("#{}", table.render(references).trim_end()));
            for picture in of_these.iter().filter(|picture| picture.after == table.title()) {
                let (alt, file) = (&picture.title, &picture.file);
                figures.push(format!("![{alt}]({folder_name}/{file})"));
            }
        }
        pictures.extend(of_these);
    }
    let headings: Vec<String> =
        results.iter().map(|results| paragraph(&results.heading())).collect();
    let targets = format!("{}\n\n{}", headings.join("\n\n"), targets::render(tables()).trim_end());
    let text = between_markers(&text, "targets", &targets)
        .and_then(|text| between_markers(&text, "figures", &figures.join("\n\n")))?;

    // Those of other settings would stay for ever.
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::create_dir_all(&folder)?,
    }
    for picture in &pictures {
        fs::write(folder.join(&picture.file), &picture.svg)?;
    }
    fs::write(document, text)
}

/// Lines that stay lines: Markdown would run them together.
fn paragraph(lines: &str) -> String {
    lines.lines().collect::<Vec<_>>().join("\\\n")
}

fn between_markers(text: &str, which: &str, figures: &str) -> io::Result<String> {
    let (begin, end) = (format!("<!-- {which}: begin -->"), format!("<!-- {which}: end -->"));
    let parts = || {
        let (before, rest) = text.split_once(&begin)?;
        let (_, after) = rest.split_once(&end)?;
        Some(format!("{before}{begin}\n\n{figures}\n\n{end}{after}"))
    };
    parts().ok_or_else(|| io::Error::other(format!("no {begin} with {end} after it")))
}

/// Where there is a table for each number of processes, one distribution must do; the courses show the rest.
const DRAWN: &str = "8 processes";

struct Picture {
    /// The table that it stands under.
    after: String,
    file: String,
    title: String,
    svg: String,
}

fn pictures_of(tables: &[Table]) -> Vec<Picture> {
    let mut pictures = Vec::new();
    for table in tables {
        // Python programs do the same work.
        let work = table.workload.strip_prefix("python ").unwrap_or(&table.workload);
        if matches!(work, "pair" | "pingpong" | "recovery" | "open" | "atomic" | "import") {
            pictures.extend(bars(table));
        }
        // Of two numbers of processes no course is drawn that would show more than bars.
        if table.workload == "python contended" {
            pictures.extend(bars(table));
        }
        let one_of_many = matches!(work, "contended" | "broadcast");
        if !one_of_many || table.setting.starts_with(DRAWN) {
            pictures.extend(distribution(table));
        }
    }
    pictures.extend(courses(tables));
    pictures
}

/// Its first column, a bar for each contender; of those who tried in vain, only that.
fn bars(table: &Table) -> Option<Picture> {
    let in_vain = table.rows.iter().filter_map(|row| {
        let why = match &row.outcome {
            Outcome::NotRun(why) if why != ONE_PROCESS => why.to_string(),
            // The table says how.
            Outcome::Failed(_) => "fails".to_owned(),
            _ => return None,
        };
        Some((row.contender.to_string(), why))
    });
    let in_vain: Vec<_> = in_vain.collect();
    let series = table.rows.iter().filter_map(|row| {
        let figure = table.figure(row, 0);
        figure
            .is_finite()
            .then(|| Series { name: row.contender.to_string(), points: vec![(0.0, figure)] })
    });
    let plot = Plot { title: table.title(), figures: axis(table, 0), series: series.collect() };
    (!plot.series.is_empty()).then(|| Picture {
        after: table.title(),
        file: file_name(&table.title()),
        svg: plot.bars(&in_vain),
        title: plot.title,
    })
}

/// With fewer points there is nothing to see: too little was measured.
const FEWEST: usize = 3;

/// From the median to the rarest: how long it took, a line for each contender.
fn distribution(table: &Table) -> Option<Picture> {
    // So that rare ones have as much room as common ones: each nine is as far from the next.
    let place = |share: f64| -(1.0 - share.min(1.0 - 1e-6)).log10();
    let series = table.rows.iter().filter(|row| !row.distribution.is_empty()).map(|row| {
        let told = row.distribution.iter().filter(|(share, _)| (0.5..1.0).contains(share));
        let points = told.map(|&(share, ns)| (place(share), ns / 1e3)).collect();
        Series { name: row.contender.to_string(), points }
    });
    let series: Vec<Series> = series.filter(|series| !series.points.is_empty()).collect();
    if !series.iter().any(|series| series.points.len() >= FEWEST) {
        return None;
    }
    let title = format!("{}: how long", table.title());
    let furthest = series.iter().flat_map(|series| series.points.iter().map(|point| point.0));
    let furthest = furthest.fold(0.0, f64::max);
    let shares = [
        (0.5, "50 %"),
        (0.9, "90 %"),
        (0.99, "99 %"),
        (0.999, "99.9 %"),
        (0.9999, "99.99 %"),
        (0.99999, "99.999 %"),
    ];
    let ticks = shares.into_iter().map(|(share, text)| (place(share), text.to_owned()));
    let ticks = ticks.filter(|tick| tick.0 <= furthest + 1e-9).collect();
    let across = Across { label: "share of all that took no longer".to_owned(), ticks };
    let plot = Plot { title, figures: "µs (lower is better)".to_owned(), series };
    Some(Picture {
        after: table.title(),
        file: file_name(&plot.title),
        svg: plot.lines(&across),
        title: plot.title,
    })
}

/// Tables that differ by a number in front of their setting: how the figures go with it.
fn courses(tables: &[Table]) -> Vec<Picture> {
    let mut courses: BTreeMap<(&str, &str), Vec<(f64, &Table)>> = BTreeMap::new();
    for table in tables {
        let Some(number) = table.setting.split(' ').next().and_then(|word| word.parse().ok())
        else {
            continue;
        };
        let rest = table.setting.split_once(", ").map_or("", |(_, rest)| rest);
        courses.entry((&table.workload, rest)).or_default().push((number, table));
    }
    courses.retain(|_, tables| tables.len() > 2);
    courses.iter().map(|(&(workload, rest), tables)| course(workload, rest, tables)).collect()
}

fn course(workload: &str, rest: &str, tables: &[(f64, &Table)]) -> Picture {
    let (label, column) = match workload {
        "contended" => ("processes", 0),
        "broadcast" => ("processes that wait", 2),
        "objects" => ("objects", 1),
        "waiters" => ("threads that wait", 1),
        _ => ("", 0),
    };
    // Each at its place by its logarithm: from 1 to 2 is as far as from 16 to 32.
    let mut series: Vec<Series> = Vec::new();
    for (number, table) in tables {
        for row in &table.rows {
            let figure = table.figure(row, column);
            if !figure.is_finite() {
                continue;
            }
            let index = series.iter().position(|series| series.name == row.contender);
            let index = index.unwrap_or_else(|| {
                series.push(Series { name: row.contender.to_string(), points: Vec::new() });
                series.len() - 1
            });
            series[index].points.push((number.log2(), figure));
        }
    }
    let (_, last) = tables[tables.len() - 1];
    let rest = if rest.is_empty() { String::new() } else { format!(", {rest}") };
    let title = format!("{workload}{rest}: by number of {label}");
    let ticks = tables.iter().map(|(number, _)| (number.log2(), crate::table::thousands(*number)));
    let across = Across { label: label.to_owned(), ticks: ticks.collect() };
    let plot = Plot { title, figures: axis(last, column), series };
    Picture {
        after: last.title(),
        file: file_name(&plot.title),
        svg: plot.lines(&across),
        title: plot.title,
    }
}

fn axis(table: &Table, column: usize) -> String {
    let column = &table.columns[column];
    let better = if column.better == Better::Lower { "lower" } else { "higher" };
    format!("{} ({better} is better)", column.name)
}

fn file_name(title: &str) -> String {
    let letters =
        title.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { ' ' });
    let words: String = letters.collect();
    words.split_whitespace().collect::<Vec<_>>().join("-").to_lowercase() + ".svg"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Column, Row};

    fn table(workload: &'static str, setting: &str, figure: f64) -> Table {
        let row = |contender: &'static str, figure: f64| Row {
            contender: contender.into(),
            outcome: Outcome::Runs(vec![vec![figure, figure, figure]]),
            distribution: vec![
                (0.5, figure),
                (0.9, 2.0 * figure),
                (0.99, 3.0 * figure),
                (1.0, 9.0 * figure),
            ],
        };
        Table {
            workload: workload.into(),
            setting: setting.to_owned(),
            columns: ["k ops/s", "b", "c"].map(Column::lower).to_vec(),
            rows: vec![row("ours", figure), row("theirs", 3.0 * figure)],
        }
    }

    #[test]
    fn what_is_between_the_markers_is_replaced_and_nothing_else() {
        let (begin, end) = ("<!-- figures: begin -->", "<!-- figures: end -->");
        let text = format!("before\n{begin}\nold\n{end}\nafter\n");
        let text = between_markers(&text, "figures", "new").unwrap();
        assert_eq!(text, format!("before\n{begin}\n\nnew\n\n{end}\nafter\n"));
        assert_eq!(between_markers(&text, "figures", "new").unwrap(), text);
        assert!(between_markers("no markers", "figures", "new").is_err());
        assert!(between_markers(&text, "targets", "new").is_err());
    }

    #[test]
    fn settings_that_differ_by_a_number_become_one_course() {
        let tables = [
            table("contended", "1 process, turn after turn", 1.0),
            table("contended", "2 processes, turn after turn", 1.0),
            table("contended", "8 processes, turn after turn", 2.0),
            table("contended", "8 processes, with work", 2.0),
            table("pair", "", 2.0),
        ];
        let courses = courses(&tables);
        let titles: Vec<&str> = courses.iter().map(|picture| &*picture.title).collect();
        assert_eq!(titles, ["contended, turn after turn: by number of processes"]);
        assert_eq!(courses[0].after, "contended, 8 processes, turn after turn");
        assert!(courses[0].svg.contains(">ours<") && courses[0].svg.contains(">theirs<"));
    }

    #[test]
    fn every_picture_has_a_file_of_its_own() {
        let settings = [
            "1 process, turn after turn",
            "2 processes, turn after turn",
            "8 processes, turn after turn",
        ];
        let tables: Vec<Table> = settings
            .iter()
            .map(|setting| table("contended", setting, 1.0))
            .chain([table("pair", "", 1.0), table("pingpong", "two CPUs", 1.0)])
            .collect();
        let pictures = pictures_of(&tables);
        let mut files: Vec<&str> = pictures.iter().map(|picture| &*picture.file).collect();
        files.sort_unstable();
        files.dedup();
        assert_eq!(files.len(), pictures.len());
        assert!(files.contains(&"pair.svg") && files.contains(&"pingpong-two-cpus-how-long.svg"));
        for picture in &pictures {
            assert!(tables.iter().any(|table| table.title() == picture.after), "{}", picture.after);
        }
    }
}
