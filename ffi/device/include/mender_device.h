/*
 * mender_device.h - streaming reader of Mender Artifacts and delta applier for device firmware.
 *
 * C99 and C++. Link with -lmender_device.
 *
 * Rules that hold for every function:
 *  - No global state, no thread, no errno, no stdout; any number of contexts. A context is used by one thread at a
 *    time and must not be used from its own callbacks.
 *  - No allocation. All memory comes in one arena that the caller owns, static or from its own heap, aligned to
 *    MAR_ARENA_ALIGN; the library never frees it. Contexts live inside of the arena and die with it.
 *  - Never unwinds and never aborts on bad input: every malformed byte sequence gives a negative code. A defect of the
 *    library itself traps.
 *  - Inputs are only read during the call. What configurations point to (limits, crypto, events) is copied at _init;
 *    strings, callbacks and user pointers have to stay as long as the context.
 *  - Strings handed to callbacks do not end with NUL and are valid during that callback only.
 *  - A context that returned an error keeps returning it.
 *  - Callbacks return 0, or another number of the caller's own, which ends the operation with MAR_E_CALLBACK and can
 *    be read back in callback_error.
 *  - NULL where it is not allowed gives MAR_E_ARG. Members called reserved are 0.
 */
#ifndef MENDER_DEVICE_H
#define MENDER_DEVICE_H

#ifdef MENDER_ARTIFACT_H
#error "mender_artifact.h and mender_device.h name things alike: use each in its own source file"
#endif

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAR_DEVICE_ABI 1u      /* raised with every incompatible change */
#define MAR_ARENA_ALIGN 8u     /* alignment that the arena needs */
#define MAR_CHECKPOINT_MAX 512u /* no checkpoint is longer */

uint32_t mar_device_abi(void);                /* compare with MAR_DEVICE_ABI at start */
const char *mar_device_version(void);         /* "1.2.3", static */
const char *mar_device_strerror(int code);    /* static, never NULL, for any number */

/* Numbers never change their meaning and agree with those of mender_artifact.h; new ones may come. */
enum mar_code {
    MAR_OK = 0,
    MAR_DONE = 1,             /* the whole input is consumed and verified */

    MAR_E_ARG = -1,           /* NULL, a wrong struct_size, an impossible setting, a call out of order */
    MAR_E_NOMEM = -2,         /* the arena is smaller than mar_*_need() said */
    MAR_E_LIMIT = -3,         /* the input wants more than a limit allows: see wanted and limit */
    MAR_E_CALLBACK = -4,      /* a callback failed: see callback_error */
    MAR_E_TRUNCATED = -5,     /* mar_*_finish() before the end */
    MAR_E_UNSUPPORTED = -6,   /* a version, compression, algorithm or feature that is not there */
    MAR_E_INTERNAL = -7,

    MAR_E_FORMAT = -20,       /* not a tar, not an Artifact, wrong order, bad JSON */
    MAR_E_CHECKSUM = -21,     /* a file differs from the manifest, or is not in it */
    MAR_E_UNSIGNED = -22,     /* a signature is required and there is none */
    MAR_E_SIGNATURE = -23,    /* crypto.verify says no */
    MAR_E_AUGMENTED = -24,    /* augmented Artifacts are refused */
    MAR_E_DEPENDS = -25,      /* device type or depends do not match: see what */

    MAR_E_DELTA = -40,        /* malformed delta */
    MAR_E_BASE = -41,         /* the base is not the one that the delta was made from */
    MAR_E_TARGET = -42,       /* the result has another checksum or size than promised */
    MAR_E_SPACE = -43,        /* the target is larger than its place; nothing was written */
    MAR_E_CHECKPOINT = -44    /* checkpoint of another delta, base, target or version, or damaged */
};

struct mar_slice {
    const char *p; /* may be NULL when len is 0 */
    size_t len;
};

/* What the last call on a context failed of; all 0 where it did not fail. */
struct mar_detail {
    uint32_t struct_size;   /* in: sizeof(struct mar_detail); else nothing is written */
    int32_t code;
    int32_t callback_error; /* for MAR_E_CALLBACK: what the callback returned */
    uint32_t reserved;
    uint64_t offset;        /* bytes in the input, 0 if unknown */
    uint64_t wanted, limit; /* for MAR_E_LIMIT, _NOMEM, _SPACE: bytes or pieces; elsewhere found and expected */
    struct mar_slice what;  /* static English without NUL, e.g. "device_type": print with %.*s */
};

/* ---------------------------------------------------------------------------------------------------------- limits */

/*
 * Everything that decides how much memory is used, in bytes. 0 means the default given. Input that wants more is
 * refused with MAR_E_LIMIT before it has any effect.
 */
