# /etc/profile.d/tenantgate.sh: proxy and trust for programs that read the environment. They know no PAC
# file, so everything goes to the proxy, which passes on what is not restricted.
# linux/trust.sh puts /etc/ssl/tenantgate.pem in place.
export HTTPS_PROXY='http://{{index .Proxies 0}}'
export https_proxy="$HTTPS_PROXY"
export NO_PROXY='localhost,127.0.0.1,::1{{if .ExemptDirect}},{{join .NoProxy ","}}{{end}}'
export no_proxy="$NO_PROXY"
# Node adds this file to its own roots, and reads it once, at its start. From 24 on it heeds the proxy.
export NODE_EXTRA_CA_CERTS=/etc/ssl/tenantgate.pem
export NODE_USE_ENV_PROXY=1
# Python's requests (the Azure CLI too), and OpenSSL where it brings its own roots, want a whole bundle.
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
	if [ -r "$bundle" ]; then
		export REQUESTS_CA_BUNDLE="$bundle" SSL_CERT_FILE="$bundle" GIT_SSL_CAINFO="$bundle"
		break
	fi
done
unset bundle
