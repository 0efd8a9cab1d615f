#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# set and unset on a running system with its generators: in a mount namespace whose /etc, /boot, /var/lib and
# kernels are made up, and whose grub-mkconfig and dracut are scripts that can fail, or kill us, where they are told.
# shellcheck source=tests/cli/harness
. "$(dirname "$0")/harness"
program=vfio-bootcfg
shopt -s nullglob

if [ "${VFIO_BOOTCFG_LIVE-}" != inside ]; then
	if [ "$(stat -Lc %i /proc/self/ns/pid)" != 4026531836 ] || ! unshare -m true 2>/dev/null; then
		it "a running system's generators"
		skip "this is a container: / counts as an image here"
		echo "$passed passed, $failed failed, $skipped skipped"
		exit 0
	fi
	VFIO_BOOTCFG_LIVE=inside exec unshare -m --propagation private "$0" "$@"
fi

fake=$scratch/fake
trap 'cd /; umount -l -q /etc /boot /var/lib /usr/local/sbin /sys/firmware /usr/lib "$scratch/overlay" /proc/cpuinfo || true; rm -rf "$scratch"' EXIT
kernel=6.12.0-test

# What this machine has is hidden, not touched: everything below is bound over in this namespace alone.
hide() {
	mkdir -p "$fake/$1"
	mount --bind "$fake/$1" "/$1"
}

# The machine may have no directory for modules to bind over.
install_kernel() {
	local upper=$scratch/overlay
	mkdir -p "$upper"
	mount -t tmpfs none "$upper"
	mkdir -p "$upper/new/modules/$kernel/kernel" "$upper/work"
	: >"$upper/new/modules/$kernel/modules.dep"
	setfattr -n trusted.overlay.opaque -v y "$upper/new/modules" 2>/dev/null || true
	mount -t overlay none -o "lowerdir=/usr/lib,upperdir=$upper/new,workdir=$upper/work" /usr/lib
}

