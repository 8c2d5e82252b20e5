#!/usr/bin/env bash
# Fetches servers of other versions for tests, as packages of Debian: fetch.sh DIRECTORY NAME…
#
# Each server gets a folder DIRECTORY/NAME. It has the server, its own C library and loader, and a script
# redis-server that runs them. Nothing is installed, and no root is needed. The packages come from the Debian
# mirror of this machine's apt, or from MIRROR, and apt checks their signatures.
set -euo pipefail

suite_of() {
	case $1 in
		redis-6.0) echo bullseye ;;
		valkey-8.1 | redis-8.0) echo trixie ;;
		*)
			echo "there is no server $1: take redis-6.0, valkey-8.1 or redis-8.0" >&2
			return 1
			;;
	esac
}

# The mirror is where this machine's own release comes from.
mirror() {
	local release
	release=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
		awk -v release="$release" '$1 == release && $2 ~ /\/debian\/?$/ && !found { found = 1; print $2 }'
}

# settings FOLDER SUITE prints apt's settings. With them, apt knows only that suite, and no installed package.
settings() {
	mkdir -p "$1"/lists/partial "$1"/cache/archives/partial
	: >"$1/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg target=Packages] $MIRROR $2 main" >"$1/sources.list"
	cat <<-EOF
		Dir::State "$1";
		Dir::State::Lists "$1/lists";
		Dir::State::status "$1/status";
		Dir::Cache "$1/cache";
		Dir::Etc::SourceList "$1/sources.list";
		Dir::Etc::SourceParts "-";
		Acquire::Languages "none";
		APT::Sandbox::User "root";
	EOF
}

# wrapper FOLDER PROGRAM prints a script. It needs no program of PATH, and exec keeps the process: whoever starts
# the script can freeze and kill the server.
wrapper() (
	cd "$1"
	shopt -s nullglob
	local loaders=({,usr/}lib/*-linux-*/ld-linux*.so.*) libraries=({,usr/}lib/*-linux-*)
	libraries=("${libraries[@]/#/\$here/}")
	cat <<-EOF
		#!/bin/sh
		here=\${0%/*}
		export LUA_CPATH="\$here/usr/lib/$(basename "$(dirname "${loaders[0]}")")/lua/5.1/?.so"
		exec "\$here/${loaders[0]}" --library-path "$(IFS=: && echo "${libraries[*]}")" "\$here/$2" "\$@"
	EOF
)

# fetch NAME leaves a whole folder, or none.
fetch() {
	local name=$1 kind=${1%-*} suite apt new
	suite=$(suite_of "$name")
	apt=$DIRECTORY/.apt/$suite new=$DIRECTORY/.new
	rm -rf "$new" "$apt/cache"
	mkdir -p "$new" "$apt"
	settings "$apt" "$suite" >"$apt/apt.conf"
	export APT_CONFIG=$apt/apt.conf
	apt-get -qq update
	# The package of the tools has the program. That of the server has scripts for init, which need more packages.
	apt-get -qq install --download-only --no-install-recommends "$kind-tools"
	for package in "$apt"/cache/archives/*.deb; do
		dpkg-deb --extract "$package" "$new"
	done
	# The program looks at its name to know that it is the server.
	ln -s "$kind-check-rdb" "$new/usr/bin/$kind-server"
	wrapper "$new" "usr/bin/$kind-server" >"$new/redis-server"
	chmod +x "$new/redis-server"
	rm -rf "$new"/usr/share "${DIRECTORY:?}/$name"
	"$new/redis-server" --version
	mv "$new" "$DIRECTORY/$name"
	rm -rf "$apt/cache"
}

mkdir -p "$1"
DIRECTORY=$(cd "$1" && pwd)
shift
for program in apt-get dpkg-deb; do
	command -v "$program" >/dev/null || { echo "$program is missing: this script needs Debian, or a system that is made from it" >&2; exit 1; }
done
: "${MIRROR:=$(mirror)}"
[[ -n $MIRROR ]] || { echo "apt's sources name no Debian mirror: set MIRROR to the address of one" >&2; exit 1; }
for name in "$@"; do
	fetch "$name"
done
