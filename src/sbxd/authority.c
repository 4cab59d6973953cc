#include "sbxd/authority.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/log.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "sbxd/paths.h"
#include "sbxd/sandbox.h"
#include "tls/authority.h"
#include "wire/proxy.h"

enum { PEM_FILE_MAX = 16384, BUNDLE_MAX = 8 << 20, SUBJECT_MAX = 64 };

static const char pem_begin[] = "-----BEGIN CERTIFICATE-----";
static const char pem_end[] = "-----END CERTIFICATE-----\n";

/* Where distributions keep the certificates that the machine trusts; the first one counts. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

static void wipe(struct buf *buf)
{
	if (buf->data != NULL)
		explicit_bzero(buf->data, buf->cap);
	buf_finish(buf);
}

static char *own_path(const struct sandbox *sandbox)
{
	return path_join(sandbox->folder, "authority.pem");
}

static int write_authority(const char *path, const struct authority_pem *pem)
{
	autocall(wipe) struct buf text = { 0 };
	int r;

	buf_init(&text, PEM_FILE_MAX);
	if (buf_reserve(&text, PEM_FILE_MAX) == NULL)
		return -ENOMEM;
	r = buf_printf(&text, "%s%s", pem->certificate, pem->key);
	return r < 0 ? r : file_write(AT_FDCWD, path, text.data, text.len, 0600);
}

int authority_ensure(struct sandbox *sandbox, struct err *err)
{
	autofree char *path = own_path(sandbox);
	struct authority_pem pem;
	char subject[SUBJECT_MAX + 1];
	int r;

	if (path == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (access(path, F_OK) == 0)
		return 0;
	(void)snprintf(subject, sizeof(subject), "sbx %.59s", sandbox->record.name);
	r = authority_make(subject, &pem, err);
	if (r < 0)
		return r;
	r = write_authority(path, &pem);
	authority_pem_finish(&pem);
	return r < 0 ? err_set_errno(err, r, "cannot write '%s'", path) : 0;
}

/* The bytes up to the end of the last certificate that ends within max; 0: none does. */
static size_t whole_certificates(const char *text, size_t len, size_t max)
{
	size_t whole = 0;

	for (;;) {
		const char *end = memmem(text + whole, len - whole, pem_end, sizeof(pem_end) - 1);
		size_t next;

		if (end == NULL)
			return whole;
		next = (size_t)(end - text) + sizeof(pem_end) - 1;
		if (next > max)
			return whole;
		whole = next;
	}
}

/* PROXY_TRUST frames of a bundle, cut between certificates. */
static int append_bundle(const char *path, struct buf *frames)
{
	autocall(buf_finish) struct buf text = { 0 };
	const char *rest;
	size_t len;
	int r;

	buf_init(&text, BUNDLE_MAX);
	r = file_read(AT_FDCWD, path, &text);
	if (r == 0)
		r = buf_append(&text, "\n", 1); /* the last line may lack its end */
	if (r < 0)
		return r;
	rest = (const char *)text.data;
	len = text.len;
	for (;;) {
		size_t part = whole_certificates(rest, len, PROXY_PEM_MAX);
		autofree char *pem = part == 0 ? NULL : strndup(rest, part);
		const struct proxy_message message = { .type = PROXY_TRUST, .pem = pem };

		if (part == 0)
			return 0;
		if (pem == NULL)
			return -ENOMEM;
		r = proxy_message_append(frames, &message);
		if (r < 0)
			return r;
		rest += part;
		len -= part;
	}
}

static const char *find_bundle(void)
{
	for (size_t i = 0; i < countof(bundles); i++)
		if (access(bundles[i], R_OK) == 0)
			return bundles[i];
	return NULL;
}

/* The host's, the daemon's and this sandbox's own. One that cannot be read trusts nobody. */
static int append_trust(struct sandbox *sandbox, struct buf *frames)
{
	const struct proxy_message forget = { .type = PROXY_TRUST, .flags = PROXY_FLAG_FORGET };
	const char *const paths[] = { find_bundle(), getenv("SBX_EXTRA_CA"),
				      sandbox->record.extra_ca };
	int r = proxy_message_append(frames, &forget);

	for (size_t i = 0; r == 0 && i < countof(paths); i++) {
		if (paths[i] == NULL || paths[i][0] == '\0')
			continue;
		r = append_bundle(paths[i], frames);
		if (r < 0 && r != -ENOMEM && r != -ENOBUFS) {
			log_warning("the certificates in '%s' are not used: %s", paths[i],
				    strerror(-r));
			r = 0;
		}
	}
	return r;
}

