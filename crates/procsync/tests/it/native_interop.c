/* A program that knows nothing of procsync: sem_open and what belongs to it, told over standard input. */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int count, char **arguments) {
    char line[256];
    sem_t *semaphore = SEM_FAILED;
    (void)count;
    while (fgets(line, sizeof line, stdin)) {
        int result = 0, value = 0;
        line[strcspn(line, "\n")] = 0;
        if (!strcmp(line, "open")) {
            semaphore = sem_open(arguments[1], O_CREAT, 0644, 1);
            result = semaphore == SEM_FAILED ? -1 : 0;
        } else if (!strcmp(line, "wait")) {
            while ((result = sem_wait(semaphore)) != 0 && errno == EINTR) {}
        } else if (!strcmp(line, "try")) {
            result = sem_trywait(semaphore);
        } else if (!strcmp(line, "post")) {
            result = sem_post(semaphore);
        } else if (!strcmp(line, "value")) {
            result = sem_getvalue(semaphore, &value);
            if (result == 0) {
                printf("%d\n", value);
                fflush(stdout);
                continue;
            }
        } else if (!strcmp(line, "unlink")) {
            result = sem_unlink(arguments[1]);
        } else if (!strncmp(line, "add ", 4)) {
            /* Adds to a number in a file, one after the other, under the semaphore. */
            char *end;
            long rounds = strtol(line + 4, &end, 10), i;
            for (i = 0; i < rounds && result == 0; i++) {
                FILE *file;
                long number = 0;
                struct timespec moment = {0, 1000};
                while ((result = sem_wait(semaphore)) != 0 && errno == EINTR) {}
                if (result != 0) break;
                file = fopen(end + 1, "r+");
                if (!file || fscanf(file, "%ld", &number) != 1) result = -1;
                nanosleep(&moment, NULL);
                if (file) {
                    rewind(file);
                    fprintf(file, "%ld\n", number + 1);
                    fclose(file);
                }
                if (sem_post(semaphore) != 0) result = -1;
            }
        } else {
            result = -1;
            errno = EINVAL;
        }
        printf("%s\n", result == 0 ? "ok" : strerror(errno));
        fflush(stdout);
    }
    return 0;
}
