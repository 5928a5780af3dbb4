/*
 * coved.c - the engine as a daemon: options, pid file, signals, sockets
 *
 * (1) Whatever happens to this process, containers live on; ending it only stops serving.
 * (2) Clients are served only after the engine has taken up again what lived on.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "coved-options.h"
#include "engine/engine.h"
#include "http/http.h"

#define WORKERS	       64
#define MALLOC_ARENAS  2 /* many would each keep memory for themselves */
#define FIRST_FD       3 /* of socket activation */
#define DEFAULT_GROUPS 2
#define STUCK_SECONDS  15

struct daemon {
	struct coved_options opt;
	struct loop *loop;
	struct pool *pool;
	struct engine *engine;
	struct api *api;
	struct http_server *server;
	char *pidfile;
	int pidfd;
	bool stopping;
	int status;
};

/* --- the pid file ---------------------------------------------------------------------------------- */

/* Locked as long as the process lives: a file left behind by a dead one is no obstacle. */
static int take_pidfile(struct daemon *d, struct err *err)
{
	AUTO(free) char *dir = xstrdup(d->pidfile);
	AUTO(close) int fd = -1;
	char text[32] = "";
	char *slash = strrchr(dir, '/');

	if (slash && slash != dir) {
		*slash = '\0';
		ignore_result(fs_mkdir_p(AT_FDCWD, dir, 0755) < 0); /* opening tells */
	}
	fd = open(d->pidfile, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_sys(err, errno, "open pid file '%s'", d->pidfile);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

		text[MAX(n, (ssize_t)0)] = '\0';
		text[strcspn(text, "\n")] = '\0';
		return err_set(err, ERR_CONFLICT, "process with PID %s is still running (pid file %s)", text, d->pidfile);
	}
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, strlen(text), 0) < 0)
		return err_sys(err, errno, "write pid file '%s'", d->pidfile);
	d->pidfd = TAKE_FD(fd);
	return 0;
}

/* --- sockets --------------------------------------------------------------------------------------- */

/* The group that may use the socket: the one asked for, or cove or docker where there is one. */
static int socket_group(const struct daemon *d, gid_t *ret, struct err *err)
{
	static const char *const usual[DEFAULT_GROUPS] = {"cove", "docker"};
	const char *name = d->opt.group;
	struct group *gr;
	uint64_t gid;

	*ret = (gid_t)-1;
	if (name && *name) {
		gr = getgrnam(name);
		if (!gr && str_to_u64(name, 10, &gid) == 0 && gid < UINT32_MAX) {
			*ret = (gid_t)gid;
			return 0;
		}
		if (!gr)
			return err_set(err, ERR_INVALID, "there is no group '%s'", name);
		*ret = gr->gr_gid;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(usual) && *ret == (gid_t)-1; i++)
		if ((gr = getgrnam(usual[i])))
			*ret = gr->gr_gid;
	return 0;
}

static int listen_tcp(struct daemon *d, const char *addr, struct err *err)
{
	const char *colon = strrchr(addr, ':');
	AUTO(free) char *host = colon ? xstrndup(addr, colon - addr) : xstrdup(addr);
	char *name = host;
	size_t n = strlen(host);

	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		name++;
	}
	if (http_listen_tcp(d->server, *name ? name : "127.0.0.1", colon && colon[1] ? colon + 1 : "2375", NULL, err) < 0)
		return -1;
	log_warn("the API is served without any protection on TCP: every user and every program of this "
		 "machine that can connect is root here",
		 "host=tcp://%s", addr);
	return 0;
}

/* Sockets of systemd, by LISTEN_PID and LISTEN_FDS. */
static int listen_inherited(struct daemon *d, struct err *err)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int64_t n;

	if (!pid || !fds || str_to_i64(pid, 10, &n) < 0 || n != getpid() || str_to_i64(fds, 10, &n) < 0 ||
	    n <= 0 || n > 64)
		return err_set(err, ERR_INVALID, "fd:// needs sockets from the service manager, and none came");
	for (int fd = FIRST_FD; fd < FIRST_FD + n; fd++)
		if (http_listen_fd(d->server, fd, err) < 0)
			return -1;
	return 0;
}

/* Before anything is opened: a wrong address starts nothing. */
static int check_host(const char *host, struct err *err)
{
	const char *path = str_after(host, "unix://");

	if (str_after(host, "tcp://") || str_after(host, "fd://") || (path && *path == '/'))
		return 0;
	return err_set(err, ERR_INVALID,
		       "invalid bind address (%s): unix:///PATH, tcp://ADDRESS:PORT or fd:// is wanted", host);
}

