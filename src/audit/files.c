#include "audit/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/parse.h"

static const char prefix[] = "audit-", suffix[] = ".jsonl";

enum { DIGITS = 6 };

void files_name(unsigned number, char ret[FILES_NAME_SIZE])
{
	(void)snprintf(ret, FILES_NAME_SIZE, "%s%06u%s", prefix, number % (FILES_NUMBER_MAX + 1u),
		       suffix);
}

/* The number of a file of ours; 0 of others. */
static unsigned number_of(const char *name)
{
	size_t head = sizeof(prefix) - 1;
	char digits[DIGITS + 1] = "";
	uint64_t number = 0;

	if (strlen(name) != head + DIGITS + sizeof(suffix) - 1 || memcmp(name, prefix, head) != 0 ||
	    strcmp(name + head + DIGITS, suffix) != 0)
		return 0;
	memcpy(digits, name + head, DIGITS);
	return parse_u64(digits, FILES_NUMBER_MAX, &number) < 0 ? 0 : (unsigned)number;
}

int files_range(int folder, unsigned *ret_first, unsigned *ret_last)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	unsigned first = 0, last = 0;

	if (dir == NULL) {
		int r = -errno;

		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	while ((entry = readdir(dir)) != NULL) {
		unsigned number = number_of(entry->d_name);

		if (number != 0 && (first == 0 || number < first))
			first = number;
		last = max_of(last, number);
	}
	(void)closedir(dir);
	*ret_first = first;
	*ret_last = last;
	return 0;
}

int files_open(int folder, unsigned number, FILE **ret)
{
	char name[FILES_NAME_SIZE];
	int fd;

	files_name(number, name);
	fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	*ret = fdopen(fd, "r");
	if (*ret == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	return 0;
}
