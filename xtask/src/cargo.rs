//! What Cargo knows about this workspace, and how it is called.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The flag that swaps the raw layer's atomics for loom's.
pub(crate) const LOOM: [&str; 2] = ["--cfg", "loom"];

/// Where everything is.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    has_integration_tests: bool,
}

impl Workspace {
    /// Asks Cargo, which alone knows every way in which the target directory can be set.
    pub(crate) fn find() -> Result<Workspace, String> {
        let output = Command::new(program())
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cannot run cargo: {error}"))?;
        if !output.status.success() {
            return Err(format!("cargo metadata: {}", output.status));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("cargo metadata: {error}"))?;
        Workspace::from_metadata(&metadata).ok_or_else(|| "cargo metadata: fields missing".into())
    }

    fn from_metadata(metadata: &Value) -> Option<Workspace> {
        let has_integration_tests = metadata["packages"]
            .as_array()?
            .iter()
            .filter_map(|package| package["targets"].as_array())
            .flatten()
            .filter_map(|target| target["kind"].as_array())
            .flatten()
            .any(|kind| kind == "test");
        Some(Workspace {
            root: metadata["workspace_root"].as_str()?.into(),
            target: metadata["target_directory"].as_str()?.into(),
            has_integration_tests,
        })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Whether some package has a `tests` folder. Cargo refuses `--test '*'` if none has.
    pub(crate) fn has_integration_tests(&self) -> bool {
        self.has_integration_tests
    }

    /// Cargo, at the root of the workspace.
    pub(crate) fn cargo<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(program());
        command.current_dir(&self.root).args(arguments);
        if env::var_os("CARGO_TARGET_DIR").is_some() {
            // It may be relative to where this program was called.
            command.env("CARGO_TARGET_DIR", &self.target);
        }
        command
    }

    /// Cargo with loom's atomics. In a target directory of its own, for another flag for the
    /// compiler means building everything anew, and back again.
    pub(crate) fn cargo_with_loom<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Command {
        let mut command = self.cargo(arguments);
        add_flags(&mut command, "RUSTFLAGS", &LOOM);
        command.env("CARGO_TARGET_DIR", self.target.join("loom"));
        command
    }
}

/// The Cargo that runs this program, so that `cargo +nightly xtask` means nightly throughout.
fn program() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// Adds to the flags that the environment gives already. `variable` is `RUSTFLAGS` or
/// `RUSTDOCFLAGS`; Cargo ignores either if its `CARGO_ENCODED_` form is set.
pub(crate) fn add_flags(command: &mut Command, variable: &str, flags: &[&str]) {
    let encoded = format!("CARGO_ENCODED_{variable}");
    if let Ok(present) = env::var(&encoded) {
        command.env(encoded, joined(Some(present), flags, "\x1f"));
    } else {
        command.env(variable, joined(env::var(variable).ok(), flags, " "));
    }
}

fn joined(present: Option<String>, flags: &[&str], separator: &str) -> String {
    let present = present.filter(|present| !present.is_empty());
    present
        .into_iter()
        .chain(flags.iter().map(|&flag| flag.into()))
        .collect::<Vec<_>>()
        .join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(kind: &str) -> Value {
        json!({
            "packages": [{"targets": [{"kind": ["lib"]}, {"kind": [kind]}]}],
            "workspace_root": "/somewhere",
            "target_directory": "/elsewhere/target",
        })
    }

    #[test]
    fn integration_tests_are_found_in_the_metadata() {
        assert!(Workspace::from_metadata(&metadata("test")).unwrap().has_integration_tests());
        assert!(!Workspace::from_metadata(&metadata("bin")).unwrap().has_integration_tests());
    }

    #[test]
    fn metadata_without_the_fields_is_refused() {
        assert!(Workspace::from_metadata(&json!({"packages": []})).is_none());
    }

    #[test]
    fn flags_are_added_to_those_that_are_there() {
        assert_eq!(joined(None, &LOOM, " "), "--cfg loom");
        assert_eq!(joined(Some(String::new()), &LOOM, " "), "--cfg loom");
        assert_eq!(joined(Some("-C debuginfo=0".into()), &LOOM, " "), "-C debuginfo=0 --cfg loom");
    }

    #[test]
    fn the_models_are_built_apart_from_everything_else() {
        let workspace = Workspace::from_metadata(&metadata("bin")).unwrap();
        let command = workspace.cargo_with_loom(["test"]);
        let target = command.get_envs().find(|(name, _)| *name == "CARGO_TARGET_DIR");
        let expected = Path::new("/elsewhere/target").join("loom");
        assert_eq!(target.unwrap().1.unwrap(), expected.as_os_str());
    }
}
