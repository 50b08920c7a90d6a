// The system's own semaphores: the life of an instance, its thread, other software, deaths, forks.

#include "check.h"

#include <semaphore.h>
#include <sys/stat.h>

static procsync_native *made(const char *object) {
    procsync_native *semaphore;
    bool created = false;
    OK(procsync_native_instantiate(object, NULL, &semaphore));
    OK(procsync_native_open(semaphore, &created));
    CHECK(created);
    return semaphore;
}

static void unmake(procsync_native *semaphore) {
    bool was_there = false;
    OK(procsync_native_close(semaphore));
    OK(procsync_native_unlink(semaphore, &was_there));
    CHECK(was_there);
    OK(procsync_native_free(semaphore));
}

static uint32_t flags(const procsync_native *semaphore) {
    uint32_t flags = 99;
    OK(procsync_native_status(semaphore, &flags));
    return flags;
}

static void counts_are(const procsync_native *semaphore, uint32_t depth, uint32_t process) {
    uint32_t depth_now = 99, process_now = 99;
    OK(procsync_native_counts(semaphore, &depth_now, &process_now));
    CHECK(depth_now == depth && process_now == process);
}

static void changed(const procsync_native *semaphore, uint32_t depth_from, uint32_t depth_to,
                    uint32_t process_from, uint32_t process_to) {
    uint32_t seen[4] = {99, 99, 99, 99};
    OK(procsync_native_changes(semaphore, &seen[0], &seen[1], &seen[2], &seen[3]));
    CHECK(seen[0] == depth_from && seen[1] == depth_to);
    CHECK(seen[2] == process_from && seen[3] == process_to);
}

// What other software would do.
static sem_t *foreign(const char *object) {
    char text[120];
    snprintf(text, sizeof text, "/%s", object);
    sem_t *semaphore = sem_open(text, 0);
    CHECK(semaphore != SEM_FAILED);
    return semaphore;
}

static void the_life_of_an_instance(void) {
    const char *object = name("life");
    const char *text = NULL;
    const void *address = &text;
    procsync_native *semaphore;
    OK(procsync_native_instantiate(object, NULL, &semaphore));
    CHECK(flags(semaphore) == 0);
    OK(procsync_native_address(semaphore, &address));
    CHECK(address == NULL);
    changed(semaphore, 0, 0, 0, 0);
    IS(procsync_native_lock(semaphore, 0, NULL), PROCSYNC_OUT_OF_ORDER);
    CHECK(strstr(procsync_last_error()->message, "open it first") != NULL);
    CHECK(procsync_last_error()->kind == PROCSYNC_KIND_NATIVE_SEMAPHORE);
    IS(procsync_native_unlock(semaphore), PROCSYNC_OUT_OF_ORDER);
    IS(procsync_native_close(semaphore), PROCSYNC_OUT_OF_ORDER);
    IS(procsync_native_unlink(semaphore, NULL), PROCSYNC_OUT_OF_ORDER);

    OK(procsync_native_open(semaphore, NULL));
    IS(procsync_native_open(semaphore, NULL), PROCSYNC_OUT_OF_ORDER);
    CHECK(flags(semaphore) == PROCSYNC_NATIVE_OPENED);
    OK(procsync_native_address(semaphore, &address));
    CHECK(address != NULL);
    IS(procsync_native_unlock(semaphore), PROCSYNC_OUT_OF_ORDER);
    for (uint32_t depth = 1; depth <= 4; depth++) {
        int64_t timeout = depth == 1 ? PROCSYNC_FOREVER : depth == 2 ? 0 : MILLISECONDS(50);
        bool abandoned = true;
        OK(procsync_native_lock(semaphore, timeout, &abandoned));
        CHECK(!abandoned);
        counts_are(semaphore, depth, 1);
        changed(semaphore, depth - 1, depth, depth > 1, 1);
    }
    CHECK(flags(semaphore) ==
          (PROCSYNC_NATIVE_OPENED | PROCSYNC_NATIVE_LOCKED | PROCSYNC_NATIVE_REENTRANT));
    IS(procsync_native_close(semaphore), PROCSYNC_OUT_OF_ORDER);
    for (uint32_t depth = 3; depth < 4; depth--) {
        OK(procsync_native_unlock(semaphore));
        counts_are(semaphore, depth, depth > 0);
        changed(semaphore, depth + 1, depth, 1, depth > 0);
    }
    IS(procsync_native_unlock(semaphore), PROCSYNC_OUT_OF_ORDER);
    IS(procsync_native_unlink(semaphore, NULL), PROCSYNC_OUT_OF_ORDER);

    OK(procsync_native_close(semaphore));
    CHECK(flags(semaphore) == PROCSYNC_NATIVE_CLOSED);
    IS(procsync_native_open(semaphore, NULL), PROCSYNC_OUT_OF_ORDER);
    IS(procsync_native_lock(semaphore, PROCSYNC_FOREVER, NULL), PROCSYNC_OUT_OF_ORDER);
    bool was_there = false;
    OK(procsync_native_unlink(semaphore, &was_there));
    CHECK(was_there && flags(semaphore) == (PROCSYNC_NATIVE_CLOSED | PROCSYNC_NATIVE_UNLINKED));
    IS(procsync_native_unlink(semaphore, NULL), PROCSYNC_OUT_OF_ORDER);
    OK(procsync_native_name(semaphore, &text));
    CHECK(strcmp(text, object) == 0);
    OK(procsync_native_free(semaphore));
    OK(procsync_native_free(NULL));
    OK(procsync_native_unlink_name(object, PROCSYNC_SCOPE_USER, &was_there));
    CHECK(!was_there);
}

