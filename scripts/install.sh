#!/bin/sh
# Installs ao-migrate for people without npm: fetches the executable for this machine, checks its sha256, and puts it into
# $AO_MIGRATE_BIN (default ~/.local/bin). Never asks for more rights.
#
#   AO_MIGRATE_VERSION  another version than @VERSION@, whose checksums are then fetched too instead of those in here
#   AO_MIGRATE_MIRROR   where the releases are, instead of @RELEASES@
set -eu

version=${AO_MIGRATE_VERSION:-@VERSION@}
releases=${AO_MIGRATE_MIRROR:-@RELEASES@}
work=
pinned='
@SUMS@
'

say() { printf '%s\n' "ao-migrate: $*" >&2; }
fail() { say "$@"; exit 1; }
clean() { if [ -n "$work" ]; then rm -rf "$work"; fi; }
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

case $releases in
  http://* | https://* | file://*) ;;
  *) fail "no release address is known: set AO_MIGRATE_MIRROR to the folder that holds v$version" ;;
esac

case $(uname -s) in
  Darwin) os=darwin ;;
  Linux) os=linux ;;
  *) fail "there is no executable for $(uname -s); there is one for macOS, Linux and Windows (install.ps1)" ;;
esac
case $(uname -m) in
  x86_64 | amd64) cpu=x64 ;;
  arm64 | aarch64) cpu=arm64 ;;
  *) fail "there is no executable for a $(uname -m) processor; there is one for x64 and arm64" ;;
esac
# A shell translated by Rosetta says x86_64 on Apple silicon.
if [ "$os-$cpu" = darwin-x64 ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || echo 0)" = 1 ]; then cpu=arm64; fi

musl() {
  # The loader that this very shell uses; ldd is a script of the one and the loader of the other.
  if [ -r /proc/self/maps ] && grep -q 'ld-musl-' /proc/self/maps; then return 0; fi
  ldd --version 2>&1 | grep -qi musl
}
if [ "$os" = linux ] && [ ! -r /proc/self/maps ]; then fail 'there is no /proc here, which the executable needs'; fi
name=ao-migrate-$os-$cpu
if [ "$os" = linux ] && musl; then name=$name-musl; fi

if [ -n "${AO_MIGRATE_BIN:-}" ]; then bin=$AO_MIGRATE_BIN
elif [ -n "${HOME:-}" ]; then bin=$HOME/.local/bin
else fail 'HOME is not set: name a directory in AO_MIGRATE_BIN'
fi
mkdir -p "$bin" 2>/dev/null || fail "$bin cannot be made: name another directory in AO_MIGRATE_BIN"
[ -w "$bin" ] || fail "$bin cannot be written: name another directory in AO_MIGRATE_BIN"
# Beside its place, so that the last step is a rename within one file system.
work=$(mktemp -d "$bin/.ao-migrate-XXXXXX") || fail "nothing can be written in $bin"

if command -v curl >/dev/null 2>&1; then with=curl
elif ! command -v wget >/dev/null 2>&1; then fail 'neither curl nor wget is there'
elif wget --help 2>&1 | grep -q -e '--max-redirect'; then with=wget
else with=busybox
fi

fetch() {
  # No file of a release is as large; what is endless must not fill the disk. Blocks of 512 bytes.
  ulimit -f 400000
  case $with-$1 in
    curl-https://*) set -- "$@" --proto '=https' ;;
  esac
  to=$2 from=$1
  shift 2
  case $with in
    curl) curl --fail --silent --show-error --location --max-redirs 5 --connect-timeout 30 --speed-limit 1000 \
      --speed-time 30 --max-time 600 "$@" --output "$to" "$from" ;;
    wget) wget --quiet --max-redirect=5 --timeout=30 --tries=1 --output-document="$to" "$from" ;;
    busybox) wget -q -T 30 -O "$to" "$from" ;;
  esac
}

digest() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null 2>&1; then shasum -a 256 "$1" | cut -d ' ' -f 1
  elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 "$1" | sed 's/.*= *//'
  else fail 'nothing here can compute a sha256: sha256sum, shasum or openssl is needed'
  fi
}

base=${releases%/}/v$version
if [ "$version" = '@VERSION@' ]; then expected=$(printf '%s' "$pinned" | awk -v name="$name" '$2 == name { print $1 }'); fi
if [ -z "${expected:-}" ]; then
  (fetch "$base/SHA256SUMS" "$work/SHA256SUMS") || fail "the list of checksums could not be fetched from $base"
  expected=$(awk -v name="$name" '$2 == name { print $1 }' "$work/SHA256SUMS")
fi
[ "${#expected}" = 64 ] || fail "the release has no checksum of $name"
(fetch "$base/$name" "$work/$name") || fail "$name could not be fetched from $base"
if [ "$(digest "$work/$name")" != "$expected" ]; then
  rm -f "$work/$name"
  fail "$name is not the file of the release (wrong checksum); it was deleted and nothing was installed"
fi
chmod 755 "$work/$name"
# The executable obeys these and cannot be told not to.
for variable in $(env | sed -n 's/^\(BUN_[A-Za-z0-9_]*\)=.*/\1/p') NODE_OPTIONS; do unset "$variable"; done
answer=$("$work/$name" --version 2>/dev/null) || fail "$name does not start here; nothing was installed"
[ "$answer" = "$version" ] || fail "$name says that it is $answer, not $version; nothing was installed"
mv -f "$work/$name" "$bin/ao-migrate"

say "version $version is now $bin/ao-migrate"
case :${PATH:-}: in
  *:"$bin":*) ;;
  *) say "$bin is not on your PATH: run it by that name, or add the directory" ;;
esac
