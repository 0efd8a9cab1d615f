// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <string.h>

#include "bootcfg/policy-parts.h"

int policy_oom(struct diag *diag)
{
	return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
}

/* Appends to a list of wants; text is taken over. */
static int append(struct want **items, size_t *count, const char *item, const char *file,
		  unsigned line, char *text, struct diag *diag)
{
	_cleanup_free_ char *owned = text;
	struct want want = {.item = item, .line = line}, *more;

	more = owned ? reallocarray(*items, *count + 1, sizeof(*more)) : NULL;
	if (!more)
		return policy_oom(diag);
	*items = more;
	want.file = strdup(file);
	if (!want.file)
		return policy_oom(diag);
	want.text = steal(&owned);
	more[(*count)++] = want;
	return 0;
}

int policy_add(struct policy *policy, const char *item, const struct profile_entry *entry,
	       const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&text, format, args);
	va_end(args);
	return append(&policy->wants.items, &policy->wants.count, item, entry->file, entry->line,
		      r < 0 ? NULL : text, policy->diag);
}

const struct profile_entry *policy_kernel_key(const struct policy *policy, const char *key)
{
	return profile_get(policy->profile, "kernel", "", key);
}

int policy_may_force(struct policy *policy, const struct profile_entry *entry)
{
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text, "%s %s = %s", entry->section, entry->key, entry->value) < 0) {
		text = NULL;
		return policy_oom(policy->diag);
	}
	if (!(policy->flags & POLICY_FORCE) &&
	    !(policy->accepted && owned_find(policy->accepted, text)))
		return 0;
	if (!owned_find(&policy->wants.forced, text) &&
	    owned_add(&policy->wants.forced, text, NULL) < 0)
		return policy_oom(policy->diag);
	return 1;
}

/* --- the IOMMU -------------------------------------------------------------------------------- */

static int forbid(struct policy *policy, const struct profile_entry *cause, const char *unit)
{
	return append(&policy->wants.forbidden, &policy->wants.forbidden_count, "iommu",
		      cause->file, cause->line, strdup(unit), policy->diag);
}

static int add_iommu(struct policy *policy)
{
	const struct profile_entry *entry = policy_kernel_key(policy, "iommu");
	const struct profile *profile = policy->profile;
	enum cpu_vendor vendor = policy->host->vendor;
	struct profile_entry implied = {.value = "on"};
	bool is_implied = !entry;
	int r = 0;

	/* With a [device], `off` is no profile: profile_load() refuses it. */
	if (entry ? !strcmp(entry->value, "off") : !profile->device_count)
		return 0;
	if (!entry) {
		/* vfio-pci refuses a card without an IOMMU group, so a card asks for one. */
		implied.file = profile->devices[0].file;
		implied.line = profile->devices[0].line;
		entry = &implied;
	}
	/* AMD's is on by default. Intel's depends on how the kernel was built. */
	if (vendor != CPU_AMD && !(is_implied && policy_args_have(policy, "intel_iommu", "on"))) {
		r = policy_add(policy, "iommu", entry, "intel_iommu=on");
		if (is_implied)
			remark(policy->remarks,
			       "intel_iommu=on is wanted, since without an IOMMU no card can be "
			       "claimed; [kernel] iommu = pt or on says it in the profile");
	}
	if (r == 0 && !strcmp(entry->value, "pt"))
		r = policy_add(policy, "iommu", entry, "iommu=pt");
	if (r == 0)
		r = forbid(policy, entry, "iommu=off");
	if (r == 0 && vendor != CPU_AMD)
		r = forbid(policy, entry, "intel_iommu=off");
	if (r == 0 && vendor != CPU_INTEL)
		r = forbid(policy, entry, "amd_iommu=off");
	return r;
}

/* --- the ACS override ------------------------------------------------------------------------- */

/* A kernel without the patch hands the parameter to init, and groups stay as they are. */
static void look_for_patch(struct policy *policy)
{
	const struct host *host = policy->host;

	for (size_t i = 0; i < host->kernel_count; i++) {
		const char *version = host->kernels[i].version;

		switch (host_acs(host, &host->kernels[i])) {
		case ACS_YES:
			break;
		case ACS_NO:
			remark(policy->remarks,
			       "pcie_acs_override= is inert under Linux %s, which has no ACS "
			       "override patch",
			       version);
			break;
		case ACS_UNKNOWN:
			remark(policy->remarks,
			       "whether Linux %s has the ACS override patch cannot be told: "
			       "without it pcie_acs_override= is inert",
			       version);
			break;
		}
	}
	if (!host->kernel_count)
		remark(policy->remarks,
		       "pcie_acs_override= is inert in a kernel without the ACS override patch; "
		       "no kernel is installed here to look at");
}

static int add_acs(struct policy *policy)
{
	const struct profile_entry *entry = policy_kernel_key(policy, "acs-override");

	if (!entry)
		return 0;
	look_for_patch(policy);
	return policy_add(policy, "acs-override", entry, "pcie_acs_override=%s", entry->value);
}

/* --- all of it -------------------------------------------------------------------------------- */

/*
 * By name: whatever its value. That amd_iommu=on is no option, and iommu=1 neither, holds without a
 * card too; the others tell vfio-pci which cards to take, which [device] sections do.
 */
static const char *const superseded[] = {
	"amd_iommu=on",
	"iommu=1",
	"vfio-pci.ids",
	"pci-stub.ids",
	"rd.driver.pre=vfio-pci",
	"rd.driver.pre=vfio_pci",
	"rd.driver.pre=vfio",
	"rd.driver.pre=vfio_iommu_type1",
	"rd.driver.pre=vfio_virqfd",
	"rd.driver.pre=vfio_pci_core",
	"rd.driver.pre=pci-stub",
	NULL,
};

static const char *const superseded_without_cards[] = {"amd_iommu=on", "iommu=1", NULL};

int policy_wants(const struct profile *profile, const struct host *host, unsigned flags,
		 const struct owned_list *accepted, struct wants *ret, struct remarks *remarks,
		 struct diag *diag)
{
	struct policy policy = {.profile = profile,
				.host = host,
				.flags = flags,
				.accepted = accepted,
				.remarks = remarks,
				.diag = diag};
	int r = add_iommu(&policy);

	if (r == 0)
		r = policy_cpus(&policy);
	if (r == 0)
		r = policy_hugepages(&policy);
	if (r == 0)
		r = policy_memory(&policy);
	if (r == 0)
		r = add_acs(&policy);
	if (r == 0)
		r = policy_args(&policy);
	if (r < 0) {
		wants_free(&policy.wants);
		return r;
	}
	policy.wants.superseded = profile->device_count ? superseded : superseded_without_cards;
	*ret = policy.wants;
	return 0;
}
