package links

// maxNested is how deep batches may stand in each other.
const maxNested = 3

// armBatch reads Resource Manager's POST /batch, which the portal uses; its
// shape is not documented. Each request has httpMethod, url or relativeUrl, and
// content.
func (f *finding) armBatch(r resource) {
	f.batch(r, []string{"httpMethod", "method"}, []string{"url", "relativeUrl"}, []string{"content", "body"}, ResourceManager)
}

// graphBatch reads Graph's /$batch (graph/json-batching).
func (f *finding) graphBatch(r resource) {
	f.batch(r, []string{"method"}, []string{"url"}, []string{"body"}, MicrosoftGraph)
}

func (f *finding) batch(r resource, methods, urls, bodies []string, s Service) {
	n, ok := f.content(Unreadable, r)
	if !ok {
		return
	}
	if f.nested++; f.nested > maxNested {
		f.hidden(Unreadable, r, "batches in batches", "")
		return
	}
	for _, one := range f.at(value{n, nil}, "requests") {
		for _, u := range f.anyOf(one, urls) {
			f.part(s, r, mightWrite(f.anyOf(one, methods)), u.text, f.anyOf(one, bodies))
		}
	}
	f.nested--
}

func (f *finding) anyOf(v value, names []string) (all []value) {
	for _, name := range names {
		for _, n := range v.named(name) {
			all = append(all, value{n, nil})
		}
	}
	return all
}

// mightWrite returns the method of a request in a batch. Where it comes twice,
// one that writes counts before one that deletes.
func mightWrite(methods []value) string {
	method := "" // reads
	if len(methods) == 0 {
		return "any"
	}
	for _, m := range methods {
		switch {
		case writes(m.text):
			return m.text
		case m.text == deletion:
			method = deletion
		}
	}
	return method
}

// part finds the links of one request in a batch. Where its body comes twice,
// each is read.
func (f *finding) part(s Service, r resource, method, url string, bodies []value) {
	path, ok := ofURL(url)
	switch {
	case !ok && writes(method):
		f.hidden(Unreadable, r, "a URL in a batch", "requests.url")
		return
	case !ok || !Could(s, method, path):
		return
	}
	if len(bodies) == 0 {
		bodies = []value{{&node{kind: 'w'}, nil}}
	}
	for _, b := range bodies {
		outer := f.source
		f.source, f.deletes = source{node: b.node}, method == deletion
		if s == ResourceManager {
			f.arm(path)
		} else if k := graphKind(path); k != nil {
			f.graph(k, path)
		}
		f.source = outer
	}
}

// source is where the body of the request comes from that is looked at: from
// the request, or from a value in a batch.
type source struct {
	body func() ([]byte, error)
	node *node
}

// read returns the body as a value. In a batch it may be written as text.
func (s source) read() (*node, error) {
	switch {
	case s.node == nil && s.body == nil:
		return nil, nil
	case s.node == nil:
		body, err := s.body()
		if err != nil {
			return nil, err
		}
		return read(body)
	case s.node.kind == '"':
		return read([]byte(s.node.text))
	}
	return s.node, nil
}
