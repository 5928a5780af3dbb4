/*
 * transfer.c - images in and out: import, load, save; containers to tars and images
 *
 * These hold their worker while bytes move: the client's upload comes through a pipe, and what
 * goes out is written to one that the server pumps.
 *
 * (1) An outgoing tar that fails is not ended properly, so that the client sees it is cut.
 */
#include "transfer/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>

#include "api/private.h"
#include "codec/reference.h"
#include "container/container.h"

static struct image_store *store(const struct call *c)
{
	return c->api->config.images;
}

/* --- out ------------------------------------------------------------------------------------------ */

/* Shared by who writes and who pumps. */
struct outgoing {
	atomic_int users;
	atomic_bool failed;
};

static void outgoing_unref(struct outgoing *o)
{
	if (atomic_fetch_sub(&o->users, 1) == 1)
		free(o);
}

static int pump_finished(void *ctx, bool gone)
{
	struct outgoing *o = ctx;
	int r = atomic_load(&o->failed) ? -1 : 0;

	outgoing_unref(o);
	return r;
}

int send_tar(struct call *c, const char *type, int (*write_fn)(void *ctx, int fd, struct err *err), void *ctx,
	     struct err *err)
{
	struct outgoing *o;
	int fds[2];
	bool failed;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	o = xnew(struct outgoing);
	o->users = 2;
	http_pump(c->req, 200, type, fds[0], pump_finished, o);
	failed = write_fn(ctx, fds[1], err) < 0;
	atomic_store(&o->failed, failed);
	close(fds[1]);
	outgoing_unref(o);
	return failed ? -1 : 0; /* an answer was begun: the error is for nobody */
}

struct save {
	struct image_store *store;
	struct strv names;
};

static int write_images(void *ctx, int fd, struct err *err)
{
	struct save *s = ctx;

	return transfer_save(s->store, &s->names, fd, err);
}

static int save_names(struct call *c, struct save *s, struct err *err)
{
	if (transfer_save_check(s->store, &s->names, err) < 0)
		return -1;
	return send_tar(c, "application/x-tar", write_images, s, err);
}

static int save(struct call *c, struct err *err)
{
	struct save s = {.store = store(c)};
	int r;

	if (c->arg)
		strv_add(&s.names, c->arg);
	else
		param_all(c, "names", &s.names);
	r = save_names(c, &s, err);
	strv_done(&s.names);
	return r;
}

static int write_container(void *ctx, int fd, struct err *err)
{
	return transfer_export(ctx, fd, err);
}

static int do_export(struct call *c, struct err *err)
{
	struct container_layers cl = {0};
	AUTO(image) struct image *img = NULL;
	AUTO(strv) struct strv layers = {0};
	int r;

	if (container_layers(c->api->config.containers, c->arg, &cl, err) < 0)
		return -1;
	r = image_get(store(c), cl.image_id, &img, err);
	if (r == 0) {
		strv_add(&layers, cl.upper);
		strv_for_each(l, &img->layers)
			strv_add(&layers, l);
	}
	container_layers_done(&cl);
	return r < 0 ? -1 : send_tar(c, "application/octet-stream", write_container, &layers, err);
}

/* --- in ------------------------------------------------------------------------------------------- */

static int on_progress(void *ctx, const char *status, const char *id, int64_t current, int64_t total)
{
	if (jstream_gone(ctx))
		return -1;
	jstream_progress(ctx, status, id, current, total);
	return 0;
}

static void write_stream(struct jstream *js, const char *what, const char *name)
{
	json_t *line = json_object();
	AUTO(free) char *text = xasprintf("%s: %s\n", what, name);

	json_object_set_new(line, "stream", json_str(text));
	jstream_write(js, line);
}

static void write_status(struct jstream *js, const char *status)
{
	json_t *line = json_object();

	json_object_set_new(line, "status", json_str(status));
	jstream_write(js, line);
}

/* Clients from 1.48 on send {"os":..,"architecture":..}, others "os/arch". The caller frees. */
static int param_platform(struct call *c, char **ret, struct err *err)
{
	const char *s = param(c, "platform"), *os, *arch, *variant;
	json_t *obj;

	*ret = NULL;
	if (!s || !*s)
		return 0;
	if (*s != '{') {
		*ret = xstrdup(s);
		return 0;
	}
	obj = json_parse(s, strlen(s), err);
	os = json_string_value(json_object_get(obj, "os"));
	arch = json_string_value(json_object_get(obj, "architecture"));
	variant = json_string_value(json_object_get(obj, "variant"));
	if (os && arch)
		*ret = xasprintf("%s/%s%s%s", os, arch, variant && *variant ? "/" : "", str_or(variant));
	json_decref(obj);
	if (!*ret)
		return err_set(err, ERR_INVALID, "invalid platform: '%.128s'", s);
	return 0;
}

/* The body ended before its time: that is what went wrong, whatever the reader made of it. */
static void blame_client(struct call *c, struct err *err)
{
	if (!http_body_complete(c->req) && err->kind != ERR_NONE && err->kind != ERR_SYSTEM)
		err_wrap(err, "the upload may have been cut");
}

