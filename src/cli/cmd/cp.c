/*
 * cp.c - cove cp
 *
 * The rules are those of cp -a: a directory that exists takes the source inside, "dir/." means
 * its contents, else the destination is the new name.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cli/calls.h"
#include "cli/copy.h"
#include "cli/output.h"
#include "client/client.h"

#define GO_MODE_DIR	(1u << 31) /* bits of Go's FileMode, which the API uses */
#define GO_MODE_SYMLINK (1u << 27)
#define MAX_LINKS	10

struct opts {
	bool archive, follow, quiet;
};

static const struct cli_opt table[] = {
	{"archive", 'a', CLI_BOOL, offsetof(struct opts, archive),
	 "Archive mode (copy all uid/gid information)"},
	{"follow-link", 'L', CLI_BOOL, offsetof(struct opts, follow),
	 "Always follow symbol link in SRC_PATH"},
	{"quiet", 'q', CLI_BOOL, offsetof(struct opts, quiet),
	 "Suppress progress output during copy. Progress output is automatically suppressed if no "
	 "terminal is attached"},
	CLI_OPT_END,
};

/* "container:path"; *ret_container is NULL for a local path. */
static const char *split(const char *arg, char **ret_container)
{
	const char *colon = strchr(arg, ':');

	*ret_container = NULL;
	if (!colon || *arg == '/' || *arg == '.' || colon == arg)
		return arg;
	*ret_container = xstrndup(arg, (size_t)(colon - arg));
	return colon + 1;
}

static bool ends_in_dot(const char *path)
{
	return streq(path, ".") || str_ends(path, "/.");
}

static bool says_dir(const char *path)
{
	return ends_in_dot(path) || str_ends(path, "/");
}

static char *base_of(const char *path)
{
	AUTO(free) char *clean = path_clean(path);

	return xstrdup(path_base(clean));
}

static void report(const struct opts *o, int64_t bytes, const char *dest)
{
	AUTO(free) char *size = NULL;

	if (o->quiet || !isatty(STDERR_FILENO))
		return;
	size = human_size_prec((double)bytes, 3);
	fprintf(stderr, "Successfully copied %s to %s\n", size, dest);
}

/* --- what a path in the container is ------------------------------------------------------- */

static json_t *decode_stat(const char *b64)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	AUTO(buf) struct buf out = {0};
	uint32_t acc = 0;
	int bits = 0;

	for (; *b64; b64++) {
		const char *at = strchr(alphabet, *b64);

		if (!at)
			break;
		acc = acc << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_addc(&out, (char)(acc >> bits));
		}
	}
	return json_loadb(str_or(out.p), out.len, 0, NULL);
}

static void archive_path(struct buf *path, const char *container, const char *inside)
{
	path_container(path, container, "archive");
	client_query(path, "path", inside);
}

/* New reference to {"name", "mode", "linkTarget"}. */
static int stat_inside(struct client *c, const char *container, const char *inside, json_t **ret,
		       struct err *err)
{
	AUTO(buf) struct buf path = {0};
	struct client_request req = {.method = "HEAD"};
	struct client_stream *s;
	const char *text;

	archive_path(&path, container, inside);
	req.path = path.p;
	if (client_stream_open(c, &req, &s, err) < 0) {
		if (err->kind == ERR_NOT_FOUND)
			err_set(err, ERR_NOT_FOUND,
				"Error response from daemon: Could not find the file %s in "
				"container %s",
				inside, container);
		return -1;
	}
	text = client_stream_header(s, "X-Docker-Container-Path-Stat");
	*ret = text ? decode_stat(text) : NULL;
	client_stream_free(s);
	return *ret ? 0 : err_set(err, ERR_CORRUPT, "the daemon's answer has no path stat");
}

static bool has_mode(json_t *st, uint32_t bit)
{
	return st && (uint32_t)json_integer_value(json_object_get(st, "mode")) & bit;
}

