#include "sbxd/kit.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/preset.h"
#include "sbxd/policy_store.h"
#include "sbxd/string_list.h"
#include "tests/unit/sbxd/folder.h"
#include "tests/unit/test.h"

static const char whole[] =
	"{\"name\":\"acme\",\"version\":\"1\",\"digest\":\"sha256:00\",\"image\":\"shell\","
	"\"entrypoint\":[\"acme\"],\"command\":[\"--yes\"],\"interactive\":[],"
	"\"env\":{\"ACME_HOME\":\"/opt/acme\"},"
	"\"network\":{\"allow\":[\"api.acme.example\",\"db.acme.example:5432\"],"
	"\"deny\":[\"ads.acme.example\"]},"
	"\"credentials\":[{\"service\":\"acme\",\"required\":true,\"description\":\"a key\","
	"\"api_key\":{\"env\":\"ACME_KEY\",\"proxy_managed\":true,\"inject\":[{\"domain\":"
	"\"api.acme.example\",\"header\":\"X-Acme\",\"format\":\"key %s\"}]},\"oauth\":null}],"
	"\"files\":[{\"path\":\"/home/agent/.acme\",\"content\":\"x\",\"mode\":\"0600\","
	"\"only_if_missing\":true}],"
	"\"install\":[{\"command\":\"true\",\"user\":\"0\",\"description\":\"Installing\"}],"
	"\"startup\":[{\"command\":[\"acmed\"],\"user\":\"1000\",\"background\":true}],"
	"\"volumes\":[{\"path\":\"/cache\",\"type\":\"tmpfs\",\"size\":\"64m\",\"mode\":\"0700\"}],"
	"\"ports\":[{\"container\":8080,\"protocol\":\"tcp\",\"name\":\"web\"},{\"container\":53,"
	"\"protocol\":\"udp\"}],"
	"\"instructions\":{\"filename\":\"ACME.md\",\"content\":\"Be kind.\"},"
	"\"memories\":[{\"kit\":\"notes\",\"content\":\"n\"}],\"privileged\":false,"
	"\"resources\":{\"cpus\":1.5,\"memory\":\"2g\"},\"kits\":[\"acme@1\",\"notes@\"]}";

static int check(const char *text, struct kit **ret)
{
	struct err err = ERR_INIT;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	int r = json == NULL ? -ENOEXEC : kit_check(json, NULL, ret, &err);

	json_decref(json);
	return r == 0 || err.text[0] != '\0' ? r : -ENOMSG;
}

TEST(a_whole_kit_is_taken)
{
	struct kit *kit = NULL;
	uint64_t memory_bytes;
	unsigned cpus;

	CHECK_EQ(check(whole, &kit), 0);
	CHECK_STR(kit_text(kit->json, "name"), "acme");
	kit_resources(kit, &cpus, &memory_bytes);
	CHECK_EQ(cpus, 2);
	CHECK_EQ(memory_bytes, 2ull << 30);
	kit_destroy(kit);
}

TEST(what_a_kit_may_not_hold_is_refused)
{
	static const char *const members[] = {
		"\"nonsense\":1",
		"\"version\":7",
		"\"env\":{\"LD_PRELOAD\":\"x\"}",
		"\"env\":{\"PATH\":\"/tmp\"}",
		"\"env\":{\"1A\":\"x\"}",
		"\"env\":{\"A\":1}",
		"\"network\":{\"allow\":[\"a b\"]}",
		"\"network\":{\"allow\":[\"a\\nceiling\"]}",
		"\"network\":{\"allow\":\"a\"}",
		"\"network\":{\"ask\":[]}",
		"\"files\":[{\"content\":\"no path\"}]",
		"\"files\":[{\"path\":\"relative\"}]",
		"\"files\":[{\"path\":\"/a/../../b\"}]",
		"\"files\":[{\"path\":\"/a\",\"mode\":\"0999\"}]",
		"\"files\":[{\"path\":\"/a\",\"mode\":\"$(id)\"}]",
		"\"install\":[{\"command\":\"\"}]",
		"\"install\":[{\"command\":\"true\",\"user\":\"-x\"}]",
		"\"startup\":[{\"command\":\"not a list\"}]",
		"\"startup\":[{\"command\":[7]}]",
		"\"volumes\":[{\"path\":\"/a\",\"type\":\"nfs\"}]",
		"\"volumes\":[{\"path\":\"/a\",\"size\":\"many\"}]",
		"\"ports\":[{\"container\":65536}]",
		"\"ports\":[{\"container\":80,\"protocol\":\"icmp\"}]",
		"\"instructions\":{\"filename\":\"../x\",\"content\":\"\"}",
		"\"memories\":[{\"kit\":\"../x\",\"content\":\"\"}]",
		"\"credentials\":[{\"service\":\"A B\"}]",
		"\"credentials\":[{\"service\":\"a\",\"api_key\":{\"inject\":[{}]}}]",
		"\"resources\":{\"cpus\":-1}",
		"\"kits\":[[]]",
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct kit *kit = NULL;
		char text[512];

		(void)snprintf(text, sizeof(text), "{\"name\":\"acme\",%s}", members[i]);
		if (check(text, &kit) != -EINVAL)
			printf("# taken: %s\n", members[i]);
		CHECK_EQ(check(text, &kit), -EINVAL);
	}
}

