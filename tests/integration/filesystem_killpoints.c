/* Kills the process at the n-th call that changes the disk: before it, or (torn) after half of a write. Preloaded. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static long calls_left = -1; /* -1: not armed */
static int tear_writes;
static long counted;

void killpoint_arm(long calls, int torn) { calls_left = calls; tear_writes = torn; counted = 0; }
long killpoint_count(void) { return counted; }

static int due(void) { counted++; return calls_left >= 0 && calls_left-- == 0; }
static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define POINT(result, name, parameters, arguments) \
    result name parameters { if (due()) die(); return REAL(name) arguments; }

ssize_t write(int fd, const void *data, size_t size) {
    if (due()) { if (tear_writes) REAL(write)(fd, data, size / 2); die(); }
    return REAL(write)(fd, data, size);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    if (due()) { if (tear_writes) REAL(pwrite64)(fd, data, size / 2, at); die(); }
    return REAL(pwrite64)(fd, data, size, at);
}
POINT(int, fsync, (int fd), (fd))
POINT(int, fdatasync, (int fd), (fd))
POINT(int, rename, (const char *from, const char *to), (from, to))
POINT(int, renameat, (int from_dir, const char *from, int to_dir, const char *to), (from_dir, from, to_dir, to))
POINT(int, renameat2, (int from_dir, const char *from, int to_dir, const char *to, unsigned int flags),
      (from_dir, from, to_dir, to, flags))
POINT(int, unlink, (const char *path), (path))
POINT(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
POINT(int, mkdir, (const char *path, mode_t mode), (path, mode))
POINT(int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
POINT(int, rmdir, (const char *path), (path))
POINT(int, ftruncate, (int fd, off_t size), (fd, size))
POINT(int, ftruncate64, (int fd, off64_t size), (fd, size))
