/*
 * spec.h - the little languages of container options: ports, mounts, devices, networks, ...
 *
 * Parsers read one option value and put what it means into JSON of the create body. Errors are
 * ERR_INVALID with docker's texts. All of it is pure: only the readers of files touch the disk.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

#define SPEC_MAX_PORTS 65536
#define SPEC_MAX_FILE  (4u << 20)

/* -p in all its forms, into "ExposedPorts" and "PortBindings" objects. */
int spec_publish(const char *s, json_t *exposed, json_t *bindings, struct err *err) MUST_USE;
int spec_expose(const char *s, json_t *exposed, struct err *err) MUST_USE;

/* -v: appended to binds, or a key of volumes for an anonymous one. */
int spec_volume(const char *s, json_t *binds, json_t *volumes, struct err *err) MUST_USE;
/* --mount: one object of HostConfig.Mounts, a new reference. */
int spec_mount(const char *s, json_t **ret, struct err *err) MUST_USE;
/* --tmpfs: "path" or "path:options" into an object. */
void spec_tmpfs(const char *s, json_t *tmpfs);

/* --device: one object of HostConfig.Devices. */
int spec_device(const char *s, json_t **ret, struct err *err) MUST_USE;
bool spec_is_cdi(const char *s);
/* --ulimit: one object of HostConfig.Ulimits. */
int spec_ulimit(const char *s, json_t **ret, struct err *err) MUST_USE;
/* --blkio-weight-device; --device-read-bps (bytes) and -iops. */
int spec_weight_device(const char *s, json_t **ret, struct err *err) MUST_USE;
int spec_rate_device(const char *s, bool bytes, json_t **ret, struct err *err) MUST_USE;
/* --restart: an object {Name, MaximumRetryCount}. */
int spec_restart(const char *s, json_t **ret, struct err *err) MUST_USE;

/* One of --network: the target's name and an EndpointSettings object. */
int spec_network(const char *s, char **ret_name, json_t **ret, struct err *err) MUST_USE;
/* "host:ip", "host=ip" in the form the daemon takes. Caller frees. */
int spec_add_host(const char *s, char **ret, struct err *err) MUST_USE;
/* --security-opt: appended to opts; seccomp profiles are read; systempaths=unconfined sets
 * *systempaths. */
int spec_security_opt(const char *s, json_t *opts, bool *systempaths, struct err *err) MUST_USE;

/* Lines of an --env-file (with_env: names alone come from our environment) or --label-file. */
int spec_kv_file(const char *path, bool with_env, struct strv *ret, struct err *err) MUST_USE;
/* The same of a text; where: for messages. */
int spec_kv_text(const char *text, size_t n, bool with_env, const char *where, struct strv *ret,
		 struct err *err) MUST_USE;
/* --env: a name alone takes the value of our environment, if there is one. */
char *spec_env(const char *s);

/* check functions of options */
int check_attach(const char *s, struct err *err);
int check_env(const char *s, struct err *err);
int check_label(const char *s, struct err *err);
int check_ip(const char *s, struct err *err);
int check_domain(const char *s, struct err *err);
int check_add_host(const char *s, struct err *err);
int check_link(const char *s, struct err *err);
int check_ulimit(const char *s, struct err *err);
int check_mount(const char *s, struct err *err);
int check_network(const char *s, struct err *err);
int check_weight_device(const char *s, struct err *err);
int check_bps_device(const char *s, struct err *err);
int check_iops_device(const char *s, struct err *err);
int check_device(const char *s, struct err *err);
int check_sysctl(const char *s, struct err *err);
int check_windows(const char *s, struct err *err);
int check_gpus(const char *s, struct err *err);
int check_cgroup_rule(const char *s, struct err *err);
bool spec_is_ip(const char *s, size_t n);
/* Fields of one CSV line, as Go's reader takes them. */
int spec_csv(const char *s, struct strv *ret, struct err *err) MUST_USE;
/* Go's strconv.ParseBool: 1, 0, or -1. */
int spec_bool(const char *s);
