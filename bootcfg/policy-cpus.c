// SPDX-License-Identifier: GPL-2.0-or-later
/* CPU isolation: kernel/sched/isolation.c, kernel/rcu/tree_nocb.h, kernel/irq/irqdesc.c. */
#include <string.h>

#include "bootcfg/cpulist.h"
#include "bootcfg/policy-parts.h"
#include "bootcfg/propose-cpus.h"

/* A list of the profile and the CPUs that it means; entry NULL: not given, or `none`. */
struct list {
	const struct profile_entry *entry;
	cpu_set_t set;
	bool none;
};

/* A set for a message; "?" without memory. */
static const char *shown(const cpu_set_t *set, char **memory)
{
	free(*memory);
	*memory = cpulist_format(set);
	return *memory ? *memory : "?";
}

/*
 * A CPU that the kernel cannot have voids a whole list (of rcu_nocbs=, it makes it all CPUs). One that
 * may be plugged in later is only not there yet.
 */
static int check_there(struct policy *policy, const struct list *list)
{
	const struct profile_entry *entry = list->entry;
	const struct host *host = policy->host;
	_cleanup_free_ char *there = NULL;
	cpu_set_t possible;
	char buf[4096];

	if (cpulist_within(&list->set, &host->present))
		return 0;
	if ((policy->flags & POLICY_FORCE) &&
	    root_read_attr(host->root, "sys/devices/system/cpu/possible", buf, sizeof(buf)) > 0 &&
	    cpulist_parse(buf, &possible) == 0 && cpulist_within(&list->set, &possible)) {
		remark(policy->remarks, "%s:%u: `%s = %s`: not all of these CPUs are there now",
		       entry->file, entry->line, entry->key, entry->value);
		return 0;
	}
	return diag_set(policy->diag, -EBADMSG, entry->file, entry->line,
			"`%s = %.100s`: this machine has CPUs %s; name some of them", entry->key,
			entry->value, shown(&host->present, &there));
}

/* Kernels before these take the letters for an error, and with it the whole list. */
static int check_notation(struct policy *policy, const struct profile_entry *entry)
{
	bool all = strcasestr(entry->value, "all");
	const char *older;

	if (host_kernels_from(policy->host, 5, all ? 14 : 12, &older))
		return 0;
	return diag_set(policy->diag, -EPERM, entry->file, entry->line,
			"`%s = %.100s`: Linux %.60s, which is installed, cannot read `%s`; write "
			"numbers, or remove that kernel",
			entry->key, entry->value, older, all ? "all" : "N");
}

static int take_list(struct policy *policy, const struct profile_entry *entry, struct list *ret)
{
	const struct host *host = policy->host;
	struct list list = {.entry = entry};
	bool relative;
	int r;

	if (!entry)
		return 0;
	if (!strcmp(entry->value, "none")) {
		ret->none = true;
		return 0;
	}
	relative = cpulist_relative(entry->value);
	if (relative) {
		r = check_notation(policy, entry);
		if (r < 0)
			return r;
	}
	r = cpulist_resolve(entry->value, host->cpus ? host->cpus : CPULIST_MAX, &list.set);
	if (r == -ERANGE)
		return diag_set(policy->diag, -EBADMSG, entry->file, entry->line,
				"`%s = %.100s`: a CPU above %d", entry->key, entry->value,
				CPULIST_MAX - 1);
	if (r < 0)
		return diag_set(policy->diag, -EBADMSG, entry->file, entry->line,
				"`%s = %.100s` is no list of CPUs", entry->key, entry->value);
	if (relative && host->cpus)
		CPU_AND(&list.set, &list.set, &host->present);
	if (host->cpus) {
		r = check_there(policy, &list);
		if (r < 0)
			return r;
	}
	*ret = list;
	return 0;
}

/* --- what an isolation does to the host ------------------------------------------------------- */

static bool is_everything(const struct host *host, const cpu_set_t *set)
{
	if (host->cpus)
		return cpulist_within(&host->present, set);
	return CPU_COUNT(set) == CPULIST_MAX;
}

