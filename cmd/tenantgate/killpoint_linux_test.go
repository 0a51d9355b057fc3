package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tenantgate/tenantgate/certs"
	"github.com/tenantgate/tenantgate/needs"
)

// A deathPoint is where a crash leaves something half done. arrange makes sure
// that it dies there: the victim itself, which clients attack meanwhile, or
// what writes a file that the victim will read. It reports whether the latter
// died.
type deathPoint struct {
	name    string
	arrange func(s *killStage, p *victim, i int) (died bool)
}

var deathPoints = []deathPoint{
	{"before a record is appended", func(s *killStage, p *victim, i int) bool {
		s.dieAt(p, "write", 1+i%3, s.newest("spool/tenant/*.seg"))
		return false
	}},
	{"in the middle of a record", func(s *killStage, p *victim, i int) bool {
		s.dieAt(p, "ftruncate", 1) // half of it is there, and it is to be taken back
		s.limitFiles(p, uint64(20000+i%1000))
		return false
	}},
	{"after the answer, before fsync", func(s *killStage, p *victim, _ int) bool {
		s.dieAt(p, "fsync", 1, s.newest("events.jsonl"))
		return false
	}},
	{"between the steps of a new segment", func(s *killStage, p *victim, i int) bool {
		if i%2 == 0 {
			s.dieAt(p, "openat", 1) // the old one is full, the new one is not there
			return false
		}
		s.dieAt(p, "close", 1, s.newest("spool/tenant/*.seg")) // the new one is there, the old one not closed
		return false
	}},
	{"between the receiver's word and the cursor", func(s *killStage, p *victim, i int) bool {
		s.dieAt(p, "pwrite64", 1+i%3, s.newest("spool/siem.tenant.cursor"))
		return false
	}},
	{"in the middle of writing the CA", func(s *killStage, _ *victim, i int) bool {
		if i%3 == 2 { // the first CA, as the first run makes it
			if err := os.RemoveAll(filepath.Join(s.state, "ca")); err != nil {
				s.t.Fatal(err)
			}
			return s.dies(i/3, "tenantgate", "ca", "init", "-c", s.config)
		}
		return s.dies(i/3, "tenantgate", "ca", "rotate", "-c", s.config)
	}},
	{"in the middle of writing the policy", func(s *killStage, _ *victim, i int) bool {
		return s.dies(i, "replace-policy", s.policy, strconv.Itoa(i+1))
	}},
}

// killStage is an installation that is killed at chosen points, with the policy
// that it reads.
type killStage struct {
	*killing
	policy string
}

// newest is the last of the files that match a pattern in the events'
// directory.
func (s *killStage) newest(pattern string) string {
	s.t.Helper()
	all, err := filepath.Glob(filepath.Join(s.state, "events", pattern))
	if err != nil || len(all) == 0 {
		s.t.Fatalf("no %s: %v", pattern, err)
	}
	return all[len(all)-1]
}

// dieAt has p die on entering the nth of a kind of system call, on one of its
// threads and about these files, if any are named.
func (s *killStage) dieAt(p *victim, call string, nth int, files ...string) {
	s.t.Helper()
	args := []string{"-f", "-o", "/dev/null", "-p", strconv.Itoa(p.Process.Pid), "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, nth)}
	for _, f := range files {
		args = append(args, "-P", f)
	}
	c := exec.Command("strace", args...)
	said, err := c.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Wait() }) // it ends with the victim
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if strings.Contains(lines.Text(), "attached") {
			go io.Copy(io.Discard, said)
			return
		}
	}
	untraceable(s.t, "strace may not attach to a process here")
}

// untraceable ends a test where ptrace is refused: as if the tool were missing.
func untraceable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("REQUIRE_TOOLS") == "1" {
		t.Fatal(why + ", and REQUIRE_TOOLS=1")
	}
	t.Skip(why)
}

// limitFiles has p find no room beyond so many more bytes of its events file.
func (s *killStage) limitFiles(p *victim, more uint64) {
	s.t.Helper()
	info, err := os.Stat(s.newest("events.jsonl"))
	if err != nil {
		s.t.Fatal(err)
	}
	end := uint64(info.Size()) + more
	if err := unix.Prlimit(p.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: end, Max: end}, nil); err != nil {
		s.t.Fatal(err)
	}
}

// steps are the system calls that bring a file that was written to its place,
// and remove what is in the way.
const steps = "fchmod,fsync,linkat,renameat,renameat2,unlinkat"

