// Package main measures tenantgate beside goproxy's own interception and a
// plain net/http interceptor, in one run.
//
// Each proxy is a process of its own, so that its CPU time can be told from
// that of the load and the origin, which share this process. Rounds are cut
// into slices of a tenth of a second, which each proxy takes in turn. What is
// compared is CPU time for a request, as a ratio to the plain interceptor of
// the same run; requests a second depend on what else the machine does.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
	"strings"
)

// proxies are what is compared, each with how it is served as a child.
var proxies = []struct {
	name  string
	serve func(setup) error
}{
	{"plain", servePlain},
	{"goproxy", serveGoproxy},
	{"tenantgate", serveTenantgate},
}

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 5, "rounds of each cell")
	requests := flag.Int("n", 20000, "requests of a keep-alive cell; new connections are a tenth")
	only := flag.String("w", "", "only workloads whose name contains this")
	role := flag.String("serve", "", "internal: serve as this proxy")
	profile := flag.String("profile", "", "write CPU profiles of the proxies into this directory")
	pgo := flag.String("pgo", "cmd/tenantgate/default.pgo", "profile to build tenantgate's process with, as the program is; empty: none")
	flag.Parse()
	if *role != "" {
		serve(*role)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b, err := newBench(ctx, *profile, *pgo)
	if err != nil {
		log.Fatal(err)
	}
	defer b.close()
	if err := b.run(ctx, *rounds, *requests, *only); err != nil {
		log.Fatal(err)
	}
}

// run measures every cell and prints the table.
func (b *bench) run(ctx context.Context, rounds, requests int, only string) error {
	cells := map[string][]float64{}
	for round := range rounds {
		for _, w := range workloads {
			if !strings.Contains(w.name, only) {
				continue
			}
			fmt.Fprintf(os.Stderr, "\rround %d of %d: %-22s", round+1, rounds, w.name)
			costs, err := b.round(ctx, w, requests)
			if err != nil {
				return fmt.Errorf("%s, %w", w.name, err)
			}
			for i, p := range proxies {
				cells[w.name+"/"+p.name] = append(cells[w.name+"/"+p.name], costs[i])
			}
		}
	}
	fmt.Fprintf(os.Stderr, "\r%60s\r", "")
	table(cells, only)
	return nil
}

// table prints the least of each cell, and two ratios to the plain interceptor:
// of what is printed, and the median of each round's. What disturbs a round can
// only add to its CPU time; the rounds of one cell were a moment apart from
// those of the next.
func table(cells map[string][]float64, only string) {
	fmt.Println("| workload | unit of CPU | plain | goproxy | tenantgate | tenantgate / plain | median ratio |")
	fmt.Println("|---|---|--:|--:|--:|--:|--:|")
	for _, w := range workloads {
		if !strings.Contains(w.name, only) {
			continue
		}
		plain, ours := cells[w.name+"/plain"], cells[w.name+"/tenantgate"]
		ratios := make([]float64, len(plain))
		for i := range plain {
			ratios[i] = ours[i] / plain[i]
		}
		fmt.Printf("| %s | %s | %.4g | %.4g | %.4g | %.2f | %.2f |\n", w.name, w.unit,
			slices.Min(plain), slices.Min(cells[w.name+"/goproxy"]), slices.Min(ours), slices.Min(ours)/slices.Min(plain), median(ratios))
	}
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}
