//! Text for people: nothing that could steer their terminal, and durations that can be read.

use crate::cli::Color;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Text from elsewhere (another process's command line, say), made harmless: control characters
/// could steer the terminal, and invisible ones that turn the direction of writing could make it
/// look like something else.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || is_invisible(c) { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Colours, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint(bool);

impl Paint {
    pub(crate) const NONE: Paint = Paint(false);

    /// As it was asked for; by itself only on a terminal, and not if NO_COLOR is set.
    pub(crate) fn of(color: Color) -> Paint {
        Paint(match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|text| !text.is_empty());
                !refused && std::io::stdout().is_terminal()
            }
        })
    }

    pub(crate) fn paint(self, text: &str, style: Style) -> String {
        let code = match style {
            Style::Plain => return text.to_owned(),
            Style::Head => "1",
            Style::Good => "32",
            Style::Busy => "33",
            Style::Bad => "31",
        };
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Head,
    Good,
    Busy,
    Bad,
}

/// Says something on standard error.
pub(crate) fn say(message: &str) {
    // In one piece, so that it is not mixed with what the command says. If it cannot be said
    // there, it can be said nowhere.
    let line = format!("procsync: {}\n", plain(message));
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// At most so many characters, the last one an ellipsis if some are missing.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A duration as the library's messages write it: `0.3 s`, `42 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration < Duration::from_millis(100) => format!("{} ms", duration.as_millis()),
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        for hostile in ["\x1b[2J", "a\rb", "\u{9b}31m", "\u{202e}txt.exe", "a\nb", "\u{7f}"] {
            let shown = plain(hostile);
            assert!(shown.chars().all(|c| !c.is_control() && !is_invisible(c)), "{shown:?}");
            assert_eq!(shown.chars().count(), hostile.chars().count());
        }
        for harmless in ["python train.py --lr 0.1", "größe", "日本", "e\u{301}"] {
            assert_eq!(plain(harmless), harmless);
        }
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(shortened("train.py", 8), "train.py");
        assert_eq!(shortened("train.py", 7), "train.…");
        assert_eq!(shortened("aé日本語x", 4), "aé日…");
    }

    #[test]
    fn durations_are_as_exact_as_they_are_short() {
        for (ms, text) in [
            (0, "0 ms"),
            (99, "99 ms"),
            (100, "0.1 s"),
            (9_900, "9.9 s"),
            (42_900, "42 s"),
            (200_000, "3 min 20 s"),
            (7_500_000, "2 h 5 min"),
        ] {
            assert_eq!(span(Duration::from_millis(ms)), text);
        }
    }
}
