/*
 * install.c - installs an Artifact from a file into a 'flash' file, as firmware would from the network: in small
 * pieces, in one static kind of memory of exactly the size needed, resumed after a power cut.
 *
 *   install [-p PIECE] [-m NATIVE_MEMORY] [-z] [-d DEVICE_TYPE] [-s CHECKSUM] [-c CHECKPOINT_FILE] [-x WRITES]
 *           ARTIFACT BASE FLASH
 *
 * -p bytes in a piece (512), -m bytes granted to a native delta, -z unpacks gzip, -d this device's type,
 * -s rootfs-image.checksum that this device provides, -c keeps and uses checkpoints, -x 'cuts the power' at a write.
 * Says "done", or the code, the callback's code, what was wrong, and the numbers; status 0, 1, or 2 for wrong use.
 */
#include "mender_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct device {
    FILE *base, *flash;
    const char *checksum, *checkpoint;
    long writes_left; /* until the power is cut; negative: never */
};

static int at(FILE *file, uint64_t offset) {
    /* Enough for an example: files below 2 GiB, wherever long is short. */
    return offset > 0x7fffffff || fseek(file, (long)offset, SEEK_SET) != 0 ? -5 : 0;
}

static int read_base(void *user, uint64_t offset, uint8_t *p, size_t len) {
    FILE *file = ((struct device *)user)->base;
    return at(file, offset) != 0 || fread(p, 1, len, file) != len ? -6 : 0;
}

static int read_flash(void *user, uint64_t offset, uint8_t *p, size_t len) {
    FILE *file = ((struct device *)user)->flash;
    return at(file, offset) != 0 || fread(p, 1, len, file) != len ? -7 : 0;
}

static int write_flash(void *user, uint64_t offset, const uint8_t *p, size_t len) {
    struct device *device = (struct device *)user;
    if (device->writes_left == 0)
        return -99;
    if (device->writes_left > 0)
        device->writes_left--;
    return at(device->flash, offset) != 0 || fwrite(p, 1, len, device->flash) != len ? -8 : 0;
}

static int flush_flash(void *user) {
    return fflush(((struct device *)user)->flash) != 0 ? -9 : 0;
}

/* A device would keep two checkpoints in turn, or rename; what matters is that there is always a whole one. */
static int save(void *user, const uint8_t *p, size_t len) {
    FILE *file = fopen(((struct device *)user)->checkpoint, "wb");
    size_t written;
    if (file == NULL)
        return -10;
    written = fwrite(p, 1, len, file);
    return fclose(file) != 0 || written != len ? -11 : 0;
}

static int provides(void *user, struct mar_slice key, char *value, size_t cap) {
    static const char checksum[] = "rootfs-image.checksum";
    const struct device *device = (const struct device *)user;
    size_t len;
    if (key.len != sizeof checksum - 1 || memcmp(key.p, checksum, key.len) != 0)
        return -1;
    len = strlen(device->checksum);
    if (len > cap)
        return -1;
    memcpy(value, device->checksum, len);
    return (int)len;
}

static int headers(void *user, const struct mar_payload *payload) {
    (void)user;
    printf("%.*s: %.*s\n", (int)payload->artifact_name.len, payload->artifact_name.p, (int)payload->type.len,
           payload->type.p);
    return 0;
}

