/*
 * mender_artifact.h - reads, writes, signs and checks Mender Artifacts, makes and applies deltas, for programs on a
 * computer.
 *
 * C99 and C++. Link with -lmender_artifact.
 *
 * Rules that hold for every function:
 *  - A function that can fail returns an int: MAR_OK, MAR_DONE or MAR_AGAIN, which are not negative, or a negative
 *    code out of enum mar_code. Compare with the success that you want: only MAR_DONE of mar_check_finish() says that an Artifact
 *    is sound.
 *  - Input is hostile until it was found sound: no input makes a function crash, hang or write outside of its memory.
 *    What wants more memory than the limits grant is refused with MAR_E_LIMIT.
 *  - Outputs are written only on success, struct mar_detail only on failure. The detail may be NULL.
 *  - Where NULL is allowed it is said; everywhere else NULL gives MAR_E_ARG. A pointer that is neither NULL nor what
 *    it should be is beyond what a library can find out.
 *  - Arguments are only read during the call; nothing of the caller's is kept.
 *  - There is no global state that could be seen, no thread is left running, errno means nothing afterwards.
 *  - A defect of the library (a panic of its Rust code) ends in MAR_E_INTERNAL and, by Rust's default, a line on
 *    stderr. If the program as a whole is out of memory, the library aborts it.
 *
 * Threads: functions without a handle may be called from any thread at any time. A handle may go from thread to
 * thread, but is used by one at a time; different handles do not know of each other.
 */
#ifndef MENDER_ARTIFACT_H
#define MENDER_ARTIFACT_H

#ifdef MENDER_DEVICE_H
#error "mender_artifact.h and mender_device.h name things alike: use each in its own source file"
#endif

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised with every incompatible change of this header; see mar_abi(). */
#define MAR_ABI 1u

/* Offset of a detail when there is no place to name. */
#define MAR_NO_OFFSET UINT64_MAX

/* How a call ended. Numbers never change their meaning; new ones may come. */
enum mar_code {
    MAR_OK = 0,
    MAR_DONE = 1,            /* the whole input is there and sound */
    MAR_AGAIN = 2,           /* nothing was done, as it would have taken long: the same call may do it later */

    MAR_E_ARG = -1,          /* NULL, a wrong struct_size, an impossible argument, a call out of order */
    MAR_E_NOMEM = -2,
    MAR_E_LIMIT = -3,        /* the input wants more than a limit allows */
    MAR_E_TRUNCATED = -5,    /* the input ends too early */
    MAR_E_UNSUPPORTED = -6,  /* the input may be sound, but needs something this library does not do */
    MAR_E_INTERNAL = -7,     /* a defect of this library */
    MAR_E_IO = -8,           /* the operating system could not read or write */
    MAR_E_CANCELLED = -9,

    MAR_E_FORMAT = -20,      /* not an Artifact, or a damaged one */
    MAR_E_CHECKSUM = -21,    /* a part of the Artifact differs from its manifest */
    MAR_E_UNSIGNED = -22,    /* there is a key and no signature */
    MAR_E_SIGNATURE = -23,   /* the signature does not belong to this key and manifest */
    MAR_E_AUGMENTED = -24,   /* read with a key: the signature does not cover what augments an Artifact */
    MAR_E_NO_KEY = -26,      /* there is a signature and no key */
    MAR_E_KEY = -27,         /* the key cannot be used */

    MAR_E_DELTA = -40,       /* not a delta, or a damaged one */
    MAR_E_BASE = -41,        /* the delta was made from another base */
    MAR_E_TARGET = -42,      /* the result has another checksum than promised */

    MAR_E_REFUSED = -60      /* a server's question has the answer no: the reason in the detail says why */
};

/* Who has to act. Numbers never change their meaning; new ones may come. */
enum mar_category_code {
    MAR_CATEGORY_NONE = 0,        /* nobody: a success, or no known code */
    MAR_CATEGORY_IO = 1,          /* whoever cares for disks, permissions and memory */
    MAR_CATEGORY_FORMAT = 2,      /* whoever made the input */
    MAR_CATEGORY_UNSUPPORTED = 3, /* a newer version of this library */
    MAR_CATEGORY_VERIFY = 4,      /* whoever vouched for the input */
    MAR_CATEGORY_LIMIT = 5,       /* whoever set the limits */
    MAR_CATEGORY_USAGE = 6,       /* the calling program */
    MAR_CATEGORY_INTERNAL = 7     /* the makers of this library */
};

