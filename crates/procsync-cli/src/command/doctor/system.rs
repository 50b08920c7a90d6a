//! What is wrong with the system as procsync meets it.

use super::Finding;
use super::Severity::{Note, Problem, Warning};
use crate::report::person;
use crate::sys::{self, FileSystem};
use procsync::Scope;
use procsync::inspect;
use std::fs;
use std::path::{Path, PathBuf};

const MIB: u64 = 1 << 20;

pub(super) fn look(objects: usize) -> Vec<Finding> {
    let given = std::env::var_os("PROCSYNC_DIR").filter(|path| !path.is_empty());
    let own = given.is_some();
    let mut found = Vec::new();
    let usual = || match sys::USUAL_DIRECTORY {
        Some(path) => Ok(PathBuf::from(path)),
        None => inspect::directory(Scope::Machine { mode: 0o600 }),
    };
    let directory = match given.map_or_else(usual, |path| Ok(PathBuf::from(path))) {
        Ok(directory) => directory,
        // Already told by who looked for objects.
        Err(_) => return found,
    };
    match sys::file_system(&directory) {
        Ok(system) => found.extend(space(&directory, &system)),
        Err(error) => {
            let text = format!("{}: {error}", directory.display());
            let advice = if own {
                "make the directory that PROCSYNC_DIR names, of mode 700 and your own"
            } else {
                "objects lie in /tmp instead, and so must those of all other programs; mount a \
                 tmpfs on /dev/shm, or set PROCSYNC_DIR for all of them"
            };
            let severity = if own { Problem } else { Warning };
            found.push(Finding::new(severity, "directory", text, advice));
        }
    }
    if !own {
        let booted = Path::new("/run/systemd/system").is_dir();
        let user = sys::user();
        found.extend(remove_ipc(Path::new("/"), booted, user, &person::user(user)));
    }
    found.extend(files(objects));
    if let Some(text) = sys::silent_about_deaths() {
        let advice = "life words cannot be used: that a holder died is noticed by looking, within \
                      some 5 ms";
        found.push(Finding::new(Note, "life-word", text, advice));
    }
    found
}

fn space(directory: &Path, system: &FileSystem) -> Vec<Finding> {
    let at = directory.display();
    let mut found = Vec::new();
    if system.is_remote {
        let text = format!("{at} lies on another machine's disk");
        let advice = "locks between machines are not what procsync does, and files there may lock \
                      nothing: use a local directory";
        found.push(Finding::new(Problem, "remote", text, advice));
    }
    let (free, all) = (system.free / MIB, system.total / MIB);
    // What has no limit says 0.
    if system.total > 0 {
        if system.free < MIB {
            let text = format!("{at} is full");
            let advice = format!(
                "no object can be made: `ls -lS {at}` shows what fills it; remove what is not \
                 needed, or set PROCSYNC_DIR"
            );
            found.push(Finding::new(Problem, "full", text, advice));
        } else if system.free < 16 * MIB && system.free < system.total / 10 {
            let text = format!("{at} is nearly full: {free} of {all} MiB are free");
            let advice = format!("`ls -lS {at}` shows what fills it");
            found.push(Finding::new(Warning, "full", text, advice));
        }
        if system.total <= 64 * MIB {
            let text = format!("{at} has {all} MiB in all, as containers do by default");
            let advice = "each object takes 4 KiB or more, and shared memory takes its size; \
                          `docker run --shm-size` or `mount -o remount,size=` gives more";
            found.push(Finding::new(Note, "tiny", text, advice));
        }
    }
    if system.files > 0 && system.files_free < 100 {
        let text = format!("{at} has room for {} more files", system.files_free);
        let advice = format!("`mount -o remount,nr_inodes=` gives more; `ls {at}` shows them");
        found.push(Finding::new(Warning, "full", text, advice));
    }
    found
}

/// Users below this number are the system's own, and logind leaves their files alone.
const FIRST_USER: u32 = 1_000;

