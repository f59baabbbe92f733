#!/bin/sh
# Runs the published install.sh against dist/release served from this machine: it installs, and refuses a changed file.
set -eu
cd "$(dirname "$0")/.."
version=$(node -p "require('./package.json').version")
work=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server"; fi; rm -rf "$work"' EXIT
mkdir "$work/served"
cp -R dist/release "$work/served/v$version"
python3 -m http.server 8320 --bind 127.0.0.1 --directory "$work/served" >/dev/null 2>&1 &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do if curl -fs -o /dev/null http://127.0.0.1:8320/; then break; fi; sleep 1; done

export AO_MIGRATE_MIRROR=http://127.0.0.1:8320
AO_MIGRATE_BIN="$work/bin" sh dist/release/install.sh
test "$("$work/bin/ao-migrate" --version)" = "$version"

for file in "$work/served/v$version"/ao-migrate-*; do printf x >> "$file"; done
if AO_MIGRATE_BIN="$work/refused" sh dist/release/install.sh; then
  echo 'a changed file was installed' >&2
  exit 1
fi
test ! -e "$work/refused/ao-migrate"
