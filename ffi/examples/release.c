/*
 * release.c - what a build server does: writes two Artifacts, signs them, reads one, makes the delta between them, and
 * applies a delta of each format.
 *
 *   release OLD_IMAGE NEW_IMAGE PRIVATE_KEY PUBLIC_KEY FOLDER
 */
#include "mender_artifact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char message[512];
static struct mar_detail detail;

static struct mar_detail *explain(void) {
    memset(&detail, 0, sizeof detail);
    detail.struct_size = sizeof detail;
    detail.message = message;
    detail.message_size = sizeof message;
    return &detail;
}

/* Ends the program unless the call did what it should. */
static void must(const char *what, int code, int expected) {
    if (code != expected) {
        printf("%s: %d, %s: %s\n", what, code, mar_strerror(code), code < 0 ? message : "");
        exit(1);
    }
}

static size_t load(const char *path, uint8_t *to, size_t capacity) {
    FILE *file = fopen(path, "rb");
    size_t len = file == NULL ? 0 : fread(to, 1, capacity, file);
    if (file != NULL)
        fclose(file);
    return len;
}

static const char *in(const char *folder, const char *name) {
    static char paths[8][1024];
    static int next;
    char *path = paths[next++ % 8];
    sprintf(path, "%.900s/%.100s", folder, name);
    return path;
}

struct counter {
    unsigned long calls;
    int cancel;
};

static int progress(void *user, int phase, uint64_t done, uint64_t total) {
    struct counter *counter = (struct counter *)user;
    (void)phase, (void)done, (void)total;
    counter->calls++;
    return counter->cancel;
}

static void write_artifact(const char *name, const char *image, const char *out, const uint8_t *key, size_t len,
                           const struct mar_work *work) {
    mar_writer *writer = NULL;
    must("new", mar_writer_new(name, &writer, explain()), MAR_OK);
    must("device type", mar_writer_set(writer, MAR_FIELD_DEVICE_TYPE, "board", explain()), MAR_OK);
    must("compression", mar_writer_set(writer, MAR_FIELD_COMPRESSION, "zstd", explain()), MAR_OK);
    must("wrong compression", mar_writer_set(writer, MAR_FIELD_COMPRESSION, "rar", explain()), MAR_E_ARG);
    must("time", mar_writer_set(writer, MAR_FIELD_SOURCE_DATE_EPOCH, "1000000000", explain()), MAR_OK);
    must("pair", mar_writer_add_pair(writer, MAR_PAIR_PROVIDES, "colour", "blue", explain()), MAR_OK);
    must("no file", mar_writer_write(writer, out, NULL, explain()), MAR_E_ARG);
    must("file", mar_writer_add_file(writer, MAR_INPUT_PAYLOAD, image, explain()), MAR_OK);
    if (key != NULL)
        must("key", mar_writer_sign(writer, key, len, explain()), MAR_OK);
    must("write", mar_writer_write(writer, out, work, explain()), MAR_OK);
    mar_writer_free(writer);
}

