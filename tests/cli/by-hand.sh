#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What people and other programs do to boot sources between one run of vfio-bootcfg and the next. Nothing of theirs
# may be lost, nothing of ours may stay.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"
program=vfio-bootcfg

entries=boot/loader/entries

# image ENTRY...: systemd-boot with these entries, and what kernel-install makes new ones from.
image() {
	machine=$(mktemp -d "$scratch/image.XXXXXX")
	echo MZ | put boot/EFI/systemd/systemd-bootx64.efi
	echo 'root=UUID=6f7b ro quiet' | put etc/kernel/cmdline
	for name in "$@"; do
		entry "$name" 'root=UUID=6f7b ro quiet'
	done
}

entry() {
	printf 'title Linux\nlinux /%s\ninitrd /%s.img\noptions %s\n' "$1" "$1" "$2" | put "$entries/$1.conf"
}

# says FILE TEXT: it has this line.
says() {
	grep -qxF -e "$2" "$machine/$1" || wrong "$1 has no line '$2': $(cat "$machine/$1")"
}

# edit FILE SED
edit() {
	cp "$machine/$1" "$scratch/edited"
	sed -i "$2" "$machine/$1"
	! cmp -s "$machine/$1" "$scratch/edited" || wrong "the edit '$2' changes nothing in $1"
}

it "a parameter of the user's beside ours stays when ours go, and one that is taken out is not put back"
image a
on set --iommu pt
exits 0
edit "$entries/a.conf" '/^options/s/ quiet\(.*\)$/\1 mine=1/'
on set
exits 0
on unset
exits 0
says "$entries/a.conf" 'options root=UUID=6f7b ro mine=1'

it "a parameter of ours that was taken out comes back by set, and is not missed by unset"
image a
on set --iommu pt
edit "$entries/a.conf" '/^options/s/ iommu=pt//'
on status
exits 1
on set
exits 0
says "$entries/a.conf" 'options root=UUID=6f7b ro quiet intel_iommu=on iommu=pt'
edit "$entries/a.conf" '/^options/s/ iommu=pt//'
on unset
exits 0
says "$entries/a.conf" 'options root=UUID=6f7b ro quiet'

it "a value of ours that was changed is the user's from then on"
image a
on set --isolcpus 2-5
edit "$entries/a.conf" '/^options/s/2-5/2-3/'
on set
exits 3
has err "/$entries/a.conf:" "isolcpus=2-3"
on unset
exits 0
says "$entries/a.conf" 'options root=UUID=6f7b ro quiet isolcpus=2-3'

it "our comment in an entry is lost: the state knows"
image a
on set --iommu pt
edit "$entries/a.conf" '/^#/d'
on unset
exits 0
says "$entries/a.conf" 'options root=UUID=6f7b ro quiet'

it "the state is lost: the comments know, and what kernel-install reads follows them"
image a
on set --iommu pt
rm -r "${machine:?}/var"
on unset
exits 0
says "$entries/a.conf" 'options root=UUID=6f7b ro quiet'
says etc/kernel/cmdline 'root=UUID=6f7b ro quiet'

it "both are lost: unset lists what it would take, and --adopt takes it"
image a
on set --iommu pt
rm -r "${machine:?}/var"
edit "$entries/a.conf" '/^#/d'
on unset
exits 3
has err intel_iommu=on iommu=pt 'set --adopt'
says "$entries/a.conf" 'options root=UUID=6f7b ro quiet intel_iommu=on iommu=pt'
on set --adopt
exits 0
on unset
exits 0
says "$entries/a.conf" 'options root=UUID=6f7b ro quiet'

it "a kernel that came in between by kernel-install loses ours too, without a set"
image a
on set --iommu pt
entry b "$(cat "$machine/etc/kernel/cmdline")"
on status
exits 0
on unset
exits 0
says "$entries/b.conf" 'options root=UUID=6f7b ro quiet'

it "a kernel that came in between without ours is told by status, and given ours by set"
image a
on set --iommu pt
entry b 'root=UUID=6f7b ro quiet'
on status
exits 1
on set
exits 0
says "$entries/b.conf" 'options root=UUID=6f7b ro quiet intel_iommu=on iommu=pt'

it "an entry that is gone is not made again"
image a b
on set --iommu pt
rm "$machine/$entries/b.conf"
on set
exits 0
on unset
exits 0
[ ! -e "$machine/$entries/b.conf" ] || wrong "b.conf is back"

it "boot counting renames an entry between two runs"
image a+3
on set --iommu pt
mv "$machine/$entries/a+3.conf" "$machine/$entries/a+2-1.conf"
on set
exits 0
on unset
exits 0
says "$entries/a+2-1.conf" 'options root=UUID=6f7b ro quiet'

it "what --replace took comes back to its place, whatever was changed around it"
image a
edit "$entries/a.conf" 's/ quiet/ isolcpus=2-5 quiet/'
on set --replace --isolcpus 8-9
exits 0
says "$entries/a.conf" 'options root=UUID=6f7b ro isolcpus=8-9 quiet'
on set --isolcpus 8-11
exits 0
edit "$entries/a.conf" '/^options/s/ quiet/ loud/'
on unset
exits 0
says "$entries/a.conf" 'options root=UUID=6f7b ro isolcpus=2-5 loud'

it "lines that people add to our drop-in of GRUB's stay"
machine=$(mktemp -d "$scratch/image.XXXXXX")
# shellcheck disable=SC2016 # as it stands there
echo 'for x in ${sysconfdir}/default/grub.d/*.cfg ; do' | put usr/sbin/grub-mkconfig
echo 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"' | put etc/default/grub
on set --iommu pt
echo GRUB_TIMEOUT=1 >>"$machine/etc/default/grub.d/zz-vfio-bootcfg.cfg"
on set --iommu on
exits 0
on unset
exits 0
says etc/default/grub.d/zz-vfio-bootcfg.cfg GRUB_TIMEOUT=1
[ "$(wc -l <"$machine/etc/default/grub.d/zz-vfio-bootcfg.cfg")" = 1 ] || wrong "more than the user's line is left"

it "our drop-in is deleted: unset has nothing to do there, set makes it again"
on set --iommu pt
rm -r "$machine/etc/default/grub.d"
on unset
exits 0
on set --iommu pt
exits 0
has out zz-vfio-bootcfg.cfg

done_testing
