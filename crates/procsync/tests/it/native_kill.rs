//! The system's own named semaphores between processes, some of which are killed.

use crate::attacks_files::there_is_only_one_user;
use crate::child::{Helper, Role};
use crate::fork::forked;
use crate::native::OwnName;
use crate::security::become_user;
use crate::signals::{count, handle, pelted};
use crate::support::{eventually, say, waiters};
use procsync::native::{self, NativeOptions, NativeSemaphore};
use procsync::{Error, Scope, inspect, interruptible};
use std::time::{Duration, Instant};

/// Promised is 100 ms; a machine that is busy with other tests takes its time.
const NOTICED_WITHIN: Duration = Duration::from_secs(2);

/// Role: uses a semaphore as it is told. Arguments: its name, its initial count.
pub(crate) fn user(role: &mut Role) {
    let options = NativeOptions::new().initial(role.number(1));
    let semaphore = options.instantiate(role.argument(0)).expect("a good name");
    semaphore.open().expect("it opens");
    role.say("open");
    let dead = |locked: procsync::native::Locked| {
        format!("locked {}", locked.abandoned.map_or(0, |dead| dead.pid))
    };
    while let Some(order) = role.hear() {
        let answer = match order.as_str() {
            "lock" => semaphore.lock().map(dead),
            "try" => semaphore.try_lock().map(|got| got.map_or("busy".to_owned(), dead)),
            "unlock" => semaphore.unlock().map(|_| "unlocked".to_owned()),
            "depth" => Ok(semaphore.depth().to_string()),
            "value" => semaphore.value().map(|value| format!("{value:?}")),
            "accounts" => semaphore.accounts().map(|known| known.expect("a ledger").to_string()),
            "reap" => inspect::reap(Scope::User).map(|reaped| {
                let removed = |one: &&_| matches!(one, inspect::Reaped::Removed(_));
                format!("{} removed", reaped.iter().filter(removed).count())
            }),
            "post doubtful" => semaphore.post_doubtful().map(|given| given.to_string()),
            "lock, interruptible" => interruptible(|| true, || semaphore.lock().map(dead)),
            "fork" => {
                fork(&semaphore);
                Ok("child ended well".to_owned())
            }
            _ => Ok("not understood".to_owned()),
        };
        role.say(&answer.unwrap_or_else(|error| format!("error {error}")));
    }
}

/// While it is locked: a child has none of the parent's holds.
fn fork(semaphore: &NativeSemaphore) {
    assert_eq!(semaphore.depth(), 2);
    let parent = std::process::id();
    forked(|| {
        assert_eq!(semaphore.depth(), 0);
        assert!(!semaphore.status().locked);
        assert!(matches!(semaphore.unlock(), Err(Error::OutOfOrder { .. })));
        assert!(semaphore.try_lock().unwrap().is_none(), "the parent has it");
        assert_eq!(semaphore.identity().process, std::process::id());
        assert_eq!(semaphore.holders().unwrap()[0].pid, parent);
        // Its own instance works like any other.
        assert!(semaphore.lock_for(Duration::from_millis(20)).is_err());
    })
    .ended_well();
    assert_eq!(semaphore.depth(), 2);
}

pub(crate) fn start(name: &OwnName) -> Helper {
    start_of(name, 1)
}

fn start_of(name: &OwnName, initial: u32) -> Helper {
    let mut helper = Helper::start("native-user", &[&name.0, &initial.to_string()]);
    assert_eq!(helper.hear(), "open");
    helper
}

/// N10, across processes: one at a time, and reentrant in one of them.
#[test]
fn processes_exclude_each_other_to_depth_four() {
    let name = OwnName::new("processes");
    let (mut one, mut other) = (start(&name), start(&name));
    for depth in 1..=4 {
        assert_eq!(one.ask("lock"), "locked 0");
        assert_eq!(one.ask("depth"), depth.to_string());
        assert_eq!(other.ask("try"), "busy");
    }
    other.tell("lock");
    eventually("it waits", || waiters(&name.0) == 1);
    for _ in 1..4 {
        assert_eq!(one.ask("unlock"), "unlocked");
        assert_eq!(other.hear_within(Duration::from_millis(10)), None);
    }
    assert_eq!(one.ask("unlock"), "unlocked");
    assert_eq!(other.hear(), "locked 0");
    assert_eq!(one.ask("try"), "busy");
    assert_eq!(other.ask("unlock"), "unlocked");
    one.finish();
    other.finish();
}

