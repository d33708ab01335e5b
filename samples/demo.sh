#!/usr/bin/env bash
# Starts a node on a free port with an empty data folder, ingests the sample documents,
# asks two questions and traces a passage back to its bytes. Usage: demo.sh path/to/lode
set -euo pipefail
lode=$(realpath "$1")
documents=$(realpath "$(dirname "$0")/documents")
home=$(mktemp -d)
: > "$home/out"
"$lode" serve --data "$home/data" --listen 127.0.0.1:0 > "$home/out" 2> "$home/log" &
node=$!
trap 'kill $node 2> /dev/null || true; wait $node 2> /dev/null || true; rm -rf "$home"' EXIT

for _ in $(seq 100); do
	LODE_SERVER=$(sed -n 's/^listening on //p' "$home/out")
	[ -n "$LODE_SERVER" ] && break
	kill -0 $node 2> /dev/null || { cat "$home/log"; exit 1; }
	sleep 0.05
done
export LODE_SERVER
"$lode" health --wait 10s

say() { printf '\n\033[1m$ lode %s\033[0m\n' "$1"; }
say "ingest samples/documents"
"$lode" ingest "$documents"
say "ingest samples/documents    # again: nothing has changed"
"$lode" ingest "$documents"
say 'search "how do I put out a battery fire?"'
"$lode" search "how do I put out a battery fire?" -k 3
say 'context "may I take my bicycle in July?" --budget 200'
"$lode" context "may I take my bicycle in July?" --budget 200
chunk=$("$lode" search "how deep is the channel at Teasdale?" -k 1 --output json | sed -n 's/.*"chunk_id": *"\([^"]*\)".*/\1/p' | sed -n 1p)
say "trace $chunk"
"$lode" trace "$chunk"
say "check"
"$lode" check
