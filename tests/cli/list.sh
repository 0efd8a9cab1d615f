#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `vfio-device list` on captured machines. The expected output lies beside each machine.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"

it "table: two AMD cards with groups of their own, disks and USB devices below their controllers"
use_machine x570-3700x
on list
exits 0
empty err
like out "$machines/x570-3700x/expect-list"

it "tree: bridges, slots, functions"
on list --tree
exits 0
empty err
like out "$machines/x570-3700x/expect-list-tree"

it "--all adds bridges and the chipset, and takes nothing away"
on list
grep -oE '[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]' "$scratch/out" >"$scratch/cards"
on list --all
exits 0
row 0000:00:00.0 "Host bridge" 1022:1480
row 0000:00:14.0 SMBus piix4_smbus
row 0000:0a:00.0 "PCI bridge" pcieport
grep -oE '[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]' "$scratch/out" >"$scratch/all"
[ "$(wc -l <"$scratch/cards")" = 16 ] || wrong "$(wc -l <"$scratch/cards") cards"
[ "$(wc -l <"$scratch/all")" = 52 ] || wrong "$(wc -l <"$scratch/all") functions"
while read -r address; do
	grep -qx "$address" "$scratch/all" || wrong "$address is not in --all"
done <"$scratch/cards"

it "JSON: the laboratory's host, every key"
use_machine dual-q35
on list --json
exits 0
empty err
like out "$machines/dual-q35/expect-list-json"

it "table: the laboratory's host"
on list
exits 0
like out "$machines/dual-q35/expect-list"

it "without an IOMMU: no groups, and one line says what to do"
use_machine no-iommu
on list
exits 0
like out "$machines/no-iommu/expect-list"
[ "$(wc -l <"$scratch/err")" = 1 ] || wrong "stderr has not one line"
has err "the IOMMU is off" "vfio-bootcfg set --iommu pt" "AMD-Vi"
on list --json
object 0000:01:00.0 '"iommu_group": null' '"name": ""' '"boot_vga": null'
object 0000:00:01.0 '"boot_vga": true'
on -q list
empty err

it "profile: what it means, and for what cannot be taken one word why"
use_machine x570-3700x
put etc/vfio-bootcfg.conf <"$machines/x570-3700x/profile"
on list -v
exits 0
like out "$machines/x570-3700x/expect-list-profile"
like err "$machines/x570-3700x/expect-list-profile-remarks"
on list --json
object 0000:0b:00.1 '"profile": "guest-gpu"' '"claimed": false' '"reason": null'
object 0000:0c:00.0 '"profile": "host-gpu"' '"reason": "boot-display"'
object 0000:0c:00.1 '"profile": "host-gpu"' '"reason": "sibling"'
object 0000:01:00.0 '"profile": "system-disk"' '"reason": "disk-in-use"'
object 0000:08:00.0 '"profile": null' '"reason": null'

it "claimed: what vfio-pci holds, in the profile or not"
use_machine dual-q35 '/^pci 0000:01:00/s/driver=[^ ]*/driver=vfio-pci/; /0000:02:00.1/s/driver=[^ ]*/driver=vfio-pci/'
put etc/vfio-bootcfg.conf <<'END'
[device guest-gpu]
path = 0000:00:10.0/00.0
id = 1234:1111
END
on list
exits 0
empty err
row 0000:01:00.0 vfio-pci "claimed (guest-gpu)"
row 0000:01:00.1 vfio-pci "claimed (guest-gpu)"
row 0000:02:00.0 bochs-drm
row 0000:02:00.1 vfio-pci claimed
on list --json
object 0000:01:00.0 '"claimed": true' '"profile": "guest-gpu"' '"reason": null'
object 0000:02:00.1 '"claimed": true' '"profile": null'
object 0000:02:00.0 '"claimed": false'

