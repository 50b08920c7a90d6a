//! Where objects lie.

use crate::error::{Error, Result};
use crate::kind::Object;
use crate::name::Name;
use crate::sys::{map, process};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Who can see an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Scope {
    /// Only processes of the user that made it (mode 600 in a directory of mode 700).
    #[default]
    User,
    /// All users of the machine, as far as `mode` lets them read *and* write: `0o666` everybody,
    /// `0o660` the group of the process that makes it. Any user may take a machine-wide name
    /// first; whoever may write an object may also damage it (the others then get errors) or
    /// shorten its file (which ends the others by SIGBUS); and whoever may only read it can still
    /// hold locks on its file that make opening it fail. So let in whom you trust.
    Machine {
        /// The permissions of the object's file, as in chmod(2); it is not cut by the umask.
        /// On Windows only the bits for others count: with any of them, whoever has logged on may
        /// read and write; with none, only the user and administrators.
        mode: u32,
    },
}

impl Scope {
    pub(crate) fn file_mode(self) -> u32 {
        match self {
            Scope::User => 0o600,
            // The owner keeps access, and nothing is executable or set-id.
            Scope::Machine { mode } => (mode & 0o666) | 0o600,
        }
    }
}

/// Machine-wide objects lie in the base directory itself, which belongs to root, rather than in a
/// directory that the first user would have to make and could then own.
const MACHINE_PREFIX: &str = "procsync.";
const USER_DIRECTORY: &str = "procsync-";

/// A directory and how names become file names in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
    prefix: &'static str,
}

impl Place {
    /// The place of a scope. With `create`, a user's own directory is made if it is not there.
    pub(crate) fn of(scope: Scope, create: bool, object: &Object) -> Result<Place> {
        let user = process::user();
        let system = |operation, path: &Path| {
            let (object, path) = (object.clone(), path.to_owned());
            move |source| Error::System { object, operation, path, source }
        };
        let (base, fault) = base_directory(user, scope != Scope::User);
        if let Some(reason) = fault.map_err(system("use", &base))? {
            return Err(Error::UnsafeDirectory { path: base, reason });
        }
        if let Scope::Machine { .. } = scope {
            return Ok(Place { directory: base, prefix: MACHINE_PREFIX });
        }
        let own = base.join(format!("{USER_DIRECTORY}{user}"));
        let fault = match map::private_directory_fault(&own, user) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if !create {
                    return Err(Error::NotFound { object: object.clone() });
                }
                map::make_private_directory(&own).map_err(system("make the directory", &own))?;
                map::private_directory_fault(&own, user)
            }
            answer => answer,
        };
        match fault.map_err(system("use", &own))? {
            None => Ok(Place { directory: own, prefix: "" }),
            Some(reason) => Err(Error::UnsafeDirectory { path: own, reason }),
        }
    }

    /// The file of an object.
    pub(crate) fn path(&self, name: &Name) -> PathBuf {
        self.directory.join(format!("{}{}", self.prefix, map::file_name(name.as_str())))
    }

    /// The object that a file here could be.
    pub(crate) fn name_of(&self, file_name: &str) -> Option<Name> {
        let bare = map::name_in(file_name.strip_prefix(self.prefix)?)?;
        let name = Name::new(&bare).ok()?;
        // No prefix may have been taken off: "/x" is no file name, but be exact.
        (name.as_str() == bare).then_some(name)
    }
}

/// Where everything lies, and what is wrong with it.
fn base_directory(user: u32, everybody: bool) -> (PathBuf, io::Result<Option<String>>) {
    if let Some(path) = process::environment(c"PROCSYNC_DIR").filter(|path| !path.is_empty()) {
        // Said relative to where this process is now, which it may leave before its objects.
        let path = std::path::absolute(&path).unwrap_or_else(|_| path.into());
        let fault = map::base_directory_fault(&path, user);
        return (path, fault);
    }
    // If none is usable, the first one's fault is what the user wants to hear.
    let mut worst = None;
    for path in map::base_directories(everybody) {
        let fault = map::base_directory_fault(&path, user);
        if matches!(fault, Ok(None)) {
            return (path, fault);
        }
        worst.get_or_insert((path, fault));
    }
    worst.expect("there is more than one directory")
}
