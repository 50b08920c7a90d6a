//! What the standard library has.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub(crate) fn monotonic() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    // Never 0, which elsewhere means "none".
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64 + 1
}

pub(crate) fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

pub(crate) fn wall_coarse() -> u64 {
    wall()
}
