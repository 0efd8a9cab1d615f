#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `vfio-device release` and `reclaim` on captured machines, whose drivers do not move: what is refused and why, exit
# codes, the JSON document, and that nothing is left changed. How cards do move: tests/unit/test-handover.c.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"

profile() {
	put etc/vfio-bootcfg.conf <<'END'
[device guest-gpu]
path = 0000:00:10.0/00.0
id = 1234:1111
[device second]
path = 0000:00:11.0/00.0
id = 1234:1111
claim = guest
[guest win]
devices = guest-gpu,second
[guest bare]
cpus = 1
END
}

claimed='/^pci 0000:01:00/s/driver=[^ ]*/driver=vfio-pci/'

# sysfs is as it was: what is written there and does not fail stays.
snapshot() { find "$machine/sys" "$machine/etc" -printf '%P %l\n' -type f -exec cat {} + 2>/dev/null | sort >"$scratch/$1"; }

it "one card must be named, and one only"
use_machine dual-q35
profile
for arguments in "release" "reclaim" "release guest-gpu second" "reclaim guest-gpu --guest win"; do
	# shellcheck disable=SC2086
	on $arguments
	exits 2
	has err "one card is needed" --guest
done

it "a name that is not in the profile: exit 2, and the one that was meant"
on release guest-gup
exits 2
has err "guest-gup: no [device] of the profile has this name; did you mean guest-gpu?"
on reclaim --guest wni
exits 2
has err "no [guest wni]"
on reclaim 0000:55:00.0
exits 2
has err "this host has no such PCI function"
on --json release nothing-like-it
exits 2
has out '"error": {' '"code": 2'

it "a profile that cannot be read: exit 2, its place, nothing is done"
echo 'nonsense' | put etc/vfio-bootcfg.conf
on release 0000:01:00.0
exits 2
has err "/etc/vfio-bootcfg.conf:1: "
profile

it "release of what the host has: nothing to do, exit 0, and it stays released"
snapshot before
on release guest-gpu
exits 0
empty err
has out "0000:01:00.0  bochs-drm, as before" "0000:01:00.1  snd_hda_intel, as before"
[ -e "$machine/run/vfio-bootcfg/released/0000:01:00.1" ] || wrong "not marked as released"
on list
row 0000:01:00.0 "released (guest-gpu)"
snapshot after
cmp "$scratch/before" "$scratch/after" || wrong "something else was changed"

it "reclaim of what vfio-pci has: nothing to do, exit 0, and the mark of a release goes"
use_machine dual-q35 "$claimed"
profile
printf 'vfio-pci\n' | tee "$machine/sys/bus/pci/devices/0000:01:00.0/driver_override" >"$machine/sys/bus/pci/devices/0000:01:00.1/driver_override"
put run/vfio-bootcfg/released/0000:01:00.0 </dev/null
on reclaim guest-gpu --json
exits 0
empty err
has out '"address": "0000:01:00.0"' '"from": "vfio-pci"' '"to": "vfio-pci"' '"result": "unchanged"' '"reason": null'
[ ! -e "$machine/run/vfio-bootcfg/released/0000:01:00.0" ] || wrong "still marked as released"

it "a guest that runs keeps its card: its process is named, cleaned, and nothing is touched"
printf 'qemu\033[31m\n' | put proc/4711/comm
mkdir -p "$machine/proc/4711/fd"
ln -s /dev/vfio/6 "$machine/proc/4711/fd/12"
snapshot before
on release guest-gpu --force
exits 3
has err "0000:01:00.0 is in use: qemu?[31m (4711) has /dev/vfio/6 open; stop the guest first"
snapshot after
cmp "$scratch/before" "$scratch/after" || wrong "something was changed"
on release guest-gpu --json
exits 3
object 0000:01:00.0 '"result": "refused"' '"reason": "in-use"' '"from": "vfio-pci"' '"to": "vfio-pci"'
object 0000:01:00.1 '"result": "refused"' '"reason": "sibling"'
has out '"code": 3'

it "the host's display, a bridge, the root disk: exit 3"
use_machine dual-q35
profile
snapshot before
on reclaim 0000:00:01.0
exits 3
has err "0000:00:01.0 is the display that this host boots on"
on reclaim 00:10.0 --force
exits 3
has err "is a bridge"
on reclaim 0000:00:02.0 --force
exits 3
has err "a disk of 0000:00:02.0 is in use by the host" "vda is mounted on /"
snapshot after
cmp "$scratch/before" "$scratch/after" || wrong "something was changed"

it "part of a group: exit 3, and who else is in it"
sed -i 's/^\[device second\]/functions = 0\n&/' "$machine/etc/vfio-bootcfg.conf"
on reclaim guest-gpu
exits 3
has err "IOMMU group 6" "0000:01:00.1, which snd_hda_intel holds"
profile

