/*
 * calls.c - the API calls commands make
 */
#include <stdio.h>

#include "cli/calls.h"
#include "client/client.h"

void path_object(struct buf *path, const char *collection, const char *name, const char *suffix)
{
	buf_addf(path, "/%s/", collection);
	client_path_escape(path, name);
	if (*suffix)
		buf_addf(path, "/%s", suffix);
}

void path_container(struct buf *path, const char *name, const char *suffix)
{
	path_object(path, "containers", name, suffix);
}

int call(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret,
	 struct err *err)
{
	struct client *c;

	if (cli_client(cli, &c, err) < 0)
		return -1;
	return client_call(c, method, path, body, ret, err);
}

void show_warnings(json_t *answer)
{
	json_t *w;
	size_t i;

	json_array_foreach(json_object_get(answer, "Warnings"), i, w)
		fprintf(stderr, "WARNING: %s\n", str_or(json_string_value(w)));
}

int print_line(const char *s)
{
	puts(s);
	return 0;
}

void print_reclaimed(int64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double v = (double)bytes;
	size_t i = 0;

	for (; v >= 1000 && i < ARRAY_LEN(units) - 1; i++)
		v /= 1000;
	printf("Total reclaimed space: %.4g%s\n", v, units[i]);
}
