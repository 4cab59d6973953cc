#include "sbx/columns.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/terminal.h"
#include "base/check.h"

enum { GAP = 3 };

void columns_init(struct columns *columns, size_t count)
{
	assert(count > 0 && count <= COLUMNS_MAX);
	*columns = (struct columns){ .count = count };
}

void columns_finish(struct columns *columns)
{
	for (size_t i = 0; i < columns->used; i++)
		free(columns->cells[i]);
	free(columns->cells);
	*columns = (struct columns){ .count = columns->count };
}

int columns_add(struct columns *columns, const char *const *row)
{
	char **cells = reallocarray(columns->cells, columns->used + columns->count,
				    sizeof(*columns->cells));

	if (cells == NULL)
		return -ENOMEM;
	columns->cells = cells;
	for (size_t i = 0; i < columns->count; i++) {
		char *copy = strdup(row[i]);

		if (copy == NULL)
			return -ENOMEM;
		columns->cells[columns->used++] = copy;
	}
	return 0;
}

void columns_print(const struct columns *columns, FILE *to)
{
	size_t widths[COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < columns->used; i++) {
		size_t *width = &widths[i % columns->count];

		*width = max_of(*width, terminal_safe_width(columns->cells[i]));
	}
	for (size_t i = 0; i < columns->used; i++) {
		size_t column = i % columns->count;
		size_t width = terminal_print_safe(to, columns->cells[i]);

		if (column + 1 < columns->count)
			(void)fprintf(to, "%*s", (int)(widths[column] - width + GAP), "");
		else
			(void)fputc('\n', to);
	}
}
