#include "kit/version.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/err.h"
#include "kit/kit.h"
#include "yaml/document.h"
#include "yaml/scalar.h"

/* A member that says null is as if it were not there. */
static const struct node *given(const struct node *node, const char *key)
{
	const struct node *member = node_member(node, key);

	return member != NULL && !node_is_null(member) ? member : NULL;
}

static const struct node *member_at(const struct node *node, const char *key, const char *below)
{
	return given(given(node, key), below);
}

static int check_mixin(const struct document *document, struct err *err)
{
	static const struct {
		const char *key, *sentence;
	} rows[] = { { "sandbox", "a mixin has no sandbox" },
		     { "extends", "only a kit of kind sandbox extends another" },
		     { "mixins", "only a kit of kind sandbox names mixins" } };

	for (size_t i = 0; i < countof(rows); i++) {
		const struct node *node = given(document->root, rows[i].key);

		if (node != NULL)
			return node_refuse_key(document, node, err, "%s", rows[i].sentence);
	}
	return 0;
}

static int check_kind(const struct document *document, struct err *err)
{
	const struct node *root = document->root;
	const struct node *requires = given(root, "requires");

	if (strcmp(given(root, "kind")->text, "mixin") == 0)
		return check_mixin(document, err);
	if (requires != NULL)
		return node_refuse_key(document, requires, err, "only a mixin requires an agent");
	if (given(root, "extends") == NULL && member_at(root, "sandbox", "image") == NULL)
		return node_refuse(document, root, err,
				   "a sandbox kit needs sandbox.image, unless it extends another");
	return 0;
}

static int check_unique(const struct document *document, const struct node *list, struct err *err)
{
	if (list == NULL || list->kind != NODE_SEQUENCE)
		return 0;
	node_for_each (item, list) {
		for (const struct node *other = list->children; other != item;
		     other = other->next) {
			if (strcmp(other->text, item->text) == 0)
				return node_refuse(document, item, err, "%s names %s twice",
						   list->key, item->text);
		}
	}
	return 0;
}

/* Does the rule "host", "host:443", "*.x" or "**.x" admit the domain on its port? */
static bool covers(const char *rule, const char *domain)
{
	size_t length = strcspn(rule, ":"), wanted = strcspn(domain, ":");
	const char *port = rule[length] == ':' ? rule + length + 1 : "443";
	const char *asked = domain[wanted] == ':' ? domain + wanted + 1 : "443";
	size_t stars = strspn(rule, "*");

	if (strcmp(port, asked) != 0 && strcmp(port, "*") != 0)
		return false;
	if (stars == length)
		return stars == 2;
	if (stars == 0)
		return length == wanted && strncasecmp(rule, domain, length) == 0;
	length -= stars;
	if (wanted <= length || strncasecmp(rule + stars, domain + wanted - length, length) != 0)
		return false;
	return stars == 2 || memchr(domain, '.', wanted - length) == NULL;
}

static int check_domain(const struct document *document, const struct node *inject, struct err *err)
{
	const struct node *domain = given(inject, "domain");
	const struct node *network = given(given(document->root, "permissions"), "network");
	const struct node *allow = given(network, "allow");

	if (allow != NULL && allow->kind == NODE_SEQUENCE) {
		node_for_each (rule, allow) {
			if (covers(rule->text, domain->text))
				return 0;
		}
	}
	return node_refuse(document, domain, err,
			   "'%s' is not allowed by permissions.network.allow; add it there",
			   domain->text);
}

static int check_inject(const struct document *document, const struct node *inject, struct err *err)
{
	const struct node *scheme = given(inject, "scheme");
	const struct node *username = given(inject, "username");
	bool is_basic = scheme != NULL && strcmp(scheme->text, "basic") == 0;

	if (scheme != NULL && given(inject, "format") != NULL)
		return node_refuse_key(document, scheme, err,
				       "a header has either a format or a scheme");
	if (username != NULL && !is_basic)
		return node_refuse_key(document, username, err,
				       "a username goes with scheme: basic only");
	if (is_basic && username == NULL)
		return node_refuse_key(document, scheme, err, "scheme: basic needs a username");
	return check_domain(document, inject, err);
}

