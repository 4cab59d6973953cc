#include "sbxd/workspace.h"

#include "sbxd/record.h"
#include "tests/unit/test.h"

TEST(the_label_goes_before_the_mount_and_that_before_the_template)
{
	struct record record;

	record_init(&record, "demo");
	CHECK(workspace_of(&record) == NULL);
	CHECK_EQ(record_set(&record.template.working_dir, "/srv/app"), 0);
	CHECK_STR(workspace_of(&record), "/srv/app");
	CHECK_EQ(mounts_add_stored(&record.mounts,
				   &(struct mount){ .source = (char[]){ "/host" },
						    .target = (char[]){ "/guest" } }),
		 0);
	CHECK_STR(workspace_of(&record), "/guest");
	CHECK_EQ(string_list_add(&record.labels, WORKSPACE_LABEL "=/clone"), 0);
	CHECK_STR(workspace_of(&record), "/clone");
	record_finish(&record);
}

TEST(a_working_directory_that_is_no_path_of_the_guest_is_none)
{
	static const char *const wrong[] = { "srv", "/srv/../etc", "" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct record record;

		record_init(&record, "demo");
		CHECK_EQ(record_set(&record.template.working_dir, wrong[i]), 0);
		CHECK(workspace_of(&record) == NULL);
		record_finish(&record);
	}
}

TEST_MAIN()
