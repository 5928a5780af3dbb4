/*
 * cove-shim.c - the process that holds one container; started by coved only
 */
#include "shim/shim.h"

int main(int argc, char **argv)
{
	return shim_main(argc, argv);
}
