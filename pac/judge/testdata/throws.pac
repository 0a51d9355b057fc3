// A list that somebody renamed.
var sites = { "login.microsoftonline.com": 1 };
function FindProxyForURL(url, host) {
  if (sites[host]) return "PROXY proxy.contoso.com:8080";
  if (oldSites[host]) return "DIRECT";
  return "PROXY proxy.contoso.com:8080";
}
