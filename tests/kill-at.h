/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs something in a child and kills that, with all of its own children, instead of one of their system
 * calls: ptrace(2). Calls are counted from the first that opens a file to write, over all processes together; those for memory
 * do not count. A part of each program that includes it.
 */
#ifndef TESTS_KILL_AT_H
#define TESTS_KILL_AT_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_AT_MAX 128

struct kill_at {
	long at; /* the call that is not made, from 1; 0: none */
	/* A lock, or NULL: who holds it is not interrupted, as in a kernel that a test plays. */
	pid_t *inside;
	/* Count only calls before which something has changed: death in front of any other leaves the same. */
	bool only_changed;
	/* --- set by kill_at() --- */
	long count; /* calls that were made */
	int status; /* of waitpid(2), of the child itself */
	bool killed;
	bool started, changed, due; /* its own, as are these */
	pid_t pids[KILL_AT_MAX];
	size_t pid_count;
};

static inline void kill_at_know(struct kill_at *run, pid_t pid)
{
	for (size_t i = 0; i < run->pid_count; i++)
		if (run->pids[i] == pid)
			return;
	if (run->pid_count == KILL_AT_MAX)
		errx(1, "too many processes");
	run->pids[run->pid_count++] = pid;
}

static inline bool kill_at_opens_to_write(pid_t pid, const struct user_regs_struct *regs)
{
	long flags = 0;

	if (regs->orig_rax == SYS_openat)
		flags = (long)regs->rdx;
	else if (regs->orig_rax == SYS_openat2) /* the first field of struct open_how */
		flags = ptrace(PTRACE_PEEKDATA, pid, (void *)regs->rdx, NULL);
	return flags & (O_WRONLY | O_RDWR | O_CREAT);
}

static inline bool kill_at_is_memory(const struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_brk:
	case SYS_mmap:
	case SYS_munmap:
	case SYS_mremap:
	case SYS_mprotect:
	case SYS_madvise:
		return true;
	}
	return false;
}

static inline bool kill_at_changes(pid_t pid, const struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_write:
	case SYS_pwrite64:
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_unlink:
	case SYS_unlinkat:
	case SYS_mkdir:
	case SYS_mkdirat:
	case SYS_delete_module:
	case SYS_finit_module:
	case SYS_kill:
		return true;
	}
	return kill_at_opens_to_write(pid, regs);
}

#define KILL_AT_TRACE(call)                                                                        \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),                                           \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)

/* Stops are what costs: none but for what opens or changes something. */
static inline int kill_at_filter(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		KILL_AT_TRACE(SYS_openat),
		KILL_AT_TRACE(SYS_openat2),
		KILL_AT_TRACE(SYS_write),
		KILL_AT_TRACE(SYS_pwrite64),
		KILL_AT_TRACE(SYS_rename),
		KILL_AT_TRACE(SYS_renameat),
		KILL_AT_TRACE(SYS_renameat2),
		KILL_AT_TRACE(SYS_unlink),
		KILL_AT_TRACE(SYS_unlinkat),
		KILL_AT_TRACE(SYS_mkdir),
		KILL_AT_TRACE(SYS_mkdirat),
		KILL_AT_TRACE(SYS_kill),
		KILL_AT_TRACE(SYS_delete_module),
		KILL_AT_TRACE(SYS_finit_module),
		KILL_AT_TRACE(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* At a stop of a system call. */
static inline void kill_at_call(struct kill_at *run, pid_t pid)
{
	struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) < 0 ||
	    (info.op != PTRACE_SYSCALL_INFO_ENTRY && info.op != PTRACE_SYSCALL_INFO_SECCOMP) ||
	    ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		return;
	if (run->inside && __atomic_load_n(run->inside, __ATOMIC_SEQ_CST) == pid) {
		run->changed = true;
		return;
	}
	run->started = run->started || kill_at_opens_to_write(pid, &regs);
	if (!run->started || kill_at_is_memory(&regs) || run->due)
		return;
	if (run->changed || !run->only_changed) {
		run->count++;
		run->due = run->count == run->at;
		run->changed = false;
	}
	run->changed = run->changed || kill_at_changes(pid, &regs);
}

/* Once nobody is inside, nor can be any more, all of them are killed. */
static inline bool kill_at_end(struct kill_at *run)
{
	pid_t nobody = 0;

	if (run->inside && !__atomic_compare_exchange_n(run->inside, &nobody, getpid(), false,
							__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	run->killed = true;
	for (size_t i = 0; i < run->pid_count; i++)
		kill(run->pids[i], SIGKILL);
	return true;
}

static inline void kill_at_stop(struct kill_at *run, pid_t pid, int status)
{
	int signal = WSTOPSIG(status);
	bool was_due = run->due;
	unsigned long child;

	kill_at_know(run, pid);
	if (run->killed) {
		kill(pid, SIGKILL);
		return;
	}
	if (signal == (SIGTRAP | 0x80) || status >> 16 == PTRACE_EVENT_SECCOMP)
		kill_at_call(run, pid);
	else if (status >> 16 && ptrace(PTRACE_GETEVENTMSG, pid, NULL, &child) == 0 &&
		 status >> 16 != PTRACE_EVENT_EXEC)
		kill_at_know(run, (pid_t)child);
	if (run->due && kill_at_end(run))
		return;
	/* The one that is due stays where it is, until the others are out. */
	if (run->due && !was_due)
		return;
	if (signal == (SIGTRAP | 0x80) || signal == SIGTRAP || signal == SIGSTOP)
		signal = 0;
	if (ptrace(run->only_changed ? PTRACE_CONT : PTRACE_SYSCALL, pid, NULL,
		   (void *)(long)signal) < 0 &&
	    errno != ESRCH)
		err(1, "PTRACE_SYSCALL");
}

/* body() is to end the child. */
static inline void kill_at(struct kill_at *run, void (*body)(void *data), void *data)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC |
			     PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACESECCOMP;
	int status;
	pid_t pid = fork(), other;

	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(126);
		raise(SIGSTOP);
		if (run->only_changed && kill_at_filter() < 0)
			_exit(126);
		body(data);
		_exit(127);
	}
	*run = (struct kill_at){
		.at = run->at, .inside = run->inside, .only_changed = run->only_changed};
	kill_at_know(run, pid);
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		errx(1, "it does not start");
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, options) < 0 ||
	    ptrace(run->only_changed ? PTRACE_CONT : PTRACE_SYSCALL, pid, NULL, NULL) < 0)
		err(1, "ptrace");
	while ((other = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (other < 0)
			continue;
		if (WIFSTOPPED(status))
			kill_at_stop(run, other, status);
		else if (other == pid)
			run->status = status;
		if (run->due && !run->killed)
			(void)kill_at_end(run);
	}
	if (run->killed && run->inside)
		__atomic_store_n(run->inside, 0, __ATOMIC_SEQ_CST);
}

#endif
