# lib.sh - for the scripts behind the Makefile's targets
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"

need_root()
{
	[ "$(id -u)" = 0 ] || {
		echo "This needs root: sudo make $1" >&2
		exit 1
	}
}

# as_owner COMMAND...: as whoever owns the clone, so that no file in it comes to belong to root.
as_owner()
{
	owner=$(stat -c %U "$top")
	if [ "$(id -u)" != 0 ] || [ "$owner" = root ]; then
		"$@"
	elif [ "$owner" = UNKNOWN ]; then
		echo "The owner of $top is not known to this system" >&2
		exit 1
	else
		runuser -u "$owner" -- "$@"
	fi
}
