/*
 * route.c - from a path to a handler: versions, the table, errors, answers
 *
 * (1) Every answer but 404 for an unknown page carries the headers clients negotiate with.
 * (2) The status of an error comes from its kind, here and nowhere else.
 */
#include "config.h"

#include <strings.h>

#include "api/private.h"

static const struct route *const tables[] = {
    container_routes, exec_routes, stream_routes,	transfer_routes, image_routes,
    archive_routes,   network_routes,   volume_routes, event_routes, system_routes,	 unsupported_routes,
};

static const int statuses[ERR_KINDS] = {
    [ERR_NONE] = 500,	    [ERR_INVALID] = 400,       [ERR_UNAUTHORIZED] = 401,
    [ERR_FORBIDDEN] = 403,  [ERR_NOT_FOUND] = 404,     [ERR_CONFLICT] = 409,
    [ERR_NOT_MODIFIED] = 304, [ERR_UNSUPPORTED] = 501, [ERR_UNAVAILABLE] = 503,
    [ERR_SYSTEM] = 500,	    [ERR_CORRUPT] = 500,       [ERR_CANCELLED] = 499,
    [ERR_CMD_NOT_FOUND] = 400, [ERR_CMD_DENIED] = 400,
};

int status_of(enum err_kind kind)
{
	return kind < ERR_KINDS ? statuses[kind] : 500;
}

struct api *api_new(const struct api_config *config)
{
	struct api *api = xnew(struct api);

	api->config = *config;
	return api;
}

void api_free(struct api *api)
{
	free(api);
}

/* --- answers --------------------------------------------------------------------------------- */

static void set_headers(struct http_req *req)
{
	http_setf(req, "Api-Version", "%d.%d", API_VERSION_MAX / 100, API_VERSION_MAX % 100);
	http_set(req, "Docker-Experimental", "false");
	http_set(req, "Ostype", "linux");
	http_set(req, "Server", "Cove/" COVE_VERSION " (linux)");
}

static void send_json(struct http_req *req, int status, json_t *value)
{
	struct buf b = {0};
	AUTO(free) char *text = value ? json_text(value, 0) : xstrdup("null");

	buf_adds(&b, text);
	buf_addc(&b, '\n');
	http_reply_buf(req, status, "application/json", &b);
	json_decref(value);
}

static void send_message(struct http_req *req, int status, const char *message)
{
	json_t *obj = json_object();

	json_object_set_new(obj, "message", json_str(message));
	send_json(req, status, obj);
}

void reply_json(struct call *c, int status, json_t *value)
{
	send_json(c->req, status, value);
}

void reply_empty(struct call *c, int status)
{
	http_reply_empty(c->req, status);
}

void reply_error(struct call *c, const struct err *err)
{
	int status = status_of(err->kind);

	if (status == 304)
		http_reply_empty(c->req, 304);
	else
		send_message(c->req, status, err->msg);
}

void call_hold(struct call *c)
{
	http_req_ref(c->req);
}

void call_release(struct call *c)
{
	http_req_unref(c->req);
}

void reply_when_done(void *ctx, const struct err *err)
{
	struct call *c = ctx;

	if (err)
		reply_error(c, err);
	else
		reply_empty(c, 204);
	call_release(c);
}

/* --- finding the route -------------------------------------------------------------------------- */

/* "/v1.41/x" gives 141 and "/x"; without a version the newest. -1: no version at all. */
static int take_version(const char *path, unsigned *ret, const char **ret_rest, char text[16])
{
	const char *p = str_after(path, "/v");
	unsigned major = 0, minor = 0;
	size_t n = p ? strspn(p, "0123456789.") : 0;
	int used = 0;

	*ret_rest = path;
	*ret = API_VERSION_MAX;
	if (!n || p[n] != '/' || n >= 16)
		return 0;
	memcpy(text, p, n);
	text[n] = '\0';
	if (sscanf(text, "%3u.%3u%n", &major, &minor, &used) != 2 || text[used])
		return -1;
	*ret = major * 100 + MIN(minor, 99u);
	*ret_rest = p + n;
	return 0;
}

