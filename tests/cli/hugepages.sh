#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `vfio-hugepages` on captured machines, whose pools are plain files: what is written to them is there when it is
# read back, and nothing else changes. How pools behave is in test-pages and test-hugepages. And vfio-early-pages.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"
program=vfio-hugepages

# pool NODE SIZE_KIB TOTAL FREE: of a node, or of `all`.
pool() {
	local dir=sys/devices/system/node/node$1/hugepages/hugepages-$2kB
	[ "$1" != all ] || dir=sys/kernel/mm/hugepages/hugepages-$2kB
	put "$dir/nr_hugepages" <<<"$3"
	put "$dir/free_hugepages" <<<"$4"
	put "$dir/surplus_hugepages" <<<0
	[ "$1" != all ] || put "$dir/resv_hugepages" <<<"${5-0}"
}

# two_nodes: 16 GiB each, no pages.
two_nodes() {
	use_machine no-iommu
	put proc/meminfo <<<$'MemTotal:       33554432 kB\nHugepagesize:       2048 kB'
	put proc/cmdline <<<'root=/dev/vda1 quiet'
	for size in 2048 1048576; do
		pool all $size 0 0
		for node in 0 1; do
			pool $node $size 0 0
			put sys/devices/system/node/node$node/meminfo <<<"Node $node MemTotal:       16777216 kB"
		done
	done
}

# total NODE SIZE_KIB COUNT: what is written there now.
total() {
	local found
	found=$(head -n 1 "$machine/sys/devices/system/node/node$1/hugepages/hugepages-$2kB/nr_hugepages")
	[ "$found" = "$3" ] || wrong "node $1 has $found pages of $2 kB, not $3"
}

it "status: a line per size and node, as JSON and as a table"
two_nodes
pool 0 2048 512 40
pool 1 2048 256 256
pool all 2048 768 296 7
put etc/vfio-bootcfg.conf <<'END'
[hugepages]
2M = 0:512,1:300
END
on status
exits 1
empty err
like out <(cat <<'END'
SIZE NODE TOTAL FREE PROMISED SURPLUS WANTED
  2M  all   768  296        7       0    812
  2M    0   512   40        -       0    512
  2M    1   256  256        -       0    300
  1G  all     0    0        0       0      -
  1G    0     0    0        -       0      -
  1G    1     0    0        -       0      -
END
)
on status 2M --node 0 --json
exits 0
empty err
jq -e '.pools == [{"size_kib":2048,"node":0,"total":512,"free":40,"reserved":null,"surplus":0,"wanted":512}]' "$scratch/out" >/dev/null ||
	wrong "JSON: $(cat "$scratch/out")"
on status 2M --json
jq -e '.pools | length == 3 and .[0].node == null and .[0].reserved == 7 and .[0].total == 768' "$scratch/out" >/dev/null ||
	wrong "JSON: $(cat "$scratch/out")"

it "reclaim: the profile's pools, evenly where no node is named; again: nothing is opened for writing"
two_nodes
put etc/vfio-bootcfg.conf <<'END'
[hugepages]
2M = 0:512,1:100
1G = 5
END
on reclaim
exits 0
empty err
has out "1G: 5 pages" "2M on node 0: 512 pages" "2M on node 1: 100 pages"
total 0 2048 512
total 1 2048 100
total 0 1048576 3
total 1 1048576 2
find "$machine/sys" -type f -exec stat -c '%n %Y %Z %i' {} + >"$scratch/before"
on reclaim
exits 0
find "$machine/sys" -type f -exec stat -c '%n %Y %Z %i' {} + | cmp -s "$scratch/before" - || wrong "it has written"

