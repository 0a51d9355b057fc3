package faults_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/needs"
)

// back is how long service may take to be back when a fault is over, beside
// what a probe takes under the same load when nothing is.
const back = 10 * time.Second

// faults are the scenarios of the list. Those without a function stand beside
// what they are about; where, docs/scorecard.md says.
var faults = []struct {
	id, name string
	always   bool // in every "go test", with little load
	scenario func(*stage)
}{
	{"R01", "reload, valid, 100 times", true, validReloads},
	{"R02", "reload, invalid", true, invalidReload},
	{"R03", "another process takes over", false, takenOver},
	{"R04", "drain", false, drains},
	{"R05", "kill -9", false, killed},
	{"R06", "a bit of the spool is flipped", false, damaged(flipABit)},
	{"R07", "the spool's tail is cut off", false, damaged(tear)},
	{"R08", "the spool's tail is zeros", false, damaged(fillWithZeros)},
	{"R09", "the directory of the events is deleted", false, deletedDirectory},
	{"R10", "disk full", false, fullDisk},
	{"R11", "disk read-only", false, readOnlyDisk},
	{"R12", "EIO, slow fsync", false, sickDisk},
	{"R13", "few descriptors", false, fewDescriptors},
	{"R14", "little memory", false, littleMemory},
	{"R15", "no processor", false, busyMachine},
	{"R16", "clock 25 hours ahead and back", false, clockSteps},
	{"R17", "resolver: SERVFAIL, truncated, nonsense, slow, silent", true, brokenResolver},
	{"R18", "origin broken in each way", true, brokenOrigin},
	{"R19", "client vanishes at every stage", false, clientsVanish},
	{"R20", "receiver of events broken in each way", false, brokenReceiver},
	{"R21", "source of partners' tenants broken in each way", false, brokenFeed},
	{"R22", "a burst of connections, then nothing", false, burst},
	{"R24", "the CA is rotated", false, rotatesCA},
	{"R25", "panics", false, panics},
	{"R26", "PAC file under reload", false, pacUnderReload},
	{"R27", "resolver restarts", false, resolverRestarts},
	{"R28", "two instances on one state directory", false, secondInstance},
}

// stage is the program, its world, and the load on it.
type stage struct {
	*testing.T
	scale scale
	world *world
	zone  *zone
	siem  *siem
	gate  *gate
	load  *load
	usual time.Duration // how long a probe takes under load when nothing is broken
}

func TestFault(t *testing.T) {
	if outside != "" {
		needs.Missing(t, outside)
	}
	s := scaled()
	for _, f := range faults {
		t.Run(f.id, func(t *testing.T) {
			if !s.full && (!f.always || raced) {
				t.Skip("not in every run, nor under the race detector: TENANTGATE_FAULT_RATE is not set")
			}
			st := newStage(t, s)
			f.scenario(st)
			if st.gate.cmd != nil { // a process of its own
				st.conclude()
			}
		})
	}
}

func newStage(t *testing.T, s scale) *stage {
	return &stage{T: t, scale: s, world: newWorld(t), zone: newZone(t), siem: newSIEM(t), gate: newGate(t), load: newLoad(t, s)}
}

// run starts the program and the load, and waits until everything works.
func (s *stage) run(with settings) {
	s.Helper()
	s.gate.configure(with)
	s.gate.run()
	s.load.trust(s.gate.state)
	s.load.begin()
	s.await("tunnels are open", func() bool { return s.load.tunnels.Load() == int64(s.scale.tunnels) })
	began := time.Now()
	s.works()
	s.usual = time.Since(began)
}

func (s *stage) await(what string, done func() bool) {
	s.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("not so: %s\n%s%s", what, s.load, s.gate.last())
		}
	}
}

// restarted waits until every client has noticed that the program was started
// again, for the n-th time: nothing of before is under way, and each tunnel
// was made anew.
func (s *stage) restarted(n int) {
	s.Helper()
	s.load.paused.Store(true)
	defer s.load.paused.Store(false)
	s.await("no request is under way", func() bool { return s.load.open.Load() == 0 })
	s.renewed(n)
}

// renewed waits until each tunnel was made anew, for the n-th time.
func (s *stage) renewed(n int) {
	s.Helper()
	all := int64(s.scale.tunnels)
	s.await("each tunnel is another", func() bool { return s.load.opened.Load() >= all*int64(n+1) && s.load.tunnels.Load() == all })
}

// under waits until the load has sent n seconds' worth of requests more.
func (s *stage) under(seconds float64) {
	s.Helper()
	had := s.load.asked()
	s.await("asked", func() bool { return s.load.asked() >= had+int(seconds*float64(s.scale.rate)) })
}

// works fails unless every kind of client is served again in time.
func (s *stage) works() {
	s.Helper()
	began := time.Now()
	allowed := back + s.usual
	if !s.scale.full || s.usual == 0 {
		allowed = patience // a machine that has other things to do
	}
	for {
		broken := s.probe()
		took := time.Since(began)
		if broken == "" && took <= allowed {
			s.Logf("service after %v", took.Round(time.Millisecond))
			return
		}
		if took > allowed {
			s.Fatalf("no service %v after the fault, %s\n%s%s", took, broken, s.load, s.gate.last())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// probe does everything once in each way, on new connections, all at once;
// empty if all of it went well.
func (s *stage) probe() string {
	var failed sync.Map
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			c := s.load.client(i)
			defer c.CloseIdleConnections()
			for _, k := range kinds[:4] {
				if _, outcome, _ := s.load.ask(k, c); outcome != "ok" {
					failed.Store(string(k), outcome)
					return
				}
			}
		})
	}
	all.Go(func() {
		c, err := s.load.openTunnel(s.Context(), net.IPv4(127, 0, 4, 1))
		if err == nil {
			err = echoed(c, "probe")
			c.Close()
		}
		if err != nil {
			failed.Store(string(tunnel), err.Error())
		}
	})
	all.Wait()
	text := ""
	failed.Range(func(k, v any) bool { text += fmt.Sprint(k, ": ", v, "; "); return true })
	return text
}

// conclude is what holds after every fault: it works, nothing crashed, nothing
// got through, nothing is without its event.
func (s *stage) conclude() {
	s.Helper()
	s.works()
	s.load.end()
	s.gate.sound()
	for _, what := range append(s.world.faults(), s.load.wrong...) {
		s.Error(what)
	}
	s.recorded()
	s.Logf("what clients were answered:\n%s", strings.TrimSuffix(s.load.String(), "\n"))
}

// recorded waits until each refusal has its event, in the files of the program
// or at the receiver of events.
func (s *stage) recorded() {
	s.Helper()
	kept := map[string]bool{}
	for _, id := range s.gate.events() {
		kept[id] = true
	}
	var rest []string
	for _, id := range s.load.events {
		if !kept[id] {
			rest = append(rest, id)
		}
	}
	s.await("every refusal has its event", func() bool { return s.siem.lacks(rest) == 0 })
	s.Logf("%d refusals, each with its event; %d at the receiver alone", len(s.load.events), len(rest))
}
