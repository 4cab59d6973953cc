/* sbx kit sign, verify, provenance: who vouches for a kit. */
#include "sbx/cmd_kit.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "kit/signature.h"
#include "sbx/format.h"
#include "sbx/kit_folder.h"
#include "sbx/kit_keys.h"
#include "sbx/kit_options.h"
#include "sbx/kit_read.h"
#include "sbx/kit_source.h"
#include "sbx/settings.h"

struct sign_options {
	struct kit_options kit;
	const char *key;
	bool make_key;
};

static const struct option sign_rows[] = {
	{ .name = "key",
	  .kind = OPTION_STRING,
	  .argument = "KEYFILE",
	  .complete = COMPLETE_FILE,
	  .offset = offsetof(struct sign_options, key),
	  .help = "the secret key" },
	{ .name = "make-key",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct sign_options, make_key),
	  .help = "make KEYFILE and KEYFILE.pub first" },
	{ .name = NULL },
};

static const struct option verify_rows[] = {
	{ .name = "key",
	  .kind = OPTION_STRING,
	  .argument = "KEYFILE",
	  .complete = COMPLETE_FILE,
	  .offset = offsetof(struct sign_options, key),
	  .help = "the public key (default: those of the setting kit.trustedKeys)" },
	{ .name = NULL },
};

