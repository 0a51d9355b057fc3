# The life of the package, in a mount namespace: bash life.sh DIR, with 1.deb and
# 2.deb in DIR. It is installed into a tree that has this machine's programs,
# read-only below an overlay, and its own /etc, /var, /run.
set -euo pipefail
dir=$1 tree=$1/tree
fail() {
	echo "life.sh: $*" >&2
	exit 1
}
mount --make-rprivate /
mkdir -p "$tree" && mount -t tmpfs tree "$tree"
mkdir -p "$tree"/{etc,var/lib/dpkg/{info,updates,triggers},run,tmp,proc,dev,usr,upper,work}
mount -t overlay usr -o "lowerdir=/usr,upperdir=$tree/upper,workdir=$tree/work" "$tree/usr"
rm -f "$tree/usr/bin/tenantgate"
for d in bin sbin lib lib64; do ln -s "usr/$d" "$tree/$d"; done
mount -t proc proc "$tree/proc"
mount --bind /dev/null "$(touch "$tree/dev/null" && echo "$tree/dev/null")"
: >"$tree/var/lib/dpkg/status"
: >"$tree/var/lib/dpkg/available"
printf 'root:x:0:0::/root:/bin/sh\n' >"$tree/etc/passwd"
printf 'root:x:0:\n' >"$tree/etc/group"
cp -r /etc/ld.so.* /etc/alternatives "$tree/etc/"
cp "$dir"/?.deb "$tree/tmp/"
inside() { chroot "$tree" "$@"; }
dpkg() { inside dpkg --force-depends --force-confold "$@"; }

dpkg -i /tmp/1.deb
[[ $(inside stat -c '%a %U:%G' /var/lib/tenantgate) == '700 tenantgate:tenantgate' ]] || fail 'the state directory is not the user'"'"'s alone'
[[ $(inside getent passwd tenantgate) == *:/var/lib/tenantgate:/usr/sbin/nologin ]] || fail 'no user, or one that can sign in'
[[ -z $(find "$tree/etc/systemd" -name 'tenantgate*' 2>/dev/null) ]] || fail 'the service was enabled'
inside tenantgate check -c /etc/tenantgate/tenantgate.yaml >/dev/null || fail 'the configuration that is installed does not load'

echo '# changed by hand' >>"$tree/etc/tenantgate/tenantgate.yaml"
echo event >"$tree/var/lib/tenantgate/event"
dpkg -i /tmp/2.deb
inside dpkg-query -W -f '${Version} ${Status}' tenantgate | grep -q '1.2.4.* install ok installed' || fail 'not upgraded'
grep -q 'changed by hand' "$tree/etc/tenantgate/tenantgate.yaml" || fail 'the upgrade replaced the configuration'
[[ -e $tree/var/lib/tenantgate/event ]] || fail 'the upgrade took the state away'

dpkg -i /tmp/1.deb
inside dpkg-query -W -f '${Version}' tenantgate | grep -q '^1.2.3' || fail 'not rolled back'
grep -q 'changed by hand' "$tree/etc/tenantgate/tenantgate.yaml" || fail 'rolling back replaced the configuration'

dpkg -r tenantgate
[[ ! -e $tree/usr/bin/tenantgate ]] || fail 'the program is there after it was removed'
[[ -e $tree/etc/tenantgate/tenantgate.yaml && -e $tree/var/lib/tenantgate/event ]] || fail 'remove took the configuration or the state'

dpkg -i /tmp/1.deb
dpkg -P tenantgate
[[ ! -e $tree/etc/tenantgate && ! -e $tree/var/lib/tenantgate ]] || fail 'purge left something'
echo lived
