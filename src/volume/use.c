/*
 * use.c - containers and volumes: references, mounts, the first filling
 *
 * (1) A reference keeps a volume from being removed; a mount keeps its file system mounted.
 * (2) A volume is filled in a hidden directory that then takes the place of the empty one, so that
 *     a crash leaves it empty or full.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "volume/private.h"

static void remove_string(struct strv *sv, const char *s)
{
	for (size_t i = 0; i < sv->n;) {
		if (streq(sv->v[i], s))
			strv_remove(sv, i);
		else
			i++;
	}
}

int volume_ref(struct volume_store *store, const char *name, const char *container_id, struct err *err)
{
	struct volume *vol;

	pthread_mutex_lock(&store->lock);
	vol = store_need(store, name, err);
	if (vol && !strv_has(&vol->users, container_id))
		strv_add(&vol->users, container_id);
	pthread_mutex_unlock(&store->lock);
	return vol ? 0 : -1;
}

void volume_unref(struct volume_store *store, const char *name, const char *container_id)
{
	struct volume *vol;

	pthread_mutex_lock(&store->lock);
	vol = volstore_find(store, name);
	if (vol)
		remove_string(&vol->users, container_id);
	pthread_mutex_unlock(&store->lock);
}

void volume_unref_all(struct volume_store *store, const char *container_id)
{
	pthread_mutex_lock(&store->lock);
	map_for_each(it, &store->volumes)
		remove_string(&((struct volume *)it->value)->users, container_id);
	pthread_mutex_unlock(&store->lock);
}

void volume_users(struct volume_store *store, const char *name, struct strv *ret)
{
	const struct volume *vol;

	pthread_mutex_lock(&store->lock);
	vol = volstore_find(store, name);
	if (vol)
		strv_for_each(u, &vol->users)
			strv_add(ret, u);
	pthread_mutex_unlock(&store->lock);
}

int volume_mount(struct volume_store *store, const char *name, const char *container_id, char **ret_path,
		 struct err *err)
{
	AUTO(free) char *path = volume_data_path(store, name);
	struct volume *vol;
	int r = -1;

	pthread_mutex_lock(&store->lock);
	vol = store_need(store, name, err);
	if (vol) {
		bool want = options_mount(vol->options) && !is_mounted(path);

		r = want ? data_mount(vol, path, err) : 0;
		if (r == 0 && !strv_has(&vol->mounts, container_id))
			strv_add(&vol->mounts, container_id);
	}
	pthread_mutex_unlock(&store->lock);
	if (r == 0)
		*ret_path = TAKE_PTR(path);
	return r;
}

void volume_unmount(struct volume_store *store, const char *name, const char *container_id)
{
	AUTO(free) char *path = volume_data_path(store, name);
	struct volume *vol;

	pthread_mutex_lock(&store->lock);
	vol = volstore_find(store, name);
	if (vol) {
		remove_string(&vol->mounts, container_id);
		if (vol->mounts.n == 0 && options_mount(vol->options) && is_mounted(path))
			ignore_result(data_unmount(path, NULL)); /* it is used again, or goes with the volume */
	}
	pthread_mutex_unlock(&store->lock);
}

static int any_entry(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	return streq(name, "lost+found") ? 0 : 1;
}

/* Into the mounted file system itself, emptied again on failure. */
static int remove_entry(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	return streq(name, "lost+found") ? 0 : fs_remove_tree(dirfd, name);
}

static int fill_mounted(int src, int data)
{
	int r = copy_tree(src, data);

	if (r < 0)
		ignore_result(fs_each_entry(data, ".", remove_entry, NULL)); /* r is what is reported */
	return r;
}

/* (2) */
static int fill_plain(struct volume_store *store, const char *name, int src)
{
	AUTO(free) char *data = xasprintf("%s/_data", name);
	AUTO(close) int dst = -1;
	char tmp[32];
	int r;

	hidden_name(tmp, ".new-");
	if (mkdirat(store->dirfd, tmp, 0700) < 0)
		return -errno;
	dst = fs_open_dir(store->dirfd, tmp);
	r = dst < 0 ? dst : copy_tree(src, dst);
	if (r >= 0 && renameat(store->dirfd, tmp, store->dirfd, data) < 0)
		r = -errno;
	if (r < 0)
		ignore_result(fs_remove_tree(store->dirfd, tmp)); /* else at the next start */
	return r;
}

static int open_beneath(int rootfd, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, rootfd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static int fill(struct volume_store *store, const char *name, int rootfd, const char *path, struct err *err)
{
	AUTO(free) char *data = volume_data_path(store, name);
	AUTO(close) int src = -1;
	AUTO(close) int dst = fs_open_dir(AT_FDCWD, data);
	int r;

	if (dst < 0)
		return err_sys(err, -dst, "open volume '%s'", name);
	r = fs_each_entry(dst, ".", any_entry, NULL);
	if (r != 0)
		return r < 0 ? err_sys(err, -r, "read volume '%s'", name) : 0;
	src = open_beneath(rootfd, path);
	if (src == -ENOENT || src == -ENOTDIR)
		return 0;
	if (src < 0)
		return err_sys(err, -src, "open %s in the image", path);
	r = is_mounted(data) ? fill_mounted(src, dst) : fill_plain(store, name, src);
	if (r < 0)
		return err_sys(err, -r, "copy %s of the image into volume '%s'", path, name);
	return 0;
}

int volume_copy_up(struct volume_store *store, const char *name, int rootfd, const char *path, struct err *err)
{
	struct volume *vol;
	int r;

	pthread_mutex_lock(&store->lock);
	vol = store_need(store, name, err);
	while (vol && vol->busy) {
		pthread_cond_wait(&store->idle, &store->lock);
		vol = store_need(store, name, err);
	}
	if (vol)
		vol->busy = true;
	pthread_mutex_unlock(&store->lock);
	if (!vol)
		return -1;
	r = fill(store, name, rootfd, path, err);
	pthread_mutex_lock(&store->lock);
	vol->busy = false;
	pthread_cond_broadcast(&store->idle);
	pthread_mutex_unlock(&store->lock);
	return r;
}
