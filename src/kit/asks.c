#include "kit/asks.h"

#include <stdint.h>
#include <string.h>

#include "kit/bundle.h"
#include "kit/kit.h"

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value != NULL ? value : "";
}

static int add(json_t *asks, json_t *sentence)
{
	return json_array_append_new(asks, sentence);
}

static int add_network(json_t *asks, const json_t *spec)
{
	const json_t *network = json_object_get(json_object_get(spec, "permissions"), "network");
	json_t *rule;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(network, "allow"), i, rule) r |=
		add(asks, json_sprintf("network access to %s", json_string_value(rule)));
	return r;
}

/* A sentence of these can be agreed to beforehand: "the WHAT 'SERVICE', sent to HOST". */
static json_t *sent_to(const char *what, const char *service, const char *host)
{
	return json_sprintf("the %s '%s', sent to %s", what, service, host);
}

static int add_hosts(json_t *asks, const char *service, const json_t *hosts)
{
	json_t *host;
	size_t i;
	int r = 0;

	json_array_foreach(hosts, i, host) r |=
		add(asks, sent_to("login", service, json_string_value(host)));
	return r;
}

static int add_credential(json_t *asks, const json_t *credential)
{
	const char *service = text(credential, "service");
	const json_t *key = json_object_get(credential, "apiKey");
	const json_t *oauth = json_object_get(credential, "oauth");
	json_t *inject;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(key, "inject"), i, inject) r |=
		add(asks, sent_to("credential", service, text(inject, "domain")));
	if (key != NULL && json_array_size(json_object_get(key, "inject")) == 0)
		r |= add(asks, json_sprintf("the credential '%s'", service));
	if (oauth == NULL)
		return r;
	r |= add(asks, json_sprintf("the login '%s', asked for at %s%s", service,
				    text(json_object_get(oauth, "tokenEndpoint"), "host"),
				    text(json_object_get(oauth, "tokenEndpoint"), "path")));
	r |= add_hosts(asks, service, json_object_get(oauth, "resourceHosts"));
	if (json_is_true(json_object_get(oauth, "passthrough")))
		r |= add(asks, json_sprintf("the real tokens of the login '%s' inside the sandbox",
					    service));
	return r;
}

static int add_ports(json_t *asks, const json_t *spec)
{
	json_t *port;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(spec, "ports"), i, port) r |=
		add(asks, json_sprintf("port %s published on this machine's loopback address",
				       text(port, "container")));
	return r;
}

json_t *kit_asks(const json_t *spec)
{
	json_t *asks = json_array(), *credential;
	size_t i;
	int r = add_network(asks, spec);

	json_array_foreach(json_object_get(spec, "credentials"), i, credential) r |=
		add_credential(asks, credential);
	r |= add_ports(asks, spec);
	if (json_is_true(json_object_get(json_object_get(spec, "security"), "privileged")))
		r |= add(asks, json_string("privileged processes inside the sandbox"));
	if (r == 0)
		return asks;
	json_decref(asks);
	return NULL;
}

static bool is_sent_to(const json_t *binding, const char *what, const char *service,
		       const char *ask)
{
	bool is_same = false;
	json_t *host;
	size_t i;

	json_array_foreach(json_object_get(binding, "domains"), i, host)
	{
		json_t *sentence = sent_to(what, service, json_string_value(host));

		is_same = is_same || strcmp(json_string_value(sentence), ask) == 0;
		json_decref(sentence);
	}
	return is_same;
}

bool kit_ask_is_bound(const json_t *bindings, const char *ask)
{
	const char *service;
	json_t *binding;

	json_object_foreach((json_t *)(uintptr_t)bindings, service, binding)
	{
		if (is_sent_to(json_object_get(binding, "apiKey"), "credential", service, ask) ||
		    is_sent_to(json_object_get(binding, "oauth"), "login", service, ask))
			return true;
	}
	return false;
}

json_t *kit_stranger(const struct kit_bundle *bundle, const struct kit *kit)
{
	char digest[BUNDLE_DIGEST_SIZE];

	if (kit_bundle_digest(bundle, digest, NULL) < 0)
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:o}", "name", kit_name(kit), "source",
			 bundle->source != NULL ? bundle->source : bundle->name, "digest", digest,
			 "asks", kit_asks(kit->spec));
}
