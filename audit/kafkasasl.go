package audit

import (
	"context"
	"net"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	saslplain "github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/tenantgate/tenantgate/peer"
	"github.com/tenantgate/tenantgate/setting"
)

// security adds TLS and SASL. A secret goes over TLS, or nowhere but this
// machine.
func (k *Kafka) security(c SinkConfig, o Observer) error {
	if !c.Kafka.Plaintext {
		config, err := tlsConfig(c.Roots, o)
		if err != nil {
			return err
		}
		k.opts = append(k.opts, kgo.DialTLSConfig(config))
	}
	if c.Kafka.Mechanism == "" {
		return nil
	}
	for _, broker := range c.Kafka.Brokers {
		if host, _, _ := strings.Cut(broker, ":"); c.Kafka.Plaintext && !loopback(host) {
			return setting.Errorf("kafka.plaintext", "leave it out", "would send a password in the clear")
		}
	}
	mechanism, err := k.mechanism(c.Kafka, o)
	if err != nil {
		return err
	}
	k.opts = append(k.opts, kgo.SASL(mechanism))
	return nil
}

func (k *Kafka) mechanism(c KafkaConfig, o Observer) (sasl.Mechanism, error) {
	switch c.Mechanism {
	case "plain":
		return saslplain.Auth{User: c.User, Pass: c.Password}.AsMechanism(), nil
	case "scram-sha-256":
		return scram.Auth{User: c.User, Pass: c.Password}.AsSha256Mechanism(), nil
	case "scram-sha-512":
		return scram.Auth{User: c.User, Pass: c.Password}.AsSha512Mechanism(), nil
	case "oauthbearer":
		return k.bearer(c, o)
	}
	return nil, setting.Errorf("kafka.mechanism", "write plain, scram-sha-256, scram-sha-512 or oauthbearer", "%q is none of them", c.Mechanism)
}

// bearer authenticates with a token of Entra, whose audience is the Event Hubs
// namespace (learn.microsoft.com, Event Hubs for Kafka: OAuth 2.0).
func (k *Kafka) bearer(c KafkaConfig, o Observer) (sasl.Mechanism, error) {
	made, err := azureCredential(c.Azure, httpClient((&peer.Trust{Ours: o.Ours}).Config()))
	if err != nil {
		return nil, setting.In("kafka.azure", err)
	}
	k.credential = made
	scope := ""
	if len(c.Brokers) > 0 {
		host, _, err := net.SplitHostPort(c.Brokers[0])
		if err != nil {
			host = c.Brokers[0]
		}
		scope = "https://" + host + "/.default"
	}
	return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, err := k.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
		if err != nil {
			return oauth.Auth{}, azureFailure(ctx, err)
		}
		return oauth.Auth{Token: token.Token}, nil
	}), nil
}
