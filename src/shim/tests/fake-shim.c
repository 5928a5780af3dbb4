/* fake-shim.c - cove-shim over the fake runtime */
#include "shim/shim.h"

int main(int argc, char **argv)
{
	return shim_main(argc, argv);
}
