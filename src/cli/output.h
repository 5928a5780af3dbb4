/*
 * output.h - how everything is shown: units, tables, --format, inspect
 *
 * The texts are docker's to the byte. Nothing here talks to the engine: callers pass the JSON
 * the API gave. Functions that make text append to a struct buf; the caller writes it out.
 */
#pragma once

#include <jansson.h>

#include "base/clock.h"
#include "base/str.h"
#include "codec/template.h"

/* --- units: as docker's go-units; each returns a new string --- */

char *human_size(double bytes); /* "1.23MB": 4 significant digits, powers of 1000 */
char *human_size_prec(double bytes, int digits); /* the same with so many significant digits */
char *human_bytes(double bytes);		 /* "1.5GiB": powers of 1024 */
char *human_duration(int64_t ns); /* "About a minute", "3 hours", "Less than a second" */
/* "2 hours ago" of a unix time in seconds; docker's "N/A" for 0 is up to the caller. */
char *human_ago(int64_t unix_seconds);

/* What "ago" counts from: 0, the default, is the clock; tests set it. */
extern int64_t output_now_ns;
/* Go's time.Time.String() of a unix time: "2025-01-02 15:04:05 +0000 UTC". */
char *go_time_string(int64_t unix_seconds);

/* --- text --- */

char *short_id(const char *id);		   /* without "sha256:", 12 characters */
char *ellipsis(const char *s, size_t max); /* at most max display columns, ends in "…" */
char *go_quote(const char *s);		   /* Go's strconv.Quote, with the quotes */
/* Text columns as Go's tabwriter aligns them: cells end with \t, lines with \n. */
void tabwrite(struct buf *out, const char *text, size_t len, unsigned minwidth, unsigned padding);

/* The PORTS column of a "Ports" array as the list API gives it; ranges merged. */
char *display_ports(json_t *ports);

/* --- lists: ps, images, network ls, volume ls, history, stats, ... --- */

struct format_options {
	const char *format; /* of --format or the client's configuration; NULL or "": the table */
	bool quiet;	    /* -q */
	bool no_trunc;
	bool size;	  /* ps -s */
	bool digests;	  /* images --digests */
	bool raw_numbers; /* history --human=false */
	bool all;	  /* stats -a */
};

/* The help of --format, for lists and for single objects. */
#define FORMAT_HELP_TABLE                                                                          \
	"Format output using a custom template:\n"                                                 \
	"'table':            Print output in table format with column headers (default)\n"         \
	"'table TEMPLATE':   Print output in table format using the given Go template\n"           \
	"'json':             Print in JSON format\n"                                               \
	"'TEMPLATE':         Print output using the given Go template.\n"                          \
	"Refer to https://docs.docker.com/go/formatting/ for more information about formatting "   \
	"output with templates"
#define FORMAT_HELP                                                                                \
	"Format output using a custom template:\n"                                                 \
	"'json':             Print in JSON format\n"                                               \
	"'TEMPLATE':         Print output using the given Go template.\n"                          \
	"Refer to https://docs.docker.com/go/formatting/ for more information about formatting "   \
	"output with templates"

/* One column or placeholder of a list; headers of placeholders without one are "". */
struct format_column {
	const char *name;   /* placeholder, "ID" */
	const char *header; /* "CONTAINER ID" */
};

/* A kind of object that can be listed. */
struct format_list {
	const char *type;		     /* Go's type, "*formatter.ContainerContext" */
	const struct format_column *columns; /* ends with an entry without name */
	/*
	 * What a format stands for: "table" (the default), "raw" or what the user gave; a
	 * static string, or NULL: format itself.
	 */
	const char *(*standard)(const struct format_options *opt, const char *format);
	/* The object of placeholders (a new reference) of one object of the API. */
	json_t *(*row)(json_t *api, const struct format_options *opt);
	bool labels; /* rows have the method `.Label "x"`; see keep_labels() */
};

extern const struct format_list format_containers; /* GET /containers/json */
extern const struct format_list format_images;	   /* GET /images/json; see images_rows() */
extern const struct format_list format_history;	   /* GET /images/X/history */
extern const struct format_list format_networks;   /* GET /networks */
extern const struct format_list format_volumes;	   /* .Volumes of GET /volumes */
extern const struct format_list format_stats;	   /* see stats_row() */
extern const struct format_list format_search;	   /* GET /images/search */
extern const struct format_list format_df;	   /* rows of system df */

