// A module of its own, as a stranger's: it sees the public packages alone.
module example.com/consumer

go 1.26.0

require (
	github.com/llmrouter-go/llmrouter v0.0.0
	github.com/nlpodyssey/cybertron v0.2.1
)

require (
	github.com/google/flatbuffers v23.5.26+incompatible // indirect
	github.com/klauspost/compress v1.19.2 // indirect
	github.com/nlpodyssey/spago v1.1.0 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/llmrouter-go/llmrouter => ../..
