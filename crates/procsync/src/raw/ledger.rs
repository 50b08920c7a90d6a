//! Who has taken units of a semaphore that knows nothing of holders.
//!
//! The system's named semaphore is a count: it does not say who took from it. The ledger beside it
//! does, in a word for each unit taken or wanted. That the system grants and that the ledger records
//! are two steps, so one who dies between them leaves a word that cannot be told: [`State::Doubt`].
//! Nothing is ever given back for it but on demand (see [`settle`]).

use super::sync::{AtomicU32, Ordering, load_newest};

#[cfg(all(test, loom))]
mod model;

/// The bits of a word that say which participant it is, as in an owned word.
const PARTICIPANT: u32 = super::owned_word::PARTICIPANT;

/// What the bits above say.
const WANTING: u32 = 1 << 29;
const HELD: u32 = 2 << 29;
const POSTING: u32 = 3 << 29;
const ABANDONED: u32 = 4 << 29;
const DOUBT: u32 = 5 << 29;
const STATE: u32 = 7 << 29;

/// One line of the ledger.
///
/// | bits             | state                                           | leaves by                                    |
/// |------------------|-------------------------------------------------|----------------------------------------------|
/// | `0`              | empty                                           | want                                         |
/// | `tag \| WANTING` | about to take, perhaps granted already          | granted, not granted; death, to `DOUBT`      |
/// | `tag \| HELD`    | has a unit                                      | begin to give; death, to `ABANDONED`         |
/// | `tag \| POSTING` | about to give back, perhaps given already       | given, not given; death, to `DOUBT`          |
/// | `ABANDONED`      | a unit that nobody owns: its holder died        | adopt, to `HELD`; reap, to `POSTING`         |
/// | `DOUBT`          | whether the dead one had a unit cannot be told  | settled, to `0`; taken for a new line        |
///
/// A tag with no state, and a state above `DOUBT`, are never written; found (a damaged segment),
/// they are nobody's line and not empty either.
///
/// Adopting is the grant and its record in one step: whoever takes a dead one's unit so needs nothing of
/// the system, and nobody else can take the same one.
///
/// All exchanges are `SeqCst`: a line that is wanted and the gate (see [`want`]) are a store-load
/// handshake, and what a dead holder wrote must be seen by who adopts. None of them is hot beside
/// the system's own.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct LedgerWord(AtomicU32);

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Empty,
    Wanting,
    Held,
    Posting,
    Abandoned,
    Doubt,
    /// Nothing that this library writes.
    Damaged,
}

/// What a death made of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Buried {
    /// A unit that may be adopted.
    Abandoned,
    /// Perhaps a unit.
    Doubt,
}

