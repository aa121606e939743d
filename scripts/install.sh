#!/bin/sh
# Installs an executable of Piri: sh install.sh [--manager] [--version V] [--from URL|FOLDER] [--to FOLDER] ...
#
# --from is the page of releases, or a folder with the files of one release, for hosts without the internet. With a join
# token in PIRI_JOIN_TOKEN, or on standard input with --token -, the agent joins its Manager and becomes a service of the
# host; with --no-service it only joins. With --key, the public key of the release, its signature must be right; that
# needs minisign. Asks nothing, and edits no profile of a shell.

fail() {
  printf 'error: Cannot install: %s\n' "$1" >&2
  exit 1
}

# Takes a file of the release into the temporary folder.
take() {
  case $from in
  http://* | https://*)
    if command -v curl >/dev/null 2>&1; then
      curl -fsSL -o "$temp/$1" "$from/$1" || fail "$from/$1 cannot be downloaded"
    elif command -v wget >/dev/null 2>&1; then
      wget -q -O "$temp/$1" "$from/$1" || fail "$from/$1 cannot be downloaded"
    else
      fail "there is neither curl nor wget"
    fi
    ;;
  *) cp "$from/$1" "$temp/$1" || fail "there is no $from/$1" ;;
  esac
}

target() {
  case $(uname -s) in
  Linux) os=linux ;;
  Darwin) os=macos ;;
  *) fail "there is no executable for $(uname -s)" ;;
  esac
  case $(uname -m) in
  x86_64 | amd64) cpu=x64 ;;
  aarch64 | arm64) cpu=arm64 ;;
  *) fail "there is no executable for $(uname -m)" ;;
  esac
  # Under Rosetta, an Apple processor says that it is one of Intel.
  if [ "$os" = macos ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then cpu=arm64; fi
}

# Prints the SHA-256 of a file.
sum() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum <"$1"
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 <"$1"
  else
    openssl dgst -sha256 -r <"$1"
  fi | cut -d ' ' -f 1
}

install_piri() {
  set -eu
  product=piri-agent service=--service version='' to=/usr/local/bin key=${PIRI_RELEASE_KEY:-}
  from=${PIRI_RELEASES:-} token=${PIRI_JOIN_TOKEN:-}
  unset PIRI_JOIN_TOKEN
  while [ $# -gt 0 ]; do
    case $1 in
    --manager) product=piri-manager && shift && continue ;;
    --no-service) service='' && shift && continue ;;
    esac
    [ $# -gt 1 ] || fail "$1 is no flag, or lacks its value"
    case $1 in
    --version) version=${2#v} ;;
    --from) from=$2 ;;
    --to) to=$2 ;;
    --key) key=$2 ;;
    --token)
      [ "$2" = - ] || fail "a token in an argument is seen by all users: use PIRI_JOIN_TOKEN, or --token -"
      read -r token || [ -n "$token" ] || fail "there is no token on standard input"
      ;;
    *) fail "$1 is no flag" ;;
    esac
    shift 2
  done
  [ -n "$from" ] || fail "it is not said where from: give --from URL or --from FOLDER"
  target
  file=$product-$os-$cpu
  case $from in
  http://* | https://*)
    if [ -n "$version" ]; then from=$from/download/v$version; else from=$from/latest/download; fi
    ;;
  *) [ -z "$version" ] || [ -e "$from/piri-$version.json" ] || fail "$from is not version $version" ;;
  esac

  temp=$(mktemp -d)
  trap 'rm -rf "$temp"' EXIT && trap 'exit 1' HUP INT TERM
  take SHA256SUMS
  if [ -n "$key" ]; then
    command -v minisign >/dev/null 2>&1 || fail "a key is given, but there is no minisign to check the signature with"
    take SHA256SUMS.minisig
    minisign -Vqm "$temp/SHA256SUMS" -P "$key" || fail "the signature of SHA256SUMS is wrong"
  fi
  take "$file"
  want=$(sed -n "s/^\([0-9a-f]\{64\}\)  $file\$/\1/p" "$temp/SHA256SUMS")
  [ -n "$want" ] || fail "SHA256SUMS has no $file"
  have=$(sum "$temp/$file")
  [ "$have" = "$want" ] || fail "the SHA-256 of $file is $have instead of $want"

  # A new file and a rename: the program may be running.
  mkdir -p "$to"
  new=$to/.$product.new
  { cp "$temp/$file" "$new" && chmod 755 "$new"; } || fail "$to cannot be written"
  [ "$product" = piri-agent ] || token=''
  if [ -n "$token" ] && [ -n "$service" ]; then
    # It copies itself to its place, with a link on the PATH.
    printf '%s\n' "$token" | "$new" join - --service && rm -f "$new" && return
    if [ -e "$to/$product" ]; then rm -f "$new"; else mv -f "$new" "$to/$product"; fi
    fail "the agent is there, and it is no service that is connected; --no-service only joins"
  fi
  mv -f "$new" "$to/$product"
  printf 'installed %s\n' "$to/$product"
  [ -z "$token" ] || printf '%s\n' "$token" | "$to/$product" join -
}

{ install_piri "$@"; }