/* Without sentinels nothing could stand for the tokens, unless they go in as they are. */
static int check_oauth(const struct document *document, const struct node *oauth, struct err *err)
{
	static const char *const names[] = { "accessToken", "refreshToken" };
	const struct node *passthrough = given(oauth, "passthrough");
	const struct node *file = given(oauth, "credentialFile");
	bool is_open = false;

	if (passthrough != NULL)
		(void)node_bool(passthrough, &is_open);
	for (size_t i = 0; i < countof(names) && !is_open; i++)
		if (member_at(oauth, "sentinels", names[i]) == NULL)
			return node_refuse_key(document, oauth, err,
					       "oauth lacks sentinels.%s, which stands for the "
					       "token in the sandbox",
					       names[i]);
	if (file != NULL && given(file, "structure") == NULL && given(file, "template") == NULL)
		return node_refuse_key(document, file, err,
				       "credentialFile needs a structure or a template");
	return 0;
}

static int check_credential(const struct document *document, const struct node *credential,
			    struct err *err)
{
	const struct node *oauth = given(credential, "oauth");
	const struct node *injects = member_at(credential, "apiKey", "inject");
	int r = oauth != NULL ? check_oauth(document, oauth, err) : 0;

	for (struct node *inject = injects != NULL ? injects->children : NULL;
	     r == 0 && inject != NULL; inject = inject->next)
		r = check_inject(document, inject, err);
	return r;
}

static int check_credentials(const struct document *document, struct err *err)
{
	const struct node *list = given(document->root, "credentials");
	int r = 0;

	for (struct node *credential = list != NULL ? list->children : NULL;
	     r == 0 && credential != NULL; credential = credential->next)
		r = check_credential(document, credential, err);
	return r;
}

static int check_startup(const struct document *document, struct err *err)
{
	const struct node *list = member_at(document->root, "setup", "startup");

	for (const struct node *step = list != NULL ? list->children : NULL; step != NULL;
	     step = step->next) {
		const struct node *command = given(step, "command");

		if (command->count == 0)
			return node_refuse_key(document, command, err, "the command is empty");
	}
	return 0;
}

/* What is taken and does less than its author may hope. */
static int warn_of(struct kit *kit)
{
	static const struct {
		const char *key, *below, *sentence;
	} rows[] = {
		{ "sandbox", "build", "images are not built from kits; sandbox.image is used" },
		{ "mixins", NULL, "the mixins are not added; name them with --kit" },
	};
	const struct document *document = &kit->document;
	const struct node *list = given(document->root, "credentials");
	int r = 0;

	for (size_t i = 0; i < countof(rows); i++) {
		const struct node *node = given(document->root, rows[i].key);

		if (rows[i].below != NULL)
			node = given(node, rows[i].below);
		if (node != NULL)
			r |= kit_warn(kit, "%s:%u: %s", document->name, node->key_line,
				      rows[i].sentence);
	}
	if (kit_is_mixin(kit) && member_at(document->root, "agentInstructions", "filename") != NULL)
		r |= kit_warn(kit, "%s: a mixin's agentInstructions.filename means nothing",
			      document->name);
	for (const struct node *credential = list != NULL ? list->children : NULL;
	     credential != NULL; credential = credential->next) {
		if (given(credential, "provider") != NULL)
			r |= kit_warn(kit, "%s:%u: a provider means nothing", document->name,
				      credential->line);
		if (member_at(credential, "oauth", "skipIfEnv") != NULL)
			r |= kit_warn(kit, "%s:%u: skipIfEnv means nothing", document->name,
				      credential->line);
		if (member_at(given(credential, "oauth"), "credentialFile", "template") != NULL)
			r |= kit_warn(kit,
				      "%s:%u: a template of a credential file is an older form; "
				      "write a structure",
				      document->name, credential->line);
	}
	return r;
}

int version_2_check(struct kit *kit, struct err *err)
{
	const struct document *document = &kit->document;
	int r = check_kind(document, err);

	if (r == 0)
		r = check_unique(document, given(document->root, "licenses"), err);
	if (r == 0)
		r = check_unique(document, given(document->root, "locked"), err);
	if (r == 0)
		r = check_credentials(document, err);
	if (r == 0)
		r = check_startup(document, err);
	if (r == 0 && warn_of(kit) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	return r;
}