static void a_thread_has_one_instance_for_a_name(void) {
    const char *object = name("registry");
    procsync_native *semaphore = made(object), *again, *third;
    char prefixed[120];
    snprintf(prefixed, sizeof prefixed, "Global\\%s", object);
    OK(procsync_native_instantiate(prefixed, NULL, &again));
    OK(procsync_native_lock(again, 0, NULL));
    counts_are(semaphore, 1, 1);
    OK(procsync_native_unlock(semaphore));

    procsync_options *options;
    OK(procsync_options_new(&options));
    OK(procsync_options_set_initial_count(options, 2));
    IS(procsync_native_instantiate(object, options, &third), PROCSYNC_MISMATCH);
    OK(procsync_options_set_initial_count(options, UINT32_MAX));
    IS(procsync_native_instantiate(name("too-many"), options, &third), PROCSYNC_INVALID_ARGUMENT);
    OK(procsync_options_free(options));

    const char *uuid = NULL, *other = NULL;
    OK(procsync_native_uuid(semaphore, &uuid));
    OK(procsync_native_uuid(again, &other));
    CHECK(strcmp(uuid, other) == 0 && strncmp(uuid, object, strlen(object)) == 0);
    OK(procsync_native_free(again));
    unmake(semaphore);
    for (const char *const *bad = (const char *const[]){"", "a/b", "a:b", "a\\b", "/", NULL}; *bad; bad++) {
        IS(procsync_native_instantiate(*bad, NULL, &third), PROCSYNC_INVALID_NAME);
    }
}

static void other_software_and_this_library_exclude_each_other(void) {
    const char *object = name("foreign");
    procsync_native *semaphore = made(object);
    sem_t *theirs = foreign(object);
    OK(procsync_native_lock(semaphore, 0, NULL));
    CHECK(sem_trywait(theirs) == -1 && errno == EAGAIN);
    OK(procsync_native_unlock(semaphore));
    CHECK(sem_trywait(theirs) == 0);
    IS(procsync_native_lock(semaphore, 0, NULL), PROCSYNC_TIMED_OUT);
    IS(procsync_native_lock(semaphore, MILLISECONDS(30), NULL), PROCSYNC_TIMED_OUT);
    int64_t capacity, available, held, abandoned, doubtful, unknown;
    OK(procsync_native_accounts(semaphore, &capacity, &available, &held, &abandoned, &doubtful,
                                &unknown));
    CHECK(capacity == 1 && available == 0 && held == 0 && unknown == 1);
    CHECK(abandoned == 0 && doubtful == 0);
    // Never on behalf of somebody who is not known.
    uint32_t reaped = 9;
    OK(procsync_native_reap(semaphore, &reaped));
    CHECK(reaped == 0 && sem_trywait(theirs) == -1);
    CHECK(sem_post(theirs) == 0);
    OK(procsync_native_lock(semaphore, 0, NULL));
    OK(procsync_native_unlock(semaphore));
    // A unit that went with somebody unknown comes back only if that is asked for.
    CHECK(sem_trywait(theirs) == 0);
    OK(procsync_native_post_doubtful(semaphore, &reaped));
    CHECK(reaped == 1);
    OK(procsync_native_lock(semaphore, 0, NULL));
    OK(procsync_native_unlock(semaphore));
    CHECK(sem_close(theirs) == 0);
    unmake(semaphore);
}

