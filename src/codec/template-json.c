/*
 * template-json.c - writes values as Go's encoding/json does, with HTML escaping off
 *
 * (1) A struct without known fields is a row of docker's: such escape HTML inside.
 * (2) Maps come sorted by key, structs in the order of their type.
 */
#include <math.h>

#include "codec/template-priv.h"

#define DEPTH_MAX 1000

static void write_string(const char *s, size_t len, bool html, struct buf *out)
{
	static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";

	buf_addc(out, '"');
	while (len) {
		uint32_t r;
		size_t k = utf8_decode(s, len, &r);
		const char *at = r && r < 0x20 ? strchr(bytes, (int)r) : NULL;

		if (r == '"' || r == '\\') {
			buf_addc(out, '\\');
			buf_addc(out, (char)r);
		} else if (at) {
			buf_addc(out, '\\');
			buf_addc(out, letters[at - bytes]);
		} else if (r < 0x20 || (html && (r == '<' || r == '>' || r == '&')) ||
			   r == 0x2028 || r == 0x2029 || (r == 0xfffd && k == 1)) {
			buf_addf(out, "\\u%04x", r);
		} else {
			buf_add(out, s, k);
		}
		s += k;
		len -= k;
	}
	buf_addc(out, '"');
}

static void write_float(double d, struct buf *out)
{
	double a = fabs(d);

	if (a != 0 && (a < 1e-6 || a >= 1e21)) {
		AUTO(buf) struct buf b = {0};
		char *e;

		go_append_float(&b, d, 'g', -1);
		e = strchr(b.p, 'e');
		if (e && e[1] == '-' && e[2] == '0') {
			e[2] = e[3];
			e[3] = '\0';
		}
		buf_adds(out, b.p);
	} else {
		go_append_float(out, d, 'f', -1);
	}
}

static void write_value(struct val v, struct buf *out, bool html, int depth);

static void write_map(struct val v, struct buf *out, bool html, int depth)
{
	bool hide = val_kind(v) == V_STRUCT, first = true;
	size_t n;
	AUTO(free) const char **keys = NULL;

	if (!json_is_object(v.j)) {
		buf_adds(out, "null");
		return;
	}
	keys = val_sorted_keys(v, &n);
	buf_addc(out, '{');
	for (size_t i = 0; i < n; i++) {
		if (hide && keys[i][0] == '.')
			continue;
		if (!first)
			buf_addc(out, ',');
		first = false;
		write_string(keys[i], strlen(keys[i]), html, out);
		buf_addc(out, ':');
		write_value(val_key(v, keys[i], strlen(keys[i])), out, html, depth);
	}
	buf_addc(out, '}');
}

static bool is_empty(struct val v)
{
	enum val_kind k = val_kind(v);

	return k != V_STRUCT && !val_true(v);
}

static void write_struct(struct val v, struct buf *out, bool html, int depth)
{
	const struct tmpl_field *f = v.type->fields;
	bool first = true;

	if (!f) {
		write_map(v, out, true, depth);
		return;
	}
	buf_addc(out, '{');
	for (; f->name; f++) {
		struct val field = val_field(v, f);
		const char *key = f->key ? f->key : f->name;

		if (f->omitempty && is_empty(field))
			continue;
		if (!first)
			buf_addc(out, ',');
		first = false;
		write_string(key, strlen(key), html, out);
		buf_addc(out, ':');
		write_value(field, out, html, depth);
	}
	buf_addc(out, '}');
}

static void write_list(struct val v, struct buf *out, bool html, int depth)
{
	if (!json_is_array(v.j)) {
		buf_adds(out, "null");
		return;
	}
	buf_addc(out, '[');
	for (size_t i = 0; i < val_len(v); i++) {
		if (i)
			buf_addc(out, ',');
		write_value(val_at(v, i), out, html, depth);
	}
	buf_addc(out, ']');
}

static void write_value(struct val v, struct buf *out, bool html, int depth)
{
	const char *s;
	size_t n;

	if (depth > DEPTH_MAX) {
		buf_adds(out, "null");
		return;
	}
	switch (val_kind(v)) {
	case V_INVALID:
	case V_NIL:
		buf_adds(out, "null");
		break;
	case V_BOOL:
		buf_adds(out, val_bool(v) ? "true" : "false");
		break;
	case V_INT:
		buf_addf(out, "%lld", (long long)val_int(v));
		break;
	case V_FLOAT:
		write_float(val_float(v), out);
		break;
	case V_STRING:
		s = val_str(v, &n);
		write_string(s, n, html, out);
		break;
	case V_LIST:
		write_list(v, out, html, depth + 1);
		break;
	case V_MAP:
		write_map(v, out, html, depth + 1);
		break;
	case V_STRUCT:
		write_struct(v, out, html, depth + 1);
		break;
	}
}

void tmpl_json(json_t *v, const struct tmpl_type *type, struct buf *out)
{
	write_value((struct val){.j = v, .type = type}, out, false, 0);
}
