// Every object, in one process: what it does, and what it answers to nonsense.

#include "check.h"

#include <fcntl.h>
#include <sys/mman.h>

static void *locks_in_vain(void *mutex) {
    IS(procsync_mutex_lock((procsync_mutex *)mutex, 0, NULL), PROCSYNC_TIMED_OUT);
    IS(procsync_mutex_unlock((procsync_mutex *)mutex), PROCSYNC_NOT_OWNER);
    uint64_t grant;
    IS(procsync_mutex_grant((procsync_mutex *)mutex, &grant), PROCSYNC_NOT_OWNER);
    int64_t before = now_ns();
    IS(procsync_mutex_lock((procsync_mutex *)mutex, MILLISECONDS(20), NULL), PROCSYNC_TIMED_OUT);
    CHECK(now_ns() - before >= MILLISECONDS(20));
    CHECK(strstr(procsync_last_error()->message, "held for") != NULL);
    return NULL;
}

static void a_mutex_excludes(void) {
    procsync_mutex *mutex;
    OK(procsync_mutex_open(name("mutex"), NULL, &mutex));
    bool abandoned = true;
    OK(procsync_mutex_lock(mutex, PROCSYNC_FOREVER, &abandoned));
    CHECK(!abandoned);
    IS(procsync_mutex_lock(mutex, PROCSYNC_FOREVER, NULL), PROCSYNC_ALREADY_OWNED);
    IS(procsync_mutex_lock(mutex, 0, NULL), PROCSYNC_ALREADY_OWNED);
    in_thread(locks_in_vain, mutex);
    procsync_participants *owner;
    OK(procsync_mutex_owner(mutex, &owner));
    size_t count = 9;
    const procsync_participant *who = NULL;
    OK(procsync_participants_count(owner, &count));
    OK(procsync_participants_get(owner, 0, &who));
    CHECK(count == 1 && who->pid == (uint32_t)getpid() && !who->dead && !who->foreign_namespace);
    CHECK(who->since_ns > 0 && strstr(who->command, "objects") != NULL);
    IS(procsync_participants_get(owner, 1, &who), PROCSYNC_INVALID_ARGUMENT);
    OK(procsync_participants_free(owner));
    uint64_t first = 0, second = 0;
    OK(procsync_mutex_grant(mutex, &first));
    OK(procsync_mutex_unlock(mutex));
    IS(procsync_mutex_unlock(mutex), PROCSYNC_NOT_OWNER);
    OK(procsync_mutex_lock(mutex, MILLISECONDS(1), NULL));
    OK(procsync_mutex_grant(mutex, &second));
    CHECK(second == first + 1);
    bool held = false;
    OK(procsync_mutex_force_release(mutex, &held));
    CHECK(held);
    OK(procsync_mutex_force_release(mutex, &held));
    CHECK(!held);
    IS(procsync_mutex_unlock(mutex), PROCSYNC_NOT_OWNER);
    OK(procsync_mutex_lock(mutex, 0, &abandoned));
    CHECK(abandoned && procsync_last_deceased()->cause == PROCSYNC_CAUSE_FORCED);
    CHECK(procsync_last_deceased()->pid == (uint32_t)getpid());
    OK(procsync_mutex_unlock(mutex));
    OK(procsync_mutex_owner(mutex, &owner));
    OK(procsync_participants_count(owner, &count));
    CHECK(count == 0);
    OK(procsync_participants_free(owner));
    OK(procsync_mutex_close(mutex));
}

static void *unlocks(void *mutex) {
    OK(procsync_mutex_unlock((procsync_mutex *)mutex));
    return NULL;
}

static void a_process_owns_it_if_the_options_say_so(void) {
    procsync_options *options;
    procsync_mutex *mutex;
    OK(procsync_options_new(&options));
    OK(procsync_options_set_ownership(options, PROCSYNC_OWNERSHIP_PROCESS));
    OK(procsync_mutex_open(name("by-process"), options, &mutex));
    OK(procsync_mutex_lock(mutex, 0, NULL));
    IS(procsync_mutex_lock(mutex, 0, NULL), PROCSYNC_TIMED_OUT);
    in_thread(unlocks, mutex);
    OK(procsync_mutex_lock(mutex, 0, NULL));
    OK(procsync_mutex_unlock(mutex));
    OK(procsync_mutex_close(mutex));
    OK(procsync_options_free(options));
}

