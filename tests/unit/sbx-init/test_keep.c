#include "sbx-init/keep.h"

#include <errno.h>
#include <signal.h>

#include "tests/unit/sbx-init/rig.h"
#include "tests/unit/test.h"

/* Starts a detached script; its id goes to name. */
static int start(const struct rig *rig, const char *script, char *name, size_t size)
{
	struct guest_message got = { 0 };
	struct client client;
	int r = client_open(rig, &client);

	if (r == 0)
		r = client_exec(&client, script, GUEST_FLAG_DETACH);
	if (r == 0)
		r = client_receive(&client, &got);
	client_close(&client);
	if (r == 1 && got.type == GUEST_OK && got.name != NULL) {
		(void)snprintf(name, size, "%s", got.name);
		r = 0;
	} else {
		r = -1;
	}
	guest_message_finish(&got);
	return r;
}

static int logs(const struct rig *rig, const char *name, uint32_t flags, struct collected *output,
		struct guest_message *ret_last)
{
	char copy[KEEP_NAME_MAX + 1];
	const struct guest_message request = { .type = GUEST_LOGS,
					       .name = name == NULL ? NULL : copy,
					       .flags = flags };
	struct client client;
	int r = client_open(rig, &client);

	(void)snprintf(copy, sizeof(copy), "%s", name == NULL ? "" : name);
	if (r == 0)
		r = client_send(&client, &request);
	if (r == 0)
		r = client_collect(&client, output, ret_last);
	client_close(&client);
	return r;
}

TEST(followed_output_ends_with_the_command)
{
	struct guest_message last = { 0 };
	struct collected output;
	struct rig rig;
	char name[KEEP_NAME_MAX + 1];

	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(start(&rig, "echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three; exit 4",
		       name, sizeof(name)),
		 0);
	CHECK_STR(name, "1");
	CHECK_EQ(logs(&rig, NULL, GUEST_FLAG_FOLLOW, &output, &last), 0);
	CHECK_EQ(last.type, GUEST_EXIT);
	CHECK_EQ(last.status, 4);
	CHECK_STR(buf_str(&output.out), "one\nthree\n");
	CHECK_STR(buf_str(&output.err), "two\n");
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST(a_running_command_is_listed_and_killed)
{
	struct guest_message list = { .type = GUEST_LIST }, got = { 0 }, last = { 0 };
	char name[KEEP_NAME_MAX + 1];
	struct guest_message stop = { .type = GUEST_KILL, .name = name, .signal = SIGTERM };
	struct collected output;
	struct client client;
	struct rig rig;

	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(start(&rig, "exec sleep 1000", name, sizeof(name)), 0);
	CHECK_EQ(logs(&rig, name, 0, &output, &last), 0);
	CHECK_EQ(last.type, GUEST_EOF);
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(client_send(&client, &list), 0);
	CHECK_EQ(client_receive(&client, &got), 1);
	CHECK_EQ(got.type, GUEST_ITEM);
	CHECK_STR(got.text, "/bin/sh -c exec sleep 1000");
	CHECK(!got.has_status && got.signal == 0);
	CHECK(got.started_ns > 0);
	guest_message_finish(&got);
	CHECK_EQ(client_receive(&client, &got), 1);
	CHECK_EQ(got.type, GUEST_EOF);
	client_close(&client);
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(client_send(&client, &stop), 0);
	CHECK_EQ(client_receive(&client, &got), 1);
	CHECK_EQ(got.type, GUEST_OK);
	CHECK_EQ(logs(&rig, name, GUEST_FLAG_FOLLOW, &output, &last), 0);
	CHECK_EQ(last.signal, SIGTERM);
	CHECK_EQ(client_send(&client, &stop), 0);
	CHECK_EQ(client_receive(&client, &got), 1);
	CHECK_EQ(got.error, ESRCH);
	guest_message_finish(&got);
	client_close(&client);
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST(too_much_output_keeps_the_newest)
{
	struct guest_message last = { 0 };
	struct collected output;
	struct rig rig;
	char name[KEEP_NAME_MAX + 1];

	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(start(&rig, "head -c 30000000 /dev/zero; echo the end", name, sizeof(name)), 0);
	CHECK_EQ(logs(&rig, name, GUEST_FLAG_FOLLOW, &output, &last), 0);
	output.out.len = output.err.len = 0;
	guest_message_finish(&last);
	CHECK_EQ(logs(&rig, name, 0, &output, &last), 0);
	CHECK_EQ(last.type, GUEST_EXIT);
	CHECK(output.out.len > KEEP_SEGMENT_MAX);
	CHECK(output.out.len < 2 * KEEP_SEGMENT_MAX + 100000);
	CHECK_MEM(output.out.data + output.out.len - 8, "the end\n", 8);
	CHECK_STR(buf_str(&output.err), "sbx: earlier output was dropped to keep the newest\n");
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST(what_ended_makes_room)
{
	struct guest_message last = { 0 };
	struct collected output;
	struct rig rig;
	char name[KEEP_NAME_MAX + 1];

	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	for (int i = 0; i < KEEP_EXECS_MAX + 2; i++) {
		CHECK_EQ(start(&rig, ":", name, sizeof(name)), 0);
		CHECK_EQ(logs(&rig, name, GUEST_FLAG_FOLLOW, &output, &last), 0);
		CHECK_EQ(last.type, GUEST_EXIT);
	}
	CHECK_EQ(logs(&rig, "1", 0, &output, &last), 0);
	CHECK_EQ(last.type, GUEST_ERROR);
	CHECK_STR(last.text, "there is no detached command '1'");
	guest_message_finish(&last);
	CHECK_EQ(logs(&rig, name, 0, &output, &last), 0);
	CHECK_EQ(last.type, GUEST_EXIT);
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST(names_that_lead_elsewhere_are_refused)
{
	static const char *const names[] = { "../x", ".", "a/b", "", "..", "a b" };
	struct guest_message last = { 0 };
	struct collected output;
	struct rig rig;

	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	for (size_t i = 0; i < 6; i++) {
		CHECK_EQ(logs(&rig, names[i], 0, &output, &last), 0);
		CHECK_EQ(last.type, GUEST_ERROR);
		CHECK_EQ(last.error, ENOENT);
		guest_message_finish(&last);
	}
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST_MAIN()
