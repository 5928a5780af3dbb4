/*
 * spec.h - private: the pieces a container's runtime-spec document is made of
 */
#pragma once

#include "container/private.h"
#include "oci/oci.h"

/* The capabilities of the container's first process, kernel names. ERR_INVALID: unknown name. */
int caps_for(const struct host_config *h, bool privileged, struct strv *ret, struct err *err);

int spec_resources(const struct container *c, struct oci_resources **ret, struct err *err);
int spec_mounts(struct container *c, struct oci_spec *spec, struct err *err);
int spec_devices(const struct container *c, struct oci_spec *spec, struct err *err);
