// Package redistest gives tests a real redis-server: a process of their own on
// 127.0.0.1, started in milliseconds, that can be killed, frozen and restarted
// to see what the code under test makes of it. It may speak TLS, listen on a
// Unix socket and have users with few permissions.
//
// A test package that only needs some Redis calls [Main] from its TestMain. The policy
// for machines without one is that of [Acquire].
//
// A test that breaks its server calls [NeedServer], and then [Start] for one that
// nobody else uses. [StartCluster] and [StartSentinel] start several that know each
// other, to see what comes of it when one of them is lost:
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
// The package imports the standard library alone, not even testing, so that
// tests, benchmarks and programs of every module may use it.
package redistest
