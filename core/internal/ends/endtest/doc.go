// Package endtest holds no code but tests: ends of sessions by the hundred thousand, on
// real servers, with worker processes of which some are killed. `make ends` runs them
// at full size and prints rates and lags; `make test-all` a smaller number, and `make test`
// one of them with a few sessions.
package endtest
