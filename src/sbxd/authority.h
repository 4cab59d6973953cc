/*
 * The certificate authority of one sandbox: made with it, kept in its state
 * folder (authority.pem, 0600), told to its sbx-proxy alone. The guest gets the
 * certificate, never the key. And what its proxy trusts in the world.
 */
#ifndef SBXD_AUTHORITY_H
#define SBXD_AUTHORITY_H

struct buf;
struct err;
struct sandbox;

/* Makes it unless it is there. */
int authority_ensure(struct sandbox *sandbox, struct err *err);

/* PROXY_AUTHORITY (made when it is missing) and PROXY_TRUST; wipe `frames` when they were sent. */
int authority_append(struct sandbox *sandbox, struct buf *frames);

/*
 * The certificate in PEM, owned by the caller, and the
 * hash of its subject (eight digits and a NUL).
 */
enum { AUTHORITY_HASH_SIZE = 9 };
int authority_certificate(struct sandbox *sandbox, char **ret_pem,
			  char ret_hash[AUTHORITY_HASH_SIZE], struct err *err);

/*
 * Adds to the PEM what --extra-ca and SBX_EXTRA_CA name: connections that nobody looks into show
 * the guest the server's own certificate. At most AUTHORITY_GUEST_MAX bytes in all; those
 * certificates that do not fit are left out, with a warning.
 */
enum { AUTHORITY_GUEST_MAX = 30000 };
int authority_add_extra(const struct sandbox *sandbox, char **pem, struct err *err);

/* Whether the file is made of PEM certificates, for --extra-ca; else -EINVAL and a sentence. */
int authority_check_extra(const char *path, struct err *err);

#endif
