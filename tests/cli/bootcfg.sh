#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vfio-bootcfg as a command: usage, exit codes, JSON, dry runs, captured machines, hostile arguments. What it makes
# of whole trees is in tests/edits.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"
program=vfio-bootcfg

# image: a tree with Debian's GRUB files in $machine.
image() {
	machine=$(mktemp -d "$scratch/image.XXXXXX")
	mkdir -p "$machine/etc/default/grub.d" "$machine/boot/grub" "$machine/usr/sbin"
	# shellcheck disable=SC2016 # as it stands there
	echo 'for x in ${sysconfdir}/default/grub.d/*.cfg ; do' >"$machine/usr/sbin/grub-mkconfig"
	printf 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n' | put etc/default/grub
	printf 'ID=debian\n' | put etc/os-release
	echo 6.12.1 | put usr/lib/modules/6.12.1/modules.dep
}

# json EXPRESSION: python's value of it, with d the document.
json() {
	python3 -c 'import json,sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$scratch/out" "$1" 2>&1
}

is() {
	local found
	found=$(json "$1")
	[ "$found" = "$2" ] || wrong "$1 is '$found', not '$2'"
}

unchanged() {
	(cd "$machine" && find . -printf '%p %y %m %s %l %T@ %i\n' | sort) >"$scratch/now"
	cmp -s "$scratch/stamps" "$scratch/now" || wrong "something was written: $(diff "$scratch/stamps" "$scratch/now")"
}

remember() {
	(cd "$machine" && find . -printf '%p %y %m %s %l %T@ %i\n' | sort) >"$scratch/stamps"
}

it "wrong usage: exit 2, a message that names the option, nothing written"
image
remember
for arguments in "--iommu yes" "--cpus x" "--cpus 3-1" "--cpus 0-" "--hugepages 1G" "--hugepages 3M=1" "--hugepages 1G=-1" \
	"--hugepages 1G=0:x" "--device 0b:00.0" "--device zz@1002:73bf" "--device 0b:20.0@1002:73bf" "--acs-override up" "--arg root=/dev/sda1" "--arg --" \
	"--loader lilo" "--isolcpus 8-" "--irqaffinity ," "--device =0b:00.0@1002:73bf" "--device a/b=0b:00.0@1002:73bf"; do
	# shellcheck disable=SC2086 # words are meant
	on set $arguments
	exits 2
	empty out
	[ -s "$scratch/err" ] || wrong "'$arguments': no message"
	unchanged
done
on set --arg 'x="open'
exits 2
on set --arg $'a=b\nc'
exits 2
on unset nonsense
exits 2
on unset device:nobody
exits 2
on set operand
exits 2
unchanged

it "set in an image: files, needs, exit 0; JSON and text say the same"
image
on set --device guest-gpu=0000:00:03.1/00.0/00.0@1002:73bf --iommu pt --json
exits 0
is 'd["changed"]' True
is 'sorted(f["path"] + " " + f["change"] for f in d["files"] if f["change"] != "unchanged")' \
	"['/etc/default/grub.d/zz-vfio-bootcfg.cfg created', '/etc/vfio-bootcfg.conf created']"
is 'd["needs"]' "['initramfs', 'regenerate']"
on set --json
exits 0
is 'd["changed"]' False
is '[f["change"] for f in d["files"] if f["change"] != "unchanged"]' "[]"

it "status: as wanted is 0, what is missing is 1 and named"
on status --json
exits 0
is 'd["loaders"][0]["name"]' grub
is 'd["running"]' None
is 'd["agrees"]' True
rm "$machine/etc/default/grub.d/zz-vfio-bootcfg.cfg"
on status --json
exits 1
is 'd["loaders"][0]["entries"][0]["missing"]' "['intel_iommu=on', 'iommu=pt']"
on status
exits 1
has out "missing: intel_iommu=on iommu=pt" grub

it "status: a loader without any entry does what nothing asks for, and no more"
image
rm -r "${machine:?}/etc/default" "${machine:?}/boot"
mkdir -p "$machine/efi/loader/entries"
echo 'timeout 3' >"$machine/efi/loader/loader.conf"
on status
exits 0
printf '[kernel]\niommu = pt\n' >"$machine/etc/vfio-bootcfg.conf"
on status --json
exits 1
is 'd["agrees"]' False
is 'd["loaders"][0]["entries"]' "[]"

it "dry run: a diff on stdout, exit 0, nothing written, no directory made"
image
rmdir "$machine/etc/default/grub.d"
mkdir "$machine/etc/default/grub.d"
remember
on set --iommu pt --cpus 8-15 --dry-run
exits 0
has out "--- /dev/null" "+++ " "+[cpus]" "isolcpus=8-15"
unchanged
on set --iommu pt --dry-run --json
exits 0
is 'd["changed"]' True
unchanged

