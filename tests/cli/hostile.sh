#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Images that are made to harm whoever builds with them: links that lead out, loops, FIFOs, sockets and devices in every
# place that set and unset read or write. Traced: nothing outside of the image may be opened for writing, made,
# renamed or removed. Links that are swapped while we run are in tests/crash/run.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"
program=vfio-bootcfg
# LeakSanitizer does not work in a traced program.
export ASAN_OPTIONS=detect_leaks=0
outside=$scratch/outside
machine=$scratch/image

# What set and unset read or write, in a tree that has all boot sources at once.
places=(etc etc/default etc/default/grub etc/default/grub.d etc/kernel etc/kernel/cmdline etc/kernelstub etc/kernelstub/configuration
	etc/vfio-bootcfg.conf etc/vfio-bootcfg.conf.d etc/machine-id etc/modprobe.d etc/modprobe.d/gpu.conf etc/sysctl.d boot boot/grub
	boot/grub/grub.cfg boot/efi boot/efi/loader boot/efi/loader/entries boot/efi/loader/entries/Pop_OS-current.conf
	boot/efi/loader/entries/0123456789abcdef0123456789abcdef-6.12.1.conf usr/lib/vfio-bootcfg.conf.d usr/lib/modules var var/lib
	var/lib/vfio-bootcfg var/lib/vfio-bootcfg/state var/lib/vfio-bootcfg/journal var/lib/vfio-bootcfg/.vfio-bootcfg.journal)

# All boot sources in one tree, made once; another one as `set` leaves it.
fresh=$scratch/fresh after=$scratch/after
mkdir -p "$fresh"/{etc/{default/grub.d,kernel,vfio-bootcfg.conf.d,modprobe.d,sysctl.d},boot/grub,usr/lib/{vfio-bootcfg.conf.d,modules/6.12.1}}
: >"$fresh/usr/lib/modules/6.12.1/modules.dep"
echo 'options vfio-pci ids=10de:1b80' >"$fresh/etc/modprobe.d/gpu.conf"
cp -a tests/crash/roots/{systemd-boot,kernelstub,grub}/. "$fresh/"
rm "$fresh/etc/default/grub"
echo 'GRUB_CMDLINE_LINUX_DEFAULT="quiet nosmt"' >"$fresh/etc/default/grub"
cp -a "$fresh" "$after"
wanted=(set --iommu pt --arg a=b --replace)
"$build/$program" "${wanted[@]}" --root "$after" >/dev/null 2>&1

# image TREE: a copy of it, to be harmed.
image() {
	rm -rf "$machine"
	cp -a "$1" "$machine"
}

# The same names outside, for a link to lead to.
cp -a "$after" "$outside"
stamps() {
	(cd "$outside" && find . -printf '%p %y %m %s %l %T@ %C@ %i\n' | sort)
}
stamps >"$scratch/stamps"
(cd "$scratch" && python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")')

# harmful KIND PLACE: puts it there.
harmful() {
	local at=$machine/$2 up
	mkdir -p "$(dirname "$at")"
	rm -rf "$at"
	case $1 in
	absolute) ln -s "$outside/$2" "$at" ;;
	upwards)
		up=$(realpath -s --relative-to="$(dirname "$at")" /)
		ln -s "$up/../../..$outside/$2" "$at"
		;;
	inside) # it leads to its namesake in the image, for whoever stays in there
		mkdir -p "$machine$outside"
		cp -a "$outside/." "$machine$outside/"
		ln -s "$outside/$2" "$at"
		;;
	loop) ln -s "$(basename "$at")" "$at" ;;
	dangling) ln -s no-such-thing "$at" ;;
	fifo) mkfifo "$at" ;;
	socket) ln "$scratch/socket" "$at" ;;
	device) mknod "$at" c 1 5 2>/dev/null ;;
	directory) mkdir -p "$at/below" ;;
	esac
}

traced() {
	status=0
	timeout 60 strace -f -qq -y -o "$scratch/trace" \
		-e trace=open,openat,openat2,creat,%file,fchmod,fchown,fsetxattr,fremovexattr,ftruncate,fallocate \
		"$build/$program" "$@" --root "$machine" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
	case $status in
	0 | 2 | 3 | 4 | 5) ;;
	*) wrong "$* ends with $status: $(tail -n 5 "$scratch/err")" ;;
	esac
	[ $status = 0 ] || [ -s "$scratch/err" ] || wrong "$* ends with $status and no message"
	stays_inside
}

