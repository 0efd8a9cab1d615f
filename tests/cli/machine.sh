#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The expander of captured machines: what it derives, and what it refuses. All other tests trust it.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"

expand() {
	status=0
	machine=$(mktemp -d "$scratch/machine.XXXXXX")
	"$build/tests/expand-machine" "$scratch/tree" "$machine" >"$scratch/out" 2>"$scratch/err" || status=$?
}

# refused LINE MESSAGE: the tree on stdin is not expanded; the message names file and line.
refused() {
	cat >"$scratch/tree"
	expand
	exits 4
	has err "$scratch/tree:$1: $2"
}

# file PATH TEXT, link PATH TARGET: of the machine.
file() {
	[ "$(cat "$machine/$1")" = "$2" ] || wrong "$1 is '$(cat "$machine/$1")'"
}
link() {
	[ "$(readlink "$machine/$1")" = "$2" ] || wrong "$1 leads to '$(readlink "$machine/$1")'"
}

it "a function is written as the kernel shows it"
cat >"$scratch/tree" <<'END'
# a comment
pci 0000:00:03.1 id=1022:1483 class=060400 group=5 driver=pcieport
pci 0000:0b:00.0 parent=0000:00:03.1 id=1002:73bf sub=1da2:440f class=030000 rev=c1 group=26 driver=amdgpu boot_vga=0
END
expand
exits 0
d=sys/devices/pci0000:00/0000:00:03.1/0000:0b:00.0
file $d/vendor 0x1002
file $d/class 0x030000
file $d/revision 0xc1
file $d/driver_override "(null)"
file $d/boot_vga 0
file $d/modalias pci:v00001002d000073BFsv00001DA2sd0000440Fbc03sc00i00
file $d/uevent "DRIVER=amdgpu
PCI_CLASS=30000
PCI_ID=1002:73BF
PCI_SUBSYS_ID=1DA2:440F
PCI_SLOT_NAME=0000:0b:00.0
MODALIAS=pci:v00001002d000073BFsv00001DA2sd0000440Fbc03sc00i00"
link sys/bus/pci/devices/0000:0b:00.0 ../../../devices/pci0000:00/0000:00:03.1/0000:0b:00.0
link $d/driver ../../../../bus/pci/drivers/amdgpu
link $d/iommu_group ../../../../kernel/iommu_groups/26
link sys/bus/pci/drivers/amdgpu/0000:0b:00.0 ../../../../devices/pci0000:00/0000:00:03.1/0000:0b:00.0
link sys/kernel/iommu_groups/26/devices/0000:0b:00.0 ../../../../devices/pci0000:00/0000:00:03.1/0000:0b:00.0
[ "$(od -An -tx1 -N16 "$machine/$d/config" | tr -d ' \n')" = 0210bf7307001000c100000300000000 ] ||
	wrong "config: $(od -An -tx1 "$machine/$d/config")"
[ "$(stat -c %s "$machine/$d/config")" = 64 ] || wrong "config has not 64 bytes"

