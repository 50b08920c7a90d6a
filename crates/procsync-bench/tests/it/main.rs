//! The program as a whole: it measures, it notices what is wrong, and it leaves nothing behind.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Far more than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_procsync-bench"));
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs the program with its results in JSON; its exit code, those results, and what stayed behind.
fn run(arguments: &[&str]) -> (Option<i32>, Value, Vec<PathBuf>) {
    let directory = tempfile::tempdir().unwrap();
    let results = directory.path().join("results.json");
    let mut child = program(arguments).arg("--json").arg(&results).spawn().unwrap();
    let status = await_end(&mut child);
    let results = serde_json::from_slice(&fs::read(results).unwrap()).unwrap();
    (status.code(), results, left_by(child.id()))
}

fn await_that(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        sleep(Duration::from_millis(2));
    }
}

fn await_end(child: &mut Child) -> ExitStatus {
    let mut status = None;
    await_that("the program's end", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

/// Everything in shared memory that bears the program's process number.
fn left_by(pid: u32) -> Vec<PathBuf> {
    let marks = [format!("procsync-bench-{pid}"), format!("procsync-bench-{pid}-")];
    let is_its_own = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name == marks[0] || name.contains(&marks[1])
    };
    let entries = fs::read_dir("/dev/shm").unwrap().map(|entry| entry.unwrap().path());
    entries.filter(is_its_own).collect()
}

/// Starts a measurement that would take an hour, and waits until its workers are there: their process numbers.
fn start_long_measurement() -> (Child, Vec<u32>) {
    let arguments = ["contended", "--contenders", "sem-open", "--seconds", "3600"];
    let child = program(&arguments).args(["--processes", "3"]).spawn().unwrap();
    let mut workers = Vec::new();
    await_that("three workers", || {
        workers = children_of(child.id());
        workers.len() == 3
    });
    (child, workers)
}

fn children_of(parent: u32) -> Vec<u32> {
    let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse::<u32>().ok()
    });
    numbers.filter(|&pid| parent_of(pid) == Some(parent)).collect()
}

/// The parent of a process that lives: one that has ended but nobody has reaped does not.
fn parent_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may hold anything: the state, then the parent.
    let (_, rest) = status.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.next()?.parse().ok()
}

fn send(signal: libc::c_int, pid: u32) {
    // SAFETY: the call takes two integers; the process is a child of this one and not reaped, so the number is its own.
    #[allow(unsafe_code)]
    let answer = unsafe { libc::kill(pid as libc::pid_t, signal) };
    assert_eq!(answer, 0);
}

#[test]
fn every_workload_has_figures_for_every_contender_and_leaves_nothing_behind() {
    let small = ["--seconds", "0.05", "--runs", "2", "--processes", "3"];
    let smaller = ["--kills", "2", "--big", "4", "--waiters", "20", "--objects", "1,20"];
    let few = ["--listeners", "1,5", "--inside", "0,50", "--between", "0"];
    let (code, results, left) = run(&[&small[..], &smaller, &few].concat());
    assert_eq!(code, Some(0), "{results:#}");
    assert_eq!(left, Vec::<PathBuf>::new());

    let tables = results["tables"].as_array().unwrap();
    let mut workloads: Vec<_> =
        tables.iter().map(|table| table["workload"].as_str().unwrap()).collect();
    workloads.dedup();
    let all =
        ["pair", "contended", "pingpong", "broadcast", "recovery", "open", "objects", "waiters"];
    assert_eq!(workloads, all);
    for table in tables {
        let columns = table["columns"].as_array().unwrap().len();
        let mut measured = 0;
        for row in table["rows"].as_array().unwrap() {
            let Some(runs) = row["runs"].as_array() else {
                assert!(row["not_run"].is_string(), "{row}");
                continue;
            };
            assert_eq!(runs.len(), 2, "{row}");
            for run in runs {
                let figures: Vec<_> =
                    run.as_array().unwrap().iter().map(|figure| figure.as_f64()).collect();
                assert_eq!(figures.len(), columns, "{row}");
                assert!(figures.iter().all(|figure| figure.is_some_and(|f| f >= 0.0)), "{row}");
            }
            measured += 1;
        }
        // On a machine with one processor nobody plays across two.
        assert!(measured > 0 || table["setting"] == "two CPUs", "{table}");
    }
}

#[test]
fn a_lock_that_does_not_exclude_is_found_out() {
    let arguments = ["contended", "--contenders", "none,futex", "--processes", "8"];
    let (code, results, left) =
        run(&[&arguments[..], &["--seconds", "0.5", "--runs", "1"]].concat());
    assert_eq!(code, Some(1));
    let rows = results["tables"][0]["rows"].as_array().unwrap();
    let why = rows[0]["failed"].as_str().unwrap_or_default();
    assert!(why.contains("does not exclude"), "{results:#}");
    assert!(rows[1]["runs"].is_array(), "the others go on: {results:#}");
    assert_eq!(left, Vec::<PathBuf>::new());
}

#[test]
fn ctrl_c_removes_everything_and_ends_every_worker() {
    let (mut child, workers) = start_long_measurement();
    assert!(left_by(child.id()).len() >= 2, "a directory and a semaphore");
    send(libc::SIGINT, child.id());
    assert_eq!(await_end(&mut child).code(), Some(130));
    assert_eq!(left_by(child.id()), Vec::<PathBuf>::new());
    assert!(workers.iter().all(|&worker| parent_of(worker).is_none()), "a worker lives on");
}

