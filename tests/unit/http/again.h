/*
 * Events that check each request before they record it: said again by an HTTP/1
 * client and read by an HTTP/1 server, it is one request, and the same. This is
 * what no request may escape, whatever version it came by (smuggling).
 */
#ifndef TESTS_UNIT_HTTP_AGAIN_H
#define TESTS_UNIT_HTTP_AGAIN_H

#include "tests/unit/http/record.h"

/* The owner is a struct record with `scheme` and `is_proxy` set; aborts when it is not so. */
void again_events(struct http_events *ret);

#endif
