#include "kit/bundle.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"

TEST(paths_stay_below_home_and_workspace)
{
	static const struct {
		const char *path;
		int want;
	} rows[] = {
		{ "home/a", 0 },
		{ "workspace/.github/x", 0 },
		{ "home/a", -EPERM },		 /* twice */
		{ "home/a/b", -EPERM },		 /* a file above it */
		{ "workspace/.github", -EPERM }, /* a folder already */
		{ "home/../x", -EPERM },
		{ "/home/x", -EPERM },
		{ "home", -EPERM },
		{ "home/", -EPERM },
		{ "home//x", -EPERM },
		{ "home/./x", -EPERM },
		{ "etc/passwd", -EPERM },
		{ "homes/x", -EPERM },
		{ "home/a\nb", -EPERM },
		{ "home/a\\b", -EPERM },
		{ "home/a b", 0 },
	};
	autocall(kit_bundle_finish) struct kit_bundle bundle;

	CHECK_EQ(kit_bundle_init(&bundle, "kit"), 0);
	for (size_t i = 0; i < countof(rows); i++) {
		struct err err = ERR_INIT;
		int got = kit_bundle_add(&bundle, rows[i].path, "x", 1, &err);

		if (got != rows[i].want)
			TEST_FAIL_("'%s' gives %d (%s)", rows[i].path, got, err.text);
	}
	CHECK_EQ(bundle.count, 3);
	CHECK_STR(bundle.files[1].path, "home/a b");
}

TEST(files_have_limits)
{
	static const char big[BUNDLE_FILE_BYTES_MAX + 1];
	autocall(kit_bundle_finish) struct kit_bundle bundle;
	struct err err = ERR_INIT;

	CHECK_EQ(kit_bundle_init(&bundle, "kit"), 0);
	CHECK_EQ(kit_bundle_add(&bundle, "home/big", big, sizeof(big), &err), -EFBIG);
	for (int i = 0; i < BUNDLE_BYTES_MAX / BUNDLE_FILE_BYTES_MAX; i++) {
		char path[] = "home/0";

		path[5] = (char)('0' + i);
		CHECK_EQ(kit_bundle_add(&bundle, path, big, sizeof(big) - 1, &err), 0);
	}
	CHECK_EQ(kit_bundle_add(&bundle, "home/one-more", "x", 1, &err), -EFBIG);
}

/* As printed by sha256sum of the same files. */
TEST(the_digest_is_of_names_and_bytes)
{
	static const char want[] =
		"5ae52ced778de2a7528fa37cc440e4747f47ed85ec196ca5b43a53c9e596ed1a  spec.yaml\n"
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  files/home/a\n";
	autocall(kit_bundle_finish) struct kit_bundle bundle;
	autocall(buf_finish) struct buf listing;
	char digest[BUNDLE_DIGEST_SIZE];
	struct err err = ERR_INIT;

	buf_init(&listing, 4096);
	CHECK_EQ(kit_bundle_init(&bundle, "kit"), 0);
	CHECK_EQ(buf_append(&bundle.spec, "kind: mixin\n", 12), 0);
	CHECK_EQ(kit_bundle_add(&bundle, "home/a", "abc", 3, &err), 0);
	CHECK_EQ(kit_bundle_digest(&bundle, digest, &listing), 0);
	CHECK_STR(buf_str(&listing), want);
	CHECK_STR(digest,
		  "sha256:5e5fd45b699149be371d2b4fcac4d57b2a0778b1f5bc04bc10fb0fb418b29324");
}

TEST_MAIN()
