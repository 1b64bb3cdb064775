// Faults at the seam between the real binary and the kernel, preloaded into it (LD_PRELOAD) and steered by whoever started it through a
// page of shared memory. It can
//   - fail, delay, shorten or kill at the N-th sync, write, rename, open, read (all of them, or compactions' own), allocation of disk,
//     unlink, malloc or thread;
//   - keep what a power cut needs: of everything that is done below a folder and not yet synced, what was there before (power.py
//     undoes it); or let a sync do nothing at all and say yes, as a disk that lies;
//   - put the wall clock forward and back, for whoever reads it and for whoever waits by it;
//   - have whoever looks for or opens anything below FAULTS_ELSEWHERE wait, as on a disk behind a network that is away.
// Only files below FAULTS_DATA are looked at else. What stdio reads and writes inside of libc does not come by here: RocksDB's own log, and how it
// reads its manifest.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { kSync, kWrite, kRename, kOpen, kRead, kAllocate, kUnlink, kMalloc, kThread, kCompact, kOperations };
enum { kNothing, kKillBefore, kKillAfter, kFail, kShort, kDelay };

// As shim.py lays it out: 64-bit words.
struct control {
  _Atomic int64_t count[kOperations];   // so far
  _Atomic int64_t first[kOperations];   // the first that is hit, counted from 1; 0: none
  _Atomic int64_t many[kOperations];    // how many from there on; negative: all
  _Atomic int64_t action[kOperations];
  _Atomic int64_t value[kOperations];   // an errno, or milliseconds
  _Atomic int64_t hits[kOperations];
  _Atomic int64_t wall_ns;              // what the wall clock is off by
  _Atomic int64_t lies;                 // not 0: a sync does nothing
  _Atomic int64_t hangs;                // not 0: what is elsewhere does not answer
  _Atomic int64_t hung;                 // how many calls have waited
};

static struct control* control;
static char data[4096];
static size_t data_size;
static const char* elsewhere;
static int record_fd = -1;
static char grave[4096];
static pthread_mutex_t record_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t sequence;
enum { kDescriptors = 1 << 16 };
static _Atomic char ours[kDescriptors];

