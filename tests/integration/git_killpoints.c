/* Kills at the n-th call that changes the disk, counted over the worker and every git process that it starts; or lets
   that call and all that follow find the disk full, or read-only.

   Preloaded into both. KILLPOINTS names a file that all of them map: what to do, when, and how far the count is. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { ALL = 1, WORKER = 2, GIT = 3, WORKER_AND_FREEZE_GIT = 4, DISK_FULL = 5, READ_ONLY = 6 };

static struct plan {
    atomic_int armed;  /* 0: nothing is counted */
    atomic_int count;  /* calls so far */
    atomic_int target; /* the call that does not come through */
    atomic_int mode;
    atomic_int worker; /* process id */
    atomic_int torn;   /* 1: a write comes through by half */
    atomic_int frozen; /* 1: the git that was not killed waits until this is 0 */
} *plan;

__attribute__((constructor)) static void map_plan(void) {
    const char *path = getenv("KILLPOINTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *found = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    plan = found == MAP_FAILED ? NULL : found;
}

static void die(void) {
    pid_t worker = atomic_load(&plan->worker);
    atomic_store(&plan->armed, 0);
    switch (atomic_load(&plan->mode)) {
    case ALL: kill(-worker, SIGKILL); break; /* the worker leads its process group */
    case WORKER: kill(worker, SIGKILL); break; /* a git that gets here goes on as an orphan */
    case GIT: kill(getpid(), SIGKILL); break;
    case WORKER_AND_FREEZE_GIT:
        atomic_store(&plan->frozen, 1);
        kill(worker, SIGKILL);
        while (atomic_load(&plan->frozen)) usleep(1000);
        break;
    }
}

static int disk_fails(void) {
    int mode = atomic_load(&plan->mode);
    return mode == DISK_FULL || mode == READ_ONLY;
}

/* True: this is the call to die at. */
static int due(void) {
    if (!plan || !atomic_load(&plan->armed)) return 0;
    if (atomic_load(&plan->mode) == GIT && getpid() == atomic_load(&plan->worker)) return 0;
    if (atomic_load(&plan->mode) == WORKER_AND_FREEZE_GIT && getpid() == atomic_load(&plan->worker)) return 0;
    int count = atomic_fetch_add(&plan->count, 1), target = atomic_load(&plan->target);
    return disk_fails() ? count >= target : count == target;
}

/* What happens at that call: death, or an error that the caller gets. */
static int fails(void) {
    if (!due()) return 0;
    if (!disk_fails()) {
        die();
        return 0;
    }
    errno = atomic_load(&plan->mode) == READ_ONLY ? EROFS : ENOSPC;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define POINT() do { if (fails()) return -1; } while (0)

/* A full disk still lets things go. */
static int full(void) { return plan && atomic_load(&plan->mode) == DISK_FULL; }

/* Only who dies can leave half a write. */
static int tears(void) {
    int mode = atomic_load(&plan->mode);
    return atomic_load(&plan->torn) && (mode == ALL || (mode == GIT) == (getpid() != atomic_load(&plan->worker)));
}

#define WRITE(half, whole)                                                  \
    if (fd > 2 && plan && tears()) {                                        \
        if (due()) { half; die(); }                                         \
    } else if (fd > 2) POINT();                                             \
    return whole

ssize_t write(int fd, const void *data, size_t size) {
    WRITE((void)!REAL(write)(fd, data, size / 2), REAL(write)(fd, data, size));
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    WRITE((void)!REAL(pwrite64)(fd, data, size / 2, at), REAL(pwrite64)(fd, data, size, at));
}
int fsync(int fd) { POINT(); return REAL(fsync)(fd); }
int fdatasync(int fd) { POINT(); return REAL(fdatasync)(fd); }
int rename(const char *from, const char *to) { POINT(); return REAL(rename)(from, to); }
int link(const char *from, const char *to) { POINT(); return REAL(link)(from, to); }
int unlink(const char *path) { if (!full()) POINT(); return REAL(unlink)(path); }
int mkdir(const char *path, mode_t mode) { POINT(); return REAL(mkdir)(path, mode); }
int rmdir(const char *path) { if (!full()) POINT(); return REAL(rmdir)(path); }
int ftruncate64(int fd, off64_t size) { POINT(); return REAL(ftruncate64)(fd, size); }

static int open_counted(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode) {
    if (flags & O_CREAT) POINT();
    return real(path, flags, mode);
}
#define OPEN(name)                                                       \
    int name(const char *path, int flags, ...) {                         \
        va_list rest;                                                    \
        va_start(rest, flags);                                           \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;        \
        va_end(rest);                                                    \
        return open_counted((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name), path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
