// SPDX-License-Identifier: GPL-2.0-or-later
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/trace.h"

/*
 * Stops the program at the openat(2) that has O_PATH, and nowhere else: stops are what costs here,
 * and the dynamic linker makes as many calls as the program itself.
 */
static int stop_at_root(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_PATH, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static pid_t start(char *const argv[], int stderr_fd)
{
	pid_t pid = fork();
	int null;

	if (pid < 0)
		err(4, "fork");
	if (pid > 0)
		return pid;
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(stderr_fd, 2);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(126);
	raise(SIGSTOP);
	/* Each run is to make the same calls. */
	if (personality(ADDR_NO_RANDOMIZE) < 0 || stop_at_root() < 0)
		_exit(126);
	execv(argv[0], argv);
	_exit(127);
}

/* The flags of a call, at its entry, that opens; else 0. */
static int open_flags(pid_t pid, const struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_open:
		return (int)regs->rsi;
	case SYS_openat:
		return (int)regs->rdx;
	case SYS_openat2: /* the first field of struct open_how */
		return (int)ptrace(PTRACE_PEEKDATA, pid, (void *)regs->rdx, NULL);
	}
	return 0;
}

static void note(struct trace *trace, pid_t pid, const struct user_regs_struct *regs)
{
	if (trace->count % 256 == 0) {
		trace->calls =
			reallocarray(trace->calls, trace->count + 256, sizeof(*trace->calls));
		if (!trace->calls)
			err(4, "memory");
	}
	trace->calls[trace->count] = (struct trace_call){
		.number = (int)regs->orig_rax,
		.fd = (int)regs->rdi,
		.writes = open_flags(pid, regs) & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC),
	};
}

/* At the entry of the call that is meant. */
static void act(struct trace *trace, pid_t pid, struct user_regs_struct *regs)
{
	trace->hit = true;
	switch (trace->act) {
	case TRACE_RECORD:
		return;
	case TRACE_MEANWHILE:
		trace->meanwhile(trace->data);
		trace->over = true;
		return;
	case TRACE_KILL:
		kill(pid, SIGKILL);
		return;
	case TRACE_TEAR:
		regs->rdx /= 2; /* of write(2): the size */
		break;
	case TRACE_FAIL:
		regs->orig_rax = (unsigned long long)-1;
		break;
	}
	trace->inside = true;
	if (ptrace(PTRACE_SETREGS, pid, NULL, regs) < 0)
		err(4, "PTRACE_SETREGS");
}

/* At its exit. */
static void act_behind(const struct trace *trace, pid_t pid, struct user_regs_struct *regs)
{
	if (trace->act == TRACE_TEAR) {
		kill(pid, SIGKILL);
		return;
	}
	regs->rax = (unsigned long long)-trace->error;
	if (ptrace(PTRACE_SETREGS, pid, NULL, regs) < 0)
		err(4, "PTRACE_SETREGS");
}

/* What stopped it: PTRACE_SYSCALL_INFO_ENTRY, _EXIT, or _NONE where it was a signal, or is gone. */
static int what_stopped(pid_t pid, struct user_regs_struct *regs)
{
	struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) < 0 ||
	    ptrace(PTRACE_GETREGS, pid, NULL, regs) < 0)
		return PTRACE_SYSCALL_INFO_NONE;
	return info.op;
}

/* When the heap grows is no matter of files, and not the same in each run. */
static bool is_memory(const struct user_regs_struct *regs)
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

static void on_entry(struct trace *trace, pid_t pid, struct user_regs_struct *regs)
{
	if (is_memory(regs))
		return;
	if (trace->act == TRACE_RECORD)
		note(trace, pid, regs);
	else if (trace->count == trace->at && (int)regs->orig_rax == trace->number)
		act(trace, pid, regs);
	trace->count++;
}

static void on_stop(struct trace *trace, pid_t pid, bool at_root)
{
	struct user_regs_struct regs;
	int what = what_stopped(pid, &regs);

	if (at_root) {
		/* The first call; later ones of its kind have stopped at their entry already. */
		if (!trace->counting)
			on_entry(trace, pid, &regs);
		trace->counting = true;
	} else if (what == PTRACE_SYSCALL_INFO_ENTRY) {
		on_entry(trace, pid, &regs);
	} else if (what == PTRACE_SYSCALL_INFO_EXIT && trace->inside) {
		act_behind(trace, pid, &regs);
		trace->inside = false;
		trace->over = true;
	}
}

void trace_run(struct trace *trace, char *const argv[], int stderr_fd)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC |
			     PTRACE_O_TRACESECCOMP;
	pid_t pid = start(argv, stderr_fd);
	int signal = 0;

	trace->hit = trace->inside = trace->counting = trace->over = false;
	trace->count = 0;
	trace->calls = NULL;
	if (waitpid(pid, &trace->status, 0) != pid || !WIFSTOPPED(trace->status))
		errx(4, "it does not start");
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, options) < 0)
		err(4, "PTRACE_SETOPTIONS");
	for (;;) {
		bool each = trace->counting && !trace->over;

		if (ptrace(each ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL, (void *)(long)signal) <
			    0 &&
		    errno != ESRCH)
			err(4, "PTRACE_SYSCALL");
		if (waitpid(pid, &trace->status, 0) != pid)
			err(4, "waitpid");
		if (!WIFSTOPPED(trace->status))
			return;
		signal = WSTOPSIG(trace->status);
		if (signal == (SIGTRAP | 0x80) || trace->status >> 16 == PTRACE_EVENT_SECCOMP) {
			on_stop(trace, pid, trace->status >> 16 == PTRACE_EVENT_SECCOMP);
			signal = 0;
		} else if (signal == SIGTRAP) {
			signal = 0; /* the stop of execve(2) */
		}
	}
}