static int install(struct device *device, FILE *artifact, size_t piece, const struct mar_install_config *config) {
    size_t need = mar_install_need(config), len;
    void *arena = malloc(need);
    uint8_t *buffer = (uint8_t *)malloc(piece);
    mar_install *context = NULL;
    struct mar_detail detail;
    int code;

    if (need == 0 || arena == NULL || buffer == NULL) {
        free(buffer);
        free(arena);
        fprintf(stderr, "no configuration, or no memory\n");
        return 2;
    }
    /* One byte less than needed is refused, and says what is needed. */
    code = mar_install_init(&context, arena, need - 1, config);
    if (code == MAR_E_NOMEM)
        code = mar_install_init(&context, arena, need, config);
    if (code == MAR_OK && device->checkpoint != NULL) {
        uint8_t checkpoint[MAR_CHECKPOINT_MAX];
        FILE *file = fopen(device->checkpoint, "rb");
        if (file != NULL) {
            len = fread(checkpoint, 1, sizeof checkpoint, file);
            fclose(file);
            code = mar_install_resume(context, checkpoint, len);
        }
    }
    /* A checkpoint of an update that is over would be in the way of the next one. */
    while (code == MAR_OK && (len = fread(buffer, 1, piece, artifact)) > 0)
        code = mar_install_push(context, buffer, len);
    if (code == MAR_OK)
        code = mar_install_finish(context);
    if (device->checkpoint != NULL && (code == MAR_DONE || code == MAR_E_CHECKPOINT))
        remove(device->checkpoint);
    if (code == MAR_DONE) {
        uint64_t written, total;
        mar_install_progress(context, &written, &total);
        /* Here a device makes the slot bootable. */
        printf("done: %lu of %lu bytes, arena %lu\n", (unsigned long)written, (unsigned long)total,
               (unsigned long)need);
    } else {
        memset(&detail, 0, sizeof detail);
        detail.struct_size = sizeof detail;
        mar_install_detail(context, &detail);
        printf("%d %d %s: %.*s, %lu over %lu\n", code, detail.callback_error, mar_device_strerror(code),
               (int)detail.what.len, detail.what.p, (unsigned long)detail.wanted, (unsigned long)detail.limit);
    }
    free(buffer);
    free(arena);
    return code == MAR_DONE ? 0 : 1;
}

static uint64_t size_of(FILE *file) {
    long size = fseek(file, 0, SEEK_END) != 0 ? 0 : ftell(file);
    return size < 0 ? 0 : (uint64_t)size;
}

int main(int argc, char **argv) {
    struct device device;
    struct mar_limits limits;
    struct mar_events events;
    struct mar_install_config config;
    FILE *artifact;
    size_t piece = 512;
    int i, status = 2;

    memset(&device, 0, sizeof device);
    memset(&limits, 0, sizeof limits);
    memset(&events, 0, sizeof events);
    memset(&config, 0, sizeof config);
    device.writes_left = -1;
    limits.struct_size = sizeof limits;
    events.struct_size = sizeof events;
    events.headers = headers;
    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        switch (argv[i][1]) {
        case 'p': piece = (size_t)strtoul(value, NULL, 10); break;
        case 'm': limits.native_memory = (uint32_t)strtoul(value, NULL, 10); break;
        case 'd': config.reader.device_type = value; break;
        case 's': device.checksum = value; break;
        case 'c': device.checkpoint = value; break;
        case 'x': device.writes_left = strtol(value, NULL, 10); break;
        case 'z': limits.decompress = 32768; i--; break;
        default: i = argc;
        }
        i++;
    }
    if (mar_device_abi() != MAR_DEVICE_ABI || argc - i != 3 || piece == 0) {
        fprintf(stderr, "usage: install [options] ARTIFACT BASE FLASH\n");
        return 2;
    }
    artifact = fopen(argv[i], "rb");
    device.base = fopen(argv[i + 1], "rb");
    device.flash = fopen(argv[i + 2], "r+b");
    if (artifact != NULL && device.base != NULL && device.flash != NULL) {
        config.struct_size = sizeof config;
        config.user = &device;
        config.provides = device.checksum == NULL ? NULL : provides;
        config.reader.struct_size = sizeof config.reader;
        config.reader.limits = &limits;
        config.reader.events = &events;
        config.apply.struct_size = sizeof config.apply;
        config.apply.limits = &limits;
        config.apply.base.user = &device;
        config.apply.base.size = size_of(device.base);
        config.apply.base.align = 512;
        config.apply.base.read = read_base;
        config.apply.target.user = &device;
        config.apply.target.capacity = size_of(device.flash);
        config.apply.target.align = 512;
        config.apply.target.write = write_flash;
        config.apply.target.read = read_flash;
        config.apply.target.flush = flush_flash;
        if (device.checkpoint != NULL) {
            config.apply.checkpoint.user = &device;
            config.apply.checkpoint.every = 16384;
            config.apply.checkpoint.save = save;
        }
        status = install(&device, artifact, piece, &config);
    } else {
        fprintf(stderr, "cannot open the files\n");
    }
    if (artifact != NULL)
        fclose(artifact);
    if (device.base != NULL)
        fclose(device.base);
    if (device.flash != NULL)
        fclose(device.flash);
    return status;
}
