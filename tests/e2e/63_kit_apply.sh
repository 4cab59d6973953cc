# A resolved kit, as the command hands it to sbxd: what becomes of it in the guest, now and after a stop.

kit_folder=$TMP/kit_apply
mkdir -p "$kit_folder/tree/home/.config" "$kit_folder/tree/workspace/docs" "$kit_folder/place"
echo from-home >"$kit_folder/tree/home/.config/acme"
echo from-kit >"$kit_folder/tree/workspace/docs/new.txt"
echo from-kit >"$kit_folder/tree/workspace/kept.txt"
echo mine >"$kit_folder/place/kept.txt"
tar -C "$kit_folder/tree" --owner=1000 --group=1000 -cf "$kit_folder/kit.tar" home workspace

# kit JQ_FILTER: the resolved kit of these tests, changed
kit() {
	jq -n "$(cat <<-'KIT'
	{name: "acme", version: "1", entrypoint: ["cat"], command: ["/opt/acme/order"], interactive: ["-"],
	 env: {ACME_MODE: "kit", ACME_OTHER: "kit"},
	 network: {allow: ["api.acme.example", "db.acme.example:5432"], deny: ["ads.acme.example"]},
	 credentials: [{service: "acme", api_key: {env: "ACME_KEY", inject: [{domain: "api.acme.example", header: "x-acme"}]}}],
	 install: [
	  {command: "mkdir /opt/acme && id -un >/opt/acme/order && cat /home/agent/.config/acme >>/opt/acme/order", description: "Installing acme"},
	  {command: "id -un >/tmp/second; test ! -e /etc/acme.conf", user: "1000"}],
	 files: [
	  {path: "/etc/acme.conf", content: "in ${WORKDIR}\n", mode: "0640"},
	  {path: "/home/agent/.acme/settings.json", content: "{}\n"},
	  {path: "/tmp/second", content: "replaced", only_if_missing: true}],
	 startup: [
	  {command: ["sh", "-c", "echo $ACME_MODE $(id -un) >>/home/agent/started"], user: "1000"},
	  {command: ["sh", "-c", "id -un >>/home/agent/started; exec sleep 1234567"], user: "0", background: true}],
	 volumes: [{path: "/var/cache/acme", size: "24m"}, {path: "/opt/folder"}, {path: "/scratch", type: "tmpfs", size: "8m", mode: "0700"}],
	 ports: [{container: 8080}],
	 instructions: {filename: "ACME.md", content: "Be kind."},
	 memories: [{kit: "notes", content: "Note this."}],
	 resources: {memory: "768m"}}
	KIT
	)${1:+ | $1}"
}

