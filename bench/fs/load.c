/*
 * load KIND FOLDER: one load on a file system, timed by whoever runs it. KIND:
 *
 *	random	4 KiB reads at random places of FOLDER/data
 *	read	FOLDER/data from start to end in 1 MiB reads
 *	write	a new file of the same size in 1 MiB writes
 *	names	10,000 files created, written and closed, then removed
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 4096, CHUNK = 1 << 20, RANDOM_READS = 8192, NAMES = 10000 };

static char buffer[CHUNK];

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(EXIT_FAILURE);
}

static off_t open_data(int *ret)
{
	struct stat stat;

	*ret = open("data", O_RDONLY | O_CLOEXEC);
	must(*ret >= 0 && fstat(*ret, &stat) == 0, "data");
	return stat.st_size;
}

static void load_random(void)
{
	uint64_t state = 88172645463325252;
	int fd;
	off_t blocks = open_data(&fd) / BLOCK;

	for (int i = 0; i < RANDOM_READS; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		must(pread(fd, buffer, BLOCK, (off_t)(state % (uint64_t)blocks) * BLOCK) == BLOCK,
		     "pread");
	}
}

static void load_read(void)
{
	int fd;
	off_t size = open_data(&fd);

	for (off_t at = 0; at < size; at += CHUNK)
		must(read(fd, buffer, CHUNK) == CHUNK, "read");
}

static void load_write(void)
{
	int data;
	off_t size = open_data(&data);
	int fd = open("written", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

	must(fd >= 0, "written");
	for (off_t at = 0; at < size; at += CHUNK)
		must(write(fd, buffer, CHUNK) == CHUNK, "write");
	must(close(fd) == 0, "close");
	(void)unlink("written");
}

static void load_names(void)
{
	char name[32];

	for (int i = 0; i < NAMES; i++) {
		int fd;

		(void)snprintf(name, sizeof(name), "name%d", i);
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
		must(fd >= 0 && write(fd, name, sizeof(name)) == sizeof(name) && close(fd) == 0,
		     "create");
	}
	for (int i = 0; i < NAMES; i++) {
		(void)snprintf(name, sizeof(name), "name%d", i);
		must(unlink(name) == 0, "unlink");
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} kinds[] = {
	{ "random", load_random },
	{ "read", load_read },
	{ "write", load_write },
	{ "names", load_names },
};

int main(int argc, char **argv)
{
	must(argc == 3 && chdir(argv[2]) == 0, "usage: load KIND FOLDER");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, argv[1]) == 0) {
			kinds[i].run();
			return EXIT_SUCCESS;
		}
	return EXIT_FAILURE;
}
