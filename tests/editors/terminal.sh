# Drives a program in a terminal that nobody sees: tmux, keys and what is on the screen. To be sourced.
#
# Everything is waited for; nothing is done after a time alone, but where an editor itself goes by one.

# Waited for at most this long, in tenths of a second.
PATIENCE=${PATIENCE:-200}
folder=$(mktemp -d "${TMPDIR:-/tmp}/countersign-terminal.XXXXXX")
failed=0
passed=0
name=

# A server for each terminal: one that is ending would take the next one's windows along.
terminals=0
tmux_() { tmux -S "$folder/tmux$terminals" -f /dev/null "$@"; }

ended() {
    tmux_ kill-server 2>/dev/null || true
    chmod -R u+w "$folder" 2>/dev/null || true
    rm -rf "$folder"
}
trap ended EXIT

# start COMMAND...: runs it in a new terminal of 124 by 24.
start() {
    tmux_ kill-server 2>/dev/null || true
    terminals=$((terminals + 1))
    # The terminal stays when the program has ended, and says so.
    printf 'cd %q\n%s\necho ENDED-$?\nexec sleep 1000\n' "$PWD" "$(printf '%q ' "$@")" >"$folder/run"
    TERM=xterm-256color COLORTERM=truecolor LC_ALL=C.UTF-8 \
        tmux_ new-session -d -x 124 -y 24 "exec bash $folder/run"
    tmux_ set-option -g default-terminal tmux-256color >/dev/null
    tmux_ set-option -g escape-time 0 >/dev/null
}

screen() { tmux_ capture-pane -p; }

# keys KEY...: as tmux names them. type_ TEXT: as it is.
keys() { tmux_ send-keys "$@"; }
type_() { tmux_ send-keys -l -- "$1"; }

# test_ NAME: what the next steps belong to.
test_() { name=$1; }

fail() {
    printf 'FAIL %s: %s\n' "$name" "$1"
    screen | sed 's/^/    | /'
    failed=$((failed + 1))
    return 1
}

# until_ WHAT COMMAND...: waits until the command succeeds.
until_() {
    local what=$1 i
    shift
    for ((i = 0; i < PATIENCE; i++)); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    fail "timed out waiting for $what"
}

shows_() { screen | grep -qF -- "$1"; }
hides_() { ! screen | grep -qF -- "$1"; }
shows() { until_ "on the screen: $1" shows_ "$1"; }
hides() { until_ "off the screen: $1" hides_ "$1"; }
# on_disk FILE TEXT
on_disk() { until_ "in $1: $2" grep -qF -- "$2" "$1"; }

ok() {
    printf 'ok   %s\n' "$name"
    passed=$((passed + 1))
}

# picture NAME TITLE: draws the screen to docs/images/editors if PICTURES is set.
picture() {
    if [ -n "${PICTURES-}" ]; then
        tmux_ capture-pane -e -N -p | python3 "$editors/picture.py" "$2" >"$repository/docs/images/editors/$1.svg"
    fi
}

# repository_in FOLDER: a repository with what is there, committed.
repository_in() {
    git -C "$1" init -q
    git -C "$1" config user.name Ann
    git -C "$1" config user.email ann@example.org
    git -C "$1" add -A
    git -C "$1" commit -q --allow-empty -m start
}
