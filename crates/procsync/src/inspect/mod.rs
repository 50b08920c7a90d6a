//! Objects as a stranger sees them: what there is, who holds it, who waits, who waits for whom.
//!
//! Looking reads files, asks the kernel which slots are locked, and takes nothing: no lock, no
//! slot, no space. So it disturbs nobody, works while an object's users are stopped, and what a
//! hostile program left in a file is at worst shown. Only [`reap`] changes anything.

mod dot;
mod graph;
mod reading;
mod reap;
mod snapshot;

pub use graph::{Blocker, Deadlock, Wait, WaitGraph};
pub use reap::{Reaped, reap};
pub use snapshot::{Snapshot, State};

use crate::error::{Error, Result};
use crate::kind::{Kind, Object};
use crate::name::Name;
use crate::processes::Processes;
use crate::segment::place::{Place, Scope};
use std::path::PathBuf;

/// Looks again and again: what hardly changes (command lines, users) is asked only once.
#[derive(Debug, Default)]
pub struct Inspector {
    processes: Processes,
}

impl Inspector {
    /// One that knows nothing yet.
    pub fn new() -> Inspector {
        Inspector::default()
    }

    /// As [`list`].
    ///
    /// # Errors
    /// As for [`list`].
    pub fn list(&mut self, scope: Scope) -> Result<Vec<Result<Snapshot>>> {
        self.processes.look_again();
        self.list_on(scope)
    }

    /// As [`show`].
    ///
    /// # Errors
    /// As for [`show`].
    pub fn show(&mut self, name: &str, scope: Scope) -> Result<Snapshot> {
        self.processes.look_again();
        self.show_on(name, scope)
    }

    /// Within the same look.
    fn show_on(&mut self, name: &str, scope: Scope) -> Result<Snapshot> {
        let name = Name::new(name)?;
        let nobody = Object { kind: Kind::Unknown, name: name.as_str().to_owned() };
        let place = Place::of(scope, false, &nobody)?;
        match reading::look(&place, scope, &name, &mut self.processes) {
            Err(neither @ Error::NotFound { .. }) => {
                match self.show_native_on(&name, &place, scope) {
                    Err(Error::NotFound { .. }) => Err(neither),
                    looked => looked,
                }
            }
            looked => looked,
        }
    }

    /// As [`show_native`].
    ///
    /// # Errors
    /// As for [`show_native`].
    pub fn show_native(&mut self, name: &str, scope: Scope) -> Result<Snapshot> {
        self.processes.look_again();
        let name = crate::native::NativeName::new(name)?;
        let object = Object { kind: Kind::Native, name: name.as_str().to_owned() };
        let place = Place::of(scope, false, &object)?;
        self.show_native_on(&Name::of_native(name.as_str()), &place, scope)
    }

    /// The ledger of the native semaphore that bears the name now.
    fn show_native_on(&mut self, name: &Name, place: &Place, scope: Scope) -> Result<Snapshot> {
        let native = crate::native::NativeName::new(name.as_str())?;
        match crate::native::ledger_of(&native, place) {
            Some(place) => reading::look(&place, scope, name, &mut self.processes),
            None => Err(Error::NotFound {
                object: Object { kind: Kind::Native, name: name.as_str().to_owned() },
            }),
        }
    }

