//! One of the processes of the demonstration.

use super::crew::{Message, now};
use super::{count_name, start_name};
use crate::cli;
use crate::exit::{Exit, Failure};
use procsync::{Error, Event, Mutex};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long it waits for the start before it looks whether its parent is still there.
const LOOK: Duration = Duration::from_millis(100);

pub(in crate::command) fn run(arguments: &cli::DemoWorker) -> Result<Exit, Failure> {
    let count = Mutex::<u64>::attach(&count_name(&arguments.prefix))?;
    let start = Event::attach(&start_name(&arguments.prefix))?;
    let parent = Parent::watch();
    say(&Message::Ready)?;
    wait_for(&start, &parent)?;

    let mut counted = 0;
    while counted < arguments.counts && !parent.is_gone() {
        let mut guard = count.lock()?;
        let told = match guard.abandoned() {
            Some(deceased) => Some(Message::Told { at: now()?, deceased: deceased.pid }),
            None => None,
        };
        let before = guard.get();
        if arguments.stop_after == Some(counted) {
            say(&Message::Inside { counted })?;
            // Here it is killed; or its parent is, and then it goes as it should.
            parent.wait_until_gone();
            break;
        }
        // Long enough that two who were inside at once would overwrite each other's counts.
        dawdle();
        guard.set(before + 1);
        drop(guard);
        counted += 1;
        if let Some(told) = told {
            say(&told)?;
        }
        dawdle();
    }
    say(&Message::Done { counted })?;
    Ok(Exit::Success)
}

fn wait_for(start: &Event, parent: &Parent) -> Result<(), Failure> {
    while !parent.is_gone() {
        match start.wait_timeout(LOOK) {
            Err(Error::TimedOut { .. }) => {}
            other => return Ok(other?),
        }
    }
    Ok(())
}

fn dawdle() {
    for _ in 0..32 {
        std::hint::spin_loop();
    }
}

fn say(message: &Message) -> Result<(), Failure> {
    // In one piece, and at once.
    let line = format!("{message}\n");
    let mut stdout = io::stdout();
    stdout.write_all(line.as_bytes())?;
    Ok(stdout.flush()?)
}

/// The process that started this one: gone when this one's standard input ends.
///
/// Workers that went on without it would be in nobody's interest, and they are who takes the
/// objects' names along if it was killed.
struct Parent {
    gone: Arc<AtomicBool>,
    watch: JoinHandle<()>,
}

impl Parent {
    fn watch() -> Parent {
        let gone = Arc::new(AtomicBool::new(false));
        let sees = Arc::clone(&gone);
        let watch = thread::spawn(move || {
            let mut nothing = [0];
            while matches!(io::stdin().read(&mut nothing), Ok(1)) {}
            // Relaxed: it orders nothing, it only has to arrive.
            sees.store(true, Ordering::Relaxed);
        });
        Parent { gone, watch }
    }

    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    fn wait_until_gone(self) {
        // It cannot panic, and if it did there would be nothing to wait for.
        let _ = self.watch.join();
    }
}
