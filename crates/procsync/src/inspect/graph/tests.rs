use super::*;
use crate::name::Name;
use crate::participant::Condition;

fn thread(pid: u32) -> Participant {
    Participant {
        pid,
        tid: pid,
        command: format!("program{pid}"),
        label: "program".to_owned(),
        user: None,
        since: Some(SystemTime::UNIX_EPOCH),
        dead: false,
        // So that no process of this machine is taken for it.
        foreign_namespace: true,
        namespace: 1,
        condition: Condition::Elsewhere,
        as_process: false,
    }
}

fn object(name: &str, kind: Kind, state: State, holders: &[u32], waiters: &[u32]) -> Snapshot {
    let threads = |pids: &[u32]| pids.iter().map(|&pid| thread(pid)).collect::<Vec<_>>();
    Snapshot {
        name: Name::new(name).unwrap(),
        scope: Scope::User,
        kind,
        state,
        reset: None,
        holders: threads(holders),
        waiters: threads(waiters),
        participants: Vec::new(),
        processes: 1,
        slots: 1_024,
        persistent: false,
        created: None,
        acquired: None,
        grants: 0,
        contended: 0,
        recovered: 0,
        deceased: None,
        data_size: 0,
        data_align: 1,
        file_size: 0,
        path: Default::default(),
        owner: 0,
    }
}

fn mutex(name: &str, holder: u32, waiters: &[u32]) -> Snapshot {
    object(name, Kind::Mutex, State::Held, &[holder], waiters)
}

fn semaphore(name: &str, free: u32, holders: &[u32], waiters: &[u32]) -> Snapshot {
    let capacity = free + holders.len() as u32;
    let state = State::Permits { available: free, capacity };
    object(name, Kind::Semaphore, state, holders, waiters)
}

fn graph(seen: &[Snapshot]) -> WaitGraph {
    WaitGraph::of(&seen.iter().collect::<Vec<_>>(), &mut Processes::default())
}

fn found(seen: &[Snapshot]) -> Vec<(Vec<u32>, Vec<u32>)> {
    let pids = |waits: &[Wait]| waits.iter().map(|wait| wait.waiter.pid).collect::<Vec<_>>();
    let graph = graph(seen);
    for deadlock in &graph.deadlocks {
        for (wait, next) in deadlock.cycle.iter().zip(deadlock.cycle.iter().cycle().skip(1)) {
            assert_eq!(wait.holders[0].pid, next.waiter.pid, "each waits for the next one");
        }
    }
    graph.deadlocks.iter().map(|one| (pids(&one.cycle), pids(&one.also_stuck))).collect()
}

#[test]
fn two_that_wait_for_each_other_are_a_deadlock() {
    assert_eq!(found(&[mutex("a", 1, &[2]), mutex("b", 2, &[1])]), [(vec![1, 2], vec![])]);
}

#[test]
fn a_chain_is_none() {
    assert_eq!(found(&[mutex("a", 1, &[2]), mutex("b", 2, &[3]), mutex("c", 3, &[4])]), []);
}

#[test]
fn who_waits_behind_a_deadlock_is_stuck_but_not_in_it() {
    let seen = [mutex("a", 1, &[2, 5]), mutex("b", 2, &[1]), mutex("c", 5, &[6])];
    assert_eq!(found(&seen), [(vec![1, 2], vec![5, 6])]);
}

#[test]
fn two_deadlocks_are_told_apart() {
    let seen =
        [mutex("a", 1, &[2]), mutex("b", 2, &[1]), mutex("c", 7, &[8, 9]), mutex("d", 8, &[7])];
    assert_eq!(found(&seen), [(vec![1, 2], vec![]), (vec![7, 8], vec![9])]);
}

#[test]
fn one_who_waits_for_itself_is_a_deadlock() {
    assert_eq!(found(&[semaphore("s", 0, &[1], &[1])]), [(vec![1], vec![])]);
}

#[test]
fn a_semaphore_needs_all_its_holders_in_the_knot() {
    // 3 holds a permit and is busy: it will let 1 go on.
    let busy = [semaphore("s", 0, &[2, 3], &[1]), mutex("m", 1, &[2])];
    assert_eq!(found(&busy), []);
    let all = [semaphore("s", 0, &[2, 3], &[1]), mutex("m", 1, &[2, 3])];
    assert_eq!(found(&all), [(vec![1, 2], vec![3])]);
}

#[test]
fn who_waits_beside_a_free_permit_is_not_called_stuck() {
    assert_eq!(found(&[semaphore("s", 1, &[2], &[1]), mutex("m", 1, &[2])]), []);
}

#[test]
fn events_and_tokens_have_no_holders() {
    let event = object("e", Kind::Event, State::Unset, &[], &[2]);
    assert_eq!(found(&[mutex("a", 2, &[1]), event]), []);
    let tokens = object("t", Kind::TokenSemaphore, State::Tokens(0), &[], &[2]);
    assert_eq!(found(&[mutex("a", 2, &[1]), tokens]), []);
}

#[test]
fn the_dead_hold_nobody_up() {
    let mut dead = mutex("a", 1, &[2]);
    dead.holders[0].dead = true;
    assert_eq!(found(&[dead, mutex("b", 2, &[1])]), []);
}

#[test]
fn the_same_pid_in_another_namespace_is_another_one() {
    let mut other = mutex("a", 1, &[2]);
    other.holders[0].namespace = 2;
    assert_eq!(found(&[other, mutex("b", 2, &[1])]), []);
}

#[test]
fn another_thread_is_another_one_and_who_holds_as_a_process_may_have_one() {
    let mut thread_of_1 = mutex("b", 2, &[1]);
    thread_of_1.waiters[0].tid = 100;
    assert_eq!(found(&[mutex("a", 1, &[2]), thread_of_1]), []);
    let certain = |seen: &[Snapshot]| graph(seen).deadlocks[0].certain;
    let mut seen = [mutex("a", 1, &[2]), mutex("b", 2, &[1])];
    assert!(certain(&seen));
    seen[0].holders[0].as_process = true;
    assert!(!certain(&seen));
}

#[test]
fn a_deadlock_reads_as_a_sentence() {
    let graph = graph(&[mutex("a", 1, &[2]), mutex("b", 2, &[1])]);
    let text = graph.deadlocks[0].to_string();
    let parts = [
        "pid 1 (program1) of another pid namespace has waited for ",
        " for mutex \"b\", held by pid 2 (program2) of another pid namespace; pid 2 (program2)",
        " for mutex \"a\", held by pid 1 (program1)",
    ];
    let mut rest = &text[..];
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part:?} in {text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn the_drawing_has_everybody_once_and_nothing_of_others_in_its_syntax() {
    let mut hostile = mutex("a", 1, &[2, 3]);
    hostile.holders[0].command = "\"]; evil -> x\\\n\u{1b}".to_owned();
    let mut again = mutex("b", 2, &[1]);
    again.waiters[0].command = hostile.holders[0].command.clone();
    let dot = graph(&[hostile, again]).to_dot();
    assert_eq!(dot.matches("pid 1 in pid").count(), 1);
    assert!(
        dot.contains("label=\"pid 1 in pid namespace 1\\n']; evil -> x/  \", color=red]"),
        "{dot}"
    );
    assert_eq!(dot.matches("[shape=box").count(), 2);
    assert_eq!(dot.matches("[label=\"held by\"").count(), 2, "{dot}");
    assert_eq!(dot.matches("[label=\"waits\"").count(), 3);
}
