package gate

// Waiting is how many goroutines wait at a gate.
func (g *Gates) Waiting(key string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if inside := g.gates[key]; inside != nil {
		return len(inside.queue)
	}
	return 0
}
