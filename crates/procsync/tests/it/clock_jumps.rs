//! Somebody sets the wall clock while others wait: timeouts take their time all the same, and a
//! dead holder is noticed as ever.

use crate::any_lock::{Way, assert_held};
use crate::child::{Helper, Role};
use crate::support::{LIMIT, base, eventually, name, say, skip, waiters};
use procsync::{Event, Mutex, Reset};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// Promised is 100 ms; a machine that is busy with other tests takes its time.
const NOTICED_WITHIN: Duration = Duration::from_secs(2);

/// Seconds by which the clock is set: far, and so little that a moment may still be believed.
const JUMPS: [i64; 6] = [86_400, -86_400, 5, -5, 1_000_000_000, -1_000_000_000];

/// A wall clock that some helpers have in common.
struct Clock {
    library: PathBuf,
    shift: PathBuf,
}

impl Clock {
    /// Or why it cannot be had.
    fn new(label: &str) -> Result<Clock, String> {
        let path = |ending: &str| base().join(format!("{}-{ending}", name(label)));
        let (source, library, shift) = (path("clock.c"), path("clock.so"), path("shift"));
        fs::write(&source, include_str!("clock_jumps.c")).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
        match compiler.output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => return Err(format!("cc: {error}")),
        }
        fs::write(&shift, 0_i64.to_ne_bytes()).unwrap();
        Ok(Clock { library, shift })
    }

    fn set_forward_by(&self, seconds: i64) {
        let file = File::options().write(true).open(&self.shift).unwrap();
        file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    fn start(&self, role: &str, arguments: &[&str]) -> Helper {
        let preload = format!("LD_PRELOAD={}", self.library.display());
        let shift = format!("CLOCK_SHIFT={}", self.shift.display());
        Helper::start_by(&["env", &preload, &shift], role, arguments)
    }

    fn start_user(&self, way: Way, name: &str) -> Helper {
        let mut user = self.start("user", &[way.as_str(), name]);
        assert_eq!(user.hear(), "open");
        user
    }
}

/// Role: tells the time, its own and the library's, in seconds since 1970. Argument: a name.
pub(crate) fn tell_the_time(role: &mut Role) {
    let seconds = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs()
    };
    while role.hear().is_some() {
        let mutex = Mutex::<u64>::open(role.argument(0)).expect("it opens");
        let _guard = mutex.lock().expect("it is free");
        let since = mutex.owner().expect("this process").since.expect("told");
        role.say(&format!("{} {}", seconds(SystemTime::now()), seconds(since)));
    }
}

#[test]
fn a_wall_clock_that_is_set_shortens_and_lengthens_no_timeout() {
    const TEST: &str = "a_wall_clock_that_is_set_shortens_and_lengthens_no_timeout";
    const TIME: Duration = Duration::from_millis(150);
    let clock = match Clock::new("clock") {
        Ok(clock) => clock,
        Err(why) => return skip(TEST, &why),
    };
    for jump in JUMPS {
        clock.set_forward_by(0);
        // That the clock can be set at all: the helper's own, and the one that the library reads.
        let mut teller = clock.start("tell-the-time", &[&name("tell")]);
        let mut tell = || -> Vec<i64> {
            teller.ask("now").split(' ').map(|time| time.parse().unwrap()).collect()
        };
        let before = tell();
        clock.set_forward_by(jump);
        for (before, after) in before.into_iter().zip(tell()) {
            assert!((after - before - jump).abs() <= 2, "{jump}: {before} {after}");
        }
        clock.set_forward_by(0);
        for way in Way::ALL {
            let name = name("clock");
            let mut holder = clock.start_user(way, &name);
            assert_held(&holder.ask("hold"), 0);
            let mut waiter = clock.start_user(way, &name);
            let began = Instant::now();
            waiter.tell(&format!("hold within {}", TIME.as_millis()));
            eventually("it sleeps", || waiters(&name) == 1);
            clock.set_forward_by(jump);
            let answer = waiter.hear();
            let took = began.elapsed();
            assert!(answer.starts_with("error"), "{way:?}, {jump} s: {answer}");
            assert!((TIME..TIME + LIMIT / 4).contains(&took), "{way:?}, {jump} s: {took:?}");
            clock.set_forward_by(0);
        }
        let mut event = clock.start("wait-for-nothing", &[&name("clock-event"), "150"]);
        assert_eq!(event.hear(), "waiting");
        let began = Instant::now();
        clock.set_forward_by(jump);
        assert_eq!(event.hear(), "in vain");
        assert!(began.elapsed() < LIMIT / 4, "{jump}: {:?}", began.elapsed());
    }
}

/// Role: waits for an event that nobody sets. Arguments: a name, for how many milliseconds.
pub(crate) fn wait_for_nothing(role: &mut Role) {
    let event = Event::open(role.argument(0), Reset::Auto).expect("it opens");
    role.say("waiting");
    let (began, time) = (Instant::now(), Duration::from_millis(role.number(1)));
    assert!(event.wait_timeout(time).is_err());
    assert!(began.elapsed() >= time, "{:?}", began.elapsed());
    role.say("in vain");
}

#[test]
fn a_holder_that_dies_after_the_wall_clock_was_set_is_noticed_in_time() {
    const TEST: &str = "a_holder_that_dies_after_the_wall_clock_was_set_is_noticed_in_time";
    let clock = match Clock::new("clock-dead") {
        Ok(clock) => clock,
        Err(why) => return skip(TEST, &why),
    };
    let mut slowest = Duration::ZERO;
    for jump in JUMPS {
        for way in Way::OWNED {
            clock.set_forward_by(0);
            let name = name("clock-dead");
            let mut holder = clock.start_user(way, &name);
            assert_held(&holder.ask("hold"), 0);
            let mut users = [(); 3].map(|()| clock.start_user(way, &name));
            for (index, user) in users.iter_mut().enumerate() {
                user.tell("hold");
                eventually("it sleeps", || waiters(&name) == index + 1);
            }
            clock.set_forward_by(jump);
            // The first one, who looks most often, dies too; what it wrote down is of another time.
            let [mut first, mut second, mut third] = users;
            first.kill();
            let began = Instant::now();
            holder.kill();
            let dead = holder.pid();
            let mut heard = None;
            eventually("one of them is let in", || {
                heard = [&mut second, &mut third]
                    .into_iter()
                    .find_map(|user| user.hear_within(Duration::from_millis(1)));
                heard.is_some()
            });
            let took = began.elapsed();
            assert_held(&heard.expect("just heard"), dead);
            assert!(took < NOTICED_WITHIN, "{way:?}, {jump} s: {took:?}");
            slowest = slowest.max(took);
        }
    }
    say(&format!("after the clock was set, noticed after {slowest:.1?} at most"));
}