it "the record of this boot says why, where the machine as it is does not"
use_machine dual-q35
put etc/vfio-bootcfg.conf <<'END'
[device guest-gpu]
path = 0000:00:10.0/00.0
id = 1234:1111
END
on list
row 0000:01:00.0 "wanted (guest-gpu)"
put run/vfio-bootcfg/record <<'END'
[early]
version = 0.1.0
result = done
reason = ok
errno = 0
text = "1 section"

[claim guest-gpu 0000:01:00.0]
result = failed
reason = bind-failed
errno = 22
text = "vfio-pci refused 0000:01:00.0"
driver-before = bochs-drm
driver = bochs-drm
END
on list -v
exits 0
row 0000:01:00.0 "bind-failed (guest-gpu)"
row 0000:01:00.1 "wanted (guest-gpu)"
has err "bind-failed: vfio-pci refused 0000:01:00.0"
put run/vfio-bootcfg/record <<'END'
[early]
version = 0.1.0
result = off
reason = disabled
errno = 0
text = "the kernel command line has rd.vfio=0"
END
on list
has err "nothing was claimed at boot: disabled: the kernel command line has rd.vfio=0"

it "given back by the user: released"
put run/vfio-bootcfg/released/0000:01:00.0 </dev/null
on list
row 0000:01:00.0 "released (guest-gpu)"
row 0000:01:00.1 "sibling (guest-gpu)"

it "a bridge that the profile names is shown, and refused"
put etc/vfio-bootcfg.conf <<'END'
[device port]
path = 0000:00:11.0
id = 1b36:000c
END
on list -v
exits 0
row 0000:00:11.0 pcieport "bridge (port)"
lacks out ' 0000:00:10.0 '
has err "bridge: 0000:00:11.0 is a bridge"

it "a profile that cannot be read: its place on stderr, exit 2, and the list all the same"
use_machine dual-q35
put etc/vfio-bootcfg.conf <<'END'
[device guest-gpu]
id = 1234:1111
pth = 0000:00:10.0/00.0
END
on list
exits 2
has err "/etc/vfio-bootcfg.conf:3: "
like out "$machines/dual-q35/expect-list"
on list --json
exits 2
has out '"devices": [' '"error": {' '"code": 2' '"file": "/etc/vfio-bootcfg.conf"' '"line": 3'

it "an image has no devices: exit 4, and what to do instead"
use_machine dual-q35
rm "$machine/.vfio-machine"
on list
exits 4
empty out
has err "is an image" ".vfio-machine"
on list --json
exits 4
has out '"code": 4' '"file": null' '"line": null'
run list --root "$scratch/nowhere"
exits 4
has err "$scratch/nowhere: No such file or directory"

it "no PCI bus: exit 4"
use_machine dual-q35
rm -r "$machine/sys/bus/pci"
on list
exits 4
has err "no PCI bus"

it "names come from the root, whose links do not lead out of it"
use_machine dual-q35
mkdir "$machine/../outside"
printf '1234  Outside\n' >"$scratch/outside/pci.ids"
ln -sf "$scratch/outside/pci.ids" "$machine/usr/share/misc/pci.ids"
on list
exits 0
lacks out Outside QEMU
row 0000:01:00.0 0380 1234:1111

it "a pci.ids that is no list, or a FIFO: no names, no error"
printf 'C 0\n\t\t\tnonsense\nzzzz  x\n' >"$scratch/broken"
rm "$machine/usr/share/misc/pci.ids"
cp "$scratch/broken" "$machine/usr/share/misc/pci.ids"
on list
exits 0
row 0000:01:00.0 1234:1111 bochs-drm
rm "$machine/usr/share/misc/pci.ids"
mkfifo "$machine/usr/share/misc/pci.ids"
on list
exits 0
row 0000:01:00.0 1234:1111 bochs-drm

