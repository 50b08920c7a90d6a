// What is around the objects: names, options, handles, words in own memory, what strangers see, errors.

#include "check.h"

static void opening_creating_and_attaching(void) {
    const char *object = name("opening");
    procsync_mutex *one = NULL, *two = NULL;
    IS(procsync_mutex_attach(object, NULL, &one), PROCSYNC_NOT_FOUND);
    CHECK(one == NULL);
    OK(procsync_mutex_create(object, NULL, &one));
    IS(procsync_mutex_create(object, NULL, &two), PROCSYNC_ALREADY_EXISTS);
    OK(procsync_mutex_attach(object, NULL, &two));
    OK(procsync_mutex_close(two));
    OK(procsync_mutex_open(object, NULL, &two));
    OK(procsync_mutex_close(one));
    OK(procsync_mutex_close(two));
    // It went with its last user.
    IS(procsync_mutex_attach(object, NULL, &one), PROCSYNC_NOT_FOUND);
}

static void names_are_checked_and_prefixes_taken_off(void) {
    procsync_event *event;
    char long_name[200];
    memset(long_name, 'x', sizeof long_name);
    long_name[199] = 0;
    const char *wrong[] = {"", "/", "a/b", ".hidden", "-option", "a b", "gr\xc3\xb6\xc3\x9f", "\xff", long_name};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        IS(procsync_event_open(wrong[i], PROCSYNC_RESET_MANUAL, NULL, &event), PROCSYNC_INVALID_NAME);
    }
    IS(procsync_event_open(NULL, PROCSYNC_RESET_MANUAL, NULL, &event), PROCSYNC_INVALID_ARGUMENT);
    char with_slash[120], with_global[120];
    const char *object = name("prefix");
    snprintf(with_slash, sizeof with_slash, "/%s", object);
    snprintf(with_global, sizeof with_global, "Global\\%s", object);
    procsync_event *same;
    OK(procsync_event_open(with_slash, PROCSYNC_RESET_MANUAL, NULL, &event));
    OK(procsync_event_attach(with_global, NULL, &same));
    OK(procsync_event_set(event));
    bool set = false;
    OK(procsync_event_is_set(same, &set));
    CHECK(set);
    const char *bare;
    OK(procsync_event_name(same, &bare));
    CHECK(strcmp(bare, object) == 0);
    OK(procsync_event_close(event));
    OK(procsync_event_close(same));
}

static void a_name_is_one_kind_of_object(void) {
    const char *object = name("kind");
    procsync_semaphore *semaphore;
    procsync_mutex *mutex = NULL;
    procsync_token_semaphore *tokens = NULL;
    procsync_reentrant_mutex *reentrant = NULL;
    OK(procsync_semaphore_open(object, 3, NULL, &semaphore));
    IS(procsync_mutex_open(object, NULL, &mutex), PROCSYNC_WRONG_KIND);
    const procsync_error *error = procsync_last_error();
    CHECK(error->code == PROCSYNC_WRONG_KIND && error->kind == PROCSYNC_KIND_MUTEX);
    CHECK(strcmp(error->object, object) == 0);
    CHECK(strcmp(error->operation, "procsync_mutex_open") == 0);
    CHECK(strstr(error->message, "semaphore") != NULL);
    IS(procsync_token_semaphore_attach(object, NULL, &tokens), PROCSYNC_WRONG_KIND);
    IS(procsync_reentrant_mutex_open(object, NULL, &reentrant), PROCSYNC_WRONG_KIND);
    CHECK(mutex == NULL && tokens == NULL && reentrant == NULL);
    OK(procsync_semaphore_close(semaphore));
}

