//! A toolchain that can build for other systems: one that has the standard library for them, or the
//! library's source to build it from.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::Workspace;
use crate::sh;

/// Where Linux distributions put theirs.
const SYSTEM: &str = "/usr/bin";
/// What Debian 12 calls a compiler that is new enough, with its source and its lints.
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy"];

/// A toolchain that can build for a target.
pub(crate) struct Toolchain {
    /// None: the one that runs this program.
    folder: Option<PathBuf>,
    /// Builds the standard library from its source.
    builds_std: bool,
    target: &'static str,
}

impl Toolchain {
    /// The first one that can, installed first if there is none and we may; else why there is none.
    pub(crate) fn for_target(target: &'static str) -> Result<Toolchain, String> {
        Toolchain::installed(target)
            .or_else(|| install(&PACKAGES).then(|| Toolchain::installed(target)).flatten())
            .ok_or_else(|| {
                format!(
                    "no compiler here has the standard library for {target}; `rustup target add \
                 {target}`, or on Debian 12 `apt-get install {}`",
                    PACKAGES.join(" ")
                )
            })
    }

    fn installed(target: &'static str) -> Option<Toolchain> {
        let own = root(Command::new("rustc"));
        let system = root(Command::new(Path::new(SYSTEM).join("rustc")));
        let has = |root: &Option<PathBuf>, part: String| {
            root.as_ref().is_some_and(|root| root.join("lib/rustlib").join(part).exists())
        };
        let source = || "src/rust/library/Cargo.lock".to_owned();
        let (folder, builds_std) = if has(&own, format!("{target}/lib")) {
            (None, false)
        } else if has(&own, source()) {
            (None, true)
        } else if has(&system, source()) {
            (Some(SYSTEM.into()), true)
        } else {
            return None;
        };
        Some(Toolchain { folder, builds_std, target })
    }

    /// Cargo's `verb` for the target. What it builds lies apart from what other toolchains build.
    pub(crate) fn cargo(&self, workspace: &Workspace, verb: &str) -> Command {
        let mut command = match &self.folder {
            None => workspace.cargo([verb]),
            Some(folder) => {
                // Cargo looks for subcommands on the PATH, where it would find another toolchain's.
                let program = if verb == "clippy" { "cargo-clippy" } else { "cargo" };
                let mut command = Command::new(folder.join(program));
                command.current_dir(workspace.root()).arg(verb);
                command.env("CARGO", folder.join("cargo")).env("RUSTC", folder.join("rustc"));
                command.env("RUSTDOC", folder.join("rustdoc"));
                // Set by rustup for the toolchain that runs this program.
                command.env_remove("RUSTUP_TOOLCHAIN").env_remove("LD_LIBRARY_PATH");
                command
            }
        };
        command.env("CARGO_TARGET_DIR", workspace.target().join("cross"));
        if self.builds_std {
            // Building the standard library is not promised to stable compilers. Nothing of this
            // project uses what else this opens.
            command.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std");
        }
        command.args(["--target", self.target]);
        command
    }

    /// Whether it has lints.
    pub(crate) fn has_clippy(&self) -> bool {
        match &self.folder {
            None => true,
            Some(folder) => folder.join("clippy-driver").exists(),
        }
    }
}

/// Where a compiler keeps its libraries.
fn root(mut compiler: Command) -> Option<PathBuf> {
    let output = compiler.args(["--print", "sysroot"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().into())
}

/// Installs packages from a Debian system's own, if we may; answers whether all are there now.
pub(crate) fn install(packages: &[&str]) -> bool {
    let user = Command::new("id").arg("-u").output();
    let is_root = user.is_ok_and(|user| user.stdout.trim_ascii() == b"0");
    if !is_root || !sh::answers(Command::new("apt-get").arg("--version")) {
        return false;
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        sh::run(&mut command).is_ok()
    };
    let with = ["install", "-y", "-q", "--no-install-recommends"];
    apt(&["update", "-q"]) && apt(&with.iter().chain(packages).copied().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_toolchain_is_called_by_its_path_and_builds_apart() {
        let workspace = Workspace::find().unwrap();
        let folder = Some(PathBuf::from("/opt/other/bin"));
        let toolchain = Toolchain { folder, builds_std: true, target: "some-target" };
        let command = toolchain.cargo(&workspace, "clippy");
        assert_eq!(command.get_program(), "/opt/other/bin/cargo-clippy");
        let arguments: Vec<_> = command.get_args().collect();
        assert_eq!(arguments, ["clippy", "-Zbuild-std", "--target", "some-target"]);
        let value = |wanted: &str| {
            command.get_envs().find(|(name, _)| *name == wanted).and_then(|(_, value)| value)
        };
        assert_eq!(value("RUSTC").unwrap(), "/opt/other/bin/rustc");
        assert_eq!(value("CARGO_TARGET_DIR").unwrap(), workspace.target().join("cross"));
    }
}
