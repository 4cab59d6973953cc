/*
 * Policies as files that a reviewer can read: share/policies/NAME.policy, and
 * what the user gives to --policy. One statement a line, '#' begins a comment:
 *
 *	title TEXT			for people, once
 *	ceiling				only rules that the user adds count (locked down)
 *	group NAME			the id of the rules that follow
 *	allow RESOURCE [PROTOCOLS [METHODS [PATH]]]
 *	deny RESOURCE [PROTOCOLS [METHODS [PATH]]]
 *
 * PROTOCOLS are tcp, udp or tcp,udp; absent: tcp to allow, both to deny.
 * METHODS and PATH are as in policy_rule_set_http().
 */
#ifndef POLICY_PRESET_H
#define POLICY_PRESET_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/policy.h"

struct err;

enum { PRESET_TITLE_MAX = 80, PRESET_BYTES_MAX = 1 << 20 };

struct preset {
	char title[PRESET_TITLE_MAX + 1];
	bool ceiling;
	struct policy_rule *rules; /* owned */
	size_t count;
};

/* Rules get this origin. -EINVAL with a sentence that names the line. */
int preset_parse(const char *text, size_t len, enum policy_origin origin, struct preset *ret,
		 struct err *err);
void preset_finish(struct preset *preset);

#endif
