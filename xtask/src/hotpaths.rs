//! `cargo xtask hotpaths`: a guard against getting slower. Times move with the machine; the number of instructions
//! between lock and unlock does not, so it is counted, and compared with the number recorded in a committed file.
//!
//! Each path is walked 1,000 times and 101,000 times; the difference is what 100,000 times cost, without the program's
//! start and end. Valgrind counts, and hides from the program what the kernel offers without a system call: the clock is
//! asked by a call whose instructions in the kernel are not counted.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::cargo::Workspace;
use crate::report::{Report, Step};
use crate::sh;

const RECORD: &str = "crates/procsync-bench/hotpaths.json";
const PROGRAM: &str = "hotpaths";
const FEW: u32 = 1_000;
const MANY: u32 = 101_000;

/// One more instruction than this share, and the check fails. Enough for another version of the compiler or the C
/// library to differ a little; on a path of 30 instructions, one more is noticed.
const TOLERANCE_PERCENT: f64 = 3.0;

/// The program knows this path, but does not list it.
const LONGER: &str = "mutex lock + unlock, made longer on purpose";
const LONGER_THAN: &str = "mutex lock + unlock";

/// Instructions by path.
type Counts = BTreeMap<String, f64>;

/// Checks, or records instead.
pub(crate) fn run(workspace: &Workspace, record: bool) -> Result<Report, String> {
    let name = "hot paths";
    if !cfg!(target_os = "linux") {
        return Ok(Step::skipped(name, "they need Linux").into());
    }
    if !sh::answers(Command::new("valgrind").arg("--version")) {
        return Ok(
            Step::skipped(name, "valgrind is not installed (apt-get install valgrind)").into()
        );
    }
    let file = workspace.root().join(RECORD);
    if record {
        let program = build(workspace)?;
        write(&file, &setting()?, &count_all(&program)?)?;
        println!("recorded in {RECORD}");
        return Ok(Step::new("hot paths recorded", Ok(())).into());
    }
    let recorded = read(&file)?;
    let setting = setting()?;
    if recorded.setting["architecture"] != setting["architecture"] {
        let why = format!("recorded for {} only", recorded.setting["architecture"]);
        return Ok(Step::skipped(name, &why).into());
    }
    let program = build(workspace)?;
    let counts = count_all(&program)?;
    print!("{}", table(&recorded.counts, &counts));
    println!("recorded with {}", shown(&recorded.setting));
    println!("counted with  {}", shown(&setting));

    let steps = vec![
        Step::new(name, judge(&recorded.counts, &counts)),
        Step::new("the guard itself", guard_notices(&program, &counts)),
    ];
    Ok(Report::new(steps, Vec::new()))
}

/// A path that was made longer must fail against the count of the one that was not.
fn guard_notices(program: &Path, counts: &Counts) -> Result<(), String> {
    let honest = *counts.get(LONGER_THAN).ok_or("the path to make longer is gone")?;
    let longer = count(program, LONGER)?;
    let only = |count| Counts::from([(LONGER_THAN.to_owned(), count)]);
    match judge(&only(honest), &only(longer)) {
        Err(_) => Ok(()),
        Ok(()) => Err(format!("{honest:.1} instructions became {longer:.1}, and nothing was said")),
    }
}

fn build(workspace: &Workspace) -> Result<PathBuf, String> {
    let arguments = ["build", "--release", "-p", "procsync-bench", "--bin", PROGRAM];
    sh::run(&mut workspace.cargo(arguments))?;
    Ok(workspace.target().join("release").join(PROGRAM))
}

fn count_all(program: &Path) -> Result<Counts, String> {
    let output = Command::new(program).arg("--list").output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    let counts: Counts = list
        .lines()
        .map(|path| Ok((path.to_owned(), count(program, path)?)))
        .collect::<Result<_, String>>()?;
    if counts.is_empty() { Err("the program knows no path".to_owned()) } else { Ok(counts) }
}

/// Instructions for walking the path once.
fn count(program: &Path, path: &str) -> Result<f64, String> {
    let (few, many) = (collected(program, path, FEW)?, collected(program, path, MANY)?);
    if many < few {
        return Err(format!("{path}: {MANY} times took fewer instructions than {FEW} times"));
    }
    Ok((many - few) as f64 / f64::from(MANY - FEW))
}

fn collected(program: &Path, path: &str, times: u32) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([path, &times.to_string()])
        .output()
        .map_err(|error| format!("cannot run valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{path}: {}: {said}", output.status));
    }
    instructions(&said).ok_or_else(|| format!("{path}: no count in what valgrind said: {said}"))
}