static void options_count_when_it_is_made(void) {
    const char *object = name("options");
    procsync_options *options;
    procsync_native *semaphore;
    OK(procsync_options_new(&options));
    OK(procsync_options_set_initial_count(options, 3));
    OK(procsync_options_set_semaphore_mode(options, 0600));
    OK(procsync_options_set_ledger(options, 0));
    OK(procsync_native_instantiate(object, options, &semaphore));
    OK(procsync_native_open(semaphore, NULL));
    char path[160];
    struct stat facts;
    snprintf(path, sizeof path, "/dev/shm/sem.%s", object);
    CHECK(stat(path, &facts) == 0 && (facts.st_mode & 0777) == 0600);
    OK(procsync_native_lock(semaphore, 0, NULL));
    sem_t *theirs = foreign(object);
    int value = 0;
    CHECK(sem_getvalue(theirs, &value) == 0 && value == 2);
    int64_t held = 0;
    OK(procsync_native_accounts(semaphore, NULL, NULL, &held, NULL, NULL, NULL));
    CHECK(held == -1);
    procsync_snapshots *found;
    IS(procsync_inspect_show_native(object, PROCSYNC_SCOPE_USER, &found), PROCSYNC_NOT_FOUND);
    CHECK(sem_close(theirs) == 0);
    OK(procsync_native_unlock(semaphore));
    unmake(semaphore);
    OK(procsync_options_free(options));
}

static void what_the_system_refuses_is_told(void) {
    const char *object = name("refused");
    char path[160];
    snprintf(path, sizeof path, "/dev/shm/sem.%s", object);
    CHECK(mkdir(path, 0700) == 0);
    procsync_native *semaphore;
    OK(procsync_native_instantiate(object, NULL, &semaphore));
    IS(procsync_native_open(semaphore, NULL), PROCSYNC_SYSTEM);
    const procsync_error *error = procsync_last_error();
    CHECK(error->system_errno != 0 && strstr(error->message, "sem_open") != NULL);
    CHECK(strcmp(error->object, object) == 0);
    CHECK(rmdir(path) == 0 && flags(semaphore) == 0);
    OK(procsync_native_open(semaphore, NULL));
    unmake(semaphore);
}

static void *of_another_thread(void *argument) {
    procsync_native *semaphore = (procsync_native *)argument, *own;
    uint32_t number;
    const char *text;
    const void *address;
    procsync_participants *people;
    IS(procsync_native_open(semaphore, NULL), PROCSYNC_WRONG_THREAD);
    CHECK(strstr(procsync_last_error()->message, "thread") != NULL);
    IS(procsync_native_lock(semaphore, 0, NULL), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_unlock(semaphore), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_close(semaphore), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_unlink(semaphore, NULL), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_status(semaphore, &number), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_counts(semaphore, &number, NULL), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_changes(semaphore, &number, NULL, NULL, NULL), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_uuid(semaphore, &text), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_address(semaphore, &address), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_accounts(semaphore, NULL, NULL, NULL, NULL, NULL, NULL), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_holders(semaphore, &people), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_reap(semaphore, &number), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_post_doubtful(semaphore, &number), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_observe(semaphore, NULL, NULL), PROCSYNC_WRONG_THREAD);
    IS(procsync_native_free(semaphore), PROCSYNC_WRONG_THREAD);
    OK(procsync_native_name(semaphore, &text));
    // Its own waits for the other one like any other program.
    OK(procsync_native_instantiate(text, NULL, &own));
    OK(procsync_native_open(own, NULL));
    IS(procsync_native_lock(own, 0, NULL), PROCSYNC_TIMED_OUT);
    OK(procsync_native_free(own));
    return NULL;
}

static void an_instance_belongs_to_its_thread(void) {
    procsync_native *semaphore = made(name("thread"));
    OK(procsync_native_lock(semaphore, 0, NULL));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, of_another_thread, semaphore) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    counts_are(semaphore, 1, 1);
    OK(procsync_native_unlock(semaphore));
    unmake(semaphore);
}

typedef struct diary {
    procsync_native *semaphore;
    char text[200];
} diary;

