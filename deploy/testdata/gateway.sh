# A device, a gateway with the rules, and the Internet, in network namespaces of
# their own: bash gateway.sh RULES, in a network namespace that is the gateway.
set -euo pipefail
rules=$1
mount --make-rprivate / && mount -t tmpfs run /run
ip netns add device && ip netns add internet
ip link set lo up
for pair in eth1:device:192.168.7 eth0:internet:203.0.113; do
	IFS=: read -r here there net <<<"$pair"
	ip link add "$here" type veth peer name eth0 netns "$there"
	ip addr add "$net.1/24" dev "$here" && ip link set "$here" up
	ip -n "$there" addr add "$net.2/24" dev eth0 && ip -n "$there" link set eth0 up && ip -n "$there" link set lo up
	ip -n "$there" route add default via "$net.1"
done
ip route add default via 203.0.113.2
ip -n internet addr add 20.190.128.1/32 dev lo && ip -n internet addr add 198.51.100.1/32 dev lo && ip -n internet addr add 1.1.1.1/32 dev lo
ip addr add fd77::1/64 dev eth1 nodad && ip -n device addr add fd77::2/64 dev eth0 nodad && ip -n device -6 route add default via fd77::1
ip addr add fd78::1/64 dev eth0 nodad && ip -n internet addr add fd78::2/64 dev eth0 nodad && ip -n internet -6 route add default via fd78::1
ip -6 route add default via fd78::2
ip -n internet addr add 2606:4700:4700::1111/128 dev lo nodad && ip -n internet addr add 2620:0:862::1/128 dev lo nodad
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
nft -f "$rules"

listen='
import socket, sys, threading
def tcp(s):
    while True:
        c, _ = s.accept(); c.sendall(sys.argv[1].encode()); c.close()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("", 443))
for port in sys.argv[2:]:
    threading.Thread(target=tcp, args=[socket.create_server(("", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)]).start()
print(flush=True)
while True:
    _, whence = udp.recvfrom(64); udp.sendto(sys.argv[1].encode(), whence)
'
# Each says with a line that it listens.
exec 3< <(exec python3 -c "$listen" steered 8443) 4< <(exec ip netns exec internet python3 -c "$listen" elsewhere 443 853)
read -r -u 3 && read -r -u 4
ip netns exec device python3 - <<'PY'
import socket

def tcp(address, port):
    try:
        with socket.create_connection((address, port), timeout=10) as c:
            return c.recv(64).decode()
    except ConnectionRefusedError:
        return "refused"
    except OSError as e:
        return str(e)

def udp(address, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.connect((address, port))
        s.send(b"initial")
        try:
            return s.recv(64).decode()
        except ConnectionRefusedError:
            return "refused"
        except OSError as e:
            return str(e)

print("tcp 443 to the sign-in service:", tcp("20.190.128.1", 443))
print("tcp 443 to elsewhere:", tcp("198.51.100.1", 443))
print("tcp 443 to elsewhere by IPv6:", tcp("2620:0:862::1", 443))
print("DNS over HTTPS:", tcp("1.1.1.1", 443))
print("DNS over HTTPS by IPv6:", tcp("2606:4700:4700::1111", 443))
print("udp 443:", udp("198.51.100.1", 443))
print("tcp 853:", tcp("198.51.100.1", 853))
PY
