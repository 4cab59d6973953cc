#include "sbx-init/agent.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "tests/unit/sbx-init/rig.h"
#include "tests/unit/test.h"

static int ask(struct client *client, const struct guest_message *message,
	       struct guest_message *ret)
{
	int r = client_send(client, message);

	return r < 0 ? r : client_receive(client, ret);
}

TEST(requests_follow_each_other_on_one_connection)
{
	char env[] = "A=1", *envs[] = { env, NULL }, host[] = "box", target[] = "/w";
	struct guest_message setup = {
		.type = GUEST_SETUP, .hostname = host, .env = envs, .env_count = 1
	};
	struct guest_message mount = { .type = GUEST_MOUNT, .target = target };
	struct guest_message trim = { .type = GUEST_TRIM };
	struct guest_message got = { 0 };
	struct client client;
	struct rig rig;

	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(client_open(&rig, &client), 0);
	/* Pipelined: all before the first answer. */
	CHECK_EQ(guest_message_append(&client.stream.out, &setup), 0);
	CHECK_EQ(guest_message_append(&client.stream.out, &mount), 0);
	CHECK_EQ(client_send(&client, &trim), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(client_receive(&client, &got), 1);
		CHECK_EQ(got.type, GUEST_OK);
	}
	CHECK_EQ(got.bytes, 4096);
	client_close(&client);
	CHECK_EQ(rig_stop(&rig), 0);
}

TEST(a_failed_request_says_why_and_ends_the_connection)
{
	char host[] = "bad";
	struct guest_message setup = { .type = GUEST_SETUP, .hostname = host };
	struct guest_message grow = { .type = GUEST_GROW }, got = { 0 };
	struct client client;
	struct rig rig;

	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(ask(&client, &setup, &got), 1);
	CHECK_EQ(got.type, GUEST_ERROR);
	CHECK_EQ(got.error, EINVAL);
	CHECK_STR(got.text, "'bad' is not a host name");
	guest_message_finish(&got);
	CHECK_EQ(client_receive(&client, &got), 0);
	client_close(&client);
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(ask(&client, &grow, &got), 1);
	CHECK_EQ(got.error, ENOSPC);
	guest_message_finish(&got);
	client_close(&client);
	CHECK_EQ(rig_stop(&rig), 0);
}

TEST(nonsense_closes_the_connection_and_nothing_else)
{
	static const char *const nonsense[] = { "GET / HTTP/1.1\r\n\r\n",
						"\x00\x00\x00\x00\xff\xff\x00\x00",
						"\xff\xff\xff\xff\x01\x00\x00\x00" };
	static const size_t sizes[] = { 18, 8, 8 };
	struct guest_message ping = { .type = GUEST_PING }, got = { 0 };
	struct client client;
	struct rig rig;

	CHECK_EQ(rig_start(&rig), 0);
	for (size_t i = 0; i < 3; i++) {
		CHECK_EQ(client_open(&rig, &client), 0);
		CHECK_EQ(fd_write_full(client.fd, nonsense[i], sizes[i]), 0);
		CHECK(client_receive(&client, &got) <= 0);
		client_close(&client);
	}
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(ask(&client, &ping, &got), 1);
	CHECK_EQ(got.type, GUEST_OK);
	client_close(&client);
	CHECK_EQ(rig_stop(&rig), 0);
}

TEST(more_connections_than_sessions_are_served_in_the_end)
{
	enum { MANY = AGENT_SESSIONS_MAX + 20 };
	static struct client clients[MANY];
	struct guest_message ping = { .type = GUEST_PING }, got = { 0 };
	struct rig rig;

	CHECK_EQ(rig_start(&rig), 0);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(client_open(&rig, &clients[i]), 0);
	for (int i = 0; i < MANY; i++) {
		CHECK_EQ(ask(&clients[i], &ping, &got), 1);
		CHECK_EQ(got.type, GUEST_OK);
		client_close(&clients[i]);
	}
	CHECK_EQ(rig_stop(&rig), 0);
}

TEST(watchers_see_detached_commands_come_and_go)
{
	struct guest_message watch = { .type = GUEST_WATCH }, got = { 0 };
	char name[] = "job";
	struct guest_message stop = { .type = GUEST_KILL, .name = name, .signal = 9 };
	struct client watcher, runner;
	struct rig rig;

	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(client_open(&rig, &watcher), 0);
	CHECK_EQ(ask(&watcher, &watch, &got), 1);
	CHECK_EQ(got.type, GUEST_BUSY);
	CHECK_EQ(got.count, 0);
	CHECK_EQ(client_open(&rig, &runner), 0);
	{
		char shell[] = "sh", option[] = "-c", script[] = "exec sleep 1000";
		char *args[] = { shell, option, script, NULL };
		struct guest_message exec = { .type = GUEST_EXEC,
					      .args = args,
					      .args_count = 3,
					      .name = name,
					      .flags = GUEST_FLAG_DETACH };

		CHECK_EQ(ask(&runner, &exec, &got), 1);
	}
	CHECK_EQ(got.type, GUEST_OK);
	CHECK_STR(got.name, "job");
	guest_message_finish(&got);
	client_close(&runner);
	CHECK_EQ(client_receive(&watcher, &got), 1);
	CHECK_EQ(got.type, GUEST_BUSY);
	CHECK_EQ(got.count, 1);
	CHECK_EQ(client_open(&rig, &runner), 0);
	CHECK_EQ(ask(&runner, &stop, &got), 1);
	CHECK_EQ(got.type, GUEST_OK);
	client_close(&runner);
	CHECK_EQ(client_receive(&watcher, &got), 1);
	CHECK_EQ(got.count, 0);
	client_close(&watcher);
	CHECK_EQ(rig_stop(&rig), 0);
}

TEST(shutdown_and_reboot_end_the_agent)
{
	struct guest_message reboot = { .type = GUEST_SHUTDOWN, .flags = GUEST_FLAG_REBOOT };
	struct guest_message got = { 0 };
	struct client client;
	struct rig rig;

	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(client_send(&client, &reboot), 0);
	CHECK_EQ(client_receive(&client, &got), 0);
	client_close(&client);
	CHECK_EQ(rig_stop(&rig), 2);
}

TEST_MAIN()
