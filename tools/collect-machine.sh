#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# collect-machine.sh [ROOT]: describes this machine on stdout, as text that tests/expand-machine makes a captured
# machine of (the format is in tests/machine.h). Reads sysfs and procfs, writes nothing, needs no rights.
#
# What is printed is what is named here, attribute by attribute: no serial number, MAC address, UUID, label, host or
# user name is among them. Mount points, volume names, USB names and unknown kernel parameters are left out or
# replaced. Look at the text all the same before you hand it on.
set -eu
export LC_ALL=C

case ${1-} in
-*)
	echo "usage: collect-machine.sh [ROOT]" >&2
	exit 2
	;;
esac
cd "${1:-/}"
[ -d sys/bus/pci/devices ] || {
	echo "collect-machine.sh: $PWD has no sys/bus/pci/devices: not a running machine, nor a captured one" >&2
	exit 4
}

# attr FILE: its first line, or nothing. Not by `read`, which may ask for single bytes, of which sysfs gives none
# of a list of CPUs.
attr() {
	[ ! -r "$1" ] || sed -n 1p "$1" 2>/dev/null || true
}

# hex FILE: "0x1002" as 1002.
hex() {
	attr "$1" | sed 's/^0x//'
}

name_of() {
	[ ! -L "$1" ] || basename "$(readlink "$1")"
}

# where FILE: the directory that a link leads to, below the root.
where() {
	readlink -f "$1" | sed "s|^$(pwd -P)||; s|^/*||"
}

address='[0-9a-f]\{4,8\}:[0-9a-f][0-9a-f]:[0-9a-f][0-9a-f]\.[0-7]'

# --- PCI ------------------------------------------------------------------------------------------

seen=' '

# Parents first, as the format wants them: in a machine whose bus numbers do not grow downwards, too.
pci() {
	case $seen in *" $1 "*) return 0 ;; esac
	seen="$seen$1 "
	d=$(where "sys/bus/pci/devices/$1")
	parent=$(basename "$(dirname "$d")")
	if expr "$parent" : "$address\$" >/dev/null; then
		[ ! -e "sys/bus/pci/devices/$parent" ] || pci "$parent"
	else
		parent=
	fi
	set -- "$1" "$(where "sys/bus/pci/devices/$1")"
	parent=$(basename "$(dirname "$2")")
	expr "$parent" : "$address\$" >/dev/null || parent=
	driver=$(name_of "$2/driver")
	group=$(name_of "$2/iommu_group")
	sub=$(hex "$2/subsystem_vendor"):$(hex "$2/subsystem_device")
	rev=$(hex "$2/revision")
	numa=$(attr "$2/numa_node")
	vga=$(attr "$2/boot_vga")
	printf 'pci %s%s id=%s:%s' "$1" "${parent:+ parent=$parent}" "$(hex "$2/vendor")" "$(hex "$2/device")"
	[ "$sub" = 0000:0000 ] || [ "$sub" = : ] || printf ' sub=%s' "$sub"
	printf ' class=%s' "$(hex "$2/class")"
	[ "$rev" = 00 ] || printf '%s' "${rev:+ rev=$rev}"
	printf '%s%s%s' "${group:+ group=$group}" "${driver:+ driver=$driver}" "${vga:+ boot_vga=$vga}"
	[ "$numa" = -1 ] || printf '%s' "${numa:+ numa=$numa}"
	echo
}

