//! One instance per name and thread.

use super::semaphore::Inner;
use super::{NativeName, NativeSemaphore};
use crate::error::{Error, Result};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Weak;

thread_local! {
    /// Not kept alive from here: an instance lives as long as one of its handles.
    /// By the system's name: `Local\\x` and `x` are one semaphore where the system has no such prefix.
    static INSTANCES: RefCell<HashMap<String, Weak<Inner>>> = RefCell::default();
}

/// The instance of this thread that is registered under this name, if there is one that still counts.
pub(super) fn find(name: &NativeName) -> Option<NativeSemaphore> {
    // Never borrowed while anything else runs: an observer may come back here.
    let name = name.system_name();
    let found =
        INSTANCES.try_with(|instances| instances.borrow().get(&name).and_then(Weak::upgrade));
    // What was closed is done with.
    found.ok().flatten().map(NativeSemaphore::from_inner).filter(|found| !found.status().closed)
}

/// Registers an instance. Registering it once more changes nothing.
pub(super) fn register(instance: &NativeSemaphore) -> Result<()> {
    if let Some(registered) = find(instance.native_name()) {
        if registered.is_same(instance) {
            return Ok(());
        }
        return Err(Error::NameTaken { object: instance.object() });
    }
    let exiting = |_| Error::ThreadExiting { object: instance.object() };
    INSTANCES
        .try_with(|instances| {
            let mut instances = instances.borrow_mut();
            instances.retain(|_, instance| instance.strong_count() > 0);
            instances.insert(instance.native_name().system_name(), instance.downgrade());
        })
        .map_err(exiting)
}
