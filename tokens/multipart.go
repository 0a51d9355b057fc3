package tokens

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
)

// multipartForm reads the fields of a form in parts (RFC 7578). Files in it
// are content and not read.
func multipartForm(s *search, plain []byte, parameters map[string]string) error {
	parts := multipart.NewReader(bytes.NewReader(plain), parameters["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return ErrUninspectable
		}
		var buf [maxName]byte
		folded := fold(&buf, part.FormName())
		always, ok := names[string(folded)]
		isSAML := string(folded) == "samlresponse" || string(folded) == "wresult"
		if !ok && !isSAML || part.FileName() != "" {
			continue
		}
		val, err := io.ReadAll(part)
		if err != nil {
			return ErrUninspectable
		}
		if isSAML {
			s.read(InMultipart, asSAML, string(val))
		} else {
			s.named(InMultipart, always, string(val))
		}
	}
}
