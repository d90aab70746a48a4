// A module of its own, as a stranger's: it sees the public packages alone.
module example.com/consumer

go 1.26.0

require github.com/llmrouter-go/llmrouter v0.0.0

require (
	github.com/klauspost/compress v1.19.2 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/llmrouter-go/llmrouter => ../..
