#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `vfio-bootcfg plan` on captured machines. What it should say of each lies beside it, and was written first.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"
program=vfio-bootcfg

# proposes MACHINE FILE ARGUMENT...: exit 0, and the text of that file.
proposes() {
	local name=$1 file=$2
	shift 2
	use_machine "$name"
	on plan "$@"
	exits 0
	like out "$machines/$name/$file"
}

refuses() {
	local name=$1
	use_machine "$name"
	on plan
	exits 3
	empty out
	like err "$machines/$name/expect-plan-refused"
}

# is EXPRESSION VALUE: of jq, of the document on stdout.
is() {
	local found
	found=$(jq -rc "$1" "$scratch/out" 2>&1)
	[ "$found" = "$2" ] || wrong "$1 is '$found', not '$2'"
}

stamps() {
	(cd "$machine" && find . -printf '%p %y %m %s %l %T@ %i\n' | sort)
}

it "two AMD cards: the one that is not booted on, one complex of cores, pages of 1 GiB"
proposes x570-3700x expect-plan --guest-memory 16G
empty err

it "an NVIDIA card with four functions: two complexes for twelve CPUs"
proposes x570-3900x expect-plan --guest-memory 16G
empty err

it "a named card and a named disk"
proposes x570-3900x expect-plan-nvme --device 0a:00.0 --device 04:00.0
empty err

it "an old Xeon without pages of 1 GiB"
proposes ivy-bridge expect-plan --guest-memory 2G

it "two sockets: the card's node, and the others are named"
proposes two-sockets expect-plan
has err "0000:18:00.0, 0000:85:00.0, 0000:86:00.0 would do as well"

it "two sockets: CPUs and memory follow the card to the other node"
proposes two-sockets expect-plan-node1 --device 86:00.0 --guest-cpus 16 --guest-memory 64G
empty err

it "a laptop: the group has its root port in it, which does not matter"
proposes laptop expect-plan
empty err

it "fast cores before slow ones; a disk behind VMD"
proposes vmd expect-plan
empty err

it "a virtual function, not the card whose it is"
proposes sr-iov expect-plan
has err "0000:21:00.2 would do as well"

it "the laboratory's host, with the IOMMU on and off"
proposes dual-q35 expect-plan
proposes no-iommu expect-plan
has err "has no IOMMU group now" "VT-d or AMD-Vi"

it "one display only: refused, with what --force would mean; with --force so"
refuses i7-13700k
refuses b450-1600af
proposes i7-13700k expect-plan-force --force
proposes b450-1600af expect-plan-force --force

it "one group for both cards: refused, with who is in it; --force does not help"
refuses one-root-complex
on plan --force
exits 3
on plan --device 01:00.0
exits 3
has err "0000:01:00.0 shares IOMMU group 1 with 0000:02:00.0, the display that the host boots on"

it "who shares a group comes along; what the host needs does not"
use_machine x570-3700x '/^pci 0000:06:00.3/s/group=19/group=26/'
on plan
exits 0
has out "[device guest-usb]" "id = 1022:149c" "in IOMMU group 26 with 0000:0b:00.0: the host loses it too" \
	"in IOMMU groups 26, 27, 28, 29" "in IOMMU groups 19, 26"
lacks out "alone in IOMMU groups 26"
use_machine x570-3700x '/^pci 0000:05:00.0/s/group=23/group=27/'
on plan
exits 3
has err "0000:0b:00.1 shares IOMMU group 27 with 0000:05:00.0, a network card of the host"
use_machine x570-3700x '/^pci 0000:01:00.0/s/group=15/group=29/'
on plan
exits 3
has err "0000:0b:00.3 shares IOMMU group 29 with 0000:01:00.0, which the host uses: nvme0n1"

it "the host that boots on the other card gets the other proposal"
use_machine x570-3700x '/^pci 0000:0[bc]:00.0/{s/boot_vga=0/boot_vga=2/;s/boot_vga=1/boot_vga=0/;s/boot_vga=2/boot_vga=1/}'
on plan
exits 0
has out "address = 0000:0c:00.0" "the host does not boot on: that is 0000:0b:00.0"

it "which display is booted on cannot be told: refused, and --device decides"
use_machine x570-3700x 's/boot_vga=1/boot_vga=0/'
on plan
exits 3
has err "cannot be told" "--device"
on plan --device 0b:00.0
exits 0

