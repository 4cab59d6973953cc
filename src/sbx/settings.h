/*
 * settings.json in the user's configuration folder ($XDG_CONFIG_HOME/sbx, or
 * ~/.config/sbx): an object of dotted keys. What is not in it has the value
 * below. A file that cannot be read, a key that nobody knows and a value of
 * another type are refused, so that a slip never opens what was to be closed.
 *
 * What keys there are and what they mean is said by settings_rows.
 */
#ifndef SBX_SETTINGS_H
#define SBX_SETTINGS_H

#include <jansson.h>
#include <stddef.h>

struct err;

enum setting_kind {
	SETTING_FLAG, /* true or false */
	SETTING_LIST, /* of strings */
};

/* One row. The table ends with a row whose key is NULL. */
struct setting {
	const char *key;
	enum setting_kind kind;
	const char *standard; /* as JSON */
	const char *help;     /* one phrase */
};

extern const struct setting settings_rows[];

/* The row of that key; NULL and a sentence that names the nearest when there is none. */
const struct setting *settings_find(const char *key, struct err *err);

/* A file of the configuration folder; owned by the caller, NULL when there is no such folder. */
char *settings_path(const char *file);

/* Removes what is in the configuration folder: the settings, and what was agreed to. */
int settings_forget(struct err *err);

/* The settings, defaults filled in; owned by the caller. -errno with a sentence. */
int settings_read(json_t **ret, struct err *err);

/* What the file says, without defaults; owned by the caller. -errno with a sentence. */
int settings_read_said(json_t **ret, struct err *err);

/* Writes the file whole. -errno with a sentence. */
int settings_write(const json_t *said, struct err *err);

/*
 * The value that words of a command line mean: true or false; each word an item of a list, or one
 * word with the whole of it as JSON. Owned by the caller; -EINVAL with a sentence.
 */
int settings_parse(const struct setting *setting, const char *const *words, size_t count,
		   json_t **ret, struct err *err);

#endif
