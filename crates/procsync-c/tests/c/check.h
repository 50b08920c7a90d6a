// What the C tests share: checks that say where they failed, names, and helper processes.
//
// A program has a table of tests and a table of roles, and ends with TESTS(tests, roles). Run without
// arguments it runs all tests; with one, that test. As a helper it is run with its role and a name.

#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "procsync.h"

#ifdef __cplusplus
#define CAST(type, value) static_cast<type>(value)
#else
#define CAST(type, value) ((type)(value))
#endif

#define MILLISECONDS(number) (CAST(int64_t, number) * 1000000)
// Only a true failure lasts so long.
#define LIMIT_SECONDS 60

static const char *program;

static void fail(const char *file, int line, const char *what) {
    const procsync_error *error = procsync_last_error();
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    fprintf(stderr, "last error: %s (%s) %s\n", procsync_status_name(error->code), error->operation,
            error->message);
    _exit(1);
}

static inline void check_status(const char *file, int line, const char *call, procsync_status status,
                                procsync_status expected) {
    if (status != expected) {
        fprintf(stderr, "%s answered %s, not %s\n", call, procsync_status_name(status),
                procsync_status_name(expected));
        fail(file, line, call);
    }
}

#define CHECK(condition) \
    do { \
        if (!(condition)) fail(__FILE__, __LINE__, #condition); \
    } while (0)
#define IS(call, expected) check_status(__FILE__, __LINE__, #call, call, expected)
#define OK(call) IS(call, PROCSYNC_OK)

// A name that nobody else has; good until the test ends.
static inline const char *name(const char *label) {
    static char names[16][100];
    static unsigned next;
    char *text = names[next++ % 16];
    snprintf(text, sizeof names[0], "c-%s-%d-%u", label, CAST(int, getpid()), next);
    return text;
}

static inline int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return CAST(int64_t, time.tv_sec) * 1000000000 + time.tv_nsec;
}

// Runs something in a thread of its own, to its end.
static inline void in_thread(void *(*body)(void *), void *argument) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, argument) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static inline void nap(void) {
    struct timespec millisecond = {0, 1000000};
    nanosleep(&millisecond, NULL);
}

// Asks again and again until it is so.
#define EVENTUALLY(condition) \
    do { \
        int64_t until_ = now_ns() + CAST(int64_t, LIMIT_SECONDS) * 1000000000; \
        while (!(condition)) { \
            if (now_ns() > until_) fail(__FILE__, __LINE__, "in vain: " #condition); \
            nap(); \
        } \
    } while (0)

// How many sleep because of an object.
static inline size_t waiters(const char *object) {
    procsync_snapshots *found;
    if (procsync_inspect_show(object, PROCSYNC_SCOPE_USER, &found) != PROCSYNC_OK) return 0;
    const procsync_snapshot *snapshot;
    OK(procsync_snapshots_get(found, 0, &snapshot));
    size_t count = snapshot->waiter_count;
    OK(procsync_snapshots_free(found));
    return count;
}

// A helper process, as the test sees it.
typedef struct helper {
    pid_t pid;
    int to;
    int from;
} helper;

static inline helper start(const char *role, const char *object) {
    int to[2], from[2];
    // Not for later helpers, which would keep them open.
    CHECK(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        execl(program, program, "--role", role, object, CAST(char *, NULL));
        _exit(127);
    }
    close(to[0]), close(from[1]);
    helper started = {pid, to[1], from[0]};
    return started;
}

static inline void tell(helper *to, char letter) { CHECK(write(to->to, &letter, 1) == 1); }

// The helper's next letter.
static inline char hear(helper *from) {
    char letter = 0;
    ssize_t length;
    do length = read(from->from, &letter, 1);
    while (length < 0 && errno == EINTR);
    CHECK(length == 1);
    return letter;
}

// Closes the pipes, which tells the helper to end; answers how it ended.
static inline int end(helper *child) {
    int status;
    close(child->to), close(child->from);
    CHECK(waitpid(child->pid, &status, 0) == child->pid);
    return status;
}

static inline void kill_now(helper *child) {
    CHECK(kill(child->pid, SIGKILL) == 0);
    int status = end(child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

// In a helper: says a letter to the test.
static inline void say(char letter) { CHECK(write(1, &letter, 1) == 1); }

// In a helper: the test's next letter; 0 if there will be none.
static inline char listen_to_test(void) {
    char letter = 0;
    return read(0, &letter, 1) == 1 ? letter : CAST(char, 0);
}

// A child by fork alone; it ends with the exit code that `body` answers.
#define IN_CHILD(...) \
    do { \
        pid_t child_ = fork(); \
        CHECK(child_ >= 0); \
        if (child_ == 0) { \
            alarm(LIMIT_SECONDS); \
            __VA_ARGS__; \
            _exit(0); \
        } \
        int status_; \
        CHECK(waitpid(child_, &status_, 0) == child_); \
        CHECK(WIFEXITED(status_) && WEXITSTATUS(status_) == 0); \
    } while (0)

typedef struct test {
    const char *name;
    void (*run)(void);
} test;

typedef struct role {
    const char *name;
    void (*play)(const char *object);
} role;

static inline int run_all(int count, char **arguments, const test *tests, size_t test_count,
                          const role *roles, size_t role_count) {
    program = arguments[0];
    signal(SIGPIPE, SIG_IGN);
    if (count == 4 && strcmp(arguments[1], "--role") == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(2 * LIMIT_SECONDS);
        for (size_t i = 0; i < role_count; i++) {
            if (strcmp(roles[i].name, arguments[2]) == 0) {
                roles[i].play(arguments[3]);
                return 0;
            }
        }
        return 126;
    }
    for (size_t i = 0; i < test_count; i++) {
        if (count > 1 && strcmp(arguments[1], tests[i].name) != 0) continue;
        // A test that hangs ends by this.
        alarm(2 * LIMIT_SECONDS);
        tests[i].run();
        printf("ok %s\n", tests[i].name);
        fflush(stdout);
    }
    return 0;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEST(function) {#function, function}
#define TESTS(tests, roles) \
    int main(int count, char **arguments) { \
        return run_all(count, arguments, tests, COUNT(tests), roles, COUNT(roles)); \
    }

#endif