/* What the last failed call says about its failure. Set struct_size, message and message_size before the call. */
struct mar_detail {
    uint32_t struct_size; /* in: sizeof(struct mar_detail); one that is too small gives MAR_E_ARG before anything is
                             done */
    int code;             /* out: what the call returned */
    uint64_t offset;      /* out: bytes from the start of the input, or of the archive in it that the message
                             names; MAR_NO_OFFSET if there is no place to name */
    char *message;        /* in: buffer for one line of English in UTF-8 that ends with NUL; NULL for none */
    size_t message_size;  /* in: bytes in that buffer */
    size_t message_len;   /* out: bytes of the whole message without NUL; if that is not less than message_size,
                             the message was cut */
    const char *reason;   /* out: of functions for servers the stable word for why, e.g. "no_gain"; static; NULL where
                             there is none. A structure that ends before it is taken, too */
};

/* ------------------------------------------------------------------------------------------------ the library */

/* The ABI of the library, to be compared with MAR_ABI at start. Any thread. */
uint32_t mar_abi(void);

/* The version of the library, e.g. "0.1.0"; static, never NULL. Any thread. */
const char *mar_version(void);

/* What a code means in English; static, never NULL, for any number. Any thread. */
const char *mar_strerror(int code);

/* The category of a code as a number of enum mar_category_code, for any number. Any thread. */
int mar_category(int code);

/* ---------------------------------------------------------------------------------------- checking an Artifact */

/* A check of one Artifact: every rule of the format, every checksum, the signature. */
typedef struct mar_check mar_check;

/*
 * Begins a check.
 *
 * key_pem, key_pem_len: the public key (RSA or ECDSA P-256) as the text of a PEM file, which needs no NUL at its end.
 *     With a key the Artifact has to be signed by it. With NULL and 0 there is no key, and the Artifact has to be
 *     unsigned. Not NULL and 0 is an empty key and gives MAR_E_KEY.
 * out: gets the check, to be ended with mar_check_free().
 *
 * MAR_OK; MAR_E_ARG, MAR_E_KEY, MAR_E_NOMEM. Any thread.
 *
 * A check takes about 13 MiB, most of it only when an Artifact makes use of it, and up to 160 MiB more for the
 * decompression that an Artifact asks for; what asks for more gives MAR_E_LIMIT.
 */
int mar_check_new(const uint8_t *key_pem, size_t key_pem_len, mar_check **out, struct mar_detail *detail);

/*
 * Takes the next len bytes of the Artifact, any number of them. bytes may be NULL when len is 0.
 *
 * MAR_OK: go on; nothing is known to be sound yet. A failed check gives the same code to every further call, except
 * that MAR_E_ARG (NULL, or a push after MAR_DONE) is no failure of the check. One thread at a time.
 */
int mar_check_push(mar_check *check, const uint8_t *bytes, size_t len, struct mar_detail *detail);

/*
 * Says that there is no more input: MAR_DONE if that was a whole and sound Artifact, which it says again when asked
 * again. One thread at a time.
 */
int mar_check_finish(mar_check *check, struct mar_detail *detail);

/*
 * 1 if the Artifact is augmented, as far as it was pushed; else 0. No signature covers what manifest-augment and
 * header-augment add to an Artifact: with a key, the rest of it is signed. One thread at a time.
 */
int mar_check_is_augmented(const mar_check *check);

/* Ends a check, at any time. NULL is allowed and nothing. The pointer is dead afterwards. One thread at a time. */
void mar_check_free(mar_check *check);

/* --------------------------------------------------------------------------------------------- reading an Artifact */

/* What an Artifact says. Never changes: any number of threads may look at it until it is freed. */
typedef struct mar_artifact mar_artifact;

