/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the firmware and the boot loader say about this boot: systemd's Boot Loader Interface, the
 * UEFI specification section 3.3, by libefivar. Only read, never written.
 */
#ifndef BOOTCFG_EFIVARS_H
#define BOOTCFG_EFIVARS_H

#include "early/diag.h"
#include "early/root.h"

struct efi_boot {
	bool present; /* there are EFI variables: else it is a BIOS boot, or an image */
	char loader_info[128]; /* LoaderInfo: "systemd-boot 252.39-1", "GRUB 2.12"; "" */
	char stub_info[128]; /* StubInfo: a UKI, or an entry by EFI stub, was booted; "" */
	char entry_selected[256]; /* LoaderEntrySelected as it is; "" */
	char entry_default[256]; /* LoaderEntryDefault; "" */
	char esp_partuuid[37]; /* LoaderDevicePartUUID, lower case; "" */
	char boot_file[512]; /* \EFI\... of the Boot#### that BootCurrent names; "" */
	char boot_label[128]; /* its description; "" */
	char boot_options[2048]; /* its load options as text (an EFI stub's command line); "" */
	int secure_boot; /* 1: enforced, 0: not, -1: not known */
};

/*
 * Reads them by libefivar, which is loaded now and pointed at root's own efivarfs
 * (/proc/self/fd/N/), LIBEFIVAR_OPS cleared. *ret is always filled in. 0 also where there are none;
 * -ENOSYS where libefivar is missing, -errno; with diag.
 */
int efi_boot_read(const struct root *root, struct efi_boot *ret, struct diag *diag) _must_check_;

#endif