struct mar_limits {
    uint32_t struct_size;    /* sizeof(struct mar_limits) */
    uint32_t header_json;    /* header-info, type-info and meta-data together: 8 KiB */
    uint32_t manifest;       /* 4 KiB */
    uint32_t file_name;      /* longest name of an archive's member: 128 */
    uint32_t extended;       /* largest PAX header of a member: 4608; counts twice */
    uint32_t decompress;     /* memory to unpack with: 0 = only uncompressed Artifacts; 32768 does gzip */
    uint32_t delta_window;   /* largest target window of xdelta3: 64 KiB; stock xdelta3 makes 8 MiB */
    uint32_t delta_sections; /* sections of one such window: 64 KiB; both count together */
    uint32_t secondary;      /* state of xdelta3's secondary compression: 0 = none */
    uint32_t native_memory;  /* what a native delta may ask for (mender-artifact's --apply-memory): 64 KiB */
    uint32_t base_cache;     /* blocks of base kept for xdelta3, a multiple of 8: 8 KiB */
    uint32_t io_block;       /* unit of writes to the target, a multiple of target.align and of 64: 4 KiB */
};

/* ---------------------------------------------------------------------------------------------------------- crypto */

/* The device's check of signatures: its key store, secure element or library. SHA-256 is built in. */
struct mar_crypto {
    uint32_t struct_size;    /* sizeof(struct mar_crypto) */
    uint32_t reserved;
    void *user;
    /* Is sig (decoded from base64) a good signature of the manifest with the SHA-256 digest? 0 = yes. */
    int (*verify)(void *user, const uint8_t digest[32], const uint8_t *sig, size_t sig_len);
};

/* -------------------------------------------------------------------------------------- 1. the Artifact as a stream */

struct mar_payload {
    struct mar_slice type;   /* "mender-binary-delta", "rootfs-image", ...; empty in a bootstrap Artifact */
    struct mar_slice artifact_name, artifact_group;
    struct mar_slice header_info, type_info, meta_data; /* JSON as it stands in the Artifact, checked */
    uint32_t signature_checked; /* 1: crypto.verify said yes */
    uint32_t reserved;
};

/*
 * Any of them may be NULL. Texts come without the escapes that JSON may write them with; one of more than 256 bytes that
 * is written with escapes gives MAR_E_UNSUPPORTED, one with a NUL in it MAR_E_FORMAT.
 */
struct mar_events {
    uint32_t struct_size;    /* sizeof(struct mar_events) */
    uint32_t reserved;
    void *user;
    /* All headers are read and right and, with a verify key, trusted. Nothing of the payload was read yet. */
    int (*headers)(void *user, const struct mar_payload *payload);
    /* One value of depends ('d'), provides ('p') or clears ('c', no value) at a time, before headers(). */
    int (*key)(void *user, int kind, struct mar_slice key, struct mar_slice value);
    int (*file_begin)(void *user, struct mar_slice name, uint64_t size);
    int (*file_data)(void *user, uint64_t offset, const uint8_t *p, size_t len);
    /* The file's checksum is right. Until this comes, all of its bytes are untrusted. */
    int (*file_end)(void *user);
};

struct mar_reader_config {
    uint32_t struct_size;            /* sizeof(struct mar_reader_config) */
    uint32_t require_signature;      /* 1: only what crypto->verify accepts; 0 with crypto: unsigned is accepted, too */
    const struct mar_limits *limits; /* NULL = defaults */
    const struct mar_crypto *crypto; /* NULL = signatures are not looked at */
    const struct mar_events *events; /* NULL = none */
    const char *device_type;         /* NULL = not checked */
};

typedef struct mar_reader mar_reader;

/* Bytes of arena that mar_reader_init() wants; 0 for a configuration that it refuses. */
size_t mar_reader_need(const struct mar_reader_config *config);
int mar_reader_init(mar_reader **out, void *arena, size_t arena_len, const struct mar_reader_config *config);
/* Any length, also one byte at a time. MAR_OK: go on. */
int mar_reader_push(mar_reader *reader, const uint8_t *p, size_t len);
/* There is no more input. MAR_DONE: it was a whole and sound Artifact. */
int mar_reader_finish(mar_reader *reader);
void mar_reader_detail(const mar_reader *reader, struct mar_detail *detail);

/* ---------------------------------------------------------------------------------------------------- 2. the delta */

struct mar_base {            /* the running system: random access, read only */
    void *user;
    uint64_t size;           /* bytes that may be read */
    uint32_t align;          /* a power of two: offsets and lengths are multiples of it (512, or 4096 for O_DIRECT),
                                but for a last block that size cuts; 0 = 1. Where buffers lie in memory is not aligned */
    uint32_t reserved;
    int (*read)(void *user, uint64_t offset, uint8_t *p, size_t len);
};

