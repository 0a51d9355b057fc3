// Überall derselbe Proxy.
function FindProxyForURL(url, host) {
  let proxies = ["PROXY a.contoso.com:8080", "PROXY b.contoso.com:8080"];
  if (["localhost", "contoso.example"].includes(host)) return "DIRECT";
  return proxies[Math.floor(Math.random() * 2)];
}
