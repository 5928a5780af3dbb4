/*
 * names.c - names for containers that were given none: an adjective and a surname
 */
#include "container/private.h"

#include <sys/random.h>

static const char *const adjectives[] = {
	"able", "agile", "amber", "ample", "brave", "bright", "brisk", "calm", "candid", "clever",
	"cosy", "crisp", "daring", "deft", "eager", "earnest", "fair", "fancy", "fleet", "frank",
	"gentle", "glad", "golden", "grand", "happy", "hardy", "honest", "humble", "jolly", "keen",
	"kind", "lively", "loyal", "lucid", "merry", "mild", "modest", "neat", "nimble", "noble",
	"patient", "placid", "plain", "polite", "proud", "quick", "quiet", "rapid", "ready", "serene",
	"sharp", "silent", "smart", "solid", "spry", "steady", "stoic", "sunny", "swift", "tidy",
	"tranquil", "true", "upbeat", "vivid", "warm", "wise", "witty", "zesty",
};

static const char *const surnames[] = {
	"agnesi", "ampere", "archimedes", "avicenna", "babbage", "banach", "bell", "bohr", "boole",
	"bose", "cannon", "cantor", "carson", "cerf", "church", "codd", "curie", "darwin", "dijkstra",
	"dirac", "einstein", "engelbart", "erdos", "euclid", "euler", "faraday", "fermat", "fermi",
	"feynman", "franklin", "galileo", "gauss", "germain", "goedel", "goldberg", "hamilton",
	"hawking", "hertz", "hilbert", "hodgkin", "hopper", "huygens", "hypatia", "johnson", "joule",
	"kepler", "khorana", "kilby", "knuth", "lamarr", "lamport", "leavitt", "leibniz", "liskov",
	"lovelace", "maxwell", "mccarthy", "meitner", "mendel", "mirzakhani", "moore", "naur",
	"newton", "nightingale", "noether", "pascal", "pasteur", "perlman", "planck", "poincare",
	"ptolemy", "ramanujan", "ride", "ritchie", "rubin", "sammet", "shannon", "sinoussi",
	"tesla", "tharp", "thompson", "torvalds", "turing", "volta", "wescoff", "wiles", "wing", "wu",
	"yalow", "yonath",
};

char *random_name(unsigned attempt)
{
	unsigned r[3];

	CHECK(getrandom(r, sizeof(r), 0) == sizeof(r));
	if (attempt < 3)
		return xasprintf("%s_%s", adjectives[r[0] % ARRAY_LEN(adjectives)],
				 surnames[r[1] % ARRAY_LEN(surnames)]);
	return xasprintf("%s_%s%u", adjectives[r[0] % ARRAY_LEN(adjectives)],
			 surnames[r[1] % ARRAY_LEN(surnames)], r[2] % (10u * attempt));
}
