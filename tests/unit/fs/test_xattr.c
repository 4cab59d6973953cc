#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/check.h"
#include "tests/unit/fs/client.h"
#include "tests/unit/test.h"

static struct client client;
static uint64_t node;

static int set(const char *name, const char *value)
{
	struct {
		uint32_t size, flags;
	} in = { .size = (uint32_t)strlen(value) };
	char both[400];
	size_t len = strlen(name) + 1;

	memcpy(both, name, len);
	memcpy(both + len, value, in.size);
	return client_call(&client, FUSE_SETXATTR, node, &in, sizeof(in), both, len + in.size);
}

static int get(const char *name, uint32_t size)
{
	struct fuse_getxattr_in in = { .size = size };

	return client_name(&client, FUSE_GETXATTR, node, &in, sizeof(in), name);
}

static void begin(void)
{
	client_init(&client, false);
	client_host_file(&client, "f", "");
	node = client_lookup(&client, client.root, "f");
}

TEST(attributes_of_the_user_pass)
{
	struct fuse_getxattr_in in = { .size = 1000 };
	const struct fuse_getxattr_out *out = (const void *)client.body;

	begin();
	if (set("user.a", "value") == -EOPNOTSUPP)
		SKIP("this file system has no extended attributes");
	CHECK_EQ(get("user.a", 0), 0);
	CHECK_EQ(out->size, 5);
	CHECK_EQ(get("user.a", 4), -ERANGE);
	CHECK_EQ(get("user.a", 5), 0);
	CHECK_MEM(client.body, "value", 5);
	CHECK_EQ(get("user.b", 5), -ENODATA);
	CHECK_EQ(client_call(&client, FUSE_LISTXATTR, node, &in, sizeof(in), NULL, 0), 0);
	CHECK_EQ(client.body_len, sizeof("user.a"));
	CHECK_EQ(client_name(&client, FUSE_REMOVEXATTR, node, NULL, 0, "user.a"), 0);
	CHECK_EQ(get("user.a", 5), -ENODATA);
	client_finish(&client);
}

/* CVE-2021-20263: security.capability is what a guest wants to leave behind. */
TEST(all_others_do_not_exist)
{
	static const char *const names[] = {
		"security.capability",
		"security.selinux",
		"trusted.overlay.opaque",
		"system.posix_acl_access",
		"user.",
		"User.a",
		"nonsense",
	};

	begin();
	for (size_t i = 0; i < countof(names); i++) {
		CHECK_EQ(set(names[i], "x"), -EOPNOTSUPP);
		CHECK_EQ(get(names[i], 10), -EOPNOTSUPP);
		CHECK_EQ(client_name(&client, FUSE_REMOVEXATTR, node, NULL, 0, names[i]),
			 -EOPNOTSUPP);
	}
	client_finish(&client);
}

TEST(sizes_that_lie_are_refused)
{
	struct {
		uint32_t size, flags;
	} in = { .size = UINT32_MAX };

	begin();
	CHECK_EQ(client_name(&client, FUSE_SETXATTR, node, &in, sizeof(in), "user.a"), -E2BIG);
	in.size = 100;
	CHECK_EQ(client_name(&client, FUSE_SETXATTR, node, &in, sizeof(in), "user.a"), -EINVAL);
	client_finish(&client);
}

TEST_MAIN()
