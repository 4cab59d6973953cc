/*
 * gen-seccomp LIST NAME OUTPUT [sanitized]: turn a list of syscalls into a filter.
 *
 * LIST holds one syscall a line; '#' starts a comment. `name` allows the call,
 * `name argN=V` allows it only with that argument (decimal or 0x…), several
 * such lines add up, `errno:NAME` lines make a call fail with EPERM instead of
 * killing, `nosys:NAME` lines with ENOSYS (libc then tries an older call whose
 * arguments can be looked at); `sanitizer:NAME` lines count only in a build that is
 * sanitized. Everything else kills the process. The result is a header with
 * `static const struct sock_filter seccomp_NAME[]`, so that programs need no
 * library at run time.
 */
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 256 };

static int add_rule(scmp_filter_ctx filter, const char *word, const char *condition)
{
	uint32_t action = SCMP_ACT_ALLOW;
	unsigned argument;
	unsigned long long value;
	int syscall;

	if (strncmp(word, "errno:", 6) == 0) {
		action = SCMP_ACT_ERRNO(EPERM);
		word += 6;
	} else if (strncmp(word, "nosys:", 6) == 0) {
		action = SCMP_ACT_ERRNO(ENOSYS);
		word += 6;
	}
	syscall = seccomp_syscall_resolve_name(word);
	if (syscall == __NR_SCMP_ERROR)
		return -ENOENT;
	if (condition == NULL)
		return seccomp_rule_add(filter, action, syscall, 0);
	if (sscanf(condition, "arg%u=%lli", &argument, (long long *)&value) != 2)
		return -EINVAL;
	return seccomp_rule_add(filter, action, syscall, 1,
				SCMP_CMP64(argument, SCMP_CMP_EQ, value, 0));
}

static int read_list(FILE *list, const char *name, bool sanitized, scmp_filter_ctx filter)
{
	char line[LINE_MAX_BYTES];

	for (int number = 1; fgets(line, sizeof(line), list) != NULL; number++) {
		char *rest = line, *word;
		int r;

		line[strcspn(line, "#\n")] = '\0';
		word = strtok_r(rest, " \t", &rest);
		if (word == NULL)
			continue;
		if (strncmp(word, "sanitizer:", 10) == 0) {
			if (!sanitized)
				continue;
			word += 10;
		}
		r = add_rule(filter, word, strtok_r(NULL, " \t", &rest));
		if (r < 0) {
			(void)fprintf(stderr, "%s:%d: %s: %s\n", name, number, word, strerror(-r));
			return r;
		}
	}
	return 0;
}

static int write_header(scmp_filter_ctx filter, const char *name, const char *path)
{
	struct sock_filter code[4096];
	FILE *program = tmpfile(), *out = fopen(path, "w");
	size_t count;

	if (program == NULL || out == NULL || seccomp_export_bpf(filter, fileno(program)) < 0)
		return -EIO;
	rewind(program);
	count = fread(code, sizeof(code[0]), sizeof(code) / sizeof(code[0]), program);
	(void)fprintf(out,
		      "/* Made by gen-seccomp from %s.list */\n#include <linux/filter.h>\n"
		      "static const struct sock_filter seccomp_%s[] = {\n",
		      name, name);
	for (size_t i = 0; i < count; i++)
		(void)fprintf(out, "\t{ 0x%x, %u, %u, 0x%x },\n", code[i].code, code[i].jt,
			      code[i].jf, code[i].k);
	(void)fprintf(out, "};\n");
	(void)fclose(program);
	return fclose(out) == 0 ? 0 : -errno;
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	FILE *list;
	int r;

	if (argc < 4 || argc > 5 || filter == NULL)
		return EXIT_FAILURE;
	list = fopen(argv[1], "r");
	if (list == NULL)
		return EXIT_FAILURE;
	r = read_list(list, argv[1], argc == 5, filter);
	(void)fclose(list);
	if (r == 0)
		r = write_header(filter, argv[2], argv[3]);
	seccomp_release(filter);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
