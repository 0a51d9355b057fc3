package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
)

// succeeded starts a daemon that takes over from r.
func (r *running) succeeded() *running {
	r.t.Helper()
	next := &running{t: r.t, cloud: r.cloud, file: filepath.Join(filepath.Dir(r.file), "next.yaml"), log: &notes{}}
	text := strings.NewReplacer("STATE", filepath.Join(filepath.Dir(r.file), "state"),
		`proxy: "127.0.0.1:0"`, `proxy: "`+r.addr("proxy")+`"`, `admin: "127.0.0.1:0"`, `admin: "`+r.addr("admin")+`"`).Replace(configuration)
	if err := os.WriteFile(next.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	from := &source{file: next.file}
	f, err := from.read()
	if err != nil {
		r.t.Fatal(err)
	}
	in := demoSurroundings(r.cloud)
	in.replace = true
	if next.daemon, err = open(f, from, in, slog.New(slog.NewTextHandler(next.log, nil))); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- next.serve(ctx) }()
	next.stop = sync.OnceValue(func() error { cancel(); return <-served })
	r.t.Cleanup(func() {
		if err := next.stop(); err != nil {
			r.t.Errorf("the successor's serve = %v", err)
		}
	})
	return next
}

func TestARequestUnderWayEndsAndIsRecordedAfterASuccessorCame(t *testing.T) {
	r := start(t, "")
	body, more := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, "https://graph.microsoft.com/echo", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.cloud.Mint(demo.Spec{}))
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Close = true // nobody waits for what it might ask next
	type answer struct {
		resp *http.Response
		err  error
	}
	answered := make(chan answer, 1)
	client := r.client()
	client.Timeout = busyPatience
	go func() {
		resp, err := client.Do(req)
		answered <- answer{resp, err}
	}()
	if _, err := io.WriteString(more, "first\n"); err != nil {
		t.Fatal(err)
	}
	a := <-answered
	if a.err != nil {
		t.Fatal(a.err)
	}
	defer a.resp.Body.Close()
	lines := bufio.NewReader(a.resp.Body)
	if line, err := lines.ReadString('\n'); line != "first\n" {
		t.Fatalf("answer begins %q, %v", line, err)
	}
	next := r.succeeded()
	if status, _ := next.ask(next.client(), homeTenant, "https://graph.microsoft.com/v1.0/me"); status != http.StatusOK {
		t.Errorf("the successor answers %d", status)
	}
	if _, err := io.WriteString(more, "last\n"); err != nil {
		t.Fatal(err)
	}
	more.Close()
	if rest, err := io.ReadAll(lines); string(rest) != "last\n" || err != nil {
		t.Errorf("answer ends %q, %v", rest, err)
	}
	if err := r.stop(); err != nil {
		t.Errorf("serve = %v", err)
	}
	if err := next.stop(); err != nil {
		t.Errorf("the successor's serve = %v", err)
	}
	ends := 0
	for i, e := range events(t, filepath.Join(filepath.Dir(r.file), "state/events/events.jsonl")) {
		if seq := e["tenantgate"].(map[string]any)["seq"]; seq != float64(i+1) {
			t.Errorf("event %d has number %v", i+1, seq)
		}
		resp, _ := e["http"].(map[string]any)["response"].(map[string]any)
		if url, _ := e["url"].(map[string]any); url["path"] == "/echo" && resp["status_code"] == 200.0 {
			ends++
		}
	}
	if ends == 0 {
		t.Error("the request that ended later left no event")
	}
}

// A client that asks nothing while a successor comes has its next answer on the
// connection that it has: closed, it might have a request on its way.
func TestAClientThatWasSilentIsAnsweredAfterASuccessorCame(t *testing.T) {
	r := start(t, "")
	client := r.client()
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = false
	ask := func() (reused bool) {
		t.Helper()
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://login.microsoftonline.com/common/oauth2/v2.0/authorize", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return reused
	}
	ask()
	next := r.succeeded()
	if status, _ := next.ask(next.client(), homeTenant, "https://graph.microsoft.com/v1.0/me"); status != http.StatusOK {
		t.Errorf("the successor answers %d", status)
	}
	<-next.alone
	if !ask() {
		t.Error("the connection was closed before its client had asked again")
	}
	if ask() {
		t.Error("the client was not told to go on elsewhere")
	}
}

