package clients_test

// An application of the tenant that signs in with a secret. The cloud takes
// any.
const (
	clientID     = "99999999-0000-4000-8000-000000000001"
	clientSecret = "not a secret"
	graphScope   = "https://" + graphHost + "/.default"
)
