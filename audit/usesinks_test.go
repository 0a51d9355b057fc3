package audit

import (
	"errors"
	"testing"

	"github.com/tenantgate/tenantgate/setting"
)

func TestSinksAreExchangedWithoutLosingAnEvent(t *testing.T) {
	first, second := newReceiver(t), newReceiver(t)
	l := open(t, Config{}, t.TempDir())
	recordMany(t, l, 3) // nobody wants these
	if err := l.UseSinks(first.to()); err != nil {
		t.Fatal(err)
	}
	before, _ := recordMany(t, l, 20)
	if err := l.UseSinks(second.to()); err != nil { // the same name, another address
		t.Fatal(err)
	}
	after, _ := recordMany(t, l, 20)
	second.await(t, after)
	got := map[string]bool{}
	for _, id := range append(first.ids(), second.ids()...) {
		got[id] = true
	}
	for _, id := range append(before, after...) {
		if !got[id] {
			t.Errorf("%s went nowhere", id)
		}
	}
	if err := l.UseSinks(Config{}); err != nil {
		t.Fatal(err)
	}
	if n := len(l.Stats().Sinks); n != 0 {
		t.Errorf("%d sinks are left", n)
	}
	recordMany(t, l, 3)
	if err := l.UseSinks(second.to()); err != nil {
		t.Fatal(err)
	}
	again, _ := recordMany(t, l, 3)
	second.await(t, again)
}

func TestSinksThatCannotBeMadeLeaveTheOthersAtWork(t *testing.T) {
	r := newReceiver(t)
	l := open(t, r.to(), t.TempDir())
	err := l.UseSinks(Config{Sinks: []SinkConfig{{Name: "x", Type: "pigeon"}}})
	if _, ok := errors.AsType[*setting.Error](err); !ok {
		t.Errorf("error %v", err)
	}
	ids, _ := recordMany(t, l, 3)
	r.await(t, ids)
}

// What could not be recorded is not told to anybody either.
func TestAnEventThatTheFileCannotTakeIsNotSent(t *testing.T) {
	r, dir := newReceiver(t), t.TempDir()
	cfg := r.to()
	cfg.File = "/dev/full"
	l := open(t, cfg, dir)
	lost, kept := blocked(), blocked()
	lost.ID, kept.ID = NewID(), NewID()
	if err := l.Record(lost); err == nil {
		t.Fatal("it is recorded")
	}
	if err := l.Move(""); err != nil {
		t.Fatal(err)
	}
	keep(t, l, kept)
	r.await(t, []string{kept.ID})
	if ids := r.ids(); len(ids) != 1 {
		t.Errorf("received: %v", ids)
	}
}
