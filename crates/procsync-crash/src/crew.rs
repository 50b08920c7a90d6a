//! The processes around one point, and what they have to agree on.

use crate::actor::Actor;
use crate::object::Kind;
use crate::victim::Victim;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a check finds: nothing, or what is wrong.
pub(crate) type Outcome = Result<(), String>;

/// Promised is 100 ms; a machine that is busy with other things takes its time.
const IN_TIME: Duration = Duration::from_secs(2);

/// Two processes that know the object, and now and then a third one that dies.
pub(crate) struct Crew {
    pub(crate) a: Actor,
    pub(crate) b: Actor,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    base: PathBuf,
    corpse: Option<Actor>,
    b_is_stopped: bool,
    /// The pid of the one who died before the victim, if one did.
    pub(crate) dead: u32,
    /// Whether the victim slept at this point, so that what was to happen then has happened.
    pub(crate) slept: bool,
    /// Whether a native semaphore's unit was gone with the victim, and nobody could tell.
    pub(crate) doubtful: bool,
    /// Whether the operation was done at this point.
    pub(crate) ended: bool,
    /// Counts the points, so that a check can do one thing at one and another at the next.
    pub(crate) turn: u64,
    since: Instant,
    /// The longest time in which somebody who waited was let in.
    pub(crate) slowest: Duration,
}

impl Crew {
    pub(crate) fn new(base: &Path, kind: Kind, name: String) -> Result<Crew, String> {
        Ok(Crew {
            a: Actor::start()?,
            b: Actor::start()?,
            kind,
            name,
            base: base.to_owned(),
            corpse: None,
            b_is_stopped: false,
            dead: 0,
            slept: false,
            doubtful: false,
            ended: false,
            turn: 0,
            since: Instant::now(),
            slowest: Duration::ZERO,
        })
    }

    pub(crate) fn open_order(&self) -> String {
        format!("open {} {}", self.kind.as_str(), self.name)
    }

    pub(crate) fn open_a(&mut self) -> Outcome {
        self.a.expect(&self.open_order(), "open")
    }

    pub(crate) fn open_b(&mut self) -> Outcome {
        self.b.expect(&self.open_order(), "open")
    }

    pub(crate) fn open_both(&mut self) -> Outcome {
        self.open_a()?;
        self.open_b()
    }

    /// Has B wait for so many, and waits until it sleeps (or is in).
    pub(crate) fn b_waits(&mut self, many: u32) -> Outcome {
        self.b.tell(&format!("hold {many} 6000"))?;
        self.b.settle()
    }

    /// Has B wait behind the victim. It must not get in by itself while the victim goes on at a
    /// thousandth of its speed, so it is stopped; but every other time it is not: for it not to
    /// notice that the victim dies of the very wake-up that would have been B's.
    pub(crate) fn b_waits_behind(&mut self) -> Outcome {
        self.b_waits(if self.kind == Kind::Permits { 3 } else { 1 })?;
        if self.turn.is_multiple_of(2) {
            self.stop_b();
        }
        Ok(())
    }

    /// Until the victim is killed.
    pub(crate) fn stop_b(&mut self) {
        self.b.signal(libc::SIGSTOP);
        self.b_is_stopped = true;
    }

    /// A third process opens the object, holds so many, and can die any time.
    pub(crate) fn holds_and_can_die(&mut self, many: u32) -> Outcome {
        let mut corpse = Actor::start()?;
        corpse.expect(&self.open_order(), "open")?;
        if many > 0 {
            corpse.expect(&format!("hold {many} 2000"), "held 0")?;
        }
        self.corpse = Some(corpse);
        Ok(())
    }

    /// It dies.
    pub(crate) fn dies(&mut self) {
        self.dead = self.corpse.take().map_or(0, |corpse| corpse.pid());
    }

    /// Kills the victim. From now on time counts.
    pub(crate) fn kill(&mut self, victim: &mut Victim) {
        victim.kill();
        if std::mem::take(&mut self.b_is_stopped) {
            self.b.signal(libc::SIGCONT);
        }
        self.time_counts();
    }

    pub(crate) fn time_counts(&mut self) {
        self.since = Instant::now();
    }

    /// B's answer to the wait that it was told, which must come in time.
    pub(crate) fn b_is_let_in(&mut self) -> Result<String, String> {
        let answer = self.b.hear()?;
        let took = self.since.elapsed();
        self.slowest = self.slowest.max(took);
        if took > IN_TIME {
            return Err(format!("who waited was let in after {took:.1?} only: {answer}"));
        }
        if !answer.starts_with("held ") {
            return Err(format!("who waited was not let in: {answer}"));
        }
        Ok(answer)
    }

    /// B is let in, and told of either of these deaths (0: of none).
    pub(crate) fn b_is_told(&mut self, dead: [u32; 2]) -> Outcome {
        let answer = self.b_is_let_in()?;
        if dead.iter().any(|pid| answer == format!("held {pid}")) {
            return Ok(());
        }
        Err(format!("who waited heard {answer:?}, and one of {dead:?} died or let go"))
    }

    /// B, which holds it all, holds it alone; and after it let go it is free and nobody died.
    pub(crate) fn b_is_alone_then_it_is_free(&mut self) -> Outcome {
        self.a.expect("try", "busy")?;
        self.b.expect("release", "released")?;
        self.a.expect("try", "held 0")?;
        self.a.expect("release", "released")
    }

    /// What A counts.
    pub(crate) fn count(&mut self) -> Result<u64, String> {
        let answer = self.a.ask("count")?;
        answer.parse().map_err(|_| format!("\"count\" was answered by {answer:?}"))
    }

    /// No file of the object is left, nor any other.
    pub(crate) fn nothing_is_left(&self) -> Outcome {
        let data = Path::new("/dev/shm").join(&self.name);
        let mut left: Vec<PathBuf> = data.exists().then_some(data).into_iter().collect();
        for entry in std::fs::read_dir(&self.base).map_err(|error| error.to_string())? {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.is_dir() {
                let files = std::fs::read_dir(&path).map_err(|error| error.to_string())?;
                left.extend(files.filter_map(|file| Some(file.ok()?.path())));
            } else {
                left.push(path);
            }
        }
        if left.is_empty() { Ok(()) } else { Err(format!("left behind: {left:?}")) }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // The two are killed with the object open, and leave it behind.
        let _ = std::fs::remove_file(Path::new("/dev/shm").join(&self.name));
        for entry in std::fs::read_dir(&self.base).into_iter().flatten().flatten() {
            let _ = std::fs::remove_file(entry.path().join(&self.name));
        }
        if self.kind == Kind::Native {
            let _ = procsync::native::unlink(&self.name, procsync::Scope::User);
            let _ = procsync::inspect::reap(procsync::Scope::User);
        }
    }
}
