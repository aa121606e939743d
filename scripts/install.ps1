<#
.SYNOPSIS
Installs an executable of Piri on Windows.

.DESCRIPTION
-From is the page of releases, or a folder with the files of one release, for hosts without the internet. With a join
token in the variable PIRI_JOIN_TOKEN, the agent joins its Manager and, for an administrator, becomes a service of Windows;
with -NoService it only joins. With -Key, the public key of the release, its
signature must be right; that needs minisign. Asks nothing, and changes neither a profile nor the PATH.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File install.ps1 -From https://example.org/piri/releases
#>
param(
  [switch]$Manager,
  [switch]$NoService,
  [string]$Version = '',
  [string]$From = $env:PIRI_RELEASES,
  [string]$To = '',
  [string]$Key = $env:PIRI_RELEASE_KEY
)

# A function around it all: a download that was cut does nothing.
function Install-Piri {
  Set-StrictMode -Version 2
  $ErrorActionPreference = 'Stop'
  # A progress bar makes downloads many times slower in Windows PowerShell.
  $ProgressPreference = 'SilentlyContinue'
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 'Tls12'

  $token = $env:PIRI_JOIN_TOKEN
  $env:PIRI_JOIN_TOKEN = $null
  $product = if ($Manager) { 'piri-manager' } else { 'piri-agent' }
  $file = "$product-windows-x64.exe"
  $version = $Version -replace '^v', ''
  if (-not $From) { throw 'it is not said where from: give -From URL or -From FOLDER' }
  $isPage = $From -match '^https?://'
  if ($isPage) {
    $base = if ($version) { "$From/download/v$version" } else { "$From/latest/download" }
  } elseif ($version -and -not (Test-Path -LiteralPath (Join-Path $From "piri-$version.json"))) {
    throw "$From is not version $version"
  }
  $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
  $role = [Security.Principal.WindowsBuiltInRole]::Administrator
  $isAdmin = (New-Object Security.Principal.WindowsPrincipal $identity).IsInRole($role)
  if (-not $To) {
    $To = if ($isAdmin) { Join-Path $env:ProgramFiles 'Piri\bin' } else { Join-Path $env:LOCALAPPDATA 'Programs\Piri' }
  }

  $temp = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
  New-Item -ItemType Directory -Path $temp | Out-Null
  try {
    $take = {
      param($name)
      $path = Join-Path $temp $name
      if ($isPage) {
        Invoke-WebRequest -UseBasicParsing -Uri "$base/$name" -OutFile $path
      } else {
        Copy-Item -LiteralPath (Join-Path $From $name) -Destination $path
      }
    }
    & $take 'SHA256SUMS'
    $sums = Join-Path $temp 'SHA256SUMS'
    if ($Key) {
      if (-not (Get-Command minisign -ErrorAction SilentlyContinue)) {
        throw 'a key is given, but there is no minisign to check the signature with'
      }
      & $take 'SHA256SUMS.minisig'
      & minisign -Vqm $sums -P $Key
      if ($LASTEXITCODE -ne 0) { throw 'the signature of SHA256SUMS is wrong' }
    }
    & $take $file
    $line = Get-Content -LiteralPath $sums |
      Where-Object { $_ -match "^[0-9a-f]{64}  $([regex]::Escape($file))$" } |
      Select-Object -First 1
    if (-not $line) { throw "SHA256SUMS has no $file" }
    $want = $line.Substring(0, 64)
    $have = (Get-FileHash -LiteralPath (Join-Path $temp $file) -Algorithm SHA256).Hash.ToLowerInvariant()
    if ($have -ne $want) { throw "the SHA-256 of $file is $have instead of $want" }

    # A file that runs can be renamed, and not replaced.
    New-Item -ItemType Directory -Force -Path $To | Out-Null
    $program = Join-Path $To "$product.exe"
    $before = "$program.old"
    Remove-Item -LiteralPath $before -Force -ErrorAction SilentlyContinue
    if (Test-Path -LiteralPath $program) { Move-Item -LiteralPath $program -Destination $before -Force }
    Move-Item -LiteralPath (Join-Path $temp $file) -Destination $program
    Write-Output "installed $program"
  } finally {
    Remove-Item -LiteralPath $temp -Recurse -Force
  }
  if (($env:PATH -split ';') -notcontains $To) { Write-Output "$To is not in the PATH" }
  if ($token -and -not $Manager) {
    # On its standard input: other users can see arguments.
    $service = if ($isAdmin -and -not $NoService) { @('--service') } else { @() }
    $token | & $program join @service --token-file '-'
    if ($LASTEXITCODE -ne 0) { throw 'the agent is installed, and has not joined' }
  }
}

try {
  Install-Piri
} catch {
  [Console]::Error.WriteLine("error: Cannot install: $($_.Exception.Message)")
  exit 1
}
