//! What procsync promises, tried out between real processes.
//!
//! Where a test needs another process, this binary runs itself again in a role (see `child`).
//!
//! Modules that are for Linux only ask something of Linux: /proc, namespaces, ptrace, seccomp, robust
//! futexes, a small tmpfs; those for Unix, forks or signals.
#![cfg(any(target_os = "linux", target_os = "macos", windows))]
#![cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    allow(dead_code, reason = "other modules need it")
)]

mod any_lock;
mod child;
mod support;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod tracer;

#[cfg(target_os = "linux")]
mod attacks_files;
#[cfg(target_os = "linux")]
mod attacks_fork;
mod attacks_holds;
#[cfg(target_os = "linux")]
mod attacks_life;
#[cfg(unix)]
mod attacks_waiting;
#[cfg(target_os = "linux")]
mod clock_jumps;
#[cfg(target_os = "linux")]
mod containers;
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
#[cfg(target_os = "linux")]
mod exec;
#[cfg(target_os = "linux")]
mod fork;
#[cfg(target_os = "linux")]
mod fork_threads;
mod hostile_memory;
#[cfg(target_os = "linux")]
mod identity;
mod inspect;
mod inspect_more;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod interleave;
mod kill;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod kill_between;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod kill_steps;
mod kill_storm;
#[cfg(target_os = "linux")]
mod life_words;
#[cfg(not(target_os = "macos"))]
mod lifetime;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod lifetime_attacks;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod lifetime_memory;
#[cfg(not(target_os = "macos"))]
mod lifetime_race;
#[cfg(target_os = "linux")]
mod native;
#[cfg(target_os = "linux")]
mod native_interop;
#[cfg(target_os = "linux")]
mod native_kill;
#[cfg(target_os = "linux")]
mod native_mended;
#[cfg(windows)]
mod native_windows;
#[cfg(target_os = "linux")]
mod no_space;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod no_system_calls;
#[cfg(not(target_os = "macos"))]
mod promises;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod scarcity;
#[cfg(target_os = "linux")]
mod security;
#[cfg(unix)]
mod signals;
mod wait_graph;
mod wrong_files;

/// What a helper process does.
type Play = fn(&mut child::Role);

/// The roles that a helper process can play: where each is, and what it is called.
const ROLES: &[(&str, Play)] = &[
    #[cfg(unix)]
    ("be-called-away", signals::be_called_away),
    #[cfg(target_os = "linux")]
    ("attack-fork", attacks_fork::scenario),
    #[cfg(unix)]
    ("hold-amid-a-crowd", attacks_waiting::hold_amid_a_crowd),
    #[cfg(target_os = "linux")]
    ("hold-and-leave-idlers", attacks_fork::hold_and_leave_idlers),
    #[cfg(target_os = "linux")]
    ("hold-from-afar", attacks_fork::hold_from_afar),
    #[cfg(unix)]
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
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    ("use-up", scarcity::use_up),
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    ("use-up-memory", scarcity::use_up_memory),
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    ("attach-or-tell", scarcity::attach_or_tell),
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    ("come-by-the-hundred", scarcity::come_by_the_hundred),
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    ("hold-ten-thousand", scarcity::hold_ten_thousand),
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    ("count-held", scarcity::count_held),
    #[cfg(target_os = "linux")]
    ("tell-the-time", clock_jumps::tell_the_time),
    #[cfg(target_os = "linux")]
    ("wait-for-nothing", clock_jumps::wait_for_nothing),
    #[cfg(target_os = "linux")]
    ("somebody", security::somebody),
    #[cfg(not(target_os = "macos"))]
    ("make-again-and-again", promises::make_again_and_again),
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    ("meet-foreign-memory", lifetime_memory::meet_foreign_memory),
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    ("fork-and-leave", lifetime_memory::fork_and_leave),
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    ("pass-by", lifetime_attacks::pass_by),
    #[cfg(target_os = "linux")]
    ("walk-off", identity::walk_off),
    ("attach-memory", contract_names::attach_memory),
    ("clear-up", inspect_more::clear_up),
    #[cfg(not(target_os = "macos"))]
    ("come-and-go", lifetime_race::come_and_go),
    #[cfg(not(target_os = "macos"))]
    ("come-and-go-memory", lifetime_race::come_and_go_memory),
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    ("come-or-go-or-remove", kill_between::come_or_go_or_remove),
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
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
    #[cfg(not(target_os = "macos"))]
    ("meddle", lifetime::meddle),
    #[cfg(target_os = "linux")]
    ("native-add", native_interop::add),
    #[cfg(target_os = "linux")]
    ("native-somebody", native_kill::somebody),
    #[cfg(target_os = "linux")]
    ("native-user", native_kill::user),
    #[cfg(target_os = "linux")]
    ("native-fork-within", native_mended::fork_within),
    #[cfg(target_os = "linux")]
    ("native-found-an-orphan", native_mended::found_an_orphan),
    #[cfg(target_os = "linux")]
    ("native-make-closed", native_mended::make_closed),
    #[cfg(target_os = "linux")]
    ("native-open-and-tell", native_mended::open_and_tell),
    #[cfg(target_os = "linux")]
    ("native-wait", native_mended::wait),
    #[cfg(target_os = "linux")]
    ("native-wait-in-many", native_kill::wait_in_many),
    #[cfg(target_os = "linux")]
    ("native-wait-in-the-rain", native_kill::wait_in_the_rain),
    #[cfg(windows)]
    ("native-user-on-windows", native_windows::user),
    ("open-and-tell", contract_names::open_and_tell),
    ("open-in", contract_names::open_in),
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    ("operate", no_system_calls::operate),
    ("ping-pong", contract_event::ping_pong),
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    ("do-stepwise", kill_steps::do_stepwise),
    ("storm-worker", kill_storm::worker),
    ("take-and-tell", contract_semaphore::take_and_tell),
    ("take-token", contract_token::take_token),
    ("user", any_lock::user),
    ("wait-event", contract_event::wait_event),
    #[cfg(unix)]
    ("wait-for-own-handler", signals::wait_for_own_handler),
    #[cfg(unix)]
    ("wait-in-the-rain", signals::wait_in_the_rain),
    ("sleep-on-word", contract_shared_memory::sleep_on_word),
];
