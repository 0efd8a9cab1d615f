/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the unit tests share: a captured machine in a directory of its own below $TMPDIR, opened as a
 * root, and the means to change single files of it. Every step that fails fails the test. The
 * programs are run in the top directory of the sources.
 */
#ifndef TESTS_UNIT_FIXTURE_H
#define TESTS_UNIT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "early/pci.h"

struct fixture {
	char top[256]; /* removed with all that is in it */
	char dir[288]; /* top/machine */
	struct root root; /* dir, once opened */
	struct pci_inventory inv; /* of the last machine_scan() */
};

/* For cmocka_unit_test_setup_teardown(): *state is a struct fixture with an empty dir, not opened. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

#define cmocka_machine_test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

/* Expand tests/machines/NAME, or a tree's text (tests/machine.h), into dir and open it. */
void machine_named(struct fixture *f, const char *name);
void machine_text(struct fixture *f, const char *tree);

/* Opens dir as it is: an image, unless it has /.vfio-machine. */
void machine_open(struct fixture *f);

/* Lists the machine's functions anew into f->inv. */
void machine_scan(struct fixture *f);

/* The function at an address, which is there. */
struct pci_dev *machine_dev(const struct fixture *f, const char *address);

/* DIR/PATH for the libc; static, overwritten by the next call but one. */
const char *path_in(const struct fixture *f, const char *path);

/* Makes or replaces a file with the formatted text, or a link; directories above are made. */
void put(const struct fixture *f, const char *path, const char *format, ...) _printf_(3, 4);
void put_bytes(const struct fixture *f, const char *path, const void *data, size_t size);
void put_link(const struct fixture *f, const char *path, const char *target);
void put_dir(const struct fixture *f, const char *path);

/* Removes what is at path, which is there, with all below it. Links are not followed. */
void drop(const struct fixture *f, const char *path);

/* Asserts that text holds each of the others, up to NULL. */
void assert_mentions(const char *text, ...) __attribute__((sentinel));

/*
 * Runs step in a child that has mount and user namespaces of its own, where it is root. Returns what
 * step returned (0 to 100), or -1 where this kernel gives us no such namespaces.
 */
int in_namespace(int (*step)(void *data), void *data);

#endif
