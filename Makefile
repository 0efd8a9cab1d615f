# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make                 build into build/         make demo     boot a simulated dual-GPU host
#   make install         DESTDIR= PREFIX=          make check    all tests (BOOTS=all: every boot)
#   make V=1             show the commands         make bench    the figures, as ratios
#   make DEV=1           warnings are errors       make fuzz     FUZZ_SECONDS= per parser
#
# As root, `demo`, `check`, `bench` and `fuzz` install the packages that they need (tests/deps).

VERSION := 0.1.0

PREFIX ?= /usr
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
# Not below PREFIX: dracut looks here, and the unit, the hook and the udev rule name the program.
DRACUTMODDIR ?= /usr/lib/dracut/modules.d
EARLYDIR := /usr/lib/vfio-bootcfg
# Where kernel packages and kernel-install look for what is to run.
POSTINSTDIR ?= /etc/kernel/postinst.d
KERNELINSTALLDIR ?= /usr/lib/kernel/install.d
LIBVIRTHOOKDIR ?= /etc/libvirt/hooks
# Not below PREFIX: where AppArmor confines libvirtd, its hooks may run what is in /usr/sbin, and nothing in /usr/lib or
# /usr/local (/etc/apparmor.d/usr.sbin.libvirtd).
HOOKSBINDIR := /usr/sbin
UNITDIR ?= /usr/lib/systemd/system

CC ?= cc
O ?= build
BOOTS ?= default
JOBS ?= 2
FUZZ_SECONDS ?= 20

