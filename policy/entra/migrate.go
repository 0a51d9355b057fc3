package entra

import (
	"encoding/json"
	"io"
	"strconv"
)

// most is how many requests one $batch takes (Microsoft Graph, JSON batching).
const most = 20

// Call is one request of a batch to Graph.
type Call struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    Body              `json:"body"`
}

// Body is a default's or a partner's settings, as far as they restrict tenants.
type Body struct {
	TenantID           string      `json:"tenantId,omitempty"`
	TenantRestrictions Restriction `json:"tenantRestrictions"`
}

// Restriction is Graph's crossTenantAccessPolicyTenantRestrictions.
type Restriction struct {
	Users        side `json:"usersAndGroups"`
	Applications side `json:"applications"`
}

func everything(accessType string) Restriction {
	return Restriction{
		Users:        side{accessType, []target{{"AllUsers", "user"}}},
		Applications: side{accessType, []target{{"AllApplications", "application"}}},
	}
}

// Migrate returns what makes tenant restrictions v2 of a v1 list: a default
// that blocks, and for each tenant a partner that allows (Microsoft,
// tenant-restrictions-v2, "Migrate"). The tenants are directory IDs.
func Migrate(tenants []string) []Call {
	header := map[string]string{"Content-Type": "application/json"}
	all := []Call{{
		Method: "PATCH", URL: "/policies/crossTenantAccessPolicy/default", Headers: header,
		Body: Body{TenantRestrictions: everything("blocked")},
	}}
	for _, t := range tenants {
		all = append(all, Call{
			Method: "POST", URL: "/policies/crossTenantAccessPolicy/partners", Headers: header,
			Body: Body{TenantID: t, TenantRestrictions: everything("allowed")},
		})
	}
	for i := range all {
		all[i].ID = strconv.Itoa(i + 1)
	}
	return all
}

// WriteBatches writes calls as bodies for POST /beta/$batch, one after another.
func WriteBatches(w io.Writer, calls []Call) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	for len(calls) > 0 {
		n := min(most, len(calls))
		if err := e.Encode(map[string][]Call{"requests": calls[:n]}); err != nil {
			return err
		}
		calls = calls[n:]
	}
	return nil
}
