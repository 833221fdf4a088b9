/*
 * large.c - applies a delta between images of more than 4 GiB, from a sparse file to a sparse file.
 *
 *   large ALGORITHM TARGET_SIZE TARGET_SHA256 DELTA BASE FLASH
 *
 * Blocks of zeros stay holes. Says the code, the bytes written, and the largest offsets of reads and writes.
 */
#define _FILE_OFFSET_BITS 64
#define _XOPEN_SOURCE 700

#include "mender_device.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct device {
    int base, flash;
    uint64_t read_end, written_end;
};

static int all(int fd, uint64_t offset, uint8_t *p, size_t len) {
    while (len > 0) {
        ssize_t got = pread(fd, p, len, (off_t)offset);
        if (got <= 0)
            return -6;
        p += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return 0;
}

static int read_base(void *user, uint64_t offset, uint8_t *p, size_t len) {
    struct device *device = (struct device *)user;
    if (offset + len > device->read_end)
        device->read_end = offset + len;
    return all(device->base, offset, p, len);
}

static int read_flash(void *user, uint64_t offset, uint8_t *p, size_t len) {
    return all(((struct device *)user)->flash, offset, p, len);
}

static int write_flash(void *user, uint64_t offset, const uint8_t *p, size_t len) {
    struct device *device = (struct device *)user;
    if (offset + len > device->written_end)
        device->written_end = offset + len;
    if (p[0] == 0 && (len == 1 || memcmp(p, p + 1, len - 1) == 0))
        return 0;
    return pwrite(device->flash, p, len, (off_t)offset) == (ssize_t)len ? 0 : -8;
}

static int flush_flash(void *user) {
    return fsync(((struct device *)user)->flash) != 0 ? -9 : 0;
}

static int digest(const char *hex, uint8_t out[32]) {
    int i;
    for (i = 0; i < 32; i++) {
        unsigned int byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return -1;
        out[i] = (uint8_t)byte;
    }
    return 0;
}

int main(int argc, char **argv) {
    struct device device;
    struct mar_limits limits;
    struct mar_apply_config config;
    struct mar_detail detail;
    struct stat about;
    uint8_t sha256[32], piece[512];
    mar_apply *apply = NULL;
    void *arena;
    size_t need, len;
    uint64_t input = 0, written = 0, total = 0;
    FILE *delta;
    int code;

    memset(&device, 0, sizeof device);
    memset(&limits, 0, sizeof limits);
    memset(&config, 0, sizeof config);
    memset(&detail, 0, sizeof detail);
    if (argc != 7 || digest(argv[3], sha256) != 0)
        return 2;
    delta = fopen(argv[4], "rb");
    device.base = open(argv[5], O_RDONLY);
    device.flash = open(argv[6], O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (delta == NULL || device.base < 0 || device.flash < 0 || fstat(device.base, &about) != 0)
        return 2;
    limits.struct_size = sizeof limits;
    limits.native_memory = 8u << 20;
    limits.delta_window = 8u << 20;
    limits.delta_sections = 8u << 20;
    limits.io_block = 64u << 10;
    config.struct_size = sizeof config;
    config.limits = &limits;
    config.algorithm = argv[1];
    config.target_size = strtoull(argv[2], NULL, 10);
    config.target_sha256 = sha256;
    config.base.user = &device;
    config.base.size = (uint64_t)about.st_size;
    config.base.align = 4096;
    config.base.read = read_base;
    config.target.user = &device;
    config.target.capacity = config.target_size;
    config.target.align = 4096;
    config.target.write = write_flash;
    /* Read back where there is time for it. */
    config.target.read = getenv("LARGE_READ_BACK") != NULL ? read_flash : NULL;
    config.target.flush = flush_flash;
    if (ftruncate(device.flash, (off_t)config.target_size) != 0)
        return 2;
    need = mar_apply_need(&config);
    arena = malloc(need);
    if (need == 0 || arena == NULL)
        return 2;
    code = mar_apply_init(&apply, arena, need, &config);
    while (code == MAR_OK && (len = fread(piece, 1, sizeof piece, delta)) > 0)
        code = mar_apply_push(apply, piece, len);
    if (code == MAR_OK)
        code = mar_apply_finish(apply);
    detail.struct_size = sizeof detail;
    if (apply != NULL) {
        mar_apply_detail(apply, &detail);
        mar_apply_progress(apply, &input, &written, &total);
    }
    printf("%d %.*s: %llu of %llu bytes written, base read up to %llu, flash written up to %llu\n", code,
           (int)detail.what.len, detail.what.p == NULL ? "" : detail.what.p, (unsigned long long)written,
           (unsigned long long)total, (unsigned long long)device.read_end, (unsigned long long)device.written_end);
    free(arena);
    fclose(delta);
    close(device.base);
    close(device.flash);
    return code == MAR_DONE ? 0 : 1;
}
