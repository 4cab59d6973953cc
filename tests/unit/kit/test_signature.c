#include "kit/signature.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/bundle.h"
#include "tests/unit/test.h"

static void make_bundle(struct kit_bundle *bundle)
{
	struct err err = ERR_INIT;

	(void)kit_bundle_init(bundle, "k");
	(void)buf_append(&bundle->spec, "spec", 4);
	(void)kit_bundle_add(bundle, "home/a", "1", 1, &err);
}

static void make_keys(struct signature_secret_key *secret, struct signature_public_key *public)
{
	char secret_text[SIGNATURE_KEY_FILE_MAX], public_text[SIGNATURE_KEY_FILE_MAX];
	struct err err = ERR_INIT;

	(void)signature_make_keys(secret_text, public_text);
	if (signature_read_secret("s", secret_text, secret, &err) < 0 ||
	    signature_read_public("p", public_text, public, &err) < 0)
		abort();
}

TEST(what_was_signed_and_nothing_else)
{
	struct signature_public_key keys[2];
	struct signature_secret_key secrets[2];
	struct kit_bundle bundle;
	struct err err = ERR_INIT;

	make_bundle(&bundle);
	make_keys(&secrets[0], &keys[0]);
	make_keys(&secrets[1], &keys[1]);
	CHECK_EQ(signature_verify(&bundle, keys, 2, &err), -ENOKEY);
	CHECK_STR(err.text, "the kit 'k' is not signed");
	CHECK_EQ(signature_sign(&bundle, &secrets[1]), 0);
	CHECK_EQ(signature_verify(&bundle, keys, 2, &err), 0);
	CHECK_EQ(signature_verify(&bundle, keys, 1, &err), -ENOKEY);
	CHECK(strstr(err.text, "which is not trusted") != NULL);
	CHECK_EQ(signature_verify(&bundle, NULL, 0, &err), -ENOKEY);
	bundle.files[0].bytes[0] = '2';
	CHECK_EQ(signature_verify(&bundle, keys, 2, &err), -EBADMSG);
	bundle.files[0].bytes[0] = '1';
	CHECK_EQ(signature_verify(&bundle, keys, 2, &err), 0);
	CHECK_EQ(kit_bundle_add(&bundle, "home/b", "", 0, &err), 0);
	CHECK_EQ(signature_verify(&bundle, keys, 2, &err), -EBADMSG);
	signature_secret_finish(&secrets[0]);
	signature_secret_finish(&secrets[1]);
	kit_bundle_finish(&bundle);
}

/* Of the same kit and key the signature is the same, so an image is, too. */
TEST(signing_twice_gives_the_same)
{
	struct signature_public_key public;
	struct signature_secret_key secret;
	struct kit_bundle one, two;

	make_keys(&secret, &public);
	make_bundle(&one);
	make_bundle(&two);
	CHECK_EQ(signature_sign(&one, &secret), 0);
	CHECK_EQ(signature_sign(&two, &secret), 0);
	CHECK_STR(buf_str(&one.signature), buf_str(&two.signature));
	kit_bundle_finish(&one);
	kit_bundle_finish(&two);
}

TEST(what_is_no_signature)
{
	static const char *const texts[] = {
		"{",
		"[]",
		"{\"version\":1}",
		"{\"version\":1,\"algorithm\":\"ed25519\",\"key\":\"AA==\",\"signature\":\"AA==\"}",
		"{\"version\":1,\"algorithm\":\"none\",\"key\":\"\",\"signature\":\"\"}",
	};

	for (size_t i = 0; i < countof(texts); i++) {
		struct kit_bundle bundle;
		struct err err = ERR_INIT;

		make_bundle(&bundle);
		CHECK_EQ(buf_append(&bundle.signature, texts[i], strlen(texts[i])), 0);
		CHECK_EQ(signature_verify(&bundle, NULL, 0, &err), -EBADMSG);
		kit_bundle_finish(&bundle);
	}
}

TEST(what_is_no_key)
{
	static const char *const texts[] = { "", "sbx-kit-public-key", "sbx-kit-public-key AA==\n",
					     "sbx-kit-secret-key AA==\n", "ssh-ed25519 AAAA\n" };

	for (size_t i = 0; i < countof(texts); i++) {
		struct signature_public_key key;
		struct signature_secret_key secret;
		struct err err = ERR_INIT;

		CHECK_EQ(signature_read_public("f", texts[i], &key, &err), -EINVAL);
		CHECK_EQ(signature_read_secret("f", texts[i], &secret, &err), -EINVAL);
	}
}

TEST_MAIN()