static int sign(const struct invocation *invocation, struct err *err)
{
	const struct sign_options *options = invocation->values;
	autocall(signature_secret_finish) struct signature_secret_key key = { { 0 } };
	struct kit_read read;
	int r = kit_keys_read_secret(options->key, &key, err);

	if (r == 0)
		r = kit_read(invocation->args[0], &options->kit, &read, err);
	if (r < 0)
		return r;
	kit_print_warnings(read.kit.warnings);
	if (signature_sign(&read.bundle, &key) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	else
		r = kit_folder_write_signature(&read.bundle, err);
	kit_read_finish(&read);
	return r;
}

static int run_sign(const struct invocation *invocation, struct err *err)
{
	const struct sign_options *options = invocation->values;
	int r = 0;

	if (options->key == NULL)
		return err_set(err, -EINVAL,
			       "which key? sbx kit sign --key KEYFILE %s; --make-key makes one",
			       invocation->args[0]);
	if (kit_source_kind(invocation->args[0]) != KIT_SOURCE_FOLDER)
		return err_set(
			err, -EINVAL,
			"only a folder is signed; for an image use: sbx kit push --sign KEYFILE");
	if (options->make_key)
		r = kit_keys_make(options->key, err);
	return r == 0 ? sign(invocation, err) : r;
}

static int trusted_keys(const char *key, json_t **ret, struct err *err)
{
	json_t *settings;
	int r;

	if (key != NULL) {
		*ret = json_pack("[s]", key);
		return *ret != NULL ? 0 : err_set(err, -EINVAL, "'%s' is not UTF-8", key);
	}
	r = settings_read(&settings, err);
	if (r < 0)
		return r;
	*ret = json_incref(json_object_get(settings, "kit.trustedKeys"));
	json_decref(settings);
	return 0;
}

static int run_verify(const struct invocation *invocation, struct err *err)
{
	const struct sign_options *options = invocation->values;
	autocall(kit_bundle_finish) struct kit_bundle bundle = { .name = NULL };
	char digest[BUNDLE_DIGEST_SIZE];
	json_t *keys;
	int r = trusted_keys(options->key, &keys, err);

	if (r < 0)
		return r;
	r = kit_source_fetch.fetch(NULL, invocation->args[0], NULL, &bundle, err);
	if (r == 0)
		r = kit_keys_verify(&bundle, keys, err);
	json_decref(keys);
	if (r == 0 && kit_bundle_digest(&bundle, digest, NULL) == 0)
		(void)printf("VERIFIED\n%s\n", digest);
	return r;
}

/* The first of the trusted keys that signed the kit as it is, weak; NULL: *err says why none did.
 */
static const char *find_signer(const struct kit_bundle *bundle, const json_t *keys, struct err *err)
{
	json_t *key;
	size_t i;

	json_array_foreach((json_t *)keys, i, key)
	{
		json_t *alone = json_pack("[O]", key);
		int r = kit_keys_verify(bundle, alone, err);

		json_decref(alone);
		if (r == 0)
			return json_string_value(key);
	}
	if (json_array_size(keys) == 0)
		(void)err_set(err, -ENOENT, "the setting kit.trustedKeys names no key");
	return NULL;
}

static void print_provenance(const json_t *document)
{
	const char *key = json_string_value(json_object_get(document, "key"));
	const char *reason = json_string_value(json_object_get(document, "reason"));

	(void)printf("Digest: %s\nSigned: ",
		     json_string_value(json_object_get(document, "digest")));
	if (!json_is_true(json_object_get(document, "signed")))
		(void)puts("no");
	else if (key != NULL)
		(void)printf("yes, by the trusted key %s\n", key);
	else
		(void)printf("yes, by no key that is trusted: %s\n", reason);
}

static int run_provenance(const struct invocation *invocation, struct err *err)
{
	const struct format_options *format = invocation->values;
	autocall(kit_bundle_finish) struct kit_bundle bundle = { .name = NULL };
	struct err reason = ERR_INIT;
	char digest[BUNDLE_DIGEST_SIZE];
	const char *key = NULL;
	bool is_signed;
	json_t *keys = NULL, *document;
	int r = kit_source_fetch.fetch(NULL, invocation->args[0], NULL, &bundle, err);

	if (r == 0)
		r = trusted_keys(NULL, &keys, err);
	if (r == 0 && kit_bundle_digest(&bundle, digest, NULL) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	if (r < 0) {
		json_decref(keys);
		return r;
	}
	is_signed = bundle.signature.len > 0;
	if (is_signed)
		key = find_signer(&bundle, keys, &reason);
	document = json_pack("{s:s, s:b, s:b, s:s*, s:s*}", "digest", digest, "signed", is_signed,
			     "trusted", key != NULL, "key", key, "reason",
			     is_signed && key == NULL ? reason.text : NULL);
	if (format_is_document(format))
		r = format_print(format, document, err);
	else
		print_provenance(document);
	json_decref(document);
	json_decref(keys);
	return r;
}

const struct command cmd_kit_sign = {
	.name = "sign",
	.summary = "Sign a kit in a folder",
	.arguments = "DIR",
	.description =
		"Writes DIR/kit.sig.bundle: an Ed25519 signature of spec.yaml and the files, with "
		"the\n"
		"public key. It travels with the kit through pack, push and pull.",
	.examples = "sbx kit sign --make-key --key ~/kits.key ./mykit\ta new key, and a signature",
	.groups = { { .options = sign_rows },
		    { .options = kit_argument_rows,
		      .offset = offsetof(struct sign_options, kit) } },
	.values_size = sizeof(struct sign_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_FOLDER,
	.run = run_sign,
};

const struct command cmd_kit_verify = {
	.name = "verify",
	.summary = "Check who signed a kit",
	.arguments = "REF",
	.description = KIT_REFERENCE_TEXT
	"\n"
	"Prints VERIFIED and the digest of the kit when a trusted key has signed it as it is.",
	.groups = { { .options = verify_rows } },
	.values_size = sizeof(struct sign_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_FOLDER,
	.run = run_verify,
};

const struct command cmd_kit_provenance = {
	.name = "provenance",
	.summary = "Show what a kit is by its content, and who signed it",
	.arguments = "REF",
	.description = KIT_REFERENCE_TEXT
	"\n"
	"Tells the digest of the kit, and whether a key of the setting kit.trustedKeys signed it "
	"as\n"
	"it is. It tells and judges nothing; see: sbx kit verify",
	.groups = { { .options = format_option_rows } },
	.values_size = sizeof(struct format_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_FOLDER,
	.run = run_provenance,
};
