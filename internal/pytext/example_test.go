package pytext_test

import (
	"fmt"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

func ExampleLower() {
	fmt.Println(pytext.Lower("ΟΔΟΣ ΣΟΦΟΣ"))
	// Output: οδος σοφος
}
