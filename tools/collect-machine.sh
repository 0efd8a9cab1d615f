#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# collect-machine.sh [ROOT]: describes this machine on stdout, as text that tests/expand-machine makes a captured
# machine of (the format is in tests/machine.h). Reads sysfs and procfs, writes nothing, needs no rights; but only
# root can read what IOMMU groups are predicted from, and the text says so where that is missing.
#
# What is printed is what is named here, attribute by attribute: no serial number, MAC address, UUID, label, host or
# user name is among them. Of configuration space there is what the ports, links and Access Control Services are, and
# no more is read. Mount points, volume names, USB names and unknown kernel parameters are left out or
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
[ -d sys/bus/pci/devices ] || [ -d sys/devices/system/cpu ] || {
	echo "collect-machine.sh: $PWD has neither sys/bus/pci/devices nor sys/devices/system/cpu:" \
		"not a running machine, nor a captured one" >&2
	exit 4
}

# attr FILE: its first line, or nothing. Not by `read`, which may ask for single bytes, of which sysfs gives none
# of a list of CPUs.
attr() {
	[ ! -r "$1" ] || sed -n 1p "$1" 2>/dev/null || true
}

# hex FILE: "0x1002" as 1002.
hex() {
	[ ! -r "$1" ] || sed -n '1s/^0x//p' "$1" 2>/dev/null || true
}

name_of() {
	[ ! -L "$1" ] || readlink "$1" | sed 's|.*/||'
}

# where FILE: the directory that a link leads to, below the root.
where() {
	target=$(readlink -f "$1")
	target=${target#"$here"}
	echo "${target#/}"
}
here=$(pwd -P)

address='[0-9a-f]\{4,8\}:[0-9a-f][0-9a-f]:[0-9a-f][0-9a-f]\.[0-7]'

# --- PCI ------------------------------------------------------------------------------------------

# dword FILE OFFSET: sets value to that register of configuration space; fails where it cannot be read. To read one
# can change it or hang its device, so it is only this one: dd seeks, od would read its way there.
dword() {
	# shellcheck disable=SC2046 # four bytes
	set -- $(dd if="$1" bs=4 skip=$(($2 / 4)) count=1 2>/dev/null | od -An -tx1)
	[ $# = 4 ] && value=$((0x$4$3$2$1))
}

all_ones=$((0xffffffff))

# find_express FILE: sets at to the offset of the PCI Express capability, 0 for none; fails where that is not known.
find_express() {
	at=0
	dword "$1" 4 || return 1
	[ $((value >> 20 & 1)) = 1 ] || return 0
	dword "$1" 52 || return 1
	next=$value
	count=0
	# No list is longer, unless it is a ring; the same below.
	while [ $count -lt 48 ]; do
		count=$((count + 1))
		next=$((next & 0xfc))
		[ $next -ge 64 ] || return 0
		dword "$1" $next || return 1
		case $((value & 0xff)) in
		255) return 0 ;;
		16)
			at=$next
			return 0
			;;
		esac
		next=$((value >> 8))
	done
}

# find_acs FILE: sets at to the offset of the ACS capability; fails where there is none.
find_acs() {
	at=256
	count=0
	while [ $count -lt 480 ]; do
		count=$((count + 1))
		dword "$1" $at || return 1
		[ "$value" != $all_ones ] || return 1
		[ $((value & 0xffff)) != 13 ] || return 0
		at=$((value >> 20 & 0xffc))
		[ $at -ge 256 ] || return 1
	done
	return 1
}

# express FILE AT: the words after pcie=; nothing for a type that has no word.
express() {
	dword "$1" "$2" || return 0
	flags=$((value >> 16))
	case $((flags >> 4 & 15)) in
	0) printf end ;;
	1) printf legacy ;;
	4) printf root ;;
	5) printf up ;;
	6) printf down ;;
	7) printf pci-bridge ;;
	8) printf pcie-bridge ;;
	9) printf rc-end ;;
	10) printf rc-ec ;;
	*) return 0 ;;
	esac
	[ $((flags & 0x100)) = 0 ] || printf ',slot'
	dword "$1" $(($2 + 12)) || return 0
	width=$((value >> 4 & 63))
	[ $width = 0 ] || [ $width -gt 32 ] || printf ',x%d' $width
}

unread=
newline='
'
# configuration ADDRESS FILE ID CLASS: sets words, for the line of a function, and more, lines to go below it.
configuration() {
	words=
	more=
	dword "$2" 12 || {
		unread=yes
		return 0
	}
	# Switched off.
	[ "$value" != $all_ones ] || return 0
	header=$((value >> 16 & 0xff))
	type=$((header & 0x7f))
	[ $type = $header ] || words=' mf=1'
	at=0
	# A CardBus bridge has its list elsewhere, and is conventional PCI.
	[ $type = 2 ] || find_express "$2" || {
		unread=yes
		return 0
	}
	kind=none
	[ $at = 0 ] || kind=$(express "$2" $at)
	[ -n "$kind" ] || return 0
	# tests/expand-machine goes by the class.
	case $4-$type in
	0604??-1) ;;
	0604??-* | *-[!0]*) more=$(printf 'config %s 0e %02x' "$1" $header) ;;
	esac
	if [ "$kind" != none ] && find_acs "$2"; then
		acs "$@"
	fi
	words=" pcie=$kind$words"
}

