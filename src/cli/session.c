/*
 * session.c - moves bytes between our descriptors and a hijacked stream
 *
 * One poll loop: standard input, the stream, the answer of wait, signals.
 *
 * (1) The terminal is raw only inside session_run(), and put back on every way out: return,
 *     exit(), and each signal that ends us.
 * (2) Input is read only when what was read before is sent: a stream that does not take bytes
 *     never stops its own output.
 * (3) End of input shuts down our half of the stream and leaves the other one open.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/calls.h"
#include "cli/session.h"

#define CHUNK	      32768
#define RESIZE_TRIES  30
#define RESIZE_WAIT   20 /* milliseconds */
#define END_GRACE     5000 /* after the wait's answer, between pieces of the rest of the output */

static struct termios saved_tty;
static bool tty_is_raw;
static sigset_t held, before;
static bool holding;

static void restore_tty(void)
{
	if (tty_is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved_tty);
	tty_is_raw = false;
}

static void make_raw(void)
{
	static bool registered;
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &saved_tty) < 0)
		return;
	raw = saved_tty;
	cfmakeraw(&raw);
	if (!registered)
		atexit(restore_tty);
	registered = true;
	tty_is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* --- signals ------------------------------------------------------------------------------ */

static const int proxied[] = {
	SIGHUP,	 SIGINT,  SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
	SIGPROF, SIGTSTP, SIGCONT, SIGPWR,  SIGIO,   SIGXCPU, SIGXFSZ,
};
/* what ends us and must find the terminal restored */
static const int fatal[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

void session_hold_signals(const struct session *s)
{
	if (holding)
		return;
	sigemptyset(&held);
	if (s->tty)
		sigaddset(&held, SIGWINCH);
	if (s->sig_proxy) {
		for (size_t i = 0; i < ARRAY_LEN(proxied); i++)
			sigaddset(&held, proxied[i]);
	} else if (s->tty) {
		for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
			sigaddset(&held, fatal[i]);
	}
	sigprocmask(SIG_BLOCK, &held, &before);
	holding = true;
}

void session_cancel(void)
{
	if (holding)
		sigprocmask(SIG_SETMASK, &before, NULL);
	holding = false;
}

static void die_of(int sig)
{
	restore_tty();
	signal(sig, SIG_DFL);
	session_cancel();
	raise(sig);
}

static void forward(struct session *s, int sig)
{
	AUTO(buf) struct buf path = {0};
	struct err ignored = ERR_INIT; /* the container may be gone already */
	const char *name = signal_name(sig);

	if (!name)
		return;
	path_container(&path, s->id, "kill");
	client_query(&path, "signal", name);
	ignore_result(call(s->cli, "POST", path.p, NULL, NULL, &ignored) < 0);
}

/* --- the loop ------------------------------------------------------------------------------- */

struct io {
	struct session *s;
	struct buf out;	     /* input on its way to the stream */
	size_t out_off;
	struct client_demux demux;
	char *piece;
	int sigfd;
	bool in_open, in_done, stream_open, waiting, detached;
	int64_t deadline;    /* of what is left after the wait's answer; 0: none */
	int resize_tries;
	int64_t resize_at;
};

static int emit(void *ctx, int stream, const char *data, size_t n, struct err *err)
{
	struct io *io = ctx;
	int r;

	if (stream == 2 ? !io->s->err : !io->s->out)
		return 0;
	r = fs_write_full(stream == 2 ? STDERR_FILENO : STDOUT_FILENO, data, n);
	return r < 0 ? err_sys(err, -r, "write to the terminal") : 0;
}

static int take_output(struct io *io, const char *data, size_t n, struct err *err)
{
	int mux = io->s->stream->mux;

	if (mux < 0 ? io->s->tty : !mux)
		return emit(io, 1, data, n, err);
	return client_demux_feed(&io->demux, data, n, emit, io, err);
}

static int read_stream(struct io *io, struct err *err)
{
	ssize_t n = recv(io->s->stream->fd, io->piece, CHUNK, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) { /* a reset is how some daemons end a stream with unread input */
		io->stream_open = false;
		return 0;
	}
	if (take_output(io, io->piece, (size_t)n, err) < 0)
		return -1;
	/* who reads our output may be slow: what is there is never cut */
	if (io->deadline)
		io->deadline = clock_mono_ns() + END_GRACE * NS_PER_MS;
	return 0;
}

static void end_input(struct io *io)
{
	io->in_open = false;
	if (io->out_off == io->out.len && !io->in_done) {
		shutdown(io->s->stream->fd, SHUT_WR);
		io->in_done = true;
	}
}

static void send_input(struct io *io)
{
	while (io->out_off < io->out.len) {
		ssize_t n = send(io->s->stream->fd, io->out.p + io->out_off,
				 io->out.len - io->out_off, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) { /* nobody reads any more: the output tells how it went */
			io->out_off = io->out.len;
			io->in_open = false;
			io->in_done = true;
			break;
		}
		io->out_off += (size_t)n;
	}
	io->out_off = 0;
	buf_reset(&io->out);
	if (!io->in_open)
		end_input(io);
}

static void read_input(struct io *io)
{
	ssize_t n = read(STDIN_FILENO, io->piece, CHUNK);
	size_t m = 0;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		end_input(io);
		return;
	}
	if (!io->s->tty) {
		buf_add(&io->out, io->piece, (size_t)n);
	} else {
		buf_reserve(&io->out, (size_t)n + DETACH_KEYS_MAX);
		io->detached = detach_keys_feed(&io->s->keys, io->piece, (size_t)n, io->out.p, &m);
		io->out.len = m;
		io->out.p[m] = 0;
	}
	send_input(io);
}

