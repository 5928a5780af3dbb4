/*
 * mgr.c - one network manager: opening, closing, finding networks
 */
#include "network/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "sys/netlink.h"

void mgr_add_network(struct network_mgr *mgr, struct network *net)
{
	mgr->nets = xrealloc(mgr->nets, (mgr->nnets + 1) * sizeof(*mgr->nets));
	mgr->nets[mgr->nnets++] = net;
}

static bool starts_with(const char *s, const char *prefix)
{
	return str_after(s, prefix) != NULL;
}

struct network *mgr_find(struct network_mgr *mgr, const char *name, struct err *err)
{
	struct network *found = NULL;

	if (streq(name, "default"))
		name = "bridge";
	for (size_t i = 0; i < mgr->nnets; i++)
		if (streq(mgr->nets[i]->name, name) || streq(mgr->nets[i]->id, name))
			return mgr->nets[i];
	for (size_t i = 0; i < mgr->nnets && *name; i++) {
		if (!starts_with(mgr->nets[i]->id, name))
			continue;
		if (found) {
			err_set(err, ERR_INVALID, "network %s is ambiguous (2 matches found based on ID prefix)", name);
			return NULL;
		}
		found = mgr->nets[i];
	}
	if (!found)
		err_set(err, ERR_NOT_FOUND, "network %s not found", name);
	return found;
}

struct network *mgr_default(struct network_mgr *mgr)
{
	for (size_t i = 0; i < mgr->nnets && mgr->bridge[0]; i++)
		if (mgr->nets[i]->is_default)
			return mgr->nets[i];
	return NULL;
}

static int make_dir(const char *root, const char *name, struct err *err)
{
	AUTO(free) char *path = path_join(root, name);
	int r = fs_mkdir_p(AT_FDCWD, path, 0700);

	if (r >= 0)
		r = fs_open_dir(AT_FDCWD, path);
	if (r < 0)
		return err_sys(err, -r, "directory %s", path);
	return r;
}

static void copy_strv(struct strv *dst, const struct strv *src)
{
	if (src)
		strv_copy(dst, src);
}

static int configure(struct network_mgr *mgr, const struct network_config *cfg, struct err *err)
{
	const char *bad;

	mgr->data_root = xstrdup(cfg->data_root);
	mgr->exec_root = xstrdup(cfg->exec_root);
	mgr->no_ip_forward = cfg->no_ip_forward;
	mgr->firewall = !cfg->no_firewall;
	mgr->mtu = cfg->mtu;
	if (cfg->mtu && (cfg->mtu < 68 || cfg->mtu > 65535))
		return err_set(err, ERR_INVALID, "invalid mtu %u", cfg->mtu);
	copy_strv(&mgr->dns, cfg->dns);
	copy_strv(&mgr->dns_search, cfg->dns_search);
	copy_strv(&mgr->dns_options, cfg->dns_options);
	if (pools_init(&mgr->pools, cfg->pools, &bad) < 0)
		return err_set(err, ERR_INVALID, "invalid address pool '%.64s'", bad);
	if (cfg->host_binding && *cfg->host_binding && !addr4_parse(cfg->host_binding, &mgr->host_binding))
		return err_set(err, ERR_INVALID, "invalid address to bind published ports to: '%.64s'",
			       cfg->host_binding);
	return 0;
}

static int open_kernel(struct network_mgr *mgr, struct err *err)
{
	mgr->host_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (mgr->host_ns < 0)
		return err_sys(err, errno, "open the network namespace");
	mgr->nl = nl_open(NETLINK_ROUTE);
	if (mgr->nl < 0)
		return err_sys(err, -mgr->nl, "netlink");
	mgr->netdir = make_dir(mgr->data_root, "networks", err);
	if (mgr->netdir < 0)
		return -1;
	mgr->sandboxdir = make_dir(mgr->exec_root, "network", err);
	return mgr->sandboxdir < 0 ? -1 : 0;
}

static void name_table(struct network_mgr *mgr)
{
	if (!mgr->bridge[0])
		snprintf(mgr->table, sizeof(mgr->table), "cove-%.8s", mgr->engine);
	else if (streq(mgr->bridge, "cove0"))
		snprintf(mgr->table, sizeof(mgr->table), "cove");
	else
		snprintf(mgr->table, sizeof(mgr->table), "cove-%s", mgr->bridge);
}

static void choose_host_gateway(struct network_mgr *mgr, const struct network_config *cfg)
{
	const struct network *net = mgr_default(mgr);

	if (cfg->host_gateway && *cfg->host_gateway)
		snprintf(mgr->host_gateway, sizeof(mgr->host_gateway), "%s", cfg->host_gateway);
	else if (net)
		addr4_format(mgr->host_gateway, net->gateway);
}

