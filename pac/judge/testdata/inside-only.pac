// The proxy on the company's networks, nothing elsewhere.
function FindProxyForURL(url, host) {
  if (isInNet(myIpAddress(), "10.0.0.0", "255.0.0.0") || isInNet(myIpAddress(), "172.16.0.0", "255.240.0.0"))
    return "PROXY proxy.contoso.com:8080";
  return "DIRECT";
}
