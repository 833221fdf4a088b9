// Command eight makes deltas as a server does: eight jobs of several tenants at once, of which some succeed, some are
// refused and some are cancelled.
//
//	eight OLD.mender NEW.mender FOLDER
//
// The deltas go to FOLDER, beside the work folder of the engine; how each job ended, and the most memory that the process
// had, are printed.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	mar "mender-artifact/ffi/go"
)

// job is one of the eight.
type job struct {
	name     string
	spec     mar.Spec
	cancelAt mar.State     // cancelled as soon as it is in this state
	timeout  time.Duration // cancelled after so long
	from, to io.Reader
}

func (j job) run(engine *mar.Engine, folder string) string {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if j.timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, j.timeout)
		defer cancel()
	}
	var cancelled time.Time
	var out bytes.Buffer
	report, err := engine.Make(ctx, j.spec, j.from, j.to, &out, nil, func(p mar.Progress) {
		if j.cancelAt != 0 && p.State >= j.cancelAt && cancelled.IsZero() {
			cancelled = time.Now()
			cancel()
		}
	})
	var failure *mar.Error
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Sprintf("cancelled, in time %v", time.Since(cancelled) < time.Second)
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.As(err, &failure):
		return fmt.Sprintf("refused %s", failure.Reason)
	case err != nil:
		return err.Error()
	}
	if err := os.WriteFile(filepath.Join(folder, j.name+".mender"), out.Bytes(), 0o644); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s, memory %v", report.Origin, report.PeakMemory > 0)
}

// slow has nothing to say, until somebody stops listening.
type slow struct{ until <-chan struct{} }

func (s slow) Read([]byte) (int, error) {
	<-s.until
	return 0, io.EOF
}

// memoryInKiB is the most that the process had, as Linux counts it.
func memoryInKiB(kind string) string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	for _, line := range strings.Split(string(status), "\n") {
		if strings.HasPrefix(line, kind) {
			return strings.Fields(line)[1]
		}
	}
	return "unknown"
}

func run(old, new, folder string) error {
	from, err := os.ReadFile(old)
	if err != nil {
		return err
	}
	to, err := os.ReadFile(new)
	if err != nil {
		return err
	}
	engine, err := mar.NewEngine(mar.EngineOptions{
		WorkFolder: filepath.Join(folder, "work"),
		Workers:    3,
		Memory:     1 << 30,
	})
	if err != nil {
		return err
	}
	defer engine.Close()
	pushed := func() (io.Reader, io.Reader) { return bytes.NewReader(from), bytes.NewReader(to) }
	stop := make(chan struct{})
	time.AfterFunc(time.Second, func() { close(stop) })
	jobs := []job{
		{name: "acme", spec: mar.Spec{Tenant: "acme"}},
		{name: "bolt", spec: mar.Spec{Tenant: "bolt", Limits: &mar.Limits{Threads: 1}}},
		{name: "xdelta3", spec: mar.Spec{Tenant: "acme", Algorithm: mar.Xdelta3(), Compression: "none"}},
		{name: "xz", spec: mar.Spec{Tenant: "bolt", Algorithm: &mar.Algorithm{Name: "native", Level: "fast"}, Compression: "xz"}},
		{name: "limited", spec: mar.Spec{Tenant: "elsa", Limits: &mar.Limits{Memory: 1 << 20}}},
		{name: "useless", spec: mar.Spec{Tenant: "cove", Limits: &mar.Limits{MinSaving: 999}}},
		{name: "cancelled", spec: mar.Spec{Tenant: "cove", Algorithm: &mar.Algorithm{Name: "native", Level: "max"}}, cancelAt: mar.Planning},
		{name: "silent", spec: mar.Spec{Tenant: "dune"}, timeout: 300 * time.Millisecond, to: slow{stop}},
	}
	ends := make([]string, len(jobs))
	var all sync.WaitGroup
	for i, one := range jobs {
		wholeFrom, wholeTo := pushed()
		one.from = wholeFrom
		if one.to == nil {
			one.to = wholeTo
		}
		all.Add(1)
		go func(i int, one job) {
			defer all.Done()
			ends[i] = one.name + ": " + one.run(engine, folder)
		}(i, one)
	}
	all.Wait()
	sort.Strings(ends)
	for _, end := range ends {
		fmt.Println(end)
	}
	fmt.Println("most memory, KiB:", memoryInKiB("VmHWM:"))
	return nil
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: eight OLD.mender NEW.mender FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
