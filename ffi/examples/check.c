/*
 * check.c - checks a Mender Artifact, or applies a delta; what mender_artifact.h is used like.
 *
 *   check ARTIFACT PIECE [KEY.PEM]     reads ARTIFACT in pieces of PIECE bytes
 *   check --apply BASE DELTA OUT       makes OUT of BASE and DELTA
 *
 * Ends with 0 when all is well, 1 when the library says no, 2 when it was called wrongly. C99, and C++ as well.
 */
#include "mender_artifact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char message[256];

static struct mar_detail new_detail(void)
{
    struct mar_detail detail;
    memset(&detail, 0, sizeof detail);
    detail.struct_size = (uint32_t)sizeof detail;
    detail.message = message;
    detail.message_size = sizeof message;
    return detail;
}

static int refused(const struct mar_detail *detail)
{
    printf("%d %d %s: %s", detail->code, mar_category(detail->code), mar_strerror(detail->code), detail->message);
    if (detail->offset != MAR_NO_OFFSET)
        printf(" [%llu]", (unsigned long long)detail->offset);
    printf("\n");
    return 1;
}

/* Reads a small file as a whole; NULL on failure. */
static uint8_t *read_file(const char *path, size_t *len)
{
    const size_t most = 64 * 1024;
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = (uint8_t *)malloc(most);
    if (file == NULL || bytes == NULL) {
        free(bytes);
        bytes = NULL;
    } else {
        *len = fread(bytes, 1, most, file);
    }
    if (file != NULL)
        fclose(file);
    return bytes;
}

/* Gives the check the whole file, each piece in a buffer of exactly its size. */
static int push_file(mar_check *check, FILE *file, size_t piece, struct mar_detail *detail)
{
    int code = MAR_OK;
    uint8_t *bytes = (uint8_t *)malloc(piece);
    if (bytes == NULL)
        return MAR_E_NOMEM;
    while (code == MAR_OK) {
        size_t len = fread(bytes, 1, piece, file);
        if (len == 0)
            break;
        code = mar_check_push(check, bytes, len, detail);
    }
    free(bytes);
    return code;
}

static int check_artifact(const char *path, size_t piece, const char *key_path)
{
    struct mar_detail detail = new_detail();
    mar_check *check = NULL;
    uint8_t *key = NULL;
    size_t key_len = 0;
    int code;
    FILE *file = fopen(path, "rb");
    if (file == NULL || piece == 0)
        return 2;
    if (key_path != NULL && (key = read_file(key_path, &key_len)) == NULL)
        return 2;

    code = mar_check_new(key, key_len, &check, &detail);
    free(key); /* the check has its own copy */
    if (code == MAR_OK)
        code = push_file(check, file, piece, &detail);
    if (code == MAR_OK && !ferror(file))
        code = mar_check_finish(check, &detail);
    mar_check_free(check);
    fclose(file);

    if (code == MAR_DONE) {
        printf("sound\n");
        return 0;
    }
    return refused(&detail);
}

static int apply(const char *base, const char *delta, const char *out)
{
    struct mar_detail detail = new_detail();
    struct mar_apply_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    options.memory_limit = 64u << 20;
    if (mar_delta_apply_file(base, delta, out, &options, &detail) != MAR_OK)
        return refused(&detail);
    printf("applied\n");
    return 0;
}

int main(int argc, char **argv)
{
    if (mar_abi() != MAR_ABI) {
        fprintf(stderr, "built for ABI %u, found %u of version %s\n", MAR_ABI, (unsigned)mar_abi(), mar_version());
        return 2;
    }
    if (argc == 5 && strcmp(argv[1], "--apply") == 0)
        return apply(argv[2], argv[3], argv[4]);
    if (argc == 3 || argc == 4)
        return check_artifact(argv[1], (size_t)strtoul(argv[2], NULL, 10), argc == 4 ? argv[3] : NULL);
    fprintf(stderr, "usage: check ARTIFACT PIECE [KEY.PEM] | check --apply BASE DELTA OUT\n");
    return 2;
}
