package tokens

import (
	"bytes"

	"golang.org/x/net/html"
)

// fromForms reads the fields of the forms of a page.
func fromForms(page []byte) issued {
	var found issued
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return found
		case html.StartTagToken, html.SelfClosingTagToken:
			if tag, _ := z.TagName(); string(tag) == "input" { // in lower case by now
				found.add(field(z))
			}
		}
	}
}

// field returns name and value of the tag that the tokenizer stands at.
func field(z *html.Tokenizer) (name, value string) {
	for more := true; more; {
		var key, val []byte
		key, val, more = z.TagAttr()
		switch string(key) {
		case "name":
			name = string(val)
		case "value":
			value = string(val)
		}
	}
	return name, value
}
