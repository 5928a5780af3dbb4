#!/bin/bash
# peers.sh [DIR] - unpack the programs tests and benchmarks compare with, under build/peers
#
# Nothing is installed and nothing is started: the .deb files are downloaded with apt-get and
# unpacked with dpkg -x. DIR/bin holds one wrapper per program, which finds its libraries and
# the other programs under DIR. A second run with the same list does nothing.
set -euo pipefail

dir=${1:-$(dirname "$0")/../build/peers}
wanted="docker.io containerd runc tini iptables podman conmon crun skopeo umoci docker-registry
	nginx-light containernetworking-plugins slirp4netns"
programs="docker dockerd containerd containerd-shim-runc-v2 ctr runc docker-init docker-proxy
	iptables ip6tables podman conmon crun skopeo umoci docker-registry nginx slirp4netns"

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
stamp=$(printf '%s\n' $wanted $programs | sha256sum | cut -c1-16)
[ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ] && exit 0

find_packages()
{
	# What an installation would add to this host; the packages themselves even if installed.
	{
		printf '%s\n' $wanted
		apt-get install -s --no-install-recommends $wanted | sed -n 's/^Inst \([^ ]*\).*/\1/p'
	} | sort -u
}

fetch()
{
	mkdir -p "$dir/debs"
	chmod 755 "$dir/debs"
	cd "$dir/debs"
	# As root apt hands the download to a user of its own, which may not write here.
	apt-get -o APT::Sandbox::User=root download -q "$@"
}

if ! packages=$(find_packages); then
	echo "peers: the package lists are missing or old; run apt-get update" >&2
	exit 1
fi
(fetch $packages) >"$dir/log" 2>&1 || {
	tail -3 "$dir/log" >&2
	echo "peers: download failed" >&2
	exit 1
}
for deb in "$dir"/debs/*.deb; do
	dpkg -x "$deb" "$dir/root"
done
rm -rf "$dir/debs"

mkdir -p "$dir/bin"
for program in $programs; do
	real=$(find "$dir"/root/{usr/sbin,usr/bin,sbin,bin,usr/libexec} -name "$program" \
		\( -type f -o -type l \) 2>/dev/null | head -n 1 || true)
	[ -n "$real" ] || continue
	cat >"$dir/bin/$program" <<WRAP
#!/bin/sh
export LD_LIBRARY_PATH=$dir/root/usr/lib/$(uname -m)-linux-gnu
export XTABLES_LIBDIR=\$LD_LIBRARY_PATH/xtables
case :\$PATH: in *:$dir/bin:*) ;; *) PATH=$dir/bin:\$PATH ;; esac
exec $real "\$@"
WRAP
	chmod 755 "$dir/bin/$program"
done
# iptables is a link that update-alternatives would have made.
[ -e "$dir/bin/iptables" ] || for program in iptables ip6tables; do
	printf '#!/bin/sh\nexport LD_LIBRARY_PATH=%s XTABLES_LIBDIR=%s/xtables\nexec %s %s "$@"\n' \
		"$dir/root/usr/lib/$(uname -m)-linux-gnu" "$dir/root/usr/lib/$(uname -m)-linux-gnu" \
		"$dir/root/usr/sbin/xtables-nft-multi" "$program" >"$dir/bin/$program"
	chmod 755 "$dir/bin/$program"
done
echo "$stamp" >"$dir/stamp"
echo "peers: $(ls "$dir/bin" | wc -l) programs in $dir/bin"
