// Every object between processes: exclusion, death, forks.

#include "check.h"

// Roles of helper processes. Each says "!" when it is ready.

static void hold_mutex(const char *object) {
    procsync_mutex *mutex;
    OK(procsync_mutex_open(object, NULL, &mutex));
    OK(procsync_mutex_lock(mutex, PROCSYNC_FOREVER, NULL));
    say('!');
    if (listen_to_test() == 'u') OK(procsync_mutex_unlock(mutex));
    OK(procsync_mutex_close(mutex));
}

static void hold_layers(const char *object) {
    procsync_reentrant_mutex *mutex;
    OK(procsync_reentrant_mutex_open(object, NULL, &mutex));
    OK(procsync_reentrant_mutex_lock(mutex, PROCSYNC_FOREVER, NULL));
    OK(procsync_reentrant_mutex_lock(mutex, PROCSYNC_FOREVER, NULL));
    say('!');
    while (listen_to_test() == 'u') {
        OK(procsync_reentrant_mutex_unlock(mutex));
        say('!');
    }
    OK(procsync_reentrant_mutex_close(mutex));
}

static void hold_permits(const char *object) {
    procsync_semaphore *semaphore;
    procsync_permit permit;
    OK(procsync_semaphore_attach(object, NULL, &semaphore));
    OK(procsync_semaphore_acquire(semaphore, 2, PROCSYNC_FOREVER, &permit, NULL));
    say('!');
    listen_to_test();
    OK(procsync_semaphore_close(semaphore));
}

static void take_token(const char *object) {
    procsync_token_semaphore *tokens;
    OK(procsync_token_semaphore_attach(object, NULL, &tokens));
    say('!');
    OK(procsync_token_semaphore_wait(tokens, PROCSYNC_FOREVER));
    say('t');
    listen_to_test();
    OK(procsync_token_semaphore_close(tokens));
}

static void wait_for_event(const char *object) {
    procsync_event *event;
    OK(procsync_event_attach(object, NULL, &event));
    OK(procsync_event_wait(event, PROCSYNC_FOREVER));
    say('!');
    OK(procsync_event_close(event));
}

enum { ROUNDS = 2000 };

// Adds to a number that the mutex guards, which is right only if nobody else does meanwhile.
static void add_under_mutex(const char *object) {
    procsync_options *options;
    procsync_mutex *mutex;
    uint64_t number;
    OK(procsync_options_new(&options));
    OK(procsync_options_set_data(options, sizeof number, 8, NULL));
    OK(procsync_mutex_open(object, options, &mutex));
    OK(procsync_options_free(options));
    for (int i = 0; i < ROUNDS; i++) {
        OK(procsync_mutex_lock(mutex, PROCSYNC_FOREVER, NULL));
        OK(procsync_mutex_read(mutex, &number, sizeof number));
        number++;
        OK(procsync_mutex_write(mutex, &number, sizeof number));
        OK(procsync_mutex_unlock(mutex));
    }
    say('!');
    listen_to_test();
    OK(procsync_mutex_close(mutex));
}

static void add_under_raw_words(const char *object) {
    procsync_shared_memory *memory;
    char *bytes;
    procsync_raw_mutex *mutex;
    OK(procsync_shared_memory_attach(object, NULL, &memory));
    OK(procsync_shared_memory_address(memory, (void **)&bytes));
    OK(procsync_raw_mutex_at(bytes, 64, 1, &mutex));
    uint64_t *number = (uint64_t *)(void *)(bytes + 64), *counted = number + 1;
    for (int i = 0; i < ROUNDS; i++) {
        OK(procsync_raw_mutex_acquire(mutex, PROCSYNC_FOREVER));
        *(volatile uint64_t *)number = *(volatile uint64_t *)number + 1;
        OK(procsync_raw_mutex_release(mutex));
        OK(procsync_atomic_u64_fetch(counted, PROCSYNC_ATOMIC_ADD, 1, NULL));
    }
    OK(procsync_raw_mutex_close(mutex));
    OK(procsync_shared_memory_close(memory));
}

static const role roles[] = {
    {"hold-mutex", hold_mutex},         {"hold-layers", hold_layers},
    {"hold-permits", hold_permits},     {"take-token", take_token},
    {"wait-for-event", wait_for_event}, {"add-under-mutex", add_under_mutex},
    {"add-under-raw-words", add_under_raw_words},
};