it "a management controller's display is nobody's card; no display at all"
use_machine two-sockets '/^pci 0000:1[78]:00.0/d;/^pci 0000:8[56]:00.0/d'
on plan
exits 3
has err "0000:03:00.0 is the only display"
use_machine two-sockets '/^pci 0000:03:00.0/d;/id=10de:1db4/d'
on plan
exits 3
has err "no display is in this machine" "--device"

it "the parameters that these CPUs and kernels need, and no others"
use_machine x570-3700x
on plan
lacks out intel_iommu amd_iommu
put usr/lib/modules/6.12.1/modules.dep </dev/null
printf '#\nCONFIG_IOMMU_DEFAULT_PASSTHROUGH=y\n' | put boot/config-6.12.1
on plan
has out "iommu = on " "these kernels spare the host's own devices the translation unasked" "command line: isolcpus="
put usr/lib/modules/6.1.0/modules.dep </dev/null
on plan
has out "iommu = pt " "command line: iommu=pt"
use_machine two-sockets 's|6.12.48+deb13-amd64|5.10.0|'
on plan
exits 0
has out "1G = 0:47"
has err "cannot read counts by node" "vfio-early"
lacks out "hugepagesz="

it "how much: whole cores, a size that fits, and the host keeps its share"
use_machine x570-3700x
on plan --guest-cpus 7
exits 0
has out "isolate = 4-7,12-15"
has err "7 CPUs were asked for, and whole cores have 8"
on plan --guest-cpus 14
exits 0
has out "isolate = 1-7,9-15" "7 cores with both threads, below 2 L3 caches;"
on plan --guest-cpus 15
exits 3
has err "this machine can spare 14 CPUs"
on plan --guest-memory 2560M
exits 0
has out "2M = 1280" "2560 MiB for the guest; that is no multiple of 1 GiB"
on plan --guest-memory 28G
exits 0
on plan --guest-memory 29G
exits 3
has err "29 GiB are too much" "ask for 28 GiB at most" "--force"
on plan --guest-memory 29G --force
exits 0
has err "starve the host"
for value in 0 16 16T 3M 1025K -1G 16Gb; do
	on plan --guest-memory "$value"
	exits 2
	has err "--guest-memory $value"
done
for value in 0 x 4x -1 9999; do
	on plan --guest-cpus "$value"
	exits 2
	has err "--guest-cpus $value"
done
on plan --device 0a:00.0
exits 3
has err "is a bridge"
on plan --device zz
exits 2
on plan --device 0c:00.0
exits 3
has err "boot-display" "--force"
on plan --device 01:00.0
exits 3
has err "disk-in-use"

it "node by node: what is asked of a node is measured against that node"
use_machine two-sockets
on plan --guest-memory 85G
exits 3
has err "node 0, where the card is," "ask for 84 GiB at most"
on plan --guest-cpus 15
exits 3
has err "node 0, where 0000:17:00.0 is, can spare 14 CPUs"
use_machine two-sockets 's/^\(pci 0000:17:00.0.*\) numa=0/\1/'
on plan
exits 0
has err "the firmware does not say which NUMA node 0000:17:00.0 is on"
has out "on the card's node 0"

it "JSON: every line with its reason"
use_machine x570-3700x
on plan --guest-memory 16G --json
exits 0
empty err
is '.profile | length' 9
is '[.profile[] | select(.reason == null)] | length' 0
is '.profile[] | select(.key == "isolate") | .value' 4-7,12-15
is '.parameters[-1]' "hugepagesz=1G hugepages=16"
is '.guest' '{"devices":["0000:0b:00.0","0000:0b:00.1","0000:0b:00.2","0000:0b:00.3"],"cpus":"4-7,12-15","memory_kib":16777216,"node":null}'
is .host.cpus 0-3,8-11
is 'has("xml"), has("changed")' "false
false"
use_machine i7-13700k
on plan --json
exits 3
is .error.code 3
is '.error.message | startswith("0000:01:00.0 is the only display")' true

