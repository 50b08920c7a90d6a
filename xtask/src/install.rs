//! `cargo xtask install --prefix DIR`: libprocsync for C, as a package would put it there.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::cargo::Workspace;
use crate::report::Step;
use crate::sh;

/// What a program needs besides when it is linked with the static library: as `rustc --print
/// native-static-libs` says for Linux and glibc.
const STATIC_LIBRARIES: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

pub(crate) fn run(workspace: &Workspace, prefix: &Path) -> Step {
    Step::new("install", install(workspace, prefix))
}

fn install(workspace: &Workspace, prefix: &Path) -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Err("only for Linux as yet".to_owned());
    }
    sh::run(&mut workspace.cargo(["build", "--release", "--locked", "-p", "procsync-c"]))?;
    let prefix = std::path::absolute(prefix).map_err(|error| error.to_string())?;
    let built = workspace.target().join("release");
    let sources = workspace.root().join("crates/procsync-c/include");
    copy_all(&prefix, &built, &sources, env!("CARGO_PKG_VERSION"))
        .map_err(|error| format!("{}: {error}", prefix.display()))?;
    eprintln!("installed in {}", prefix.display());
    Ok(())
}

/// All crates have the workspace's version.
fn copy_all(prefix: &Path, built: &Path, sources: &Path, version: &str) -> io::Result<()> {
    let (library, include) = (prefix.join("lib"), prefix.join("include"));
    let packages = library.join("pkgconfig");
    fs::create_dir_all(&packages)?;
    fs::create_dir_all(&include)?;
    for header in ["procsync.h", "procsync.hpp"] {
        replace(&sources.join(header), &include.join(header))?;
    }
    replace(&built.join("libprocsync.a"), &library.join("libprocsync.a"))?;
    let shared = format!("libprocsync.so.{version}");
    replace(&built.join("libprocsync.so"), &library.join(&shared))?;
    let major = version.split('.').next().unwrap_or(version);
    // The first is what programs look for when they start, the second what the linker does.
    for link in [format!("libprocsync.so.{major}"), "libprocsync.so".to_owned()] {
        let link = library.join(link);
        remove(&link)?;
        symlink(&shared, link)?;
    }
    fs::write(packages.join("procsync.pc"), package(prefix, version))
}

/// Not over what is there: programs that run may have it mapped.
fn replace(from: &Path, to: &PathBuf) -> io::Result<()> {
    remove(to)?;
    fs::copy(from, to)?;
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn package(prefix: &Path, version: &str) -> String {
    format!(
        "prefix={}\n\
         libdir=${{prefix}}/lib\n\
         includedir=${{prefix}}/include\n\
         \n\
         Name: procsync\n\
         Description: Locks, semaphores, events and shared memory by name, between processes\n\
         Version: {version}\n\
         Cflags: -I${{includedir}}\n\
         Libs: -L${{libdir}} -lprocsync\n\
         Libs.private: {STATIC_LIBRARIES}\n",
        prefix.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_installed_twice_and_links_lead_to_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let (built, prefix) = (folder.path().join("built"), folder.path().join("prefix"));
        fs::create_dir(&built).unwrap();
        for file in ["libprocsync.a", "libprocsync.so", "procsync.h", "procsync.hpp"] {
            fs::write(built.join(file), file).unwrap();
        }
        copy_all(&prefix, &built, &built, "1.2.3").unwrap();
        fs::write(built.join("libprocsync.so"), "newer").unwrap();
        copy_all(&prefix, &built, &built, "1.3.0").unwrap();
        for link in ["libprocsync.so", "libprocsync.so.1", "libprocsync.so.1.3.0"] {
            assert_eq!(fs::read_to_string(prefix.join("lib").join(link)).unwrap(), "newer");
        }
        let package = fs::read_to_string(prefix.join("lib/pkgconfig/procsync.pc")).unwrap();
        assert!(package.contains("Version: 1.3.0\n"), "{package}");
        assert!(package.starts_with(&format!("prefix={}\n", prefix.display())), "{package}");
    }
}
