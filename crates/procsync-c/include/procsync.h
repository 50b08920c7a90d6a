/* The C interface of procsync: locks, semaphores, events and shared memory by name, between processes.
 *
 * Made by `cargo xtask header`; changes belong into crates/procsync-c/src. How to use it, with an
 * example per object: docs/c-api.md. SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Every function answers a procsync_status, 0 for success, except the few that cannot fail. Handles are
 * opaque pointers; null is answered with PROCSYNC_INVALID_HANDLE. Handles may be used by several
 * threads at once, but not while or after one of them closes it. Timeouts are in nanoseconds, -1 for
 * ever, 0 for not at all. Where a function is told to write an answer to a pointer "(or null)", null
 * means that the answer is not wanted. */

#ifndef PROCSYNC_H
#define PROCSYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROCSYNC_VERSION_MAJOR 0
#define PROCSYNC_VERSION_MINOR 1
#define PROCSYNC_VERSION_PATCH 0

/* For timeouts. */
#define PROCSYNC_FOREVER ((int64_t)-1)

// What a function answers. 0 is success; whatever else it is, nothing was acquired, and
// procsync_last_error() has the details. Later versions may add numbers, and never change one.
enum procsync_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It was done.
    PROCSYNC_OK = 0,
    // The time was up; with the timeout 0: it could not be had at once.
    PROCSYNC_TIMED_OUT = 1,
    // The function set by procsync_set_interrupt() ended the wait.
    PROCSYNC_INTERRUPTED = 2,
    // The last holder died, and the options said to refuse then: see procsync_mutex_repair().
    PROCSYNC_ABANDONED = 3,
    // The calling thread has it already and would wait for itself.
    PROCSYNC_ALREADY_OWNED = 4,
    // The caller does not have what it wants to release, or not any more.
    PROCSYNC_NOT_OWNER = 5,
    // The handle belongs to the thread that made it, which is another one.
    PROCSYNC_WRONG_THREAD = 6,
    // A step of a native semaphore's life out of its order; nothing was changed.
    PROCSYNC_OUT_OF_ORDER = 7,
    // A null pointer, a misaligned one, a number that makes no sense.
    PROCSYNC_INVALID_ARGUMENT = 10,
    // The handle is null, or of another kind, or closed (which cannot always be told).
    PROCSYNC_INVALID_HANDLE = 11,
    // The name cannot be an object's name.
    PROCSYNC_INVALID_NAME = 12,
    // It was to be created, but is there.
    PROCSYNC_ALREADY_EXISTS = 20,
    // It was to be attached to, but is not there.
    PROCSYNC_NOT_FOUND = 21,
    // The name stands for another kind of object.
    PROCSYNC_WRONG_KIND = 22,
    // It exists with another capacity, size, alignment or way to reset.
    PROCSYNC_MISMATCH = 23,
    // What lies there is damaged or not an object of this library.
    PROCSYNC_DAMAGED = 24,
    // It was made by a version of this library with another layout.
    PROCSYNC_LAYOUT_VERSION = 25,
    // All of its slots are taken by living participants.
    PROCSYNC_NO_SLOTS = 26,
    // A count would pass its limit; it is unchanged.
    PROCSYNC_OVERFLOW = 27,
    // Another process is creating or removing it and does not get on with it.
    PROCSYNC_BUSY = 28,
    // Another instance of this thread is registered under the name.
    PROCSYNC_NAME_TAKEN = 29,
    // The directory in which objects lie cannot be trusted.
    PROCSYNC_UNSAFE_DIRECTORY = 30,
    // The system refused; procsync_last_error() has its errno.
    PROCSYNC_SYSTEM = 31,
    // This system cannot do it.
    PROCSYNC_UNSUPPORTED = 32,
    // The calling thread is exiting and can own nothing any more.
    PROCSYNC_THREAD_EXITING = 33,
    // No ledger can be kept beside a native semaphore; see procsync_options_set_ledger().
    PROCSYNC_NO_LEDGER = 34,
    // An error that this version of the C interface has no number for.
    PROCSYNC_OTHER = 98,
    // A defect of this library. What it was doing may be half done.
    PROCSYNC_INTERNAL = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_status procsync_status;
#else
typedef int32_t procsync_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What an object is.
enum procsync_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // None, or not known.
    PROCSYNC_KIND_NONE = 0,
    // procsync_mutex
    PROCSYNC_KIND_MUTEX = 1,
    // procsync_reentrant_mutex
    PROCSYNC_KIND_REENTRANT_MUTEX = 2,
    // procsync_semaphore
    PROCSYNC_KIND_SEMAPHORE = 3,
    // procsync_token_semaphore
    PROCSYNC_KIND_TOKEN_SEMAPHORE = 4,
    // procsync_event
    PROCSYNC_KIND_EVENT = 5,
    // procsync_shared_memory
    PROCSYNC_KIND_SHARED_MEMORY = 6,
    // procsync_native
    PROCSYNC_KIND_NATIVE_SEMAPHORE = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_kind procsync_kind;
#else
typedef int32_t procsync_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a native semaphore's instance stands.
enum procsync_native_flag
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It is open.
    PROCSYNC_NATIVE_OPENED = 1,
    // It is locked, once or more.
    PROCSYNC_NATIVE_LOCKED = 2,
    // It is locked more than once.
    PROCSYNC_NATIVE_REENTRANT = 4,
    // It was open and is closed.
    PROCSYNC_NATIVE_CLOSED = 8,
    // It was unlinked by this instance.
    PROCSYNC_NATIVE_UNLINKED = 16,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_native_flag procsync_native_flag;
#else
typedef int32_t procsync_native_flag;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A step in the life of a native semaphore's instance.
enum procsync_native_step
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // procsync_native_open()
    PROCSYNC_NATIVE_OPEN = 1,
    // procsync_native_lock()
    PROCSYNC_NATIVE_LOCK = 2,
    // procsync_native_unlock()
    PROCSYNC_NATIVE_UNLOCK = 3,
    // procsync_native_close()
    PROCSYNC_NATIVE_CLOSE = 4,
    // procsync_native_unlink()
    PROCSYNC_NATIVE_UNLINK = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_native_step procsync_native_step;
#else
typedef int32_t procsync_native_step;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What becomes of a step.
enum procsync_native_event
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It is about to be tried.
    PROCSYNC_NATIVE_WILL_ATTEMPT = 0,
    // It succeeded. (A try that gets nothing neither succeeds nor fails.)
    PROCSYNC_NATIVE_SUCCEEDED = 1,
    // It failed.
    PROCSYNC_NATIVE_FAILED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_native_event procsync_native_event;
