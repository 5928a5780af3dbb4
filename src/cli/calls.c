/*
 * calls.c - the API calls commands make
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
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

/* One entry of a prune's answer: a name, or {"Deleted"} or {"Untagged"} of an image. */
static void print_pruned(json_t *entry)
{
	const char *s;

	if (json_is_string(entry))
		puts(json_string_value(entry));
	else if ((s = json_string_value(json_object_get(entry, "Untagged"))))
		printf("untagged: %s\n", s);
	else if ((s = json_string_value(json_object_get(entry, "Deleted"))))
		printf("deleted: %s\n", s);
}

int prune(struct cli *cli, const char *collection, const struct strv *filters, const char *key,
	  const char *title, int64_t *reclaimed, struct err *err)
{
	AUTO(buf) struct buf path = {0};
	json_t *answer = NULL, *list, *entry;
	size_t i;

	buf_addf(&path, "/%s/prune", collection);
	client_query_filters(&path, filters);
	if (call(cli, "POST", path.p, NULL, &answer, err) < 0)
		return -1;
	list = json_object_get(answer, key);
	if (json_array_size(list)) {
		printf("Deleted %s:\n", title);
		json_array_foreach(list, i, entry)
			print_pruned(entry);
		putchar('\n');
	}
	*reclaimed += json_integer_value(json_object_get(answer, "SpaceReclaimed"));
	json_decref(answer);
	return 0;
}

int open_input(const char *path, struct err *err)
{
	int fd;

	if (!*path || streq(path, "-")) {
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		return fd >= 0 ? fd : err_sys(err, errno, "standard input");
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_INVALID, "open %s: no such file or directory", path);
	return fd >= 0 ? fd : err_sys(err, errno, "open %s", path);
}

static int download_file(struct client_stream *s, const char *file, struct err *err)
{
	AUTO(free) char *tmp = xasprintf("%s.tmp%d", file, (int)getpid());
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), r;

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_INVALID,
			       "invalid output path: directory of \"%s\" does not exist", file);
	if (fd < 0)
		return err_sys(err, errno, "create %s", tmp);
	r = client_stream_copy(s, fd, err);
	if (close(fd) < 0 && r == 0)
		r = err_sys(err, errno, "write %s", tmp);
	if (r == 0 && rename(tmp, file) < 0)
		r = err_sys(err, errno, "rename %s to %s", tmp, file);
	if (r < 0)
		unlink(tmp);
	return r;
}

int download(struct cli *cli, const char *api_path, const char *file, const char *verb,
	     struct err *err)
{
	const struct client_request req = {.method = "GET", .path = api_path};
	struct client_stream *s;
	struct client *c;
	struct stat st;
	int r;

	if (!*file && isatty(STDOUT_FILENO))
		return err_set(err, ERR_INVALID,
			       "cowardly refusing to %s to a terminal. Use the -o flag or redirect",
			       verb);
	if (cli_client(cli, &c, err) < 0 || client_stream_open(c, &req, &s, err) < 0)
		return -1;
	/* a device or pipe is written to, not replaced */
	if (*file && (stat(file, &st) < 0 || S_ISREG(st.st_mode))) {
		r = download_file(s, file, err);
	} else if (*file) {
		AUTO(close) int fd = open(file, O_WRONLY | O_CLOEXEC);

		r = fd < 0 ? err_sys(err, errno, "open %s", file) : client_stream_copy(s, fd, err);
	} else {
		r = client_stream_copy(s, STDOUT_FILENO, err);
	}
	client_stream_free(s);
	return r;
}
