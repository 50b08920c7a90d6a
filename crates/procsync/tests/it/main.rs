//! What procsync promises, tried out between real processes.
//!
//! Where a test needs another process, this binary runs itself again in a role (see `child`).
#![cfg(any(target_os = "linux", windows))]

mod any_lock;
mod child;
mod support;

mod attacks_holds;
mod contract_event;
mod contract_mutex;
mod contract_mutex_holders;
mod contract_names;
mod contract_reentrant;
mod contract_semaphore;
mod contract_shared_memory;
mod contract_token;
mod contract_without_guards;
mod exactness;
mod hostile_memory;
mod inspect;
mod inspect_more;
mod kill;
mod kill_storm;
mod lifetime;
mod lifetime_race;
mod promises;
mod wait_graph;
mod wrong_files;

// What needs forks, signals, /proc, or users besides this one.
#[cfg(target_os = "linux")]
mod attacks_files;
#[cfg(target_os = "linux")]
mod attacks_fork;
#[cfg(target_os = "linux")]
mod attacks_life;
#[cfg(target_os = "linux")]
mod attacks_waiting;
#[cfg(target_os = "linux")]
mod clock_jumps;
#[cfg(target_os = "linux")]
mod containers;
#[cfg(target_os = "linux")]
mod exec;
#[cfg(target_os = "linux")]
mod fork;
#[cfg(target_os = "linux")]
mod fork_threads;
#[cfg(target_os = "linux")]
mod identity;
#[cfg(target_os = "linux")]
mod interleave;
#[cfg(target_os = "linux")]
mod kill_steps;
#[cfg(target_os = "linux")]
mod life_words;
#[cfg(target_os = "linux")]
mod no_space;
#[cfg(target_os = "linux")]
mod no_system_calls;
#[cfg(target_os = "linux")]
mod scarcity;
#[cfg(target_os = "linux")]
mod security;
#[cfg(target_os = "linux")]
mod signals;
#[cfg(target_os = "linux")]
mod tracer;

/// What a helper process does.
type Play = fn(&mut child::Role);

