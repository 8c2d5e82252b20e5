package breaks

const (
	luaDir = "core/internal/store/lua/"
	inCore = "core/"
)

// Table are breaks of berth, each with the number of runs within which it must be found.
var Table = []Break{
	{"commit without looking at the lease", 40, []Edit{
		{luaDir + "commit.lua", "if not meta or held[1] ~= token then return 0 end", "if not meta then return 0 end"},
		{luaDir + "commit.lua", "\nif held[1] ~= token then\n", "\nif held[1] ~= token and not meta then\n"},
	}},
	{"lock without NX", 40, []Edit{
		{luaDir + "begin.lua", "call('SET', lock, token, 'NX', 'PX', lease)", "call('SET', lock, token, 'PX', lease)"},
	}},
	{"every lock is taken for a leftover", 40, []Edit{
		{luaDir + "begin.lua", "local own = holder and string.sub(holder, 1, PROCESS_LENGTH) == process", "local own = holder"},
	}},
	{"a lost lease is not told", 60, []Edit{
		{inCore + "session/commit.go", "\tcase status == store.Lost:\n\t\terr = ErrLockLost\n", "\tcase status == store.Lost:\n\t\tp.sent = true\n\t\treturn nil\n"},
	}},
	{"an unknown outcome is called certain", 150, []Edit{
		{inCore + "session/commit.go", "\tcase p.doubt != nil:\n", "\tcase p.doubt != nil && s.draft.New:\n"},
	}},
	{"a failed call is called certain", 20, []Edit{
		{inCore + "session/commit.go", "\tcase err != nil:\n\tcase p.refused:", "\tcase err != nil:\n\t\terr = ErrLockLost\n\tcase p.refused:"},
	}},
	{"net/http answers before the commit", 20, []Edit{
		{inCore + "httpsession/writer.go", "\tif informational || w.commit() == nil {", "\tif w.ResponseWriter.WriteHeader(status); informational && w.committed {"},
	}},
	{"Fiber answers whatever the commit says", 20, []Edit{
		{inCore + "buffered/buffered.go", "failure := s.Finish(ctx); failure != nil {", "failure := s.Finish(ctx); failure != nil && ctx == nil {"},
	}},
	{"an end is settled before its handler", 20, []Edit{
		{inCore + "internal/ends/handle.go", "\tdone := make(chan error, 1)\n\tgo func() {\n\t\terr :=", "\tnote(s.settled(c, token))\n\tdone := make(chan error, 1)\n\tgo func() {\n\t\terr :="},
	}},
	{"an end is settled whatever its handler says", 20, []Edit{
		{inCore + "internal/ends/handle.go", "\t\tif err = s.callHandler(ctx, c); err == nil {\n", "\t\tif err = s.callHandler(ctx, c); err == nil || c.Meta.Attempt > 0 {\n"},
	}},
	{"a claim is nobody's", 60, []Edit{
		{luaDir + "claim.lua", "if not redis.call('SET', claim, token, 'NX', 'PX', ttl) then", "if not redis.call('SET', claim, token, 'PX', ttl) then"},
	}},
	{"an end is not expected", 20, []Edit{
		{inCore + "session/commit.go", "\tif s.draft.New && p.facts.Extras.Retention != 0 {\n\t\treturn s.m.store.Expect", "\tif s.draft.New && p.facts.Extras.Retention != 0 && s.proof != \"\" {\n\t\treturn s.m.store.Expect"},
	}},
	{"merge without looking at the proof", 60, []Edit{
		{luaDir + "merge.lua", "if code == DONE and proof ~= '' and proof ~= own[2] then code = ROTATED end", ""},
	}},
	{"merge writes what it has written", 150, []Edit{
		{luaDir + "merge.lua", "if string.find(done, token, 1, true) then\n  on_master(data)\n  return DONE\nend", ""},
	}},
	{"begin without looking at the proof", 20, []Edit{
		{luaDir + "begin.lua", "  if proof ~= own[2] and proof ~= '' then return 0 end\n", ""},
		{inCore + "internal/store/load.go", "case proof != \"\" && fields[SecretField] != proof:", "case proof != \"\" && fields[SecretField] == \"\":"},
	}},
	{"a rotated proof still opens", 20, []Edit{
		{luaDir + "lib.lua", "proof, 1, true) then return ROTATED end", "proof, 1, true) then return code, timeout, created, extras end"},
		{inCore + "internal/store/load.go", "case proof != \"\" && fields[SecretField] != proof:", "case proof != \"\" && fields[SecretField] == \"\":"},
	}},
	{"a rotation writes no proof", 20, []Edit{
		{luaDir + "commit.lua", "      redis.call('HSET', data, SECRET, proof)\n", ""},
	}},
	{"a logout ends nothing", 20, []Edit{
		{inCore + "internal/principal/departure.go", "\tstatus, companion, err := p.Ends.Retire(ctx, d.Handle, d.Retirement)", "\tstatus, companion, err := store.Done, error(nil), error(nil)"},
	}},
	{"a change of user keeps what others merge", 300, []Edit{
		{luaDir + "commit.lua", "    if string.sub(ARGV[5], 1, 1) == '!' then wipe(data) end\n", ""},
	}},
	{"idle times do not start anew", 150, []Edit{
		{luaDir + "lib.lua", "if redis.call('PEXPIRE', alive, timeout) == 0 then return false end", "if redis.call('EXISTS', alive) == 0 then return false end"},
	}},
	{"a renewal takes the lease back", 150, []Edit{
		{luaDir + "renew.lua", "if redis.call('GET', lock) ~= token then\n  on_master(data)\n  return LOST\nend", "redis.call('SET', lock, token)"},
	}},
	{"a release frees the lock of others", 60, []Edit{
		{luaDir + "release.lua", "if own and holder <= token then", "if holder then"},
	}},
	{"a logout leaves the companion", 60, []Edit{
		{inCore + "internal/ends/ends.go", "\tif had.Companion {\n", "\tif had.Companion && r.Token == \"\" {\n"},
	}},
	{"companions are mended once", 300, []Edit{
		{inCore + "internal/tasks/tasks.go", "t.later(endless, f,", "t.later(time.Millisecond, f,"},
	}},
	{"a sign-in is not listed", 60, []Edit{
		{inCore + "internal/principal/principal.go", "if err := p.enlist(ctx, handle, m, true); err != nil {", "if err := p.enlist(ctx, handle, m, true); err != nil && p.Limit < 0 {"},
		{inCore + "internal/principal/principal.go", "oldest, err := p.Store.Enlist(ctx, handle, m.Principal, p.life(m.Timeout), signedIn)", "oldest, err := []store.Listing(nil), error(nil)"},
	}},
	{"EndAll leaves out the newest", 60, []Edit{
		{inCore + "session/principal.go", "\tfor _, l := range listed {\n", "\tfor _, l := range listed[:max(0, len(listed)-1)] {\n"},
	}},
	{"MaxPerPrincipal ends nobody", 60, []Edit{
		{inCore + "internal/principal/principal.go", "if p.Limit == 0 || p.Refuse {", "if p.Limit >= 0 || p.Refuse {"},
	}},
	{"an outage is a new session", 60, []Edit{
		{inCore + "session/begin.go", "s.draft.New, s.detached, s.err = false, outage, err", "_ = err"},
	}},
	{"a read may get the session of another", 20, []Edit{
		{inCore + "session/begin.go", "func (m *Manager) load(ctx context.Context, o opening, access Access) (*Session, error) {\n", "var left = make(chan opening, 1)\n\nfunc (m *Manager) load(ctx context.Context, o opening, access Access) (*Session, error) {\n\tif access == ReadOnly {\n\t\tselect {\n\t\tcase o = <-left:\n\t\tcase left <- o:\n\t\t}\n\t}\n"},
	}},
	{"a lease is not renewed", 60, []Edit{
		{inCore + "internal/lease/lease.go", "if renewal.Before(l.until) && renewal.Before(l.expires) {", "if renewal.Before(l.until) && renewal.Before(l.expires) && pause < 0 {"},
	}},
	{"a renewal prolongs nothing", 60, []Edit{
		{luaDir + "renew.lua", "redis.call('PEXPIRE', lock, lease)\n", ""},
	}},
	{"a sign-in ends all others", 60, []Edit{
		{inCore + "internal/principal/principal.go", "if err != nil || len(listed) <= p.Limit {", "if err != nil {"},
		{inCore + "internal/principal/principal.go", "for ; len(listed) > p.Limit; listed = listed[1:] {", "for ; len(listed) > 1; listed = listed[1:] {"},
	}},
	{"an end loses its data", 20, []Edit{
		{luaDir + "retire.lua", "redis.call('RENAME', data, ended)", "redis.call('DEL', data)"},
		{luaDir + "retire.lua", "{'2 ended', reason, used,", "{'2 ended', 'unknown', used,"},
	}},
	{"an idle session lives on", 150, []Edit{
		{luaDir + "lib.lua", "redis.call('PEXPIRE', alive, timeout) == 0", "redis.call('PEXPIRE', alive, timeout * 9) == 0"},
		{luaDir + "lib.lua", "redis.call('PEXPIRE', data, timeout) == 0", "redis.call('PEXPIRE', data, timeout * 9) == 0"},
	}},
}
