//! Every byte of a segment can be anything, before somebody attaches and while others wait: the
//! answers may be wrong and errors are right, but nobody panics, crashes or waits beyond its time.
//!
//! Seeded: `PROCSYNC_FUZZ_SEED` repeats a run, `PROCSYNC_FUZZ_ROUNDS` makes it longer.

use crate::child::{Helper, Role};
use crate::kill_storm::Random;
use crate::support::{LIMIT, data_file_of, file_of, name, say, write_at};
use procsync::{
    Event, Mutex, Ownership, ReentrantMutex, Reset, Result, Scope, Semaphore, SharedMemory,
    TokenSemaphore,
};
use std::fs::{self, File};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Just enough slots for all who wait here, so that there are few bytes to try.
const PARTICIPANTS: u32 = 10;

/// So long a wait in a segment that says anything may take.
const MOMENT: Duration = Duration::from_micros(500);

/// A wait of a moment that takes longer than this does not know its end.
const FAR_TOO_LONG: Duration = Duration::from_secs(10);

const KINDS: [&str; 9] =
    ["mutex", "data", "process", "reentrant", "semaphore", "tokens", "manual", "auto", "memory"];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    Open,
    Create,
    Attach,
}

/// Opens, with the options that a sound object of this kind is made with.
macro_rules! opened {
    ($options:expr, $how:expr, $name:expr, $stays:expr) => {{
        let options = $options.participants(PARTICIPANTS).persistent($stays);
        match $how {
            How::Open => options.open($name),
            How::Create => options.create($name),
            How::Attach => options.attach($name),
        }
    }};
}

/// An open object of any kind.
enum Subject {
    Plain(Mutex<()>),
    Data(Mutex<[u64; 3]>),
    Reentrant(ReentrantMutex),
    Semaphore(Semaphore),
    Tokens(TokenSemaphore),
    Event(Event),
    Memory(SharedMemory),
}

impl Subject {
    fn get(kind: &str, how: How, name: &str, stays: bool) -> Result<Subject> {
        let owned = |ownership| Mutex::<()>::options().ownership(ownership);
        Ok(match kind {
            "mutex" => Subject::Plain(opened!(owned(Ownership::Thread), how, name, stays)?),
            "process" => Subject::Plain(opened!(owned(Ownership::Process), how, name, stays)?),
            "data" => Subject::Data(opened!(Mutex::<[u64; 3]>::options(), how, name, stays)?),
            "reentrant" => {
                Subject::Reentrant(opened!(ReentrantMutex::options(), how, name, stays)?)
            }
            "semaphore" => Subject::Semaphore(opened!(Semaphore::options(2), how, name, stays)?),
            "tokens" => Subject::Tokens(opened!(TokenSemaphore::options(1), how, name, stays)?),
            "manual" => Subject::Event(opened!(Event::options(Reset::Manual), how, name, stays)?),
            "auto" => Subject::Event(opened!(Event::options(Reset::Auto), how, name, stays)?),
            "memory" => Subject::Memory(opened!(SharedMemory::options(100), how, name, stays)?),
            other => panic!("{other}"),
        })
    }

    /// Waits for it, for a while.
    fn wait(&self, time: Duration) -> Result<()> {
        match self {
            Subject::Plain(mutex) => mutex.lock_timeout(time).map(drop),
            Subject::Data(mutex) => mutex.lock_timeout(time).map(|mut guard| {
                guard.update(|data| data[1] = data[0]);
            }),
            Subject::Reentrant(mutex) => {
                let outer = mutex.lock_timeout(time)?;
                drop(mutex.lock_timeout(time)?);
                drop(outer);
                Ok(())
            }
            Subject::Semaphore(semaphore) => {
                drop(semaphore.acquire_timeout(time)?);
                semaphore.acquire_many_timeout(2, time).map(drop)
            }
            Subject::Tokens(tokens) => tokens.wait_timeout(time),
            Subject::Event(event) => event.wait_timeout(time),
            Subject::Memory(memory) => memory.write(90, &[1; 10]),
        }
    }

