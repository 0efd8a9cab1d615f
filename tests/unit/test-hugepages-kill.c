// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `vfio-hugepages` and what reserves pages at boot, killed at each system call that changes something, and while the kernel is at
 * work for them: no page is left without an owner, and the next call comes to where the first would have.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootcfg/cmd.h"
#include "early/cleanup.h"
#include "early/pages-boot.h"
#include "tests/unit/pages-kernel.h"
#include "tools/hugepages.h"

#define GUEST "a"
#define PROFILE "[hugepages]\n2M = 0:10,1:5\n[guest a]\nhugepages-2M = 0:40,1:100\n"
#define NEVER (~0U)
#define STATE_STR 512
#define CALLS_MIN 8

/* What the child and we share. */
struct shared {
	bool in_kernel; /* its system calls are those of the simulated kernel: not to be killed there */
	unsigned writes; /* so far */
	unsigned tear_at; /* this write, from 0, is done by half, and nothing after it */
};

struct rig {
	struct kernel k;
	struct shared *shared;
	char state[STATE_STR]; /* after the last kill */
	unsigned states; /* that were judged */
};

/* The child has its own copy of it. */
static struct rig *in_child;

static int write_or_die(void *data, const char *path, const char *value)
{
	struct rig *rig = data;
	unsigned long was, wanted = strtoul(value, NULL, 10);
	char half[32];
	int r;

	/* Two system calls, so that it is killed right before the write, and right after it. */
	(void)getppid();
	rig->shared->in_kernel = true;
	if (rig->shared->writes++ == rig->shared->tear_at && strstr(path, "nr_hugepages")) {
		was = kernel_get(&rig->k, path);
		snprintf(half, sizeof(half), "%lu\n", (was + wanted) / 2);
		(void)kernel_write(&rig->k, path, half);
		(void)raise(SIGKILL);
	}
	r = kernel_write(&rig->k, path, value);
	rig->shared->in_kernel = false;
	(void)raise(SIGUSR2); /* from here on call by call again */
	(void)getppid();
	return r;
}

static void hook(struct cmd_call *call)
{
	call->root.write_hook = write_or_die;
	call->root.write_hook_data = in_child;
}

static int run_release(struct cmd_call *call)
{
	hook(call);
	return hugepages_release_run(call);
}

static int run_reclaim(struct cmd_call *call)
{
	hook(call);
	return hugepages_reclaim_run(call);
}

static int run_early(struct cmd_call *call)
{
	_cleanup_profile_ struct profile profile = {.file_count = 0};
	struct pages_outcomes outcomes = {.count = 0};
	struct diag diag = DIAG_INIT;
	int r;

	hook(call);
	r = profile_load(&call->root, &profile, &diag);
	if (r >= 0)
		r = pages_boot(&call->root, &profile, NULL, NULL, &outcomes);
	if (r >= 0)
		r = pages_boot_record(&call->root, &outcomes);
	free(outcomes.items);
	return r < 0 ? EXIT_SYSTEM : EXIT_DONE;
}

static const struct cmd_option options[] = {
	{.name = "guest", .argument = "NAME", .help = "as the command's"},
	{.name = "keep", .argument = "N", .help = "as the command's"},
	{.name = "node", .argument = "N", .help = "as the command's"},
	{.name = "wait", .argument = "SECONDS", .help = "as the command's"},
};

#define COMMAND(word, function)                                                                    \
	.name = word, .run = function, .help = word, .operands = "[SIZE...]", .options = options,  \
	.option_count = ARRAY_SIZE(options)
static const struct cmd commands[] = {
	{COMMAND("release", run_release)},
	{COMMAND("reclaim", run_reclaim)},
	{COMMAND("early", run_early)},
};

/* In the child. */
static void run_command(struct rig *rig, const char *const words[])
{
	static const struct cmd_program program = {
		.name = "vfio-hugepages",
		.help = "As the program's.",
		.commands = commands,
		.command_count = ARRAY_SIZE(commands),
	};
	char *argv[12] = {(char *)"vfio-hugepages"};
	int count = 1, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	while (words[count - 1]) {
		argv[count] = (char *)words[count - 1];
		count++;
	}
	argv[count++] = (char *)"--root";
	argv[count++] = rig->k.f->dir;
	(void)dup2(null, STDOUT_FILENO);
	(void)dup2(null, STDERR_FILENO);
	in_child = rig;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(126);
	(void)raise(SIGSTOP);
	_exit(cmd_main(&program, count, argv));
}

