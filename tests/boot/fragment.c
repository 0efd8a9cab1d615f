// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fragment RESERVE_MIB PINNED MOVABLE SEED [FILE]: leaves a host whose free memory is in pieces, and holds it so
 * until it is killed.
 *
 * All memory but RESERVE_MIB is taken page by page; where each page really is, /proc/self/pagemap says. What becomes of
 * it is decided by SEED and that place, so it is the same each time. PINNED percent of the blocks of 2 MiB have one page
 * that the kernel cannot move: a pipe refers to it (vmsplice(2)), as a device refers to what it was given for DMA. Of all
 * other pages, MOVABLE percent stay, which the kernel can move. The rest goes back: with FILE, so much of that file is
 * read first as fits into a third of it, and lies scattered between.
 *
 * Returns when all is in place, and says then: how many such blocks we have pages of, how many of them are pinned, MiB
 * that stay and that are a file's, and the process that holds them until it is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096UL
#define BLOCK_PAGES 512UL
#define PFN_MASK ((UINT64_C(1) << 55) - 1)
/* What stays and what goes: a call for each group is enough, and there are many of them in a block. */
#define GROUP_PAGES 8UL
#define PIPE_PAGES 256

static void fail(const char *what)
{
	fprintf(stderr, "fragment: %s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned long meminfo_kib(const char *key)
{
	char line[128];
	unsigned long kib = 0;
	size_t len = strlen(key);
	FILE *f = fopen("/proc/meminfo", "re");

	if (!f)
		fail("/proc/meminfo");
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, len))
			kib = strtoul(line + len, NULL, 10);
	fclose(f);
	return kib;
}

/* The same for the same seed and number, wherever and whenever. */
static unsigned percent_of(uint64_t seed, uint64_t number)
{
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + number;

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (unsigned)((x ^ (x >> 31)) % 100);
}

static uint64_t *read_frames(const char *memory, size_t count)
{
	uint64_t *frames = calloc(count, sizeof(*frames));
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	size_t done = 0;

	if (!frames || fd < 0)
		fail("/proc/self/pagemap");
	while (done < count) {
		ssize_t n = pread(fd, frames + done, (count - done) * sizeof(*frames),
				  (off_t)(((uintptr_t)memory / PAGE + done) * sizeof(*frames)));

		if (n <= 0)
			fail("/proc/self/pagemap");
		done += (size_t)n / sizeof(*frames);
	}
	close(fd);
	for (size_t i = 0; i < count; i++)
		frames[i] &= PFN_MASK;
	return frames;
}

/* A pipe refers to the page from now on; who closes it is the end of this process. */
static void pin(char *page)
{
	static int fds[2];
	static unsigned used = PIPE_PAGES;
	struct iovec piece = {page, PAGE};

	if (used == PIPE_PAGES) {
		if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0 ||
		    fcntl(fds[1], F_SETPIPE_SZ, PIPE_PAGES * PAGE) < 0)
			fail("pipe");
		used = 0;
	}
	if (vmsplice(fds[1], &piece, 1, 0) != (ssize_t)PAGE)
		fail("vmsplice");
	used++;
}

