/*
 * format.c - lists and objects by --format: tables, json, templates
 *
 * (1) A table's header is the row's template run over the names of the columns, so that it
 *     has as many cells as a row.
 * (2) Nothing is printed when a row fails.
 */
#include "cli/format-priv.h"

#define TABLE_MINWIDTH 10
#define TABLE_PADDING  3

static bool is_table(const char *format)
{
	return str_after(format, "table") != NULL;
}

/* Without the keyword and the spaces around; \t and \n written as such become characters. */
static char *template_of(const char *format)
{
	const char *s = str_or(is_table(format) ? str_after(format, "table") : format);
	size_t n;
	struct buf b = {0};

	if (streq(format, "json"))
		return xstrdup("{{json .}}");
	while (*s == ' ')
		s++;
	n = strlen(s);
	while (n && s[n - 1] == ' ')
		n--;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\\' && i + 1 < n && (s[i + 1] == 't' || s[i + 1] == 'n'))
			buf_addc(&b, s[++i] == 't' ? '\t' : '\n');
		else
			buf_addc(&b, s[i]);
	}
	return buf_take(&b);
}

/* docker's `.Label "com.example.some-name"` in a header: "some name". */
static json_t *header_label(json_t *self, const char *label)
{
	const char *dot = strrchr(label, '.');
	char *s = xstrdup(dot ? dot + 1 : label);

	for (char *p = s; *p; p++)
		if (*p == '-' || *p == '_')
			*p = ' ';
	return take_string(s);
}

static json_t *no_value(json_t *self, const char *name)
{
	return json_string("<no value>");
}

static void add_header(const struct format_list *list, struct tmpl *t, struct buf *out)
{
	static const struct tmpl_type type = {.kind = TMPL_STRUCT,
					      .method_name = "Label",
					      .method = header_label,
					      .field = no_value};
	struct err err = ERR_INIT;
	json_t *names = json_object();

	for (const struct format_column *c = list->columns; c->name; c++)
		json_object_set_new(names, c->name, json_string(c->header));
	/* A header that fails is cut there, as docker's is. */
	ignore_result(tmpl_exec(t, names, &type, TMPL_HEADER, out, &err));
	buf_addc(out, '\n');
	json_decref(names);
}

static struct tmpl_type row_type(const struct format_list *list)
{
	return (struct tmpl_type){.kind = TMPL_STRUCT,
				  .name = list->type,
				  .method_name = list->labels ? "Label" : NULL,
				  .method = row_label};
}

int format_list_check(const struct format_list *list, const struct format_options *opt,
		      struct err *err)
{
	const struct tmpl_type type = row_type(list);
	AUTO(tmpl) struct tmpl *t = NULL;
	AUTO(buf) struct buf out = {0};
	json_t *object, *row;
	int r;

	if (!opt->format || !*opt->format)
		return 0;
	if (tmpl_parse(opt->format, &t, err) < 0)
		return err_wrap(err, "failed to parse template");
	object = json_object();
	row = list->row(object, opt);
	r = tmpl_exec(t, row, &type, 0, &out, err);
	json_decref(row);
	json_decref(object);
	return r < 0 ? err_wrap(err, "failed to execute template") : 0;
}

int format_list_print(const struct format_list *list, json_t *objects,
		      const struct format_options *opt, struct buf *out, struct err *err)
{
	const char *format = opt->format && *opt->format ? opt->format : "table", *known;
	const struct tmpl_type type = row_type(list);
	AUTO(free) char *text = NULL;
	AUTO(tmpl) struct tmpl *t = NULL;
	AUTO(buf) struct buf rows = {0}, all = {0};
	json_t *object;
	size_t i;

	known = list->standard ? list->standard(opt, format) : NULL;
	format = known ? known : format;
	text = template_of(format);
	if (tmpl_parse(text, &t, err) < 0)
		return err_wrap(err, "template parsing error");
	json_array_foreach(objects, i, object)
	{
		json_t *row = list->row(object, opt);
		int r = tmpl_exec(t, row, &type, 0, &rows, err);

		json_decref(row);
		if (r < 0)
			return err_wrap(err, "template parsing error");
		buf_addc(&rows, '\n');
	}
	if (!is_table(format)) {
		buf_add(out, rows.p, rows.len);
		return 0;
	}
	add_header(list, t, &all);
	buf_add(&all, rows.p, rows.len);
	tabwrite(out, all.p, all.len, TABLE_MINWIDTH, TABLE_PADDING);
	return 0;
}

bool format_mentions(const struct format_options *opt, const char *name)
{
	AUTO(tmpl) struct tmpl *t = NULL;
	AUTO(free) char *text = NULL;
	struct err err = ERR_INIT;

	if (!opt->format || !*opt->format)
		return false;
	text = template_of(opt->format);
	return tmpl_parse(text, &t, &err) == 0 && tmpl_mentions(t, name);
}

int format_object(const char *format, json_t *object, const struct tmpl_type *type, struct buf *out,
		  struct err *err)
{
	AUTO(tmpl) struct tmpl *t = NULL;
	int r;

	if (tmpl_parse(streq(format, "json") ? "{{json .}}" : format, &t, err) < 0)
		return err_wrap(err, "template parsing error");
	r = tmpl_exec(t, object, type, 0, out, err);
	if (r < 0)
		err->kind = ERR_UNSUPPORTED;
	buf_addc(out, '\n');
	return r;
}
