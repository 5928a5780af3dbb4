/*
 * system-prune.c - cove system prune
 */
#include "cli/calls.h"
#include "client/client.h"

struct opts {
	struct strv filters;
	bool all, force, volumes;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"all", 'a', CLI_BOOL, O(all), "Remove all unused images not just dangling ones"},
	{"filter", 0, CLI_FILTER, O(filters), "Provide filter values (e.g. \"label=<key>=<value>\")"},
	{"force", 'f', CLI_BOOL, O(force), "Do not prompt for confirmation"},
	{"volumes", 0, CLI_BOOL, O(volumes), "Prune anonymous volumes"},
	CLI_OPT_END,
};

static bool confirmed(const struct opts *o)
{
	AUTO(buf) struct buf text = {0};

	if (o->force)
		return true;
	buf_adds(&text, "WARNING! This will remove:\n  - all stopped containers\n"
			"  - all networks not used by at least one container\n");
	if (o->volumes)
		buf_adds(&text,
			 "  - all anonymous volumes not used by at least one container\n");
	buf_adds(&text, o->all ? "  - all images without at least one container associated to them\n"
			       : "  - all dangling images\n");
	buf_adds(&text, o->all ? "  - all build cache\n" : "  - unused build cache\n");
	if (o->filters.n)
		buf_adds(&text, "\n  Items to be pruned will be filtered with:\n");
	strv_for_each(f, &o->filters)
		buf_addf(&text, "  - %s\n", f);
	return cli_confirm(text.p);
}

/* A daemon without a builder has no cache to prune. */
static int prune_builds(struct cli *cli, const struct opts *o, int64_t *reclaimed, struct err *err)
{
	AUTO(buf) struct buf path = {0};
	json_t *answer = NULL;

	buf_adds(&path, "/build/prune");
	client_query_bool(&path, "all", o->all);
	if (call(cli, "POST", path.p, NULL, &answer, err) < 0)
		return err->kind == ERR_NOT_FOUND || err->kind == ERR_UNSUPPORTED ? 0 : -1;
	*reclaimed += json_integer_value(json_object_get(answer, "SpaceReclaimed"));
	json_decref(answer);
	return 0;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(strv) struct strv images = {0};
	int64_t reclaimed = 0;

	if (!confirmed(o))
		return 0;
	strv_copy(&images, &o->filters);
	strv_addf(&images, "dangling=%s", o->all ? "false" : "true");
	if (prune(cli, "containers", &o->filters, "ContainersDeleted", "Containers", &reclaimed,
		  err) < 0 ||
	    prune(cli, "networks", &o->filters, "NetworksDeleted", "Networks", &reclaimed, err) < 0)
		return -1;
	if (o->volumes &&
	    prune(cli, "volumes", &o->filters, "VolumesDeleted", "Volumes", &reclaimed, err) < 0)
		return -1;
	if (prune(cli, "images", &images, "ImagesDeleted", "Images", &reclaimed, err) < 0 ||
	    prune_builds(cli, o, &reclaimed, err) < 0)
		return -1;
	print_reclaimed(reclaimed);
	return 0;
}

const struct cli_command cmd_system_prune = {
	.paths = CLI_PATHS("system prune"),
	.args = "[OPTIONS]",
	.summary = "Remove unused data",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
