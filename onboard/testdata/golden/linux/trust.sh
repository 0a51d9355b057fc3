#!/bin/bash
# Trusts the certificates beside this script, in ../ca: the system's store, the NSS databases that Chrome
# and Chromium read, and Java's. Run it as root, and again whenever the files change. ROOT=/mnt works on
# another tree; with DRY_RUN=1 it only says what it would do.
set -euo pipefail
ca=$(cd "$(dirname "${BASH_SOURCE[0]}")/../ca" && pwd)
root=${ROOT:-}

run() {
	if [[ ${DRY_RUN:-} == 1 ]]; then
		printf '%q ' "$@"
		echo
		return
	fi
	"$@"
}

certificates() { find "$ca" -maxdepth 1 -name '*.crt' | sort; }

# The system's store: Debian and its relatives, SUSE, Red Hat and its relatives.
for place in usr/local/share/ca-certificates etc/pki/trust/anchors etc/pki/ca-trust/source/anchors; do
	[[ -d $root/$place ]] || continue
	for file in $(certificates); do
		run install -m 0644 "$file" "$root/$place/$(basename "$file")"
	done
done
run install -D -m 0644 "$ca/tenantgate.pem" "$root/etc/ssl/tenantgate.pem"
if [[ -z $root ]]; then
	for update in update-ca-certificates update-ca-trust; do
		if command -v "$update" >/dev/null; then run "$update"; fi
	done
fi

# Chrome and Chromium on Linux read each user's NSS database and no other.
if command -v certutil >/dev/null; then
	while IFS=: read -r user _ uid _ _ home _; do
		[[ $uid -ge 1000 && $uid -lt 60000 && -d $root$home/.pki/nssdb ]] || continue
		for file in $(certificates); do
			run certutil -d "sql:$root$home/.pki/nssdb" -A -t C,, -n "$(basename "$file" .crt)" -i "$file"
			run chown -R "$user" "$root$home/.pki"
		done
	done <"$root/etc/passwd"
fi

# A Java that does not use the system's store.
if [[ -z $root && -n ${JAVA_HOME:-} && -x $JAVA_HOME/bin/keytool ]]; then
	for file in $(certificates); do
		run "$JAVA_HOME/bin/keytool" -importcert -noprompt -cacerts -storepass changeit -alias "$(basename "$file" .crt)" -file "$file"
	done
fi
