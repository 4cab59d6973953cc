/*
 * A host that fails: preloaded into sbxd by tests/soak/run, it lets writes, syncs and renames of
 * regular files fail or fall short, memory run out, the time of day jump, and all clocks run
 * faster, as told by a file that both have mapped (environment SBX_FAULTS).
 *
 * A faster clock is one clock: what is asked, and what is waited for.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NS = 1000000000, PERMILLE = 1000 };

/* Written by tests/soak/run; little-endian, as struct.pack("<IIIIqq") has it. */
struct wishes {
	volatile uint32_t speed;	/* clocks run so many times faster; 0: as they are */
	volatile uint32_t io_permille;	/* of writes, syncs and renames fail or fall short */
	volatile uint32_t mem_permille; /* of allocations fail */
	volatile uint32_t seed;
	volatile int64_t jump_s; /* the time of day is so much later */
	int64_t failed;		 /* said back: what was made to fail */
};

static struct wishes nothing;
static struct wishes *wishes = &nothing;
static pthread_mutex_t clock_lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t real_ns, fast_ns; /* the monotonic clock, when last looked at */
static volatile int64_t made;

__attribute__((constructor)) static void map_wishes(void)
{
	const char *path = getenv("SBX_FAULTS");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *mapped;

	if (fd < 0)
		return;
	mapped = mmap(NULL, sizeof(*wishes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (mapped != MAP_FAILED)
		wishes = mapped;
}

/* Whether this one fails: a hash of the seed and of how many there were. */
static int is_hit(uint32_t permille)
{
	uint64_t value;

	if (permille == 0)
		return 0;
	value = (uint64_t)__atomic_add_fetch(&made, 1, __ATOMIC_RELAXED) + wishes->seed;
	value = (value ^ (value >> 31)) * 0x9e3779b97f4a7c15;
	if ((value >> 33) % PERMILLE >= permille)
		return 0;
	(void)__atomic_add_fetch(&wishes->failed, 1, __ATOMIC_RELAXED);
	return 1;
}

/* ---- files */

static int is_file(int fd)
{
	struct stat is;

	return fstat(fd, &is) == 0 && S_ISREG(is.st_mode);
}

static int fails(int fd)
{
	if (wishes->io_permille == 0 || !is_file(fd) || !is_hit(wishes->io_permille))
		return 0;
	errno = wishes->failed % 2 == 0 ? ENOSPC : EIO;
	return 1;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	if (fails(fd)) {
		if (wishes->failed % 3 != 0 || len < 2)
			return -1;
		len /= 2;
	}
	return syscall(SYS_write, fd, bytes, len);
}

int fsync(int fd)
{
	return fails(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return fails(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	if (wishes->io_permille != 0 && is_hit(wishes->io_permille)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

/* ---- memory */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
	if (is_hit(wishes->mem_permille)) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	if (is_hit(wishes->mem_permille)) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	if (is_hit(wishes->mem_permille)) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(old, size);
}

/* ---- time */

static int64_t ns_of(const struct timespec *time)
{
	return (int64_t)time->tv_sec * NS + time->tv_nsec;
}

static struct timespec time_of(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / NS, .tv_nsec = ns % NS };
}

static int64_t speed(void)
{
	return wishes->speed > 1 ? wishes->speed : 1;
}

static int64_t real_now(clockid_t clock)
{
	struct timespec now;

	(void)syscall(SYS_clock_gettime, clock, &now);
	return ns_of(&now);
}

/* How far the fast clock is ahead of the real one. */
static int64_t ahead(void)
{
	int64_t now = real_now(CLOCK_MONOTONIC), result;

	(void)pthread_mutex_lock(&clock_lock);
	if (real_ns == 0)
		fast_ns = real_ns = now;
	fast_ns += (now - real_ns) * speed();
	real_ns = now;
	result = fast_ns - now;
	(void)pthread_mutex_unlock(&clock_lock);
	return result;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int64_t now = real_now(clock);

	if (clock == CLOCK_MONOTONIC)
		now += ahead();
	else if (clock == CLOCK_REALTIME)
		now += ahead() + wishes->jump_s * NS;
	*ret = time_of(now);
	return 0;
}

static int shorter(int timeout_ms)
{
	return timeout_ms > 0 ? (int)((timeout_ms + speed() - 1) / speed()) : timeout_ms;
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	return (int)syscall(SYS_poll, fds, count, shorter(timeout_ms));
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
	return (int)syscall(SYS_epoll_wait, epoll, events, max, shorter(timeout_ms));
}

/* Which clock it waits on is the condition's own affair: the one that `until` is near to. */
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
			   const struct timespec *until)
{
	static int (*next)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
	int64_t day = INT64_C(86400) * NS;
	clockid_t clock = ns_of(until) < real_now(CLOCK_REALTIME) - 365 * day ? CLOCK_MONOTONIC
									      : CLOCK_REALTIME;
	int64_t jump = clock == CLOCK_REALTIME ? wishes->jump_s * NS : 0;
	int64_t left = ns_of(until) - jump - ahead() - real_now(clock);
	struct timespec real = time_of(real_now(clock) + (left > 0 ? left / speed() : 0));

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	return next(cond, lock, &real);
}
