//! Bytes by name.
#![allow(unsafe_code)] // pointers that C gives

use crate::boundary::{Outcome, bytes, bytes_mut, call, required};
use crate::failure::Failure;
use crate::handle::{self, Opaque};
use crate::options::{How, Settings, obtain, procsync_options};
use crate::removal;
use crate::status::procsync_status;
use procsync::SharedMemory;
use std::ffi::{CStr, c_char, c_void};

/// Memory that all processes share which know the name; other programs find it with
/// shm_open("/NAME").
pub struct procsync_shared_memory {
    _private: [u8; 0],
}

impl Opaque for procsync_shared_memory {
    type Object = SharedMemory;
    const TAG: u64 = u64::from_ne_bytes(*b"memory.\x01");
}

/// # Safety
/// As for the C functions that call it.
unsafe fn make(
    operation: &'static CStr,
    how: How,
    name: *const c_char,
    size: u64,
    options: *const procsync_options,
    memory: *mut *mut procsync_shared_memory,
) -> procsync_status {
    call(operation, || {
        let to = required(memory)?;
        // SAFETY: the C caller's promise.
        let settings = unsafe { Settings::of(options) }?;
        let options = settings.common(SharedMemory::options(size));
        // SAFETY: the C caller's promise.
        let memory = unsafe { obtain(&options, how, name) }?;
        let name = memory.name().to_owned();
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, &name, memory) };
        Ok(())
    })
}

/// Attaches to the memory of this name, which must have at least this size, or creates it with
/// exactly this size, full of zeros. Null options are the defaults. Close the handle with
/// procsync_shared_memory_close().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_shared_memory_open(
    name: *const c_char,
    size: u64,
    options: *const procsync_options,
    memory: *mut *mut procsync_shared_memory,
) -> procsync_status {
    let operation = c"procsync_shared_memory_open";
    // SAFETY: the C caller's promise.
    unsafe { make(operation, How::Open, name, size, options, memory) }
}

/// Creates the memory; PROCSYNC_ALREADY_EXISTS if it is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_shared_memory_create(
    name: *const c_char,
    size: u64,
    options: *const procsync_options,
    memory: *mut *mut procsync_shared_memory,
) -> procsync_status {
    let operation = c"procsync_shared_memory_create";
    // SAFETY: the C caller's promise.
    unsafe { make(operation, How::Create, name, size, options, memory) }
}

/// Attaches to the memory, whatever its size; PROCSYNC_NOT_FOUND if it is not there. With null
/// options it may also be one that another program made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_shared_memory_attach(
    name: *const c_char,
    options: *const procsync_options,
    memory: *mut *mut procsync_shared_memory,
) -> procsync_status {
    let operation = c"procsync_shared_memory_attach";
    if !options.is_null() {
        // SAFETY: the C caller's promise.
        return unsafe { make(operation, How::Attach, name, 0, options, memory) };
    }
    call(operation, || {
        let to = required(memory)?;
        // SAFETY: the C caller's promise.
        let memory = SharedMemory::attach(unsafe { crate::boundary::text(name) }?)?;
        let name = memory.name().to_owned();
        // SAFETY: the C caller's promise.
        unsafe { handle::give(to, &name, memory) };
        Ok(())
    })
}

/// Closes the handle; its address must not be used any more. Null is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_shared_memory_close(
    memory: *mut procsync_shared_memory,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::close(c"procsync_shared_memory_close", memory) }
}

/// Where the memory begins in this process: on a page boundary, readable and writable, for as long
/// as the handle. Others may change it at any time: use atomics, or a mutex.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_shared_memory_address(
    memory: *const procsync_shared_memory,
    address: *mut *mut c_void,
) -> procsync_status {
    let body = |memory: &SharedMemory| Ok(memory.as_ptr().cast::<c_void>());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_shared_memory_address", memory, address, body) }
}

/// Its size in bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_shared_memory_size(
    memory: *const procsync_shared_memory,
    size: *mut u64,
) -> procsync_status {
    let body = |memory: &SharedMemory| Ok(memory.size() as u64);
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_shared_memory_size", memory, size, body) }
}

/// Whether opening this handle created the memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_shared_memory_created(
    memory: *const procsync_shared_memory,
    created: *mut bool,
) -> procsync_status {
    let body = |memory: &SharedMemory| Ok(memory.created());
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_shared_memory_created", memory, created, body) }
}

/// How many processes have it open by this library, this one included. May be old when the answer
/// comes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_shared_memory_processes(
    memory: *const procsync_shared_memory,
    processes: *mut u32,
) -> procsync_status {
    let body = |memory: &SharedMemory| Ok(memory.attached_processes()?);
    // SAFETY: the C caller's promise.
    unsafe { handle::ask(c"procsync_shared_memory_processes", memory, processes, body) }
}

/// What the caller gives must not be the memory itself: copying is for bytes that nobody else
/// changes meanwhile.
fn apart(memory: &SharedMemory, place: *const u8, size: usize) -> Outcome {
    let (ours, theirs) = (memory.as_ptr() as usize, place as usize);
    if theirs < ours.saturating_add(memory.size()) && ours < theirs.saturating_add(size) {
        return Err(Failure::argument("the bytes lie in the shared memory itself"));
    }
    Ok(())
}

/// Copies `size` bytes from `offset` to `to`, which must not lie in the memory itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_shared_memory_read(
    memory: *const procsync_shared_memory,
    offset: u64,
    to: *mut c_void,
    size: usize,
) -> procsync_status {
    let read = |memory: &SharedMemory| {
        apart(memory, to.cast(), size)?;
        // SAFETY: the C caller's promise.
        let to = unsafe { bytes_mut(to.cast(), size) }?;
        Ok(memory.read(place(offset), to)?)
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_shared_memory_read", memory, read) }
}

/// Copies `size` bytes at `from`, which must not lie in the memory itself, to `offset`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_shared_memory_write(
    memory: *const procsync_shared_memory,
    offset: u64,
    from: *const c_void,
    size: usize,
) -> procsync_status {
    let write = |memory: &SharedMemory| {
        apart(memory, from.cast(), size)?;
        // SAFETY: the C caller's promise.
        let from = unsafe { bytes(from.cast(), size) }?;
        Ok(memory.write(place(offset), from)?)
    };
    // SAFETY: the C caller's promise.
    unsafe { handle::on(c"procsync_shared_memory_write", memory, write) }
}

/// What is beyond all memory is beyond the end of this one.
fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// The name without prefix, for as long as the handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_shared_memory_name(
    memory: *const procsync_shared_memory,
    name: *mut *const c_char,
) -> procsync_status {
    // SAFETY: the C caller's promise.
    unsafe { handle::name(c"procsync_shared_memory_name", memory, name) }
}

/// Ends the memory's existence; `removal` (or null) is told how: a procsync_removal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn procsync_shared_memory_remove(
    memory: *const procsync_shared_memory,
    removal: *mut i32,
) -> procsync_status {
    let operation = c"procsync_shared_memory_remove";
    // SAFETY: the C caller's promise.
    unsafe { removal::of(operation, memory, removal, SharedMemory::remove) }
}
