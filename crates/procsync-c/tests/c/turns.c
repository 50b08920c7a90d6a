// Takes turns with programs in other languages.
//
//     turns hold NAME   holds the mutex NAME until its standard input ends
//     turns try NAME    tries to take it
//     turns open NAME   has it open until its standard input ends

#include <procsync.h>
#include <stdio.h>
#include <string.h>

static void stay(const char *word) {
    printf("%s\n", word);
    fflush(stdout);
    while (getchar() != EOF) {
    }
}

static int failed(void) {
    fprintf(stderr, "%s\n", procsync_last_error()->message);
    return 1;
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    procsync_mutex *mutex;
    bool abandoned;
    if (procsync_mutex_open(arguments[2], NULL, &mutex) != PROCSYNC_OK) return failed();
    if (strcmp(arguments[1], "open") == 0) {
        stay("open");
        return procsync_mutex_close(mutex) == PROCSYNC_OK ? 0 : failed();
    }
    int holds = strcmp(arguments[1], "hold") == 0;
    procsync_status status = procsync_mutex_lock(mutex, holds ? PROCSYNC_FOREVER : 0, &abandoned);
    if (status == PROCSYNC_OK && holds) {
        stay("held");
    } else if (status == PROCSYNC_OK && abandoned) {
        printf("got it from %u, which died\n", procsync_last_deceased()->pid);
    } else if (status == PROCSYNC_OK) {
        printf("got it\n");
    } else if (status == PROCSYNC_TIMED_OUT) {
        printf("not to be had\n");
    } else {
        return failed();
    }
    if (status == PROCSYNC_OK && procsync_mutex_unlock(mutex) != PROCSYNC_OK) return failed();
    return procsync_mutex_close(mutex) == PROCSYNC_OK ? 0 : failed();
}
