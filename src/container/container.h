/*
 * container.h - the life of containers: create, start, stop, exec, attach, logs, removal
 *
 * One manager per engine. Every function may be called from any worker thread; none waits
 * for a container: what may take longer than some milliseconds of system calls (stop,
 * restart, wait, forced removal) takes a completion, which is called exactly once, on the
 * loop's thread or on a worker, possibly before the function returns.
 *
 * ref is what a user writes: a name (with or without the leading slash), a whole id, or a
 * prefix of one that is not ambiguous. An unknown one is ERR_NOT_FOUND with docker's text
 * "No such container: REF".
 *
 * JSON goes in and out in the shapes of the Engine API; api_version is 100 * major + minor
 * (1.50 is 150) and shapes what is given to older clients.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "codec/json.h"

struct containers; /* the manager */
struct image_store;
struct network_mgr;
struct volume_store;
struct event_bus;
struct record_db;

struct containers_config {
	struct loop *loop;
	struct pool *pool;
	struct record_db *db;
	struct image_store *images;
	struct network_mgr *networks;
	struct volume_store *volumes;
	struct event_bus *events;
	const char *data_root, *exec_root; /* absolute */
	const char *libexec_dir;	   /* where cove-shim and cove-init are */
	const char *cgroup_parent;	   /* NULL: "cove" (or by the driver) */
	bool systemd_cgroup;
	struct strv default_dns, default_dns_search, default_dns_opts;
	struct map default_log_opts; /* borrowed like the rest until containers_free() */
	const char *default_log_driver;
	const char *engine_id;
};

/* Reads the records and finds the shims that live: containers_recover() takes them up again. */
int containers_open(const struct containers_config *config, struct containers **ret,
		    struct err *err) MUST_USE;
int containers_recover(struct containers *cs, struct err *err) MUST_USE;
void containers_free(struct containers *cs); /* the containers live on */

struct containers_count {
	size_t all, running, paused, stopped;
};
void containers_count(struct containers *cs, struct containers_count *ret);

/* For image removal: the id of a container that uses the image (id "sha256:..."), or NULL. */
char *containers_using_image(struct containers *cs, const char *image_id, bool *ret_running);
/* Full id of ref; caller frees; NULL with ERR_NOT_FOUND or ERR_INVALID (ambiguous prefix). */
char *container_resolve(struct containers *cs, const char *ref, struct err *err);

/* Completion of what may wait. err is NULL on success and borrowed for the call. */
typedef void container_done_fn(void *ctx, const struct err *err);

/* POST /containers/create. name may be NULL. The caller frees *ret_id and *ret_warnings. */
int container_create(struct containers *cs, const char *name, const json_t *body, unsigned api_version,
		     char **ret_id, struct strv *ret_warnings, struct err *err) MUST_USE;

/* ERR_NOT_MODIFIED when it runs already. */
int container_start(struct containers *cs, const char *ref, const char *detach_keys,
		    struct err *err) MUST_USE;

/* timeout in seconds: -1 for ever; unset (NULL): the container's own, else 10. signal NULL: its own. */
void container_stop(struct containers *cs, const char *ref, const char *signal, const int *timeout,
		    container_done_fn *done, void *ctx); /* ERR_NOT_MODIFIED: not running */
void container_restart(struct containers *cs, const char *ref, const char *signal, const int *timeout,
		       container_done_fn *done, void *ctx);
/* signal NULL or "": KILL. With KILL, done comes after the exit was seen. */
void container_kill(struct containers *cs, const char *ref, const char *signal, container_done_fn *done,
		    void *ctx);
void container_remove(struct containers *cs, const char *ref, bool force, bool volumes, bool link,
		      container_done_fn *done, void *ctx);

int container_pause(struct containers *cs, const char *ref, struct err *err) MUST_USE;
int container_unpause(struct containers *cs, const char *ref, struct err *err) MUST_USE;
int container_rename(struct containers *cs, const char *ref, const char *name, struct err *err) MUST_USE;
int container_resize(struct containers *cs, const char *ref, unsigned h, unsigned w,
		     struct err *err) MUST_USE;
/* POST /containers/{id}/update; body as the API has it. */
int container_update(struct containers *cs, const char *ref, const json_t *body,
		     struct strv *ret_warnings, struct err *err) MUST_USE;

/*
 * POST /containers/{id}/wait. The waiter stands when the function returns 0: send the
 * response's head then at once (clients wait for it before they start the container), and
 * the body when done comes: {"StatusCode":N} plus "Error":{"Message"} if error is set.
 * container_wait_cancel() when the client goes: done is not called after it returned.
 */
enum container_wait_condition { WAIT_NOT_RUNNING, WAIT_NEXT_EXIT, WAIT_REMOVED };
struct container_wait;
typedef void container_wait_fn(void *ctx, int status, const char *error);
int container_wait(struct containers *cs, const char *ref, enum container_wait_condition cond,
		   container_wait_fn *done, void *ctx, struct container_wait **ret,
		   struct err *err) MUST_USE;
void container_wait_cancel(struct container_wait *w);

/*
 * POST /networks/{name}/connect and disconnect: at once if it runs, and in its record. endpoint is
 * the request's EndpointConfig or NULL. force: a container that is not on the network is fine.
 */
int container_network_connect(struct containers *cs, const char *ref, const char *network,
			      const json_t *endpoint, struct err *err) MUST_USE;
