var FindProxyForURL = "PROXY p:8080";
//# sourceMappingURL=/etc/hostname