func TestASuccessorThatCannotListenChangesNothing(t *testing.T) {
	p := launch(t, "")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	p.fix(`admin: "127.0.0.1:0"`, `admin: "`+taken.Addr().String()+`"`)
	second := exec.Command(p.Path, "run", "-c", "tenantgate.yaml", "--replace")
	second.Dir = p.dir
	out, _ := second.CombinedOutput()
	if code := second.ProcessState.ExitCode(); code != 3 || !bytes.Contains(out, []byte("listen.admin: ")) {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	p.wait("going on", func() bool { return strings.Contains(p.err.String(), "goes on as before") })
	load := newPressure(t, p.dir, p.addr("proxy"))
	for _, way := range clients {
		ask, end := way.begin(load)
		load.count(way.name, ask)
		end()
	}
	load.check(filepath.Join(p.dir, "state/events/events.jsonl"))
	if n := load.answered(); n != len(clients) {
		t.Errorf("%d answers, want %d", n, len(clients))
	}
}

// slow is a successor that does not get on.
type slow struct{ proceed chan struct{} }

func (s slow) TakeOver(Predecessor, *Kept) error { <-s.proceed; return nil }

func TestASuccessorThatStopsHalfwayIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slow{make(chan struct{})}
		calls := rpc.NewServer()
		if err := calls.RegisterName("Successor", s); err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		go calls.ServeConn(there)
		began := time.Now()
		err := takeOver(rpc.NewClient(here))
		if err == nil || time.Since(began) != handTime {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		close(s.proceed)
	})
}

func TestTheLogOfASuccessorThatDiedIsOpenedOnceItIsUnlocked(t *testing.T) {
	for after, want := range map[time.Duration]error{0: nil, lockTime / 2: nil, 2 * lockTime: audit.ErrLocked} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			b := books{open: func() (*audit.Log, error) {
				if time.Since(began) < after {
					return nil, fmt.Errorf("open: %w", audit.ErrLocked)
				}
				return nil, nil
			}}
			if _, err := b.reopen(); !errors.Is(err, want) {
				t.Errorf("unlocked after %v: %v, want %v", after, err, want)
			}
		})
	}
}

// dying is a successor that dies when new connections are its own already.
type dying struct {
	r    *running
	conn net.Conn
}

func (s *dying) TakeOver(Predecessor, *Kept) error {
	s.r.t.Helper()
	l, err := succeed(s.r.addr("proxy"), false)
	if err != nil {
		s.r.t.Error(err)
		return err
	}
	defer s.conn.Close()
	defer l.Close()
	client, err := net.Dial("tcp", s.r.addr("proxy"))
	if err != nil {
		s.r.t.Error(err)
		return err
	}
	defer client.Close()
	taken, err := l.Accept()
	if err != nil {
		s.r.t.Error(err)
		return err
	}
	return taken.Close()
}

func TestConnectionsComeBackFromASuccessorThatDied(t *testing.T) {
	r := start(t, "")
	var conn net.Conn
	r.wait("expecting a successor", func() (ok bool) {
		var err error
		conn, err = dialIn(filepath.Join(filepath.Dir(r.file), "state"))
		return err == nil
	})
	calls := rpc.NewServer()
	if err := calls.RegisterName("Successor", &dying{r, conn}); err != nil {
		t.Fatal(err)
	}
	calls.ServeConn(conn)
	r.wait("going on", func() bool { return strings.Contains(r.log.String(), "goes on as before") })
	for range 20 {
		if status, reason := r.ask(r.client(), foreignTenant, "https://graph.microsoft.com/v1.0/me"); reason != "external-account" {
			t.Fatalf("%d %s", status, reason)
		}
	}
}

// A third that comes before the first has left gets the connections that come
// after its start: the kernel would give them to the second.
func TestAThirdInstanceGetsNewConnections(t *testing.T) {
	p := launch(t, "")
	p.fix()
	second := p.another("--replace")
	config := filepath.Join(p.dir, "tenantgate.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, append(text, "policy: {unlisted: block}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	third := second.another("--replace")
	for range 20 {
		if status, reason := third.connect("nowhere.example:443"); reason != "unlisted-blocked" {
			t.Fatalf("another answers: %s, %s", status, reason)
		}
	}
	p.over()
	second.over()
	third.finish()
}

// What an event says of itself survives the way to a successor.
func TestAnEventIsTheSameForASuccessor(t *testing.T) {
	var e audit.Event
	fill(t, reflect.ValueOf(&e).Elem())
	var wire bytes.Buffer
	if err := gob.NewEncoder(&wire).Encode(&e); err != nil {
		t.Fatal(err)
	}
	var got audit.Event
	if err := gob.NewDecoder(&wire).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Error(diff)
	}
}

// fill gives v and all that is in it a value of its own.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Date(2026, 11, 22, 3, 4, 5, 678901000, time.UTC)
		return
	case *netip.AddrPort:
		*x = netip.MustParseAddrPort("[2001:db8::7%eth0]:50123")
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("\x00\xff=text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8, reflect.Uint16, reflect.Uint64:
		v.SetUint(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0))
		fill(t, v.Index(1))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	default:
		t.Fatalf("a %s does not get to a successor", v.Type())
	}
}
