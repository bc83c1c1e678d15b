/* Stands before the C library's calls that leave something behind, and has one of them fail, or be the last.
 *
 * Calls are counted over all threads, in the order in which they are made; the variables of the environment:
 *   FAULT_TRACE    a file to which each call's name is added
 *   FAULT_POINT    the number of the call, from 1, at which it happens; without it nothing does
 *   FAULT_ERROR    the errno of that call, instead of the process's end
 *   FAULT_LASTING  the calls after it fail as well
 *   FAULT_TORN     the process ends behind the call, not before it; of what is written, only half is
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum { PASS, FAIL, TEAR } Fate;

static atomic_long reached;
static long point;
static int error, lasting, torn, trace = -1;
static ssize_t (*real_write)(int, const void *, size_t);

static long number(const char *name) {
    const char *text = getenv(name);
    return text == NULL ? 0 : atol(text);
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULT_TRACE");
    real_write = dlsym(RTLD_NEXT, "write");
    if (path != NULL)
        trace = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    error = number("FAULT_ERROR");
    lasting = number("FAULT_LASTING");
    torn = number("FAULT_TORN");
    point = number("FAULT_POINT"); /* last: what was opened above is no call of the command's */
    atomic_store(&reached, 0);
    unsetenv("LD_PRELOAD"); /* what the command starts is left alone */
}

static void end(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static Fate fate(const char *call) {
    long here = atomic_fetch_add(&reached, 1) + 1;
    if (trace >= 0) {
        char line[64];
        int length = snprintf(line, sizeof line, "%s\n", call);
        if (real_write(trace, line, length) != length)
            abort();
    }
    if (point == 0 || here < point || (here > point && !lasting))
        return PASS;
    if (error == 0 && !torn)
        end();
    errno = error;
    return error != 0 ? FAIL : TEAR;
}

/* A call whose result is an int: NAME, its parameters, its arguments. */
#define DURABLE(name, parameters, arguments)                                                                          \
    int name parameters {                                                                                             \
        int(*real) parameters = dlsym(RTLD_NEXT, #name);                                                              \
        Fate what = fate(#name);                                                                                      \
        if (what == FAIL)                                                                                             \
            return -1;                                                                                                \
        int result = real arguments;                                                                                  \
        if (what == TEAR)                                                                                             \
            end();                                                                                                    \
        return result;                                                                                                \
    }

DURABLE(fsync, (int fd), (fd))
DURABLE(fdatasync, (int fd), (fd))
DURABLE(ftruncate, (int fd, off_t length), (fd, length))
DURABLE(ftruncate64, (int fd, off64_t length), (fd, length))
DURABLE(rename, (const char *from, const char *to), (from, to))
DURABLE(renameat, (int from_fd, const char *from, int to_fd, const char *to), (from_fd, from, to_fd, to))
DURABLE(link, (const char *from, const char *to), (from, to))
DURABLE(linkat, (int from_fd, const char *from, int to_fd, const char *to, int flags),
        (from_fd, from, to_fd, to, flags))
DURABLE(unlink, (const char *path), (path))
DURABLE(unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
DURABLE(rmdir, (const char *path), (path))
DURABLE(mkdir, (const char *path, mode_t mode), (path, mode))
DURABLE(mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))

/* A write is one only into a file: what is told on the terminal or into a pipe stays with nobody. */
static int is_file(int fd) {
    struct stat about;
    return fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

#define WRITING(name, parameters, whole, half)                                                                        \
    ssize_t name parameters {                                                                                         \
        ssize_t(*real) parameters = dlsym(RTLD_NEXT, #name);                                                          \
        Fate what = is_file(fd) ? fate(#name) : PASS;                                                                 \
        if (what == FAIL)                                                                                             \
            return -1;                                                                                                \
        if (what == TEAR) {                                                                                           \
            if (real half < 0)                                                                                        \
                abort();                                                                                              \
            end();                                                                                                    \
        }                                                                                                             \
        return real whole;                                                                                            \
    }

WRITING(write, (int fd, const void *from, size_t size), (fd, from, size), (fd, from, size / 2))
WRITING(pwrite, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at), (fd, from, size / 2, at))
WRITING(pwrite64, (int fd, const void *from, size_t size, off64_t at), (fd, from, size, at), (fd, from, size / 2, at))

/* Opening is one only where it may make a file, or empty it. */
#define OPENING(name, parameters, arguments)                                                                          \
    int name parameters {                                                                                             \
        int(*real) parameters = dlsym(RTLD_NEXT, #name);                                                              \
        mode_t mode = 0;                                                                                              \
        if (flags & O_CREAT) {                                                                                        \
            va_list rest;                                                                                             \
            va_start(rest, flags);                                                                                    \
            mode = va_arg(rest, mode_t);                                                                              \
            va_end(rest);                                                                                             \
        }                                                                                                             \
        Fate what = flags & (O_CREAT | O_TRUNC) ? fate(#name) : PASS;                                                 \
        if (what == FAIL)                                                                                             \
            return -1;                                                                                                \
        int result = real arguments;                                                                                  \
        if (what == TEAR)                                                                                             \
            end();                                                                                                    \
        return result;                                                                                                \
    }

OPENING(open, (const char *path, int flags, ...), (path, flags, mode))
OPENING(open64, (const char *path, int flags, ...), (path, flags, mode))
OPENING(openat, (int fd, const char *path, int flags, ...), (fd, path, flags, mode))
OPENING(openat64, (int fd, const char *path, int flags, ...), (fd, path, flags, mode))
