#!/usr/bin/env bash
# What the action does; its inputs come as variables. `mender-artifact` is in PATH.
set -euo pipefail

types=()
for type in $DEVICE_TYPES; do types+=(-c "$type"); done

signing=()
if [ -n "${SIGNING_KEY:-}" ]; then
    # The key is in no argument and leaves nothing behind.
    keys=$(mktemp -d)
    trap 'rm -rf "$keys"' EXIT
    (umask 077 && printf '%s\n' "$SIGNING_KEY" > "$keys/key.pem")
    signing=(-k "$keys/key.pem")
fi

mender-artifact write rootfs-image --no-progress -f "$IMAGE" -n "$NAME" "${types[@]}" \
    ${signing[@]+"${signing[@]}"} -o "$OUTPUT"
echo "artifact-bytes=$(stat -c %s "$OUTPUT")" >> "${GITHUB_OUTPUT:-/dev/stdout}"

[ -n "${FROM:-}" ] || exit 0
limits=(--min-saving "${MIN_SAVING:-0}")
if [ -n "${MAX_DELTA_SIZE:-}" ]; then limits+=(--max-delta-size "$MAX_DELTA_SIZE"); fi
mender-artifact write delta-image --no-progress --from "$FROM" --to "$OUTPUT" "${limits[@]}" \
    ${signing[@]+"${signing[@]}"} -o "$DELTA_OUTPUT"
echo "delta-bytes=$(stat -c %s "$DELTA_OUTPUT")" >> "${GITHUB_OUTPUT:-/dev/stdout}"