impl LedgerWord {
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        LedgerWord(AtomicU32::new(0))
    }

    pub(crate) fn bits(&self) -> u32 {
        load_newest(&self.0)
    }

    /// What `bits` say, and whose line it is (0: nobody's).
    pub(crate) fn read(bits: u32) -> (State, u32) {
        let tag = bits & PARTICIPANT;
        let state = match bits & STATE {
            0 if bits == 0 => State::Empty,
            WANTING if tag != 0 => State::Wanting,
            HELD if tag != 0 => State::Held,
            POSTING if tag != 0 => State::Posting,
            ABANDONED => State::Abandoned,
            DOUBT => State::Doubt,
            _ => State::Damaged,
        };
        let tag = match state {
            State::Wanting | State::Held | State::Posting => tag,
            _ => 0,
        };
        (state, tag)
    }

    pub(crate) fn state(&self) -> (State, u32) {
        LedgerWord::read(self.bits())
    }

    #[inline]
    fn change(&self, from: u32, to: u32) -> bool {
        self.0.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// The unit was granted. False, here and below: the line is not the caller's any more, which only
    /// damage brings about.
    #[must_use]
    pub(crate) fn granted(&self, tag: u32) -> bool {
        self.change(tag | WANTING, tag | HELD)
    }

    /// It was not, and this is certain.
    #[must_use]
    pub(crate) fn not_granted(&self, tag: u32) -> bool {
        self.change(tag | WANTING, 0)
    }

    #[must_use]
    pub(crate) fn begin_to_give(&self, tag: u32) -> bool {
        self.change(tag | HELD, tag | POSTING)
    }

    #[must_use]
    pub(crate) fn given(&self, tag: u32) -> bool {
        self.change(tag | POSTING, 0)
    }

    /// The system refused it.
    #[must_use]
    pub(crate) fn not_given(&self, tag: u32) -> bool {
        self.change(tag | POSTING, tag | HELD)
    }

    /// A living holder goes without giving back.
    #[must_use]
    pub(crate) fn abandon(&self, tag: u32) -> bool {
        self.change(tag | HELD, ABANDONED)
    }

    /// Takes a dead one's unit.
    fn adopt(&self, tag: u32) -> bool {
        self.bits() == ABANDONED && self.change(ABANDONED, tag | HELD)
    }

    /// Takes a dead one's unit in order to give it back.
    fn begin_to_reap(&self, tag: u32) -> bool {
        self.bits() == ABANDONED && self.change(ABANDONED, tag | POSTING)
    }

    fn not_reaped(&self, tag: u32) -> bool {
        self.change(tag | POSTING, ABANDONED)
    }

    /// Writes a dead one's tag away. For the one that has proved the death and has its slot meanwhile.
    pub(crate) fn bury(&self, tag: u32) -> Option<Buried> {
        let bits = self.bits();
        let (buried, left) = match LedgerWord::read(bits) {
            (State::Held, whose) if whose == tag => (Buried::Abandoned, ABANDONED),
            (State::Wanting | State::Posting, whose) if whose == tag => (Buried::Doubt, DOUBT),
            _ => return None,
        };
        // The dead one does not change it any more, and nobody else may.
        self.change(bits, left).then_some(buried)
    }
}

/// The lines, wherever they lie.
pub(crate) trait Lines {
    /// How many there are, at least 1.
    fn count(&self) -> u32;
    /// Line `index`, below `count`.
    fn line(&self, index: u32) -> &LedgerWord;
    /// How many of them, from the first one on, may be other than empty.
    fn used(&self) -> u32 {
        self.count()
    }
    /// Told before an empty line is used.
    fn will_use(&self, _index: u32) {}
    /// Whether somebody [settles](settle) just now, and nothing may be taken.
    fn gate_is_closed(&self) -> bool;
}

/// The semaphore itself.
pub(crate) trait Units {
    type Error;
    /// Takes a unit if there is one.
    fn take(&self) -> Result<bool, Self::Error>;
    /// Gives one back.
    fn give(&self) -> Result<(), Self::Error>;
    /// How many are free, if that can be told.
    fn free(&self) -> Option<u32>;
}

/// How wanting a unit ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The line is the caller's: take from the system, then say how that ended.
    Line(u32),
    /// Somebody settles: pass the gate first, then once more.
    Closed,
    /// There is no empty line.
    Full,
}

fn search<T>(count: u32, hint: u32, mut found: impl FnMut(u32) -> Option<T>) -> Option<T> {
    let start = if hint < count { hint } else { 0 };
    (start..count).chain(0..start).find_map(&mut found)
}

/// Begins to take a unit: has a line say so first.
///
/// `spare`: so many doubtful lines say no less than more would; one beyond may be used again.
pub(crate) fn want(lines: &impl Lines, tag: u32, hint: u32, spare: u32) -> Wanted {
    let empty = search(lines.count(), hint, |index| {
        let line = lines.line(index);
        if line.bits() != 0 {
            return None;
        }
        lines.will_use(index);
        line.change(0, tag | WANTING).then_some(index)
    });
    let mut doubtful = 0;
    let index = empty.or_else(|| {
        search(lines.used(), hint, |index| {
            let line = lines.line(index);
            if line.bits() != DOUBT {
                return None;
            }
            doubtful += 1;
            (doubtful > spare && line.change(DOUBT, tag | WANTING)).then_some(index)
        })
    });
    let Some(index) = index else { return Wanted::Full };
    // After the line, whose other side closes the gate and then reads the lines: one of the two sees
    // the other.
    if lines.gate_is_closed() {
        // Nobody but a sweeper after our death would have changed it.
        let _ = lines.line(index).not_granted(tag);
        return Wanted::Closed;
    }
    Wanted::Line(index)
}