static void other_properties_are_a_mismatch(void) {
    procsync_semaphore *semaphore, *other;
    const char *object = name("capacity");
    OK(procsync_semaphore_open(object, 3, NULL, &semaphore));
    IS(procsync_semaphore_open(object, 4, NULL, &other), PROCSYNC_MISMATCH);
    CHECK(strstr(procsync_last_error()->message, "3, not 4") != NULL);
    OK(procsync_semaphore_attach(object, NULL, &other));
    uint32_t capacity;
    OK(procsync_semaphore_capacity(other, &capacity));
    CHECK(capacity == 3);
    OK(procsync_semaphore_close(semaphore));
    OK(procsync_semaphore_close(other));
    IS(procsync_semaphore_open(name("none"), 0, NULL, &other), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_semaphore_open(name("many"), UINT32_MAX, NULL, &other), PROCSYNC_INVALID_ARGUMENT);

    procsync_event *event, *another;
    object = name("reset");
    OK(procsync_event_open(object, PROCSYNC_RESET_AUTO, NULL, &event));
    IS(procsync_event_open(object, PROCSYNC_RESET_MANUAL, NULL, &another), PROCSYNC_MISMATCH);
    IS(procsync_event_open(object, 7, NULL, &another), PROCSYNC_INVALID_ARGUMENT);
    OK(procsync_event_attach(object, NULL, &another));
    int32_t reset = -1;
    OK(procsync_event_reset(another, &reset));
    CHECK(reset == PROCSYNC_RESET_AUTO);
    OK(procsync_event_close(event));
    OK(procsync_event_close(another));
}

static void wrong_handles_and_pointers_are_told(void) {
    procsync_mutex *mutex;
    OK(procsync_mutex_open(name("handles"), NULL, &mutex));
    procsync_event *not_an_event = (procsync_event *)mutex;
    IS(procsync_event_set(not_an_event), PROCSYNC_INVALID_HANDLE);
    IS(procsync_event_close(not_an_event), PROCSYNC_INVALID_HANDLE);
    IS(procsync_mutex_lock(NULL, 0, NULL), PROCSYNC_INVALID_HANDLE);
    procsync_mutex *misaligned = (procsync_mutex *)((char *)mutex + 1);
    IS(procsync_mutex_lock(misaligned, 0, NULL), PROCSYNC_INVALID_HANDLE);
    uint64_t zeros[16] = {0};
    IS(procsync_mutex_unlock((procsync_mutex *)zeros), PROCSYNC_INVALID_HANDLE);
    IS(procsync_mutex_is_locked(mutex, NULL), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_mutex_open("x", NULL, NULL), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_mutex_open("x", (procsync_options *)mutex, &mutex), PROCSYNC_INVALID_HANDLE);
    procsync_mutex **odd = (procsync_mutex **)((char *)zeros + 1);
    IS(procsync_mutex_open("x", NULL, odd), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_mutex_lock(mutex, -2, NULL), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_mutex_lock(mutex, INT64_MIN, NULL), PROCSYNC_INVALID_ARGUMENT);
    bool locked = true;
    OK(procsync_mutex_is_locked(mutex, &locked));
    CHECK(!locked);
    OK(procsync_mutex_close(mutex));
    OK(procsync_mutex_close(NULL));
    OK(procsync_options_free(NULL));
}

static void options_describe_the_object(void) {
    procsync_options *options;
    OK(procsync_options_new(&options));
    IS(procsync_options_set_scope(options, 9, 0), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_options_set_ownership(options, -1), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_options_set_on_abandoned(options, 3), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_options_set_spin(options, -2), PROCSYNC_INVALID_ARGUMENT);
    OK(procsync_options_set_spin(options, PROCSYNC_SPIN_ADAPTIVE));
    OK(procsync_options_set_spin(options, PROCSYNC_SPIN_NEVER));
    OK(procsync_options_set_spin(options, 100));
    OK(procsync_options_set_persistent(options, 1));
    OK(procsync_options_set_initially_set(options, 1));
    OK(procsync_options_set_participants(options, 8));
    const char *object = name("persistent");
    procsync_event *event;
    OK(procsync_event_create(object, PROCSYNC_RESET_MANUAL, options, &event));
    OK(procsync_event_wait(event, 0));
    OK(procsync_event_close(event));
    OK(procsync_event_attach(object, NULL, &event));
    bool set = false;
    OK(procsync_event_is_set(event, &set));
    CHECK(set);
    int32_t removal = -1;
    OK(procsync_event_remove(event, &removal));
    CHECK(removal == PROCSYNC_REMOVAL_WHEN_LAST_USER_LEAVES);
    OK(procsync_event_close(event));
    OK(procsync_remove(object, PROCSYNC_SCOPE_USER, &removal));
    CHECK(removal == PROCSYNC_REMOVAL_NONE);
    OK(procsync_options_set_participants(options, 0));
    IS(procsync_event_create(object, PROCSYNC_RESET_MANUAL, options, &event), PROCSYNC_INVALID_ARGUMENT);
    OK(procsync_options_free(options));
}

