//! Systems whose named semaphores nobody has written for yet.

use super::{Incarnation, Origin, Presence, Refused, SystemName, Waited, Whose};

pub(crate) const LONGEST_NAME: usize = 251;
pub(crate) const MOST: u32 = i32::MAX as u32;

/// Nobody can make one.
#[derive(Debug)]
pub(crate) struct Semaphore(std::convert::Infallible);

const UNSUPPORTED: Refused = Refused { call: "opening a named semaphore", code: 0 };

pub(crate) fn system_name(bare: &str, _local: bool) -> SystemName {
    SystemName(bare.to_owned())
}

pub(crate) fn length_fault(_bare: &str, _local: bool) -> Option<String> {
    None
}

pub(crate) fn open(
    _name: &SystemName,
    _mode: u32,
    _initial: u32,
) -> Result<(Semaphore, Origin, Option<Incarnation>), Refused> {
    Err(UNSUPPORTED)
}

pub(crate) fn open_existing(
    _name: &SystemName,
) -> Result<(Semaphore, Option<Incarnation>), Refused> {
    Err(UNSUPPORTED)
}

pub(crate) fn unlink(_name: &SystemName) -> Result<(), Refused> {
    Err(UNSUPPORTED)
}

pub(crate) fn not_there(_error: &Refused) -> bool {
    false
}

pub(crate) fn owner(_name: &SystemName) -> Option<String> {
    None
}

pub(crate) fn presence(_name: &SystemName) -> Presence {
    Presence::Gone
}

/// Nothing tells one from another.
pub(crate) fn device() -> Option<u64> {
    None
}

/// A semaphore goes with its last user.
pub(crate) fn is_open_somewhere(_this: &Incarnation, _whose: Whose) -> bool {
    false
}

impl Semaphore {
    pub(crate) fn address(&self) -> usize {
        match self.0 {}
    }

    pub(crate) fn try_take(&self) -> Result<bool, Refused> {
        match self.0 {}
    }

    pub(crate) fn give(&self) -> Result<(), Refused> {
        match self.0 {}
    }

    pub(crate) fn value(&self) -> Option<u32> {
        match self.0 {}
    }

    pub(crate) fn take_until(&self, _until: u64) -> Result<Waited, Refused> {
        match self.0 {}
    }

    pub(crate) fn close(self) -> Result<(), Refused> {
        match self.0 {}
    }
}

pub(crate) fn name_of_code(_code: i32) -> &'static str {
    "unsupported"
}

pub(crate) fn advice(_error: &Refused) -> &'static str {
    "this system's named semaphores are not supported yet"
}