#else
typedef int32_t procsync_native_event;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Who can see an object.
enum procsync_scope
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Only processes of the user that made it. The default.
    PROCSYNC_SCOPE_USER = 0,
    // All users of the machine, as far as the object's mode lets them.
    PROCSYNC_SCOPE_MACHINE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_scope procsync_scope;
#else
typedef int32_t procsync_scope;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Who owns a mutex that is locked.
enum procsync_ownership
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The thread that locked it; only that one can unlock it. The default.
    PROCSYNC_OWNERSHIP_THREAD = 0,
    // The process; any thread of it can unlock it.
    PROCSYNC_OWNERSHIP_PROCESS = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_ownership procsync_ownership;
#else
typedef int32_t procsync_ownership;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What happens when a mutex is free because its last holder died.
enum procsync_on_abandoned
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The next one gets it and is told. The default.
    PROCSYNC_ON_ABANDONED_REPORT = 0,
    // Locking answers PROCSYNC_ABANDONED until somebody has called procsync_mutex_repair().
    PROCSYNC_ON_ABANDONED_REFUSE = 1,
    // The next one gets it and is not told.
    PROCSYNC_ON_ABANDONED_IGNORE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_on_abandoned procsync_on_abandoned;
#else
typedef int32_t procsync_on_abandoned;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a wait that succeeded does to the event.
enum procsync_reset
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Nothing: it stays set until somebody clears it.
    PROCSYNC_RESET_MANUAL = 0,
    // It unsets the event: each setting lets one waiter go on.
    PROCSYNC_RESET_AUTO = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_reset procsync_reset;
#else
typedef int32_t procsync_reset;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How long a wait spins before it sleeps. A number above 0: so many pauses.
enum procsync_spin
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // As long as that has paid off lately.
    PROCSYNC_SPIN_ADAPTIVE = -1,
    // Not at all.
    PROCSYNC_SPIN_NEVER = 0,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_spin procsync_spin;
#else
typedef int32_t procsync_spin;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What became of an object that was to be removed.
enum procsync_removal
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // There was none of this name.
    PROCSYNC_REMOVAL_NONE = 0,
    // Nobody had it open; its name is free.
    PROCSYNC_REMOVAL_DONE = 1,
    // It is in use, and goes when its last user leaves.
    PROCSYNC_REMOVAL_WHEN_LAST_USER_LEAVES = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_removal procsync_removal;
#else
typedef int32_t procsync_removal;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a holder came to let go without releasing.
enum procsync_cause
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It did not.
    PROCSYNC_CAUSE_NONE = 0,
    // Its process ended.
    PROCSYNC_CAUSE_DIED = 1,
    // The thread that owned it exited.
    PROCSYNC_CAUSE_THREAD_EXITED = 2,
    // The last handle of the process was closed.
    PROCSYNC_CAUSE_CLOSED = 3,
    // Somebody released it by force.
    PROCSYNC_CAUSE_FORCED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_cause procsync_cause;
#else
typedef int32_t procsync_cause;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How an object stands.
enum procsync_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // An object that this version of the C interface has no number for.
    PROCSYNC_STATE_OTHER = 0,
    // A mutex that nobody holds.
    PROCSYNC_STATE_FREE = 1,
    // A mutex that somebody holds.
    PROCSYNC_STATE_HELD = 2,
    // A mutex that nobody holds, whose last holder died.
    PROCSYNC_STATE_ABANDONED = 3,
    // A semaphore: see `available` and `capacity`.
    PROCSYNC_STATE_PERMITS = 4,
    // A token semaphore: see `available`.
    PROCSYNC_STATE_TOKENS = 5,
    // An event that is set.
    PROCSYNC_STATE_SET = 6,
    // An event that is not set.
    PROCSYNC_STATE_UNSET = 7,
    // A shared memory: see `bytes`.
    PROCSYNC_STATE_BYTES = 8,
    // A native semaphore: see `capacity` and what begins with `native_`.
    PROCSYNC_STATE_NATIVE = 9,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_state procsync_state;
#else
typedef int32_t procsync_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What procsync_atomic_u32_fetch() and procsync_atomic_u64_fetch() do to a number.
enum procsync_atomic
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Replace it.
    PROCSYNC_ATOMIC_SWAP = 0,
    // Add, beginning again at 0 after the largest number.
    PROCSYNC_ATOMIC_ADD = 1,
    // Subtract, going on with the largest number below 0.
    PROCSYNC_ATOMIC_SUBTRACT = 2,
    // Keep those bits that the operand has too.
    PROCSYNC_ATOMIC_AND = 3,
    // Add the bits that the operand has.
    PROCSYNC_ATOMIC_OR = 4,
    // Make it the larger one of itself and the operand.
    PROCSYNC_ATOMIC_MAX = 5,
    // Make it the smaller one of itself and the operand.
    PROCSYNC_ATOMIC_MIN = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum procsync_atomic procsync_atomic;
#else
typedef int32_t procsync_atomic;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Tells all processes that know the name that something has happened.
typedef struct procsync_event procsync_event;

// Only one at a time, over all processes that know the name.
//
// By default a thread owns it, and locking it twice in one thread is an error at once. When the
// holder dies, the next one gets it, usually within milliseconds, and is told.
typedef struct procsync_mutex procsync_mutex;

// One of the system's own semaphores (what `sem_open` and `CreateSemaphoreW` make), as one thread uses
// it: for programs that must share one with software that does not use this library. Its life:
// instantiate, open, lock (and lock …), unlock (and unlock …), close, unlink; then free the handle. A
// step out of this order is PROCSYNC_OUT_OF_ORDER and changes nothing.
//
// It belongs to the thread that instantiated it; in any other one, every function answers
// PROCSYNC_WRONG_THREAD, also the one that frees it. Another thread instantiates its own, which waits
// for this one like any other program.
typedef struct procsync_native procsync_native;

// How objects are opened, where that is not the default. One may serve for many objects.
typedef struct procsync_options procsync_options;

// A list of participants.
typedef struct procsync_participants procsync_participants;

// Mutual exclusion in 64 bytes of memory that the caller supplies, between threads or, if others
// map the same memory, processes. It knows nothing of deaths: procsync_mutex does.
typedef struct procsync_raw_mutex procsync_raw_mutex;

// A count of things in 64 bytes of memory that the caller supplies: some post them, others wait for
// them and take them.
typedef struct procsync_raw_semaphore procsync_raw_semaphore;

// Only one thread at a time, over all processes that know the name; the one that has it may lock it
// again, and it is free when it has been unlocked as often.
typedef struct procsync_reentrant_mutex procsync_reentrant_mutex;

