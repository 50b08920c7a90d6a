//! Semaphores and ledgers that are found without an instance: by name, or in the directory of ledgers.

use super::NativeName;
use super::books::{Books, about, attach, is_the_same};
use crate::error::{Error, Result};
use crate::kind::{Kind, Object};
use crate::name::Name;
use crate::segment::How;
use crate::segment::layout::Facts;
use crate::segment::ledger::{ABOUT_SIZE, About};
use crate::segment::object_file::read_header;
use crate::segment::place::{Place, Scope};
use crate::sys::map;
use crate::sys::native::{self, Incarnation, Presence, SystemName, Whose};
use std::io::ErrorKind;
use std::path::Path;

/// The ledger of the semaphore that bears a name now, and the semaphore itself; none: one of them is
/// missing.
pub(super) fn find(name: &NativeName, scope: Scope) -> Result<Option<Books>> {
    let (object, system_name) = (name.object(), name.for_system());
    let Presence::There(incarnation) = native::presence(&system_name) else { return Ok(None) };
    let about = about(&system_name, name, incarnation);
    let Some(place) = place_of(&object, &about, scope)? else { return Ok(None) };
    open(&object, &about, scope, place)
}

fn open(object: &Object, about: &About, scope: Scope, place: Place) -> Result<Option<Books>> {
    // What is not compared with what is there: all but the kind.
    let facts = Facts {
        kind: Kind::Native,
        flags: 0,
        slots: 1,
        capacity: 0,
        data_size: ABOUT_SIZE as u64,
        data_align: 1,
        created: 0,
    };
    match attach(object, scope, place, facts, Vec::new(), How::Attach) {
        Ok(ledger) => Books::of_ledger(object, about, ledger),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn place_of(object: &Object, about: &About, scope: Scope) -> Result<Option<Place>> {
    match Place::of(scope, false, object) {
        Ok(place) => Ok(Some(place.of_ledger(about.file_name()))),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes a name away, and the ledger; false: the name was gone.
pub(super) fn take_name_away(name: &NativeName, scope: Scope) -> Result<bool> {
    let (object, system_name) = (name.object(), name.for_system());
    let presence = native::presence(&system_name);
    let was_there = match native::unlink(&system_name) {
        Ok(()) => presence != Presence::Gone,
        Err(refused) if native::not_there(&refused) => false,
        Err(refused) => return Err(super::books::told(&object, &system_name, &refused)),
    };
    // Where a semaphore goes with its last user, so does what is known of it: by the next one to create
    // the name, or by `reap`.
    let incarnation = match presence {
        Presence::There(incarnation) => incarnation,
        Presence::Gone => None,
    };
    if incarnation.is_some() || cfg!(not(windows)) {
        let about = about(&system_name, name, incarnation);
        if let Some(place) = place_of(&object, &about, scope)? {
            let _ = remove(&object, &about, scope, &place)?;
        }
    }
    Ok(was_there)
}

/// Removes the ledger of a semaphore whose name is gone. What the dead had stays for those who have the
/// semaphore open; a forked child that has not used it yet has only that, and is not seen by its ledger.
fn remove(
    object: &Object,
    about: &About,
    scope: Scope,
    place: &Place,
) -> Result<Option<crate::segment::Removal>> {
    let incarnation =
        Incarnation { device: about.device, number: about.number, birth: about.birth };
    let whose = if scope == Scope::User { Whose::Own } else { Whose::Everybodys };
    let is_needed = || native::is_open_somewhere(&incarnation, whose);
    crate::segment::remove_ledger(&Name::of_native(&object.name), place, &is_needed)
}

/// Where the ledger lies of the semaphore that bears a name now, if there is one.
pub(crate) fn ledger_of(name: &NativeName, here: &Place) -> Option<Place> {
    let system_name = name.for_system();
    match native::presence(&system_name) {
        Presence::There(incarnation) => {
            Some(here.of_ledger(about(&system_name, name, incarnation).file_name()))
        }
        Presence::Gone => None,
    }
}

/// What a ledger's file says of its semaphore; none: it is gone.
fn about_at(path: &Path, object: &Object) -> Result<Option<About>> {
    let file = match map::open(path, false) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            let (object, path) = (object.clone(), path.to_owned());
            return Err(Error::System { object, operation: "open", path, source });
        }
    };
    let damaged = |reason: &str| Error::Damaged {
        object: object.clone(),
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let read = || {
        let facts = read_header(&file, map::facts(&file).ok()?).ok()?;
        let mut bytes = [0; ABOUT_SIZE];
        map::read_at(&file, facts.places().data_at as u64, &mut bytes).ok()?;
        About::from_bytes(&bytes).filter(|_| facts.kind == Kind::Native)
    };
    read().map(Some).ok_or_else(|| damaged("it does not say which semaphore it is about"))
}

/// What was done about one ledger.
pub(crate) enum Reaping {
    /// Its semaphore was gone, and so is it.
    Removed,
    /// So many units were given back to the system.
    Given(u32),
    /// There was nothing to do.
    Nothing,
}

/// Clears up after the dead: gives back what they held, ends doubts where all units turn out to be
/// accounted for, and removes the ledger of a semaphore that is gone.
pub(crate) fn reap(object: &Object, path: &Path, scope: Scope) -> Result<Reaping> {
    let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let here = Place::of(scope, false, object)?;
    let Some(place) = here.ledger_in(file_name) else { return Ok(Reaping::Nothing) };
    let Some(about) = about_at(path, object)? else { return Ok(Reaping::Nothing) };
    let about = &about;
    if about.number != 0 && native::device().is_some_and(|device| device != about.device) {
        // Of another `/dev/shm`: a container's, or of before the machine was started. Whether it is in use
        // there cannot be told from here.
        return Ok(Reaping::Nothing);
    }
    let presence = native::presence(&SystemName(about.system_name.clone()));
    let gone = match presence {
        Presence::Gone => true,
        Presence::There(incarnation) => !is_the_same(about, incarnation),
    };
    if gone {
        let removed = remove(object, about, scope, &place)?;
        return Ok(match removed {
            Some(crate::segment::Removal::Done) => Reaping::Removed,
            _ => Reaping::Nothing,
        });
    }
    let Some(books) = open(object, about, scope, place)? else { return Ok(Reaping::Nothing) };
    let given = books.reap()?;
    if books.may_doubt() {
        books.find_out()?;
    }
    Ok(if given > 0 { Reaping::Given(given) } else { Reaping::Nothing })
}