    /// Everything else that can be asked of it.
    fn ask(&self) {
        match self {
            Subject::Plain(mutex) => {
                let _ = (mutex.try_lock().map(drop), mutex.owner(), mutex.is_locked());
                let _ = (mutex.release(), mutex.force_release(), format!("{mutex:?}"));
            }
            Subject::Data(mutex) => {
                let _ =
                    mutex.try_lock().map(|guard| guard.map(|guard| (guard.get(), guard.grant())));
                let _ = (mutex.repair().map(drop), mutex.owner(), format!("{mutex:?}"));
            }
            Subject::Reentrant(mutex) => {
                let _ = mutex.try_lock().map(|guard| guard.map(|guard| guard.depth()));
                let _ = (mutex.owner(), mutex.force_release(), format!("{mutex:?}"));
            }
            Subject::Semaphore(semaphore) => {
                let _ = semaphore.try_acquire().map(drop);
                let _ = semaphore.try_acquire_many(2).map(drop);
                let _ = (semaphore.available(), semaphore.capacity(), format!("{semaphore:?}"));
                let _ = semaphore.holders().map(|holders| format!("{holders:?}"));
            }
            Subject::Tokens(tokens) => {
                let _ = (tokens.try_wait(), tokens.value(), tokens.post(2), tokens.post(u32::MAX));
            }
            Subject::Event(event) => {
                let _ = (event.try_wait(), event.set(), event.is_set(), event.clear());
            }
            Subject::Memory(memory) => {
                let mut bytes = [0; 100];
                let _ = (memory.read(0, &mut bytes), memory.attached_processes(), memory.size());
            }
        }
    }
}

/// The bytes of a sound object that stays, made in this process.
fn template(kind: &str, name: &str) -> Vec<u8> {
    drop(Subject::get(kind, How::Create, name, true).expect("it is new"));
    let bytes = fs::read(file_of(name)).expect("it stays");
    let most = (3 + PARTICIPANTS as usize) * 4_096;
    assert!(bytes.len() < most, "{kind}: {} bytes are too many to try", bytes.len());
    bytes
}

/// A change to a segment: these bytes there.
#[derive(Debug, Clone)]
struct Damage {
    at: usize,
    bytes: Vec<u8>,
}