it "configuration space: in words, byte by byte, and the topology that it needs"
cat >"$scratch/tree" <<'END'
pci 0000:00:01.0 id=8086:1901 class=060400 mf=1 pcie=root,slot,x16 acs=001f/001d
pci 0000:01:00.0 parent=0000:00:01.0 id=144d:a808 class=010802 pcie=end
pci 0000:01:00.1 parent=0000:00:01.0 id=144d:a809 class=010802 pcie=end vf_of=0000:01:00.0
pci 0000:00:0e.0 id=8086:9a0b class=010400 pcie=rc-end
pci 10000:e0:06.0 behind=0000:00:0e.0 id=8086:a74d class=060400
pci 0000:00:1f.0 id=8086:a145 class=060100
config 0000:00:1f.0 0e 80
config 0000:01:00.0 ffe 0102
pci 0000:00:1e.0 id=8086:a146 class=060100 pcie=none
END
expand
exits 0
# at PATH OFFSET BYTES: of this config file; size PATH BYTES.
at() {
	local n=$((${#3} / 2))
	[ "$(od -An -v -tx1 -j "$2" -N $n "$machine/$1/config" | tr -d ' \n')" = "$3" ] ||
		wrong "$1 at $2: $(od -An -v -tx1 -j "$2" -N $n "$machine/$1/config")"
}
size() { [ "$(stat -c %s "$machine/$1/config")" = "$2" ] || wrong "$1 has $(stat -c %s "$machine/$1/config") bytes"; }
d=sys/devices/pci0000:00/0000:00:01.0
size $d 4096
at $d 0x0e 81
at $d 0x34 40
at $d 0x40 10004201
at $d 0x4c 00010000
at $d 0x100 01000214
at $d 0x140 0d0001001f001d00
at $d/0000:01:00.0 0x40 10000200
at $d/0000:01:00.0 0x100 01000200
at $d/0000:01:00.0 0xffe 0102
link $d/0000:01:00.1/physfn ../0000:01:00.0
link sys/bus/pci/devices/10000:e0:06.0 ../../../devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0
size sys/devices/pci0000:00/0000:00:1f.0 256
at sys/devices/pci0000:00/0000:00:1f.0 0x0e 80
size sys/devices/pci0000:00/0000:00:1e.0 256
at sys/devices/pci0000:00/0000:00:1e.0 0x34 00

it "cores and nodes are written as the kernel shows them"
cat >"$scratch/tree" <<'END'
core 0 threads=0,2 l2=0,2 l3=0-3
core 1 threads=1,3 l2=1,3 l3=0-3 node=1 kind=atom
node 0 memory=1024 distance="10 21"
node 1 memory=2048 distance="21 10"
END
expand
exits 0
d=sys/devices/system/cpu
file $d/present 0-3
file $d/possible 0-3
file $d/cpu3/topology/core_id 1
file $d/cpu3/topology/thread_siblings_list 1,3
file $d/cpu3/topology/package_cpus_list 0-3
file $d/cpu3/cache/index1/level 2
file $d/cpu3/cache/index2/shared_cpu_list 0-3
[[ $(cat "$machine/$d/cpu3/topology/core_cpus") =~ ^(00000000,)*0000000a$ ]] || wrong "core_cpus is $(cat "$machine/$d/cpu3/topology/core_cpus")"
link $d/cpu3/node1 ../../node/node1
file sys/devices/system/node/node1/meminfo "Node 1 MemTotal:       2048 kB"
file sys/devices/system/node/node1/cpulist 1,3
file sys/devices/system/node/node0/distance "10 21"
file sys/devices/system/node/online 0-1
file sys/devices/cpu_core/cpus 0,2
file sys/devices/cpu_atom/cpus 1,3

it "no link of a captured machine leads nowhere"
for name in "$machines"/*; do
	cp "$name/tree" "$scratch/tree"
	expand
	exits 0
	broken=$(find "$machine" -xtype l)
	[ -z "$broken" ] || wrong "$name: $broken"
	[ -e "$machine/.vfio-machine" ] || wrong "$name: no .vfio-machine"
done

it "lines that are not understood are refused, with their place"
refused 1 "nonsense: not understood" <<<'nonsense'
refused 1 "0b:00.0: not an address" <<<'pci 0b:00.0 id=1002:73bf class=030000'
refused 1 "id= and sub= are like" <<<'pci 0000:0b:00.0 id=1002 class=030000'
refused 1 "class= is six hex digits" <<<'pci 0000:0b:00.0 id=1002:73bf class=0300'
refused 1 "drivre=x: not understood here" <<<'pci 0000:0b:00.0 id=1002:73bf class=030000 drivre=x'
refused 1 "boot_vga= is there for class 0300 only" <<<'pci 0000:0b:00.0 id=1002:73bf class=038000 boot_vga=0'
refused 1 "parent=0000:00:03.1: no bridge" <<<'pci 0000:0b:00.0 parent=0000:00:03.1 id=1002:73bf class=030000'
refused 1 "pcie= is none, or like root,slot,x16" <<<'pci 0000:0b:00.0 id=1002:73bf class=030000 pcie=rot'
refused 1 "pcie= is none, or like root,slot,x16" <<<'pci 0000:0b:00.0 id=1002:73bf class=030000 pcie=root,x16,slot'
refused 1 "acs= is like 001f/001d" <<<'pci 0000:0b:00.0 id=1002:73bf class=030000 pcie=end acs=1f'
refused 1 "acs= is for PCI Express" <<<'pci 0000:0b:00.0 id=1002:73bf class=030000 pcie=none acs=001f/001d'
refused 1 "mf= is 1" <<<'pci 0000:0b:00.0 id=1002:73bf class=030000 mf=yes'
refused 1 "vf_of= names no function" <<<'pci 0000:0b:00.1 id=1002:73bf class=030000 vf_of=0000:0b:00.0'
refused 1 "behind= names no function" <<<'pci 10000:0b:00.1 id=1002:73bf class=030000 behind=0000:0b:00.0'
for line in '0000:0b:00.1 00 12' '0000:0b:00.0 0x 12' '0000:0b:00.0 10 1' '0000:0b:00.0 10 1G' '0000:0b:00.0 fff 1234' '0000:0b:00.0 10'; do
	refused 2 "" <<END
pci 0000:0b:00.0 id=1002:73bf class=030000
config $line
END
done
refused 2 "0000:0b:00.0: here twice" <<'END'
pci 0000:0b:00.0 id=1002:73bf class=030000
pci 0000:0b:00.0 id=1002:73bf class=030000
END
refused 1 "../x/y: not a path below the machine" <<<'../x/y = 1'
refused 1 "/etc/y: not a path below the machine" <<<'/etc/y = 1'
refused 2 "etc/x: File exists" <<'END'
etc/x = 1
etc/x = 2
END
refused 2 "etc/x: no line \`DONE\` ends it" <<'END'
etc/x << DONE
text
END
refused 1 "core ID threads=LIST" <<<'core 0'
refused 1 "core ID threads=LIST" <<<'core 0 threads=3-1'
refused 1 "core ID threads=LIST" <<<'core x threads=0'
refused 1 "kind= is core or atom" <<<'core 0 threads=0 kind=quark'
refused 2 "a CPU of two cores" <<<$'core 0 threads=0-1\ncore 1 threads=1-2'
refused 1 "node ID memory=KIB" <<<'node 0'
refused 1 "at= names no function" <<<'disk sda at=0000:00:1f.2 dev=8:0 sectors=1'

it "a synthetic machine: two functions a card, a root port each, one boot display"
for cards in 1 129; do
	machine=$scratch/synthetic-$cards
	"$build/tests/expand-machine" --synthetic $cards "$machine"
	count=$(find "$machine/sys/bus/pci/devices" -type l | wc -l)
	[ "$count" = $((2 + 3 * cards)) ] || wrong "$cards cards: $count functions"
	count=$(grep -lx 1 "$machine"/sys/bus/pci/devices/*/boot_vga | wc -l)
	[ "$count" = 1 ] || wrong "$cards cards: $count boot displays"
	[ -z "$(find "$machine" -xtype l)" ] || wrong "$cards cards: a link leads nowhere"
done
link sys/bus/pci/devices/0001:01:00.1 ../../../devices/pci0001:00/0001:00:10.0/0001:01:00.1

done_testing
