/*
 * passt --vhost-user as the backend of our frontend: it answers an ARP request
 * for its gateway, through both queues of a network device.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <unistd.h>

#include "tests/interop/guest.h"
#include "tests/unit/test.h"

enum { RECEIVE, TRANSMIT, QUEUES };

struct arp_frame {
	struct virtio_net_hdr_mrg_rxbuf head;
	struct ether_header ethernet;
	struct ether_arp arp;
} __attribute__((packed));

static const uint8_t guest_mac[ETH_ALEN] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
static struct interop_guest guest;

static int start(void)
{
	char *words[] = { (char[]){ "--vhost-user" },
			  (char[]){ "--foreground" },
			  (char[]){ "--one-off" },
			  (char[]){ "--socket" },
			  guest.socket,
			  (char[]){ "--address" },
			  (char[]){ "10.9.0.2" },
			  (char[]){ "--netmask" },
			  (char[]){ "24" },
			  (char[]){ "--gateway" },
			  (char[]){ "10.9.0.1" },
			  (char[]){ "--quiet" },
			  NULL };
	int r = interop_init(&guest);

	if (r == 0)
		r = interop_start(&guest, "usr/bin/passt", words);
	return r < 0 ? r
		     : interop_begin(&guest,
				     1U << VIRTIO_NET_F_MRG_RXBUF | 1U << VIRTIO_RING_F_EVENT_IDX,
				     QUEUES);
}

static void ask_for_gateway(void)
{
	struct arp_frame frame = { .ethernet.ether_type = htons(ETHERTYPE_ARP),
				   .arp.ea_hdr = { .ar_hrd = htons(ARPHRD_ETHER),
						   .ar_pro = htons(ETHERTYPE_IP),
						   .ar_hln = ETH_ALEN,
						   .ar_pln = 4,
						   .ar_op = htons(ARPOP_REQUEST) },
				   .arp.arp_spa = { 10, 9, 0, 2 },
				   .arp.arp_tpa = { 10, 9, 0, 1 } };

	memset(frame.ethernet.ether_dhost, 0xff, ETH_ALEN);
	memcpy(frame.ethernet.ether_shost, guest_mac, ETH_ALEN);
	memcpy(frame.arp.arp_sha, guest_mac, ETH_ALEN);
	memcpy(interop_given(&guest, TRANSMIT), &frame, sizeof(frame));
	interop_offer(&guest, TRANSMIT, sizeof(frame), 0);
}

TEST(our_frontend_drives_passt)
{
	struct arp_frame got;

	if (!interop_has("usr/bin/passt"))
		SKIP("SBX_PEERS has no passt; ./dev test fetches it");
	if (start() < 0)
		printf("# %s\n", guest.err.text);
	CHECK(guest.queues == QUEUES);
	/* A frame that finds no buffer is dropped; and it may have something else to say first. */
	for (int tries = 0; tries < 16; tries++) {
		interop_offer(&guest, RECEIVE, 0, INTEROP_BUFFER);
		ask_for_gateway();
		CHECK(interop_await(&guest, TRANSMIT) >= 0);
		CHECK(interop_await(&guest, RECEIVE) >= (int)sizeof(struct virtio_net_hdr));
		memcpy(&got, interop_taken(&guest, RECEIVE), sizeof(got));
		if (got.ethernet.ether_type == htons(ETHERTYPE_ARP) &&
		    got.arp.ea_hdr.ar_op == htons(ARPOP_REPLY))
			break;
	}
	CHECK_EQ(got.arp.ea_hdr.ar_op, htons(ARPOP_REPLY));
	CHECK_MEM(got.arp.arp_spa, "\x0a\x09\x00\x01", 4);
	CHECK_MEM(got.arp.arp_tha, guest_mac, ETH_ALEN);
	CHECK_MEM(got.ethernet.ether_dhost, guest_mac, ETH_ALEN);
	interop_finish(&guest);
}

TEST_MAIN()
