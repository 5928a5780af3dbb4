/*
 * format-util.c - what rows are made with
 */
#include <ctype.h>

#include "cli/format-priv.h"
#include "codec/text.h"

#define LABELS ".labels"

const char *get_str(json_t *o, const char *key)
{
	return str_or(json_string_value(json_object_get(o, key)));
}

int64_t get_int(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	return json_is_real(v) ? (int64_t)json_real_value(v) : json_integer_value(v);
}

json_t *take_string(char *s)
{
	json_t *j = json_string(s);

	if (!j) {
		AUTO(buf) struct buf b = {0};

		for (size_t i = 0, n = strlen(s); i < n;) {
			uint32_t r;

			i += utf8_decode(s + i, n - i, &r);
			utf8_append(&b, r);
		}
		j = json_string(str_or(b.p));
	}
	free(s);
	return j;
}

json_t *id_string(const char *id, bool trunc)
{
	return take_string(trunc ? short_id(id) : xstrdup(id));
}

char *familiar_name(const char *ref)
{
	const char *s = str_after(ref, "docker.io/"), *rest;

	if (!s)
		s = str_after(ref, "index.docker.io/");
	if (!s)
		return xstrdup(ref);
	rest = str_after(s, "library/");
	return xstrdup(rest && !strchr(rest, '/') ? rest : s);
}

json_t *joined_labels(json_t *labels)
{
	AUTO(strv) struct strv sv = {0};
	const char *key;
	json_t *v;

	json_object_foreach(labels, key, v)
		strv_addf(&sv, "%s=%s", key, str_or(json_string_value(v)));
	strv_sort(&sv);
	return take_string(strv_join(&sv, ","));
}

void keep_labels(json_t *row, json_t *labels)
{
	if (labels)
		json_object_set(row, LABELS, labels);
}

json_t *row_label(json_t *row, const char *name)
{
	json_t *v = json_object_get(json_object_get(row, LABELS), name);

	return v ? json_incref(v) : json_string("");
}

/* Runs of digits compare as numbers. */
int natural_compare(const char *a, const char *b)
{
	while (*a && *b) {
		if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			char *ea, *eb;
			unsigned long long na = strtoull(a, &ea, 10), nb = strtoull(b, &eb, 10);

			if (na != nb)
				return na < nb ? -1 : 1;
			a = ea;
			b = eb;
		} else if (*a != *b) {
			break;
		} else {
			a++;
			b++;
		}
	}
	return (unsigned char)*a - (unsigned char)*b;
}

static int by_name(const void *a, const void *b)
{
	return natural_compare(get_str(*(json_t *const *)a, "Name"),
			       get_str(*(json_t *const *)b, "Name"));
}

json_t *sorted_rows(json_t *answer, const struct format_options *opt)
{
	size_t n = json_array_size(answer);
	AUTO(free) json_t **v = xnew_n(json_t *, n + 1);
	json_t *sorted = json_array();

	for (size_t i = 0; i < n; i++)
		v[i] = json_array_get(answer, i);
	qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 0; i < n; i++)
		json_array_append(sorted, v[i]);
	return sorted;
}

json_t *volumes_rows(json_t *answer, const struct format_options *opt)
{
	return sorted_rows(json_object_get(answer, "Volumes"), opt);
}
