// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "bootcfg/bls.h"
#include "bootcfg/edit.h"
#include "bootcfg/initrd-content.h"
#include "bootcfg/uki-set.h"
#include "early/text.h"

/* --- reading ----------------------------------------------------------------------------------- */

/* An entry's rules tell whose it is: by the name, the root, what says rescue. */
static int whose(const struct uki_image *image, const struct system_id *id, enum bls_whose *ret,
		 struct diag *diag)
{
	_cleanup_text_ struct text text = {.data = NULL};
	_cleanup_bls_ struct bls_entry entry = {.count = 0};
	_cleanup_file_ struct file file = {.exists = true};
	int r;

	text_add(&text, "uki /\noptions %s\n", image->uki.cmdline ? image->uki.cmdline : "");
	for (char *at = text.data; !text.error && (at = strchr(at, '\n')) && at[1]; at++)
		if (at - text.data > 5)
			*at = ' ';
	file.path = strdup(image->path);
	file.size = text.size;
	file.data = steal(&text.data);
	if (text.error || !file.path)
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	r = bls_parse(&file, &entry, diag);
	if (!r)
		*ret = bls_whose(&entry, id);
	return r;
}

static int read_image(const struct boot_context *context, char *path, const struct system_id *id,
		      struct uki_set *set, struct diag *diag)
{
	struct uki_image image = {.path = path};
	struct uki_image *images;
	enum bls_whose of;
	int r = uki_read(context->root, path, &image.uki, diag);

	if (!r)
		r = whose(&image, id, &of, diag);
	if (r == -ENOMEM)
		goto free;
	if (r < 0) {
		remark(context->remarks, "%s: %s", diag->file, diag->text);
		r = 0;
		goto free;
	}
	if (!image.uki.has_linux || of != BLS_OURS)
		goto free;
	images = reallocarray(set->images, set->count + 1, sizeof(*images));
	if (!images) {
		r = diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
		goto free;
	}
	set->images = images;
	images[set->count++] = image;
	return 0;
free:
	uki_free(&image.uki);
	free(path);
	return r;
}

int uki_set_read(const struct boot_context *context, const char *dir, const struct system_id *id,
		 struct uki_set *set, struct diag *diag)
{
	_cleanup_names_ char **names = NULL;
	_cleanup_free_ char *linux_dir = NULL;
	int r;

	if (asprintf(&linux_dir, "%s/EFI/Linux", dir) < 0) {
		linux_dir = NULL;
		return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
	}
	r = names_read(context->root, linux_dir, ".efi", &names, diag);
	for (size_t i = 0; !r && names[i]; i++) {
		char *path;

		if (asprintf(&path, "%s/%s", linux_dir, names[i]) < 0)
			return diag_set(diag, -ENOMEM, NULL, 0, "out of memory");
		r = read_image(context, path, id, set, diag);
	}
	return r;
}

void uki_set_free(struct uki_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		uki_free(&set->images[i].uki);
		free(set->images[i].path);
	}
	free(set->images);
	*set = (struct uki_set){.count = 0};
}

static const char *version_of(const struct uki_image *image)
{
	return image->uki.uname ? image->uki.uname : image->path;
}

size_t uki_set_newest(const struct uki_set *set)
{
	size_t newest = 0;

	for (size_t i = 1; i < set->count; i++)
		if (strverscmp(version_of(&set->images[i]), version_of(&set->images[newest])) > 0)
			newest = i;
	return newest;
}

int uki_set_line(const struct uki_set *set, size_t index, struct boot_line *line)
{
	const struct uki_image *image = &set->images[index];
	const char *text = image->uki.cmdline ? image->uki.cmdline : "";

	line->role = LINE_ENTRY;
	line->read_only = true;
	line->unified = true;
	if (asprintf(&line->file, "/%s", image->path) < 0) {
		line->file = NULL;
		return -ENOMEM;
	}
	line->kernel = strdup(version_of(image));
	if (!line->kernel)
		return -ENOMEM;
	return boot_line_segment(line, text, strlen(text), line->file, 0, true, 0);
}

/* --- whether it agrees ------------------------------------------------------------------------- */

bool uki_is_outdated(const struct boot_line *uki, const struct boot_line *source)
{
	_cleanup_free_ char *text = boot_line_text(uki);

	if (!text)
		return true;
	for (size_t i = 0; i < source->owned_after.count; i++)
		if (!line_has(text, source->owned_after.items[i].text))
			return true;
	for (size_t i = 0; i < source->owned.count; i++) {
		const struct owned *owned = &source->owned.items[i];

		if (!owned_find(&source->owned_after, owned->text) && line_has(text, owned->text))
			return true;
	}
	return false;
}

