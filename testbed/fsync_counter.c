/* Counts what a process forces to disk: preloaded, it writes one byte to FSYNC_LOG for each call. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void count(void) {
    const char *name = getenv("FSYNC_LOG");
    int log = name ? open(name, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (log >= 0) {
        (void)!write(log, ".", 1);
        close(log);
    }
}

int fsync(int fd) {
    count();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd) {
    count();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