EARLY := claim cmdline diag disk display ini late log module pages pages-boot pages-grow pci profile profile-build profile-keys profile-values record resolve root text undo
BOOTCFG := $(filter-out main,$(patsubst bootcfg/%.c,%,$(wildcard bootcfg/*.c)))
# What unit tests look at too: all but the programs' mains.
TOOLS := $(filter-out device hugepages libvirt-hook,$(patsubst tools/%.c,%,$(wildcard tools/*.c)))
UNIT := $(patsubst tests/unit/test-%.c,%,$(wildcard tests/unit/test-*.c))

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wimplicit-fallthrough
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
CFLAGS ?= -O2 -g
CFLAGS_ALL = -std=gnu17 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -I. $(WARN) -fPIE \
	-ffunction-sections -fdata-sections $(if $(SAN),$(SAN_FLAGS),$(HARDEN)) $(if $(DEV),-Werror) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed -Wl,--gc-sections \
	$(if $(SAN),$(SAN_FLAGS)) $(LDFLAGS)
# What goes into every initramfs is built for size, in one piece (clang would want another linker for
# that), without landing pads for indirect branches, which Linux does not check in user space, and with stack
# guards where there are arrays.
OZ := $(shell $(CC) -Oz -E -x c /dev/null >/dev/null 2>&1 && echo -Oz || echo -Os)
SMALL := $(OZ) $(if $(findstring clang,$(CC)),,-flto -fno-inline-small-functions) \
	-fcf-protection=return -fstack-protector -fno-plt -fno-asynchronous-unwind-tables -fno-unwind-tables -g0 \
	-Wl,-z,noseparate-code,--build-id=none -s
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

.PHONY: all install
PROGRAMS := vfio-bootcfg vfio-device vfio-hugepages
all: $(O)/vfio-early $(O)/vfio-early-pages $(O)/vfio-libvirt-hook $(foreach p,$(PROGRAMS),$(O)/$p $(O)/$p.bash $(O)/$p.zsh)

# --- what is built -------------------------------------------------------------------------------

lib = $(patsubst %,$(O)/$(1)/%.o,$(2))

# Missing packages are named before the compiler stumbles over them.
$(O)/.packages: tests/deps
	@tests/deps name
	@mkdir -p $(@D) && touch $@

$(O)/%.o: %.c Makefile | $(O)/.packages
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(O)/libearly.a: $(call lib,early,$(EARLY))
$(O)/libbootcfg.a: $(call lib,bootcfg,$(BOOTCFG))
$(O)/libtools.a: $(call lib,tools,$(TOOLS))
$(O)/lib%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(O)/vfio-early: early/main.c
$(O)/vfio-early-pages: early/main-pages.c
$(O)/vfio-early $(O)/vfio-early-pages: $(EARLY:%=early/%.c) $(wildcard early/*.h) Makefile | $(O)/.packages
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(if $(SAN),,$(SMALL)) $(LDFLAGS_ALL) -o $@ $(filter %.c,$^)

LIBS := -lpci -ljansson -lsmartcols

$(O)/vfio-device $(O)/vfio-hugepages $(O)/vfio-libvirt-hook: $(O)/vfio-%: $(O)/tools/%.o $(O)/libtools.a $(O)/libbootcfg.a $(O)/libearly.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(O)/vfio-bootcfg: $(O)/bootcfg/main.o $(O)/libbootcfg.a $(O)/libearly.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# Out of the command's own table, so that they cannot drift.
$(O)/%.bash: $(O)/%
	$(call say,GEN,$@)
	$(Q)$< --dump=bash > $@
$(O)/%.zsh: $(O)/%
	$(call say,GEN,$@)
	$(Q)$< --dump=zsh > $@

-include $(wildcard $(O)/*/*.d $(O)/*/*/*.d $(O)/*/*/*/*.d)

# --- what is installed ---------------------------------------------------------------------------

install: all
	install -D -m 755 $(O)/vfio-early $(DESTDIR)$(EARLYDIR)/vfio-early
	install -D -m 755 $(O)/vfio-early-pages $(DESTDIR)$(EARLYDIR)/vfio-early-pages
	for program in $(PROGRAMS); do \
		install -D -m 755 $(O)/$$program $(DESTDIR)$(SBINDIR)/$$program && \
		install -D -m 644 $(O)/$$program.bash $(DESTDIR)$(BASHCOMPDIR)/$$program && \
		install -D -m 644 $(O)/$$program.zsh $(DESTDIR)$(ZSHCOMPDIR)/_$$program || exit 1; \
	done
	install -D -m 755 $(O)/vfio-libvirt-hook $(DESTDIR)$(HOOKSBINDIR)/vfio-libvirt-hook
	install -D -m 755 tools/libvirt-qemu $(DESTDIR)$(LIBVIRTHOOKDIR)/qemu.d/vfio-bootcfg
	install -D -m 755 bootcfg/kernel-added $(DESTDIR)$(EARLYDIR)/kernel-added
	install -D -m 755 bootcfg/kernel-postinst $(DESTDIR)$(POSTINSTDIR)/vfio-bootcfg
	install -D -m 755 bootcfg/kernel-install.plugin $(DESTDIR)$(KERNELINSTALLDIR)/95-vfio-bootcfg.install
	install -D -m 644 bootcfg/vfio-bootcfg-check.service $(DESTDIR)$(UNITDIR)/vfio-bootcfg-check.service
	mkdir -p $(DESTDIR)$(UNITDIR)/multi-user.target.wants
	ln -sfn ../vfio-bootcfg-check.service \
		$(DESTDIR)$(UNITDIR)/multi-user.target.wants/vfio-bootcfg-check.service
	install -D -m 644 bootcfg/vfio-bootcfg.8 $(DESTDIR)$(MANDIR)/man8/vfio-bootcfg.8
	install -D -m 755 modules.d/50vfio-bootcfg/module-setup.sh \
		$(DESTDIR)$(DRACUTMODDIR)/50vfio-bootcfg/module-setup.sh
	install -m 644 modules.d/50vfio-bootcfg/vfio-early.service modules.d/50vfio-bootcfg/vfio-early.sh \
		modules.d/50vfio-bootcfg/vfio-early-pages.service modules.d/50vfio-bootcfg/vfio-early-pages.sh \
		$(DESTDIR)$(DRACUTMODDIR)/50vfio-bootcfg/
	install -D -m 644 early/vfio-early.8 $(DESTDIR)$(MANDIR)/man8/vfio-early.8
	install -D -m 644 tools/vfio-device.8 $(DESTDIR)$(MANDIR)/man8/vfio-device.8
	install -D -m 644 tools/vfio-hugepages.8 $(DESTDIR)$(MANDIR)/man8/vfio-hugepages.8
	install -D -m 644 tools/vfio-libvirt-hook.8 $(DESTDIR)$(MANDIR)/man8/vfio-libvirt-hook.8
	install -D -m 644 early/vfio-bootcfg.conf.5 $(DESTDIR)$(MANDIR)/man5/vfio-bootcfg.conf.5

# --- tests ---------------------------------------------------------------------------------------

UNITS := $(UNIT:%=$(O)/tests/unit/test-%)
FUZZ := $(patsubst tests/fuzz/fuzz-%.c,%,$(wildcard tests/fuzz/fuzz-*.c))
MACHINE := machine machine-config machine-cpu machine-pci machine-put

.PHONY: units demo check bench fuzz check-layers clean
.SECONDARY:
units: $(UNITS) $(O)/tests/expand-machine $(O)/tests/shell-soup

$(O)/tests/unit/test-%: $(O)/tests/unit/test-%.o $(O)/tests/unit/fixture.o \
		$(call lib,tests,$(MACHINE)) $(O)/libtools.a $(O)/libbootcfg.a $(O)/libearly.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcmocka -larchive $(LIBS)

$(O)/tests/expand-machine: $(O)/tests/expand-machine.o $(call lib,tests,$(MACHINE))
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

$(O)/tests/shell-soup: $(O)/tests/shell-soup.o $(O)/libbootcfg.a $(O)/libearly.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(O)/tests/crash/crash: $(call lib,tests/crash,crash meddle points trace tree)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

# By clang, everything once more with the fuzzer's eyes in it; each fuzzer takes what it needs.
FUZZ_CC = clang -std=gnu17 -D_GNU_SOURCE -DVERSION='"fuzz"' -I. -g -O1 -fno-sanitize-recover=all
FUZZ_OBJECTS := $(patsubst %,$(O)/fuzz-%.o,$(EARLY:%=early/%) $(BOOTCFG:%=bootcfg/%) tests/fuzz/kernel-model)
$(O)/fuzz-%.o: %.c Makefile | $(O)/.packages
	$(call say,FUZZ,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<
$(O)/libfuzz.a: $(FUZZ_OBJECTS)
$(O)/fuzzer-%: $(O)/fuzz-tests/fuzz/fuzz-%.o $(O)/libfuzz.a
	$(call say,LD,$@)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS)

.PHONY: fuzzers
fuzzers: $(FUZZ:%=$(O)/fuzzer-%)

demo:
	@tests/deps demo
	@+$(MAKE) --no-print-directory all
	@tests/boot/demo

check:
	@tests/deps test
	@+BOOTS=$(BOOTS) JOBS=$(JOBS) tests/check

bench:
	@tests/deps test
	@+$(MAKE) --no-print-directory all $(O)/tests/expand-machine
	@tests/bench/run

fuzz:
	@tests/deps test
	@+FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run

check-layers:
	@tests/check-layers

clean:
	rm -rf build
