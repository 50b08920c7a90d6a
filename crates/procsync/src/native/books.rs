//! A semaphore and the ledger beside it: taking and giving back with both.

mod gate;
mod taking;

use self::gate::Gate;
use self::taking::Taking;
use super::NativeName;
use super::options::Settings;
use super::step::Accounts;
use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::interrupt::Listener;
use crate::kind::{Kind, Object};
use crate::name::Name;
use crate::pacing::spin_of_environment;
use crate::participant::{Deceased, Participant};
use crate::raw::host::Slept;
use crate::raw::ledger::{self, Gave, Settled, Units};
use crate::segment::layout::Facts;
use crate::segment::ledger::{ABOUT_SIZE, About, GATE_TIME};
use crate::segment::place::Place;
use crate::segment::{How, Segment, Spec, local};
use crate::sys::native::{
    Incarnation, Origin, Presence, Refused, Semaphore, SystemName, Waited, advice, owner,
};
use crate::sys::{clock, process};
use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// No sleep is longer, so that somebody who settles doubts can have all waiters stand still while it
/// keeps the gate closed.
const LONGEST_SLICE: u64 = 300_000_000;

/// How long settling waits for those who are in the middle of something: as long as all others wait for
/// it at most.
const PATIENCE: Duration = Duration::from_nanos(GATE_TIME);

impl Units for Semaphore {
    type Error = Refused;

    fn take(&self) -> Result<bool, Refused> {
        self.try_take()
    }

    fn give(&self) -> Result<(), Refused> {
        Semaphore::give(self)
    }

    fn free(&self) -> Option<u32> {
        self.value()
    }
}

/// What the system said, told with what is known besides.
pub(super) fn told(object: &Object, name: &SystemName, refused: &Refused) -> Error {
    let meaning = std::io::Error::from_raw_os_error(refused.code).to_string();
    // The standard library says the number once more.
    let meaning = meaning.split(" (os error").next().unwrap_or_default().to_owned();
    let parts = [owner(name).unwrap_or_default(), advice(refused).to_owned()];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Error::NativeCall {
        object: object.clone(),
        call: refused.call,
        code: refused.code,
        code_name: refused.code_name(),
        meaning,
        advice: parts.join("; "),
    }
}

/// The unit that an instance has.
#[derive(Debug, Clone)]
pub(super) struct Hold {
    /// The process that took it: a forked child has the parent's instance, and not what it holds.
    process: u32,
    /// Its line in the ledger, if there is one.
    line: Option<Line>,
    pub(super) abandoned: Option<Deceased>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    tag: u32,
    index: u32,
}

impl Hold {
    /// A fork has made this a copy of the parent's.
    pub(super) fn is_the_parents(&self) -> bool {
        self.process != process::identity().process
    }
}

fn is_ours(segment: &Segment, line: Line) -> bool {
    local::known_tag(segment.id()) == Some(line.tag)
}

/// An open semaphore, with its ledger if it has one.
#[derive(Debug)]
pub(super) struct Books {
    object: Object,
    system_name: SystemName,
    pub(super) semaphore: Semaphore,
    ledger: Option<Ledger>,
}

#[derive(Debug)]
struct Ledger {
    handle: Handle,
    about: About,
    /// The segment that was found to be about this semaphore: after a fork it is another one.
    known: Cell<u64>,
}

impl Ledger {
    fn new(handle: Handle, about: &About) -> Result<Ledger> {
        let segment = handle.segment();
        let (found, known) = (segment.about()?, Cell::new(segment.id()));
        if !found.is_same(about) {
            return Err(segment.damaged("it is about another semaphore".to_owned()));
        }
        Ok(Ledger { handle, about: found, known })
    }

    fn live(&self) -> Result<&Segment> {
        let segment = self.handle.live()?;
        if self.known.get() != segment.id() {
            // Where the system does not tell one semaphore from the next, the name may have got another
            // ledger meanwhile.
            if segment.about()? != self.about {
                return Err(segment.damaged("it is about another semaphore".to_owned()));
            }
            self.known.set(segment.id());
        }
        Ok(segment)
    }
}

impl Books {
    pub(super) fn open(name: &NativeName, settings: &Settings) -> Result<(Books, bool)> {
        let (object, system_name) = (name.object(), name.for_system());
        let opened = crate::sys::native::open(&system_name, settings.mode, settings.initial);
        let opened = opened.map_err(|refused| told(&object, &system_name, &refused))?;
        Books::with(name, settings, opened)
    }

