package hub

import (
	"context"
	"time"
)

// SetSleep replaces the waits between retries.
func (c *Client) SetSleep(f func(context.Context, time.Duration) error) { c.sleep = f }
