// Package redistest gives tests a real redis-server: a process of their own on 127.0.0.1. It starts
// in milliseconds. A test can kill, freeze and restart it, and see what the code under test does
// then. It may speak TLS, listen on a Unix socket and have users with few permissions.
//
// A test package that only needs some Redis calls [Main] from its TestMain. [Acquire] says what
// happens on a machine without one.
//
// A test that breaks its server calls [NeedServer], and then [Start] for a server that nobody else
// uses. [StartCluster] and [StartSentinel] start several servers that know each other. Lose one of
// them, and see what happens:
//
//	c, err := redistest.StartCluster(ctx, redistest.ClusterOptions{Replicas: 1})
//	…
//	defer c.Stop()
//	master, err := c.MasterOf(ctx, key)
//	…
//	err = master.Kill()
//	…
//	err = c.WaitReady(ctx) // its replica has taken its place
//
// The package imports only the standard library, and not testing. So tests, benchmarks and programs
// of every module may use it. It knows servers, and never what berth keeps in them.
package redistest