    fn with(
        name: &NativeName,
        settings: &Settings,
        (semaphore, origin, incarnation): (Semaphore, Origin, Option<Incarnation>),
    ) -> Result<(Books, bool)> {
        let (object, system_name) = (name.object(), name.for_system());
        let ledger = if settings.ledger {
            let about = about(&system_name, name, incarnation);
            let opened = open_ledger(&object, settings, &about, origin);
            let ledger = opened.map_err(|source| {
                // Nobody asked for a semaphore without one.
                if origin == Origin::Created
                    && crate::sys::native::presence(&system_name) == Presence::There(incarnation)
                {
                    let _ = crate::sys::native::unlink(&system_name);
                }
                Error::NoLedger { object: object.clone(), source: Box::new(source) }
            })?;
            if origin == Origin::Created {
                ledger.handle.segment().record_units(settings.initial);
            }
            Some(ledger)
        } else {
            None
        };
        let books = Books { object, system_name, semaphore, ledger };
        Ok((books, origin == Origin::Created))
    }

    /// Opens what a ledger that was found is about; none: that semaphore is gone.
    pub(super) fn of_ledger(
        object: &Object,
        about: &About,
        ledger: Handle,
    ) -> Result<Option<Books>> {
        let system_name = SystemName(about.system_name.clone());
        let (object, ledger) = (object.clone(), Some(Ledger::new(ledger, about)?));
        match crate::sys::native::open_existing(&system_name) {
            Ok((semaphore, incarnation)) if is_the_same(about, incarnation) => {
                Ok(Some(Books { object, system_name, semaphore, ledger }))
            }
            Ok(_) => Ok(None),
            Err(refused) if crate::sys::native::not_there(&refused) => Ok(None),
            Err(refused) => Err(told(&object, &system_name, &refused)),
        }
    }

    pub(super) fn error(&self, refused: &Refused) -> Error {
        told(&self.object, &self.system_name, refused)
    }

    fn segment(&self) -> Result<Option<&Segment>> {
        self.ledger.as_ref().map(Ledger::live).transpose()
    }

    /// Takes a unit; with a deadline it waits until then. None: there is none to be had now, or the wait
    /// is `overtaken`: who was asked during it whether to go on has got one.
    pub(super) fn take(
        &self,
        deadline: Option<Deadline>,
        overtaken: &dyn Fn() -> bool,
    ) -> Result<Option<Hold>> {
        let hold = match self.segment()? {
            Some(segment) => Taking::new(self, segment, overtaken)?.take(deadline)?,
            None => self.take_bare(deadline, overtaken)?,
        };
        Ok(hold)
    }

    /// Without a ledger.
    fn take_bare(
        &self,
        deadline: Option<Deadline>,
        overtaken: &dyn Fn() -> bool,
    ) -> Result<Option<Hold>> {
        let hold = Hold { process: process::identity().process, line: None, abandoned: None };
        if self.semaphore.try_take().map_err(|refused| self.error(&refused))? {
            return Ok(Some(hold));
        }
        let Some(deadline) = deadline else { return Ok(None) };
        let mut listener = Listener::new();
        loop {
            let now = clock::monotonic();
            let (object, waited) =
                (|| self.object.clone(), Duration::from_nanos(now - deadline.began()));
            if listener.says_stop(now) {
                return Err(Error::Interrupted { object: object(), waited });
            }
            if overtaken() {
                return Ok(None);
            }
            if deadline.passed() {
                return Err(Error::TimedOut { object: object(), waited, holder: None });
            }
            let slice = now + LONGEST_SLICE;
            let until = listener.at_most(deadline.ns().map_or(slice, |at| at.min(slice)));
            match self.semaphore.take_until(until).map_err(|refused| self.error(&refused))? {
                Waited::Granted => return Ok(Some(hold)),
                Waited::TimedOut => {}
                Waited::Interrupted => listener.slept(Slept::Interrupted),
            }
        }
    }

    /// Gives a unit back. Refused by the system, it is held as before.
    pub(super) fn give(&self, hold: &Hold) -> Result<()> {
        let Some(line) = hold.line else {
            return self.semaphore.give().map_err(|refused| self.error(&refused));
        };
        let not_owner = || Error::NotOwner { object: self.object.clone(), holder: None };
        let segment = self.segment()?.ok_or_else(not_owner)?;
        if !is_ours(segment, line) {
            return Err(not_owner());
        }
        match ledger::give(segment, &self.semaphore, line.tag, line.index) {
            Ok(Gave::Done) => Ok(()),
            Ok(Gave::NotHeld) => Err(not_owner()),
            Err(refused) => Err(self.error(&refused)),
        }
    }

