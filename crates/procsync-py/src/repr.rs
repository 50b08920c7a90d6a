//! How objects show themselves: as those of `threading` do, and with their names.

use procsync::Participant;
use pyo3::prelude::*;

/// `<locked procsync.Lock object 'gpu0', held by pid 812 (train.py), at 0x7f…>`
pub(crate) fn lock<T>(
    object: &Bound<'_, T>,
    state: &str,
    name: &str,
    more: &str,
) -> PyResult<String> {
    let class = class_name(object)?;
    Ok(format!("<{state} {class} object '{name}'{more} at {}>", address(object)))
}

/// `<procsync.Event at 0x7f… 'ready': unset>`
pub(crate) fn other<T>(object: &Bound<'_, T>, name: &str, state: &str) -> PyResult<String> {
    let class = class_name(object)?;
    Ok(format!("<{class} at {} '{name}': {state}>", address(object)))
}

pub(crate) fn owner(owner: Option<Participant>) -> String {
    let Some(owner) = owner else { return String::new() };
    let thread = if owner.tid == 0 { String::new() } else { format!(", thread {}", owner.tid) };
    let command =
        if owner.command.is_empty() { String::new() } else { format!(" ({})", owner.command) };
    format!(" held by pid {}{thread}{command}", owner.pid)
}

fn class_name<T>(object: &Bound<'_, T>) -> PyResult<String> {
    let class = object.as_any().get_type();
    Ok(format!("{}.{}", class.module()?, class.qualname()?))
}

fn address<T>(object: &Bound<'_, T>) -> String {
    format!("{:#x}", object.as_ptr().addr())
}
