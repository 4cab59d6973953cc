/* The chain from a guest to the world, for `sbx diagnose`. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "policy/policy.h"
#include "sbxd/authority.h"
#include "sbxd/diagnose_report.h"
#include "sbxd/guest.h"
#include "sbxd/network.h"
#include "sbxd/policy_store.h"
#include "sbxd/sandbox.h"
#include "sbxd/secret_store.h"
#include "sbxd/supervisor.h"
#include "sbxd/uplink.h"

#define GROUP "Network"
#define GUEST_BUNDLE "/etc/ssl/certs/ca-certificates.crt"
#define DENIED_NAME "denied.invalid" /* RFC 2606: never a name of anybody */

enum { CHECK_NAME_MAX = 128, HTTPS_PORT = 443, GUEST_MS = 10000 };

static void check_resolvers(struct report *report, const struct uplink_facts *facts)
{
	const bool is_given = getenv("SBX_RESOLVERS") != NULL;
	char text[512] = "none is known";
	size_t len = 0;

	for (size_t i = 0; i < facts->resolvers.count && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? ", " : "",
					facts->resolvers.items[i]);
	report_add(report,
		   &(struct finding){ GROUP, "Resolvers", text,
				      is_given ? "from SBX_RESOLVERS" : "from /etc/resolv.conf",
				      "without one no name can be looked up: name a server there",
				      facts->resolvers.count > 0 ? VERDICT_PASS : VERDICT_FAIL });
}

/* Its login is nobody's business. */
static void check_upstream(struct report *report, const struct uplink_facts *facts)
{
	autofree char *plain =
		facts->upstream == NULL ? NULL : uplink_without_login(facts->upstream);

	report_add(report,
		   &(struct finding){ GROUP, "Upstream proxy",
				      plain != NULL ? plain : "none: connections are direct", NULL,
				      NULL, VERDICT_PASS });
}

static void check_uplink(struct report *report)
{
	struct uplink_facts facts;

	if (uplink_facts(report->supervisor->uplink, &facts) < 0)
		return;
	check_resolvers(report, &facts);
	check_upstream(report, &facts);
	uplink_facts_finish(&facts);
}

static void check_vault(struct report *report)
{
	struct err err = ERR_INIT;
	struct finding finding = { GROUP, "Vault", "opens", NULL, NULL, VERDICT_PASS };

	switch (secret_store_check(report->supervisor->secrets, &err)) {
	case 0:
		break;
	case -ENOENT:
		finding.message = "none yet";
		finding.detail = "made when the first secret is set";
		break;
	case -ENOKEY:
		finding.message = "locked: no secret is in effect";
		finding.detail = err.text;
		finding.hint = "run 'sbx secret unlock'";
		finding.verdict = VERDICT_WARN;
		break;
	default:
		finding.message = err.text;
		finding.verdict = VERDICT_FAIL;
		break;
	}
	report_add(report, &finding);
}

static void check_policy(struct report *report)
{
	json_t *policy = policy_store_describe(report->supervisor->policy, NULL);
	const char *preset = json_string_value(json_object_get(policy, "preset"));
	const char *damage = json_string_value(json_object_get(policy, "damage"));
	struct finding finding = { GROUP, "Policy", preset, NULL, NULL, VERDICT_PASS };

	if (damage != NULL) {
		finding.message = "cannot be read: all is denied";
		finding.detail = damage;
		finding.hint = "run 'sbx policy reset'";
		finding.verdict = VERDICT_FAIL;
	} else if (preset == NULL) {
		finding.message = "no preset was chosen";
		finding.hint = "run 'sbx policy init'";
		finding.verdict = VERDICT_WARN;
	}
	report_add(report, &finding);
	json_decref(policy);
}

static void check_audit(struct report *report)
{
	autofree char *folder = path_join(report->supervisor->paths.state, "audit");
	struct audit_report found = { .lines = 0 };
	struct err err = ERR_INIT;
	char text[64];
	int r = folder == NULL ? -ENOMEM : 0;

	if (report->supervisor->audit == NULL || r < 0) {
		report_add(report, &(struct finding){ GROUP, "Audit file", "not kept", NULL, NULL,
						      VERDICT_SKIP });
		return;
	}
	r = audit_verify(folder, &found, &err);
	(void)snprintf(text, sizeof(text), "unbroken, %" PRIu64 " lines", found.lines);
	report_add(report, &(struct finding){ GROUP, "Audit file", r == 0 ? text : err.text, folder,
					      "run 'sbx audit verify'",
					      r == 0 ? VERDICT_PASS : VERDICT_FAIL });
}

void diagnose_network(struct report *report)
{
	check_uplink(report);
	check_vault(report);
	check_policy(report);
	check_audit(report);
}

