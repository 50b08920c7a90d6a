//! Other languages, by the shared library as it is, taking turns with each other and the command
//! line.

use crate::toolbox::{Linked, Place, command_line, compile, crate_folder, has, run};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// What the example needs, as npm knows it.
const KOFFI: &str = "koffi@3.3.4";

fn example(file: &str) -> PathBuf {
    crate_folder().join("examples").join(file)
}

/// Where npm has put koffi: outside the source tree.
fn node_modules() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("koffi");
        std::fs::create_dir_all(&folder).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(&folder).arg(KOFFI);
        run(&mut npm).succeeded();
        folder.join("node_modules")
    })
}

fn python(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.command("python3");
    command.arg(example("ctypes_example.py")).args(arguments);
    command
}

fn node(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.command("node");
    command.env("NODE_PATH", node_modules()).arg(example("koffi_example.js")).args(arguments);
    command
}

#[test]
fn python_by_ctypes() {
    if !has("languages::python_by_ctypes", "python3") {
        return;
    }
    let done = run(&mut python(&Place::new(), &[])).succeeded();
    assert!(done.stdout.ends_with("\nok\n"), "{}", done.stdout);
}

#[test]
fn node_by_koffi() {
    let test = "languages::node_by_koffi";
    if !has(test, "node") || !has(test, "npm") {
        return;
    }
    let done = run(&mut node(&Place::new(), &[])).succeeded();
    assert!(done.stdout.ends_with("\nok\n"), "{}", done.stdout);
}

/// One who can hold a mutex and try to take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    C,
    Python,
    Node,
    CommandLine,
}

struct Turns {
    place: Place,
    c: PathBuf,
}

impl Turns {
    fn new() -> Turns {
        let place = Place::new();
        let source = crate_folder().join("tests/c/turns.c");
        let c = compile(&place, &source, Linked::Shared, &[]);
        Turns { place, c }
    }

    fn program(&self, who: Who, arguments: &[&str]) -> Command {
        match who {
            Who::C => {
                let mut command = self.place.command(&self.c);
                command.args(arguments);
                command
            }
            Who::Python => python(&self.place, arguments),
            Who::Node => node(&self.place, arguments),
            Who::CommandLine => {
                let mut command = self.place.command(command_line());
                command.args(arguments);
                command
            }
        }
    }

    /// Starts one who holds it; when this returns, it is held.
    fn hold(&self, who: Who, name: &str) -> Holder {
        let command = match who {
            Who::CommandLine => {
                let script = "echo held; exec cat >/dev/null";
                self.program(who, &["run", name, "--", "sh", "-c", script])
            }
            _ => self.program(who, &["hold", name]),
        };
        Holder::start(command, "held\n")
    }

    /// Starts one who has it open, so that it outlives those that are killed.
    fn open(&self, name: &str) -> Holder {
        Holder::start(self.program(Who::C, &["open", name]), "open\n")
    }

    /// What one says who tries to take it.
    fn try_it(&self, who: Who, name: &str) -> String {
        if who != Who::CommandLine {
            return run(&mut self.program(who, &["try", name])).succeeded().stdout;
        }
        let done = run(&mut self.program(who, &["run", "--try", name, "--", "echo", "got it"]));
        if done.status.code() == Some(75) { "not to be had\n".to_owned() } else { done.stdout }
    }
}

struct Holder(Child);

impl Holder {
    /// Starts a program and waits until it has said so.
    fn start(mut command: Command, word: &str) -> Holder {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = Holder(command.spawn().unwrap());
        let mut line = String::new();
        let output = holder.0.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(line, word, "{command:?}");
        holder
    }

    /// Lets it end in good order.
    fn let_go(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }

    fn kill(mut self) -> u32 {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        self.0.id()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Those that can be tried here.
fn all(test: &str) -> Vec<Who> {
    let mut all = vec![Who::C, Who::CommandLine];
    if has(test, "python3") {
        all.push(Who::Python);
    }
    if has(test, "node") && has(test, "npm") {
        all.push(Who::Node);
    }
    all
}

#[test]
fn who_holds_keeps_everybody_else_out_in_whatever_language() {
    let all = all("languages::who_holds_keeps_everybody_else_out_in_whatever_language");
    let turns = Turns::new();
    for &holding in &all {
        let name = format!("turns-{holding:?}");
        let holder = turns.hold(holding, &name);
        for &trying in &all {
            assert_eq!(turns.try_it(trying, &name), "not to be had\n", "{holding:?} {trying:?}");
        }
        holder.let_go();
        for &trying in &all {
            assert_eq!(turns.try_it(trying, &name), "got it\n", "{holding:?} {trying:?}");
        }
    }
}

#[test]
fn who_is_killed_is_replaced_and_told_of_in_whatever_language() {
    let all = all("languages::who_is_killed_is_replaced_and_told_of_in_whatever_language");
    let turns = Turns::new();
    // The command that the command line runs keeps the lock, so it is not killed here.
    let tell = |who: &&Who| **who != Who::CommandLine;
    for &killed in all.iter().filter(tell) {
        for &next in all.iter().filter(tell) {
            let name = format!("killed-{killed:?}-{next:?}");
            let bystander = turns.open(&name);
            let pid = turns.hold(killed, &name).kill();
            let expected = format!("got it from {pid}, which died\n");
            assert_eq!(turns.try_it(next, &name), expected, "{killed:?} {next:?}");
            bystander.let_go();
        }
    }
}

#[test]
fn the_command_line_shows_who_holds_from_c() {
    let turns = Turns::new();
    let holder = turns.hold(Who::C, "shown");
    let done = run(&mut turns.program(Who::CommandLine, &["ls", "--json"])).succeeded();
    let pid = format!("\"pid\":{}", holder.0.id());
    let text: String = done.stdout.split_whitespace().collect();
    assert!(text.contains("\"shown\"") && text.contains(&pid), "{text}");
    holder.let_go();
}