static void only_one_process_is_inside(void) {
    const char *object = name("inside");
    procsync_options *options;
    procsync_mutex *mutex;
    uint64_t number = 0;
    OK(procsync_options_new(&options));
    OK(procsync_options_set_data(options, sizeof number, 8, NULL));
    OK(procsync_mutex_create(object, options, &mutex));
    helper helpers[3];
    for (int i = 0; i < 3; i++) helpers[i] = start("add-under-mutex", object);
    for (int i = 0; i < 3; i++) CHECK(hear(&helpers[i]) == '!');
    for (int i = 0; i < 3; i++) CHECK(end(&helpers[i]) == 0);
    OK(procsync_mutex_lock(mutex, PROCSYNC_FOREVER, NULL));
    OK(procsync_mutex_read(mutex, &number, sizeof number));
    CHECK(number == 3 * ROUNDS);
    OK(procsync_mutex_unlock(mutex));
    OK(procsync_mutex_close(mutex));
    OK(procsync_options_free(options));
}

static void raw_words_exclude_other_processes(void) {
    const char *object = name("raw-inside");
    procsync_shared_memory *memory;
    uint64_t *numbers;
    OK(procsync_shared_memory_create(object, 128, NULL, &memory));
    OK(procsync_shared_memory_address(memory, (void **)&numbers));
    helper helpers[2];
    for (int i = 0; i < 2; i++) helpers[i] = start("add-under-raw-words", object);
    for (int i = 0; i < 2; i++) CHECK(end(&helpers[i]) == 0);
    CHECK(numbers[8] == 2 * ROUNDS && numbers[9] == 2 * ROUNDS);
    OK(procsync_shared_memory_close(memory));
}

static void a_held_mutex_times_out_and_its_holder_is_named(void) {
    const char *object = name("held");
    procsync_mutex *mutex;
    OK(procsync_mutex_open(object, NULL, &mutex));
    helper holder = start("hold-mutex", object);
    CHECK(hear(&holder) == '!');
    IS(procsync_mutex_lock(mutex, 0, NULL), PROCSYNC_TIMED_OUT);
    int64_t before = now_ns();
    IS(procsync_mutex_lock(mutex, MILLISECONDS(30), NULL), PROCSYNC_TIMED_OUT);
    CHECK(now_ns() - before >= MILLISECONDS(30));
    char pid[20];
    snprintf(pid, sizeof pid, "pid %d ", (int)holder.pid);
    CHECK(strstr(procsync_last_error()->message, pid) != NULL);
    IS(procsync_mutex_unlock(mutex), PROCSYNC_NOT_OWNER);
    tell(&holder, 'u');
    bool abandoned = true;
    OK(procsync_mutex_lock(mutex, PROCSYNC_FOREVER, &abandoned));
    CHECK(!abandoned);
    OK(procsync_mutex_unlock(mutex));
    CHECK(end(&holder) == 0);
    OK(procsync_mutex_close(mutex));
}

static void a_killed_holder_is_replaced_and_told_of(void) {
    const char *object = name("killed");
    procsync_mutex *mutex;
    OK(procsync_mutex_open(object, NULL, &mutex));
    helper holder = start("hold-mutex", object);
    CHECK(hear(&holder) == '!');
    uint32_t pid = (uint32_t)holder.pid;
    kill_now(&holder);
    procsync_participants *owner;
    const procsync_participant *who = NULL;
    OK(procsync_mutex_owner(mutex, &owner));
    OK(procsync_participants_get(owner, 0, &who));
    CHECK(who->pid == pid && who->dead);
    OK(procsync_participants_free(owner));
    bool abandoned = false;
    OK(procsync_mutex_lock(mutex, PROCSYNC_FOREVER, &abandoned));
    const procsync_deceased *by = procsync_last_deceased();
    CHECK(abandoned && by->pid == pid && by->cause == PROCSYNC_CAUSE_DIED && by->noticed_ns > 0);
    OK(procsync_mutex_unlock(mutex));
    OK(procsync_mutex_lock(mutex, PROCSYNC_FOREVER, &abandoned));
    CHECK(!abandoned);
    OK(procsync_mutex_unlock(mutex));
    OK(procsync_mutex_close(mutex));
}

static void *waits_for_mutex(void *mutex) {
    bool abandoned = false;
    OK(procsync_mutex_lock((procsync_mutex *)mutex, PROCSYNC_FOREVER, &abandoned));
    CHECK(abandoned && procsync_last_deceased()->cause == PROCSYNC_CAUSE_DIED);
    OK(procsync_mutex_unlock((procsync_mutex *)mutex));
    return NULL;
}

