//! What procsync promises, tried out between real processes.
//!
//! Where a test needs another process, this binary runs itself again in a role (see `child`).
#![cfg(target_os = "linux")]

mod any_lock;
mod child;
mod support;
mod tracer;

mod attacks_files;
mod attacks_fork;
mod attacks_holds;
mod attacks_waiting;
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
mod fork;
mod fork_threads;
mod inspect;
mod interleave;
mod kill;
mod kill_steps;
mod kill_storm;
mod life_words;
mod lifetime;
mod lifetime_race;
mod no_space;
mod no_system_calls;
mod signals;
mod wrong_files;

/// What a helper process does.
type Play = fn(&mut child::Role);

/// The roles that a helper process can play: where each is, and what it is called.
const ROLES: &[(&str, Play)] = &[
    ("be-called-away", signals::be_called_away),
    ("attack-fork", attacks_fork::scenario),
    ("hold-amid-a-crowd", attacks_waiting::hold_amid_a_crowd),
    ("hold-and-leave-idlers", attacks_fork::hold_and_leave_idlers),
    ("hold-from-afar", attacks_fork::hold_from_afar),
    ("lock-in-the-rain", attacks_waiting::lock_in_the_rain),
    ("stranger", attacks_files::stranger),
    ("attach-memory", contract_names::attach_memory),
    ("come-and-go", lifetime_race::come_and_go),
    ("come-and-go-memory", lifetime_race::come_and_go_memory),
    ("come-or-leave", interleave::come_or_leave),
    ("count-atomically", contract_shared_memory::count_atomically),
    ("counter", exactness::counter),
    ("echo", child::echo),
    ("forget-permit", contract_semaphore::forget_permit),
    ("fill-up", no_space::fill_up),
    ("fork", fork::scenario),
    ("fork-among-threads", fork_threads::fork_among_threads),
    ("close-under-threads", life_words::close_under_threads),
    ("hold-as-process-and-lose-a-thread", life_words::hold_as_process_and_lose_a_thread),
    ("hold-and-end-bluntly", life_words::hold_and_end_bluntly),
    ("hold-and-leave-locks", life_words::hold_and_leave_locks),
    ("hold-many", life_words::hold_many),
    ("hold-with-thread-id", life_words::hold_with_thread_id),
    ("leave-a-stale-word", life_words::leave_a_stale_word),
    ("mix-robust-mutexes", life_words::mix_robust_mutexes),
    ("hold-and-end", contract_mutex_holders::hold_and_end),
    ("hold-and-start", fork::hold_and_start),
    ("hold-in-a-crowd", kill::hold_in_a_crowd),
    ("hold-late", fork::hold_late),
    ("hold-permits", contract_semaphore::hold_permits),
    ("keep-and-release", containers::keep_and_release),
    ("look-around", inspect::look_around),
    ("look-at-nothing", inspect::look_at_nothing),
    ("meddle", lifetime::meddle),
    ("open-and-tell", contract_names::open_and_tell),
    ("open-in", contract_names::open_in),
    ("operate", no_system_calls::operate),
    ("ping-pong", contract_event::ping_pong),
    ("do-stepwise", kill_steps::do_stepwise),
    ("storm-worker", kill_storm::worker),
    ("take-and-tell", contract_semaphore::take_and_tell),
    ("take-token", contract_token::take_token),
    ("user", any_lock::user),
    ("wait-event", contract_event::wait_event),
    ("wait-for-own-handler", signals::wait_for_own_handler),
    ("wait-in-the-rain", signals::wait_in_the_rain),
];