it "reclaim SIZE=VALUE, SIZE, --node"
two_nodes
put etc/vfio-bootcfg.conf <<<$'[hugepages]\n1G = 4'
on reclaim 2M=0:10,1:20
exits 0
total 0 2048 10
total 1 2048 20
total 0 1048576 0
on reclaim 1G --node 1
exits 0
total 0 1048576 0
total 1 1048576 4
on reclaim 2M=0:11,1:30 --node 1 --json
exits 0
total 0 2048 10
total 1 2048 30
jq -e '.reclaimed == [{"size_kib":2048,"node":1,"wanted":30,"got":30,"reason":null,"held":null,
	"won":{"write":10,"demote":0,"compact":0,"drop-caches":0,"wait":0}}]' "$scratch/out" >/dev/null || wrong "JSON: $(cat "$scratch/out")"

it "reclaim: the host is not starved; exit 1 says how many, why, and what holds the rest"
two_nodes
on reclaim 1G=0:16
exits 1
empty out
has err "1G on node 0: 14 of 16 pages: the host keeps 1 GiB, and a tenth of each node" "of 16384 MiB" "14336 by huge pages"
total 0 1048576 14
on reclaim 1G=0:16 --json
exits 1
jq -e '.error.code == 1 and .reclaimed[0].reason == "starves-host" and .reclaimed[0].got == 14' "$scratch/out" >/dev/null ||
	wrong "JSON: $(cat "$scratch/out")"

it "release: idle pages only; what is used or promised stays, and is said"
two_nodes
pool 0 2048 100 60
pool 1 2048 50 50
pool all 2048 150 110 20
on release 2M
exits 0
has out "2M: 70 pages released, 80 stay"
total 0 2048 60
total 1 2048 20
pool 1 2048 50 50
on release 2M=1:40 --json
exits 0
total 1 2048 20
jq -e '.released == [{"size_kib":2048,"node":1,"asked":40,"released":30,"kept":20}]' "$scratch/out" >/dev/null || wrong "JSON: $(cat "$scratch/out")"
has err "2M on node 1: 10 pages are used by a guest or promised to one"

it "release --keep, and the profile's count by default: what others have reserved stays"
two_nodes
pool 0 2048 100 100
on release 2M --keep 30
exits 0
total 0 2048 30
pool 0 2048 100 100
put etc/vfio-bootcfg.conf <<<$'[hugepages]\n2M = 64'
on release
exits 0
total 0 2048 36
pool 1 2048 10 10
on release 2M=5 --node 1
exits 0
total 0 2048 36
total 1 2048 5

# process PID NAME HUGE_KIB: with a mapping of 8 pages of 2M, of which 3 on node 0 and 2 on node 1 are used, where HUGE_KIB is
# not 0; else of 4 pages that are promised only, and of 9 that nobody has promised.
process() {
	put "proc/$1/comm" <<<"$2"
	put "proc/$1/status" <<<$'Name:\tx\nHugetlbPages:\t'"$3 kB"
	if [ "$3" != 0 ]; then
		put "proc/$1/maps" <<<"7f0000000000-7f0001000000 rw-s 00000000 00:2b 77   /dev/hugepages/qemu (deleted)"
		put "proc/$1/smaps" <<-END
			55d000000000-55d000001000 rw-p 00000000 00:00 0
			Size:                  4 kB
			KernelPageSize:        4 kB
			Shared_Hugetlb:        0 kB
			VmFlags: rd wr mr mw me ac
			7f0000000000-7f0001000000 rw-s 00000000 00:2b 77   /dev/hugepages/qemu (deleted)
			Size:              16384 kB
			KernelPageSize:     2048 kB
			Shared_Hugetlb:    8192 kB
			Private_Hugetlb:   2048 kB
			VmFlags: rd wr sh mr mw me ms de ht
		END
		put "proc/$1/numa_maps" <<-END
			55d000000000 default anon=1 N0=99 kernelpagesize_kB=4
			7f0000000000 default file=/dev/hugepages/qemu huge dirty=5 N0=3 N1=2 kernelpagesize_kB=2048
		END
	else
		put "proc/$1/maps" <<<"7f0000000000-7f0000800000 rw-s 00000000 00:0f 77   /anon_hugepage (deleted)"
		put "proc/$1/smaps" <<-END
			7f0000000000-7f0000800000 rw-s 00000000 00:0f 77   /anon_hugepage (deleted)
			Size:               8192 kB
			KernelPageSize:     2048 kB
			Shared_Hugetlb:        0 kB
			Private_Hugetlb:       0 kB
			VmFlags: rd wr sh mr mw me ms ht
			7f0010000000-7f0011200000 rw-s 00000000 00:0f 78   /anon_hugepage (deleted)
			Size:              18432 kB
			KernelPageSize:     2048 kB
			VmFlags: rd wr sh mr mw me ms nr ht
		END
		put "proc/$1/numa_maps" <<<"7f0000000000 default file=/anon_hugepage huge"
	fi
}