int main(int argc, char **argv) {
    static const uint32_t algorithms[] = {MAR_ALGORITHM_NATIVE, MAR_ALGORITHM_XDELTA3, MAR_ALGORITHM_XDELTA3_PLAIN,
                                          MAR_ALGORITHM_BSDIFF};
    uint8_t private_key[8192], public_key[8192];
    size_t private_len, public_len, i;
    struct mar_delta_options options;
    struct mar_apply_options apply;
    struct mar_work work;
    struct counter counter = {0, 0};
    struct mar_file file;
    mar_artifact *artifact = NULL;
    const char *folder, *old, *newer, *delta;

    if (argc != 6 || mar_abi() != MAR_ABI)
        return 2;
    folder = argv[5];
    private_len = load(argv[3], private_key, sizeof private_key);
    public_len = load(argv[4], public_key, sizeof public_key);
    memset(&work, 0, sizeof work);
    work.struct_size = sizeof work;
    work.user = &counter;
    work.progress = progress;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.work = &work;
    options.window = 65536;
    memset(&apply, 0, sizeof apply);
    apply.struct_size = sizeof apply;
    apply.work = &work;

    old = in(folder, "old.mender");
    newer = in(folder, "new.mender");
    delta = in(folder, "delta.mender");
    write_artifact("r1", argv[1], old, NULL, 0, NULL);
    write_artifact("r2", argv[2], newer, private_key, private_len, &work);
    must("told", counter.calls > 0, 1);

    /* Signing afterwards. */
    must("sign", mar_sign_file(old, old, private_key, private_len, 0, explain()), MAR_OK);
    must("sign again", mar_sign_file(old, old, private_key, private_len, 0, explain()), MAR_E_ARG);
    must("replace", mar_sign_file(old, old, private_key, private_len, MAR_SIGN_REPLACE, explain()), MAR_OK);

    /* Reading. */
    must("wrong key", mar_artifact_read(newer, private_key, 0, &artifact, explain()), MAR_E_KEY);
    must("read", mar_artifact_read(newer, public_key, public_len, &artifact, explain()), MAR_OK);
    must("name", strcmp(mar_artifact_text(artifact, MAR_TEXT_NAME), "r2"), 0);
    must("signature", strcmp(mar_artifact_text(artifact, MAR_TEXT_SIGNATURE), "verified"), 0);
    must("group", mar_artifact_text(artifact, MAR_TEXT_GROUP) == NULL, 1);
    must("type", strcmp(mar_artifact_payload_type(artifact, 0), "rootfs-image"), 0);
    must("provides", strcmp(mar_artifact_provides(artifact, 0, "colour"), "blue"), 0);
    must("no provides", mar_artifact_provides(artifact, 0, "shape") == NULL, 1);
    must("no payload", mar_artifact_payload_type(artifact, 1) == NULL, 1);
    must("device", strcmp(mar_artifact_device_type(artifact, 0), "board"), 0);
    must("no device", mar_artifact_device_type(artifact, 1) == NULL, 1);
    must("file", mar_artifact_file(artifact, 0, 0, &file), MAR_OK);
    must("no file", mar_artifact_file(artifact, 0, 1, &file), MAR_E_ARG);
    printf("%s %lu\n%s\n", file.name, (unsigned long)file.size, mar_artifact_text(artifact, MAR_TEXT_JSON));
    mar_artifact_free(artifact);

    /* Deltas. */
    must("delta Artifact",
         mar_delta_make_artifact(old, newer, delta, private_key, private_len, &options, explain()), MAR_OK);
    must("read delta", mar_artifact_read(delta, public_key, public_len, &artifact, explain()), MAR_OK);
    must("delta type", strcmp(mar_artifact_payload_type(artifact, 0), "mender-delta"), 0);
    must("delta depends", mar_artifact_depends(artifact, 0, "rootfs-image.checksum") != NULL, 1);
    mar_artifact_free(artifact);
    for (i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        char name[16];
        const char *out;
        sprintf(name, "delta%u", (unsigned)i);
        out = in(folder, name);
        options.algorithm = algorithms[i];
        must("make", mar_delta_make_file(argv[1], argv[2], out, &options, explain()), MAR_OK);
        sprintf(name, "out%u", (unsigned)i);
        must("apply", mar_delta_apply_file(argv[1], out, in(folder, name), &apply, explain()), MAR_OK);
    }
    {
        static const uint8_t other[32] = {1};
        apply.target_sha256 = other;
        must("another target", mar_delta_apply_file(argv[1], in(folder, "delta3"), in(folder, "cancelled"), &apply, explain()),
             MAR_E_TARGET);
        apply.target_sha256 = file.sha256;
        must("the target", mar_delta_apply_file(argv[1], in(folder, "delta3"), in(folder, "out3"), &apply, explain()), MAR_OK);
    }
    counter.cancel = 1;
    must("cancel", mar_delta_make_file(argv[1], argv[2], in(folder, "cancelled"), &options, explain()),
         MAR_E_CANCELLED);
    must("cancel apply", mar_delta_apply_file(argv[1], in(folder, "delta0"), in(folder, "cancelled"), &apply, explain()),
         MAR_E_CANCELLED);
    must("algorithm", (options.algorithm = 9, mar_delta_make_file(argv[1], argv[2], in(folder, "x"), &options, explain())),
         MAR_E_ARG);
    printf("done\n");
    return 0;
}
