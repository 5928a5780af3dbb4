/*
 * fuzz-replay.c - runs a fuzz target over files: its corpus as a test, or one crash
 *
 * Usage: fuzz-X FILE-OR-DIRECTORY... Speaks TAP, one point per argument. With
 * -Dfuzz=true (clang) libFuzzer's own main() stands in its place.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	size_t n;
	long size;

	if (!f || fseek(f, 0, SEEK_END) < 0 || (size = ftell(f)) < 0)
		return -1;
	rewind(f);
	data = malloc((size_t)size + 1);
	n = data ? fread(data, 1, (size_t)size, f) : 0;
	fclose(f);
	if (!data || n != (size_t)size) {
		free(data);
		return -1;
	}
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 1;
}

static int replay(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *de;
	int n = 0;

	if (!dir)
		return replay_file(path);
	while ((de = readdir(dir))) {
		char child[4096];
		int r;

		if (de->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, de->d_name);
		r = replay_file(child);
		if (r < 0) {
			closedir(dir);
			return -1;
		}
		n += r;
	}
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		int n = replay(argv[i]);

		failed += n <= 0;
		printf("%s %d - %d inputs of %s\n", n > 0 ? "ok" : "not ok", i, n, argv[i]);
	}
	printf("1..%d\n", argc - 1);
	return failed ? 1 : 0;
}
