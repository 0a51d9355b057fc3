function FindProxyForURL(url, host) {
  while (host.indexOf("..") < 0) { host = host + ""; }
  return "PROXY proxy.contoso.com:8080";
}
