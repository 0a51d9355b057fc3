#!/bin/sh
# Nothing but "purge" takes the state away: the CA that endpoints trust is in
# it, and the events. rpm has no purge, so there it stays. The user stays too,
# so that nobody else gets its number and with it whatever it still owns.
set -e

if [ "$1" = purge ]; then
	rm -rf /var/lib/tenantgate
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
