/*
 * calls.c - the requests of shim.h: each fills one struct and reads one reply
 */
#include <errno.h>

#include "shim/control.h"

/* A request without data and descriptors. */
static int simple(struct shim *s, struct msg_request *rq, struct err *err)
{
	return control_call(s, rq, NULL, 0, NULL, 0, NULL, NULL, err);
}

int shim_start(struct shim *s, struct err *err)
{
	struct msg_request rq = control_request(MSG_START, NULL);

	return simple(s, &rq, err);
}

int control_attach_request(const struct shim_attach *a, struct msg_request *rq, struct err *err)
{
	size_t n = 0;

	if (a->leftover_len > SHIM_LEFTOVER_MAX)
		return err_set(err, ERR_INVALID, "more than %d bytes were read from a client",
			       SHIM_LEFTOVER_MAX);
	rq->attach_flags = a->flags;
	if (shim_detach_keys(a->detach_keys ? a->detach_keys : "ctrl-p,ctrl-q", rq->keys, &n,
			     err) < 0)
		return -1;
	rq->keys_n = (uint32_t)n;
	return 0;
}

int shim_attach(struct shim *s, const struct shim_attach *a, uint64_t *ret_token,
		int64_t *ret_log_size, struct err *err)
{
	struct msg_request rq = control_request(MSG_ATTACH, a->exec);
	AUTO(free) struct msg_reply *reply = NULL;

	if (control_attach_request(a, &rq, err) < 0 ||
	    control_call(s, &rq, a->leftover, a->leftover_len, &a->fd, 1, &reply, NULL, err) < 0)
		return -1;
	if (ret_token)
		*ret_token = reply->token;
	if (ret_log_size)
		*ret_log_size = reply->log_size;
	return 0;
}

int shim_attach_go(struct shim *s, uint64_t token, struct err *err)
{
	struct msg_request rq = control_request(MSG_ATTACH_GO, NULL);

	rq.token = token;
	return simple(s, &rq, err);
}

int shim_exec_forget(struct shim *s, const char *exec, struct err *err)
{
	struct msg_request rq = control_request(MSG_EXEC_FORGET, exec);

	return simple(s, &rq, err);
}

int shim_resize(struct shim *s, const char *exec, uint16_t rows, uint16_t cols, struct err *err)
{
	struct msg_request rq = control_request(MSG_RESIZE, exec);

	rq.rows = rows;
	rq.cols = cols;
	return simple(s, &rq, err);
}

int shim_close_stdin(struct shim *s, const char *exec, struct err *err)
{
	struct msg_request rq = control_request(MSG_CLOSE_STDIN, exec);

	return simple(s, &rq, err);
}

int shim_kill(struct shim *s, const char *exec, int signal, bool final, struct err *err)
{
	struct msg_request rq = control_request(MSG_KILL, exec);

	rq.signal = signal;
	rq.flags = final ? KILL_FINAL : 0;
	return simple(s, &rq, err);
}

int shim_stop(struct shim *s, int signal, int64_t timeout_ms, struct err *err)
{
	struct msg_request rq = control_request(MSG_STOP, NULL);

	rq.signal = signal;
	rq.timeout_ms = timeout_ms;
	return simple(s, &rq, err);
}

int shim_pause(struct shim *s, struct err *err)
{
	struct msg_request rq = control_request(MSG_PAUSE, NULL);

	return simple(s, &rq, err);
}

int shim_resume(struct shim *s, struct err *err)
{
	struct msg_request rq = control_request(MSG_RESUME, NULL);

	return simple(s, &rq, err);
}

int shim_set_restart(struct shim *s, const struct shim_restart *policy, struct err *err)
{
	struct msg_request rq = control_request(MSG_SET_RESTART, NULL);

	rq.policy = policy->policy;
	rq.max_retries = policy->max_retries;
	return simple(s, &rq, err);
}

int shim_pids(struct shim *s, pid_t **ret_pids, size_t *ret_n, struct err *err)
{
	struct msg_request rq = control_request(MSG_PIDS, NULL);
	AUTO(free) struct msg_reply *reply = NULL;

	if (control_call(s, &rq, NULL, 0, NULL, 0, &reply, NULL, err) < 0)
		return -1;
	*ret_n = reply->data_len / sizeof(pid_t);
	*ret_pids = xmalloc(reply->data_len + 1); /* not NULL when empty */
	memcpy(*ret_pids, reply->data, reply->data_len);
	return 0;
}

int shim_keep_fd(struct shim *s, const char *name, int fd, struct err *err)
{
	struct msg_request rq = control_request(MSG_KEEP_FD, NULL);

	if (strlen(name) > SHIM_NAME_MAX)
		return err_set(err, ERR_INVALID, "the name '%s' is too long", name);
	memcpy(rq.name, name, strlen(name));
	return control_call(s, &rq, NULL, 0, &fd, fd >= 0, NULL, NULL, err);
}

int shim_fetch_fd(struct shim *s, const char *name, int *ret_fd, struct err *err)
{
	struct msg_request rq = control_request(MSG_FETCH_FD, NULL);
	int fd = -1;

	if (strlen(name) > SHIM_NAME_MAX)
		return err_set(err, ERR_INVALID, "the name '%s' is too long", name);
	memcpy(rq.name, name, strlen(name));
	if (control_call(s, &rq, NULL, 0, NULL, 0, NULL, &fd, err) < 0)
		return -1;
	if (fd < 0) /* we are at our own limit of descriptors */
		return err_sys(err, EMFILE, "fetch descriptor '%s'", name);
	*ret_fd = fd;
	return 0;
}

int shim_get_status(struct shim *s, struct shim_status *ret, struct err *err)
{
	struct msg_request rq = control_request(MSG_STATUS, NULL);
	AUTO(free) struct msg_reply *reply = NULL;

	if (control_call(s, &rq, NULL, 0, NULL, 0, &reply, NULL, err) < 0)
		return -1;
	if (reply->data_len != sizeof(*ret))
		return err_set(err, ERR_CORRUPT, "the shim's status has a wrong size");
	memcpy(ret, reply->data, sizeof(*ret));
	return 0;
}

int shim_release(struct shim *s, bool force, struct err *err)
{
	struct msg_request rq = control_request(MSG_RELEASE, NULL);
	int r;

	rq.flags = force ? RELEASE_FORCE : 0;
	pthread_mutex_lock(&s->lock);
	s->released = true; /* its end is no news */
	pthread_mutex_unlock(&s->lock);
	r = simple(s, &rq, err);
	if (r < 0) {
		pthread_mutex_lock(&s->lock);
		s->released = s->broken; /* a connection that broke now was not told: this is */
		pthread_mutex_unlock(&s->lock);
	}
	return r;
}
