//! `procsync jobserver`: with real builds, several at once, killed.

use crate::support::{Place, Running, eventually, has, signal, signal_group, skip};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// What a job does: it writes down when it begins and ends, and for whom it works.
const JOB: &str = "echo + $BUILD $$ $(date +%s.%N) >>$LOG; sleep $LENGTH; \
                   echo - $BUILD $$ $(date +%s.%N) >>$LOG";

/// Prepares a directory with a makefile of so many jobs.
fn makefile(place: &Place, jobs: usize) {
    let targets: Vec<_> = (0..jobs).map(|number| format!("job{number}")).collect();
    // With a sub-make, half of them in it.
    let (first, second) = targets.split_at(jobs / 2);
    let text = format!(
        "all: {} below\nbelow:\n\t@+$(MAKE) --no-print-directory inner\ninner: {}\n\
         job%:\n\t@{}\n",
        first.join(" "),
        second.join(" "),
        JOB.replace('$', "$$")
    );
    fs::write(place.file("Makefile"), text).unwrap();
}

/// A client of the fifo style, as make 4.4 is: it takes a token for each job beyond the first.
fn fifo_client(place: &Place, jobs: usize) {
    let text = format!(
        "fifo=${{MAKEFLAGS##*fifo:}}; fifo=${{fifo%% *}}\n\
         (for n in $(seq {beyond}); do\n\
           dd if=$fifo bs=1 count=1 of=/dev/null 2>/dev/null || exit 1\n\
           (sh -c \"$JOB\"; printf + >$fifo) &\n\
         done; wait) &\n\
         for n in $(seq {own}); do sh -c \"$JOB\"; done\n\
         wait\n",
        own = jobs / 3,
        beyond = jobs - jobs / 3,
    );
    fs::write(place.file("client"), text).unwrap();
}

/// A build under a job server, in a process group of its own.
fn build(place: &Place, name: &str, options: &[&str], command: &[&str]) -> Command {
    let mut arguments = vec!["jobserver", "pool"];
    arguments.extend(options);
    arguments.push("--");
    arguments.extend(command);
    let mut build = place.procsync(&arguments);
    build
        .env("BUILD", name)
        .env("LOG", place.file("log"))
        .env("LENGTH", "0.1")
        .env("JOB", JOB)
        .env("TMPDIR", place.file(""))
        .process_group(0);
    build
}

/// A GNU make that knows the named pipe: 4.4 or newer.
fn newer_make() -> Option<String> {
    let named = std::env::var("PROCSYNC_TEST_MAKE").ok();
    let candidates = named.into_iter().chain(["make".to_owned()]);
    candidates.into_iter().find(|make| {
        let output = Command::new(make).arg("--version").output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let version = text.ok().and_then(|text| {
            let version = text.strip_prefix("GNU Make ")?.split_whitespace().next()?.to_owned();
            let (major, minor) = version.split_once('.')?;
            let minor = minor.split('.').next()?;
            Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
        });
        version.is_some_and(|version| version >= (4, 4))
    })
}

/// What the jobs wrote down, in the order in which it happened.
struct Event {
    begins: bool,
    build: String,
    at: f64,
}

fn events(place: &Place) -> Vec<Event> {
    let event = |line: &String| {
        let words: Vec<_> = line.split(' ').collect();
        let at = words.get(3).map_or(0.0, |at| at.parse().unwrap());
        Event { begins: words[0] == "+", build: words[1].to_owned(), at }
    };
    let lines = place.lines("log");
    lines.iter().filter(|line| !line.starts_with('x')).map(event).collect()
}

/// How many jobs ran at once at the most. A line `x BUILD` says that all of that build is about to
/// be killed.
fn most_at_once(place: &Place) -> usize {
    let mut running: Vec<String> = Vec::new();
    let mut most = 0;
    for line in place.lines("log") {
        let words: Vec<_> = line.split(' ').collect();
        match words[0] {
            "+" => running.push(format!("{} {}", words[1], words[2])),
            "-" => running.retain(|one| *one != format!("{} {}", words[1], words[2])),
            _ => running.retain(|one| !one.starts_with(&format!("{} ", words[1]))),
        }
        most = most.max(running.len());
    }
    most
}

