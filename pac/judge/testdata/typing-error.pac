function FindProxyForURL(url, host) {
  if (shExpMatch(host, "*.b2clogin.com")) return "PROXY: proxy.contoso.com:8080";
  return "PROXI proxy.contoso.com:8080; PROXY other.contoso.com:8080";
}
