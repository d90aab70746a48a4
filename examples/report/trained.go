package main

import (
	"context"

	"github.com/llmrouter-go/llmrouter/examples/internal/training"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// trainRouters trains routers of a kind and judges them, where one is asked for.
func (s *shown) trainRouters(ctx context.Context, table *dataset.Table, kind string) error {
	if kind == "" {
		return nil
	}
	study, err := training.OfTable(ctx, table, training.Options{Kind: kind, Curves: true})
	if err != nil {
		return err
	}
	s.study, s.Trained = study, study.Judgement
	return nil
}
