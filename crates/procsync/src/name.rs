//! What an object may be called.

use crate::error::Error;
use std::fmt;

/// The name of an object, the same on every system.
///
/// 1 to [`Name::MAX`] characters, each an ASCII letter, a digit, or one of `. _ - + @ =`, and the
/// first neither `.` nor `-`. A prefix `/` (POSIX), `Global\` or `Local\` (Windows) is accepted
/// and taken off, so that names made for `sem_open` or `CreateSemaphore` can be used as they are.
///
/// Names are one flat set for all kinds of objects. On macOS, whose file systems ignore case, names
/// that differ only in case are the same name; on Windows they are told apart nevertheless.
///
/// ```
/// use procsync::Name;
///
/// assert_eq!(Name::new("/jobs")?.as_str(), "jobs");
/// assert_eq!(Name::new("Global\\jobs")?, Name::new("jobs")?);
/// assert!(Name::new("a/b").is_err());
/// # Ok::<(), procsync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// The most characters that a name may have.
    pub const MAX: usize = 128;

    /// Checks a name and takes its prefix off.
    ///
    /// # Errors
    /// [`Error::InvalidName`] says what is wrong with it.
    pub fn new(name: &str) -> Result<Name, Error> {
        let bare = ["Global\\", "Local\\", "/"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(name);
        match fault(bare) {
            None => Ok(Name(bare.to_owned())),
            Some(reason) => Err(Error::InvalidName { name: name.to_owned(), reason }),
        }
    }

    /// The name of one of the system's own semaphores, which may be one that no object of this library
    /// can have. It leads to no file.
    pub(crate) fn of_native(bare: &str) -> Name {
        Name(bare.to_owned())
    }

    /// The name without a prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn fault(bare: &str) -> Option<String> {
    if bare.is_empty() {
        return Some("it is empty".to_owned());
    }
    if bare.starts_with(['.', '-']) {
        return Some("it may not begin with '.' or '-'".to_owned());
    }
    if let Some(bad) = bare.chars().find(|c| !c.is_ascii_alphanumeric() && !"._-+@=".contains(*c)) {
        return Some(format!("{bad:?} is not allowed; use ASCII letters, digits and . _ - + @ ="));
    }
    // Only ASCII is left, so bytes are characters.
    if bare.len() > Name::MAX {
        return Some(format!("it has {} characters, the most is {}", bare.len(), Name::MAX));
    }
    None
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Name {
    type Err = Error;

    fn from_str(name: &str) -> Result<Name, Error> {
        Name::new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn prefixes_are_taken_off_once() {
        for name in ["x", "/x", "Global\\x", "Local\\x"] {
            assert_eq!(Name::new(name).unwrap().as_str(), "x", "{name}");
        }
        for name in ["//x", "/Global\\x", "Global\\/x", "Global\\Local\\x"] {
            assert!(Name::new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_refused_is_refused_with_the_reason() {
        for (name, reason) in [
            ("", "empty"),
            ("/", "empty"),
            (".", "begin"),
            ("..", "begin"),
            (".hidden", "begin"),
            ("-option", "begin"),
            ("a b", "' '"),
            ("a\0b", "'\\0'"),
            ("a\nb", "'\\n'"),
            ("größe", "'ö'"),
            ("a/b", "'/'"),
            ("a\\b", "'\\\\'"),
            ("a:b", "':'"),
            ("a*b", "'*'"),
            ("a?b", "'?'"),
            ("a\"b", "'\"'"),
            ("a<b", "'<'"),
            ("a>b", "'>'"),
            ("a|b", "'|'"),
        ] {
            let error = Name::new(name).unwrap_err().to_string();
            assert!(error.contains(reason), "{name:?}: {error}");
        }
    }

    #[test]
    fn length_counts_without_the_prefix() {
        let longest = "x".repeat(Name::MAX);
        assert!(Name::new(&longest).is_ok());
        assert!(Name::new(&format!("Global\\{longest}")).is_ok());
        assert!(Name::new(&format!("{longest}x")).unwrap_err().to_string().contains("129"));
    }
}
