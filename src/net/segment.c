#include "net/segment.h"

#include "base/bytes.h"
#include "base/check.h"
#include "net/packet.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_MSS_SIZE = 4,
	OPTION_SCALE = 3,
	OPTION_SCALE_SIZE = 3,
	FLAGS_KNOWN = 0x1f,
	CHECKSUM_AT = 16,
};

static void take_option(struct segment *segment, const uint8_t *option)
{
	if (option[0] == OPTION_MSS && option[1] == OPTION_MSS_SIZE) {
		segment->mss = be16_load(option + 2);
	} else if (option[0] == OPTION_SCALE && option[1] == OPTION_SCALE_SIZE) {
		segment->has_scale = true;
		segment->scale = min_of(option[2], (uint8_t)SEGMENT_SCALE_MAX); /* RFC 7323 §2.3 */
	}
}

/* RFC 9293 §3.2: one without a length, or whose length leads out of the header, is malformed. */
static bool parse_options(struct segment *segment, const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != OPTION_END) {
		if (*at == OPTION_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			return false;
		take_option(segment, at);
		at += at[1];
	}
	return true;
}

const char *segment_parse(struct packet *packet, struct segment *ret)
{
	uint8_t header[SEGMENT_HEADER_MAX];
	size_t len;

	if (iov_read(&packet->body, header, SEGMENT_HEADER) < 0)
		return "TCP: short";
	len = (header[12] >> 4) * 4U;
	if (len < SEGMENT_HEADER)
		return "TCP: header length";
	if (iov_read(&packet->body, header + SEGMENT_HEADER, len - SEGMENT_HEADER) < 0)
		return "TCP: short";
	if (!packet_is_sound(packet, header, len))
		return "TCP: checksum";

	*ret = (struct segment){
		.from_port = be16_load(header),
		.to_port = be16_load(header + 2),
		.seq = be32_load(header + 4),
		.ack = be32_load(header + 8),
		.flags = header[13] & FLAGS_KNOWN,
		.window = be16_load(header + 14),
		.data = packet->body,
	};
	if (ret->from_port == 0 || ret->to_port == 0)
		return "TCP: port 0";
	if (!parse_options(ret, header + SEGMENT_HEADER, header + len))
		return "TCP: options";
	return NULL;
}

static size_t build_options(const struct segment *segment, uint8_t *to)
{
	if (segment->mss == 0)
		return 0;
	to[0] = OPTION_MSS;
	to[1] = OPTION_MSS_SIZE;
	be16_store(to + 2, segment->mss);
	if (!segment->has_scale)
		return 4;
	to[4] = OPTION_NOP;
	to[5] = OPTION_SCALE;
	to[6] = OPTION_SCALE_SIZE;
	to[7] = segment->scale;
	return SEGMENT_OPTIONS_MAX;
}

size_t segment_build(const struct segment *segment, uint8_t to[SEGMENT_HEADER_MAX])
{
	size_t len = SEGMENT_HEADER + build_options(segment, to + SEGMENT_HEADER);

	be16_store(to, segment->from_port);
	be16_store(to + 2, segment->to_port);
	be32_store(to + 4, segment->seq);
	be32_store(to + 8, segment->ack);
	to[12] = (uint8_t)(len / 4 << 4);
	to[13] = segment->flags;
	be16_store(to + 14, segment->window);
	be32_store(to + CHECKSUM_AT, 0);
	return len;
}
