#include "tests/unit/test.h"

struct test_case *test_cases;
bool test_failed;
const char *test_skipped;

int test_main(void)
{
	int number = 0;
	bool any_failed = false;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (struct test_case *c = test_cases; c != NULL; c = c->next) {
		test_failed = false;
		test_skipped = NULL;
		c->run();
		number++;
		if (test_skipped != NULL)
			printf("ok %d - %s # SKIP %s\n", number, c->name, test_skipped);
		else
			printf("%s %d - %s\n", test_failed ? "not ok" : "ok", number, c->name);
		any_failed |= test_failed;
	}
	printf("1..%d\n", number);
	return any_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
