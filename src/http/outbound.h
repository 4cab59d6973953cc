/*
 * What both versions look at once more before they write a message: no value,
 * wherever it came from, gets out that could begin something of its own.
 */
#ifndef HTTP_OUTBOUND_H
#define HTTP_OUTBOUND_H

#include <stdbool.h>

#include "http/message.h"

/* Method, authority, path and upgrade are what http/message.h says they are. */
bool http_request_is_sound(const struct http_request *request);

bool http_field_is_sound(const struct http_field *field);

/* Whether a field goes out as it is: neither the codec's nor Proxy-*. */
bool http_is_sent_field(const char *name);

bool http_fields_have_secret(const struct http_fields *fields);

#endif