# create NAME JQ_FILTER [BODY_MEMBERS]: the stream of a creation with a start
create() {
	jq -n --arg name "$1" --arg work "$kit_folder/place" --arg tar "$kit_folder/kit.tar" --argjson kit "$(kit "$2")" \
		"{name: \$name, agent: \"acme\", kit: \$kit, kit_files: \$tar, start: true, keep_alive: true,
		  mounts: [{source: \$work, target: \$work}], env: [\"ACME_OTHER=mine\"]${3:+, $3}}" |
		curl -sSN --unix-socket "$XDG_RUNTIME_DIR/sbx/sbxd.sock" -d @- http://localhost/sandbox
}

in_acme() { sbx exec acme "$@"; }
t_apply() {
	local stream
	stream=$(create acme)
	says "$stream" '"progress":"Installing acme"'
	says "$stream" '"result":'
	is "$(in_acme cat /opt/acme/order)" $'root\nfrom-home'
	is "$(in_acme cat /tmp/second)" agent
	is "$(in_acme stat -c '%U %a' /home/agent/.acme/settings.json)" 'agent 644'
	is "$(in_acme sudo cat /etc/acme.conf)" "in $kit_folder/place"
	is "$(in_acme sudo stat -c '%U %a' /etc/acme.conf)" 'root 640'
	is "$(in_acme sh -c 'echo $ACME_MODE $ACME_OTHER')" 'kit mine'
	is "$(in_acme stat -c %U /var/cache/acme /opt/folder)" $'agent\nagent'
	# A size is a wall, and what is not used takes nothing.
	is "$(in_acme findmnt -no FSTYPE /var/cache/acme)" ext4
	fails 1 in_acme dd if=/dev/zero of=/var/cache/acme/full bs=1M count=32 status=none
	says "$(cat "$TMP/stderr")" 'No space left'
	in_acme rm /var/cache/acme/full
	in_acme sh -c 'echo kept >/var/cache/acme/kept'
	is "$(in_acme findmnt -no FSTYPE,SIZE /scratch | tr -s ' ')" 'tmpfs 8M'
	in_acme test ! -e /var/lib/sbx-kit
}

t_workspace() {
	is "$(cat "$kit_folder/place/kept.txt")" mine
	is "$(cat "$kit_folder/place/docs/new.txt")" from-kit
}

t_instructions() {
	says "$(in_acme cat "$kit_folder/ACME.md")" 'Be kind'
	says "$(in_acme cat "$kit_folder/ACME.md")" 'kits-memory/notes.md'
	is "$(in_acme cat "$kit_folder/kits-memory/notes.md")" 'Note this.'
	[ ! -e "$kit_folder/ACME.md" ]
}

started() { in_acme cat /home/agent/started; }
t_startup() {
	wait_for 60 in_acme pgrep -u root -f '^sleep 1234567'
	is "$(started)" $'kit agent\nroot'
}

t_told() {
	says "$(sbx policy explain api.acme.example:443 --sandbox acme)" 'kit:acme'
	fails 1 sbx policy check ads.acme.example:443 --sandbox acme
	sbx policy check db.acme.example:5432 --sandbox acme
	says "$(sbx ports acme)" '8080'
	is "$(sbx inspect acme --json | jq -r '.kit.entrypoint[0], .memory')" $'cat\n805306368'
	echo acme-real-value | sbx secret set acme
	says_not "$(cat "$(state)/sandboxes/acme/kit.json")" acme-real-value
}

t_again() {
	sbx stop acme
	wait_for 60 in_acme pgrep -u root -f '^sleep 1234567'
	is "$(started)" $'kit agent\nroot\nkit agent\nroot'
	is "$(in_acme cat /opt/acme/order)" $'root\nfrom-home'
	is "$(in_acme sh -c 'echo $ACME_KEY')" proxy-managed
	is "$(in_acme findmnt -no FSTYPE /scratch)" tmpfs
	is "$(in_acme cat /var/cache/acme/kept)" kept
	kill -9 "$(sbx daemon status --json | jq .pid)"
	is "$(sbx inspect acme --json | jq -r .kit.name)" acme
	says "$(sbx secret ls)" acme
}

t_failed() {
	local stream
	stream=$(create broken '.install += [{command: "echo first line; echo the reason >&2; exit 7", description: "Breaking"}]')
	says "$stream" '"message":"the kit.s install command .Breaking. failed with status 7: the reason"'
	says "$stream" '"output":"first line\\nthe reason\\n"'
	wait_for 20 fails 1 sbx inspect broken
	[ ! -e "$(state)/sandboxes/broken" ]
}

gone() { ! sbx inspect cut; }
t_cut_off() {
	create cut '.install = [{command: "sleep 7654321", description: "Dawdling"}]' >"$TMP/cut.log" 2>&1 &
	wait_for 120 grep -q Dawdling "$TMP/cut.log"
	kill -9 "$(sbx daemon status --json | jq .pid)"
	wait $! || true
	wait_for 20 gone
	[ ! -e "$(state)/sandboxes/cut" ]
}

t_refused() {
	says "$(create other '.env.LD_PRELOAD = "x"')" 'LD_PRELOAD'
	says "$(create other '.nonsense = 1')" 'no member .nonsense'
	says "$(create other '.name = "else"')" "no kit of the agent 'acme'"
	says "$(create other '.credentials[0].api_key.inject[0].format = "none"')" 'must hold %s once'
	[ ! -e "$(state)/sandboxes/other" ]
}

t "a kit is refused before anything is made" t_refused
t "volumes, home, install and files, in order" t_apply
t "the workspace gets what it lacks" t_workspace
t "what the agent is told" t_instructions
t "startup commands" t_startup
t "policy, ports, secrets and the view know it" t_told
t "after a stop, and after the end of the daemon" t_again
t "a failed install command leaves its output and nothing else" t_failed
t "a first start that was cut off leaves nothing" t_cut_off
sbx rm --force acme >/dev/null 2>&1
