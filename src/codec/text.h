/*
 * text.h - runes, and Go's way to write strings and numbers
 */
#pragma once

#include "base/str.h"

/* Decodes one rune of s (n > 0 bytes): its length; 0xFFFD and 1 for a byte that is no UTF-8. */
size_t utf8_decode(const char *s, size_t n, uint32_t *ret);
void utf8_append(struct buf *out, uint32_t rune);
/* strconv.Quote, or QuoteToASCII. */
void go_append_quote(struct buf *out, const char *s, size_t len, bool ascii_only);
/* strconv.FormatFloat for verbs e f g E G; prec -1: as short as is exact. */
void go_append_float(struct buf *out, double d, char verb, int prec);