// dies runs a command that dies while it replaces a file: with half of it
// written, or at one of the steps, in turn.
func (s *killStage) dies(i int, argv ...string) bool {
	s.t.Helper()
	at := []string{"strace", "-f", "-o", "/dev/null", "-e", "trace=" + steps, "-e"}
	if i%2 == 0 { // 100 bytes are written; then it wants to clean up
		at = append([]string{"prlimit", "--fsize=100"}, append(at, "inject=unlinkat:signal=KILL")...)
	} else {
		at = append(at, fmt.Sprintf("inject=%s:signal=KILL:when=%d", steps, 1+i/2%3))
	}
	c := exec.Command(at[0], append(at[1:], argv...)...)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	err := c.Run()
	status, ok := c.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || status.Exited() && err != nil {
		s.t.Errorf("%v ended otherwise: %v\n%s", argv, err, said.String())
	}
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL // strace dies as its child does
}

// What is written is on the disk before it gets its name, and the name before
// anybody is told.
func TestANewPolicySurvivesAPowerLoss(t *testing.T) {
	needs.Tool(t, "strace")
	dir := t.TempDir()
	policy, trace := filepath.Join(dir, "entra.yaml"), filepath.Join(t.TempDir(), "trace")
	out, err := exec.Command("strace", "-f", "-y", "-o", trace, "-e", "trace=fsync,rename,renameat,renameat2", "replace-policy", policy, "1").CombinedOutput()
	if err != nil {
		untraceable(t, fmt.Sprintf("strace may not run a process here: %v: %s", err, out))
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	want := `(?s)fsync\(\d+<` + dir + `/\.entra-\d+\.yaml>\).* rename.*"` + policy + `"\).* fsync\(\d+<` + dir + `>\)`
	if !regexp.MustCompile(want).Match(text) {
		t.Errorf("not as %s:\n%s", want, text)
	}
}

// whole checks that what the next start will read is an old file or a new one.
func (s *killStage) whole() {
	s.t.Helper()
	text, err := os.ReadFile(s.policy)
	if err != nil || text[len(text)-1] != '\n' || !bytes.Contains(text, []byte("# end of ")) {
		s.t.Errorf("the policy is torn: %v\n%s", err, text)
	}
	if _, err := certs.Inspect(filepath.Join(s.state, "ca")); err != nil {
		s.t.Errorf("the CA is torn: %v", err)
	}
}

// trusted copies the certificate of the CA that the victim has started with.
func (s *killStage) trusted() string {
	s.t.Helper()
	text, err := os.ReadFile(s.ca)
	if err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(s.t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// The whole program dies at each of the seven points where something is half
// done, while it refuses replayed tokens: it comes up again with the old file
// or the new one, and every refusal that a client got is an event at the
// receiver. TENANTGATE_KILLS=200 is the long run.
func TestEveryRefusalReachesTheSIEMThroughDeathAtEachPoint(t *testing.T) {
	for _, tool := range []string{"strace", "prlimit"} {
		needs.Tool(t, tool)
	}
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, policyNumber("0"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &killStage{newKilling(t, len(deathPoints), "policy: {from: "+policy+"}\n"), policy}
	s.answered = startVictim(t, s.config).attack(t, s.ca, s.token, 20) // so that each file is there
	died := make([]int, len(deathPoints))
	for i := range s.kills {
		point := deathPoints[i%len(deathPoints)]
		p := startVictim(t, s.config)
		s.whole()
		trusted := s.trusted() // before another takes its place
		other := point.arrange(s, p, i/len(deathPoints))
		s.answered = append(s.answered, p.attack(t, trusted, s.token, 2000)...)
		if other || !p.shot {
			died[i%len(deathPoints)]++
		}
	}
	s.arrives()
	s.whole()
	for i, n := range died {
		t.Logf("died %d times %s", n, deathPoints[i].name)
		if n == 0 && s.kills >= len(deathPoints) {
			t.Errorf("it never died %s", deathPoints[i].name)
		}
	}
}

// A successor that dies while it takes over changes nothing: neither before it
// has the log nor with the log.
func TestASuccessorThatDiesHalfwayChangesNothing(t *testing.T) {
	needs.Tool(t, "strace")
	p := launch(t, "")
	p.fix()
	load := newPressure(t, p.dir, p.addr("proxy"))
	calls := []string{"flock", "listen"}
	for i, call := range calls {
		next := exec.Command("strace", "-f", "-o", "/dev/null", "-e", "trace="+call, "-e", "inject="+call+":signal=KILL",
			p.Path, "run", "-c", "tenantgate.yaml", "--replace")
		next.Dir = p.dir
		if out, err := next.CombinedOutput(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("%s: the successor did not die: %v\n%s", call, err, out)
		}
		p.wait("going on", func() bool { return strings.Count(p.err.String(), "goes on as before") > i })
		for _, way := range clients {
			ask, end := way.begin(load)
			load.count(way.name, ask)
			end()
		}
	}
	load.check(filepath.Join(p.dir, "state/events/events.jsonl"))
	if n, want := load.answered(), len(calls)*len(clients); n != want {
		t.Errorf("%d answers, want %d", n, want)
	}
}