echo "# By collect-machine.sh."
for d in sys/bus/pci/devices/*; do
	[ ! -e "$d" ] || pci "$(basename "$d")"
done
for d in sys/bus/pci/devices/*; do
	for link in "$d"/physfn "$d"/virtfn*; do
		[ ! -L "$link" ] || echo "$(where "$d")/$(basename "$link") -> $(readlink "$link")"
	done
done
for d in sys/bus/pci/drivers/*; do
	[ -d "$d" ] || continue
	bound=
	for link in "$d"/*:*; do
		[ ! -L "$link" ] || bound=yes
	done
	[ -n "$bound" ] || echo "driver $(basename "$d")"
done

# --- disks ----------------------------------------------------------------------------------------

# A controller may be asked for by several disks; a model may end in blanks.
disk() {
	d=$(where "$1")
	at=$(echo "$d" | sed -n "s|^.*/\\($address\\)/.*|\\1|p")
	[ -n "$at" ] || return 0
	below=$(echo "$d" | sed "s|^.*/$at/||; s|/block/[^/]*\$||; s|/*$2\$||")
	model=$(attr "$d/device/model" | sed 's/ *$//; s/["\\]//g')
	printf 'disk %s at=%s%s dev=%s sectors=%s%s\n' "$2" "$at" "${below:+ below=$below}" "$(attr "$d/dev")" \
		"$(attr "$d/size")" "${model:+ model=\"$model\"}"
	for part in "$d/$2"*; do
		[ ! -e "$part/partition" ] ||
			echo "part $(basename "$part") disk=$2 dev=$(attr "$part/dev") sectors=$(attr "$part/size")"
	done
}

for d in sys/block/*; do
	[ ! -e "$d" ] || disk "$d" "$(basename "$d")"
done
# One line has room for one disk: of a mirror the first is named. The volume's own name is not.
for d in sys/block/*; do
	[ -d "$d/slaves" ] || continue
	for slave in "$d"/slaves/*; do
		[ -e "$slave" ] || continue
		name=$(basename "$d")
		mapper=
		[ ! -e "$d/dm/name" ] || mapper=" mapper=$name"
		echo "mapped $name on=$(basename "$slave") dev=$(attr "$d/dev") sectors=$(attr "$d/size")$mapper"
		break
	done
done

# --- USB ------------------------------------------------------------------------------------------

for d in sys/bus/usb/devices/*-*; do
	[ -e "$d/idVendor" ] || continue
	at=$(where "$d" | sed -n "s|^.*/\\($address\\)/.*|\\1|p")
	class=$(attr "$d/bDeviceClass")
	[ "$class" != 00 ] || class=
	[ -z "$at" ] || echo "usb $(basename "$d") at=$at id=$(attr "$d/idVendor"):$(attr "$d/idProduct")${class:+ class=$class}"
done

# --- processors -----------------------------------------------------------------------------------

cpus=sys/devices/system/cpu
nodes=sys/devices/system/node

cache() {
	for index in "$1"/cache/index*; do
		[ "$(attr "$index/level")" != "$2" ] || attr "$index/shared_cpu_list"
	done
}

# list_has LIST CPU: whether it is in a list such as 0-3,8.
list_has() {
	echo "$1" | tr , '\n' | awk -F- -v cpu="$2" '{ last = NF > 1 ? $2 : $1 } cpu >= $1 + 0 && cpu <= last + 0 { found = 1 }
		END { exit !found }'
}

atom=$(attr sys/devices/cpu_atom/cpus)
for cpu in $(printf '%s\n' "$cpus"/cpu[0-9]* | sed 's|.*/cpu||' | sort -n); do
	d=$cpus/cpu$cpu
	[ -e "$d/topology/core_id" ] || continue
	threads=$(attr "$d/topology/thread_siblings_list")
	[ "${threads%%[,-]*}" = "$cpu" ] || continue
	l2=$(cache "$d" 2)
	l3=$(cache "$d" 3)
	package=$(attr "$d/topology/physical_package_id")
	node=$(basename "$(echo "$d"/node[0-9]*)" | sed 's/^node//; s/^\[.*//')
	printf 'core %s threads=%s%s%s' "$(attr "$d/topology/core_id")" "$threads" "${l2:+ l2=$l2}" "${l3:+ l3=$l3}"
	[ "$package" = 0 ] || printf ' package=%s' "$package"
	[ "$node" = 0 ] || printf '%s' "${node:+ node=$node}"
	if [ -n "$atom" ]; then
		if list_has "$atom" "$cpu"; then printf ' kind=atom'; else printf ' kind=core'; fi
	fi
	echo
