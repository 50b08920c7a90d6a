//! Files that several processes map are not supported here yet.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

fn unsupported<T>() -> io::Result<T> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "named objects are not supported on this operating system yet",
    ))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileId;

impl FileId {
    pub(crate) fn to_record(self) -> [u64; 2] {
        [0; 2]
    }

    pub(crate) fn is_recorded(self, _record: [u64; 2]) -> bool {
        false
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct FileFacts {
    pub(crate) id: FileId,
    pub(crate) regular: bool,
    pub(crate) links: u64,
    pub(crate) size: u64,
    pub(crate) owner: u32,
    pub(crate) mode: u32,
}

pub(crate) fn facts(_file: &File) -> io::Result<FileFacts> {
    unsupported()
}

pub(crate) fn facts_at(_path: &Path) -> io::Result<FileFacts> {
    unsupported()
}

pub(crate) fn open(_path: &Path, _write: bool) -> io::Result<File> {
    unsupported()
}

#[derive(Debug)]
pub(crate) struct Unnamed {
    pub(crate) file: File,
    pub(crate) facts: FileFacts,
}

impl Unnamed {
    pub(crate) fn into_file(self) -> File {
        self.file
    }
}

pub(crate) fn read_at(_file: &File, _offset: u64, _bytes: &mut [u8]) -> io::Result<usize> {
    unsupported()
}

pub(crate) fn write_at(_file: &File, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
    unsupported()
}

pub(crate) fn create_unnamed(_directory: &Path, _mode: u32, _size: u64) -> io::Result<Unnamed> {
    unsupported()
}

pub(crate) fn link(_unnamed: &Unnamed, _path: &Path) -> io::Result<bool> {
    unsupported()
}

pub(crate) fn unlink(_path: &Path) -> io::Result<()> {
    unsupported()
}

pub(crate) const CAN_RESERVE_LATER: bool = true;

pub(crate) fn zero(_file: &File, _size: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn reserve(_file: &File, _offset: u64, _length: u64) -> io::Result<()> {
    unsupported()
}

#[derive(Debug)]
pub(crate) struct Mapping(std::convert::Infallible);

impl Mapping {
    pub(crate) fn new(_file: &File, _length: usize) -> io::Result<Mapping> {
        unsupported()
    }

    pub(crate) fn beyond(&self, _page: usize, _length: usize) -> io::Result<Mapping> {
        unsupported()
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        match self.0 {}
    }

    pub(crate) fn length(&self) -> usize {
        match self.0 {}
    }
}

pub(crate) fn make_private_directory(_path: &Path) -> io::Result<()> {
    unsupported()
}

pub(crate) fn private_directory_fault(_path: &Path, _user: u32) -> io::Result<Option<String>> {
    unsupported()
}

pub(crate) fn base_directory_fault(_path: &Path, _user: u32) -> io::Result<Option<String>> {
    unsupported()
}

pub(crate) fn base_directories(_machine_wide: bool) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    Ok(vec!["/tmp".into()])
}

pub(crate) fn memory_path(_segment: &Path, name: &str) -> PathBuf {
    Path::new("/tmp").join(name)
}

pub(crate) const FACTS_SHOW_ACCESS: bool = true;

pub(crate) fn same_path(one: &Path, other: &Path) -> bool {
    one == other
}

pub(crate) fn file_name(name: &str) -> String {
    name.to_owned()
}

pub(crate) fn name_in(file_name: &str) -> Option<String> {
    Some(file_name.to_owned())
}
