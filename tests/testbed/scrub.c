/*
 * The /init of a guest whose disk's process is killed (kill_disks.c): on every
 * vCPU a thread writes to blocks of /dev/vda, forgets them and reads them again,
 * past the page cache and through it. Each buffer lies between pages that
 * nobody may write to. Memory comes and goes meanwhile, so that Linux reuses at
 * once what a request has just given back. Says "scrub: N" now and then, up to
 * the `rounds` of the kernel's command line, then "scrub: all is well", and resets.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	THREADS_MAX = 16,
	PAGE = 4096,
	BLOCK = 64 << 10,
	BLOCKS = 16, /* of each thread */
	FENCE = 0x6b,
	TURNS_A_ROUND = 40,
};

struct scrubber {
	pthread_t thread;
	unsigned id;
	uint32_t seed, version[BLOCKS];
	int direct, cached; /* the disk, past the page cache and through it */
	uint8_t *fenced;    /* a page of FENCE, a block, a page of FENCE */
};

static atomic_uint turns;
static atomic_bool over;

static uint32_t random_below(struct scrubber *self, uint32_t limit)
{
	self->seed = self->seed * 1103515245U + 12345U;
	return (self->seed >> 8) % limit;
}

static void fill(const struct scrubber *self, uint32_t block, uint8_t *to)
{
	uint32_t word = self->id << 24 | block << 16 | (self->version[block] & 0xffff);

	for (size_t i = 0; i < BLOCK / sizeof(word); i++)
		((uint32_t *)(void *)to)[i] = word + (uint32_t)i * 2654435761U;
}

static void give_up(const struct scrubber *self, const char *what, uint32_t block)
{
	printf("scrub: thread %u: %s, block %u\n", self->id, what, block);
	(void)reboot(RB_AUTOBOOT);
}

static void check_fences(const struct scrubber *self, uint32_t block)
{
	for (size_t i = 0; i < PAGE; i++)
		if (self->fenced[i] != FENCE || self->fenced[PAGE + BLOCK + i] != FENCE)
			give_up(self, "a byte beside the buffer was written", block);
}

/* Memory that the next one may get, the kernel's stacks and tables too. */
static void churn(struct scrubber *self)
{
	size_t len = (1 + random_below(self, 8)) << 20;
	uint8_t *memory =
		mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return;
	for (size_t at = 0; at < len; at += PAGE)
		memory[at] = 1;
	(void)munmap(memory, len);
}

static void turn(struct scrubber *self)
{
	static _Thread_local uint8_t want[BLOCK];
	uint32_t block = random_below(self, BLOCKS), way = random_below(self, 4);
	off_t offset = ((off_t)self->id * BLOCKS + block) * BLOCK;
	uint8_t *buffer = self->fenced + PAGE;
	int fd = way == 0 ? self->cached : self->direct;

	self->version[block]++;
	fill(self, block, buffer);
	if (pwrite(self->direct, buffer, BLOCK, offset) != BLOCK)
		give_up(self, "a write failed", block);
	if (way == 1 && fdatasync(self->direct) < 0)
		give_up(self, "a flush failed", block);
	memset(buffer, 0, BLOCK);
	(void)posix_fadvise(self->cached, offset, BLOCK, POSIX_FADV_DONTNEED);
	if (pread(fd, buffer, BLOCK, offset) != BLOCK)
		give_up(self, "a read failed", block);
	fill(self, block, want);
	if (memcmp(buffer, want, BLOCK) != 0)
		give_up(self, "other bytes were read than written", block);
	check_fences(self, block);
	if (way == 2)
		churn(self);
}

static void *scrub(void *argument)
{
	struct scrubber *self = argument;

	while (!atomic_load(&over)) {
		turn(self);
		(void)atomic_fetch_add(&turns, 1);
	}
	return NULL;
}

static void begin(struct scrubber *self, unsigned id)
{
	*self = (struct scrubber){ .id = id,
				   .seed = id + 1,
				   .direct = open("/dev/vda", O_RDWR | O_DIRECT),
				   .cached = open("/dev/vda", O_RDONLY) };
	self->fenced = mmap(NULL, BLOCK + 2 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (self->direct < 0 || self->cached < 0 || self->fenced == MAP_FAILED) {
		give_up(self, "no disk", 0);
		return;
	}
	memset(self->fenced, FENCE, BLOCK + 2 * PAGE);
	(void)pthread_create(&self->thread, NULL, scrub, self);
}

int main(void)
{
	static struct scrubber scrubbers[THREADS_MAX];
	const char *word = getenv("rounds");
	unsigned rounds = word == NULL ? 1 : (unsigned)atoi(word);
	long threads = sysconf(_SC_NPROCESSORS_ONLN);

	setvbuf(stdout, NULL, _IOLBF, 0);
	(void)mkdir("/dev", 0755);
	(void)mount("dev", "/dev", "devtmpfs", 0, NULL);
	for (long i = 0; i < threads && i < THREADS_MAX; i++)
		begin(&scrubbers[i], (unsigned)i);
	for (unsigned round = 1; round <= rounds; round++) {
		while (atomic_load(&turns) < round * TURNS_A_ROUND)
			usleep(1000);
		printf("scrub: %u\n", round);
	}
	atomic_store(&over, true);
	for (long i = 0; i < threads && i < THREADS_MAX; i++)
		(void)pthread_join(scrubbers[i].thread, NULL);
	printf("scrub: all is well\n");
	(void)reboot(RB_AUTOBOOT);
	return 1;
}
