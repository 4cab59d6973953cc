/*
 * Who vouches for a kit: an Ed25519 signature over the kit's listing (what
 * `sha256sum spec.yaml files/…` prints, kit/bundle.h), with what it is for in
 * front of it. It travels as kit.sig.bundle in the folder, or as an
 * annotation of the image.
 *
 * Keys are files of one line: "sbx-kit-secret-key BASE64" and
 * "sbx-kit-public-key BASE64".
 */
#ifndef KIT_SIGNATURE_H
#define KIT_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct kit_bundle;

enum {
	SIGNATURE_PUBLIC_SIZE = 32,
	SIGNATURE_SECRET_SIZE = 64,
	SIGNATURE_KEY_FILE_MAX = 256,
	SIGNATURE_ID_SIZE = 17,
};

struct signature_public_key {
	uint8_t bytes[SIGNATURE_PUBLIC_SIZE];
};

/* To be wiped by signature_secret_finish(). */
struct signature_secret_key {
	uint8_t bytes[SIGNATURE_SECRET_SIZE];
};
void signature_secret_finish(struct signature_secret_key *key);

/* Two files' texts for a new pair; secret must be wiped. -ENOMEM. */
int signature_make_keys(char secret[SIGNATURE_KEY_FILE_MAX], char public[SIGNATURE_KEY_FILE_MAX]);

/* Out of a key file's text. -EINVAL with a sentence that calls the file name. */
int signature_read_secret(const char *name, const char *text, struct signature_secret_key *ret,
			  struct err *err);
int signature_read_public(const char *name, const char *text, struct signature_public_key *ret,
			  struct err *err);

/* What people compare: the first 16 digits of the key's SHA-256. */
void signature_key_id(const struct signature_public_key *key, char ret[SIGNATURE_ID_SIZE]);

/* Replaces bundle->signature. -ENOMEM. */
int signature_sign(struct kit_bundle *bundle, const struct signature_secret_key *key);

/*
 * Is the bundle signed by one of the keys? 0; with a sentence: -ENOKEY when
 * nobody or somebody else signed it, -EBADMSG when it was changed afterwards or the
 * signature is none.
 */
int signature_verify(const struct kit_bundle *bundle, const struct signature_public_key *keys,
		     size_t count, struct err *err);

#endif
