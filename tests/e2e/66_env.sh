# Environments: sbxenv.yaml planned, agreed to, made, run and removed. One sandbox is booted.

mkdir -p "$TMP/e/app/sub" "$TMP/e/lib"
cat >"$TMP/e/app/sbxenv.yaml" <<'END'
schemaVersion: "1"
name: e-app
agent: shell
args:
  who: {default: world}
  port: {default: "0", pattern: "[0-9]+"}
workspace: .
additionalWorkspaces:
- {path: ../lib, readOnly: true}
env:
  GREETING: hello ${{ env.args.who }}
sandboxOptions: {memory: 1g, cpus: 1}
ports:
- {sandbox: 8000}
lifecycle:
  initialize:
  - {command: "echo $SBX_LIFECYCLE_PHASE $SBX_SANDBOX_NAME >>../host.log"}
  postCreate:
  - {command: "echo $SBX_LIFECYCLE_PHASE $SBX_WORKSPACE >>host.log", workdir: ..}
  preRemove:
  - {command: "echo $SBX_LIFECYCLE_PHASE >>host.log; exit 3", workdir: ..}
END

planned() {
	cd "$TMP/e/app"
	local plan
	plan=$(sbx env plan 2>&1)
	says "$plan" '^sandbox +e-app, agent shell$'
	says "$plan" "^share +$TMP/e/app/\.\./lib \(read-only\)$"
	says "$plan" '^publish +loopback:any -> 8000/tcp4$'
	says "$plan" '^command +initialize, in .*: echo \$SBX_LIFECYCLE_PHASE'
	says "$plan" 'You will be asked'
	is "$(sbx env plan --json | jq -r '[.name, .approved, ([.steps[] | select(.host)] | length)] | join(" ")')" "e-app false 5"
	test ! -e "$TMP/e/host.log"
}
t "env plan shows what is done on this machine, and does nothing" planned

asked() {
	cd "$TMP/e/app"
	fails 1 sbx env create
	says "$(cat "$TMP/stderr")" 'nobody can be asked .* --auto-approve'
	fails 1 sbx env create --env-arg port=x -y
	says "$(cat "$TMP/stderr")" "the argument 'port' is 'x', which does not match"
	fails 1 sbx env plan --env-arg nobody=1
	fails 1 sbx env exec -- true
	test ! -e "$TMP/e/host.log"
	script -qec "sbx env create" /dev/null <<<"n" || true
	test ! -e "$TMP/e/host.log"
	is "$(sbx ls -q | grep -c e-app || true)" 0
	test ! -e "$XDG_CONFIG_HOME/sbx/environments.json"
}
t "nothing is done before the plan is agreed to" asked

created() {
	cd "$TMP/e/app"
	sbx env create -y --env-arg who=all
	is "$(cat "$TMP/e/host.log")" "initialize e-app
postCreate $TMP/e/app"
	is "$(sbx env exec -- sh -c 'echo $GREETING; pwd')" "hello all
$TMP/e/app"
	fails 2 sbx env exec -- sh -c 'echo x >>sbxenv.yaml'
	fails 1 sbx env exec "$TMP/e/app" -- touch "$TMP/e/lib/x"
	is "$(sbx env exec -u root -w /etc -e A=b -- sh -c 'id -un; pwd; echo $A')" "root
/etc
b"
	is "$(sbx inspect e-app --json | jq -r '[.cpus, .memory, .ports[0].sandbox_port] | join(" ")')" "1 1073741824 8000"
	fails 1 sbx env create
	says "$(cat "$TMP/stderr")" "the sandbox 'e-app' is there"
}
t "env create: host commands, variables, options, ports, the files read-only" created

