package mar

// #include "mender_artifact.h"
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"
)

// State of a Job.
type State int

// The states of a job, in the order of its life; it ends with one of the last three.
const (
	Queued            State = C.MAR_JOB_QUEUED
	Spooling          State = C.MAR_JOB_SPOOLING
	Planning          State = C.MAR_JOB_PLANNING
	Diffing           State = C.MAR_JOB_DIFFING
	Compressing       State = C.MAR_JOB_COMPRESSING
	Verifying         State = C.MAR_JOB_VERIFYING
	AwaitingSignature State = C.MAR_JOB_AWAITING_SIGNATURE
	Done              State = C.MAR_JOB_DONE
	Failed            State = C.MAR_JOB_FAILED
	WasCancelled      State = C.MAR_JOB_CANCELLED
)

var states = map[State]string{
	Queued: "queued", Spooling: "spooling", Planning: "planning", Diffing: "diffing", Compressing: "compressing",
	Verifying: "verifying", AwaitingSignature: "awaiting_signature", Done: "done", Failed: "failed",
	WasCancelled: "cancelled",
}

// String is the stable word.
func (s State) String() string { return states[s] }

// Progress is how far a job is. Sizes are in bytes.
type Progress struct {
	State      State
	Done       uint64 // of what the state counts
	Total      uint64 // 0 where that is not known
	PeakMemory uint64 // upper bound of what the work takes; 0 before it is known
	PeakDisk   uint64 // the same of temporary files
}

// Side is one of the two Artifacts of a job.
type Side int

// The Artifact that devices have, and the one that they are to get.
const (
	From Side = C.MAR_SIDE_FROM
	To   Side = C.MAR_SIDE_TO
)

// How often a job is asked how far it is: soon at first, then less often.
const (
	firstLook = time.Millisecond
	lastLook  = 50 * time.Millisecond
)

// Job is one delta Artifact in the making. Any number of goroutines may use it at the same time, but one for each side in
// Feed and one in Read.
type Job struct {
	mutex sync.RWMutex
	c     *C.mar_job
}

// use keeps the job from being closed while C uses it.
func (j *Job) use(f func(c *C.mar_job, detail *C.struct_mar_detail) C.int) (Code, error) {
	j.mutex.RLock()
	defer j.mutex.RUnlock()
	return call(func(detail *C.struct_mar_detail) C.int { return f(j.c, detail) })
}

// Close lets go of the job, which is cancelled unless it is over. Always nil.
func (j *Job) Close() error {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	C.mar_job_free(j.c)
	j.c = nil
	runtime.SetFinalizer(j, nil)
	return nil
}

// Cancel ends the job at once, unless it is over; what it took is given back as soon as its worker comes by.
func (j *Job) Cancel() error {
	_, err := j.use(func(c *C.mar_job, detail *C.struct_mar_detail) C.int { return C.mar_job_cancel(c, detail) })
	return err
}

