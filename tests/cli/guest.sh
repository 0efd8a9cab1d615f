#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest's session on captured machines, whose drivers do not move and which have no systemd: `vfio-device reclaim` and
# `release` with --guest, and the libvirt hook. How cards, pages and units do move: tests/unit/test-guest.c.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"

record=run/vfio-bootcfg/guest/win

pool() {
	local dir=sys/devices/system/node/node0/hugepages/hugepages-$1kB
	put "$dir/nr_hugepages" <<<"$2"
	put "$dir/free_hugepages" <<<"$2"
	put "$dir/surplus_hugepages" <<<0
	dir=sys/kernel/mm/hugepages/hugepages-$1kB
	put "$dir/nr_hugepages" <<<"$2"
	put "$dir/free_hugepages" <<<"$2"
	put "$dir/surplus_hugepages" <<<0
	put "$dir/resv_hugepages" <<<0
}

# The first card is with vfio-pci since boot, the second with the host; a node of 16 GiB with 100 pages.
claimed='/^pci 0000:01:00/s/driver=[^ ]*/driver=vfio-pci/'
host() {
	use_machine dual-q35 "${1-$claimed}"
	put proc/cmdline <<<'root=/dev/vda1 quiet intel_iommu=on'
	put proc/meminfo <<<$'MemTotal:       16777216 kB\nHugepagesize:       2048 kB'
	put sys/devices/system/node/node0/meminfo <<<'Node 0 MemTotal:       16777216 kB'
	pool 2048 100
	put etc/vfio-bootcfg.conf <<'END'
[device gpu]
path = 0000:00:10.0/00.0
id = 1234:1111
[device second]
path = 0000:00:11.0/00.0
id = 1234:1111
claim = guest
[guest win]
devices = gpu
hugepages-2M = 512
stop-units = display-manager.service
[guest other]
devices = gpu
hugepages-2M = 10
[guest both]
devices = gpu,second
hugepages-2M = 512
END
}

pages() {
	local found
	found=$(head -n 1 "$machine/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages")
	[ "$found" = "$1" ] || wrong "there are $found pages, not $1"
	put sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages <<<"$found"
}

# hook ARGUMENT...: as libvirt runs it, with a document on stdin that is larger than a pipe.
hook() {
	status=0
	head -c 200000 /dev/zero | "$build/vfio-libvirt-hook" --root "$machine" "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
	[ "${PIPESTATUS[0]}" = 0 ] || wrong "stdin was not read to its end"
}

snapshot() { (cd "$machine" && find . -type f -exec md5sum {} + | sort -k 2) >"$scratch/$1"; }
same() { diff -u "$scratch/$1" "$scratch/$2" || wrong "something was changed"; }

it "start and end: what is missing is added, and only that is given back"
host
on reclaim --guest win
exits 0
empty err
like out <(echo "huge pages of 2M on node 0  412 added")
pages 512
grep -qx 'state = running' "$machine/$record" || wrong "the record is not of a guest that runs"
grep -qx 'devices = gpu' "$machine/$record" || wrong "its devices are not recorded"
on reclaim --guest win --json
exits 0
jq -e '. == {"devices": [], "units": [], "hugepages": [], "settings": null}' "$scratch/out" >/dev/null || wrong "JSON: $(cat "$scratch/out")"
pages 512
on release --guest win --json
exits 0
empty err
jq -e '.hugepages == [{"size_kib": 2048, "node": 0, "added": 0, "released": 412}] and .error == null' "$scratch/out" >/dev/null ||
	wrong "JSON: $(cat "$scratch/out")"
pages 100
[ ! -e "$machine/$record" ] || wrong "the record is still there"
[ ! -e "$machine/run/vfio-bootcfg/hugepages/win" ] || wrong "the loan is still there"
on release --guest win
exits 0
has err "there was nothing to give back"

