// Signals: waits that go on, waits that end, and what a handler may do.

#include "check.h"

static volatile sig_atomic_t handled;
static procsync_event *set_by_handler;

static void count_signal(int number) {
    (void)number;
    handled++;
}

static void set_event(int number) {
    (void)number;
    procsync_event_set(set_by_handler);
}

static void handle(void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    handled = 0;
}

// Sends signals to a thread until it is told to end.
struct storm {
    pthread_t target;
    pthread_t thread;
    int ends;
};

static void *rain(void *argument) {
    struct storm *storm = (struct storm *)argument;
    while (!__atomic_load_n(&storm->ends, __ATOMIC_ACQUIRE)) {
        pthread_kill(storm->target, SIGUSR1);
        nap();
    }
    return NULL;
}

static void begin(struct storm *storm) {
    storm->target = pthread_self();
    storm->ends = 0;
    CHECK(pthread_create(&storm->thread, NULL, rain, storm) == 0);
}

static void finish(struct storm *storm) {
    __atomic_store_n(&storm->ends, 1, __ATOMIC_RELEASE);
    CHECK(pthread_join(storm->thread, NULL) == 0);
}

static void signals_do_not_end_a_wait_nor_begin_its_time_anew(void) {
    procsync_token_semaphore *tokens;
    OK(procsync_token_semaphore_open(name("rain"), 0, NULL, &tokens));
    handle(count_signal);
    struct storm storm;
    begin(&storm);
    int64_t before = now_ns();
    IS(procsync_token_semaphore_wait(tokens, MILLISECONDS(100)), PROCSYNC_TIMED_OUT);
    CHECK(now_ns() - before >= MILLISECONDS(100));
    EVENTUALLY(handled > 10);
    finish(&storm);
    OK(procsync_token_semaphore_close(tokens));
}

static int asked;

static int was_handled(void *context) {
    asked++;
    CHECK(context == &asked);
    return handled > 0;
}

static void a_wait_ends_if_the_function_says_so_after_a_signal(void) {
    procsync_mutex *mutex;
    procsync_event *event;
    procsync_semaphore *semaphore;
    procsync_token_semaphore *tokens;
    procsync_reentrant_mutex *reentrant;
    OK(procsync_mutex_open(name("called-1"), NULL, &mutex));
    OK(procsync_event_open(name("called-2"), PROCSYNC_RESET_AUTO, NULL, &event));
    OK(procsync_semaphore_open(name("called-3"), 1, NULL, &semaphore));
    OK(procsync_token_semaphore_open(name("called-4"), 0, NULL, &tokens));
    OK(procsync_reentrant_mutex_open(name("called-5"), NULL, &reentrant));
    uint32_t header[16] = {0}, none = 0;
    procsync_raw_semaphore *raw;
    OK(procsync_raw_semaphore_at(header, 64, &none, 0, &raw));
    procsync_permit permit, second;
    OK(procsync_semaphore_acquire(semaphore, 1, 0, &permit, NULL));
    handle(count_signal);
    OK(procsync_set_interrupt(was_handled, &asked));
    struct storm storm;
    begin(&storm);
    IS(procsync_event_wait(event, PROCSYNC_FOREVER), PROCSYNC_INTERRUPTED);
    CHECK(asked > 0 && procsync_last_error()->code == PROCSYNC_INTERRUPTED);
    IS(procsync_semaphore_acquire(semaphore, 1, PROCSYNC_FOREVER, &second, NULL), PROCSYNC_INTERRUPTED);
    IS(procsync_token_semaphore_wait(tokens, MILLISECONDS(60000)), PROCSYNC_INTERRUPTED);
    IS(procsync_raw_semaphore_wait(raw, PROCSYNC_FOREVER), PROCSYNC_INTERRUPTED);
    IS(procsync_futex_wait(&none, 0, PROCSYNC_FOREVER, 0), PROCSYNC_INTERRUPTED);
    // What need not wait is not interrupted.
    OK(procsync_mutex_lock(mutex, PROCSYNC_FOREVER, NULL));
    OK(procsync_mutex_unlock(mutex));
    OK(procsync_reentrant_mutex_lock(reentrant, PROCSYNC_FOREVER, NULL));
    OK(procsync_reentrant_mutex_unlock(reentrant));
    // And without the function no wait is.
    OK(procsync_set_interrupt(NULL, NULL));
    IS(procsync_event_wait(event, MILLISECONDS(50)), PROCSYNC_TIMED_OUT);
    finish(&storm);
    OK(procsync_semaphore_release(semaphore, &permit));
    OK(procsync_mutex_close(mutex));
    OK(procsync_event_close(event));
    OK(procsync_semaphore_close(semaphore));
    OK(procsync_token_semaphore_close(tokens));
    OK(procsync_reentrant_mutex_close(reentrant));
    OK(procsync_raw_semaphore_close(raw));
}

