// Only what is named goes to the proxy, as it is spelled here.
function FindProxyForURL(url, host) {
  if (host == "login.microsoftonline.com" || dnsDomainIs(host, "b2clogin.com") || dnsDomainIs(host, ".microsoftonline.us"))
    return "PROXY proxy.contoso.com:8080";
  return "DIRECT";
}
