package proxy

// Starve leaves a budget of a running server with little: n for each client.
func (s *Server) Starve(of string, n int) {
	s.start()
	switch of {
	case "handshakes":
		s.budgets.handshakes.set(float64(n), 50)
	case "leaf-mints":
		s.budgets.mints.set(float64(n), 50)
	case "bodies":
		s.budgets.bodies.set(2*n, 50)
	}
}

// Taken is how many connections and bodies are counted now.
func (s *Server) Taken() (connections, bodies int) {
	s.start()
	count := func(h *held) int {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.n + len(h.by)
	}
	return count(&s.budgets.connections), count(&s.budgets.bodies)
}