static void who_waits_goes_on_when_the_holder_is_killed(void) {
    const char *object = name("waiting");
    procsync_mutex *mutex;
    OK(procsync_mutex_open(object, NULL, &mutex));
    helper holder = start("hold-mutex", object);
    CHECK(hear(&holder) == '!');
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, waits_for_mutex, mutex) == 0);
    EVENTUALLY(waiters(object) == 1);
    kill_now(&holder);
    CHECK(pthread_join(thread, NULL) == 0);
    OK(procsync_mutex_close(mutex));
}

static void who_closes_the_last_handle_leaves_it_abandoned(void) {
    const char *object = name("closed");
    procsync_mutex *mutex;
    OK(procsync_mutex_open(object, NULL, &mutex));
    helper holder = start("hold-mutex", object);
    CHECK(hear(&holder) == '!');
    tell(&holder, 'c');
    bool abandoned = false;
    OK(procsync_mutex_lock(mutex, PROCSYNC_FOREVER, &abandoned));
    CHECK(abandoned && procsync_last_deceased()->cause == PROCSYNC_CAUSE_CLOSED);
    OK(procsync_mutex_unlock(mutex));
    CHECK(end(&holder) == 0);
    OK(procsync_mutex_close(mutex));
}

static void layers_are_one_hold_for_others(void) {
    const char *object = name("layers");
    procsync_reentrant_mutex *mutex;
    OK(procsync_reentrant_mutex_open(object, NULL, &mutex));
    helper holder = start("hold-layers", object);
    CHECK(hear(&holder) == '!');
    IS(procsync_reentrant_mutex_lock(mutex, 0, NULL), PROCSYNC_TIMED_OUT);
    tell(&holder, 'u');
    CHECK(hear(&holder) == '!');
    IS(procsync_reentrant_mutex_lock(mutex, 0, NULL), PROCSYNC_TIMED_OUT);
    tell(&holder, 'u');
    CHECK(hear(&holder) == '!');
    bool abandoned = true;
    OK(procsync_reentrant_mutex_lock(mutex, 0, &abandoned));
    CHECK(!abandoned);
    OK(procsync_reentrant_mutex_unlock(mutex));
    CHECK(end(&holder) == 0);
    holder = start("hold-layers", object);
    CHECK(hear(&holder) == '!');
    kill_now(&holder);
    OK(procsync_reentrant_mutex_lock(mutex, PROCSYNC_FOREVER, &abandoned));
    uint32_t depth = 0;
    OK(procsync_reentrant_mutex_depth(mutex, &depth));
    CHECK(abandoned && depth == 1);
    OK(procsync_reentrant_mutex_unlock(mutex));
    OK(procsync_reentrant_mutex_close(mutex));
}

static void permits_come_back_from_the_dead(void) {
    const char *object = name("permits");
    procsync_semaphore *semaphore;
    procsync_permit permit, all;
    OK(procsync_semaphore_create(object, 3, NULL, &semaphore));
    helper holder = start("hold-permits", object);
    CHECK(hear(&holder) == '!');
    uint32_t available = 9;
    OK(procsync_semaphore_available(semaphore, &available));
    CHECK(available == 1);
    bool abandoned = true;
    OK(procsync_semaphore_acquire(semaphore, 1, 0, &permit, &abandoned));
    CHECK(!abandoned);
    OK(procsync_semaphore_release(semaphore, &permit));
    IS(procsync_semaphore_acquire(semaphore, 3, MILLISECONDS(10), &all, NULL), PROCSYNC_TIMED_OUT);
    uint32_t pid = (uint32_t)holder.pid;
    kill_now(&holder);
    OK(procsync_semaphore_acquire(semaphore, 3, PROCSYNC_FOREVER, &all, &abandoned));
    CHECK(abandoned && all.count == 3 && procsync_last_deceased()->pid == pid);
    OK(procsync_semaphore_release(semaphore, &all));
    OK(procsync_semaphore_acquire(semaphore, 3, 0, &all, &abandoned));
    CHECK(!abandoned);
    OK(procsync_semaphore_release(semaphore, &all));
    OK(procsync_semaphore_close(semaphore));
}

static void tokens_go_to_who_waits_and_not_back(void) {
    const char *object = name("tokens");
    procsync_token_semaphore *tokens;
    OK(procsync_token_semaphore_create(object, 0, NULL, &tokens));
    helper takers[2] = {start("take-token", object), start("take-token", object)};
    CHECK(hear(&takers[0]) == '!' && hear(&takers[1]) == '!');
    EVENTUALLY(waiters(object) == 2);
    // Two quick posts wake two sleepers.
    OK(procsync_token_semaphore_post(tokens, 1));
    OK(procsync_token_semaphore_post(tokens, 1));
    CHECK(hear(&takers[0]) == 't' && hear(&takers[1]) == 't');
    kill_now(&takers[0]);
    uint32_t value = 9;
    OK(procsync_token_semaphore_value(tokens, &value));
    CHECK(value == 0);
    CHECK(end(&takers[1]) == 0);
    OK(procsync_token_semaphore_close(tokens));
}