/* What the policy says of a name; `wanted` passes. */
static void probe(struct report *report, const struct policy *policy, const char *check,
		  const char *name, uint16_t port, enum policy_decision wanted)
{
	const struct policy_question question = { .name = name,
						  .port = port,
						  .protocol = POLICY_TCP };
	struct policy_verdict verdict;
	char text[POLICY_NAME_MAX + 32];

	policy_decide(policy, &question, &verdict);
	(void)snprintf(text, sizeof(text), "%s:%u is %s", name, (unsigned)port,
		       verdict.decision == POLICY_ALLOW ? "allowed" : "denied");
	report_add(report,
		   &(struct finding){ GROUP, check, text, verdict.sentence, NULL,
				      verdict.decision == wanted ? VERDICT_PASS : VERDICT_WARN });
}

static void check_probes(struct report *report, const char *sandbox, const struct policy *policy)
{
	char check[CHECK_NAME_MAX], name[POLICY_NAME_MAX + 1];
	uint16_t port = 0;

	(void)snprintf(check, sizeof(check), "%s: denied probe", sandbox);
	probe(report, policy, check, DENIED_NAME, HTTPS_PORT, POLICY_DENY);
	(void)snprintf(check, sizeof(check), "%s: allowed probe", sandbox);
	if (policy_store_allowed(report->supervisor->policy, sandbox, name, &port) == 0)
		probe(report, policy, check, name, port > 0 ? port : HTTPS_PORT, POLICY_ALLOW);
	else
		report_add(report, &(struct finding){ GROUP, check, "no rule allows a name", NULL,
						      "run 'sbx policy allow'", VERDICT_SKIP });
}

/* Pushes once more: who does not say that it took it up is not there, or hangs. */
static void check_in_force(struct report *report, const char *sandbox)
{
	bool is_applied = network_changed(report->supervisor, sandbox) > 0;
	char check[CHECK_NAME_MAX];

	(void)snprintf(check, sizeof(check), "%s: policy in force", sandbox);
	report_add(report,
		   &(struct finding){ GROUP, check,
				      is_applied ? "taken up by sbx-net and sbx-proxy"
						 : "sbx-net or sbx-proxy does not take it up",
				      NULL, "stop the sandbox and start it again",
				      is_applied ? VERDICT_PASS : VERDICT_FAIL });
}

/* The last whole line of a certificate, which is of its signature: no other has it. */
static char *last_line(const char *pem)
{
	const char *end = strstr(pem, "\n-----END"), *start;

	if (end == NULL)
		return NULL;
	end = memrchr(pem, '\n', (size_t)(end - pem));
	start = end == NULL ? NULL : memrchr(pem, '\n', (size_t)(end - pem));
	return start == NULL ? NULL : strndup(start + 1, (size_t)(end - start - 1));
}

/* 0 when the guest's bundle has the certificate; -ENOENT when not. */
static int find_in_bundle(struct sandbox *sandbox, struct err *err)
{
	char hash[AUTHORITY_HASH_SIZE];
	autofree char *pem = NULL;
	autofree char *line = NULL;
	uint32_t status = 0;
	int r = authority_certificate(sandbox, &pem, hash, err);

	if (r < 0)
		return r;
	line = pem == NULL ? NULL : last_line(pem);
	if (line == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	char *args[] = { (char *)"grep", (char *)"-qsF", (char *)"-e", line, (char *)GUEST_BUNDLE };
	r = guest_run(sandbox->vsock_path,
		      &(struct guest_message){
			      .type = GUEST_EXEC, .args = args, .args_count = countof(args) },
		      clock_now_ms() + GUEST_MS, &status, err);
	if (r == 0 && status != 0)
		r = err_set(err, -ENOENT, "not in the guest's " GUEST_BUNDLE);
	return r;
}

static void check_certificate(struct report *report, struct sandbox *sandbox)
{
	struct err err = ERR_INIT;
	int r = find_in_bundle(sandbox, &err);
	char check[CHECK_NAME_MAX];

	(void)snprintf(check, sizeof(check), "%s: certificate", sandbox->record.name);
	report_add(report,
		   &(struct finding){ GROUP, check, r == 0 ? "the guest trusts it" : err.text, NULL,
				      "programs in the guest refuse connections that are looked "
				      "into; start the sandbox again",
				      r == 0 ? VERDICT_PASS : VERDICT_WARN });
}

void diagnose_sandbox_network(struct report *report, struct sandbox *sandbox)
{
	const char *name = sandbox->record.name;
	struct policy *policy = NULL;

	if (policy_store_compile(report->supervisor->policy, name, &policy) < 0)
		return;
	check_probes(report, name, policy);
	policy_destroy(policy);
	check_in_force(report, name);
	check_certificate(report, sandbox);
}
