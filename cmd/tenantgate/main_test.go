package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets this binary be the program as well: scripts and the tests of
// a running daemon start it under the name tenantgate.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tenantgate": main, "replace-policy": replacePolicy})
}

const (
	homeTenant    = "11111111-1111-1111-1111-111111111111"
	homePolicy    = "22222222-2222-2222-2222-222222222222"
	foreignTenant = "33333333-3333-3333-3333-333333333333"
)

// TestScripts runs testdata/script: what the program does for who types it,
// one behaviour a file. Each has a configuration that works, tenantgate.yaml,
// with its state in ./state, and the commands below beside testscript's own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME_TENANT", homeTenant)
			env.Setenv("FOREIGN_TENANT", foreignTenant)
			env.Setenv("POLICY", homePolicy)
			return os.WriteFile(filepath.Join(env.WorkDir, "tenantgate.yaml"), []byte(`state: state
tenant:
  id: `+homeTenant+`
  policy: `+homePolicy+`
  domains: [contoso.com]
listen:
  proxy: 127.0.0.1:0
  admin: 127.0.0.1:0
`), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"token": token, "busy": busy, "mode": mode, "one-event": oneEvent, "exit-code": exitCode,
		},
	})
}

// token makes a JSON Web Token: token NAME CLAIM=VALUE... sets $NAME.
func token(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: token NAME CLAIM=VALUE...")
	}
	claims := map[string]string{}
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		claims[name] = value
	}
	text, err := json.Marshal(claims)
	ts.Check(err)
	part := func(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
	ts.Setenv(args[0], part([]byte(`{"alg":"RS256","typ":"JWT"}`))+"."+part(text)+"."+part([]byte("the signature of "+args[0])))
}

// exitCode runs the program and checks how it ends: exit-code 2 ARG...
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exit-code CODE ARG...")
	}
	err := ts.Exec("tenantgate", args[1:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s (%v)", got, args[0], err)
	}
}

// busy takes a port until the script ends: busy NAME sets $NAME to its address.
func busy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: busy NAME")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

// mode checks who may read a file: mode 0600 FILE.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode MODE FILE")
	}
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// oneEvent checks that standard output is one line with one event, in which
// each argument NAME=VALUE holds.
func oneEvent(ts *testscript.TestScript, neg bool, args []string) {
	out := ts.ReadFile("stdout")
	if neg || strings.Count(out, "\n") != 1 || !strings.HasSuffix(out, "\n") {
		ts.Fatalf("not one line: %q", out)
	}
	var event map[string]any
	ts.Check(json.Unmarshal([]byte(out), &event))
	for _, arg := range args {
		name, want, _ := strings.Cut(arg, "=")
		got := any(event)
		for key := range strings.SplitSeq(name, ".") {
			inner, _ := got.(map[string]any)
			got = inner[key]
		}
		if text, err := json.Marshal(got); err != nil || strings.Trim(string(text), `"`) != want {
			ts.Fatalf("%s is %s, want %s", name, text, want)
		}
	}
}
