// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfio-early: gives cards to vfio-pci before their own drivers see them. Runs in the initramfs
 * before udev, and from the udev rule that it writes. It never stops a boot: whatever happens is
 * logged and recorded, and the exit code is 0.
 */
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "early/claim.h"
#include "early/cmdline.h"
#include "early/exitcode.h"
#include "early/late.h"
#include "early/log.h"
#include "early/module.h"
#include "early/record.h"
#include "early/undo.h"

/* A card's unbind and bind; amdgpu's unbind takes up to two seconds. */
#define CARD_DEADLINE_MS 5000
/* Loading binds all cards, one after another: longer, and still well below the unit's time-out. */
#define LOAD_DEADLINE_MS 15000
/* All of it, where no unit has a time-out. */
#define GUARD_DEADLINE_MS 30000

/* COMMAND_LINE_SIZE is 2048 on x86, 4096 on others. */
#define CMDLINE_SIZE 8192

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Never for a captured machine: the kernel that would load it is the host's. */
static int load_nothing(_unused_ const struct root *root)
{
	return -ENOENT;
}

static struct claim_env make_env(const struct root *root)
{
	return (struct claim_env){
		.root = root,
		.load_modules = root->kind == ROOT_LIVE ? module_load_vfio : load_nothing,
		.modules_ready = module_vfio_ready,
		.deadline_ms = CARD_DEADLINE_MS,
		.load_deadline_ms = LOAD_DEADLINE_MS,
		.may_unbind = true,
	};
}

/* True if the command line says hands off; then head says why. */
static bool is_switched_off(const struct root *root, struct record_head *head)
{
	static const char *const reasons[] = {
		[CMDLINE_OFF_SWITCH] = "disabled",
		[CMDLINE_OFF_HOSTONLY] = "hostonly-off",
		[CMDLINE_OFF_RESCUE] = "rescue",
		[CMDLINE_OFF_KDUMP] = "kdump",
	};
	struct cmdline_token token = {.raw_len = 0};
	char text[CMDLINE_SIZE];
	ssize_t n = root_read_attr(root, "proc/cmdline", text, sizeof(text));
	enum cmdline_off off;

	if (n < 0) {
		head->result = "off";
		head->reason = "no-cmdline";
		head->error = (int)-n;
		snprintf(head->text, sizeof(head->text),
			 "/proc/cmdline cannot be read, so nothing is claimed");
		return true;
	}
	off = cmdline_switch(text, (size_t)n, &token);
	if (off == CMDLINE_ON)
		return false;
	head->result = "off";
	head->reason = reasons[off];
	snprintf(head->text, sizeof(head->text),
		 "the kernel command line has %.*s: nothing is claimed", (int)token.raw_len,
		 token.raw);
	return true;
}

static void set_head(struct record_head *head, const char *result, const char *reason, int error,
		     const char *text)
{
	head->result = result;
	head->reason = reason;
	head->error = error < 0 ? -error : 0;
	snprintf(head->text, sizeof(head->text), "%s", text);
}

/* True if there is a profile with something to do; else head says why not. */
static bool load_profile(const struct root *root, struct profile *profile, struct record_head *head)
{
	struct diag diag = DIAG_INIT;
	char text[DIAG_STR];
	int r = profile_load(root, profile, &diag);

	if (r < 0)
		set_head(head, "refused", "bad-profile", r, diag_format(&diag, text));
	else if (!profile->file_count)
		set_head(head, "nothing", "no-profile", 0,
			 "there is no profile in this image: /etc/vfio-bootcfg.conf");
	else if (!profile->device_count)
		set_head(head, "nothing", "no-device-section", 0,
			 "the profile has no [device] section");
	else
		return true;
	return false;
}

static void claim_all(const struct root *root, const struct profile *profile,
		      struct record_head *head, struct pci_inventory *inv, struct claim_plan *plan)
{
	struct claim_env env = make_env(root);
	int r = pci_scan(root, inv);

	if (r >= 0)
		r = claim_resolve(root, profile, inv, 0, plan);
	if (r < 0) {
		set_head(head, "failed", "no-pci", r, "the PCI bus cannot be listed");
		return;
	}
	claim_override(&env, plan);
	head->overrides_us = now_us() - head->started_us;
	claim_commit(&env, plan);
	head->verified_us = now_us() - head->started_us;
	set_head(head, "done", "ok", 0, "");
}

static void run_boot(const struct root *root)
{
	_cleanup_profile_ struct profile profile = {.file_count = 0};
	_cleanup_inventory_ struct pci_inventory inv = {.count = 0};
	_cleanup_plan_ struct claim_plan plan = {.count = 0};
	struct record_head head = {.started_us = now_us()};
	int r;

	if (!is_switched_off(root, &head) && load_profile(root, &profile, &head)) {
		claim_all(root, &profile, &head, &inv, &plan);
		r = late_write_rules(root, &profile, &plan);
		if (r < 0)
			log_warn("the udev rule for late cards cannot be written: %s",
				 strerror(-r));
	}
	head.elapsed_us = now_us() - head.started_us;
	if (head.text[0])
		log_warn("%s", head.text);
	claim_log(&plan);
	r = record_write(root, &head, &plan);
	if (r < 0)
		log_warn("the record cannot be written: %s", strerror(-r));
}

