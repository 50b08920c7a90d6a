// What seldom happens: no slots left, other versions, directories that cannot be trusted, leftovers,
// threads that exit.

#include "check.h"

#include <sys/stat.h>

static void leave_event(const char *object) {
    procsync_event *event;
    OK(procsync_event_create(object, PROCSYNC_RESET_MANUAL, NULL, &event));
    OK(procsync_event_set(event));
    say('!');
    listen_to_test();
}

static const role roles[] = {{"leave-event", leave_event}};

// The file of a user's own object.
static const char *file_of(const char *object) {
    static char path[400];
    snprintf(path, sizeof path, "%s/procsync-%u/%s", getenv("PROCSYNC_DIR"), (unsigned)geteuid(), object);
    return path;
}

static procsync_options *new_options(void) {
    procsync_options *options;
    OK(procsync_options_new(&options));
    return options;
}

static void what_a_killed_process_left_is_made_afresh(void) {
    const char *object = name("leftover");
    helper last = start("leave-event", object);
    CHECK(hear(&last) == '!');
    kill_now(&last);
    CHECK(access(file_of(object), F_OK) == 0);
    procsync_event *event;
    bool set = true;
    IS(procsync_event_attach(object, NULL, &event), PROCSYNC_NOT_FOUND);
    OK(procsync_event_open(object, PROCSYNC_RESET_AUTO, NULL, &event));
    OK(procsync_event_is_set(event, &set));
    CHECK(!set);
    OK(procsync_event_close(event));
    CHECK(access(file_of(object), F_OK) != 0);
}

static void who_removes_is_told_what_became_of_it(void) {
    const char *object = name("removed");
    procsync_options *options = new_options();
    OK(procsync_options_set_persistent(options, 1));
    procsync_token_semaphore *tokens;
    OK(procsync_token_semaphore_create(object, 4, options, &tokens));
    OK(procsync_token_semaphore_close(tokens));
    OK(procsync_token_semaphore_attach(object, NULL, &tokens));
    uint32_t value = 0;
    OK(procsync_token_semaphore_value(tokens, &value));
    CHECK(value == 4);
    OK(procsync_token_semaphore_close(tokens));
    int32_t removal = -1;
    OK(procsync_remove(object, PROCSYNC_SCOPE_USER, &removal));
    CHECK(removal == PROCSYNC_REMOVAL_DONE);
    OK(procsync_remove(object, PROCSYNC_SCOPE_USER, NULL));
    IS(procsync_remove("a b", PROCSYNC_SCOPE_USER, NULL), PROCSYNC_INVALID_NAME);
    IS(procsync_remove(object, 2, NULL), PROCSYNC_INVALID_ARGUMENT);
    OK(procsync_options_free(options));
}

static void who_finds_no_slot_is_told(void) {
    procsync_options *options = new_options();
    OK(procsync_options_set_participants(options, 1));
    procsync_mutex *mutex;
    OK(procsync_mutex_create(name("slots"), options, &mutex));
    // The process has the only one, and a thread would need another.
    IS(procsync_mutex_lock(mutex, PROCSYNC_FOREVER, NULL), PROCSYNC_NO_SLOTS);
    OK(procsync_mutex_close(mutex));
    OK(procsync_options_free(options));
}

static void another_layout_version_is_refused(void) {
    const char *object = name("version");
    procsync_options *options = new_options();
    OK(procsync_options_set_persistent(options, 1));
    procsync_mutex *mutex;
    OK(procsync_mutex_create(object, options, &mutex));
    OK(procsync_mutex_close(mutex));
    int file = open(file_of(object), O_RDWR);
    uint32_t version = 77;
    CHECK(file >= 0 && pwrite(file, &version, sizeof version, 8) == sizeof version);
    close(file);
    IS(procsync_mutex_open(object, NULL, &mutex), PROCSYNC_LAYOUT_VERSION);
    CHECK(strstr(procsync_last_error()->message, "77") != NULL);
    CHECK(unlink(file_of(object)) == 0);
    OK(procsync_options_free(options));
}

