package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/peertest"
)

// cluster is Slurm with two nodes, n0 and n1, all on this host and on loopback.
type cluster struct {
	t       *testing.T
	dir     string
	daemons map[string]*exec.Cmd
}

const slurmConf = `ClusterName=test
SlurmctldHost=%[1]s(127.0.0.1)
SlurmctldPort=%[3]d
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=%[2]s/munge.socket
StateSaveLocation=%[2]s/state
SlurmdSpoolDir=%[2]s/spool-%%n
SlurmctldPidFile=%[2]s/slurmctld.pid
SlurmdPidFile=%[2]s/slurmd-%%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
JobRequeue=1
SlurmdTimeout=10
KillWait=5
SchedulerParameters=batch_sched_delay=1,sched_interval=2
NodeName=n[0-1] NodeHostname=%[1]s NodeAddr=127.0.0.1 Port=[%[4]d-%[5]d] CPUs=4 State=UNKNOWN
PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`

// newCluster starts the daemons, which end with the test.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	peertest.Programs(t, "slurmctld slurmd slurm-client munge", "munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "sinfo")
	if os.Getuid() != 0 {
		t.Skip("Slurm's daemons start jobs as root only")
	}
	c := &cluster{t: t, dir: t.TempDir(), daemons: map[string]*exec.Cmd{}}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	first := freePorts(t, 3)
	clitest.Write(t, c.dir, "slurm.conf", fmt.Sprintf(slurmConf, host, c.dir, first, first+1, first+2))
	if err := os.WriteFile(filepath.Join(c.dir, "munge.key"), bytes.Repeat([]byte("k"), 128), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(c.dir, "state"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	in := func(name string) string { return filepath.Join(c.dir, name) }
	c.start("munged", "munged", "--foreground", "--force", "--key-file="+in("munge.key"), "--socket="+in("munge.socket"),
		"--pid-file="+in("munge.pid"), "--log-file="+in("munge.log"), "--seed-file="+in("munge.seed"))
	c.start("slurmctld", "slurmctld", "-D", "-c", "-f", in("slurm.conf"))
	for _, node := range []string{"n0", "n1"} {
		c.start(node, "slurmd", "-D", "-N", node, "-f", in("slurm.conf"))
	}
	c.until(30*time.Second, "two idle nodes", func() bool {
		out, err := c.command("sinfo", "-h", "-t", "idle", "-o", "%D").Output()
		return err == nil && strings.TrimSpace(string(out)) == "2"
	})
	return c
}

// freePorts returns the first of n ports in a row that nobody listens at.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for range 100 {
		first, free := 0, 0
		for ; free < n; free++ {
			port := 0 // any
			if free > 0 {
				port = first + free
			}
			l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err != nil {
				break
			}
			if free == 0 {
				first = l.Addr().(*net.TCPAddr).Port
			}
			_ = l.Close()
		}
		if free == n {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

func (c *cluster) command(name string, args ...string) *exec.Cmd {
	command := exec.Command(name, args...)
	command.Env = append(os.Environ(), "SLURM_CONF="+filepath.Join(c.dir, "slurm.conf"))
	return command
}

// start starts a daemon, with a log of its own.
func (c *cluster) start(name, program string, args ...string) {
	c.t.Helper()
	log, err := os.Create(filepath.Join(c.dir, name+".log"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	daemon := c.command(program, args...)
	daemon.Stdout, daemon.Stderr = log, log
	if err := daemon.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.daemons[name] = daemon
}

// stop ends the jobs and the daemons.
func (c *cluster) stop() {
	for _, node := range []string{"n0", "n1"} {
		killTasks(node)
	}
	for name, daemon := range c.daemons {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
		if text, err := os.ReadFile(filepath.Join(c.dir, name+".log")); err == nil && c.t.Failed() {
			c.t.Logf("%s: %s", name, text[max(0, len(text)-3000):])
		}
	}
}

// until waits for something to be so.
func (c *cluster) until(limit time.Duration, what string, isSo func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(limit); !isSo(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("after %v there are not: %s", limit, what)
		}
	}
}

// process is a line of /proc.
type process struct{ pid, parent int }

// tasks returns the processes of jobs on a node.
func tasks(node string) []process {
	var list []process
	names, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, name := range names {
		environ, err := os.ReadFile(name)
		if err != nil || !slices.Contains(strings.Split(string(environ), "\x00"), "SLURMD_NODENAME="+node) {
			continue
		}
		p := process{}
		p.pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(name)))
		status, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "status"))
		_, rest, _ := strings.Cut(string(status), "\nPPid:\t")
		parent, _, _ := strings.Cut(rest, "\n")
		p.parent, _ = strconv.Atoi(parent)
		list = append(list, p)
	}
	return list
}