// Feed gives the job everything that r has as one of its Artifacts. If the job has failed meanwhile, that is returned; what
// r fails of is returned as it is, and cancels the job, as does the end of ctx.
func (j *Job) Feed(ctx context.Context, side Side, r io.Reader) error {
	buffer := make([]byte, 256<<10)
	for {
		if err := ctx.Err(); err != nil {
			_ = j.Cancel()
			return err
		}
		n, err := r.Read(buffer)
		if n > 0 {
			if err := j.push(ctx, side, buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return j.push(ctx, side, nil)
		}
		if err != nil {
			_ = j.Cancel()
			return err
		}
	}
}

// push gives one piece, as soon as it is wanted; none is the end.
func (j *Job) push(ctx context.Context, side Side, piece []byte) error {
	for {
		var isAll bool
		err := j.poll(ctx, func() (bool, error) {
			bytes, size := bytesOf(piece)
			var taken C.size_t
			code, err := j.use(func(c *C.mar_job, detail *C.struct_mar_detail) C.int {
				return C.mar_job_feed(c, C.int(side), bytes, size, &taken, detail)
			})
			piece = piece[taken:]
			isAll = code != C.MAR_AGAIN
			return isAll || taken > 0, err
		})
		if isAll || err != nil {
			return err
		}
	}
}

// poll asks until the answer is yes, an error, or ctx is done, which cancels the job.
func (j *Job) poll(ctx context.Context, ask func() (bool, error)) error {
	var timer *time.Timer
	for look := firstLook; ; look = min(2*look, lastLook) {
		if err := ctx.Err(); err != nil {
			_ = j.Cancel()
			return err
		}
		if isSo, err := ask(); isSo || err != nil {
			return err
		}
		if timer == nil {
			timer = time.NewTimer(look)
			defer timer.Stop()
		} else {
			timer.Reset(look)
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
}

func min(a, b time.Duration) time.Duration {
	if a < b {
		return a
	}
	return b
}

// Progress is how far the job is, and, when it has failed or was cancelled, why.
func (j *Job) Progress() (Progress, error) {
	var c C.struct_mar_progress
	c.struct_size = C.sizeof_struct_mar_progress
	_, err := j.use(func(job *C.mar_job, detail *C.struct_mar_detail) C.int {
		return C.mar_job_wait(job, 0, &c, detail)
	})
	return Progress{
		State:      State(c.state),
		Done:       uint64(c.done),
		Total:      uint64(c.total),
		PeakMemory: uint64(c.peak_memory),
		PeakDisk:   uint64(c.peak_disk),
	}, err
}

// Wait waits until the job is done (nil), has failed (an *Error), or waits for a signature (nil), and tells which. While
// it waits it occupies no thread. The end of ctx cancels the job and is returned. told, if it is not nil, hears of progress
// now and then.
func (j *Job) Wait(ctx context.Context, told func(Progress)) (State, error) {
	var last Progress
	err := j.poll(ctx, func() (bool, error) {
		progress, err := j.Progress()
		if told != nil && progress != last {
			told(progress)
		}
		last = progress
		return err == nil && (progress.State == Done || progress.State == AwaitingSignature), err
	})
	return last.State, err
}

// SignFunc signs a manifest over its SHA-256: RSA PKCS #1 v1.5, or ECDSA P-256 as its two numbers of 32 bytes each.
type SignFunc func(ctx context.Context, manifest []byte) ([]byte, error)

// Sign has a job that waits for it signed. If sign fails, the job still waits.
func (j *Job) Sign(ctx context.Context, sign SignFunc) error {
	var input *C.mar_buffer
	_, err := j.use(func(c *C.mar_job, detail *C.struct_mar_detail) C.int {
		return C.mar_job_signing_input(c, &input, detail)
	})
	if err != nil {
		return err
	}
	signature, err := sign(ctx, taken(input))
	if err != nil {
		return fmt.Errorf("mar: signing: %w", err)
	}
	bytes, size := bytesOf(signature)
	_, err = j.use(func(c *C.mar_job, detail *C.struct_mar_detail) C.int {
		return C.mar_job_attach_signature(c, bytes, size, detail)
	})
	return err
}

// Read reads the delta Artifact of a job that is done: a Job is an io.Reader.
func (j *Job) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	bytes, size := bytesOf(p)
	var n C.size_t
	_, err := j.use(func(c *C.mar_job, detail *C.struct_mar_detail) C.int {
		return C.mar_job_read(c, bytes, size, &n, detail)
	})
	if err == nil && n == 0 {
		err = io.EOF
	}
	return int(n), err
}

// Report is what became of a job. Sizes are in bytes.
type Report struct {
	ID           string          `json:"id"`
	Tenant       string          `json:"tenant"`
	State        string          `json:"state"`
	MenderStatus string          `json:"mender_status"` // what Mender's API calls the state
	Key          string          `json:"key"`           // equal jobs have equal ones
	FromSHA256   string          `json:"from_sha256"`
	ToSHA256     string          `json:"to_sha256"`
	Origin       string          `json:"origin"` // "made", "joined", "stored", "remembered"
	Outcome      *Outcome        `json:"outcome"`
	Failure      json.RawMessage `json:"failure"`
	PeakMemory   uint64          `json:"peak_memory"` // upper bounds that the work was granted
	PeakDisk     uint64          `json:"peak_disk"`
	Threads      int             `json:"threads"`
	JSON         []byte          `json:"-"` // all of it
}

// Outcome is a delta Artifact. Sizes are in bytes.
type Outcome struct {
	SHA256      string `json:"sha256"` // of the delta Artifact as a file
	Len         uint64 `json:"len"`
	FullLen     uint64 `json:"full_len"` // of the full Artifact that it stands for
	DeltaLen    uint64 `json:"delta_len"`
	ImageLen    uint64 `json:"image_len"`
	ApplyMemory uint64 `json:"apply_memory"` // that a device needs
	Signed      bool   `json:"signed"`
}

// Report says what became of the job so far.
func (j *Job) Report() (*Report, error) {
	var text *C.mar_buffer
	_, err := j.use(func(c *C.mar_job, detail *C.struct_mar_detail) C.int {
		return C.mar_job_report(c, &text, detail)
	})
	if err != nil {
		return nil, err
	}
	report := &Report{JSON: taken(text)}
	if err := json.Unmarshal(report.JSON, report); err != nil {
		return nil, fmt.Errorf("mar: report of a job: %w", err)
	}
	return report, nil
}
