// Package main besieges tenantgate: the real binary, an imitation origin and a
// resolver on loopback, and a good client beside attackers.
//
// Without -soak it measures the good client's 99th percentile, idle and during
// each attack in turn, in one run. With -soak it sends a mix of everything for
// a long time and tells whether goroutines, descriptors or memory grow.
//
// Who measures, and the origin of what is measured, come first on the machine's
// processors, then the proxy, then attackers and what they ask for: elsewhere
// each would have processors of its own.
//
// It needs port 443 of loopback addresses and the program nice: run it as
// "unshare -rn sh -c 'ip link set lo up && siege -binary bin/tenantgate'".
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"regexp"
	"time"
)

func main() {
	log.SetFlags(0)
	binary := flag.String("binary", "bin/tenantgate", "the tenantgate to besiege")
	only := flag.String("a", ".", "only attacks whose name matches this regular expression")
	window := flag.Duration("window", 12*time.Second, "how long the good client is measured, idle and during each attack")
	rounds := flag.Int("rounds", 1, "how often each attack is measured, an odd number: the middle ratio counts")
	soak := flag.Duration("soak", 0, "no attacks: a mix of everything for so long, and whether anything grows")
	samples := flag.String("samples", "", "with -soak: write what was sampled to this file, as CSV")
	dir := flag.String("dir", "", "keep configuration, log and events in this directory")
	role := flag.String("serve", "", "internal: serve as this")
	flag.Parse()
	if *role != "" {
		if err := serve(*role); err != nil {
			log.Fatalf("%s: %v", *role, err)
		}
		return
	}
	if err := hurried.enter(); err != nil {
		log.Fatal(err)
	}
	if *rounds < 1 || *rounds%2 == 0 {
		log.Fatalf("-rounds %d: an odd number, the middle of which counts", *rounds)
	}
	names, err := regexp.Compile(*only)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *binary, *dir, names, measuring{*window, *rounds}, *soak, *samples); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, binary, dir string, names *regexp.Regexp, m measuring, soak time.Duration, samples string) (err error) {
	s, err := newStand(ctx, binary, dir, soak == 0)
	if err != nil {
		return err
	}
	defer s.close()
	if soak > 0 {
		return s.soak(ctx, soak, samples)
	}
	return s.siege(ctx, names, m)
}