// named reports whether a process has a name.
func named(pid int, name string) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && strings.HasPrefix(string(text), name)
}

func kill(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

// killTasks kills the jobs on a node, and first the daemons that watch them.
func killTasks(node string) {
	list := tasks(node)
	for _, p := range list {
		if named(p.parent, "slurmstepd") {
			kill(p.parent)
		}
	}
	for _, p := range list {
		kill(p.pid)
	}
}

// listensAt returns the addresses at which processes listen, as /proc has them.
func listensAt(t *testing.T, pids ...int) []string {
	t.Helper()
	sockets := map[string]bool{}
	for _, pid := range pids {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, file := range files {
			if to, err := os.Readlink(file); err == nil {
				sockets[to] = true
			}
		}
	}
	var list []string
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // no IPv6
		}
		for line := range strings.Lines(string(text)) {
			const address, state, inode, listen = 1, 3, 9, "0A"
			if f := strings.Fields(line); len(f) > inode && f[state] == listen && sockets["socket:["+f[inode]+"]"] {
				list = append(list, f[address])
			}
		}
	}
	return list
}

// jobs returns what squeue says of jobs, by an output format.
func (c *cluster) jobs(format string, args ...string) []string {
	out, err := c.command("squeue", append([]string{"-h", "-r", "-o", format}, args...)...).Output()
	if err != nil {
		return nil // it knows them no more
	}
	return strings.Fields(string(out))
}

// hurry has requeued tasks start, which Slurm has wait for a minute or two.
func (c *cluster) hurry(array string) {
	for _, task := range c.jobs("%i", "-t", "PD", "-j", array) {
		_ = c.command("scontrol", "update", "jobid="+task, "StartTime=now").Run()
	}
}

