/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Captured machines: readable text, expanded into a directory that `--root` and root_open() take
 * for a machine. What is derived follows Documentation/ABI/testing/sysfs-bus-pci, sysfs-bus-usb,
 * sysfs-kernel-iommu_groups and what drivers/pci/pci-sysfs.c prints.
 *
 * Lines of a tree file; `#` starts a comment line:
 *
 *   pci ADDRESS id=VVVV:DDDD class=CCCCCC [parent=ADDRESS] [sub=VVVV:DDDD] [rev=HH] [group=N]
 *       [driver=NAME] [boot_vga=0|1] [numa=N] [mf=1] [vf_of=ADDRESS] [behind=ADDRESS]
 *       [pcie=none | pcie=TYPE[,slot][,xLANES] [acs=CAP/CONTROL]]
 *	a function; a parent comes before its children. One line, like all of these. mf: one of several,
 *	in its header. vf_of: a virtual function of that one. behind: on a root bus whose whole domain is
 *	behind that function (VMD). Without pcie= there are the 64 bytes of
 *	configuration space that everybody may read; else all of it, with a PCI Express capability of that
 *	type (end, legacy, root, up, down, pci-bridge, pcie-bridge, rc-end, rc-ec) and one for ACS
 *   config ADDRESS OFFSET BYTES		bytes of its configuration space, all numbers in hex
 *   driver NAME				a PCI driver that is loaded and has no device
 *   disk NAME at=ADDRESS dev=MAJOR:MINOR sectors=N [below=PATH] [model="TEXT"]
 *	a disk; below: the directories between its function and it
 *   part NAME disk=NAME dev=MAJOR:MINOR sectors=N
 *   mapped NAME on=DISK dev=MAJOR:MINOR sectors=N [mapper=NAME]
 *	what dm or md makes of a disk or partition
 *   core ID threads=LIST [l2=LIST] [l3=LIST] [package=N] [node=N] [kind=core|atom]
 *	a core, its threads, and the CPUs that share a cache with it; kind: of Intel's two
 *   node ID memory=KIB [distance="10 21"]
 *	a NUMA node; without one there is no NUMA
 *   usb NAME at=ADDRESS id=VVVV:DDDD [class=CC] [manufacturer="TEXT"] [product="TEXT"]
 *   PATH = VALUE	a file of VALUE and a newline
 *   PATH -> TARGET	a symbolic link
 *   PATH/		a directory
 *   PATH << WORD	a file of the lines up to WORD alone on its line
 *
 * In "TEXT" and VALUE: \xHH is that byte, \\ a backslash.
 */
#ifndef TESTS_MACHINE_H
#define TESTS_MACHINE_H

/*
 * Expands tree_file into dir, which is made where it is missing; no file in it is replaced.
 * 0; or a negative errno after a line on stderr that names file and line: -EINVAL for what is not
 * understood, else what the file system said.
 */
int machine_expand(const char *tree_file, const char *dir) __attribute__((warn_unused_result));

/*
 * Writes a host with a boot display at 0000:00:01.0 and cards (1 to 4096) of two functions, display
 * and audio, each behind a root port of its own and in a group of its own: 128 cards a PCI domain,
 * card n at bus n % 128 + 1 of domain n / 128. Errors as above.
 */
int machine_synthetic(unsigned cards, const char *dir) __attribute__((warn_unused_result));

#endif
