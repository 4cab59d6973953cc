#include "sbxd/request.h"

#include <errno.h>
#include <stdarg.h>

#include "base/err.h"
#include "sbxd/supervisor.h"

int request_reply(struct request *request, unsigned status, json_t *json, struct err *err)
{
	if (json == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	request->status = status;
	request->json = json;
	return 0;
}

void request_reply_stream(struct request *request, struct sandbox *sandbox,
			  const struct sandbox_ticket *ticket, request_result_fn *result)
{
	request->status = 200;
	request->watched = supervisor_get(sandbox);
	request->ticket = *ticket;
	request->result = result;
}

int request_unpack(const struct request *request, struct err *err, const char *format, ...)
{
	json_error_t error;
	va_list list;
	int r;

	va_start(list, format);
	r = json_vunpack_ex(request->body, &error, JSON_STRICT, format, list);
	va_end(list);
	return r < 0 ? err_set(err, -EINVAL, "the request's body is wrong: %s", error.text) : 0;
}

int request_sandbox(const struct request *request, struct sandbox **ret, struct err *err)
{
	struct sandbox *sandbox = supervisor_find(request->supervisor, request->args[0]);

	if (sandbox == NULL)
		return err_set(err, -ENOENT, "sandbox '%.80s' not found", request->args[0]);
	*ret = sandbox;
	return 0;
}

unsigned request_status_of(int code)
{
	switch (-code) {
	case EINVAL:
	case EPROTOTYPE:
	case EKEYREJECTED:
		return 400;
	case ENOENT:
		return 404;
	case EBUSY:
	case EEXIST:
	case ECANCELED:
	case ENOKEY:
		return 409;
	case EFBIG:
		return 413;
	case ENOSPC:
	case EDQUOT:
		return 507;
	case ESHUTDOWN:
		return 503;
	default:
		return 500;
	}
}

int request_strings(json_t *list, const char *what, size_t max, struct string_list *ret,
		    struct err *err)
{
	if (list == NULL)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > max)
		return err_set(err, -EINVAL, "%s must be a list of at most %zu strings", what, max);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text == NULL)
			return err_set(err, -EINVAL, "%s must be a list of strings", what);
		if (string_list_add(ret, text) < 0)
			return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}