int authority_append(struct sandbox *sandbox, struct buf *frames)
{
	autofree char *path = own_path(sandbox);
	autocall(wipe) struct buf text = { 0 };
	struct proxy_message message = { .type = PROXY_AUTHORITY };
	struct err ignored = ERR_INIT;
	int r = path == NULL ? -ENOMEM : authority_ensure(sandbox, &ignored);

	buf_init(&text, PEM_FILE_MAX);
	if (r == 0 && buf_reserve(&text, PEM_FILE_MAX) == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = file_read(AT_FDCWD, path, &text);
	if (r == 0) {
		message.pem = (char *)(uintptr_t)buf_str(&text);
		r = message.pem == NULL ? -ENOMEM : proxy_message_append(frames, &message);
	}
	return r < 0 ? r : append_trust(sandbox, frames);
}

/* As OpenSSL names the links in a folder of certificates. */
static int hash_subject(const char *pem, char ret[AUTHORITY_HASH_SIZE])
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
	int r = certificate == NULL ? -EINVAL : 0;

	if (r == 0)
		(void)snprintf(ret, AUTHORITY_HASH_SIZE, "%08lx",
			       X509_subject_name_hash(certificate) & 0xffffffff);
	X509_free(certificate);
	BIO_free(bio);
	return r;
}

int authority_certificate(struct sandbox *sandbox, char **ret_pem,
			  char ret_hash[AUTHORITY_HASH_SIZE], struct err *err)
{
	autofree char *path = own_path(sandbox);
	autocall(wipe) struct buf text = { 0 };
	autofree char *pem = NULL;
	size_t len;
	int r = path == NULL ? -ENOMEM : 0;

	buf_init(&text, PEM_FILE_MAX);
	if (r == 0)
		r = file_read(AT_FDCWD, path, &text);
	if (r == 0) {
		len = whole_certificates((const char *)text.data, text.len, text.len);
		pem = strndup((const char *)text.data, len);
		r = pem == NULL ? -ENOMEM : hash_subject(pem, ret_hash);
	}
	if (r < 0)
		return err_set_errno(err, r, "cannot read the authority of sandbox '%s'",
				     sandbox->record.name);
	*ret_pem = take_ptr(pem);
	return 0;
}

/* What fits of a file of certificates. One that cannot be read trusts nobody. */
static int add_file(const char *path, struct buf *pem)
{
	autocall(buf_finish) struct buf text = { 0 };
	size_t part;
	int r;

	if (path == NULL || path[0] == '\0')
		return 0;
	buf_init(&text, BUNDLE_MAX);
	r = file_read(AT_FDCWD, path, &text);
	if (r < 0) {
		log_warning("the certificates in '%s' are not used: %s", path, strerror(-r));
		return r == -ENOMEM ? r : 0;
	}
	part = whole_certificates((const char *)text.data, text.len, pem->max - pem->len - 1);
	if (whole_certificates((const char *)text.data, text.len, text.len) > part)
		log_warning(
			"the guest trusts only the first certificates in '%s': "
			"they are more than %d bytes",
			path, AUTHORITY_GUEST_MAX);
	r = buf_append(pem, text.data, part);
	return r == 0 && part > 0 ? buf_append(pem, "\n", 1) : r;
}

int authority_add_extra(const struct sandbox *sandbox, char **pem, struct err *err)
{
	autocall(buf_finish) struct buf all = { 0 };
	char *text = NULL;
	int r;

	buf_init(&all, AUTHORITY_GUEST_MAX);
	r = buf_printf(&all, "%s\n", *pem);
	if (r == 0)
		r = add_file(getenv("SBX_EXTRA_CA"), &all);
	if (r == 0)
		r = add_file(sandbox->record.extra_ca, &all);
	if (r == 0)
		text = strndup((const char *)all.data, all.len);
	if (text == NULL)
		return err_set_errno(err, r < 0 ? r : -ENOMEM,
				     "cannot gather what sandbox '%s' trusts",
				     sandbox->record.name);
	free(*pem);
	*pem = text;
	return 0;
}

int authority_check_extra(const char *path, struct err *err)
{
	autocall(buf_finish) struct buf text = { 0 };
	char hash[AUTHORITY_HASH_SIZE];
	const char *found;
	int r;

	buf_init(&text, BUNDLE_MAX);
	r = path[0] != '/' ? -EINVAL : file_read(AT_FDCWD, path, &text);
	if (r < 0)
		return err_set(err, -EINVAL, "cannot read the certificates '%s': %s", path,
			       strerror(-r));
	found = buf_str(&text) == NULL ? NULL : strstr(buf_str(&text), pem_begin);
	for (unsigned count = 0; found != NULL || count == 0; count++) {
		if (found == NULL || hash_subject(found, hash) < 0)
			return err_set(err, -EINVAL, "'%s' holds no certificates in PEM", path);
		found = strstr(found + 1, pem_begin);
	}
	return 0;
}
