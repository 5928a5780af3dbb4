/*
 * parse.c - the JSON of an image's config into struct image
 *
 * The document is https://github.com/opencontainers/image-spec config.md with Docker's own
 * additions; members of the wrong type are refused, unknown ones ignored.
 */
#include <openssl/evp.h>

#include "base/clock.h"
#include "codec/json.h"
#include "image/image.h"

struct health {
	struct strv test;
	int64_t interval, timeout, start_period, start_interval, retries;
};

static const struct jfield health_fields[] = {
	JF(struct health, test, "Test", J_STRV, 0),
	JF(struct health, interval, "Interval", J_INT, 0),
	JF(struct health, timeout, "Timeout", J_INT, 0),
	JF(struct health, start_period, "StartPeriod", J_INT, 0),
	JF(struct health, start_interval, "StartInterval", J_INT, 0),
	JF(struct health, retries, "Retries", J_INT, 0),
};
static const struct jtype health_type = JTYPE(struct health, health_fields);

struct config {
	struct strv env, cmd, entrypoint, shell, onbuild, exposed_ports, volumes;
	struct map labels;
	char *working_dir, *user, *stop_signal;
	struct opt_int stop_timeout;
	bool args_escaped;
	struct health *health;
};

static const struct jfield config_fields[] = {
	JF(struct config, env, "Env", J_STRV, 0),
	JF(struct config, cmd, "Cmd", J_STRV, J_SCALAR_OK),
	JF(struct config, entrypoint, "Entrypoint", J_STRV, J_SCALAR_OK),
	JF(struct config, shell, "Shell", J_STRV, 0),
	JF(struct config, onbuild, "OnBuild", J_STRV, 0),
	JF(struct config, exposed_ports, "ExposedPorts", J_SET, 0),
	JF(struct config, volumes, "Volumes", J_SET, 0),
	JF(struct config, labels, "Labels", J_STRMAP, 0),
	JF(struct config, working_dir, "WorkingDir", J_STR, 0),
	JF(struct config, user, "User", J_STR, 0),
	JF(struct config, stop_signal, "StopSignal", J_STR, 0),
	JF(struct config, stop_timeout, "StopTimeout", J_OPT_INT, 0),
	JF(struct config, args_escaped, "ArgsEscaped", J_BOOL, 0),
	JFT(struct config, health, "Healthcheck", J_PTR, 0, &health_type),
};
static const struct jtype config_type = JTYPE(struct config, config_fields);

struct history {
	char *created, *created_by, *comment, *author;
	bool empty_layer;
};

static const struct jfield history_fields[] = {
	JF(struct history, created, "created", J_STR, 0),
	JF(struct history, created_by, "created_by", J_STR, 0),
	JF(struct history, comment, "comment", J_STR, 0),
	JF(struct history, author, "author", J_STR, 0),
	JF(struct history, empty_layer, "empty_layer", J_BOOL, 0),
};
static const struct jtype history_type = JTYPE(struct history, history_fields);

struct rootfs {
	char *type;
	struct strv diff_ids;
};

static const struct jfield rootfs_fields[] = {
	JF(struct rootfs, type, "type", J_STR, 0),
	JF(struct rootfs, diff_ids, "diff_ids", J_STRV, 0),
};
static const struct jtype rootfs_type = JTYPE(struct rootfs, rootfs_fields);

struct document {
	char *created, *os, *architecture, *variant, *author, *comment, *docker_version;
	struct config config;
	struct rootfs rootfs;
	struct jarray history;
};

static const struct jfield document_fields[] = {
	JF(struct document, created, "created", J_STR, 0),
	JF(struct document, os, "os", J_STR, 0),
	JF(struct document, architecture, "architecture", J_STR, 0),
	JF(struct document, variant, "variant", J_STR, 0),
	JF(struct document, author, "author", J_STR, 0),
	JF(struct document, comment, "comment", J_STR, 0),
	JF(struct document, docker_version, "docker_version", J_STR, 0),
	JFT(struct document, config, "config", J_OBJ, 0, &config_type),
	JFT(struct document, rootfs, "rootfs", J_OBJ, 0, &rootfs_type),
	JFT(struct document, history, "history", J_ARR, 0, &history_type),
};
static const struct jtype document_type = JTYPE(struct document, document_fields);

void image_digest(char ret[IMAGE_ID_SIZE], const void *data, size_t n)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	CHECK(EVP_Digest(data, n, md, &len, EVP_sha256(), NULL));
	memcpy(ret, "sha256:", 7);
	hex_encode(ret + 7, md, 32);
}

void image_short_id(char ret[13], const char *id)
{
	const char *hex = str_after(id, "sha256:");

	snprintf(ret, 13, "%s", hex ? hex : id);
}

struct image *image_ref(struct image *img)
{
	__atomic_add_fetch(&img->refs, 1, __ATOMIC_RELAXED);
	return img;
}

static void config_done(struct image_config *c)
{
	strv_done(&c->env);
	strv_done(&c->cmd);
	strv_done(&c->entrypoint);
	strv_done(&c->shell);
	strv_done(&c->onbuild);
	strv_done(&c->exposed_ports);
	strv_done(&c->volumes);
	map_done(&c->labels);
	strv_done(&c->health.test);
	free(c->working_dir);
	free(c->user);
	free(c->stop_signal);
}