int container_network_disconnect(struct containers *cs, const char *ref, const char *network, bool force,
				 struct err *err) MUST_USE;

/* --- looking ---------------------------------------------------------------------------- */

json_t *container_inspect(struct containers *cs, const char *ref, bool size, unsigned api_version,
			  struct err *err);
struct container_list_options {
	bool all, size;
	int limit;	       /* 0: no limit; then running only unless all */
	const json_t *filters; /* normalised: {"status":["running"],...} or NULL */
	unsigned api_version;
};
/* Unknown filters and bad values are ERR_INVALID with docker's texts. */
json_t *containers_list(struct containers *cs, const struct container_list_options *opts,
			struct err *err);
/* {"Titles":[...],"Processes":[[...]]}; ps_args NULL: "-ef". */
json_t *container_top(struct containers *cs, const char *ref, const char *ps_args, struct err *err);
/* [{"Path":"/x","Kind":0}], or JSON null when nothing changed. */
json_t *container_changes(struct containers *cs, const char *ref, struct err *err);
/* One sample, shaped as GET /stats?stream=0; prev (may be NULL) fills the precpu part. */
json_t *container_stats(struct containers *cs, const char *ref, const json_t *prev, struct err *err);
/* {"ContainersDeleted":[...],"SpaceReclaimed":N} */
json_t *containers_prune(struct containers *cs, const json_t *filters, struct err *err);
/* The "Containers" part of /system/df. */
json_t *containers_disk_usage(struct containers *cs, struct err *err);

/* --- streams ---------------------------------------------------------------------------- */

/* What the answer's head must say before the descriptor is handed over. */
struct container_stream_info {
	bool tty; /* raw stream; else multiplexed */
};

struct container_attach_options {
	bool logs, stream, in, out, err;
	const char *detach_keys; /* NULL: default */
};
/* Checks everything that can be refused with a status code. After it a start waits for this client:
 * container_attach() or container_attach_cancel() must follow. */
int container_attach_check(struct containers *cs, const char *ref,
			   const struct container_attach_options *opts,
			   struct container_stream_info *ret, struct err *err) MUST_USE;
/* Takes client_fd (always) and what was already read from it; the head has been sent. */
int container_attach(struct containers *cs, const char *ref,
		     const struct container_attach_options *opts, int client_fd, const void *early,
		     size_t n, struct err *err) MUST_USE;
void container_attach_cancel(struct containers *cs, const char *ref);

/* POST /containers/{id}/exec: the caller frees *ret_id (64 hex digits). */
int container_exec_create(struct containers *cs, const char *ref, const json_t *body, char **ret_id,
			  struct err *err) MUST_USE;
/* The body of exec start; ERR_CONFLICT for a stopped container or an exec that already ran. */
int container_exec_check(struct containers *cs, const char *exec_id, const json_t *body,
			 struct container_stream_info *ret, bool *ret_detach, struct err *err) MUST_USE;
/* client_fd -1: detached. Else takes it, as container_attach(). */
/* After a failure the client has been told on its stream, and the exec's exit code says 126, 127 or 128. */
int container_exec_start(struct containers *cs, const char *exec_id, const json_t *body, int client_fd,
			 const void *early, size_t n, struct err *err) MUST_USE;
int container_exec_resize(struct containers *cs, const char *exec_id, unsigned h, unsigned w,
			  struct err *err) MUST_USE;
json_t *container_exec_inspect(struct containers *cs, const char *exec_id, struct err *err);

/*
 * GET /containers/{id}/logs. A reader is pulled: fill() appends some bytes (multiplexed
 * frames, or raw for a tty) to out and says whether there is more now, later, or never.
 * When later, wake(ctx) is called once, from the loop's thread, as soon as fill() is worth
 * calling again. close may be called at any time, on the loop's thread.
 */
struct container_logs_options {
	bool follow, out, err, timestamps, details;
	int64_t since_ns, until_ns; /* 0: unbounded */
	int64_t tail;		    /* -1: all */
};
enum container_logs_state { LOGS_MORE, LOGS_WAIT, LOGS_END };
struct container_logs;
int container_logs_open(struct containers *cs, const char *ref, const struct container_logs_options *opts,
			loop_fn *wake, void *ctx, struct container_logs **ret,
			struct container_stream_info *ret_info, struct err *err) MUST_USE;
enum container_logs_state container_logs_fill(struct container_logs *l, struct buf *out);
void container_logs_close(struct container_logs *l);

/* --- files ------------------------------------------------------------------------------ */

/* The container's root as it is now (running: its own mounts; else its layers), O_PATH. */
int container_root_fd(struct containers *cs, const char *ref, struct err *err) MUST_USE;
/* The writable layer and image of a container, for commit; strings are the caller's to free. */
struct container_layers {
	char *id, *image_id, *upper; /* upper: absolute path of the writable layer */
	json_t *config;		     /* its Config, to start the new image's from */
};
int container_layers(struct containers *cs, const char *ref, struct container_layers *ret,
		     struct err *err) MUST_USE;
void container_layers_done(struct container_layers *l);
/* While fn runs the container's processes are frozen (if running and pause is set). */
int container_while_paused(struct containers *cs, const char *ref, bool pause,
			   int (*fn)(void *ctx, struct err *err), void *ctx, struct err *err) MUST_USE;
