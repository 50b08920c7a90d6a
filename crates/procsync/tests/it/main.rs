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
mod attacks_life;
mod attacks_waiting;
mod clock_jumps;
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
mod exec;
mod fork;
mod fork_threads;
mod hostile_memory;
mod identity;
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
mod promises;
mod scarcity;
mod security;
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
    ("attach-to-anything", hostile_memory::attach_to_anything),
    ("wait-for-anything", hostile_memory::wait_for_anything),
    ("use-once-more", hostile_memory::use_once_more),
    ("hold-and-exec", exec::hold_and_exec),
    ("wait-and-go", exec::wait_and_go),
    ("hold-and-found-a-daemon", exec::hold_and_found_a_daemon),
    ("fork-beside-a-holder", exec::fork_beside_a_holder),
    ("see-a-pid-again", identity::see_a_pid_again),
    ("use-up", scarcity::use_up),
    ("use-up-memory", scarcity::use_up_memory),
    ("attach-or-tell", scarcity::attach_or_tell),
    ("come-by-the-hundred", scarcity::come_by_the_hundred),
    ("hold-ten-thousand", scarcity::hold_ten_thousand),
    ("count-held", scarcity::count_held),
    ("tell-the-time", clock_jumps::tell_the_time),
    ("wait-for-nothing", clock_jumps::wait_for_nothing),
    ("somebody", security::somebody),
    ("make-again-and-again", promises::make_again_and_again),
    ("walk-off", identity::walk_off),
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
    ("crowd-out", attacks_life::crowd_out),
    ("hold-in-a-sandbox", attacks_life::hold_in_a_sandbox),
    ("lock-all-memory", attacks_life::lock_all_memory),
    ("mix-with-inheritance", attacks_life::mix_with_inheritance),
    ("open-small", attacks_life::open_small),
    ("rage", attacks_life::rage),
    ("use-and-stay", attacks_life::use_and_stay),
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
