/*
 * jobs.c - what a server does: makes a delta Artifact by a job of an engine, the old Artifact from a file, the new one
 * pushed in pieces, and has it signed by a key of its own if it is given one.
 *
 *   jobs WORK_FOLDER SPEC OLD.mender NEW.mender OUT [SIGNATURE]
 *
 * SPEC is JSON. What has to be signed goes to OUT, too, if the job waits for a signature and there is none: call again with
 * it. Ends with 0 when there is a delta, 1 when the library says no, 2 when it was called wrongly, 3 when it waits for a
 * signature. C99, and C++ as well.
 */
#include "mender_artifact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 100000 };

static char message[512];

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
    printf("%d %s: %s\n", detail->code, detail->reason == NULL ? "-" : detail->reason, detail->message);
    return 1;
}

/* Offers bytes until they are taken. */
static int feed(mar_job *job, const uint8_t *bytes, size_t len, struct mar_detail *detail)
{
    for (;;) {
        size_t taken = 0;
        int code = mar_job_feed(job, MAR_SIDE_TO, bytes, len, &taken, detail);
        if (code != MAR_AGAIN)
            return code;
        bytes += taken;
        len -= taken;
        /* A server would look after something else. A job that is over takes everything. */
        mar_job_wait(job, 1, NULL, detail);
    }
}

static int feed_file(mar_job *job, FILE *file, struct mar_detail *detail)
{
    uint8_t *piece = (uint8_t *)malloc(PIECE);
    int code = piece == NULL ? MAR_E_NOMEM : MAR_OK;
    size_t len = 1;
    while (code == MAR_OK && len > 0) {
        len = fread(piece, 1, PIECE, file);
        code = feed(job, piece, len, detail);
    }
    free(piece);
    return code;
}

/* The whole of a buffer, which it frees, or of a job's result, to a file. */
static int save(const char *path, mar_buffer *buffer, mar_job *job, struct mar_detail *detail)
{
    uint8_t piece[4096];
    int code = MAR_OK;
    size_t len = 1;
    FILE *out = fopen(path, "wb");
    if (out == NULL) {
        mar_buffer_free(buffer);
        return MAR_E_IO;
    }
    if (buffer != NULL) {
        const uint8_t *bytes = mar_buffer_bytes(buffer, &len);
        fwrite(bytes, 1, len, out);
        mar_buffer_free(buffer);
        len = 0;
    }
    while (code == MAR_OK && len > 0) {
        code = mar_job_read(job, piece, sizeof piece, &len, detail);
        if (code == MAR_OK)
            fwrite(piece, 1, len, out);
    }
    return fclose(out) == 0 ? code : MAR_E_IO;
}

static int finish(mar_job *job, const char *path, const char *signature, struct mar_detail *detail)
{
    struct mar_progress progress;
    mar_buffer *buffer = NULL;
    int code;
    memset(&progress, 0, sizeof progress);
    progress.struct_size = (uint32_t)sizeof progress;
    for (;;) {
        code = mar_job_wait(job, 20, &progress, detail);
        if (code == MAR_DONE)
            break;
        if (code != MAR_OK)
            return refused(detail);
        if (progress.state != MAR_JOB_AWAITING_SIGNATURE)
            continue;
        if (signature == NULL) {
            if (mar_job_signing_input(job, &buffer, detail) != MAR_OK || save(path, buffer, job, detail) != MAR_OK)
                return refused(detail);
            return 3;
        } else {
            uint8_t bytes[1024];
            FILE *file = fopen(signature, "rb");
            size_t len = file == NULL ? 0 : fread(bytes, 1, sizeof bytes, file);
            if (file != NULL)
                fclose(file);
            if (mar_job_attach_signature(job, bytes, len, detail) != MAR_OK)
                return refused(detail);
        }
    }
    if (save(path, NULL, job, detail) != MAR_OK || mar_job_report(job, &buffer, detail) != MAR_OK)
        return refused(detail);
    printf("%s\n", (const char *)mar_buffer_bytes(buffer, NULL));
    mar_buffer_free(buffer);
    return 0;
}

int main(int argc, char **argv)
{
    struct mar_detail detail = new_detail();
    char options[1200];
    mar_engine *engine = NULL;
    mar_job *job = NULL;
    FILE *to;
    int status = 1;
    if (argc < 6 || argc > 7 || strlen(argv[1]) > 1000 || (to = fopen(argv[4], "rb")) == NULL) {
        fprintf(stderr, "usage: jobs WORK_FOLDER SPEC OLD.mender NEW.mender OUT [SIGNATURE]\n");
        return 2;
    }
    /* A path with a quote in it would have to be escaped. */
    sprintf(options, "{\"v\":1,\"work_folder\":\"%s\",\"workers\":1,\"memory\":1073741824}", argv[1]);
    if (mar_engine_new(options, &engine, &detail) != MAR_OK || mar_job_new(engine, argv[2], argv[3], NULL, &job, &detail) != MAR_OK) {
        refused(&detail);
    } else {
        /* The engine lives as long as its jobs do. */
        mar_engine_free(engine);
        engine = NULL;
        if (feed_file(job, to, &detail) != MAR_OK)
            refused(&detail);
        else
            status = finish(job, argv[5], argc == 7 ? argv[6] : NULL, &detail);
    }
    mar_job_free(job);
    mar_engine_free(engine);
    fclose(to);
    return status;
}
