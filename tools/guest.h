/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's session: what [guest NAME] of the profile asks for is done when the guest starts, and undone when it ends.
 * At start, in this order: units are stopped, cards are taken, huge pages are added, CPU settings are made. At the
 * end all of it in reverse. `vfio-device reclaim|release --guest NAME` and the libvirt hook are this.
 *
 * Before each step it is written down in run/vfio-bootcfg/guest/NAME what will have to be undone: whoever is
 * killed, the next start or end goes on from there. The units are systemd's, as systemctl(1) has them.
 */
#ifndef TOOLS_GUEST_H
#define TOOLS_GUEST_H

#include "tools/handover.h"
#include "tools/hugepages-guest.h"
#include "tools/tuning.h"

/* What a session needs from outside, so that tests can stand in for it. */
struct guest_env {
	const struct root *root;
	void (*init_handover)(struct handover *h, const struct root *root,
			      bool force); /* handover_init() */
	/*
	 * systemctl VERB -- UNIT; "show" asks for LoadState and ActiveState. As run_program(). NULL: there is no systemd that
	 * could be asked, and all units are taken to be stopped.
	 */
	int (*systemctl)(void *data, const char *verb, const char *unit, char **ret_output);
	struct tuning_env tuning; /* with its note(), or without */
	/* What went wrong beside the error that is returned: one sentence. */
	void (*say)(void *data, const char *text);
	void *data;
	unsigned lock_ms; /* for another session to come to its end */
	unsigned let_go_ms; /* for processes of stopped units to close the cards */
	bool force; /* as for a handover */
};

enum guest_state {
	GUEST_NONE, /* nothing is recorded */
	GUEST_STARTING,
	GUEST_RUNNING, /* a start came to its end */
	GUEST_ENDING,
};

/* Lists as in the profile, with commas between; NULL: empty. */
struct guest_record {
	enum guest_state state;
	char *devices; /* [device] sections of the guest: nobody else's while it is there */
	char *cards; /* those of them that are to be given back */
	char *units; /* to be started again, in the order in which they were stopped */
	bool settings; /* tuning_apply() was begun */
};

struct guest_unit {
	char *name;
	const char *result; /* stopped, started, failed */
};

struct guest {
	const struct guest_env *env;
	const char *name;
	struct profile profile;
	struct guest_record record;
	int lock;
	char *stopping; /* units that run, and are to be stopped */
	/* What was done, for the report. */
	struct handover cards; /* the last handover */
	bool has_cards, to_host; /* there was one; and its direction */
	int cards_result;
	struct guest_unit *units;
	size_t unit_count;
	struct guest_pools pools;
	const char *settings; /* applied, restored; NULL: none */
	bool stuck; /* not all is undone that should be; the record stays */
};

/* Fills in the production environment of a root; say, data and tuning.note are the caller's. */
void guest_env_init(struct guest_env *env, const struct root *root);

void guest_init(struct guest *guest, const struct guest_env *env, const char *name);
void guest_free(struct guest *guest);

/*
 * Signals that come with the end of a terminal or session, which may be the work of a stopped unit, wait until the process
 * ends: it goes on. Inherited by what it runs.
 */
void guest_block_signals(void);

/* True for a name that the profile could have a section of. */
bool guest_name_valid(const char *name);

/* Whether something is recorded for a guest of a valid name. */
bool guest_is_recorded(const struct root *root, const char *name);

/* True if the profile has [guest NAME] with a key. */
bool guest_is_known(const struct profile *profile, const char *name);

/*
 * Starts a session. 0: all is done, and was before where it is said twice. On failure diag says why, and what was done is
 * undone, or guest->stuck; but where a session runs already, it stays as it was given, and only what is missing is not added.
 * -EINVAL: no such guest, or a value that does not fit this machine; -EBADMSG: the profile cannot be read; -EPERM: refused, for a card that is
 * not safe to take, is used by another guest, or held by a process; -ENOBUFS: fewer huge pages than asked;
 * -EWOULDBLOCK: another session is at work; else -errno of what failed.
 */
int guest_start(struct guest *guest, struct diag *diag) _must_check_;

/*
 * Ends it: all that is recorded is undone, as far as it can be, also without a profile; what cannot is said, and stays recorded
 * for the next call. Without a record the guest's cards with claim = guest go to the host, and what pages it was lent.
 * look_first: refused, with nothing touched, while a process has one of its cards open.
 * 0; -EINVAL, -EBADMSG, -EWOULDBLOCK as above; -EPERM: refused; -EIO: not all could be undone, and all reasons were said.
 */
int guest_end(struct guest *guest, bool look_first, struct diag *diag) _must_check_;

#endif
