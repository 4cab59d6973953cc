#include <errno.h>
#include <malloc.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/err.h"
#include "tests/unit/test.h"
#include "tls/authority.h"
#include "tls/leaf.h"

static struct leaves *make_leaves(size_t max)
{
	struct authority_pem pem;
	struct leaves *leaves = NULL;
	struct err err = ERR_INIT;
	char text[8192];

	if (authority_make("test", &pem, &err) < 0)
		return NULL;
	(void)snprintf(text, sizeof(text), "%s%s", pem.certificate, pem.key);
	authority_pem_finish(&pem);
	return leaves_create(text, max, &leaves, &err) < 0 ? NULL : leaves;
}

static int count_names(X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int count = sk_GENERAL_NAME_num(names);

	GENERAL_NAMES_free(names);
	return count;
}

TEST(a_leaf_is_for_its_name_only)
{
	struct leaves *leaves = make_leaves(4);
	X509 *leaf;

	CHECK(leaves != NULL);
	leaf = leaves_get(leaves, "api.example.com");
	CHECK(leaf != NULL);
	CHECK_EQ(X509_check_host(leaf, "api.example.com", 0, 0, NULL), 1);
	CHECK_EQ(X509_check_host(leaf, "example.com", 0, 0, NULL), 0);
	CHECK_EQ(count_names(leaf), 1);
	CHECK_EQ(X509_check_ca(leaf), 0);
	CHECK(leaves_get(leaves, "api.example.com") == leaf);
	CHECK_EQ(leaves_count(leaves), 1);
	leaves_destroy(leaves);
}

TEST(an_address_is_an_address)
{
	struct leaves *leaves = make_leaves(4);

	CHECK(leaves != NULL);
	CHECK_EQ(X509_check_ip_asc(leaves_get(leaves, "192.0.2.1"), "192.0.2.1", 0), 1);
	CHECK_EQ(X509_check_ip_asc(leaves_get(leaves, "2001:db8::1"), "2001:db8::1", 0), 1);
	leaves_destroy(leaves);
}

/* P23: no text of a name becomes a second name. */
TEST(P23_a_name_cannot_inject_names)
{
	struct leaves *leaves = make_leaves(4);
	X509 *leaf;

	CHECK(leaves != NULL);
	leaf = leaves_get(leaves, "a.example,DNS:b.example");
	CHECK(leaf != NULL);
	CHECK_EQ(count_names(leaf), 1);
	CHECK_EQ(X509_check_host(leaf, "b.example", 0, 0, NULL), 0);
	leaves_destroy(leaves);
}

/* P23: the cache is bounded, and forgets what was not asked for. $NAMES: how many are tried. */
TEST(P23_many_names_take_no_more_room)
{
	struct leaves *leaves = make_leaves(8);
	char name[32];
	X509 *kept;
	size_t before = 0; /* bytes in use */
	int count = getenv("NAMES") != NULL ? atoi(getenv("NAMES")) : 5000;

	CHECK(leaves != NULL);
	for (int i = 0; i < count; i++) {
		(void)snprintf(name, sizeof(name), "h%d.example", i);
		CHECK(leaves_get(leaves, name) != NULL);
		CHECK(i % 4 != 0 || leaves_get(leaves, "often.example") != NULL);
		if (i == 100)
			before = mallinfo2().uordblks;
	}
	CHECK(mallinfo2().uordblks < before + (1 << 20));
	CHECK_EQ(leaves_count(leaves), 8);
	kept = leaves_get(leaves, "often.example");
	CHECK(kept == leaves_get(leaves, "often.example"));
	leaves_destroy(leaves);
}

TEST(names_too_long_and_strange_authorities_are_refused)
{
	struct leaves *leaves = make_leaves(2);
	struct err err = ERR_INIT;
	char name[300];

	CHECK(leaves != NULL);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK(leaves_get(leaves, name) == NULL);
	leaves_destroy(leaves);
	CHECK_EQ(leaves_create("nonsense", 2, &leaves, &err), -EINVAL);
	CHECK(strstr(err.text, "authority") != NULL);
}

TEST_MAIN()
