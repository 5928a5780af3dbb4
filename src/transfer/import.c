/*
 * import.c - a root file system's tar becomes an image of one layer
 *
 * (1) The name and the changes are checked before the first byte is read.
 */
#include "base/clock.h"
#include "codec/json.h"
#include "transfer/transfer-priv.h"
#include "transfer/tree.h"

int transfer_progress_report(const struct transfer_progress *p, const char *status, const char *id,
			     int64_t current, int64_t total, struct err *err)
{
	if (p && p->fn && p->fn(p->ctx, status, id, current, total) != 0)
		return err_set(err, ERR_CANCELLED, "cancelled");
	return 0;
}

char *transfer_created_now(void)
{
	char now[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(now, clock_real_ns());
	return xstrdup(now);
}

int transfer_repo_tag(const char *repo, const char *tag, char **ret, struct err *err)
{
	AUTO(reference) struct reference ref = {0};

	*ret = NULL;
	if (!repo || !*repo)
		return 0;
	if (reference_parse(repo, &ref, err) < 0)
		return -1;
	if (ref.digest)
		return err_set(err, ERR_INVALID, "cannot import digest reference");
	if (tag && *tag) {
		if (!reference_is_tag(tag))
			return err_set(err, ERR_INVALID, "invalid tag format");
		free(ref.tag);
		ref.tag = xstrdup(tag);
	}
	reference_default_tag(&ref);
	*ret = reference_full(&ref);
	return 0;
}

static json_t *document(const struct transfer_import *in, const struct platform *platform,
			const char *config, const char *diff_id)
{
	AUTO(free)
	char *message = in->message && *in->message
				? xstrdup(in->message)
				: xasprintf("Imported from %s", in->source ? in->source : "-");
	AUTO(free) char *now = transfer_created_now();
	json_t *doc = json_object(), *history = json_object();

	json_object_set_new(history, "created", json_string(now));
	json_object_set_new(history, "comment", json_str(message));
	json_object_set_new(doc, "architecture", json_string(platform->architecture));
	json_object_set_new(doc, "comment", json_str(message));
	json_object_set_new(doc, "config", json_parse(config, strlen(config), NULL));
	json_object_set_new(doc, "created", json_string(now));
	json_object_set_new(doc, "history", json_pack("[o]", history));
	json_object_set_new(doc, "os", json_string(platform->os));
	json_object_set_new(doc, "rootfs",
			    json_pack("{sss[s]}", "type", "layers", "diff_ids", diff_id));
	if (platform->variant[0])
		json_object_set_new(doc, "variant", json_string(platform->variant));
	return doc;
}

static int record(struct image_store *store, const char *doc, const char *name,
		  char ret_id[IMAGE_ID_SIZE], struct err *err)
{
	AUTO(strv) struct strv names = {0};
	struct image_create create = {.config = doc, .config_size = strlen(doc), .names = &names};

	if (name)
		strv_add(&names, name);
	return image_create(store, &create, ret_id, err);
}

/* An archive that replaced its own entries could not be given again: its tree is taken instead. */
static int make_exact(struct image_store *store, struct image_layer **layer, struct err *err)
{
	AUTO(image_layer) struct image_layer *again = NULL;
	AUTO(free) char *dir = NULL;
	int64_t entries;

	if ((*layer)->result.exact)
		return 0;
	dir = xasprintf("%s/tmp/%s/diff", image_store_root(store), (*layer)->name);
	if (transfer_layer_of_tree(store, dir, TREE_WHITEOUTS, &again, &entries, err) < 0)
		return -1;
	image_layer_free(*layer);
	*layer = TAKE_PTR(again);
	return 0;
}

int transfer_import(struct image_store *store, const struct transfer_import *in,
		    const struct transfer_progress *progress, char ret_id[IMAGE_ID_SIZE],
		    struct err *err)
{
	AUTO(image_layer) struct image_layer *layer = NULL;
	AUTO(free) char *config = NULL;
	AUTO(free) char *name = NULL;
	AUTO(free) char *chain = NULL;
	AUTO(free) char *text = NULL;
	AUTO(json) json_t *doc = NULL;
	struct platform platform;

	if (transfer_platform_parse(in->platform, &platform, err) < 0 ||
	    transfer_repo_tag(in->repo, in->tag, &name, err) < 0 ||
	    transfer_apply_changes("{}", in->changes, &config, err) < 0) /* (1) */
		return -1;
	if (image_layer_unpack(store, in->fd, 0, &layer, err) < 0 ||
	    make_exact(store, &layer, err) < 0)
		return -1;
	if (transfer_progress_report(progress, "Importing", NULL, layer->result.blob_size, 0, err) <
	    0)
		return -1;
	doc = document(in, &platform, config, layer->result.diff_id);
	text = json_text(doc, 0);
	if (image_layer_commit(layer, NULL, &chain, err) < 0)
		return -1;
	return record(store, text, name, ret_id, err);
}