/* Follows links at the end of *path, which is replaced; *ret is the stat of what it names. */
static int resolve_inside(struct client *c, const char *container, char **path, json_t **ret,
			  struct err *err)
{
	for (int i = 0; i < MAX_LINKS; i++) {
		const char *target;

		if (stat_inside(c, container, *path, ret, err) < 0)
			return -1;
		target = json_string_value(json_object_get(*ret, "linkTarget"));
		if (!has_mode(*ret, GO_MODE_SYMLINK) || !target)
			return 0;
		if (*target == '/') {
			free(*path);
			*path = xstrdup(target);
		} else {
			AUTO(free) char *joined = xasprintf("%s/../%s", *path, target);

			free(*path);
			*path = path_clean(joined);
		}
		json_decref(*ret);
	}
	return err_set(err, ERR_INVALID, "too many levels of symbolic links: %s", *path);
}

/* --- container to here ------------------------------------------------------------------------ */

static int local_target(const char *dest, const char *source, bool source_is_dir, char **ret,
			struct err *err)
{
	AUTO(free) char *clean = path_clean(dest), *name = NULL, *parent = NULL;
	struct stat st;

	if (stat(dest, &st) == 0) {
		if (S_ISDIR(st.st_mode) && !(source_is_dir && ends_in_dot(source))) {
			name = base_of(source);
			*ret = path_join(dest, name);
		} else if (!S_ISDIR(st.st_mode) && (source_is_dir || says_dir(dest))) {
			return err_set(err, ERR_INVALID, source_is_dir ? "cannot copy directory"
							: "not a directory");
		} else {
			*ret = S_ISDIR(st.st_mode) ? path_join(dest, ".") : xstrdup(clean);
		}
		return 0;
	}
	if (says_dir(dest) && !source_is_dir)
		return err_set(err, ERR_INVALID, "no such directory");
	parent = xasprintf("%s/..", clean);
	name = path_clean(parent);
	if (stat(name, &st) < 0)
		return err_set(err, ERR_INVALID, "invalid output path: directory \"%s\" does not exist",
			       name);
	*ret = xstrdup(clean);
	return 0;
}

static int from_container(struct client *c, const struct opts *o, const char *container,
			  const char *inside, const char *dest, struct err *err)
{
	AUTO(free) char *source = xstrdup(inside), *target = NULL;
	AUTO(buf) struct buf path = {0};
	struct client_request req = {.method = "GET"};
	struct client_stream *s = NULL;
	json_t *st = NULL;
	int64_t bytes = 0;
	const char *text;
	int r;

	if (o->follow && resolve_inside(c, container, &source, &st, err) < 0)
		return -1;
	json_decref(st);
	archive_path(&path, container, source);
	req.path = path.p;
	if (client_stream_open(c, &req, &s, err) < 0)
		return -1;
	if (streq(dest, "-")) {
		r = client_stream_copy(s, STDOUT_FILENO, err);
	} else {
		text = client_stream_header(s, "X-Docker-Container-Path-Stat");
		st = text ? decode_stat(text) : NULL;
		r = local_target(dest, inside, has_mode(st, GO_MODE_DIR), &target, err);
		json_decref(st);
		if (r == 0)
			r = copy_unpack(s, target, o->archive, &bytes, err);
		if (r == 0)
			report(o, bytes, dest);
	}
	client_stream_free(s);
	return r;
}

/* --- here to a container ------------------------------------------------------------------------ */

struct place {
	char *dir;  /* in the container, to unpack in */
	char *root; /* name of the tar's top, "" for contents alone */
};

static char *parent_of(const char *path)
{
	AUTO(free) char *up = xasprintf("%s/..", path);

	return path_clean(up);
}

static int inside_target(struct client *c, const char *container, const char *dest,
			 const char *source, bool source_is_dir, struct place *ret, struct err *err)
{
	AUTO(free) char *path = *dest == '/' ? xstrdup(dest) : xasprintf("/%s", dest);
	json_t *st = NULL;
	bool is_dir;

	if (resolve_inside(c, container, &path, &st, err) < 0) {
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		if (says_dir(dest) && !source_is_dir)
			return err_set(err, ERR_NOT_FOUND, "no such directory");
		*err = (struct err)ERR_INIT;
		ret->root = base_of(path);
		ret->dir = parent_of(path);
		return 0;
	}
	is_dir = has_mode(st, GO_MODE_DIR);
	json_decref(st);
	if (is_dir) {
		ret->dir = xstrdup(path);
		ret->root = source_is_dir && ends_in_dot(source) ? xstrdup("") : base_of(source);
		return 0;
	}
	if (source_is_dir)
		return err_set(err, ERR_INVALID, "cannot copy directory");
	ret->root = base_of(path);
	ret->dir = parent_of(path);
	return 0;
}

