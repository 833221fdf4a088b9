/*
 * mender_artifact.h - checks Mender Artifacts and applies deltas, for programs on a computer.
 *
 * C99 and C++. Link with -lmender_artifact.
 *
 * Rules that hold for every function:
 *  - A function that can fail returns an int: MAR_OK or MAR_DONE, which are not negative, or a negative code out of
 *    enum mar_code. Compare with the success that you want: only MAR_DONE of mar_check_finish() says that an Artifact
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
    MAR_E_AUGMENTED = -24,   /* augmented Artifacts are refused */
    MAR_E_NO_KEY = -26,      /* there is a signature and no key */
    MAR_E_KEY = -27,         /* the key cannot be used */

    MAR_E_DELTA = -40,       /* not a delta, or a damaged one */
    MAR_E_BASE = -41,        /* the delta was made from another base */
    MAR_E_TARGET = -42       /* the result has another checksum than promised */
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
    uint32_t struct_size; /* in: sizeof(struct mar_detail); a smaller one gives MAR_E_ARG before anything is done */
    int code;             /* out: what the call returned */
    uint64_t offset;      /* out: bytes from the start of the input, or of the archive in it that the message
                             names; MAR_NO_OFFSET if there is no place to name */
    char *message;        /* in: buffer for one line of English in UTF-8 that ends with NUL; NULL for none */
    size_t message_size;  /* in: bytes in that buffer */
    size_t message_len;   /* out: bytes of the whole message without NUL; if that is not less than message_size,
                             the message was cut */
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

/* Ends a check, at any time. NULL is allowed and nothing. The pointer is dead afterwards. One thread at a time. */
void mar_check_free(mar_check *check);

/* ------------------------------------------------------------------------------------------------ applying a delta */

struct mar_apply_options {
    uint32_t struct_size;  /* sizeof(struct mar_apply_options), else MAR_E_ARG */
    uint32_t flags;        /* 0, else MAR_E_ARG */
    uint64_t memory_limit; /* most bytes of memory that the delta may ask for; 0: 256 MiB */
};

/*
 * Applies the native delta in the file delta to the image in the file or block device base, and lets the new image
 * appear in the file out.
 *
 * The base is checked first, the new image before it appears: out is written beside its place under another name and
 * moved there when its checksum is right and it is on disk. After a failure out is as it was, and nothing lies beside
 * it. out may exist, and may be base. What is there and no regular file (device, pipe, folder) gives MAR_E_ARG.
 *
 * delta is the delta alone, not the Artifact around one. Paths end with NUL; they are bytes as the system has them, on
 * Windows UTF-8. options may be NULL for the defaults.
 *
 * MAR_OK; MAR_E_ARG, MAR_E_IO, MAR_E_LIMIT, MAR_E_DELTA, MAR_E_TRUNCATED, MAR_E_UNSUPPORTED, MAR_E_BASE,
 * MAR_E_TARGET. Any thread, but two calls at the same time with the same out leave the result of either.
 */
int mar_delta_apply_file(const char *base, const char *delta, const char *out,
                         const struct mar_apply_options *options, struct mar_detail *detail);

#ifdef __cplusplus
}
#endif

#endif /* MENDER_ARTIFACT_H */
