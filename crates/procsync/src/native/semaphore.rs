//! One instance and its life.

use super::books::{Books, Hold};
use super::options::Settings;
use super::step::{
    Accounts, Changes, Counts, Identity, Locked, Observer, Opened, Status, Step, Unlocked,
};
use super::{NativeName, NativeOptions, registry};
use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::kind::Object;
use crate::participant::{Deceased, Participant};
use crate::sys::process;
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

/// One of the system's own named semaphores, as one thread uses it.
///
/// A cheap handle: clones, and what [`instantiate`](Self::instantiate) gives for the same name in the
/// same thread, are the same instance. It is not `Send`: another thread has an instance of its own, and
/// waits for this one like any other program.
///
/// The life of an instance is `open → lock (→ lock …) → unlock (→ unlock …) → close → unlink`. A
/// step out of this order is [`Error::OutOfOrder`] and changes nothing. A closed instance can only be
/// unlinked; `instantiate` then gives a new one.
///
/// Dropping the last handle of an instance closes it. If it is locked then, the unit is not given
/// back to the system but left in the ledger as abandoned: the next one that uses this library gets
/// it, and is told. (Without a ledger it is lost.) The same holds for a thread or process that ends.
///
/// ```
/// use procsync::native::NativeSemaphore;
///
/// let name = format!("native-example-{}", std::process::id());
/// let semaphore = NativeSemaphore::instantiate(&name)?;
/// semaphore.open()?;
/// let outer = semaphore.lock()?;
/// let inner = semaphore.lock()?;
/// assert_eq!((outer.depth.to, inner.depth.to), (1, 2));
/// assert_eq!((outer.process.to, inner.process.to), (1, 1));
/// assert!(semaphore.status().reentrant);
/// semaphore.unlock()?;
/// let last = semaphore.unlock()?;
/// assert_eq!((last.depth.to, last.process.to), (0, 0));
/// semaphore.close()?;
/// semaphore.unlink()?;
/// # Ok::<(), procsync::Error>(())
/// ```
#[derive(Clone)]
pub struct NativeSemaphore(Rc<Inner>);

pub(super) struct Inner {
    name: NativeName,
    settings: Settings,
    /// Open while it is. Never borrowed while an observer runs.
    books: RefCell<Option<Rc<Books>>>,
    hold: RefCell<Option<Hold>>,
    counts: Cell<Counts>,
    closed: Cell<bool>,
    unlinked: Cell<bool>,
    address: OnceCell<usize>,
    observer: RefCell<Option<Rc<dyn Observer>>>,
    /// An observer is being told: what it does itself is not observed.
    telling: Cell<bool>,
}

/// Which way to wait.
enum Patience {
    None,
    Until(Deadline),
}

impl NativeSemaphore {
    /// This thread's instance for this name, with the default options: one unit, mode 644, a ledger for
    /// this user. See [`NativeOptions::instantiate`].
    ///
    /// # Errors
    /// As for [`NativeOptions::instantiate`].
    pub fn instantiate(name: &str) -> Result<NativeSemaphore> {
        NativeOptions::new().instantiate(name)
    }

    pub(super) fn new(name: NativeName, settings: Settings) -> NativeSemaphore {
        NativeSemaphore(Rc::new(Inner {
            name,
            settings,
            books: RefCell::new(None),
            hold: RefCell::new(None),
            counts: Cell::new(Counts::default()),
            closed: Cell::new(false),
            unlinked: Cell::new(false),
            address: OnceCell::new(),
            observer: RefCell::new(None),
            telling: Cell::new(false),
        }))
    }

    pub(super) fn from_inner(inner: Rc<Inner>) -> NativeSemaphore {
        NativeSemaphore(inner)
    }

    pub(super) fn downgrade(&self) -> Weak<Inner> {
        Rc::downgrade(&self.0)
    }

    /// Whether both are the same instance.
    pub fn is_same(&self, other: &NativeSemaphore) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Registers an instance that [`NativeOptions::unregistered`] made, so that `instantiate` gives it.
    /// Registering the registered one changes nothing.
    ///
    /// # Errors
    /// [`Error::NameTaken`] if another instance that was not closed is registered under the name.
    pub fn register(&self) -> Result<()> {
        registry::register(self)
    }

