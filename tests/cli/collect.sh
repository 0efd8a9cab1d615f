#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tools/collect-machine.sh: what it says of a machine makes that machine again, and says nothing of whose it is.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"

collect() {
	status=0
	tools/collect-machine.sh "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
}

# lines FILE: what a tree says, in no order, without what people wrote beside it and the names of USB devices.
lines() {
	grep -vE '^(#|$)' "$1" | sed -E 's/ (manufacturer|product)="[^"]*"//g' | sort
}

it "of a captured machine it says what the capture says"
for name in b450-1600af i7-13700k ivy-bridge laptop no-iommu one-root-complex shared-ports sr-iov two-sockets vmd \
	x570-3900x; do
	use_machine $name
	collect "$machine"
	exits 0
	empty err
	diff <(lines "$machines/$name/tree") <(lines "$scratch/out") >"$scratch/diff" || wrong "$name: $(cat "$scratch/diff")"
done

it "what it says makes the machine again, file by file"
for name in "$machines"/*; do
	use_machine "$(basename "$name")"
	collect "$machine"
	exits 0
	empty err
	cp "$scratch/out" "$scratch/first"
	rm -rf "$scratch/again"
	"$build/tests/expand-machine" "$scratch/first" "$scratch/again"
	# What it leaves out on purpose.
	for side in "$machine" "$scratch/again"; do
		rm -rf "${side:?}"/{usr/share,run,sys/fs,sys/module,sys/bus/pci/drivers/*/module,sys/devices/virtual/workqueue}
		rm -rf "${side:?}"/proc/{self/mountinfo,cmdline,irq,driver,devices} "$side"/sys/devices/system/cpu/{,cpu[0-9]*/}cpufreq
		find "$side" \( -name product -o -name manufacturer -o -path '*/dm/name' \) -delete
		# Bytes of which the format takes what matters: the stories below.
		! grep -q '^config ' "$name/tree" || find "$side" -name config -delete
		find "$side" -mindepth 1 -type d -empty -delete
	done
	diff -r --no-dereference "$machine" "$scratch/again" >"$scratch/diff" || wrong "$name: $(cat "$scratch/diff")"
	"$build/tests/expand-machine" "$scratch/first" "$scratch/third"
	collect "$scratch/third"
	like out "$scratch/first"
	rm -rf "$scratch/third"
done

it "list and plan say the same of the collected machine"
use_machine x570-3900x
collect "$machine"
"$build/tests/expand-machine" "$scratch/out" "$scratch/copy"
run list --root "$scratch/copy"
like out "$machines/x570-3900x/expect-list"
program=vfio-bootcfg
run plan --guest-memory 16G --root "$scratch/copy"
like out "$machines/x570-3900x/expect-plan"

# same_groups NAME [SED]: predictions of the machine and of its copy; at last with ACS as it is set up now.
same_groups() {
	local view
	use_machine "$@"
	collect "$machine"
	exits 0
	cp "$scratch/out" "$scratch/first"
	rm -rf "$scratch/copy"
	"$build/tests/expand-machine" "$scratch/first" "$scratch/copy"
	program=vfio-device
	for view in on now; do
		on list --all --json --predict $view
		exits 0
		has out '"predicted_group": "'
		lacks out '"predicted_group": null'
		cp "$scratch/out" "$scratch/expected"
		run list --all --json --predict $view --root "$scratch/copy"
		exits 0
		like out "$scratch/expected"
	done
}

it "of the copy the same groups are predicted"
same_groups q35-topologies
same_groups shared-ports '/acs=/s,/000f,/0000,'
ports='/class=0604/s,class=060400,& pcie=root acs=005f/005f,; /class=0604/!s,class=[^ ]*,& pcie=end,'
same_groups sr-iov "$ports; /0000:42:00.0 /s/pcie=root acs=[^ ]*/pcie=pci-bridge/"
grep -q ' vf_of=0000:41:00.0' "$scratch/first" || wrong "no virtual function"
same_groups vmd "$ports; s/^pci 10000:e0:06.0 /&behind=0000:00:0e.0 /"
grep -q '^pci 10000:e0:06.0 behind=0000:00:0e.0 ' "$scratch/first" || wrong "no VMD"
# A joined domain; and one that is found before what it is behind.
object 10000:e1:00.0 '"predicted_group": "0000:00:0e.0"'
same_groups vmd "$ports; s/^pci 10000:e0:06.0 /&behind=0000:00:0e.0 /; s/10000:e/0000:e/g; s/0000:00:0e.0/0001:00:0e.0/g"