static void an_event_lets_all_go_on_or_one(void) {
    const char *object = name("event");
    procsync_event *event;
    helper helpers[3];
    OK(procsync_event_create(object, PROCSYNC_RESET_MANUAL, NULL, &event));
    for (int i = 0; i < 3; i++) helpers[i] = start("wait-for-event", object);
    EVENTUALLY(waiters(object) == 3);
    OK(procsync_event_set(event));
    OK(procsync_event_clear(event));
    for (int i = 0; i < 3; i++) CHECK(hear(&helpers[i]) == '!' && end(&helpers[i]) == 0);
    OK(procsync_event_close(event));

    object = name("auto");
    OK(procsync_event_create(object, PROCSYNC_RESET_AUTO, NULL, &event));
    for (int i = 0; i < 3; i++) helpers[i] = start("wait-for-event", object);
    for (size_t left = 3; left > 0; left--) {
        EVENTUALLY(waiters(object) == left);
        OK(procsync_event_set(event));
        EVENTUALLY(waiters(object) == left - 1);
        bool set = true;
        OK(procsync_event_is_set(event, &set));
        CHECK(!set);
    }
    for (int i = 0; i < 3; i++) CHECK(end(&helpers[i]) == 0);
    OK(procsync_event_close(event));
}

static void holders_and_waiters_are_seen(void) {
    const char *object = name("seen");
    helper holder = start("hold-mutex", object);
    CHECK(hear(&holder) == '!');
    helper waiter = start("hold-mutex", object);
    EVENTUALLY(waiters(object) == 1);
    procsync_snapshots *found;
    const procsync_snapshot *snapshot = NULL;
    OK(procsync_inspect_show(object, PROCSYNC_SCOPE_USER, &found));
    OK(procsync_snapshots_get(found, 0, &snapshot));
    CHECK(snapshot->state == PROCSYNC_STATE_HELD && snapshot->processes == 2 && snapshot->grants == 1);
    CHECK(snapshot->holder_count == 1 && snapshot->holders[0]->pid == (uint32_t)holder.pid);
    CHECK(snapshot->waiter_count == 1 && snapshot->waiters[0]->pid == (uint32_t)waiter.pid);
    CHECK(snapshot->waiters[0]->since_ns > 0 && !snapshot->waiters[0]->dead);
    OK(procsync_snapshots_free(found));
    tell(&holder, 'u');
    CHECK(hear(&waiter) == '!');
    CHECK(end(&holder) == 0 && end(&waiter) == 0);
}

// The child's own permit has the index of the parent's, which was released meanwhile.
static void copies_of_the_parents_permits_release_nothing_of_the_childs(procsync_semaphore *semaphore,
                                                                        procsync_permit permit) {
    const char *object;
    procsync_semaphore *other;
    procsync_permit both;
    OK(procsync_semaphore_name(semaphore, &object));
    OK(procsync_semaphore_open(object, 2, NULL, &other));
    OK(procsync_semaphore_acquire(semaphore, 1, 0, &both, NULL));
    int go[2];
    CHECK(pipe(go) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(LIMIT_SECONDS);
        char letter;
        CHECK(read(go[0], &letter, 1) == 1);
        uint32_t available = 9;
        procsync_permit own, copies[2] = {both, permit};
        OK(procsync_semaphore_acquire(other, 1, PROCSYNC_FOREVER, &own, NULL));
        CHECK(own.index == both.index);
        for (int i = 0; i < 2; i++) {
            IS(procsync_semaphore_release(semaphore, &copies[i]), PROCSYNC_NOT_OWNER);
        }
        OK(procsync_semaphore_close(semaphore));
        OK(procsync_semaphore_available(other, &available));
        CHECK(available == 0);
        OK(procsync_semaphore_release(other, &own));
        _exit(0);
    }
    OK(procsync_semaphore_release(semaphore, &both));
    CHECK(write(go[1], "!", 1) == 1);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(go[0]), close(go[1]);
    OK(procsync_semaphore_close(other));
}