    /// Has its steps followed from now on, by this observer and no other.
    pub fn observe(&self, observer: Rc<dyn Observer>) {
        // The one before goes only after the cell is free again: its end may come back here.
        let before = self.0.observer.replace(Some(observer));
        drop(before);
    }

    /// Opens the semaphore, and makes it if there is none.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] if it is open or was closed; [`Error::NativeCall`] with what the system says;
    /// [`Error::NoLedger`].
    pub fn open(&self) -> Result<Opened> {
        self.step(Step::Open, || {
            if self.0.closed.get() {
                return Err(self.out_of_order(
                    Step::Open,
                    "this instance is closed and done with; instantiate the name again",
                ));
            }
            if self.is_open() {
                return Err(self.out_of_order(Step::Open, "it is open already"));
            }
            let (books, created) = Books::open(&self.0.name, &self.0.settings)?;
            set_once(&self.0.address, books.semaphore.address()).map_err(|()| {
                self.out_of_order(Step::Open, "its address is set, and is never set twice")
            })?;
            *self.0.books.borrow_mut() = Some(Rc::new(books));
            Ok(Some(Opened { created }))
        })
        .map(|opened| opened.unwrap_or(Opened { created: false }))
    }

    /// Waits until there is a unit and takes it; locked already, it only counts.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] if it is not open; [`Error::NativeCall`]; [`Error::NoSlots`] if the ledger
    /// has no room for another participant; [`Error::Overflow`] beyond a depth of 2³² − 1;
    /// [`Error::Interrupted`] within [`interruptible`](crate::interruptible).
    pub fn lock(&self) -> Result<Locked> {
        self.lock_waiting(Deadline::never)
    }

    /// Takes a unit if there is one, also one whose holder turns out to be dead; else `None`.
    ///
    /// # Errors
    /// As for [`lock`](Self::lock).
    pub fn try_lock(&self) -> Result<Option<Locked>> {
        self.step(Step::Lock, || self.take(Patience::None))
    }

    /// Waits for a unit, at most this long.
    ///
    /// # Errors
    /// [`Error::TimedOut`] names one of the holders, if it is in the ledger; else as for
    /// [`lock`](Self::lock).
    pub fn lock_for(&self, timeout: Duration) -> Result<Locked> {
        self.lock_waiting(|| Deadline::after(timeout))
    }

    /// Waits for a unit until then.
    ///
    /// # Errors
    /// As for [`lock_for`](Self::lock_for).
    pub fn lock_until(&self, deadline: Instant) -> Result<Locked> {
        self.lock_waiting(|| Deadline::at(deadline))
    }

    fn lock_waiting(&self, deadline: impl Fn() -> Deadline) -> Result<Locked> {
        loop {
            let locked = self.step(Step::Lock, || self.take(Patience::Until(deadline())))?;
            // Who waits comes back with a unit or an error.
            if let Some(locked) = locked {
                return Ok(locked);
            }
        }
    }

    fn take(&self, patience: Patience) -> Result<Option<Locked>> {
        self.forget_what_is_the_parents();
        let books = self.open_books(Step::Lock)?;
        if self.0.hold.borrow().as_ref().is_some_and(|hold| !books.still_has(hold)) {
            self.forget_hold();
        }
        if self.0.counts.get().depth > 0 {
            return self.lock_once_more(None);
        }
        let deadline = match patience {
            Patience::None => None,
            Patience::Until(deadline) => Some(deadline),
        };
        // Who is asked during the wait whether to go on may use the semaphore meanwhile.
        let overtaken = || self.depth() > 0;
        let Some(mut hold) = books.take(deadline, &overtaken)? else {
            return if overtaken() { self.lock_once_more(None) } else { Ok(None) };
        };
        if !self.is_open() {
            put_back(&books, &hold);
            return Err(self.out_of_order(Step::Lock, "it was closed while this waited"));
        }
        if overtaken() {
            put_back(&books, &hold);
            return self.lock_once_more(hold.abandoned.take());
        }
        let abandoned = hold.abandoned.take();
        *self.0.hold.borrow_mut() = Some(hold);
        let Changes { depth, process } = self.set_counts(Counts { depth: 1, process: 1 });
        Ok(Some(Locked { depth, process, abandoned }))
    }

