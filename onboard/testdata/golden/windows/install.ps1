#Requires -RunAsAdministrator
# Trusts the roots beside this script in ca\ and sets WinHTTP, which services use.
# Run it again whenever the files change.
#   powershell -ExecutionPolicy Bypass -File windows\install.ps1
$ErrorActionPreference = 'Stop'
$ca = Join-Path $PSScriptRoot '..\ca'
$want = @(
    'C318AC25B17F2155BD67354EBACEE5BE245529B1'
)
foreach ($file in Get-ChildItem -Path $ca -Filter *.cer) {
    $cert = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 $file.FullName
    if ($want -notcontains $cert.Thumbprint) {
        throw "$($file.Name) is not the certificate that this script was written for"
    }
    Import-Certificate -FilePath $file.FullName -CertStoreLocation Cert:\LocalMachine\Root | Out-Null
    Write-Output "trusted: $($cert.Subject) $($cert.Thumbprint)"
}
# Windows 11 and Windows Server 2022 and later take a PAC file here.
netsh winhttp set advproxy setting-scope=machine settings-file="$(Join-Path $PSScriptRoot 'winhttp.json')"
if ($LASTEXITCODE -ne 0) {
    # Older ones know one proxy for everything; it passes on what is not restricted.
    netsh winhttp set proxy proxy-server="proxy.contoso.com:8080" bypass-list="<local>"
}
