package mar_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	mar "mender-artifact/ffi/go"
)

// A delta of two Artifacts that are downloaded meanwhile.
func ExampleEngine_Make() {
	engine, err := mar.NewEngine(mar.EngineOptions{WorkFolder: "/var/lib/deltas/work", Memory: 2 << 30})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()

	download := func(url string) io.ReadCloser {
		response, err := http.Get(url)
		if err != nil {
			log.Fatal(err)
		}
		return response.Body
	}
	from, to := download("https://example.com/v1.mender"), download("https://example.com/v2.mender")
	defer from.Close()
	defer to.Close()
	out, err := os.Create("v1-v2.mender")
	if err != nil {
		log.Fatal(err)
	}
	defer out.Close()

	spec := mar.Spec{Tenant: "acme", Limits: &mar.Limits{DeadlineSeconds: 600, MinSaving: 200}}
	report, err := engine.Make(context.Background(), spec, from, to, out, nil, func(p mar.Progress) {
		fmt.Println(p.State, p.Done, "of", p.Total)
	})
	switch {
	case errors.Is(err, mar.NoGain), errors.Is(err, mar.FromEqualsTo):
		fmt.Println("the full Artifact will do:", err)
	case errors.Is(err, mar.ErrLimit):
		fmt.Println("not within the limits:", err)
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println(report.Outcome.Len, "bytes instead of", report.Outcome.FullLen)
	}
}

// The steps of a job, with a signature from elsewhere.
func ExampleJob_Sign() {
	engine, err := mar.NewEngine(mar.EngineOptions{WorkFolder: "/var/lib/deltas/work"})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	public, err := os.ReadFile("public.pem")
	if err != nil {
		log.Fatal(err)
	}
	spec := mar.Spec{Tenant: "acme", Signing: mar.External(string(public))}
	job, err := engine.Start(spec, mar.Files("v1.mender", "v2.mender"))
	if err != nil {
		log.Fatal(err)
	}
	defer job.Close()
	ctx := context.Background()
	if _, err := job.Wait(ctx, nil); err != nil {
		log.Fatal(err)
	}
	askTheKeyService := func(ctx context.Context, manifest []byte) ([]byte, error) {
		return nil, errors.New("not in this example")
	}
	if err := job.Sign(ctx, askTheKeyService); err != nil {
		log.Fatal(err)
	}
	if _, err := job.Wait(ctx, nil); err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(os.Stdout, job); err != nil {
		log.Fatal(err)
	}
}

// What is in an Artifact.
func ExampleReadArtifact() {
	artifact, err := mar.ReadArtifact("release.mender", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(artifact.Name, artifact.CompatibleTypes, artifact.Payloads[0].Provides["rootfs-image.version"])
}
