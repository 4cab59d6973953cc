#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "sbxd/request.h"
#include "sbxd/route.h"
#include "sbxd/secret_store.h"
#include "sbxd/secret_view.h"
#include "sbxd/supervisor.h"

/* Every body here may hold a secret; secret_memory.h sees to it that it is wiped when freed. */

static int list(struct request *request, struct err *err)
{
	return request_reply(request, 200, secret_store_list(request->supervisor->secrets), err);
}

static int services(struct request *request, struct err *err)
{
	return request_reply(request, 200, secret_store_services(request->supervisor->secrets),
			     err);
}

static int parse_kind(const char *type, int *ret, struct err *err)
{
	*ret = secret_kind_parse(type);
	return *ret != 0 ? 0
			 : err_set(err, -EINVAL, "type must be 'service', 'custom' or 'registry'");
}

static int set(struct request *request, struct err *err)
{
	struct secret_wish wish = { .refresh_s = -1 };
	json_int_t refresh_s = -1;
	int force = 0, no_verify = 0, show_error = 0, snapshot = 0, all_sandboxes = 0;
	const char *type = NULL;
	json_t *told = NULL;
	int r = request_unpack(
		request, err, "{ss ss s?s s?s s?s s?s s?I s?b s?b s?b s?b s?s s?o s?s s?s s?b}",
		"type", &type, "name", &wish.name, "sandbox", &wish.scope, "value", &wish.value,
		"command", &wish.command, "ref", &wish.ref, "refresh", &refresh_s, "force", &force,
		"no_verify", &no_verify, "show_error", &show_error, "snapshot", &snapshot,
		"placeholder", &wish.placeholder, "targets", &wish.targets, "username",
		&wish.username, "auth_endpoint", &wish.auth_endpoint, "all_sandboxes",
		&all_sandboxes);

	if (r == 0)
		r = parse_kind(type, &wish.kind, err);
	if (r < 0)
		return r;
	wish.refresh_s = refresh_s;
	wish.force = force != 0;
	wish.no_verify = no_verify != 0;
	wish.show_error = show_error != 0;
	wish.snapshot = snapshot != 0;
	wish.all_sandboxes = all_sandboxes != 0;
	r = secret_store_set(request->supervisor->secrets, &wish, &told, err);
	return r < 0 ? r : request_reply(request, 201, told, err);
}

static int begin_login(struct request *request, struct err *err)
{
	const char *name = NULL;
	json_t *told = NULL;
	int r = request_unpack(request, err, "{ss}", "name", &name);

	if (r == 0)
		r = secret_store_begin_login(request->supervisor->secrets, name, &told, err);
	return r < 0 ? r : request_reply(request, 200, told, err);
}

static int finish_login(struct request *request, struct err *err)
{
	const char *state = NULL, *code = NULL;
	json_t *told = NULL;
	int r = request_unpack(request, err, "{ss ss}", "state", &state, "code", &code);

	if (r == 0)
		r = secret_store_finish_login(request->supervisor->secrets, state, code, &told,
					      err);
	return r < 0 ? r : request_reply(request, 201, told, err);
}

static int remove_some(struct request *request, struct err *err)
{
	struct secret_selector selector = { .kind = 0 };
	const char *type = NULL;
	int any_scope = 0;
	json_t *told = NULL;
	int r = request_unpack(request, err, "{s?s s?s s?s s?s s?s s?b}", "type", &type, "name",
			       &selector.name, "sandbox", &selector.scope, "placeholder",
			       &selector.placeholder, "host", &selector.host, "any_scope",
			       &any_scope);

	if (r == 0 && type != NULL)
		r = parse_kind(type, &selector.kind, err);
	if (r < 0)
		return r;
	selector.any_scope = any_scope != 0;
	r = secret_store_remove(request->supervisor->secrets, &selector, &told, err);
	return r < 0 ? r : request_reply(request, 200, told, err);
}

static int unlock(struct request *request, struct err *err)
{
	const char *passphrase = NULL;
	int r = request_unpack(request, err, "{ss}", "passphrase", &passphrase);

	if (r == 0)
		r = secret_store_unlock(request->supervisor->secrets, passphrase, err);
	return r < 0 ? r : request_reply(request, 200, json_object(), err);
}

static int rekey(struct request *request, struct err *err)
{
	const char *passphrase = NULL;
	int r = request_unpack(request, err, "{s?s}", "passphrase", &passphrase);

	if (r == 0 && passphrase != NULL && passphrase[0] == '\0')
		r = err_set(err, -EINVAL, "a passphrase cannot be empty");
	if (r == 0)
		r = secret_store_rekey(request->supervisor->secrets, passphrase, err);
	return r < 0 ? r : request_reply(request, 200, json_object(), err);
}

const struct route routes_secret[] = {
	{ "GET", "/secret", list },
	{ "POST", "/secret", set },
	{ "POST", "/secret/login", begin_login },
	{ "POST", "/secret/login/finish", finish_login },
	{ "POST", "/secret/remove", remove_some },
	{ "GET", "/secret/services", services },
	{ "POST", "/secret/unlock", unlock },
	{ "POST", "/secret/passphrase", rekey },
	{ NULL, NULL, NULL },
};
