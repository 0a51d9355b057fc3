package audit

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/tenantgate/tenantgate/needs"
)

// collectorReceiver builds and starts the OpenTelemetry Collector's own OTLP
// receiver, and returns its address and what it was given.
func collectorReceiver(t *testing.T) (address string, records *bufio.Reader) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "otlp")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir, build.Env = filepath.Join("testdata", "otlpreceiver"), append(os.Environ(), "GOFLAGS=-mod=readonly", "GOPROXY=off")
	if out, err := build.CombinedOutput(); err != nil {
		needs.Missing(t, fmt.Sprintf("the receiver cannot be built (go mod download in audit/testdata/otlpreceiver): %v: %s", err, out))
	}
	cmd := exec.Command(program)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	records = bufio.NewReaderSize(out, 1<<20)
	address, err = records.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(address), records
}

func TestTheCollectorsReceiverTakesOurLogRecords(t *testing.T) {
	address, records := collectorReceiver(t)
	s, err := newSink(SinkConfig{Name: "otlp", Type: "otlp", URL: "http://" + address}, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	defer closeSink(s)
	sent := []*Event{blocked(), forwarded(), hostileEvent(), examples["hostile"](), shedEvent(3)}
	for _, e := range sent {
		e.ID = NewID()
		send(t, s, sample(e))
		line, err := records.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var got logs.LogsData
		if err := protojson.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		one := got.ResourceLogs[0].ScopeLogs[0].LogRecords
		if len(one) != 1 || one[0].EventName != "tenantgate."+e.Kind.String() || one[0].Body.GetStringValue()+"\n" != string(e.JSON(testObserver)) {
			t.Errorf("it was given %s", line)
		}
	}
}