// Limits how many are inside at once, over all processes that know the name. Each permit has a
// known holder, a process; when that dies, its permits come back, and who gets one is told.
typedef struct procsync_semaphore procsync_semaphore;

// Memory that all processes share which know the name; other programs find it with
// shm_open("/NAME").
typedef struct procsync_shared_memory procsync_shared_memory;

// What a look at objects found.
typedef struct procsync_snapshots procsync_snapshots;

// Counts things, over all processes that know the name: who makes one posts, who takes one waits
// until there is one. Nobody owns a token, so none comes back when a process dies.
typedef struct procsync_token_semaphore procsync_token_semaphore;

// A holder that died while it held. Read it by pointer only, never copy it whole: later versions
// may add fields at its end.
typedef struct procsync_deceased {
    // Its process id, in its own pid namespace.
    uint32_t pid;
    // Its thread id; 0 if it held as a process.
    uint32_t tid;
    // How it came to let go: a procsync_cause.
    int32_t cause;
    // Not used.
    int32_t reserved;
    // When that was noticed, in nanoseconds since 1970; 0: not known.
    uint64_t noticed_ns;
} procsync_deceased;

// A process or thread that holds an object or waits for it. Read it by pointer only, never copy it
// whole: later versions may add fields at its end.
typedef struct procsync_participant {
    // Its process id, in its own pid namespace.
    uint32_t pid;
    // Its thread id; 0 if no thread of the process is known.
    uint32_t tid;
    // Its command line if it can be read here, else the name that it left.
    const char *command;
    // Since when it holds or waits, in nanoseconds since 1970; 0: not known.
    uint64_t since_ns;
    // It died, and nobody has taken its place yet.
    bool dead;
    // Its pid means nothing here: it lives in another pid namespace.
    bool foreign_namespace;
} procsync_participant;

// An object at one moment. Read it by pointer only, never copy it whole: later versions may add
// fields at its end.
typedef struct procsync_snapshot {
    // What it is called.
    const char *name;
    // What it is: a procsync_kind.
    int32_t kind;
    // How it stands: a procsync_state.
    int32_t state;
    // How many permits or tokens there are to be had; of a native semaphore see `native_free`.
    uint32_t available;
    // How many permits a semaphore has. Of a native one how many units it was made with, 0: not known.
    uint32_t capacity;
    // How many bytes a shared memory has.
    uint64_t bytes;
    // Who holds it: an array of `holder_count` pointers. One row for a mutex, one per held permit.
    const struct procsync_participant *const *holders;
    // How many there are.
    size_t holder_count;
    // Who sleeps because of it: an array of `waiter_count` pointers.
    const struct procsync_participant *const *waiters;
    // How many there are.
    size_t waiter_count;
    // How many live processes have it open.
    uint32_t processes;
    // Whether it stays when its last user leaves.
    bool persistent;
    // When it was made, in nanoseconds since 1970; 0: not known.
    uint64_t created_ns;
    // How often a mutex was acquired.
    uint64_t grants;
    // How often somebody had to sleep for it.
    uint64_t contended;
    // How often something was taken back from a dead holder.
    uint64_t recovered;
    // Of a native semaphore: how many units are free; -1: not known.
    int64_t native_free;
    // Of a native semaphore: how many units belonged to dead users, and go to the next one.
    uint32_t native_abandoned;
    // Of a native semaphore: how many users died while they took or gave back, so that it cannot be told
    // whether a unit went with them.
    uint32_t native_doubtful;
    // Of a native semaphore: how many units are neither free nor known to be held; -1: not known.
    int64_t native_unknown;
} procsync_snapshot;

// Asked in a waiting thread whether it is to give up: not 0 for yes. It must return: no exception
// and no longjmp may leave it.
typedef int (*procsync_interrupt)(void *context);

// What a function of the calling thread failed of last. Read it by pointer only, never copy it
// whole: later versions may add fields at its end.
typedef struct procsync_error {
    // What the function answered: a procsync_status.
    int32_t code;
    // What the system said, if the code is PROCSYNC_SYSTEM; else 0.
    int32_t system_errno;
    // What kind of object it is about: a procsync_kind.
    int32_t kind;
    // Which function failed.
    const char *operation;
    // The name of the object; empty if it is about none.
    const char *object;
    // What was tried, what the system answered, and what to do. At most 1,023 bytes of UTF-8.
    const char *message;
} procsync_error;

// Told of each step (a procsync_native_step) what becomes of it (a procsync_native_event). It must
// return: no exception and no longjmp may leave it. It may use the semaphore, but not free it; what it
// does itself it is not told.
typedef void (*procsync_native_observer)(void *context,
                                         int32_t step,
                                         int32_t event);

// The permits of one acquisition, as C keeps them. Fields are read only; what is copied stands for
// the same permits, and only the first release of them counts.
typedef struct procsync_permit {
    // Which acquisition of this process it was; 0: none, or released.
    uint64_t serial;
    // The permit, or the first of them, counted from 0.
    uint32_t index;
    // How many they are.
    uint32_t count;
} procsync_permit;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Who died holding what the calling thread acquired last with the answer `abandoned`. Never
// null; all zeros before that. Valid until the next such acquisition of this thread, or its end.
const struct procsync_deceased *procsync_last_deceased(void);

// Attaches to the event, or creates it. `reset` says what a wait that succeeded does to it, a
// procsync_reset; an existing event must have the same. Null options are the defaults. Close the
// handle with procsync_event_close().
procsync_status procsync_event_open(const char *name,
                                    int32_t reset,
                                    const struct procsync_options *options,
                                    struct procsync_event **event);

// Creates the event; PROCSYNC_ALREADY_EXISTS if it is there.
procsync_status procsync_event_create(const char *name,
                                      int32_t reset,
                                      const struct procsync_options *options,
                                      struct procsync_event **event);

// Attaches to the event; PROCSYNC_NOT_FOUND if it is not there.
procsync_status procsync_event_attach(const char *name,
                                      const struct procsync_options *options,
                                      struct procsync_event **event);

// Closes the handle. Null is allowed.
procsync_status procsync_event_close(struct procsync_event *event);

// Sets the event and lets those go on who wait: all (manual reset) or one (auto reset).
//
// May be called in a signal handler, with a good handle: it takes no lock and no memory, and leaves
// errno as it is. But not with one that a forked child has not used yet otherwise, for that one is
// opened anew first.
procsync_status procsync_event_set(const struct procsync_event *event);

// Unsets the event.
procsync_status procsync_event_clear(const struct procsync_event *event);

