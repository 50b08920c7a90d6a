//! `procsync doctor`: what is wrong on this machine, and what to do about it.

mod objects;
mod system;

use crate::cli;
use crate::exit::{Exit, Failure};
use crate::report::json;
use crate::text::{Paint, Style, plain};
use procsync::inspect::Inspector;
use serde::Serialize;
use std::io::Write;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Something does not work, or somebody waits for ever.
    Problem,
    /// Something will not work before long, or not as it should.
    Warning,
    /// Worth knowing; all is well.
    Note,
}

/// What was found, and what to do.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    severity: Severity,
    /// Which check found it: does not change, unlike the texts.
    check: &'static str,
    /// In which object, if in one.
    object: Option<String>,
    text: String,
    advice: String,
}

impl Finding {
    fn new(
        severity: Severity,
        check: &'static str,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding { severity, check, object: None, text: text.into(), advice: advice.into() }
    }

    fn of(self, object: &str) -> Finding {
        Finding { object: Some(object.to_owned()), ..self }
    }
}

pub(crate) fn run(arguments: &cli::Doctor, paint: Paint) -> Result<Exit, Failure> {
    let mut inspector = Inspector::new();
    let (mut found, count) = objects::look(&mut inspector);
    found.extend(system::look(count));
    // The worst first; otherwise in the order of the checks.
    found.sort_by_key(|finding| finding.severity);
    let text = if arguments.json {
        json::written(&found)
    } else if found.is_empty() {
        "nothing is wrong\n".to_owned()
    } else {
        found.iter().map(|finding| in_words(finding, paint)).collect()
    };
    std::io::stdout().write_all(text.as_bytes())?;
    let bad = found.iter().any(|finding| finding.severity != Severity::Note);
    Ok(if bad { Exit::Found } else { Exit::Success })
}

fn in_words(finding: &Finding, paint: Paint) -> String {
    let (word, style) = match finding.severity {
        Severity::Problem => ("problem", Style::Bad),
        Severity::Warning => ("warning", Style::Busy),
        Severity::Note => ("note", Style::Plain),
    };
    let of = finding.object.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
    let (text, advice) = (plain(&finding.text), plain(&finding.advice));
    format!("{}: {}{text}\n    {advice}\n", paint.paint(word, style), plain(&of))
}