it "who holds pages: status -v, what release keeps, what reclaim is short of"
two_nodes
pool 0 2048 10 7
pool 1 2048 8 6
pool all 2048 18 13 7
process 812 $'qemu\e[1m-x86' 10240
process 90 dpdk 0
process 91 bash 0
rm "$machine/proc/91/maps" "$machine/proc/91/smaps"
put proc/2/status <<<$'Name:\tkthreadd'
put proc/93/status <<<$'HugetlbPages:\t4096 kB'
on status 2M
lacks out dpdk
on status -v
grep -qx 'qemu?\[1m-x86 (812) uses 5 of 2M and was promised 3 more' "$scratch/out" || wrong "no qemu: $(cat "$scratch/out")"
grep -qx 'dpdk (90) was promised 4 of 2M' "$scratch/out" || wrong "no dpdk: $(cat "$scratch/out")"
lacks out bash
on status -v 1G
lacks out dpdk qemu
on status -v --json --node 1
jq -e '.holders == [{"pid":812,"name":"qemu?[1m-x86","size_kib":2048,"used":2,"promised":3},
	{"pid":90,"name":"dpdk","size_kib":2048,"used":0,"promised":4}]' "$scratch/out" >/dev/null || wrong "JSON: $(cat "$scratch/out")"
on status --json
jq -e 'has("holders") | not' "$scratch/out" >/dev/null || wrong "JSON: $(cat "$scratch/out")"
on release 2M=0:10
exits 0
total 0 2048 10
has err "10 pages are used by a guest or promised to one, and stay until it ends: qemu?[1m-x86 (812) uses 3 of 2M and was promised 3 more, dpdk (90) was"
on reclaim 1G=1:16
exits 1
has err "by huge pages, of which qemu?[1m-x86 (812) uses 2 of 2M and was promised 3 more, dpdk (90) was promised 4 of 2M"
rm -r "$machine/proc/812/numa_maps"
for pid in 95 96 97; do
	process $pid "third" 0
done
on release 2M=0:10
has err "(812) uses 5 of 2M" "dpdk (90)" "third (95)" ", and 2 more"
lacks err "(96)"

it "a guest gets what is missing, and only that is taken back"
two_nodes
pool 0 2048 20 4
pool all 2048 20 4 1
put etc/vfio-bootcfg.conf <<'END'
[guest win11]
hugepages-2M = 0:10
[guest plain]
cpus = 2-3
END
on reclaim --guest win11
exits 0
total 0 2048 27
[ "$(cat "$machine/run/vfio-bootcfg/hugepages/win11")" = $'[pool 2048 0]\nadded = 7' ] ||
	wrong "the loan: $(cat "$machine/run/vfio-bootcfg/hugepages/win11")"
pool 0 2048 27 27
pool all 2048 27 27 0
on reclaim --guest win11
exits 0
total 0 2048 27
on release --guest win11
exits 0
has out "2M on node 0: 7 pages released, 20 stay"
total 0 2048 20
[ ! -e "$machine/run/vfio-bootcfg/hugepages/win11" ] || wrong "the loan is still recorded"
on release --guest win11
exits 0
has err "was given no pages"
total 0 2048 20
on reclaim --guest plain
exits 0
empty err