enum mar_text {
    MAR_TEXT_NAME = 0,
    MAR_TEXT_GROUP = 1,       /* NULL if there is none */
    MAR_TEXT_SIGNATURE = 2,   /* "none", "not-checked" (there was no key), "verified" */
    MAR_TEXT_COMPRESSION = 3, /* "none", "gzip", "lzma", "zstd" */
    MAR_TEXT_JSON = 4         /* everything, as mender-artifact read --json says it */
};

struct mar_file {
    const char *name;         /* lives as long as the mar_artifact */
    uint64_t size;            /* bytes */
    uint8_t sha256[32];
};

/*
 * Reads the Artifact in the file path to its end and checks everything in it. With a key (as for mar_check_new()) it
 * has to be signed by it; with NULL and 0 the signature is not looked at.
 *
 * MAR_OK; MAR_E_ARG, MAR_E_IO, MAR_E_KEY and all that a check can give. Any thread.
 */
int mar_artifact_read(const char *path, const uint8_t *key_pem, size_t key_pem_len, mar_artifact **out,
                      struct mar_detail *detail);

/*
 * Texts are in UTF-8, end with NUL and live as long as the mar_artifact. NULL says that there is no such thing, for
 * a NULL artifact, too. Any thread, at the same time.
 */
const char *mar_artifact_text(const mar_artifact *artifact, int what);
const char *mar_artifact_device_type(const mar_artifact *artifact, size_t index);
size_t mar_artifact_payloads(const mar_artifact *artifact);
const char *mar_artifact_payload_type(const mar_artifact *artifact, size_t payload);
/* The value under a key; of several the first. */
const char *mar_artifact_provides(const mar_artifact *artifact, size_t payload, const char *key);
const char *mar_artifact_depends(const mar_artifact *artifact, size_t payload, const char *key);
/* MAR_OK, or MAR_E_ARG if there is no such file. */
int mar_artifact_file(const mar_artifact *artifact, size_t payload, size_t index, struct mar_file *out);

/* NULL is allowed and nothing. No other thread may still use it. */
void mar_artifact_free(mar_artifact *artifact);

/* ------------------------------------------------------------------------------------------------------- long work */

enum mar_phase {
    MAR_PHASE_COMPARE = 1, /* making a delta: hashing images and looking for equal blocks */
    MAR_PHASE_MATCH = 2,   /* aligning changed pieces */
    MAR_PHASE_PACK = 3,    /* packing and writing */
    MAR_PHASE_PROVE = 4,   /* applying it, to prove it */
    MAR_PHASE_APPLY = 5,   /* applying a delta */
    MAR_PHASE_WRITE = 6    /* writing an Artifact */
};

struct mar_work {
    uint32_t struct_size;  /* sizeof(struct mar_work), else MAR_E_ARG */
    uint32_t flags;        /* 0, else MAR_E_ARG */
    void *user;
    /*
     * Told how many bytes of a phase are done out of how many (0: not known). Anything but 0 cancels the work, which
     * ends with MAR_E_CANCELLED and leaves nothing behind. Called from any thread, but by one at a time; must not call
     * back into the library with the same handle. NULL: nobody is told.
     */
    int (*progress)(void *user, int phase, uint64_t done, uint64_t total);
};

/* --------------------------------------------------------------------------------------------- writing an Artifact */

/* An Artifact that is being put together. */
typedef struct mar_writer mar_writer;

/* Texts of an Artifact: those that there is one of are replaced, the others added. */
enum mar_field {
    MAR_FIELD_GROUP = 1,
    MAR_FIELD_DEVICE_TYPE = 2,      /* added; there has to be one */
    MAR_FIELD_PAYLOAD_TYPE = 3,     /* default: rootfs-image */
    MAR_FIELD_META_DATA = 4,        /* a JSON object */
    MAR_FIELD_COMPRESSION = 5,      /* none, gzip (default), lzma, zstd */
    MAR_FIELD_DEPENDS_NAME = 6,     /* added */
    MAR_FIELD_DEPENDS_GROUP = 7,    /* added */
    MAR_FIELD_CLEARS = 8,           /* added */
    MAR_FIELD_SOURCE_DATE_EPOCH = 9 /* seconds since 1970: no time in the Artifact is later */
};

