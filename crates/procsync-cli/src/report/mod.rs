//! What was seen, for people and for programs.

pub(crate) mod details;
pub(crate) mod json;
pub(crate) mod person;
pub(crate) mod table;

use procsync::inspect::Snapshot;

/// An object, or why it cannot be shown.
pub(crate) struct Row {
    pub(crate) scope: &'static str,
    pub(crate) looked: procsync::Result<Snapshot>,
}