it "what a guest still uses stays recorded, and is taken back later"
two_nodes
put etc/vfio-bootcfg.conf <<<$'[guest a]\nhugepages-2M = 1:8'
on reclaim --guest a
exits 0
pool 1 2048 8 3
on release --guest a
exits 0
total 1 2048 5
has err "5 pages are used by a guest"
pool 1 2048 5 5
on release --guest a
exits 0
total 1 2048 0

it "bad input: exit 2, nothing is written"
two_nodes
put etc/vfio-bootcfg.conf <<<$'[guest a]\nhugepages-2M = 8'
find "$machine" -type f -exec sha256sum {} + | sort >"$scratch/before"
for arguments in "reclaim" "release" "reclaim 2M" "reclaim 3M=1" "reclaim 2M=" "reclaim 2M=x" "reclaim 2M=-1" "reclaim 2M=0:1,2" \
	"reclaim 2M=1 2M=2" "reclaim 32M=1" "reclaim 2M=7:1" "reclaim 2M=1 --node 7" "reclaim 2M=1 --node x" "reclaim 2M=1 --wait soon" \
	"reclaim 2M=1 --wait -1" "release 2M --keep all" "reclaim --guest b" "reclaim --guest ../../etc/passwd" "reclaim 2M=1 --guest a" \
	"status 2G=" "status --node 2" "status --wait 3" "release --wait 3 2M" "reclaim 2M=99999999999" "reclaim 2M=0:5,0:6" \
	"release 2M=0:5,0:6" "reclaim 2M=0:5,1:6,0:5" "reclaim 2M=18446744073709551617" "reclaim 2M=0x10" "reclaim 2M=1e3" "reclaim 2M=+1" \
	"reclaim 2M=-1:5" "reclaim 2M=0:-5" "reclaim 2M=0:" "reclaim 2M=:5" "reclaim 2M=0:1," "reclaim 2M=4294967296:1" "reclaim 2M=1.5" \
	"release 2M --keep -1" "release 2M --keep 18446744073709551617" "release 2M --keep 1k" "release 2M --node -1" \
	"status --node 4294967296" "status 16G" "status 0M" "release 2M=1 2M" "reclaim 2M=1 --wait 86401" "reclaim 2M=1 --wait 1.5" \
	"reclaim 2M=1 --wait 18446744073709551617" "reclaim 1G=0:17" "reclaim 2M=1:8193" "reclaim 1G=33" "reclaim 2M=16385" \
	"reclaim 2M=0:1,1:8193"; do
	# shellcheck disable=SC2086 # words are meant
	on $arguments
	exits 2
	[ -s "$scratch/err" ] || wrong "'$arguments' says nothing"
done
find "$machine" -type f -exec sha256sum {} + | sort | cmp -s "$scratch/before" - || wrong "something was written"
on reclaim 2M=1:8193
has err "8193 pages of 2M are more than all memory" "node 1 has 16384 MiB" "7372 pages of 2M at most"
on reclaim 32M=1
has err "this machine has no huge pages of 32M: it has 2M, 1G"
on reclaim 2M=7:1
has err "this machine has no NUMA node 7: it has 0, 1"
on release 2M=9 --keep 99
exits 0
on release 2M=999999999
exits 0
find "$machine/sys" -type f -exec sha256sum {} + | sort | cmp -s <(grep "$machine/sys/" "$scratch/before") - || wrong "something was written"
echo nonsense >"$machine/etc/vfio-bootcfg.conf"
on reclaim 2M=1
exits 2
has err "/etc/vfio-bootcfg.conf:1:"

it "an image, a machine without huge pages, pools that cannot be read or written"
two_nodes
rm "$machine/.vfio-machine"
on status
exits 4
has err "is an image"
two_nodes
rm -r "$machine/sys/kernel/mm"
on status
exits 4
has err "there are no huge pages"
two_nodes
echo >"$machine/sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages"
on reclaim 2M=4
exits 4
two_nodes
rm "$machine/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"
mkdir "$machine/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"
on reclaim 2M=4
exits 4