/*
 * Whether the call that it is at changes something; getppid(2) stands for the write to a pool. To be killed at a call
 * that reads, or that makes a file which has no name that counts yet, is the same as at the next one of these.
 */
static bool changes(pid_t pid)
{
	struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) < 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	switch (info.entry.nr) {
	case SYS_getppid:
	case SYS_write:
	case SYS_pwrite64:
	case SYS_ftruncate:
	case SYS_flock:
	case SYS_mkdirat:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_unlinkat:
	case SYS_fchmod:
	case SYS_exit_group:
		return true;
	}
	return false;
}

/* Runs it, and kills it at a system call, from 0, or in the middle of a write. Its status of waitpid(2). */
static int run(struct rig *rig, const char *const words[], unsigned kill_at, unsigned tear_at)
{
	bool entry = true;
	unsigned at = 0;
	int status;
	pid_t pid;

	*rig->shared = (struct shared){.tear_at = tear_at};
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run_command(rig, words);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD), 0);
	while (WIFSTOPPED(status)) {
		int signal = WSTOPSIG(status);
		bool is_call = signal == (SIGTRAP | 0x80);

		if (is_call && entry && !rig->shared->in_kernel && changes(pid) && at++ == kill_at)
			(void)kill(pid, SIGKILL);
		entry = is_call ? !entry : true;
		if (is_call || signal == SIGSTOP || signal == SIGUSR2)
			signal = 0;
		if (ptrace(kill_at == NEVER || rig->shared->in_kernel ? PTRACE_CONT
								      : PTRACE_SYSCALL,
			   pid, NULL, (void *)(long)signal) < 0)
			assert_int_equal(errno, ESRCH);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	return status;
}

static void finish(struct rig *rig, const char *const words[])
{
	int status = run(rig, words, NEVER, NEVER);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("`%s`: status %#x", words[0], (unsigned)status);
}

static const char *const reclaim_guest[] = {"reclaim", "--guest", GUEST, NULL};
static const char *const release_guest[] = {"release", "--guest", GUEST, NULL};
static const char *const reclaim_count[] = {"reclaim", "2M=0:150,1:90", NULL};
static const char *const release_keep[] = {"release", "2M", "--keep", "9", NULL};
static const char *const at_boot[] = {"early", NULL};

/* --- where it begins -------------------------------------------------------------------------- */

/* Pages of others on both nodes, some of them idle. */
static void begin(struct rig *rig)
{
	struct fixture *f = rig->k.f;

	put(f, "etc/vfio-bootcfg.conf", PROFILE);
	put_pool(&rig->k, 0, SIZE_2M, 10, 4);
	put_pool(&rig->k, 1, SIZE_2M, 6, 6);
	put_dir(f, "run/vfio-bootcfg");
	drop(f, "run/vfio-bootcfg");
	rig->k.journal[0] = '\0';
}

static void begin_with_loan(struct rig *rig)
{
	begin(rig);
	finish(rig, reclaim_guest);
	rig->k.journal[0] = '\0';
}

static void begin_empty(struct rig *rig)
{
	begin(rig);
	put_pool(&rig->k, 0, SIZE_2M, 0, 0);
	put_pool(&rig->k, 1, SIZE_2M, 0, 0);
}

static void begin_with_too_many(struct rig *rig)
{
	begin(rig);
	put_pool(&rig->k, 0, SIZE_2M, 16000, 16000);
}

static void assert_pools(const struct rig *rig, const char *when, unsigned long a, unsigned long b)
{
	unsigned long x = kernel_total(&rig->k, 0, SIZE_2M), y = kernel_total(&rig->k, 1, SIZE_2M);

	if (x != a || y != b)
		fail_msg("%s: pools of %lu and %lu pages, not %lu and %lu", when, x, y, a, b);
}

static void no_loan(const struct rig *rig, const char *when)
{
	if (root_exists(&rig->k.f->root, "run/vfio-bootcfg/hugepages/" GUEST))
		fail_msg("%s: a loan is recorded", when);
}

/* --- what must hold --------------------------------------------------------------------------- */