static int check_isolated(struct policy *policy, const struct list *list)
{
	const struct profile_entry *entry = list->entry;
	int r;

	if (!entry)
		return 0;
	if (!CPU_COUNT(&list->set))
		return diag_set(policy->diag, -EBADMSG, entry->file, entry->line,
				"`%s = %.100s` isolates no CPU of this machine", entry->key,
				entry->value);
	if (is_everything(policy->host, &list->set))
		return diag_set(policy->diag, -EBADMSG, entry->file, entry->line,
				"`%s = %.100s` leaves no CPU to the host; leave it some, CPU 0 "
				"among them",
				entry->key, entry->value);
	if (!CPU_ISSET(0, &list->set))
		return 0;
	r = policy_may_force(policy, entry);
	if (r < 0)
		return r;
	if (!r)
		return diag_set(policy->diag, -EPERM, entry->file, entry->line,
				"`%s = %.100s` isolates CPU 0, which Linux needs for timekeeping "
				"and to boot; leave it to the host, or use --force",
				entry->key, entry->value);
	remark(policy->remarks,
	       "%s:%u: CPU 0 is isolated as asked; Linux keeps its own work on it all the same",
	       entry->file, entry->line);
	return 0;
}

/* As many CPUs in whole cores, as `plan` would choose them; NULL where that cannot be told. */
static char *whole_cores(const struct policy *policy, const cpu_set_t *set)
{
	_cleanup_topology_ struct topology topology = {.count = 0};
	struct cpu_choice choice;

	if (topology_load(policy->host->root, &topology) < 0 ||
	    cpus_choose(&topology, CPUS_ANY_NODE, (unsigned)CPU_COUNT(set), &choice) < 0)
		return NULL;
	return cpulist_format(&choice.set);
}

/* The two threads of a core slow each other down, and one can watch the other. */
static void look_at_cores(struct policy *policy, const struct list *list)
{
	_cleanup_free_ char *mine = NULL, *theirs = NULL, *whole = NULL;
	cpu_set_t torn, host_side, siblings;

	if (!list->entry)
		return;
	CPU_ZERO(&torn);
	CPU_ZERO(&host_side);
	for (unsigned cpu = 0; cpu < policy->host->cpus; cpu++) {
		cpu_set_t others;

		if (!CPU_ISSET(cpu, &list->set) || host_siblings(policy->host, cpu, &siblings) < 0)
			continue;
		CPU_AND(&others, &siblings, &list->set);
		CPU_XOR(&others, &others, &siblings);
		if (!CPU_COUNT(&others))
			continue;
		CPU_SET(cpu, &torn);
		CPU_OR(&host_side, &host_side, &others);
	}
	if (!CPU_COUNT(&torn))
		return;
	whole = whole_cores(policy, &list->set);
	remark(policy->remarks,
	       "%s:%u: `%s = %s` tears cores apart: isolated CPUs %s share them with the host's "
	       "CPUs %s%s; isolate both threads of a core, or neither%s%s%s",
	       list->entry->file, list->entry->line, list->entry->key, list->entry->value,
	       shown(&torn, &mine), shown(&host_side, &theirs),
	       CPU_ISSET(0, &host_side) ? " (CPU 0 serves the whole host)" : "", whole ? ": " : "",
	       whole ? whole : "", whole ? " (see vfio-bootcfg plan)" : "");
}

/* --- irqaffinity ------------------------------------------------------------------------------ */

/*
 * The CPUs that are left to the host. False where that depends on how many there are in the machine
 * that an image is for.
 */
static bool complement(const struct policy *policy, const struct list *cpus, cpu_set_t *ret)
{
	cpu_set_t fewer, rest;

	if (policy->host->cpus) {
		CPU_AND(&rest, &policy->host->present, &cpus->set);
		CPU_XOR(ret, &rest, &policy->host->present);
		return true;
	}
	cpulist_complement(&cpus->set, cpulist_last(&cpus->set), ret);
	if (!cpulist_relative(cpus->entry->value))
		return true;
	/* "8-N" leaves 0-7 in every machine, "N" leaves something else in each. */
	if (cpulist_resolve(cpus->entry->value, CPULIST_MAX / 2, &fewer) < 0)
		return false;
	cpulist_complement(&fewer, cpulist_last(&fewer), &rest);
	return CPU_EQUAL(&rest, ret);
}

