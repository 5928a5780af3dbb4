/*
 * inspect.c - what `inspect` prints of objects
 *
 * (1) Without a format the API's text itself is printed, only the white space is ours: order
 *     of keys and spelling of numbers stay.
 * (2) A template runs over the object as Go's struct first and, if that fails, over the plain
 *     JSON: `{{.ID}}` and `{{.Id}}` both work.
 */
#include "cli/output.h"

static void newline(struct buf *out, int depth)
{
	buf_addc(out, '\n');
	for (int i = 0; i < depth; i++)
		buf_adds(out, "    ");
}

static size_t skip_space(const char *s, size_t i, size_t n)
{
	while (i < n && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r'))
		i++;
	return i;
}

/* A string from its opening quote; returns the place after the closing one. */
static size_t copy_string(const char *s, size_t i, size_t n, struct buf *out)
{
	size_t start = i++;

	while (i < n && s[i] != '"')
		i += s[i] == '\\' ? 2 : 1;
	i = MIN(i + 1, n);
	buf_add(out, s + start, i - start);
	return i;
}

void json_layout(const char *s, size_t n, int depth, bool indent, struct buf *out)
{
	for (size_t i = 0; (i = skip_space(s, i, n)) < n;) {
		char c = s[i];

		if (c == '"') {
			i = copy_string(s, i, n, out);
			continue;
		}
		i++;
		if (!indent) {
			buf_addc(out, c);
		} else if (c == '{' || c == '[') {
			size_t next = skip_space(s, i, n);

			buf_addc(out, c);
			if (next < n && s[next] == (c == '{' ? '}' : ']')) {
				buf_addc(out, s[next]);
				i = next + 1;
			} else {
				newline(out, ++depth);
			}
		} else if (c == '}' || c == ']') {
			newline(out, --depth);
			buf_addc(out, c);
		} else if (c == ',') {
			buf_addc(out, c);
			newline(out, depth);
		} else {
			buf_addc(out, c);
			if (c == ':')
				buf_addc(out, ' ');
		}
	}
}

int inspect_begin(struct inspect *ins, const char *format, struct err *err)
{
	ins->format = str_or(format);
	if (!*ins->format || streq(ins->format, "json"))
		return 0;
	if (tmpl_parse(ins->format, &ins->tmpl, err) < 0)
		return err_wrap(err, "template parsing error");
	return 0;
}

static int run_template(struct inspect *ins, enum inspect_kind kind, json_t *object,
			struct err *err)
{
	AUTO(buf) struct buf typed = {0}, plain = {0};

	if (tmpl_exec(ins->tmpl, object, inspect_type(kind), 0, &typed, err) == 0) {
		buf_add(&ins->out, typed.p, typed.len);
	} else {
		if (ins->typed_only ||
		    tmpl_exec(ins->tmpl, object, NULL, TMPL_MISSING_IS_ERROR, &plain, err) < 0)
			return err_wrap(err, "template parsing error");
		buf_add(&ins->out, plain.p, plain.len);
	}
	buf_addc(&ins->out, '\n');
	return 0;
}

int inspect_add(struct inspect *ins, enum inspect_kind kind, const char *raw, size_t len,
		struct err *err)
{
	json_error_t why;
	json_t *object = json_loadb(raw, len, JSON_ALLOW_NUL, &why);
	int r = 0;

	if (!object)
		return err_set(err, ERR_CORRUPT, "unable to read inspect data: %s", why.text);
	if (ins->tmpl) {
		r = run_template(ins, kind, object, err);
	} else {
		bool indent = !*ins->format;

		if (ins->n)
			buf_addc(&ins->out, ',');
		if (indent)
			newline(&ins->out, 1);
		json_layout(raw, len, 1, indent, &ins->out);
	}
	json_decref(object);
	ins->n += r == 0;
	return r;
}

void inspect_end(struct inspect *ins, struct buf *out)
{
	if (ins->tmpl && !ins->out.len)
		buf_addc(out, '\n');
	if (!ins->tmpl)
		buf_addc(out, '[');
	buf_add(out, ins->out.p, ins->out.len);
	if (!ins->tmpl)
		buf_adds(out, ins->n && !*ins->format ? "\n]\n" : "]\n");
	buf_done(&ins->out);
	tmpl_free(ins->tmpl);
	ins->tmpl = NULL;
}