it "a contradiction: exit 3 with file, line and token, nothing written; --replace, and unset brings it back"
image
printf '# mine\nGRUB_CMDLINE_LINUX_DEFAULT="quiet isolcpus=2-5"\n' | put etc/default/grub
cp -a "$machine" "$scratch/kept"
remember
on set --cpus 8-15
exits 3
has err "/etc/default/grub:2" "isolcpus=2-5"
unchanged
on set --cpus 8-15 --json
exits 3
is 'd["error"]["code"]' 3
is 'd["error"]["file"]' /etc/default/grub
is 'd["error"]["line"]' 2
on set --cpus 8-15 --replace
exits 0
lacks err "isolcpus=2-5 contradicts"
grep -q 'isolcpus=8-15' "$machine/etc/default/grub" || wrong "not replaced: $(cat "$machine/etc/default/grub")"
on unset
exits 0
diff -r "$scratch/kept" "$machine" || wrong "not as before"

it "a lost state: the drop-in says itself what is ours"
image
cp -a "$machine" "$scratch/kept2"
on set --iommu pt
rm -r "$machine/var/lib/vfio-bootcfg"
on unset
exits 0
rm -f "$machine/etc/vfio-bootcfg.conf"
diff -r "$scratch/kept2" "$machine" >/dev/null || {
	rmdir "$machine/var/lib" "$machine/var" 2>/dev/null || true
	diff -r "$scratch/kept2" "$machine" || wrong "not as before"
}

it "both records lost: unset lists the tokens and exits 3; set --adopt takes them"
image
printf '[kernel]\niommu = pt\n' | put etc/vfio-bootcfg.conf
printf 'GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=on iommu=pt"\n' | put etc/default/grub
remember
on unset
exits 3
has err "intel_iommu=on iommu=pt" "--adopt"
unchanged
on set --adopt
exits 0
on unset
exits 0
grep -qx 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"' "$machine/etc/default/grub" || wrong "$(cat "$machine/etc/default/grub")"

it "no boot source: exit 4 and says so; a loader that is not there: exit 2 and says which are"
machine=$(mktemp -d "$scratch/none.XXXXXX")
mkdir -p "$machine/etc"
on set --iommu pt
exits 4
[ ! -e "$machine/etc/vfio-bootcfg.conf" ] || wrong "the profile was written"
image
on set --iommu pt --loader systemd-boot
exits 2
has err "grub"

it "systems that others manage: exit 3 with their own command, nothing written"
for system in "ostree/repo kargs" "etc/NIXOS boot.kernelParams" "etc/kernel/proxmox-boot-uuids proxmox-boot-tool"; do
	image
	mkdir -p "$machine/$(dirname "${system% *}")"
	: >"$machine/${system% *}"
	[ "${system% *}" != ostree/repo ] || { rm "$machine/ostree/repo" && mkdir "$machine/ostree/repo"; }
	remember
	on set --iommu pt
	exits 3
	has err "${system##* }"
	unchanged
done

it "a captured machine: AMD needs no intel_iommu=on, and the complement is of its CPUs"
use_machine x570-3700x
mkdir -p "$machine/etc/default/grub.d" "$machine/boot/grub"
printf 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n' | put etc/default/grub
on set --device 0b:00.0 --iommu pt --cpus 4-7,12-15 --loader grub
exits 0
grep -rq 'iommu=pt isolcpus=4-7,12-15 nohz_full=4-7,12-15 rcu_nocbs=4-7,12-15 irqaffinity=0-3,8-11' "$machine/etc/default" ||
	wrong "$(grep -r iommu "$machine/etc/default")"
! grep -rq intel_iommu "$machine/etc/default" || wrong "intel_iommu on AMD"
grep -q '^path = 0000:00:03.1/00.0/00.0/00.0\|^path = 0000:00:03.1/00.0/00.0' "$machine/etc/vfio-bootcfg.conf" || wrong "$(cat "$machine/etc/vfio-bootcfg.conf")"
grep -q '^id = 1002:73bf' "$machine/etc/vfio-bootcfg.conf" || wrong "no id"

it "the boot display is refused without --force"
on set --device 0c:00.0 --loader grub
exits 3
has err "0000:0c:00.0"
lacks err "Sanitizer"

it "more than the kernel reads: refused, nothing written"
image
remember
on set --arg "x=$(printf 'a%.0s' {1..2100})"
[ "$status" = 3 ] || [ "$status" = 2 ] || wrong "exit $status"
unchanged

done_testing