static int derive_irqaffinity(struct policy *policy, const struct list *cpus)
{
	const struct profile_entry *entry = cpus->entry;
	_cleanup_free_ char *text = NULL;
	cpu_set_t rest;

	if (!complement(policy, cpus, &rest)) {
		remark(policy->remarks,
		       "%s:%u: which CPUs `%s = %s` leaves to the host depends on the machine: "
		       "irqaffinity= is left out; give [kernel] irqaffinity",
		       entry->file, entry->line, entry->key, entry->value);
		return 0;
	}
	if (!CPU_COUNT(&rest)) {
		remark(policy->remarks,
		       "%s:%u: no CPU below the isolated ones is left to the host: irqaffinity= is "
		       "left out; give [kernel] irqaffinity",
		       entry->file, entry->line);
		return 0;
	}
	text = cpulist_format(&rest);
	if (!text)
		return policy_oom(policy->diag);
	if (!policy->host->cpus && !cpulist_relative(entry->value))
		remark(policy->remarks,
		       "%s:%u: how many CPUs the machine has is not known here: irqaffinity=%s has "
		       "only those below the last isolated one; if there are more, give [kernel] "
		       "irqaffinity",
		       entry->file, entry->line, text);
	return policy_add(policy, "cpus", entry, "irqaffinity=%s", text);
}

static int add_irqaffinity(struct policy *policy, const struct list *irq, const struct list *cpus,
			   const cpu_set_t *isolated)
{
	_cleanup_free_ char *text = NULL;
	cpu_set_t both;

	if (irq->none)
		return 0;
	if (!irq->entry)
		return cpus->entry ? derive_irqaffinity(policy, cpus) : 0;
	if (!CPU_COUNT(&irq->set))
		return diag_set(policy->diag, -EBADMSG, irq->entry->file, irq->entry->line,
				"`irqaffinity = %.100s` names no CPU of this machine",
				irq->entry->value);
	CPU_AND(&both, &irq->set, isolated);
	if (CPU_COUNT(&both))
		remark(policy->remarks,
		       "%s:%u: `irqaffinity = %s` sends interrupts to isolated CPUs (%s)",
		       irq->entry->file, irq->entry->line, irq->entry->value, shown(&both, &text));
	return policy_add(policy, "irqaffinity", irq->entry, "irqaffinity=%s", irq->entry->value);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void look_at_both(struct policy *policy, const struct list *isolcpus,
			 const struct list *cpus)
{
	const char *older = NULL;

	if (!isolcpus->entry || !cpus->entry || CPU_EQUAL(&isolcpus->set, &cpus->set))
		return;
	remark(policy->remarks,
	       "%s:%u: `isolcpus = %s` is not what [cpus] isolates (%s), which nohz_full= and "
	       "rcu_nocbs= follow",
	       isolcpus->entry->file, isolcpus->entry->line, isolcpus->entry->value,
	       cpus->entry->value);
	if (!host_kernels_from(policy->host, 5, 18, &older))
		remark(policy->remarks,
		       "Linux %s takes one CPU list for both isolcpus= and nohz_full= and ignores "
		       "the second where they differ; 5.18 and newer take two",
		       older);
}

int policy_cpus(struct policy *policy)
{
	struct list cpus = {.entry = NULL}, isolcpus = {.entry = NULL}, irq = {.entry = NULL};
	const struct list *isolated_by;
	cpu_set_t isolated;
	int r;

	r = take_list(policy, profile_get(policy->profile, "cpus", "", "isolate"), &cpus);
	if (r == 0)
		r = take_list(policy, policy_kernel_key(policy, "isolcpus"), &isolcpus);
	if (r == 0)
		r = take_list(policy, policy_kernel_key(policy, "irqaffinity"), &irq);
	if (r == 0)
		r = check_isolated(policy, &cpus);
	if (r == 0)
		r = check_isolated(policy, &isolcpus);
	if (r < 0)
		return r;
	look_at_cores(policy, &cpus);
	if (!cpus.entry || !CPU_EQUAL(&isolcpus.set, &cpus.set))
		look_at_cores(policy, &isolcpus);
	look_at_both(policy, &isolcpus, &cpus);

	isolated_by = isolcpus.entry || isolcpus.none ? &isolcpus : &cpus;
	if (isolated_by->entry)
		r = policy_add(policy, isolated_by == &cpus ? "cpus" : "isolcpus",
			       isolated_by->entry, "isolcpus=%s", isolated_by->entry->value);
	if (r == 0 && cpus.entry)
		r = policy_add(policy, "cpus", cpus.entry, "nohz_full=%s", cpus.entry->value);
	if (r == 0 && cpus.entry)
		r = policy_add(policy, "cpus", cpus.entry, "rcu_nocbs=%s", cpus.entry->value);
	if (r < 0)
		return r;
	CPU_OR(&isolated, &isolcpus.set, &cpus.set);
	return add_irqaffinity(policy, &irq, &cpus, &isolated);
}
