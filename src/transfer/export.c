/*
 * export.c - a container's tree out as a tar; a container's changes as a layer
 *
 * (1) A commit's layer goes the way of any other: as a tar through cove-unpack, so that it has its
 *     digest, its map and its checks.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include "codec/json.h"
#include "transfer/transfer-priv.h"
#include "transfer/tree.h"

int transfer_export(const struct strv *layers, int fd, struct err *err)
{
	return transfer_tree_write(layers, 0, fd, NULL, err);
}

struct writer {
	struct strv layers;
	unsigned flags;
	int fd;
	int64_t entries;
	int r;
	struct err err;
};

static void *write_thread(void *ctx)
{
	struct writer *w = ctx;
	sigset_t pipe;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	w->r = transfer_tree_write(&w->layers, w->flags, w->fd, &w->entries, &w->err);
	close(w->fd);
	return NULL;
}

int transfer_layer_of_tree(struct image_store *store, const char *dir, unsigned flags,
			   struct image_layer **ret, int64_t *ret_entries, struct err *err)
{
	struct writer w = {.flags = flags};
	AUTO(image_layer) struct image_layer *layer = NULL;
	pthread_t thread;
	int p[2], r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	strv_add(&w.layers, dir);
	w.fd = p[1];
	r = pthread_create(&thread, NULL, write_thread, &w);
	if (r) {
		close(p[0]);
		close(p[1]);
		strv_done(&w.layers);
		return err_sys(err, r, "start a thread");
	}
	r = image_layer_unpack(store, p[0], UNPACK_PLAIN_TAR, &layer, err);
	close(p[0]); /* the writer sees that, if unpacking ended early */
	pthread_join(thread, NULL);
	strv_done(&w.layers);
	if (w.r < 0 && w.err.kind != ERR_CANCELLED) {
		if (err)
			*err = w.err;
		return -1;
	}
	if (r < 0)
		return -1;
	*ret = TAKE_PTR(layer);
	*ret_entries = w.entries;
	return 0;
}

static json_t *history_entry(const struct transfer_commit *in, const json_t *config,
			     const char *now, bool empty)
{
	AUTO(strv) struct strv cmd = {0};
	AUTO(free) char *by = NULL;
	json_t *h = json_object(), *item;
	size_t i;

	json_array_foreach(json_object_get(config, "Cmd"), i, item) if (json_is_string(item))
		strv_add(&cmd, json_string_value(item));
	by = strv_join(&cmd, " ");
	json_object_set_new(h, "created", json_string(now));
	if (in->author && *in->author)
		json_object_set_new(h, "author", json_str(in->author));
	json_object_set_new(h, "created_by", json_str(by));
	if (in->comment && *in->comment)
		json_object_set_new(h, "comment", json_str(in->comment));
	if (empty)
		json_object_set_new(h, "empty_layer", json_true());
	return h;
}

static json_t *array_of(json_t *obj, const char *key)
{
	json_t *a = json_object_get(obj, key);

	if (!json_is_array(a)) {
		a = json_array();
		json_object_set_new(obj, key, a);
	}
	return a;
}

/* The parent's document with one more step. diff_id NULL: nothing changed. */
static json_t *child_document(const struct transfer_commit *in, const struct image *parent,
			      const char *config, const char *diff_id)
{
	json_t *doc = json_parse(parent->raw, parent->raw_size, NULL), *rootfs;
	json_t *conf = json_parse(config, strlen(config), NULL);
	AUTO(free) char *now = transfer_created_now();

	CHECK(doc && conf); /* both were parsed before */
	rootfs = json_object_get(doc, "rootfs");
	if (!json_is_object(rootfs)) {
		rootfs = json_pack("{ss}", "type", "layers");
		json_object_set_new(doc, "rootfs", rootfs);
	}
	if (diff_id)
		json_array_append_new(array_of(rootfs, "diff_ids"), json_string(diff_id));
	else
		array_of(rootfs, "diff_ids");
	json_array_append_new(array_of(doc, "history"), history_entry(in, conf, now, !diff_id));
	json_object_set_new(doc, "config", conf);
	json_object_set_new(doc, "created", json_string(now));
	json_object_set_new(doc, "author", json_str(in->author));
	json_object_set_new(doc, "comment", json_str(in->comment));
	json_object_del(doc, "container_config");
	json_object_set_new(doc, "container", json_str(in->container));
	return doc;
}

static int record_commit_image(struct image_store *store, const struct transfer_commit *in,
			       const struct image *parent, struct image_layer *layer,
			       const char *config, const char *name, char ret_id[IMAGE_ID_SIZE],
			       struct err *err)
{
	AUTO(json)
	json_t *doc = child_document(in, parent, config, layer ? layer->result.diff_id : NULL);
	AUTO(free) char *text = json_text(doc, 0);
	AUTO(free) char *chain = NULL;
	AUTO(strv) struct strv names = {0};
	struct image_create create = {
		.config = text, .config_size = strlen(text), .parent = parent->id, .names = &names};

	if (name)
		strv_add(&names, name);
	if (layer && image_layer_commit(layer, parent->chain_id, &chain, err) < 0)
		return -1;
	return image_create(store, &create, ret_id, err);
}

int transfer_commit(struct image_store *store, const struct transfer_commit *in,
		    char ret_id[IMAGE_ID_SIZE], struct err *err)
{
	AUTO(image_layer) struct image_layer *layer = NULL;
	AUTO(image) struct image *parent = NULL;
	AUTO(free) char *config = NULL;
	AUTO(free) char *name = NULL;
	int64_t entries;

	if (transfer_repo_tag(in->repo, in->tag, &name, err) < 0 ||
	    transfer_apply_changes(in->config ? in->config : "{}", in->changes, &config, err) < 0 ||
	    image_get(store, in->parent, &parent, err) < 0 ||
	    transfer_layer_of_tree(store, in->upper, TREE_CHANGES, &layer, &entries, err) < 0)
		return -1;
	if (entries == 0) {
		image_layer_free(layer);
		layer = NULL;
	}
	return record_commit_image(store, in, parent, layer, config, name, ret_id, err);
}