/// Numbers at which something may go over an edge: tags, marks, ends.
const EDGES: [u64; 16] = [
    0,
    1,
    2,
    3,
    4,
    5,
    0x3fff_ffff,
    0x4000_0000,
    0x4000_0001,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

impl Damage {
    /// One byte, or an aligned word of which something might be believed.
    fn random(random: &mut Random, at: usize, length: usize) -> Damage {
        let edge = EDGES[random.below(EDGES.len() as u64) as usize];
        let edge = if random.below(4) == 0 { random.below(u64::MAX) } else { edge };
        match random.below(3) {
            0 => Damage { at, bytes: vec![[0, 1, 0x7f, 0x80, 0xff][random.below(5) as usize]] },
            1 => Damage { at: at & !3, bytes: (edge as u32).to_ne_bytes().to_vec() },
            _ if (at & !7) + 8 <= length => {
                Damage { at: at & !7, bytes: edge.to_ne_bytes().to_vec() }
            }
            _ => Damage { at, bytes: vec![edge as u8] },
        }
    }

    fn apply(&self, to: &mut [u8]) {
        let end = (self.at + self.bytes.len()).min(to.len());
        to[self.at..end].copy_from_slice(&self.bytes[..end - self.at]);
    }
}

/// Which bytes of a segment mean something: its header, records, slots and permits, its data, and the
/// life words at the ends of their pages; on Windows, the beginning of the table of sleepers.
fn meaningful(bytes: &[u8]) -> Vec<usize> {
    const SLOTS_END: usize = 192 + PARTICIPANTS as usize * 64;
    let permits_end = (SLOTS_END + 2 * 32).min(bytes.len());
    if cfg!(windows) {
        let table_at = bytes.len() - 16_384;
        let data = if table_at > 4_096 { 4_096..4_096 + size_of::<[u64; 3]>() } else { 0..0 };
        let all = (0..permits_end).chain(data).chain(table_at..table_at + 10 * 16);
        // Opening files takes long under Wine. Five is no divisor of any field's size.
        return all.step_by(5).collect();
    }
    let lives_at = bytes.len().saturating_sub(PARTICIPANTS as usize * 4_096);
    let data = if lives_at > 4_096 { 4_096..4_096 + size_of::<[u64; 3]>() } else { 0..0 };
    let pages = (lives_at..bytes.len()).step_by(4_096).filter(|page| *page > 0);
    (0..permits_end).chain(data).chain(pages.flat_map(|page| page + 4_072..page + 4_076)).collect()
}

fn rounds() -> u64 {
    let rounds = std::env::var("PROCSYNC_FUZZ_ROUNDS").ok();
    rounds.map_or(1, |text| text.parse().expect("a number"))
}

fn seed() -> u64 {
    let seed = std::env::var("PROCSYNC_FUZZ_SEED").ok();
    seed.map_or_else(|| Random::new().0, |text| text.parse().expect("a number"))
}

/// Role: meets a damaged segment for the first time, again and again. Arguments: a kind, a name, a
/// seed, how often.
pub(crate) fn attach_to_anything(role: &mut Role) {
    let (kind, name) = (role.argument(0), role.argument(1));
    let mut random = Random(role.number(2));
    let sound = template(kind, name);
    let path = file_of(name);
    let beside = path.with_file_name(format!("{name}-new"));
    let case_file = path.with_file_name(format!("{name}-case"));
    // The memory's own file: another one would be refused.
    let kept = data_file_of(&format!("{name}-kept"));
    if kind == "memory" {
        fs::hard_link(data_file_of(name), &kept).expect("it gets a second name");
    }
    let (mut got, mut cases, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    for _ in 0..role.number::<u64>(3) {
        for at in meaningful(&sound) {
            let mut damage = vec![Damage::random(&mut random, at, sound.len())];
            // Now and then several at once, which no single check may see.
            for _ in 0..random.below(8).saturating_sub(4) {
                let at = random.below(sound.len() as u64) as usize;
                damage.push(Damage::random(&mut random, at, sound.len()));
            }
            // For whoever finds this process dead.
            fs::write(&case_file, format!("{kind}: {damage:?}")).expect("it can be written");
            let how = [How::Attach, How::Open, How::Create][random.below(3) as usize];
            let mut bytes = sound.clone();
            damage.iter().for_each(|damage| damage.apply(&mut bytes));
            fs::write(&beside, &bytes).expect("it can be written");
            fs::rename(&beside, &path).expect("it gets the name");
            if kind == "memory" && !data_file_of(name).exists() {
                fs::hard_link(&kept, data_file_of(name)).expect("it gets its name back");
            }
            let began = Instant::now();
            let _ = procsync::inspect::show(name, Scope::User).map(|seen| format!("{seen:?}"));
            if let Ok(subject) = Subject::get(kind, how, name, true) {
                got += 1;
                let _ = subject.wait(MOMENT);
                subject.ask();
                let _ = subject.wait(MOMENT).map_err(|error| error.to_string());
            }
            let _ = procsync::remove(name, Scope::User);
            slowest = slowest.max(began.elapsed());
            assert!(slowest < FAR_TOO_LONG, "{slowest:?} for {damage:?}");
            let _ = fs::remove_file(&path);
            cases += 1;
        }
    }
    // A memory's own file may have lost the one who would remove it.
    let _ = (fs::remove_file(case_file), fs::remove_file(data_file_of(name)));
    let _ = fs::remove_file(kept);
    role.say(&format!("{cases} cases, {got} attached, the slowest took {slowest:.1?}"));
}

pub(crate) fn meet_anything(kind: &str) {
    let (name, seed) = (name(&format!("any-{kind}")), seed());
    let arguments = [kind, &name, &seed.to_string(), &rounds().to_string()];
    let mut helper = Helper::start("attach-to-anything", &arguments);
    let Some(said) = helper.hear_within(LIMIT * 4) else {
        let case = fs::read_to_string(file_of(&format!("{name}-case"))).unwrap_or_default();
        panic!("{kind}, seed {seed}: {}; last was {case}", fate(&mut helper));
    };
    say(&format!("{kind}, damaged before, seed {seed}: {said}"));
    let attached: u64 = said.split(' ').nth(2).unwrap().parse().unwrap();
    assert!(attached > 50, "{kind}: most were refused at the door, and little was tried: {said}");
    helper.finish();
}

fn fate(helper: &mut Helper) -> &'static str {
    if helper.runs() { "it hangs" } else { "it ended" }
}

/// Role: several threads wait again and again for what is damaged meanwhile. Arguments: a kind, a
/// name. Ends when its input does.
pub(crate) fn wait_for_anything(role: &mut Role) {
    let (kind, name) = (role.argument(0), role.argument(1));
    let subject = Subject::get(kind, How::Attach, name, true).expect("it is there");
    let _ = subject.wait(MOMENT);
    role.say("open");
    let (stop, waits, slowest) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (subject, stop, waits, slowest) = (&subject, &stop, &waits, &slowest);
            scope.spawn(move || {
                while !stop.load(Relaxed) {
                    let began = Instant::now();
                    // Long enough to sleep, to look at the holder, and to be shown.
                    let _ = subject.wait(Duration::from_millis(4 + thread));
                    if thread == 0 {
                        subject.ask();
                    }
                    slowest.fetch_max(began.elapsed().as_millis() as u64, Relaxed);
                    waits.fetch_add(1, Relaxed);
                    std::thread::yield_now();
                }
            });
        }
        while role.hear().is_some() {}
        stop.store(true, Relaxed);
    });
    drop(subject);
    role.say(&format!("{} {}", waits.load(Relaxed), slowest.load(Relaxed)));
}

