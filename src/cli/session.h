/*
 * session.h - the terminal's side of run, start -a, attach and exec
 */
#pragma once

#include "cli/cli.h"
#include "client/client.h"

#define DETACH_KEYS_MAX 32

struct detach_keys {
	unsigned char seq[DETACH_KEYS_MAX];
	size_t n, have; /* have: bytes matched so far, held back */
};

/* "ctrl-p,ctrl-q"; empty takes the user's config.json, then the default. ERR_INVALID. */
int detach_keys_parse(struct cli *cli, const char *text, struct detach_keys *ret,
		      struct err *err) MUST_USE;
/* Copies data to out (room for n + DETACH_KEYS_MAX) without the sequence; true: complete. */
bool detach_keys_feed(struct detach_keys *k, const char *data, size_t n, char *out, size_t *ret_n);

enum session_end {
	SESSION_STREAM_END, /* the stream ended (and the wait, if any, was answered) */
	SESSION_DETACHED,   /* the user typed the detach keys */
};

struct session {
	struct cli *cli;
	struct client *client;
	struct client_hijack *stream;
	struct client_stream *wait; /* answers with {"StatusCode"}, or NULL */
	const char *object;	    /* "containers" or "exec", for resize */
	const char *id;
	bool tty, in, out, err;
	bool sig_proxy;		    /* signals go to the container, else they end us */
	bool resize_retry;	    /* the process may not be there yet */
	bool redraw;		    /* make the program draw its screen again */
	struct detach_keys keys;
	/* results */
	long long status;	    /* of wait; -1 if it was not answered */
	char wait_error[512];
};

/* "the input device is not a TTY" where a tty with input is asked for and stdin is none. */
int session_check_tty(bool in, bool tty, struct err *err) MUST_USE;
/* Height and width of our terminal, or false. */
bool session_tty_size(unsigned *ret_h, unsigned *ret_w);
/* Blocks the signals that session_run() handles: before the container starts, so that none is
 * lost between. Undone by session_run() and session_cancel(). */
void session_hold_signals(const struct session *s);
void session_cancel(void);
/* Moves bytes until the end. The terminal is as before afterwards, also when we are killed. */
int session_run(struct session *s, enum session_end *ret, struct err *err) MUST_USE;

/* 127, 126 or 125 for the text of a failed start. */
int start_error_status(const char *message);
