//! Everything that was measured in one run: what `--json` writes and `report` reads. The program that measures Python's
//! locks (`python/pybench`) writes the same form.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::bench::Settings;
use crate::machine::{Machine, NoiseReport};
use crate::table::Table;

#[derive(Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) noise: NoiseReport,
    /// Who took no part, and why.
    pub(crate) left_out: Vec<String>,
    /// What else the figures depend on: an interpreter, versions of packages.
    #[serde(default)]
    pub(crate) programs: String,
    pub(crate) settings: Settings,
    #[serde(default)]
    pub(crate) took_seconds: f64,
    pub(crate) complete: bool,
    pub(crate) tables: Vec<Table>,
}

impl Results {
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let named = |error: String| io::Error::other(format!("{}: {error}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| named(error.to_string()))
    }

    /// Where and how it was measured: a line for each.
    pub(crate) fn heading(&self) -> String {
        let (runs, seconds) = (self.settings.runs, self.settings.seconds);
        let mut lines = vec![self.machine.render(), self.noise.render()];
        if !self.programs.is_empty() {
            lines.push(self.programs.clone());
        }
        lines.push(format!(
            "medians of {runs} runs of {seconds} s each, {:.0} minutes in all; the longest is that of all runs",
            (self.took_seconds / 60.0).ceil()
        ));
        if !self.complete {
            lines.push("**not complete: the run was ended early**".to_owned());
        }
        lines.extend(self.left_out.iter().map(|left_out| format!("without {left_out}")));
        lines.join("\n")
    }
}