static void read_file(const char *path, size_t size)
{
	static char buf[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		fail(path);
	for (size_t done = 0; done < size && n > 0; done += (size_t)n)
		n = read(fd, buf, sizeof(buf));
	if (n < 0)
		fail(path);
	close(fd);
}

enum fate { STAYS, PINNED, FIRST, LAST };

struct memory {
	char *at;
	size_t count; /* pages */
	uint64_t *frames; /* where each page is */
	unsigned char *fates;
	bool *seen; /* by block of 2 MiB */
	size_t blocks, pinned, stay, first;
};

static void take(struct memory *memory, unsigned long reserve_kib)
{
	unsigned long free_kib = meminfo_kib("MemAvailable:");
	uint64_t last = 0;

	if (free_kib <= reserve_kib) {
		errno = ENOMEM;
		fail("RESERVE_MIB");
	}
	memory->count = (free_kib - reserve_kib) / (PAGE >> 10);
	memory->at = mmap(NULL, memory->count * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory->at == MAP_FAILED ||
	    madvise(memory->at, memory->count * PAGE, MADV_NOHUGEPAGE) < 0)
		fail("mmap");
	for (size_t i = 0; i < memory->count; i++)
		memory->at[i * PAGE] = 1;
	memory->frames = read_frames(memory->at, memory->count);
	for (size_t i = 0; i < memory->count; i++)
		last = memory->frames[i] > last ? memory->frames[i] : last;
	memory->seen = calloc(last / BLOCK_PAGES + 1, sizeof(*memory->seen));
	memory->fates = calloc(memory->count, sizeof(*memory->fates));
	/* Without the right to know it all frames are 0. */
	if (!last || !memory->seen || !memory->fates)
		fail("frames");
}

static void decide(struct memory *memory, unsigned pinned, unsigned movable, uint64_t seed,
		   bool file)
{
	for (size_t i = 0; i < memory->count; i++) {
		uint64_t block = memory->frames[i] / BLOCK_PAGES;
		bool is_first = !memory->seen[block];

		memory->seen[block] = true;
		memory->blocks += is_first;
		if (is_first && percent_of(seed, block) < pinned) {
			memory->fates[i] = PINNED;
			memory->pinned++;
			pin(memory->at + i * PAGE);
		} else if (percent_of(seed + 1, memory->frames[i] / GROUP_PAGES) < movable) {
			memory->fates[i] = STAYS;
			memory->stay++;
		} else {
			memory->fates[i] =
				file && memory->frames[i] / GROUP_PAGES % 3 == 0 ? FIRST : LAST;
			memory->first += memory->fates[i] == FIRST;
		}
	}
}

/* Pages of one fate that follow each other go together. */
static void give_back(const struct memory *memory, unsigned char fate)
{
	const unsigned char *fates = memory->fates;
	size_t from = 0, to;

	for (; from < memory->count; from = to) {
		for (to = from; to < memory->count && fates[to] == fates[from]; to++)
			continue;
		if (fates[from] == fate &&
		    madvise(memory->at + from * PAGE, (to - from) * PAGE, MADV_DONTNEED) < 0)
			fail("madvise");
	}
}

int main(int argc, char *argv[])
{
	struct memory memory = {.at = NULL};
	int ready[2];
	char byte;

	if (argc < 5 || argc > 6) {
		fprintf(stderr, "usage: fragment RESERVE_MIB PINNED MOVABLE SEED [FILE]\n");
		return 2;
	}
	if (pipe2(ready, O_CLOEXEC) < 0)
		fail("pipe");
	switch (fork()) {
	case -1:
		fail("fork");
		break;
	case 0:
		break;
	default:
		/* It ends with this process or says that all is in place. */
		close(ready[1]);
		return read(ready[0], &byte, 1) != 1;
	}
	close(ready[0]);
	take(&memory, strtoul(argv[1], NULL, 10) << 10);
	decide(&memory, (unsigned)strtoul(argv[2], NULL, 10), (unsigned)strtoul(argv[3], NULL, 10),
	       strtoull(argv[4], NULL, 10), argc == 6);
	give_back(&memory, FIRST);
	if (argc == 6)
		read_file(argv[5], memory.first * PAGE);
	give_back(&memory, LAST);
	printf("blocks=%zu pinned=%zu stay_mib=%zu file_mib=%zu pid=%d\n", memory.blocks,
	       memory.pinned, memory.stay * PAGE >> 20, argc == 6 ? memory.first * PAGE >> 20 : 0,
	       (int)getpid());
	fflush(stdout);
	if (write(ready[1], "", 1) != 1)
		fail("write");
	for (;;)
		pause();
}