static void note(void *context, int32_t step, int32_t event) {
    diary *of = (diary *)context;
    uint32_t depth = 99;
    // It may ask the semaphore itself.
    OK(procsync_native_counts(of->semaphore, &depth, NULL));
    size_t used = strlen(of->text);
    snprintf(of->text + used, sizeof of->text - used, "%d%c%u ", (int)step, "?!x"[event], depth);
}

static void steps_can_be_followed(void) {
    diary diary = {.semaphore = NULL};
    OK(procsync_native_instantiate(name("diary"), NULL, &diary.semaphore));
    OK(procsync_native_observe(diary.semaphore, note, &diary));
    OK(procsync_native_open(diary.semaphore, NULL));
    OK(procsync_native_lock(diary.semaphore, 0, NULL));
    OK(procsync_native_lock(diary.semaphore, 0, NULL));
    IS(procsync_native_close(diary.semaphore), PROCSYNC_OUT_OF_ORDER);
    OK(procsync_native_unlock(diary.semaphore));
    OK(procsync_native_unlock(diary.semaphore));
    CHECK(strcmp(diary.text, "1?0 1!0 2?0 2!1 2?1 2!2 4?2 4x2 3?2 3!1 3?1 3!0 ") == 0);
    OK(procsync_native_observe(diary.semaphore, NULL, NULL));
    diary.text[0] = 0;
    unmake(diary.semaphore);
    CHECK(diary.text[0] == 0);
}

static const procsync_snapshot *look(const char *object, procsync_snapshots **found) {
    const procsync_snapshot *seen;
    OK(procsync_inspect_show_native(object, PROCSYNC_SCOPE_USER, found));
    OK(procsync_snapshots_get(*found, 0, &seen));
    CHECK(seen->kind == PROCSYNC_KIND_NATIVE_SEMAPHORE && seen->state == PROCSYNC_STATE_NATIVE);
    return seen;
}

static bool somebody_waits(const char *object) {
    procsync_snapshots *found;
    bool waits = look(object, &found)->waiter_count > 0;
    OK(procsync_snapshots_free(found));
    return waits;
}

static void hold(const char *object) {
    procsync_native *semaphore;
    OK(procsync_native_instantiate(object, NULL, &semaphore));
    OK(procsync_native_open(semaphore, NULL));
    OK(procsync_native_lock(semaphore, PROCSYNC_FOREVER, NULL));
    say('!');
    if (listen_to_test() == 'u') OK(procsync_native_unlock(semaphore));
    // Freed while it is locked, or not at all.
    OK(procsync_native_free(semaphore));
}

static void wait_and_tell(const char *object) {
    procsync_native *semaphore;
    bool abandoned = false;
    OK(procsync_native_instantiate(object, NULL, &semaphore));
    OK(procsync_native_open(semaphore, NULL));
    OK(procsync_native_lock(semaphore, PROCSYNC_FOREVER, &abandoned));
    say(abandoned && procsync_last_deceased()->cause == PROCSYNC_CAUSE_DIED ? 'a' : 'f');
    listen_to_test();
    OK(procsync_native_unlock(semaphore));
    OK(procsync_native_free(semaphore));
}

static void holders_and_waiters_are_seen(void) {
    const char *object = name("seen");
    procsync_native *semaphore = made(object);
    helper holder = start("hold", object);
    CHECK(hear(&holder) == '!');
    helper waiter = start("wait", object);
    EVENTUALLY(somebody_waits(object));
    procsync_snapshots *found;
    const procsync_snapshot *seen = look(object, &found);
    CHECK(seen->holder_count == 1 && seen->holders[0]->pid == CAST(uint32_t, holder.pid));
    CHECK(seen->waiter_count == 1 && seen->waiters[0]->pid == CAST(uint32_t, waiter.pid));
    CHECK(seen->capacity == 1 && seen->native_free == 0 && seen->native_unknown == 0);
    CHECK(strcmp(seen->name, object) == 0);
    OK(procsync_snapshots_free(found));
    procsync_participants *people;
    size_t count = 0;
    OK(procsync_native_holders(semaphore, &people));
    OK(procsync_participants_count(people, &count));
    CHECK(count == 1);
    OK(procsync_participants_free(people));
    tell(&holder, 'u');
    CHECK(hear(&waiter) == 'f');
    CHECK(end(&holder) == 0 && end(&waiter) == 0);
    unmake(semaphore);
}

