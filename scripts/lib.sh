# Small helpers of the shell scripts: steps, progress, errors. Sourced, not run.

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' plain=$'\e[0m'
else
  bold="" dim="" red="" plain=""
fi
al_started=${al_started:-$SECONDS}

step() { printf '%s==> %s%s\n' "$bold" "$*" "$plain" >&2; }
note() { printf '%s    %s%s\n' "$dim" "$*" "$plain" >&2; }
# die CODE MESSAGE
die() {
  local code=$1
  shift
  printf '%serror: %s%s\n' "$red" "$*" "$plain" >&2
  exit "$code"
}

# show_progress NAME PATTERN < lines: counts the lines that match, on one line of a terminal or every 10 seconds elsewhere.
show_progress() {
  local name=$1 pattern=$2 n=0 last=$SECONDS line
  while IFS= read -r line; do
    if [[ $line =~ $pattern ]]; then n=$((n + 1)); fi
    if [ -t 2 ]; then
      printf '\r\e[K%s    %s: %d  %s%s' "$dim" "$name" "$n" "${line:0:70}" "$plain" >&2
    elif [ $((SECONDS - last)) -ge 10 ]; then
      printf '    %s: %d\n' "$name" "$n" >&2
      last=$SECONDS
    fi
  done
  [ -t 2 ] && printf '\r\e[K' >&2
  printf '%s    %s: %d%s\n' "$dim" "$name" "$n" "$plain" >&2
}

# build DIR TARGETS…: ninja with its own progress on a terminal, one line every 10 seconds elsewhere, the error whole.
build() {
  local dir=$1 log status=0
  shift
  if [ -t 1 ]; then
    cmake --build "$dir" --parallel "$(nproc)" --target "$@" || die 1 "the build failed"
    return
  fi
  log=$(mktemp)
  cmake --build "$dir" --parallel "$(nproc)" --target "$@" >"$log" 2>&1 &
  local pid=$! last=0
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    if [ $((SECONDS - last)) -ge 10 ]; then
      note "$(grep -E '^\[[0-9]+/[0-9]+\]' "$log" | tail -n 1 | cut -c 1-100)"
      last=$SECONDS
    fi
  done
  wait "$pid" || status=$?
  if [ $status -ne 0 ]; then
    grep -E -A 30 'FAILED|error' "$log" | head -n 80 >&2
    rm -f "$log"
    die 1 "the build failed"
  fi
  rm -f "$log"
}