/// Takes over a unit whose holder died.
pub(crate) fn adopt(lines: &impl Lines, tag: u32, hint: u32) -> Option<u32> {
    if lines.gate_is_closed() {
        return None;
    }
    search(lines.used(), hint, |index| lines.line(index).adopt(tag).then_some(index))
}

/// How taking at once ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Took {
    Granted(u32),
    /// A dead one's.
    Adopted(u32),
    None,
    Closed,
    Full,
}

/// Takes a unit if there is one, from the system or from a dead holder.
pub(crate) fn try_take<U: Units>(
    lines: &impl Lines,
    units: &U,
    tag: u32,
    hint: u32,
    spare: u32,
) -> Result<Took, U::Error> {
    let index = match want(lines, tag, hint, spare) {
        Wanted::Line(index) => index,
        Wanted::Closed => return Ok(Took::Closed),
        // What the dead left may be what fills the lines.
        Wanted::Full => return Ok(adopt(lines, tag, hint).map_or(Took::Full, Took::Adopted)),
    };
    match units.take() {
        Ok(true) => {
            // See `granted`: if it fails the caller will hear of it when it gives back.
            let _ = lines.line(index).granted(tag);
            Ok(Took::Granted(index))
        }
        Ok(false) => {
            // Before looking for another's: who dies while it adopts leaves no doubt.
            let _ = lines.line(index).not_granted(tag);
            Ok(adopt(lines, tag, hint).map_or(Took::None, Took::Adopted))
        }
        Err(error) => {
            let _ = lines.line(index).not_granted(tag);
            Err(error)
        }
    }
}

/// How giving back ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gave {
    Done,
    /// The line does not say that the caller holds.
    NotHeld,
}

/// Gives a unit back. Refused by the system, it is held as before.
pub(crate) fn give<U: Units>(
    lines: &impl Lines,
    units: &U,
    tag: u32,
    index: u32,
) -> Result<Gave, U::Error> {
    let line = lines.line(index);
    if !line.begin_to_give(tag) {
        return Ok(Gave::NotHeld);
    }
    if let Err(error) = units.give() {
        let _ = line.not_given(tag);
        return Err(error);
    }
    let _ = line.given(tag);
    Ok(Gave::Done)
}

/// Gives the units of dead holders back to the system; answers how many.
pub(crate) fn reap<U: Units>(lines: &impl Lines, units: &U, tag: u32) -> Result<u32, U::Error> {
    let mut given = 0;
    for index in 0..lines.used() {
        let line = lines.line(index);
        if !line.begin_to_reap(tag) {
            continue;
        }
        if let Err(error) = units.give() {
            let _ = line.not_reaped(tag);
            return Err(error);
        }
        let _ = line.given(tag);
        given += 1;
    }
    Ok(given)
}

/// What all lines together say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) wanting: u32,
    pub(crate) held: u32,
    pub(crate) posting: u32,
    pub(crate) abandoned: u32,
    pub(crate) doubtful: u32,
}

impl Tally {
    pub(crate) fn count(&mut self, state: State) {
        match state {
            State::Empty | State::Damaged => {}
            State::Wanting => self.wanting += 1,
            State::Held => self.held += 1,
            State::Posting => self.posting += 1,
            State::Abandoned => self.abandoned += 1,
            State::Doubt => self.doubtful += 1,
        }
    }

    /// How many units are missing, if so many are free: neither free nor recorded. None: there
    /// are some of which that cannot be told at this moment.
    pub(crate) fn missing(&self, capacity: u32, free: u32) -> Option<u32> {
        let accounted = free.saturating_add(self.held).saturating_add(self.abandoned);
        (self.wanting + self.posting == 0).then(|| capacity.saturating_sub(accounted))
    }
}

/// Reads all lines, one after the other: also those that are said never to have been used, since who
/// counts what is missing must not overlook anybody.
pub(crate) fn tally(lines: &impl Lines) -> Tally {
    let mut tally = Tally::default();
    for index in 0..lines.count() {
        tally.count(lines.line(index).state().0);
    }
    tally
}

