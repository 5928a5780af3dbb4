/*
 * reference.h - names of images, with docker's grammar and error texts
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/* All strings are owned; tag and digest may be NULL. A zeroed one is empty. */
struct reference {
	char *domain; /* "docker.io" */
	char *path;   /* "library/nginx" */
	char *tag;    /* "latest" */
	char *digest; /* "sha256:<hex>" */
};

void reference_done(struct reference *ref);
static inline void auto_reference(struct reference *ref)
{
	reference_done(ref);
}

/*
 * "nginx", "nginx:1.25", "localhost:5000/a/b@sha256:..." and so on, completed to domain and
 * path but not given a tag. ERR_INVALID with docker's texts.
 */
int reference_parse(const char *s, struct reference *ret, struct err *err) MUST_USE;

/* Sets the tag "latest" where there is neither tag nor digest. */
void reference_default_tag(struct reference *ref);

/* "docker.io/library/nginx:latest"; what stores index by. Caller frees. */
char *reference_full(const struct reference *ref);
/* "docker.io/library/nginx" */
char *reference_name(const struct reference *ref);
/* What docker shows: "nginx:latest", "localhost:5000/x@sha256:...". Caller frees. */
char *reference_familiar(const struct reference *ref);
char *reference_familiar_name(const struct reference *ref); /* without tag and digest */

bool reference_is_digest(const char *s); /* "sha256:" and 64 hex digits */
bool reference_is_tag(const char *s);	 /* [A-Za-z0-9_][A-Za-z0-9_.-]{0,127} */

/* Docker's pattern match of `images --filter reference=`: '*' stops at '/', on the familiar
 * name, and on the familiar name with its tag. ERR_INVALID for a bad pattern is just no match. */
bool reference_match(const struct reference *ref, const char *pattern);