// Waits until the event is set, and unsets it if it resets itself: at most `timeout_ns`
// nanoseconds, -1 for ever, 0 for not at all.
procsync_status procsync_event_wait(const struct procsync_event *event,
                                    int64_t timeout_ns);

// Whether it is set. The answer may be old when it comes.
procsync_status procsync_event_is_set(const struct procsync_event *event,
                                      bool *set);

// What a wait that succeeded does to it: a procsync_reset.
procsync_status procsync_event_reset(const struct procsync_event *event,
                                     int32_t *reset);

// The name without prefix, for as long as the handle.
procsync_status procsync_event_name(const struct procsync_event *event,
                                    const char **name);

// Ends the event's existence; `removal` (or null) is told how: a procsync_removal.
procsync_status procsync_event_remove(const struct procsync_event *event,
                                      int32_t *removal);

// Looks at all objects of a procsync_scope, in the order of their names. Takes nothing and
// disturbs nobody. Free what was found with procsync_snapshots_free().
procsync_status procsync_inspect_list(int32_t scope,
                                      struct procsync_snapshots **found);

// Looks at one object, or at the native semaphore if no object has this name; PROCSYNC_NOT_FOUND if
// there is neither. What was found is a list
// of one. Free it with procsync_snapshots_free().
procsync_status procsync_inspect_show(const char *name,
                                      int32_t scope,
                                      struct procsync_snapshots **found);

// Looks at the ledger of the native semaphore of this name, also if another object has the same name;
// PROCSYNC_NOT_FOUND if there is none. Else as procsync_inspect_show().
procsync_status procsync_inspect_show_native(const char *name,
                                             int32_t scope,
                                             struct procsync_snapshots **found);

// How many objects were found.
procsync_status procsync_snapshots_count(const struct procsync_snapshots *found,
                                         size_t *count);

// One object that was found, counted from 0, for as long as the list. If it could not be looked at,
// because it is damaged, say, this answers why.
procsync_status procsync_snapshots_get(const struct procsync_snapshots *found,
                                       size_t index,
                                       const struct procsync_snapshot **snapshot);

// Frees what was found. Null is allowed.
procsync_status procsync_snapshots_free(struct procsync_snapshots *found);

// Sets what the calling thread is asked while it waits, in any function of this library: after each
// signal that a handler of this thread has handled, and every 25 ms besides. If it answers
// anything but 0, the wait ends with PROCSYNC_INTERRUPTED, and nothing was acquired. Null, which
// is the default: no signal ends a wait.
//
// It is not asked when there is nothing to wait for. It may use this library itself, but not close
// what its thread is waiting for.
procsync_status procsync_set_interrupt(procsync_interrupt interrupt,
                                       void *context);

// The details of what a function failed of last in the calling thread. Never null; with the code
// 0 if none has failed yet. Valid until the next failure in this thread, or its end. A function
// that succeeds leaves it as it is.
const struct procsync_error *procsync_last_error(void);

// Attaches to the mutex of this name, or creates it if there is none. Null options are the
// defaults. Close the handle with procsync_mutex_close().
procsync_status procsync_mutex_open(const char *name,
                                    const struct procsync_options *options,
                                    struct procsync_mutex **mutex);

// Creates the mutex; PROCSYNC_ALREADY_EXISTS if it is there.
procsync_status procsync_mutex_create(const char *name,
                                      const struct procsync_options *options,
                                      struct procsync_mutex **mutex);

// Attaches to the mutex; PROCSYNC_NOT_FOUND if it is not there.
procsync_status procsync_mutex_attach(const char *name,
                                      const struct procsync_options *options,
                                      struct procsync_mutex **mutex);

// Closes the handle. Null is allowed. If it was the last one of this process, a hold of this
// process ends as if its holder had died (PROCSYNC_CAUSE_CLOSED).
procsync_status procsync_mutex_close(struct procsync_mutex *mutex);

// Waits until the mutex is free and takes it: at most `timeout_ns` nanoseconds, -1 for ever, 0 for
// not at all. `abandoned` (or null) is told whether the previous holder died; then what the mutex
// guards may be half changed, and procsync_last_deceased() says who it was.
procsync_status procsync_mutex_lock(const struct procsync_mutex *mutex,
                                    int64_t timeout_ns,
                                    bool *abandoned);

// Waits for the mutex and takes it even if its holder died and the options say to refuse then: to
// set right what it guards. Once it is unlocked, the mutex is as good as new.
procsync_status procsync_mutex_repair(const struct procsync_mutex *mutex,
                                      bool *abandoned);

// Gives the mutex back. Only for who has it: the thread or, if the options say so, the process.
procsync_status procsync_mutex_unlock(const struct procsync_mutex *mutex);

// Takes the mutex away from whoever holds it, as if that one had died; `held` (or null) is told
// whether anybody did. What the holder does meanwhile is no longer excluded: a last resort.
procsync_status procsync_mutex_force_release(const struct procsync_mutex *mutex,
                                             bool *held);

// Whether anybody holds it. The answer may be old when it comes.
procsync_status procsync_mutex_is_locked(const struct procsync_mutex *mutex,
                                         bool *locked);

// Who holds it: a list of one or none. Free it with procsync_participants_free().
procsync_status procsync_mutex_owner(const struct procsync_mutex *mutex,
                                     struct procsync_participants **owner);

// The number of the caller's acquisition. It grows with each acquisition of the mutex, whoever
// makes it, so that what is protected can refuse who comes late (a fencing token). Only for who
// has it.
procsync_status procsync_mutex_grant(const struct procsync_mutex *mutex,
                                     uint64_t *grant);

// How many bytes of data the mutex guards.
procsync_status procsync_mutex_data_size(const struct procsync_mutex *mutex,
                                         uint64_t *size);

// Copies the data that the mutex guards, or its first `size` bytes, to `to`. Only for who has the
// mutex.
procsync_status procsync_mutex_read(const struct procsync_mutex *mutex,
                                    void *to,
                                    size_t size);

// Overwrites the data that the mutex guards, or its first `size` bytes, with those at `from`. Only
// for who has the mutex. A holder that is killed in the middle leaves a mixture of old and new, and
// the next one is told that it died.
procsync_status procsync_mutex_write(const struct procsync_mutex *mutex,
                                     const void *from,
                                     size_t size);

// The name without prefix, for as long as the handle.
procsync_status procsync_mutex_name(const struct procsync_mutex *mutex,
                                    const char **name);

// Ends the mutex's existence; `removal` (or null) is told how: a procsync_removal.
procsync_status procsync_mutex_remove(const struct procsync_mutex *mutex,
                                      int32_t *removal);

