// What a generator of lists makes of "send the optimize and allow endpoints direct".
function FindProxyForURL(url, host)
{
    var direct = "DIRECT";
    var proxyServer = "PROXY 10.10.10.10:8080";
    host = host.toLowerCase();
    if(shExpMatch(host, "outlook.office365.com")
        || shExpMatch(host, "*.sharepoint.com")
        || shExpMatch(host, "login.microsoftonline.com")
        || shExpMatch(host, "device.login.microsoftonline.com"))
    {
        return direct;
    }
    return proxyServer;
}
