module github.com/berthgo/berth/conformance/bench

go 1.26.0

replace (
	github.com/berthgo/berth/adapters/chisession => ../../adapters/chisession
	github.com/berthgo/berth/adapters/echosession => ../../adapters/echosession
	github.com/berthgo/berth/adapters/fibersession => ../../adapters/fibersession
	github.com/berthgo/berth/adapters/ginsession => ../../adapters/ginsession
	github.com/berthgo/berth/conformance => ..
	github.com/berthgo/berth/core => ../../core
)
