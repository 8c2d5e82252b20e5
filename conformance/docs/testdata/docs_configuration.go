// Package configuration has what the code of docs/configuration.md leaves out.
package configuration

var config session.Config

var key, objectID string

var tokens interface {
	Current(ctx context.Context) (string, error)
}
