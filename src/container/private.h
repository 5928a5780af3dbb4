/*
 * private.h - what the files of container/ share
 *
 * Locks, outermost first:
 *   container.op	one operation at a time on a container; held by workers across system calls
 *   containers.lock	all state that readers see; never held across a blocking call
 * The loop's thread takes containers.lock only. A callback out of this folder (done, wake,
 * event_publish) runs with neither held.
 *
 * What a container is (config, host, mounts...) changes only under op AND lock; so a holder of
 * either may read it. State (struct state) changes under lock.
 */
#pragma once

#include <pthread.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"
#include "container/container.h"
#include "event/event.h"
#include "image/image.h"
#include "network/network.h"
#include "record/record.h"
#include "runtime/runtime.h"
#include "shim/shim.h"
#include "types/types.h"
#include "volume/volume.h"

#define CONTAINER_ID_LEN  64
#define DEFAULT_SHM_SIZE  (64LL << 20)
#define DEFAULT_STOP_SECS 10
#define DEFAULT_PATH	  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum status { ST_CREATED, ST_RUNNING, ST_PAUSED, ST_RESTARTING, ST_REMOVING, ST_EXITED, ST_DEAD, ST_COUNT };

/* Bound to JSON in the record; times in ns since 1970, 0 never. */
struct state {
	int64_t status; /* enum status */
	bool oom_killed, manual_stop;
	int64_t pid, exit_code, started_ns, finished_ns, restarts;
	char *error;
};

/* A mount of a container, resolved at creation; bound to JSON in the record. */
struct mount_point {
	char *type;   /* bind, volume, tmpfs, image */
	char *name;   /* volume */
	char *source, *destination, *driver, *mode, *propagation;
	bool rw, no_copy, anonymous, create_source, non_recursive, ro_non_recursive, ro_force_recursive;
	bool from_binds; /* -v rather than --mount: its own rules */
	char *subpath;
	char *data; /* tmpfs options */
};

struct pending_attach { /* a client that came before the start */
	int fd;
	unsigned flags;
	char *detach_keys;
	struct buf early;
};

struct exec {
	char *id;
	struct exec_config config;
	struct container *c; /* holds a reference */
	int refs;
	bool started, running;
	int64_t exit_code, pid, ended_ns;
};

struct container_wait {
	struct list node; /* in container.waiters */
	struct container *c;
	enum container_wait_condition cond;
	container_wait_fn *done;
	void *ctx;
	bool fired, cancelled, running; /* running: done is being called */
	int refs;
};

/* What waits for the end of a run of the container: done on a worker after the clean-up. */
struct after_exit {
	struct after_exit *next;
	void (*run)(struct container *c, struct after_exit *a); /* op held; NULL: nothing to do */
	container_done_fn *done;				 /* after it, without locks */
	void *ctx;
	bool restarts, removes, volumes;
	struct err err; /* set by run; kind 0: fine */
};

struct container {
	struct containers *cs;
	int refs; /* under lock */
	pthread_mutex_t op;

	/* recorded */
	char *id, *name; /* name without slash */
	int64_t created_ns;
	struct container_config config;
	struct host_config host;
	struct networking_config net;
	struct jarray mounts; /* struct mount_point */
	char *image_id, *chain_id, *image_name, *path, *platform;
	struct strv args;
	struct strv masked_paths, readonly_paths;
	char *seccomp_profile; /* text of --security-opt seccomp=..., "unconfined", NULL default */
	bool no_new_privileges;
	struct state state;

	/* not recorded */
	char *dir;     /* <data_root>/containers/<id> */
	char *run_dir; /* <exec_root>/containers/<id>: what every start writes anew */
	char *log_file, *log_attrs;
	struct health *health;
	struct shim *shim;
	uint64_t pid_start_time;
	const struct shim *gone; /* a connection that broke before it was put into shim */
	bool removed, needs_cleanup, starting, cleanup_queued;
	struct list waiters;
	struct after_exit *after_exit;
	struct pending_attach *pending;
	size_t npending;
	unsigned coming;    /* clients told to go ahead that are not handed over yet */
	bool pending_taken; /* the start has taken the pending ones and is not over */
	struct map execs; /* id -> struct exec, borrowed from containers.execs */
	struct list log_readers;
};

struct containers {
	struct containers_config cfg;
	pthread_mutex_t lock;
	struct map by_id;   /* id -> struct container (a reference each) */
	struct map by_name; /* name -> id (owned string); a name is reserved here before the record is made */
	struct map execs;   /* id -> struct exec */
	char *init_layer;
	int dirfd; /* <data_root>/containers */
	pthread_cond_t wait_idle; /* a waiter's done has returned */
};

/* --- table.c --- */
struct container *container_new(struct containers *cs);
void container_set_dirs(struct container *c); /* once its id stands */
struct container *container_get(struct containers *cs, const char *ref, struct err *err); /* put it */
struct container *container_ref(struct container *c);
void container_put(struct container *c);
DEFINE_AUTO_PTR(container, struct container, container_put)
int table_reserve_name(struct containers *cs, const char *name, const char *id, struct err *err);
void table_release_name(struct containers *cs, const char *name, const char *id);
char *table_generate_name(struct containers *cs, const char *id); /* reserved */
void table_add(struct container *c);
void table_drop(struct container *c);
struct container **table_snapshot(struct containers *cs, size_t *ret_n); /* references; free with table_snapshot_free */
void table_snapshot_free(struct container **v, size_t n);
int check_container_name(const char *name, struct err *err);
char *random_name(unsigned attempt); /* names.c */