static void raw_words_in_own_memory(void) {
    _Alignas(64) uint32_t header[16] = {0};
    procsync_raw_mutex *mutex;
    IS(procsync_raw_mutex_at(header, 63, 0, &mutex), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_raw_mutex_at((char *)header + 2, 64, 0, &mutex), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_raw_mutex_at(NULL, 64, 0, &mutex), PROCSYNC_INVALID_ARGUMENT);
    OK(procsync_raw_mutex_at(header, 64, 0, &mutex));
    OK(procsync_raw_mutex_acquire(mutex, PROCSYNC_FOREVER));
    IS(procsync_raw_mutex_acquire(mutex, PROCSYNC_FOREVER), PROCSYNC_ALREADY_OWNED);
    IS(procsync_raw_mutex_acquire(mutex, 0), PROCSYNC_TIMED_OUT);
    uint32_t pid = 0;
    uint64_t when = 0;
    bool locked = false, held = false;
    OK(procsync_raw_mutex_owner_pid(mutex, &pid));
    OK(procsync_raw_mutex_last_acquired_ns(mutex, &when));
    OK(procsync_raw_mutex_is_locked(mutex, &locked));
    CHECK(pid == (uint32_t)getpid() && when > 0 && locked);
    OK(procsync_raw_mutex_release(mutex));
    IS(procsync_raw_mutex_release(mutex), PROCSYNC_NOT_OWNER);
    OK(procsync_raw_mutex_acquire(mutex, MILLISECONDS(1)));
    OK(procsync_raw_mutex_force_release(mutex, &held));
    CHECK(held);
    OK(procsync_raw_mutex_close(mutex));

    procsync_raw_semaphore *semaphore;
    uint32_t initial = 1, value = 9;
    IS(procsync_raw_semaphore_at(header, 64, &initial, 0, &semaphore), PROCSYNC_WRONG_KIND);
    memset(header, 0, sizeof header);
    IS(procsync_raw_semaphore_at(header, 64, NULL, 0, &semaphore), PROCSYNC_NOT_FOUND);
    OK(procsync_raw_semaphore_at(header, 64, &initial, 0, &semaphore));
    OK(procsync_raw_semaphore_wait(semaphore, PROCSYNC_FOREVER));
    IS(procsync_raw_semaphore_wait(semaphore, 0), PROCSYNC_TIMED_OUT);
    IS(procsync_raw_semaphore_wait(semaphore, MILLISECONDS(2)), PROCSYNC_TIMED_OUT);
    OK(procsync_raw_semaphore_post(semaphore, UINT32_MAX));
    IS(procsync_raw_semaphore_post(semaphore, 1), PROCSYNC_OVERFLOW);
    OK(procsync_raw_semaphore_reset(semaphore, 3));
    OK(procsync_raw_semaphore_value(semaphore, &value));
    OK(procsync_raw_semaphore_last_pid(semaphore, &pid));
    OK(procsync_raw_semaphore_last_acquired_ns(semaphore, &when));
    CHECK(value == 3 && pid == (uint32_t)getpid() && when > 0);
    OK(procsync_raw_semaphore_close(semaphore));
}

static void *wakes(void *word) {
    uint32_t woken = 0;
    EVENTUALLY(procsync_futex_wake((uint32_t *)word, 1, 0, &woken) == PROCSYNC_OK && woken == 1);
    return NULL;
}

