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
	if parameters["boundary"] == "" {
		return ErrUninspectable
	}
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
		always, ok := names[string(fold(&buf, part.FormName()))]
		if !ok || part.FileName() != "" {
			continue
		}
		val, err := io.ReadAll(part)
		if err != nil {
			return ErrUninspectable
		}
		s.named(InMultipart, always, string(val))
	}
}