it "without --write nothing is written; an image is refused"
use_machine x570-3700x
stamps >"$scratch/before"
on plan
on plan --xml
stamps >"$scratch/after"
cmp -s "$scratch/before" "$scratch/after" || wrong "something was written"
rm "$machine/.vfio-machine"
on plan
exits 3
has err "this is an image" "collect-machine.sh"

it "--write: the profile that was printed, its reasons beside it; again: nothing to do; unset: gone"
use_machine x570-3700x
on plan --guest-memory 16G --write
exits 0
like out "$machines/x570-3700x/expect-plan"
has err "created /etc/vfio-bootcfg.conf" "vfio-bootcfg set"
# As printed, but for the blanks that make columns of it.
diff <(grep -v '^#' "$machines/x570-3700x/expect-plan" | tr -s ' ') <(grep -v '^#' "$machine/etc/vfio-bootcfg.conf" | tr -s ' ') \
	>"$scratch/diff" || wrong "$(cat "$scratch/diff")"
stamps >"$scratch/before"
on plan --guest-memory 16G --write --json
exits 0
is .changed false
stamps >"$scratch/after"
cmp -s "$scratch/before" "$scratch/after" || wrong "the second --write wrote: $(diff "$scratch/before" "$scratch/after")"
on plan --guest-memory 8G --guest-cpus 4 --write
exits 0
has err "modified /etc/vfio-bootcfg.conf"
grep -qx '1G = 8  # 8 GiB for the guest; this CPU has pages of 1 GiB' "$machine/etc/vfio-bootcfg.conf" || wrong "no new reason"
grep -qx 'isolate = 6-7,14-15  # 2 cores with both threads, below one L3 cache; CPU 0 is the host.s' \
	"$machine/etc/vfio-bootcfg.conf" || wrong "$(grep isolate "$machine/etc/vfio-bootcfg.conf")"
