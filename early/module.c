// SPDX-License-Identifier: GPL-2.0-or-later
#include <dlfcn.h>
#include <fcntl.h>
#include <libkmod.h>
#include <sys/syscall.h>

#include "early/log.h"
#include "early/module.h"

/* What is used of libkmod, found by name at run time. */
struct kmod_api {
	__typeof__(kmod_new) *new;
	__typeof__(kmod_unref) *unref;
	__typeof__(kmod_module_new_from_lookup) *lookup;
	__typeof__(kmod_module_get_module) *get_module;
	__typeof__(kmod_list_next) *next;
	__typeof__(kmod_module_probe_insert_module) *insert;
	__typeof__(kmod_module_unref) *unref_module;
	__typeof__(kmod_module_unref_list) *unref_list;
};

static int api_open(struct kmod_api *ret)
{
	/* Never closed: the process is about to end, and unmapping libcrypto costs again. */
	void *lib = dlopen("libkmod.so.2", RTLD_LAZY | RTLD_LOCAL);
	struct kmod_api api;

	if (!lib)
		return -ELIBACC;
	api.new = (__typeof__(api.new))dlsym(lib, "kmod_new");
	api.unref = (__typeof__(api.unref))dlsym(lib, "kmod_unref");
	api.lookup = (__typeof__(api.lookup))dlsym(lib, "kmod_module_new_from_lookup");
	api.get_module = (__typeof__(api.get_module))dlsym(lib, "kmod_module_get_module");
	api.next = (__typeof__(api.next))dlsym(lib, "kmod_list_next");
	api.insert = (__typeof__(api.insert))dlsym(lib, "kmod_module_probe_insert_module");
	api.unref_module = (__typeof__(api.unref_module))dlsym(lib, "kmod_module_unref");
	api.unref_list = (__typeof__(api.unref_list))dlsym(lib, "kmod_module_unref_list");
	if (!api.new || !api.unref || !api.lookup || !api.get_module || !api.next || !api.insert ||
	    !api.unref_module || !api.unref_list)
		return -ELIBACC;
	*ret = api;
	return 0;
}

static int load(const struct kmod_api *api, struct kmod_ctx *ctx, const char *name)
{
	struct kmod_list *list = NULL;
	struct kmod_module *module;
	int r = api->lookup(ctx, name, &list);

	if (r < 0)
		return r;
	if (!list)
		return -ENOENT; /* libkmod's answer for a name it does not know is an empty list */
	module = api->get_module(list);
	r = api->insert(module, KMOD_PROBE_IGNORE_COMMAND, NULL, NULL, NULL, NULL);
	api->unref_module(module);
	api->unref_list(list);
	return r < 0 ? r : 0;
}

int module_load_alias(const char *alias)
{
	struct kmod_list *list = NULL;
	struct kmod_api api;
	struct kmod_ctx *ctx;
	int ret = -ENOENT, r = api_open(&api);

	if (r < 0)
		return r;
	ctx = api.new(NULL, NULL);
	if (!ctx)
		return -ENOMEM;
	r = api.lookup(ctx, alias, &list);
	if (r < 0)
		ret = r;
	for (struct kmod_list *at = list; at; at = api.next(list, at)) {
		struct kmod_module *module = api.get_module(at);

		r = api.insert(module, KMOD_PROBE_APPLY_BLACKLIST | KMOD_PROBE_IGNORE_COMMAND, NULL,
			       NULL, NULL, NULL);
		api.unref_module(module);
		/* One that is there is enough: several may have an alias in common. */
		if (r == 0 || ret != 0)
			ret = r > 0 ? -EPERM : r;
	}
	api.unref_list(list);
	api.unref(ctx);
	return ret;
}

int module_load_name(const char *name)
{
	struct kmod_api api;
	struct kmod_ctx *ctx;
	int r = api_open(&api);

	if (r < 0)
		return r;
	ctx = api.new(NULL, NULL);
	if (!ctx)
		return -ENOMEM;
	r = load(&api, ctx, name);
	api.unref(ctx);
	return r;
}

int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) < 0 ? -errno : 0;
}

int module_load_vfio_from(const char *dir)
{
	struct kmod_api api;
	struct kmod_ctx *ctx;
	int r = api_open(&api);

	if (r < 0)
		return r;
	ctx = api.new(dir, NULL);
	if (!ctx)
		return -ENOMEM;
	r = load(&api, ctx, "vfio-pci");
	/* vfio has it as a soft dependency only, and nothing asks for it later. */
	if (r >= 0 && load(&api, ctx, "vfio_iommu_type1") < 0)
		log_warn("vfio_iommu_type1 cannot be loaded: "
			 "guests cannot use the card until it is");
	api.unref(ctx);
	return r;
}

int module_load_vfio(_unused_ const struct root *root)
{
	return module_load_vfio_from(NULL);
}

bool module_vfio_ready(const struct root *root)
{
	return root_exists(root, "sys/bus/pci/drivers/vfio-pci") &&
	       root_exists(root, "sys/module/vfio_iommu_type1");
}