done
for d in "$nodes"/node[0-9]*; do
	[ -e "$d/meminfo" ] || continue
	distance=$(attr "$d/distance")
	echo "node ${d##*/node} memory=$(awk '$3 == "MemTotal:" { print $4 }' "$d/meminfo")${distance:+ distance=\"$distance\"}"
done
[ "$(attr $cpus/possible)" = "$(attr $cpus/present)" ] || echo "$cpus/possible = $(attr $cpus/possible)"

echo "proc/cpuinfo << END"
awk -F'[\t ]*:' '$1 == "" { exit } $1 ~ /^(processor|vendor_id|cpu family|model|model name|flags)$/' proc/cpuinfo
echo END
echo "proc/meminfo << END"
grep -E '^(MemTotal|Hugepagesize):' proc/meminfo
echo END

# --- what runs, and where the host's own disks are ------------------------------------------------

# Only parameters that are known to say nothing of who the host is.
echo "proc/cmdline = $(attr proc/cmdline | tr ' ' '\n' | awk '
	/^root=\/dev\/(nvme|sd|vd|hd|xvd|mmcblk)[a-z0-9]+$/ { print; next }
	/^root=/ { print "root=UUID=0"; next }
	/^(ro|rw|quiet|splash|single|rescue|emergency|nosmt|1|s|S)$/ { print; next }
	/^(iommu|intel_iommu|amd_iommu|isolcpus|nohz_full|rcu_nocbs|irqaffinity|hugepages|hugepagesz|default_hugepagesz)=/ { print; next }
	/^(pcie_acs_override|vfio-pci\.ids|pci-stub\.ids|vfio_bootcfg\.enable|rd\.vfio|rd\.hostonly|console|pci|nosmt|video)=/ { print }
' | tr '\n' ' ' | sed 's/ $//')"

# device MAJOR:MINOR SOURCE: a name that is no volume's.
device() {
	if [ -L "sys/dev/block/$1" ]; then
		echo "/dev/$(basename "$(readlink "sys/dev/block/$1")")"
	else
		echo "$2" | sed -E '/^\/dev\/(nvme|sd|vd|hd|xvd|mmcblk|dm-|md)[a-z0-9]+$/!s/.*/none/'
	fi
}

options() {
	echo "$1" | tr , '\n' | grep -xE 'rw|ro|relatime|noatime|nosuid|nodev|noexec|ssd' | tr '\n' , | sed 's/,$//'
}

echo "proc/self/mountinfo << END"
count=0
while read -r id parent dev _ point opts rest; do
	optional=${rest%%- *}
	rest=${rest#*- }
	type=${rest%% *}
	rest=${rest#* }
	source=${rest%% *}
	case $source in /dev/*) ;; *) continue ;; esac
	case $point in
	/ | /boot | /boot/efi | /efi | /home | /opt | /srv | /tmp | /usr | /var) ;;
	*)
		count=$((count + 1))
		point=/mnt/$count
		;;
	esac
	echo "$id $parent $dev / $point $(options "$opts") $(echo "$optional" | grep -oE '(shared|master):[0-9]+ ' | tr -d '\n')- $type $(device "$dev" "$source") $(options "${rest#* }")"
done <proc/self/mountinfo
echo END
echo "proc/swaps << END"
awk 'NR == 1 { print; next }
	{ line = $0; if ($1 !~ /^\/dev\/(nvme|sd|vd|hd|xvd|mmcblk|dm-|md)[a-z0-9]+$/) { $1 = "/swapfile"; line = $0 } print line }' proc/swaps
echo END

# --- kernels --------------------------------------------------------------------------------------

release=$(attr proc/sys/kernel/osrelease)
[ -z "$release" ] || echo "proc/sys/kernel/osrelease = $release"
for d in usr/lib/modules/*/modules.dep; do
	[ ! -e "$d" ] || echo "$d ="
done
