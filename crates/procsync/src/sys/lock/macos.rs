//! "The whole file" is one byte of it here, far behind its end.
//!
//! flock(2) cannot be used beside byte locks: on macOS both are in one list, and what is locked by
//! flock counts as locked to its last byte (flock(2), fcntl(2)). With the same open file as their
//! owner they even replace each other. So everybody who has an object open would stand in the way of
//! everybody's slots. One kind of lock on different bytes has no such trouble.

use super::{Whole, byte};
use std::fs::File;
use std::io;

/// No object is that big, and its byte's offset fits off_t.
const WHOLE: u64 = 1 << 62;

/// Locks the whole file without waiting, and drops the lock that this open file had before. False
/// if others stand in the way; then this open file has no lock at all any more.
pub(crate) fn lock_file(file: &File, how: Whole) -> io::Result<bool> {
    match how {
        // From exclusive to shared there is no moment without, and nobody can stand in the way.
        Whole::Shared => byte::set(file, libc::F_RDLCK.into(), WHOLE),
        Whole::Exclusive => {
            // First let go, as flock does: of two who have it shared and try to get it alone at the
            // same time, one should.
            unlock_file(file)?;
            byte::lock_byte(file, WHOLE)
        }
    }
}

/// Lets the whole file go, for every descriptor of this open file.
pub(crate) fn unlock_file(file: &File) -> io::Result<()> {
    byte::unlock_byte(file, WHOLE)
}
