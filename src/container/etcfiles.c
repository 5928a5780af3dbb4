/*
 * etcfiles.c - /etc/resolv.conf, /etc/hosts and /etc/hostname of a container
 *
 * They are written at every start, below the exec root (memory, on most machines), and bound into
 * the container.
 */
#include "container/private.h"

#include <fcntl.h>

static const char *const files[] = {"resolv.conf", "hosts", "hostname"};

static int put(struct container *c, const char *name, const char *text, struct err *err)
{
	AUTO(free) char *path = path_join(c->run_dir, name);
	int r = fs_replace(AT_FDCWD, path, text, strlen(text), 0644, 0);

	return r < 0 ? err_sys(err, -r, "write %s of container %s", name, c->id) : 0;
}

/* With --network container:REF the files are that container's. */
static int copy_from_other(struct container *c, struct err *err)
{
	AUTO(container) struct container *other = container_get(c->cs, net_container_ref(c), err);

	if (!other)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO(free) char *path = path_join(other->run_dir, files[i]);
		AUTO(buf) struct buf text = {0};
		int r = fs_read_file(AT_FDCWD, path, 1 << 20, &text);

		if (r < 0)
			return err_sys(err, -r, "read %s of container %s", files[i], other->id);
		if (put(c, files[i], str_or(text.p), err) < 0)
			return -1;
	}
	return 0;
}

static char *own_names(const struct container *c)
{
	const char *host = str_or(c->config.hostname), *domain = str_or(c->config.domainname);

	if (*domain)
		return xasprintf("%s.%s %s", host, domain, host);
	return xstrdup(host);
}

int write_etc_files(struct container *c, const struct netspec *ns, struct err *err)
{
	struct network_mgr *mgr = c->cs->cfg.networks;
	bool host = net_is(c, "host");
	const struct host_config *h = &c->host;
	AUTO(free) char *host_text = NULL;
	AUTO(free) char *resolv = NULL;
	AUTO(free) char *hosts = NULL;
	AUTO(free) char *hostname = NULL;
	AUTO(free) char *names = NULL;
	char ip[16];
	struct network_hosts_line own;
	bool has_ip;
	int r;

	r = fs_mkdir_p(AT_FDCWD, c->run_dir, 0711);
	if (r < 0)
		return err_sys(err, -r, "create '%s'", c->run_dir);
	if (net_container_ref(c))
		return copy_from_other(c, err);
	host_text = network_host_resolv_conf();
	resolv = network_container_resolv_conf(
	    mgr, host_text,
	    &(struct network_resolv){.dns = h->dns.n ? &h->dns : NULL,
				     .search = h->dns_search.n ? &h->dns_search : NULL,
				     .options = h->dns_options.n ? &h->dns_options : NULL,
				     .copy = host || net_is(c, "none")});
	has_ip = network_address(mgr, c->id, ip);
	names = own_names(c);
	own = (struct network_hosts_line){.ip = ip, .names = names};
	hosts = network_hosts(&own, has_ip ? 1 : 0, &h->extra_hosts, network_host_gateway(mgr), true);
	hostname = network_hostname(c->config.hostname);
	if (put(c, "resolv.conf", resolv, err) < 0 || put(c, "hosts", hosts, err) < 0 ||
	    put(c, "hostname", hostname, err) < 0)
		return -1;
	return 0;
}
