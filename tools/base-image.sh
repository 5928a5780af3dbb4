#!/bin/sh
# base-image.sh - writes a small root file system as a tar: the distribution's static busybox
#
# The same busybox gives the same bytes.
set -eu

busybox=$(command -v busybox || true)
for path in /bin/busybox /usr/bin/busybox; do
	[ -n "$busybox" ] || [ ! -x $path ] || busybox=$path
done
if [ -z "$busybox" ]; then
	echo "base-image: no busybox; install the package busybox-static" >&2
	exit 1
fi
umask 022
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM
cd "$dir"
mkdir -p bin dev etc home mnt opt proc root run sys tmp usr/bin usr/sbin sbin var/log var/tmp
chmod 755 .
chmod 1777 tmp var/tmp
chmod 700 root
cp "$busybox" bin/busybox
chmod 755 bin/busybox
for applet in $("$busybox" --list); do
	[ "$applet" = busybox ] || ln -s busybox "bin/$applet"
done
ln -s ../../bin/env usr/bin/env
cat >etc/passwd <<'END'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
END
cat >etc/group <<'END'
root:x:0:
daemon:x:1:
bin:x:2:
www-data:x:33:
nogroup:x:65534:
END
echo "root:*:::::::" >etc/shadow
chmod 640 etc/shadow
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@1700000000 --format=gnu -cf - .
