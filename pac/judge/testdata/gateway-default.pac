// A cloud gateway's default: everything to the gateway, private addresses not.
function FindProxyForURL(url, host) {
  var privateIP = /^(0|10|127|192\.168|172\.1[6789]|172\.2[0-9]|172\.3[01]|169\.254|192\.88\.99)\.[0-9.]+$/;
  var resolved = dnsResolve(host);
  if (isPlainHostName(host) || isInNet(resolved, "192.0.2.0", "255.255.255.0") || privateIP.test(resolved))
    return "DIRECT";
  if (url.substring(0, 4) == "ftp:")
    return "DIRECT";
  if (dnsDomainIs(host, "trust.gateway.example"))
    return "DIRECT";
  return "PROXY eu.gateway.example:80; PROXY us.gateway.example:80; DIRECT";
}