static procsync_event *inner;
static int depth, deepest;

// Uses the library itself, waits in it, and sets another function meanwhile.
static int busy(void *context) {
    depth++;
    if (depth > deepest) deepest = depth;
    IS(procsync_event_wait(inner, MILLISECONDS(2)), PROCSYNC_TIMED_OUT);
    OK(procsync_set_interrupt(NULL, NULL));
    OK(procsync_set_interrupt(busy, context));
    depth--;
    return ++*(int *)context >= 3;
}

static void the_function_may_wait_itself_and_is_not_asked_meanwhile(void) {
    procsync_event *event;
    int calls = 0;
    OK(procsync_event_open(name("outer"), PROCSYNC_RESET_AUTO, NULL, &event));
    OK(procsync_event_open(name("inner"), PROCSYNC_RESET_AUTO, NULL, &inner));
    OK(procsync_set_interrupt(busy, &calls));
    IS(procsync_event_wait(event, PROCSYNC_FOREVER), PROCSYNC_INTERRUPTED);
    CHECK(calls == 3 && deepest == 1);
    OK(procsync_set_interrupt(NULL, NULL));
    OK(procsync_event_close(event));
    OK(procsync_event_close(inner));
}

static void an_event_may_be_set_in_a_handler_and_errno_stays(void) {
    OK(procsync_event_open(name("handler"), PROCSYNC_RESET_AUTO, NULL, &set_by_handler));
    handle(set_event);
    errno = 4711;
    CHECK(raise(SIGUSR1) == 0);
    CHECK(errno == 4711);
    OK(procsync_event_wait(set_by_handler, 0));
    // While this very thread waits for it, and amid all that it does besides.
    struct storm storm;
    begin(&storm);
    for (int i = 0; i < 20; i++) OK(procsync_event_wait(set_by_handler, PROCSYNC_FOREVER));
    for (int i = 0; i < 200; i++) {
        procsync_mutex *mutex;
        OK(procsync_mutex_open("handler-meanwhile", NULL, &mutex));
        OK(procsync_mutex_lock(mutex, PROCSYNC_FOREVER, NULL));
        IS(procsync_mutex_lock(mutex, 0, NULL), PROCSYNC_ALREADY_OWNED);
        OK(procsync_mutex_unlock(mutex));
        OK(procsync_mutex_close(mutex));
    }
    finish(&storm);
    // In a forked child too, once the child has used the handle.
    IN_CHILD({
        OK(procsync_event_clear(set_by_handler));
        CHECK(raise(SIGUSR1) == 0);
        OK(procsync_event_wait(set_by_handler, 0));
    });
    OK(procsync_event_close(set_by_handler));
}

static const test tests[] = {
    TEST(signals_do_not_end_a_wait_nor_begin_its_time_anew),
    TEST(a_wait_ends_if_the_function_says_so_after_a_signal),
    TEST(the_function_may_wait_itself_and_is_not_asked_meanwhile),
    TEST(an_event_may_be_set_in_a_handler_and_errno_stays),
};
static const role roles[] = {{"none", NULL}};

TESTS(tests, roles)
