//! `cargo xtask bench`: procsync and its peers, doing the same work.

use std::process::Command;

use crate::cargo::Workspace;
use crate::python;
use crate::sh;

/// What Python programs use. Each is installed by itself: one that cannot be had is left out, and the results say so.
const PYTHON_PEERS: [&str; 5] = ["posix_ipc", "fastipc", "filelock", "portalocker", "fasteners"];

/// The benchmarks with one peer more, which brings many crates along: a workspace of its own.
const WITH_ICEORYX2: &str = "crates/procsync-bench/iceoryx2/Cargo.toml";

/// Answers whether the benchmarks ran through; they say themselves what went wrong.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> bool {
    let (arguments, with) = without_with(arguments);
    let done = match (with.as_deref(), arguments.split_first()) {
        (None, Some((first, rest))) if first == "python" => run_python(workspace, rest),
        (None, _) => {
            let package = ["-p", "procsync-bench", "--features", "peers"];
            run_rust(workspace, &package, &arguments)
        }
        (Some("iceoryx2"), _) => {
            run_rust(workspace, &["--manifest-path", WITH_ICEORYX2], &arguments)
        }
        (Some(other), _) => Err(format!("--with {other}: only iceoryx2 is known")),
    };
    done.inspect_err(|error| eprintln!("xtask: {error}")).is_ok()
}

/// Takes `--with NAME` out of what the program itself is told.
fn without_with(arguments: &[String]) -> (Vec<String>, Option<String>) {
    let mut rest = arguments.to_vec();
    let Some(at) = rest.iter().position(|argument| argument == "--with") else {
        return (rest, None);
    };
    rest.remove(at);
    let name = if at < rest.len() { rest.remove(at) } else { "nothing".to_owned() };
    (rest, Some(name))
}

fn run_rust(workspace: &Workspace, which: &[&str], arguments: &[String]) -> Result<(), String> {
    let mut command = workspace.cargo(["run", "--release"].iter().chain(which).copied());
    // One place for what is built: the crates that both have are built once.
    command.env("CARGO_TARGET_DIR", workspace.target());
    sh::run(command.arg("--").args(arguments))
}

/// Makes a virtual environment with the peers and this tree's package, and runs the benchmarks there.
fn run_python(workspace: &Workspace, arguments: &[String]) -> Result<(), String> {
    let python =
        python::chosen().ok_or("no Python 3.9 or newer, as python3 or in PROCSYNC_PYTHON")?;
    let venv =
        python::with_this_package(workspace, &python, &workspace.target().join("bench-python"))?;
    for peer in PYTHON_PEERS {
        if let Err(error) = python::install(&venv, &[peer]) {
            eprintln!("xtask: {peer} cannot be installed and takes no part: {error}");
        }
    }
    let mut command = Command::new(python::python_of(&venv));
    command.current_dir(workspace.root()).args(["-B", "-m", "pybench"]).args(arguments);
    command.env("PYTHONPATH", workspace.root().join("crates/procsync-bench/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    sh::run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(arguments: &[&str]) -> Vec<String> {
        arguments.iter().map(|&argument| argument.to_owned()).collect()
    }

    #[test]
    fn with_is_for_us_and_the_rest_for_the_program() {
        let (rest, with) = without_with(&owned(&["pair", "--with", "iceoryx2", "--quick"]));
        assert_eq!((rest, with.as_deref()), (owned(&["pair", "--quick"]), Some("iceoryx2")));
        let (rest, with) = without_with(&owned(&["--with"]));
        assert_eq!((rest, with.as_deref()), (vec![], Some("nothing")));
        assert_eq!(without_with(&owned(&["pair"])), (owned(&["pair"]), None));
    }
}
