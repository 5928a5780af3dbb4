/*
 * status.c - a container's state in words, and its size
 */
#include "container/inspect.h"

#include "container/health.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

/* Go's units.HumanDuration. */
static char *human_duration(int64_t ns)
{
	int64_t s = ns / NS_PER_SEC, m = s / 60, h = (ns + 1800 * NS_PER_SEC) / (3600 * NS_PER_SEC);

	if (s < 1)
		return xstrdup("Less than a second");
	if (s == 1)
		return xstrdup("1 second");
	if (s < 60)
		return xasprintf("%lld seconds", (long long)s);
	if (m == 1)
		return xstrdup("About a minute");
	if (m < 60)
		return xasprintf("%lld minutes", (long long)m);
	if (h == 1)
		return xstrdup("About an hour");
	if (h < 48)
		return xasprintf("%lld hours", (long long)h);
	if (h < 24 * 7 * 2)
		return xasprintf("%lld days", (long long)(h / 24));
	if (h < 24 * 30 * 2)
		return xasprintf("%lld weeks", (long long)(h / 24 / 7));
	if (h < 24 * 365 * 2)
		return xasprintf("%lld months", (long long)(h / 24 / 30));
	return xasprintf("%lld years", (long long)(h / 24 / 365));
}

char *status_text(const struct container *c)
{
	const struct state *s = &c->state;
	int64_t now = clock_real_ns();
	AUTO(free) char *up = human_duration(now - s->started_ns);
	AUTO(free) char *ago = human_duration(now - s->finished_ns);

	switch (s->status) {
	case ST_RUNNING:
		if (!health_configured(c))
			return xasprintf("Up %s", up);
		return xasprintf("Up %s (%s%s)", up, streq(health_name(c), "starting") ? "health: " : "",
				 health_name(c));
	case ST_PAUSED:
		return xasprintf("Up %s (Paused)", up);
	case ST_RESTARTING:
		return xasprintf("Restarting (%lld) %s ago", (long long)s->exit_code, ago);
	case ST_REMOVING:
		return xstrdup("Removal In Progress");
	case ST_DEAD:
		return xstrdup("Dead");
	case ST_CREATED:
		return xstrdup("Created");
	default:
		return s->finished_ns ? xasprintf("Exited (%lld) %s ago", (long long)s->exit_code, ago) :
					xstrdup("");
	}
}

struct walk {
	int64_t bytes;
	unsigned depth;
};

static int add_size(void *ctx, int dirfd, const char *name, unsigned char type)
{
	struct walk *w = ctx;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
		w->bytes += st.st_nlink > 1 ? st.st_size / (int64_t)st.st_nlink : st.st_size;
	if (S_ISDIR(st.st_mode) && w->depth < 200) {
		w->depth++;
		ignore_result(fs_each_entry(dirfd, name, add_size, w) < 0); /* went away: counts nothing */
		w->depth--;
	}
	return 0;
}

void container_sizes(struct container *c, int64_t *ret_rw, int64_t *ret_root)
{
	AUTO(free) char *upper = path_join(c->dir, "upper");
	struct walk w = {0};
	struct image *img;

	ignore_result(fs_each_entry(AT_FDCWD, upper, add_size, &w) < 0); /* no layer: no bytes */
	*ret_rw = w.bytes;
	*ret_root = w.bytes;
	if (image_get(c->cs->cfg.images, c->image_id, &img, NULL) == 0) {
		*ret_root += img->size;
		image_unref(img);
	}
}
