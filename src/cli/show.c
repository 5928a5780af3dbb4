/*
 * show.c - from an answer of the API to standard output
 */
#include "cli/calls.h"
#include "cli/output.h"
#include "client/client.h"

int put_buf(struct buf *out)
{
	fwrite(str_or(out->p), 1, out->len, stdout);
	buf_reset(out);
	return 0;
}

int show_list(struct cli *cli, const char *path, const struct format_list *list,
	      const struct format_options *opt,
	      json_t *(*rows)(json_t *answer, const struct format_options *opt), struct err *err)
{
	AUTO(buf) struct buf out = {0};
	json_t *answer = NULL, *made;
	int r;

	if (call(cli, "GET", path, NULL, &answer, err) < 0)
		return -1;
	made = rows ? rows(answer, opt) : json_incref(answer);
	r = format_list_print(list, made, opt, &out, err);
	json_decref(made);
	json_decref(answer);
	return r < 0 ? -1 : put_buf(&out);
}

int query_moment(struct buf *path, const char *key, const char *value, struct err *err)
{
	char text[48];
	int64_t ns;

	if (!value || !*value)
		return 0;
	if (clock_parse_moment(value, clock_real_ns(), &ns) < 0)
		return err_set(err, ERR_INVALID,
			       "invalid value for \"%s\": failed to parse value as time or "
			       "duration: \"%s\"",
			       key, value);
	snprintf(text, sizeof(text), "%lld.%09lld", (long long)(ns / NS_PER_SEC),
		 (long long)(ns % NS_PER_SEC));
	client_query(path, key, text);
	return 0;
}
