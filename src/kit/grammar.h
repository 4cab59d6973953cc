/* The grammars of kits: the rows of whole files, and of parts that several versions share. */
#ifndef KIT_GRAMMAR_H
#define KIT_GRAMMAR_H

#include "kit/rule.h"

extern const struct rule grammar_v1[], grammar_v2[], grammar_v3[];

extern const struct rule rules_security[], rules_build[], rules_port[], rules_api_key[],
	rules_endpoint[], rules_sentinels[], rules_credential_file[], rules_install[],
	rules_startup[], rules_file[], rules_volume[];

#endif
