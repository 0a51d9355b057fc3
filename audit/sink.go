package audit

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// A Line is one event as a sink gets it.
type Line struct {
	Seq  uint64
	Kind Kind
	JSON []byte // as in the events file, newline included; valid until Send returns
}

// A Sink sends events to another place. Send is called again with the same
// batch until it returns nil, so that the place gets each event at least once;
// event.id tells those that come twice. All lines of a batch are of one kind.
// Batches of one kind come in order and one at a time; those of the other kind
// may come at the same time.
//
// An error that is a *Failure says what to do next; any other is one that time
// may heal. No error holds a secret or a line.
type Sink interface {
	Name() string
	Send(ctx context.Context, batch []Line) error
}

// Class says what a failed Send calls for.
type Class uint8

// The classes of failure.
const (
	Retry    Class = iota // time may heal it: 429, 408, 5xx, the network
	Settings              // somebody must change something: 401, 403, 404, a certificate
	Poison                // an event of the batch is not wanted, however often it is sent
	TooMuch               // the batch is too large: half of it may go
)

// String returns the class's name in metrics and in docs/sinks.md.
func (c Class) String() string {
	return [...]string{"retry", "configuration", "poison", "too-large"}[c]
}

// A Failure is why a batch was not taken.
type Failure struct {
	Class Class
	After time.Duration // the receiver asked for this much patience; 0 where it did not
	Index int           // of the line that is meant by Poison; -1 where nobody knows
	Err   error
}

func (f *Failure) Error() string { return f.Class.String() + ": " + f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// failure returns what err calls for.
func failure(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Class: Retry, Index: -1, Err: err}
}

// classOf is the class of an HTTP status, as most receivers mean it.
func classOf(status int) Class {
	switch status {
	case http.StatusTooManyRequests, http.StatusRequestTimeout, http.StatusTooEarly:
		return Retry
	case http.StatusRequestEntityTooLarge:
		return TooMuch
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusNotAcceptable:
		return Poison
	}
	if status >= 500 && status != http.StatusNotImplemented {
		return Retry
	}
	return Settings // 401, 403, 404, 405, 415, a redirect nobody asked for
}

// A Receipt is what a receiver said to the last batch that it took, for a
// person who tests a sink.
type Receipt interface{ Receipt() string }

// timeAt is where an event's time stands: {"@timestamp":"2026-…Z"
const timeAt = len(`{"@timestamp":"`)

// time is when the event happened; the zero time where the line does not say.
func (l Line) time() time.Time {
	const length = len("2006-01-02T15:04:05.000000Z")
	if len(l.JSON) < timeAt+length {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, string(l.JSON[timeAt:timeAt+length]))
	if err != nil {
		return time.Time{}
	}
	return t
}