/*
 * Appends the list of the API's objects in the format asked for: table with headers, `table
 * TEMPLATE`, `json`, `raw`, TEMPLATE. err says "template parsing error: ..." (ERR_INVALID).
 */
int format_list_print(const struct format_list *list, json_t *objects,
		      const struct format_options *opt, struct buf *out, struct err *err) MUST_USE;

/* What ps does before it asks the engine: tries the format on an empty object. */
int format_list_check(const struct format_list *list, const struct format_options *opt,
		      struct err *err) MUST_USE;
/* Whether opt->format names a placeholder (ps asks the engine for sizes only for .Size). */
bool format_mentions(const struct format_options *opt, const char *name);

/* Orders by "Name" as people count: net9 before net10. For networks and volumes. */
json_t *sorted_rows(json_t *answer, const struct format_options *opt);
json_t *volumes_rows(json_t *answer, const struct format_options *opt); /* of GET /volumes */
int natural_compare(const char *a, const char *b);

/* The rows of `system df` of GET /system/df. */
json_t *df_rows(json_t *answer, const struct format_options *opt);
/* The sections of `system df -v`. */
int df_verbose(json_t *answer, const struct format_options *opt, struct buf *out,
	       struct err *err) MUST_USE;
/* The texts of `info`, server part, and of `version`. */
void info_text(json_t *info, struct buf *out);
void version_text(json_t *version, struct buf *out);
/* Build times of the server's components as people read them, in place. */
void version_normalize(json_t *server);
/* One line of `events`. */
void event_line(json_t *event, struct buf *out);

/* /images/json gives an object per image; this gives one per line of `images`. New reference. */
json_t *images_rows(json_t *images, const struct format_options *opt);

struct cli;
/* Appends a --since or --until to a query as "seconds.nanoseconds"; "" appends nothing. */
int query_moment(struct buf *path, const char *key, const char *value, struct err *err) MUST_USE;
/* GET path, format, standard output. rows: makes the objects to show of the answer, or NULL. */
int show_list(struct cli *cli, const char *path, const struct format_list *list,
	      const struct format_options *opt,
	      json_t *(*rows)(json_t *answer, const struct format_options *opt),
	      struct err *err) MUST_USE;
/* Writes it to standard output and empties it; 0. */
int put_buf(struct buf *out);

/* --- single objects: version, info, events --- */

/*
 * Appends one object by a template (`json` included) and a newline, also when it fails
 * halfway. type may be NULL. err says "template parsing error: ..." (kind ERR_INVALID), or
 * Go's text of what failed (ERR_UNSUPPORTED).
 */
int format_object(const char *format, json_t *object, const struct tmpl_type *type, struct buf *out,
		  struct err *err) MUST_USE;

/* --- inspect --- */

enum inspect_kind {
	INSPECT_CONTAINER,
	INSPECT_IMAGE,
	INSPECT_NETWORK,
	INSPECT_VOLUME,
	INSPECT_OTHER
};

/* Collects what one `inspect` prints. Zeroed with format set is empty. */
struct inspect {
	const char *format; /* NULL or "": a JSON array indented by four */
	bool typed_only;    /* no second try over plain JSON: `volume inspect` */
	struct tmpl *tmpl;
	struct buf out;
	size_t n; /* objects so far */
};

/* How Go sees the objects; for `version` and `events` too. */
const struct tmpl_type *inspect_type(enum inspect_kind kind);
extern const struct tmpl_type type_version, type_event;

/* What docker exits with for a template that does not parse, where it parses it first. */
#define STATUS_BAD_FORMAT 64

/* Appends JSON text with white space as json.Indent puts it (4 spaces), or with none. */
void json_layout(const char *s, size_t n, int depth, bool indent, struct buf *out);

/* Parses the format. ERR_INVALID: "template parsing error: ..." */
int inspect_begin(struct inspect *ins, const char *format, struct err *err) MUST_USE;
/* Adds one object. raw is the API's answer as received (its key order and numbers are kept). */
int inspect_add(struct inspect *ins, enum inspect_kind kind, const char *raw, size_t len,
		struct err *err) MUST_USE;
/* Appends everything to out: "[]\n" when nothing was added and no format was given. */
void inspect_end(struct inspect *ins, struct buf *out);