# acs ADDRESS FILE ID: adds to words and more what the capability at `at` says.
acs() {
	dword "$2" $((at + 4)) || return 0
	words=$(printf ' acs=%04x/%04x' $((value & 0xffff)) $((value >> 16)))$words
	# Intel's root ports whose registers have 32 bits, as bootcfg/acs-quirks.c has them: there is no word for the second
	# register, which goes where tests/machine-config.c has it.
	case $3-$kind in
	8086:a11?-root* | 8086:a16[789a]-root* | 8086:a29?-root* | 8086:a2e[789a-e]-root* | 8086:9d1[0-9ab]-root*)
		dword "$2" $((at + 8)) || return 0
		more=${more:+$more$newline}$(printf 'config %s 148 %02x%02x%02x%02x' "$1" $((value & 0xff)) \
			$((value >> 8 & 0xff)) $((value >> 16 & 0xff)) $((value >> 24)))
		;;
	esac
}

# function_at DIRECTORY: its name, if it is a function's.
function_at() {
	case ${1##*/} in
	*:*:*.*) [ ! -e "sys/bus/pci/devices/${1##*/}" ] || echo "${1##*/}" ;;
	esac
}

# behind DIRECTORY: the function that its whole domain is behind.
behind() {
	above=${1%/*}
	case ${above##*/} in
	pci*:*) function_at "${above%/*}" ;;
	esac
}

physical() {
	[ ! -L "$1/physfn" ] || function_at "$(readlink "$1/physfn")"
}

seen=' '

# What a line names comes before it, as the format wants it: in a machine whose bus numbers do not grow downwards, too.
pci() {
	case $seen in *" $1 "*) return 0 ;; esac
	seen="$seen$1 "
	set -- "$1" "$(where "sys/bus/pci/devices/$1")"
	for first in $(function_at "${2%/*}") $(behind "$2") $(physical "$2"); do
		pci "$first"
	done
	parent=$(function_at "${2%/*}")
	behind=$(behind "$2")
	physical=$(physical "$2")
	driver=$(name_of "$2/driver")
	group=$(name_of "$2/iommu_group")
	id=$(hex "$2/vendor"):$(hex "$2/device")
	sub=$(hex "$2/subsystem_vendor"):$(hex "$2/subsystem_device")
	class=$(hex "$2/class")
	rev=$(hex "$2/revision")
	numa=$(attr "$2/numa_node")
	vga=$(attr "$2/boot_vga")
	configuration "$1" "$2/config" "$id" "$class"
	printf 'pci %s%s%s id=%s' "$1" "${parent:+ parent=$parent}" "${behind:+ behind=$behind}" "$id"
	[ "$sub" = 0000:0000 ] || [ "$sub" = : ] || printf ' sub=%s' "$sub"
	printf ' class=%s' "$class"
	[ "$rev" = 00 ] || printf '%s' "${rev:+ rev=$rev}"
	printf '%s%s%s%s' "$words" "${group:+ group=$group}" "${driver:+ driver=$driver}" "${vga:+ boot_vga=$vga}"
	[ "$numa" = -1 ] || printf '%s' "${numa:+ numa=$numa}"
	echo "${physical:+ vf_of=$physical}"
	[ -z "$more" ] || echo "$more"
}

echo "# By collect-machine.sh."
for d in sys/bus/pci/devices/*; do
	[ ! -e "$d" ] || pci "$(basename "$d")"
done
[ -z "$unread" ] || echo "# Without most of configuration space: run it as root for what IOMMU groups are predicted from."
for d in sys/bus/pci/devices/*; do
	for link in "$d"/virtfn*; do
		[ ! -L "$link" ] || echo "$(where "$d")/${link##*/} -> $(readlink "$link")"
	done
done
# That firmware describes an IOMMU; not how.
for table in DMAR IVRS; do
	[ ! -e sys/firmware/acpi/tables/$table ] || echo "sys/firmware/acpi/tables/$table ="
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

cores=
atom=$(attr sys/devices/cpu_atom/cpus)
for cpu in $(printf '%s\n' "$cpus"/cpu[0-9]* | sed 's|.*/cpu||' | sort -n); do
	d=$cpus/cpu$cpu
	[ -e "$d/topology/core_id" ] || continue
	cores=yes
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
# What cores make, where the kernel shows none.
if [ -z "$cores" ]; then
	for list in present online; do
		[ ! -e "$cpus/$list" ] || echo "$cpus/$list = $(attr "$cpus/$list")"
	done
fi

if [ -e proc/cpuinfo ]; then
	echo "proc/cpuinfo << END"
	awk -F'[\t ]*:' '$1 == "" { exit } $1 ~ /^(processor|vendor_id|cpu family|model|model name|flags)$/' proc/cpuinfo
	echo END
fi
if [ -e proc/meminfo ]; then
	echo "proc/meminfo << END"
	sed -nE '/^(MemTotal|Hugepagesize):/p' proc/meminfo
	echo END
fi

# --- what runs, and where the host's own disks are ------------------------------------------------

# Only parameters that are known to say nothing of who the host is.
[ ! -e proc/cmdline ] || echo "proc/cmdline = $(attr proc/cmdline | tr ' ' '\n' | awk '
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

mounts() {
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
	done
}

if [ -e proc/self/mountinfo ]; then
	echo "proc/self/mountinfo << END"
	mounts <proc/self/mountinfo
	echo END
fi
if [ -e proc/swaps ]; then
	echo "proc/swaps << END"
	awk 'NR == 1 { print; next }
		{ line = $0; if ($1 !~ /^\/dev\/(nvme|sd|vd|hd|xvd|mmcblk|dm-|md)[a-z0-9]+$/) { $1 = "/swapfile"; line = $0 } print line }' proc/swaps
	echo END
fi

# --- kernels --------------------------------------------------------------------------------------

release=$(attr proc/sys/kernel/osrelease)
[ -z "$release" ] || echo "proc/sys/kernel/osrelease = $release"
for d in usr/lib/modules/*/modules.dep; do
	[ ! -e "$d" ] || echo "$d ="
done