struct story {
	void (*begin)(struct rig *rig);
	const char *const *words; /* what is killed */
	const char *const *next; /* what is run then */
	unsigned long node0, node1; /* what that leaves */
	bool lends; /* and a loan is recorded then */
};

static bool was_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* What the pools and the loan are now. Most calls change neither: then all has been looked at already. */
static bool is_new(struct rig *rig)
{
	_cleanup_free_ char *loan = NULL;
	char now[STATE_STR];
	size_t size;
	bool changed;

	(void)!root_read_file(&rig->k.f->root, "run/vfio-bootcfg/hugepages/" GUEST, &loan, &size,
			      NULL);
	snprintf(now, sizeof(now), "%lu %lu %s", kernel_total(&rig->k, 0, SIZE_2M),
		 kernel_total(&rig->k, 1, SIZE_2M), loan ? loan : "");
	changed = strcmp(now, rig->state) != 0;
	memcpy(rig->state, now, sizeof(now));
	return changed;
}

static void judge(struct rig *rig, const struct story *story, const char *when)
{
	if (!is_new(rig))
		return;
	rig->states++;
	finish(rig, story->next);
	assert_pools(rig, when, story->node0, story->node1);
	if (!story->lends)
		no_loan(rig, when);
	/* Whatever was lent comes back, and no more. */
	finish(rig, release_guest);
	if (story->lends) {
		assert_pools(rig, when, 10, 6);
		no_loan(rig, when);
	} else {
		assert_pools(rig, when, story->node0, story->node1);
	}
}

static void at_each_point(struct fixture *f, const struct story *story, unsigned states_min,
			  unsigned writes_min)
{
	struct rig rig = {.states = 0};
	unsigned at;
	char when[64];

	rig.shared = mmap(NULL, sizeof(*rig.shared), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(rig.shared != MAP_FAILED);
	kernel_make(&rig.k, f, 2, 32);
	for (at = 0;; at++) {
		snprintf(when, sizeof(when), "killed at call %u", at);
		story->begin(&rig);
		if (!was_killed(run(&rig, story->words, at, NEVER)))
			break;
		judge(&rig, story, when);
	}
	assert_true(at >= CALLS_MIN);
	for (at = 0;; at++) {
		snprintf(when, sizeof(when), "killed in write %u", at);
		story->begin(&rig);
		if (!was_killed(run(&rig, story->words, NEVER, at)))
			break;
		judge(&rig, story, when);
	}
	assert_true(at >= writes_min);
	assert_true(rig.states >= states_min);
	munmap(rig.shared, sizeof(*rig.shared));
}

static void test_reclaim_for_a_guest(void **state)
{
	/* 4 are free on node 0, and 6 on node 1. */
	static const struct story again = {begin, reclaim_guest, reclaim_guest, 46, 100, true};
	static const struct story back = {begin, reclaim_guest, release_guest, 10, 6, false};

	at_each_point(*state, &again, 5, 3);
	at_each_point(*state, &back, 5, 3);
}

static void test_release_of_a_guest(void **state)
{
	static const struct story again = {
		begin_with_loan, release_guest, release_guest, 10, 6, false};
	static const struct story lend = {
		begin_with_loan, release_guest, reclaim_guest, 46, 100, true};

	at_each_point(*state, &again, 4, 2);
	at_each_point(*state, &lend, 4, 2);
}

static void test_reclaim(void **state)
{
	static const struct story again = {begin, reclaim_count, reclaim_count, 150, 90, false};

	at_each_point(*state, &again, 5, 4);
}

/* A count would be taken away each time. */
static void test_release(void **state)
{
	static const struct story again = {begin, release_keep, release_keep, 6, 3, false};

	at_each_point(*state, &again, 3, 2);
}

static void test_at_boot(void **state)
{
	static const struct story more = {begin_empty, at_boot, at_boot, 10, 5, false};
	static const struct story less = {begin_with_too_many, at_boot, at_boot, 14745, 6, false};

	at_each_point(*state, &more, 3, 2);
	at_each_point(*state, &less, 2, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_machine_test(test_reclaim_for_a_guest),
		cmocka_machine_test(test_release_of_a_guest),
		cmocka_machine_test(test_reclaim),
		cmocka_machine_test(test_release),
		cmocka_machine_test(test_at_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