    /// Leaves a unit to others without giving it back.
    pub(super) fn abandon(&self, hold: &Hold) {
        let (Some(line), Some(ledger)) = (hold.line, &self.ledger) else {
            let object = &self.object;
            return tracing::warn!(%object, "let go while locked, and without a ledger: the unit is lost");
        };
        let segment = ledger.handle.segment();
        // Without its slot the line is abandoned already, and may be another's by now.
        if !is_ours(segment, line) {
            return;
        }
        if segment.abandon_line(line.tag, line.index) {
            tracing::info!(object = %self.object, "let go while locked: abandoned");
        }
    }

    /// Whether a unit is the calling thread's still: its slot goes before its last thread-locals do.
    pub(super) fn still_has(&self, hold: &Hold) -> bool {
        match (hold.line, &self.ledger) {
            (Some(line), Some(ledger)) => is_ours(ledger.handle.segment(), line),
            _ => true,
        }
    }

    pub(super) fn accounts(&self) -> Result<Option<Accounts>> {
        let Some(segment) = self.segment()? else { return Ok(None) };
        segment.look_at_all_lines()?;
        let tally = segment.tally();
        Ok(Some(Accounts::of(&tally, segment.units(), self.semaphore.value())))
    }

    pub(super) fn holders(&self) -> Result<Vec<Participant>> {
        Ok(self.segment()?.map(|segment| segment.unit_holders().collect()).unwrap_or_default())
    }

    /// Gives the units of the dead back to the system, if nobody adopts them.
    pub(super) fn reap(&self) -> Result<u32> {
        let Some(segment) = self.segment()? else { return Ok(0) };
        segment.look_at_all_lines()?;
        let tag = local::tag(&segment.arc(), true)?;
        let given = ledger::reap(segment, &self.semaphore, tag);
        given.map_err(|refused| self.error(&refused))
    }

    /// Ends doubts where nothing turns out to be missing. Stops nobody, and waits for nobody.
    pub(super) fn find_out(&self) -> Result<()> {
        let Some(segment) = self.segment()? else { return Ok(()) };
        segment.look_at_all_lines()?;
        // First: what becomes doubtful meanwhile sets it again.
        segment.hot().doubts.store(0, Ordering::SeqCst);
        ledger::find_out(segment, &self.semaphore, segment.units());
        note_doubts(segment);
        Ok(())
    }

