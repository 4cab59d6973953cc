#include "sbxd/template_refusal.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "oci/reference.h"

enum cause { CAUSE_OTHER, CAUSE_CERTIFICATE, CAUSE_LOGIN, CAUSE_MACHINE, CAUSE_MISSING };

static const struct {
	const char *words;
	enum cause cause;
} known[] = {
	{ "x509: ", CAUSE_CERTIFICATE },
	{ "unauthorized", CAUSE_LOGIN },
	{ "authentication required", CAUSE_LOGIN },
	{ "access to the resource is denied", CAUSE_LOGIN },
	{ "no image found in", CAUSE_MACHINE },
	{ "manifest unknown", CAUSE_MISSING },
	{ "name unknown", CAUSE_MISSING },
};

static void make_harmless(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if (*c != '\n' && (*c == '\\' || *c < ' ' || *c > '~'))
			*c = ' ';
}

/* What is in msg="…" of the last line that has it; else all. */
static const char *find_message(char *said)
{
	static const char mark[] = "msg=\"";
	char *message = said, *next = said, *end;

	while ((next = strstr(next, mark)) != NULL)
		message = next += strlen(mark);
	end = strchrnul(message, '\n');
	if (message != said && end > message && end[-1] == '"')
		end--;
	*end = '\0';
	return message;
}

/* Without what skopeo was about to do: "initializing source docker://x: the cause". */
static const char *cut_steps(const char *message, enum cause cause)
{
	static const char *const steps[] = { "initializing source docker://",
					     "pinging container registry ", "Get " };
	const char *x509 = strstr(message, "x509: ");

	if (cause == CAUSE_CERTIFICATE)
		return x509 + strlen("x509: ");
	for (size_t i = 0; i < countof(steps); i++) {
		const char *end = strstr(message, ": ");

		if (strncmp(message, steps[i], strlen(steps[i])) == 0 && end != NULL)
			message = end + 2;
	}
	return message;
}

static enum cause find_cause(const char *message)
{
	for (size_t i = 0; i < countof(known); i++)
		if (strstr(message, known[i].words) != NULL)
			return known[i].cause;
	return CAUSE_OTHER;
}

int template_refusal(char *said, const struct oci_reference *reference, bool has_login,
		     struct err *err)
{
	const char *domain = reference->domain, *message;
	char image[OCI_REFERENCE_TEXT];
	enum cause cause;

	make_harmless(said);
	message = find_message(said);
	cause = find_cause(message);
	message = cut_steps(message, cause);
	oci_reference_format(reference, image);
	switch (cause) {
	case CAUSE_CERTIFICATE:
		return err_set(err, -EIO,
			       "cannot pull '%s': the certificate of %s is not believed (%.200s); "
			       "the authority of a registry of your own goes into "
			       "~/.config/containers/certs.d/%s/ca.crt",
			       image, domain, message, domain);
	case CAUSE_LOGIN:
		return err_set(err, -EIO,
			       "cannot pull '%s': %s %s; type: sbx secret set --registry %s "
			       "--username NAME",
			       image, domain, has_login ? "refuses the login" : "wants a login",
			       domain);
	case CAUSE_MACHINE:
		return err_set(err, -EIO,
			       "cannot pull '%s': it is not for linux/amd64, which sandboxes run",
			       image);
	case CAUSE_MISSING:
		return err_set(err, -EIO, "cannot pull '%s': %s has no such image", image, domain);
	case CAUSE_OTHER:
		break;
	}
	return err_set(err, -EIO, "cannot pull '%s': %.300s", image, message);
}