it "the hook does the same at prepare/begin and release/end, and says nothing"
for end in "stopped end -" "release end -"; do
	hook win prepare begin -
	exits 0
	empty out
	empty err
	pages 512
	# shellcheck disable=SC2086
	hook win $end
	exits 0
	empty err
	[ "$end" = "release end -" ] || pages 512
done
pages 100
[ ! -e "$machine/$record" ] || wrong "the record is still there"

it "the hook: no other operation does anything, nor a guest without a section or with a name that cannot have one"
host
snapshot before
for arguments in "win start begin -" "win started begin -" "win stopped end -" "win reconnect begin -" "win migrate begin -" \
	"win restore begin -" "win attach begin -" "win prepare end -" "win release begin -" "nobody prepare begin -" "nobody release end -" \
	"win release end -"; do
	# shellcheck disable=SC2086
	hook $arguments
	exits 0
	empty out
	empty err
done
for name in "a guest" "wín" "../../etc" "" ".." "-x" "$(printf 'n%.0s' {1..300})"; do
	hook "$name" prepare begin -
	exits 0
	hook "$name" release end -
	exits 0
	empty err
done
snapshot after
same before after

it "the hook by hand: what it wants"
program=vfio-libvirt-hook
run win prepare
program=vfio-device
exits 2
has err "usage: vfio-libvirt-hook GUEST OPERATION SUBOPERATION"

it "the switch on the kernel command line stops the hook: one line, exit 0"
host
snapshot before
for word in rd.vfio=0 vfio_bootcfg.enable=0 single; do
	put proc/cmdline <<<"root=/dev/vda1 $word quiet"
	hook win prepare begin -
	exits 0
	has err "nothing is done for the guest: \`$word\` on the kernel command line"
	[ "$(wc -l <"$scratch/err")" = 1 ] || wrong "more than one line"
	hook nobody prepare begin -
	empty err
	hook win release end -
	exits 0
	empty err
done
put proc/cmdline <<<'root=/dev/vda1 quiet intel_iommu=on'
snapshot after
same before after

it "a profile that cannot be read: no guest starts whose name could stand in it; its place is said, and ends are not kept"
host
hook win prepare begin -
exits 0
echo nonsense >>"$machine/etc/vfio-bootcfg.conf"
line=$(wc -l <"$machine/etc/vfio-bootcfg.conf")
hook nobody prepare begin -
exits 2
has err "vfio-libvirt-hook: /etc/vfio-bootcfg.conf:$line: "
hook "a guest" prepare begin -
exits 0
on reclaim --guest win
exits 2
has err "/etc/vfio-bootcfg.conf:$line: "
pages 512
hook win release end -
exits 0
pages 100
[ ! -e "$machine/$record" ] || wrong "the record is still there"

it "names: not one of the profile, not in it, and neither with a card"
host
on reclaim --guest "a guest"
exits 2
has err "\`--guest a guest\`: not a name of the profile"
on reclaim --guest wni
exits 2
has err "the profile has no [guest wni]"
on release --guest ../win
exits 2
on reclaim --guest win gpu
exits 2
has err "one card is needed"

it "a card of another guest that runs: refused, with its name"
host
snapshot before
hook win prepare begin -
exits 0
pages 512
snapshot running
hook other prepare begin -
exits 3
has err "[device gpu] is with the guest win, whose session runs: where that guest is off, vfio-device release --guest win"
snapshot after
same running after
hook other release end -
exits 0
empty err
hook win release end -
exits 0
pages 100
snapshot after
sed -i '/hugepages.lock\|guest.lock/d' "$scratch/after"
same before after
hook other prepare begin -
exits 0
hook other release end -
exits 0

it "a card that was to be claimed at boot, and is not: refused, with the cure"
host ''
on reclaim --guest win
exits 3
has err "0000:01:00.0 of [device gpu] is not with vfio-pci" "vfio-device reclaim gpu"
pages 100
[ ! -e "$machine/$record" ] || wrong "a record stays"