# Every call that changes something names a descriptor of a directory in the image and a name without a slash,
# or a descriptor of a file in the image.
stays_inside() {
	awk -v root="$machine" '
	function inside(path) { return path == root || index(path, root "/") == 1 }
	function bad(why) { print why ": " $0; wrong = 1 }
	function fd_path(text) { return match(text, /<[^>]*>/) ? substr(text, RSTART + 1, RLENGTH - 2) : "" }
	{ sub(/^[0-9]+ +/, "") }
	/^(open|openat|openat2|creat)\(/ {
		if (!/O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_TMPFILE/ && !/^creat/)
			next
		seen++
		if (match($0, /\) += [0-9]+<[^>]*>$/) && !inside(fd_path(substr($0, RSTART))))
			bad("opened for writing")
		if (!/^openat/)
			bad("opened by a path")
		next
	}
	/^(renameat|renameat2|unlinkat|mkdirat|symlinkat|linkat|mknodat|fchmodat|fchownat)\(/ {
		seen++
		rest = $0
		while (match(rest, /(AT_FDCWD|[0-9]+)<[^>]*>, "[^"]*"/)) {
			part = substr(rest, RSTART, RLENGTH)
			rest = substr(rest, RSTART + RLENGTH)
			if (!inside(fd_path(part)) || part ~ /, ".*\/.*"/ || part ~ /, "\.\."/)
				bad("changed outside")
		}
		next
	}
	/^(fchmod|fchown|fsetxattr|fremovexattr|ftruncate|fallocate)\(/ {
		if (!inside(fd_path($0)))
			bad("changed outside")
		next
	}
	/^(rename|unlink|rmdir|mkdir|symlink|link|mknod|chmod|chown|lchown|truncate|setxattr|lsetxattr|removexattr|utime|utimes|utimensat)\(/ {
		bad("changed by a path")
	}
	END { if (!seen) print "nothing was changed" >"/dev/stderr"; exit wrong }' "$scratch/trace" >"$scratch/calls" 2>"$scratch/seen" ||
		wrong "$(cat "$scratch/calls")"
	stamps >"$scratch/now"
	cmp -s "$scratch/stamps" "$scratch/now" || wrong "changed outside: $(diff "$scratch/stamps" "$scratch/now")"
}

it "a harmless image, which is changed all the same"
image "$fresh"
traced "${wanted[@]}"
exits 0
[ ! -s "$scratch/seen" ] || wrong "the trace shows no change"
grep -q 'iommu=pt' "$machine/boot/efi/loader/entries/Pop_OS-current.conf" || wrong "nothing was set"
traced unset
exits 0

it "the check sees a program that writes outside"
image "$fresh"
strace -f -qq -y -o "$scratch/trace" -e trace=open,openat,openat2,creat,%file sh -c "echo x >'$scratch/elsewhere'"
stays_inside >/dev/null
if [ $wrong = 1 ]; then wrong=0; else wrong "it does not"; fi

it "a link to a file of the same name inside is followed there"
image "$fresh"
harmful inside etc/kernelstub/configuration
traced "${wanted[@]}"
exits 0
grep -q 'iommu=pt' "$machine$outside/etc/kernelstub/configuration" || wrong "the file in the image is as it was"
[ -L "$machine/etc/kernelstub/configuration" ] || wrong "the link has become a file"

for kind in absolute upwards inside loop dangling fifo socket device directory; do
	it "set and unset where something is a harmful thing: $kind"
	for place in "${places[@]}"; do
		image "$fresh"
		if ! harmful $kind "$place"; then
			skip "mknod is not allowed here"
			break
		fi
		traced "${wanted[@]}"
		case $kind/$place/$status in
		# What every source needs, or would be written to, cannot be passed over.
		fifo/etc/vfio-bootcfg.conf/0 | loop/var/lib/0 | device/var/lib/vfio-bootcfg/state/0 | \
			socket/etc/kernelstub/configuration/0 | fifo/var/lib/vfio-bootcfg/journal/0)
			wrong "$place: set ends with 0"
			;;
		esac
		[ $wrong = 0 ] || break
	done
done

for kind in absolute upwards inside fifo; do
	it "unset where something has become a harmful thing since: $kind"
	for place in "${places[@]}"; do
		image "$after"
		harmful $kind "$place"
		traced unset
		[ $wrong = 0 ] || break
	done
done

done_testing
