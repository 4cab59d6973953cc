#include "sbxd/template_lookup.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "oci/reference.h"
#include "sbxd/supervisor.h"
#include "sbxd/template_store.h"
#include "sbxd/view.h"

int template_lookup(struct supervisor *supervisor, const char *reference, struct template *ret,
		    struct err *err)
{
	struct err ignored = ERR_INIT;
	int r = templates_find(&supervisor->templates, reference, ret, err);

	if (r != -ENOENT || supervisor->store == NULL)
		return r;
	if (template_store_find(supervisor->store, reference, ret, &ignored) < 0)
		return r;
	*err = (struct err)ERR_INIT;
	return 0;
}

int template_lookup_check_name(struct supervisor *supervisor, const char *reference,
			       struct err *err)
{
	struct template template;
	struct err ignored = ERR_INIT;

	if (templates_find(&supervisor->templates, reference, &template, &ignored) < 0)
		return 0;
	template_finish(&template);
	return err_set(err, -EINVAL,
		       "'%s' is the name of a template that came with sbx; choose another",
		       reference);
}

/* "docker.io/library/tiny" and "latest". */
static void split_name(const char *name, char *repository, size_t size, const char **ret_tag)
{
	const char *slash = strrchr(name, '/');
	const char *colon = strchr(slash != NULL ? slash : name, ':');
	size_t len = colon != NULL ? (size_t)(colon - name) : strlen(name);

	*ret_tag = colon != NULL ? colon + 1 : "";
	if (len >= size)
		len = size - 1;
	memcpy(repository, name, len);
	repository[len] = '\0';
}

json_t *template_view(const struct template *template)
{
	char repository[OCI_REFERENCE_TEXT];
	const char *tag;
	json_t *whole = template_pack(template), *json;

	split_name(template->name, repository, sizeof(repository), &tag);
	json = json_pack("{ss ss ss ss* ss* ss* sI sb so so* sO*}", "reference", template->name,
			 "repository", repository, "tag", tag, "id", template->id, "description",
			 template->description, "agent", template->agent, "size",
			 (json_int_t) template->size_bytes, "builtin", template->is_builtin,
			 "layers", string_list_pack(&template->layers), "created_at",
			 view_time(template->created_at), "config",
			 json_object_get(whole, "config"));
	json_decref(whole);
	return json;
}
