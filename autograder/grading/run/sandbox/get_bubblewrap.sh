#!/bin/sh
# Install bubblewrap, the sandbox of first choice, where that is allowed; say how to get it where it is not.
command -v bwrap >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get install -y -qq bubblewrap >/dev/null 2>&1 && exit 0
    apt-get update -qq >/dev/null 2>&1 && apt-get install -y -qq bubblewrap >/dev/null 2>&1 && exit 0
fi
echo "bubblewrap is not installed; grading wants it to keep submissions apart: sudo apt-get install bubblewrap" >&2
exit 0