    /// Gives back what is missing, and ends doubts.
    pub(super) fn post_doubtful(&self) -> Result<u32> {
        let Some(segment) = self.segment()? else { return Ok(0) };
        let (tag, units) = (local::tag(&segment.arc(), true)?, segment.units());
        let deadline = Deadline::after(PATIENCE);
        let mut given = 0;
        let mut gate = None;
        loop {
            segment.look_at_holders()?;
            segment.look_at_all_lines()?;
            if gate.as_ref().is_none_or(|gate: &Gate<'_>| !gate.is_still_closed()) {
                drop(gate.take());
                gate = Gate::close(segment, tag);
            }
            if let Some(gate) = &gate {
                let still = || gate.is_still_closed();
                // First: what becomes doubtful meanwhile sets it again.
                segment.hot().doubts.store(0, Ordering::SeqCst);
                let settled = ledger::settle(segment, &self.semaphore, gate.tag, units, still);
                note_doubts(segment);
                match settled.map_err(|refused| self.error(&refused))? {
                    Settled::Done(more) => {
                        given += more;
                        break;
                    }
                    Settled::Unsteady(more) => given += more,
                }
            }
            if deadline.passed() {
                let waited = Duration::from_nanos(clock::monotonic() - deadline.began());
                return Err(Error::Busy { object: self.object.clone(), waited });
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        if given > 0 {
            let object = &self.object;
            tracing::warn!(%object, given, "units that were missing were given back");
        }
        Ok(given)
    }

    /// Whether doubts may be left.
    pub(super) fn may_doubt(&self) -> bool {
        self.ledger
            .as_ref()
            .is_some_and(|ledger| ledger.handle.segment().hot().doubts.load(Ordering::Relaxed) != 0)
    }

    pub(super) fn close(self) -> Result<()> {
        let Books { object, system_name, semaphore, ledger } = self;
        // The unit that a thread might still have here was given back before.
        drop(ledger);
        semaphore.close().map_err(|refused| told(&object, &system_name, &refused))
    }
}

pub(super) fn about(
    system_name: &SystemName,
    name: &NativeName,
    incarnation: Option<Incarnation>,
) -> About {
    let unknown = || Incarnation { device: 0, number: 0, birth: clock::wall() };
    let Incarnation { device, number, birth } = incarnation.unwrap_or_else(unknown);
    let prefix = system_name.0.len() - name.as_str().len();
    About { system_name: system_name.0.clone(), prefix, device, number, birth }
}

/// Whether a ledger is about this semaphore; where the system does not tell, its name must do.
pub(super) fn is_the_same(about: &About, incarnation: Option<Incarnation>) -> bool {
    incarnation.is_none_or(|now| {
        let about = Incarnation { device: about.device, number: about.number, birth: about.birth };
        now == about
    })
}

fn open_ledger(
    object: &Object,
    settings: &Settings,
    about: &About,
    origin: Origin,
) -> Result<Ledger> {
    let place = Place::of(settings.scope, true, object)?.of_ledger(about.file_name());
    if about.number == 0 && origin == Origin::Created {
        // Where the system does not tell one semaphore from the next, a new one forgets what was. Who
        // uses the old one goes on with its ledger, which nobody finds any more.
        crate::segment::take_name_away(&Name::of_native(&object.name), &place)?;
    }
    let facts = Facts {
        kind: Kind::Native,
        flags: 0,
        slots: settings.participants,
        capacity: 0,
        data_size: ABOUT_SIZE as u64,
        data_align: 1,
        created: 0,
    };
    let handle = attach(object, settings.scope, place, facts, about.to_bytes(), How::Open)?;
    Ledger::new(handle, about)
}

/// Opens a ledger in its place.
pub(super) fn attach(
    object: &Object,
    scope: crate::Scope,
    place: Place,
    facts: Facts,
    data: Vec<u8>,
    how: How,
) -> Result<Handle> {
    let spec = Spec {
        name: Name::of_native(&object.name),
        scope,
        place,
        facts,
        // The semaphore outlives its users, and so does what is known of it.
        persistent: true,
        spin: spin_of_environment(),
        detects_deadlocks: false,
        state: 0,
        data,
        by_process: false,
    };
    Ok(Handle::obtain(spec, how)?.0)
}

fn note_doubts(segment: &Segment) {
    if segment.tally().doubtful > 0 {
        segment.hot().doubts.store(1, Ordering::SeqCst);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::native::NativeOptions;

    fn lock(books: &Books) -> Option<Hold> {
        books.take(None, &|| false).unwrap()
    }

    /// As on a system that does not tell one semaphore from the next.
    #[test]
    fn who_makes_a_semaphore_never_gets_the_ledger_of_the_one_before() {
        let name = NativeName::new(&format!("procsync-unit-books-{}", std::process::id())).unwrap();
        let settings = NativeOptions::new().settings;
        let open = || {
            let (semaphore, origin, _) =
                crate::sys::native::open(&name.for_system(), 0o600, 1).unwrap();
            Books::with(&name, &settings, (semaphore, origin, None)).unwrap().0
        };
        let old = open();
        let held = lock(&old).unwrap();
        crate::sys::native::unlink(&name.for_system()).unwrap();
        // The old one is in use, and so is its ledger.
        let (new, other) = (open(), open());
        assert_eq!(new.accounts().unwrap().unwrap().held, 0, "who holds the old one is not here");
        assert_eq!(new.accounts().unwrap().unwrap().capacity, Some(1));
        let got = lock(&new).unwrap();
        assert_eq!(other.accounts().unwrap().unwrap().held, 1, "both have the new one's");
        assert_eq!(old.accounts().unwrap().unwrap().held, 1, "and the old one goes on");
        old.abandon(&held);
        assert!(lock(&other).is_none(), "the dead one's unit is of the old semaphore");
        assert!(lock(&old).unwrap().abandoned.is_some());
        new.give(&got).unwrap();
        crate::sys::native::unlink(&name.for_system()).unwrap();
        let place = Place::of(settings.scope, true, &name.object()).unwrap();
        let about = about(&name.for_system(), &name, None);
        let place = place.of_ledger(about.file_name());
        let _ = crate::segment::remove(&Name::of_native(name.as_str()), &place).unwrap();
    }
}