mkdir -p "$machine/etc/default/grub.d" "$machine/boot/grub"
printf 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n' | put etc/default/grub
# shellcheck disable=SC2016 # as it stands there
echo 'for x in ${sysconfdir}/default/grub.d/*.cfg ; do' | put usr/sbin/grub-mkconfig
on set --loader grub
exits 0
grep -q 'isolcpus=6-7,14-15' "$machine"/etc/default/grub.d/*.cfg || wrong "set did not take the profile that plan wrote"
on unset --loader grub
exits 0
[ ! -e "$machine/etc/vfio-bootcfg.conf" ] || wrong "unset left: $(cat "$machine/etc/vfio-bootcfg.conf")"

it "--write keeps what people wrote, and the name that a card has"
use_machine x570-3700x
put etc/vfio-bootcfg.conf <<END
# mine
[device big-card]   # the new one
path = 0000:00:03.1/00.0/00.0/00.0
id = 1002:73bf

[cpus]
isolate = 12-15     # my choice
END
on plan --guest-memory 16G --write
exits 0
for line in '# mine' '[device big-card]   # the new one' 'isolate = 4-7,12-15     # my choice' '1G = 16  # 16 GiB for the guest; this CPU has pages of 1 GiB'; do
	grep -qxF "$line" "$machine/etc/vfio-bootcfg.conf" || wrong "no line '$line': $(cat "$machine/etc/vfio-bootcfg.conf")"
done
! grep -q guest-gpu "$machine/etc/vfio-bootcfg.conf" || wrong "a second section for the same card"

it "libvirt's domain: valid by its schema on every machine that has a proposal"
for name in "$machines"/*; do
	use_machine "$(basename "$name")"
	on plan --force --xml
	if [ "$status" != 0 ]; then
		if [ ! -e "$name/expect-plan-refused" ] || [ -e "$name/expect-plan-force" ]; then
			wrong "$name: $(cat "$scratch/err")"
		fi
		continue
	fi
	virt-xml-validate "$scratch/out" domain >"$scratch/verdict" 2>&1 || wrong "$name: $(cat "$scratch/verdict")"
done
sed 's/<hugepages>/<hugepage>/' "$scratch/out" >"$scratch/bad"
! virt-xml-validate "$scratch/bad" domain >"$scratch/verdict" 2>&1 || wrong "the schema takes anything"

it "libvirt's domain: as written by hand"
use_machine x570-3700x
on plan --guest-memory 16G --xml
like out "$machines/x570-3700x/expect-plan-xml"
use_machine two-sockets
on plan --device 86:00.0 --guest-cpus 16 --guest-memory 64G --xml
like out "$machines/two-sockets/expect-plan-node1-xml"
on plan --xml --json
is '.xml | startswith("<!--")' true
lacks out topoext

it "slow cores too, where the fast ones are not enough: threads are not paired then"
use_machine i7-13700k
on plan --force --guest-cpus 18 --xml
exits 0
has out "<vcpu placement='static'>18</vcpu>" "cores='18' threads='1'" "<vcpupin vcpu='17' cpuset='23'/>"
on plan --force --guest-cpus 18
has out "isolate = 2-15,20-23" "11 fast and slow cores with all threads"

it "set names the whole cores that --cpus should have got"
use_machine x570-3700x
mkdir -p "$machine/etc/default/grub.d" "$machine/boot/grub"
printf 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n' | put etc/default/grub
on set --loader grub --cpus 8-15 --dry-run
exits 0
has err "tears cores apart: isolated CPUs 8-15 share them with the host's CPUs 0-7" "or neither: 4-7,12-15 (see vfio-bootcfg plan)"
on set --loader grub --cpus 4-7,12-15 --dry-run
exits 0
lacks err "tears cores apart"

it "with the IOMMU off: groups as they will be, told from configuration space; and the least override"
off='s/ group=[0-9]*//'
# shellcheck disable=SC2016 # sed's last line
cpus='$a core 0 threads=0-1 l3=0-3\ncore 1 threads=2-3 l3=0-3\nnode 0 memory=16777216\nproc/cpuinfo = flags : vmx pdpe1gb\nproc/meminfo = MemTotal: 16777216 kB'
use_machine shared-ports "$cpus"
on plan
exits 3
has err "0000:01:00.0 shares IOMMU group 1 with 0000:02:00.0, the display that the host boots on" "set --acs-override id:8086:1901, reboot"
lacks err "the IOMMU is off"
use_machine shared-ports "$off;$cpus"
on plan
exits 3
has err "0000:01:00.0 will share an IOMMU group with 0000:02:00.0, the display that the host boots on" "set --acs-override id:8086:1901, reboot"
use_machine shared-ports "$off;/^pci 0000:00:01/s/mf=1/acs=001f\/0000 mf=1/;$cpus"
on plan
exits 0
has out "# last seen here; 4 functions, which will be alone in one IOMMU group"
has err "the IOMMU is off: which groups there will be is told from configuration space"
# Behind a bridge to conventional PCI nothing is kept apart.
bridge='/^pci 0000:03:00.0/i pci 0000:04:00.0 parent=0000:00:1c.0 id=104c:8240 class=060400 pcie=pci-bridge\npci 0000:05:00.0 parent=0000:04:00.0 id=102b:0522 class=030000 pcie=none\npci 0000:05:01.0 parent=0000:04:00.0 id=8086:100e class=020000 pcie=none driver=e1000'
use_machine shared-ports "$off;$cpus"$'\n'"$bridge"
on plan --device 05:00.0
exits 3
has err "0000:05:00.0 will share an IOMMU group with 0000:05:01.0, a network card of the host" "no pcie_acs_override= would keep them apart"

it "a group with the host's display, no display, only one, no topology: no proposal"
for name in eight-cpus nvidia-single shared-ports; do
	refuses $name
done
use_machine q35-topologies
on plan
exits 4
like err $machines/q35-topologies/expect-plan-refused

it "groups and lists of the machines"
program=vfio-device
for name in "$machines"/*; do
	use_machine "$(basename "$name")"
	on list
	# Of the many topologies groups.sh reads what matters.
	[ "$(basename "$name")" = q35-topologies ] || like out "$name/expect-list"
	on list --all --json
	jq -r '.devices[] | select(.iommu_group != null) | "\(.iommu_group) \(.address | sub("^0000:"; ""))"' "$scratch/out" |
		sort -k1n -k2 | awk 'NR == 1 || $1 != group { if (line) print line; line = $1 ":"; group = $1 } { line = line " " $2 }
			END { if (line) print line }' >"$scratch/groups"
	diff "$name/expect-groups" "$scratch/groups" >"$scratch/diff" || wrong "$name: $(cat "$scratch/diff")"
done

done_testing
