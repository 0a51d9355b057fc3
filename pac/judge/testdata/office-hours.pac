function FindProxyForURL(url, host) {
  if (weekdayRange("MON", "FRI") && timeRange(8, 18))
    return "PROXY proxy.contoso.com:8080";
  return "DIRECT";
}
