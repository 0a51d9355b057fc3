package audit

import "strconv"

// An object writes a JSON object, one field after the other; fields without a
// value are left out.
type object struct{ b []byte }

func newObject(b []byte) *object { return &object{append(b, '{')} }

func (o *object) key(name string) {
	if c := o.b[len(o.b)-1]; c != '{' && c != '[' {
		o.b = append(o.b, ',')
	}
	o.b, _ = appendString(o.b, name)
	o.b = append(o.b, ':')
}

func (o *object) text(name, value string) {
	if value == "" {
		return
	}
	o.key(name)
	o.b, _ = appendString(o.b, value)
}

func (o *object) number(name string, n int64) {
	if n != 0 {
		o.always(name, n)
	}
}

// always writes a number even where it is 0.
func (o *object) always(name string, n int64) {
	o.key(name)
	o.b = strconv.AppendInt(o.b, n, 10)
}

func (o *object) flag(name string, set bool) {
	o.key(name)
	o.b = strconv.AppendBool(o.b, set)
}

// raw writes a value that is JSON already.
func (o *object) raw(name string, value []byte) {
	o.key(name)
	o.b = append(o.b, value...)
}

// within writes an object as a field; nothing where it stays empty.
func (o *object) within(name string, write func(*object)) {
	from := len(o.b)
	o.key(name)
	o.b = append(o.b, '{')
	at := len(o.b)
	write(o)
	if len(o.b) == at {
		o.b = o.b[:from]
		return
	}
	o.b = append(o.b, '}')
}

func (o *object) end() []byte { return append(o.b, '}') }
