package mar

// #include "mender_artifact.h"
import "C"

import (
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
)

// Catalog is what a server knows of the Artifacts of one tenant. Any number of goroutines may use it.
type Catalog struct {
	mutex sync.RWMutex
	c     *C.mar_catalog
}

// Question asks what a device should get. Only Device has to be there.
type Question struct {
	// Device is what it reports: its provides, device_type and artifact_name among them.
	Device Device `json:"device"`
	// Release and IDs are what is looked at: the Artifacts of a release, or those with these identifiers.
	Release string   `json:"release,omitempty"`
	IDs     []string `json:"ids,omitempty"`
	// Allowed are those of a deployment; nil allows all.
	Allowed []string `json:"allowed,omitempty"`
	// MaxBytes is the most that an Artifact may have.
	MaxBytes      uint64 `json:"max_bytes,omitempty"`
	RequireSigned bool   `json:"require_signed,omitempty"` // the device refuses what is not signed
	RequireModule bool   `json:"require_module,omitempty"` // deltas only for devices that report their Update Module
	Reinstall     bool   `json:"reinstall,omitempty"`      // devices may get the release that they run
	// Policy is what holds for deltas that could be made; nil for the defaults.
	Policy *Policy `json:"policy,omitempty"`
}

// Device is a device as it reports itself.
type Device struct {
	Provides map[string]string `json:"provides"`
}

// Policy is what holds for deltas that could be made. Sizes are in bytes.
type Policy struct {
	Enabled           *bool    `json:"enabled,omitempty"`
	Kinds             []string `json:"kinds,omitempty"` // "native", "xdelta3"; the best first
	MaxImageBytes     uint64   `json:"max_image_bytes,omitempty"`
	MinSaving         uint16   `json:"min_saving_permille,omitempty"`
	DecodeMemoryBytes uint64   `json:"decode_memory_bytes,omitempty"`
	CanSign           bool     `json:"can_sign,omitempty"`
}

// Plan is the answer: what to send to a device.
type Plan struct {
	// Plan is "nothing", "full", "existing" (a delta) or "generate" (a delta that is to be made).
	Plan string `json:"plan"`
	// ID is the Artifact to send, unless a delta is to be made.
	ID string `json:"id"`
	// Reasons is everything that stands against a delta, of a full image.
	Reasons []Objection `json:"reasons"`
	// From, To and Algorithm are of a delta that is to be made.
	From      string `json:"from"`
	To        string `json:"to"`
	Algorithm string `json:"algorithm"`
	// UnderWay says whether somebody makes it already, and Estimate how many bytes it will have, if that is known.
	UnderWay bool   `json:"under_way"`
	Estimate uint64 `json:"estimate"`
	// Spec is the job to start, in the answer of Engine.Plan.
	Spec *Spec `json:"spec"`
	// Refused are the Artifacts that were not taken.
	Refused []Refusal `json:"refused"`
}

// Objection is a reason.
type Objection struct {
	Code string `json:"code"` // a stable word
	Text string `json:"text"` // for people
}

// Refusal is an Artifact that was not taken, and why not.
type Refusal struct {
	ID   string `json:"id"`
	Code string `json:"code"`
	Text string `json:"text"`
}

// NewCatalog begins an empty catalog, which is to be closed.
func NewCatalog(tenant string) (*Catalog, error) {
	cTenant, free := cString(&tenant)
	defer free()
	catalog := new(Catalog)
	_, err := call(func(detail *C.struct_mar_detail) C.int {
		return C.mar_catalog_new(cTenant, &catalog.c, detail)
	})
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(catalog, func(catalog *Catalog) { _ = catalog.Close() })
	return catalog, nil
}

// Close lets go of the catalog. Always nil.
func (c *Catalog) Close() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	C.mar_catalog_free(c.c)
	c.c = nil
	runtime.SetFinalizer(c, nil)
	return nil
}

// Summary reads the Artifact in a file and gives what a catalog needs of it, as JSON in the words of Mender's API. id is
// what the server calls it; if it is empty, it is its SHA-256.
func Summary(path, id string) ([]byte, error) {
	cPath, freePath := cString(&path)
	defer freePath()
	var named *string
	if id != "" {
		named = &id
	}
	cID, freeID := cString(named)
	defer freeID()
	var out *C.mar_buffer
	_, err := call(func(detail *C.struct_mar_detail) C.int {
		return C.mar_catalog_summary(cPath, cID, &out, detail)
	})
	if err != nil {
		return nil, err
	}
	return taken(out), nil
}

// Add adds an Artifact by its summary.
func (c *Catalog) Add(summary []byte) error {
	text := string(summary)
	cText, free := cString(&text)
	defer free()
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	_, err := call(func(detail *C.struct_mar_detail) C.int { return C.mar_catalog_add(c.c, cText, detail) })
	return err
}

// Remove removes the Artifact with this identifier.
func (c *Catalog) Remove(id string) error {
	cID, free := cString(&id)
	defer free()
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	_, err := call(func(detail *C.struct_mar_detail) C.int { return C.mar_catalog_remove(c.c, cID, detail) })
	return err
}

// Plan decides for one device: the smallest Artifact that exists and fits, or the delta that should be made instead of a
// full image.
func (c *Catalog) Plan(question Question) (*Plan, error) {
	return c.plan(question, func(asked *C.char, out **C.mar_buffer, detail *C.struct_mar_detail) C.int {
		return C.mar_catalog_plan(c.c, asked, out, detail)
	})
}

// Plan is Catalog.Plan with what the engine and its store know of deltas. usual is what jobs of the catalog's tenant are to
// be like; of a delta that is to be made, Plan.Spec is the job for Engine.Start. It asks the store, if there is one, by up to
// three requests, each of which takes up to the timeout of the store; until then Catalog.Add and Catalog.Remove wait, and
// questions that come behind these.
func (e *Engine) Plan(catalog *Catalog, question Question, usual Spec) (*Plan, error) {
	text, err := usual.json()
	if err != nil {
		return nil, err
	}
	cSpec, free := cString(&text)
	defer free()
	e.mutex.RLock()
	defer e.mutex.RUnlock()
	return catalog.plan(question, func(asked *C.char, out **C.mar_buffer, detail *C.struct_mar_detail) C.int {
		return C.mar_engine_plan(e.c, catalog.c, asked, cSpec, out, detail)
	})
}

// plan has C answer a question.
func (c *Catalog) plan(
	question Question, ask func(asked *C.char, out **C.mar_buffer, detail *C.struct_mar_detail) C.int,
) (*Plan, error) {
	text, err := json.Marshal(struct {
		V int `json:"v"`
		Question
	}{1, question})
	if err != nil {
		return nil, err
	}
	asked := string(text)
	cText, free := cString(&asked)
	defer free()
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	var out *C.mar_buffer
	_, err = call(func(detail *C.struct_mar_detail) C.int { return ask(cText, &out, detail) })
	if err != nil {
		return nil, err
	}
	plan := new(Plan)
	if err := json.Unmarshal(taken(out), plan); err != nil {
		return nil, fmt.Errorf("mar: plan: %w", err)
	}
	return plan, nil
}
