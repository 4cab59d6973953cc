#include "sbxd/kit_provision.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/preset.h"
#include "sbxd/kit.h"
#include "sbxd/policy_store.h"
#include "sbxd/sandbox.h"
#include "sbxd/secret_store.h"
#include "sbxd/supervisor.h"

int kit_provision_services(struct sandbox *sandbox, struct err *err)
{
	if (sandbox->kit == NULL || sandbox->supervisor->secrets == NULL)
		return 0;
	return secret_store_set_kit(sandbox->supervisor->secrets, sandbox->record.name,
				    kit_list(sandbox->kit, "credentials"), err);
}

int kit_provision(struct sandbox *sandbox, struct err *err)
{
	autocall(buf_finish) struct buf text = { 0 };
	int r;

	if (sandbox->kit == NULL)
		return 0;
	buf_init(&text, PRESET_BYTES_MAX);
	r = kit_policy(sandbox->kit, &text);
	if (r < 0)
		return err_set_errno(err, r, "the kit's network rules");
	r = policy_store_set_kit(sandbox->supervisor->policy, sandbox->record.name, buf_str(&text),
				 err);
	return r < 0 ? r : kit_provision_services(sandbox, err);
}