#[test]
fn a_killed_holder_is_replaced_by_who_waits_and_named() {
    let name = OwnName::new("killed");
    let mut holder = start(&name);
    assert_eq!(holder.ask("lock"), "locked 0");
    let mut times = Vec::new();
    for _ in 0..10 {
        let mut waiter = start(&name);
        waiter.tell("lock");
        eventually("it waits", || waiters(&name.0) == 1);
        let began = Instant::now();
        let pid = holder.pid();
        holder.kill();
        assert_eq!(waiter.hear(), format!("locked {pid}"));
        times.push(began.elapsed());
        holder = waiter;
    }
    times.sort_unstable();
    let (half, most) = (times[times.len() / 2], times[times.len() - 1]);
    say(&format!("native: killed holder replaced after {half:.1?} (median), {most:.1?}"));
    assert!(half < NOTICED_WITHIN, "{times:?}");
    assert_eq!(holder.ask("unlock"), "unlocked");
    assert_eq!(holder.ask("try"), "locked 0", "told once");
    assert_eq!(holder.ask("unlock"), "unlocked");
    assert_eq!(holder.ask("value"), "Some(1)");
    holder.finish();
}

#[test]
fn a_killed_holder_is_replaced_at_once_by_who_only_tries() {
    let name = OwnName::new("try-killed");
    let mut holder = start(&name);
    let mut user = start(&name);
    assert_eq!(holder.ask("lock"), "locked 0");
    assert_eq!(holder.ask("lock"), "locked 0");
    assert_eq!(user.ask("try"), "busy");
    holder.kill();
    assert_eq!(user.ask("try"), format!("locked {}", holder.pid()));
    user.finish();
}

#[test]
fn nobody_uses_it_any_more_and_a_newcomer_gets_what_the_dead_one_held() {
    let name = OwnName::new("all-dead");
    let mut holder = start(&name);
    assert_eq!(holder.ask("lock"), "locked 0");
    holder.kill();
    let mut newcomer = start(&name);
    assert_eq!(newcomer.ask("lock"), format!("locked {}", holder.pid()));
    assert_eq!(newcomer.ask("unlock"), "unlocked");
    newcomer.finish();
}

/// A killed waiter may have been granted a unit a moment before; that it was not shows as soon as one
/// holds it who lives.
#[test]
fn a_killed_waiter_takes_nothing_along_and_leaves_no_doubt_for_long() {
    let name = OwnName::new("killed-waiter");
    let mut holder = start(&name);
    assert_eq!(holder.ask("lock"), "locked 0");
    for _ in 0..5 {
        let mut waiter = start(&name);
        waiter.tell("lock");
        eventually("it waits", || waiters(&name.0) == 1);
        waiter.kill();
    }
    let mut next = start(&name);
    next.tell("lock");
    eventually("it waits", || waiters(&name.0) == 1);
    assert_eq!(holder.ask("unlock"), "unlocked");
    assert_eq!(next.hear(), "locked 0");
    assert_eq!(next.ask("unlock"), "unlocked");
    assert_eq!(next.ask("value"), "Some(1)");
    // A look that writes down what it sees, and one who holds the only unit.
    let semaphore = name.open();
    semaphore.accounts().unwrap();
    semaphore.lock().unwrap();
    let accounts = semaphore.accounts().unwrap().unwrap();
    assert_eq!((accounts.doubtful, accounts.held, accounts.unknown), (0, 1, Some(0)));
    semaphore.unlock().unwrap();
}