run_again() {
	cd "$TMP/e/app/sub"
	# What a command does may have changed by the sandbox's hand: -y was for that one time, and so is an answer.
	fails 1 sbx env run .. -- true
	script -qec 'sbx env run .. -- true' /dev/null <<<y
	fails 1 sbx env run .. -- true
	mkdir -p "$XDG_CONFIG_HOME/sbx"
	echo '{"env.rememberHostCommands": true}' >"$XDG_CONFIG_HOME/sbx/settings.json"
	is "$(sbx env run .. -- sh -c 'echo $GREETING')" "hello world"
	rm "$XDG_CONFIG_HOME/sbx/settings.json"
	is "$(tail -n1 "$TMP/e/host.log")" "initialize e-app"
	cat >"$TMP/e/more.yaml" <<-'END'
		schemaVersion: "1"
		env: {GREETING: other}
		lifecycle: {initialize: [{command: touch planted}]}
	END
	fails 1 sbx env run .. "$TMP/e/more.yaml" -- true
	test ! -e "$TMP/e/app/planted"
	is "$(sbx env run --skip-host-commands -y .. "$TMP/e/more.yaml" -- sh -c 'echo $GREETING')" other
	test ! -e "$TMP/e/app/planted"
}
t "env run comes back with new variables; a plan that changed is asked about again" run_again

removed() {
	cd "$TMP/e/app"
	sbx env rm -f 2>"$TMP/stderr"
	says "$(cat "$TMP/stderr")" "WARNING: the preRemove command .* ended with status 3"
	is "$(tail -n1 "$TMP/e/host.log")" preRemove
	is "$(sbx ls -q | grep -c e-app || true)" 0
	is "$(sbx env plan --json | jq .approved)" false
}
t "env rm: a preRemove command that fails only warns" removed

defaults() {
	mkdir "$TMP/e/plain"
	cd "$TMP/e/plain"
	printf 'schemaVersion: "1"\nagent: shell\n' >sbxenv.yaml
	printf 'schemaVersion: "1"\nenv: {X: y}\nworkspace: ${{ env.projectDir }}\n' >"$HOME/.sbxenv.yaml"
	says "$(sbx env plan 2>&1)" "^share +$TMP/e/plain"
	says_not "$(sbx env plan . 2>&1)" '^share'
	printf 'schemaVersion: "1"\nname: mine\n' >"$HOME/.sbxenv.yaml"
	fails 1 sbx env plan
	says "$(cat "$TMP/stderr")" '\.sbxenv\.yaml:2:7: the defaults of a user cannot set a name'
	rm "$HOME/.sbxenv.yaml"
	printf 'schemaVersion: "1"\nagent: shell\nworkspace: ${{ env.projectDir }}\n' >"$HOME/.sbxenv.yaml"
	rm sbxenv.yaml
	says "$(sbx env plan 2>&1)" "^share +$TMP/e/plain$"
	(cd "$HOME" && says "$(sbx env plan 2>&1)" "^share +$HOME$")
	rm "$HOME/.sbxenv.yaml"
	fails 1 sbx env plan
	says "$(cat "$TMP/stderr")" "there is no sbxenv.yaml in '.', and no ~/.sbxenv.yaml"
	fails 1 sbx env plan "$TMP/e/lib"
	says "$(cat "$TMP/stderr")" 'there is no sbxenv.yaml in'
}
t "the user's defaults lie under the folder's file, or are all there is" defaults

# refused KEY: VALUE, SENTENCE
refused() {
	printf 'schemaVersion: "1"\nagent: shell\n%s\n' "$1" >sbxenv.yaml
	fails 1 sbx env plan
	says "$(cat "$TMP/stderr")" "$2"
}

cannot_be_had() {
	cd "$TMP/e/plain"
	refused 'mcp: {servers: [{name: x, url: "https://mcp.example"}]}' "'mcp.servers' of the environment cannot be had: sbx runs no gateway"
	refused 'sandboxOptions: {profile: strict}' "'sandboxOptions.profile' .* no accounts"
	refused 'sandboxOptions: {gpu: true}' "virtio devices only"
	refused 'sandboxOptions: {usb: ["1234:5678"]}' "virtio devices only"
	refused 'sandboxOptions: {display: true}' "has no display"
	refused 'sandboxOptions: {skills: readonly}' "share no store of skills"
	refused 'secrets: {github: {ref: "op://a/b", backend: sdk}}' "backend: cli"
	refused 'registries: {ghcr.io: {secret: {value: x}, username: {ref: "op://a/b"}}}' "a username is no secret"
	printf 'schemaVersion: "1"\nagent: shell\nmcp: {servers: []}\nsandboxOptions: {gpu: false, usb: [], skills: "off"}\n' >sbxenv.yaml
	sbx env plan
	fails 1 sbx env plan --clone
	says "$(cat "$TMP/stderr")" 'no workspace to clone'
	printf 'schemaVersion: "1"\nagent: shell\nworkspace: {path: ., clone: true}\n' >sbxenv.yaml
	says "$(sbx env plan 2>&1)" '^share .*\(as a clone\)$'
	says_not "$(sbx env plan --clone=false 2>&1)" 'clone'
}
t "what cannot be had is refused with its reason; --clone=false" cannot_be_had

