#include "sbx/kit_consent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "kit/asks.h"
#include "sbx/bindings.h"
#include "sbx/sandbox.h"
#include "sbx/settings.h"

enum { CONSENT_MAX = 16 << 20, FILE_MODE = 0600, FOLDER_MODE = 0700 };

/* A file that is damaged agrees to nothing, and is left for the person to look at. */
static int read_kept(const char *path, json_t **ret, struct err *err)
{
	autocall(buf_finish) struct buf content;
	int r;

	buf_init(&content, CONSENT_MAX);
	r = file_read(AT_FDCWD, path, &content);
	if (r == -ENOENT) {
		*ret = json_object();
		return 0;
	}
	if (r < 0)
		return err_set_errno(err, r, "cannot read what kits were allowed in '%s'", path);
	*ret = json_loadb((const char *)content.data, content.len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(*ret))
		return 0;
	json_decref(*ret);
	return err_set(err, -EINVAL,
		       "'%s' is damaged; remove it, and kits will be asked about again", path);
}

static int write_kept(const char *path, const json_t *kept, struct err *err)
{
	autofree char *text = json_dumps(kept, JSON_INDENT(1) | JSON_SORT_KEYS);
	autofree char *folder = strdup(path);
	char *slash = folder != NULL ? strrchr(folder, '/') : NULL;
	int r;

	if (text == NULL || slash == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	*slash = '\0';
	r = file_make_folders(folder, FOLDER_MODE);
	if (r == 0)
		r = file_write(AT_FDCWD, path, text, strlen(text), FILE_MODE);
	return r < 0 ? err_set_errno(err, r, "cannot write '%s'", path) : 0;
}

static bool is_listed(const json_t *list, const json_t *value)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item) if (json_equal(item, value)) return true;
	return false;
}

/* What the user agreed to before: by kit, and for all kits. */
struct consent {
	json_t *kept, *bindings; /* owned */
	bool changed;		 /* kept is to be written */
};

static void consent_finish(struct consent *consent)
{
	json_decref(consent->kept);
	json_decref(consent->bindings);
}

/* What the kit asks for and was not agreed to; owned by the caller. */
static json_t *new_asks(const struct consent *consent, const json_t *stranger)
{
	const json_t *entry = json_object_get(consent->kept, sandbox_text(stranger, "source"));
	const json_t *agreed = json_object_get(entry, "asks");
	json_t *asks = json_array(), *ask;
	size_t i;

	json_array_foreach(json_object_get(stranger, "asks"), i, ask)
	{
		if (!is_listed(agreed, ask) &&
		    !kit_ask_is_bound(consent->bindings, json_string_value(ask)))
			(void)json_array_append(asks, ask);
	}
	return asks;
}

/* What is agreed to for all kits is not agreed to for this one: it may be taken back there. */
static int keep(struct consent *consent, const json_t *stranger)
{
	json_t *asks = json_array(), *ask;
	size_t i;

	json_array_foreach(json_object_get(stranger, "asks"), i, ask)
	{
		if (!kit_ask_is_bound(consent->bindings, json_string_value(ask)))
			(void)json_array_append(asks, ask);
	}
	consent->changed = true;
	return json_object_set_new(consent->kept, sandbox_text(stranger, "source"),
				   json_pack("{s:O, s:o}", "digest",
					     json_object_get(stranger, "digest"), "asks", asks));
}

static void print_asks(const json_t *stranger, const json_t *asks, bool is_known)
{
	json_t *ask;
	size_t i;

	(void)fputs("The kit '", stderr);
	(void)terminal_print_safe(stderr, sandbox_text(stranger, "name"));
	(void)fputs("' from ", stderr);
	(void)terminal_print_safe(stderr, sandbox_text(stranger, "source"));
	(void)fputs(is_known ? " now also asks for:\n" : " asks for:\n", stderr);
	json_array_foreach(asks, i, ask)
	{
		(void)fputs("  ", stderr);
		(void)terminal_print_safe(stderr, json_string_value(ask));
		(void)fputc('\n', stderr);
	}
}

static int refuse(const json_t *stranger, const json_t *asks, bool is_known, struct err *err)
{
	char more[64] = "";

	if (json_array_size(asks) > 1)
		(void)snprintf(more, sizeof(more), " and %zu more", json_array_size(asks) - 1);
	return err_set(err, -ENOTTY,
		       "the kit '%s' asks for %s%s, %s; read 'sbx kit inspect REF', then run this "
		       "at a terminal or with --yes",
		       sandbox_text(stranger, "name"), json_string_value(json_array_get(asks, 0)),
		       more,
		       is_known ? "which is more than was approved" : "which nobody has approved");
}

static int ask_person(const json_t *stranger, const json_t *asks, bool is_known, struct err *err)
{
	char answer[16];

	if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
		return refuse(stranger, asks, is_known, err);
	print_asks(stranger, asks, is_known);
	(void)fputs("Allow this? [y/N] ", stderr);
	(void)fflush(stderr);
	if (fgets(answer, sizeof(answer), stdin) != NULL && (*answer == 'y' || *answer == 'Y'))
		return 0;
	return err_set(err, -ECANCELED, "the kit '%s' was not allowed; nothing was made",
		       sandbox_text(stranger, "name"));
}

/* One kit. */
static int consent_to(struct consent *consent, const json_t *stranger, bool yes, struct err *err)
{
	const json_t *entry = json_object_get(consent->kept, sandbox_text(stranger, "source"));
	bool is_same = entry != NULL && json_equal(json_object_get(entry, "digest"),
						   json_object_get(stranger, "digest"));
	json_t *asks = new_asks(consent, stranger);
	bool is_new;
	int r = 0;

	if (json_array_size(asks) > 0 && !yes)
		r = ask_person(stranger, asks, entry != NULL, err);
	else if (entry != NULL && !is_same && json_array_size(asks) == 0)
		(void)fprintf(stderr,
			      "NOTE: the kit '%s' has changed; it asks for no more than was "
			      "approved\n",
			      sandbox_text(stranger, "name"));
	is_new = json_array_size(asks) > 0 || (entry != NULL && !is_same);
	json_decref(asks);
	if (r < 0 || !is_new)
		return r;
	return keep(consent, stranger) < 0 ? err_set(err, -ENOMEM, "out of memory") : 0;
}

int kit_consent(const json_t *strangers, bool yes, struct err *err)
{
	autofree char *path = settings_path("kits.json");
	autocall(consent_finish) struct consent consent = { .kept = NULL };
	json_t *stranger;
	size_t i;
	int r;

	if (json_array_size(strangers) == 0)
		return 0;
	if (path == NULL)
		return err_set(err, -ENOENT, "neither XDG_CONFIG_HOME nor HOME is set");
	r = read_kept(path, &consent.kept, err);
	if (r == 0)
		r = bindings_read(&consent.bindings, err);
	json_array_foreach(strangers, i, stranger)
	{
		if (r == 0)
			r = consent_to(&consent, stranger, yes, err);
	}
	return r == 0 && consent.changed ? write_kept(path, consent.kept, err) : r;
}