enum mar_pair {
    MAR_PAIR_PROVIDES = 1,
    MAR_PAIR_DEPENDS = 2
};

enum mar_input {
    MAR_INPUT_PAYLOAD = 1,          /* a payload file; a rootfs-image has exactly one */
    MAR_INPUT_SCRIPT = 2            /* a state script, by whose name clients know when it runs */
};

/* Begins an Artifact with this name. MAR_OK; MAR_E_ARG. Any thread. */
int mar_writer_new(const char *name, mar_writer **out, struct mar_detail *detail);

/* Gives it something. MAR_OK; MAR_E_ARG, of the last MAR_E_KEY. Files are opened when it is written. One thread at a
 * time. */
int mar_writer_set(mar_writer *writer, int field, const char *text, struct mar_detail *detail);
int mar_writer_add_pair(mar_writer *writer, int pair, const char *key, const char *value, struct mar_detail *detail);
int mar_writer_add_file(mar_writer *writer, int input, const char *path, struct mar_detail *detail);
/* The private key (RSA or ECDSA P-256) that signs, as the text of a PEM file. */
int mar_writer_sign(mar_writer *writer, const uint8_t *key_pem, size_t key_pem_len, struct mar_detail *detail);

/*
 * Writes the Artifact to the file out, which appears when it is whole. The same writer may write again: the same bytes.
 * work may be NULL.
 *
 * MAR_OK; MAR_E_ARG for what no Artifact may say, MAR_E_IO, MAR_E_CANCELLED. One thread at a time.
 */
int mar_writer_write(mar_writer *writer, const char *out, const struct mar_work *work, struct mar_detail *detail);

/* NULL is allowed and nothing. One thread at a time. */
void mar_writer_free(mar_writer *writer);

/* ------------------------------------------------------------------------------------------------------- signing */

#define MAR_SIGN_REPLACE 1u /* a signature that is there gives way */

/*
 * Signs the Artifact in the file artifact with a private key (as for mar_writer_sign()); everything but the signature
 * stays byte for byte. out appears when it is whole, and may be artifact.
 *
 * MAR_OK; MAR_E_ARG (signed already, too), MAR_E_IO, MAR_E_KEY, MAR_E_FORMAT. Any thread.
 */
int mar_sign_file(const char *artifact, const char *out, const uint8_t *key_pem, size_t key_pem_len, uint32_t flags,
                  struct mar_detail *detail);

/* --------------------------------------------------------------------------------------------------- making a delta */

enum mar_algorithm {
    MAR_ALGORITHM_NATIVE = 0,
    MAR_ALGORITHM_XDELTA3 = 1,       /* VCDIFF with LZMA, as xdelta3 has it by default */
    MAR_ALGORITHM_XDELTA3_PLAIN = 2, /* VCDIFF without, for small devices and checkpoints */
    MAR_ALGORITHM_BSDIFF = 3         /* BSDIFF40 */
};

enum mar_level {
    MAR_LEVEL_DEFAULT = 0,
    MAR_LEVEL_FAST = 1,
    MAR_LEVEL_MAX = 2
};

struct mar_delta_options {
    uint32_t struct_size;  /* sizeof(struct mar_delta_options), else MAR_E_ARG */
    uint32_t algorithm;    /* of enum mar_algorithm */
    uint32_t level;        /* of enum mar_level, for native deltas */
    uint32_t threads;      /* 0: one for each processor. The delta does not depend on it */
    uint64_t apply_memory; /* bytes that a native delta may take to apply; 0: 16 MiB */
    uint64_t memory_limit; /* bytes that the alignment may take here; 0: 384 MiB */
    uint32_t window;       /* bytes of a VCDIFF window; 0: 8 MiB */
    uint32_t flags;        /* 0 */
    const struct mar_work *work; /* NULL: nobody is told */
};

/*
 * Makes a delta between the images in the files base and target, applies it to prove it, and lets it appear in the
 * file out. options may be NULL: a native delta.
 *
 * MAR_OK; MAR_E_ARG, MAR_E_IO, MAR_E_LIMIT, MAR_E_CANCELLED. Any thread. Not in libraries built without the feature
 * 'generate'.
 */
