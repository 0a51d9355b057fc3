function FindProxyForURL(url, host) {
  if (shExpMatch(url, "https://login.microsoftonline.com/*"))
    return "PROXY proxy.contoso.com:8080";
  if (shExpMatch(host, "*.b2clogin.com") || shExpMatch(host, "login.microsoftonline.us"))
    return "PROXY proxy.contoso.com:8080";
  return "DIRECT";
}
