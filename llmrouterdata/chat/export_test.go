package chat

// Encoded is the body as it is sent for a model.
func Encoded(b *Body, model string) []byte {
	text, _ := b.encode(model, nil, false)
	return text
}
