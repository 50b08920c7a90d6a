//! Clearing up after the dead.

use super::{Inspector, Snapshot};
use crate::error::{Error, Result};
use crate::kind::{Kind, Object};
use crate::native::{self, Reaping};
use crate::raw::spin::Spin;
use crate::segment::layout::Facts;
use crate::segment::place::{Place, Scope};
use crate::segment::{How, Spec, obtain};

/// What was done about one object.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reaped {
    /// All its users had died; it is gone.
    Removed(Object),
    /// It is in use or is to stay, and so much was taken back from holders that had died. (Of a native
    /// semaphore: so many units were given back to the system.)
    Recovered(Object, u64),
    /// It could not be done.
    Failed(Object, Error),
}

impl Reaped {
    /// Which object.
    pub fn object(&self) -> &Object {
        match self {
            Reaped::Removed(object) | Reaped::Recovered(object, _) | Reaped::Failed(object, _) => {
                object
            }
        }
    }
}

/// Removes what is left over from users that all died, and takes back what dead holders still
/// have. What is in use goes on, persistent objects stay, damaged files are left alone. Nobody has
/// to call this (who opens an object does the same for that one): it tidies up names that nobody
/// uses again. What dead holders have of a native semaphore is given back to the system, for the sake of
/// those who do not use this library; a ledger whose semaphore is gone is removed.
///
/// # Errors
/// As for [`list`](super::list).
///
/// ```
/// for done in procsync::inspect::reap(procsync::Scope::User)? {
///     println!("{done:?}");
/// }
/// # Ok::<(), procsync::Error>(())
/// ```
pub fn reap(scope: Scope) -> Result<Vec<Reaped>> {
    let rows = Inspector::new().list(scope)?;
    Ok(rows.into_iter().flatten().filter_map(|seen| reap_one(&seen, scope)).collect())
}

fn reap_one(seen: &Snapshot, scope: Scope) -> Option<Reaped> {
    if seen.kind == Kind::Native {
        return reap_native(seen, scope);
    }
    if !seen.is_leftover() && !seen.holders.iter().any(|holder| holder.dead) {
        return None;
    }
    let object = seen.object();
    match attach(seen, scope) {
        Ok(0) => None, // others were faster
        Ok(recovered) => Some(Reaped::Recovered(object, recovered)),
        // Whoever attaches to a leftover finds out that nobody has it, and removes it.
        Err(Error::NotFound { .. }) => match super::show(seen.name.as_str(), scope) {
            Ok(still) if still.is_leftover() && still.created == seen.created => {
                let source = std::io::ErrorKind::PermissionDenied.into();
                let (operation, path) = ("remove", still.path);
                let error = Error::System { object: object.clone(), operation, path, source };
                Some(Reaped::Failed(object, error))
            }
            _ => Some(Reaped::Removed(object)),
        },
        Err(error) => Some(Reaped::Failed(object, error)),
    }
}

/// A ledger stays as long as its semaphore does.
fn reap_native(seen: &Snapshot, scope: Scope) -> Option<Reaped> {
    let object = seen.object();
    match native::reap(&object, &seen.path, scope) {
        Ok(Reaping::Removed) => Some(Reaped::Removed(object)),
        Ok(Reaping::Given(units)) => Some(Reaped::Recovered(object, units.into())),
        Ok(Reaping::Nothing) => None,
        Err(error) => Some(Reaped::Failed(object, error)),
    }
}

/// Becomes a user for a moment; answers how much was taken back.
fn attach(seen: &Snapshot, scope: Scope) -> Result<u64> {
    let object = seen.object();
    let spec = Spec {
        name: seen.name.clone(),
        scope,
        place: Place::of(scope, false, &object)?,
        facts: Facts {
            kind: seen.kind,
            flags: 0,
            slots: seen.slots,
            capacity: 0,
            data_size: seen.data_size,
            data_align: seen.data_align,
            created: 0,
        },
        persistent: false,
        spin: Spin::default(),
        detects_deadlocks: false,
        state: 0,
        data: Vec::new(),
        by_process: false,
    };
    let before = seen.recovered;
    let (segment, _) = obtain(&spec, How::Attach)?;
    segment.look_at_holders()?;
    let now = segment.records().recovered.load(std::sync::atomic::Ordering::Relaxed);
    Ok(now.saturating_sub(before))
}
