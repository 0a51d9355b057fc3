package main

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

func TestSystemdsWatchdogIsToldWhileTheProxyAnswers(t *testing.T) {
	conn, path := supervisor(t)
	p := launch(t, "", "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=1000000")
	count := map[string]int{}
	for count["READY=1"] < 1 || count["WATCHDOG=1"] < 2 {
		count[told(t, conn)]++
	}
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.err)
	}
	if all := events(t, filepath.Join(p.dir, "state/events/events.jsonl")); len(all) != 0 {
		t.Errorf("the watchdog left events: %v", all)
	}
}

func TestAListenerThatNobodyAcceptsOnIsNoAnswer(t *testing.T) {
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	d := &daemon{events: &books{}, listeners: map[string]net.Listener{"proxy": deaf}}
	if err := d.answers(t.Context(), 50*time.Millisecond); err == nil {
		t.Error("it answers")
	}
}
