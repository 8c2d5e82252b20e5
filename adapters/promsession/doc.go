// Package promsession gives Prometheus the metrics of berth.
//
//	prometheus.MustRegister(promsession.NewCollector(m, nil))
//	http.Handle("/metrics", promhttp.Handler())
//
// [docs/metrics.md] of berth lists the metrics, with what they mean and what to watch. [docs/grafana.json] is a
// dashboard of them, and [docs/alerts.yml] has alerts. The names are those that the Prometheus exporter of OpenTelemetry
// makes of the metrics of otelsession, so both serve either package.
//
// No metric has a handle, an ID, a value, the name of a value or the text of an error. All labels are words of
// short lists, so the number of series does not grow with the number of sessions.
//
// [docs/metrics.md]: https://github.com/berthgo/berth/blob/HEAD/docs/metrics.md
// [docs/grafana.json]: https://github.com/berthgo/berth/blob/HEAD/docs/grafana.json
// [docs/alerts.yml]: https://github.com/berthgo/berth/blob/HEAD/docs/alerts.yml
package promsession
