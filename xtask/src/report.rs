//! What was checked and how it ended: one table and one closing line.

use std::collections::BTreeSet;
use std::fmt;
use std::process::ExitStatus;

use crate::test_output::Counts;

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// With the reason.
    Failed(String),
    /// With the reason.
    Skipped(String),
}

/// One thing that was checked.
#[derive(Debug)]
pub(crate) struct Step {
    name: &'static str,
    outcome: Outcome,
    /// The tests that it ran. A step without tests counts as one.
    tests: Option<Counts>,
}

impl Step {
    /// A step that either holds or does not.
    pub(crate) fn new(name: &'static str, result: Result<(), String>) -> Step {
        let outcome = result.map_or_else(Outcome::Failed, |()| Outcome::Passed);
        Step { name, outcome, tests: None }
    }

    /// A step that could not be tried, and why.
    pub(crate) fn skipped(name: &'static str, why: &str) -> Step {
        Step { name, outcome: Outcome::Skipped(why.to_owned()), tests: None }
    }

    /// A step that ran tests. One that ran none has proved nothing, so it failed.
    pub(crate) fn of_tests(
        name: &'static str,
        result: Result<(ExitStatus, String), String>,
    ) -> Step {
        Step::of_counted_tests(name, result, Counts::read)
    }

    /// The same for other programs than Rust's, with a way to read what they print.
    pub(crate) fn of_counted_tests(
        name: &'static str,
        result: Result<(ExitStatus, String), String>,
        read: fn(&str) -> Counts,
    ) -> Step {
        let (status, output) = match result {
            Ok(ended) => ended,
            Err(error) => return Step::new(name, Err(error)),
        };
        let tests = read(&output);
        let outcome = if tests.failed > 0 {
            Outcome::Failed(format!("{} failed", tests.failed))
        } else if !status.success() {
            Outcome::Failed(status.to_string())
        } else if tests.passed == 0 {
            Outcome::Failed("no test ran, so nothing is proved".to_owned())
        } else {
            Outcome::Passed
        };
        Step { name, outcome, tests: Some(tests) }
    }

    fn tally(&self) -> Tally {
        let mut tally = self.tests.as_ref().map_or_else(Tally::default, |tests| Tally {
            passed: tests.passed,
            failed: tests.failed,
            skipped: tests.ignored,
        });
        match self.outcome {
            Outcome::Passed if self.tests.is_none() => tally.passed += 1,
            // It did not build, or it ran nothing.
            Outcome::Failed(_) if tally.failed == 0 => tally.failed += 1,
            Outcome::Skipped(_) => tally.skipped += 1,
            Outcome::Passed | Outcome::Failed(_) => {}
        }
        tally
    }
}

/// A test that found that it cannot run here. The test program counts it as passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SkippedTest {
    test: String,
    why: String,
}