struct mar_target {          /* the inactive slot: written once, front to back */
    void *user;
    uint64_t capacity;
    uint32_t align;          /* as above: writes are of io_block bytes, but for the last */
    uint32_t reserved;
    int (*write)(void *user, uint64_t offset, const uint8_t *p, size_t len);
    int (*read)(void *user, uint64_t offset, uint8_t *p, size_t len); /* NULL = nothing is read back, no resume */
    int (*flush)(void *user);  /* data is on the medium when it returns; NULL = not needed */
};

struct mar_checkpointing {   /* all NULL and 0 = no resume */
    void *user;
    uint32_t every;          /* least bytes of target between checkpoints, e.g. 1 MiB */
    uint32_t reserved;
    /* Called after flush(). Must replace the previous checkpoint atomically. */
    int (*save)(void *user, const uint8_t *p, size_t len);
};

/*
 * Checkpoints are made between windows of xdelta3 deltas without secondary compression, where the target is a multiple
 * of io_block. Native deltas have none: mar_apply_init() gives MAR_E_UNSUPPORTED if save is set, mar_install_* saves
 * none.
 */
struct mar_apply_config {
    uint32_t struct_size;          /* sizeof(struct mar_apply_config) */
    uint32_t reserved;
    const struct mar_limits *limits; /* NULL = defaults */
    struct mar_base base;
    struct mar_target target;
    struct mar_checkpointing checkpoint;
    const char *algorithm;         /* delta_algorithm of the meta-data: "xdelta3" or "mender-native" */
    uint64_t target_size;          /* rootfs_file_size of the meta-data; a native delta knows its own: may be 0 */
    const uint8_t *base_sha256;    /* 32 bytes of all base.size bytes or NULL; read before anything is written. Native
                                      deltas know and check their own: then it has to be the same */
    const uint8_t *target_sha256;  /* 32 bytes: provides rootfs-image.checksum. May be NULL for native deltas only */
};

typedef struct mar_apply mar_apply;

/* Not in libraries for reading only. */
size_t mar_apply_need(const struct mar_apply_config *config);
int mar_apply_init(mar_apply **out, void *arena, size_t arena_len, const struct mar_apply_config *config);
int mar_apply_push(mar_apply *apply, const uint8_t *p, size_t len);
/*
 * There is no more input. Writes what waits, flushes, checks size and checksum of the result, and reads it back if
 * target.read is there. Only after MAR_DONE may the slot be made bootable.
 */
int mar_apply_finish(mar_apply *apply);
/*
 * After init and before the first push: goes on from a checkpoint. The next byte of the delta to push is that at
 * *input_offset; *target_offset bytes of target are there. Either may be NULL.
 */
int mar_apply_resume(mar_apply *apply, const uint8_t *p, size_t len, uint64_t *input_offset, uint64_t *target_offset);
/* Bytes of delta, bytes of target so far, and altogether (0 while unknown). Each may be NULL. */
void mar_apply_progress(const mar_apply *apply, uint64_t *input, uint64_t *written, uint64_t *total);
void mar_apply_detail(const mar_apply *apply, struct mar_detail *detail);

/* ----------------------------------------------------------------------------------------------------- 3. both in one */

/*
 * The reader feeding the applier. Of payload type mender-binary-delta or mender-delta, algorithm, size and checksum
 * come from the headers; a rootfs-image is copied through with the same checks; other types are MAR_E_UNSUPPORTED.
 * Writing begins with the payload, which the manifest vouches for only at its end: a slot is bootable after MAR_DONE
 * and not before.
 */
struct mar_install_config {
    uint32_t struct_size;            /* sizeof(struct mar_install_config) */
    uint32_t reserved;
    struct mar_reader_config reader;
    struct mar_apply_config apply;   /* algorithm, target_size and target_sha256 are not looked at */
    /*
     * The value of a provides key of this device, for depends, copied to value without NUL: returns its length, or a
     * negative number if there is none (or it is longer than cap), which does not match. NULL = depends not checked.
     */
    int (*provides)(void *user, struct mar_slice key, char *value, size_t cap);
    void *user;
};

typedef struct mar_install mar_install;

size_t mar_install_need(const struct mar_install_config *config);
int mar_install_init(mar_install **out, void *arena, size_t arena_len, const struct mar_install_config *config);
int mar_install_push(mar_install *install, const uint8_t *p, size_t len);
int mar_install_finish(mar_install *install); /* as mar_apply_finish() */
/*
 * After init and before the first push: goes on from a checkpoint. The Artifact is pushed from its start; what was
 * applied before is checked as all of it, but not applied again. A wrong checkpoint shows when the payload begins.
 */
int mar_install_resume(mar_install *install, const uint8_t *p, size_t len);
void mar_install_progress(const mar_install *install, uint64_t *written, uint64_t *total);
void mar_install_detail(const mar_install *install, struct mar_detail *detail);

#ifdef __cplusplus
}
#endif

#endif /* MENDER_DEVICE_H */