static int listen_on(struct daemon *d, const char *host, struct err *err)
{
	const char *path = str_after(host, "unix://"), *tcp = str_after(host, "tcp://");
	AUTO(free) char *dir = NULL;
	gid_t gid;
	char *slash;

	if (tcp)
		return listen_tcp(d, tcp, err);
	if (str_after(host, "fd://"))
		return listen_inherited(d, err);
	if (socket_group(d, &gid, err) < 0)
		return -1;
	dir = xstrdup(path);
	slash = strrchr(dir, '/');
	*slash = '\0';
	if (*dir)
		ignore_result(fs_mkdir_p(AT_FDCWD, dir, 0755) < 0); /* binding tells */
	return http_listen_unix(d->server, path, gid, err);
}

/* "READY=1" to a service manager that waits for it. */
static void tell_ready(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	AUTO(close) int fd = -1;

	if (!path || strlen(path) >= sizeof(addr.sun_path))
		return;
	strcpy(addr.sun_path, path);
	if (*path == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		ignore_result(sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&addr,
				     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) < 0);
}

/* --- life ------------------------------------------------------------------------------------------ */

static void stopped(void *ctx)
{
	struct daemon *d = ctx;

	loop_stop(d->loop);
}

static void stop(struct daemon *d)
{
	if (d->stopping || !d->server) { /* asked twice: then without manners */
		unlink(d->pidfile);
		_exit(1);
	}
	d->stopping = true;
	http_server_stop(d->server, MAX(d->opt.shutdown_timeout, (int64_t)0) * NS_PER_SEC, stopped, d);
}

static void on_stop_signal(void *ctx, int sig)
{
	log_info("stopping", "signal=SIG%s", str_or(signal_name(sig)));
	stop(ctx);
}

static void on_hangup(void *ctx, int sig)
{
	log_warn("a changed configuration is taken over only by a restart", "signal=SIG%s", signal_name(sig));
}

/* (2) */
static void serve(void *ctx)
{
	struct daemon *d = ctx;
	struct err err = ERR_INIT;

	if (d->stopping)
		return;
	strv_for_each(host, &d->opt.hosts) {
		if (listen_on(d, host, &err) < 0) {
			log_error("cannot serve", "error=\"%s\"", err.msg);
			d->status = 1;
			stop(d);
			return;
		}
		log_info("API listens", "host=%s", host);
	}
	malloc_trim(0);
	tell_ready();
}

static void fill_engine_config(struct daemon *d, struct engine_config *c)
{
	struct coved_options *o = &d->opt;

	*c = (struct engine_config){
	    .data_root = o->data_root,
	    .exec_root = o->exec_root,
	    .bridge = o->bridge && *o->bridge ? o->bridge : NULL,
	    .bip = o->bip && *o->bip ? o->bip : NULL,
	    .mtu = (unsigned)o->mtu,
	    .host_binding = o->host_binding,
	    .host_gateway = o->host_gateway,
	    .no_ip_forward = !o->ip_forward,
	    .no_firewall = !o->iptables,
	    .no_masquerade = !o->ip_masq,
	    .no_icc = !o->icc,
	    .pools = o->pools,
	    .dns = o->dns,
	    .dns_search = o->dns_search,
	    .dns_opts = o->dns_opts,
	    .log_driver = o->log_driver,
	    .log_opts = o->log_opts,
	    .cgroup_parent = o->cgroup_parent,
	    .systemd_cgroup = coved_systemd_cgroup(o),
	};
}

static int open_server(struct daemon *d, struct err *err)
{
	const struct engine_parts *parts = engine_parts(d->engine);
	struct api_config ac = {
	    .loop = d->loop,
	    .pool = d->pool,
	    .containers = parts->containers,
	    .images = parts->images,
	    .networks = parts->networks,
	    .volumes = parts->volumes,
	    .events = parts->events,
	    .engine_id = parts->id,
	    .data_root = d->opt.data_root,
	    .log_driver = d->opt.log_driver,
	    .cgroup_driver = coved_systemd_cgroup(&d->opt) ? "systemd" : "cgroupfs",
	    .debug = d->opt.debug,
	    .labels = &d->opt.labels,
	    .registry_mirrors = &d->opt.registry_mirrors,
	    .insecure_registries = &d->opt.insecure_registries,
	};
	struct http_config hc = {.loop = d->loop, .pool = d->pool, .route = api_route};

	d->api = api_new(&ac);
	hc.ctx = d->api;
	return http_server_new(&hc, &d->server, err);
}