static void try_resize(struct io *io, unsigned extra)
{
	AUTO(buf) struct buf path = {0};
	AUTO(free) char *hs = NULL, *ws = NULL;
	struct err why = ERR_INIT;
	unsigned h, w;

	io->resize_at = 0;
	if (!session_tty_size(&h, &w))
		return;
	hs = xasprintf("%u", h + extra);
	ws = xasprintf("%u", w + extra);
	path_object(&path, io->s->object, io->s->id, "resize");
	client_query(&path, "h", hs);
	client_query(&path, "w", ws);
	if (call(io->s->cli, "POST", path.p, NULL, NULL, &why) < 0 && io->resize_tries-- > 0)
		io->resize_at = clock_mono_ns() + RESIZE_WAIT * NS_PER_MS;
}

static void read_signals(struct io *io)
{
	struct signalfd_siginfo info;

	while (read(io->sigfd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int sig = (int)info.ssi_signo;

		if (sig == SIGWINCH)
			try_resize(io, 0);
		else if (io->s->sig_proxy)
			forward(io->s, sig);
		else
			die_of(sig);
	}
}

static void read_wait(struct io *io)
{
	struct err why = ERR_INIT;
	json_t *j = NULL;
	const char *text;
	int r = client_stream_json(io->s->wait, &j, &why);

	io->waiting = false;
	if (r <= 0) {
		snprintf(io->s->wait_error, sizeof(io->s->wait_error), "%s",
			 r < 0 ? why.msg : "the daemon ended the wait without an answer");
		return;
	}
	io->s->status = json_integer_value(json_object_get(j, "StatusCode"));
	text = json_string_value(json_object_get(json_object_get(j, "Error"), "Message"));
	if (text)
		snprintf(io->s->wait_error, sizeof(io->s->wait_error), "%s", text);
	json_decref(j);
	io->deadline = clock_mono_ns() + END_GRACE * NS_PER_MS;
}

static int poll_timeout(const struct io *io)
{
	int64_t at = io->deadline, now;

	if (io->resize_at && (!at || io->resize_at < at))
		at = io->resize_at;
	if (!at)
		return -1;
	now = clock_mono_ns();
	return at <= now ? 0 : (int)((at - now) / NS_PER_MS) + 1;
}

enum { P_IN, P_STREAM, P_WAIT, P_SIGNAL, P_COUNT };

static int step(struct io *io, struct err *err)
{
	bool pending = io->out_off < io->out.len;
	struct pollfd p[P_COUNT] = {
		[P_IN] = {.fd = io->in_open && !pending ? STDIN_FILENO : -1, .events = POLLIN},
		[P_STREAM] = {.fd = io->stream_open ? io->s->stream->fd : -1,
			      .events = (short)(POLLIN | (pending ? POLLOUT : 0))},
		[P_WAIT] = {.fd = io->waiting ? client_stream_fd(io->s->wait) : -1, .events = POLLIN},
		[P_SIGNAL] = {.fd = io->sigfd, .events = POLLIN},
	};
	const short readable = POLLIN | POLLHUP | POLLERR;

	if (io->waiting && client_stream_buffered(io->s->wait))
		read_wait(io);
	else if (poll(p, P_COUNT, poll_timeout(io)) < 0 && errno != EINTR)
		return err_sys(err, errno, "poll");
	if (p[P_STREAM].revents & readable && read_stream(io, err) < 0)
		return -1;
	if (p[P_STREAM].revents & POLLOUT && io->stream_open)
		send_input(io);
	if (p[P_WAIT].revents & readable && io->waiting)
		read_wait(io);
	if (p[P_SIGNAL].revents & readable)
		read_signals(io);
	if (p[P_IN].revents & (readable | POLLNVAL) && io->stream_open) {
		if (p[P_IN].revents & POLLNVAL)
			end_input(io);
		else
			read_input(io);
	}
	if (io->resize_at && clock_mono_ns() >= io->resize_at)
		try_resize(io, 0);
	return 0;
}

static bool finished(const struct io *io)
{
	if (io->detached)
		return true;
	if (io->deadline && clock_mono_ns() >= io->deadline)
		return true;
	return !io->stream_open && !io->waiting;
}

static int loop(struct io *io, struct err *err)
{
	struct buf *early = &io->s->stream->early;

	if (early->len && take_output(io, early->p, early->len, err) < 0)
		return -1;
	if (io->s->tty && io->s->redraw)
		try_resize(io, 1);
	if (io->s->tty)
		try_resize(io, 0);
	while (!finished(io))
		if (step(io, err) < 0)
			return -1;
	return 0;
}

int session_run(struct session *s, enum session_end *ret, struct err *err)
{
	struct io io = {
		.s = s,
		.piece = xmalloc(CHUNK),
		.in_open = s->in,
		.stream_open = true,
		.waiting = s->wait != NULL,
		.resize_tries = s->resize_retry ? RESIZE_TRIES : 0,
	};
	int r;

	s->status = -1;
	session_hold_signals(s);
	io.sigfd = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->tty && s->in)
		make_raw();
	r = loop(&io, err);
	restore_tty();
	session_cancel();
	if (io.sigfd >= 0)
		close(io.sigfd);
	buf_done(&io.out);
	free(io.piece);
	*ret = io.detached ? SESSION_DETACHED : SESSION_STREAM_END;
	return r;
}
