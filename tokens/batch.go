package tokens

import (
	"net/url"
	"strings"
)

// isBatch tells whether a request holds requests: OData's /$batch (Graph,
// SharePoint, Dataverse, Table storage), Azure Resource Manager's /batch, Blob
// storage's ?comp=batch. Each of those may have its own Authorization; whether
// the service honours it is not documented for all, and judged here for all.
func isBatch(u *url.URL) bool {
	path := strings.ToLower(strings.TrimRight(u.Path, "/"))
	return strings.HasSuffix(path, "/$batch") || strings.HasSuffix(path, "/batch") ||
		strings.Contains(strings.ToLower(u.RawQuery), "comp=batch")
}

// mixedBatch reads the header lines and the request lines of a batch of HTTP
// requests (OData 4.01, 11.7.7; rest/api/storageservices/blob-batch). Where one
// part ends does not matter: every line is looked at.
func mixedBatch(s *search, plain []byte, _ map[string]string) error {
	for line := range strings.Lines(string(plain)) {
		name, val, _ := strings.Cut(line, ":")
		name, val = strings.TrimSpace(name), strings.TrimSpace(val)
		switch {
		case strings.EqualFold(name, "authorization"), strings.EqualFold(name, "x-ms-authorization-auxiliary"),
			strings.EqualFold(name, "x-ms-copy-source-authorization"):
			s.read(InBatch, asLine, val)
		case strings.EqualFold(name, "x-ms-copy-source"):
			s.urlQuery(InBatch, val)
		case strings.Contains(line, " HTTP/1."):
			for word := range strings.FieldsSeq(line) {
				s.urlQuery(InBatch, word)
			}
		}
	}
	return nil
}
