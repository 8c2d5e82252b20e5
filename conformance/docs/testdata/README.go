// Package readme has what the code of README.md leaves out.
package readme

func archive(ctx context.Context, user string, reason session.Reason, cart *Cart) error { return nil }
