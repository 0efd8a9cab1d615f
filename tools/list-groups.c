// SPDX-License-Identifier: GPL-2.0-or-later
/* Predicted IOMMU groups beside the kernel's own. */
#include <string.h>

#include "tools/list.h"

int list_view_parse(const char *text, struct acs_view *ret)
{
	struct acs_view view = {.iommu_on = true};
	int r = 0;

	if (!strcmp(text, "now"))
		view.iommu_on = false;
	else if (strcmp(text, "on"))
		r = acs_override_parse(text, &view.override);
	if (r >= 0)
		*ret = view;
	return r;
}

static size_t index_of(const struct list *list, const struct list_device *device)
{
	return (size_t)(device - list->devices);
}

char *list_predicted(const struct list *list, const struct list_device *device,
		     char buf[static PCI_ADDR_STR])
{
	const struct list_prediction *p = &list->prediction;
	size_t group = p->members ? p->members[index_of(list, device)].group : ACS_NONE;

	buf[0] = '\0';
	if (group != ACS_NONE)
		pci_addr_format(&list->devices[group].dev->addr, buf);
	return buf;
}

bool list_is_explained(const struct list *list, const struct list_device *device)
{
	const struct acs_member *members = list->prediction.members;
	size_t index = index_of(list, device);

	if (!members || device->dev->group < 0 || members[index].group == ACS_NONE)
		return true;
	for (size_t i = 0; i < list->count; i++) {
		const struct list_device *other = &list->devices[i];

		if (other->dev->group >= 0 && members[i].group != ACS_NONE &&
		    (other->dev->group == device->dev->group) !=
			    (members[i].group == members[index].group))
			return false;
	}
	return true;
}

const char *list_unread(const struct list *list, char buf[static PCI_ADDR_STR])
{
	size_t index = acs_unknown(&list->prediction.machine);

	buf[0] = '\0';
	return index == ACS_NONE ? buf : pci_addr_format(&list->devices[index].dev->addr, buf);
}

static size_t count_unexplained(const struct list *list)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += !list_is_explained(list, &list->devices[i]);
	return count;
}

/* What pcie_acs_override= says on the running kernel's command line; false for nothing. */
static bool running_override(const struct root *root, struct acs_override *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	return root_read_file(root, "proc/cmdline", &text, &size, NULL) >= 0 &&
	       acs_override_find(text, size, ret);
}

static int predict(struct list *list, const struct acs_view *view)
{
	struct list_prediction *p = &list->prediction;

	p->view = *view;
	return acs_groups(&p->machine, view, p->members);
}

/* Whether a kernel obeys its override, its groups tell. */
static int predict_running(const struct root *root, struct list *list)
{
	const struct acs_view plain = {.iommu_on = false};
	struct acs_view overridden = plain;
	size_t unexplained;
	int r = predict(list, &plain);

	if (r < 0 || !running_override(root, &overridden.override))
		return r;
	unexplained = count_unexplained(list);
	if (!unexplained)
		return 0;
	r = predict(list, &overridden);
	if (r >= 0 && count_unexplained(list) >= unexplained)
		r = predict(list, &plain);
	return r;
}

int list_predict(const struct root *root, struct list *list, const struct acs_view *view)
{
	const struct acs_view on = {.iommu_on = true};
	struct list_prediction *p = &list->prediction;
	int r = acs_load(root, &list->inv, &p->machine);

	if (r < 0)
		return r;
	p->asked = view;
	if (acs_unknown(&p->machine) != ACS_NONE)
		return 0;
	p->members = calloc(list->count + 1, sizeof(*p->members));
	if (!p->members)
		return -ENOMEM;
	if (view)
		return predict(list, view);
	return list->has_groups ? predict_running(root, list) : predict(list, &on);
}

bool list_same_group(const struct list *list, const struct list_device *a,
		     const struct list_device *b)
{
	const struct acs_member *members = list->prediction.members;
	size_t group;

	if (list->has_groups)
		return a->dev->group >= 0 && a->dev->group == b->dev->group;
	group = members ? members[index_of(list, a)].group : ACS_NONE;
	return group != ACS_NONE && group == members[index_of(list, b)].group;
}

bool list_is_harmless(const struct list *list, const struct list_device *device)
{
	const struct acs_machine *machine = &list->prediction.machine;
	const char *driver = device->dev->driver;

	return !*driver || !strcmp(driver, "pci-stub") || !strcmp(driver, "vfio-pci") ||
	       (machine->functions && machine->functions[index_of(list, device)].config.bridge);
}

void list_print_prediction(const struct list *list)
{
	const struct list_prediction *p = &list->prediction;
	char override[ACS_OVERRIDE_STR];

	if (!list->count || !p->members || (list->has_groups && !p->asked))
		return;
	acs_override_format(&p->view.override, override);
	printf("\nPREDICTED is no measurement: it is told from configuration space by the kernel's "
	       "rules, %s%s%s. Functions with the same entry would be one group.\n",
	       p->view.iommu_on ? "as if the IOMMU were on" : "with ACS as it is set up now",
	       *override ? ", with pcie_acs_override=" : "", override);
}
