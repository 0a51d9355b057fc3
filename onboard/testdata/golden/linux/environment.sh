# /etc/profile.d/tenantgate.sh: proxy and trust for programs that read the environment. They know no PAC
# file, so everything goes to the proxy, which passes on what is not restricted.
# linux/trust.sh puts /etc/ssl/tenantgate.pem in place.
export HTTPS_PROXY='http://proxy.contoso.com:8080'
export https_proxy="$HTTPS_PROXY"
export NO_PROXY='localhost,127.0.0.1,::1,.attest.azure.net,.certauth.login.microsoftonline.com,.certauth.login.microsoftonline.us,.certauth.login.partner.microsoftonline.cn,.dh.microsoft.com,.mtlsauth.microsoft.com,.mtlsauth.microsoftonline.us,.mtlsauth.partner.microsoftonline.cn,app-site-association.cdn-apple.com,app-site-association.networking.apple,autologon.microsoft.us,autologon.microsoftazuread-sso.com,certauth.login.microsoftonline.com,certauth.login.microsoftonline.us,certauth.login.partner.microsoftonline.cn,device.login.microsoftonline.com,device.login.microsoftonline.us,device.login.partner.microsoftonline.cn,enterpriseregistration.microsoftonline.us,enterpriseregistration.partner.microsoftonline.cn,enterpriseregistration.windows.net,logincert.microsoftonline.com,mtlsauth.microsoft.com,mtlsauth.microsoftonline.us,mtlsauth.partner.microsoftonline.cn'
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
