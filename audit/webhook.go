package audit

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/tenantgate/tenantgate/setting"
)

// WebhookConfig is what only a webhook knows.
type WebhookConfig struct {
	Framing string `yaml:"framing"` // lines | array; empty is lines
}

// A Webhook posts events to any HTTP address: one JSON object a line
// (application/x-ndjson), or one JSON array.
type Webhook struct {
	*poster
	array  bool
	render rendering
}

func newWebhook(c SinkConfig, o Observer) (Sink, error) {
	render, err1 := renderingOf(c.Format, "ecs", "ocsf", "asim", "cim")
	p, err2 := newPoster(c, "", o)
	var err3 error
	if c.Webhook.Framing != "" && c.Webhook.Framing != "lines" && c.Webhook.Framing != "array" {
		err3 = setting.Errorf("webhook.framing", "write lines or array", "%q is neither", c.Webhook.Framing)
	}
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	w := &Webhook{poster: p, render: render, array: c.Webhook.Framing == "array"}
	if c.Token != "" {
		w.header.Set("Authorization", "Bearer "+c.Token)
	}
	return w, nil
}

var _ Sink = (*Webhook)(nil)

// Send implements Sink. Any 2xx is an acknowledgement.
func (w *Webhook) Send(ctx context.Context, batch []Line) error {
	kind := "application/x-ndjson"
	if w.array {
		kind = "application/json"
	}
	body, err := w.body(batch)
	if err != nil {
		return err
	}
	_, err = w.post(ctx, w.url, kind, body, http.Header{})
	return err
}

func (w *Webhook) body(batch []Line) ([]byte, error) {
	var b []byte
	if w.array {
		b = append(b, '[')
	}
	for i, l := range batch {
		if w.array && i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = w.render(b, l.JSON); err != nil {
			return nil, &Failure{Class: Poison, Index: i, Err: err}
		}
		b = append(b, '\n')
	}
	if w.array {
		b = append(bytes.TrimSuffix(b, []byte{'\n'}), ']')
	}
	return b, nil
}
