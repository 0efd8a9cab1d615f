#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dracut module: the profile and vfio-early, which gives cards to vfio-pci before udev runs; and where the
# profile has huge pages, vfio-early-pages, which reserves them before the host has used its memory.
# shellcheck disable=SC2154 # initdir, moddir and others are dracut's

early=/usr/lib/vfio-bootcfg/vfio-early

# The profile's files below $dracutsysrootdir, as the image will name them.
_profile_files() {
    local file
    for file in "${dracutsysrootdir-}"/usr/lib/vfio-bootcfg.conf.d/*.conf \
        "${dracutsysrootdir-}"/etc/vfio-bootcfg.conf \
        "${dracutsysrootdir-}"/etc/vfio-bootcfg.conf.d/*.conf; do
        # -L: a dangling link is an error that vfio-early tells, not a profile that is missing
        if [[ -e $file || -L $file ]]; then
            printf '%s\n' "${file#"${dracutsysrootdir-}"}"
        fi
    done
}

# Most hosts do without, and without its bytes in each image.
_wants_pages() {
    local file
    while read -r file; do
        grep -qsE '^[[:blank:]]*\[[[:blank:]]*hugepages[[:blank:]]*\]' "${dracutsysrootdir-}$file" && return 0
    done < <(_profile_files)
    return 1
}

# A profile that cannot be read would claim nothing: better no new image than a surprise at boot.
_check_profile() {
    local tool=$early out
    [[ -x $tool ]] || {
        dwarn "vfio-bootcfg: no $tool on this build host: the profile is not checked"
        return 0
    }
    out=$("$tool" --check --root "${dracutsysrootdir:-/}" 2>&1) && return 0
    dfatal "vfio-bootcfg: the profile is wrong, no image is made"
    dfatal "vfio-bootcfg: $out"
    return 1
}

check() {
    [[ -x ${dracutsysrootdir-}$early ]] || return 1
    # 255: only where somebody asks for it
    [[ -n $(_profile_files) ]] || return 255
    return 0
}

depends() {
    return 0
}

installkernel() {
    local builtin=${srcmods:-/lib/modules/$kernel}/modules.builtin
    _check_profile || return 1
    # With hostonly dracut drops what no present device asks for, and none asks for vfio-pci.
    hostonly='' instmods vfio_pci vfio_iommu_type1
    if ! grep -qs '/vfio-pci\.ko' "$builtin" &&
        [[ -z $(find "$initdir/lib/modules/$kernel/" -name 'vfio-pci.ko*' -print -quit 2> /dev/null) ]]; then
        dwarn "vfio-bootcfg: no vfio-pci for kernel $kernel in this image: it will claim nothing"
    fi
}

install() {
    local file
    _check_profile || exit 1
    inst_binary "$early"
    if _wants_pages; then
        inst_binary "$early-pages"
    fi
    # Opened at run time, when the overrides are written; so ldd does not show it.
    inst_libdir_file "libkmod.so.2*"
    while read -r file; do
        if [[ $(readlink "${dracutsysrootdir-}$file") == /dev/null ]]; then
            # A mask. dracut would look for the device.
            mkdir -p "$initdir/${file%/*}"
            : > "$initdir/$file"
        else
            inst_multiple -o "$file"
        fi
    done < <(_profile_files)
    # Options of vfio-pci; without hostonly dracut leaves /etc/modprobe.d out.
    for file in "${dracutsysrootdir-}"/etc/modprobe.d/*.conf; do
        if grep -qs 'vfio' "$file"; then
            inst_multiple -o "${file#"${dracutsysrootdir-}"}"
        fi
    done
    if dracut_module_included "systemd"; then
        # A hook loses here: systemd-modules-load runs beside it.
        inst_simple "$moddir/vfio-early.service" "$systemdsystemunitdir/vfio-early.service"
        $SYSTEMCTL -q --root "$initdir" add-wants initrd.target vfio-early.service
        if _wants_pages; then
            inst_simple "$moddir/vfio-early-pages.service" "$systemdsystemunitdir/vfio-early-pages.service"
            $SYSTEMCTL -q --root "$initdir" add-wants initrd.target vfio-early-pages.service
        fi
    else
        # Before force_drivers, which dracut loads at cmdline 01.
        inst_hook cmdline 00 "$moddir/vfio-early.sh"
        if _wants_pages; then
            inst_hook pre-mount 00 "$moddir/vfio-early-pages.sh"
        fi
    fi
}