# The rest of --guest: tests/cli/guest.sh.
it "--guest: its devices with claim = guest, and none is no error"
on release --guest win
exits 0
has out 0000:02:00.0
lacks out 0000:01:00.0
on release --guest bare
exits 0
empty out
has err "[guest bare]: there was nothing to give back"

it "without an IOMMU: exit 3, and what to do"
use_machine no-iommu
on reclaim 0000:01:00.0
exits 3
has err "has no IOMMU group" "vfio-bootcfg set --iommu pt"

it "a card that cannot be had: exit 4 or 5, and no override stays"
use_machine dual-q35
profile
on reclaim guest-gpu
exits 4
has err "there is no vfio-pci module"
for function in 0000:01:00.0 0000:01:00.1; do
	! grep -q vfio "$machine/sys/bus/pci/devices/$function/driver_override" || wrong "an override stays on $function"
done

it "modules that stand on the card's driver: who uses them, and what cannot be unloaded is said and put back"
use_machine nvidia-single
put etc/vfio-bootcfg.conf <<'END'
[device gpu]
path = 0000:00:01.0/00.0
id = 10de:1e84
allow-boot-display = yes
END
echo python3 | put proc/4711/comm
mkdir -p "$machine/proc/4711/fd"
ln -s /dev/nvidia-uvm "$machine/proc/4711/fd/12"
snapshot before
on reclaim gpu --force
exits 3
has err "0000:01:00.0 is in use: python3 (4711) has /dev/nvidia-uvm open"
rm -r "$machine/proc/4711"
echo 2 | put sys/module/nvidia_drm/refcnt
on reclaim gpu --force
exits 3
has err "the kernel module nvidia_drm must be unloaded" "in use (2 times)"
echo 0 | put sys/module/nvidia_drm/refcnt
snapshot after
cmp "$scratch/before" "$scratch/after" || wrong "something was changed"
on reclaim gpu --json
exits 5
has err "the kernel module nvidia_drm" "cannot be unloaded"
for function in 0 1 2 3; do
	! grep -q vfio "$machine/sys/bus/pci/devices/0000:01:00.$function/driver_override" || wrong "an override stays on $function"
done

it "an image has no cards: exit 4"
use_machine dual-q35
profile
rm "$machine/.vfio-machine"
on release guest-gpu
exits 4
has err "is an image"
[ ! -e "$machine/run/vfio-bootcfg/released" ] || wrong "it was written to"

it "two callers at once: the second waits for the first"
use_machine dual-q35
profile
mkdir -p "$machine/run/vfio-bootcfg"
mkfifo "$scratch/go"
flock "$machine/run/vfio-bootcfg" sh -c ": >\"$scratch/locked\"; read -r _ <\"$scratch/go\"" &
until [ -e "$scratch/locked" ]; do :; done
holder=$!
"$build/vfio-device" release guest-gpu --root "$machine" >"$scratch/order.2" 2>"$scratch/err" &
second=$!
# Until it has the directory open that the lock is on, or has ended.
until [ ! -e "/proc/$second/fd" ] || find "/proc/$second/fd" -lname '*/run/vfio-bootcfg' 2>/dev/null | grep -q .; do :; done
[ ! -s "$scratch/order.2" ] || wrong "the second did not wait"
echo >"$scratch/go"
wait "$holder" "$second" || wrong "the second failed: $(cat "$scratch/err")"
wait
grep -qF "bochs-drm, as before" "$scratch/order.2" || wrong "the second did nothing: $(cat "$scratch/order.2")"

it "/run without space: exit 4, the card stays, and no mark is left that would keep the udev rule away from it"
if [ "$(id -u)" = 0 ]; then
	for inodes in {1..20}; do
		use_machine dual-q35 "$claimed"
		profile
		# shellcheck disable=SC2016 # expanded by the shell in the namespace
		status=0 && unshare -m --propagation private bash -c '
			mkdir -p "$1/run" && mount -t tmpfs -o "size=256k,nr_inodes=$2" none "$1/run" || exit 99
			"$3" release guest-gpu --root "$1" || { status=$?; find "$1/run" -path "*released/*" >&3; exit $status; }
		' _ "$machine" "$inodes" "$build/vfio-device" >"$scratch/out" 2>"$scratch/err" 3>"$scratch/marks" </dev/null || status=$?
		grep -q "No space" "$scratch/err" "$scratch/out" || break
		exits 4
		empty marks
	done
	[ "$inodes" -gt 3 ] || wrong "it was never full"
else
	skip "mounting needs root"
fi

done_testing