    fn lock_once_more(&self, abandoned: Option<Deceased>) -> Result<Option<Locked>> {
        let counts = self.0.counts.get();
        let depth = counts.depth.checked_add(1).ok_or_else(|| Error::Overflow {
            object: self.object(),
            count: 1,
            limit: u32::MAX,
        })?;
        let Changes { depth, process } = self.set_counts(Counts { depth, ..counts });
        Ok(Some(Locked { depth, process, abandoned }))
    }

    /// Undoes the last lock; the outermost unlock gives the unit back.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] if it is not locked; [`Error::NativeCall`] if the system refuses, and then it
    /// is locked as before; [`Error::NotOwner`] if somebody has damaged the ledger, and then it is not.
    pub fn unlock(&self) -> Result<Unlocked> {
        let unlocked = self.step(Step::Unlock, || {
            self.forget_what_is_the_parents();
            let books = self.open_books(Step::Unlock)?;
            let counts = self.0.counts.get();
            if counts.depth == 0 {
                return Err(self.out_of_order(Step::Unlock, "it is not locked"));
            }
            if counts.depth == 1 {
                let hold = self.0.hold.borrow().clone();
                match hold.map(|hold| books.give(&hold)) {
                    Some(Err(error @ Error::NotOwner { .. })) => {
                        self.forget_hold();
                        return Err(error);
                    }
                    Some(Err(error)) => return Err(error),
                    Some(Ok(())) | None => *self.0.hold.borrow_mut() = None,
                }
            }
            let depth = counts.depth - 1;
            let process = if depth == 0 { 0 } else { counts.process };
            let Changes { depth, process } = self.set_counts(Counts { depth, process });
            Ok(Some(Unlocked { depth, process }))
        })?;
        unlocked.ok_or_else(|| self.out_of_order(Step::Unlock, "it is not locked"))
    }