static void words_are_slept_on_and_changed(void) {
    uint32_t word = 5, before = 0;
    OK(procsync_futex_wait(&word, 4, PROCSYNC_FOREVER, 0));
    IS(procsync_futex_wait(&word, 5, MILLISECONDS(1), 0), PROCSYNC_TIMED_OUT);
    IS(procsync_futex_wait(NULL, 5, 0, 0), PROCSYNC_INVALID_ARGUMENT);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, wakes, &word) == 0);
    OK(procsync_futex_wait(&word, 5, PROCSYNC_FOREVER, 0));
    CHECK(pthread_join(thread, NULL) == 0);

    uint32_t small = 12, value = 0, expected = 9;
    bool exchanged = true;
    OK(procsync_atomic_u32_load(&small, &value));
    CHECK(value == 12);
    OK(procsync_atomic_u32_compare_exchange(&small, &expected, 1, &exchanged));
    CHECK(!exchanged && expected == 12);
    OK(procsync_atomic_u32_compare_exchange(&small, &expected, 0xC, &exchanged));
    CHECK(exchanged);
    struct { int32_t operation; uint32_t operand, result; } steps[] = {
        {PROCSYNC_ATOMIC_ADD, UINT32_MAX, 11}, {PROCSYNC_ATOMIC_SUBTRACT, 12, UINT32_MAX},
        {PROCSYNC_ATOMIC_AND, 0xC, 0xC},       {PROCSYNC_ATOMIC_OR, 3, 0xF},
        {PROCSYNC_ATOMIC_MAX, 9, 0xF},         {PROCSYNC_ATOMIC_MIN, 9, 9},
        {PROCSYNC_ATOMIC_SWAP, 77, 77},
    };
    uint32_t last = 12;
    for (size_t i = 0; i < COUNT(steps); i++) {
        OK(procsync_atomic_u32_fetch(&small, steps[i].operation, steps[i].operand, &before));
        CHECK(before == last && small == steps[i].result);
        last = small;
    }
    IS(procsync_atomic_u32_fetch(&small, 99, 0, NULL), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_atomic_u32_load((uint32_t *)((char *)&small + 1), &value), PROCSYNC_INVALID_ARGUMENT);

    uint64_t big = 1, wide = 0, wanted = 1;
    OK(procsync_atomic_u64_store(&big, UINT64_MAX));
    OK(procsync_atomic_u64_fetch(&big, PROCSYNC_ATOMIC_ADD, 2, &wide));
    CHECK(wide == UINT64_MAX && big == 1);
    OK(procsync_atomic_u64_compare_exchange(&big, &wanted, 8, NULL));
    OK(procsync_atomic_u64_load(&big, &wide));
    CHECK(wide == 8);
    OK(procsync_atomic_u32_store(&small, 3));
    CHECK(small == 3);
}

static void objects_are_seen_by_strangers(void) {
    const char *object = name("a-seen");
    procsync_semaphore *semaphore;
    procsync_permit permit;
    OK(procsync_semaphore_open(object, 5, NULL, &semaphore));
    OK(procsync_semaphore_acquire(semaphore, 2, 0, &permit, NULL));
    procsync_snapshots *found;
    OK(procsync_inspect_list(PROCSYNC_SCOPE_USER, &found));
    size_t count = 0, seen = 0;
    OK(procsync_snapshots_count(found, &count));
    const procsync_snapshot *snapshot = NULL;
    for (size_t i = 0; i < count; i++) {
        OK(procsync_snapshots_get(found, i, &snapshot));
        if (strcmp(snapshot->name, object) != 0) continue;
        seen++;
        CHECK(snapshot->kind == PROCSYNC_KIND_SEMAPHORE && snapshot->state == PROCSYNC_STATE_PERMITS);
        CHECK(snapshot->available == 3 && snapshot->capacity == 5 && snapshot->processes == 1);
        CHECK(snapshot->holder_count == 2 && snapshot->waiter_count == 0 && !snapshot->persistent);
        CHECK(snapshot->holders[1]->pid == (uint32_t)getpid() && snapshot->created_ns > 0);
    }
    CHECK(seen == 1);
    IS(procsync_snapshots_get(found, count, &snapshot), PROCSYNC_INVALID_ARGUMENT);
    OK(procsync_snapshots_free(found));
    IS(procsync_inspect_show(name("unseen"), PROCSYNC_SCOPE_USER, &found), PROCSYNC_NOT_FOUND);
    IS(procsync_inspect_list(5, &found), PROCSYNC_INVALID_ARGUMENT);
    OK(procsync_semaphore_close(semaphore));
}

static void a_damaged_object_does_not_hide_the_others(void) {
    const char *object = name("damaged");
    char path[300];
    procsync_event *event;
    OK(procsync_event_open(name("whole"), PROCSYNC_RESET_MANUAL, NULL, &event));
    snprintf(path, sizeof path, "%s/procsync-%u/%s", getenv("PROCSYNC_DIR"), (unsigned)geteuid(), object);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs("not an object", file) > 0 && fclose(file) == 0);
    procsync_snapshots *found;
    size_t count = 0, damaged = 0, whole = 0;
    OK(procsync_inspect_list(PROCSYNC_SCOPE_USER, &found));
    OK(procsync_snapshots_count(found, &count));
    for (size_t i = 0; i < count; i++) {
        const procsync_snapshot *snapshot;
        procsync_status status = procsync_snapshots_get(found, i, &snapshot);
        if (status == PROCSYNC_OK) {
            whole++;
        } else {
            CHECK(status == PROCSYNC_DAMAGED && strcmp(procsync_last_error()->object, object) == 0);
            damaged++;
        }
    }
    CHECK(damaged == 1 && whole >= 1);
    OK(procsync_snapshots_free(found));
    CHECK(unlink(path) == 0);
    OK(procsync_event_close(event));
}

