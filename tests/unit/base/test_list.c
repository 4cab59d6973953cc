#include "base/list.h"

#include "tests/unit/test.h"

struct item {
	int value;
	struct list link;
};

TEST(append_walk_remove)
{
	struct list head;
	struct item items[3];
	int sum = 0;

	list_init(&head);
	CHECK(list_is_empty(&head));
	for (int i = 0; i < 3; i++) {
		items[i].value = i + 1;
		list_append(&head, &items[i].link);
	}
	list_for_each (node, next, &head) {
		struct item *item = container_of(node, struct item, link);

		sum = sum * 10 + item->value;
		if (item->value == 2)
			list_remove(node);
	}
	CHECK_EQ(sum, 123);
	list_remove(&items[1].link);
	sum = 0;
	list_for_each (node, next, &head)
		sum = sum * 10 + container_of(node, struct item, link)->value;
	CHECK_EQ(sum, 13);
}

TEST_MAIN()