it "of the copy the same is known beside the capabilities' own words"
# An IOMMU of AMD's, with which functions of its southbridge are apart.
same_groups shared-ports '/^proc.cmdline/a\
pci 0000:00:14.0 id=1002:4385 class=0c0500 pcie=none mf=1\
pci 0000:00:14.3 id=1002:439d class=060100 pcie=none\
sys/firmware/acpi/tables/IVRS =\
sys/firmware/acpi/tables/DMAR ='
object 0000:00:14.3 '"predicted_group": "0000:00:14.3"'
[ -e "$scratch/copy/sys/firmware/acpi/tables/DMAR" ] || wrong "no DMAR"
# Intel's ports with ACS registers of 32 bits.
same_groups shared-ports 's/8086:7ab0/8086:a118/; /^pci 0000:00:1d.0/a\
config 0000:00:1d.0 144 0f0000000f000000'
object 0000:03:00.0 '"predicted_group": "0000:03:00.0"'
same_groups shared-ports 's/8086:7ab0/8086:a118/; /^pci 0000:00:1d.0/a\
config 0000:00:1d.0 144 0f00000000000000'
object 0000:03:00.0 '"predicted_group": "0000:00:1d.0"'
# Headers that are not what their class says, and one of CardBus, whose list is not where others have it.
use_machine shared-ports '/^pci 0000:00:1c.0/a\
config 0000:00:1c.0 0e 80
/^pci 0000:03:00.0/a\
config 0000:03:00.0 0e 01
/^pci 0000:02:00.1/a\
config 0000:02:00.1 0e 02'
collect "$machine"
has out "config 0000:00:1c.0 0e 80" "config 0000:03:00.0 0e 01" "config 0000:02:00.1 0e 02" \
	"pci 0000:02:00.1 parent=0000:00:01.1 id=1002:aaf0 class=040300 pcie=none group=1"
cp "$scratch/out" "$scratch/first"
rm -rf "$scratch/copy"
"$build/tests/expand-machine" "$scratch/first" "$scratch/copy"
collect "$scratch/copy"
like out "$scratch/first"
# A list that is a ring ends; a function that is switched off says nothing.
use_machine shared-ports '/^pci 0000:01:00.0/a\
config 0000:01:00.0 40 0540\
config 0000:01:00.0 100 01000210
/^pci 0000:02:00.0/a\
config 0000:02:00.0 100 01000210
/^pci 0000:03:00.0/a\
config 0000:03:00.0 00 ffffffffffffffffffffffffffffffff'
collect "$machine"
exits 0
has out "pci 0000:01:00.0 parent=0000:00:01.0 id=10de:1e07 class=030000 pcie=none mf=1 group=1" \
	"pci 0000:02:00.0 parent=0000:00:01.1 id=1002:67df class=030000 pcie=end mf=1 group=1" \
	"pci 0000:03:00.0 parent=0000:00:1d.0 id=144d:a808 class=010802 group=5"

it "without root it says what everybody may read, and that more is missing"
use_machine shared-ports
collect "$machine"
lacks out "run it as root"
sed -E 's/ (pcie=(root|end)|acs=)[^ ]*//g' "$scratch/out" >"$scratch/expected"
find "$machine" -name config -exec truncate -s 64 {} +
collect "$machine"
exits 0
empty err
has out "# Without most of configuration space: run it as root" "class=030000 mf=1 group=1"
lacks out "pcie=root" "pcie=end" "acs="
diff <(lines "$scratch/expected") <(lines "$scratch/out") || wrong "that is not all that is missing"
rm -rf "$scratch/copy"
"$build/tests/expand-machine" "$scratch/out" "$scratch/copy"
on list --predict on
exits 0
cp "$scratch/err" "$scratch/expected"
run list --predict on --root "$scratch/copy"
exits 0
has err "0000:00:01.0 cannot be read; run this as root"
like err "$scratch/expected"
rm "$machine/sys/bus/pci/devices/0000:01:00.0/config"
collect "$machine"
exits 0
has out "pci 0000:01:00.0 parent=0000:00:01.0 id=10de:1e07 class=030000 group=1"

