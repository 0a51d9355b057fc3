function findProxyForUrl(url, host) { return "PROXY p:8080"; }
