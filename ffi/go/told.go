package mar

/*
#cgo LDFLAGS: -lmender_artifact
#include <stdlib.h>
#include <string.h>
#include "mender_artifact.h"

struct told {
	struct mar_detail detail;
	char message[1024];
};

static struct told *told_new(void)
{
	struct told *told = calloc(1, sizeof *told);
	if (told != NULL) {
		told->detail.struct_size = sizeof told->detail;
		told->detail.message = told->message;
		told->detail.message_size = sizeof told->message;
	}
	return told;
}
*/
import "C"

import (
	"sync"
	"unsafe"
)

var abi struct {
	once sync.Once
	ours bool
}

// call calls C and makes an error of a negative code. The detail lives in C, as pointers to Go's memory must not lie in
// memory that C gets.
func call(f func(detail *C.struct_mar_detail) C.int) (Code, error) {
	abi.once.Do(func() { abi.ours = C.mar_abi() == C.MAR_ABI })
	if !abi.ours {
		return ErrInternal, &Error{Code: ErrInternal, Offset: -1, Message: "libmender_artifact is not the one of its header"}
	}
	told := C.told_new()
	if told == nil {
		return ErrNoMemory, &Error{Code: ErrNoMemory, Offset: -1, Message: "no memory for a message"}
	}
	defer C.free(unsafe.Pointer(told))
	code := Code(f(&told.detail))
	if code >= 0 {
		return code, nil
	}
	failure := &Error{Code: code, Offset: -1, Message: C.GoString(&told.message[0])}
	if told.detail.offset != C.MAR_NO_OFFSET {
		failure.Offset = int64(told.detail.offset)
	}
	if told.detail.reason != nil {
		failure.Reason = Reason(C.GoString(told.detail.reason))
	}
	return code, failure
}

// bytesOf is the place of bytes for a call that only reads them or writes to them, and their number. Go's memory does
// not move meanwhile.
func bytesOf(bytes []byte) (*C.uint8_t, C.size_t) {
	if len(bytes) == 0 {
		return nil, 0
	}
	return (*C.uint8_t)(unsafe.Pointer(&bytes[0])), C.size_t(len(bytes))
}

// taken is what C gives as a buffer, which it frees.
func taken(buffer *C.mar_buffer) []byte {
	defer C.mar_buffer_free(buffer)
	var size C.size_t
	bytes := C.mar_buffer_bytes(buffer, &size)
	return C.GoBytes(unsafe.Pointer(bytes), C.int(size))
}

// cString is text as C has it, and what frees it. NULL stands for nil.
func cString(text *string) (*C.char, func()) {
	if text == nil {
		return nil, func() {}
	}
	c := C.CString(*text)
	return c, func() { C.free(unsafe.Pointer(c)) }
}
