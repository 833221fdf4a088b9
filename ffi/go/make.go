package mar

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"sync"
)

// Make makes a delta Artifact: it starts a job, feeds it with both Artifacts, has the result signed by sign if the job wants
// that, and copies it to out, which gets nothing unless there is one. told, if it is not nil, hears of progress. The end of
// ctx cancels everything.
//
// The readers are read by goroutines of their own, all of which have ended when Make returns; a reader that blocks for
// longer than ctx keeps Make waiting.
func (e *Engine) Make(
	ctx context.Context, spec Spec, from, to io.Reader, out io.Writer, sign SignFunc, told func(Progress),
) (*Report, error) {
	job, err := e.Start(spec, Inputs{})
	if err != nil {
		return nil, err
	}
	defer job.Close()
	var fed sync.WaitGroup
	var failures [2]error
	for side, reader := range []io.Reader{From: from, To: to} {
		fed.Add(1)
		go func(side Side, reader io.Reader) {
			defer fed.Done()
			failures[side] = job.Feed(ctx, side, reader)
		}(Side(side), reader)
	}
	err = job.finish(ctx, sign, told)
	fed.Wait()
	if err == nil {
		_, err = io.Copy(out, job)
	}
	for _, failure := range failures {
		// What a reader failed of is why the job was cancelled.
		var ours *Error
		if err != nil && ctx.Err() == nil && failure != nil && !errors.As(failure, &ours) {
			err = failure
		}
	}
	if err != nil {
		return nil, err
	}
	return job.Report()
}

// finish waits for the end, and signs on the way.
func (j *Job) finish(ctx context.Context, sign SignFunc, told func(Progress)) error {
	for {
		state, err := j.Wait(ctx, told)
		if err != nil || state == Done {
			return err
		}
		if sign == nil {
			_ = j.Cancel()
			return &Error{Code: ErrArgument, Offset: -1, Message: "the job waits for a signature, and there is no signer"}
		}
		if err := j.Sign(ctx, sign); err != nil {
			_ = j.Cancel()
			return err
		}
	}
}

// Signer signs with a key that Go knows: RSA or ECDSA P-256, in memory, a token, or a service.
func Signer(key crypto.Signer) SignFunc {
	return func(_ context.Context, manifest []byte) ([]byte, error) {
		digest := sha256.Sum256(manifest)
		signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
		if _, isEcdsa := key.Public().(*ecdsa.PublicKey); err != nil || !isEcdsa {
			return signature, err
		}
		// Go has the two numbers in DER, Artifacts have them in 32 bytes each.
		var numbers struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(signature, &numbers); err != nil {
			return nil, err
		}
		const size = 32
		if numbers.R.Sign() < 0 || numbers.S.Sign() < 0 || numbers.R.BitLen() > 8*size || numbers.S.BitLen() > 8*size {
			return nil, errors.New("the key is none of ECDSA P-256")
		}
		both := make([]byte, 2*size)
		numbers.R.FillBytes(both[:size])
		numbers.S.FillBytes(both[size:])
		return both, nil
	}
}