pub(crate) fn damage_under_waiters(kind: &str) {
    const LASTS: Duration = Duration::from_millis(1_200);
    let (name, seed) = (name(&format!("under-{kind}")), seed());
    let mut random = Random(seed);
    let sound = template(kind, &name);
    let waiters = [(); 2].map(|()| {
        let mut waiter = Helper::start("wait-for-anything", &[kind, &name]);
        assert_eq!(waiter.hear(), "open");
        waiter
    });
    let file = File::options().write(true).open(file_of(&name)).unwrap();
    let places = meaningful(&sound);
    let (began, mut changes) = (Instant::now(), 0);
    while began.elapsed() < LASTS * rounds() as u32 {
        let at = places[random.below(places.len() as u64) as usize];
        // The line that everybody looks at, more often than all others together.
        let at = if random.below(3) > 0 { 64 + random.below(64) as usize } else { at };
        let damage = Damage::random(&mut random, at, sound.len());
        write_at(&file, &damage.bytes, damage.at as u64);
        changes += 1;
        if random.below(64) == 0 {
            // Sound again, for the damage to fall on something.
            write_at(&file, &sound[64..192], 64);
        }
        std::thread::sleep(Duration::from_micros(random.below(400)));
    }
    // Sound in the end: whoever waits for ever waits rightly as long as the word says that one who
    // lives holds it.
    write_at(&file, &sound[64..192], 64);
    for mut waiter in waiters {
        assert!(waiter.runs(), "{kind}, seed {seed}: a waiter ended");
        waiter.end_input();
        let Some(said) = waiter.hear_within(LIMIT) else {
            panic!("{kind}, seed {seed}: {}", fate(&mut waiter));
        };
        let (waits, slowest) = said.split_once(' ').unwrap();
        say(&format!(
            "{kind}, {changes} changes, seed {seed}: {waits} waits, {slowest} ms at most"
        ));
        assert!(waits.parse::<u64>().unwrap() > 3, "{kind}: {said}");
        let slowest = Duration::from_millis(slowest.parse().unwrap());
        assert!(slowest < FAR_TOO_LONG, "{kind}, seed {seed}: {slowest:?}");
        waiter.finish();
    }
    let _ = procsync::remove(&name, Scope::User);
    let _ = fs::remove_file(data_file_of(&name));
}

