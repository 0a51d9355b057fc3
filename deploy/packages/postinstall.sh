#!/bin/sh
# The user and the state directory. The service is not enabled; one that runs
# is left alone at an upgrade: a restart ends tunnels, so somebody chooses when.
set -e

case "$1" in abort-*) exit 0 ;; esac # dpkg goes back to what was installed

if ! getent passwd tenantgate >/dev/null; then
	if command -v systemd-sysusers >/dev/null; then
		systemd-sysusers tenantgate.conf
	else
		useradd --system --user-group --no-create-home --home-dir /var/lib/tenantgate --shell /usr/sbin/nologin tenantgate
	fi
fi
if [ ! -e /var/lib/tenantgate ]; then
	install -d -m 0700 -o tenantgate -g tenantgate /var/lib/tenantgate
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