TEST(a_list_and_a_text_have_limits)
{
	json_t *json = json_loads("{\"name\":\"acme\"}", 0, NULL), *list = json_array();
	struct err err = ERR_INIT;
	struct kit *kit = NULL;
	autofree char *text = malloc((512 << 10) + 2);

	for (int i = 0; i < 129; i++)
		(void)json_array_append_new(list, json_pack("{ss}", "command", "true"));
	(void)json_object_set_new(json, "install", list);
	CHECK_EQ(kit_check(json, NULL, &kit, &err), -EINVAL);
	(void)json_object_del(json, "install");
	memset(text, 'x', (512 << 10) + 1);
	text[(512 << 10) + 1] = '\0';
	(void)json_object_set_new(json, "files",
				  json_pack("[{ss ss}]", "path", "/a", "content", text));
	CHECK_EQ(kit_check(json, NULL, &kit, &err), -EINVAL);
	json_decref(json);
}

TEST(rules_become_a_policy_file)
{
	autocall(buf_finish) struct buf text;
	struct kit *kit = NULL;
	struct err err = ERR_INIT;

	buf_init(&text, PRESET_BYTES_MAX);
	CHECK_EQ(check(whole, &kit), 0);
	CHECK_EQ(kit_policy(kit, &text), 0);
	CHECK_STR(buf_str(&text),
		  "group kit:acme\n"
		  "deny ads.acme.example:443 tcp\n"
		  "allow api.acme.example:443 tcp\n"
		  "allow db.acme.example:5432 tcp\n");
	CHECK_EQ(policy_store_check_kit(buf_str(&text), &err), 0);
	kit_destroy(kit);
}

TEST(variables_and_ports)
{
	struct string_list env = { .count = 0 };
	struct kit *kit = NULL;
	json_t *ports;

	CHECK_EQ(check(whole, &kit), 0);
	CHECK_EQ(kit_environment(kit, &env), 0);
	CHECK_EQ(env.count, 1);
	CHECK_STR(env.items[0], "ACME_HOME=/opt/acme");
	ports = kit_ports(kit);
	CHECK_EQ(json_array_size(ports), 2);
	CHECK_STR(kit_text(json_array_get(ports, 1), "protocol"), "udp4");
	json_decref(ports);
	string_list_finish(&env);
	kit_destroy(kit);
}

TEST(it_is_kept_and_found_again)
{
	char folder[PATH_MAX], tar[PATH_MAX + 16];
	struct kit *kit = NULL, *again = NULL;
	struct err err = ERR_INIT;
	struct paths paths;
	json_t *json = json_loads(whole, 0, NULL);
	FILE *file;

	CHECK_EQ(folder_make(folder, &paths), 0);
	CHECK_EQ(kit_load(folder, &again, &err), -ENOENT);
	(void)snprintf(tar, sizeof(tar), "%s/given.tar", folder);
	CHECK_EQ(kit_check(json, tar, &kit, &err), -EINVAL);
	CHECK_EQ(kit_check(json, "given.tar", &kit, &err), -EINVAL);
	CHECK_EQ(kit_check(json, folder, &kit, &err), -EINVAL);
	file = fopen(tar, "w");
	CHECK(file != NULL && fputs("files", file) > 0 && fclose(file) == 0);
	CHECK_EQ(kit_check(json, tar, &kit, &err), 0);
	CHECK_EQ(kit_keep(kit, folder, &err), 0);
	CHECK_EQ(kit->files_fd, -1);
	CHECK_EQ(kit_load(folder, &again, &err), 0);
	CHECK(json_equal(kit->json, again->json));
	(void)snprintf(tar, sizeof(tar), "%s/kit.tar", folder);
	CHECK_EQ(access(tar, R_OK), 0);
	kit_destroy(kit);
	kit_destroy(again);
	json_decref(json);
	folder_remove(folder, &paths);
}

TEST_MAIN()
