// The company's own sites are not sent to the proxy.
function FindProxyForURL(url, host) {
  if (shExpMatch(url, "*.contoso.example*") || shExpMatch(url, "*intranet*"))
    return "DIRECT";
  return "PROXY proxy.contoso.com:8080";
}