it "two callers: the second waits for the first, and sees what it did"
two_nodes
mkdir -p "$machine/run/vfio-bootcfg"
echo 4711 >"$machine/run/vfio-bootcfg/hugepages.lock"
exec 9<"$machine/run/vfio-bootcfg/hugepages.lock"
# A lock that is shared is one all the same.
flock -s 9
"$build/$program" reclaim 2M=1:5 --root "$machine" >"$scratch/out" 2>"$scratch/err" 9>&- &
pid=$!
until grep -q waiting "$scratch/err"; do kill -0 $pid || break; done
has err "waiting for another vfio-hugepages, process 4711"
pool 1 2048 3 3
exec 9>&-
wait $pid || wrong "exit status $?"
has out "2M on node 1: 5 pages"
total 1 2048 5
[ "$(cat "$machine/run/vfio-bootcfg/hugepages.lock")" = $pid ] || wrong "the lock does not say who had it"

# full NODE COMMAND...: in the background, where each write to this node's pool of 2M says yes and brings nothing.
full() {
	local file=$machine/sys/devices/system/node/node$1/hugepages/hugepages-2048kB/nr_hugepages
	shift
	ASAN_OPTIONS=detect_leaks=0 strace -f -o "$scratch/trace" -P "$file" -e trace=write -e inject=write:retval=2 \
		"$build/$program" "$@" --root "$machine" >"$scratch/out" 2>"$scratch/err" </dev/null &
	pid=$!
}

it "memory in pieces: each step is tried, and the deadline ends it"
two_nodes
for file in sys/devices/system/node/node{0,1}/compact proc/sys/vm/drop_caches proc/sys/vm/compact_memory; do
	put "$file" <<<-
done
full 1 reclaim 2M=1:5 --wait 2
status=0
wait $pid || status=$?
exits 1
has err "2M on node 1: 0 of 5 pages: the kernel finds no more memory in one piece; of 16384 MiB"
[ "$(cat "$machine/sys/devices/system/node/node1/compact")" = 1 ] || wrong "node 1 was not compacted"
[ "$(cat "$machine/sys/devices/system/node/node0/compact")" = - ] || wrong "node 0 was compacted"
[ "$(cat "$machine/proc/sys/vm/drop_caches")" = 3 ] || wrong "caches were not dropped"
writes=$(grep -c INJECTED "$scratch/trace")
[ "$writes" -ge 5 ] || wrong "$writes writes: not one a step, and another while it waited"

# on_terminal ARGUMENT...: the same as `on`, but its stderr is a terminal. What it says is in $scratch/terminal.
on_terminal() {
	status=0
	script -qec "$(printf '%q ' "$build/$program" "$@" --root "$machine") >$(printf %q "$scratch/out")" /dev/null \
		>"$scratch/terminal" </dev/null || status=$?
}

it "a bar on a terminal, and nowhere else; it is wiped in the end"
two_nodes
on_terminal reclaim 2M=1:200
exits 0
grep -qF $'\r2M on node 1 [###---------------------] 32 of 200  write' "$scratch/terminal" || wrong "no bar: $(cat -v "$scratch/terminal")"
grep -qF '[########################] 200 of 200' "$scratch/terminal" || wrong "no end of the bar: $(cat -v "$scratch/terminal")"
[ "$(tail -c 4 "$scratch/terminal")" = $'\r\e[K' ] || wrong "it is not wiped: $(cat -v "$scratch/terminal")"
has out "2M on node 1: 200 pages"
for arguments in "-q 2M=1:400" "--json 2M=1:600"; do
	# shellcheck disable=SC2086 # words are meant
	on_terminal reclaim $arguments
	exits 0
	[ ! -s "$scratch/terminal" ] || wrong "$arguments: $(cat -v "$scratch/terminal")"
done
on reclaim 2M=1:800
empty err

