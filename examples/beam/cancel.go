package main

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"

	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
)

// cancelPatience is how long a job server may take.
const cancelPatience = 30 * time.Second

// cancelJob cancels the job of a launcher that was interrupted, which its runner
// would go on with, and pay for. What is returned says what became of it.
func cancelJob(name string) string {
	if *jobopts.Endpoint == "" {
		return fmt.Sprintf("the job %q goes on: cancel it by the tools of its runner", name)
	}
	ids, err := cancelAt(*jobopts.Endpoint, name)
	if err != nil {
		return fmt.Sprintf("the job %q at %s may go on, as it could not be cancelled: %v", name, *jobopts.Endpoint, err)
	}
	return fmt.Sprintf("the job %q at %s was cancelled (%v)", name, *jobopts.Endpoint, ids)
}

// cancelAt cancels the jobs of a name at a job server, and returns their ids.
func cancelAt(endpoint, name string) (ids []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), cancelPatience)
	defer cancel()
	conn, err := grpcx.Dial(ctx, endpoint, cancelPatience)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client := jobpb.NewJobServiceClient(conn)
	jobs, err := client.GetJobs(ctx, &jobpb.GetJobsRequest{})
	if err != nil {
		return nil, err
	}
	for _, job := range jobs.GetJobInfo() {
		if job.GetJobName() != name || ended(job.GetState()) {
			continue
		}
		if _, err := client.Cancel(ctx, &jobpb.CancelJobRequest{JobId: job.GetJobId()}); err != nil {
			return ids, err
		}
		ids = append(ids, job.GetJobId())
	}
	return ids, nil
}

func ended(state jobpb.JobState_Enum) bool {
	switch state {
	case jobpb.JobState_STOPPED, jobpb.JobState_DONE, jobpb.JobState_FAILED, jobpb.JobState_CANCELLED, jobpb.JobState_DRAINED:
		return true
	}
	return false
}