#define REAL(name) ((__typeof__(&name))real(#name))
static void* real(const char* name) {
  void* found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

// The real syscall(), which is one of those that are replaced here.
static long (*kernel_call(void))(long, ...) {
  static long (*_Atomic found)(long, ...);
  if (found == NULL) found = (long (*)(long, ...))real("syscall");
  return found;
}
#define kernel(...) kernel_call()(__VA_ARGS__)

static void __attribute__((constructor)) begin(void) {
  const char* path = getenv("FAULTS_CONTROL");
  if (path == NULL) return;
  const int fd = (int)kernel(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) abort();
  control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  kernel(SYS_close, fd);
  if (control == MAP_FAILED) abort();
  const char* folder = getenv("FAULTS_DATA");
  if (folder != NULL) data_size = (size_t)snprintf(data, sizeof data, "%s/", folder);
  elsewhere = getenv("FAULTS_ELSEWHERE");
  const char* log = getenv("FAULTS_LOG");
  if (log == NULL) return;
  record_fd = (int)kernel(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (record_fd < 0) abort();
  snprintf(grave, sizeof grave, "%s.grave", log);
}

static void die(void) {
  kernel(SYS_kill, kernel(SYS_getpid), SIGKILL);
  for (;;) pause();
}

static void wait_ms(int64_t ms) {
  struct timespec left = {ms / 1000, ms % 1000 * 1000000};
  while (kernel(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &left, &left) != 0) {}
}

static void linger(const char* path) {
  if (control == NULL || elsewhere == NULL || strncmp(path, elsewhere, strlen(elsewhere)) != 0) return;
  if (control->hangs) atomic_fetch_add(&control->hung, 1);
  while (control->hangs) wait_ms(20);
}

// What is to become of this operation; a delay and a kill before it have happened by then.
static int64_t meet(int operation) {
  if (control == NULL) return kNothing;
  const int64_t number = atomic_fetch_add(&control->count[operation], 1) + 1;
  const int64_t first = control->first[operation], many = control->many[operation];
  if (first == 0 || number < first || (many >= 0 && number >= first + many)) return kNothing;
  atomic_fetch_add(&control->hits[operation], 1);
  const int64_t action = control->action[operation];
  if (action == kKillBefore) die();
  if (action == kDelay) wait_ms(control->value[operation]);
  if (action == kFail) errno = (int)control->value[operation];
  return action;
}

static int is_ours(int fd) { return fd >= 0 && fd < kDescriptors && ours[fd]; }
static int path_is_ours(const char* path) { return data_size > 0 && strncmp(path, data, data_size) == 0; }
static int is_folder(const char* path) {  // the data folder itself, or one below
  return data_size > 0 && strncmp(path, data, data_size - 1) == 0 && (path[data_size - 1] == '/' || path[data_size - 1] == 0);
}

// ---- what was there before ----

struct record {
  uint64_t sequence, kind, inode, offset, old_size, new_size, path_size, to_size, old_bytes, new_bytes;
};

static uint64_t inode_of_folder(const char* path) {
  char folder[4096];
  snprintf(folder, sizeof folder, "%s", path);
  char* slash = strrchr(folder, '/');
  if (slash != NULL) *slash = 0;
  struct stat info;
  return stat(folder, &info) == 0 ? info.st_ino : 0;
}

// With record_mutex held.
static void record(struct record r, const char* path, const char* to, const void* old_bytes, const void* new_bytes) {
  r.sequence = ++sequence;
  r.path_size = path ? strlen(path) : 0;
  r.to_size = to ? strlen(to) : 0;
  const struct iovec parts[] = {{&r, sizeof r},
                                {(void*)path, r.path_size},
                                {(void*)to, r.to_size},
                                {(void*)old_bytes, r.old_bytes},
                                {(void*)new_bytes, r.new_bytes}};
  size_t whole = 0;
  for (int i = 0; i < 5; ++i) whole += parts[i].iov_len;
  if (kernel(SYS_writev, record_fd, parts, 5) != (long)whole) abort();
}

// A second name for a file that is about to lose one, so that it can have it back and its inode is not given to another.
static void bury(const char* path) {
  char name[4200];
  snprintf(name, sizeof name, "%s/%lu", grave, sequence + 1);
  kernel(SYS_linkat, AT_FDCWD, path, AT_FDCWD, name, 0);
}

// Bytes [from, to) of a file as they are; the caller frees.
static void* bytes_of(int fd, uint64_t from, uint64_t to) {
  if (to <= from) return NULL;
  char* bytes = mmap(NULL, to - from, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bytes == MAP_FAILED) abort();
  for (uint64_t at = from; at < to;) {
    const long got = kernel(SYS_pread64, fd, bytes + (at - from), to - at, at);
    if (got <= 0) break;
    at += (uint64_t)got;
  }
  return bytes;
}

static void record_write(int fd, const struct iovec* parts, int count, uint64_t offset) {
  struct stat info;
  if (fstat(fd, &info) != 0) abort();
  size_t size = 0;
  for (int i = 0; i < count; ++i) size += parts[i].iov_len;
  if (size == 0) return;
  char* all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) abort();
  size_t at = 0;
  for (int i = 0; i < count; ++i) {
    memcpy(all + at, parts[i].iov_base, parts[i].iov_len);
    at += parts[i].iov_len;
  }
  const uint64_t before = (uint64_t)info.st_size, end = offset + size < before ? offset + size : before;
  const uint64_t old_bytes = end > offset ? end - offset : 0;
  void* old = bytes_of(fd, offset, end);
  record((struct record){.kind = 'W', .inode = info.st_ino, .offset = offset, .old_size = before, .old_bytes = old_bytes, .new_bytes = size},
         NULL, NULL, old, all);
  if (old != NULL) munmap(old, old_bytes);
  munmap(all, size);
}

static void record_size(int fd, uint64_t size) {
  struct stat info;
  if (fstat(fd, &info) != 0) abort();
  const uint64_t before = (uint64_t)info.st_size, cut = before > size ? before - size : 0;
  void* old = bytes_of(fd, size, before);
  record((struct record){.kind = 'T', .inode = info.st_ino, .offset = size, .old_size = before, .new_size = size, .old_bytes = cut},
         NULL, NULL, old, NULL);
  if (old != NULL) munmap(old, cut);
}

// ---- the calls ----

static int opened(int fd, const char* path) {
  if (fd >= 0 && fd < kDescriptors) ours[fd] = is_folder(path);
  return fd;
}

static int open_it(int at, const char* path, int flags, mode_t mode) {
  linger(path);
  if (!path_is_ours(path)) return opened((int)kernel(SYS_openat, at, path, flags, mode), path);
  const int64_t action = meet(kOpen);
  if (action == kFail) return -1;
  if (record_fd < 0 || (flags & (O_CREAT | O_TRUNC)) == 0) {
    const int fd = opened((int)kernel(SYS_openat, at, path, flags, mode), path);
    if (action == kKillAfter) die();
    return fd;
  }
  pthread_mutex_lock(&record_mutex);
  struct stat info;
  const int was = stat(path, &info) == 0;
  if (!was && (flags & O_CREAT)) record((struct record){.kind = 'C', .inode = inode_of_folder(path)}, path, NULL, NULL, NULL);
  if (was && (flags & O_TRUNC)) {
    const int fd = (int)kernel(SYS_openat, at, path, O_RDWR | O_CLOEXEC, 0);
    if (fd >= 0) record_size(fd, 0);
    if (fd >= 0) kernel(SYS_close, fd);
  }
  const int fd = opened((int)kernel(SYS_openat, at, path, flags, mode), path);
  const int error = errno;
  pthread_mutex_unlock(&record_mutex);
  if (action == kKillAfter) die();
  errno = error;
  return fd;
}

#define MODE(flags)                                   \
  mode_t mode = 0;                                    \
  if ((flags) & (O_CREAT | O_TMPFILE)) {              \
    va_list more;                                     \
    va_start(more, flags);                            \
    mode = va_arg(more, mode_t);                      \
    va_end(more);                                     \
  }
int open(const char* path, int flags, ...) { MODE(flags) return open_it(AT_FDCWD, path, flags, mode); }
int open64(const char* path, int flags, ...) { MODE(flags) return open_it(AT_FDCWD, path, flags, mode); }
int openat(int at, const char* path, int flags, ...) { MODE(flags) return open_it(at, path, flags, mode); }
int openat64(int at, const char* path, int flags, ...) { MODE(flags) return open_it(at, path, flags, mode); }

int close(int fd) {
  if (fd >= 0 && fd < kDescriptors) ours[fd] = 0;
  return (int)kernel(SYS_close, fd);
}

// What std::filesystem and the server ask of a path without opening it.
#define LINGERS(result, name, parameters, arguments)                \
  result name parameters {                                          \
    static _Atomic(__typeof__(&name)) next;                         \
    if (next == NULL) next = REAL(name);                            \
    linger(path);                                                   \
    return next arguments;                                          \
  }
LINGERS(int, stat, (const char* restrict path, struct stat* restrict out), (path, out))
LINGERS(int, lstat, (const char* restrict path, struct stat* restrict out), (path, out))
LINGERS(int, stat64, (const char* restrict path, struct stat64* restrict out), (path, out))
LINGERS(int, lstat64, (const char* restrict path, struct stat64* restrict out), (path, out))
LINGERS(int, statvfs, (const char* restrict path, struct statvfs* restrict out), (path, out))
LINGERS(int, statvfs64, (const char* restrict path, struct statvfs64* restrict out), (path, out))
LINGERS(char*, realpath, (const char* restrict path, char* restrict out), (path, out))
LINGERS(DIR*, opendir, (const char* path), (path))
LINGERS(int, mkdir, (const char* path, mode_t mode), (path, mode))
LINGERS(int, access, (const char* path, int how), (path, how))

static ssize_t write_it(int fd, const struct iovec* parts, int count, int64_t offset) {
  const int64_t action = meet(kWrite);
  if (action == kFail) return -1;
  struct iovec half = parts[0];
  if (action == kShort && count == 1 && half.iov_len > 1) half.iov_len /= 2, parts = &half;
  pthread_mutex_lock(&record_mutex);
  if (record_fd >= 0) {
    struct stat info;
    int64_t at = offset;
    if (at < 0) at = fcntl(fd, F_GETFL) & O_APPEND && fstat(fd, &info) == 0 ? info.st_size : lseek(fd, 0, SEEK_CUR);
    record_write(fd, parts, count, (uint64_t)at);
  }
  const ssize_t written = offset < 0 ? kernel(SYS_writev, fd, parts, count) : kernel(SYS_pwritev, fd, parts, count, offset, 0);
  const int error = errno;
  pthread_mutex_unlock(&record_mutex);
  if (action == kKillAfter) die();
  errno = error;
  return written;
}

ssize_t write(int fd, const void* bytes, size_t size) {
  if (!is_ours(fd)) return kernel(SYS_write, fd, bytes, size);
  const struct iovec one = {(void*)bytes, size};
  return write_it(fd, &one, 1, -1);
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  return is_ours(fd) ? write_it(fd, parts, count, -1) : kernel(SYS_writev, fd, parts, count);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  if (!is_ours(fd)) return kernel(SYS_pwrite64, fd, bytes, size, offset);
  const struct iovec one = {(void*)bytes, size};
  return write_it(fd, &one, 1, offset);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) { return pwrite(fd, bytes, size, offset); }
ssize_t pwritev(int fd, const struct iovec* parts, int count, off_t offset) {
  return is_ours(fd) ? write_it(fd, parts, count, offset) : kernel(SYS_pwritev, fd, parts, count, offset, 0);
}

// RocksDB's threads of this name do nothing but compactions.
static int compacts(void) {
  char name[16] = "";
  pthread_getname_np(pthread_self(), name, sizeof name);
  return strncmp(name, "rocksdb:low", 11) == 0;
}

static ssize_t read_it(int fd, void* bytes, size_t size, int64_t offset) {
  int64_t action = is_ours(fd) ? meet(kRead) : kNothing;
  if (action == kNothing && is_ours(fd) && compacts()) action = meet(kCompact);
  if (action == kFail) return -1;
  if (action == kShort) size = 0;  // the file ends here, it seems
  return offset < 0 ? kernel(SYS_read, fd, bytes, size) : kernel(SYS_pread64, fd, bytes, size, offset);
}
ssize_t read(int fd, void* bytes, size_t size) { return read_it(fd, bytes, size, -1); }
ssize_t pread(int fd, void* bytes, size_t size, off_t offset) { return read_it(fd, bytes, size, offset); }
ssize_t pread64(int fd, void* bytes, size_t size, off64_t offset) { return read_it(fd, bytes, size, offset); }

static int sync_it(int fd, long call) {
  if (!is_ours(fd)) return (int)kernel(call, fd);
  const int64_t action = meet(kSync);
  if (action == kFail) return -1;
  if (control->lies) return 0;
  pthread_mutex_lock(&record_mutex);
  const uint64_t upto = sequence;
  pthread_mutex_unlock(&record_mutex);
  const int result = (int)kernel(call, fd);
  struct stat info;
  if (result == 0 && record_fd >= 0 && fstat(fd, &info) == 0) {
    pthread_mutex_lock(&record_mutex);
    record((struct record){.kind = S_ISDIR(info.st_mode) ? 'D' : 'S', .inode = info.st_ino, .offset = upto}, NULL, NULL, NULL, NULL);
    pthread_mutex_unlock(&record_mutex);
  }
  if (action == kKillAfter) die();
  return result;
}
int fsync(int fd) { return sync_it(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_it(fd, SYS_fdatasync); }

static int resize(int fd, uint64_t size, int mode, off_t offset, off_t length) {
  const int64_t action = meet(kAllocate);
  if (action == kFail) return -1;
  pthread_mutex_lock(&record_mutex);
  struct stat info;
  if (record_fd >= 0 && fstat(fd, &info) == 0 && (length == 0 || size > (uint64_t)info.st_size)) record_size(fd, size);
  const int result = (int)(length == 0 ? kernel(SYS_ftruncate, fd, size) : kernel(SYS_fallocate, fd, mode, offset, length));
  const int error = errno;
  pthread_mutex_unlock(&record_mutex);
  if (action == kKillAfter) die();
  errno = error;
  return result;
}
int ftruncate(int fd, off_t size) { return is_ours(fd) ? resize(fd, (uint64_t)size, 0, 0, 0) : (int)kernel(SYS_ftruncate, fd, size); }
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }
int fallocate(int fd, int mode, off_t offset, off_t length) {
  if (!is_ours(fd)) return (int)kernel(SYS_fallocate, fd, mode, offset, length);
  return resize(fd, mode & FALLOC_FL_KEEP_SIZE ? 0 : (uint64_t)(offset + length), mode, offset, length);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return fallocate(fd, mode, offset, length); }

int rename(const char* from, const char* to) {
  if (!path_is_ours(from)) return (int)kernel(SYS_rename, from, to);
  const int64_t action = meet(kRename);
  if (action == kFail) return -1;
  pthread_mutex_lock(&record_mutex);
  if (record_fd >= 0) {
    bury(to);
    record((struct record){.kind = 'R', .inode = inode_of_folder(to)}, from, to, NULL, NULL);
  }
  const int result = (int)kernel(SYS_rename, from, to);
  const int error = errno;
  pthread_mutex_unlock(&record_mutex);
  if (action == kKillAfter) die();
  errno = error;
  return result;
}

int unlink(const char* path) {
  if (!path_is_ours(path)) return (int)kernel(SYS_unlink, path);
  const int64_t action = meet(kUnlink);
  if (action == kFail) return -1;
  pthread_mutex_lock(&record_mutex);
  if (record_fd >= 0) {
    bury(path);
    record((struct record){.kind = 'U', .inode = inode_of_folder(path)}, path, NULL, NULL, NULL);
  }
  const int result = (int)kernel(SYS_unlink, path);
  const int error = errno;
  pthread_mutex_unlock(&record_mutex);
  if (action == kKillAfter) die();
  errno = error;
  return result;
}

int link(const char* from, const char* to) {
  if (!path_is_ours(to) || record_fd < 0) return (int)kernel(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
  pthread_mutex_lock(&record_mutex);
  record((struct record){.kind = 'C', .inode = inode_of_folder(to)}, to, NULL, NULL, NULL);
  const int result = (int)kernel(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
  const int error = errno;
  pthread_mutex_unlock(&record_mutex);
  errno = error;
  return result;
}

extern void* __libc_malloc(size_t size);
void* malloc(size_t size) {
  if (control != NULL && control->first[kMalloc] != 0 && meet(kMalloc) == kFail) return NULL;
  return __libc_malloc(size);
}

int pthread_create(pthread_t* restrict thread, const pthread_attr_t* restrict attributes, void* (*run)(void*), void* restrict argument) {
  static _Atomic(int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)) next;
  if (next == NULL) next = REAL(pthread_create);
  return meet(kThread) == kFail ? EAGAIN : next(thread, attributes, run, argument);
}

// ---- the wall clock ----

static int is_wall(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }
static int64_t off_ns(void) { return control != NULL ? control->wall_ns : 0; }
static int64_t ns_of(const struct timespec* t) { return t->tv_sec * 1000000000 + t->tv_nsec; }
static struct timespec timespec_of(int64_t ns) { return (struct timespec){ns / 1000000000, ns % 1000000000}; }

int clock_gettime(clockid_t clock, struct timespec* out) {
  static _Atomic(int (*)(clockid_t, struct timespec*)) next;
  if (next == NULL) next = REAL(clock_gettime);
  const int result = next(clock, out);
  if (result == 0 && is_wall(clock) && off_ns() != 0) *out = timespec_of(ns_of(out) + off_ns());
  return result;
}
int gettimeofday(struct timeval* restrict out, void* restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  *out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
  return 0;
}
time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

// Who waits for an instant of the wall clock looks at it again every 50 ms, as the kernel would when it is set. In between it wakes
// without reason, which is allowed. Returns whether the wait was cut short.
static int slice(const struct timespec* until, struct timespec* out) {
  struct timespec now;
  kernel(SYS_clock_gettime, CLOCK_REALTIME, &now);
  const int64_t left = ns_of(until) - off_ns() - ns_of(&now), most = 50000000;
  *out = timespec_of(ns_of(&now) + (left < most ? left : most));
  return left > most;
}

int pthread_cond_timedwait(pthread_cond_t* restrict condition, pthread_mutex_t* restrict mutex, const struct timespec* restrict until) {
  static _Atomic(int (*)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*)) next;
  if (next == NULL) next = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  clockid_t clock = CLOCK_REALTIME;
  // A condition variable that was made for another clock says so in bit 1 of its flags, glibc's own place for it.
  if (((const unsigned*)condition)[9] & 2U) clock = CLOCK_MONOTONIC;
  if (clock != CLOCK_REALTIME || off_ns() == 0) return next(condition, mutex, until);
  struct timespec real_until;
  const int cut = slice(until, &real_until), result = next(condition, mutex, &real_until);
  return result == ETIMEDOUT && cut ? 0 : result;
}


// Abseil's waits, and with them gRPC's.
long syscall(long number, ...) {
  va_list more;
  va_start(more, number);
  long a[6];
  for (int i = 0; i < 6; ++i) a[i] = va_arg(more, long);
  va_end(more);
  const long command = a[1] & FUTEX_CMD_MASK;
  if (number != SYS_futex || command != FUTEX_WAIT_BITSET || (a[1] & FUTEX_CLOCK_REALTIME) == 0 || a[3] == 0 || off_ns() == 0)
    return kernel(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  struct timespec until;
  const int cut = slice((const struct timespec*)a[3], &until);
  const long result = kernel(number, a[0], a[1], a[2], &until, a[4], a[5]);
  if (result < 0 && errno == ETIMEDOUT && cut) errno = EINTR;
  return result;
}
