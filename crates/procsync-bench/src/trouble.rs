//! Why a measurement gives no figures, and the user's wish to stop.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Why a measurement gives no figures.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The user asked to stop: everything ends.
    Interrupted,
    /// This contender failed: it gets a row that says so, and the others go on.
    Failed(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Trouble::Failed(error.to_string())
    }
}

static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on the first Ctrl-C (or SIGTERM) only asks to stop, so that what was created is removed on the way out. The
/// second one ends the program at once.
pub(crate) fn catch_interrupts() -> io::Result<()> {
    let stop = STOP.get_or_init(Default::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // In this order: the first signal finds the flag unset, and only then sets it.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(stop))?;
        signal_hook::flag::register(signal, Arc::clone(stop))?;
    }
    Ok(())
}

/// [`Trouble::Interrupted`] once the user has asked to stop.
pub(crate) fn check_interrupt() -> Result<(), Trouble> {
    match STOP.get() {
        Some(stop) if stop.load(Ordering::Relaxed) => Err(Trouble::Interrupted),
        _ => Ok(()),
    }
}

/// Sleeps, and gives up at once when the user asks to stop.
pub(crate) fn sleep(duration: Duration) -> Result<(), Trouble> {
    let end = Instant::now() + duration;
    loop {
        check_interrupt()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

/// Looks every half millisecond until `done` says yes. False if `patience` ran out first.
pub(crate) fn poll(
    patience: Duration,
    mut done: impl FnMut() -> Result<bool, Trouble>,
) -> Result<bool, Trouble> {
    let end = Instant::now() + patience;
    loop {
        check_interrupt()?;
        if done()? {
            return Ok(true);
        }
        if Instant::now() >= end {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_micros(500));
    }
}