// The calling thread's instance for this name, whose prefix `/`, `Global\` or `Local\` is taken off:
// the same one each time (behind another handle), until it is closed; PROCSYNC_MISMATCH if it has other
// options. Null options are the defaults: one unit, mode 0644, a ledger for this user. Nothing
// is opened yet. Free the handle with procsync_native_free().
procsync_status procsync_native_instantiate(const char *name,
                                            const struct procsync_options *options,
                                            struct procsync_native **semaphore);

// Frees the handle; null is allowed. With the last handle of an instance, it is closed. If it is locked
// then, what it holds is left for the next user of this library, as if its holder had died.
procsync_status procsync_native_free(struct procsync_native *semaphore);

// Opens the semaphore, and makes it if there is none, which `created` (or null) is told.
procsync_status procsync_native_open(const struct procsync_native *semaphore,
                                     bool *created);

// Waits until there is a unit and takes it: at most `timeout_ns` nanoseconds, -1 for ever, 0 for not at
// all. If it is locked already, this only counts. `abandoned` (or null) is told whether the one
// that had this unit died; then what the semaphore guards may be half changed, and
// procsync_last_deceased() says who it was.
procsync_status procsync_native_lock(const struct procsync_native *semaphore,
                                     int64_t timeout_ns,
                                     bool *abandoned);

// Undoes the last lock; the outermost unlock gives the unit back to the system.
procsync_status procsync_native_unlock(const struct procsync_native *semaphore);

// Closes the semaphore, which itself stays until it is unlinked (on Windows until its last user has
// closed it). Not while it is locked. The handle stays until it is freed.
procsync_status procsync_native_close(const struct procsync_native *semaphore);

// Takes the semaphore's name away, after it was closed; `was_there` (or null) is told whether it still
// had one. Who has it open goes on with it. On Windows this only sets a mark: a semaphore goes there
// with its last user.
procsync_status procsync_native_unlink(const struct procsync_native *semaphore,
                                       bool *was_there);

// Takes a semaphore's name away without opening it, and its ledger in a procsync_scope; `was_there` (or
// null) is told whether there was one.
procsync_status procsync_native_unlink_name(const char *name,
                                            int32_t scope,
                                            bool *was_there);

// How it stands: the sum of those procsync_native_flag that hold.
procsync_status procsync_native_status(const struct procsync_native *semaphore,
                                       uint32_t *flags);

// Both counts as of one moment, each to a pointer (or null): how often it is locked, one within the
// other, and whether it has a unit of the system's semaphore (1, else 0).
procsync_status procsync_native_counts(const struct procsync_native *semaphore,
                                       uint32_t *depth,
                                       uint32_t *process);

// How the last lock or unlock by this handle changed the counts, each to a pointer (or null); zeros
// before the first.
procsync_status procsync_native_changes(const struct procsync_native *semaphore,
                                        uint32_t *depth_from,
                                        uint32_t *depth_to,
                                        uint32_t *process_from,
                                        uint32_t *process_to);

// The name without prefix, for as long as the handle. In any thread.
procsync_status procsync_native_name(const struct procsync_native *semaphore,
                                     const char **name);

// Who the instance is: `name:thread:process` in one text, for as long as the handle.
procsync_status procsync_native_uuid(const struct procsync_native *semaphore,
                                     const char **uuid);

// Where the system has put the semaphore (a handle on Windows), once it was opened; else null. Only to
// tell instances apart.
procsync_status procsync_native_address(const struct procsync_native *semaphore,
                                        const void **address);

// What is known of all its units, each to a pointer (or null), -1 where it is not known: how many it
// was made with; how many are free; how many are held by users of this library; how many belonged to
// dead ones and go to the next that wants one; how many users died while they took or gave back, so
// that it cannot be told whether a unit went with them; and how many are missing: held by programs
// that do not use this library, or gone with one of those. Without a ledger, nothing is known.
procsync_status procsync_native_accounts(const struct procsync_native *semaphore,
                                         int64_t *capacity,
                                         int64_t *free,
                                         int64_t *held,
                                         int64_t *abandoned,
                                         int64_t *doubtful,
                                         int64_t *unknown);

// Who holds its units, as far as they use this library with a ledger. Free the list with
// procsync_participants_free().
procsync_status procsync_native_holders(const struct procsync_native *semaphore,
                                        struct procsync_participants **holders);

// Gives back to the system what dead users had and nobody has taken over; `count` (or null) is told
// how many units. Users of this library take them over by themselves; this is for programs that only
// see the system's count.
procsync_status procsync_native_reap(const struct procsync_native *semaphore,
                                     uint32_t *count);

// Gives back all units that are missing: neither free nor known to be held; `count` (or null) is told
// how many. Only if you know that no program holds one that does not use this library: it would not be
// alone any more.
procsync_status procsync_native_post_doubtful(const struct procsync_native *semaphore,
                                              uint32_t *count);

// Has the steps of the instance followed, by whatever handle they are taken, by this function and no
// other; null: by none. The context is passed on to it.
procsync_status procsync_native_observe(const struct procsync_native *semaphore,
                                        procsync_native_observer observer,
                                        void *context);

// Makes options that say what is the default. Free them with procsync_options_free().
procsync_status procsync_options_new(struct procsync_options **options);

// Frees options. Null is allowed.
procsync_status procsync_options_free(struct procsync_options *options);

// Who can see the object: a procsync_scope. `mode` is for PROCSYNC_SCOPE_MACHINE: the permissions
// of the object's file as in chmod(2), 0666 for everybody; it is not cut by the umask.
procsync_status procsync_options_set_scope(struct procsync_options *options,
                                           int32_t scope,
                                           uint32_t mode);

// Not 0: the object stays when its last user leaves or dies. Counts when it is created.
procsync_status procsync_options_set_persistent(struct procsync_options *options,
                                                int persistent);

// How many participants can use the object at once, 1 to 65,536 (default: 1,024). A process that
// has it open is one, and so is each thread that owns it or sleeps for it. Counts when it is
// created.
procsync_status procsync_options_set_participants(struct procsync_options *options,
                                                  uint32_t participants);

// How long waits spin before they sleep: a procsync_spin, or a number of pauses. Default: what the
// environment variable PROCSYNC_SPIN says, else adaptive.
procsync_status procsync_options_set_spin(struct procsync_options *options,
                                          int32_t spin);

// Who owns a mutex that is locked through the handle: a procsync_ownership. Not for reentrant
// mutexes, which threads own.
procsync_status procsync_options_set_ownership(struct procsync_options *options,
                                               int32_t ownership);

