/* The parts of bench-net, each a word of its command line. */
#ifndef BENCH_NET_MAIN_H
#define BENCH_NET_MAIN_H

#include <stdbool.h>
#include <stdint.h>

/* server.c; does not return. */
int serve(const char *address, unsigned port, unsigned ports);

/* allow.c: tells sbx-net, as its supervisor does, that every address is allowed. */
int allow(const char *control);

#endif
