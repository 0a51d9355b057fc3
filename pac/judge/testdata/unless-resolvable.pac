// The classic: what the inside DNS does not know is outside.
function FindProxyForURL(url, host) {
  if (isPlainHostName(host) || localHostOrDomainIs(host, "www.contoso.example")) return "DIRECT";
  if (!isResolvable(host)) return "DIRECT";
  return "SOCKS5 10.0.0.9:1080";
}
