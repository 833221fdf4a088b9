// Command go reads the Artifact named by its argument through the C API, by cgo, and prints what it says as JSON.
package main

/*
#include <stdlib.h>
#include "mender_artifact.h"
*/
import "C"

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"unsafe"
)

// read gives the JSON of the Artifact at path.
func read(path string) (string, error) {
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	const size = 512
	message := (*C.char)(C.malloc(size))
	defer C.free(unsafe.Pointer(message))
	detail := (*C.struct_mar_detail)(C.calloc(1, C.sizeof_struct_mar_detail))
	defer C.free(unsafe.Pointer(detail))
	detail.struct_size = C.sizeof_struct_mar_detail
	detail.message = message
	detail.message_size = size
	var artifact *C.mar_artifact
	if C.mar_artifact_read(cPath, nil, 0, &artifact, detail) != C.MAR_OK {
		return "", errors.New(C.GoString(message))
	}
	defer C.mar_artifact_free(artifact)
	return C.GoString(C.mar_artifact_text(artifact, C.MAR_TEXT_JSON)), nil
}

func main() {
	if C.mar_abi() != C.MAR_ABI || len(os.Args) != 2 {
		os.Exit(2)
	}
	text, err := read(os.Args[1])
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	var said struct {
		Name     string
		Payloads []struct{ Type string }
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		panic(err)
	}
	fmt.Println(said.Name, said.Payloads[0].Type)
}
