/*
 * Runs a fuzz target over its corpus as a plain test: every file of the
 * folders named as arguments is one input and one line of TAP. With libFuzzer
 * (./dev fuzz) this file is left out.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "tests/fuzz/fuzz.h"

enum { REPLAY_INPUT_MAX = 1 << 20 };

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	autofree uint8_t *bytes = malloc(REPLAY_INPUT_MAX);
	autofree uint8_t *exact = NULL;
	size_t len;

	if (file == NULL || bytes == NULL)
		return -1;
	len = fread(bytes, 1, REPLAY_INPUT_MAX, file);
	(void)fclose(file);
	/* An allocation of just this size lets ASan see one byte too far. */
	exact = malloc(len > 0 ? len : 1);
	if (exact == NULL)
		return -1;
	memcpy(exact, bytes, len);
	return LLVMFuzzerTestOneInput(exact, len);
}

static int replay_folder(const char *path, int *number)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	int failed = count < 0;

	for (int i = 0; i < count; i++) {
		char name[4096];

		(void)snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.') {
			int bad = replay_file(name) != 0;

			printf("%s %d - %s\n", bad ? "not ok" : "ok", ++*number,
			       entries[i]->d_name);
			failed |= bad;
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return failed;
}

int main(int argc, char **argv)
{
	int number = 0, failed = 0;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		failed |= replay_folder(argv[i], &number);
	printf("1..%d\n", number);
	return failed || number == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