    /// Within the same look.
    fn list_on(&mut self, scope: Scope) -> Result<Vec<Result<Snapshot>>> {
        let nobody = Object { kind: Kind::Unknown, name: String::new() };
        let place = match Place::of(scope, false, &nobody) {
            Ok(place) => place,
            Err(Error::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let system = |source| Error::System {
            object: nobody.clone(),
            operation: "list",
            path: place.directory.clone(),
            source,
        };
        let (mut names, mut ledgers) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(&place.directory).map_err(system)? {
            let file_name = entry.map_err(system)?.file_name();
            let Some(file_name) = file_name.to_str() else { continue };
            match place.ledger_in(file_name) {
                Some(ledger) => ledgers.push(ledger),
                None => names.extend(place.name_of(file_name)),
            }
        }
        names.sort_unstable();
        let mut looked = Vec::with_capacity(names.len());
        for name in names {
            match reading::look(&place, scope, &name, &mut self.processes) {
                // It went since the directory was read.
                Err(Error::NotFound { .. }) => {}
                row => looked.push(row),
            }
        }
        let nameless = Name::of_native("?");
        let mut natives: Vec<_> = ledgers
            .iter()
            .map(|ledger| reading::look(ledger, scope, &nameless, &mut self.processes))
            .filter(|row| !matches!(row, Err(Error::NotFound { .. })))
            .collect();
        natives.sort_by_key(|row| row.as_ref().ok().map(|native| native.name.clone()));
        looked.append(&mut natives);
        Ok(looked)
    }
}

/// Looks at all objects of a scope, in the order of their names, and then at the ledgers of native
/// semaphores. A file that is damaged is an
/// error in its place and does not hide the others. About 10 µs for each object.
///
/// # Errors
/// If the directory cannot be read or is not trusted. No directory: no objects.
///
/// ```
/// let lock = procsync::Mutex::<()>::open("inspect-list")?;
/// let _guard = lock.lock()?;
/// let all = procsync::inspect::list(procsync::Scope::User)?;
/// let mine = all.iter().flatten().find(|object| object.name.as_str() == "inspect-list").unwrap();
/// assert_eq!(mine.holders[0].pid, std::process::id());
/// # Ok::<(), procsync::Error>(())
/// ```
pub fn list(scope: Scope) -> Result<Vec<Result<Snapshot>>> {
    Inspector::new().list(scope)
}

/// Looks at one object; if there is none of this name, at the native semaphore of this name.
///
/// # Errors
/// [`Error::NotFound`] if there is no such object; others if it cannot be read or is damaged.
pub fn show(name: &str, scope: Scope) -> Result<Snapshot> {
    Inspector::new().show(name, scope)
}

/// Looks at the ledger of the native semaphore that bears this name, also if an object of this library has
/// the same name, and whatever characters are in it.
///
/// # Errors
/// [`Error::NotFound`] if there is no such semaphore, or no ledger of it in this scope; others if
/// it cannot be read or is damaged.
///
/// ```
/// use procsync::{Kind, Scope, inspect, native::NativeSemaphore};
///
/// let name = format!("inspect a native one {}", std::process::id());
/// let semaphore = NativeSemaphore::instantiate(&name)?;
/// semaphore.open()?;
/// semaphore.lock()?;
/// let seen = inspect::show_native(&name, Scope::User)?;
/// assert_eq!((seen.kind, seen.holders[0].pid), (Kind::Native, std::process::id()));
/// # semaphore.unlock()?;
/// # semaphore.close()?;
/// # semaphore.unlink()?;
/// # Ok::<(), procsync::Error>(())
/// ```
pub fn show_native(name: &str, scope: Scope) -> Result<Snapshot> {
    Inspector::new().show_native(name, scope)
}

/// The directory in which objects of this scope lie, `PROCSYNC_DIR` and all: to look at the file system, say.
///
/// # Errors
/// [`Error::NotFound`] if there is none yet; others if it cannot be read or is not trusted.
///
/// ```
/// use procsync::{Event, Reset, Scope, inspect};
///
/// let _event = Event::open("inspect-directory", Reset::Manual)?;
/// let directory = inspect::directory(Scope::User)?;
/// assert_eq!(inspect::show("inspect-directory", Scope::User)?.path.parent(), Some(&*directory));
/// # Ok::<(), procsync::Error>(())
/// ```
pub fn directory(scope: Scope) -> Result<PathBuf> {
    let nobody = Object { kind: Kind::Unknown, name: String::new() };
    Ok(Place::of(scope, false, &nobody)?.directory)
}

/// Who waits for whom, over all objects of these scopes, and which of them for ever: see
/// [`WaitGraph`].
///
/// # Errors
/// As for [`list`]; a single object that cannot be read is left out.
pub fn wait_graph(scopes: &[Scope]) -> Result<WaitGraph> {
    Inspector::new().wait_graph(scopes)
}
