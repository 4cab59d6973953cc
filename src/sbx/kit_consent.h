/*
 * The user's consent to what kits of others ask for (kit/asks.h), kept in
 * kits.json of the configuration folder, by the kit's source: which asks were
 * agreed to, and for which content.
 *
 * Where a credential goes may also be agreed to for all kits (sbx/bindings.h).
 * A kit that asks for nothing needs no consent. One that changed and asks for
 * no more goes on, with a note. Else the person at the terminal is asked, and
 * where there is none the kit is refused.
 */
#ifndef SBX_KIT_CONSENT_H
#define SBX_KIT_CONSENT_H

#include <jansson.h>
#include <stdbool.h>

struct err;

/*
 * strangers: as of struct resolved_kit. yes: agree, without a question. 0;
 * -ECANCELED when the answer was no, -ENOTTY when nobody could be asked,
 * another -errno when the file cannot be used.
 */
int kit_consent(const json_t *strangers, bool yes, struct err *err);

#endif