it "no register is read that does not matter"
# A serial number, before ACS.
numbered='/^pci 0000:0b:00.0 /{
s|class=[^ ]*|& pcie=end acs=0001/0001|
a config 0000:0b:00.0 100 0300011453656b7231745365
}'
use_machine x570-3700x "$numbered"
mkdir "$scratch/bin"
cat >"$scratch/bin/dd" <<END
#!/bin/sh
echo "\$*" >>"$scratch/asked"
exec $(command -v dd) "\$@"
END
chmod +x "$scratch/bin/dd"
PATH=$scratch/bin:$PATH collect "$machine"
exits 0
has out "pcie=end acs=0001/0001"
sed -n 's|^if=.*/0000:0b:00.0/config bs=4 skip=\([0-9]*\) count=1$|\1|p' "$scratch/asked" | sort -nu | tr '\n' ' ' >"$scratch/registers"
# Status, header, list; its type and link; what the extended ones are, and what ACS says.
[ "$(cat "$scratch/registers")" = "1 3 13 16 19 64 80 81 " ] || wrong "read: $(cat "$scratch/registers")"

it "no serial number, address, UUID, label, host or user name"
use_machine x570-3700x "$numbered"
# Where machines have them.
secret=Sekr1t
gpu=sys/bus/pci/devices/0000:0b:00.0
usb=$(readlink -f "$machine/sys/bus/usb/devices/1-2")
disk=$(readlink -f "$machine/sys/block/nvme0n1")
for file in sys/class/dmi/id/product_serial sys/class/dmi/id/product_uuid sys/class/dmi/id/board_serial \
	sys/class/dmi/id/board_asset_tag sys/class/net/eth0/address proc/sys/kernel/hostname etc/hostname etc/machine-id \
	etc/fstab $gpu/serial_number $gpu/label $gpu/unique_id proc/sys/kernel/random/boot_id proc/net/arp; do
	put "$file" <<<"$secret"
done
for file in "$usb/serial" "$usb/product" "$usb/manufacturer" "$disk/wwid" "$disk/uuid" "$disk/device/serial" \
	"$disk/device/wwid" "$disk/device/subsysnqn" "$machine/sys/devices/virtual/block/dm-0/dm/name" \
	"$machine/sys/devices/virtual/block/dm-0/dm/uuid"; do
	mkdir -p "$(dirname "$file")"
	echo $secret >"$file"
done
echo "root=UUID=$secret rd.luks.uuid=luks-$secret rd.lvm.lv=$secret/root ip=$secret hostname=$secret ro iommu=pt" \
	>"$machine/proc/cmdline"
cat >"$machine/proc/self/mountinfo" <<END
22 1 0:20 /@$secret / rw,relatime shared:1 - btrfs /dev/mapper/$secret-root rw,subvol=/@$secret
23 22 259:1 / /media/$secret/stick rw,relatime shared:2 - ext4 /dev/disk/by-label/$secret rw,user=$secret
24 22 0:50 / /home/$secret/far rw - nfs4 $secret:/export rw,addr=$secret
25 22 0:51 / /home rw - fuse.sshfs /dev/$secret rw
END
cat >>"$machine/proc/swaps" <<END
/home/$secret/swap                          file		8388604		0		-3
/dev/mapper/$secret-swap                    partition		8388604		0		-4
END
sed -i "s/^flags/serial		: $secret\nflags/" "$machine/proc/cpuinfo"
collect "$machine"
exits 0
lacks out "$secret"
! grep -iE '53656b72|31745365|726b6553|65537431' "$scratch/out" || wrong "a card's serial number"
# It is what was left out, not all.
has out "root=UUID=0 ro iommu=pt" "/dev/nvme0n1p1 rw" " / / rw,relatime shared:1 - btrfs none rw" "/mnt/1 rw,relatime" \
	"/swapfile partition" "pci 0000:0b:00.0" "mapped dm-0" "AMD Ryzen 7 3700X" "usb 1-2 at=0000:06:00.1 id=046d:c52b"
"$build/tests/expand-machine" "$scratch/out" "$scratch/clean"

it "what is no machine is refused"
mkdir "$scratch/empty"
collect "$scratch/empty"
exits 4
has err "sys/bus/pci/devices nor"
empty out
collect --help
exits 2
has err "usage"

it "this machine can be collected, and the text expanded"
collect
exits 0
"$build/tests/expand-machine" "$scratch/out" "$scratch/here"
[ ! -d /sys/devices/system/cpu/cpu0/topology ] || has out "core "
[ ! -s /etc/machine-id ] || lacks out "$(cat /etc/machine-id)"

done_testing
