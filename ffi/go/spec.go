package mar

import "encoding/json"

// Spec says for whom a job is, and how the delta is made. Only Tenant has to be there.
type Spec struct {
	// Tenant is the customer that everything belongs to: letters, digits, '-' and '_'.
	Tenant string `json:"tenant"`
	// Algorithm is native by default.
	Algorithm *Algorithm `json:"algorithm,omitempty"`
	// Compression of the delta Artifact: "none", "gzip" (the default), "xz", "zstd".
	Compression string `json:"compression,omitempty"`
	// Signing is who signs the delta Artifact: nobody by default.
	Signing *Signing `json:"sign,omitempty"`
	// VerifyKey is the public key in PEM that both Artifacts have to be signed with. Without, signatures are not looked at.
	VerifyKey string `json:"verify_key,omitempty"`
	// FromSHA256 and ToSHA256 are the digests of the Artifacts as files, in hexadecimal. With both known, the outcome of an
	// equal job is found before any byte of them arrives.
	FromSHA256 string `json:"from_sha256,omitempty"`
	ToSHA256   string `json:"to_sha256,omitempty"`
	// Limits bound what the job may take.
	Limits *Limits `json:"limits,omitempty"`
}

// Algorithm is how a delta is made. Use Native, Xdelta3 or Bsdiff.
type Algorithm struct {
	Name             string   `json:"name"`
	Level            string   `json:"level,omitempty"`         // native: "fast", "default", "max"
	Pack             *bool    `json:"pack,omitempty"`          // xdelta3: whether sections are packed with LZMA
	Window           uint32   `json:"window,omitempty"`        // xdelta3: bytes of the target in a window
	SourceWindow     uint64   `json:"source_window,omitempty"` // xdelta3: bytes of the base that a decoder reaches
	DecoderArguments []string `json:"decoder_arguments,omitempty"`
}

// Native is the format of mender-artifact's own Update Module.
func Native() *Algorithm { return &Algorithm{Name: "native"} }

// Xdelta3 is VCDIFF, for Mender's own Update Module.
func Xdelta3() *Algorithm { return &Algorithm{Name: "xdelta3"} }

// Bsdiff is BSDIFF40.
func Bsdiff() *Algorithm { return &Algorithm{Name: "bsdiff"} }

// Signing is who signs.
type Signing struct {
	Mode      string `json:"mode"`
	PublicKey string `json:"public_key,omitempty"`
	KeyID     string `json:"key_id,omitempty"`
	Name      string `json:"name,omitempty"`
}

// External lets the job wait for a signature by the private half of this key, in PEM: see Job.Sign.
func External(publicKey string) *Signing { return &Signing{Mode: "external", PublicKey: publicKey} }

// Named has the job signed by the engine, with the key that Engine.SetSigner gave this name.
func Named(name string) *Signing { return &Signing{Mode: "signer", Name: name} }

// Limits bound a job. Sizes are in bytes; 0 stands for the default of the library.
type Limits struct {
	Input           uint64 `json:"input,omitempty"`               // largest Artifact that is read
	Memory          uint64 `json:"memory,omitempty"`              // that the work may need; mapped images do not count
	Disk            uint64 `json:"disk,omitempty"`                // temporary files at once
	Output          uint64 `json:"output,omitempty"`              // largest delta Artifact
	Threads         uint16 `json:"threads,omitempty"`             // the delta does not depend on it
	DeadlineSeconds uint32 `json:"deadline_seconds,omitempty"`    // from the start to the end
	ApplyMemory     uint64 `json:"apply_memory,omitempty"`        // that devices have to apply the delta
	MinSaving       uint16 `json:"min_saving_permille,omitempty"` // thousandths that the delta has to save
}

func (s Spec) json() (string, error) {
	text, err := json.Marshal(struct {
		V int `json:"v"`
		Spec
	}{1, s})
	return string(text), err
}
