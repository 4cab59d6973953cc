/*
 * Unit tests in TAP. A test file defines its cases with TEST(name) and ends in
 * TEST_MAIN(); each case is one line `ok N - name`. A failed check prints what
 * it saw and ends its case only.
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test_case {
	const char *name;
	void (*run)(void);
	struct test_case *next;
};

extern struct test_case *test_cases;
extern bool test_failed;
extern const char *test_skipped; /* why this case cannot run here */

#define TEST(id)                                                               \
	static void test_##id(void);                                           \
	static struct test_case case_##id = { .name = #id, .run = test_##id }; \
	__attribute__((constructor)) static void add_##id(void)                \
	{                                                                      \
		struct test_case **place = &test_cases;                        \
		while (*place != NULL)                                         \
			place = &(*place)->next;                               \
		*place = &case_##id;                                           \
	}                                                                      \
	static void test_##id(void)

#define TEST_FAIL_(...)                                  \
	do {                                             \
		printf("# %s:%d: ", __FILE__, __LINE__); \
		printf(__VA_ARGS__);                     \
		printf("\n");                            \
		test_failed = true;                      \
		return;                                  \
	} while (0)

#define CHECK(condition)                                        \
	do {                                                    \
		if (!(condition))                               \
			TEST_FAIL_("not true: %s", #condition); \
	} while (0)

/* Integers of any type, shown as signed 64-bit. */
#define CHECK_EQ(got, want)                                                               \
	do {                                                                              \
		int64_t got_ = (int64_t)(got), want_ = (int64_t)(want);                   \
		if (got_ != want_)                                                        \
			TEST_FAIL_("%s is %" PRId64 ", not %" PRId64, #got, got_, want_); \
	} while (0)

#define CHECK_STR(got, want)                                               \
	do {                                                               \
		const char *got_ = (got), *want_ = (want);                 \
		if (got_ == NULL || strcmp(got_, want_) != 0)              \
			TEST_FAIL_("%s is \"%s\", not \"%s\"", #got,       \
				   got_ == NULL ? "(null)" : got_, want_); \
	} while (0)

#define CHECK_MEM(got, want, len)                                      \
	do {                                                           \
		if (memcmp((got), (want), (len)) != 0)                 \
			TEST_FAIL_("%s differs from %s", #got, #want); \
	} while (0)

/* Says why this case cannot run on this machine, and counts it as skipped. */
#define SKIP(why)                     \
	do {                          \
		test_skipped = (why); \
		return;               \
	} while (0)

int test_main(void);

#define TEST_MAIN()                 \
	int main(void)              \
	{                           \
		return test_main(); \
	}

#endif
