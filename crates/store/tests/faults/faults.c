/* A disk that fails, for the tests of the store: loaded before libc (LD_PRELOAD) into the process under test, it stands
 * between the program and the system calls that change files. Nothing of it is in the program that ships.
 *
 * FAULTS_UNDER    files under this directory are touched, no others.
 * FAULTS_CONTROL  a file of WORDS 32-bit words, mapped: the test writes orders into it and reads counts from it, while the
 *                 process runs.
 *
 * A step is one call that changes a file or makes a change last: write, pwrite, writev, fallocate (kind 1), fsync, fdatasync
 * (kind 2), rename, link, unlink, mkdir and opening with O_CREAT (kind 4), ftruncate (kind 8). Orders count steps of the
 * kinds that they name.
 *
 *   KILL   before the step, the process is killed: what the system has is kept, as after kill -9.
 *   TORN   half of the bytes of the step are written, then the process is killed.
 *   CUT    the power fails before the step: every file that this process wrote is cut to the length it had at its last
 *          fsync or fdatasync, then the process is killed.
 *   FAIL   the step gives the error of the order and nothing is done, for a number of steps or as long as the order stands.
 *
 * What CUT does not simulate: bytes of an earlier length that were overwritten in place and not synced (the engine only
 * appends; the key file is written anew each time), names that were not synced (a new, renamed or removed name stays so),
 * sectors written out of order (what was not synced is lost from its first byte on), and what libc writes itself
 * (the engine's text log goes through stdio). sync_file_range is taken for nothing, as it promises nothing. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NOTHING, KILL, TORN, CUT, FAIL };
enum { DATA = 1, SYNC = 2, NAME = 4, LENGTH = 8 };
/* Words of the control file. */
enum { ORDER, COUNTDOWN, ERROR, WINDOW, KINDS, STEPS, FAILED, WORDS = 8 };

static volatile int32_t *control;
static const char *under;
static size_t under_len;
/* Held shared by every step, exclusively and for ever by a power cut. */
static pthread_rwlock_t power = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

/* How long each written file was when it was last synced. */
struct file { dev_t dev; ino_t ino; off_t synced; };
#define FILES 4096
static struct file files[FILES];
static int known;
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("FAULTS_CONTROL");
    under = getenv("FAULTS_UNDER");
    if (!path || !under) return;
    under_len = strlen(under);
    REAL(int, "open64", const char *, int, ...);
    int fd = real(path, O_RDWR);
    if (fd < 0) { perror("FAULTS_CONTROL"); _exit(99); }
    void *words = mmap(NULL, WORDS * sizeof(int32_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (words == MAP_FAILED) { perror("FAULTS_CONTROL"); _exit(99); }
    control = words;
}

static int path_counts(const char *path) {
    return control && path && strncmp(path, under, under_len) == 0
        && (path[under_len] == '/' || path[under_len] == 0);
}

static int fd_counts(int fd) {
    char link[40], path[4096];
    if (!control) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len <= 0) return 0;
    path[len] = 0;
    return path_counts(path);
}

/* The entry of a file, made with the length it has now if it had none; NULL for what is no file. */
static struct file *entry(int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return NULL;
    for (int at = 0; at < known; at++)
        if (files[at].dev == st.st_dev && files[at].ino == st.st_ino) return &files[at];
    if (known == FILES) { fprintf(stderr, "faults: too many files\n"); _exit(99); }
    files[known] = (struct file){ st.st_dev, st.st_ino, st.st_size };
    return &files[known++];
}

static void before_write(int fd) {
    pthread_mutex_lock(&table);
    entry(fd);
    pthread_mutex_unlock(&table);
}

static off_t length(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_size : 0;
}

static void now_synced(int fd, off_t len) {
    pthread_mutex_lock(&table);
    struct file *file = entry(fd);
    if (file) file->synced = len;
    pthread_mutex_unlock(&table);
}

static void now_truncated(int fd, off_t len) {
    pthread_mutex_lock(&table);
    struct file *file = entry(fd);
    if (file && file->synced > len) file->synced = len;
    pthread_mutex_unlock(&table);
}

/* An inode number may be given again: a new file has nothing synced, and a removed one is forgotten. */
static void forget(const struct stat *st) {
    pthread_mutex_lock(&table);
    for (int at = 0; at < known; at++)
        if (files[at].dev == st->st_dev && files[at].ino == st->st_ino) { files[at] = files[--known]; break; }
    pthread_mutex_unlock(&table);
}

static int cut(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)where;
    if (type != FTW_F) return 0;
    for (int at = 0; at < known; at++)
        if (files[at].dev == st->st_dev && files[at].ino == st->st_ino && files[at].synced < st->st_size)
            if (truncate(path, files[at].synced) != 0) { perror("faults: cut"); _exit(99); }
    return 0;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static void end(int order) {
    if (order == CUT) {
        pthread_rwlock_unlock(&power);
        pthread_rwlock_wrlock(&power);
        nftw(under, cut, 16, FTW_PHYS);
    }
    die();
}

