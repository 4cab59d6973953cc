/* sbx kit pack, push, pull: kits in the forms in which they travel. */
#include "sbx/cmd_kit.h"

#include <errno.h>
#include <stdio.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/image.h"
#include "kit/signature.h"
#include "oci/reference.h"
#include "sbx/kit_folder.h"
#include "sbx/kit_keys.h"
#include "sbx/kit_oci.h"
#include "sbx/kit_options.h"
#include "sbx/kit_read.h"
#include "sbx/kit_source.h"
#include "sbx/kit_zip.h"

struct move_options {
	struct kit_options kit;
	const char *output, *key;
};

static const struct option output_rows[] = {
	{ .name = "output",
	  .letter = 'o',
	  .kind = OPTION_STRING,
	  .argument = "PATH",
	  .complete = COMPLETE_FILE,
	  .offset = offsetof(struct move_options, output),
	  .help = "where to write it (default: NAME.zip, or the folder NAME)" },
	{ .name = NULL },
};

static const struct option push_rows[] = {
	{ .name = "sign",
	  .kind = OPTION_STRING,
	  .argument = "KEYFILE",
	  .complete = COMPLETE_FILE,
	  .offset = offsetof(struct move_options, key),
	  .help = "sign it with this secret key (see sbx kit sign)" },
	{ .name = NULL },
};

/* The kit whose form is version 2, for others have no such image. */
static int read_packable(const struct invocation *invocation, struct kit_read *ret, struct err *err)
{
	const struct move_options *options = invocation->values;
	const struct node *version;
	int r = kit_read(invocation->args[0], &options->kit, ret, err);

	if (r < 0)
		return r;
	kit_print_warnings(ret->kit.warnings);
	version = node_member(ret->kit.document.root, "schemaVersion");
	if (version != NULL && version->text[0] == '2')
		return 0;
	kit_read_finish(ret);
	return err_set(err, -EINVAL, "'%s' is a kit of schema version %s; write version 2 first",
		       invocation->args[0], version != NULL ? version->text : "?");
}

static void print_digest(const char *what, const char *digest)
{
	(void)terminal_print_safe(stdout, what);
	(void)printf("\n%s\n", digest);
}

static int run_pack(const struct invocation *invocation, struct err *err)
{
	const struct move_options *options = invocation->values;
	char digest[BUNDLE_DIGEST_SIZE];
	autofree char *standard = NULL;
	const char *path = options->output;
	struct kit_read read;
	int r = read_packable(invocation, &read, err);

	if (r < 0)
		return r;
	if (path == NULL && asprintf(&standard, "%s.zip", kit_name(&read.kit)) < 0)
		standard = NULL;
	if (path == NULL)
		path = standard;
	r = path != NULL ? kit_zip_write(&read.bundle, path, err)
			 : err_set(err, -ENOMEM, "out of memory");
	if (r == 0 && kit_bundle_digest(&read.bundle, digest, NULL) == 0)
		print_digest(path, digest);
	kit_read_finish(&read);
	return r;
}

static int sign(struct kit_bundle *bundle, const char *path, struct err *err)
{
	autocall(signature_secret_finish) struct signature_secret_key key = { { 0 } };
	int r = kit_keys_read_secret(path, &key, err);

	if (r == 0 && signature_sign(bundle, &key) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	return r;
}

static int push(struct kit_read *read, const char *reference, struct err *err)
{
	autocall(kit_image_finish) struct kit_image image = { .layer = { .data = NULL } };
	int r = kit_image_write(&read->bundle, read->kit.spec, &image, err);

	if (r == 0)
		r = kit_oci_push(&read->bundle, &image, reference, err);
	if (r == 0)
		print_digest(reference, image.manifest_digest);
	return r;
}

static int run_push(const struct invocation *invocation, struct err *err)
{
	const struct move_options *options = invocation->values;
	char whole[OCI_REFERENCE_TEXT];
	struct oci_reference reference;
	struct kit_read read;
	int r = oci_reference_parse(invocation->args[1], &reference, err);

	if (r == 0 && reference.digest[0] != '\0')
		r = err_set(err, -EINVAL, "'%s' names a digest; a kit is pushed to a tag",
			    invocation->args[1]);
	if (r == 0)
		r = read_packable(invocation, &read, err);
	if (r < 0)
		return r;
	oci_reference_format(&reference, whole);
	if (options->key != NULL)
		r = sign(&read.bundle, options->key, err);
	if (r == 0)
		r = push(&read, whole, err);
	kit_read_finish(&read);
	return r;
}

static int run_pull(const struct invocation *invocation, struct err *err)
{
	const struct move_options *options = invocation->values;
	const char *reference = invocation->args[0];
	char digest[BUNDLE_DIGEST_SIZE];
	struct kit_bundle bundle;
	const char *path;
	int r;

	if (kit_source_kind(reference) != KIT_SOURCE_OCI)
		return err_set(err, -EINVAL,
			       "'%s' is no image; write its registry, as in docker.io/NAME/KIT:TAG",
			       reference);
	r = kit_source_fetch.fetch(NULL, reference, NULL, &bundle, err);
	if (r < 0)
		return r;
	path = options->output != NULL ? options->output : bundle.handle;
	r = kit_folder_write(&bundle, path, err);
	if (r == 0 && kit_bundle_digest(&bundle, digest, NULL) == 0)
		print_digest(path, digest);
	kit_bundle_finish(&bundle);
	return r;
}

const struct command cmd_kit_pack = {
	.name = "pack",
	.summary = "Make a ZIP file of a kit",
	.arguments = "REF",
	.description =
		"Prints the file's name and the digest of the kit. The same kit gives the same "
		"file.",
	.groups = { { .options = output_rows },
		    { .options = kit_argument_rows,
		      .offset = offsetof(struct move_options, kit) } },
	.values_size = sizeof(struct move_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_FOLDER,
	.run = run_pack,
};

const struct command cmd_kit_push = {
	.name = "push",
	.summary = "Put a kit into a registry",
	.arguments = "REF IMAGE",
	.description =
		"Prints the image's name and digest; the same kit gives the same digest. skopeo "
		"carries\n"
		"it, with this user's logins and certificates. Arguments are only checked: the "
		"image\n"
		"has the kit as it was written.",
	.examples = "sbx kit push ./mykit docker.io/me/mykit:1.0\tgive it to others",
	.groups = { { .options = push_rows },
		    { .options = kit_argument_rows,
		      .offset = offsetof(struct move_options, kit) } },
	.values_size = sizeof(struct move_options),
	.least = 2,
	.most = 2,
	.first = COMPLETE_FOLDER,
	.run = run_push,
};

const struct command cmd_kit_pull = {
	.name = "pull",
	.summary = "Get a kit out of a registry, as a folder",
	.arguments = "IMAGE",
	.description =
		"Prints the folder's name and the digest of the kit. The folder must not be there "
		"yet.",
	.groups = { { .options = output_rows } },
	.values_size = sizeof(struct move_options),
	.least = 1,
	.most = 1,
	.run = run_pull,
};
