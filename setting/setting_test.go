package setting

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAProblemSaysWhereWhatAndWhatToWrite(t *testing.T) {
	for want, err := range map[string]error{
		`a[0].b: "x" is odd (write y)`: Errorf("a[0].b", "write y", "%q is odd", "x"),
		`a: is missing`:                Errorf("a", "", "is missing"),
	} {
		if err.Error() != want {
			t.Errorf("got %s, want %s", err, want)
		}
	}
}

func TestInPutsEveryPathBelowItsSection(t *testing.T) {
	other := errors.New("disk on fire")
	err := In("policy", errors.Join(
		Errorf("", "", "is empty"),
		errors.Join(Errorf("partners[0].tenant", "", "is missing"), other),
	))
	var got []string
	for _, e := range List(err) {
		got = append(got, e.Error())
	}
	want := []string{"policy: is empty", "policy.partners[0].tenant: is missing", "disk on fire"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !errors.Is(err, other) {
		t.Error("an error that is no setting's is lost")
	}
}

func TestInLeavesTheOriginalAlone(t *testing.T) {
	inner := Errorf("id", "", "is missing")
	_ = In("a", In("b", inner))
	if inner.Error() != "id: is missing" {
		t.Errorf("In changed its argument to %v", inner)
	}
}

func TestNoProblemIsNoError(t *testing.T) {
	if err := In("a", nil); err != nil || List(nil) != nil || List(errors.Join()) != nil {
		t.Errorf("In(nil) = %v, List(nil) = %v", err, List(nil))
	}
}

func TestListFindsNoOrderOfItsOwn(t *testing.T) {
	var all []error
	for i := range 5 {
		all = append(all, Errorf(fmt.Sprintf("p[%d]", i), "", "is odd"))
	}
	for i, e := range List(errors.Join(all...)) {
		if e != all[i] {
			t.Errorf("List()[%d] = %v, want %v", i, e, all[i])
		}
	}
}
