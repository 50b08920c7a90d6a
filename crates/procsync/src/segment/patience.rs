//! Trying again for a while, where others may be in the way for a moment.

use crate::error::{Error, Result};
use crate::kind::Object;
use crate::sys::clock;
use std::time::Duration;

/// How long another process may hold the exclusive lock, or names may come and go, before this one
/// gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Until an attempt comes to something.
pub(super) fn repeat<T>(object: &Object, attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    repeat_for(PATIENCE, object, attempt)
}

fn repeat_for<T>(
    patience: Duration,
    object: &Object,
    mut attempt: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let began = clock::monotonic();
    let mut pause = Duration::from_micros(20);
    loop {
        // Before the attempt: that may take its time by itself, making a big file, or being stopped.
        let waited = Duration::from_nanos(clock::monotonic() - began);
        if let Some(done) = attempt()? {
            return Ok(done);
        }
        if waited > patience {
            return Err(Error::Busy { object: object.clone(), waited });
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    #[test]
    fn an_attempt_that_takes_long_by_itself_is_not_the_last_one() {
        let object = Object { kind: Kind::Mutex, name: "slow".to_owned() };
        let patience = Duration::from_millis(10);
        let mut attempts = 0;
        let done = repeat_for(patience, &object, || {
            attempts += 1;
            std::thread::sleep(3 * patience);
            Ok((attempts == 2).then_some(()))
        });
        done.expect("nobody was in its way");
        let never = repeat_for(patience, &object, || Ok(None::<()>));
        assert!(matches!(never, Err(Error::Busy { waited, .. }) if waited > patience));
    }
}
