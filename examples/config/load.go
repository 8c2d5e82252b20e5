package main

import (
	"fmt"
	"path/filepath"

	"github.com/caarlos0/env/v11"
	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/json"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"github.com/berthgo/berth/core/session"
)

// settings are everything that can be set from outside of the program.
type settings struct {
	Listen  string          `json:"listen" env:"LISTEN"`
	Redis   session.Config  `json:"redis"`
	Session session.Options `json:"session"`
}

var parsers = map[string]koanf.Parser{".json": json.Parser(), ".yaml": yaml.Parser(), ".yml": yaml.Parser()}

// load reads files, and then environment variables. Later ones win over earlier ones.
func load(files []string, environment map[string]string) (settings, error) {
	s := settings{Listen: "127.0.0.1:8080"}
	k := koanf.New(".")
	for _, name := range files {
		parser, ok := parsers[filepath.Ext(name)]
		if !ok {
			return settings{}, fmt.Errorf("%s is neither JSON nor YAML by its name", name)
		}
		if err := k.Load(file.Provider(name), parser); err != nil {
			return settings{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	err := k.UnmarshalWithConf("", &s, koanf.UnmarshalConf{Tag: "json", DecoderConfig: &mapstructure.DecoderConfig{
		Result: &s,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), // "5s"
			mapstructure.TextUnmarshallerHookFunc(),     // encryption keys, Cookie.Secure
		),
		ErrorUnused: true, // a misspelled name is an error
	}})
	if err != nil {
		return settings{}, err
	}
	if environment["REDIS_URL"] != "" {
		// The URL says where Redis is. It replaces what the files say about that.
		c := &s.Redis
		c.Host, c.Port, c.Addrs, c.Socket, c.MasterName, c.Cluster, c.DatabaseID = "", 0, nil, "", "", false, 0
	}
	return s, env.ParseWithOptions(&s, env.Options{Environment: environment})
}
