/*
 * store.c - the records of containers
 *
 * A container is two rows: its document (the whole of struct container's bound members), and its
 * state in a table of its own, since that alone changes often and is small. A copy of the document lies in the container's
 * directory, from which a lost database is made anew.
 *
 * (1) Nothing here waits for a disk: a killed engine loses nothing, a power cut at most the last
 *     moments.
 */
#include "container/private.h"

#include <errno.h>
#include <fcntl.h>

static const struct jfield state_fields[] = {
	JF(struct state, status, "Status", J_INT, 0),
	JF(struct state, oom_killed, "OOMKilled", J_BOOL, J_OMITEMPTY),
	JF(struct state, manual_stop, "ManualStop", J_BOOL, J_OMITEMPTY),
	JF(struct state, pid, "Pid", J_INT, J_OMITEMPTY),
	JF(struct state, exit_code, "ExitCode", J_INT, J_OMITEMPTY),
	JF(struct state, started_ns, "Started", J_INT, J_OMITEMPTY),
	JF(struct state, finished_ns, "Finished", J_INT, J_OMITEMPTY),
	JF(struct state, restarts, "Restarts", J_INT, J_OMITEMPTY),
	JF(struct state, error, "Error", J_STR, J_OMITEMPTY),
};
static const struct jtype state_type = JTYPE(struct state, state_fields);

static const struct jfield container_fields[] = {
	JF(struct container, id, "ID", J_STR, 0),
	JF(struct container, name, "Name", J_STR, 0),
	JF(struct container, created_ns, "Created", J_INT, 0),
	JF(struct container, path, "Path", J_STR, 0),
	JF(struct container, args, "Args", J_STRV, 0),
	JF(struct container, image_id, "Image", J_STR, 0),
	JF(struct container, image_name, "ImageName", J_STR, 0),
	JF(struct container, chain_id, "ChainID", J_STR, J_OMITEMPTY),
	JF(struct container, platform, "Platform", J_STR, 0),
	JFT(struct container, config, "Config", J_OBJ, 0, &container_config_type),
	JFT(struct container, host, "HostConfig", J_OBJ, 0, &host_config_type),
	JFT(struct container, net, "NetworkingConfig", J_OBJ, 0, &networking_config_type),
	JFT(struct container, mounts, "Mounts", J_ARR, 0, &mount_point_type),
	JF(struct container, masked_paths, "MaskedPaths", J_STRV, 0),
	JF(struct container, readonly_paths, "ReadonlyPaths", J_STRV, 0),
	JF(struct container, seccomp_profile, "Seccomp", J_STR, J_OMITEMPTY),
	JF(struct container, no_new_privileges, "NoNewPrivileges", J_BOOL, J_OMITEMPTY),
	JFT(struct container, state, "State", J_OBJ, 0, &state_type),
};
extern const struct jtype container_type;
const struct jtype container_type = {.name = "container",
				     .size = sizeof(struct container),
				     .fields = container_fields,
				     .nfields = ARRAY_LEN(container_fields)};

static const char *const migrations[] = {
	"CREATE TABLE containers(id TEXT PRIMARY KEY, doc TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE container_states(id TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;",
};

int store_migrate(struct containers *cs, struct err *err)
{
	return record_migrate(cs->cfg.db, "containers", migrations, ARRAY_LEN(migrations), err);
}

static char *document(struct container *c)
{
	json_t *j;
	char *text;

	cs_lock(c->cs);
	j = json_print(&container_type, c);
	cs_unlock(c->cs);
	json_object_del(j, "State");
	text = json_text(j, 0);
	json_decref(j);
	return text;
}

static char *state_document(struct container *c)
{
	json_t *j;
	char *text;

	cs_lock(c->cs);
	j = json_print(&state_type, &c->state);
	cs_unlock(c->cs);
	text = json_text(j, 0);
	json_decref(j);
	return text;
}

static int write_copy(struct container *c, const char *doc, struct err *err)
{
	AUTO(free) char *name = xasprintf("%s/container.json", c->id);
	int r = c->host.auto_remove ? 0 : /* nothing to rebuild it for */
		    fs_replace(c->cs->dirfd, name, doc, strlen(doc), 0600, 0);

	return r < 0 ? err_sys(err, -r, "write record of container %s", c->id) : 0;
}

static int write_row(struct container *c, const char *doc, const char *state, struct err *err)
{
	struct record_db *db = c->cs->cfg.db;

	if (record_begin(db, false, err) < 0)
		return -1;
	if (record_run(db, err, "INSERT OR REPLACE INTO containers(id, doc) VALUES(?, ?)", "ss", c->id,
		       doc) < 0 ||
	    record_run(db, err, "INSERT OR REPLACE INTO container_states(id, state) VALUES(?, ?)", "ss",
		       c->id, state) < 0) {
		record_rollback(db);
		return -1;
	}
	return record_commit(db, err);
}

