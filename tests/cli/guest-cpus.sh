#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest's CPU settings on a captured machine, whose files are plain ones: `vfio-device reclaim` and `release` with
# --guest. How the kernel and systemd answer: tests/unit/test-tuning.c, tests/boot/66-guest-cpus.test.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"

cpu=sys/devices/system/cpu

# host: stdin is the profile.
host() {
	use_machine eight-cpus
	put proc/cmdline <<<'root=/dev/vda1 quiet'
	put etc/vfio-bootcfg.conf
}

# is PATH VALUE: a file's first line, since a shorter value leaves the end of a longer one in a plain file.
is() {
	local found
	found=$(head -n 1 "$machine/$1")
	[ "$found" = "$2" ] || wrong "$1 is $found, not $2"
}

# first_lines: of all that may be written.
first_lines() {
	(cd "$machine" && find sys proc -type f -exec head -qn 1 {} + -printf '%p\n')
}

it "governor, minimum, work queues and interrupts while the guest runs; the same as before after it"
host <<'END'
[guest win]
cpus = 4-7
governor = performance
min-frequency = max
isolate = yes
END
first_lines >"$scratch/before"
on reclaim --guest win
exits 0
has out "CPU settings  applied"
has err "host processes are not kept off its CPUs, since systemd does not run here"
is $cpu/cpufreq/policy4/scaling_governor performance
is $cpu/cpufreq/policy4/scaling_min_freq 4426000
is $cpu/cpufreq/policy5/scaling_min_freq 4000000
is $cpu/cpufreq/policy3/scaling_governor powersave
is $cpu/cpufreq/policy3/scaling_min_freq 550000
is sys/devices/virtual/workqueue/cpumask f
is proc/irq/default_smp_affinity f
is proc/irq/25/smp_affinity f
is proc/irq/24/smp_affinity 0f
is proc/irq/40/smp_affinity 40
grep -q '^before = 10$' "$machine/run/vfio-bootcfg/tuning" || wrong "what was there before is not recorded"
cp "$machine/run/vfio-bootcfg/tuning" "$scratch/record"
on reclaim --guest win
exits 0
cmp -s "$machine/run/vfio-bootcfg/tuning" "$scratch/record" || wrong "the record is another one after a second start"
on release --guest win --json
exits 0
[ "$(jq -r .settings "$scratch/out")" = restored ] || wrong "JSON: $(cat "$scratch/out")"
first_lines | diff "$scratch/before" - || wrong "not as it was before"
[ ! -e "$machine/run/vfio-bootcfg/tuning" ] || wrong "a record is left"
on release --guest win
exits 0

it "a machine without frequencies: a remark, and the guest starts"
host <<<$'[guest win]\ncpus = 4-7\ngovernor = performance'
rm -r "$machine/$cpu/cpufreq" "$machine/$cpu"/cpu?/cpufreq
on reclaim --guest win
exits 0
has err "does not set the frequency of CPU 4-7 here"
on -q reclaim --guest win
empty err

it "what the machine has not, and what would leave the host nothing: said with file and line, nothing written"
host <<'END'
[guest far]
cpus = 7-9
governor = performance
[guest slow]
cpus = 4
governor = sluggish
[guest all]
cpus = all
isolate = yes
[guest none]
stop-units = x.service
END
first_lines >"$scratch/before"
on reclaim --guest far
exits 2
has err "/etc/vfio-bootcfg.conf:2: \`cpus = 7-9\`: not online here: 8-9"
on reclaim --guest slow
exits 2
has err "/etc/vfio-bootcfg.conf:6: \`governor = sluggish\`: policy4 has performance powersave"
on reclaim --guest all
exits 3
has err "/etc/vfio-bootcfg.conf:8: \`cpus = all\`: no CPU would be left to the host"
first_lines | diff "$scratch/before" - || wrong "something was written"
[ ! -e "$machine/run/vfio-bootcfg/tuning" ] || wrong "something was recorded"

it "settings without cpus: the profile is refused"
host <<<$'[guest win]\nisolate = yes'
on reclaim --guest win
exits 2
has err "/etc/vfio-bootcfg.conf:2: [guest win] has no \`cpus\`, which \`isolate\` is for"

it "a damaged record is told, and nothing is written"
host <<<$'[guest win]\ncpus = 4-7\nisolate = yes'
put run/vfio-bootcfg/tuning <<<$'[tuning]\n[nonsense]'
on reclaim --guest win
has err "/run/vfio-bootcfg/tuning:2: the record of the CPUs' settings is damaged (not understood); remove it"
is sys/devices/virtual/workqueue/cpumask ff

done_testing