/// From a line like `==123== Collected : 456`.
fn instructions(said: &str) -> Option<u64> {
    let line = said.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

struct Recorded {
    setting: Value,
    counts: Counts,
}

fn read(file: &Path) -> Result<Recorded, String> {
    let wrong = |why: String| format!("{}: {why}", file.display());
    let text = fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let counts = value["instructions"].as_object().ok_or_else(|| wrong("no counts".into()))?;
    let counts = counts.iter().map(|(path, count)| {
        let count = count.as_f64().ok_or_else(|| wrong(format!("{path}: not a number")))?;
        Ok((path.clone(), count))
    });
    Ok(Recorded {
        setting: value["recorded_with"].clone(),
        counts: counts.collect::<Result<_, String>>()?,
    })
}

fn write(file: &Path, setting: &Value, counts: &Counts) -> Result<(), String> {
    // A tenth is enough, and does not change from one recording to the next.
    let rounded: BTreeMap<_, _> =
        counts.iter().map(|(path, count)| (path, (count * 10.0).round() / 10.0)).collect();
    let value = json!({ "recorded_with": setting, "instructions": rounded });
    let text = serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?;
    fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))
}

/// What the counts depend on besides the code.
fn setting() -> Result<Value, String> {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let first_line = |command: &mut Command| {
        let output = command.output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok::<_, String>(said.lines().next().unwrap_or_default().to_owned())
    };
    Ok(json!({
        "architecture": env::consts::ARCH,
        "profile": "release",
        "compiler": first_line(Command::new(compiler).arg("--version"))?,
        "counter": first_line(Command::new("valgrind").arg("--version"))?,
    }))
}

fn shown(setting: &Value) -> String {
    let names = ["architecture", "profile", "compiler", "counter"];
    names.map(|name| setting[name].as_str().unwrap_or("unknown")).join(", ")
}

fn table(recorded: &Counts, counts: &Counts) -> String {
    let mut text = String::from("\n| path | instructions | recorded |\n|:---|---:|---:|\n");
    for (path, count) in counts {
        let before = recorded.get(path).map_or("none".to_owned(), |count| format!("{count:.1}"));
        text += &format!("| {path} | {count:.1} | {before} |\n");
    }
    text + "\n"
}

/// Fails if a path takes more instructions than recorded, or if the two lists of paths differ. Taking fewer is welcome.
fn judge(recorded: &Counts, counts: &Counts) -> Result<(), String> {
    let mut wrong = Vec::new();
    for (path, &count) in counts {
        match recorded.get(path) {
            None => wrong.push(format!("{path}: not recorded")),
            Some(&before) if count > before * (1.0 + TOLERANCE_PERCENT / 100.0) => {
                wrong.push(format!("{path}: {before:.1} instructions became {count:.1}"));
            }
            Some(_) => {}
        }
    }
    let gone = recorded.keys().filter(|path| !counts.contains_key(*path));
    wrong.extend(gone.map(|path| format!("{path}: recorded, but not walked any more")));
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{}; if that is meant: cargo xtask hotpaths --record", wrong.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(&str, f64)]) -> Counts {
        of.iter().map(|&(path, count)| (path.to_owned(), count)).collect()
    }

    #[test]
    fn a_path_that_became_longer_fails_and_is_named() {
        let recorded = counts(&[("lock", 30.0), ("unlock", 10.0)]);
        let error = judge(&recorded, &counts(&[("lock", 31.0), ("unlock", 10.0)])).unwrap_err();
        assert!(error.contains("lock: 30.0 instructions became 31.0"), "{error}");
        assert!(!error.contains("unlock"), "{error}");
    }

    #[test]
    fn what_is_within_the_tolerance_or_shorter_passes() {
        let recorded = counts(&[("lock", 100.0), ("unlock", 10.0)]);
        let now = counts(&[("lock", 100.0 + TOLERANCE_PERCENT), ("unlock", 5.0)]);
        assert_eq!(judge(&recorded, &now), Ok(()));
    }

    #[test]
    fn a_path_on_one_side_only_fails() {
        let one = counts(&[("lock", 1.0)]);
        assert!(judge(&one, &counts(&[])).unwrap_err().contains("not walked any more"));
        assert!(judge(&counts(&[]), &one).unwrap_err().contains("not recorded"));
    }

    #[test]
    fn the_count_is_found_in_what_valgrind_says() {
        let said = "==7== Events    : Ir\n==7== Collected : 437656\n==7==\n";
        assert_eq!(instructions(said), Some(437_656));
        assert_eq!(instructions("==7== Segmentation fault\n"), None);
    }

    #[test]
    fn what_was_recorded_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("record.json");
        write(&file, &json!({"architecture": "any"}), &counts(&[("lock", 69.000_26)])).unwrap();
        let recorded = read(&file).unwrap();
        assert_eq!(recorded.counts, counts(&[("lock", 69.0)]));
        assert_eq!(recorded.setting["architecture"], "any");
        assert!(read(&folder.path().join("missing.json")).is_err());
    }
}
