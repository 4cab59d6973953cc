# A terminal session, driven through tmux as a person would.

screen() {
	tmux -L "$TMUX_NAME" capture-pane -p -t 0
}

on_screen() {
	screen | grep -q -- "$1"
}

guest_says_size() {
	tmux -L "$TMUX_NAME" send-keys 'clear; stty size' Enter
	sleep 0.3
	on_screen "$1"
}

terminal_session() {
	TMUX_NAME=sbx-e2e-$$
	tmux -L "$TMUX_NAME" -f /dev/null new-session -d -x 100 -y 30 "sbx exec -it shared bash --norc; echo status=\$?; sleep 1000"
	trap 'tmux -L "$TMUX_NAME" kill-server' EXIT
	wait_for 20 on_screen '\$ *$'
	tmux -L "$TMUX_NAME" send-keys 'tty; stty size' Enter
	wait_for 20 on_screen '/dev/pts/'
	wait_for 20 on_screen '^30 100'
	tmux -L "$TMUX_NAME" resize-window -t 0 -x 90 -y 20
	# tmux tells of its new size in its own time: asked until the guest has heard of it
	wait_for 20 guest_says_size '^20 90'
	tmux -L "$TMUX_NAME" send-keys 'sleep 1000' Enter
	wait_for 20 on_screen 'sleep 1000'
	tmux -L "$TMUX_NAME" send-keys C-c
	tmux -L "$TMUX_NAME" send-keys 'echo interrupted=$?' Enter
	wait_for 20 on_screen 'interrupted=130'
	tmux -L "$TMUX_NAME" send-keys 'exit 5' Enter
	wait_for 20 on_screen '^status=5'
	# the terminal is as before: what is typed is shown
	tmux -L "$TMUX_NAME" send-keys 'typed'
	wait_for 20 on_screen 'typed'
}
t "a shell on a terminal: size, resize, ^C, status, terminal restored" terminal_session

term_is_set() {
	TMUX_NAME=sbx-e2e-term-$$
	tmux -L "$TMUX_NAME" -f /dev/null new-session -d -x 80 -y 24 "sbx exec -t shared sh -c 'echo term=\$TERM; test -t 0 && test -t 1 && echo is-a-tty'; sleep 1000"
	trap 'tmux -L "$TMUX_NAME" kill-server' EXIT
	wait_for 20 on_screen 'term=xterm-256color'
	wait_for 20 on_screen 'is-a-tty'
}
t "-t gives a terminal with TERM=xterm-256color" term_is_set

run_without_terminal() {
	local out
	mkdir -p "$TMP/noterm"
	out=$(cd "$TMP/noterm" && echo hello | sbx run --rm -- sh -c 'test -t 1 || cat')
	is "$out" hello
	fails 1 sbx inspect shell-noterm
}
t "run without a terminal passes stdin; --rm removes" run_without_terminal