static void system_errors_have_their_number(void) {
    char path[300];
    procsync_mutex *mutex;
    const char *object = name("directory");
    snprintf(path, sizeof path, "%s/procsync-%u/%s", getenv("PROCSYNC_DIR"), (unsigned)geteuid(), object);
    OK(procsync_mutex_open(name("first"), NULL, &mutex));
    OK(procsync_mutex_close(mutex));
    CHECK(symlink("elsewhere", path) == 0);
    IS(procsync_mutex_attach(object, NULL, &mutex), PROCSYNC_SYSTEM);
    CHECK(procsync_last_error()->system_errno == ELOOP);
    CHECK(unlink(path) == 0);
}

static void *fails_of_its_own(void *unused) {
    CHECK(procsync_last_error()->code == PROCSYNC_OK);
    procsync_mutex *mutex;
    IS(procsync_mutex_open("a b", NULL, &mutex), PROCSYNC_INVALID_NAME);
    return unused;
}

static void each_thread_has_its_own_last_error(void) {
    IS(procsync_mutex_lock(NULL, 0, NULL), PROCSYNC_INVALID_HANDLE);
    in_thread(fails_of_its_own, NULL);
    CHECK(procsync_last_error()->code == PROCSYNC_INVALID_HANDLE);
    // Success leaves it as it is.
    procsync_options *options;
    OK(procsync_options_new(&options));
    OK(procsync_options_free(options));
    CHECK(procsync_last_error()->code == PROCSYNC_INVALID_HANDLE);
}

// What docs/c-api.md promises to keep as it is.
_Static_assert(sizeof(procsync_permit) == 16 && offsetof(procsync_permit, index) == 8 &&
                   offsetof(procsync_permit, count) == 12,
               "callers keep permits");
_Static_assert(offsetof(procsync_error, kind) == 8 && offsetof(procsync_error, operation) == 16,
               "it may only grow at its end");
_Static_assert(offsetof(procsync_deceased, cause) == 8 && offsetof(procsync_deceased, noticed_ns) == 16,
               "it may only grow at its end");
_Static_assert(offsetof(procsync_participant, command) == 8 && offsetof(procsync_participant, dead) == 24,
               "it may only grow at its end");
_Static_assert(offsetof(procsync_snapshot, bytes) == 24 && offsetof(procsync_snapshot, recovered) == 96,
               "it may only grow at its end");

static void what_cannot_fail(void) {
    char version[40];
    snprintf(version, sizeof version, "%d.%d.%d", PROCSYNC_VERSION_MAJOR, PROCSYNC_VERSION_MINOR,
             PROCSYNC_VERSION_PATCH);
    CHECK(strcmp(procsync_version(), version) == 0);
    CHECK(strcmp(procsync_status_name(PROCSYNC_TIMED_OUT), "PROCSYNC_TIMED_OUT") == 0);
    CHECK(strcmp(procsync_status_name(-1), "unknown") == 0);
    CHECK(procsync_align_to_cacheline_size(65) == 128);
}

static const test tests[] = {
    TEST(opening_creating_and_attaching),
    TEST(names_are_checked_and_prefixes_taken_off),
    TEST(a_name_is_one_kind_of_object),
    TEST(other_properties_are_a_mismatch),
    TEST(wrong_handles_and_pointers_are_told),
    TEST(options_describe_the_object),
    TEST(raw_words_in_own_memory),
    TEST(words_are_slept_on_and_changed),
    TEST(objects_are_seen_by_strangers),
    TEST(a_damaged_object_does_not_hide_the_others),
    TEST(system_errors_have_their_number),
    TEST(each_thread_has_its_own_last_error),
    TEST(what_cannot_fail),
};
static const role roles[] = {{"none", NULL}};

TESTS(tests, roles)