int mar_delta_make_file(const char *base, const char *target, const char *out,
                        const struct mar_delta_options *options, struct mar_detail *detail);

/*
 * Makes a delta Artifact that turns the root file system in the Artifact from into the one in the Artifact to; signed
 * if key_pem (as for mar_writer_sign()) is not NULL.
 *
 * As mar_delta_make_file(); MAR_E_KEY; MAR_E_FORMAT and so on for Artifacts that are not sound; MAR_E_ARG for a pair
 * between which there is no delta.
 */
int mar_delta_make_artifact(const char *from, const char *to, const char *out, const uint8_t *key_pem,
                            size_t key_pem_len, const struct mar_delta_options *options, struct mar_detail *detail);

/* ------------------------------------------------------------------------------------------------ applying a delta */

struct mar_apply_options {
    uint32_t struct_size;  /* sizeof(struct mar_apply_options), else MAR_E_ARG */
    uint32_t flags;        /* 0, else MAR_E_ARG */
    uint64_t memory_limit; /* most bytes of memory that the delta may ask for; 0: 256 MiB */
    const struct mar_work *work; /* NULL: nobody is told */
    const uint8_t *target_sha256; /* 32 bytes that the new image has to have as its SHA-256, else MAR_E_TARGET; NULL:
                                     what the delta itself says */
};

/*
 * Applies the delta in the file delta, native, VCDIFF or BSDIFF40, to the image in the file or block device base, and
 * lets the new image appear in the file out. (A library built without the feature 'generate' applies native deltas
 * only.)
 *
 * Of a native delta base and new image are checked before it appears. VCDIFF has check values of its
 * windows at most and BSDIFF40 none at all: there a wrong base may give a wrong image, unless the options say what its
 * SHA-256 has to be. out is written beside its place under another name and moved there when everything that could be
 * checked is right and it is on disk. After a failure out is as it was, and nothing lies beside it. out may exist, and
 * may be base. What is there and no regular file (device, pipe, folder) gives MAR_E_ARG.
 *
 * delta is the delta alone, not the Artifact around one. Paths end with NUL; they are bytes as the system has them, on
 * Windows UTF-8. options may be NULL for the defaults.
 *
 * MAR_OK; MAR_E_ARG, MAR_E_IO, MAR_E_LIMIT, MAR_E_DELTA, MAR_E_TRUNCATED, MAR_E_UNSUPPORTED, MAR_E_BASE,
 * MAR_E_TARGET. Any thread, but two calls at the same time with the same out leave the result of either.
 */
int mar_delta_apply_file(const char *base, const char *delta, const char *out,
                         const struct mar_apply_options *options, struct mar_detail *detail);

/* ------------------------------------------------------------------------------------------------ jobs for servers */

/*
 * What a server needs that makes delta Artifacts for its devices, many at once and for tenants that know nothing of each
 * other. Not in libraries built without the feature 'fleet'.
 *
 * No function from here on takes long, none calls back, and none reads the environment: the work is done by threads of an
 * engine, and its caller asks how far it is. Inputs arrive and results leave in pieces. (mar_catalog_summary(), which reads
 * a whole file, is an exception.) What goes in and comes out as JSON is documented in docs/server.md and ffi/README.md.
 *
 * Threads: an engine, a job and a catalog may be used by any number of threads at the same time, but for the functions that
 * end them.
 */

/* Bytes of a length that was not known beforehand; behind them is a NUL that is not one of them. Never changes. */
typedef struct mar_buffer mar_buffer;

/* The bytes, which live as long as the buffer, and in *len their number. len may be NULL; a NULL buffer has none. */
const uint8_t *mar_buffer_bytes(const mar_buffer *buffer, size_t *len);

/* NULL is allowed and nothing. No other thread may still use it. */
void mar_buffer_free(mar_buffer *buffer);

/* The Artifacts of one tenant, as far as a server has to know them. */
typedef struct mar_catalog mar_catalog;

/*
 * Begins an empty catalog for a tenant: 1 to 64 letters, digits, '-' and '_'. MAR_OK; MAR_E_ARG. Any thread.
 */
