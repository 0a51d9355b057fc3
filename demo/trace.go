package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"
)

// event is what the walk shows of a line of the event log.
type event struct {
	Event       struct{ ID string }
	Destination struct{ Domain string }
	URL         struct{ Domain, Path string }
	Tenantgate  struct {
		Kind, Verdict, Reason, Relation string
		Tags                            []string
		ClientTags                      []string `json:"client_tags"`
	}
}

// events reads the log.
func (w *walk) events() ([]event, error) {
	raw, err := w.Events()
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	var list []event
	for len(raw) > 0 {
		line, rest, whole := bytes.Cut(raw, []byte("\n"))
		var e event
		if whole && json.Unmarshal(line, &e) == nil {
			list = append(list, e)
		}
		raw = rest
	}
	return list, nil
}

// await waits for the event of a request: the one with this id, or without an
// id the first new one for the URL.
func (w *walk) await(ctx context.Context, known []event, u *url.URL, id string) (*event, error) {
	ctx, cancel := context.WithTimeout(ctx, w.Patience)
	defer cancel()
	old := make(map[string]bool, len(known))
	for _, e := range known {
		old[e.Event.ID] = true
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		list, err := w.events()
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			if !old[e.Event.ID] && e.is(u, id) {
				return &e, nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("no event was left within %v", w.Patience)
		}
	}
}

// is tells whether e belongs to the request. A tunnel's event has no path, and
// the event of an intercepted connection is not that of its request.
func (e *event) is(u *url.URL, id string) bool {
	if id != "" {
		return e.Event.ID == id
	}
	if e.Destination.Domain != u.Host && e.URL.Domain != u.Host {
		return false
	}
	return e.URL.Path == u.Path || e.Tenantgate.Verdict == "tunnel"
}