it "a start that fails: nothing is added, no record stays"
host
on reclaim --guest both
exits 4
has err "there is no vfio-pci module"
pages 100
[ ! -e "$machine/run/vfio-bootcfg/guest/both" ] || wrong "a record stays"
on reclaim --guest both --json
exits 4
object 0000:02:00.0 '"result": "failed"' '"reason": "no-module"'
has out '"code": 4'

it "a size or node that this machine has not: exit 2, with its line, before anything is touched"
host
for value in "hugepages-1G = 1" "hugepages-2M = 7:1"; do
	sed -i "0,/^hugepages.*/s//$value/" "$machine/etc/vfio-bootcfg.conf"
	on reclaim --guest win
	exits 2
	has err "/etc/vfio-bootcfg.conf:10: this machine has no "
	[ ! -e "$machine/$record" ] || wrong "a record stays"
done

it "an end while the guest runs: refused by the command; its card, pages and record stay"
host
hook win prepare begin -
put proc/4711/comm <<<qemu
mkdir -p "$machine/proc/4711/fd"
ln -s /dev/vfio/6 "$machine/proc/4711/fd/12"
on release --guest win
exits 3
has err "0000:01:00.0 is in use: qemu (4711) has /dev/vfio/6 open; stop the guest first"
pages 512
[ -e "$machine/$record" ] || wrong "the record is gone"

it "a record that cannot be read: said with its path, and nothing is done"
host
put "$record" <<<'nonsense'
on reclaim --guest win
exits 2
has err "/$record, the record of a session, cannot be read"
pages 100

it "/run without space: exit 4, what is full is named, and nothing stays changed"
if [ "$(id -u)" = 0 ]; then
	said=0
	for inodes in {1..20}; do
		host
		# All pages are free, whatever their number.
		ln -sf nr_hugepages "$machine/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages"
		# shellcheck disable=SC2016 # expanded by the shell in the namespace
		status=0 && unshare -m --propagation private bash -c '
			mkdir -p "$1/run" && mount -t tmpfs -o "size=256k,nr_inodes=$2" none "$1/run" || exit 99
			"$3" reclaim --guest win --root "$1" || exit
		' _ "$machine" "$inodes" "$build/vfio-device" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
		[ $status != 0 ] || break
		exits 4
		pages 100
		said=$((said + 1))
	done
	[ $status = 0 ] || wrong "it never has space enough"
	[ $said -gt 2 ] || wrong "it was never full"
	has out "412 added"
else
	skip "mounting needs root"
fi

it "the hook script outlives its program: no guest is kept from starting, and what libvirt writes is read"
sed "s|^program=.*|program=$scratch/vfio-libvirt-hook|" tools/libvirt-qemu >"$scratch/hook"
head -c 200000 /dev/zero | sh "$scratch/hook" win prepare begin - || wrong "exit $?"
[ "${PIPESTATUS[0]}" = 0 ] || wrong "stdin was not read to its end"
printf '#!/bin/sh\necho "$@"; exit 3\n' >"$scratch/vfio-libvirt-hook" && chmod +x "$scratch/vfio-libvirt-hook"
status=0 && sh "$scratch/hook" win prepare begin - >"$scratch/out" </dev/null || status=$?
exits 3
like out <(echo "win prepare begin -")

it "an image has no guests"
rm "$machine/.vfio-machine"
on reclaim --guest win
exits 4
has err "is no running system"
hook win release end -
exits 0

it "two callers at once: each does it all, one after the other"
host
for _ in 1 2 3; do
	"$build/vfio-device" reclaim --guest other --root "$machine" >>"$scratch/both" 2>&1 || echo "exit $?" >>"$scratch/both" &
	"$build/vfio-libvirt-hook" --root "$machine" other prepare begin - </dev/null >>"$scratch/both" 2>&1 || echo "exit $?" >>"$scratch/both" &
done
wait
! grep -v "nothing to take" "$scratch/both" || wrong "one of them failed"
grep -qx 'state = running' "$machine/run/vfio-bootcfg/guest/other" || wrong "the record is not whole"

done_testing
