// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libefivar looks at the environment and at its directory once, in its constructor; so it is loaded
 * here, with the environment that it needs, and unloaded before that is put back. Load options are
 * taken apart by hand (UEFI specification 3.1.3): what libefiboot has for them reads beyond a
 * description without an end.
 */
#include <ctype.h>
#include <dlfcn.h>
#include <efivar/efivar.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "bootcfg/efivars.h"
#include "bootcfg/utf8.h"

#define EFIVARS_DIR "sys/firmware/efi/efivars"
#define GUID_LOADER "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
#define GUID_GLOBAL "8be4df61-93ca-11d2-aa0d-00e098032b8c"

#define VARIABLE_MAX (64 << 10) /* bytes; firmware allows about 32 KiB */

struct efi_api {
	void *lib;
	__typeof__(efi_get_variable) *get;
	__typeof__(efi_variables_supported) *supported;
	__typeof__(efi_error_clear) *error_clear;
	__typeof__(efi_str_to_guid) *str_to_guid;
};

struct variables {
	const struct root *root;
	struct efi_api api;
};

/* --- the library ------------------------------------------------------------------------------- */

struct saved_env {
	const char *name;
	char *value; /* NULL: it was not set */
};

static int env_save(struct saved_env *env, const char *name)
{
	const char *value = getenv(name);

	*env = (struct saved_env){.name = name};
	if (!value)
		return 0;
	env->value = strdup(value);
	return env->value ? 0 : -ENOMEM;
}

static void env_restore(struct saved_env *env)
{
	if (env->value)
		(void)setenv(env->name, env->value, 1);
	else
		(void)unsetenv(env->name);
	free(env->value);
}

static int api_open(struct efi_api *ret)
{
	struct efi_api api;

	/* One that is in the process already has looked at its directory, which is not ours. */
	api.lib = dlopen("libefivar.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
	if (api.lib) {
		dlclose(api.lib);
		return -ENOSYS;
	}
	api.lib = dlopen("libefivar.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!api.lib)
		return -ENOSYS;
	api.get = (__typeof__(api.get))dlsym(api.lib, "efi_get_variable");
	api.supported = (__typeof__(api.supported))dlsym(api.lib, "efi_variables_supported");
	api.error_clear = (__typeof__(api.error_clear))dlsym(api.lib, "efi_error_clear");
	api.str_to_guid = (__typeof__(api.str_to_guid))dlsym(api.lib, "efi_str_to_guid");
	if (!api.get || !api.supported || !api.error_clear || !api.str_to_guid) {
		dlclose(api.lib);
		return -ENOSYS;
	}
	*ret = api;
	return 0;
}

/* --- variables --------------------------------------------------------------------------------- */

/*
 * The library opens what is there, whatever it is, and keeps a record of every name that is not:
 * look first.
 */
static bool is_variable(const struct root *root, const char *name, const char *guid)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	char path[256];

	snprintf(path, sizeof(path), EFIVARS_DIR "/%s-%s", name, guid);
	fd = root_openat(root, path, O_PATH | O_NOFOLLOW, 0);
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= VARIABLE_MAX;
}

/* The variable's data, the caller's to free; NULL where there is none. */
static uint8_t *get(const struct variables *vars, const char *name, const char *guid,
		    size_t *ret_size)
{
	uint32_t attributes = 0;
	uint8_t *data = NULL;
	size_t size = 0;
	efi_guid_t id;

	if (!is_variable(vars->root, name, guid))
		return NULL;
	if (vars->api.str_to_guid(guid, &id) < 0 ||
	    vars->api.get(id, name, &data, &size, &attributes) < 0) {
		vars->api.error_clear();
		return NULL;
	}
	if (!data || !size) {
		free(data);
		return NULL;
	}
	*ret_size = size;
	return data;
}

static unsigned le16(const uint8_t *at)
{
	return at[0] | (unsigned)at[1] << 8;
}

/*
 * UTF-16LE up to its NUL, or to the end where it has none, as UTF-8, cut at a whole character where
 * it does not fit. A surrogate without its other half becomes `?`.
 */
static void decode(const uint8_t *data, size_t size, char *ret, size_t space)
{
	size_t used = 0;

	for (size_t at = 0; at + 2 <= size && le16(data + at); at += 2) {
		uint32_t c = le16(data + at);
		char bytes[UTF8_MAX];
		size_t len;

		if (c >= 0xd800 && c < 0xe000) {
			unsigned next = at + 4 <= size ? le16(data + at + 2) : 0;

			if (c < 0xdc00 && next >= 0xdc00 && next < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (next - 0xdc00);
				at += 2;
			} else {
				c = '?';
			}
		}
		/* It is going to be shown to people. */
		len = utf8_put(bytes, c < 0x20 || c == 0x7f ? '?' : c);
		if (used + len >= space)
			break;
		memcpy(ret + used, bytes, len);
		used += len;
	}
	ret[used] = '\0';
}

static void get_text(const struct variables *vars, const char *name, char *ret, size_t space)
{
	size_t size = 0;
	_cleanup_free_ uint8_t *data = get(vars, name, GUID_LOADER, &size);

	/* Half a character at the end: something else wrote it. */
	if (data && size % 2 == 0)
		decode(data, size, ret, space);
}

static int get_byte(const struct variables *vars, const char *name)
{
	size_t size = 0;
	_cleanup_free_ uint8_t *data = get(vars, name, GUID_GLOBAL, &size);

	return data && size == 1 ? data[0] : -1;
}

static void get_partuuid(const struct variables *vars, char ret[static 37])
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	char text[64] = "";

	get_text(vars, "LoaderDevicePartUUID", text, sizeof(text));
	if (strlen(text) != sizeof(form) - 1)
		return;
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (form[i] == '-' ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return;
		text[i] = (char)tolower((unsigned char)text[i]);
	}
	memcpy(ret, text, sizeof(form));
}