/* Whether the path has the pattern's form; the part that stands for {} then. */
static bool match(const char *pattern, const char *path, char **ret_arg)
{
	const char *hole = strstr(pattern, "{}");
	size_t before = hole ? (size_t)(hole - pattern) : 0, after, n = strlen(path);

	if (!hole)
		return streq(pattern, path);
	after = strlen(hole + 2);
	if (n <= before + after || strncmp(pattern, path, before) != 0 ||
	    strcmp(hole + 2, path + n - after) != 0)
		return false;
	*ret_arg = xstrndup(path + before, n - before - after);
	return true;
}

static const struct route *find_route(const char *method, const char *path, unsigned version, char **ret_arg)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		for (const struct route *r = tables[i]; r->method; r++)
			if (streq(r->method, method) && version >= r->min_version &&
			    match(r->pattern, path, ret_arg))
				return r;
	return NULL;
}

/* True if the version is served; else the request is answered. */
static bool check_version(struct http_req *req, unsigned version, const char *text)
{
	AUTO(free) char *msg = NULL;

	if (version > API_VERSION_MAX)
		msg = xasprintf("client version %s is too new. Maximum supported API version is %d.%d", text,
				API_VERSION_MAX / 100, API_VERSION_MAX % 100);
	else if (version < API_VERSION_MIN)
		msg = xasprintf("client version %s is too old. Minimum supported API version is %d.%d, "
				"please upgrade your client to a newer version",
				text, API_VERSION_MIN / 100, API_VERSION_MIN % 100);
	if (msg)
		send_message(req, 400, msg);
	return !msg;
}

static void call_free(void *p)
{
	struct call *c = p;

	http_query_done(&c->query);
	json_decref(c->body);
	free(c->arg);
	free(c);
}

/* --- running it --------------------------------------------------------------------------------- */

static bool has_needs(const struct call *c)
{
	const struct api_config *cfg = &c->api->config;
	const void *const there[] = {cfg, cfg->containers, cfg->images, cfg->networks, cfg->volumes};

	return there[c->route->needs] != NULL;
}

static int parse_body(struct call *c, struct err *err)
{
	const char *type = http_header(c->req, "Content-Type");
	size_t n = strcspn(str_or(type), "; ");

	if (!c->req->body_len)
		return 0;
	if (!type || n != strlen("application/json") || strncasecmp(type, "application/json", n) != 0)
		return err_set(err, ERR_INVALID,
			       "unsupported Content-Type header (%s): must be 'application/json'", str_or(type));
	c->body = json_parse(c->req->body, c->req->body_len, err);
	if (!c->body)
		return err_wrap(err, "invalid JSON");
	if (json_is_null(c->body)) {
		json_decref(c->body);
		c->body = NULL;
	} else if (!json_is_object(c->body)) {
		return err_set(err, ERR_INVALID, "invalid JSON: expected an object");
	}
	return 0;
}

static int run_call(struct call *c, struct err *err)
{
	if (http_query_parse(c->req->query, &c->query, err) < 0)
		return -1;
	if (!has_needs(c))
		return err_set(err, ERR_UNSUPPORTED, "this engine runs without that subsystem");
	if (c->route->flags & R_JSON && parse_body(c, err) < 0)
		return -1;
	return c->route->fn(c, err);
}

static void handle(struct http_req *req, void *ctx)
{
	struct call *c = req->user;
	struct err err = ERR_INIT;

	if (run_call(c, &err) < 0)
		reply_error(c, &err);
}

void api_route(void *ctx, struct http_req *req, struct http_target *target)
{
	const char *rest;
	char text[16] = "", *arg = NULL;
	unsigned version;
	const struct route *r;
	struct call *c;

	if (take_version(req->path, &version, &rest, text) < 0 ||
	    !(r = find_route(req->method, rest, MIN(MAX(version, API_VERSION_MIN), API_VERSION_MAX), &arg))) {
		send_message(req, 404, "page not found");
		return;
	}
	set_headers(req);
	if (!check_version(req, version, text)) {
		free(arg);
		return;
	}
	c = xnew(struct call);
	*c = (struct call){.api = ctx, .req = req, .route = r, .version = version, .arg = arg};
	req->user = c;
	req->free_user = call_free;
	*target = (struct http_target){
	    .fn = handle,
	    .body = r->flags & R_UPLOAD ? HTTP_BODY_STREAM : HTTP_BODY_SMALL,
	    .on_loop = r->flags & R_LOOP,
	};
}
