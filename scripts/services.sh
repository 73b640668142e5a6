#!/usr/bin/env bash
# Installs what some tests start for themselves: Postgres, Redis, tmux, Chromium. Only on Debian, only as root, only what is missing.
# Otherwise it says which tests will be skipped. LINGATE_NO_INSTALL=1: never install.
set -euo pipefail

package_of() {
    case $1 in
    postgres) echo postgresql ;;
    chromedriver) echo chromium-driver ;;
    *) echo "$1" ;;
    esac
}

present() {
    command -v "$1" >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null || [ -x "/usr/sbin/$1" ]
}

missing=()
for program in postgres redis-server tmux chromium chromedriver; do
    present "$program" || missing+=("$program")
done
[ ${#missing[@]} -eq 0 ] && exit 0

wanted=()
for program in "${missing[@]}"; do
    wanted+=("$(package_of "$program")")
done
skip() {
    echo "SKIPPED: tests that need ${missing[*]} ($1)"
    exit 0
}
[ -z "${LINGATE_NO_INSTALL:-}" ] || skip "LINGATE_NO_INSTALL is set"
[ -f /etc/debian_version ] && command -v apt-get >/dev/null || skip "not Debian: install them yourself"
[ "$(id -u)" -eq 0 ] || skip "not root: apt-get install ${wanted[*]}"

# The tests start servers of their own: the packages need not start any.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi

echo "Installing ${wanted[*]} for the tests"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
install() {
    timeout 300 apt-get install -y -qq --no-install-recommends "${wanted[@]}"
}
if ! install >"$log" 2>&1; then
    timeout 120 apt-get update -qq >>"$log" 2>&1 || true
    install >>"$log" 2>&1 || {
        tail -3 "$log" >&2
        skip "apt-get could not install them"
    }
fi
rm -f "$log"
