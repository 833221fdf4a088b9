package mar

// #include "mender_artifact.h"
import "C"

import (
	"encoding/json"
	"fmt"
	"time"
)

// Unfinished is a job that an earlier engine in the same work folder accepted and did not bring to its end: it was
// interrupted, or its process killed.
type Unfinished struct {
	ID   string `json:"id"`
	Spec Spec   `json:"spec"`
	// Paths are the two Artifacts, if they were files; nil if one was fed, and has to be again.
	Paths    []string `json:"paths"`
	Accepted int64    `json:"accepted"` // seconds since 1970
}

// AcceptedAt is when the job was accepted.
func (u Unfinished) AcceptedAt() time.Time { return time.Unix(u.Accepted, 0) }

// Unfinished are the jobs that wait for TakeUp or Forget: those of one tenant, oldest first, or of all if tenant is empty.
func (e *Engine) Unfinished(tenant string) ([]Unfinished, error) {
	var said *string
	if tenant != "" {
		said = &tenant
	}
	cTenant, free := cString(said)
	defer free()
	var text *C.mar_buffer
	err := e.use(func(c *C.mar_engine, detail *C.struct_mar_detail) C.int {
		return C.mar_engine_unfinished(c, cTenant, &text, detail)
	})
	if err != nil {
		return nil, err
	}
	var all []Unfinished
	if err := json.Unmarshal(taken(text), &all); err != nil {
		return nil, fmt.Errorf("mar: unfinished jobs: %w", err)
	}
	return all, nil
}

// TakeUp goes on with an unfinished job, under its old name and with its deadline counted from now; it is to be closed.
// Without inputs it has the files that it had; what was fed has to be fed again. Each job is taken up once.
func (e *Engine) TakeUp(tenant, id string, inputs Inputs) (*Job, error) {
	cTenant, freeTenant := cString(&tenant)
	defer freeTenant()
	cID, freeID := cString(&id)
	defer freeID()
	cFrom, freeFrom := cString(inputs.From)
	defer freeFrom()
	cTo, freeTo := cString(inputs.To)
	defer freeTo()
	return e.newJob(func(c *C.mar_engine, job **C.mar_job, detail *C.struct_mar_detail) C.int {
		return C.mar_engine_take_up(c, cTenant, cID, cFrom, cTo, job, detail)
	})
}

// Forget strikes an unfinished job off.
func (e *Engine) Forget(tenant, id string) error {
	cTenant, freeTenant := cString(&tenant)
	defer freeTenant()
	cID, freeID := cString(&id)
	defer freeID()
	return e.use(func(c *C.mar_engine, detail *C.struct_mar_detail) C.int {
		return C.mar_engine_forget(c, cTenant, cID, detail)
	})
}
