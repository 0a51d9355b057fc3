package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A sink that is down for an hour, then refuses its token, then works, is said
// to fail twice and to be well once.
func TestAFailingSinkIsSaidOnceForEachChange(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		s := &script{name: "a", send: func(context.Context, int, []Line) error {
			switch d := time.Since(begin); {
			case d < time.Hour:
				return errors.New("connection refused")
			case d < 2*time.Hour:
				return &Failure{Class: Settings, Index: -1, Err: errors.New("401 Unauthorized")}
			}
			return nil
		}}
		cfg := Config{Sinks: []SinkConfig{{Name: "a", Kinds: []string{"tenant"}}}, Log: slog.New(slog.NewJSONHandler(&out, nil))}
		l, err := openLog(cfg, dir, testObserver, func(SinkConfig, Observer) (Sink, error) { return s, nil })
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			keep(t, l, blocked())
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		closeLog(t, l)
	})
	var got []string
	for line := range strings.Lines(out.String()) {
		var said struct{ Level, Msg, Sink, Kind, Class, Err, Hint string }
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			t.Fatal(err)
		}
		if said.Sink != "a" || said.Kind != "tenant" || (said.Class != "") != (said.Hint != "") {
			t.Errorf("%s", line)
		}
		got = append(got, strings.TrimSpace(said.Level+" "+said.Msg+" "+said.Class+" "+said.Err))
	}
	want := "WARN sink fails retry connection refused\nERROR sink fails configuration 401 Unauthorized\nINFO sink takes events again"
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("said:\n%s\nwant:\n%s", text, want)
	}
}

func TestAHiccupThatTheNextAttemptHealsIsNotSaid(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		s := &script{name: "a", send: func(_ context.Context, n int, _ []Line) error {
			if n%2 == 1 {
				return errors.New("503")
			}
			return nil
		}}
		cfg := Config{Sinks: []SinkConfig{{Name: "a"}}, Log: slog.New(slog.NewJSONHandler(&out, nil))}
		l, err := openLog(cfg, dir, testObserver, func(SinkConfig, Observer) (Sink, error) { return s, nil })
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			keep(t, l, blocked())
			time.Sleep(time.Minute)
		}
		closeLog(t, l)
	})
	if out.Len() > 0 {
		t.Errorf("said: %s", out.String())
	}
}