#[test]
fn no_worker_outlives_the_program_even_if_that_is_killed() {
    let (mut child, workers) = start_long_measurement();
    send(libc::SIGKILL, child.id());
    await_end(&mut child);
    await_that("the workers' end", || workers.iter().all(|&worker| parent_of(worker).is_none()));
    // What a killed program cannot remove, this test must.
    for path in left_by(child.id()) {
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        removed.unwrap();
    }
}

#[test]
fn a_report_puts_tables_and_pictures_into_the_document() {
    let directory = tempfile::tempdir().unwrap();
    let (results, document) = (directory.path().join("r.json"), directory.path().join("doc.md"));
    let marked = "before\n<!-- targets: begin -->\nold\n<!-- targets: end -->\n\
                  <!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n";
    fs::write(&document, marked).unwrap();
    let measure = ["pingpong", "broadcast", "--contenders", "futex,sem-open", "--seconds", "0.05"];
    let few = ["--runs", "1", "--listeners", "1,2", "--json"];
    let mut child = program(&[&measure[..], &few].concat()).arg(&results).spawn().unwrap();
    assert_eq!(await_end(&mut child).code(), Some(0));
    let mut child = program(&["report", "--document"]);
    let mut child = child.arg(&document).arg(&results).spawn().unwrap();
    assert_eq!(await_end(&mut child).code(), Some(0));

    let text = fs::read_to_string(&document).unwrap();
    assert!(text.starts_with("before\n") && text.ends_with("after\n"), "{text}");
    assert!(!text.contains("old") && text.contains("### pingpong, one CPU"), "{text}");
    let links = text.split("](doc/").skip(1).map(|rest| rest.split(')').next().unwrap());
    let pictures: Vec<PathBuf> =
        links.map(|file| directory.path().join("doc").join(file)).collect();
    assert!(pictures.iter().any(|path| path.ends_with("pingpong-one-cpu-how-long.svg")), "{text}");
    for picture in &pictures {
        assert!(fs::read_to_string(picture).unwrap().ends_with("</svg>\n"), "{picture:?}");
    }
    assert_eq!(fs::read_dir(directory.path().join("doc")).unwrap().count(), pictures.len());
}

/// What the program that measures Python's locks writes, which asks and says less.
const OF_PYTHON: &str = r#"{
    "machine": {"cpu": "some", "cpus": 2, "memory_gib": 1.0, "kernel": "6", "c_library": "glibc",
                "huge_pages": "never", "optimised_build": true},
    "noise": {"samples": 1, "fastest_us": 1.0, "median_us": 1.0, "p95_us": 1.0, "slowest_us": 1.0,
              "stolen_percent": null, "others_percent": 0.0},
    "left_out": ["filelock: No module named 'filelock'"],
    "programs": "CPython 3.11.7, posix_ipc 1.3.2",
    "settings": {"seconds": 0.5, "runs": 2},
    "took_seconds": 61.0,
    "complete": true,
    "tables": [{
        "workload": "python pair",
        "setting": "",
        "columns": [
            {"name": "ns per acquire + release", "better": "lower", "over_runs": "median", "compared": true},
            {"name": "ns per with", "better": "lower", "over_runs": "median", "compared": true}
        ],
        "rows": [
            {"contender": "procsync.Lock", "runs": [[40.0, 90.0], [42.0, 95.0]]},
            {"contender": "threading.Lock", "runs": [[80.0, 100.0], [80.0, 100.0]]},
            {"contender": "multiprocessing.Lock", "runs": [[50.0, null], [50.0, null]]},
            {"contender": "fastipc.Mutex", "failed": "does not exclude: 1 counted together, 2 separately"}
        ]
    }]
}"#;

#[test]
fn targets_are_computed_from_all_results_that_are_handed_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("python.json"), OF_PYTHON).unwrap();
    let markers = ["targets", "figures"]
        .map(|name| format!("<!-- {name}: begin -->\nold\n<!-- {name}: end -->\n"));
    fs::write(path("doc.md"), markers.concat()).unwrap();
    let measure = ["pair", "--contenders", "procsync,pthread-robust", "--seconds", "0.02"];
    let mut child =
        program(&measure).args(["--runs", "1", "--json"]).arg(path("r.json")).spawn().unwrap();
    assert_eq!(await_end(&mut child).code(), Some(0));
    let mut child = program(&["report", "--document"]);
    let child = child.arg(path("doc.md")).arg(path("r.json")).arg(path("python.json"));
    assert_eq!(await_end(&mut child.spawn().unwrap()).code(), Some(0));

    let text = fs::read_to_string(path("doc.md")).unwrap();
    let line = |beginning: &str| {
        let line = text.lines().find(|line| line.starts_with(beginning));
        line.unwrap_or_else(|| panic!("no line {beginning} in {text}"))
    };
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(line("| pair ").contains("× pthread-robust ("), "{text}");
    let python = words(line("| python pair "));
    assert!(
        python.ends_with("0.82 × multiprocessing.Lock (41.0 against 50.0 ns) | met |"),
        "{text}"
    );
    assert!(text.contains("**missed**") && text.contains("not measured"), "{text}");
    assert!(text.contains("CPython 3.11.7") && text.contains("without filelock"), "{text}");
    assert!(text.contains("FAILED: does not exclude") && !text.contains("old"), "{text}");
    assert!(path("doc/python-pair.svg").exists() && path("doc/pair.svg").exists());
}

#[test]
fn a_workload_that_does_not_exist_is_a_usage_error() {
    let mut child = program(&["contendet"]).spawn().unwrap();
    assert_eq!(await_end(&mut child).code(), Some(2));
}