fn temporary(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.file("")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("procsync-jobserver")).collect()
}

#[test]
fn make_gets_its_slots_and_its_status_is_passed_through() {
    if !has("make") {
        return skip("make_gets_its_slots_and_its_status_is_passed_through", "no make");
    }
    let place = Place::new();
    makefile(&place, 16);
    let mut make = Running::new(&mut build(&place, "a", &["--permits", "4"], &["make"]));
    assert_eq!(make.end().code(), Some(0));
    let events = events(&place);
    assert_eq!(events.iter().filter(|event| event.begins).count(), 16);
    assert_eq!(events.len(), 32);
    assert_eq!(most_at_once(&place), 4, "{:?}", place.lines("log"));
    assert_eq!((place.files(), temporary(&place)), (vec![], vec![]), "nothing is left");

    fs::write(place.file("Makefile"), "all:\n\tfalse\n").unwrap();
    let mut failing = Running::new(&mut build(&place, "a", &["--permits", "2"], &["make"]));
    assert_eq!(failing.end().code(), Some(2));
    let done = place.run(&["jobserver", "pool", "--permits", "2", "--", "no-such-command"]);
    assert_eq!(done.code, Some(127));
}

#[test]
fn a_newer_make_gets_its_slots_in_both_styles() {
    let Some(make) = newer_make() else {
        let why = "no GNU make 4.4 or newer; PROCSYNC_TEST_MAKE can name one";
        return skip("a_newer_make_gets_its_slots_in_both_styles", why);
    };
    let place = Place::new();
    makefile(&place, 20);
    // Together in one pool, and each with a sub-make.
    let mut all: Vec<_> = ["pipe", "fifo"]
        .iter()
        .map(|style| {
            let options = ["--permits", "4", "--style", style];
            Running::new(&mut build(&place, style, &options, &[&make]))
        })
        .collect();
    for one in &mut all {
        assert_eq!(one.end().code(), Some(0));
    }
    assert_eq!(events(&place).len(), 80);
    assert_eq!(most_at_once(&place), 4, "{:?}", place.lines("log"));
}

/// Several builds at once, of both styles.
#[test]
fn builds_share_one_pool_and_use_all_of_it() {
    let test = "builds_share_one_pool_and_use_all_of_it";
    if !has("make") {
        return skip(test, "no make");
    }
    let place = Place::new();
    makefile(&place, 20);
    fifo_client(&place, 20);
    let permits = ["--permits", "4"];
    let fifo = ["--permits", "4", "--style", "fifo"];
    let mut all = [
        Running::new(build(&place, "a", &permits, &["make"]).env("LENGTH", "0.2")),
        Running::new(build(&place, "b", &permits, &["make"]).env("LENGTH", "0.2")),
        Running::new(build(&place, "c", &fifo, &["sh", "./client"]).env("LENGTH", "0.2")),
    ];
    for one in &mut all {
        assert!(one.end().success());
    }
    let events = events(&place);
    assert_eq!(events.len(), 120, "every job ran, once");
    assert_eq!(most_at_once(&place), 4, "{:?}", place.lines("log"));
    // From when it is in full swing until the last job has begun, most slots are in use. What is
    // missing is the time that it takes to begin a job, which is long on a busy machine.
    let begins: Vec<f64> = events.iter().filter(|one| one.begins).map(|one| one.at).collect();
    let (from, to) = (begins[4], begins[begins.len() - 1]);
    let mut sorted: Vec<_> = events.iter().map(|one| (one.at, one.begins)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut running, mut area, mut last) = (0.0, 0.0, from);
    for (at, begins) in sorted {
        let until = at.clamp(from, to);
        area += running * (until - last).max(0.0);
        last = last.max(until);
        running += if begins { 1.0 } else { -1.0 };
    }
    let average = area / (to - from);
    assert!(average > 2.0, "only {average:.2} of 4 slots were in use on the average");
}