#[test]
fn units_of_several_are_conserved_over_deaths() {
    let name = OwnName::new("several");
    let mut users: Vec<_> = (0..3).map(|_| start_of(&name, 3)).collect();
    users.iter_mut().for_each(|user| assert_eq!(user.ask("lock"), "locked 0"));
    let mut last = start_of(&name, 3);
    assert_eq!(last.ask("try"), "busy");
    let dead: Vec<_> = users.iter().take(2).map(Helper::pid).collect();
    users.iter_mut().take(2).for_each(Helper::kill);
    let got = last.ask("try");
    assert!(dead.iter().any(|pid| got == format!("locked {pid}")), "{got}");
    let seen = inspect::show(&name.0, Scope::User).unwrap();
    let inspect::State::Native(accounts) = seen.state else { panic!("{:?}", seen.state) };
    assert_eq!(accounts.held + accounts.abandoned, 3, "{accounts:?}");
    assert_eq!((accounts.free, accounts.unknown), (Some(0), Some(0)));
    assert_eq!(last.ask("unlock"), "unlocked");
    assert_eq!(users[2].ask("unlock"), "unlocked");
    crate::native::reap();
    assert_eq!(last.ask("value"), "Some(3)");
}

#[test]
fn a_crowd_of_waiters_outlives_its_holder_and_its_first_ones() {
    let name = OwnName::new("crowd");
    let mut holder = start(&name);
    assert_eq!(holder.ask("lock"), "locked 0");
    let mut crowd: Vec<_> = (0..6).map(|_| start(&name)).collect();
    for (index, waiter) in crowd.iter_mut().enumerate() {
        waiter.tell("lock");
        eventually("it waits", || waiters(&name.0) == index + 1);
    }
    // Those that came first look most often; they die with the holder.
    let mut left = crowd.split_off(3);
    let killed: Vec<_> = crowd.iter().chain([&holder]).map(Helper::pid).collect();
    crowd.iter().chain([&holder]).for_each(|victim| victim.signal(libc::SIGKILL));
    let mut told = Vec::new();
    while !left.is_empty() {
        eventually("one of those left gets it", || {
            let answer = left.iter_mut().enumerate().find_map(|(index, waiter)| {
                waiter.hear_within(Duration::from_millis(1)).map(|answer| (index, answer))
            });
            let Some((index, answer)) = answer else { return false };
            told.push(answer.strip_prefix("locked ").unwrap().parse::<u32>().unwrap());
            let mut user = left.swap_remove(index);
            assert_eq!(user.ask("unlock"), "unlocked");
            user.finish();
            true
        });
    }
    // One of the victims may have got it before its own death: then that one is named.
    assert!(killed.contains(&told[0]), "{told:?}");
    assert!(told[1..].iter().all(|dead| *dead == 0), "{told:?}");
}

#[test]
fn a_forked_child_has_none_of_its_parents_holds() {
    let name = OwnName::new("fork");
    let mut user = start(&name);
    assert_eq!(user.ask("lock"), "locked 0");
    assert_eq!(user.ask("lock"), "locked 0");
    assert_eq!(user.ask("fork"), "child ended well");
    assert_eq!(user.ask("unlock"), "unlocked");
    assert_eq!(user.ask("unlock"), "unlocked");
    assert_eq!(user.ask("value"), "Some(1)", "the child gave nothing back");
    user.finish();
}

/// NF20: a signal that is handled ends no wait, and puts no deadline off.
#[test]
fn nf20_a_handled_signal_is_no_failure_and_ends_an_interruptible_wait() {
    let name = OwnName::new("signals");
    let holder = name.open();
    holder.lock().unwrap();
    let mut waiter = Helper::start("native-wait-in-the-rain", &[&name.0]);
    assert_eq!(waiter.hear(), "timed out in time, with a ledger: true");
    assert_eq!(waiter.hear(), "timed out in time, with a ledger: false");
    waiter.finish();
    let mut other = start(&name);
    assert!(other.ask("lock, interruptible").contains("interrupted"));
    assert_eq!(other.ask("depth"), "0");
    holder.unlock().unwrap();
    assert_eq!(other.ask("try"), "locked 0");
}