int mar_catalog_new(const char *tenant, mar_catalog **out, struct mar_detail *detail);

/*
 * The summary of the Artifact in the file path as JSON, in the words of Mender's API, for mar_catalog_add() at any time
 * later. id is what the server calls it; NULL: its SHA-256. It reads the whole file and checks it, and takes as long.
 * MAR_OK; MAR_E_ARG, MAR_E_IO (input_io), and all that a check can give (bad_artifact). Any thread.
 */
int mar_catalog_summary(const char *path, const char *id, mar_buffer **out, struct mar_detail *detail);

/*
 * Adds an Artifact by its summary. What is there already is no failure. MAR_OK; MAR_E_ARG (bad_json, bad_field),
 * MAR_E_REFUSED (id_taken: another Artifact has its id), MAR_E_LIMIT (limit). Any thread.
 */
int mar_catalog_add(mar_catalog *catalog, const char *summary_json, struct mar_detail *detail);

/* Removes the Artifact with this id. MAR_OK; MAR_E_ARG if there is none. Any thread. */
int mar_catalog_remove(mar_catalog *catalog, const char *id, struct mar_detail *detail);

/*
 * Which Artifact a device should get: {"taken": id or null, "refused": [{"id", "code", ...}]}, with the reason for each that
 * is not taken. The question: {"v":1, "device": what it reports, ...}; ffi/README.md has the rest of it.
 * MAR_OK; MAR_E_ARG (bad_json, bad_field), MAR_E_LIMIT (limit). Any thread.
 */
int mar_catalog_select(mar_catalog *catalog, const char *question_json, mar_buffer **out, struct mar_detail *detail);

/*
 * The same, and whether a delta should be made instead of a full image: {"plan": "nothing", "full", "existing" or
 * "generate", ...}. Of a full image it says everything that stands against a delta.
 */
int mar_catalog_plan(mar_catalog *catalog, const char *question_json, mar_buffer **out, struct mar_detail *detail);

/* NULL is allowed and nothing. No other thread may still use it. */
void mar_catalog_free(mar_catalog *catalog);

/* Threads, memory, temporary files, and what they are busy with. */
typedef struct mar_engine mar_engine;

/* One delta Artifact in the making. */
typedef struct mar_job mar_job;

/*
 * Begins an engine. options_json says what it may use: an object of which "v":1 and "work_folder" have to be there, the
 * folder for temporary files, which is the engine's own while it lives. Others: "workers", "threads" (of each), "memory" and
 * "disk" (bytes, of all jobs together), "queue_length", "quota" with "queue_length" and "jobs_in_parallel" of each tenant,
 * "tenants" with quotas of single ones by name, "failures_kept", "failure_lifetime_seconds", and "store": where results are
 * published and found again, {"address": a folder, "file:///folder", "s3://bucket/prefix" or "az://container/prefix",
 * "settings": {credentials, endpoint and the like as texts, by the names that docs/server.md has}, "timeout_seconds",
 * "attempt_timeout_seconds"}. Whether a bucket can be reached shows when it is used.
 *
 * MAR_OK; MAR_E_ARG (bad_request), MAR_E_IO (work_io, work_busy ...). Any thread.
 */
int mar_engine_new(const char *options_json, mar_engine **out, struct mar_detail *detail);

/*
 * Gives a tenant a quota of its own, from now on: jobs that wait, and jobs that are worked on. 0 is none.
 * MAR_OK; MAR_E_ARG. Any thread.
 */
int mar_engine_set_quota(mar_engine *engine, const char *tenant, uint32_t queue_length, uint32_t jobs_in_parallel,
                         struct mar_detail *detail);

/*
 * Lets jobs of this tenant, and of no other, be signed by a private key in PEM: those whose spec has
 * "sign":{"mode":"signer","name":name}. The key stays in memory until the engine ends or another takes its name. For keys in
 * devices and services there is "mode":"external" and mar_job_attach_signature().
 * MAR_OK; MAR_E_ARG, MAR_E_KEY. Any thread.
 */
