// Package mar reads Mender Artifacts and makes deltas between them, by the C API of mender-artifact.
//
// ReadArtifact says what is in an Artifact, Check whether one that arrives as a stream is sound.
//
// An Engine makes delta Artifacts as a server needs it: many jobs at once, within bounds of memory and disk that it is
// given, each job for a tenant, with a deadline, progress and cancellation. Engine.Make is a job from the first byte of
// its inputs to the last of its result; Engine.Start, Job.Feed, Job.Wait, Job.Sign and Job.Read are its steps. With a Store
// results outlive it; Engine.Unfinished are the jobs that an earlier process left. Catalog.Plan says what a device should
// get, Engine.Plan the same with what the engine knows and the job to start.
//
// No call into C calls back, and none takes long but ReadArtifact and Summary, which read a whole file, Engine.Plan, which asks
// the store, Job.Read of a result that the store has, and the last Close of an engine and its jobs, which waits for its
// threads: a goroutine that waits for a job occupies no thread.
//
// Failures are of type *Error. What to do about one is told by its Reason, a stable word, or by the coarser Code:
//
//	if errors.Is(err, mar.NoGain) {
//		// serve the full Artifact
//	}
//
// The C library, libmender_artifact, is found by the compiler and the linker of cgo; where it is not installed,
// CGO_CFLAGS and CGO_LDFLAGS say where it is:
//
//	CGO_CFLAGS=-I/path/to/ffi/include CGO_LDFLAGS=-L/path/to/target/release go build
package mar
