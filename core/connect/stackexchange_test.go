package connect_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/berthgo/berth/core/connect"
)

func TestStackExchange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want string
		says connect.Config
	}{
		{"a.test", "redis://a.test:6379/0", connect.Config{}},
		{"a.test:7", "redis://a.test:7/0", connect.Config{}},
		{
			"shop.redis.cache.windows.net:6380,password=k+/y==,ssl=True,abortConnect=False", "rediss://shop.redis.cache.windows.net:6380/0",
			connect.Config{AccessKey: "k+/y==", SSL: true},
		},
		{"a.test,ssl=true", "rediss://a.test:6380/0", connect.Config{SSL: true}},
		{"a.test,ssl=no", "redis://a.test:6379/0", connect.Config{}},
		{
			" a.test , USER = ann , Password = key , defaultdatabase = 2 , connectTimeout=1500,syncTimeout=250,asyncTimeout=99,sslHost=b.test,ssl=1,",
			"rediss://a.test:6380/2",
			connect.Config{
				SSL: true, Username: "ann", AccessKey: "key", DatabaseID: 2, ServerName: "b.test",
				ConnectionTimeout: 1500 * time.Millisecond, OperationTimeout: 250 * time.Millisecond,
			},
		},
		{"a.test,asyncTimeout=99", "redis://a.test:6379/0", connect.Config{OperationTimeout: 99 * time.Millisecond}},
		{"a.test,defaultDatabase=-1,password=", "redis://a.test:6379/0", connect.Config{}},
		{"a.test,b.test:1", "redis+cluster://a.test:6379,b.test:1", connect.Config{Cluster: true}},
		{"a.test,b.test:1,serviceName=main,ssl=on", "rediss+sentinel://a.test:26379,b.test:1/main/0", connect.Config{MasterName: "main", SSL: true}},
		{
			"a.test,serviceName=main,password=key,sentinelUser=bob,sentinelPassword=other", "redis+sentinel://a.test:26379/main/0",
			connect.Config{MasterName: "main", AccessKey: "key", SentinelUsername: "bob", SentinelPassword: "other"},
		},
		{"!/run/redis.sock,password=key", "unix:///run/redis.sock?db=0", connect.Config{AccessKey: "key"}},
		{
			"a.test,abortConnect=false,allowAdmin=true,channelPrefix=x,checkCertificateRevocation=true,clientName=x,configChannel=x,configCheckSeconds=1,connectRetry=3,defaults=x," +
				"maintNotifications=auto,maintPostEventRelaxed=1,maintRelaxedTimeout=1,maintRelaxedWindowMax=1,tcpKeepAlive=true,topologyRefreshSeconds=60," +
				"heartbeatConsistencyChecks=x,heartbeatInterval=1,highIntegrity=x,highPriorityThreads=x,keepAlive=60,libraryName=x,name=x,preserveAsyncOrder=x," +
				"protocol=resp3,proxy=None,resolveDns=false,responseTimeout=1,setlib=true,sslProtocols=tls12,tiebreaker=,tunnel=,version=6.0,writeBuffer=1",
			"redis://a.test:6379/0",
			connect.Config{},
		},
	} {
		checkLocation(t, c.text, c.want, c.says)
	}
}

func TestWrongStackExchange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want []string
	}{
		{",", []string{"names no server"}},
		{"password=key", []string{"names no server"}},
		{"a.test:x", []string{"server 1"}},
		{"a.test:6379:1", []string{"server 1"}},
		{"a.test,b:0", []string{"server 2"}},
		{"a.test,password=key,b.test", []string{"after the option password: in a connection string, servers come first"}},
		{"a.test,sll=true,password=key", []string{"unknown options: sll; the known options are password, user", "ignored: abortConnect"}},
		{"a.test,password=ke,y=1,z=2,ssl=x", []string{"unknown options: (not shown), (not shown);", "the option ssl, set to something that is not shown here"}},
		{"a.test,password=ke,name=y,z=1,ssl=!x", []string{"unknown options: (not shown);", "the option ssl, set to something that is not shown here"}},
		{"a.test,accessKey=ke,name=y,z=1,ssl=!x", []string{"unknown options: accessKey, (not shown);", "the option ssl, set to something that is not shown here"}},
		{"a.test,$INFO=x", []string{"unknown options: $INFO;"}},
		{
			"a.test,ssl=maybe,defaultDatabase=-2,connectTimeout=5s,syncTimeout=0,asyncTimeout=x",
			[]string{`ssl, set to "maybe": it must be true or false`, `defaultDatabase, set to "-2"`, `connectTimeout, set to "5s": it must be a number of milliseconds`, `syncTimeout, set to "0"`, `asyncTimeout, set to "x"`},
		},
		{"a.test,proxy=Twemproxy,tunnel=http:x", []string{"the option proxy, which is not supported", "the option tunnel"}},
		{"a.test,user=ann", []string{"Username is set without AccessKey"}},
		{"!", []string{"a ! for server 1 without the path of a Unix socket"}},
		{"!,password=key", []string{"a ! for server 1 without the path of a Unix socket"}},
		{"a.test, ! ,ssl=true", []string{"a ! for server 2 without the path of a Unix socket"}},
		{"!/run/s,a.test", []string{"a Unix socket and other"}},
		{"!/run/s,ssl=true", []string{"Socket is set together with MasterName"}},
		{"a.test:6380,b.test:6380,ssl=true", []string{
			"URL names 2 servers: set Cluster if they are nodes of a cluster, or MasterName (serviceName in a connection string)", "name the master alone",
		}},
		{"a.test,sentinelPassword=key", []string{"SentinelPassword is set without MasterName"}},
		{"a.test,serviceName=main,sentinelPassword=ke,y=1,ssl=x", []string{"unknown options: (not shown);", "the option ssl, set to something that is not shown here"}},
	} {
		checkWrong(t, c.text, c.want)
	}
}

func FuzzStackExchange(f *testing.F) {
	f.Add("a.test:6380", "ssl=True,abortConnect=False", "", "")
	f.Add("a.test,b.test,serviceName=main", "defaultDatabase=x", "a,b", "=1,ssl=x")
	f.Add("!/run/s", "$INFO=,x", " ", "@a.test:x")
	f.Add("!", "ssl=!x", "a,name=,", "=")
	f.Add("a.test", "", "a,name=,ssl=!", "")
	serviceName := regexp.MustCompile(`(?i)serviceName`)
	f.Fuzz(func(t *testing.T, front, back, before, behind string) {
		const secret = "TELLNOBODY"
		before = serviceName.ReplaceAllString(before, "") // it is printed, as that of the master
		tellsNot(t, front+",password="+before+secret+behind+","+back, secret)
		tellsNot(t, front+","+back, secret)
	})
}