/* --- the load option of this boot -------------------------------------------------------------- */

#define NODE_HEADER 4
#define NODE_MEDIA 0x04
#define NODE_MEDIA_FILE 0x04
#define NODE_END 0x7f

/* The file names of a device path, joined as UEFI does it: a backslash between them, one only. */
static void file_of_path(const uint8_t *path, size_t size, char *ret, size_t space)
{
	size_t at = 0, used = 0;

	while (size - at >= NODE_HEADER && path[at] != NODE_END) {
		size_t len = le16(path + at + 2);
		char part[1024]; /* more than ret holds: what is cut does not fit there either */

		if (len < NODE_HEADER || len > size - at)
			return;
		if (path[at] == NODE_MEDIA && path[at + 1] == NODE_MEDIA_FILE) {
			int n;

			decode(path + at + NODE_HEADER, len - NODE_HEADER, part, sizeof(part));
			n = snprintf(ret + used, space - used, "%s%s",
				     used && ret[used - 1] != '\\' && part[0] != '\\' ? "\\" : "",
				     part);
			if (n < 0 || (size_t)n >= space - used) {
				ret[0] = '\0'; /* a name that was cut is another file's */
				return;
			}
			used += (size_t)n;
		}
		at += len;
	}
}

/*
 * Attributes, length of the device paths, description, device paths, and what the program gets: a
 * command line in UTF-16 where it is an EFI stub.
 */
static void read_load_option(const uint8_t *data, size_t size, struct efi_boot *ret)
{
	size_t at = 6, path_size, text;

	if (size < at)
		return;
	path_size = le16(data + 4);
	for (text = at; at + 2 <= size && le16(data + at); at += 2)
		;
	if (at + 2 > size || path_size > size - at - 2)
		return; /* truncated: nothing in it can be relied on */
	decode(data + text, at - text, ret->boot_label, sizeof(ret->boot_label));
	at += 2;
	file_of_path(data + at, path_size, ret->boot_file, sizeof(ret->boot_file));
	at += path_size;
	if ((size - at) % 2 == 0)
		decode(data + at, size - at, ret->boot_options, sizeof(ret->boot_options));
}

static void read_boot_current(const struct variables *vars, struct efi_boot *ret)
{
	size_t size = 0;
	_cleanup_free_ uint8_t *current = get(vars, "BootCurrent", GUID_GLOBAL, &size);
	_cleanup_free_ uint8_t *option = NULL;
	char name[16];

	if (!current || size != 2)
		return;
	snprintf(name, sizeof(name), "Boot%04X", le16(current));
	option = get(vars, name, GUID_GLOBAL, &size);
	if (option)
		read_load_option(option, size, ret);
}

/* --- all of it --------------------------------------------------------------------------------- */

static void read_all(const struct variables *vars, struct efi_boot *ret)
{
	int secure, setup;

	get_text(vars, "LoaderInfo", ret->loader_info, sizeof(ret->loader_info));
	get_text(vars, "StubInfo", ret->stub_info, sizeof(ret->stub_info));
	get_text(vars, "LoaderEntrySelected", ret->entry_selected, sizeof(ret->entry_selected));
	get_text(vars, "LoaderEntryDefault", ret->entry_default, sizeof(ret->entry_default));
	get_partuuid(vars, ret->esp_partuuid);
	read_boot_current(vars, ret);
	secure = get_byte(vars, "SecureBoot");
	setup = get_byte(vars, "SetupMode");
	if (secure >= 0)
		ret->secure_boot = secure == 1 && setup != 1;
}

static int read_by_library(const struct root *root, int dir, struct efi_boot *ret,
			   struct diag *diag)
{
	struct variables vars = {.root = root};
	char path[64];
	int r;

	/* The slash at the end counts: the library puts the name right behind it. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d/", dir);
	if (setenv("EFIVARFS_PATH", path, 1) < 0 || unsetenv("LIBEFIVAR_OPS") < 0)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	r = api_open(&vars.api);
	if (r < 0)
		return diag_set(
			diag, r, NULL, 0,
			"the EFI variables cannot be read: libefivar.so.1 cannot be loaded; "
			"install it, or name the boot loader with --loader");
	if (vars.api.supported())
		read_all(&vars, ret);
	else
		r = diag_set(diag, -EIO, "/" EFIVARS_DIR, 0,
			     "libefivar cannot read the EFI variables here; name the boot loader "
			     "with --loader");
	dlclose(vars.api.lib);
	return r;
}

/* Where efivarfs is not mounted, its directory in sysfs is there, and empty. */
static bool has_entries(const struct root *root)
{
	_cleanup_closedir_ DIR *dir = root_opendir(root, EFIVARS_DIR);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return true;
	return false;
}

int efi_boot_read(const struct root *root, struct efi_boot *ret, struct diag *diag)
{
	_cleanup_close_ int dir = -1;
	struct saved_env path, ops;
	int r;

	*ret = (struct efi_boot){.secure_boot = -1};
	if (!root_has_kernel(root) || !has_entries(root))
		return 0;
	dir = root_openat(root, EFIVARS_DIR, O_PATH | O_DIRECTORY, 0);
	if (dir < 0)
		return diag_set(diag, dir, "/" EFIVARS_DIR, 0, "cannot be read: %s",
				strerror(-dir));
	ret->present = true;
	if (env_save(&path, "EFIVARFS_PATH") < 0)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	if (env_save(&ops, "LIBEFIVAR_OPS") < 0) {
		free(path.value);
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	}
	r = read_by_library(root, dir, ret, diag);
	env_restore(&ops);
	env_restore(&path);
	return r;
}
