/*
 * The guest's TCP in a benchmark: many flows at once, IPv4, no more than what
 * a lossless link needs. What is lost all the same is sent again from where the
 * backend's acknowledgements stopped.
 */
#ifndef BENCH_NET_GUEST_H
#define BENCH_NET_GUEST_H

#include <stdbool.h>
#include <stdint.h>

struct link;

enum { GUEST_FLOWS_MAX = 20000, GUEST_FIRST_PORT = 20000 };

enum flow_step { FLOW_FREE, FLOW_ASKED, FLOW_OPEN, FLOW_ENDED, FLOW_RESET };

struct flow {
	enum flow_step step;
	uint32_t una, nxt, edge; /* edge: how far its peer's window goes */
	uint32_t rcv;
	uint32_t window, threshold; /* of congestion, RFC 5681 */
	uint64_t received, acked;   /* payload */
	uint64_t wants;		    /* payload that is still to be sent for the first time */
	uint64_t sent_ms;	    /* when something was last sent or acknowledged */
	uint16_t mss;
	uint8_t scale, duplicates;
	bool ack_due, fin_due, fin_sent;
};

struct guest_config {
	struct link *link;
	uint8_t mac[6];
	uint8_t address[4], gateway[4], target[4];
	uint16_t target_port; /* the first of target_ports */
	unsigned target_ports;
};

struct guest {
	struct guest_config config;
	uint8_t gateway_mac[6];
	bool has_gateway;
	unsigned open, ended, reset;		  /* flows that ever came so far */
	uint64_t received, acked;		  /* payload of all flows */
	unsigned due[GUEST_FLOWS_MAX], due_count; /* flows whose ACK is due */
	struct flow flows[GUEST_FLOWS_MAX];
};

/* Learns where the gateway is. False: it does not answer. */
bool guest_begin(struct guest *guest, const struct guest_config *config);

/* Sends the SYN of flow number `index`; false: no room now. */
bool guest_open(struct guest *guest, unsigned index);

/* Sends what the flow wants, as far as it may now. */
void guest_push(struct guest *guest, unsigned index);

/* Nothing was acknowledged for a while: goes back to where that stopped. */
void guest_retry(struct guest *guest, unsigned index);

/* Resets the flow; false: no room now. */
bool guest_reset(struct guest *guest, unsigned index);

/* Takes what came, answers it; false: nothing came. */
bool guest_step(struct guest *guest);

#endif
