#include "sbxd/secret_state.h"

json_t *secret_attributes(const struct vault_entry *entry)
{
	json_t *json = entry->attributes != NULL ? json_loads(entry->attributes, 0, NULL) : NULL;

	return json_is_object(json) ? json : json_object();
}

bool secret_attributes_source(const json_t *attributes, struct secret_source *ret)
{
	ret->command = json_string_value(json_object_get(attributes, "command"));
	ret->ref = json_string_value(json_object_get(attributes, "ref"));
	return ret->command != NULL || ret->ref != NULL;
}
