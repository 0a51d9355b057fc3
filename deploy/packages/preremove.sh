#!/bin/sh
# Ends the service when the package goes, not when another takes its place:
# dpkg says "remove", rpm how many are left.
set -e

case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now tenantgate.socket tenantgate.service || true
		systemctl stop 'tenantgate@*.service' || true
		for unit in /etc/systemd/system/*.wants/tenantgate@*.service; do
			[ ! -L "$unit" ] || systemctl disable "${unit##*/}" || true
		done
	fi
	;;
esac
