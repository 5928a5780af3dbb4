/*
 * keys.h - finds the detach sequence in a client's input
 */
#pragma once

#include "shim/shim.h"

struct keys {
	uint8_t seq[SHIM_KEYS_MAX];
	size_t n;   /* 0: never matches */
	size_t pos; /* bytes of seq that are held back */
};

void keys_init(struct keys *k, const uint8_t *seq, size_t n);

/* Copies in to out, which has room for n + SHIM_KEYS_MAX bytes, without the sequence. True: the
 * sequence is complete; what follows it is dropped. */
bool keys_feed(struct keys *k, const uint8_t *in, size_t n, uint8_t *out, size_t *ret_n);