/* --- store.c: records --- */
int store_migrate(struct containers *cs, struct err *err);
int store_insert(struct container *c, struct err *err);
int store_save(struct container *c, struct err *err);	    /* everything */
void store_save_state(struct container *c);		    /* state only; logs a failure */
int store_delete(struct container *c, struct err *err);
int store_load_all(struct containers *cs, struct err *err);

/* --- lock helpers --- */
static inline void cs_lock(struct containers *cs)
{
	pthread_mutex_lock(&cs->lock);
}
static inline void cs_unlock(struct containers *cs)
{
	pthread_mutex_unlock(&cs->lock);
}
static inline void op_lock(struct container *c)
{
	pthread_mutex_lock(&c->op);
}
static inline void op_unlock(struct container *c)
{
	pthread_mutex_unlock(&c->op);
}
static inline bool is_running(const struct container *c) /* under lock or op */
{
	return c->state.status == ST_RUNNING || c->state.status == ST_PAUSED ||
	       c->state.status == ST_RESTARTING;
}
extern const char *const status_names[];

/* --- publish.c --- */
void publish(struct container *c, const char *action);
void publish_with(struct container *c, const char *action, const char *key, const char *value);

/* --- config.c: what is asked for, merged and checked --- */
int config_merge_image(struct container *c, const struct image *img, struct err *err);
int config_defaults(struct container *c, struct err *err);
int config_check(struct container *c, struct strv *warnings, struct err *err);
int config_check_resources(struct host_config *h, bool update, struct strv *warnings, struct err *err);
int config_check_restart(const struct restart_policy *p, bool auto_remove, struct err *err);
int config_security(struct container *c, struct err *err); /* parses SecurityOpt into c */

/* --- mounts.c --- */
int mounts_resolve(struct container *c, const struct image *img, struct err *err);
int mounts_create_volumes(struct container *c, struct err *err);
extern const struct jtype mount_point_type;
void mounts_release(struct container *c, bool remove_anonymous);

/* --- initlayer.c --- */
int init_layer_open(struct containers *cs, struct err *err);
/* What lies below the container's own layer, topmost first: for every overlay of it. */
int container_lower_layers(struct container *c, struct strv *ret, struct err *err);

/* --- files.c --- */
int container_root_locked(struct container *c, struct err *err); /* op held: container_root_fd() */

/* --- netspec.c: what the container wants of network/ --- */
struct netspec {
	struct network_spec spec;
	struct arena arena;
};
int netspec_build(struct container *c, struct netspec *ret, struct err *err);
void netspec_done(struct netspec *ns);
/* What one network is asked for; strings stay the endpoint's (which may be NULL). */
void netspec_request(struct network_request *rq, const char *network, const struct endpoint_config *e);
bool net_is(const struct container *c, const char *mode);
const char *net_container_ref(const struct container *c); /* of "container:REF", or NULL */

/* --- spec.c --- */
int spec_build_plan(struct container *c, struct buf *ret_plan, struct err *err);
int spec_build_exec_plan(struct container *c, const struct exec_config *x, struct buf *ret,
			 struct err *err);
int spec_build_update(struct container *c, struct buf *ret, struct err *err);
char *spec_cgroup_path(struct container *c);

/* --- start.c / end.c --- */
int start_locked(struct container *c, const char *detach_keys, struct err *err); /* op held */
/* Op held: finds its shim and takes its state over. 1: events that came at once have told more. */
int recover_living(struct container *c, struct err *err);
void cleanup_locked(struct container *c);					  /* op held; after an exit */
void schedule_cleanup(struct container *c);
void shim_event(void *ctx, struct shim *s, const struct shim_event *ev); /* ctx: container, a reference */
void set_exited(struct container *c, const struct shim_exit *x);		/* lock not held */
void container_shim_gone(struct container *c, const struct shim *s);		/* lock not held */
int remove_locked(struct container *c, bool volumes, struct err *err);
void set_started(struct container *c, pid_t pid, uint64_t start_time, int64_t at_ns, unsigned restarts);
struct shim_restart shim_policy(const struct host_config *h);
int write_etc_files(struct container *c, const struct netspec *ns, struct err *err); /* etcfiles.c */

/* --- wait.c --- */
void waits_fire(struct container *c, bool removed);

/* --- attach.c --- */
void pending_attach_drop(struct container *c);

/* --- exec.c --- */
void exec_event(struct container *c, const struct shim_event *ev); /* on the loop */
void execs_killed(struct container *c);
void execs_drop(struct container *c); /* container removed */
void execs_adopt(struct container *c, const struct shim_exec_status *v, size_t n);

/* --- logs --- */
char *log_path(const struct container *c);
void log_options(struct container *c, struct shim_log *ret); /* strings live in c */
int log_check(const struct host_config *h, struct err *err);
void log_readers_wake(struct container *c);
