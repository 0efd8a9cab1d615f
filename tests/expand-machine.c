// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/machine.h"

int main(int argc, char **argv)
{
	char *end;
	unsigned long cards;

	if (argc == 4 && !strcmp(argv[1], "--synthetic")) {
		cards = strtoul(argv[2], &end, 10);
		if (*end == '\0' && cards <= 4096)
			return machine_synthetic((unsigned)cards, argv[3]) < 0 ? 4 : 0;
	} else if (argc == 3 && argv[1][0] != '-') {
		return machine_expand(argv[1], argv[2]) < 0 ? 4 : 0;
	}
	fprintf(stderr, "Usage: expand-machine TREE DIR\n"
			"       expand-machine --synthetic CARDS DIR\n");
	return 2;
}