# A kit of somebody else, which sends a key somewhere, and one with arguments of the same name.
furnished() {
	mkdir -p "$TMP/e/full/one/files/home" "$TMP/e/full/two/files/home" "$TMP/e/full/data"
	cd "$TMP/e/full"
	for kit in one two; do
		cat >$kit/spec.yaml <<-END
			schemaVersion: "2"
			kind: mixin
			name: $kit
			args: {word: {default: none}}
			permissions: {network: {allow: [$kit.example]}}
			credentials: [{service: $kit-key, apiKey: {name: ${kit^^}_KEY, inject: [{domain: $kit.example, scheme: bearer}]}}]
			environment: {variables: {WORD_$kit: "\${{ kit.args.word }}"}}
		END
	done
	sed -i '/permissions/d; /credentials/d' two/spec.yaml
	cat >sbxenv.yaml <<-'END'
		schemaVersion: "1"
		name: e-full
		agent: shell
		kits: [{source: ./one, args: {word: first}}, {source: ./two, args: {word: second}}]
		additionalWorkspaces: [{path: data, readOnly: true}]
		bindings: {one-key: {apiKey: {domains: [one.example]}}}
		secrets:
		  one-key: {command: "date +once-%s%N", snapshot: true}
		  github: {value: secret-of-github}
		registries:
		  ghcr.io: {secret: {command: echo token-of-ghcr}}
		  quay.io: {secret: {value: secret-of-quay}, username: {command: echo me}}
		ports: [{sandbox: 8000, hostIP: "::1"}]
		sandboxOptions: {memory: 1g, cpus: 1, pullPolicy: missing}
	END
	says "$(sbx env plan 2>&1)" '^bind +one-key: its key may be sent to one.example'
	says "$(sbx env plan 2>&1)" '^login +quay.io: a value with sha256:'
	says "$(sbx env plan 2>&1)" '^secret +one-key: printed by: date .* \(once\)$'
	echo data >data/file
	# The kit also asks for the network, which no binding agrees to.
	fails 1 sbx env create -y
	says "$(cat "$TMP/stderr")" "asks for network access to one.example, which nobody has approved"
	fails 1 sbx create --name - --kit ./one --yes shell
	sbx env create -y
	is "$(sbx env exec -- sh -c 'echo $WORD_one $WORD_two ${ONE_KEY:-none} $GH_TOKEN; cat "$0"' "$TMP/e/full/data/file")" "first second proxy-managed gho_sbxproxymanaged000000000000000000000
data"
	fails 1 sbx env exec -- touch "$TMP/e/full/data/new"
	is "$(sbx inspect e-full --json | jq -r '.ports[0].host_ip')" ::1
	is "$(sbx secret ls --json | jq -r '.secrets[] | select(.scope == "e-full") | "\(.type) \(.name) \(.username) \(.source)"' | sort)" \
		"registry ghcr.io token command
registry quay.io me stored
service github null stored
service one-key null stored"
	says "$(cat "$XDG_CONFIG_HOME/sbx/credentials.yaml")" 'one.example'
	fails 1 sbx env rm
	sbx env rm -f --prune-bindings
	says_not "$(cat "$XDG_CONFIG_HOME/sbx/credentials.yaml")" 'one.example'
	is "$(sbx secret ls --json | jq '[.secrets[] | select(.scope == "e-full")] | length')" 0
	sbx env create -y --skip-host-commands --kit-arg word=all
	is "$(sbx env exec -- sh -c 'echo $WORD_one $WORD_two')" "all all"
	is "$(sbx secret ls --json | jq -r '.secrets[] | select(.scope == "e-full" and .type == "service").name')" github
	sbx env rm -f --prune-bindings
}
t "kits with arguments, keys that may go somewhere, secrets, registry logins, folders without a workspace" furnished
