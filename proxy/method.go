package proxy

// longestMethod leaves room for every registered method; UPDATEREDIRECTREF has 17.
const longestMethod = 20

// methodOf is a method as events tell it: one that is too long or has more
// than letters and hyphens could be a credential, and is only _OTHER, as in
// OpenTelemetry's conventions.
func methodOf(method string) string {
	if len(method) > longestMethod {
		return "_OTHER"
	}
	for _, c := range []byte(method) {
		if c != '-' && (c|0x20 < 'a' || c|0x20 > 'z') {
			return "_OTHER"
		}
	}
	return method
}