/// The roles that a helper process can play: where each is, and what it is called.
const ROLES: &[(&str, Play)] = &[
    #[cfg(target_os = "linux")]
    ("be-called-away", signals::be_called_away),
    #[cfg(target_os = "linux")]
    ("attack-fork", attacks_fork::scenario),
    #[cfg(target_os = "linux")]
    ("hold-amid-a-crowd", attacks_waiting::hold_amid_a_crowd),
    #[cfg(target_os = "linux")]
    ("hold-and-leave-idlers", attacks_fork::hold_and_leave_idlers),
    #[cfg(target_os = "linux")]
    ("hold-from-afar", attacks_fork::hold_from_afar),
    #[cfg(target_os = "linux")]
    ("lock-in-the-rain", attacks_waiting::lock_in_the_rain),
    #[cfg(target_os = "linux")]
    ("stranger", attacks_files::stranger),
    ("attach-to-anything", hostile_memory::attach_to_anything),
    ("wait-for-anything", hostile_memory::wait_for_anything),
    ("use-once-more", hostile_memory::use_once_more),
    #[cfg(target_os = "linux")]
    ("hold-and-exec", exec::hold_and_exec),
    #[cfg(target_os = "linux")]
    ("wait-and-go", exec::wait_and_go),
    #[cfg(target_os = "linux")]
    ("hold-and-found-a-daemon", exec::hold_and_found_a_daemon),
    #[cfg(target_os = "linux")]
    ("fork-beside-a-holder", exec::fork_beside_a_holder),
    #[cfg(target_os = "linux")]
    ("see-a-pid-again", identity::see_a_pid_again),
    #[cfg(target_os = "linux")]
    ("use-up", scarcity::use_up),
    #[cfg(target_os = "linux")]
    ("use-up-memory", scarcity::use_up_memory),
    #[cfg(target_os = "linux")]
    ("attach-or-tell", scarcity::attach_or_tell),
    #[cfg(target_os = "linux")]
    ("come-by-the-hundred", scarcity::come_by_the_hundred),
    #[cfg(target_os = "linux")]
    ("hold-ten-thousand", scarcity::hold_ten_thousand),
    #[cfg(target_os = "linux")]
    ("count-held", scarcity::count_held),
    #[cfg(target_os = "linux")]
    ("tell-the-time", clock_jumps::tell_the_time),
    #[cfg(target_os = "linux")]
    ("wait-for-nothing", clock_jumps::wait_for_nothing),
    #[cfg(target_os = "linux")]
    ("somebody", security::somebody),
    ("make-again-and-again", promises::make_again_and_again),
    #[cfg(target_os = "linux")]
    ("walk-off", identity::walk_off),
    ("attach-memory", contract_names::attach_memory),
    ("clear-up", inspect_more::clear_up),
    ("come-and-go", lifetime_race::come_and_go),
    ("come-and-go-memory", lifetime_race::come_and_go_memory),
    #[cfg(target_os = "linux")]
    ("come-or-leave", interleave::come_or_leave),
    ("count-atomically", contract_shared_memory::count_atomically),
    ("counter", exactness::counter),
    ("echo", child::echo),
    ("forget-permit", contract_semaphore::forget_permit),
    #[cfg(target_os = "linux")]
    ("fill-up", no_space::fill_up),
    #[cfg(target_os = "linux")]
    ("fork", fork::scenario),
    #[cfg(target_os = "linux")]
    ("fork-among-threads", fork_threads::fork_among_threads),
    #[cfg(target_os = "linux")]
    ("crowd-out", attacks_life::crowd_out),
    #[cfg(target_os = "linux")]
    ("hold-in-a-sandbox", attacks_life::hold_in_a_sandbox),
    #[cfg(target_os = "linux")]
    ("lock-all-memory", attacks_life::lock_all_memory),
    #[cfg(target_os = "linux")]
    ("mix-with-inheritance", attacks_life::mix_with_inheritance),
    #[cfg(target_os = "linux")]
    ("open-small", attacks_life::open_small),
    #[cfg(target_os = "linux")]
    ("rage", attacks_life::rage),
    #[cfg(target_os = "linux")]
    ("use-and-stay", attacks_life::use_and_stay),
    #[cfg(target_os = "linux")]
    ("close-under-threads", life_words::close_under_threads),
    #[cfg(target_os = "linux")]
    ("hold-as-process-and-lose-a-thread", life_words::hold_as_process_and_lose_a_thread),
    #[cfg(target_os = "linux")]
    ("hold-and-end-bluntly", life_words::hold_and_end_bluntly),
    #[cfg(target_os = "linux")]
    ("hold-and-leave-locks", life_words::hold_and_leave_locks),
    #[cfg(target_os = "linux")]
    ("hold-many", life_words::hold_many),
    #[cfg(target_os = "linux")]
    ("hold-with-thread-id", life_words::hold_with_thread_id),
    #[cfg(target_os = "linux")]
    ("leave-a-stale-word", life_words::leave_a_stale_word),
    #[cfg(target_os = "linux")]
    ("mix-robust-mutexes", life_words::mix_robust_mutexes),
    ("hold-and-end", contract_mutex_holders::hold_and_end),
    #[cfg(target_os = "linux")]
    ("hold-and-start", fork::hold_and_start),
    ("hold-in-a-crowd", kill::hold_in_a_crowd),
    ("hold-and-suspect", wait_graph::hold_and_suspect),
    ("hold-and-want", wait_graph::hold_and_want),
    #[cfg(target_os = "linux")]
    ("hold-late", fork::hold_late),
    ("hold-permits", contract_semaphore::hold_permits),
    #[cfg(target_os = "linux")]
    ("keep-and-release", containers::keep_and_release),
    ("look-around", inspect::look_around),
    ("look-at-nothing", inspect::look_at_nothing),
    ("meddle", lifetime::meddle),
    ("open-and-tell", contract_names::open_and_tell),
    ("open-in", contract_names::open_in),
    #[cfg(target_os = "linux")]
    ("operate", no_system_calls::operate),
    ("sleep-on-word", contract_shared_memory::sleep_on_word),
    ("ping-pong", contract_event::ping_pong),
    #[cfg(target_os = "linux")]
    ("do-stepwise", kill_steps::do_stepwise),
    ("storm-worker", kill_storm::worker),
    ("take-and-tell", contract_semaphore::take_and_tell),
    ("take-token", contract_token::take_token),
    ("user", any_lock::user),
    ("wait-event", contract_event::wait_event),
    #[cfg(target_os = "linux")]
    ("wait-for-own-handler", signals::wait_for_own_handler),
    #[cfg(target_os = "linux")]
    ("wait-in-the-rain", signals::wait_in_the_rain),
];
