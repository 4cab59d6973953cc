/* A service file: what is taken is whole. */
#include <assert.h>

#include "base/err.h"
#include "credential/service.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct service service;
	struct err err = ERR_INIT;

	if (service_parse((const char *)data, size, &service, &err) < 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	assert(service.name != NULL && service.sentinel != NULL && service.injects_count > 0);
	for (size_t i = 0; i < service.injects_count; i++)
		assert(service.injects[i].hosts != NULL && service.injects[i].hosts[0] != NULL);
	assert((service.token_url == NULL) == (service.oauth_hosts == NULL));
	assert(service.oauth_file == NULL || service.oauth_file[0] != '/');
	service_finish(&service);
	return 0;
}