/// Role: waits for a while, whatever signals come. Argument: the name.
pub(crate) fn wait_in_the_rain(role: &mut Role) {
    const TIME: Duration = Duration::from_millis(150);
    handle(libc::SIGUSR1, count);
    for ledger in [true, false] {
        let options = NativeOptions::new().ledger(ledger);
        let semaphore = options.unregistered(role.argument(0)).expect("a good name");
        semaphore.open().expect("it opens");
        let began = Instant::now();
        let waited = pelted(|| semaphore.lock_for(TIME));
        assert!(matches!(waited, Err(Error::TimedOut { .. })), "{waited:?}");
        assert!(began.elapsed() >= TIME);
        role.say(&format!("timed out in time, with a ledger: {ledger}"));
    }
}

#[test]
fn another_users_semaphore_is_refused_with_owner_and_mode() {
    let name = OwnName::new("others");
    if there_is_only_one_user("native_kill::another_users_semaphore_is_refused_with_owner_and_mode")
    {
        return;
    }
    let semaphore = NativeOptions::new().mode(0o600).instantiate(&name.0).unwrap();
    semaphore.open().unwrap();
    let mut somebody = Helper::start("native-somebody", &[&name.0]);
    let answer = somebody.hear();
    assert!(answer.contains("sem_open failed: EACCES (13): Permission denied"), "{answer}");
    assert!(answer.contains("it belongs to user 0 and has mode 600"), "{answer}");
    somebody.finish();
}

/// Role: as another user. Argument: the name.
pub(crate) fn somebody(role: &mut Role) {
    become_user(65_534, 65_534, 0o022);
    let semaphore =
        NativeOptions::new().ledger(false).unregistered(role.argument(0)).expect("a name");
    let refused = semaphore.open().expect_err("it is another user's");
    role.say(&refused.to_string());
}

/// Where nobody has a ledger in this scope there is nothing to settle, and nothing is posted.
#[test]
fn a_name_without_a_ledger_is_left_alone() {
    let name = OwnName::new("no-ledger");
    let bare = NativeOptions::new().ledger(false).instantiate(&name.0).unwrap();
    bare.open().unwrap();
    bare.lock().unwrap();
    assert_eq!(native::post_doubtful(&name.0, Scope::User).unwrap(), 0);
    assert_eq!(bare.value().unwrap(), Some(0));
    bare.unlock().unwrap();
}

/// Role: many threads wait, each with an instance of its own. Arguments: the name, how many.
pub(crate) fn wait_in_many(role: &mut Role) {
    let name = role.argument(0);
    std::thread::scope(|scope| {
        for _ in 0..role.number(1) {
            scope.spawn(|| {
                let semaphore = NativeSemaphore::instantiate(name).expect("a good name");
                semaphore.open().expect("it opens");
                let dead = semaphore.lock().expect("it comes free").abandoned;
                semaphore.unlock().expect("it is held");
                semaphore.close().expect("it is open");
                role.say(&format!("{}", dead.map_or(0, |dead| dead.pid)));
            });
        }
    });
}

#[test]
fn hundreds_of_waiters_cost_little_and_all_get_their_turn_after_their_holder_dies() {
    const WAITERS: usize = 400;
    const WATCHED: Duration = Duration::from_secs(2);
    let name = OwnName::new("hundreds");
    let mut holder = start(&name);
    assert_eq!(holder.ask("lock"), "locked 0");
    let mut crowd = Helper::start("native-wait-in-many", &[&name.0, &WAITERS.to_string()]);
    eventually("all wait", || waiters(&name.0) == WAITERS);
    let spent = || crate::support::cpu_time(crowd.pid());
    let before = spent();
    std::thread::sleep(WATCHED);
    let cost = spent() - before;
    say(&format!("native: {WAITERS} waiters took {cost:.0?} of {WATCHED:.0?}"));
    let began = Instant::now();
    holder.kill();
    let told: Vec<u32> = (0..WAITERS).map(|_| crowd.hear().parse().unwrap()).collect();
    say(&format!("native: {WAITERS} waiters were in and out after {:.0?}", began.elapsed()));
    assert_eq!(told.iter().filter(|dead| **dead != 0).count(), 1, "one of them is told");
    assert!(told.contains(&holder.pid()));
    crowd.finish();
    assert_eq!(name.open().value().unwrap(), Some(1));
    // What is allowed is far above what it takes (see the line above), and far below what it would
    // take if each looked as often as the first one.
    assert!(cost < WATCHED / 2, "{cost:?}");
}
