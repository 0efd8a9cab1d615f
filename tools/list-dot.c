// SPDX-License-Identifier: GPL-2.0-or-later
/* The machine as a picture for Graphviz: groups are boxes, functions are nodes, bridges have edges. */
#include <string.h>

#include "tools/list.h"

#define LABEL_STR 512

/* In a quoted string of Graphviz a quote and a backslash are escaped. */
static void print_quoted(char *text)
{
	text_clean(text);
	putchar('"');
	for (const char *c = text; *c; c++) {
		if (*c == '"' || *c == '\\')
			putchar('\\');
		putchar(*c);
	}
	putchar('"');
}

static void print_node(const struct list *list, const struct list_device *device,
		       const char *indent)
{
	const char *obstacle = list_obstacle(list, device);
	char address[PCI_ADDR_STR], state[LIST_STATE_STR], label[LABEL_STR];

	pci_addr_format(&device->dev->addr, address);
	printf("%s\"%s\" [label=", indent, address);
	snprintf(label, sizeof(label), "%s", address);
	print_quoted(label);
	/* A line of the label each; \n is Graphviz's own escape. */
	snprintf(label, sizeof(label), "%s", *device->name ? device->name : device->class_name);
	if (*label) {
		printf(" + \"\\n\" + ");
		print_quoted(label);
	}
	snprintf(label, sizeof(label), "%s", device->dev->driver);
	if (*label) {
		printf(" + \"\\n\" + ");
		print_quoted(label);
	}
	list_state(device, state);
	if (*state) {
		printf(" + \"\\n\" + ");
		print_quoted(state);
	} else if (*obstacle) {
		printf(" + \"\\n%s\"", obstacle);
	}
	printf("%s%s%s];\n", device->claimed ? ", style=filled, fillcolor=palegreen" : "",
	       device->boot_display ? ", penwidth=3" : "",
	       *obstacle && !device->claimed ? ", color=red" : "");
}

/* The first function of the same group, which stands for it; itself for one without. */
static const struct list_device *first_of_group(const struct list *list,
						const struct list_device *device)
{
	for (size_t i = 0; i < list->count; i++)
		if (list_same_group(list, &list->devices[i], device))
			return &list->devices[i];
	return device;
}

static void print_group(const struct list *list, const struct list_device *first)
{
	char address[PCI_ADDR_STR];

	if (!list_same_group(list, first, first)) {
		print_node(list, first, "\t");
		return;
	}
	pci_addr_format(&first->dev->addr, address);
	printf("\tsubgraph \"cluster %s\" {\n", address);
	if (list->has_groups)
		printf("\t\tlabel=\"group %d\";\n", first->dev->group);
	else
		printf("\t\tlabel=\"predicted group\"; style=dashed;\n");
	for (size_t i = 0; i < list->count; i++)
		if (list_same_group(list, first, &list->devices[i]))
			print_node(list, &list->devices[i], "\t\t");
	printf("\t}\n");
}

int list_print_dot(const struct list *list)
{
	char address[PCI_ADDR_STR], above[PCI_ADDR_STR];

	printf("digraph pci {\n\trankdir=LR;\n\tnode [shape=box];\n");
	for (size_t i = 0; i < list->count; i++)
		if (first_of_group(list, &list->devices[i]) == &list->devices[i])
			print_group(list, &list->devices[i]);
	for (size_t i = 0; i < list->count; i++) {
		const struct pci_dev *dev = list->devices[i].dev;

		if (!dev->path.hops || !pci_find(&list->inv, &dev->parent))
			continue;
		pci_addr_format(&dev->addr, address);
		pci_addr_format(&dev->parent, above);
		printf("\t\"%s\" -> \"%s\";\n", above, address);
	}
	printf("}\n");
	return ferror(stdout) ? -EIO : 0;
}
