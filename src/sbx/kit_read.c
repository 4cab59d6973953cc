#include "sbx/kit_read.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/kit_options.h"
#include "sbx/kit_source.h"

static int check_values(const struct kit_read *read, const struct kit_values *values,
			struct err *err)
{
	const struct kit_names names = { kit_name(&read->kit), read->bundle.handle };

	for (size_t i = 0; i < values->count; i++)
		if (!arguments_takes(read->kit.arguments, &names, values->items[i]))
			return err_set(err, -EINVAL, "the kit has no argument '%.*s'",
				       (int)strcspn(values->items[i], "="), values->items[i]);
	return 0;
}

int kit_read(const char *reference, const struct kit_options *options, struct kit_read *ret,
	     struct err *err)
{
	autocall(kit_read_finish) struct kit_read read = { .bundle = { .name = NULL } };
	struct kit_values values = { .count = 0 };
	char **items = NULL;
	int r = kit_source_fetch.fetch(NULL, reference, NULL, &read.bundle, err);

	if (r == 0)
		r = kit_values_read(options, &items, &values.count, err);
	values.items = (const char *const *)items;
	if (r == 0)
		r = kit_parse_bundle(&read.bundle, &values, &read.kit, err);
	if (r == 0)
		r = check_values(&read, &values, err);
	kit_values_free(items);
	if (r < 0)
		return r;
	*ret = read;
	read = (struct kit_read){ .bundle = { .name = NULL } };
	return 0;
}

void kit_read_finish(struct kit_read *read)
{
	kit_finish(&read->kit);
	kit_bundle_finish(&read->bundle);
}