#[test]
fn a_slot_that_one_build_does_not_use_comes_round_to_another() {
    if !has("make") {
        return skip("a_slot_that_one_build_does_not_use_comes_round_to_another", "no make");
    }
    let place = Place::new();
    // One build in a part that cannot be split, which lasts as long as it takes.
    let serial = "until [ -e enough ]; do sleep 0.01; done";
    let mut busy =
        Running::new(&mut build(&place, "a", &["--permits", "3"], &["sh", "-c", serial]));
    eventually("it has its slot, and offers the next", || {
        place.look("pool").is_some_and(|pool| pool["holders"].as_array().unwrap().len() >= 2)
    });
    // The other one gets no further unless two of its jobs run at once.
    let meet = "all: one two\none two:\n\t@>in.$@; \
                until [ -e in.one ] && [ -e in.two ]; do sleep 0.01; done\n";
    fs::write(place.file("Makefile"), meet).unwrap();
    let mut other = Running::new(&mut build(&place, "b", &["--permits", "3"], &["make"]));
    assert!(other.end().success());
    fs::write(place.file("enough"), "").unwrap();
    assert!(busy.end().success());
}

#[test]
fn a_build_that_is_killed_gives_its_slots_to_the_others_at_once() {
    if !has("make") {
        return skip("a_build_that_is_killed_gives_its_slots_to_the_others_at_once", "no make");
    }
    let place = Place::new();
    makefile(&place, 8);
    let permits = ["--permits", "4"];
    let mut first = Running::new(build(&place, "a", &permits, &["make"]).env("LENGTH", "60"));
    eventually("all slots are in use", || events(&place).len() == 4);
    assert_eq!(temporary(&place), [""; 0], "whoever is killed now leaves nothing");
    let mut second = Running::new(&mut build(&place, "b", &permits, &["make"]));
    std::thread::sleep(Duration::from_millis(100));
    assert!(events(&place).iter().all(|one| one.build == "a"), "there is no slot for it");
    signal_group(first.pid(), libc::SIGKILL);
    let killed = Instant::now();
    first.end();
    eventually("the other one to begin", || events(&place).iter().any(|one| one.build == "b"));
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    assert!(second.end().success());
    let of_b = events(&place).iter().filter(|one| one.build == "b" && one.begins).count();
    assert_eq!(of_b, 8);
}

#[test]
fn if_only_the_server_is_killed_the_slots_stay_with_the_build_until_it_ends() {
    let place = Place::new();
    let script = "dd if=${MAKEFLAGS##*fifo:} bs=1 count=1 of=/dev/null 2>/dev/null; >taken; \
                  until [ -e enough ]; do sleep 0.01; done; >ended";
    let options = ["--permits", "3", "--style", "fifo"];
    let mut server = Running::new(&mut build(&place, "a", &options, &["sh", "-c", script]));
    eventually("it has a second slot", || place.file("taken").exists());
    signal(server.pid(), libc::SIGKILL);
    server.end();
    let pool = place.look("pool").unwrap();
    let holders = pool["holders"].as_array().unwrap();
    assert!(holders.len() >= 2, "{pool}");
    assert!(holders.iter().all(|one| one["dead"] == false), "{pool}");
    fs::write(place.file("enough"), "").unwrap();
    eventually("the build to end", || place.file("ended").exists());
    eventually("its slots to be free", || {
        place.run(&["run", "-n", "--permits", "3", "pool", "--", "true"]).code == Some(0)
            && place.look("pool").is_none_or(|pool| pool["state"]["available"] == 3)
    });
}

#[test]
fn tokens_that_were_lost_are_replaced() {
    let place = Place::new();
    // Two are taken by processes that end without giving them back. There are no more: the third
    // one can only be had when it is noticed.
    let script = "fifo=${MAKEFLAGS##*fifo:}; \
        take() { dd if=$fifo bs=1 count=1 of=/dev/null 2>/dev/null; }; \
        take; take; >lost; take; take; >replaced; until [ -e enough ]; do sleep 0.01; done";
    let options = ["--permits", "3", "--style", "fifo", "--verbose"];
    let mut command = build(&place, "a", &options, &["sh", "-c", script]);
    command.stderr(fs::File::create(place.file("said")).unwrap());
    let mut server = Running::new(&mut command);
    eventually("two are lost", || place.file("lost").exists());
    assert!(!place.file("replaced").exists());
    eventually("they are replaced", || place.file("replaced").exists());
    // Still only three permits of the pool.
    let pool = place.look("pool").unwrap();
    assert_eq!(pool["state"]["capacity"], 3);
    assert!(place.lines("said").iter().any(|line| line.contains("replaced ")));
    fs::write(place.file("enough"), "").unwrap();
    assert!(server.end().success());
}

