// Package kubernetes holds an Indexed Job that runs step 3 in shards, and its image.
// It is a module of its own, as its test needs the types of Kubernetes.
package kubernetes

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// decode reads a document into a type of the API, and refuses fields that this does
// not have.
func decode[T any](t *testing.T, text []byte) *T {
	t.Helper()
	v := new(T)
	if err := yaml.UnmarshalStrict(text, v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return v
}

// manifest returns the jobs and the claim of the manifest by their names.
func manifest(t *testing.T) (jobs map[string]*batchv1.Job, claims map[string]*corev1.PersistentVolumeClaim) {
	t.Helper()
	text, err := os.ReadFile("shards.yaml")
	if err != nil {
		t.Fatal(err)
	}
	jobs, claims = map[string]*batchv1.Job{}, map[string]*corev1.PersistentVolumeClaim{}
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal(document, &kind); err != nil {
			t.Fatal(err)
		}
		switch kind {
		case metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}:
			job := decode[batchv1.Job](t, document)
			jobs[job.Name] = job
		case metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"}:
			claim := decode[corev1.PersistentVolumeClaim](t, document)
			claims[claim.Name] = claim
		default:
			t.Fatalf("%+v", kind)
		}
	}
	return jobs, claims
}

// flag returns the value of a flag.
func flag(args []string, name string) string {
	if i := slices.Index(args, name); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

func TestManifest(t *testing.T) {
	jobs, claims := manifest(t)
	shards, merge := jobs["shards"], jobs["merge"]
	if shards == nil || merge == nil {
		t.Fatalf("the jobs are %v", jobs)
	}
	spec := shards.Spec
	args := spec.Template.Spec.Containers[0].Args
	if *spec.CompletionMode != batchv1.IndexedCompletion {
		t.Errorf("the completion mode is %s", *spec.CompletionMode)
	}
	if got, want := flag(args, "--shard"), fmt.Sprintf("$(INDEX)/%d", *spec.Completions); got != want {
		t.Errorf("--shard is %s, want %s", got, want)
	}
	if got, want := flag(args, "--processes"), fmt.Sprint(*spec.Parallelism); got != want {
		t.Errorf("--processes is %s, and %s pods run at once", got, want)
	}
	if grace := fmt.Sprint(*spec.Template.Spec.TerminationGracePeriodSeconds / 2); flag(args, "--grace") != grace {
		t.Errorf("--grace is %s, half of the pod's is %s", flag(args, "--grace"), grace)
	}
	// Exit codes 75 and 130 are tried again.
	var final []int32
	for _, rule := range spec.PodFailurePolicy.Rules {
		if rule.Action == batchv1.PodFailurePolicyActionFailIndex {
			final = append(final, rule.OnExitCodes.Values...)
		}
	}
	if !slices.Equal(final, []int32{1, 2, 76}) {
		t.Errorf("no pod is started again after the exit codes %v", final)
	}
	for name, job := range jobs {
		checkPod(t, name, &job.Spec.Template.Spec, claims)
	}
	mergeArgs := merge.Spec.Template.Spec.Containers[0].Args
	for _, name := range []string{"--config", "--root", "--work"} {
		if got, want := flag(mergeArgs, name), flag(args, name); got != want || got == "" {
			t.Errorf("%s of the merge is %q, of the shards %q", name, got, want)
		}
	}
}

// checkPod demands that a pod has no more rights than it needs, and a volume that
// is claimed.
func checkPod(t *testing.T, job string, pod *corev1.PodSpec, claims map[string]*corev1.PersistentVolumeClaim) {
	t.Helper()
	c := pod.Containers[0]
	switch {
	case pod.RestartPolicy != corev1.RestartPolicyNever:
		t.Errorf("%s: the restart policy is %s", job, pod.RestartPolicy)
	case !*pod.SecurityContext.RunAsNonRoot, *c.SecurityContext.AllowPrivilegeEscalation, !*c.SecurityContext.ReadOnlyRootFilesystem, *pod.AutomountServiceAccountToken:
		t.Errorf("%s: the pod has more rights than it needs", job)
	case claims[pod.Volumes[0].PersistentVolumeClaim.ClaimName] == nil:
		t.Errorf("%s: the volume %s is not claimed", job, pod.Volumes[0].Name)
	}
}

// The image is the manifest's user's, and starts the program that the arguments are
// for.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	jobs, _ := manifest(t)
	user := jobs["shards"].Spec.Template.Spec.SecurityContext.RunAsUser
	for _, line := range []string{fmt.Sprintf("USER %d:%[1]d", *user), `ENTRYPOINT ["/api_calling_evaluation"]`, "FROM scratch"} {
		if !slices.Contains(strings.Split(string(text), "\n"), line) {
			t.Errorf("%q is missing", line)
		}
	}
}