int uki_initrd_needs(const struct boot_context *context, const struct boot_line *line)
{
	_cleanup_initrd_content_ struct initrd_content content = {.made_by = NULL};
	const char *path = line->file + 1;
	_cleanup_uki_ struct uki uki = {.cmdline = NULL};
	_cleanup_close_ int fd = -1;
	struct diag diag = DIAG_INIT;
	int r;

	if (!context->profile || (context->kernel && strcmp(context->kernel, line->kernel) != 0))
		return 0;
	r = uki_read(context->root, path, &uki, &diag);
	if (!r)
		r = uki_initrd(context->root, path, &uki, &fd);
	if (!r)
		r = initrd_content_read(fd, &content, &diag);
	if (r == -ENOMEM)
		return r;
	/* One that cannot be read has nothing of ours that would have to go. */
	if (r < 0)
		return initrd_content_is_asked(context->profile) ? NEED_REGENERATE : 0;
	if (initrd_content_agrees(&content, context->profile))
		return 0;
	if (!content.made_by || !strcmp(content.made_by, "dracut"))
		return NEED_REGENERATE;
	remark(context->remarks,
	       "%s has an initramfs that is made by %s, not by dracut: the card is not claimed "
	       "where it boots",
	       line->file, content.made_by);
	return NEED_INITRAMFS;
}

/* --- how it is made anew ----------------------------------------------------------------------- */

/* Whether a line of a small file begins with word, after blanks. */
static bool file_says(const struct root *root, const char *path, const char *word)
{
	_cleanup_file_ struct file file = {.exists = false};
	struct diag diag = DIAG_INIT;

	if (file_read(root, path, &file, &diag) < 0 || !file.exists)
		return false;
	for (const char *at = file.data; *at; at += strcspn(at, "\n"), at += *at == '\n')
		if (!strncmp(at + strspn(at, " \t"), word, strlen(word)))
			return true;
	return false;
}

bool uki_uses_dropins(const struct root *root)
{
	static const char *const words[] = {"default_uki=", "fallback_uki=", "ALL_uki="};
	_cleanup_names_ char **names = NULL;
	struct diag diag = DIAG_INIT;

	if (names_read(root, "etc/mkinitcpio.d", ".preset", &names, &diag) < 0)
		return false;
	for (size_t i = 0; names[i]; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "etc/mkinitcpio.d/%s", names[i]) < 0) {
			path = NULL;
			return false;
		}
		for (size_t j = 0; j < ARRAY_SIZE(words); j++)
			if (file_says(root, path, words[j]))
				return true;
	}
	return false;
}

void uki_remark_rebuild(const struct boot_context *context, const struct boot_line *uki,
			const char *what)
{
	const struct root *root = context->root;
	const char *version =
		*uki->kernel == '/' || strchr(uki->kernel, '/') ? "VERSION" : uki->kernel;
	char debian[256];
	bool beside_modules;

	snprintf(debian, sizeof(debian), "boot/vmlinuz-%s", version);
	beside_modules = !root_exists(root, debian);
	if (uki_uses_dropins(root))
		remark(context->remarks, "%s has %s: make it anew by `mkinitcpio -P`", uki->file,
		       what);
	else if (file_says(root, "etc/kernel/install.conf", "layout=uki") ||
		 file_says(root, "usr/lib/kernel/install.conf", "layout=uki"))
		remark(context->remarks,
		       "%s has %s: make it anew by `kernel-install add %s %s%s%s`", uki->file, what,
		       version, beside_modules ? "/usr/lib/modules/" : "/boot/vmlinuz-", version,
		       beside_modules ? "/vmlinuz" : "");
	else if (root_exists(root, "usr/bin/dracut") && !root_exists(root, "usr/bin/ukify"))
		remark(context->remarks,
		       "%s has %s: make it anew by `dracut --force --uefi --kver "
		       "%s`, which may take it from kernel_cmdline= in /etc/dracut.conf.d",
		       uki->file, what, version);
	else
		remark(context->remarks,
		       "%s has %s: make it anew by `ukify build` with that of "
		       "/%s",
		       uki->file, what, "etc/kernel/cmdline");
}
