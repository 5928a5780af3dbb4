/*
 * coved-options.h - what the daemon is told: dockerd's flags and daemon.json
 */
#pragma once

#include "base/str.h"

struct coved_options {
	bool help, version, validate, debug;
	struct strv hosts;
	char *config_file, *data_root, *exec_root, *pidfile, *log_level, *group;
	char *bridge, *bip, *host_binding, *host_gateway;
	int64_t mtu, shutdown_timeout;
	bool ip_forward, iptables, ip_masq, icc;
	struct strv pools; /* "172.80.0.0/16,24" */
	struct strv dns, dns_search, dns_opts, labels, exec_opts;
	struct strv registry_mirrors, insecure_registries;
	char *log_driver, *cgroup_parent, *storage_driver;
	struct map log_opts;
	bool live_restore, userland_proxy, raw_logs;
};

/*
 * Defaults, then argv, then the configuration file (the same thing in both is refused, as docker
 * does). ret is zeroed; free it by coved_options_done() also after an error. ERR_INVALID.
 */
int coved_options_parse(int argc, char *const *argv, struct coved_options *ret, struct err *err) MUST_USE;
void coved_options_done(struct coved_options *o);
void coved_options_help(void); /* to standard output */
bool coved_systemd_cgroup(const struct coved_options *o);
