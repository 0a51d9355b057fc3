const PROXY = "PROXY proxy.contoso.com:8080";
const internal = [".contoso.example", ".corp"];
const FindProxyForURL = (url, host) => {
  for (const suffix of internal) {
    if (host.endsWith(suffix)) { return `DIRECT`; }
  }
  return PROXY;
};
