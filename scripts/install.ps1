# Installs ao-migrate on Windows for people without npm: fetches the executable for this machine, checks its sha256, and
# puts it into $env:AO_MIGRATE_BIN (default %LOCALAPPDATA%\ao-migrate). Never asks for more rights. Windows PowerShell 5.1
# and PowerShell 7.
#
#   AO_MIGRATE_VERSION  another version than @VERSION@, whose checksums are then fetched too instead of those in here
#   AO_MIGRATE_MIRROR   where the releases are, instead of @RELEASES@
$ErrorActionPreference = 'Stop'
# The progress bar makes downloads in PowerShell 5.1 many times slower.
$ProgressPreference = 'SilentlyContinue'

function Stop-Install([string] $Message) {
  [Console]::Error.WriteLine("ao-migrate: $Message")
  exit 1
}

function Get-Setting([string] $Name, [string] $Default) {
  $value = [Environment]::GetEnvironmentVariable($Name)
  if ([string]::IsNullOrEmpty($value)) { $Default } else { $value }
}

$pinned = @'
@SUMS@
'@
$version = Get-Setting 'AO_MIGRATE_VERSION' '@VERSION@'
$releases = Get-Setting 'AO_MIGRATE_MIRROR' '@RELEASES@'
if ($releases -notmatch '^https?://') {
  Stop-Install "no release address is known: set AO_MIGRATE_MIRROR to the folder that holds v$version"
}

# A 32-bit or translated PowerShell names its own processor; the second variable names the machine's.
$machine = Get-Setting 'PROCESSOR_ARCHITEW6432' (Get-Setting 'PROCESSOR_ARCHITECTURE' '')
switch ($machine) {
  'AMD64' { $cpu = 'x64' }
  'ARM64' { $cpu = 'arm64' }
  default { Stop-Install "there is no executable for a $machine processor; there is one for x64 and arm64" }
}
$name = "ao-migrate-win32-$cpu.exe"

$bin = Get-Setting 'AO_MIGRATE_BIN' (Join-Path (Get-Setting 'LOCALAPPDATA' $HOME) 'ao-migrate')
$work = Join-Path $bin ('.ao-migrate-' + [Guid]::NewGuid().ToString('N'))
try {
  New-Item -ItemType Directory -Force -Path $work | Out-Null
} catch {
  Stop-Install "nothing can be written in ${bin}: name another directory in AO_MIGRATE_BIN"
}

try {
  # Windows PowerShell 5.1 does not offer TLS 1.2 by itself.
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
  $base = $releases.TrimEnd('/') + "/v$version"
  $sums = Join-Path $work 'SHA256SUMS'
  $file = Join-Path $work $name
  try {
    if ($version -eq '@VERSION@' -and $pinned.Contains("  $name")) { Set-Content $sums $pinned }
    else { Invoke-WebRequest -UseBasicParsing -MaximumRedirection 5 -TimeoutSec 600 -Uri "$base/SHA256SUMS" -OutFile $sums }
    Invoke-WebRequest -UseBasicParsing -MaximumRedirection 5 -TimeoutSec 600 -Uri "$base/$name" -OutFile $file
  } catch {
    Stop-Install "$name could not be fetched from ${base}: $($_.Exception.Message)"
  }
  $expected = Get-Content $sums | ForEach-Object { $_.Trim() } | Where-Object { $_ -match ('^[0-9a-f]{64}  ' + [Regex]::Escape($name) + '$') } | ForEach-Object { $_.Substring(0, 64) }
  if ($null -eq $expected) { Stop-Install "the release has no checksum of $name" }
  if ((Get-FileHash -Algorithm SHA256 $file).Hash.ToLowerInvariant() -ne $expected) {
    Stop-Install "$name is not the file of the release (wrong checksum); nothing was installed"
  }
  # The executable obeys these and cannot be told not to. This may be somebody's own session, so they come back.
  $foreign = @(Get-ChildItem Env: | Where-Object { $_.Name -like 'BUN_*' -or $_.Name -eq 'NODE_OPTIONS' })
  try {
    $foreign | ForEach-Object { Remove-Item "Env:$($_.Name)" }
    $answer = & $file --version
  } finally {
    $foreign | ForEach-Object { Set-Item "Env:$($_.Name)" $_.Value }
  }
  if ($LASTEXITCODE -ne 0 -or $answer -ne $version) { Stop-Install "$name does not start here; nothing was installed" }
  Move-Item -Force $file (Join-Path $bin 'ao-migrate.exe')
} finally {
  Remove-Item -Recurse -Force $work -ErrorAction SilentlyContinue
}

$installed = Join-Path $bin 'ao-migrate.exe'
[Console]::Error.WriteLine("ao-migrate: version $version is now $installed")
if (($env:Path -split ';') -notcontains $bin) {
  [Console]::Error.WriteLine("ao-migrate: $bin is not on your PATH: run it by that name, or add the directory")
}
