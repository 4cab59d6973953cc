/*
 * What the strings of a kit must look like. Each takes a string and returns
 * NULL when it will do, else what it must be, as a phrase after "must be".
 */
#ifndef KIT_TEXT_H
#define KIT_TEXT_H

const char *text_version(const char *text); /* schemaVersion 2; others have grammars of their own */
const char *text_kind(const char *text);    /* sandbox, mixin */
const char *text_kind_v1(const char *text); /* sandbox, mixin, agent */
const char *text_kind_v3(const char *text); /* workload, mixin, set, sandbox */
const char *text_service(const char *text); /* as a name, and _ inside */
const char *text_capability(const char *text);	/* namespace/name@1 */
const char *text_name(const char *text);	/* a-z 0-9 and - inside, 64 at most */
const char *text_path(const char *text);	/* absolute, no part is .. */
const char *text_locked(const char *text);	/* dotted path of keys */
const char *text_argument(const char *text);	/* name of an argument */
const char *text_variable(const char *text);	/* environment variable that a kit may set */
const char *text_mode(const char *text);	/* octal, 07777 at most */
const char *text_port(const char *text);	/* 1 to 65535 */
const char *text_protocol(const char *text);	/* "", tcp, udp */
const char *text_volume_type(const char *text); /* "", tmpfs */
const char *text_scheme(const char *text);	/* bearer, basic */
const char *text_format(const char *text);	/* one %s */
const char *text_size(const char *text);	/* bytes, 512m */
const char *text_resource(const char *text);	/* host, host:port, wildcard */
const char *text_https(const char *text);	/* https://… */
const char *text_filled(const char *text);	/* not empty */

#endif