void image_unref(struct image *img)
{
	if (!img || __atomic_sub_fetch(&img->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	config_done(&img->config);
	for (size_t i = 0; i < img->nhistory; i++) {
		free(img->history[i].created);
		free(img->history[i].created_by);
		free(img->history[i].comment);
		free(img->history[i].author);
	}
	free(img->history);
	strv_done(&img->repo_tags);
	strv_done(&img->repo_digests);
	strv_done(&img->diff_ids);
	strv_done(&img->layers);
	free(img->parent);
	free(img->created);
	free(img->os);
	free(img->architecture);
	free(img->variant);
	free(img->author);
	free(img->comment);
	free(img->docker_version);
	free(img->chain_id);
	free(img->raw);
	free(img->manifest);
	free(img);
}

/* "" means absent in these documents. */
static char *take_string(char **s)
{
	if (*s && !**s) {
		free(*s);
		*s = NULL;
	}
	return TAKE_PTR(*s);
}

static struct strv take_strv(struct strv *sv)
{
	struct strv out = *sv;

	*sv = (struct strv){0};
	return out;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct map_entry *)a)->key, ((const struct map_entry *)b)->key);
}

static void sorted_map(struct map *dst, struct map *src)
{
	struct map_entry *v = xnew_n(struct map_entry, src->n + 1);
	size_t n = 0;

	map_for_each (it, src)
		v[n++] = *it;
	qsort(v, n, sizeof(*v), compare_keys);
	for (size_t i = 0; i < n; i++)
		map_set_str(dst, v[i].key, v[i].value);
	free(v);
}

static void fill_config(struct image_config *dst, struct config *src)
{
	dst->env = take_strv(&src->env);
	dst->cmd = take_strv(&src->cmd);
	dst->entrypoint = take_strv(&src->entrypoint);
	dst->shell = take_strv(&src->shell);
	dst->onbuild = take_strv(&src->onbuild);
	dst->exposed_ports = take_strv(&src->exposed_ports);
	dst->volumes = take_strv(&src->volumes);
	strv_sort(&dst->exposed_ports);
	strv_sort(&dst->volumes);
	sorted_map(&dst->labels, &src->labels);
	dst->working_dir = take_string(&src->working_dir);
	dst->user = take_string(&src->user);
	dst->stop_signal = take_string(&src->stop_signal);
	dst->stop_timeout = src->stop_timeout.set ? (int)src->stop_timeout.v : -1;
	dst->args_escaped = src->args_escaped;
	if (!src->health)
		return;
	dst->has_health = true;
	dst->health = (struct image_health){.test = take_strv(&src->health->test),
					    .interval = src->health->interval,
					    .timeout = src->health->timeout,
					    .start_period = src->health->start_period,
					    .start_interval = src->health->start_interval,
					    .retries = (int)src->health->retries};
}

static void fill_history(struct image *img, struct jarray *src)
{
	struct history *h = src->v;

	img->history = xnew_n(struct image_history, src->n + 1);
	img->nhistory = src->n;
	for (size_t i = 0; i < src->n; i++)
		img->history[i] =
			(struct image_history){.created = take_string(&h[i].created),
					       .created_by = take_string(&h[i].created_by),
					       .comment = take_string(&h[i].comment),
					       .author = take_string(&h[i].author),
					       .empty_layer = h[i].empty_layer};
}

static int fill(struct image *img, struct document *d, struct err *err)
{
	if (d->rootfs.diff_ids.n > IMAGE_LAYERS_MAX)
		return err_set(err, ERR_INVALID, "bad image config: more than %d layers",
			       IMAGE_LAYERS_MAX);
	strv_for_each (diff, &d->rootfs.diff_ids)
		if (!reference_is_digest(diff))
			return err_set(err, ERR_INVALID, "bad image config: '%.80s' is no diff id",
				       diff);
	img->diff_ids = take_strv(&d->rootfs.diff_ids);
	img->created = take_string(&d->created);
	if (img->created && clock_parse_rfc3339(img->created, &img->created_ns) < 0)
		return err_set(err, ERR_INVALID, "bad image config: created '%.80s' is no time",
			       img->created);
	img->os = take_string(&d->os);
	img->architecture = take_string(&d->architecture);
	img->variant = take_string(&d->variant);
	img->author = take_string(&d->author);
	img->comment = take_string(&d->comment);
	img->docker_version = take_string(&d->docker_version);
	fill_config(&img->config, &d->config);
	fill_history(img, &d->history);
	return 0;
}

int image_parse(const void *json, size_t n, struct image **ret, struct err *err)
{
	struct document doc = {0};
	AUTO(image) struct image *img = NULL;
	AUTO(json) json_t *value = NULL;
	int r;

	if (n > IMAGE_CONFIG_MAX)
		return err_set(err, ERR_INVALID, "bad image config: larger than 8 MiB");
	value = json_parse(json, n, err);
	if (!value)
		return err_wrap(err, "bad image config");
	if (!json_is_object(value))
		return err_set(err, ERR_INVALID, "bad image config: not an object");
	img = xnew(struct image);
	img->refs = 1;
	img->config.stop_timeout = -1;
	r = json_bind(&document_type, value, &doc, err);
	if (r < 0)
		err_wrap(err, "bad image config");
	else
		r = fill(img, &doc, err);
	json_unbind(&document_type, &doc);
	if (r < 0)
		return -1;
	image_digest(img->id, json, n);
	img->raw = xstrndup(json, n);
	img->raw_size = n;
	*ret = TAKE_PTR(img);
	return 0;
}