#[test]
fn whatever_a_segment_says_who_attaches_gets_an_answer() {
    KINDS[..5].iter().for_each(|kind| meet_anything(kind));
}

#[test]
fn whatever_a_segment_of_what_nobody_owns_says_who_attaches_gets_an_answer() {
    KINDS[5..].iter().for_each(|kind| meet_anything(kind));
}

#[test]
fn whatever_happens_to_a_segment_who_waits_comes_back_in_time() {
    KINDS.iter().for_each(|kind| damage_under_waiters(kind));
}

#[test]
fn a_file_of_any_other_size_is_refused() {
    for kind in KINDS {
        let name = name("size");
        let sound = template(kind, &name);
        let long = [&sound[..], &[0; 70]].concat();
        let near = |size: usize| size.saturating_sub(3)..=size + 3;
        let sizes =
            (0..=200).chain(near(192 + 10 * 64)).chain(near(4_096)).chain(near(sound.len()));
        for size in sizes.chain([sound.len() + 64]) {
            if size == sound.len() || size > long.len() {
                continue;
            }
            fs::write(file_of(&name), &long[..size]).unwrap();
            for how in [How::Open, How::Create, How::Attach] {
                match Subject::get(kind, how, &name, false) {
                    Err(procsync::Error::Damaged { .. }) => {}
                    Err(error) => panic!("{kind}, {size} bytes: {error}"),
                    Ok(_) => panic!("{kind}: {size} bytes are taken for {}", sound.len()),
                }
            }
            assert!(procsync::inspect::show(&name, Scope::User).is_err());
            assert_eq!(fs::metadata(file_of(&name)).unwrap().len(), size as u64, "left alone");
        }
        fs::remove_file(file_of(&name)).unwrap();
        let _ = fs::remove_file(data_file_of(&name));
    }
}

/// Role: has an object open and uses it once more when it is told. Arguments: a kind, a name.
pub(crate) fn use_once_more(role: &mut Role) {
    let subject = Subject::get(role.argument(0), How::Attach, role.argument(1), true);
    let subject = subject.expect("it is there");
    let _ = subject.wait(MOMENT);
    role.say("open");
    role.hear();
    let _ = subject.wait(MOMENT);
    role.say("used");
}

/// What is promised of a file that is shortened under its users (which Windows refuses), and what is not: the user itself
/// may be ended by SIGBUS (see "What is known to be weak" in ARCHITECTURE.md). But it does not hang,
/// and nobody else comes to harm: the next one is told that the file is damaged.
#[test]
#[cfg(unix)]
fn a_file_shortened_under_its_user_ends_that_user_at_most() {
    for kind in KINDS.into_iter().filter(|kind| *kind != "memory") {
        let name = name("shortened");
        template(kind, &name);
        let mut user = Helper::start("use-once-more", &[kind, &name]);
        assert_eq!(user.hear(), "open");
        File::options().write(true).open(file_of(&name)).unwrap().set_len(0).unwrap();
        user.tell("go");
        let answer = user.hear_within(LIMIT / 2);
        if answer.is_none() {
            assert_eq!(user.ended_by(), Some(libc::SIGBUS), "{kind}");
        }
        for how in [How::Open, How::Create, How::Attach] {
            let Err(error) = Subject::get(kind, how, &name, false) else { panic!("{kind}") };
            assert!(error.to_string().contains("damaged"), "{kind}: {error}");
        }
        assert!(procsync::inspect::show(&name, Scope::User).is_err());
        drop(user);
        let removed = procsync::remove(&name, Scope::User).unwrap();
        assert_eq!(removed, Some(procsync::Removal::Done), "{kind}");
        drop(Subject::get(kind, How::Create, &name, false).expect("the name is free again"));
    }
}
