/*
 * store.c - the directory that holds all volumes
 *
 * (1) A volume is visible only once its directory, record included, is renamed into place.
 * (2) Removal renames to .gone-HEX first; start-up deletes what it finds there, and .new-HEX.
 * (3) A directory without a readable record is reported and taken as a plain volume: never deleted
 *     unasked, since it may be all that is left of somebody's data.
 * (4) A busy volume is neither removed nor filled by a second call.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/fs.h"
#include "volume/private.h"

#define RECORD	    "volume.json"
#define RECORD_MAX  (1024 * 1024)
#define VOLUMES_MAX 100000

struct record {
	char *name;
	int64_t created;
	json_t *options, *labels;
	bool anonymous;
};

static const struct jfield record_fields[] = {
	JF(struct record, name, "Name", J_STR, 0),
	JF(struct record, created, "Created", J_INT, 0),
	JF(struct record, options, "Options", J_RAW, 0),
	JF(struct record, labels, "Labels", J_RAW, 0),
	JF(struct record, anonymous, "Anonymous", J_BOOL, J_OMITEMPTY),
};
static const struct jtype record_type = JTYPE(struct record, record_fields);

void volume_free(struct volume *vol)
{
	if (!vol)
		return;
	free(vol->name);
	json_decref(vol->options);
	json_decref(vol->labels);
	strv_done(&vol->users);
	strv_done(&vol->mounts);
	free(vol);
}

struct volume *volstore_find(struct volume_store *store, const char *name)
{
	return map_get(&store->volumes, name);
}

struct volume *store_need(struct volume_store *store, const char *name, struct err *err)
{
	struct volume *vol = volstore_find(store, name);

	if (!vol)
		err_set(err, ERR_NOT_FOUND, "get %.255s: no such volume", name);
	return vol;
}

void hidden_name(char ret[32], const char *prefix)
{
	char hex[17];

	random_hex(hex, 16);
	snprintf(ret, 32, "%s%s", prefix, hex);
}

char *volume_data_path(const struct volume_store *store, const char *name)
{
	return xasprintf("%s/%s/_data", store->root, name);
}

static json_t *object_or_null(json_t *v)
{
	return json_is_object(v) ? json_incref(v) : NULL;
}

static int read_record(int dirfd, const char *name, struct volume *vol, struct err *err)
{
	AUTO(free) char *file = xasprintf("%s/" RECORD, name);
	AUTO(buf) struct buf text = {};
	AUTO(json) json_t *value = NULL;
	struct record rec = {};
	int r = fs_read_file(dirfd, file, RECORD_MAX, &text);

	if (r < 0)
		return err_sys(err, -r, "read");
	value = json_parse(str_or(text.p), text.len, err);
	if (!value)
		return -1;
	r = json_bind(&record_type, value, &rec, err);
	if (r == 0 && !streq(rec.name, name))
		r = err_set(err, ERR_CORRUPT, "the name in it is '%.255s'", str_or(rec.name));
	if (r == 0) {
		vol->created_ns = rec.created;
		vol->options = object_or_null(rec.options);
		vol->labels = object_or_null(rec.labels);
		vol->anonymous = rec.anonymous;
	}
	json_unbind(&record_type, &rec);
	return r;
}

struct loading {
	struct volume_store *store;
	struct strv *warnings;
};

static void warn(const struct loading *l, const char *name, const char *what)
{
	if (l->warnings)
		strv_addf(l->warnings, "volume %s/%s: %s", l->store->root, name, what);
}

static int load_entry(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	const struct loading *l = ctx;
	AUTO(free) char *data = xasprintf("%s/_data", name);
	struct err err = ERR_INIT;
	struct volume *vol;
	struct stat st;

	if (str_after(name, ".gone-") || str_after(name, ".new-")) { /* (2) */
		ignore_result(fs_remove_tree(dirfd, name)); /* tried again at the next start */
		return 0;
	}
	if (volume_check_name(name, NULL) < 0 || fstatat(dirfd, data, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(st.st_mode)) {
		warn(l, name, "not a volume, left alone");
		return 0;
	}
	vol = xnew(struct volume);
	vol->name = xstrdup(name);
	if (read_record(dirfd, name, vol, &err) < 0) { /* (3) */
		warn(l, name, err.msg);
		vol->created_ns = st.st_mtim.tv_sec * NS_PER_SEC;
	}
	map_set(&l->store->volumes, name, vol);
	return 0;
}

