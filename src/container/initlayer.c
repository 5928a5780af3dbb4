/*
 * initlayer.c - one small read-only layer between every container's own and its image's
 *
 * It holds what the engine mounts on (/etc/hosts, /dev, /proc...) and /.dockerenv, which programs
 * look for, so that making mount points leaves no trace in a container's own layer: diff, commit
 * and export show the container's changes alone.
 *
 * (1) An image whose /etc is not a plain directory does without it.
 */
#include "container/private.h"

#include <errno.h>
#include <fcntl.h>

#define INIT_LAYER "init-layer"

static const char *const dirs[] = {"dev", "dev/pts", "dev/shm", "etc", "proc", "sys"};
static const char *const empty_files[] = {".dockerenv", "dev/console", "etc/hostname", "etc/hosts",
					  "etc/resolv.conf"};

static int fill(int dirfd)
{
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (mkdirat(dirfd, dirs[i], 0755) < 0 && errno != EEXIST)
			return -errno;
	for (size_t i = 0; i < ARRAY_LEN(empty_files); i++) {
		AUTO(close) int fd = openat(dirfd, empty_files[i], O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW,
					    i == 0 ? 0755 : 0644);

		if (fd < 0 || fchmod(fd, i == 0 ? 0755 : 0644) < 0)
			return -errno;
	}
	if (symlinkat("/proc/mounts", dirfd, "etc/mtab") < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int init_layer_open(struct containers *cs, struct err *err)
{
	AUTO(close) int fd = -1;
	int r;

	cs->init_layer = path_join(cs->cfg.data_root, INIT_LAYER);
	r = fs_mkdir_p(AT_FDCWD, cs->init_layer, 0755);
	if (r == 0)
		r = fd = fs_open_dir(AT_FDCWD, cs->init_layer);
	if (r >= 0)
		r = fchmod(fd, 0755) < 0 ? -errno : fill(fd);
	return r < 0 ? err_sys(err, -r, "make '%s'", cs->init_layer) : 0;
}

/* Is /etc of these layers (topmost first) a directory, or nothing? */
static bool plain_etc(const struct strv *layers)
{
	for (size_t i = 0; i < layers->n; i++) {
		AUTO(free) char *etc = path_join(layers->v[i], "etc");
		struct stat st;

		if (lstat(etc, &st) == 0)
			return S_ISDIR(st.st_mode) || (S_ISCHR(st.st_mode) && st.st_rdev == 0);
	}
	return true;
}

int container_lower_layers(struct container *c, struct strv *ret, struct err *err)
{
	struct strv layers = {0};

	if (image_chain_layers(c->cs->cfg.images, c->chain_id, &layers, err) < 0)
		return -1;
	if (plain_etc(&layers))
		strv_add(ret, c->cs->init_layer);
	for (size_t i = 0; i < layers.n; i++)
		strv_add(ret, layers.v[i]);
	strv_done(&layers);
	return 0;
}
