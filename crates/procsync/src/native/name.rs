//! What one of the system's own semaphores may be called.

use crate::error::{Error, Result};
use crate::kind::{Kind, Object};
use crate::sys::native::{self, SystemName};
use std::fmt;

/// The name of one of the system's own semaphores.
///
/// A prefix `/`, `Global\` or `Local\` is taken off once. What is left must not be empty and must have
/// none of `\ / : * ? " < > |` nor a zero byte; unlike the names of procsync's own objects it may have
/// any other character. How long it may be depends on the system:
///
/// | system | the system's name | the most without prefix |
/// |---|---|---|
/// | Linux | `/name` | 251 bytes |
/// | macOS | `/name` | 29 bytes |
/// | Windows | `Global\name`, or `Local\name` if that was asked for | 253 characters, or 254 |
///
/// ```
/// use procsync::native::NativeName;
///
/// assert_eq!(NativeName::new("/jobs")?.as_str(), "jobs");
/// assert_eq!(NativeName::new("Global\\jobs")?.as_str(), "jobs");
/// assert!(NativeName::new("a/b").unwrap_err().to_string().contains("'/'"));
/// # Ok::<(), procsync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NativeName {
    bare: String,
    /// Asked for with `Local\`: means something on Windows only.
    local: bool,
}

/// Refused on every system, so that a name that is good here is good there.
const REFUSED: &str = "\\/:*?\"<>|\0";

impl NativeName {
    /// Checks a name and takes its prefix off.
    ///
    /// # Errors
    /// [`Error::InvalidName`] says what is wrong with it.
    pub fn new(name: &str) -> Result<NativeName> {
        let local = name.strip_prefix("Local\\");
        let bare = local
            .or_else(|| name.strip_prefix("Global\\"))
            .or_else(|| name.strip_prefix('/'))
            .unwrap_or(name);
        let local = local.is_some();
        match fault(bare, local) {
            None => Ok(NativeName { bare: bare.to_owned(), local }),
            Some(reason) => Err(Error::InvalidName { name: name.to_owned(), reason }),
        }
    }

    /// The name without a prefix.
    pub fn as_str(&self) -> &str {
        &self.bare
    }

    /// The name as the system's own functions take it.
    pub fn system_name(&self) -> String {
        self.for_system().0
    }

    pub(super) fn for_system(&self) -> SystemName {
        native::system_name(&self.bare, self.local)
    }

    pub(super) fn object(&self) -> Object {
        Object { kind: Kind::Native, name: self.bare.clone() }
    }
}

fn fault(bare: &str, local: bool) -> Option<String> {
    if bare.is_empty() {
        return Some("it is empty".to_owned());
    }
    if let Some(bad) = bare.chars().find(|c| REFUSED.contains(*c)) {
        return Some(format!("{bad:?} is not allowed; \\ / : * ? \" < > | and zero bytes are not"));
    }
    native::length_fault(bare, local)
}

impl fmt::Display for NativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.bare)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NF19: each prefix is really taken off, and only once.
    #[test]
    fn nf19_prefixes_are_taken_off_once() {
        for name in ["x", "/x", "Global\\x", "Local\\x"] {
            assert_eq!(NativeName::new(name).unwrap().as_str(), "x", "{name}");
        }
        for name in ["//x", "/Global\\x", "Global\\/x", "Global\\Local\\x", "Local\\Global\\x"] {
            assert!(NativeName::new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_refused_is_refused_with_the_reason() {
        for bad in ['\\', '/', ':', '*', '?', '"', '<', '>', '|', '\0'] {
            let error = NativeName::new(&format!("a{bad}b")).unwrap_err().to_string();
            assert!(error.contains(&format!("{bad:?}")), "{error}");
        }
        for empty in ["", "/", "Global\\", "Local\\"] {
            assert!(NativeName::new(empty).unwrap_err().to_string().contains("empty"), "{empty}");
        }
        for good in ["größe", "a b", ".hidden", "-option", "x=y,z"] {
            assert_eq!(NativeName::new(good).unwrap().as_str(), good);
        }
    }

    /// NF10: the limit counts what the system counts.
    #[test]
    fn nf10_the_longest_name_is_taken_and_one_more_refused() {
        let (fits, prefix) =
            if cfg!(windows) { (253, "Global\\") } else { (native::LONGEST_NAME, "/") };
        let longest = "x".repeat(fits);
        let name = NativeName::new(&format!("{prefix}{longest}")).unwrap();
        assert_eq!(name.system_name(), format!("{prefix}{longest}"));
        let error = NativeName::new(&format!("{longest}x")).unwrap_err().to_string();
        assert!(error.contains(&fits.to_string()) || error.contains("260"), "{error}");
    }
}
