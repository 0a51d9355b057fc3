package tokens

import "testing"

func TestABearerIsDroppedBeforeATokenInsideAValue(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "x": "x", "Bearer x": "x", "bearer:x": "x", "BEARER=x": "x", "Bearer\t x": "x", "Bearer Bearer x": "Bearer x",
		"Bearer": "Bearer", "Bearer ": "Bearer ", "Bearerx y": "Bearerx y", "Dearer xx": "Dearer xx", " Bearer x": " Bearer x",
	} {
		if got := withoutScheme(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
