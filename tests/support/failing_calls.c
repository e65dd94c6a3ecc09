/* Lets one call of a process fail: LD_PRELOAD=libfailing_calls.so PAGEWALK_FAIL=CALL:NUMBER:HOW pagewalk ...
 *
 * CALL is write (write, pwrite, writev to regular files), read (read, pread, readv, fread of them), rename or malloc; NUMBER counts
 * them from 1 on; HOW is an errno's number, "short" (half of what was asked), "kill" (SIGKILL before the call) or, of
 * malloc, "null". With "-" after the number all later ones fail too: write:3-:28. Where PAGEWALK_FAIL_FROM is set, calls
 * count from the first open of a name that ends in it, and reads and writes are those of that file. PAGEWALK_FAIL_COUNT names a file of 8 bytes in which they are
 * counted, those of children too. Children that execute something else are left alone. */
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
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum how { none, with_errno, cut_short, killed, no_memory };

static char call_name[16];
static unsigned long first_failing;
static int all_later;
static enum how how;
static int error_number;
static atomic_ulong own_calls;
static atomic_ulong* calls = &own_calls; /* of all processes together, where a file is there to count in */
static atomic_int counting;
static const char* from;

extern void* __libc_malloc(size_t);

static int ends_with(const char* text, const char* end) {
    const size_t length = strlen(text), wanted = strlen(end);
    return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

__attribute__((constructor)) static void begin(void) {
    const char* const fail = getenv("PAGEWALK_FAIL");
    if (fail == NULL || strcmp(program_invocation_short_name, "pagewalk") != 0) return;
    const char* const colon = strchr(fail, ':');
    if (colon == NULL || (size_t)(colon - fail) >= sizeof call_name) return;
    memcpy(call_name, fail, (size_t)(colon - fail));
    char* end;
    first_failing = strtoul(colon + 1, &end, 10);
    all_later = *end == '-';
    const char* const what = end + all_later + 1;
    how = strcmp(what, "short") == 0  ? cut_short
          : strcmp(what, "kill") == 0 ? killed
          : strcmp(what, "null") == 0 ? no_memory
                                      : with_errno;
    error_number = atoi(what);
    from = getenv("PAGEWALK_FAIL_FROM");
    const char* const count = getenv("PAGEWALK_FAIL_COUNT");
    const int fd = count == NULL ? -1 : open(count, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        void* const shared = mmap(NULL, sizeof own_calls, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (shared != MAP_FAILED) calls = shared;
        close(fd);
    }
    atomic_store(&counting, from == NULL);
}

/* What becomes of this call. */
static enum how fate(const char* call) {
    if (!atomic_load(&counting) || strcmp(call, call_name) != 0) return none;
    const unsigned long number = atomic_fetch_add(calls, 1) + 1;
    if (number != first_failing && !(all_later && number > first_failing)) return none;
    if (how == killed) raise(SIGKILL);
    return how;
}

/* Is it a file's, of those that are meant? Memory with a descriptor is no file. */
static int is_meant(int fd) {
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
    char link[32], name[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 0) return 0;
    name[length] = 0;
    return strncmp(name, "/memfd:", 7) != 0 && (from == NULL || ends_with(name, from));
}

static void* real(const char* name) { return dlsym(RTLD_NEXT, name); }

#define TRANSFER(name, call, parameters, arguments, shorter)                                                           \
    ssize_t name parameters {                                                                                          \
        static ssize_t(*next) parameters;                                                                              \
        if (next == NULL) next = (ssize_t(*) parameters)real(#name);                                                   \
        switch (is_meant(fd) ? fate(call) : none) {                                                                     \
        case with_errno:                                                                                               \
            errno = error_number;                                                                                      \
            return -1;                                                                                                 \
        case cut_short:                                                                                                \
            shorter;                                                                                                   \
            break;                                                                                                     \
        default:                                                                                                       \
            break;                                                                                                     \
        }                                                                                                              \
        return next arguments;                                                                                         \
    }

#define HALF size = size > 1 ? size / 2 : size

TRANSFER(write, "write", (int fd, const void* data, size_t size), (fd, data, size), HALF)
TRANSFER(pwrite, "write", (int fd, const void* data, size_t size, off_t at), (fd, data, size, at), HALF)
TRANSFER(pwrite64, "write", (int fd, const void* data, size_t size, off64_t at), (fd, data, size, at), HALF)
TRANSFER(writev, "write", (int fd, const struct iovec* pieces, int count), (fd, pieces, count), count = count > 1 ? 1 : count)
TRANSFER(read, "read", (int fd, void* data, size_t size), (fd, data, size), HALF)
TRANSFER(pread, "read", (int fd, void* data, size_t size, off_t at), (fd, data, size, at), HALF)
TRANSFER(pread64, "read", (int fd, void* data, size_t size, off64_t at), (fd, data, size, at), HALF)
TRANSFER(readv, "read", (int fd, const struct iovec* pieces, int count), (fd, pieces, count), count = count > 1 ? 1 : count)

size_t fread(void* data, size_t size, size_t count, FILE* stream) {
    static size_t (*next)(void*, size_t, size_t, FILE*);
    if (next == NULL) next = (size_t(*)(void*, size_t, size_t, FILE*))real("fread");
    switch (is_meant(fileno(stream)) ? fate("read") : none) {
    case with_errno:
        errno = error_number;
        stream->_flags |= 0x20; /* what ferror() of the GNU C library looks at */
        return 0;
    case cut_short:
        count = count > 1 ? count / 2 : count;
        break;
    default:
        break;
    }
    return next(data, size, count, stream);
}

int rename(const char* old, const char* new) {
    static int (*next)(const char*, const char*);
    if (next == NULL) next = (int (*)(const char*, const char*))real("rename");
    if (fate("rename") == with_errno) {
        errno = error_number;
        return -1;
    }
    return next(old, new);
}

void* malloc(size_t size) {
    if (fate("malloc") == no_memory) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(size);
}

#define OPEN(name, before, ...)                                                                                        \
    int name(before const char* file, int flags, ...) {                                                                \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        const mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;                         \
        va_end(rest);                                                                                                  \
        const int fd = ((int (*)(before const char*, int, ...))real(#name))(__VA_ARGS__, flags, mode);                 \
        if (from != NULL && ends_with(file, from)) atomic_store(&counting, 1);                                         \
        return fd;                                                                                                     \
    }
#define FOLDER int folder,

OPEN(open, , file)
OPEN(open64, , file)
OPEN(openat, FOLDER, folder, file)

#define FOPEN(name)                                                                                                    \
    FILE* name(const char* file, const char* mode) {                                                                   \
        FILE* const stream = ((FILE * (*)(const char*, const char*)) real(#name))(file, mode);                         \
        if (from != NULL && ends_with(file, from)) atomic_store(&counting, 1);                                         \
        return stream;                                                                                                 \
    }

FOPEN(fopen)
FOPEN(fopen64)
