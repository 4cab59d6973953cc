#include <errno.h>
#include <stdlib.h>

#include "credential/set.h"

struct credential_scanner {
	const struct credentials *credentials; /* weak */
	struct needle_search search;
	const char *found; /* weak */
};

/* Values at their own host are left alone, placeholders wherever there is a credential. */
static void ignore_own(const struct credentials *credentials, const char *host, uint16_t port,
		       struct needle_ignore *ignore)
{
	bool has_credential = credentials_bind(credentials, host, port);

	for (size_t i = 0; i < credentials->count; i++) {
		if (credential_binds(&credentials->items[i], host, port))
			needle_ignore_add(ignore, owner_of_value(credentials, i));
		if (has_credential)
			needle_ignore_add(ignore, owner_of_placeholder(i));
	}
}

int credential_scanner_create(const struct credentials *credentials, const char *host,
			      uint16_t port, struct credential_scanner **ret)
{
	struct credential_scanner *scanner = calloc(1, sizeof(*scanner));

	if (scanner == NULL)
		return -ENOMEM;
	scanner->credentials = credentials;
	needle_search_init(&scanner->search, credentials->needles, NEEDLE_REFUSE);
	ignore_own(credentials, host, port, &scanner->search.ignore);
	*ret = scanner;
	return 0;
}

int credential_scanner_feed(struct credential_scanner *scanner, const uint8_t *bytes, size_t len,
			    bool end, struct buf *out)
{
	int r = needle_search_feed(&scanner->search, bytes, len, end, out);

	if (r == -EACCES)
		scanner->found =
			credential_of_owner(scanner->credentials, scanner->search.owner)->name;
	return r;
}

const char *credential_scanner_found(const struct credential_scanner *scanner)
{
	return scanner->found;
}

void credential_scanner_destroy(struct credential_scanner *scanner)
{
	if (scanner == NULL)
		return;
	needle_search_finish(&scanner->search);
	free(scanner);
}
