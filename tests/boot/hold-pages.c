// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hold-pages NODE COUNT TOUCHED: maps so many huge pages of 2M, bound to a node, and touches some of them: those are in
 * use, the others promised. Returns when that is done, and says by which process; it stays until it is killed. On
 * SIGUSR1 it touches the rest too, as a guest does with memory that it was promised, and is killed by SIGBUS where
 * the kernel cannot keep its word.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE (2UL << 20)

static void fail(const char *what)
{
	fprintf(stderr, "hold-pages: %s: %s\n", what, strerror(errno));
	exit(1);
}

int main(int argc, char *argv[])
{
	size_t count, touched;
	unsigned long nodes;
	int ready[2], signal;
	sigset_t set;
	char *memory, byte;

	if (argc != 4) {
		fprintf(stderr, "usage: hold-pages NODE COUNT TOUCHED\n");
		return 2;
	}
	nodes = 1UL << strtoul(argv[1], NULL, 10);
	count = strtoul(argv[2], NULL, 10);
	touched = strtoul(argv[3], NULL, 10);
	if (pipe(ready) < 0)
		fail("pipe");
	/* Before it maps: what a parent was promised is not its child's. */
	switch (fork()) {
	case -1:
		fail("fork");
		break;
	case 0:
		break;
	default:
		close(ready[1]);
		return read(ready[0], &byte, 1) != 1;
	}
	close(ready[0]);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	memory = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	if (syscall(SYS_mbind, memory, count * PAGE, MPOL_BIND, &nodes, 64UL, 0) < 0)
		fail("mbind");
	for (size_t i = 0; i < touched; i++)
		memory[i * PAGE] = 1;
	printf("%d\n", (int)getpid());
	fflush(stdout);
	if (write(ready[1], "", 1) != 1)
		fail("write");
	close(ready[1]);
	if (sigwait(&set, &signal) != 0)
		fail("sigwait");
	for (size_t i = touched; i < count; i++)
		memory[i * PAGE] = 1;
	printf("touched all\n");
	fflush(stdout);
	for (;;)
		pause();
}
