/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the machine expander share; tests include tests/machine.h only. */
#ifndef TESTS_MACHINE_INTERNAL_H
#define TESTS_MACHINE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "early/cleanup.h"

/* A function that was written: where its directory is, for its children and what hangs on it. */
struct machine_function {
	char address[24];
	char *path; /* "sys/devices/pci0000:00/..."; owned */
	bool bridge;
};

struct machine_disk {
	char *name, *path; /* both owned */
};

struct machine {
	int fd; /* the directory that is filled */
	const char *file; /* and line: for messages */
	unsigned line;
	struct machine_function *functions;
	size_t function_count;
	struct machine_disk *disks;
	size_t disk_count;
	struct machine_core *cores; /* of machine-cpu.c, like the next */
	size_t core_count;
	struct machine_node *nodes;
	size_t node_count;
	bool hybrid; /* some cores are of another kind */
};

/* Says "FILE:LINE: text" on stderr; returns error. */
int machine_fail(const struct machine *m, int error, const char *format, ...) _printf_(3, 4);

/*
 * Write below the machine's directory, with the directories above; a path that leads out of it is
 * -EINVAL, what is there already -EEXIST, else -errno; each is said by machine_fail().
 */
int machine_dirs(const struct machine *m, const char *path, bool last_too);
int machine_put_bytes(const struct machine *m, const char *path, const void *data, size_t size);
int machine_put_link(const struct machine *m, const char *path, const char *target);

/* dir/name with the formatted text and a newline, as sysfs prints most attributes. */
int machine_put(const struct machine *m, const char *dir, const char *name, const char *format, ...)
	_printf_(4, 5);

/* A link at from_dir/name to another path of the machine, relative as the kernel makes them. */
int machine_put_relative(const struct machine *m, const char *from_dir, const char *name,
			 const char *to);

/*
 * The value of KEY=VALUE among count words, which is then taken off them; NULL where it is not
 * given. machine_all_taken(): 0 if no word is left, else -EINVAL.
 */
const char *machine_take(char **words, int count, const char *key);
int machine_all_taken(const struct machine *m, char **words, int count);

/* Parses "1002:73bf". */
bool machine_pair(const char *text, unsigned *ret_a, unsigned *ret_b);

/* The function of an address that was written before; NULL for none. */
struct machine_function *machine_function(const struct machine *m, const char *address);

/*
 * Fills in the capabilities of configuration space (4096 bytes) that pcie= and acs= (or NULL) ask
 * for. Returns how many bytes of it there are, or -EINVAL.
 */
int machine_express(const struct machine *m, const char *express, const char *acs, uint8_t *config);

/* Expand one `config` line, one `pci` line, and the directory of one driver. */
int machine_config(struct machine *m, char **words, int count);
int machine_pci(struct machine *m, char **words, int count);
int machine_driver(const struct machine *m, const char *driver);

/* Take one `core` or `node` line; write what all of them say; free them. */
int machine_core(struct machine *m, char **words, int count);
int machine_node(struct machine *m, char **words, int count);
int machine_cpus(struct machine *m);
void machine_cpus_free(struct machine *m);

#endif