it "--wait ends an effort that still finds pages; without it each step is taken to its end"
two_nodes
slow() {
	ASAN_OPTIONS=detect_leaks=0 strace -f -o "$scratch/trace" -P "$machine/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages" \
		-e trace=write -e inject=write:delay_enter=600000 "$build/$program" "$@" --root "$machine" >"$scratch/out" 2>"$scratch/err" </dev/null ||
		status=$?
}
status=0
slow reclaim 2M=1:4000 --wait 1
exits 1
has err "of 4000 pages: the time of --wait is over"
total 1 2048 "$(sed -n 's/^.*2M on node 1: \([0-9]*\) of 4000 pages.*/\1/p' "$scratch/err")"
writes=$(grep -c DELAYED "$scratch/trace") || true
[ "$writes" = 1 ] || [ "$writes" = 2 ] || wrong "$writes writes of 0.6 s in 1 s"
status=0
slow reclaim 2M=1:300 --json
exits 0
total 1 2048 300

it "--wait: what cannot be had leaves time for the rest"
two_nodes
full 0 reclaim 2M=0:5,1:7 --wait 4
status=0
wait $pid || status=$?
exits 1
has err "2M on node 0: 0 of 5 pages: the kernel finds no more"
has out "2M on node 1: 7 pages"
total 1 2048 7

# demoted PROFILE: how many pages of 1G were to be cut up, of 3 on node 0, for pages of 2M that are not found.
demoted() {
	two_nodes
	pool 0 1048576 3 3
	put etc/vfio-bootcfg.conf <<<"$1"
	put sys/kernel/mm/hugepages/hugepages-1048576kB/demote_size <<<2048kB
	put sys/devices/system/node/node0/hugepages/hugepages-1048576kB/demote <<<-
	full 0 reclaim 2M=0:5
	status=0
	wait $pid || status=$?
	exits 1
	cat "$machine/sys/devices/system/node/node0/hugepages/hugepages-1048576kB/demote"
}

it "pages of 1G are cut up where the profile wants fewer; where it does not name them they belong to others"
[ "$(demoted $'[hugepages]\n1G = 2')" = 1 ] || wrong "1G = 2: not 1"
[ "$(demoted $'[hugepages]\n1G = 0:1')" = 1 ] || wrong "1G = 0:1: not 1"
[ "$(demoted $'[hugepages]\n1G = 0:3')" = - ] || wrong "1G = 0:3: demoted"
[ "$(demoted $'[hugepages]\n1G = 3')" = - ] || wrong "1G = 3: demoted"
[ "$(demoted $'[kernel]\niommu = pt')" = - ] || wrong "not named: demoted"

it "Ctrl-C while it waits for memory: exit 1 at once, and the loan of a guest is what it got"
two_nodes
put etc/vfio-bootcfg.conf <<<$'[guest a]\nhugepages-2M = 0:3,1:5'
full 1 reclaim --guest a --wait 3600
until child=$(pgrep -P $pid) && grep -q '^SigBlk:.*[1-9a-f]' "/proc/$child/status" 2>/dev/null; do kill -0 $pid || break; done
kill -INT "$child"
status=0
wait $pid || status=$?
exits 1
has err "2M on node 1: 0 of 5 pages: interrupted"
total 1 2048 0
total 0 2048 "$(sed -n 's/^added = //p' "$machine/run/vfio-bootcfg/hugepages/a" 2>/dev/null || echo 0)"

it "set: counts that starve the host are refused; --force takes them, and says so"
program=vfio-bootcfg
two_nodes
put etc/kernelstub/configuration <<'END'
{"default": {"kernel_options": ["quiet"], "esp_path": "/boot/efi", "setup_loader": false, "manage_mode": false, "force_update": false,
 "live_mode": false, "config_rev": 3}, "user": {"kernel_options": ["quiet"], "esp_path": "/boot/efi", "setup_loader": true,
 "manage_mode": true, "force_update": false, "live_mode": false, "config_rev": 3}}