static int load(struct call *c, struct err *err)
{
	AUTO(close) int fd = http_take_body(c->req);
	AUTO(free) char *platform = NULL;
	struct transfer_loaded loaded = {0};
	struct transfer_progress progress = {.fn = on_progress};
	struct jstream *js;
	bool quiet = param_bool(c, "quiet", false);
	int r;

	if (param_platform(c, &platform, err) < 0)
		return -1;
	progress.ctx = js = jstream_new(c);
	r = transfer_load(store(c), fd, platform, quiet ? NULL : &progress, &loaded, err);
	if (r < 0) {
		blame_client(c, err);
		jstream_end(js, err);
		return 0;
	}
	strv_for_each(name, &loaded.names) {
		AUTO(image) struct image *img = NULL;

		write_stream(js, "Loaded image", name);
		if (image_get(store(c), name, &img, NULL) == 0)
			publish_image(c, "load", img->id, name);
	}
	strv_for_each(id, &loaded.ids) {
		write_stream(js, "Loaded image ID", id);
		publish_image(c, "load", id, id);
	}
	transfer_loaded_done(&loaded);
	jstream_end(js, NULL);
	return 0;
}

static int import(struct call *c, struct err *err)
{
	AUTO(close) int fd = http_take_body(c->req);
	AUTO(strv) struct strv changes = {0};
	AUTO(free) char *platform = NULL;
	struct transfer_import in = {
	    .fd = fd,
	    .repo = param(c, "repo"),
	    .tag = param(c, "tag"),
	    .message = param(c, "message"),
	    .source = "-",
	    .changes = &changes,
	};
	char id[IMAGE_ID_SIZE];
	struct jstream *js;
	struct transfer_progress progress = {.fn = on_progress};

	param_all(c, "changes", &changes);
	if (param_platform(c, &platform, err) < 0)
		return -1;
	in.platform = platform;
	if (in.message && !*in.message)
		in.message = NULL;
	progress.ctx = js = jstream_new(c);
	if (transfer_import(store(c), &in, &progress, id, err) < 0) {
		blame_client(c, err);
		jstream_end(js, err);
		return 0;
	}
	publish_image(c, "import", id, id);
	write_status(js, id);
	jstream_end(js, NULL);
	return 0;
}

/* POST /images/create: an import, or a pull. */
static int create(struct call *c, struct err *err)
{
	const char *image = param(c, "fromImage"), *src = param(c, "fromSrc"), *tag = param(c, "tag");
	const char *sep = !tag || !*tag ? "" : strchr(tag, ':') ? "@" : ":";

	if (image && *image) {
		AUTO(free) char *name = xasprintf("%s%s%s", image, sep, str_or(tag));
		struct reference ref = {0};
		int r = reference_parse(name, &ref, err);

		reference_done(&ref);
		if (r < 0)
			return -1;
		return err_set(err, ERR_UNSUPPORTED,
			       "cannot pull %s: this engine does not speak to registries, load or import the image instead",
			       name);
	}
	if (!src || !*src)
		return err_set(err, ERR_INVALID, "either fromImage or fromSrc is needed");
	if (!streq(src, "-"))
		return err_set(err, ERR_UNSUPPORTED,
			       "importing from a URL is not supported: send the tar in the request (fromSrc=-)");
	return import(c, err);
}

/* --- commit ---------------------------------------------------------------------------------------- */

struct commit {
	struct call *call;
	struct transfer_commit in;
	char id[IMAGE_ID_SIZE];
};

static int run_commit(void *ctx, struct err *err)
{
	struct commit *cm = ctx;

	return transfer_commit(store(cm->call), &cm->in, cm->id, err);
}

/* What the client gives goes over what the container has. */
static char *commit_config(const struct call *c, const struct container_layers *cl)
{
	json_t *config = cl->config ? json_copy(cl->config) : json_object(), *v;
	const char *key;
	char *text;

	json_object_foreach(c->body, key, v) {
		bool empty = json_is_null(v) || (json_is_string(v) && !json_string_length(v)) || json_is_false(v);

		if (!empty && !(json_is_array(v) && !json_array_size(v)) &&
		    !(json_is_object(v) && !json_object_size(v)))
			json_object_set(config, key, v);
	}
	text = json_text(config, 0);
	json_decref(config);
	return text;
}

static int do_commit(struct call *c, struct err *err)
{
	const char *container = param(c, "container");
	AUTO(strv) struct strv changes = {0};
	AUTO(free) char *config = NULL;
	struct container_layers cl = {0};
	struct commit cm = {.call = c};
	json_t *obj;
	int r;

	if (!c->api->config.containers || container_layers(c->api->config.containers, str_or(container), &cl, err) < 0)
		return -1;
	param_all(c, "changes", &changes);
	config = commit_config(c, &cl);
	cm.in = (struct transfer_commit){
	    .upper = cl.upper,
	    .parent = cl.image_id,
	    .container = cl.id,
	    .config = config,
	    .author = param(c, "author"),
	    .comment = param(c, "comment"),
	    .changes = &changes,
	    .repo = param(c, "repo"),
	    .tag = param(c, "tag"),
	};
	r = container_while_paused(c->api->config.containers, cl.id, param_bool(c, "pause", true), run_commit, &cm, err);
	container_layers_done(&cl);
	if (r < 0)
		return -1;
	obj = json_object();
	json_object_set_new(obj, "Id", json_str(cm.id));
	reply_json(c, 201, obj);
	return 0;
}

const struct route transfer_routes[] = {
    {"GET", "/images/get", save, 0, 0, NEEDS_IMAGES},
    {"GET", "/images/{}/get", save, 0, 0, NEEDS_IMAGES},
    {"POST", "/images/load", load, 0, R_UPLOAD, NEEDS_IMAGES},
    {"POST", "/images/create", create, 0, R_UPLOAD, NEEDS_IMAGES},
    {"POST", "/commit", do_commit, 0, R_JSON, NEEDS_IMAGES},
    {"GET", "/containers/{}/export", do_export, 0, 0, NEEDS_CONTAINERS},
    {0},
};
