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
for name in b450-1600af i7-13700k ivy-bridge laptop no-iommu one-root-complex sr-iov two-sockets vmd x570-3900x; do
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
	cp "$scratch/out" "$scratch/first"
	rm -rf "$scratch/again"
	"$build/tests/expand-machine" "$scratch/first" "$scratch/again"
	# What it leaves out on purpose.
	for side in "$machine" "$scratch/again"; do
		rm -rf "${side:?}/usr/share" "$side/proc/self/mountinfo" "$side/proc/cmdline"
		rmdir --ignore-fail-on-non-empty "$side/usr" 2>/dev/null || true
		find "$side" \( -name product -o -name manufacturer -o -path '*/dm/name' \) -delete
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

it "no serial number, address, UUID, label, host or user name"
use_machine x570-3700x
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
# It is what was left out, not all.
has out "root=UUID=0 ro iommu=pt" "/dev/nvme0n1p1 rw" " / / rw,relatime shared:1 - btrfs none rw" "/mnt/1 rw,relatime" \
	"/swapfile partition" "pci 0000:0b:00.0" "mapped dm-0" "AMD Ryzen 7 3700X" "usb 1-2 at=0000:06:00.1 id=046d:c52b"
"$build/tests/expand-machine" "$scratch/out" "$scratch/clean"

it "what is no machine is refused"
mkdir "$scratch/empty"
collect "$scratch/empty"
exits 4
has err "sys/bus/pci/devices"
empty out
collect --help
exits 2
has err "usage"

it "this machine can be collected, and the text expanded"
collect
exits 0
"$build/tests/expand-machine" "$scratch/out" "$scratch/here"
[ ! -d /sys/devices/system/cpu/cpu0/topology ] || has out "core "
lacks out "$(cat /etc/machine-id 2>/dev/null || echo no-such-id)"

done_testing
