package hub

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// OptionsFromEnv reads the variables that the Python client reads, through
// getenv (os.Getenv as a rule):
//
//   - HF_ENDPOINT: Endpoint
//   - HF_TOKEN, else HUGGING_FACE_HUB_TOKEN: Token; else HF_TOKEN_PATH, else
//     "token" in HF_HOME: TokenFile. HF_HUB_DISABLE_IMPLICIT_TOKEN: neither
//   - HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else "hub" in HF_HOME: CacheDir.
//     HF_HOME is by default "huggingface" in XDG_CACHE_HOME, that by default
//     ".cache" in HOME (USERPROFILE on Windows)
//   - HF_HUB_OFFLINE, else TRANSFORMERS_OFFLINE: Offline
//   - HF_HUB_DISABLE_SYMLINKS: NoSymlinks
//   - HF_HUB_DOWNLOAD_TIMEOUT in seconds: Timeout
//
// Switches are on for 1, ON, YES and TRUE in any case. In paths a leading "~"
// and "$NAME" are replaced. Nothing is read from disk yet. A timeout that is
// not a positive number is ignored.
func OptionsFromEnv(getenv func(string) string) *Options {
	env := environment(getenv)
	o := &Options{
		Endpoint:   env.first("HF_ENDPOINT"),
		CacheDir:   env.path("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"),
		Offline:    env.on("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
		NoSymlinks: env.on("HF_HUB_DISABLE_SYMLINKS"),
	}
	folder := env.huggingFaceHome()
	if o.CacheDir == "" && folder != "" {
		o.CacheDir = filepath.Join(folder, "hub")
	}
	if !env.on("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
		o.Token = Secret(cleanToken(env.first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")))
		if o.Token == "" {
			o.TokenFile = env.path("HF_TOKEN_PATH")
			if o.TokenFile == "" && folder != "" {
				o.TokenFile = filepath.Join(folder, "token")
			}
		}
	}
	s, err := strconv.ParseFloat(strings.TrimSpace(getenv("HF_HUB_DOWNLOAD_TIMEOUT")), 64)
	if err == nil && s > 0 && s < maxTimeoutSeconds {
		o.Timeout = time.Duration(s * float64(time.Second))
	}
	return o
}

// environment gives the value of a variable, "" for one that is not set.
type environment func(name string) string

// first returns the value of the first variable that is set.
func (env environment) first(names ...string) string {
	for _, name := range names {
		if v := env(name); v != "" {
			return v
		}
	}
	return ""
}

// on tells whether a switch is on. The first that is set decides, also when it
// says no.
func (env environment) on(names ...string) bool {
	switch strings.ToUpper(env.first(names...)) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

// path is first for paths: it replaces "$NAME" and a leading "~".
func (env environment) path(names ...string) string {
	p := os.Expand(env.first(names...), func(name string) string {
		if v := env(name); v != "" {
			return v
		}
		return "$" + name
	})
	if home := env.home(); home != "" && (p == "~" || strings.HasPrefix(p, "~/") || runtime.GOOS == "windows" && strings.HasPrefix(p, `~\`)) {
		p = home + p[1:]
	}
	return p
}

func (env environment) home() string {
	if runtime.GOOS == "windows" {
		return env("USERPROFILE")
	}
	return env("HOME")
}

// huggingFaceHome is HF_HOME or its default, "" where not even a home is set.
func (env environment) huggingFaceHome() string {
	if p := env.path("HF_HOME"); p != "" {
		return p
	}
	if xdg := env.path("XDG_CACHE_HOME"); xdg != "" {
		return filepath.Join(xdg, "huggingface")
	}
	if home := env.home(); home != "" {
		return filepath.Join(home, ".cache", "huggingface")
	}
	return ""
}