static void a_killed_holder_is_replaced_and_told_of(void) {
    const char *object = name("killed");
    procsync_native *semaphore = made(object);
    helper holder = start("hold", object);
    CHECK(hear(&holder) == '!');
    helper waiter = start("wait", object);
    EVENTUALLY(somebody_waits(object));
    kill_now(&holder);
    CHECK(hear(&waiter) == 'a');
    kill_now(&waiter);
    // And once more, by who comes later.
    bool abandoned = false;
    OK(procsync_native_lock(semaphore, MILLISECONDS(1000) * LIMIT_SECONDS, &abandoned));
    CHECK(abandoned && procsync_last_deceased()->pid == CAST(uint32_t, waiter.pid));
    OK(procsync_native_unlock(semaphore));
    sem_t *theirs = foreign(object);
    int value = 9;
    CHECK(sem_getvalue(theirs, &value) == 0 && value == 1 && sem_close(theirs) == 0);
    unmake(semaphore);
}

static void who_frees_it_locked_leaves_it_abandoned(void) {
    const char *object = name("freed");
    procsync_native *semaphore = made(object);
    helper holder = start("hold", object);
    CHECK(hear(&holder) == '!');
    tell(&holder, 'f');
    CHECK(end(&holder) == 0);
    bool abandoned = false;
    OK(procsync_native_lock(semaphore, MILLISECONDS(1000) * LIMIT_SECONDS, &abandoned));
    CHECK(abandoned);
    OK(procsync_native_unlock(semaphore));
    unmake(semaphore);
}

static void *locks_and_ends(void *object) {
    procsync_native *semaphore;
    OK(procsync_native_instantiate((const char *)object, NULL, &semaphore));
    OK(procsync_native_open(semaphore, NULL));
    OK(procsync_native_lock(semaphore, 0, NULL));
    // The thread ends with it, and nobody frees the handle.
    return semaphore;
}

static void lose_a_thread_that_has_it_locked(void) {
    char object[100];
    snprintf(object, sizeof object, "%s", name("ended"));
    procsync_native *semaphore = made(object);
    pthread_t thread;
    void *others = NULL;
    CHECK(pthread_create(&thread, NULL, locks_and_ends, object) == 0);
    CHECK(pthread_join(thread, &others) == 0);
    bool abandoned = false;
    OK(procsync_native_lock(semaphore, MILLISECONDS(1000) * LIMIT_SECONDS, &abandoned));
    CHECK(abandoned && procsync_last_deceased()->pid == CAST(uint32_t, getpid()));
    IS(procsync_native_free((procsync_native *)others), PROCSYNC_WRONG_THREAD);
    OK(procsync_native_unlock(semaphore));
    unmake(semaphore);
}

static void a_thread_that_ends_locked_leaves_it_abandoned(void) {
    // In a child, because the handle that nobody could free is a leak.
    IN_CHILD({ lose_a_thread_that_has_it_locked(); });
}

static void a_forked_child_has_none_of_its_parents_holds(void) {
    procsync_native *semaphore = made(name("forked"));
    OK(procsync_native_lock(semaphore, 0, NULL));
    IN_CHILD({
        counts_are(semaphore, 0, 0);
        IS(procsync_native_lock(semaphore, 0, NULL), PROCSYNC_TIMED_OUT);
        IS(procsync_native_unlock(semaphore), PROCSYNC_OUT_OF_ORDER);
    });
    counts_are(semaphore, 1, 1);
    OK(procsync_native_unlock(semaphore));
    IN_CHILD({
        OK(procsync_native_lock(semaphore, 0, NULL));
        counts_are(semaphore, 1, 1);
        OK(procsync_native_unlock(semaphore));
    });
    unmake(semaphore);
}

static const role roles[] = {{"hold", hold}, {"wait", wait_and_tell}};

static const test tests[] = {
    TEST(the_life_of_an_instance),
    TEST(a_thread_has_one_instance_for_a_name),
    TEST(other_software_and_this_library_exclude_each_other),
    TEST(options_count_when_it_is_made),
    TEST(what_the_system_refuses_is_told),
    TEST(an_instance_belongs_to_its_thread),
    TEST(steps_can_be_followed),
    TEST(holders_and_waiters_are_seen),
    TEST(a_killed_holder_is_replaced_and_told_of),
    TEST(who_frees_it_locked_leaves_it_abandoned),
    TEST(a_thread_that_ends_locked_leaves_it_abandoned),
    TEST(a_forked_child_has_none_of_its_parents_holds),
};

TESTS(tests, roles)
