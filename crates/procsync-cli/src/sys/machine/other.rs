//! Systems on which the library has no objects.

use super::FileSystem;
use std::io;
use std::path::Path;
use std::time::Duration;

pub(crate) const USUAL_DIRECTORY: Option<&str> = None;

pub(crate) fn monotonic() -> io::Result<Duration> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn call_this(_name: &std::ffi::CStr) {}

pub(crate) fn user_name(_user: u32) -> Option<String> {
    None
}

pub(crate) fn user() -> u32 {
    0
}

pub(crate) fn mode_of(_path: &Path) -> Option<u32> {
    None
}

pub(crate) fn file_system(_path: &Path) -> io::Result<FileSystem> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn file_limit() -> Option<u64> {
    None
}

pub(crate) fn silent_about_deaths() -> Option<&'static str> {
    None
}

/// The file in which the system keeps a semaphore: none.
pub(crate) fn semaphore_file(_name: &str) -> Option<String> {
    None
}

/// Waits for input from the terminal, at most this long.
pub(crate) fn wait_for_input(patience: std::time::Duration) -> super::Input {
    match ratatui::crossterm::event::poll(patience) {
        Ok(_) => super::Input::Perhaps,
        Err(_) => super::Input::Gone,
    }
}
