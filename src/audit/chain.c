#include "audit/chain.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "audit/audit.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

static const char hash_member[] = ",\"hash\":\"";

enum {
	HASH_DIGITS = CHAIN_HASH_SIZE - 1,
	HASH_TAIL = sizeof(hash_member) - 1 + HASH_DIGITS + 2, /* with "} */
};

void chain_init(struct chain *chain)
{
	chain->next = 1;
	memset(chain->prev, '0', HASH_DIGITS);
	chain->prev[HASH_DIGITS] = '\0';
}

static void hash_text(const char *text, size_t len, char ret[CHAIN_HASH_SIZE])
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	(void)crypto_hash_sha256(hash, (const uint8_t *)text, len);
	(void)sodium_bin2hex(ret, CHAIN_HASH_SIZE, hash, sizeof(hash));
}

static void format_time(int64_t seconds, char ret[32])
{
	time_t time = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&time, &tm) == NULL || strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		ret[0] = '\0';
}

/* The line as an object, without its hash. */
static json_t *build(const struct chain *chain, int64_t seconds, const char *event,
		     const char *sandbox, const json_t *details)
{
	char when[32];
	json_t *line;

	format_time(seconds, when);
	line = json_pack("{sI ss ss ss*}", "n", (json_int_t)chain->next, "time", when, "event",
			 event, "sandbox", sandbox);
	if (line == NULL)
		return NULL;
	if (json_object_update_missing(line, (json_t *)details) < 0 ||
	    json_object_set_new(line, "prev", json_string(chain->prev)) < 0) {
		json_decref(line);
		return NULL;
	}
	return line;
}

static char *dump(const struct chain *chain, int64_t seconds, const char *event,
		  const char *sandbox, const json_t *details)
{
	json_t *line = build(chain, seconds, event, sandbox, details);
	char *text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);

	json_decref(line);
	return text;
}

/* The line without the '}' and the hash; owned by the caller. */
static char *make_text(const struct chain *chain, int64_t seconds, const char *event,
		       const char *sandbox, const json_t *details)
{
	char *text = dump(chain, seconds, event, sandbox, details);
	json_t *cut;

	if (text != NULL && strlen(text) > AUDIT_LINE_MAX - HASH_TAIL) {
		free(text);
		cut = json_pack("{sb}", "cut", 1);
		text = cut == NULL ? NULL : dump(chain, seconds, event, sandbox, cut);
		json_decref(cut);
	}
	if (text != NULL)
		text[strlen(text) - 1] = '\0';
	return text;
}

int chain_format(struct chain *chain, int64_t seconds, const char *event, const char *sandbox,
		 const json_t *details, struct buf *buf)
{
	autofree char *text = make_text(chain, seconds, event, sandbox, details);
	char hash[CHAIN_HASH_SIZE];
	int r;

	if (text == NULL)
		return -ENOMEM;
	hash_text(text, strlen(text), hash);
	r = buf_printf(buf, "%s%s%s\"}\n", text, hash_member, hash);
	if (r < 0)
		return r;
	memcpy(chain->prev, hash, sizeof(hash));
	chain->next++;
	return 0;
}

/* The line's own hash, when it is right. */
static int check_hash(const char *line, size_t len, char ret[CHAIN_HASH_SIZE])
{
	const char *tail = line + len - HASH_TAIL;
	char hash[CHAIN_HASH_SIZE];

	if (len <= HASH_TAIL || memcmp(tail, hash_member, sizeof(hash_member) - 1) != 0 ||
	    memcmp(line + len - 2, "\"}", 2) != 0)
		return -EBADMSG;
	hash_text(line, len - HASH_TAIL, hash);
	if (memcmp(tail + sizeof(hash_member) - 1, hash, HASH_DIGITS) != 0)
		return -EBADMSG;
	memcpy(ret, hash, CHAIN_HASH_SIZE);
	return 0;
}

/* What a line says of its place. */
static int read_place(const char *line, size_t len, uint64_t *ret_n, char ret_prev[CHAIN_HASH_SIZE])
{
	json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *prev = NULL, *event = NULL;
	json_int_t n = 0;
	int r = 0;

	if (json_unpack(json, "{sI ss ss}", "n", &n, "event", &event, "prev", &prev) < 0 || n < 1 ||
	    strlen(prev) != HASH_DIGITS)
		r = -EBADMSG;
	if (r == 0) {
		*ret_n = (uint64_t)n;
		memcpy(ret_prev, prev, CHAIN_HASH_SIZE);
	}
	json_decref(json);
	return r;
}

int chain_check(struct chain *chain, const char *line, size_t len, struct err *err)
{
	char hash[CHAIN_HASH_SIZE], prev[CHAIN_HASH_SIZE];
	uint64_t n = 0;

	if (check_hash(line, len, hash) < 0)
		return err_set(err, -EBADMSG, "its hash is not that of its text");
	if (read_place(line, len, &n, prev) < 0)
		return err_set(err, -EBADMSG, "it is no line of an audit file");
	if (n != chain->next)
		return err_set(err, -EBADMSG, "it is number %" PRIu64 " where %" PRIu64 " belongs",
			       n, chain->next);
	if (strcmp(prev, chain->prev) != 0)
		return err_set(err, -EBADMSG, "it follows another line than the one before it");
	memcpy(chain->prev, hash, sizeof(hash));
	chain->next++;
	return 0;
}

int chain_resume(struct chain *chain, const char *line, size_t len)
{
	char hash[CHAIN_HASH_SIZE], prev[CHAIN_HASH_SIZE];
	uint64_t n = 0;

	if (check_hash(line, len, hash) < 0 || read_place(line, len, &n, prev) < 0)
		return -EBADMSG;
	memcpy(chain->prev, hash, sizeof(hash));
	chain->next = n + 1;
	return 0;
}
