#include "kit/kit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "kit/bundle.h"
#include "kit/grammar.h"
#include "kit/rule.h"
#include "yaml/document.h"

static int check_kind(const struct document *document, struct err *err)
{
	const struct node *root = document->root;
	const struct node *requires = node_member(root, "requires");
	const struct node *extends = node_member(root, "extends");
	const struct node *sandbox = node_member(root, "sandbox");

	if (strcmp(node_member(root, "kind")->text, "mixin") == 0) {
		if (sandbox != NULL)
			return node_refuse_key(document, sandbox, err, "a mixin has no sandbox");
		if (extends != NULL)
			return node_refuse_key(document, extends, err,
					       "only a kit of kind sandbox extends another");
		return 0;
	}
	if (requires != NULL)
		return node_refuse_key(document, requires, err, "only a mixin requires an agent");
	if (extends == NULL && node_member(sandbox, "image") == NULL)
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
	const struct node *domain = node_member(inject, "domain");
	const struct node *network =
		node_member(node_member(document->root, "permissions"), "network");
	const struct node *allow = node_member(network, "allow");

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
	const struct node *scheme = node_member(inject, "scheme");
	const struct node *username = node_member(inject, "username");

	if (scheme != NULL && node_member(inject, "format") != NULL)
		return node_refuse_key(document, scheme, err,
				       "a header has either a format or a scheme");
	if (username != NULL && (scheme == NULL || strcmp(scheme->text, "basic") != 0))
		return node_refuse_key(document, username, err,
				       "a username goes with scheme: basic only");
	return check_domain(document, inject, err);
}

static int check_credentials(const struct document *document, struct err *err)
{
	const struct node *list = node_member(document->root, "credentials");
	int r = 0;

	if (list == NULL || list->kind != NODE_SEQUENCE)
		return 0;
	node_for_each (credential, list) {
		const struct node *file =
			node_member(node_member(credential, "oauth"), "credentialFile");
		const struct node *injects =
			node_member(node_member(credential, "apiKey"), "inject");
		struct node *first = injects != NULL ? injects->children : NULL;

		if (node_member(file, "structure") != NULL && node_member(file, "template") != NULL)
			return node_refuse_key(document, file, err,
					       "it has either a structure or a template");
		for (struct node *inject = first; r == 0 && inject != NULL; inject = inject->next)
			r = check_inject(document, inject, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_whole(const struct document *document, struct err *err)
{
	int r = check_kind(document, err);

	if (r == 0)
		r = check_unique(document, node_member(document->root, "licenses"), err);
	if (r == 0)
		r = check_credentials(document, err);
	return r;
}

static const char *text_of(const struct document *document, const char *key)
{
	const struct node *node = node_member(document->root, key);

	return node != NULL && node->kind == NODE_SCALAR ? node->text : NULL;
}

static int read_v2(struct kit *kit, struct err *err)
{
	int r = rule_check(&kit->document, kit->document.root, grammar_v2, &kit->spec, err);

	return r == 0 ? check_whole(&kit->document, err) : r;
}

int kit_parse(const struct kit_text *text, const struct kit_values *values, struct kit *ret,
	      struct err *err)
{
	struct kit kit = { .warnings = json_array() };
	struct kit_names names = { .handle = text->handle };
	int r = document_parse(text->name, text->bytes, text->len, &kit.document, err);

	if (r == 0) {
		names.name = text_of(&kit.document, "name");
		r = arguments_apply(&kit.document, &names, values, &kit.arguments, err);
	}
	if (r == 0)
		r = read_v2(&kit, err);
	if (r < 0)
		kit_finish(&kit);
	else
		*ret = kit;
	return r;
}

int kit_parse_bundle(const struct kit_bundle *bundle, const struct kit_values *values,
		     struct kit *ret, struct err *err)
{
	autofree char *name = NULL;
	struct kit_text text = { .handle = bundle->handle,
				 .bytes = bundle->spec.data,
				 .len = bundle->spec.len };
	int r;

	if (asprintf(&name, "%s/spec.yaml", bundle->name) < 0) {
		name = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	text.name = name;
	r = kit_parse(&text, values, ret, err);
	if (r == 0 && bundle->stray != NULL &&
	    kit_warn(ret,
		     "%s: files/%s is left out; only files/home and files/workspace are copied",
		     bundle->name, bundle->stray) < 0) {
		kit_finish(ret);
		r = err_set(err, -ENOMEM, "out of memory");
	}
	return r;
}

void kit_finish(struct kit *kit)
{
	if (kit == NULL)
		return;
	document_finish(&kit->document);
	json_decref(kit->spec);
	json_decref(kit->arguments);
	json_decref(kit->warnings);
	*kit = (struct kit){ .spec = NULL };
}

const char *kit_name(const struct kit *kit)
{
	return json_string_value(json_object_get(kit->spec, "name"));
}

bool kit_is_mixin(const struct kit *kit)
{
	return strcmp(json_string_value(json_object_get(kit->spec, "kind")), "mixin") == 0;
}

int kit_warn(struct kit *kit, const char *format, ...)
{
	autofree char *sentence = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&sentence, format, args);
	va_end(args);
	if (length < 0) {
		sentence = NULL;
		return -ENOMEM;
	}
	return json_array_append_new(kit->warnings, json_string(sentence)) < 0 ? -ENOMEM : 0;
}
