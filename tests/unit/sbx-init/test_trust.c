#include "sbx-init/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "tests/unit/test.h"

static const char first[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
static const char second[] = "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n";
static const char others[] = "-----BEGIN CERTIFICATE-----\nothers\n-----END CERTIFICATE-----\n";

struct fixture {
	char folder[64];
	int root;
	struct buf bundle;
	char link[64];
};

static bool start(struct fixture *f)
{
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/sbx-trust-XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return false;
	f->root = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	buf_init(&f->bundle, 65536);
	return f->root >= 0;
}

static void finish(struct fixture *f)
{
	buf_finish(&f->bundle);
	(void)close(f->root);
	(void)file_remove_tree(AT_FDCWD, f->folder);
}

static bool bundle_is(struct fixture *f, const char *want)
{
	buf_clear(&f->bundle);
	return file_read(f->root, "etc/ssl/certs/ca-certificates.crt", &f->bundle) == 0 &&
	       strcmp(buf_str(&f->bundle), want) == 0;
}

static const char *link_of(struct fixture *f, const char *path)
{
	ssize_t n = readlinkat(f->root, path, f->link, sizeof(f->link) - 1);

	f->link[n < 0 ? 0 : n] = '\0';
	return f->link;
}

TEST(an_authority_joins_those_there)
{
	struct fixture f;
	struct err err = ERR_INIT;
	bool changed = false;
	char want[512];

	CHECK(start(&f));
	CHECK_EQ(mkdirat(f.root, "etc", 0755), 0);
	CHECK_EQ(mkdirat(f.root, "etc/ssl", 0755), 0);
	CHECK_EQ(mkdirat(f.root, "etc/ssl/certs", 0755), 0);
	CHECK_EQ(file_write(f.root, "etc/ssl/certs/ca-certificates.crt", others, strlen(others),
			    0644),
		 0);
	CHECK_EQ(trust_install(f.root, first, "0123abcd", &changed, &err), 0);
	CHECK(changed);
	(void)snprintf(want, sizeof(want), "%s%s", others, first);
	CHECK(bundle_is(&f, want));
	CHECK_STR(link_of(&f, "etc/ssl/certs/0123abcd.0"), "sbx.pem");
	CHECK_STR(link_of(&f, "etc/ssl/certs/sbx.pem"), "/usr/local/share/ca-certificates/sbx.crt");
	/* again: nothing is left to do */
	CHECK_EQ(trust_install(f.root, first, "0123abcd", &changed, &err), 0);
	CHECK(!changed);
	CHECK(bundle_is(&f, want));
	finish(&f);
}

TEST(an_earlier_authority_is_distrusted)
{
	struct fixture f;
	struct err err = ERR_INIT;
	bool changed = false;

	CHECK(start(&f));
	CHECK_EQ(trust_install(f.root, first, "0123abcd", &changed, &err), 0);
	CHECK_EQ(trust_install(f.root, second, "0123abcd", &changed, &err), 0);
	CHECK(changed);
	CHECK(bundle_is(&f, second));
	finish(&f);
}

TEST(a_bundle_that_was_made_anew_gets_it_again)
{
	struct fixture f;
	struct err err = ERR_INIT;
	bool changed = false;

	CHECK(start(&f));
	CHECK_EQ(trust_install(f.root, first, NULL, &changed, &err), 0);
	CHECK_EQ(file_write(f.root, "etc/ssl/certs/ca-certificates.crt", "", 0, 0644), 0);
	CHECK_EQ(trust_install(f.root, first, NULL, &changed, &err), 0);
	CHECK(changed && bundle_is(&f, first));
	finish(&f);
}

TEST(a_hash_that_is_a_path_makes_no_link)
{
	struct fixture f;
	struct err err = ERR_INIT;
	bool changed = false;

	CHECK(start(&f));
	CHECK_EQ(trust_install(f.root, first, "../../..", &changed, &err), 0);
	CHECK_EQ(trust_install(f.root, first, "0123abcde", &changed, &err), 0);
	CHECK_EQ(faccessat(f.root, "etc/ssl/certs/0123abcde.0", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	finish(&f);
}

TEST_MAIN()
