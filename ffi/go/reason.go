package mar

// The reasons of engines and jobs.
const (
	BadRequest       Reason = "bad_request"       // the request makes no sense
	WrongState       Reason = "wrong_state"       // not in this state of the job
	UnknownJob       Reason = "unknown_job"       // no such job of this tenant
	BadArtifact      Reason = "bad_artifact"      // an input is not a sound Artifact
	ChecksumMismatch Reason = "checksum"          // an input has another SHA-256 than it should
	Unsupported      Reason = "unsupported"       // an input is of a kind that is not handled
	Unsigned         Reason = "unsigned"          // an input is not signed with the key asked for
	TooLarge         Reason = "too_large"         // an input is over the limits of the reader
	BadPair          Reason = "bad_pair"          // there is no delta between two such Artifacts
	FromEqualsTo     Reason = "from_eq_to"        // both Artifacts hold the same image
	InputIO          Reason = "input_io"          // an input broke off
	LimitMemory      Reason = "limit_memory"      // the work may need more memory than it was granted
	LimitDisk        Reason = "limit_disk"        // more room for temporary files
	LimitOutput      Reason = "limit_output"      // the delta Artifact is larger than allowed
	LimitTime        Reason = "limit_time"        // the deadline passed
	LimitQueue       Reason = "limit_queue"       // the engine takes no more jobs for now
	LimitQuota       Reason = "limit_quota"       // the tenant has as much going on as it may
	Busy             Reason = "busy"              // the engine has no room for it for now
	ApplyMemory      Reason = "apply_memory"      // a device would need more memory than it has
	NoGain           Reason = "no_gain"           // the delta saves too little
	Cancelled        Reason = "cancelled"         // somebody cancelled it
	Interrupted      Reason = "interrupted"       // the engine was stopped; it can be taken up again
	UnknownSigner    Reason = "unknown_signer"    // no such signer of this tenant
	BadSignature     Reason = "bad_signature"     // the signature does not belong to the manifest and key
	DiskFull         Reason = "disk_full"         // no room left for temporary files
	WorkIO           Reason = "work_io"           // the work folder could not be used
	WorkBusy         Reason = "work_busy"         // another engine uses the work folder
	StoreUnreachable Reason = "store_unreachable" // the store does not answer
	StoreSlow        Reason = "store_slow"        // the store does not answer in time
	StoreDenied      Reason = "store_denied"      // the store refuses the credentials or the request
	StoreFull        Reason = "store_full"        // the store has no room left
)