int store_insert(struct container *c, struct err *err)
{
	AUTO(free) char *doc = document(c);
	AUTO(free) char *state = state_document(c);

	return write_copy(c, doc, err) < 0 ? -1 : write_row(c, doc, state, err);
}

int store_save(struct container *c, struct err *err)
{
	AUTO(free) char *doc = document(c);
	AUTO(free) char *state = state_document(c);

	return write_copy(c, doc, err) < 0 ? -1 : write_row(c, doc, state, err);
}

void store_save_state(struct container *c)
{
	AUTO(free) char *state = state_document(c);
	struct err err = ERR_INIT;

	if (record_run(c->cs->cfg.db, &err, "UPDATE container_states SET state = ? WHERE id = ?", "ss",
		       state, c->id) < 0)
		log_error("cannot record the state of a container", "id=%s error=%s", c->id, err.msg);
}

int store_delete(struct container *c, struct err *err)
{
	struct record_db *db = c->cs->cfg.db;

	if (record_begin(db, false, err) < 0)
		return -1;
	if (record_run(db, err, "DELETE FROM containers WHERE id = ?", "s", c->id) < 0 ||
	    record_run(db, err, "DELETE FROM container_states WHERE id = ?", "s", c->id) < 0) {
		record_rollback(db);
		return -1;
	}
	return record_commit(db, err);
}

/* Makes the container of one document, adds it to the table. */
static int load_document(struct containers *cs, const char *doc, const char *state, struct err *err)
{
	struct container *c = container_new(cs);
	json_t *j = json_parse(doc, strlen(doc), err), *s;
	int r = -1;

	if (!j)
		goto out;
	if (state) {
		s = json_parse(state, strlen(state), err);
		if (!s)
			goto out;
		json_object_set_new(j, "State", s);
	}
	if (json_bind(&container_type, j, c, err) < 0)
		goto out;
	if (!c->id || !is_hex(c->id, CONTAINER_ID_LEN) || !c->name || !c->image_id) {
		err_set(err, ERR_CORRUPT, "a container's record has no id, name or image");
		goto out;
	}
	container_set_dirs(c);
	if (table_reserve_name(cs, c->name, c->id, err) < 0)
		goto out;
	table_add(c);
	r = 0;
out:
	json_decref(j);
	container_put(c);
	return r;
}

static int load_row(void *ctx, const struct record_row *row, struct err *err)
{
	struct err e = ERR_INIT;

	if (load_document(ctx, record_text(row, 1), record_text(row, 2), &e) < 0)
		log_error("a container's record cannot be read", "id=%s error=%s", record_text(row, 0),
			  e.msg);
	return 0;
}

/*
 * The engine died within a creation: no record was written, and no container ran here, since its
 * own layer is empty. Anything else is somebody's data and stays.
 */
static bool remove_unfinished(int dirfd, const char *name)
{
	AUTO(free) char *upper = xasprintf("%s/upper", name);

	if (unlinkat(dirfd, upper, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return false;
	return fs_remove_tree(dirfd, name) == 0;
}

/* A directory without a row: the database was lost, or the engine died within a creation. */
static int adopt_directory(void *ctx, int dirfd, const char *name, unsigned char type)
{
	struct containers *cs = ctx;
	AUTO(free) char *file = xasprintf("%s/container.json", name);
	AUTO(buf) struct buf doc = {0};
	struct err err = ERR_INIT;
	struct container *c;

	if (strncmp(name, ".gone-", 6) == 0) {
		ignore_result(fs_remove_tree(dirfd, name) < 0); /* tried again at the next start */
		return 0;
	}
	if (!is_hex(name, CONTAINER_ID_LEN) || map_has(&cs->by_id, name))
		return 0;
	if (fs_read_file(dirfd, file, 4 << 20, &doc) < 0) {
		if (!remove_unfinished(dirfd, name))
			log_warn("a directory of no known container is left alone", "id=%s", name);
		return 0;
	}
	if (load_document(cs, doc.p, NULL, &err) < 0) {
		log_error("a container's record cannot be read", "id=%s error=%s", name, err.msg);
		return 0;
	}
	c = map_get(&cs->by_id, name);
	if (!c)
		return 0;
	c->state.status = ST_EXITED;
	if (store_insert(c, &err) < 0)
		log_error("cannot record a container", "id=%s error=%s", name, err.msg);
	else
		log_warn("took up a container that the database had lost", "id=%s", name);
	return 0;
}

int store_load_all(struct containers *cs, struct err *err)
{
	int r;

	if (record_each(cs->cfg.db, err, load_row, cs, "SELECT id, doc, state FROM containers LEFT JOIN container_states USING(id)", "") < 0)
		return -1;
	r = fs_each_entry(cs->dirfd, ".", adopt_directory, cs);
	return r < 0 ? err_sys(err, -r, "read directory of containers") : 0;
}
