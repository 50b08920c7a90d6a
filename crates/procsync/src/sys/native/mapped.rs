//! Who has a semaphore open, asked of the kernel: its file is mapped.

use super::{Incarnation, Whose};
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

/// Whether the calling process has this file mapped.
pub(super) fn is_ours(this: &Incarnation) -> bool {
    maps(Path::new("/proc/self/maps"), this).unwrap_or(false)
}

/// Whether any process that can be seen has the semaphore open; true also if that cannot be told. Reads the
/// maps of all processes, so it takes its time.
pub(crate) fn is_open_somewhere(this: &Incarnation, whose: Whose) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return true };
    let mut seen = 0;
    for process in processes.flatten() {
        let name = process.file_name();
        if !name.to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit())) {
            continue;
        }
        seen += 1;
        match maps(&process.path().join("maps"), this) {
            Ok(false) => {}
            Ok(true) => return true,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                // The first process of all began with a program of its own, and has nothing by a fork.
                let is_first = name == "1";
                if !is_first && (whose == Whose::Everybodys || may_be_ours(&process.path())) {
                    return true;
                }
            }
            // It has ended meanwhile.
            Err(_) => {}
        }
    }
    seen == 0
}

/// By number, and device or kind of name: what a mapping says of the device is not what `stat` says on every
/// file system.
fn maps(path: &Path, this: &Incarnation) -> std::io::Result<bool> {
    let number = this.number.to_string();
    let device = format!("{:02x}:{:02x}", libc::major(this.device), libc::minor(this.device));
    let mut maps = BufReader::new(std::fs::File::open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if maps.by_ref().take(1 << 16).read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
        // address, rights, offset, device, number, path
        let mut fields = line.split(|byte| *byte == b' ').filter(|field| !field.is_empty()).skip(3);
        let is_there = fields.next() == Some(device.as_bytes());
        if fields.next().is_some_and(|field| field.trim_ascii() == number.as_bytes())
            && (is_there || line.windows(5).any(|part| part == b"/sem."))
        {
            return Ok(true);
        }
    }
}

/// Whether a process runs for this user.
fn may_be_ours(process: &Path) -> bool {
    let Ok(status) = std::fs::read_to_string(process.join("status")) else { return false };
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let user = crate::sys::process::user().to_string();
    uids.is_none_or(|uids| uids.split_whitespace().any(|uid| uid == user))
}