/// Ends all doubts; answers how many there were. For who has the only unit.
pub(crate) fn end_doubts(lines: &impl Lines) -> u32 {
    end_these(lines, &doubtful_lines(lines))
}

fn doubtful_lines(lines: &impl Lines) -> Vec<u32> {
    (0..lines.count()).filter(|index| lines.line(*index).bits() == DOUBT).collect()
}

/// Those that were counted, and none that came up since.
fn end_these(lines: &impl Lines, doubtful: &[u32]) -> u32 {
    doubtful.iter().filter(|index| lines.line(**index).change(DOUBT, 0)).count() as u32
}

/// Finds out without a gate whether all units are free or recorded, and ends the doubts if they are;
/// answers whether they were. Nothing is given, so a count that is wrong because others go on meanwhile
/// ends at worst a doubt, and the next count still says what is missing.
pub(crate) fn find_out<U: Units>(lines: &impl Lines, units: &U, capacity: u32) -> bool {
    let doubtful = doubtful_lines(lines);
    let before = tally(lines);
    let free = units.free();
    let steady = tally(lines) == before && units.free() == free;
    let complete = |free| capacity > 0 && before.missing(capacity, free) == Some(0);
    let found = steady && free.is_some_and(complete);
    if found {
        end_these(lines, &doubtful);
    }
    found
}

/// What became of doubts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// So many units were given back, and no more are known to be missing.
    Done(u32),
    /// So many were given back, and then or before, some living participant was in the middle of taking
    /// or giving, or the gate was not the caller's any more: later once more.
    Unsteady(u32),
}

/// Gives back what is missing and ends the doubts. **Only for the one that has closed the gate.** With
/// the gate closed, nobody begins to take, so lines only empty.
///
/// `still`: whether the gate is still the caller's. It may be lost at any moment, to whoever settles
/// instead; each of the two sees the other: who has lost it finds that here after it has written down
/// that it is about to give, and who has got it finds that line.
///
/// What is missing is right only if no stranger holds a unit. If `capacity` is not known (0), all that can
/// be said is that one at least is missing where none is left; then one is given for a doubt, and the
/// other doubts stay. Where the free units cannot be counted, each doubt counts as one missing.
pub(crate) fn settle<U: Units>(
    lines: &impl Lines,
    units: &U,
    tag: u32,
    capacity: u32,
    still: impl Fn() -> bool,
) -> Result<Settled, U::Error> {
    let doubtful = doubtful_lines(lines);
    let before = tally(lines);
    let free = units.free();
    // A holder that gave back between the two would have been counted twice.
    if before.wanting + before.posting > 0 || tally(lines) != before || !still() {
        return Ok(Settled::Unsteady(0));
    }
    let recorded = before.held.saturating_add(before.abandoned);
    let missing = match free {
        Some(free) if capacity > 0 => capacity.saturating_sub(free.saturating_add(recorded)),
        Some(free) => u32::from(free == 0 && recorded == 0 && before.doubtful > 0),
        None if capacity > 0 => before.doubtful.min(capacity.saturating_sub(recorded)),
        None => before.doubtful,
    };
    for given in 0..missing {
        // Each under a line of its own: who dies here leaves one doubt in place of another.
        let line_that_says = |bits| {
            (0..lines.count()).find(|&index| {
                let line = lines.line(index);
                if line.bits() != bits {
                    return false;
                }
                lines.will_use(index);
                line.change(bits, tag | POSTING)
            })
        };
        let found = [DOUBT, 0].into_iter().find_map(|bits| Some((line_that_says(bits)?, bits)));
        let Some((index, said)) = found else { return Ok(Settled::Unsteady(given)) };
        let line = lines.line(index);
        if !still() {
            let _ = line.change(tag | POSTING, said);
            return Ok(Settled::Unsteady(given));
        }
        if let Err(error) = units.give() {
            let _ = line.change(tag | POSTING, said);
            return Err(error);
        }
        let _ = line.given(tag);
    }
    if capacity > 0 || free.is_none() {
        end_these(lines, &doubtful);
    }
    Ok(Settled::Done(missing))
}