static int run(struct daemon *d, struct err *err)
{
	static const int stop_signals[] = {SIGTERM, SIGINT};
	struct engine_config config;
	int r;

	r = fs_mkdir_p(AT_FDCWD, d->opt.exec_root, 0711);
	if (r < 0)
		return err_sys(err, -r, "make '%s'", d->opt.exec_root);
	if (take_pidfile(d, err) < 0 || loop_new(&d->loop, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(stop_signals); i++) {
		r = loop_add_signal(d->loop, stop_signals[i], on_stop_signal, d);
		if (r < 0)
			return err_sys(err, -r, "wait for signals");
	}
	r = loop_add_signal(d->loop, SIGHUP, on_hangup, d);
	if (r < 0)
		return err_sys(err, -r, "wait for signals");
	d->pool = pool_new(d->loop, WORKERS);
	fill_engine_config(d, &config);
	if (engine_open(&config, d->loop, d->pool, &d->engine, err) < 0 || open_server(d, err) < 0)
		return -1;
	engine_recover(d->engine, serve, d);
	return loop_run(d->loop, err);
}

static void close_all(struct daemon *d)
{
	alarm(STUCK_SECONDS); /* a worker that never ends must not keep the whole from ending */
	pool_free(d->pool);
	http_server_free(d->server);
	engine_close(d->engine);
	api_free(d->api);
	loop_free(d->loop);
	if (d->pidfd >= 0) {
		unlink(d->pidfile);
		close(d->pidfd);
	}
	free(d->pidfile);
	coved_options_done(&d->opt);
}

/* --- the beginning ----------------------------------------------------------------------------------- */

static void make_absolute(char **path, const char *dflt)
{
	AUTO(free) char *cwd = NULL;
	char *whole;

	if (!*path || !**path) {
		free(*path);
		*path = xstrdup(dflt);
	}
	if (**path == '/')
		return;
	cwd = getcwd(NULL, 0);
	whole = path_join(cwd ? cwd : "/", *path);
	free(*path);
	*path = whole;
}

static int settle_options(struct daemon *d, struct err *err)
{
	struct coved_options *o = &d->opt;
	const char *level = o->debug ? "debug" : o->log_level ? o->log_level : "info";
	int r = log_level_from_name(level);

	if (r < 0)
		return err_set(err, ERR_INVALID, "unable to parse logging level: %s", level);
	log_set_level((enum log_level)r);
	make_absolute(&o->data_root, "/var/lib/cove");
	make_absolute(&o->exec_root, "/run/cove");
	d->pidfile = o->pidfile && *o->pidfile ? xstrdup(o->pidfile) : path_join(o->exec_root, "coved.pid");
	make_absolute(&d->pidfile, "");
	if (o->hosts.n == 0)
		strv_addf(&o->hosts, "unix://%s/cove.sock", o->exec_root);
	for (size_t i = 0; i < o->hosts.n; i++)
		if (check_host(o->hosts.v[i], err) < 0)
			return -1;
	return 0;
}

static void raise_limits(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		ignore_result(setrlimit(RLIMIT_NOFILE, &rl) < 0); /* then it is as it was */
	}
}

static int fail(struct daemon *d, const struct err *err)
{
	fprintf(stderr, "coved: %s\n", err->msg);
	close_all(d);
	return 1;
}

int main(int argc, char **argv)
{
	struct daemon d = {.pidfd = -1};
	struct err err = ERR_INIT;

	mallopt(M_ARENA_MAX, MALLOC_ARENAS);
	log_set_program("coved");
	if (coved_options_parse(argc, argv, &d.opt, &err) < 0)
		return fail(&d, &err);
	if (d.opt.help || d.opt.version) {
		if (d.opt.help)
			coved_options_help();
		else
			printf("Cove version %s\n", COVE_VERSION);
		close_all(&d);
		return 0;
	}
	if (settle_options(&d, &err) < 0)
		return fail(&d, &err);
	if (d.opt.validate) {
		printf("configuration OK\n");
		close_all(&d);
		return 0;
	}
	if (geteuid() != 0) {
		err_set(&err, ERR_FORBIDDEN, "the engine needs to be started by root");
		return fail(&d, &err);
	}
	umask(022);
	raise_limits();
	if (run(&d, &err) < 0)
		return fail(&d, &err);
	close_all(&d);
	return d.status;
}