static int put_archive(struct client *c, const struct opts *o, const char *container,
		       const char *dir, struct client_request *req, struct err *err)
{
	AUTO(buf) struct buf path = {0};
	struct client_stream *s;

	archive_path(&path, container, dir);
	client_query(&path, "noOverwriteDirNonDir", "true");
	if (o->archive)
		client_query(&path, "copyUIDGID", "true");
	req->method = "PUT";
	req->path = path.p;
	req->content_type = "application/x-tar";
	if (client_stream_open(c, req, &s, err) < 0)
		return -1;
	client_stream_free(s);
	return 0;
}

static int from_stdin(struct client *c, const struct opts *o, const char *container,
		      const char *dest, struct err *err)
{
	AUTO(free) char *path = xstrdup(dest);
	struct client_request req = {0};
	json_t *st = NULL;
	bool is_dir;
	int r;

	if (resolve_inside(c, container, &path, &st, err) < 0 && err->kind != ERR_NOT_FOUND)
		return -1;
	is_dir = has_mode(st, GO_MODE_DIR);
	json_decref(st);
	if (!is_dir)
		return err_set(err, ERR_INVALID, "destination \"%s:%s\" must be a directory",
			       container, dest);
	req.body_fd = open_input("-", err);
	if (req.body_fd < 0)
		return -1;
	r = put_archive(c, o, container, path, &req, err);
	close(req.body_fd);
	return r;
}

static int no_source(const char *source, struct err *err)
{
	AUTO(free) char *cwd = getcwd(NULL, 0), *joined = path_join(str_or(cwd), source);
	const char *shown = *source == '/' ? source : joined;

	if (errno == ENOENT)
		return err_set(err, ERR_INVALID, "lstat %s: no such file or directory", shown);
	return err_sys(err, errno, "lstat %s", shown);
}

static int to_container(struct client *c, const struct opts *o, const char *source,
			const char *container, const char *dest, struct err *err)
{
	struct copy_source *src = NULL;
	struct client_request req = {.body_fn = copy_source_read};
	struct place at = {0};
	AUTO(free) char *abs = NULL;
	struct stat st;
	int r;

	if ((o->follow || says_dir(source) ? stat : lstat)(source, &st) < 0)
		return no_source(source, err);
	abs = realpath(source, NULL); /* "." and ".." have names, too */
	r = inside_target(c, container, dest, source, S_ISDIR(st.st_mode), &at, err);
	if (r == 0 && (streq(at.root, ".") || streq(at.root, "..")) && abs) {
		free(at.root);
		at.root = base_of(abs);
	}
	if (r == 0)
		r = copy_source_new(source, at.root, o->follow || says_dir(source), &src, err);
	req.body_ctx = src;
	if (r == 0)
		r = put_archive(c, o, container, at.dir, &req, err);
	if (r == 0) {
		AUTO(free) char *shown = xasprintf("%s:%s", container, dest);

		report(o, copy_source_bytes(src), shown);
	}
	copy_source_free(src);
	free(at.dir);
	free(at.root);
	return r;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(free) char *from = NULL, *to = NULL;
	const char *source = split(args[0], &from), *dest = split(args[1], &to);
	struct client *c;

	if (!*source)
		return err_set(err, ERR_INVALID, "source can not be empty");
	if (!*dest)
		return err_set(err, ERR_INVALID, "destination can not be empty");
	if (from && to)
		return err_set(err, ERR_INVALID, "copying between containers is not supported");
	if (!from && !to)
		return err_set(err, ERR_INVALID, "must specify at least one container source");
	if (cli_client(cli, &c, err) < 0)
		return -1;
	if (from)
		return from_container(c, o, from, source, dest, err);
	if (streq(source, "-"))
		return from_stdin(c, o, to, dest, err);
	return to_container(c, o, source, to, dest, err);
}

const struct cli_command cmd_cp = {
	.paths = CLI_PATHS("container cp", "cp"),
	.args = "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n[OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
	.summary = "Copy files/folders between a container and the local filesystem",
	.more = "Use '-' as the source to read a tar archive from stdin\n"
		"and extract it to a directory destination in a container.\n"
		"Use '-' as the destination to stream a tar archive of a\n"
		"container source to stdout.",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
