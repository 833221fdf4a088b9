package mar

// #include "mender_artifact.h"
import "C"

import (
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"sync"
)

// EngineOptions says what an Engine may use. Only WorkFolder has to be there; 0 stands for the default of the library.
// Sizes are in bytes.
type EngineOptions struct {
	// WorkFolder is for temporary files, of this engine alone, and made if it is not there.
	WorkFolder string `json:"work_folder"`
	// Workers is how many jobs are worked on at once: 2 by default.
	Workers int `json:"workers,omitempty"`
	// Threads is how many each of them has. By default the workers share the processors.
	Threads int `json:"threads,omitempty"`
	// Memory is for all jobs together: 8 GiB by default.
	Memory uint64 `json:"memory,omitempty"`
	// Disk is for the temporary files of all jobs together: 256 GiB by default.
	Disk uint64 `json:"disk,omitempty"`
	// QueueLength is how many jobs may wait: 1024 by default.
	QueueLength int `json:"queue_length,omitempty"`
	// Quota is for each tenant that has no other.
	Quota *Quota `json:"quota,omitempty"`
	// Store is where results are published and found again. Without one they are kept for as long as their Job.
	Store *Store `json:"store,omitempty"`
}

// Store is a folder or a bucket with the results of all tenants.
type Store struct {
	// Address is a folder, file:///folder, s3://bucket/prefix or az://container/prefix.
	Address string `json:"address"`
	// Settings are credentials, endpoint, region and the like; none for a folder, and none come from the environment.
	Settings map[string]string `json:"settings,omitempty"`
	// TimeoutSeconds is how long a request is tried: 60 by default.
	TimeoutSeconds uint64 `json:"timeout_seconds,omitempty"`
	// AttemptTimeoutSeconds is how long one attempt is waited for: 20 by default.
	AttemptTimeoutSeconds uint64 `json:"attempt_timeout_seconds,omitempty"`
}

// Quota is what one tenant may have going on.
type Quota struct {
	QueueLength    int `json:"queue_length,omitempty"`     // jobs that wait: 64 by default
	JobsInParallel int `json:"jobs_in_parallel,omitempty"` // jobs that are worked on: 2 by default
}

// Engine makes delta Artifacts: threads, memory and temporary files of its own. Any number of goroutines may use it.
type Engine struct {
	mutex sync.RWMutex
	c     *C.mar_engine
}

// NewEngine begins an engine, which is to be closed.
func NewEngine(options EngineOptions) (*Engine, error) {
	text, err := json.Marshal(struct {
		V int `json:"v"`
		EngineOptions
	}{1, options})
	if err != nil {
		return nil, err
	}
	said := string(text)
	cOptions, free := cString(&said)
	defer free()
	engine := new(Engine)
	_, err = call(func(detail *C.struct_mar_detail) C.int {
		return C.mar_engine_new(cOptions, &engine.c, detail)
	})
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(engine, func(engine *Engine) { go func() { _ = engine.Close() }() })
	return engine, nil
}

// Close lets go of the engine, which ends when the last of its jobs is closed, too. Always nil.
func (e *Engine) Close() error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	C.mar_engine_free(e.c)
	e.c = nil
	runtime.SetFinalizer(e, nil)
	return nil
}

// use keeps the engine from being closed while C uses it.
func (e *Engine) use(f func(c *C.mar_engine, detail *C.struct_mar_detail) C.int) error {
	e.mutex.RLock()
	defer e.mutex.RUnlock()
	_, err := call(func(detail *C.struct_mar_detail) C.int { return f(e.c, detail) })
	return err
}

// SetQuota gives a tenant a quota of its own, from now on. Here 0 is none. BadRequest for what is below that, or above the
// largest uint32.
func (e *Engine) SetQuota(tenant string, quota Quota) error {
	cTenant, free := cString(&tenant)
	defer free()
	for _, n := range []int{quota.QueueLength, quota.JobsInParallel} {
		if n < 0 || uint64(n) > math.MaxUint32 {
			return &Error{
				Code:    ErrArgument,
				Reason:  BadRequest,
				Offset:  -1,
				Message: fmt.Sprintf("quota: expected 0 to %d, found %d", uint32(math.MaxUint32), n),
			}
		}
	}
	waiting, working := C.uint32_t(quota.QueueLength), C.uint32_t(quota.JobsInParallel)
	return e.use(func(c *C.mar_engine, detail *C.struct_mar_detail) C.int {
		return C.mar_engine_set_quota(c, cTenant, waiting, working, detail)
	})
}

// SetSigner lets jobs of this tenant, and of no other, be signed by a private key in PEM: see Named. The key stays in
// memory. Job.Sign is for keys elsewhere.
func (e *Engine) SetSigner(tenant, name string, keyPEM []byte) error {
	cTenant, freeTenant := cString(&tenant)
	defer freeTenant()
	cName, freeName := cString(&name)
	defer freeName()
	bytes, size := bytesOf(keyPEM)
	return e.use(func(c *C.mar_engine, detail *C.struct_mar_detail) C.int {
		return C.mar_engine_set_signer(c, cTenant, cName, bytes, size, detail)
	})
}

// Interrupt ends all jobs with Interrupted and takes no more, for a server that stops in an orderly way. What was not over
// is Unfinished for the next engine in the work folder; Job.Close before it would have cancelled it.
func (e *Engine) Interrupt() error {
	return e.use(func(c *C.mar_engine, detail *C.struct_mar_detail) C.int {
		return C.mar_engine_interrupt(c, detail)
	})
}

// Start begins a job, which is to be closed. Inputs that are no files come by Job.Feed.
func (e *Engine) Start(spec Spec, inputs Inputs) (*Job, error) {
	text, err := spec.json()
	if err != nil {
		return nil, err
	}
	cSpec, freeSpec := cString(&text)
	defer freeSpec()
	cFrom, freeFrom := cString(inputs.From)
	defer freeFrom()
	cTo, freeTo := cString(inputs.To)
	defer freeTo()
	return e.newJob(func(c *C.mar_engine, job **C.mar_job, detail *C.struct_mar_detail) C.int {
		return C.mar_job_new(c, cSpec, cFrom, cTo, job, detail)
	})
}

// newJob is the job that C gives, which is to be closed.
func (e *Engine) newJob(
	f func(c *C.mar_engine, job **C.mar_job, detail *C.struct_mar_detail) C.int,
) (*Job, error) {
	job := new(Job)
	err := e.use(func(c *C.mar_engine, detail *C.struct_mar_detail) C.int { return f(c, &job.c, detail) })
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(job, func(job *Job) { go func() { _ = job.Close() }() })
	return job, nil
}

// Inputs are the files that the two Artifacts are in. What is nil comes by Job.Feed.
type Inputs struct {
	From *string // what devices have
	To   *string // what they are to get
}

// Files are two files, which stay as they are until the job is over.
func Files(from, to string) Inputs { return Inputs{From: &from, To: &to} }
