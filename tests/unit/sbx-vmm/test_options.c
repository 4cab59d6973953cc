#include <errno.h>

#include "base/err.h"
#include "sbx-vmm/options.h"
#include "tests/unit/test.h"

static struct options parsed;
static struct err why;

/* Parses up to 8 words. */
static int parse(char *const *words)
{
	char *argv[10] = { (char[]){ "sbx-vmm" } };
	int argc = 1;

	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = words[argc - 1];
	why = (struct err)ERR_INIT;
	return options_parse(argc, argv, &parsed, &why);
}

#define WORDS(...) ((char *[]){ __VA_ARGS__, NULL })
#define LEAST "kvm=3", "kernel=4", "control=5", "memory=512m"

TEST(words_become_options)
{
	CHECK_EQ(parse(WORDS(LEAST, "cpus=4", "cmdline=quiet a=b", "blk=9", "fs=7")), 0);
	CHECK_EQ(parsed.kvm, 3);
	CHECK_EQ(parsed.kernel, 4);
	CHECK_EQ(parsed.control, 5);
	CHECK_EQ(parsed.memory_bytes, 512 << 20);
	CHECK_EQ(parsed.cpus, 4);
	CHECK_STR(parsed.cmdline, "quiet a=b");
	CHECK_EQ(parsed.devices_count, 2);
	CHECK_EQ(parsed.device[0].kind, SERVED_BLK);
	CHECK_EQ(parsed.device[0].fd, 9);
	CHECK_EQ(parsed.device[1].kind, SERVED_FS);
	CHECK_EQ(parsed.last_fd, 9);
	CHECK(!parsed.weak_jail);
}

TEST(defaults_are_few)
{
	CHECK_EQ(parse(WORDS(LEAST)), 0);
	CHECK_EQ(parsed.cpus, 1);
	CHECK_EQ(parsed.initramfs, -1);
	CHECK_EQ(parsed.console, -1);
	CHECK_STR(parsed.cmdline, "");
}

TEST(what_is_needed_is_said)
{
	CHECK_EQ(parse(WORDS("kvm=3", "kernel=4", "control=5")), -EINVAL);
	CHECK(strstr(why.text, "memory") != NULL);
	CHECK_EQ(parse(WORDS("memory=1g")), -EINVAL);
}

TEST(wrong_words_are_named)
{
	static const char *const wrong[] = { "kvm",    "kvm=2",	  "kvm=x",	 "kvm=256",
					     "cpus=0", "cpus=65", "memory=lots", "jail=off",
					     "blk=",   "disk=4",  "=3",		 "kv=3",
					     "kvmm=3" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK(parse(WORDS(LEAST, (char *)wrong[i])) < 0);
		CHECK(strstr(why.text, wrong[i]) != NULL);
	}
}

TEST_MAIN()