static int open_all(struct network_mgr *mgr, const struct network_config *cfg, struct strv *warnings,
		    struct err *err)
{
	struct network *net;

	if (configure(mgr, cfg, err) < 0 || open_kernel(mgr, err) < 0)
		return -1;
	if (store_engine_id(mgr, err) < 0 || netstore_load(mgr, warnings, err) < 0)
		return -1;
	if (bridge_choose_default(mgr, cfg, err) < 0)
		return -1;
	name_table(mgr);
	choose_host_gateway(mgr, cfg);
	if (sandbox_load_all(mgr, warnings, err) < 0 || ready_start(mgr, cfg->ready, err) < 0)
		return -1;
	net = mgr_default(mgr);
	if (!net) /* the rules come with the first network */
		return 0;
	if (rules_ensure(mgr, warnings, err) < 0 || bridge_ensure(mgr, net, err) < 0)
		return -1;
	foreign_open(mgr, warnings);
	return 0;
}

int network_open(const struct network_config *cfg, struct network_mgr **ret, struct strv *ret_warnings,
		 struct err *err)
{
	AUTO(strv) struct strv unread = {};
	struct network_mgr *mgr = xnew(struct network_mgr);

	pthread_mutex_init(&mgr->lock, NULL);
	pthread_mutex_init(&mgr->nft_lock, NULL);
	mgr->host_ns = mgr->nl = mgr->nft = mgr->netdir = mgr->sandboxdir = mgr->name_lock = -1;
	if (open_all(mgr, cfg, ret_warnings ? ret_warnings : &unread, err) < 0) {
		network_close(mgr);
		return -1;
	}
	mgr->complete = true;
	*ret = mgr;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void network_close(struct network_mgr *mgr)
{
	if (!mgr)
		return;
	if (mgr->complete && mgr->sandboxes.n == 0)
		ignore_result(network_teardown(mgr, NULL)); /* what stays is ours at the next start */
	ready_stop(mgr);
	map_for_each(it, &mgr->sandboxes)
		sandbox_free(it->value);
	map_done(&mgr->sandboxes);
	for (size_t i = 0; i < mgr->nnets; i++)
		network_free(mgr->nets[i]);
	free(mgr->nets);
	pools_done(&mgr->pools);
	strv_done(&mgr->dns);
	strv_done(&mgr->dns_search);
	strv_done(&mgr->dns_options);
	close_fd(mgr->nft);
	close_fd(mgr->nl);
	close_fd(mgr->name_lock);
	close_fd(mgr->host_ns);
	close_fd(mgr->netdir);
	close_fd(mgr->sandboxdir);
	free(mgr->data_root);
	free(mgr->exec_root);
	pthread_mutex_destroy(&mgr->lock);
	pthread_mutex_destroy(&mgr->nft_lock);
	free(mgr);
}

int network_teardown(struct network_mgr *mgr, struct err *err)
{
	int r = 0;

	ready_stop(mgr);
	foreign_close(mgr);
	pthread_mutex_lock(&mgr->lock);
	for (size_t i = 0; i < mgr->nnets && r == 0; i++)
		if (mgr->nets[i]->driver == DRIVER_BRIDGE)
			r = bridge_drop(mgr, mgr->nets[i], err);
	if (r == 0)
		r = rules_unload(mgr, err);
	pthread_mutex_unlock(&mgr->lock);
	return r;
}

bool network_address(struct network_mgr *mgr, const char *container_id, char ret[16])
{
	const struct sandbox *sb;
	bool found = false;

	pthread_mutex_lock(&mgr->lock);
	sb = sandbox_find(mgr, container_id);
	for (size_t i = 0; sb && i < sb->n && !found; i++) {
		found = sb->ep[i]->addr != 0;
		if (found)
			addr4_format(ret, sb->ep[i]->addr);
	}
	pthread_mutex_unlock(&mgr->lock);
	return found;
}

const char *network_host_gateway(struct network_mgr *mgr)
{
	return mgr->host_gateway;
}

const char *network_bridge(struct network_mgr *mgr)
{
	return mgr->bridge;
}

static const struct strv *given_or(const struct strv *given, const struct strv *fallback)
{
	return given && given->n > 0 ? given : fallback;
}

char *network_container_resolv_conf(struct network_mgr *mgr, const char *host_text,
				    const struct network_resolv *r)
{
	struct network_resolv full = *r;

	full.dns = given_or(r->dns, &mgr->dns);
	full.search = given_or(r->search, &mgr->dns_search);
	full.options = given_or(r->options, &mgr->dns_options);
	return network_resolv_conf(host_text, &full);
}
