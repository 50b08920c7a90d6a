//! `cargo xtask ci`: everything that continuous integration does.

use crate::cargo::Workspace;
use crate::report::Report;
use crate::{crash, demo, hotpaths, lint, macos, python, test, windows};

/// What fails fastest comes first; all of it runs, so that one run shows everything.
pub(crate) fn run(workspace: &Workspace) -> Result<Report, String> {
    let mut report = lint::run(workspace);
    report.append(test::run(workspace)?);
    report.append(macos::run(workspace));
    report.append(python::run(workspace)?);
    report.append(crash::sample(workspace));
    report.append(hotpaths::run(workspace, false)?);
    report.append(demo::run(workspace));
    report.append(windows::run(workspace, None)?);
    Ok(report)
}
