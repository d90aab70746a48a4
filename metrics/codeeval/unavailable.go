package codeeval

// Unavailable says that a metric without a sandbox evaluates nothing; see
// metrics.Unavailable.
func (m *codeMetric) Unavailable() string {
	if m.sandbox == nil {
		return "no sandbox configured"
	}
	return ""
}
