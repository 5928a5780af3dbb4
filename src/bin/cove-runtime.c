/*
 * cove-runtime.c - an OCI runtime with runc's command line
 */
#include <errno.h>

#include "runtime/runtime.h"
#include "sys/exe.h"

int main(int argc, char **argv)
{
	int r = exe_reexec_sealed(argv); /* containers must not reach the program's file */

	if (r < 0) {
		fprintf(stderr, "cove-runtime: make a sealed copy: %s\n", strerror(-r));
		return 1;
	}
	return runtime_main(argc, argv);
}