static void machine_wide_objects_have_their_mode_and_are_apart(void) {
    const char *object = name("machine");
    procsync_options *options = new_options();
    OK(procsync_options_set_scope(options, PROCSYNC_SCOPE_MACHINE, 0666));
    procsync_event *machine, *user;
    OK(procsync_event_create(object, PROCSYNC_RESET_MANUAL, options, &machine));
    OK(procsync_event_create(object, PROCSYNC_RESET_MANUAL, NULL, &user));
    OK(procsync_event_set(machine));
    IS(procsync_event_wait(user, 0), PROCSYNC_TIMED_OUT);
    char path[400];
    struct stat facts;
    snprintf(path, sizeof path, "%s/procsync.%s", getenv("PROCSYNC_DIR"), object);
    CHECK(stat(path, &facts) == 0 && (facts.st_mode & 0777) == 0666);
    CHECK(stat(file_of(object), &facts) == 0 && (facts.st_mode & 0777) == 0600);
    procsync_snapshots *found;
    const procsync_snapshot *snapshot;
    OK(procsync_inspect_show(object, PROCSYNC_SCOPE_MACHINE, &found));
    OK(procsync_snapshots_get(found, 0, &snapshot));
    CHECK(snapshot->state == PROCSYNC_STATE_SET);
    OK(procsync_snapshots_free(found));
    OK(procsync_event_close(machine));
    OK(procsync_event_close(user));
    OK(procsync_options_free(options));
}

static void a_directory_that_lets_others_in_is_refused(void) {
    IN_CHILD({
        char path[400];
        snprintf(path, sizeof path, "%s/open-to-all", getenv("PROCSYNC_DIR"));
        CHECK(mkdir(path, 0777) == 0 && chmod(path, 0777) == 0);
        CHECK(setenv("PROCSYNC_DIR", path, 1) == 0);
        procsync_mutex *mutex;
        IS(procsync_mutex_open(name("unsafe"), NULL, &mutex), PROCSYNC_UNSAFE_DIRECTORY);
        CHECK(rmdir(path) == 0);
    });
}

static procsync_mutex *of_exiting[2];

static void lock_late(void *unused) {
    (void)unused;
    IS(procsync_mutex_lock(of_exiting[1], PROCSYNC_FOREVER, NULL), PROCSYNC_THREAD_EXITING);
    CHECK(procsync_last_error()->code == PROCSYNC_THREAD_EXITING);
}

static void *lock_and_exit(void *key) {
    OK(procsync_mutex_lock(of_exiting[0], PROCSYNC_FOREVER, NULL));
    CHECK(pthread_setspecific(*(pthread_key_t *)key, key) == 0);
    return NULL;
}

static void a_thread_that_exits_can_own_nothing_any_more(void) {
    pthread_key_t key;
    pthread_t thread;
    CHECK(pthread_key_create(&key, lock_late) == 0);
    for (int i = 0; i < 2; i++) OK(procsync_mutex_open(name("exiting"), NULL, &of_exiting[i]));
    CHECK(pthread_create(&thread, NULL, lock_and_exit, &key) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    bool abandoned = false;
    OK(procsync_mutex_lock(of_exiting[0], PROCSYNC_FOREVER, &abandoned));
    CHECK(abandoned && procsync_last_deceased()->cause == PROCSYNC_CAUSE_THREAD_EXITED);
    OK(procsync_mutex_unlock(of_exiting[0]));
    for (int i = 0; i < 2; i++) OK(procsync_mutex_close(of_exiting[i]));
    CHECK(pthread_key_delete(key) == 0);
}

static const test tests[] = {
    TEST(what_a_killed_process_left_is_made_afresh),
    TEST(who_removes_is_told_what_became_of_it),
    TEST(who_finds_no_slot_is_told),
    TEST(another_layout_version_is_refused),
    TEST(machine_wide_objects_have_their_mode_and_are_apart),
    TEST(a_directory_that_lets_others_in_is_refused),
    TEST(a_thread_that_exits_can_own_nothing_any_more),
};

TESTS(tests, roles)
