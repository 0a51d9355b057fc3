package audit

import (
	"net/netip"
	"strconv"
	"strings"
)

// A cefWriter writes one event in ArcSight's Common Event Format, version 0.
//
// Header fields escape backslash and bar and cannot have a newline; extension
// values escape backslash and equals sign and write a newline as \n
// ("Implementing ArcSight Common Event Format", character encoding). A parser
// finds the end of a value by looking for the next " key=", which the escaped
// equals sign keeps text from imitating.
type cefWriter struct {
	b     []byte
	pairs int // written
}

var (
	cefHeader = strings.NewReplacer(`\`, `\\`, `|`, `\|`, "\r", " ", "\n", " ")
	cefValue  = strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\r", `\r`, "\n", `\n`)
)

// cef renders an event as CEF:0.
func cef(b []byte, t *told, _ []byte) []byte {
	w := cefWriter{b: append(b, "CEF:0|tenantgate|tenantgate"...)}
	for _, field := range []string{t.Observer.Version, t.Event.Action, t.name(), strconv.Itoa(t.severity())} {
		w.b = append(w.b, '|')
		w.b = append(w.b, cefHeader.Replace(shown(field))...)
	}
	w.b = append(w.b, '|')
	w.event(t)
	w.ends(t)
	w.request(t)
	w.own(t)
	return w.b
}

// pair writes a key and a value; nothing where the value is empty.
func (w *cefWriter) pair(key, value string) {
	if value == "" {
		return
	}
	if w.pairs++; w.pairs > 1 {
		w.b = append(w.b, ' ')
	}
	w.b = append(append(w.b, key...), '=')
	w.b = append(w.b, cefValue.Replace(shown(value))...)
}

func (w *cefWriter) number(key string, n int64) {
	if n != 0 {
		w.pair(key, strconv.FormatInt(n, 10))
	}
}

// custom writes one of the fields that need a label.
func (w *cefWriter) custom(key, label, value string) {
	if value != "" {
		w.pair(key, value)
		w.pair(key+"Label", label)
	}
}

func (w *cefWriter) event(t *told) {
	w.number("rt", t.Time.UnixMilli())
	w.pair("externalId", t.Event.ID)
	w.pair("dvchost", t.Observer.Hostname)
	w.pair("cat", t.Own.Kind)
	w.pair("act", t.Own.Verdict)
	w.pair("outcome", t.Event.Outcome)
	w.pair("reason", t.Event.Reason)
}

// ends writes client and destination. src and dst are IPv4 only in CEF:0.
func (w *cefWriter) ends(t *told) {
	w.address("src", "c6a2", "Source IPv6 Address", t.Source.IP)
	w.number("spt", int64(t.Source.Port))
	w.pair("suser", t.User.Name)
	w.address("dst", "c6a3", "Destination IPv6 Address", t.Destination.IP)
	w.pair("dhost", t.Destination.Domain)
	w.number("dpt", int64(t.Destination.Port))
	w.number("in", t.Source.Bytes)
	w.number("out", t.Destination.Bytes)
}

func (w *cefWriter) address(v4, v6, label, ip string) {
	if a, err := netip.ParseAddr(ip); err == nil && a.Is6() {
		w.custom(v6, label, ip)
		return
	}
	w.pair(v4, ip)
}

func (w *cefWriter) request(t *told) {
	w.pair("request", t.url())
	w.pair("requestMethod", t.HTTP.Request.Method)
	w.pair("requestClientApplication", t.Agent.Original)
	if t.HTTP.Response.Status != 0 {
		w.custom("cn1", "httpStatus", strconv.Itoa(t.HTTP.Response.Status))
	}
}

// own writes the tenants. There are six custom strings and no more.
func (w *cefWriter) own(t *told) {
	account := t.account()
	w.custom("cs1", "relation", t.Own.Relation)
	w.custom("cs2", "homeTenant", t.Own.HomeTenant)
	w.custom("cs3", "resourceTenant", strings.TrimSpace(t.Own.ResourceTenant+" "+t.Own.ResourceDomain))
	w.custom("cs4", "accountTenant", t.Own.AccountTenant)
	w.custom("cs5", "clientRequestId", t.HTTP.Request.ID)
	w.custom("cs6", "credentialDigest", account.Digest)
	w.custom("flexString1", "claimedUser", account.User)
	w.custom("flexString2", "plane", t.Own.Plane)
	w.pair("sourceServiceName", account.App)
	w.number("cnt", int64(t.Own.Count))
}
