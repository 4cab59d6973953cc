/*
 * What skopeo says when it cannot bring an image, in words of use to whoever
 * asked for the image.
 */
#ifndef SBXD_TEMPLATE_REFUSAL_H
#define SBXD_TEMPLATE_REFUSAL_H

#include <stdbool.h>

struct err;
struct oci_reference;

/*
 * said: its whole output, lines as `time=… level=fatal msg="…"`, in part a stranger's words; it is
 * made harmless. has_login: it was given one. Always -EIO and one sentence.
 */
int template_refusal(char *said, const struct oci_reference *reference, bool has_login,
		     struct err *err);

#endif
