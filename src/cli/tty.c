/*
 * tty.c - detach keys, terminal size, exit statuses
 */
#include <sys/ioctl.h>

#include "cli/session.h"

static int one_key(const char *name, unsigned char *ret)
{
	const char *ctrl = str_after(name, "ctrl-");
	static const char others[] = "@[\\]^_";
	const char *at;

	if (!ctrl) {
		*ret = (unsigned char)*name;
		return *name && !name[1] ? 0 : -1;
	}
	if (!*ctrl || ctrl[1])
		return -1;
	if (*ctrl >= 'a' && *ctrl <= 'z') {
		*ret = (unsigned char)(*ctrl - 'a' + 1);
		return 0;
	}
	at = strchr(others, *ctrl);
	if (!at)
		return -1;
	*ret = at == others ? 0 : (unsigned char)(26 + (at - others));
	return 0;
}

int detach_keys_parse(struct cli *cli, const char *text, struct detach_keys *ret, struct err *err)
{
	AUTO(strv) struct strv keys = {0};

	if (!*text)
		text = str_or(cli_config_string(cli, "detachKeys"));
	if (!*text)
		text = "ctrl-p,ctrl-q";
	*ret = (struct detach_keys){0};
	strv_split(&keys, text, ',');
	if (keys.n > DETACH_KEYS_MAX)
		return err_set(err, ERR_INVALID, "invalid detach keys (%s): too many keys", text);
	strv_for_each(k, &keys)
		if (one_key(k, &ret->seq[ret->n++]) < 0)
			return err_set(err, ERR_INVALID,
				       "invalid detach keys (%s): Unknown character: '%s'", text, k);
	return 0;
}

bool detach_keys_feed(struct detach_keys *k, const char *data, size_t n, char *out, size_t *ret_n)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)data[i];

		if (k->n && c != k->seq[k->have]) {
			memcpy(out + m, k->seq, k->have);
			m += k->have;
			k->have = 0;
		}
		if (k->n && c == k->seq[k->have]) {
			if (++k->have == k->n) {
				k->have = 0;
				*ret_n = m;
				return true;
			}
			continue;
		}
		out[m++] = data[i];
	}
	*ret_n = m;
	return false;
}

int session_check_tty(bool in, bool tty, struct err *err)
{
	if (in && tty && !isatty(STDIN_FILENO))
		return err_set(err, ERR_INVALID, "the input device is not a TTY");
	return 0;
}

bool session_tty_size(unsigned *ret_h, unsigned *ret_w)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) < 0)
		return false;
	*ret_h = ws.ws_row;
	*ret_w = ws.ws_col;
	return ws.ws_row && ws.ws_col;
}

int start_error_status(const char *message)
{
	static const struct {
		const char *text;
		int status;
	} known[] = {
		{"executable file not found", 127},
		{"no such file or directory", 127},
		{"system cannot find the file specified", 127},
		{"permission denied", 126},
		{"is a directory", 126},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcasestr(message, known[i].text))
			return known[i].status;
	return 125;
}