// What a mutex's handle does when a holder died: a procsync_on_abandoned.
procsync_status procsync_options_set_on_abandoned(struct procsync_options *options,
                                                  int32_t on_abandoned);

// Not 0: an event is set when it is created.
procsync_status procsync_options_set_initially_set(struct procsync_options *options,
                                                   int set);

// The data that a mutex guards: its size in bytes, its alignment (a power of two up to 4,096), and
// what it is when the mutex is created: `size` bytes, which are copied, or null for zeros. An
// existing mutex must guard data of the same size and alignment. See procsync_mutex_read().
procsync_status procsync_options_set_data(struct procsync_options *options,
                                          uint64_t size,
                                          uint32_t align,
                                          const void *initial);

// For native semaphores: how many units it has if it is made (default: 1).
procsync_status procsync_options_set_initial_count(struct procsync_options *options,
                                                   uint32_t units);

// For native semaphores: who may use the system's semaphore if it is made, as in chmod(2); cut by the
// umask (default: 0644). Who shares its ledger is what the scope says.
procsync_status procsync_options_set_semaphore_mode(struct procsync_options *options,
                                                    uint32_t mode);

// For native semaphores: 0 for no ledger. Then nobody knows who holds, and what a dead holder held is
// lost.
procsync_status procsync_options_set_ledger(struct procsync_options *options,
                                            int ledger);

// How many there are in the list.
procsync_status procsync_participants_count(const struct procsync_participants *participants,
                                            size_t *count);

// One of the list, counted from 0, for as long as the list.
procsync_status procsync_participants_get(const struct procsync_participants *participants,
                                          size_t index,
                                          const struct procsync_participant **participant);

// Frees a list. Null is allowed.
procsync_status procsync_participants_free(struct procsync_participants *participants);

// Uses the first 64 of the `size` bytes at `memory`, which must be aligned to 4 and stay where they
// are until the handle is closed. 64 zero bytes become a free mutex; one that is there is left as
// it is. `shared`: not 0 if other processes map the memory; all users must say the same. The handle
// is closed with procsync_raw_mutex_close(), which leaves the memory as it is.
procsync_status procsync_raw_mutex_at(void *memory,
                                      size_t size,
                                      int shared,
                                      struct procsync_raw_mutex **mutex);

// Closes the handle and leaves the memory, and a lock that is held there, as it is. Null is
// allowed.
procsync_status procsync_raw_mutex_close(struct procsync_raw_mutex *mutex);

// Waits until the mutex is free and takes it: at most `timeout_ns` nanoseconds, -1 for ever, 0 for
// not at all. PROCSYNC_ALREADY_OWNED if the calling thread has it already and would wait.
procsync_status procsync_raw_mutex_acquire(const struct procsync_raw_mutex *mutex,
                                           int64_t timeout_ns);

// Gives the mutex back; any thread of the process that has it may. Else PROCSYNC_NOT_OWNER.
procsync_status procsync_raw_mutex_release(const struct procsync_raw_mutex *mutex);

// Frees the mutex whoever has it; `held` (or null) is told whether anybody did. For the case that
// the holder has died.
procsync_status procsync_raw_mutex_force_release(const struct procsync_raw_mutex *mutex,
                                                 bool *held);

// Whether anybody has it. The answer may be old when it comes.
procsync_status procsync_raw_mutex_is_locked(const struct procsync_raw_mutex *mutex,
                                             bool *locked);

// The process id of the holder, as it calls itself; 0: none, or not known yet. To be shown only.
procsync_status procsync_raw_mutex_owner_pid(const struct procsync_raw_mutex *mutex,
                                             uint32_t *pid);

// When it was last acquired, in nanoseconds since 1970; 0: never.
procsync_status procsync_raw_mutex_last_acquired_ns(const struct procsync_raw_mutex *mutex,
                                                    uint64_t *ns);

// Uses the first 64 of the `size` bytes at `memory`, which must be aligned to 4 and stay where they
// are until the handle is closed. `initial` null: attaches to the semaphore that is there. Else 64
// zero bytes become a semaphore with this count; one that is there is left as it is. `shared`: not
// 0 if other processes map the memory; all users must say the same. The handle is closed with
// procsync_raw_semaphore_close(), which leaves the memory as it is.
procsync_status procsync_raw_semaphore_at(void *memory,
                                          size_t size,
                                          const uint32_t *initial,
                                          int shared,
                                          struct procsync_raw_semaphore **semaphore);

// Closes the handle and leaves the memory as it is. Null is allowed.
procsync_status procsync_raw_semaphore_close(struct procsync_raw_semaphore *semaphore);

// Adds `count` and wakes as many that wait. PROCSYNC_OVERFLOW if there would be more than 2^32 - 1;
// the count is unchanged then.
procsync_status procsync_raw_semaphore_post(const struct procsync_raw_semaphore *semaphore,
                                            uint32_t count);

// Takes one, waiting for it: at most `timeout_ns` nanoseconds, -1 for ever, 0 for not at all.
procsync_status procsync_raw_semaphore_wait(const struct procsync_raw_semaphore *semaphore,
                                            int64_t timeout_ns);

// Sets the count and wakes as many that wait: for the start of a program that uses the memory of an
// earlier run.
procsync_status procsync_raw_semaphore_reset(const struct procsync_raw_semaphore *semaphore,
                                             uint32_t count);

// How many there are. The answer may be old when it comes.
procsync_status procsync_raw_semaphore_value(const struct procsync_raw_semaphore *semaphore,
                                             uint32_t *value);

// The process id of the process that took one last, as it calls itself; 0: none. To be shown only.
procsync_status procsync_raw_semaphore_last_pid(const struct procsync_raw_semaphore *semaphore,
                                                uint32_t *pid);

// When one was last taken, in nanoseconds since 1970; 0: never.
procsync_status procsync_raw_semaphore_last_acquired_ns(const struct procsync_raw_semaphore *semaphore,
                                                        uint64_t *ns);

// Attaches to the mutex of this name, or creates it if there is none. Null options are the
// defaults. Close the handle with procsync_reentrant_mutex_close().
procsync_status procsync_reentrant_mutex_open(const char *name,
                                              const struct procsync_options *options,
                                              struct procsync_reentrant_mutex **mutex);

// Creates the mutex; PROCSYNC_ALREADY_EXISTS if it is there.
procsync_status procsync_reentrant_mutex_create(const char *name,
                                                const struct procsync_options *options,
                                                struct procsync_reentrant_mutex **mutex);

// Attaches to the mutex; PROCSYNC_NOT_FOUND if it is not there.
procsync_status procsync_reentrant_mutex_attach(const char *name,
                                                const struct procsync_options *options,
                                                struct procsync_reentrant_mutex **mutex);

