//! Walks one of procsync's hot paths a given number of times, and nothing else: `cargo xtask hotpaths` has the
//! instructions counted. A program apart from the benchmarks, so that they may change without moving the counts.

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::process::{self, ExitCode};

use procsync::raw::{HeaderMemory, RawMutex, RawSemaphore};
use procsync::{Event, Mutex, ReentrantMutex, Reset, Semaphore, TokenSemaphore};

type Outcome = Result<(), Box<dyn Error>>;

/// A name, and what walks that path so many times.
type Path = (&'static str, fn(u32) -> Outcome);

const PATHS: &[Path] = &[
    ("mutex lock + unlock", mutex),
    ("reentrant mutex lock + unlock", reentrant),
    ("permit acquire + release", permit),
    ("token post + wait", token),
    ("event is_set", event_is_set),
    ("event set + clear", event_set),
    ("raw mutex acquire + release", raw_mutex),
    ("raw semaphore post + wait", raw_semaphore),
];

/// The first path, made longer on purpose: the guard must notice.
const LONGER: Path = ("mutex lock + unlock, made longer on purpose", mutex_longer);

fn main() -> ExitCode {
    let done = match env::args().collect::<Vec<_>>().as_slice() {
        [_, list] if list == "--list" => list_paths(),
        [_, name, times] => walk(name, times),
        _ => Err("say --list, or the name of a path and how often to walk it".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if even that cannot be written.
            let _ = writeln!(io::stderr(), "hotpaths: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list_paths() -> Outcome {
    let mut stdout = io::stdout().lock();
    for (name, _) in PATHS {
        writeln!(stdout, "{name}")?;
    }
    Ok(())
}

fn walk(name: &str, times: &str) -> Outcome {
    let known = PATHS.iter().chain([&LONGER]).find(|path| path.0 == name);
    let (_, path) = known.ok_or_else(|| format!("no path is called {name:?}"))?;
    path(times.parse()?)
}

/// A name that only this process uses.
fn name() -> String {
    format!("procsync-hotpaths-{}", process::id())
}

fn mutex(times: u32) -> Outcome {
    let mutex = Mutex::<()>::create(&name())?;
    for _ in 0..times {
        drop(black_box(&mutex).lock()?);
    }
    Ok(())
}

fn mutex_longer(times: u32) -> Outcome {
    let mutex = Mutex::<()>::create(&name())?;
    for time in 0..times {
        drop(black_box(&mutex).lock()?);
        // A handful of instructions: about what a forgotten check would cost.
        for step in 0..3 {
            black_box(step + time);
        }
    }
    Ok(())
}

fn reentrant(times: u32) -> Outcome {
    let mutex = ReentrantMutex::create(&name())?;
    for _ in 0..times {
        drop(black_box(&mutex).lock()?);
    }
    Ok(())
}

fn permit(times: u32) -> Outcome {
    let semaphore = Semaphore::create(&name(), 1)?;
    for _ in 0..times {
        drop(black_box(&semaphore).acquire()?);
    }
    Ok(())
}

fn token(times: u32) -> Outcome {
    let tokens = TokenSemaphore::create(&name(), 0)?;
    for _ in 0..times {
        black_box(&tokens).post(1)?;
        black_box(&tokens).wait()?;
    }
    Ok(())
}

fn event_is_set(times: u32) -> Outcome {
    let event = Event::create(&name(), Reset::Manual)?;
    event.set()?;
    for _ in 0..times {
        if !black_box(&event).is_set() {
            return Err("the event is not set".into());
        }
    }
    Ok(())
}

fn event_set(times: u32) -> Outcome {
    let event = Event::create(&name(), Reset::Manual)?;
    for _ in 0..times {
        black_box(&event).set()?;
        black_box(&event).clear()?;
    }
    Ok(())
}

fn raw_mutex(times: u32) -> Outcome {
    let memory = HeaderMemory::new();
    let mutex = RawMutex::over(&memory, true)?;
    for _ in 0..times {
        black_box(&mutex).acquire()?;
        black_box(&mutex).release()?;
    }
    Ok(())
}

fn raw_semaphore(times: u32) -> Outcome {
    let memory = HeaderMemory::new();
    let semaphore = RawSemaphore::over(&memory, Some(0), true)?;
    for _ in 0..times {
        black_box(&semaphore).post1()?;
        black_box(&semaphore).wait();
    }
    Ok(())
}
