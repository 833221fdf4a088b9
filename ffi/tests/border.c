/*
 * border.c - what a C program sees at the border: layouts, NULL everywhere, handles in wrong states.
 * Prints nothing and ends with 0 when all is as mender_artifact.h says; else prints the line.
 */
#include "mender_artifact.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define HOLD(claim)                                          \
    do {                                                     \
        if (!(claim)) {                                      \
            printf("line %d: not so: %s\n", __LINE__, #claim); \
            return 1;                                        \
        }                                                    \
    } while (0)

/* What Rust lays out, by hand: pointers are 4 or 8 bytes, uint64_t is aligned to 8 or (on some 32-bit systems) 4. */
static int layouts(void)
{
    HOLD(offsetof(struct mar_detail, struct_size) == 0);
    HOLD(offsetof(struct mar_detail, code) == 4);
    HOLD(offsetof(struct mar_detail, offset) == 8);
    HOLD(offsetof(struct mar_detail, message) == 16);
    HOLD(offsetof(struct mar_detail, message_size) == 16 + sizeof(char *));
    HOLD(offsetof(struct mar_detail, message_len) == 16 + 2 * sizeof(char *));
    HOLD(offsetof(struct mar_detail, reason) == 16 + 3 * sizeof(char *));
    HOLD(offsetof(struct mar_apply_options, flags) == 4);
    HOLD(offsetof(struct mar_apply_options, memory_limit) == 8);
    HOLD(sizeof(struct mar_apply_options) == 16 + 2 * sizeof(void *));
    return 0;
}

static int texts(void)
{
    int code;
    HOLD(mar_abi() == MAR_ABI);
    HOLD(strlen(mar_version()) >= 5);
    for (code = -100; code < 100; code++)
        HOLD(mar_strerror(code) != NULL && mar_strerror(code)[0] != '\0');
    HOLD(strcmp(mar_strerror(MAR_E_BASE), "the delta belongs to another base") == 0);
    HOLD(mar_category(MAR_E_SIGNATURE) == MAR_CATEGORY_VERIFY);
    HOLD(mar_category(-99) == MAR_CATEGORY_NONE);
    return 0;
}

static int nulls(void)
{
    mar_check *check = NULL;
    const uint8_t *bytes = (const uint8_t *)"x";
    HOLD(mar_check_new(NULL, 0, NULL, NULL) == MAR_E_ARG);
    HOLD(mar_check_new(NULL, 1, &check, NULL) == MAR_E_ARG);
    HOLD(mar_check_new(bytes, 0, &check, NULL) == MAR_E_KEY);
    HOLD(mar_check_new(bytes, 1, &check, NULL) == MAR_E_KEY);
    HOLD(check == NULL);
    HOLD(mar_check_push(NULL, bytes, 1, NULL) == MAR_E_ARG);
    HOLD(mar_check_finish(NULL, NULL) == MAR_E_ARG);
    mar_check_free(NULL);
    HOLD(mar_delta_apply_file(NULL, "delta", "out", NULL, NULL) == MAR_E_ARG);
    HOLD(mar_delta_apply_file("base", NULL, "out", NULL, NULL) == MAR_E_ARG);
    HOLD(mar_delta_apply_file("base", "delta", NULL, NULL, NULL) == MAR_E_ARG);

    HOLD(mar_check_new(NULL, 0, &check, NULL) == MAR_OK);
    HOLD(mar_check_push(check, NULL, 1, NULL) == MAR_E_ARG);
    HOLD(mar_check_push(check, bytes, SIZE_MAX, NULL) == MAR_E_ARG);
    HOLD(mar_check_push(check, NULL, 0, NULL) == MAR_OK);
    HOLD(mar_check_finish(check, NULL) == MAR_E_TRUNCATED);
    HOLD(mar_check_push(check, bytes, 1, NULL) == MAR_E_TRUNCATED);
    mar_check_free(check);
    return 0;
}

static int details(void)
{
    char small[5] = {'#', '#', '#', '#', '#'};
    struct mar_detail detail;
    memset(&detail, 0, sizeof detail);

    detail.struct_size = (uint32_t)offsetof(struct mar_detail, reason) - 1;
    HOLD(mar_check_finish(NULL, &detail) == MAR_E_ARG && detail.code == 0);
    detail.struct_size = (uint32_t)sizeof detail;
    detail.message = small;
    detail.message_size = 4;
    HOLD(mar_check_finish(NULL, &detail) == MAR_E_ARG && detail.code == MAR_E_ARG);
    HOLD(detail.offset == MAR_NO_OFFSET && detail.message_len == strlen("the handle is NULL"));
    HOLD(memcmp(small, "the\0#", 5) == 0);
    detail.message = NULL;
    detail.message_size = 100;
    HOLD(mar_check_finish(NULL, &detail) == MAR_E_ARG && detail.code == MAR_E_ARG);
    return 0;
}

int main(void)
{
    return layouts() || texts() || nulls() || details();
}
