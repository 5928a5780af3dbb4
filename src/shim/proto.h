/*
 * proto.h - what goes over the socket between the engine and a shim
 *
 * One SOCK_SEQPACKET message is one struct below, in the machine's own byte order, with
 * descriptors by SCM_RIGHTS. A request carries a cookie and gets exactly one reply with it.
 * A shim's version is in every head; an engine speaks to all versions up to its own.
 */
#pragma once

#include <assert.h>

#include "shim/shim.h"

#define PROTO_MAGIC   0x6d696873u /* "shim" */
#define PROTO_MAX     49152	  /* bytes of one message */
#define PROTO_FDS_MAX 12
#define PROTO_SOCKET  "shim.sock"
#define PROTO_STATE   "state"	/* the record under exec_root */
#define PROTO_FD      3		/* a spawned shim's first connection */
#define PROTO_PLAN_MAX (16u << 20)

enum msg_type {
	MSG_INIT = 1,
	MSG_START,
	MSG_ATTACH,
	MSG_ATTACH_GO,
	MSG_EXEC,
	MSG_EXEC_FORGET,
	MSG_RESIZE,
	MSG_CLOSE_STDIN,
	MSG_KILL,
	MSG_STOP,
	MSG_PAUSE,
	MSG_RESUME,
	MSG_SET_RESTART,
	MSG_UPDATE,
	MSG_PIDS,
	MSG_KEEP_FD,
	MSG_FETCH_FD,
	MSG_STATUS,
	MSG_RELEASE,
	MSG_REQUESTS, /* their number */

	MSG_REPLY = 128,
	MSG_EVENT,
	MSG_SNAPSHOT,	   /* data: struct shim_status; comes first on each new connection */
	MSG_SNAPSHOT_EXEC, /* data: struct shim_exec_status */
	MSG_SNAPSHOT_END,
};

struct msg_head {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint64_t cookie;
	uint32_t size; /* of the whole message */
	uint32_t reserved;
};

enum {
	INIT_TTY = 1, INIT_OPEN_STDIN = 2, INIT_STDIN_ONCE = 4, INIT_AUTO_REMOVE = 8, INIT_NETNS = 16,
};

enum { INIT_EXEC_ROOT, INIT_DIR, INIT_LOG_PATH, INIT_LOG_ATTRS, INIT_STRINGS };

/* Descriptors: the plan, the network namespace with INIT_NETNS, then nkept kept ones. */
struct msg_init {
	struct msg_head head;
	uint32_t flags;
	uint32_t log_driver, log_files;
	uint32_t restart_policy, restart_max;
	uint32_t nkept;
	int64_t log_size;
	uint16_t rows, cols;
	uint32_t reserved;
	char id[SHIM_ID_MAX + 8];
	char kept[SHIM_KEPT_MAX][SHIM_NAME_MAX + 1];
	uint32_t len[INIT_STRINGS]; /* of the strings in data, each with its terminator */
	char data[];
};

enum { EXEC_TTY = 1, EXEC_OPEN_STDIN = 2, EXEC_ATTACH = 4 };
enum { KILL_FINAL = 1 };
enum { RELEASE_FORCE = 1 };

/* Every request but INIT; what is not used is zero. */
struct msg_request {
	struct msg_head head;
	uint32_t flags;	       /* EXEC_*, KILL_*, RELEASE_* */
	uint32_t attach_flags; /* SHIM_ATTACH_* of ATTACH and EXEC */
	int32_t signal;
	uint32_t policy, max_retries;
	uint32_t keys_n;
	int64_t timeout_ms;
	uint64_t token;
	uint16_t rows, cols;
	uint32_t data_len;
	uint8_t keys[SHIM_KEYS_MAX];
	char exec[SHIM_ID_MAX + 8];
	char name[SHIM_NAME_MAX + 1];
	uint8_t data[]; /* leftover of ATTACH and EXEC */
};

struct msg_reply {
	struct msg_head head;
	uint32_t kind; /* enum err_kind; then data is the message, terminated */
	int32_t sys;
	int64_t pid;
	uint64_t token;
	int64_t log_size;
	uint32_t data_len;
	uint32_t reserved;
	uint8_t data[]; /* STATUS: struct shim_status; PIDS: int32_t each */
};

struct msg_event {
	struct msg_head head;
	struct shim_event ev;
};

/* The structs of shim.h are on the wire: a change of their size needs a new version. */
static_assert(sizeof(struct shim_exit) == 296, "shim_exit is on the wire");
static_assert(sizeof(struct shim_status) == 368, "shim_status is on the wire");
static_assert(sizeof(struct shim_exec_status) == 376, "shim_exec_status is on the wire");
static_assert(sizeof(struct shim_event) == 656, "shim_event is on the wire");
static_assert(sizeof(struct msg_init) % 8 == 0 && sizeof(struct msg_request) % 8 == 0, "layout");

/* What proto_parse_init() found; pointers into the message. */
struct init_view {
	const struct msg_init *m;
	const char *s[INIT_STRINGS];
};

/*
 * Check a message from a peer (8-aligned, n bytes, with nfds descriptors): after it all strings
 * are terminated, all lengths are right, ids and names are plain. ERR_INVALID.
 */
int proto_check_head(const void *msg, size_t n, struct err *err) MUST_USE;
int proto_check_request(const void *msg, size_t n, size_t nfds, struct err *err) MUST_USE;
int proto_parse_init(const void *msg, size_t n, size_t nfds, struct init_view *ret,
		     struct err *err) MUST_USE;
/* What the engine gets: REPLY, EVENT, SNAPSHOT*. */
int proto_check_answer(void *msg, size_t n, struct err *err) MUST_USE;

/* An id of a container or exec: 1..SHIM_ID_MAX of [A-Za-z0-9_.-], not starting with a dot. */
bool proto_valid_id(const char *id);

/*
 * One message with descriptors. send: 0 or -errno (flags: MSG_DONTWAIT...). recv: bytes, 0 at the
 * end, -errno; descriptors are close-on-exec and the caller's; a message that was cut short
 * is -EMSGSIZE (its descriptors are closed).
 */
int proto_send(int fd, const void *msg, size_t n, const void *more, size_t more_n, const int *fds,
	       size_t nfds, int flags) MUST_USE;
ssize_t proto_recv(int fd, void *msg, size_t max, int fds[PROTO_FDS_MAX], size_t *ret_nfds,
		   int flags) MUST_USE;
