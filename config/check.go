package config

import "strings"

// check looks at what no other package owns: the schema, the state directory,
// the tenant, the addresses to listen on and the shape of upstream.
func (d *document) check(f *File) {
	if f.Schema != Schema {
		d.wrong("schema", "write 1", "%d is not a schema this version knows", f.Schema)
	}
	d.checkState(f.State)
	d.checkTenant(f)
	d.checkV1(f)
	d.checkListen(f.Listen)
	d.checkUpstream(f.Upstream)
	d.checkLimits(f.Limits)
}

func (d *document) checkState(dir string) {
	switch {
	case strings.TrimSpace(dir) == "":
		d.wrong("state", "name a directory such as /var/lib/tenantgate", "is empty")
	case strings.ContainsRune(dir, 0):
		d.wrong("state", "", "%s is not a path", d.quote("state", dir))
	}
}

// checkV1 refuses v1 content beside version v2: Microsoft warns against both
// kinds of header on one request, and does not document which one wins.
func (d *document) checkV1(f *File) {
	if f.Tagging.Version != "v2" {
		return
	}
	v1, hint := f.Tagging.V1, "remove it, or set tagging.version: v1"
	if len(v1.Allowed) > 0 {
		d.wrong("tagging.v1.allowed", hint, "is only for version v1")
	}
	if v1.Context != "" {
		d.wrong("tagging.v1.context", hint, "is only for version v1")
	}
	if v1.RestrictMSA {
		d.wrong("tagging.v1.restrict_msa", hint, "is only for version v1")
	}
}
