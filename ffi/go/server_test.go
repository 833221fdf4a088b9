package mar

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"testing"
)

// files is a job's inputs as the tests are given them.
func files(t *testing.T) Inputs {
	t.Helper()
	return Files(file(t, "old.mender"), file(t, "new.mender"))
}

// whole is everything that a job makes.
func whole(t *testing.T, job *Job) []byte {
	t.Helper()
	if state, err := job.Wait(context.Background(), nil); state != Done || err != nil {
		t.Fatal(state, err)
	}
	delta, err := io.ReadAll(job)
	if err != nil {
		t.Fatal(err)
	}
	return delta
}

func TestResultsAreFoundInTheStore(t *testing.T) {
	store := &Store{Address: "file://" + filepath.Join(t.TempDir(), "store")}
	for i, origin := range []string{"made", "stored"} {
		engine, err := NewEngine(EngineOptions{WorkFolder: filepath.Join(t.TempDir(), "work"), Store: store})
		if err != nil {
			t.Fatal(err)
		}
		job, err := engine.Start(Spec{Tenant: "acme"}, files(t))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(whole(t, job), read(t, "delta.mender")) {
			t.Error("another delta than the command's", i)
		}
		report, err := job.Report()
		if err != nil || report.Origin != origin || report.MenderStatus != "artifact_uploaded" {
			t.Errorf("%d: %+v %v", i, report, err)
		}
		other, err := engine.Start(Spec{Tenant: "other"}, files(t))
		if err != nil {
			t.Fatal(err)
		}
		whole(t, other)
		// What one tenant has made is nothing to another one.
		if report, err := other.Report(); err != nil || report.Origin != origin {
			t.Errorf("%d: %+v %v", i, report, err)
		}
		_, _ = job.Close(), other.Close()
		_ = engine.Close()
	}
	if _, err := NewEngine(EngineOptions{WorkFolder: t.TempDir(), Store: &Store{Address: "ftp://x"}}); !errors.Is(err, BadRequest) {
		t.Errorf("%v", err)
	}
	gone := &Store{
		Address: "s3://bucket", AttemptTimeoutSeconds: 1, TimeoutSeconds: 1,
		Settings: map[string]string{
			"endpoint": "http://127.0.0.1:1", "allow_http": "true", "region": "x",
			"access_key_id": "x", "secret_access_key": "x",
		},
	}
	engine, err := NewEngine(EngineOptions{WorkFolder: t.TempDir(), Store: gone})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	job, err := engine.Start(Spec{Tenant: "acme"}, files(t))
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	_, err = job.Wait(context.Background(), nil)
	if !errors.Is(err, ErrIO) || !(errors.Is(err, StoreUnreachable) || errors.Is(err, StoreSlow)) {
		t.Errorf("%v", err)
	}
}

