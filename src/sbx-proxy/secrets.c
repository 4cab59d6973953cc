#include "sbx-proxy/secrets.h"

#include <stdlib.h>

#include "credential/credential.h"

struct secrets *secrets_create(struct credentials *set)
{
	struct secrets *secrets = calloc(1, sizeof(*secrets));

	if (secrets == NULL) {
		credentials_destroy(set);
		return NULL;
	}
	*secrets = (struct secrets){ .set = set, .users = 1 };
	return secrets;
}

struct secrets *secrets_get(struct secrets *secrets)
{
	if (secrets != NULL)
		secrets->users++;
	return secrets;
}

void secrets_put(struct secrets *secrets)
{
	if (secrets == NULL || --secrets->users > 0)
		return;
	credentials_destroy(secrets->set);
	free(secrets);
}
