/*
 * A sandbox kit, the kits that it extends, and mixins, made into one resolved
 * kit: what the daemon is told, and all that it is told. Pure but for the
 * callback that fetches a kit by its reference.
 *
 * The resolved kit is a JSON object; every member is there unless said
 * otherwise:
 *
 *	name, version, description, image	strings; of the sandbox kit
 *	digest		"sha256:…" of this object without it, and of the files
 *	entrypoint, command, interactive	lists of strings
 *	env		object of strings
 *	network		{allow, deny}: lists of strings as in permissions.network
 *	credentials	[{service, required, description?, api_key?, oauth?}], see credential.h;
 *			api_key: {env, proxy_managed?, inject: []}; oauth:
 *			{token_endpoint?: {host, path}, resource_hosts?, sentinels?:
 *			{access_token, refresh_token}, credential_file?: {path, structure |
 *			template}, response_fields?, passthrough?}
 *	files		[{path, content, mode ("0644"), only_if_missing}]
 *	install		[{command, user, description}], a command of sh each
 *	startup		[{command: [], user, background, description}]
 *	volumes		[{path, type ("" or "tmpfs"), size? (bytes), mode? ("1777")}]
 *	ports		[{container, protocol, name}]
 *	instructions	{filename?, content?}
 *	memories	[{kit, content}]
 *	privileged	boolean
 *	resources	{cpus? (whole), memory? (bytes)}
 *	kits		["name@version" or "name"]: parents, the sandbox kit, mixins
 *
 * and the files of all kits are a tar archive: regular files home/… and
 * workspace/…, mode 0644, owner 1000, sorted by name; the same every time.
 */
#ifndef KIT_RESOLVE_H
#define KIT_RESOLVE_H

#include <jansson.h>
#include <stddef.h>

#include "base/buf.h"
#include "kit/arguments.h"
#include "kit/bundle.h"

struct err;

enum {
	RESOLVE_EXTENDS_MAX = 5, /* parents above one another */
	RESOLVE_TAR_MAX = 256 << 20,
};

/* Who brings kits. */
struct kit_fetch {
	/*
	 * The kit of that reference, as it stands in the `extends` of `from`; from
	 * NULL: as the user gave it. 0 or -errno with a sentence.
	 */
	int (*fetch)(void *context, const char *reference, const struct kit_bundle *from,
		     struct kit_bundle *ret, struct err *err);
	void *context;
};

/* Weak. */
struct resolve_request {
	const char *base; /* the sandbox kit */
	const char *const *mixins;
	size_t mixins_count;
	struct kit_values values;
};

/* Everything is owned. */
struct resolved_kit {
	json_t *kit;	   /* the object above */
	struct buf files;  /* the archive; empty when there are no files */
	json_t *warnings;  /* sentences */
	json_t *strangers; /* [{name, source, digest, asks: ["sentence"]}]: kits that are not built
			      in */
};

/*
 * 0 and *ret must be finished. With a sentence: -EBADMSG for what a kit says,
 * -EINVAL for values and references, -ELOOP for kits that extend each other,
 * or what fetching failed with.
 */
int kit_resolve(const struct resolve_request *request, const struct kit_fetch *fetch,
		struct resolved_kit *ret, struct err *err);
void resolved_kit_finish(struct resolved_kit *resolved);

#endif