// Closes the handle. Null is allowed. If it was the last one of this process, a hold of this
// process ends as if its holder had died (PROCSYNC_CAUSE_CLOSED).
procsync_status procsync_reentrant_mutex_close(struct procsync_reentrant_mutex *mutex);

// Waits until no other thread has the mutex and takes it, or one layer more of it: at most `timeout_ns` nanoseconds, -1 for ever, 0 for
// not at all. `abandoned` (or null) is told whether the previous holder died; then what the mutex
// guards may be half changed, and procsync_last_deceased() says who it was.
procsync_status procsync_reentrant_mutex_lock(const struct procsync_reentrant_mutex *mutex,
                                              int64_t timeout_ns,
                                              bool *abandoned);

// Gives one layer of the mutex back. Only for the thread that has it.
procsync_status procsync_reentrant_mutex_unlock(const struct procsync_reentrant_mutex *mutex);

// Takes the mutex, all layers of it, away from whoever holds it, as if that one had died; `held` (or null) is told
// whether anybody did. What the holder does meanwhile is no longer excluded: a last resort.
procsync_status procsync_reentrant_mutex_force_release(const struct procsync_reentrant_mutex *mutex,
                                                       bool *held);

// Whether anybody holds it. The answer may be old when it comes.
procsync_status procsync_reentrant_mutex_is_locked(const struct procsync_reentrant_mutex *mutex,
                                                   bool *locked);

// Who holds it: a list of one or none. Free it with procsync_participants_free().
procsync_status procsync_reentrant_mutex_owner(const struct procsync_reentrant_mutex *mutex,
                                               struct procsync_participants **owner);

// How many layers of it the calling thread has; 0 for none.
procsync_status procsync_reentrant_mutex_depth(const struct procsync_reentrant_mutex *mutex,
                                               uint32_t *depth);

// The name without prefix, for as long as the handle.
procsync_status procsync_reentrant_mutex_name(const struct procsync_reentrant_mutex *mutex,
                                              const char **name);

// Ends the mutex's existence; `removal` (or null) is told how: a procsync_removal.
procsync_status procsync_reentrant_mutex_remove(const struct procsync_reentrant_mutex *mutex,
                                                int32_t *removal);

// Removes an object by name, whatever its kind, in a procsync_scope; `removal` (or null) is told
// what became of it: a procsync_removal.
procsync_status procsync_remove(const char *name,
                                int32_t scope,
                                int32_t *removal);

// Attaches to the semaphore of this name, which must have this many permits (1 to 1,048,576), or
// creates it. Null options are the defaults. Close the handle with procsync_semaphore_close(). A
// handle takes 16 bytes for each permit.
procsync_status procsync_semaphore_open(const char *name,
                                        uint32_t capacity,
                                        const struct procsync_options *options,
                                        struct procsync_semaphore **semaphore);

// Creates the semaphore; PROCSYNC_ALREADY_EXISTS if it is there.
procsync_status procsync_semaphore_create(const char *name,
                                          uint32_t capacity,
                                          const struct procsync_options *options,
                                          struct procsync_semaphore **semaphore);

// Attaches to the semaphore, whatever its capacity; PROCSYNC_NOT_FOUND if it is not there.
procsync_status procsync_semaphore_attach(const char *name,
                                          const struct procsync_options *options,
                                          struct procsync_semaphore **semaphore);

// Closes the handle and gives back the permits that were acquired through it. Null is allowed.
procsync_status procsync_semaphore_close(struct procsync_semaphore *semaphore);

// Waits until `count` permits can be had together and takes them: at most `timeout_ns` nanoseconds,
// -1 for ever, 0 for not at all. `permit` is what procsync_semaphore_release() wants to see again.
// `abandoned` (or null) is told whether the previous holder of one of them died;
// procsync_last_deceased() says who it was then.
procsync_status procsync_semaphore_acquire(const struct procsync_semaphore *semaphore,
                                           uint32_t count,
                                           int64_t timeout_ns,
                                           struct procsync_permit *permit,
                                           bool *abandoned);

// Gives back all permits of one acquisition, in any thread of the process, through the handle that
// acquired them, and sets `permit` to zeros. PROCSYNC_NOT_OWNER, and nothing is changed, if they
// were given back already, or a fork made this a copy of the parent's.
procsync_status procsync_semaphore_release(const struct procsync_semaphore *semaphore,
                                           struct procsync_permit *permit);

// Which permits these are, counted from 0: with as many permits as there are devices, say, each
// holder has a device to itself. Writes as many as there is room for to `indexes`, and to `count`
// (or null) how many there are.
procsync_status procsync_semaphore_indexes(const struct procsync_semaphore *semaphore,
                                           const struct procsync_permit *permit,
                                           uint32_t *indexes,
                                           size_t room,
                                           size_t *count);

// How many permits there are.
procsync_status procsync_semaphore_capacity(const struct procsync_semaphore *semaphore,
                                            uint32_t *capacity);

// How many permits are free, after those of dead holders have come back. May be old when the
// answer comes. Costs a system call for each holder.
procsync_status procsync_semaphore_available(const struct procsync_semaphore *semaphore,
                                             uint32_t *available);

// Who holds permits: a row for each permit that is held. Free the list with
// procsync_participants_free().
procsync_status procsync_semaphore_holders(const struct procsync_semaphore *semaphore,
                                           struct procsync_participants **holders);

// The name without prefix, for as long as the handle.
procsync_status procsync_semaphore_name(const struct procsync_semaphore *semaphore,
                                        const char **name);

// Ends the semaphore's existence; `removal` (or null) is told how: a procsync_removal.
procsync_status procsync_semaphore_remove(const struct procsync_semaphore *semaphore,
                                          int32_t *removal);

// Attaches to the memory of this name, which must have at least this size, or creates it with
// exactly this size, full of zeros. Null options are the defaults. Close the handle with
// procsync_shared_memory_close().
procsync_status procsync_shared_memory_open(const char *name,
                                            uint64_t size,
                                            const struct procsync_options *options,
                                            struct procsync_shared_memory **memory);

// Creates the memory; PROCSYNC_ALREADY_EXISTS if it is there.
procsync_status procsync_shared_memory_create(const char *name,
                                              uint64_t size,
                                              const struct procsync_options *options,
                                              struct procsync_shared_memory **memory);

// Attaches to the memory, whatever its size; PROCSYNC_NOT_FOUND if it is not there. With null
// options it may also be one that another program made.
procsync_status procsync_shared_memory_attach(const char *name,
                                              const struct procsync_options *options,
                                              struct procsync_shared_memory **memory);

