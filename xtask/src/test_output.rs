//! Reading what Rust's test programs print.

/// What the test programs of one `cargo test` reported, added up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    /// Failed tests, and test programs that ended without a result.
    pub(crate) failed: usize,
    pub(crate) ignored: usize,
    /// The failed tests by name.
    pub(crate) failures: Vec<String>,
}

impl Counts {
    pub(crate) fn read(output: &str) -> Counts {
        let mut counts = Counts::default();
        let mut begun: usize = 0;
        let mut finished: usize = 0;
        for line in output.lines() {
            if is_beginning(line) {
                begun += 1;
            } else if let Some(result) = line.strip_prefix("test result: ") {
                finished += 1;
                counts.passed += number_before(" passed", result);
                counts.failed += number_before(" failed", result);
                counts.ignored += number_before(" ignored", result);
            } else if let Some(test) = failed_test(line) {
                counts.failures.push(test.to_owned());
            }
        }
        // Killed, aborted, or it called `exit`: none of its tests is counted anywhere else.
        let lost = begun.saturating_sub(finished);
        counts.failed += lost;
        counts.failures.extend((0..lost).map(|_| "a test program that ended early".to_owned()));
        counts
    }

    /// What pytest reported. A test that skipped itself counts as passed here, as Rust's do: those
    /// are listed, and subtracted, by the list of skipped tests.
    pub(crate) fn of_pytest(output: &str) -> Counts {
        let closing = output.lines().rev().find(|line| line.contains(" in ")).unwrap_or_default();
        let number = |what: &str| {
            let mut words = closing.split([' ', ',', '=']).filter(|word| !word.is_empty());
            let mut before = 0;
            words.find_map(|word| {
                let found = (word == what).then_some(before);
                before = word.parse().unwrap_or(0);
                found
            })
        };
        let errors = number("error").or(number("errors")).unwrap_or(0);
        let failed = |line: &str| Some(line.strip_prefix("FAILED ")?.split(' ').next()?.to_owned());
        Counts {
            passed: number("passed").unwrap_or(0) + number("skipped").unwrap_or(0),
            failed: number("failed").unwrap_or(0) + errors,
            ignored: 0,
            failures: output.lines().filter_map(failed).collect(),
        }
    }
}

/// `running 3 tests`
fn is_beginning(line: &str) -> bool {
    let number = line
        .strip_prefix("running ")
        .and_then(|rest| rest.strip_suffix(" tests").or_else(|| rest.strip_suffix(" test")));
    number.is_some_and(|number| number.parse::<usize>().is_ok())
}

/// `test path::of::the_test ... FAILED`
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// From `ok. 3 passed; 0 failed; …` the 3, if asked for ` passed`.
fn number_before(what: &str, result: &str) -> usize {
    let number = result.split("; ").find_map(|part| part.strip_suffix(what));
    number.and_then(|text| text.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_programs_are_added_up() {
        let counts = Counts::read(
            "\nrunning 3 tests\ntest a::b ... ok\ntest a::c ... FAILED\ntest d ... ignored\n\n\
             failures:\n    a::c\n\n\
             test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 7 filtered out; \
             finished in 0.00s\n\n\
             running 1 test\ntest e ... ok\n\n\
             test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; \
             finished in 0.00s\n",
        );
        let failures = vec!["a::c".to_owned()];
        assert_eq!(counts, Counts { passed: 2, failed: 1, ignored: 1, failures });
    }

    #[test]
    fn a_program_that_ends_without_a_result_has_failed() {
        let counts = Counts::read(
            "running 2 tests\ntest a ... ok\nrunning 1 test\ntest b ... ok\n\
             test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n",
        );
        assert_eq!((counts.passed, counts.failed, counts.failures.len()), (1, 1, 1));
    }

    #[test]
    fn what_pytest_prints_is_read() {
        let counts = Counts::of_pytest(
            "..F.s\n=== FAILURES ===\n in the middle\nFAILED tests/a.py::test_b - assert 1 == 2\n\
             1 failed, 118 passed, 3 skipped, 2 warnings, 1 error in 3.66s\n",
        );
        let failures = vec!["tests/a.py::test_b".to_owned()];
        assert_eq!(counts, Counts { passed: 121, failed: 2, ignored: 0, failures });
        assert_eq!(Counts::of_pytest("== 7 passed in 1.00s ==").passed, 7);
        assert_eq!(Counts::of_pytest("no tests ran in 0.01s"), Counts::default());
    }

    #[test]
    fn other_lines_count_nothing() {
        let counts = Counts::read("running late\n4 passed; 2 failed\ntest tube ... broke\n");
        assert_eq!(counts, Counts::default());
    }
}