#[test]
fn what_a_killed_sub_make_had_comes_back_to_the_build() {
    if !has("make") {
        return skip("what_a_killed_sub_make_had_comes_back_to_the_build", "no make");
    }
    let place = Place::new();
    // The sub-make has all slots. It is killed, and so are its jobs: nobody gives their tokens back.
    // What comes after it gets no further unless three run at once.
    let text = "all: sub one two three\n\
        sub:\n\t-@+$(MAKE) inner\n\
        inner: a b c d\n\
        a b c d:\n\t@echo $$PPID >make.$@; echo $$$$ >job.$@; sleep 300\n\
        one two three: sub\n\t@>in.$@; \
        until [ -e in.one ] && [ -e in.two ] && [ -e in.three ]; do sleep 0.01; done\n";
    fs::write(place.file("Makefile"), text).unwrap();
    let mut make = Running::new(&mut build(&place, "a", &["--permits", "4"], &["make"]));
    let number = |file: &str| place.lines(file).first().and_then(|line| line.parse::<u32>().ok());
    let jobs = ["job.a", "job.b", "job.c", "job.d"];
    eventually("all four to run", || jobs.iter().all(|job| number(job).is_some()));
    signal(number("make.a").unwrap(), libc::SIGKILL);
    for job in jobs {
        signal(number(job).unwrap(), libc::SIGKILL);
    }
    assert_eq!(make.end().code(), Some(0), "that the sub-make failed is ignored");
    assert!(place.file("in.three").exists());
}

#[test]
fn a_token_that_a_process_may_still_use_is_not_replaced() {
    let place = Place::new();
    // One process that has the pipe open and took a token: it may well be at work.
    let script = "exec 9<>${MAKEFLAGS##*fifo:}; dd bs=1 count=1 of=/dev/null 2>/dev/null <&9; \
        >taken; sleep 4.5; >waited; until [ -e enough ]; do sleep 0.01; done";
    let options = ["--permits", "2", "--style", "fifo", "--verbose"];
    let mut command = build(&place, "a", &options, &["sh", "-c", script]);
    command.stderr(fs::File::create(place.file("said")).unwrap());
    let mut server = Running::new(&mut command);
    eventually("it took one and waited", || place.file("waited").exists());
    assert!(!place.lines("said").iter().any(|line| line.contains("replaced")));
    fs::write(place.file("enough"), "").unwrap();
    assert!(server.end().success());
}

#[test]
fn tokens_that_nobody_gave_are_taken_away() {
    let place = Place::new();
    fifo_client(&place, 12);
    // A client that puts what it never took.
    let script = "fifo=${MAKEFLAGS##*fifo:}; printf +++++ >${fifo%% *}; exec sh ./client";
    let options = ["--permits", "3", "--style", "fifo"];
    let mut server = Running::new(&mut build(&place, "a", &options, &["sh", "-c", script]));
    assert!(server.end().success());
    assert_eq!(events(&place).len(), 24);
    // Some may be taken before they are taken away; but they do not stay.
    let last = events(&place).len() - 8;
    let mut running: usize = 0;
    let counts: Vec<usize> = events(&place)
        .iter()
        .map(|one| {
            running = if one.begins { running + 1 } else { running - 1 };
            running
        })
        .collect();
    assert!(counts[last..].iter().all(|count| *count <= 3), "{counts:?}");
}

