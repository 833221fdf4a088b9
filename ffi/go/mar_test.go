package mar

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// file is the path of a file that the tests are given: old.mender and new.mender are two full Artifacts, delta.mender is
// what 'mender-artifact write delta-image' makes of them.
func file(t *testing.T, name string) string {
	t.Helper()
	folder := os.Getenv("MAR_TEST_FOLDER")
	if folder == "" {
		t.Skip("MAR_TEST_FOLDER is not set: 'cargo test -p mender-ffi --test go_module' makes one")
	}
	return filepath.Join(folder, name)
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(file(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func engine(t *testing.T) *Engine {
	t.Helper()
	engine, err := NewEngine(EngineOptions{WorkFolder: filepath.Join(t.TempDir(), "work")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	return engine
}

func makeDelta(t *testing.T, engine *Engine, spec Spec) ([]byte, *Report, error) {
	t.Helper()
	from, to := bytes.NewReader(read(t, "old.mender")), bytes.NewReader(read(t, "new.mender"))
	var out bytes.Buffer
	report, err := engine.Make(context.Background(), spec, from, to, &out, nil, nil)
	return out.Bytes(), report, err
}

func TestArtifactsSayWhatIsInThem(t *testing.T) {
	artifact, err := ReadArtifact(file(t, "new.mender"), nil)
	if err != nil {
		t.Fatal(err)
	}
	payload := artifact.Payloads[0]
	if artifact.Name != "new" || payload.Type != "rootfs-image" || payload.Files[0].Name != "new.img" {
		t.Errorf("%+v", artifact)
	}
	if sum := payload.Provides["rootfs-image.checksum"]; len(sum) != 1 || sum[0] != payload.Files[0].SHA256 {
		t.Errorf("%+v", payload)
	}
	_, err = ReadArtifact(file(t, "new.img"), nil)
	var failure *Error
	if !errors.Is(err, ErrFormat) || !errors.As(err, &failure) || failure.Offset != 0 || failure.Message == "" {
		t.Errorf("%v", err)
	}
	if _, err = ReadArtifact(file(t, "new.mender"), []byte{}); !errors.Is(err, ErrKey) {
		t.Errorf("%v", err)
	}
}

func TestStreamsAreChecked(t *testing.T) {
	content := read(t, "new.mender")
	if err := Check(bytes.NewReader(content), nil); err != nil {
		t.Error(err)
	}
	if err := Check(bytes.NewReader(content[:len(content)/2]), nil); !errors.Is(err, ErrTruncated) {
		t.Errorf("%v", err)
	}
	broken := io.MultiReader(bytes.NewReader(content[:1000]), failing{})
	if err := Check(broken, nil); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
}

var errBroken = errors.New("the line is broken")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

// silent has nothing until it is closed.
type silent chan struct{}

func (s silent) Read([]byte) (int, error) {
	<-s
	return 0, io.EOF
}

func TestADeltaIsThatOfTheCommand(t *testing.T) {
	engine := engine(t)
	delta, report, err := makeDelta(t, engine, Spec{Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(delta, read(t, "delta.mender")) {
		t.Error("another delta than the command's")
	}
	if report.State != "done" || report.Outcome.Len != uint64(len(delta)) || report.Tenant != "acme" {
		t.Errorf("%s", report.JSON)
	}

	job, err := engine.Start(Spec{Tenant: "other"}, Files(file(t, "old.mender"), file(t, "new.mender")))
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	var seen []State
	state, err := job.Wait(context.Background(), func(p Progress) {
		if len(seen) == 0 || seen[len(seen)-1] != p.State {
			seen = append(seen, p.State)
		}
	})
	if err != nil || state != Done {
		t.Fatal(state, err)
	}
	if len(seen) == 0 || seen[len(seen)-1] != Done {
		t.Errorf("%v", seen)
	}
	again, err := io.ReadAll(job)
	if err != nil || !bytes.Equal(again, delta) {
		t.Error("a delta of files differs", err)
	}
}

func TestReasonsAreTold(t *testing.T) {
	engine := engine(t)
	for _, c := range []struct {
		spec   Spec
		code   Code
		reason Reason
	}{
		{Spec{Tenant: "a/b"}, ErrArgument, BadRequest},
		{Spec{Tenant: "a", Algorithm: &Algorithm{Name: "rsync"}}, ErrArgument, BadRequest},
		{Spec{Tenant: "a", Limits: &Limits{Memory: 1}}, ErrLimit, LimitMemory},
		{Spec{Tenant: "b", Limits: &Limits{Disk: 1000}}, ErrLimit, LimitDisk},
		{Spec{Tenant: "c", Limits: &Limits{MinSaving: 999}}, ErrRefused, NoGain},
		{Spec{Tenant: "d", VerifyKey: string(read(t, "public.pem"))}, ErrUnsigned, Unsigned},
	} {
		_, _, err := makeDelta(t, engine, c.spec)
		if !errors.Is(err, c.code) || !errors.Is(err, c.reason) || errors.Is(err, Cancelled) {
			t.Errorf("%+v: %v", c.spec, err)
		}
	}
	same := func() io.Reader { return bytes.NewReader(read(t, "new.mender")) }
	_, err := engine.Make(context.Background(), Spec{Tenant: "a"}, same(), same(), io.Discard, nil, nil)
	if !errors.Is(err, FromEqualsTo) {
		t.Errorf("%v", err)
	}
	_, err = engine.Make(context.Background(), Spec{Tenant: "a"}, same(), failing{}, io.Discard, nil, nil)
	if !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	_, err = engine.Make(context.Background(), Spec{Tenant: "a"}, bytes.NewReader(nil), same(), io.Discard, nil, nil)
	if !errors.Is(err, BadArtifact) {
		t.Errorf("%v", err)
	}
}

func TestTheEndOfAContextCancels(t *testing.T) {
	engine := engine(t)
	ctx, cancel := context.WithCancel(context.Background())
	job, err := engine.Start(Spec{Tenant: "acme"}, Inputs{})
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := job.Wait(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	before := time.Now()
	state, err := job.Wait(context.Background(), nil)
	if state != WasCancelled || !errors.Is(err, Cancelled) || !errors.Is(err, ErrCancelled) {
		t.Errorf("%v %v", state, err)
	}
	if took := time.Since(before); took > time.Second {
		t.Errorf("cancelling took %v", took)
	}
	var p [1]byte
	if _, err := job.Read(p[:]); !errors.Is(err, WrongState) && !errors.Is(err, Cancelled) {
		t.Errorf("%v", err)
	}

	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	blocked := make(silent)
	time.AfterFunc(200*time.Millisecond, func() { close(blocked) })
	_, err = engine.Make(ctx, Spec{Tenant: "acme"}, blocked, blocked, io.Discard, nil, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestASignatureMayComeFromElsewhere(t *testing.T) {
	engine := engine(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	job, err := engine.Start(
		Spec{Tenant: "acme", Signing: External(string(public))},
		Files(file(t, "old.mender"), file(t, "new.mender")),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	if state, err := job.Wait(context.Background(), nil); state != AwaitingSignature || err != nil {
		t.Fatal(state, err)
	}
	nonsense := func(context.Context, []byte) ([]byte, error) { return make([]byte, 64), nil }
	if err := job.Sign(context.Background(), nonsense); !errors.Is(err, BadSignature) {
		t.Errorf("%v", err)
	}
	refuse := func(context.Context, []byte) ([]byte, error) { return nil, errBroken }
	if err := job.Sign(context.Background(), refuse); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	if err := job.Sign(context.Background(), Signer(key)); err != nil {
		t.Fatal(err)
	}
	if state, err := job.Wait(context.Background(), nil); state != Done || err != nil {
		t.Fatal(state, err)
	}
	path := filepath.Join(t.TempDir(), "signed.mender")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, job); err != nil {
		t.Error(err)
	}
	if err := out.Close(); err != nil {
		t.Error(err)
	}
	if artifact, err := ReadArtifact(path, public); err != nil || artifact.Signature != "verified" {
		t.Error(artifact, err)
	}
	if _, err := ReadArtifact(path, read(t, "public.pem")); !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
}

func TestOneEngineForAFolder(t *testing.T) {
	folder := t.TempDir()
	first, err := NewEngine(EngineOptions{WorkFolder: folder})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewEngine(EngineOptions{WorkFolder: folder}); !errors.Is(err, WorkBusy) {
		t.Errorf("%v", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	second, err := NewEngine(EngineOptions{WorkFolder: folder})
	if err != nil {
		t.Fatal(err)
	}
	_ = second.Close()
	if _, err := second.Start(Spec{Tenant: "acme"}, Inputs{}); !errors.Is(err, ErrArgument) {
		t.Errorf("%v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if _, err := NewEngine(EngineOptions{}); !errors.Is(err, BadRequest) {
		t.Errorf("%v", err)
	}
}

func TestAPlanForADevice(t *testing.T) {
	catalog, err := NewCatalog("acme")
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close()
	provides := map[string]string{
		"device_type":          "board",
		"artifact_name":        "old",
		"rootfs-image.version": "old",
		"rootfs-image.update-module.mender-binary-delta.mender_update_module": "mender-binary-delta",
		"rootfs-image.update-module.mender-binary-delta.version":              "1",
	}
	for _, name := range []string{"old", "new"} {
		summary, err := Summary(file(t, name+".mender"), name)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < 2; i++ {
			if err := catalog.Add(summary); err != nil {
				t.Error(err)
			}
		}
	}
	old, err := ReadArtifact(file(t, "old.mender"), nil)
	if err != nil {
		t.Fatal(err)
	}
	question := Question{Device: Device{provides}, Release: "new"}
	plan, err := catalog.Plan(question)
	if err != nil || plan.Plan != "full" || plan.ID != "new" || plan.Reasons[0].Code != "checksum_not_reported" {
		t.Errorf("%+v %v", plan, err)
	}
	provides["rootfs-image.checksum"] = old.Payloads[0].Provides["rootfs-image.checksum"][0]
	plan, err = catalog.Plan(question)
	if err != nil || plan.Plan != "generate" || plan.From != "old" || plan.To != "new" || plan.Algorithm != "xdelta3" {
		t.Errorf("%+v %v", plan, err)
	}
	if err := catalog.Remove("new"); err != nil {
		t.Error(err)
	}
	if plan, err = catalog.Plan(question); err != nil || plan.Plan != "nothing" {
		t.Errorf("%+v %v", plan, err)
	}
	if _, err := catalog.Plan(Question{Device: Device{map[string]string{}}}); !errors.Is(err, Reason("bad_field")) || !errors.Is(err, ErrArgument) {
		t.Errorf("%v", err)
	}
	if _, err := Summary(file(t, "new.img"), ""); !errors.Is(err, BadArtifact) || !errors.Is(err, ErrFormat) {
		t.Errorf("%v", err)
	}
}