impl SkippedTest {
    /// From the lines that tests wrote, each `test: why`.
    pub(crate) fn read(log: &str) -> Vec<SkippedTest> {
        let lines: BTreeSet<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        let split = |line: &str| {
            let (test, why) = line.split_once(": ").unwrap_or((line, "no reason given"));
            SkippedTest { test: test.to_owned(), why: why.to_owned() }
        };
        lines.into_iter().map(split).collect()
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// Everything that was checked. Printing it gives the table, what did not hold or could not be
/// tried, and the closing line.
#[derive(Debug, Default)]
pub(crate) struct Report {
    steps: Vec<Step>,
    skipped_tests: Vec<SkippedTest>,
}

impl Report {
    pub(crate) fn new(steps: Vec<Step>, skipped_tests: Vec<SkippedTest>) -> Report {
        Report { steps, skipped_tests }
    }

    pub(crate) fn append(&mut self, other: impl Into<Report>) {
        let other = other.into();
        self.steps.extend(other.steps);
        self.skipped_tests.extend(other.skipped_tests);
    }

    pub(crate) fn succeeded(&self) -> bool {
        !self.steps.iter().any(|step| matches!(step.outcome, Outcome::Failed(_)))
    }

    fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for tally in self.steps.iter().map(Step::tally) {
            sum.passed += tally.passed;
            sum.failed += tally.failed;
            sum.skipped += tally.skipped;
        }
        // A test can have several reasons; it counts once.
        let tests: BTreeSet<&str> = self.skipped_tests.iter().map(|skip| &*skip.test).collect();
        sum.passed = sum.passed.saturating_sub(tests.len());
        sum.skipped += tests.len();
        sum
    }
}

impl From<Step> for Report {
    fn from(step: Step) -> Report {
        Report::new(vec![step], Vec::new())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to)?;
        let width = self.steps.iter().map(|step| step.name.len()).max().unwrap_or(0);
        for step in &self.steps {
            let (word, reason) = match &step.outcome {
                Outcome::Passed => ("passed", None),
                Outcome::Failed(why) => ("FAILED", Some(why.as_str())),
                Outcome::Skipped(why) => ("SKIPPED", Some(why.as_str())),
            };
            let tests = step.tests.as_ref().map(|tests| format!("{} passed", tests.passed));
            let remarks: Vec<&str> = tests.as_deref().into_iter().chain(reason).collect();
            let line = format!("{:width$}  {word:7}  {}", step.name, remarks.join(", "));
            writeln!(to, "{}", line.trim_end())?;
        }
        for step in &self.steps {
            for test in step.tests.iter().flat_map(|tests| &tests.failures) {
                writeln!(to, "FAILED: {}: {test}", step.name)?;
            }
        }
        for SkippedTest { test, why } in &self.skipped_tests {
            writeln!(to, "SKIPPED: {test}: {why}")?;
        }
        let Tally { passed, failed, skipped } = self.tally();
        write!(to, "\n{passed} passed, {failed} failed")?;
        if skipped > 0 {
            write!(to, ", {skipped} skipped")?;
        }
        writeln!(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(outcome: Outcome, passed: usize, failed: usize) -> Step {
        let failures = (0..failed).map(|number| format!("test_{number}")).collect();
        let tests = Some(Counts { passed, failed, ignored: 0, failures });
        Step { name: "unit tests", outcome, tests }
    }

    fn closing_line(report: &Report) -> String {
        report.to_string().lines().last().unwrap().to_owned()
    }

    #[test]
    fn the_closing_line_counts_tests_and_steps_without_tests() {
        let steps = vec![Step::new("format", Ok(())), step(Outcome::Passed, 4, 0)];
        let report = Report::new(steps, Vec::new());
        assert_eq!(closing_line(&report), "5 passed, 0 failed");
        assert!(report.succeeded());
    }

    #[test]
    fn failed_tests_are_counted_once_and_named() {
        let report = Report::from(step(Outcome::Failed("2 failed".into()), 3, 2));
        assert_eq!(closing_line(&report), "3 passed, 2 failed");
        assert!(report.to_string().contains("FAILED: unit tests: test_1\n"), "{report}");
        assert!(!report.succeeded());
    }

    #[test]
    fn a_step_that_failed_before_any_test_counts_as_one() {
        let report = Report::from(step(Outcome::Failed("did not build".into()), 0, 0));
        assert_eq!(closing_line(&report), "0 passed, 1 failed");
        assert!(!report.succeeded());
    }

    #[test]
    fn a_skipped_step_is_shown_with_its_reason() {
        let report = Report::from(Step::skipped("cargo deny", "not installed"));
        assert!(report.to_string().contains("cargo deny  SKIPPED  not installed\n"), "{report}");
        assert_eq!(closing_line(&report), "0 passed, 0 failed, 1 skipped");
        assert!(report.succeeded());
    }

    #[test]
    fn tests_that_skipped_themselves_are_not_counted_as_passed() {
        let log = "pods::two: no unshare: refused\npods::two: other\npods::one: no root\n\
                   pods::one: no root\n\n";
        let report = Report::new(vec![step(Outcome::Passed, 6, 0)], SkippedTest::read(log));
        assert_eq!(closing_line(&report), "4 passed, 0 failed, 2 skipped");
        let lines = report.to_string().matches("SKIPPED: ").count();
        assert_eq!(lines, 3, "{report}");
        assert!(report.to_string().contains("SKIPPED: pods::two: no unshare: refused\n"));
    }

    #[cfg(unix)]
    mod of_tests {
        use super::*;
        use std::os::unix::process::ExitStatusExt;

        fn outcome(code: i32, output: &str) -> Outcome {
            // The exit code is in the second byte of what `wait` answers.
            let status = ExitStatus::from_raw(code << 8);
            Step::of_tests("loom models", Ok((status, output.to_owned()))).outcome
        }

        const NONE: &str = "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; \
                            0 measured; 9 filtered out; finished in 0.00s\n";
        const ONE: &str = "running 1 test\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; \
                           0 measured; 9 filtered out; finished in 0.00s\n";

        #[test]
        fn a_run_without_a_test_proves_nothing() {
            assert!(matches!(outcome(0, NONE), Outcome::Failed(_)));
            assert!(matches!(outcome(0, ""), Outcome::Failed(_)));
        }

        #[test]
        fn a_run_of_one_test_passes() {
            assert_eq!(outcome(0, ONE), Outcome::Passed);
        }

        #[test]
        fn a_failed_exit_outweighs_the_printed_results() {
            assert!(matches!(outcome(101, ONE), Outcome::Failed(_)));
        }
    }
}