/* Counts a step: gives FAIL with errno set, TORN, or NOTHING. The lock is held when it returns. */
static int step(int kind) {
    pthread_rwlock_rdlock(&power);
    __atomic_add_fetch(&control[STEPS], 1, __ATOMIC_SEQ_CST);
    int order = __atomic_load_n(&control[ORDER], __ATOMIC_SEQ_CST);
    if (order == NOTHING || !(control[KINDS] & kind)) return NOTHING;
    int left = __atomic_sub_fetch(&control[COUNTDOWN], 1, __ATOMIC_SEQ_CST);
    if (order == FAIL) {
        int window = control[WINDOW];
        if (left >= 0 || (window > 0 && left < -window)) return NOTHING;
        __atomic_add_fetch(&control[FAILED], 1, __ATOMIC_SEQ_CST);
        errno = control[ERROR];
        return FAIL;
    }
    if (left != -1) return NOTHING;
    if (order == TORN && kind == DATA) return TORN;
    end(order);
    return NOTHING;
}

static void done(void) {
    int kept = errno;
    pthread_rwlock_unlock(&power);
    errno = kept;
}

#define WRITES(name, cast, args, call, half) \
    ssize_t name args { \
        REAL(ssize_t, #name, cast); \
        if (!fd_counts(fd)) return real call; \
        int order = step(DATA); \
        ssize_t result = -1; \
        if (order != FAIL) { \
            before_write(fd); \
            if (order == TORN) { half; die(); } \
            result = real call; \
        } \
        done(); \
        return result; \
    }

#define SPREAD(...) __VA_ARGS__
WRITES(write, SPREAD(int, const void *, size_t), (int fd, const void *from, size_t len), (fd, from, len),
       (void)!real(fd, from, len / 2))
WRITES(pwrite, SPREAD(int, const void *, size_t, off_t), (int fd, const void *from, size_t len, off_t at),
       (fd, from, len, at), (void)!real(fd, from, len / 2, at))
WRITES(pwrite64, SPREAD(int, const void *, size_t, off64_t), (int fd, const void *from, size_t len, off64_t at),
       (fd, from, len, at), (void)!real(fd, from, len / 2, at))
WRITES(writev, SPREAD(int, const struct iovec *, int), (int fd, const struct iovec *from, int count),
       (fd, from, count), (void)!real(fd, from, count / 2))

#define SYNCS(name) \
    int name(int fd) { \
        REAL(int, #name, int); \
        if (!fd_counts(fd)) return real(fd); \
        int result = -1; \
        if (step(SYNC) != FAIL) { \
            off_t len = length(fd); \
            result = real(fd); \
            if (result == 0) now_synced(fd, len); \
        } \
        done(); \
        return result; \
    }

SYNCS(fsync)
SYNCS(fdatasync)

#define TRUNCATES(name, type) \
    int name(int fd, type len) { \
        REAL(int, #name, int, type); \
        if (!fd_counts(fd)) return real(fd, len); \
        int result = -1; \
        if (step(LENGTH) != FAIL) { \
            before_write(fd); \
            result = real(fd, len); \
            if (result == 0) now_truncated(fd, len); \
        } \
        done(); \
        return result; \
    }

TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

#define RESERVES(name, type) \
    int name(int fd, int mode, type at, type len) { \
        REAL(int, #name, int, int, type, type); \
        if (!fd_counts(fd)) return real(fd, mode, at, len); \
        int result = -1; \
        int order = step(DATA); \
        if (order != FAIL) { \
            before_write(fd); \
            if (order == TORN) die(); \
            result = real(fd, mode, at, len); \
        } \
        done(); \
        return result; \
    }

RESERVES(fallocate, off_t)
RESERVES(fallocate64, off64_t)

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    if (!path_counts(from)) return real(from, to);
    struct stat st;
    int result = -1;
    if (step(NAME) != FAIL) {
        int last = lstat(to, &st) == 0 && st.st_nlink == 1;
        result = real(from, to);
        if (result == 0 && last) forget(&st);
    }
    done();
    return result;
}

int link(const char *from, const char *to) {
    REAL(int, "link", const char *, const char *);
    if (!path_counts(to)) return real(from, to);
    int result = step(NAME) == FAIL ? -1 : real(from, to);
    done();
    return result;
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    if (!path_counts(to)) return real(from_dir, from, to_dir, to, flags);
    int result = step(NAME) == FAIL ? -1 : real(from_dir, from, to_dir, to, flags);
    done();
    return result;
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    if (!path_counts(path)) return real(path);
    struct stat st;
    int result = -1;
    if (step(NAME) != FAIL) {
        int last = lstat(path, &st) == 0 && st.st_nlink == 1;
        result = real(path);
        if (result == 0 && last) forget(&st);
    }
    done();
    return result;
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    if (!path_counts(path)) return real(path, mode);
    int result = step(NAME) == FAIL ? -1 : real(path, mode);
    done();
    return result;
}

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, #name, const char *, int, ...); \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list more; \
            va_start(more, flags); \
            mode = va_arg(more, mode_t); \
            va_end(more); \
        } \
        if (!(flags & O_CREAT) || !path_counts(path)) return real(path, flags, mode); \
        int result = -1; \
        if (step(NAME) != FAIL) { \
            result = real(path, flags, mode); \
            if (result >= 0 && (flags & O_TRUNC)) { before_write(result); now_truncated(result, 0); } \
        } \
        done(); \
        return result; \
    }

OPENS(open)
OPENS(open64)
