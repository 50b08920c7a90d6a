//! procsync.
