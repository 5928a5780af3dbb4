/*
 * control.h - the engine's end of a connection; private to control.c, start.c and calls.c
 */
#pragma once

#include <pthread.h>

#include "base/loop.h"
#include "base/str.h"
#include "shim/proto.h"

struct call { /* one request that waits for its reply */
	struct list node; /* in shim.calls */
	uint64_t cookie;
	bool done;
	struct msg_reply *reply; /* NULL with done: the connection broke */
	int fd;			 /* that came with it, or -1 */
};

struct shim {
	int refs; /* under lock: the user's, the loop's, one per call */
	struct loop *loop;
	struct loop_fd *watch; /* loop's thread only */
	shim_event_fn *fn;
	void *ctx;
	struct buf early; /* events that came before the loop watched: struct shim_event each */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int fd;
	struct list calls;
	uint64_t cookie;
	bool closed, broken, released;
	char id[SHIM_ID_MAX + 1];
};

/* Takes fd. One reference, the caller's. */
struct shim *control_new(int fd, const char *id, struct loop *loop, shim_event_fn *fn, void *ctx);
void control_unref(struct shim *s);
/* The loop watches it from now on, and gives out early events first. */
void control_watch(struct shim *s);

/* Before control_watch() only: the next message, within deadline (clock_mono_ns). Events are set
 * aside. *ret_msg has room for PROTO_MAX; *ret_fd is -1 or the caller's. */
int control_recv(struct shim *s, int64_t deadline, void *ret_msg, int *ret_fd,
		 struct err *err) MUST_USE;

struct msg_request control_request(uint16_t type, const char *exec);
int control_send(struct shim *s, const void *msg, size_t n, const void *more, size_t more_n,
		 const int *fds, size_t nfds, struct err *err) MUST_USE;
/* Sends rq with data, waits for the reply. *ret (may be NULL) is malloced; ret_fd may be NULL. */
int control_call(struct shim *s, struct msg_request *rq, const void *data, size_t n,
		 const int *fds, size_t nfds, struct msg_reply **ret, int *ret_fd,
		 struct err *err) MUST_USE;
int control_attach_request(const struct shim_attach *a, struct msg_request *rq, struct err *err) MUST_USE;
/* The error in a reply; 0 if there is none. */
int control_error(const struct msg_reply *reply, struct err *err) MUST_USE;