static void a_forked_child_has_none_of_its_parents_holds(void) {
    const char *object = name("fork");
    procsync_mutex *mutex;
    procsync_semaphore *semaphore;
    procsync_permit permit;
    OK(procsync_mutex_open(object, NULL, &mutex));
    OK(procsync_semaphore_open(name("fork-permits"), 2, NULL, &semaphore));
    OK(procsync_mutex_lock(mutex, 0, NULL));
    OK(procsync_semaphore_acquire(semaphore, 1, 0, &permit, NULL));
    IN_CHILD({
        IS(procsync_mutex_unlock(mutex), PROCSYNC_NOT_OWNER);
        IS(procsync_mutex_lock(mutex, 0, NULL), PROCSYNC_TIMED_OUT);
        procsync_permit own, copy = permit;
        IS(procsync_semaphore_release(semaphore, &copy), PROCSYNC_NOT_OWNER);
        OK(procsync_semaphore_acquire(semaphore, 1, 0, &own, NULL));
        IS(procsync_semaphore_acquire(semaphore, 1, 0, &copy, NULL), PROCSYNC_TIMED_OUT);
        OK(procsync_semaphore_release(semaphore, &own));
        OK(procsync_semaphore_close(semaphore));
        OK(procsync_mutex_close(mutex));
    });
    // The parent has them still.
    OK(procsync_mutex_unlock(mutex));
    copies_of_the_parents_permits_release_nothing_of_the_childs(semaphore, permit);
    uint32_t available = 9;
    OK(procsync_semaphore_available(semaphore, &available));
    CHECK(available == 1);
    OK(procsync_semaphore_release(semaphore, &permit));
    IN_CHILD({
        OK(procsync_mutex_lock(mutex, 0, NULL));
        _exit(0);
    });
    bool abandoned = false;
    OK(procsync_mutex_lock(mutex, PROCSYNC_FOREVER, &abandoned));
    CHECK(abandoned && procsync_last_deceased()->cause == PROCSYNC_CAUSE_DIED);
    OK(procsync_mutex_unlock(mutex));
    OK(procsync_mutex_close(mutex));
    OK(procsync_semaphore_close(semaphore));
}

static void *takes_and_gives(void *argument) {
    procsync_semaphore *semaphore = (procsync_semaphore *)argument;
    for (int i = 0; i < 20000; i++) {
        procsync_permit permit;
        OK(procsync_semaphore_acquire(semaphore, 1 + i % 2, PROCSYNC_FOREVER, &permit, NULL));
        OK(procsync_semaphore_release(semaphore, &permit));
    }
    return NULL;
}

static void a_fork_at_any_moment_of_another_thread_leaves_a_child_that_works(void) {
    procsync_semaphore *semaphore;
    OK(procsync_semaphore_open(name("fork-any"), 4, NULL, &semaphore));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, takes_and_gives, semaphore) == 0);
#ifdef __SANITIZE_ADDRESS__
    // Its allocator does not let go of its locks in a fork: a child of a busy thread hangs in malloc.
    CHECK(pthread_join(thread, NULL) == 0);
#endif
    for (int i = 0; i < 30; i++) {
        IN_CHILD({
            procsync_permit permit;
            OK(procsync_semaphore_acquire(semaphore, 1, PROCSYNC_FOREVER, &permit, NULL));
            OK(procsync_semaphore_release(semaphore, &permit));
            OK(procsync_semaphore_close(semaphore));
        });
    }
#ifndef __SANITIZE_ADDRESS__
    CHECK(pthread_join(thread, NULL) == 0);
#endif
    uint32_t available = 0;
    OK(procsync_semaphore_available(semaphore, &available));
    CHECK(available == 4);
    OK(procsync_semaphore_close(semaphore));
}

static const test tests[] = {
    TEST(only_one_process_is_inside),
    TEST(raw_words_exclude_other_processes),
    TEST(a_held_mutex_times_out_and_its_holder_is_named),
    TEST(a_killed_holder_is_replaced_and_told_of),
    TEST(who_waits_goes_on_when_the_holder_is_killed),
    TEST(who_closes_the_last_handle_leaves_it_abandoned),
    TEST(layers_are_one_hold_for_others),
    TEST(permits_come_back_from_the_dead),
    TEST(tokens_go_to_who_waits_and_not_back),
    TEST(an_event_lets_all_go_on_or_one),
    TEST(holders_and_waiters_are_seen),
    TEST(a_forked_child_has_none_of_its_parents_holds),
    TEST(a_fork_at_any_moment_of_another_thread_leaves_a_child_that_works),
};

TESTS(tests, roles)
