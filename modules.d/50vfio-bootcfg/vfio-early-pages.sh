#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by dracut's init as a pre-mount hook, in images without systemd: after the cards are claimed.

/usr/lib/vfio-bootcfg/vfio-early-pages || :
