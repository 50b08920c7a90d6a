//! Where objects lie.

use crate::error::{Error, Result};
use crate::kind::Object;
use crate::name::Name;
use crate::sys::map::FileId;
use crate::sys::{map, process};
use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
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
/// Native semaphores' ledgers lie beside the objects. No object's name begins so.
const LEDGER_PREFIX: &str = "-native-";

/// A directory and how names become file names in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
    prefix: &'static str,
    /// The ledger of a native semaphore: what its file is called, whatever the semaphore's name.
    ledger: Option<String>,
}

impl Place {
    /// The place of a scope. With `create`, a user's own directory is made if it is not there.
    pub(crate) fn of(scope: Scope, create: bool, object: &Object) -> Result<Place> {
        let user = process::user();
        let system = |operation, path: &Path| {
            let (object, path) = (object.clone(), path.to_owned());
            move |source| Error::System { object, operation, path, source }
        };
        let machine_wide = matches!(scope, Scope::Machine { .. });
        let said = process::environment(c"PROCSYNC_DIR").filter(|path| !path.is_empty());
        if !machine_wide && let Some(directory) = Known::directory(user, said.as_deref()) {
            return Ok(Place { directory, prefix: "", ledger: None });
        }
        let (base, fault) = base_directory(said.as_deref(), user, machine_wide);
        if let Some(reason) = fault.map_err(system("use", &base))? {
            return Err(Error::UnsafeDirectory { path: base, reason });
        }
        if machine_wide {
            return Ok(Place { directory: base, prefix: MACHINE_PREFIX, ledger: None });
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
            None => {
                Known::remember(user, said, &base, &own);
                Ok(Place { directory: own, prefix: "", ledger: None })
            }
            Some(reason) => Err(Error::UnsafeDirectory { path: own, reason }),
        }
    }

    /// The file of an object.
    pub(crate) fn path(&self, name: &Name) -> PathBuf {
        let file_name = match &self.ledger {
            Some(ledger) => format!("{}{LEDGER_PREFIX}{ledger}", self.prefix),
            None => format!("{}{}", self.prefix, map::file_name(name.as_str())),
        };
        self.directory.join(file_name)
    }

    /// The place of a native semaphore's ledger, in the directory of this one.
    pub(crate) fn of_ledger(&self, file_name: String) -> Place {
        Place { ledger: Some(file_name), ..self.clone() }
    }

    /// The same for a file that is here, if it could be a ledger.
    pub(crate) fn ledger_in(&self, file_name: &str) -> Option<Place> {
        let ledger = file_name.strip_prefix(self.prefix)?.strip_prefix(LEDGER_PREFIX)?;
        ledger
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then(|| self.of_ledger(ledger.to_owned()))
    }

    /// The object that a file here could be.
    pub(crate) fn name_of(&self, file_name: &str) -> Option<Name> {
        let bare = map::name_in(file_name.strip_prefix(self.prefix)?)?;
        let name = Name::new(&bare).ok()?;
        // No prefix may have been taken off: "/x" is no file name, but be exact.
        (name.as_str() == bare).then_some(name)
    }
}

/// The directory that a thread used last, and the one above it, as they were when they were found
/// fit. As long as they are still so, they are.
struct Known {
    user: u32,
    /// What `PROCSYNC_DIR` said.
    said: Option<OsString>,
    base: Directory,
    own: Directory,
}

struct Directory {
    path: PathBuf,
    id: FileId,
    owner: u32,
    mode: u32,
}

impl Directory {
    fn at(path: &Path) -> io::Result<Directory> {
        let facts = map::facts_at(path)?;
        let path = path.to_owned();
        Ok(Directory { path, id: facts.id, owner: facts.owner, mode: facts.mode })
    }

    fn is_as_it_was(&self) -> bool {
        map::facts_at(&self.path)
            .is_ok_and(|now| (now.id, now.owner, now.mode) == (self.id, self.owner, self.mode))
    }
}

thread_local! {
    // Not for all threads, which would need a lock, and that might be another thread's in a forked
    // child for ever.
    static KNOWN: RefCell<Option<Known>> = const { RefCell::new(None) };
}

impl Known {
    fn directory(user: u32, said: Option<&OsStr>) -> Option<PathBuf> {
        KNOWN
            .try_with(|known| {
                let known = known.borrow();
                let known = known.as_ref()?;
                let good = known.user == user
                    && known.said.as_deref() == said
                    && known.base.is_as_it_was()
                    && known.own.is_as_it_was();
                good.then(|| known.own.path.clone())
            })
            .ok()?
    }

    fn remember(user: u32, said: Option<OsString>, base: &Path, own: &Path) {
        if !map::FACTS_SHOW_ACCESS {
            return;
        }
        // What is said relative to where the process is now may be elsewhere the next time.
        if said.as_ref().is_some_and(|said| !Path::new(said).is_absolute()) {
            return;
        }
        let (Ok(base), Ok(own)) = (Directory::at(base), Directory::at(own)) else { return };
        // Once more: what was written down just now may be different from what was checked before.
        if !matches!(map::base_directory_fault(&base.path, user), Ok(None))
            || !matches!(map::private_directory_fault(&own.path, user), Ok(None))
        {
            return;
        }
        // A thread that ends remembers nothing any more.
        let _ = KNOWN.try_with(|known| *known.borrow_mut() = Some(Known { user, said, base, own }));
    }
}

/// Where everything lies, and what is wrong with it.
fn base_directory(
    said: Option<&OsStr>,
    user: u32,
    machine_wide: bool,
) -> (PathBuf, io::Result<Option<String>>) {
    if let Some(path) = said {
        // Said relative to where this process is now, which it may leave before its objects.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        let fault = map::base_directory_fault(&path, user);
        return (path, fault);
    }
    let candidates = match map::base_directories(machine_wide) {
        Ok(candidates) => candidates,
        Err((asked_for, error)) => {
            let advice = "set PROCSYNC_DIR to a directory, in all programs that are to meet";
            let told = format!("the system does not say where it is: {error}; {advice}");
            return (asked_for, Err(io::Error::other(told)));
        }
    };
    // If none is usable, the first one's fault is what the user wants to hear.
    let mut worst = None;
    for path in candidates {
        let fault = map::base_directory_fault(&path, user);
        if matches!(fault, Ok(None)) {
            return (path, fault);
        }
        worst.get_or_insert((path, fault));
    }
    worst.expect("there is a directory")
}