static void *locks_and_exits(void *mutex) {
    OK(procsync_mutex_lock((procsync_mutex *)mutex, PROCSYNC_FOREVER, NULL));
    return NULL;
}

static void an_abandoned_mutex_is_refused_until_repaired(void) {
    procsync_options *options;
    procsync_mutex *careful, *careless;
    const char *object = name("abandoned");
    OK(procsync_options_new(&options));
    OK(procsync_options_set_on_abandoned(options, PROCSYNC_ON_ABANDONED_REFUSE));
    OK(procsync_mutex_open(object, options, &careful));
    OK(procsync_options_set_on_abandoned(options, PROCSYNC_ON_ABANDONED_IGNORE));
    OK(procsync_mutex_open(object, options, &careless));
    in_thread(locks_and_exits, careful);
    IS(procsync_mutex_lock(careful, PROCSYNC_FOREVER, NULL), PROCSYNC_ABANDONED);
    IS(procsync_mutex_lock(careful, 0, NULL), PROCSYNC_ABANDONED);
    bool abandoned = false;
    OK(procsync_mutex_repair(careful, &abandoned));
    CHECK(abandoned && procsync_last_deceased()->cause == PROCSYNC_CAUSE_THREAD_EXITED);
    OK(procsync_mutex_unlock(careful));
    OK(procsync_mutex_lock(careful, 0, &abandoned));
    CHECK(!abandoned);
    OK(procsync_mutex_unlock(careful));
    in_thread(locks_and_exits, careful);
    OK(procsync_mutex_lock(careless, PROCSYNC_FOREVER, &abandoned));
    CHECK(!abandoned);
    OK(procsync_mutex_unlock(careless));
    OK(procsync_mutex_close(careful));
    OK(procsync_mutex_close(careless));
    OK(procsync_options_free(options));
}

static void a_mutex_guards_data(void) {
    procsync_options *options;
    procsync_mutex *mutex, *other;
    const char *object = name("data");
    struct { uint64_t visits; uint32_t limit, unused; } data = {7, 9, 0}, seen;
    OK(procsync_options_new(&options));
    OK(procsync_options_set_data(options, sizeof data, 8, &data));
    OK(procsync_mutex_create(object, options, &mutex));
    IS(procsync_mutex_open(object, NULL, &other), PROCSYNC_MISMATCH);
    OK(procsync_options_set_data(options, sizeof data, 8, NULL));
    OK(procsync_mutex_open(object, options, &other));
    uint64_t size = 0;
    OK(procsync_mutex_data_size(other, &size));
    CHECK(size == sizeof data);
    IS(procsync_mutex_read(mutex, &seen, sizeof seen), PROCSYNC_NOT_OWNER);
    IS(procsync_mutex_write(mutex, &data, sizeof data), PROCSYNC_NOT_OWNER);
    OK(procsync_mutex_lock(mutex, 0, NULL));
    OK(procsync_mutex_read(mutex, &seen, sizeof seen));
    CHECK(seen.visits == 7 && seen.limit == 9);
    seen.visits++;
    OK(procsync_mutex_write(mutex, &seen, sizeof seen.visits));
    char more[sizeof data + 1];
    IS(procsync_mutex_read(mutex, more, sizeof more), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_mutex_write(mutex, more, sizeof more), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_mutex_read(mutex, NULL, 1), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_mutex_read(mutex, &seen, SIZE_MAX), PROCSYNC_INVALID_ARGUMENT);
    OK(procsync_mutex_read(mutex, NULL, 0));
    OK(procsync_mutex_unlock(mutex));
    OK(procsync_mutex_lock(other, 0, NULL));
    OK(procsync_mutex_read(other, &data, sizeof data));
    CHECK(data.visits == 8 && data.limit == 9);
    OK(procsync_mutex_unlock(other));
    OK(procsync_options_set_data(options, 8, 3, NULL));
    IS(procsync_mutex_open(name("odd"), options, &other), PROCSYNC_INVALID_ARGUMENT);
    OK(procsync_mutex_close(mutex));
    OK(procsync_mutex_close(other));
    OK(procsync_options_free(options));
}

