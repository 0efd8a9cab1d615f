#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by dracut's init as a cmdline hook, in images without systemd.

/usr/lib/vfio-bootcfg/vfio-early --guard || :
