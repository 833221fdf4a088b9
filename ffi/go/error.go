package mar

// #include "mender_artifact.h"
import "C"

import "fmt"

// Code is the kind of a failure: a number of the C API that never changes its meaning. A Code is an error that
// errors.Is finds in an *Error.
type Code int

// The codes of failures.
const (
	ErrArgument    Code = C.MAR_E_ARG         // a wrong argument or a call out of order
	ErrNoMemory    Code = C.MAR_E_NOMEM       // not enough memory
	ErrLimit       Code = C.MAR_E_LIMIT       // over a limit
	ErrTruncated   Code = C.MAR_E_TRUNCATED   // the input ends too early
	ErrUnsupported Code = C.MAR_E_UNSUPPORTED // sound perhaps, but not supported
	ErrInternal    Code = C.MAR_E_INTERNAL    // a defect of the library
	ErrIO          Code = C.MAR_E_IO          // reading or writing failed
	ErrCancelled   Code = C.MAR_E_CANCELLED   // cancelled
	ErrFormat      Code = C.MAR_E_FORMAT      // not a sound Artifact
	ErrChecksum    Code = C.MAR_E_CHECKSUM    // a part differs from the manifest
	ErrUnsigned    Code = C.MAR_E_UNSIGNED    // not signed, and there is a key
	ErrSignature   Code = C.MAR_E_SIGNATURE   // a wrong signature
	ErrAugmented   Code = C.MAR_E_AUGMENTED   // augmented, and there is a key
	ErrNoKey       Code = C.MAR_E_NO_KEY      // signed, and there is no key
	ErrKey         Code = C.MAR_E_KEY         // an unusable key
	ErrDelta       Code = C.MAR_E_DELTA       // not a sound delta
	ErrBase        Code = C.MAR_E_BASE        // the delta belongs to another base
	ErrTarget      Code = C.MAR_E_TARGET      // the result has the wrong checksum
	ErrRefused     Code = C.MAR_E_REFUSED     // there will be no delta: the Reason says why
)

// Error says what the code means.
func (c Code) Error() string { return C.GoString(C.mar_strerror(C.int(c))) }

// Reason is a stable word for why a job, or something of an engine, failed or was refused; docs/server.md explains them.
// A Reason is an error that errors.Is finds in an *Error. More may come than there are constants of.
type Reason string

// Error is the word.
func (r Reason) Error() string { return string(r) }

// Error is a failure.
type Error struct {
	Code    Code
	Reason  Reason // empty where there is none
	Offset  int64  // bytes from the start of the input, -1 where there is no place to name
	Message string // one line, for people
}

// Error is the message with the meaning of the code.
func (e *Error) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("%s: %s", string(e.Reason), e.Message)
	}
	return fmt.Sprintf("%s: %s", e.Code.Error(), e.Message)
}

// Is says whether the failure has this Code or this Reason.
func (e *Error) Is(target error) bool {
	switch target := target.(type) {
	case Code:
		return e.Code == target
	case Reason:
		return e.Reason == target && target != ""
	}
	return false
}
