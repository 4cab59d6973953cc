/*
 * The sandbox's own certificate authority in the guest's trust store: the host's
 * proxy shows certificates of it where it has to look into a connection.
 *
 * The same files as update-ca-certificates would make, without running it: that
 * takes a second, this is done at each start. What that program does later keeps ours.
 */
#ifndef SBX_INIT_TRUST_H
#define SBX_INIT_TRUST_H

#include <stdbool.h>

struct buf;
struct err;

/*
 * Makes the authority trusted below the folder `root`. pem: its certificate. hash: of its
 * subject, eight hexadecimal digits, by which OpenSSL looks it up. *ret_changed: it was not
 * trusted before. An authority of an earlier time is distrusted.
 */
int trust_install(int root, const char *pem, const char *hash, bool *ret_changed, struct err *err);

/* Cuts the first occurrence of the other out of it. */
void trust_cut(struct buf *buf, const struct buf *other);

/* Tells Java's keystore, when there is one, in a process of its own. */
void trust_tell_java(void);

#endif
