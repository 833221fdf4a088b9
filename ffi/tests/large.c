/* large.c - makes a delta between two image files and applies it: large BASE TARGET DELTA OUT ALGORITHM */
#include "mender_artifact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t most[64]; /* done, by phase */

static int progress(void *user, int phase, uint64_t done, uint64_t total) {
    (void)user;
    if (total != 0 && done > total)
        return 1;
    if (phase >= 0 && phase < 64 && done > most[phase])
        most[phase] = done;
    return 0;
}

int main(int argc, char **argv) {
    struct mar_work work;
    struct mar_delta_options make;
    struct mar_apply_options apply;
    struct mar_detail detail;
    uint64_t largest = 0;
    int code, i;

    memset(&work, 0, sizeof work);
    memset(&make, 0, sizeof make);
    memset(&apply, 0, sizeof apply);
    memset(&detail, 0, sizeof detail);
    if (argc != 6)
        return 2;
    work.struct_size = sizeof work;
    work.progress = progress;
    make.struct_size = sizeof make;
    make.algorithm = (uint32_t)strtoul(argv[5], NULL, 10);
    make.work = &work;
    apply.struct_size = sizeof apply;
    apply.work = &work;
    detail.struct_size = sizeof detail;
    code = mar_delta_make_file(argv[1], argv[2], argv[3], &make, &detail);
    if (code == MAR_OK)
        code = mar_delta_apply_file(argv[1], argv[3], argv[4], &apply, &detail);
    for (i = 0; i < 64; i++)
        if (most[i] > largest)
            largest = most[i];
    printf("%d %s: told of %llu bytes\n", code, mar_strerror(code), (unsigned long long)largest);
    return code == MAR_OK ? 0 : 1;
}
