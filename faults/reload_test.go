package faults_test

// partner is a change that is no matter to the clients of the load.
const partner = "policy: {partners: [{tenant: 44444444-4444-4444-4444-444444444444, tenant_restrictions: allow}]}\n"

// R01: not one request fails, tunnels stay.
func validReloads(s *stage) {
	s.run(settings{})
	times := 10
	if s.scale.full {
		times = 100
	}
	asked, failed := s.load.asked(), s.load.failed()
	for i := range times {
		s.gate.configure([]settings{{}, {more: partner}}[i%2])
		s.gate.reload(reloaded)
		s.under(0.1)
	}
	n := s.load.failed() - failed
	asked = s.load.asked() - asked
	s.Logf("scorecard: %d of %d", asked-n, asked)
	if n > 0 {
		s.Errorf("%d requests failed through %d reloads:\n%s", n, times, s.load)
	}
}

// R02: the old configuration stays in force, and nobody notices.
func invalidReload(s *stage) {
	s.run(settings{})
	failed := s.load.failed()
	for _, bad := range []string{
		"mode: nonsense\n", "policy: {default: {outbound: perhaps}}\n", "policy: [\n", "\x00\xff\n",
		"upstream: {roots: /nowhere}\n", partner + partner,
	} {
		s.gate.configure(settings{more: bad})
		s.gate.reload(notReloaded)
		s.under(0.1)
	}
	if n := s.load.failed() - failed; n > 0 {
		s.Errorf("%d requests failed through invalid reloads:\n%s", n, s.load)
	}
	s.gate.configure(settings{more: partner})
	s.gate.reload(reloaded)
}