static void *finds_no_layer(void *mutex) {
    uint32_t depth = 9;
    OK(procsync_reentrant_mutex_depth((procsync_reentrant_mutex *)mutex, &depth));
    CHECK(depth == 0);
    IS(procsync_reentrant_mutex_lock((procsync_reentrant_mutex *)mutex, 0, NULL), PROCSYNC_TIMED_OUT);
    IS(procsync_reentrant_mutex_unlock((procsync_reentrant_mutex *)mutex), PROCSYNC_NOT_OWNER);
    return NULL;
}

static void a_reentrant_mutex_counts_layers(void) {
    procsync_reentrant_mutex *mutex;
    OK(procsync_reentrant_mutex_open(name("layers"), NULL, &mutex));
    uint32_t depth = 9;
    for (uint32_t layer = 1; layer <= 4; layer++) {
        OK(procsync_reentrant_mutex_lock(mutex, layer % 2 ? PROCSYNC_FOREVER : 0, NULL));
        OK(procsync_reentrant_mutex_depth(mutex, &depth));
        CHECK(depth == layer);
    }
    in_thread(finds_no_layer, mutex);
    for (uint32_t layer = 4; layer-- > 0;) {
        OK(procsync_reentrant_mutex_unlock(mutex));
        OK(procsync_reentrant_mutex_depth(mutex, &depth));
        CHECK(depth == layer);
    }
    bool locked = true;
    OK(procsync_reentrant_mutex_is_locked(mutex, &locked));
    CHECK(!locked);
    IS(procsync_reentrant_mutex_unlock(mutex), PROCSYNC_NOT_OWNER);
    OK(procsync_reentrant_mutex_close(mutex));
}

static void permits_have_indexes_and_are_released_once(void) {
    procsync_semaphore *semaphore;
    const char *object = name("permits");
    OK(procsync_semaphore_open(object, 4, NULL, &semaphore));
    procsync_permit permits[4], many, copy;
    bool seen[4] = {false, false, false, false}, abandoned = true;
    for (int i = 0; i < 4; i++) {
        OK(procsync_semaphore_acquire(semaphore, 1, PROCSYNC_FOREVER, &permits[i], &abandoned));
        CHECK(permits[i].count == 1 && permits[i].index < 4 && !seen[permits[i].index] && !abandoned);
        seen[permits[i].index] = true;
    }
    IS(procsync_semaphore_acquire(semaphore, 1, 0, &many, NULL), PROCSYNC_TIMED_OUT);
    IS(procsync_semaphore_acquire(semaphore, 1, MILLISECONDS(5), &many, NULL), PROCSYNC_TIMED_OUT);
    IS(procsync_semaphore_acquire(semaphore, 5, 0, &many, NULL), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_semaphore_acquire(semaphore, 0, 0, &many, NULL), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_semaphore_acquire(semaphore, 1, 0, NULL, NULL), PROCSYNC_INVALID_ARGUMENT);
    procsync_participants *holders;
    size_t count = 0;
    OK(procsync_semaphore_holders(semaphore, &holders));
    OK(procsync_participants_count(holders, &count));
    CHECK(count == 4);
    OK(procsync_participants_free(holders));
    for (int i = 0; i < 3; i++) {
        copy = permits[i];
        OK(procsync_semaphore_release(semaphore, &permits[i]));
        CHECK(permits[i].serial == 0);
        IS(procsync_semaphore_release(semaphore, &permits[i]), PROCSYNC_NOT_OWNER);
        IS(procsync_semaphore_release(semaphore, &copy), PROCSYNC_NOT_OWNER);
    }
    uint32_t available = 0, indexes[8];
    OK(procsync_semaphore_available(semaphore, &available));
    CHECK(available == 3);
    OK(procsync_semaphore_acquire(semaphore, 3, 0, &many, NULL));
    // An old copy is not taken for the new acquisition, though it has the same index.
    IS(procsync_semaphore_release(semaphore, &copy), PROCSYNC_NOT_OWNER);
    OK(procsync_semaphore_indexes(semaphore, &many, indexes, 2, &count));
    CHECK(count == 3);
    OK(procsync_semaphore_indexes(semaphore, &many, indexes, 8, &count));
    CHECK(count == 3 && indexes[0] == many.index && indexes[1] != indexes[0]);
    CHECK(indexes[0] + indexes[1] + indexes[2] + permits[3].index == 0 + 1 + 2 + 3);
    OK(procsync_semaphore_indexes(semaphore, &many, NULL, 0, &count));
    IS(procsync_semaphore_indexes(semaphore, &many, NULL, 1, &count), PROCSYNC_INVALID_ARGUMENT);
    procsync_permit nonsense = {many.serial, 1000, 1};
    IS(procsync_semaphore_release(semaphore, &nonsense), PROCSYNC_NOT_OWNER);
    many.count = 1; // All of them are given back, whatever C makes of the numbers.
    OK(procsync_semaphore_release(semaphore, &many));
    OK(procsync_semaphore_release(semaphore, &permits[3]));
    OK(procsync_semaphore_available(semaphore, &available));
    CHECK(available == 4);

    // Through another handle it is not released; and closing a handle gives back what it has.
    procsync_semaphore *other;
    OK(procsync_semaphore_attach(object, NULL, &other));
    OK(procsync_semaphore_acquire(other, 2, 0, &many, NULL));
    IS(procsync_semaphore_release(semaphore, &many), PROCSYNC_NOT_OWNER);
    OK(procsync_semaphore_close(other));
    IS(procsync_semaphore_release(semaphore, &many), PROCSYNC_NOT_OWNER);
    OK(procsync_semaphore_available(semaphore, &available));
    CHECK(available == 4);
    OK(procsync_semaphore_close(semaphore));
}