END
on set --loader kernelstub --hugepages 1G=0:15 --dry-run
exits 3
has err "1G = 0:15" "node 0" "--force"
on set --loader kernelstub --hugepages 1G=0:14 --dry-run
[ "$status" != 3 ] || wrong "refused: $(cat "$scratch/err")"
on set --loader kernelstub --hugepages 1G=0:15 --force --dry-run
[ "$status" != 3 ] || wrong "refused: $(cat "$scratch/err")"

# early ARGUMENT...: vfio-early-pages on the machine.
early() {
	status=0
	"$build/vfio-early-pages" "$@" --root "$machine" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
}

# section TEXT...: the record has each line.
recorded() {
	local line
	for line; do
		grep -qxF -e "$line" "$machine/run/vfio-bootcfg/record" || wrong "no '$line' in the record: $(cat "$machine/run/vfio-bootcfg/record")"
	done
}

it "at boot: pools are filled, cut to what is safe, and recorded; a size that is not the default gets its directory"
two_nodes
pool 0 1048576 16 16
put etc/vfio-bootcfg.conf <<<$'[hugepages]\n2M = 1:64\n1G = 0:16'
early
exits 0
total 1 2048 64
total 0 1048576 14
recorded '[hugepages 1G 0]' 'result = cut' 'reason = starves-host' 'wanted = 16' 'kernel = 16' 'got = 14' '[hugepages 2M 1]' 'result = done' 'got = 64'
has err "14 of 16 pages of 1G on node 0: the host keeps 1 GiB"
[ -d "$machine/dev/hugepages-1G" ] || wrong "no directory for pages of 1G"
[ ! -e "$machine/dev/hugepages-2M" ] || wrong "a directory for the default size"

it "vfio-bootcfg status says what came of the pools at boot, and what is there now"
pool 1 2048 60 60
put etc/vfio-bootcfg.conf <<<$'[hugepages]\n2M = 1:64\n1G = 0:16,1:2'
program=vfio-bootcfg
on status --json
jq -e '.early.hugepages == [
	{"size":"2M","node":1,"wanted":64,"got":64,"result":"done","reason":"ok","text":null,"now":60},
	{"size":"1G","node":0,"wanted":16,"got":14,"result":"cut","reason":"starves-host","now":14,
	 "text":"14 of 16 pages of 1G on node 0: the host keeps 1 GiB, and a tenth of each node, for itself"},
	{"size":"1G","node":1,"wanted":2,"got":null,"result":null,"reason":null,"text":null,"now":0}]' "$scratch/out" >/dev/null ||
	wrong "JSON: $(jq -c .early.hugepages "$scratch/out")"
on status
has out "2M pages on node 1: 64 wanted, 60 there" "1G pages on node 1: 2 wanted, 0 there" \
	"1G pages on node 0: 16 wanted, 14 there; at boot: cut (14 of 16 pages of 1G on node 0: the host keeps 1 GiB"
lacks out "60 there;"

it "at boot: the ways out of a black screen, a bad profile, none: nothing is touched, exit 0"
for words in rd.vfio=0 vfio_bootcfg.enable=0 single rescue; do
	two_nodes
	put proc/cmdline <<<"root=/dev/vda1 $words"
	put etc/vfio-bootcfg.conf <<<$'[hugepages]\n1G = 4'
	early
	exits 0
	total 0 1048576 0
	has err "$words"
	[ ! -e "$machine/dev" ] || wrong "$words: something was made in dev"
done
two_nodes
put etc/vfio-bootcfg.conf <<<$'[hugepages]\n1G = 4\n1G = 5'
early
exits 0
total 0 1048576 0
has err "/etc/vfio-bootcfg.conf:3:"
rm "$machine/etc/vfio-bootcfg.conf"
early
exits 0
empty err
[ ! -e "$machine/run/vfio-bootcfg/record" ] || wrong "a record of nothing"
rm "$machine/.vfio-machine"
early
exits 2
early --nonsense
exits 2
early extra
exits 2

done_testing