/// Makes a package with crates that do not depend on each other, and a wrapper of the compiler that
/// writes down when it runs.
fn cargo_project(place: &Place, crates: usize) -> bool {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let works = Command::new(&cargo).arg("--version").output();
    if !works.is_ok_and(|output| output.status.success()) {
        return false;
    }
    let members: Vec<_> = (0..crates).map(|number| format!("\"c{number}\"")).collect();
    let top = format!("[workspace]\nresolver = \"2\"\nmembers = [{}]\n", members.join(", "));
    fs::create_dir_all(place.file("crates")).unwrap();
    fs::write(place.file("crates/Cargo.toml"), top).unwrap();
    for number in 0..crates {
        let directory = place.file(&format!("crates/c{number}"));
        fs::create_dir_all(directory.join("src")).unwrap();
        let manifest =
            format!("[package]\nname = \"c{number}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
        fs::write(directory.join("Cargo.toml"), manifest).unwrap();
        fs::write(directory.join("src/lib.rs"), "pub fn f() {}\n").unwrap();
    }
    let wrapper = "#!/bin/sh\ncase \"$*\" in *--crate-name\\ c[0-9]*) ;; *) exec \"$@\";; esac\n\
        echo + $BUILD $$ $(date +%s.%N) >>$LOG\nsleep 0.05\n\"$@\"\ncode=$?\n\
        echo - $BUILD $$ $(date +%s.%N) >>$LOG\nexit $code\n";
    write_script(&place.file("wrapper"), wrapper);
    true
}

fn write_script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn cargo_and_make_share_one_pool() {
    let place = Place::new();
    if !has("make") || !cargo_project(&place, 8) {
        return skip("cargo_and_make_share_one_pool", "no make or no cargo");
    }
    makefile(&place, 12);
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut all = Vec::new();
    for style in ["pipe", "fifo"] {
        let target = place.file(&format!("target-{style}"));
        let arguments = [&cargo[..], "build", "--offline", "--manifest-path", "crates/Cargo.toml"];
        let mut command = build(&place, style, &["--permits", "3", "--style", style], &arguments);
        command.env("RUSTC_WRAPPER", place.file("wrapper")).env("CARGO_TARGET_DIR", target);
        command.env("CARGO_BUILD_JOBS", "8").env_remove("RUSTC_WORKSPACE_WRAPPER");
        all.push(Running::new(&mut command));
    }
    all.push(Running::new(&mut build(&place, "make", &["--permits", "3"], &["make"])));
    for one in &mut all {
        assert!(one.end().success());
    }
    for (build, count) in [("pipe", 8), ("fifo", 8), ("make", 12)] {
        let events = events(&place);
        let began = events.iter().filter(|one| one.begins && one.build == build).count();
        assert_eq!(began, count, "{build}");
    }
    assert_eq!(most_at_once(&place), 3, "{:?}", place.lines("log"));
}

#[test]
fn builds_that_are_killed_at_random_take_no_slot_along_and_never_let_too_many_in() {
    let test = "builds_that_are_killed_at_random_take_no_slot_along_and_never_let_too_many_in";
    if !has("make") {
        return skip(test, "no make");
    }
    let place = Place::new();
    makefile(&place, 30);
    let mut number = 0;
    let mut start = || {
        number += 1;
        let name = format!("b{number}");
        let running = Running::new(
            build(&place, &name, &["--permits", "4"], &["make"]).env("LENGTH", "0.05"),
        );
        (name, running)
    };
    let mut builds = vec![start(), start(), start()];
    // Always the same ones.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..12 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        std::thread::sleep(Duration::from_millis(100 + state % 200));
        let (name, mut killed) = builds.swap_remove((state >> 32) as usize % 3);
        // Its jobs count no more from here on: they are about to die.
        let line = format!("x {name}\n");
        let mut log =
            fs::File::options().append(true).create(true).open(place.file("log")).unwrap();
        std::io::Write::write_all(&mut log, line.as_bytes()).unwrap();
        if killed.child().try_wait().unwrap().is_none() {
            signal_group(killed.pid(), libc::SIGKILL);
        }
        killed.end();
        builds.push(start());
    }
    for (name, running) in &mut builds {
        assert!(running.end().success(), "{name}");
        let events = events(&place);
        assert_eq!(events.iter().filter(|one| one.build == *name).count(), 60, "{name}");
    }
    assert_eq!(most_at_once(&place), 4, "{:?}", place.lines("log"));
    place.run(&["create", "semaphore", "pool", "--permits", "4", "--if-missing"]);
    assert_eq!(place.look("pool").unwrap()["state"]["available"], 4);
}
