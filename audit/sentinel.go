package audit

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/tenantgate/tenantgate/setting"
)

// SentinelConfig is what only Microsoft Sentinel knows.
type SentinelConfig struct {
	Rule         string `yaml:"rule"`          // immutable ID of the data collection rule: dcr-…
	TenantStream string `yaml:"tenant_stream"` // empty is Custom-TenantgateTenant_CL
	AccessStream string `yaml:"access_stream"` // empty is Custom-TenantgateAccess_CL
	Audience     string `yaml:"audience"`      // empty is https://monitor.azure.com
	Credential   string `yaml:"credential"`    // managed | workload | certificate | secret; empty is managed
	Tenant       string `yaml:"tenant"`        // directory ID of the workspace; with certificate and secret
	Client       string `yaml:"client"`        // client ID; of a user-assigned identity with managed, else empty is the machine's own
	Secret       string `yaml:"secret"`        // with secret
	Certificate  string `yaml:"certificate"`   // PEM file with certificate and key; with certificate
}

func (c SentinelConfig) azure() AzureConfig {
	return AzureConfig{Credential: c.Credential, Tenant: c.Tenant, Client: c.Client, Secret: c.Secret, Certificate: c.Certificate}
}

// A Sentinel sends events to a Log Analytics workspace through the Logs
// Ingestion API.
//
// A call takes 1 MB at most, compressed and uncompressed alike (Azure Monitor
// service limits, Logs Ingestion API); a batch that would be longer goes in
// several calls.
type Sentinel struct {
	*poster
	urls       [2]string // by Kind
	scope      string
	credential azcore.TokenCredential
	render     rendering
}

// maxIngestion is what one call takes, with room for the brackets. The page of
// limits says 1 MB and not which; this is the smaller reading.
const maxIngestion = 1_000_000

var (
	ruleID     = regexp.MustCompile(`^dcr-[0-9a-f]{32}$`)
	streamName = regexp.MustCompile(`^(Custom|Microsoft)-[A-Za-z][A-Za-z0-9_]{0,99}$`)
)

func newSentinel(c SinkConfig, o Observer) (Sink, error) {
	render, err := renderingOf(c.Format, "asim", "ecs")
	bad := []error{err}
	if !ruleID.MatchString(c.Sentinel.Rule) {
		bad = append(bad, setting.Errorf("sentinel.rule", "write the rule's immutable ID, dcr- and 32 digits", "%q is not one", c.Sentinel.Rule))
	}
	streams := [2]string{
		cmp.Or(c.Sentinel.TenantStream, "Custom-TenantgateTenant_CL"),
		cmp.Or(c.Sentinel.AccessStream, "Custom-TenantgateAccess_CL"),
	}
	for i, key := range []string{"tenant_stream", "access_stream"} {
		if !streamName.MatchString(streams[i]) {
			bad = append(bad, setting.Errorf("sentinel."+key, "write Custom-Table_CL", "%q is not a stream", streams[i]))
		}
	}
	if u, err := url.Parse(c.URL); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
		bad = append(bad, setting.Errorf("url", "write https://….ingest.monitor.azure.com", "would send a token in the clear"))
	}
	p, err := newPoster(c, "", o)
	if err = errors.Join(append(bad, err)...); err != nil {
		return nil, err
	}
	s := &Sentinel{poster: p, render: render, scope: cmp.Or(c.Sentinel.Audience, "https://monitor.azure.com") + "/.default"}
	for i, stream := range streams {
		s.urls[i] = strings.TrimSuffix(p.url, "/") + "/dataCollectionRules/" + c.Sentinel.Rule + "/streams/" + stream + "?api-version=2023-01-01"
	}
	if s.credential, err = azureCredential(c.Sentinel.azure(), p.client); err != nil {
		return nil, setting.In("sentinel", err)
	}
	return s, nil
}

var _ Sink = (*Sentinel)(nil)

// Send implements Sink.
func (s *Sentinel) Send(ctx context.Context, batch []Line) error {
	token, err := s.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{s.scope}})
	if err != nil {
		return azureFailure(ctx, err)
	}
	header := http.Header{"Authorization": {"Bearer " + token.Token}, "Content-Encoding": {"gzip"}}
	body, first := []byte{'['}, 0
	for i, l := range batch {
		from := len(body)
		if from > 1 {
			body = append(body, ',')
		}
		if body, err = s.render(body, l.JSON); err != nil {
			return &Failure{Class: Poison, Index: i, Err: err}
		}
		if len(body)+1 <= maxIngestion || from == 1 {
			continue
		}
		// The last one is too much: what is before it goes now.
		one := bytes.Clone(bytes.TrimPrefix(body[from:], []byte{','}))
		if err := s.call(ctx, l.Kind, append(body[:from:from], ']'), header); err != nil {
			return shifted(err, first)
		}
		body, first = append(append(body[:0], '['), one...), i
	}
	return shifted(s.call(ctx, batch[0].Kind, append(body, ']'), header), first)
}

// shifted is err with the index of the whole batch.
func shifted(err error, by int) error {
	if f, ok := errors.AsType[*Failure](err); ok && f.Index >= 0 {
		f.Index += by
	}
	return err
}

func (s *Sentinel) call(ctx context.Context, k Kind, body []byte, header http.Header) error {
	var small bytes.Buffer
	z, err := gzip.NewWriterLevel(&small, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := z.Write(body); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	_, err = s.post(ctx, s.urls[k], "application/json", small.Bytes(), header)
	return err
}

// azureFailure keeps of an error of azidentity what fits on a line. It has the
// address and the answer of the token endpoint, and no secret.
func azureFailure(ctx context.Context, err error) error {
	class := Settings
	if ctx.Err() != nil {
		class = Retry
	}
	text := strings.Join(strings.Fields(redact(err.Error())), " ")
	return &Failure{Class: class, Index: -1, Err: fmt.Errorf("get a token: %.400s", text)}
}
