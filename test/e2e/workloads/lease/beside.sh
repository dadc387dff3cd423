#!/bin/sh
# A lease beside another program: beside.sh HOST PORT NAME TICK_MS PROGRAM [ARG...]
/bin/python3 -I -S /lease.py "$1" "$2" "$3" "$4" &
shift 4
exec "$@"
