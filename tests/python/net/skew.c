// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into a process, it shifts the time of day that the process sees by the seconds (a double) in
// the file that CAUSEWAY_SKEW_FILE names, and follows when they change. The monotonic clock stays. What is
// to happen at a time of day still happens as soon as it would: deadlines are shifted back.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// Before that the time of day is not; a monotonic clock that has got so far has run for 31 years.
static const time_t kFirstDay = 1000000000;
static const double kNone = 0;
static const volatile double* offset_s = &kNone;

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void find_file(void) {
  const char* path = getenv("CAUSEWAY_SKEW_FILE");
  const int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void* map = mmap(NULL, sizeof(double), PROT_READ, MAP_SHARED, file, 0);
  if (map != MAP_FAILED) offset_s = map;
  close(file);
}

static int is_day_clock(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

static struct timespec shifted(struct timespec at, double by_s) {
  const double whole = floor(by_s);
  at.tv_sec += (time_t)whole;
  at.tv_nsec += (long)((by_s - whole) * 1e9);
  if (at.tv_nsec >= 1000000000) {
    at.tv_nsec -= 1000000000;
    ++at.tv_sec;
  }
  return at;
}

// A deadline of the true clock.
static struct timespec unshifted(const struct timespec* at) {
  struct timespec out = *at;
  return at->tv_sec < kFirstDay ? out : shifted(out, -*offset_s);
}

static int true_clock(clockid_t clock, struct timespec* out) {
  return NEXT(clock_gettime)(clock, out);
}

int clock_gettime(clockid_t clock, struct timespec* out) {
  const int result = true_clock(clock, out);
  if (result == 0 && is_day_clock(clock)) *out = shifted(*out, *offset_s);
  return result;
}

int gettimeofday(struct timeval* restrict out, void* restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec* at, struct timespec* left) {
  if (!(flags & TIMER_ABSTIME)) return NEXT(clock_nanosleep)(clock, flags, at, left);
  const struct timespec until = unshifted(at);
  return NEXT(clock_nanosleep)(clock, flags, &until, left);
}

int pthread_cond_timedwait(pthread_cond_t* restrict condition, pthread_mutex_t* restrict mutex,
                           const struct timespec* restrict at) {
  const struct timespec until = unshifted(at);
  return NEXT(pthread_cond_timedwait)(condition, mutex, &until);
}

int pthread_cond_clockwait(pthread_cond_t* restrict condition, pthread_mutex_t* restrict mutex,
                           clockid_t clock, const struct timespec* restrict at) {
  const struct timespec until = unshifted(at);
  return NEXT(pthread_cond_clockwait)(condition, mutex, clock, &until);
}

int pthread_mutex_timedlock(pthread_mutex_t* restrict mutex, const struct timespec* restrict at) {
  const struct timespec until = unshifted(at);
  return NEXT(pthread_mutex_timedlock)(mutex, &until);
}

int sem_timedwait(sem_t* restrict semaphore, const struct timespec* restrict at) {
  const struct timespec until = unshifted(at);
  return NEXT(sem_timedwait)(semaphore, &until);
}

int sem_clockwait(sem_t* restrict semaphore, clockid_t clock, const struct timespec* restrict at) {
  const struct timespec until = unshifted(at);
  return NEXT(sem_clockwait)(semaphore, clock, &until);
}

// Abseil waits by the futex itself.
long syscall(long number, ...) {
  long a[6];
  va_list arguments;
  va_start(arguments, number);
  for (int i = 0; i < 6; ++i) a[i] = va_arg(arguments, long);
  va_end(arguments);
  struct timespec until;
  const long bitset_wait = FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME;
  if (number == SYS_futex && (a[1] & ~FUTEX_PRIVATE_FLAG) == bitset_wait && a[3]) {
    until = unshifted((const struct timespec*)a[3]);
    a[3] = (long)&until;
  }
  const long result = NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  if (number == SYS_clock_gettime && result == 0 && is_day_clock((clockid_t)a[0]))
    *(struct timespec*)a[1] = shifted(*(struct timespec*)a[1], *offset_s);
  return result;
}