// realQueries has a setting ask real queries, without code, of three candidates.
func (s *setting) realQueries(t *testing.T, train, test int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(golden.DataDir(t), "query_data", "default_query_train.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var lines []string
	for line := range strings.Lines(string(text)) {
		var q struct{ Query, Metric string }
		if err := json.Unmarshal([]byte(line), &q); err != nil {
			t.Fatal(err)
		}
		if q.Metric != "code_eval" && !seen[q.Query] && len(q.Query) < 1500 && len(lines) < train+test {
			seen[q.Query] = true
			lines = append(lines, line)
		}
	}
	clitest.Write(t, s.dir, "data/example_data/query_data/default_query_train.jsonl", strings.Join(lines[:train], ""))
	clitest.Write(t, s.dir, "data/example_data/query_data/default_query_test.jsonl", strings.Join(lines[train:], ""))
	var candidates []string
	for _, name := range []string{"a", "b", "c"} {
		candidates = append(candidates, fmt.Sprintf(`%q: {"model": %[1]q, "input_price": 1, "output_price": 2, "api_endpoint": %q}`, name, s.url))
	}
	s.candidates(t, "{"+strings.Join(candidates, ", ")+"}")
}

// The scripts of examples/slurm run 1,000 real queries x 3 candidates in 20 shards
// on two nodes. A program is killed, and then a node with its daemon: the files are
// those of one run, what was called twice was under way at the kills, and the shares
// of the budget are what the journals say.
func TestPeerSlurm(t *testing.T) {
	c := newCluster(t)
	for name, daemon := range c.daemons {
		for _, address := range listensAt(t, daemon.Process.Pid) {
			if ip, _, _ := strings.Cut(address, ":"); ip != "0100007F" && ip != "00000000000000000000000001000000" {
				t.Fatalf("%s listens at %s", name, address)
			}
		}
	}
	if n := len(listensAt(t, c.daemons["slurmctld"].Process.Pid, c.daemons["n0"].Process.Pid, c.daemons["n1"].Process.Pid)); n < 3 {
		t.Errorf("%d addresses were looked at, of three daemons", n)
	}

	const train, test, workers, tasksAtOnce = 800, 200, 32, 8
	one := set(t, 0, chaos.Config{})
	one.realQueries(t, train, test)
	if _, errs, err := one.run(t, nil); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	var calls atomic.Int64
	s := set(t, 0, chaos.Config{Latency: chaos.Fixed(200 * time.Millisecond), Answer: func(model, user string) string {
		calls.Add(1)
		return chaos.Answer(model, user)
	}})
	s.realQueries(t, train, test)
	array, merge := c.submit(s, "20", strconv.Itoa(tasksAtOnce), "--work", s.work(), "--shard_size", "50", "--workers", strconv.Itoa(workers), "--budget", "100")

	c.until(60*time.Second, "600 calls", func() bool { return calls.Load() > 600 })
	program := ""
	for _, p := range tasks("n0") {
		if named(p.pid, "api_calling") {
			program = strconv.Itoa(p.pid)
			kill(p.pid)
			break
		}
	}
	c.until(60*time.Second, "1,500 calls", func() bool { return calls.Load() > 1500 })
	died := len(tasks("n1"))
	_ = c.daemons["n1"].Process.Kill()
	killTasks("n1")
	if program == "" || died == 0 {
		t.Errorf("the program with pid %q and %d processes of n1 were killed", program, died)
	}
	c.until(90*time.Second, "merged shards", func() bool {
		c.hurry(array)
		return len(c.jobs("%i", "-j", merge)) == 0
	})
	if diff := cmp.Diff(one.outputs(t), s.outputs(t)); diff != "" {
		t.Fatalf("the files differ from those of one run: %.2000s", diff)
	}
	c.checkCalls(s, 3*(train+test), int(calls.Load()), workers/tasksAtOnce+workers/2)
}

// submit has the scripts run the program on a setting.
func (c *cluster) submit(s *setting, args ...string) (array, merge string) {
	c.t.Helper()
	binary, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	// A name that is told from the batch script's, and flags as BeProgram takes them.
	program := clitest.Write(c.t, c.dir, "api_calling_evaluation", "#!/bin/bash\nexport LLMROUTER_TEST_PROGRAM=$(printf '%s\\n' \"$@\")\nexec "+
		filepath.Join(c.dir, "api_calling")+"\n")
	if err := os.Symlink(binary, filepath.Join(c.dir, "api_calling")); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Chmod(program, 0o755); err != nil {
		c.t.Fatal(err)
	}
	script, err := filepath.Abs("../slurm/submit.sh")
	if err != nil {
		c.t.Fatal(err)
	}
	submit := c.command(script, append(args, s.args...)...)
	submit.Dir = c.dir // for what the jobs write
	submit.Env = append(submit.Env, "LLMROUTER="+program)
	var errs bytes.Buffer
	submit.Stderr = &errs
	out, err := submit.Output()
	if err != nil {
		c.t.Fatalf("%v\n%s", err, &errs)
	}
	last := out[bytes.LastIndexByte(bytes.TrimSpace(out), '\n')+1:]
	if _, err := fmt.Sscanf(string(last), "array %s merge %s", &array, &merge); err != nil {
		c.t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSuffix(array, ","), merge
}

// checkCalls demands that each pair is journaled once, that no more calls were made
// beside these than may have been under way, and that the ledger has their cost.
func (c *cluster) checkCalls(s *setting, pairs, calls, underWay int) {
	t := c.t
	n, cost := 0, int64(0)
	answers := map[string]bool{}
	entries(t, s.work(), func(e *journal.Entry) {
		n++
		answers[strings.Clone(e.Response)] = true
		cost += int64(math.Round(e.CostUSD * 1e12))
	})
	if n != pairs || len(answers) != pairs || calls-pairs > underWay {
		t.Errorf("%d entries, %d answers, %d calls for %d pairs, with %d under way at the kills", n, len(answers), calls, pairs, underWay)
	}
	t.Logf("%d calls were made again", calls-pairs)
	var parts map[string]struct {
		Granted int64 `json:"granted_pico_usd"`
	}
	text, err := os.ReadFile(filepath.Join(s.work(), "budget.json"))
	if err == nil {
		err = json.Unmarshal(text, &parts)
	}
	granted := int64(0)
	for _, part := range parts {
		granted += part.Granted
	}
	if err != nil || granted != cost {
		t.Errorf("the ledger has %d, the journals %d: %v", granted, cost, err)
	}
}