int mar_engine_set_signer(mar_engine *engine, const char *tenant, const char *name, const uint8_t *key_pem,
                          size_t key_pem_len, struct mar_detail *detail);

/*
 * Ends all jobs as interrupted (MAR_E_REFUSED) and takes no more, for a server that stops in an orderly way. What was not
 * over is written down for the next engine in the work folder, while mar_job_free() before it would have cancelled it.
 * MAR_OK. Any thread.
 */
int mar_engine_interrupt(mar_engine *engine, struct mar_detail *detail);

/*
 * The jobs that an earlier engine in this work folder accepted and did not bring to their end, as it was interrupted or its
 * process killed: a JSON array of {"v":1, "id", "spec", "paths": the two files, if they were files, "accepted": seconds since
 * 1970}. Of one tenant, or of all if tenant is NULL. They wait for mar_engine_take_up() or mar_engine_forget().
 * MAR_OK; MAR_E_ARG. Any thread.
 */
int mar_engine_unfinished(mar_engine *engine, const char *tenant, mar_buffer **json, struct mar_detail *detail);

/*
 * Goes on with the unfinished job id of a tenant, under its old name and with its deadline counted from now. from and to are
 * paths, or NULL: if both are, the files that it had; an Artifact that was pushed comes by mar_job_feed() again. Which job
 * is taken up by one call is not there for a second one.
 * MAR_OK; MAR_E_ARG (unknown_job), and as mar_job_new(), with the job still unfinished. Any thread.
 */
int mar_engine_take_up(mar_engine *engine, const char *tenant, const char *id, const char *from, const char *to,
                       mar_job **out, struct mar_detail *detail);

/* Strikes an unfinished job off. MAR_OK; MAR_E_ARG (unknown_job). Any thread. */
int mar_engine_forget(mar_engine *engine, const char *tenant, const char *id, struct mar_detail *detail);

/*
 * mar_catalog_plan() with what the engine and its store know of deltas: which are under way, are there already, or fail. spec_json
 * is what jobs of the catalog's tenant are to be like. With the plan "generate" the answer has "spec", the job for
 * mar_job_new() with the Artifacts "from" and "to"; one that is in the store already is done at once. The queue of the
 * policy, if the question has none, is that of the engine.
 *
 * It asks the store, if there is one, by three requests at most, for the record of a delta, its object, and a failure, and takes
 * as long as they do: each up to the timeout of the store. Until then mar_catalog_add() and mar_catalog_remove() on this
 * catalog wait, and questions that come behind these.
 * MAR_OK; MAR_E_ARG, MAR_E_LIMIT, MAR_E_REFUSED (tenant_mismatch). Any thread.
 */
int mar_engine_plan(mar_engine *engine, mar_catalog *catalog, const char *question_json, const char *spec_json,
                    mar_buffer **out, struct mar_detail *detail);

/*
 * Ends an engine's handle. The engine itself ends with the last of its jobs; whoever ends that waits for its threads, as long
 * as mar_job_cancel() says. NULL is allowed and nothing. No other thread may still use the handle.
 */
void mar_engine_free(mar_engine *engine);

/* Numbers never change their meaning; new ones may come. */
enum mar_job_state {
    MAR_JOB_QUEUED = 1,
    MAR_JOB_SPOOLING = 2,     /* inputs arrive, are checked and unpacked */
    MAR_JOB_PLANNING = 3,
    MAR_JOB_DIFFING = 4,
    MAR_JOB_COMPRESSING = 5,
    MAR_JOB_VERIFYING = 6,    /* the delta is applied, to prove it */
    MAR_JOB_AWAITING_SIGNATURE = 7, /* goes on with mar_job_attach_signature() */
    MAR_JOB_DONE = 8,
    MAR_JOB_FAILED = 9,
    MAR_JOB_CANCELLED = 10
};

enum mar_side {
    MAR_SIDE_FROM = 0,        /* the Artifact that devices have */
    MAR_SIDE_TO = 1           /* the one that they are to get */
};

