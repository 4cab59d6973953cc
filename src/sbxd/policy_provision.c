#include "sbxd/policy_provision.h"

#include <errno.h>

#include "base/err.h"
#include "sbxd/policy_store.h"

/* What the body says of it; strings are weak. */
struct wanted {
	const char *preset, *file; /* at most one */
	json_t *deny;		   /* weak; NULL: none */
};

static int read_wanted(const json_t *body, struct wanted *ret, struct err *err)
{
	json_t *own = json_object_get(body, "policy");
	json_error_t error;

	*ret = (struct wanted){ .deny = json_object_get(body, "deny_network") };
	if (own != NULL && (json_unpack_ex(own, &error, JSON_STRICT, "{s?s s?s}", "preset",
					   &ret->preset, "file", &ret->file) < 0 ||
			    (ret->preset == NULL) == (ret->file == NULL)))
		return err_set(err, -EINVAL, "policy must be {\"preset\":…} or {\"file\":…}");
	if (ret->deny != NULL && !json_is_array(ret->deny))
		return err_set(err, -EINVAL, "deny_network must be a list of hosts");
	return 0;
}

static struct policy_wish make_wish(const struct wanted *wanted)
{
	return (struct policy_wish){ .decision = POLICY_DENY,
				     .resources = wanted->deny,
				     .created = CREATED_PROVISIONED };
}

static int check_deny(const struct wanted *wanted, struct err *err)
{
	const struct policy_wish wish = make_wish(wanted);
	json_t *rule = NULL;
	int r;

	if (json_array_size(wanted->deny) == 0)
		return 0;
	r = stored_rule_make(&wish, &rule, err);
	json_decref(rule);
	return r;
}

int policy_provision_check(struct policy_store *store, const json_t *body, struct err *err)
{
	struct wanted wanted;
	int r = read_wanted(body, &wanted, err);

	if (r == 0)
		r = check_deny(&wanted, err);
	if (r < 0 || (wanted.preset == NULL && wanted.file == NULL))
		return r;
	return policy_store_check_own(store, wanted.preset, wanted.file, err);
}

static int add_deny(struct policy_store *store, const char *sandbox, const struct wanted *wanted,
		    struct err *err)
{
	const struct policy_wish wish = make_wish(wanted);
	json_t *rule = NULL;
	bool existed;
	unsigned told;
	int r;

	if (json_array_size(wanted->deny) == 0)
		return 0;
	r = policy_store_add(store, sandbox, &wish, &rule, &existed, &told, err);
	json_decref(rule);
	return r;
}

int policy_provision(struct policy_store *store, const char *sandbox, const json_t *body,
		     struct err *err)
{
	struct wanted wanted;
	int r = read_wanted(body, &wanted, err);

	if (r == 0 && (wanted.preset != NULL || wanted.file != NULL))
		r = policy_store_set_own(store, sandbox, wanted.preset, wanted.file, err);
	return r < 0 ? r : add_deny(store, sandbox, &wanted, err);
}
