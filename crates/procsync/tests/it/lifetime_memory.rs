//! Shared memory whose own file goes, or comes, without its books.

use crate::support::{data_file_of, name};
use procsync::{Error, SharedMemory};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const SIZE: u64 = 4_096;

fn make_foreign(name: &str) {
    let path = data_file_of(name);
    fs::write(&path, [7; SIZE as usize]).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn memory_that_was_to_stay_and_whose_bytes_are_gone_is_made_anew() {
    for foreign in [true, false] {
        let name = name("bytes-gone");
        if foreign {
            make_foreign(&name);
        }
        let options = SharedMemory::options(SIZE).persistent(true);
        let memory = options.open(&name).unwrap();
        assert_eq!(memory.created(), !foreign);
        drop(memory);
        // By the other program, or because the machine was started anew and only the books lie on a
        // disk.
        fs::remove_file(data_file_of(&name)).unwrap();
        let gone = SharedMemory::attach(&name);
        assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
        drop(options.open(&name).unwrap());
        fs::remove_file(data_file_of(&name)).unwrap();
        let memory = options.create(&name).unwrap();
        assert!(memory.created());
        let _ = memory.remove().unwrap();
    }
}