struct mar_progress {
    uint32_t struct_size;     /* in: sizeof(struct mar_progress), else MAR_E_ARG */
    uint32_t state;           /* out: one of enum mar_job_state */
    uint64_t done;            /* out: bytes done of what the state counts, and all of them; 0 where that is not known */
    uint64_t total;
    uint64_t peak_memory;     /* out: upper bound of the memory of the work in bytes; 0 before it is known */
    uint64_t peak_disk;       /* out: the same of temporary files */
};

/*
 * Begins a job: spec_json says for whom and how. from and to are paths of Artifacts, which stay as they are until the job
 * is over; NULL says that one comes by mar_job_feed(). An equal job that is under way is joined, what is known already is
 * not made again.
 *
 * MAR_OK; MAR_E_ARG (bad_request), MAR_E_LIMIT (limit_queue, limit_quota ...). Any thread.
 */
int mar_job_new(mar_engine *engine, const char *spec_json, const char *from, const char *to, mar_job **out,
                struct mar_detail *detail);

/*
 * Takes bytes of the Artifact side (of enum mar_side), as many of the len as there is room for, and says in *taken how
 * many. MAR_OK: all of them; MAR_AGAIN: not all, as the engine has not yet put away what came before; the rest is to be
 * offered again, a little later. len 0 says that the Artifact is complete, which may have to wait for its turn, too. What a
 * job does not need, as an equal one has it already, is taken and thrown away.
 *
 * MAR_OK, MAR_AGAIN; what the job failed of, if it did; MAR_E_ARG (wrong_state: behind the end, or for an Artifact that is
 * a file). Any thread; one at a time for each side, as the order counts.
 */
int mar_job_feed(mar_job *job, int side, const uint8_t *bytes, size_t len, size_t *taken, struct mar_detail *detail);

/*
 * Waits until the job is done, has failed, or wants a signature, but no longer than milliseconds (at most 60000), and
 * tells how far it is, in progress if that is not NULL, however the call ends but with MAR_E_ARG. 0 does not wait.
 *
 * MAR_OK: it goes on, or wants a signature. MAR_DONE: there is a result. Else there will be none, and the code, the
 * reason and the message say why. Any thread.
 */
int mar_job_wait(mar_job *job, uint32_t milliseconds, struct mar_progress *progress, struct mar_detail *detail);

/*
 * Cancels the job, unless it is over: from now on it is cancelled (MAR_E_CANCELLED). Its memory and temporary files are given
 * back when its worker comes by: many times in 100 ms, but for a few steps of a second or so that docs/server.md names.
 * Equal jobs that wait for the same work go on. Any thread.
 */
int mar_job_cancel(mar_job *job, struct mar_detail *detail);

/*
 * The bytes to be signed by whoever holds the key, of a job that waits for it: the manifest, of which keys of Mender sign
 * the SHA-256. MAR_OK; MAR_E_ARG (wrong_state). Any thread.
 */
int mar_job_signing_input(mar_job *job, mar_buffer **out, struct mar_detail *detail);

/*
 * Gives the signature: RSA PKCS #1 v1.5, or ECDSA P-256 as its two numbers of 32 bytes. It is checked if the job knows the
 * public key. MAR_OK: the job goes on; MAR_E_SIGNATURE (bad_signature): it still waits; MAR_E_ARG (wrong_state). Any
 * thread.
 */
int mar_job_attach_signature(mar_job *job, const uint8_t *signature, size_t len, struct mar_detail *detail);

/*
 * The next bytes of the result, at most size, and in *len how many: 0 at the end. MAR_OK; MAR_E_ARG (wrong_state) before
 * the job is done; MAR_E_IO. Any thread; one at a time, as the order counts.
 */
int mar_job_read(mar_job *job, uint8_t *bytes, size_t size, size_t *len, struct mar_detail *detail);

/* What became of the job so far, as JSON. MAR_OK. Any thread. */
int mar_job_report(mar_job *job, mar_buffer **json, struct mar_detail *detail);

/*
 * Ends a job's handle, and the job, which is cancelled unless it is over. NULL is allowed and nothing. No other thread may
 * still use the handle.
 */
void mar_job_free(mar_job *job);

#ifdef __cplusplus
}
#endif

#endif /* MENDER_ARTIFACT_H */
