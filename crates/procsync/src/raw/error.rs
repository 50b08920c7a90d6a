//! What can go wrong with words in the caller's memory.

use std::time::Duration;

/// Why something in the caller's memory cannot be used, or an operation on it did not succeed.
///
/// The text of each says what was tried and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The memory is too small.
    #[error("a {what} needs {needed} bytes, but the memory has {got}; give it more")]
    TooSmall {
        /// What was to be placed there.
        what: &'static str,
        /// How many bytes that takes.
        needed: usize,
        /// How many there are.
        got: usize,
    },

    /// The memory begins at an address that no processor can treat atomically.
    #[error(
        "a {what} must begin at a multiple of {needed} bytes, but its address leaves a remainder of \
         {remainder}; move it"
    )]
    Misaligned {
        /// What was to be placed there.
        what: &'static str,
        /// Of what the address must be a multiple.
        needed: usize,
        /// What the address leaves when divided by that.
        remainder: usize,
    },

    /// Something else lies there, or nothing yet.
    #[error(
        "there is no {what} here: its magic number would be {expected:#010x} and not {found:#010x}{}",
        if *found == 0 {
            "; create one first, with an initial count"
        } else {
            "; write zeros over all 64 bytes if a new one is to begin here"
        }
    )]
    WrongMagic {
        /// What was expected there.
        what: &'static str,
        /// The magic number of that.
        expected: u32,
        /// The number found in its place.
        found: u32,
    },

    /// There is no magic number, but other bytes are in use.
    #[error(
        "neither a {what} nor room for one: there is no magic number, but the word at byte {offset} \
         is not zero; write zeros over all 64 bytes if a new one is to begin here"
    )]
    NotZero {
        /// What was to be created there.
        what: &'static str,
        /// Where the first byte group that is not zero begins.
        offset: usize,
    },

    /// Somebody else has begun to create it, and does not get on with it.
    #[error(
        "this {what} has been half made by somebody else for {} ms; if its maker died, write zeros \
         over all 64 bytes and create it again",
        waited.as_millis()
    )]
    HalfMade {
        /// What is being created there.
        what: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },

    /// The calling thread holds the mutex; waiting for itself would last for ever.
    #[error(
        "the calling thread (id {thread}) holds this raw mutex already and would wait for itself; \
         release it first"
    )]
    AlreadyOwned {
        /// The thread, as the system numbers it.
        thread: u32,
    },

    /// The calling process does not hold the mutex that it wants to release.
    #[error("this raw mutex cannot be released by a process that does not hold it: {}", held_by(*owner_pid))]
    NotOwner {
        /// Who says to hold it, as a process id; 0: nobody, or one that has not said so yet.
        owner_pid: u32,
    },

    /// The wait was not over in time.
    #[error("gave up waiting for the {what} after {} ms{}", waited.as_millis(), seen_last(*pid))]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// How long.
        waited: Duration,
        /// The process that holds the mutex, or that last took a token; 0: none is known.
        pid: u32,
    },

    /// The waiting thread was called away; see [`interruptible`](crate::interruptible).
    #[error("the wait for the {what} was interrupted after {} ms; nothing was acquired", waited.as_millis())]
    Interrupted {
        /// What was waited for.
        what: &'static str,
        /// How long.
        waited: Duration,
    },

    /// A count would pass what 32 bits can hold; it is unchanged.
    #[error(
        "the count of the {what} cannot grow by {count}: it would pass {}; nothing was changed, post \
         less",
        u32::MAX
    )]
    Overflow {
        /// What has the count.
        what: &'static str,
        /// How much was to be added.
        count: u32,
    },
}

fn held_by(pid: u32) -> String {
    if pid == 0 {
        "nobody holds it".to_owned()
    } else {
        format!("pid {pid} does; let that one release it, or use force_release if it died")
    }
}

fn seen_last(pid: u32) -> String {
    if pid == 0 { String::new() } else { format!("; pid {pid} had it last") }
}
