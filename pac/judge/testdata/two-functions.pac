function FindProxyForURL(url, host) { return "PROXY proxy.contoso.com:8080"; }
function FindProxyForURLEx(url, host) {
  if (isInNetEx(dnsResolveEx(host), "2603:1006::/32")) return "DIRECT";
  if (host == "login.microsoftonline.us") return "DIRECT";
  return "PROXY proxy.contoso.com:8080";
}