fresh() {
	local dir
	for dir in etc boot var/lib usr/local/sbin sys/firmware; do
		! mountpoint -q "/$dir" || umount "/$dir" 2>/dev/null || true
	done
	rm -rf "$fake"
	mkdir -p "$fake"/etc/default/grub.d "$fake"/boot/grub "$fake/etc/kernel/postinst.d"
	cp -a /etc/ld.so.cache /etc/passwd /etc/group /etc/alternatives "$fake/etc/"
	: >"$fake/etc/kernel/postinst.d/dracut"
	printf 'GRUB_CMDLINE_LINUX=""\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n' >"$fake/etc/default/grub"
	: >"$fake/boot/vmlinuz-$kernel"
	mkdir -p "$fake/usr/local/sbin"
	cat >"$fake/usr/local/sbin/grub-mkconfig" <<'END'
#!/bin/sh
# grub-mkconfig -o FILE
echo grub-mkconfig >>/boot/calls
case $(cat /boot/trap 2>/dev/null) in
grub-fails) echo "grub-mkconfig: this one fails" >&2; exit 1 ;;
grub-kills-before) kill -9 $PPID; exit 1 ;;
esac
[ "$1" = -o ] && out=$2
. /etc/default/grub
for file in /etc/default/grub.d/*.cfg; do [ -e "$file" ] && . "$file"; done
[ "$(cat /boot/trap 2>/dev/null)" != grub-kills-half-way ] || { printf 'menuentry "half' >"$out"; kill -9 $PPID; exit 1; }
{
	echo "  menuentry_id_option=--id"
	[ "$(cat /boot/trap 2>/dev/null)" != grub-finds-none ] || exit 0
	echo "set lang=$LANG"
	echo "menuentry 'Debian GNU/Linux' --class debian {"
	echo "	linux /boot/vmlinuz-6.12.0-test root=UUID=1-2 ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT"
	echo "	initrd /boot/initrd.img-6.12.0-test"
	echo "}"
} >"$out"
[ "$(cat /boot/trap 2>/dev/null)" != grub-kills-after ] || kill -9 $PPID
exit 0
END
	cat >"$fake/usr/local/sbin/dracut" <<'END'
#!/bin/sh
# dracut [OPTION...] IMAGE [VERSION]: the image holds what our module would put there.
echo dracut >>/boot/calls
case $(cat /boot/trap 2>/dev/null) in
dracut-fails) echo "dracut: this one fails" >&2; exit 1 ;;
dracut-kills) kill -9 $PPID; exit 1 ;;
dracut-empty) none=1 ;;
esac
image=
for word; do case $word in /*) image=$word ;; esac; done
dir=$(mktemp -d /boot/tree.XXXXXX)
mkdir -p "$dir/etc" "$dir/usr/lib/vfio-bootcfg" "$dir/usr/lib/dracut"
: >"$dir/usr/lib/dracut/build-parameter.txt"
ln -s usr/lib/systemd/systemd "$dir/init"
if [ -f /etc/vfio-bootcfg.conf ] && [ -z "$none" ]; then
	cp /etc/vfio-bootcfg.conf "$dir/etc/"
	cp /bin/true "$dir/usr/lib/vfio-bootcfg/vfio-early"
fi
(cd "$dir" && find . | cpio -o -H newc --quiet) | gzip >"$image"
rm -r "$dir"
# Debian's, whose hooks put the file's name into boot entries.
[ -n "$NO_POST_UPDATE_HOOKS" ] || echo hook >>/boot/calls
[ "$(cat /boot/trap 2>/dev/null)" != dracut-kills-after ] || kill -9 $PPID
exit 0
END
	printf '#!/bin/sh\nexit 0\n' >"$fake/usr/local/sbin/grub-script-check"
	chmod +x "$fake"/usr/local/sbin/*
	for dir in etc boot var/lib usr/local/sbin; do
		hide "$dir"
	done
	[ ! -d /sys/firmware ] || hide sys/firmware
	grub-mkconfig -o /boot/grub/grub.cfg
	chmod 444 /boot/grub/grub.cfg
	dracut "/boot/initrd.img-$kernel"
	rm /boot/calls
	printf '[device guest-gpu]\nid = 1002:73bf\naddress = 0000:0b:00.0\n\n[kernel]\niommu = pt\n' >/etc/vfio-bootcfg.conf
	rm -rf "$scratch/before"
	mkdir "$scratch/before"
	cp -a /etc /boot "$scratch/before/"
}

trap_at() { echo "$1" >/boot/trap; }
no_trap() { rm -f /boot/trap; }

called() {
	local found
	found=$(sort /boot/calls 2>/dev/null | uniq -c | awk '{ printf "%s%s:%s", s, $2, $1; s = " " }')
	[ "$found" = "$1" ] || wrong "generators run: '$found', not '$1'"
	rm -f /boot/calls
}

nothing_lies_about() {
	local found
	found=$(find /etc /boot -name '.vfio*' -o -name '*.vfio-bootcfg*' -o -name '*.new' -o -name 'tree.*')
	[ -z "$found" ] || wrong "left behind: $found"
	[ ! -e /var/lib/vfio-bootcfg/journal ] || wrong "the journal is left"
}

configured() {
	grep -q 'quiet intel_iommu=on iommu=pt$' /boot/grub/grub.cfg || wrong "grub.cfg: $(grep linux /boot/grub/grub.cfg)"
	[ "$(stat -c %a /boot/grub/grub.cfg)" = 444 ] || wrong "grub.cfg has another mode"
	zcat "/boot/initrd.img-$kernel" | cpio -t --quiet 2>/dev/null | grep -q '^\(\./\)\?etc/vfio-bootcfg.conf$' || wrong "the image has no profile"
	nothing_lies_about
}

as_before() {
	no_trap
	rm -f /boot/calls
	diff -r --no-dereference "$scratch/before/etc" /etc || wrong "/etc is not as before"
	diff -r --no-dereference "$scratch/before/boot" /boot || wrong "/boot is not as before"
	nothing_lies_about
}

install_kernel
printf 'processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu pse pdpe1gb vmx\n' >"$scratch/cpuinfo"
mount --bind "$scratch/cpuinfo" /proc/cpuinfo

it "set edits the sources, makes grub.cfg and the image anew, once"
fresh
run set
exits 0
called "dracut:1 grub-mkconfig:1"
configured
has err "needs reboot"
lacks err "needs initramfs" "needs regenerate"

it "set again runs no generator and opens nothing for writing"
stat -c '%n %i %y' /boot/grub/grub.cfg /boot/initrd.img-* /etc/default/grub.d/* /var/lib/vfio-bootcfg/state >"$scratch/stamps"
status=0
strace -f -qq -e trace=openat,openat2,renameat,renameat2,unlinkat,mkdirat,ftruncate -o "$scratch/trace" \
	env ASAN_OPTIONS=detect_leaks=0 "$build/vfio-bootcfg" set >"$scratch/out" 2>"$scratch/err" || status=$?
exits 0
called ""
grep -E 'O_WRONLY|O_RDWR|O_CREAT|rename|unlink|mkdir|truncate' "$scratch/trace" | grep -v '"/\(proc\|dev\)/' >"$scratch/writes" || true
empty writes
stat -c '%n %i %y' /boot/grub/grub.cfg /boot/initrd.img-* /etc/default/grub.d/* /var/lib/vfio-bootcfg/state | cmp -s "$scratch/stamps" - || wrong "files were touched"

it "unset takes all of it back, the image too"
run unset
exits 0
called "dracut:1 grub-mkconfig:1"
nothing_lies_about
cmp -s "$scratch/before/boot/grub/grub.cfg" /boot/grub/grub.cfg || wrong "grub.cfg: $(grep linux /boot/grub/grub.cfg)"
diff -r --no-dereference -x vfio-bootcfg.conf "$scratch/before/etc" /etc || wrong "/etc is not as before"
mkdir "$scratch/image"
zcat "/boot/initrd.img-$kernel" | (cd "$scratch/image" && cpio -i --quiet)
! grep -q '^\[device' "$scratch/image/etc/vfio-bootcfg.conf" || wrong "the image still has the profile"

it "the menu is in the language of whoever runs it"
fresh
LANG=de_DE.UTF-8 run set
exits 0
grep -qx 'set lang=de_DE.UTF-8' /boot/grub/grub.cfg || wrong "grub.cfg: $(grep lang /boot/grub/grub.cfg)"

it "--dry-run runs no generator and writes nothing"
fresh
run set --dry-run
exits 0
called ""
has out "+++" "intel_iommu=on iommu=pt"
as_before

it "--no-regenerate runs none and says what is left"
run set --no-regenerate --json
exits 0
called ""
grep -A4 '"needs"' "$scratch/out" | grep -q regenerate || wrong "needs has no regenerate: $(cat "$scratch/out")"
grep -A4 '"needs"' "$scratch/out" | grep -q initramfs || wrong "needs has no initramfs"

it "a later set does what was left"
run set
exits 0
configured

it "a generator that fails: exit 4, everything is as it was, its last line is the message"
fresh
trap_at grub-fails
run set
exits 4
has err "this one fails"
as_before

it "a generator that finds no kernel, and succeeds: exit 4, everything is as it was"
fresh
trap_at grub-finds-none
run set
exits 4
has err "no menu entry"
as_before

for point in grub-kills-before grub-kills-half-way grub-kills-after; do
	it "killed at $point: grub.cfg is whole, and the next set completes"
	fresh
	trap_at $point
	run set
	exits 137
	cmp -s "$scratch/before/boot/grub/grub.cfg" /boot/grub/grub.cfg || wrong "grub.cfg is not the old one"
	no_trap
	rm -f /boot/calls
	run set
	exits 0
	called "dracut:1 grub-mkconfig:1"
	configured
	run set
	called ""

	it "killed at $point in unset: the next one completes"
	trap_at $point
	run unset
	exits 137
	no_trap
	run unset
	exits 0
	cmp -s "$scratch/before/boot/grub/grub.cfg" /boot/grub/grub.cfg || wrong "grub.cfg: $(grep linux /boot/grub/grub.cfg)"
	nothing_lies_about
done

it "dracut fails: exit 5, the old image is whole, the next set completes"
fresh
trap_at dracut-fails
run set
exits 5
has err "this one fails"
cmp -s "$scratch/before/boot/initrd.img-$kernel" "/boot/initrd.img-$kernel" || wrong "the image is not the old one"
no_trap
run set
exits 0
configured

it "an image without our module is not taken: exit 5, the old one stays"
fresh
trap_at dracut-empty
run set
exits 5
cmp -s "$scratch/before/boot/initrd.img-$kernel" "/boot/initrd.img-$kernel" || wrong "the image is not the old one"

for point in dracut-kills dracut-kills-after; do
	it "killed at $point: the next set completes"
	fresh
	trap_at $point
	run set
	exits 137
	cmp -s "$scratch/before/boot/initrd.img-$kernel" "/boot/initrd.img-$kernel" || wrong "the image is not the old one"
	no_trap
	run set
	exits 0
	configured
done

it "an image of another generator is left, and still needed"
fresh
mkdir -p "$scratch/other/conf"
: >"$scratch/other/conf/initramfs.conf"
(cd "$scratch/other" && find . | cpio -o -H newc --quiet) >"/boot/initramfs-$kernel.img"
cp "/boot/initramfs-$kernel.img" "$scratch/other.img"
for time in first second; do
	run set
	exits 0
	has err "made by initramfs-tools, not by dracut" "needs initramfs"
	called "$([ $time = second ] || echo dracut:1 grub-mkconfig:1)"
	cmp -s "$scratch/other.img" "/boot/initramfs-$kernel.img" || wrong "it was touched"
	configured
done

it "another set at the same time: refused, not mixed"
fresh
exec 9</
flock -x 9
run set
exits 4
has err "another"
exec 9<&-
as_before

it "a kernel's hook never fails, runs no generator, and warns in one line"
fresh
mkdir -p /usr/local/sbin
sed "s|/usr/sbin/vfio-bootcfg|$(realpath "$build/vfio-bootcfg")|" bootcfg/kernel-added >"$scratch/kernel-added"
status=0
sh "$scratch/kernel-added" $kernel >"$scratch/out" 2>"$scratch/err" || status=$?
exits 0
called ""
[ "$(wc -l <"$scratch/err")" = 1 ] || wrong "not one line: $(cat "$scratch/err")"
has err "warning" "initramfs of kernel $kernel"
printf 'GRUB_CMDLINE_LINUX_DEFAULT="quiet isolcpus=1' >/etc/default/grub
status=0
sh "$scratch/kernel-added" $kernel >"$scratch/out" 2>"$scratch/err" || status=$?
exits 0
[ "$(wc -l <"$scratch/err")" = 1 ] || wrong "not one line: $(cat "$scratch/err")"
has err "warning" "/etc/default/grub"

it "a kernel's hook names the error, not a remark beside it"
mkdir -p /boot/loader/entries
echo 'timeout 3' >/boot/loader/loader.conf
run set --no-regenerate
has err "files of systemd-boot too"
status=0
sh "$scratch/kernel-added" $kernel >"$scratch/out" 2>"$scratch/err" || status=$?
exits 0
has err "/etc/default/grub"

done_testing