static struct { procsync_semaphore *semaphore; procsync_permit permit; int released; } race;

static void *releases(void *unused) {
    procsync_permit copy = race.permit;
    if (procsync_semaphore_release(race.semaphore, &copy) == PROCSYNC_OK) {
        __atomic_fetch_add(&race.released, 1, __ATOMIC_SEQ_CST);
    }
    return unused;
}

static void of_threads_that_release_the_same_permit_one_succeeds(void) {
    OK(procsync_semaphore_open(name("race"), 8, NULL, &race.semaphore));
    for (int round = 0; round < 100; round++) {
        OK(procsync_semaphore_acquire(race.semaphore, 1 + round % 3, 0, &race.permit, NULL));
        race.released = 0;
        pthread_t threads[2];
        for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, releases, NULL) == 0);
        for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(race.released == 1);
    }
    uint32_t available = 0;
    OK(procsync_semaphore_available(race.semaphore, &available));
    CHECK(available == 8);
    OK(procsync_semaphore_close(race.semaphore));
}

static void tokens_are_counted_and_do_not_overflow(void) {
    procsync_token_semaphore *tokens;
    const char *object = name("tokens");
    OK(procsync_token_semaphore_create(object, 2, NULL, &tokens));
    uint32_t value = 0;
    OK(procsync_token_semaphore_wait(tokens, PROCSYNC_FOREVER));
    OK(procsync_token_semaphore_wait(tokens, 0));
    IS(procsync_token_semaphore_wait(tokens, 0), PROCSYNC_TIMED_OUT);
    int64_t before = now_ns();
    IS(procsync_token_semaphore_wait(tokens, MILLISECONDS(20)), PROCSYNC_TIMED_OUT);
    CHECK(now_ns() - before >= MILLISECONDS(20));
    OK(procsync_token_semaphore_post(tokens, UINT32_MAX));
    IS(procsync_token_semaphore_post(tokens, 1), PROCSYNC_OVERFLOW);
    OK(procsync_token_semaphore_value(tokens, &value));
    CHECK(value == UINT32_MAX);
    OK(procsync_token_semaphore_wait(tokens, 1));
    OK(procsync_token_semaphore_value(tokens, &value));
    CHECK(value == UINT32_MAX - 1);
    // Whoever opens it takes the count as it is.
    procsync_token_semaphore *other;
    OK(procsync_token_semaphore_open(object, 5, NULL, &other));
    OK(procsync_token_semaphore_value(other, &value));
    CHECK(value == UINT32_MAX - 1);
    OK(procsync_token_semaphore_close(tokens));
    OK(procsync_token_semaphore_close(other));
}