    /// Closes the semaphore, which itself stays until it is unlinked (on Windows until its last user
    /// has closed it).
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] if it is not open, or locked; [`Error::NativeCall`] if the system reports an
    /// error in closing, after which it is closed all the same.
    pub fn close(&self) -> Result<()> {
        self.step(Step::Close, || {
            self.forget_what_is_the_parents();
            drop(self.open_books(Step::Close)?);
            if self.0.counts.get().depth > 0 {
                return Err(self.out_of_order(Step::Close, "it is locked; unlock it first"));
            }
            let books = self.0.books.borrow_mut().take();
            self.0.closed.set(true);
            // Else a wait of this thread is under way with it, and closes it at its end.
            if let Some(Ok(books)) = books.map(Rc::try_unwrap) {
                books.close()?;
            }
            Ok(Some(()))
        })
        .map(drop)
    }

    /// Takes the semaphore's name away, and the ledger with it; false: the name was gone already. Who
    /// has the semaphore open goes on with it; who opens the name later makes another one. On
    /// Windows, where a semaphore goes with its last user, this only sets the mark.
    ///
    /// To take a name away without having opened it, use [`native::unlink`](super::unlink).
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] if it was not closed, or is unlinked already; [`Error::NativeCall`] with
    /// what the system says.
    pub fn unlink(&self) -> Result<bool> {
        self.step(Step::Unlink, || {
            if self.0.unlinked.get() {
                return Err(self.out_of_order(Step::Unlink, "it is unlinked already"));
            }
            if !self.0.closed.get() {
                return Err(self.out_of_order(Step::Unlink, "it was not closed; close it first"));
            }
            let was_there = super::take_name_away(&self.0.name, self.0.settings.scope)?;
            self.0.unlinked.set(true);
            Ok(Some(was_there))
        })
        .map(|was_there| was_there.unwrap_or(false))
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        let counts = self.counts();
        Status {
            opened: self.is_open(),
            locked: counts.depth > 0,
            reentrant: counts.depth > 1,
            closed: self.0.closed.get(),
            unlinked: self.0.unlinked.get(),
        }
    }

    /// Its name without a prefix.
    pub fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// Its name as the system knows it.
    pub fn native_name(&self) -> &NativeName {
        &self.0.name
    }

    /// Who it is.
    pub fn identity(&self) -> Identity {
        let (name, thread, process) = (self.name().to_owned(), process::tid(), process::pid());
        let uuid = format!("{name}:{thread}:{process}");
        Identity { name, thread, process, uuid, address: self.0.address.get().copied() }
    }

    /// Both counts, as of one moment.
    pub fn counts(&self) -> Counts {
        let hold = self.0.hold.try_borrow();
        // A fork has made what is counted the parent's.
        if hold.is_ok_and(|hold| hold.as_ref().is_some_and(Hold::is_the_parents)) {
            return Counts::default();
        }
        self.0.counts.get()
    }

    /// How often it is locked, one within the other.
    pub fn depth(&self) -> u32 {
        self.counts().depth
    }

    /// How many units are free, where the system tells; may be old when the answer comes.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] if it is not open.
    pub fn value(&self) -> Result<Option<u32>> {
        Ok(self.open_books(Step::Lock)?.semaphore.value())
    }

    /// What is known of all its units, after a look who lives; none without a ledger. Read one after the
    /// other while others go on, so the sums may be off by what happens meanwhile.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] if it is not open; a damaged ledger.
    pub fn accounts(&self) -> Result<Option<Accounts>> {
        self.open_books(Step::Lock)?.accounts()
    }

    /// Who holds its units, as far as they are in the ledger.
    ///
    /// # Errors
    /// As for [`accounts`](Self::accounts).
    pub fn holders(&self) -> Result<Vec<Participant>> {
        self.open_books(Step::Lock)?.holders()
    }

    /// Gives back to the system what holders that died had, and nobody has taken over; answers how
    /// many units. Nobody has to call this for users of this library, who take them over by themselves:
    /// it is for the others, who only see the system's count.
    ///
    /// # Errors
    /// As for [`accounts`](Self::accounts), and [`Error::NativeCall`].
    pub fn reap(&self) -> Result<u32> {
        self.open_books(Step::Lock)?.reap()
    }

    /// Gives back all units that are missing: neither free nor held by anybody in the ledger. Answers how
    /// many. **Only if you know that nobody holds one who is not in this ledger**: it would not be alone any
    /// more. Not in it are programs that do not use this library, and users of it with
    /// [`ledger(false)`](NativeOptions::ledger), with another [`Scope`](crate::Scope) or another
    /// `PROCSYNC_DIR`.
    ///
    /// For the case that somebody died in the moment between the system's grant and the ledger's record,
    /// or that a program without a ledger died with a unit. Taking stands still meanwhile, for a second at
    /// most. For each death that is in doubt, one unit at most is given back where it is not known how many
    /// there should be: if another program made the semaphore (then one, and only if none is left at all;
    /// the other doubts stay), or if the system does not tell its count (macOS, Windows; then one for each).
    ///
    /// # Errors
    /// [`Error::Busy`] if somebody is in the middle of taking or giving back for a second (stopped, say);
    /// else as for [`reap`](Self::reap).
    ///
    /// ```
    /// use procsync::native::NativeSemaphore;
    ///
    /// let name = format!("native-doubtful-{}", std::process::id());
    /// let semaphore = NativeSemaphore::instantiate(&name)?;
    /// semaphore.open()?;
    /// assert_eq!(semaphore.post_doubtful()?, 0, "nothing is missing");
    /// # semaphore.close()?;
    /// # semaphore.unlink()?;
    /// # Ok::<(), procsync::Error>(())
    /// ```
    pub fn post_doubtful(&self) -> Result<u32> {
        self.open_books(Step::Lock)?.post_doubtful()
    }

    pub(super) fn object(&self) -> Object {
        self.0.name.object()
    }

    pub(super) fn check_settings(&self, wanted: &Settings) -> Result<()> {
        let found = &self.0.settings;
        let mismatch = |property, wanted: String, found: String| {
            Err(Error::Mismatch { object: self.object(), property, wanted, found })
        };
        if found.initial != wanted.initial {
            return mismatch(
                "initial count",
                wanted.initial.to_string(),
                found.initial.to_string(),
            );
        }
        if found.mode != wanted.mode {
            return mismatch("mode", format!("{:o}", wanted.mode), format!("{:o}", found.mode));
        }
        if found != wanted {
            return mismatch("ledger", format!("{wanted:?}"), format!("{found:?}"));
        }
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.0.books.borrow().is_some()
    }

    fn open_books(&self, step: Step) -> Result<Rc<Books>> {
        let books = self.0.books.borrow().clone();
        books.ok_or_else(|| {
            let closed = self.0.closed.get();
            let reason = if closed { "it is closed" } else { "it is not open; open it first" };
            self.out_of_order(step, reason)
        })
    }

    fn out_of_order(&self, step: Step, reason: &'static str) -> Error {
        Error::OutOfOrder { object: self.object(), step, reason }
    }

    /// Both counts at once: nobody sees one changed and the other not.
    fn set_counts(&self, next: Counts) -> Changes {
        self.0.counts.replace(next).to(next)
    }

    fn forget_hold(&self) {
        *self.0.hold.borrow_mut() = None;
        self.0.counts.set(Counts::default());
    }

    /// What the parent held when it forked is the parent's.
    fn forget_what_is_the_parents(&self) {
        let parents = self.0.hold.borrow().as_ref().is_some_and(Hold::is_the_parents);
        if parents {
            self.forget_hold();
        }
    }

    /// One step, told to who observes. `None` is neither success nor failure.
    fn step<T>(&self, step: Step, take: impl FnOnce() -> Result<Option<T>>) -> Result<Option<T>> {
        tracing::trace!(object = %self.object(), %step, "will attempt");
        self.tell(|observer| observer.will_attempt(step, self));
        let outcome = take();
        match &outcome {
            Ok(Some(_)) => {
                tracing::debug!(object = %self.object(), %step, counts = ?self.counts(), "succeeded");
                self.tell(|observer| observer.succeeded(step, self));
            }
            Ok(None) => tracing::trace!(object = %self.object(), %step, "nothing to be had"),
            Err(error) => {
                tracing::debug!(%step, %error, "failed");
                self.tell(|observer| observer.failed(step, self, error));
            }
        }
        outcome
    }

    fn tell(&self, what: impl FnOnce(&dyn Observer)) {
        /// Over, also if the observer panics.
        struct Over<'a>(&'a Cell<bool>);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.set(false);
            }
        }
        let Some(observer) = self.0.observer.borrow().clone() else { return };
        if self.0.telling.replace(true) {
            return;
        }
        let _over = Over(&self.0.telling);
        what(&*observer);
    }
}