func TestFromAReportToADelta(t *testing.T) {
	store := &Store{Address: filepath.Join(t.TempDir(), "store")}
	engine, err := NewEngine(EngineOptions{WorkFolder: filepath.Join(t.TempDir(), "work"), Store: store})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	catalog, err := NewCatalog("acme")
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close()
	for _, name := range []string{"old", "new"} {
		summary, err := Summary(file(t, name+".mender"), name)
		if err == nil {
			err = catalog.Add(summary)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	old, err := ReadArtifact(file(t, "old.mender"), nil)
	if err != nil {
		t.Fatal(err)
	}
	question := Question{Release: "new", Device: Device{map[string]string{
		"device_type":           "board",
		"artifact_name":         "old",
		"rootfs-image.version":  "old",
		"rootfs-image.checksum": old.Payloads[0].Provides["rootfs-image.checksum"][0],
		"rootfs-image.update-module.mender-delta.mender_update_module": "mender-delta",
		"rootfs-image.update-module.mender-delta.version":              "1",
	}}}
	usual := Spec{Tenant: "acme"}
	plan, err := engine.Plan(catalog, question, usual)
	if err != nil || plan.Plan != "generate" || plan.Spec == nil || plan.Estimate != 0 {
		t.Fatalf("%+v %v", plan, err)
	}
	job, err := engine.Start(*plan.Spec, Files(file(t, plan.From+".mender"), file(t, plan.To+".mender")))
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	delta := whole(t, job)
	if !bytes.Equal(delta, read(t, "delta.mender")) {
		t.Error("another delta than the command's")
	}
	// It is in the store now, and so its size is known.
	if plan, err = engine.Plan(catalog, question, usual); err != nil || plan.Estimate != uint64(len(delta)) {
		t.Errorf("%+v %v", plan, err)
	}
	if _, err := engine.Plan(catalog, question, Spec{Tenant: "other"}); !errors.Is(err, Reason("tenant_mismatch")) {
		t.Errorf("%v", err)
	}
}

func TestTheEngineSignsForTheTenantWhoseKeyItIs(t *testing.T) {
	engine := engine(t)
	if err := engine.SetSigner("acme", "release", []byte("no key")); !errors.Is(err, ErrKey) {
		t.Errorf("%v", err)
	}
	if err := engine.SetSigner("a/b", "release", read(t, "private.pem")); !errors.Is(err, ErrArgument) {
		t.Errorf("%v", err)
	}
	if err := engine.SetSigner("acme", "release", read(t, "private.pem")); err != nil {
		t.Fatal(err)
	}
	delta, report, err := makeDelta(t, engine, Spec{Tenant: "acme", Signing: Named("release")})
	if err != nil || !report.Outcome.Signed || !bytes.Equal(delta, read(t, "signed.mender")) {
		t.Fatal(report, err)
	}
	if err := Check(bytes.NewReader(delta), read(t, "public.pem")); err != nil {
		t.Error(err)
	}
	for _, spec := range []Spec{
		{Tenant: "acme", Signing: Named("test")},
		{Tenant: "other", Signing: Named("release")},
	} {
		if _, err := engine.Start(spec, files(t)); !errors.Is(err, UnknownSigner) || !errors.Is(err, ErrArgument) {
			t.Errorf("%v", err)
		}
	}
}

func TestAQuotaHoldsForItsTenant(t *testing.T) {
	engine := engine(t)
	for _, wrong := range []Quota{{QueueLength: -1}, {JobsInParallel: -1}} {
		if err := engine.SetQuota("acme", wrong); !errors.Is(err, BadRequest) || !errors.Is(err, ErrArgument) {
			t.Errorf("%v: %v", wrong, err)
		}
	}
	if err := engine.SetQuota("acme", Quota{}); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Start(Spec{Tenant: "acme"}, Inputs{}); !errors.Is(err, LimitQuota) || !errors.Is(err, ErrLimit) {
		t.Errorf("%v", err)
	}
	job, err := engine.Start(Spec{Tenant: "other"}, Inputs{})
	if err != nil {
		t.Fatal(err)
	}
	_ = job.Close()
}

func TestUnfinishedJobsAreTakenUpAgain(t *testing.T) {
	work := filepath.Join(t.TempDir(), "work")
	first, err := NewEngine(EngineOptions{WorkFolder: work, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	// None is worked on before the engine is interrupted.
	none := Quota{QueueLength: 8}
	for _, tenant := range []string{"acme", "other"} {
		if err := first.SetQuota(tenant, none); err != nil {
			t.Fatal(err)
		}
	}
	var jobs []*Job
	for _, start := range []struct {
		tenant string
		inputs Inputs
	}{{"acme", files(t)}, {"acme", Inputs{}}, {"other", files(t)}, {"other", files(t)}} {
		job, err := first.Start(Spec{Tenant: start.tenant, Limits: &Limits{Threads: uint16(len(jobs) + 1)}}, start.inputs)
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, job)
	}
	// Whoever cancels means it, whoever is interrupted does not.
	_ = jobs[3].Close()
	if err := first.Interrupt(); err != nil {
		t.Fatal(err)
	}
	for _, job := range jobs[:3] {
		state, err := job.Wait(context.Background(), nil)
		if state != Failed || !errors.Is(err, Interrupted) || !errors.Is(err, ErrRefused) {
			t.Error(state, err)
		}
		_ = job.Close()
	}
	if _, err := first.Start(Spec{Tenant: "acme"}, files(t)); !errors.Is(err, Interrupted) {
		t.Errorf("%v", err)
	}
	_ = first.Close()

	second, err := NewEngine(EngineOptions{WorkFolder: work})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	all, err := second.Unfinished("")
	if err != nil || len(all) != 3 {
		t.Fatal(all, err)
	}
	for _, tenant := range []string{"acme", "other", "nobody"} {
		want := map[string]int{"acme": 2, "other": 1}[tenant]
		if of, err := second.Unfinished(tenant); err != nil || len(of) != want {
			t.Error(tenant, of, err)
		}
	}
	for _, job := range all {
		if job.AcceptedAt().IsZero() || job.Spec.Limits == nil || job.Spec.Limits.Threads == 0 {
			t.Errorf("%+v", job)
		}
		if _, err := second.TakeUp("nobody", job.ID, Inputs{}); !errors.Is(err, UnknownJob) {
			t.Errorf("%v", err)
		}
		if job.Spec.Tenant == "other" {
			takeUpOnce(t, second, job)
			continue
		}
		again, err := second.TakeUp("acme", job.ID, Inputs{})
		if err != nil {
			t.Fatal(err)
		}
		if job.Paths == nil {
			for side, name := range []string{From: "old.mender", To: "new.mender"} {
				if err := again.Feed(context.Background(), Side(side), bytes.NewReader(read(t, name))); err != nil {
					t.Error(err)
				}
			}
		}
		if !bytes.Equal(whole(t, again), read(t, "delta.mender")) {
			t.Error("another delta than the command's")
		}
		_ = again.Close()
	}
	if err := second.Forget("acme", all[0].ID); !errors.Is(err, UnknownJob) {
		t.Errorf("%v", err)
	}
	if err := second.Forget("acme", "nothing like a job"); !errors.Is(err, ErrArgument) {
		t.Errorf("%v", err)
	}
	if left, err := second.Unfinished(""); err != nil || len(left) != 0 {
		t.Error(left, err)
	}
}

// takeUpOnce has many try to have the same job.
func takeUpOnce(t *testing.T, engine *Engine, unfinished Unfinished) {
	t.Helper()
	var all sync.WaitGroup
	taken := make(chan *Job, 8)
	for i := 0; i < 8; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			job, err := engine.TakeUp(unfinished.Spec.Tenant, unfinished.ID, Inputs{})
			if err == nil {
				taken <- job
			} else if !errors.Is(err, UnknownJob) {
				t.Error(err)
			}
		}()
	}
	all.Wait()
	close(taken)
	if len(taken) != 1 {
		t.Error(len(taken), "have the same job")
	}
	for job := range taken {
		if report, err := job.Report(); err != nil || report.ID != unfinished.ID {
			t.Error(report, err)
		}
		whole(t, job)
		_ = job.Close()
	}
}