/// Whether logind deletes a user's objects at the last logout. `root`: where the settings are.
fn remove_ipc(root: &Path, booted_by_systemd: bool, user: u32, name: &str) -> Option<Finding> {
    if !booted_by_systemd || user < FIRST_USER {
        return None;
    }
    if root.join("var/lib/systemd/linger").join(name).exists() {
        return None;
    }
    let mut files = vec![root.join("etc/systemd/logind.conf")];
    // Later ones win, by the names of the files whatever the directory (systemd's logind.conf(5)).
    let mut more: Vec<_> = ["usr/lib", "run", "etc"]
        .iter()
        .filter_map(|place| fs::read_dir(root.join(place).join("systemd/logind.conf.d")).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
        .collect();
    more.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
    files.extend(more);
    let mut removes = true;
    for text in files.iter().filter_map(|file| fs::read_to_string(file).ok()) {
        let settings = text.lines().filter_map(|line| line.split_once('='));
        for (_, value) in settings.filter(|(key, _)| key.trim() == "RemoveIPC") {
            let value = value.trim().to_ascii_lowercase();
            removes = matches!(value.as_str(), "" | "yes" | "true" | "on" | "1" | "y" | "t");
        }
    }
    removes.then(|| {
        let text = format!(
            "systemd deletes what {name} has in /dev/shm at the last logout (RemoveIPC=yes)"
        );
        let advice = format!(
            "for what runs on without a login: `loginctl enable-linger {name}`, or RemoveIPC=no in \
             /etc/systemd/logind.conf, or a system user"
        );
        Finding::new(Warning, "remove-ipc", text, advice)
    })
}

fn files(objects: usize) -> Option<Finding> {
    /// A process that uses every object, with some of its own.
    const OWN: u64 = 64;
    let limit = sys::file_limit()?;
    let wanted = objects as u64 + OWN;
    (limit < wanted).then(|| {
        let text = format!("a process may open {limit} files, and there are {objects} objects");
        let advice = "a process needs one open file for each object that it uses: `ulimit -n` \
                      raises the limit";
        Finding::new(Warning, "files", text, advice)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_logind_deletes_is_known_by_its_settings() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        let warns = |booted, user| remove_ipc(root.path(), booted, user, "somebody").is_some();
        assert!(warns(true, 1_000), "it is the default");
        assert!(!warns(false, 1_000), "no systemd");
        assert!(!warns(true, 0) && !warns(true, 999), "the system's own users");
        fs::create_dir_all(path("etc/systemd/logind.conf.d")).unwrap();
        fs::create_dir_all(path("usr/lib/systemd/logind.conf.d")).unwrap();
        fs::write(path("etc/systemd/logind.conf"), "[Login]\n#RemoveIPC=yes\n").unwrap();
        assert!(warns(true, 1_000));
        fs::write(path("etc/systemd/logind.conf"), "[Login]\nRemoveIPC=no\n").unwrap();
        assert!(!warns(true, 1_000));
        fs::write(path("usr/lib/systemd/logind.conf.d/20-a.conf"), "RemoveIPC=yes").unwrap();
        assert!(warns(true, 1_000), "a later one wins");
        fs::write(path("etc/systemd/logind.conf.d/10-b.conf"), "RemoveIPC=no").unwrap();
        assert!(warns(true, 1_000), "an earlier one does not");
        fs::write(path("etc/systemd/logind.conf.d/30-c.conf"), "RemoveIPC=yes").unwrap();
        fs::write(path("etc/systemd/logind.conf.d/40-d.conf"), " RemoveIPC = off").unwrap();
        assert!(!warns(true, 1_000));
        fs::remove_file(path("etc/systemd/logind.conf.d/40-d.conf")).unwrap();
        assert!(warns(true, 1_000));
        fs::create_dir_all(path("var/lib/systemd/linger")).unwrap();
        fs::write(path("var/lib/systemd/linger/somebody"), "").unwrap();
        assert!(!warns(true, 1_000), "it lingers");
    }

    #[test]
    fn space_is_told_before_it_is_gone() {
        let plenty = FileSystem {
            total: 1 << 33,
            free: 1 << 32,
            files: 1 << 20,
            files_free: 1 << 19,
            is_remote: false,
        };
        let checks = |system: FileSystem| -> Vec<_> {
            space(Path::new("/x"), &system).iter().map(|one| (one.severity, one.check)).collect()
        };
        assert_eq!(checks(FileSystem { ..plenty }), []);
        assert_eq!(checks(FileSystem { free: 10, ..plenty }), [(Problem, "full")]);
        assert_eq!(checks(FileSystem { free: 9 * MIB, ..plenty }), [(Warning, "full")]);
        assert_eq!(
            checks(FileSystem { total: 64 * MIB, free: 60 * MIB, ..plenty }),
            [(Note, "tiny")]
        );
        assert_eq!(checks(FileSystem { files_free: 3, ..plenty }), [(Warning, "full")]);
        assert_eq!(checks(FileSystem { is_remote: true, ..plenty }), [(Problem, "remote")]);
        let unlimited = FileSystem { total: 0, free: 0, files: 0, files_free: 0, ..plenty };
        assert_eq!(checks(unlimited), []);
    }
}