static void run_late(const struct root *root, const struct pci_addr *addr)
{
	_cleanup_profile_ struct profile profile = {.file_count = 0};
	/* Set by the kernel for events that user space asked for, not for its own. */
	bool synthetic = getenv("SYNTH_UUID");
	struct claim_env env = make_env(root);
	struct record_head head = {.started_us = 0};
	char driver[PCI_DRIVER_STR];
	int r;

	/* At every coldplug this is asked for each claimed card: no is said at once. */
	if (pci_driver(root, addr, driver) < 0 || !strcmp(driver, CLAIM_DRIVER))
		return;
	if (is_switched_off(root, &head))
		return;
	if (!load_profile(root, &profile, &head)) {
		log_warn("%s", head.text);
		return;
	}
	env.may_unbind = !synthetic;
	env.wait_for_match = true;
	r = late_claim(&env, &profile, addr, synthetic);
	if (r < 0)
		log_warn("a late card cannot be claimed: %s", strerror(-r));
}

static int boot_step(void *data, _unused_ size_t i)
{
	run_boot(data);
	return 0;
}

/*
 * Without a service manager nobody else would end a boot that hangs: reads and writes of sysfs may,
 * such as driver_override before Linux 6.12 while a driver probes.
 */
static void run_guarded(struct root *root)
{
	struct record_head head = {.started_us = now_us()};
	int error = 0, r = children_run(boot_step, root, 1, GUARD_DEADLINE_MS, &error);

	if (r >= 0 && error >= 0)
		return;
	set_head(&head, "failed", "timeout", r < 0 ? r : error,
		 "claiming did not end in time; see the kernel log");
	log_warn("%s", head.text);
	if (record_write(root, &head, NULL) < 0)
		log_warn("the record cannot be written");
}

static int run_check(const struct root *root)
{
	_cleanup_profile_ struct profile profile = {.file_count = 0};
	struct diag diag = DIAG_INIT;
	char text[DIAG_STR];

	if (profile_load(root, &profile, &diag) >= 0)
		return EXIT_DONE;
	fprintf(stderr, "%s\n", diag_format(&diag, text));
	return EXIT_USAGE;
}

static const char usage[] =
	"Usage: vfio-early [--device ADDRESS | --guard | --check] [--root DIR]\n"
	"Give the PCI cards of the profile to vfio-pci before their own drivers see them.\n"
	"\n"
	"      --device ADDRESS  claim one card that came late (run by udev)\n"
	"      --guard           give up after 30 seconds (for images without systemd)\n"
	"      --check           read the profile; exit 2 with FILE:LINE if it is wrong\n"
	"      --root DIR        an image (for --check) or a captured machine\n"
	"      --help, --version\n";

enum { OPT_DEVICE = 1, OPT_GUARD, OPT_CHECK, OPT_ROOT, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
	{"device", required_argument, NULL, OPT_DEVICE},
	{"guard", no_argument, NULL, OPT_GUARD},
	{"check", no_argument, NULL, OPT_CHECK},
	{"root", required_argument, NULL, OPT_ROOT},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

int main(int argc, char *argv[])
{
	_cleanup_root_ struct root root = ROOT_INIT;
	bool check = false, device = false, guard = false;
	const char *dir = NULL;
	struct pci_addr addr;
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case OPT_DEVICE:
			if (pci_addr_parse(optarg, &addr) < 0) {
				fprintf(stderr, "vfio-early: %s is no PCI address\n", optarg);
				return EXIT_USAGE;
			}
			device = true;
			break;
		case OPT_GUARD:
			guard = true;
			break;
		case OPT_CHECK:
			check = true;
			break;
		case OPT_ROOT:
			dir = optarg;
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			return EXIT_DONE;
		case OPT_VERSION:
			puts("vfio-early " VERSION);
			return EXIT_DONE;
		default:
			fputs("Try vfio-early --help.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc || check + device + guard > 1) {
		fputs("vfio-early: these arguments do not go together; try --help\n", stderr);
		return EXIT_USAGE;
	}
	if (dir)
		log_to_stderr();
	r = dir ? root_open(&root, dir) : root_open_boot(&root);
	if (r < 0) {
		log_warn("%s cannot be opened: %s", dir ? dir : "/", strerror(-r));
		return check ? EXIT_SYSTEM : EXIT_DONE;
	}
	if (check)
		return run_check(&root);
	if (root.kind == ROOT_IMAGE) {
		log_warn("%s is an image, not a running or captured machine: only --check works",
			 dir);
		return EXIT_USAGE;
	}
	if (device)
		run_late(&root, &addr);
	else if (guard)
		run_guarded(&root);
	else
		run_boot(&root);
	return EXIT_DONE;
}
