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
	is "$(sbx env plan --json | jq -r '[.name, .approved, ([.steps[] | select(.host)] | length)] | join(" ")')" "e-app false 6"
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
	is "$(sbx inspect e-app --json | jq -r '[.cpus, .memory, .ports[0].sandbox_port] | join(" ")')" "1 1073741824 8000"
	fails 1 sbx env create
	says "$(cat "$TMP/stderr")" "the sandbox 'e-app' is there"
}
t "env create: host commands, variables, options, ports, the files read-only" created

run_again() {
	cd "$TMP/e/app/sub"
	is "$(sbx env run .. -- sh -c 'echo $GREETING')" "hello world"
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
	printf 'schemaVersion: "1"\nagent: shell\nmcp: {servers: []}\n' >sbxenv.yaml
	fails 1 sbx env plan
	says "$(cat "$TMP/stderr")" "'mcp' of the environment is not in this version"
	fails 1 sbx env plan "$TMP/e/lib"
	says "$(cat "$TMP/stderr")" 'there is no sbxenv.yaml in'
}
t "the user's defaults lie under the folder's file; what is not there is refused" defaults
