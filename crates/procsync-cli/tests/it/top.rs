//! `procsync top` in a real terminal, by tmux.

use crate::native::Name;
use crate::support::{Knot, Place, eventually, has, skip};
use std::process::{Command, Stdio};

/// A terminal of its own in which procsync runs.
struct Screen<'a> {
    place: &'a Place,
}

impl<'a> Screen<'a> {
    /// Runs `procsync top` with these arguments in it.
    fn start(place: &'a Place, arguments: &str) -> Screen<'a> {
        let screen = Screen { place };
        let script =
            format!("{} top {arguments}; echo ended with $?; cat", env!("CARGO_BIN_EXE_procsync"));
        let size = ["-x", "160", "-y", "24"];
        let done = screen.tmux(&[&["new-session", "-d"], &size[..], &[&script]].concat());
        assert!(done.is_some(), "tmux starts");
        screen
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command("tmux");
        // A server of its own, which reads nobody's settings.
        command.args(["-u", "-f", "/dev/null", "-S", "terminal"]).args(arguments);
        command.env_remove("TMUX").env("TERM", "screen").env("SHELL", "/bin/sh");
        command
    }

    fn tmux(&self, arguments: &[&str]) -> Option<String> {
        let output = self.command(arguments).stdout(Stdio::piped()).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    fn press(&self, keys: &[&str]) {
        assert!(self.tmux(&[&["send-keys"], keys].concat()).is_some());
    }

    fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p"]).unwrap_or_default()
    }

    /// Waits until the screen is so.
    fn shows(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let mut text = String::new();
        eventually(what, || {
            text = self.text();
            is_so(&text)
        });
        text
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        let _ = self.command(&["kill-server"]).status();
    }
}

/// The first words of the lines below the head.
fn names(text: &str) -> Vec<&str> {
    let lines = text.lines().skip_while(|line| !line.starts_with("NAME")).skip(1);
    lines.map_while(|line| line.split_whitespace().next()).take_while(|word| *word != "q").collect()
}

#[test]
fn objects_holders_and_waiters_are_seen_sorted_filtered_and_left() {
    if !has("tmux") {
        let test = "objects_holders_and_waiters_are_seen_sorted_filtered_and_left";
        return skip(test, "no tmux");
    }
    let place = Place::new();
    place.run(&["create", "event", "ready"]);
    place.run(&["create", "mutex", "backup"]);
    let holder = place.hold(&[], "gpu0");
    let waiter = place.start(&["run", "gpu0", "--", "true"]);
    eventually("the waiter to be seen", || {
        place.look("gpu0").unwrap()["waiters"][0]["pid"] == waiter.pid()
    });
    let screen = Screen::start(&place, "--interval 0.1");
    let text = screen.shows("the objects", |text| names(text) == ["backup", "gpu0", "ready"]);
    assert!(text.starts_with("procsync   3 objects, 1 held, 1 waiting   by name\n"), "{text}");
    let line = text.lines().find(|line| line.starts_with("gpu0 ")).unwrap();
    for part in ["mutex", "held", &format!("pid {} (procsync run gpu0", holder.procsync.pid())] {
        assert!(line.contains(part), "{part} in {line}");
    }
    screen.press(&["s"]);
    screen.shows("the one with a waiter first", |text| {
        text.contains("by waiters") && names(text) == ["gpu0", "backup", "ready"]
    });
    screen.press(&["r"]);
    screen.shows("it last", |text| names(text) == ["ready", "backup", "gpu0"]);
    screen.press(&["/", "g", "p", "u", "Enter"]);
    screen
        .shows("only that one", |text| names(text) == ["gpu0"] && text.contains("only \"gpu\": 1"));
    screen.press(&["Enter"]);
    screen.shows("all about it", |text| {
        text.contains("room for      1024 participants")
            && text.contains(&format!("waiters       pid {}", waiter.pid()))
    });
    // What comes and goes is seen without a key.
    screen.press(&["Escape"]);
    screen.shows("the table again", |text| names(text) == ["gpu0"]);
    holder.let_go();
    screen.shows("it is gone", |text| names(text).is_empty() && text.contains("2 objects, 0 held"));
    screen.press(&["Escape"]);
    screen.shows("the others", |text| names(text).len() == 2);
    screen.press(&["q"]);
    screen.shows("the end, on the screen as it was before", |text| {
        text.starts_with("ended with 0\n")
    });
}

#[test]
fn rates_and_deadlocks_are_shown() {
    if !has("tmux") {
        return skip("rates_and_deadlocks_are_shown", "no tmux");
    }
    let place = Place::new();
    place.run(&["create", "mutex", "busy"]);
    let screen = Screen::start(&place, "--interval 0.2 --sort rate");
    let mut worker = place.command("sh");
    worker.args(["-c", "until [ -e stop ]; do $PROCSYNC run busy -- true; done"]);
    worker.env("PROCSYNC", env!("CARGO_BIN_EXE_procsync"));
    let mut worker = crate::support::Running::new(&mut worker);
    screen.shows("a rate", |text| {
        let line = text.lines().find(|line| line.starts_with("busy")).unwrap_or_default();
        // Name, kind, state, rate.
        line.split_whitespace()
            .nth(3)
            .is_some_and(|rate| rate.parse::<f64>().is_ok_and(|r| r > 0.0))
    });
    std::fs::write(place.file("stop"), "").unwrap();
    worker.end();
    let knot = Knot::tie(&place);
    let text = screen.shows("the deadlock", |text| text.contains("deadlock: pid "));
    let line = text.lines().find(|line| line.starts_with("deadlock: ")).unwrap();
    for part in ["-> its command -> pid ", " -> a -> pid ", " -> b -> pid "] {
        assert!(line.contains(part), "{part} in {line}");
    }
    drop(knot);
    screen.shows("that it is over", |text| !text.contains("deadlock: "));
    // From outside it is ended like any program, and leaves the terminal in order.
    let pid = screen.tmux(&["list-panes", "-F", "#{pane_pid}"]).unwrap();
    let children = format!("/proc/{0}/task/{0}/children", pid.trim());
    let children = std::fs::read_to_string(children).unwrap();
    crate::support::signal(children.trim().parse().unwrap(), libc::SIGTERM);
    screen.shows("the end", |text| text.starts_with("ended with 0\n"));
}

#[test]
fn it_ends_when_its_terminal_is_closed() {
    if !has("tmux") {
        return skip("it_ends_when_its_terminal_is_closed", "no tmux");
    }
    let place = Place::new();
    let screen = Screen::start(&place, "--interval 0.1");
    screen.shows("it is there", |text| text.contains("procsync"));
    let shell = screen.tmux(&["display-message", "-p", "#{pane_pid}"]).unwrap();
    let shell = shell.trim();
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    let top = children.split_whitespace().next().unwrap().to_owned();
    drop(screen);
    eventually("it has ended", || !std::path::Path::new(&format!("/proc/{top}")).exists());
}

#[test]
fn without_a_terminal_it_says_so() {
    let place = Place::new();
    let done = place.run(&["top"]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("top needs a terminal"), "{}", done.stderr);
}

#[test]
fn the_systems_own_semaphores_are_seen_beside_objects_of_their_name() {
    if !has("tmux") {
        let test = "the_systems_own_semaphores_are_seen_beside_objects_of_their_name";
        return skip(test, "no tmux");
    }
    let (place, name) = (Place::new(), Name::new("top"));
    place.run(&["create", "mutex", &name]);
    let holder = place.hold(&["--native"], &name);
    let screen = Screen::start(&place, "--interval 0.1");
    let text = screen.shows("both", |text| names(text) == [&*name, &*name]);
    let line = text.lines().find(|line| line.contains("native semaphore")).unwrap();
    for part in ["0 of 1 free", &format!("pid {} (procsync run", holder.procsync.pid())] {
        assert!(line.contains(part), "{part} in {line}");
    }
    screen.press(&["Down", "Enter"]);
    screen
        .shows("the details of the second", |text| text.contains("kind          native semaphore"));
}