it "an NVMe disk with several paths hangs on its controllers"
use_machine dual-q35
virtual=sys/devices/virtual/nvme-subsystem/nvme-subsys0
echo 259:0 | put $virtual/nvme0n1/dev
echo 8192 | put $virtual/nvme0n1/size
ln -s "../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1" "$machine/sys/class/block/nvme0n1"
ln -s "../../../pci0000:00/0000:00:1f.2/nvme/nvme0" "$machine/$virtual/nvme0"
on list
exits 0
grep -A1 -F 0000:00:1f.2 "$scratch/out" | grep -qF "disk nvme0n1" || wrong "nvme0n1 is not below 0000:00:1f.2"

it "what devices call themselves reaches no terminal uncleaned, and JSON stays valid"
use_machine x570-3700x '/^usb 1-2/s/product="[^"]*"/product="\\x1b]0;owned\\x07\\x9b2J\\x7f\\xff"/; /^usb 3-1/s/product="[^"]*"/product="Gr\\xc3\\xb6\\xc3\\x9fe \\xc0\\xaf\\xed\\xa0\\x80"/; s/^proc\/self\/mountinfo.*/&\n99 1 8:17 \/ \/media\/\\033[31mred\\012line rw - vfat \/dev\/sdb1 rw/'
on list
exits 0
has out 'Logitech ?]0;owned??2J??' '?[31mred?line'
! grep -qP '[^\n\x20-\x7e]' "$scratch/out" || wrong "a control character in the table"
on list --tree
! grep -qP '[^\n\x20-\x7e]' "$scratch/out" || wrong "a control character in the tree"
on list --json
exits 0
has out '\u001B]0;owned\u0007?2J??' 'Gr\u00F6\u00DFe ?????'
! grep -qP '[^\n\x20-\x7e]' "$scratch/out" || wrong "a control character in the document"

it "a terminal's width cuts names, nothing else; a pipe's does not"
use_machine x570-3700x
if command -v script >/dev/null; then
	script -qc "stty cols 80; $build/vfio-device list --root $machine" /dev/null </dev/null >"$scratch/out"
	tr -d '\r' <"$scratch/out" >"$scratch/cut"
	[ "$(wc -L <"$scratch/cut")" -le 80 ] || wrong "a line of $(wc -L <"$scratch/cut") columns"
	cp "$scratch/cut" "$scratch/out"
	row 0000:0b:00.0 1002:73bf amdgpu
	row 0000:0c:00.0 1002:67df amdgpu "boot display"
	lacks out "Radeon RX 6800 XT]"
	COLUMNS=80 on list
	has out "Radeon RX 6800 XT]"
else
	skip "no script(1)"
fi

it "nothing of this system's bus, and no network, is looked at with --root"
use_machine dual-q35
if ! command -v strace >/dev/null; then
	skip "no strace"
else
	# LeakSanitizer cannot work while it is traced.
	ASAN_OPTIONS=detect_leaks=0 strace -f -o "$scratch/trace" -e trace=%file,%network "$build/vfio-device" list --root "$machine" >/dev/null
	grep -q "$machine" "$scratch/trace" || wrong "the trace is empty"
	! grep -E '"/(sys|proc/bus|proc/self/mount)|socket\(|pciids-cache|hwdb' "$scratch/trace" || wrong "looked outside"
fi

it "a full disk under the output: exit 4"
status=0
"$build/vfio-device" list --root "$machine" >/dev/full 2>"$scratch/err" || status=$?
exits 4
has err stdout

it "this system itself"
run list --all --json
if [ -d /sys/bus/pci/devices ] && [ $status = 0 ]; then
	for device in /sys/bus/pci/devices/*; do
		has out "\"address\": \"${device##*/}\""
	done
	lspci=$(command -v lspci || true)
	count=$(grep -c '"address"' "$scratch/out")
	[ -z "$lspci" ] || [ "$count" = "$(lspci | wc -l)" ] || wrong "lspci lists another number than $count"
else
	skip "no PCI bus here, or a container: $(cat "$scratch/err")"
fi

done_testing
