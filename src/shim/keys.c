/*
 * keys.c - the key sequence by which a client leaves a container
 *
 * (1) What is not part of a whole sequence reaches the container in order and complete; bytes
 *     that may still become one are held back until the next byte decides.
 */
#include "shim/keys.h"

#include <string.h>

static int key_code(const char *key, size_t n)
{
	static const char special[] = "@[\\]^_";
	static const uint8_t codes[] = {0, 27, 28, 29, 30, 31};
	const char *p;

	if (n == 1)
		return (unsigned char)key[0];
	if (n != 6 || memcmp(key, "ctrl-", 5) != 0)
		return -1;
	if (key[5] >= 'a' && key[5] <= 'z')
		return key[5] - 'a' + 1;
	p = strchr(special, key[5]);
	return p ? codes[p - special] : -1;
}

int shim_detach_keys(const char *keys, uint8_t ret[SHIM_KEYS_MAX], size_t *ret_n, struct err *err)
{
	uint8_t out[SHIM_KEYS_MAX];
	size_t n = 0;

	for (const char *p = keys; *p;) {
		size_t len = strcspn(p, ",");
		int code;

		if (len == 0 && p[0] == ',' && (p[1] == ',' || !p[1]) && p == keys)
			len = 1; /* a lone comma is a key */
		code = key_code(p, len);
		if (code < 0)
			return err_set(err, ERR_INVALID, "unknown character: '%.*s'",
				       (int)(len < 40 ? len : 40), p);
		if (n == SHIM_KEYS_MAX)
			return err_set(err, ERR_INVALID, "detach keys are longer than %d keys",
				       SHIM_KEYS_MAX);
		out[n++] = (uint8_t)code;
		p += len;
		if (*p == ',' && !*++p)
			return err_set(err, ERR_INVALID, "unknown character: ''");
	}
	memcpy(ret, out, n);
	*ret_n = n;
	return 0;
}

void keys_init(struct keys *k, const uint8_t *seq, size_t n)
{
	memset(k, 0, sizeof(*k));
	memcpy(k->seq, seq, n);
	k->n = n;
}

/* How many bytes of the sequence's start the held bytes plus c end with. */
static size_t longest_prefix(const struct keys *k, uint8_t c)
{
	for (size_t len = k->pos + 1; len > 0; len--) {
		/* the last len bytes of seq[0..pos) + c */
		if (k->seq[len - 1] == c &&
		    memcmp(k->seq, k->seq + (k->pos + 1 - len), len - 1) == 0)
			return len;
	}
	return 0;
}

bool keys_feed(struct keys *k, const uint8_t *in, size_t n, uint8_t *out, size_t *ret_n)
{
	size_t o = 0;

	for (size_t i = 0; i < n; i++) {
		size_t next, freed;

		if (!k->n) {
			out[o++] = in[i];
			continue;
		}
		next = longest_prefix(k, in[i]);
		/* held + 1 bytes are known, next of them stay held */
		freed = k->pos + 1 - next;
		for (size_t j = 0; j < freed; j++)
			out[o++] = j < k->pos ? k->seq[j] : in[i];
		k->pos = next;
		if (k->pos == k->n) {
			k->pos = 0;
			*ret_n = o;
			return true;
		}
	}
	*ret_n = o;
	return false;
}