/// What was got and is not wanted any more. A dead one's unit stays one: the next one must be told. So
/// does what the system does not take back: no line may be left without anybody who knows of it.
fn put_back(books: &Books, hold: &Hold) {
    if hold.abandoned.is_some() || books.give(hold).is_err() {
        books.abandon(hold);
    }
}

/// Sets what may be set only once.
fn set_once(cell: &OnceCell<usize>, value: usize) -> Result<(), ()> {
    cell.set(value).map_err(drop)
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Some(books) = self.books.get_mut().take() else { return };
        if let Some(hold) = self.hold.get_mut().take()
            && !hold.is_the_parents()
        {
            books.abandon(&hold);
        }
        // Nobody else has them: who is in the middle of a step has the instance too.
        if let Ok(books) = Rc::try_unwrap(books)
            && let Err(error) = books.close()
        {
            tracing::warn!(%error, "let go of with an error");
        }
    }
}

impl fmt::Debug for NativeSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeSemaphore")
            .field("name", &self.0.name)
            .field("status", &self.status())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NF11: an address that is set stays.
    #[test]
    fn nf11_an_address_is_set_once() {
        let address = OnceCell::new();
        assert_eq!(set_once(&address, 7), Ok(()));
        assert_eq!(set_once(&address, 8), Err(()));
        assert_eq!(address.get(), Some(&7));
    }

    /// NF15: the change that is told is the change that was made, of both counts at once.
    #[test]
    fn nf15_counts_change_in_one_step() {
        let settings = NativeOptions::new().settings;
        let one = NativeSemaphore::new(NativeName::new("nf15").unwrap(), settings);
        let mut last = Counts::default();
        for next in [(1, 1), (2, 1), (3, 1), (2, 1), (1, 1), (0, 0)] {
            let next = Counts { depth: next.0, process: next.1 };
            let changes = one.set_counts(next);
            assert_eq!((changes.depth.from, changes.depth.to), (last.depth, next.depth));
            assert_eq!((changes.process.from, changes.process.to), (last.process, next.process));
            assert_eq!(one.0.counts.get(), next);
            last = next;
        }
    }
}
