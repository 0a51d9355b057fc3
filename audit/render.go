package audit

import (
	"bytes"
	"strings"

	"github.com/tenantgate/tenantgate/setting"
)

// A rendering appends an event in another form, without a newline. The line is
// the event as it is in the events file.
type rendering func(b, line []byte) ([]byte, error)

// renderingOf returns the rendering that is called format; the first known
// where format is empty.
func renderingOf(format string, known ...string) (rendering, error) {
	if format == "" {
		format = known[0]
	}
	for _, name := range known {
		if name == format {
			return renderings[name], nil
		}
	}
	return nil, setting.Errorf("format", "write "+strings.Join(known, ", or "), "%q is not a format of this type", format)
}

// renderings are all of them, by the name that a configuration gives them.
var renderings = map[string]rendering{
	"ecs":  native,
	"cef":  cef,
	"leef": leef,
	"cim":  cim,
	"ocsf": ocsf,
	"asim": asim,
}

// native is the event as it is.
func native(b, line []byte) ([]byte, error) {
	return append(b, bytes.TrimSuffix(line, []byte{'\n'})...), nil
}
