/*
 * rig.h - what the shim's tests share: a loop on a thread of its own, directories, events
 */
#pragma once

#include "base/clock.h"
#include "base/fs.h"
#include "base/loop.h"
#include "base/tap.h"
#include "shim/shim.h"

#define RIG_EVENTS 256

struct rig {
	char root[64]; /* run/ and dir/ below it */
	char run[80], dir[80], log[96];
	struct loop *loop;
	struct shim *shim;
	struct shim_status status;
	struct shim_config cfg;
};

extern const char *rig_program; /* of cove-shim or fake-shim */

void rig_init(struct rig *r);
void rig_done(struct rig *r); /* releases a living shim by force, checks that nothing is left */
/* Spawns with cfg and this script. */
int rig_spawn(struct rig *r, const char *script, struct err *err);
int rig_spawn_plan(struct rig *r, struct err *err); /* with cfg.plan */
void rig_connect(struct rig *r); /* drops the connection as a killed engine would, connects again */
/* Waits up to 10 s for the next event of that type after the last one taken; false: none came. */
bool rig_event(enum shim_event_type type, struct shim_event *ret);
bool rig_event_now(enum shim_event_type type, struct shim_event *ret); /* without waiting */
int rig_count(enum shim_event_type type);
/* A client: our end of a socket pair whose other end was attached. */
int rig_attach(struct rig *r, const char *exec, uint32_t flags, uint64_t *token, int64_t *size);
/* All from fd until the end (or ms pass) into buf, terminated; returns bytes. */
size_t rig_read(int fd, char *buf, size_t size, int ms);
/* Takes docker's frames apart: the text of one stream. */
size_t rig_frames(const char *raw, size_t n, int stream, char *out);
char *rig_file(const char *path); /* the whole, caller frees; "" if absent */
