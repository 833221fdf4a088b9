/*
 * stack.c - installs an Artifact in memory and says how much stack that took at most.
 *
 *   stack ARTIFACT BASE NATIVE_MEMORY
 *
 * The stack below is painted before each call, and looked at afterwards: not what C promises, but what processors do.
 */
#include "mender_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 64 * 1024 };

struct bytes {
    uint8_t *p;
    size_t len;
};

static struct bytes load(const char *path) {
    struct bytes bytes = {NULL, 0};
    FILE *file = fopen(path, "rb");
    long size;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) <= 0)
        exit(2);
    rewind(file);
    bytes.len = (size_t)size;
    bytes.p = (uint8_t *)malloc(bytes.len);
    if (bytes.p == NULL || fread(bytes.p, 1, bytes.len, file) != bytes.len)
        exit(2);
    fclose(file);
    return bytes;
}

static int base_read(void *user, uint64_t offset, uint8_t *p, size_t len) {
    size_t i;
    /* No function of the C library: its stack is not ours. */
    for (i = 0; i < len; i++)
        p[i] = ((struct bytes *)user)->p[offset + i];
    return 0;
}

static int target_write(void *user, uint64_t offset, const uint8_t *p, size_t len) {
    (void)user, (void)offset, (void)p, (void)len;
    return 0;
}

static volatile uint8_t *low;

static __attribute__((noinline)) void paint(void) {
    volatile uint8_t area[DEPTH];
    size_t i;
    for (i = 0; i < DEPTH; i++)
        area[i] = 0xa5;
    low = area;
}

static __attribute__((noinline)) size_t painted(void) {
    size_t i = 0;
    while (i < DEPTH && low[i] == 0xa5)
        i++;
    return DEPTH - i;
}

int main(int argc, char **argv) {
    struct mar_limits limits;
    struct mar_install_config config;
    struct bytes artifact, base;
    mar_install *install = NULL;
    size_t at, used, most = 0;
    void *arena;
    int code;

    if (argc != 4)
        return 2;
    artifact = load(argv[1]);
    base = load(argv[2]);
    memset(&limits, 0, sizeof limits);
    memset(&config, 0, sizeof config);
    limits.struct_size = sizeof limits;
    limits.decompress = 32768;
    limits.native_memory = (uint32_t)strtoul(argv[3], NULL, 10);
    config.struct_size = sizeof config;
    config.reader.struct_size = sizeof config.reader;
    config.reader.limits = &limits;
    config.apply.struct_size = sizeof config.apply;
    config.apply.limits = &limits;
    config.apply.base.user = &base;
    config.apply.base.size = base.len;
    config.apply.base.read = base_read;
    config.apply.target.capacity = UINT64_MAX;
    config.apply.target.write = target_write;
    arena = malloc(mar_install_need(&config));
    paint();
    code = mar_install_init(&install, arena, mar_install_need(&config), &config);
    most = painted();
    for (at = 0; code == MAR_OK && at < artifact.len; at += 512) {
        paint();
        code = mar_install_push(install, artifact.p + at, artifact.len - at < 512 ? artifact.len - at : 512);
        used = painted();
        most = used > most ? used : most;
    }
    if (code == MAR_OK) {
        paint();
        code = mar_install_finish(install);
        used = painted();
        most = used > most ? used : most;
    }
    printf("%d %lu\n", code, (unsigned long)most);
    free(arena);
    free(artifact.p);
    free(base.p);
    return code == MAR_DONE ? 0 : 1;
}