// Closes the handle; its address must not be used any more. Null is allowed.
procsync_status procsync_shared_memory_close(struct procsync_shared_memory *memory);

// Where the memory begins in this process: on a page boundary, readable and writable, for as long
// as the handle. Others may change it at any time: use atomics, or a mutex.
procsync_status procsync_shared_memory_address(const struct procsync_shared_memory *memory,
                                               void **address);

// Its size in bytes.
procsync_status procsync_shared_memory_size(const struct procsync_shared_memory *memory,
                                            uint64_t *size);

// Whether opening this handle created the memory.
procsync_status procsync_shared_memory_created(const struct procsync_shared_memory *memory,
                                               bool *created);

// How many processes have it open by this library, this one included. May be old when the answer
// comes.
procsync_status procsync_shared_memory_processes(const struct procsync_shared_memory *memory,
                                                 uint32_t *processes);

// Copies `size` bytes from `offset` to `to`, which must not lie in the memory itself.
procsync_status procsync_shared_memory_read(const struct procsync_shared_memory *memory,
                                            uint64_t offset,
                                            void *to,
                                            size_t size);

// Copies `size` bytes at `from`, which must not lie in the memory itself, to `offset`.
procsync_status procsync_shared_memory_write(const struct procsync_shared_memory *memory,
                                             uint64_t offset,
                                             const void *from,
                                             size_t size);

// The name without prefix, for as long as the handle.
procsync_status procsync_shared_memory_name(const struct procsync_shared_memory *memory,
                                            const char **name);

// Ends the memory's existence; `removal` (or null) is told how: a procsync_removal.
procsync_status procsync_shared_memory_remove(const struct procsync_shared_memory *memory,
                                              int32_t *removal);

// Attaches to the semaphore, whatever its count, or creates it with the count `initial`. Null
// options are the defaults. Close the handle with procsync_token_semaphore_close().
procsync_status procsync_token_semaphore_open(const char *name,
                                              uint32_t initial,
                                              const struct procsync_options *options,
                                              struct procsync_token_semaphore **semaphore);

// Creates the semaphore; PROCSYNC_ALREADY_EXISTS if it is there.
procsync_status procsync_token_semaphore_create(const char *name,
                                                uint32_t initial,
                                                const struct procsync_options *options,
                                                struct procsync_token_semaphore **semaphore);

// Attaches to the semaphore; PROCSYNC_NOT_FOUND if it is not there.
procsync_status procsync_token_semaphore_attach(const char *name,
                                                const struct procsync_options *options,
                                                struct procsync_token_semaphore **semaphore);

// Closes the handle. Null is allowed.
procsync_status procsync_token_semaphore_close(struct procsync_token_semaphore *semaphore);

// Adds tokens and wakes as many waiters. PROCSYNC_OVERFLOW if there would be more than 2^32 - 1; the
// count is unchanged then.
procsync_status procsync_token_semaphore_post(const struct procsync_token_semaphore *semaphore,
                                              uint32_t tokens);

// Waits until there is a token and takes it: at most `timeout_ns` nanoseconds, -1 for ever, 0 for
// not at all.
procsync_status procsync_token_semaphore_wait(const struct procsync_token_semaphore *semaphore,
                                              int64_t timeout_ns);

// How many tokens there are. The answer may be old when it comes.
procsync_status procsync_token_semaphore_value(const struct procsync_token_semaphore *semaphore,
                                               uint32_t *value);

// The name without prefix, for as long as the handle.
procsync_status procsync_token_semaphore_name(const struct procsync_token_semaphore *semaphore,
                                              const char **name);

// Ends the semaphore's existence; `removal` (or null) is told how: a procsync_removal.
procsync_status procsync_token_semaphore_remove(const struct procsync_token_semaphore *semaphore,
                                                int32_t *removal);

// The version of the library that is in use, which may be newer than that of the header.
const char *procsync_version(void);

// A procsync_status as the header calls it: "PROCSYNC_TIMED_OUT"; "unknown" for another number.
const char *procsync_status_name(int32_t status);

// The next multiple of the cache line's size (64 bytes), for laying out shared memory so that what
// one process writes often shares no line with what another one uses.
size_t procsync_align_to_cacheline_size(size_t bytes);

// Sleeps while the word holds `expected`, at most `timeout_ns` nanoseconds, -1 for ever. OK: it was
// woken, or the word holds something else, or for no reason: look again. PROCSYNC_TIMED_OUT else.
// `shared`: not 0 if other processes map the word; all users must say the same.
procsync_status procsync_futex_wait(uint32_t *word,
                                    uint32_t expected,
                                    int64_t timeout_ns,
                                    int shared);

// Wakes at most `count` of those who sleep on the word; `woken` (or null) is told how many.
procsync_status procsync_futex_wake(uint32_t *word,
                                    uint32_t count,
                                    int shared,
                                    uint32_t *woken);

// Reads a number that others change, with acquire ordering.
procsync_status procsync_atomic_u32_load(const uint32_t *number,
                                         uint32_t *value);

// Writes a number that others read, with release ordering.
procsync_status procsync_atomic_u32_store(uint32_t *number,
                                          uint32_t value);

// Writes `desired` if the number is what `expected` points to; `exchanged` (or null) is told whether
// it was. If it was not, `expected` is told what it is.
procsync_status procsync_atomic_u32_compare_exchange(uint32_t *number,
                                                     uint32_t *expected,
                                                     uint32_t desired,
                                                     bool *exchanged);

// Changes the number in one step, as a procsync_atomic says; `before` (or null) is told what it was.
procsync_status procsync_atomic_u32_fetch(uint32_t *number,
                                          int32_t operation,
                                          uint32_t operand,
                                          uint32_t *before);

// Reads a number that others change, with acquire ordering.
procsync_status procsync_atomic_u64_load(const uint64_t *number,
                                         uint64_t *value);

// Writes a number that others read, with release ordering.
procsync_status procsync_atomic_u64_store(uint64_t *number,
                                          uint64_t value);

// Writes `desired` if the number is what `expected` points to; `exchanged` (or null) is told whether
// it was. If it was not, `expected` is told what it is.
procsync_status procsync_atomic_u64_compare_exchange(uint64_t *number,
                                                     uint64_t *expected,
                                                     uint64_t desired,
                                                     bool *exchanged);

// Changes the number in one step, as a procsync_atomic says; `before` (or null) is told what it was.
procsync_status procsync_atomic_u64_fetch(uint64_t *number,
                                          int32_t operation,
                                          uint64_t operand,
                                          uint64_t *before);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PROCSYNC_H */
