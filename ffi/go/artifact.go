package mar

// #include <stdlib.h>
// #include "mender_artifact.h"
import "C"

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Artifact is what an Artifact says, in the words of 'mender-artifact read --json'.
type Artifact struct {
	Version         int       `json:"version"`
	Name            string    `json:"name"`
	Group           string    `json:"group"`
	Signature       string    `json:"signature"`   // "none", "not-checked", "verified"
	Compression     string    `json:"compression"` // "none", "gzip", "lzma", "zstd"
	CompatibleTypes []string  `json:"compatible_types"`
	DependsNames    []string  `json:"depends_names"`
	DependsGroups   []string  `json:"depends_groups"`
	Scripts         []Script  `json:"scripts"`
	Payloads        []Payload `json:"payloads"`
}

// Script is a state script.
type Script struct {
	Name string `json:"name"`
	Size int64  `json:"size_bytes"`
	Mode string `json:"mode"`
}

// Payload is one payload. Type is empty in a bootstrap Artifact.
type Payload struct {
	Type           string           `json:"type"`
	Provides       map[string]Texts `json:"provides"`
	Depends        map[string]Texts `json:"depends"`
	ClearsProvides []string         `json:"clears_provides"`
	MetaData       json.RawMessage  `json:"meta_data"`
	Files          []File           `json:"files"`
}

// File is a file of a payload.
type File struct {
	Name     string `json:"name"`
	Size     int64  `json:"size_bytes"`
	SHA256   string `json:"sha256"`   // hexadecimal
	Modified int64  `json:"modified"` // seconds since 1970
	Mode     string `json:"mode"`
}

// Texts are the values under a key: usually one.
type Texts []string

// UnmarshalJSON reads one text or several.
func (t *Texts) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*t = Texts{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(t))
}

// ReadArtifact reads the Artifact in a file to its end and checks everything in it. With a public key in PEM it has to
// be signed by it; with nil the signature is not looked at.
func ReadArtifact(path string, publicKey []byte) (*Artifact, error) {
	cPath, free := cString(&path)
	defer free()
	if publicKey != nil && len(publicKey) == 0 {
		return nil, &Error{Code: ErrKey, Offset: -1, Message: "the key is empty"}
	}
	key, keySize := bytesOf(publicKey)
	var handle *C.mar_artifact
	_, err := call(func(detail *C.struct_mar_detail) C.int {
		return C.mar_artifact_read(cPath, key, keySize, &handle, detail)
	})
	if err != nil {
		return nil, err
	}
	defer C.mar_artifact_free(handle)
	artifact := new(Artifact)
	text := C.GoString(C.mar_artifact_text(handle, C.MAR_TEXT_JSON))
	if err := json.Unmarshal([]byte(text), artifact); err != nil {
		return nil, fmt.Errorf("mar: what the library says of %s: %w", path, err)
	}
	return artifact, nil
}

// Check reads an Artifact to its end and checks everything in it, as it arrives. With a public key in PEM it has to be
// signed by it; with nil it has to be unsigned. What r fails of is returned as it is.
func Check(r io.Reader, publicKey []byte) error {
	if publicKey != nil && len(publicKey) == 0 {
		return &Error{Code: ErrKey, Offset: -1, Message: "the key is empty"}
	}
	key, keySize := bytesOf(publicKey)
	var check *C.mar_check
	_, err := call(func(detail *C.struct_mar_detail) C.int {
		return C.mar_check_new(key, keySize, &check, detail)
	})
	if err != nil {
		return err
	}
	defer C.mar_check_free(check)
	buffer := make([]byte, 64<<10)
	for {
		n, readErr := r.Read(buffer)
		bytes, size := bytesOf(buffer[:n])
		_, err := call(func(detail *C.struct_mar_detail) C.int {
			return C.mar_check_push(check, bytes, size, detail)
		})
		if err != nil {
			return err
		}
		if errors.Is(readErr, io.EOF) {
			break
		}
		if readErr != nil {
			return readErr
		}
	}
	_, err = call(func(detail *C.struct_mar_detail) C.int { return C.mar_check_finish(check, detail) })
	return err
}