static void events_stay_set_or_are_consumed(void) {
    procsync_event *manual, *automatic;
    OK(procsync_event_open(name("manual"), PROCSYNC_RESET_MANUAL, NULL, &manual));
    OK(procsync_event_open(name("auto"), PROCSYNC_RESET_AUTO, NULL, &automatic));
    IS(procsync_event_wait(manual, 0), PROCSYNC_TIMED_OUT);
    IS(procsync_event_wait(automatic, MILLISECONDS(5)), PROCSYNC_TIMED_OUT);
    OK(procsync_event_set(manual));
    OK(procsync_event_set(automatic));
    OK(procsync_event_set(automatic));
    OK(procsync_event_wait(manual, PROCSYNC_FOREVER));
    OK(procsync_event_wait(manual, 0));
    OK(procsync_event_wait(automatic, PROCSYNC_FOREVER));
    IS(procsync_event_wait(automatic, 0), PROCSYNC_TIMED_OUT);
    OK(procsync_event_clear(manual));
    IS(procsync_event_wait(manual, 0), PROCSYNC_TIMED_OUT);
    OK(procsync_event_close(manual));
    OK(procsync_event_close(automatic));
}

static void shared_memory_has_its_size_and_keeps_its_bytes(void) {
    procsync_shared_memory *memory, *other;
    const char *object = name("memory");
    IS(procsync_shared_memory_attach(object, NULL, &memory), PROCSYNC_NOT_FOUND);
    IS(procsync_shared_memory_open(object, 0, NULL, &memory), PROCSYNC_INVALID_ARGUMENT);
    OK(procsync_shared_memory_open(object, 5000, NULL, &memory));
    IS(procsync_shared_memory_open(object, 5001, NULL, &other), PROCSYNC_MISMATCH);
    OK(procsync_shared_memory_attach(object, NULL, &other));
    bool created = false;
    uint64_t size = 0;
    uint32_t processes = 0;
    OK(procsync_shared_memory_created(memory, &created));
    CHECK(created);
    OK(procsync_shared_memory_created(other, &created));
    CHECK(!created);
    OK(procsync_shared_memory_size(other, &size));
    OK(procsync_shared_memory_processes(other, &processes));
    CHECK(size == 5000 && processes == 1);
    char text[8] = "";
    OK(procsync_shared_memory_write(memory, 4995, "hello", 5));
    OK(procsync_shared_memory_read(other, 4995, text, 5));
    CHECK(strcmp(text, "hello") == 0);
    IS(procsync_shared_memory_read(other, 4996, text, 5), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_shared_memory_write(memory, UINT64_MAX, text, 2), PROCSYNC_INVALID_ARGUMENT);
    char *bytes = NULL;
    OK(procsync_shared_memory_address(other, (void **)&bytes));
    CHECK(memcmp(bytes + 4995, "hello", 5) == 0 && (uintptr_t)bytes % 4096 == 0);
    IS(procsync_shared_memory_read(other, 0, bytes + 10, 5), PROCSYNC_INVALID_ARGUMENT);
    IS(procsync_shared_memory_write(other, 0, bytes + 4999, 5), PROCSYNC_INVALID_ARGUMENT);
    // Another program's view.
    char posix[110];
    snprintf(posix, sizeof posix, "/%s", object);
    int file = shm_open(posix, O_RDWR, 0);
    CHECK(file >= 0);
    char *plain = (char *)mmap(NULL, 5000, PROT_READ, MAP_SHARED, file, 0);
    CHECK(plain != MAP_FAILED && memcmp(plain + 4995, "hello", 5) == 0);
    munmap(plain, 5000);
    close(file);
    OK(procsync_shared_memory_close(memory));
    OK(procsync_shared_memory_close(other));
    CHECK(shm_open(posix, O_RDWR, 0) < 0);
}

static const test tests[] = {
    TEST(a_mutex_excludes),
    TEST(a_process_owns_it_if_the_options_say_so),
    TEST(an_abandoned_mutex_is_refused_until_repaired),
    TEST(a_mutex_guards_data),
    TEST(a_reentrant_mutex_counts_layers),
    TEST(permits_have_indexes_and_are_released_once),
    TEST(of_threads_that_release_the_same_permit_one_succeeds),
    TEST(tokens_are_counted_and_do_not_overflow),
    TEST(events_stay_set_or_are_consumed),
    TEST(shared_memory_has_its_size_and_keeps_its_bytes),
};
static const role roles[] = {{"none", NULL}};

TESTS(tests, roles)
