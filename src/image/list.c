/*
 * list.c - all images, filtered as docker filters them
 */
#include "image/store-priv.h"

struct bounds {
	int64_t before, since; /* 0: none */
};

void image_list_done(struct image_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		image_unref(l->v[i]);
	free(l->v);
	*l = (struct image_list){0};
}

static bool has_label(const struct image *img, const char *want)
{
	const char *eq = strchr(want, '=');
	AUTO(free) char *key = eq ? xstrndup(want, (size_t)(eq - want)) : xstrdup(want);
	const char *value = map_get(&img->config.labels, key);

	return value && (!eq || streq(value, eq + 1));
}

static bool labels_match(const struct image *img, const struct image_filter *f)
{
	strv_for_each (want, &f->label)
		if (!has_label(img, want))
			return false;
	strv_for_each (not, &f->label_not)
		if (has_label(img, not ))
			return false;
	return true;
}

static bool wanted(struct image_store *store, const struct image *img, const struct image_filter *f,
		   const struct bounds *b)
{
	bool nameless = img->repo_tags.n == 0 && img->repo_digests.n == 0;

	if (b->before && img->created_ns >= b->before)
		return false;
	if (b->since && img->created_ns <= b->since)
		return false;
	if (f->until_ns && img->created_ns >= f->until_ns)
		return false;
	if (f->reference.n && nameless)
		return false;
	if (f->dangling == 1 && !nameless)
		return false;
	if (f->dangling == 0 && nameless)
		return false;
	if (nameless && !f->all && image_store_has_children(store, img->id))
		return false;
	return labels_match(img, f);
}

static int bound(struct image_store *store, const char *name, int64_t *ret, struct err *err)
{
	const struct entry *e;

	if (!name)
		return 0;
	e = image_store_find(store, name, err);
	if (!e)
		return -1;
	*ret = e->created_ns;
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct image *x = *(struct image *const *)a, *y = *(struct image *const *)b;

	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? 1 : -1;
	return strcmp(x->id, y->id);
}

static int list(struct image_store *store, const struct image_filter *f, struct image_list *ret,
		struct err *err)
{
	struct bounds b = {0};

	if (bound(store, f->before, &b.before, err) < 0 ||
	    bound(store, f->since, &b.since, err) < 0)
		return -1;
	ret->v = xnew_n(struct image *, store->images.n + 1);
	map_for_each (it, &store->images) {
		struct image *img = image_store_snapshot(store, it->value, &f->reference, err);

		if (!img)
			return -1;
		if (wanted(store, img, f, &b))
			ret->v[ret->n++] = img;
		else
			image_unref(img);
	}
	qsort(ret->v, ret->n, sizeof(*ret->v), newest_first);
	return 0;
}

int image_list(struct image_store *store, const struct image_filter *filter, struct image_list *ret,
	       struct err *err)
{
	static const struct image_filter everything = {.dangling = -1};
	struct image_list l = {0};
	int r;

	pthread_mutex_lock(&store->lock);
	r = list(store, filter ? filter : &everything, &l, err);
	pthread_mutex_unlock(&store->lock);
	if (r < 0)
		image_list_done(&l);
	else
		*ret = l;
	return r;
}