int volume_store_open(const char *root, struct volume_store **ret, struct strv *ret_warnings, struct err *err)
{
	struct volume_store *store;
	struct loading l;
	int r = fs_mkdir_p(AT_FDCWD, root, 0711);

	if (r >= 0)
		r = fs_open_dir(AT_FDCWD, root);
	if (r < 0)
		return err_sys(err, -r, "open volume root '%s'", root);
	store = xnew(struct volume_store);
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->idle, NULL);
	store->root = xstrdup(root);
	store->dirfd = r;
	l = (struct loading){store, ret_warnings};
	r = fs_each_entry(store->dirfd, ".", load_entry, &l);
	if (r < 0) {
		volume_store_free(store);
		return err_sys(err, -r, "read volume root '%s'", root);
	}
	*ret = store;
	return 0;
}

void volume_store_free(struct volume_store *store)
{
	if (!store)
		return;
	map_for_each(it, &store->volumes)
		volume_free(it->value);
	map_done(&store->volumes);
	close(store->dirfd);
	free(store->root);
	pthread_cond_destroy(&store->idle);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

static int write_record(int dirfd, const struct volume *vol)
{
	struct record rec = {.name = vol->name, .created = vol->created_ns, .options = vol->options,
			     .labels = vol->labels, .anonymous = vol->anonymous};
	json_t *value = json_print(&record_type, &rec);
	AUTO(free) char *text = json_text(value, JSON_INDENT(1));

	json_decref(value);
	return fs_replace(dirfd, RECORD, text, strlen(text), 0600, FS_DURABLE);
}

/* (1) */
static int make_dirs(struct volume_store *store, const struct volume *vol, struct err *err)
{
	AUTO(close) int dir = -1;
	char tmp[32];
	int r = 0;

	hidden_name(tmp, ".new-");
	if (mkdirat(store->dirfd, tmp, 0711) < 0)
		return err_sys(err, errno, "create volume '%s'", vol->name);
	dir = fs_open_dir(store->dirfd, tmp);
	if (dir < 0)
		r = dir;
	else if (mkdirat(dir, "_data", 0755) < 0 || fchmodat(dir, "_data", 0755, 0) < 0)
		r = -errno;
	else
		r = write_record(dir, vol);
	if (r >= 0 && renameat2(store->dirfd, tmp, store->dirfd, vol->name, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r >= 0 && fsync(store->dirfd) < 0)
		r = -errno;
	if (r < 0) {
		ignore_result(fs_remove_tree(store->dirfd, tmp)); /* else at the next start */
		return err_sys(err, -r, "create volume '%s'", vol->name);
	}
	return 0;
}

static int check_strings(const char *name, const json_t *o, const char *what, struct err *err)
{
	const char *key;
	json_t *v;

	if (o && !json_is_object(o) && !json_is_null(o))
		return err_set(err, ERR_INVALID, "create %s: %s is not an object", name, what);
	json_object_foreach((json_t *)o, key, v)
		if (!json_is_string(v))
			return err_set(err, ERR_INVALID, "create %s: %s of '%.128s' is not a string", name,
				       what, key);
	return 0;
}

static struct volume *new_volume(const struct volume_create *c, const char *name, bool anonymous)
{
	struct volume *vol = xnew(struct volume);

	vol->name = xstrdup(name);
	vol->created_ns = clock_real_ns();
	vol->options = json_is_object(c->options) ? json_deep_copy(c->options) : NULL;
	vol->labels = json_is_object(c->labels) ? json_deep_copy(c->labels) : NULL;
	vol->anonymous = anonymous;
	if (anonymous) {
		if (!vol->labels)
			vol->labels = json_object();
		json_object_set_new(vol->labels, "com.docker.volume.anonymous", json_string(""));
	}
	return vol;
}

int volume_create(struct volume_store *store, const struct volume_create *c, char **ret_name, struct err *err)
{
	bool unnamed = !c->name || !*c->name;
	char random[65];
	const char *name = unnamed ? random : c->name;
	struct volume *vol;
	int r = 0;

	random_hex(random, 64);
	if (volume_check_name(name, err) < 0)
		return -1;
	if (c->driver && *c->driver && !streq(c->driver, "local"))
		return err_set(err, ERR_NOT_FOUND, "create %s: error looking up volume plugin %.64s: plugin "
			       "\"%.64s\" not found", name, c->driver, c->driver);
	if (check_strings(name, c->options, "option", err) < 0 || check_strings(name, c->labels, "label", err) < 0 ||
	    options_check(name, c->options, err) < 0)
		return -1;

	pthread_mutex_lock(&store->lock);
	if (volstore_find(store, name)) {
		r = 0;
	} else if (store->volumes.n >= VOLUMES_MAX) {
		r = err_set(err, ERR_UNAVAILABLE, "more than %d volumes", VOLUMES_MAX);
	} else {
		vol = new_volume(c, name, unnamed || c->anonymous);
		r = make_dirs(store, vol, err);
		if (r == 0)
			map_set(&store->volumes, name, vol);
		else
			volume_free(vol);
	}
	pthread_mutex_unlock(&store->lock);
	if (r == 0 && ret_name)
		*ret_name = xstrdup(name);
	return r;
}

/* (2); the lock is held for the rename only, the tree goes without it. */
int store_drop(struct volume_store *store, struct volume *vol, struct err *err)
{
	AUTO(free) char *path = volume_data_path(store, vol->name);
	char gone[32];
	int r = 0;

	if (is_mounted(path) && data_unmount(path, err) < 0)
		return -1;
	hidden_name(gone, ".gone-");
	if (renameat(store->dirfd, vol->name, store->dirfd, gone) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove %s", vol->name);
	if (fsync(store->dirfd) < 0)
		return err_sys(err, errno, "remove %s", vol->name);
	map_take(&store->volumes, vol->name);
	volume_free(vol);
	pthread_mutex_unlock(&store->lock);
	r = fs_remove_tree(store->dirfd, gone);
	pthread_mutex_lock(&store->lock);
	ignore_result(r); /* it is gone for the user; the next start tries again */
	return 0;
}

static int check_unused(const struct volume *vol, struct err *err)
{
	AUTO(free) char *users = NULL;

	if (vol->busy)
		return err_set(err, ERR_CONFLICT, "remove %s: volume is in use", vol->name);
	if (vol->users.n == 0)
		return 0;
	users = strv_join(&vol->users, ", ");
	return err_set(err, ERR_CONFLICT, "remove %s: volume is in use - [%.512s]", vol->name, users);
}

int volume_remove(struct volume_store *store, const char *name, bool force, struct err *err)
{
	struct volume *vol;
	int r = -1;

	pthread_mutex_lock(&store->lock);
	vol = volstore_find(store, name);
	if (!vol)
		r = force ? 0 : err_set(err, ERR_NOT_FOUND, "get %.255s: no such volume", name);
	else if (check_unused(vol, err) == 0)
		r = store_drop(store, vol, err);
	pthread_mutex_unlock(&store->lock);
	return r;
}

bool volume_exists(struct volume_store *store, const char *name)
{
	bool there;

	pthread_mutex_lock(&store->lock);
	there = volstore_find(store, name) != NULL;
	pthread_mutex_unlock(&store->lock);
	return there;
}

bool volume_is_anonymous(struct volume_store *store, const char *name)
{
	const struct volume *vol;
	bool yes;

	pthread_mutex_lock(&store->lock);
	vol = volstore_find(store, name);
	yes = vol && vol->anonymous;
	pthread_mutex_unlock(&store->lock);
	return yes;
}
