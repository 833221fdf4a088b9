/*
 * hostile.c - damages Artifacts and deltas in all kinds of ways and has them installed and applied in memory.
 *
 *   hostile ROUNDS SEED NATIVE_MEMORY TARGET_SHA256 BASE NEW XDELTA3 UNCHECKED NATIVE ARTIFACT...
 *
 * XDELTA3 and UNCHECKED are VCDIFF, the latter without check values of its own, so that only the SHA-256 of the whole
 * tells. Whatever comes out has to be a failure, or the new image. Every buffer is as large as the library was told and not a
 * byte larger, so that the sanitizer sees each step across a border. Prints how often which code came.
 */
#include "mender_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    uint8_t *p;
    size_t len;
};

static uint64_t state;

static uint32_t random_below(uint32_t bound) {
    /* xorshift64*, of which the upper half is good. */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return bound == 0 ? 0 : (uint32_t)((state * 2685821657736338717u) >> 32) % bound;
}

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

/* A damaged copy; one in sixteen is whole. */
static struct bytes damaged(struct bytes good) {
    struct bytes bad;
    uint32_t times = random_below(16) == 0 ? 0 : 1 + random_below(random_below(4) == 0 ? 40 : 3);
    size_t capacity = good.len + 1024;
    bad.p = (uint8_t *)malloc(capacity);
    if (bad.p == NULL)
        exit(2);
    memcpy(bad.p, good.p, good.len);
    bad.len = good.len;
    while (times-- > 0 && bad.len > 4) {
        static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x20, 0x30};
        /* Headers are at the front: half of the damage goes there. */
        uint32_t reach = random_below(2) == 0 ? (uint32_t)bad.len : (uint32_t)(bad.len < 6000 ? bad.len : 6000);
        size_t at = random_below(reach), from = random_below((uint32_t)bad.len), len = 1 + random_below(64);
        switch (random_below(8)) {
        case 0: case 1: bad.p[at] ^= (uint8_t)(1u << random_below(8)); break;
        case 2: bad.p[at] = (uint8_t)random_below(256); break;
        case 3: bad.p[at] = edges[random_below(sizeof edges)]; break;
        case 4:
            if (at + len <= bad.len)
                memset(bad.p + at, edges[random_below(sizeof edges)], len);
            break;
        case 5:
            if (at + len <= bad.len && from + len <= bad.len)
                memmove(bad.p + at, bad.p + from, len);
            break;
        case 6: /* some bytes less, or the end cut */
            if (random_below(2) == 0 || at + len >= bad.len) {
                bad.len = at > 0 ? at : 1;
            } else {
                memmove(bad.p + at, bad.p + at + len, bad.len - at - len);
                bad.len -= len;
            }
            break;
        default: /* some bytes more */
            if (bad.len + len <= capacity) {
                memmove(bad.p + at + len, bad.p + at, bad.len - at);
                bad.len += len;
            }
        }
    }
    /* No byte more than there is. */
    bad.p = (uint8_t *)realloc(bad.p, bad.len);
    if (bad.p == NULL)
        exit(2);
    return bad;
}

static int base_read(void *user, uint64_t offset, uint8_t *p, size_t len) {
    const struct bytes *base = (const struct bytes *)user;
    if (offset > base->len || len > base->len - offset)
        abort(); /* the library promises to stay inside */
    memcpy(p, base->p + offset, len);
    return 0;
}

static int target_read(void *user, uint64_t offset, uint8_t *p, size_t len) { return base_read(user, offset, p, len); }

static int target_write(void *user, uint64_t offset, const uint8_t *p, size_t len) {
    struct bytes *target = (struct bytes *)user;
    if (offset > target->len || len > target->len - offset)
        abort();
    memcpy(target->p + offset, p, len);
    return 0;
}

static int save(void *user, const uint8_t *p, size_t len) {
    (void)user;
    return len <= MAR_CHECKPOINT_MAX && p != NULL ? 0 : -1;
}

static unsigned long counts[64];

static int pushed(mar_install *install, mar_apply *apply, struct bytes input) {
    uint32_t most = random_below(3) == 0 ? 7 : random_below(2) == 0 ? 600 : 100000;
    size_t at = 0;
    int code = MAR_OK;
    while (code == MAR_OK && at < input.len) {
        size_t len = 1 + random_below(most);
        if (len > input.len - at)
            len = input.len - at;
        code = install != NULL ? mar_install_push(install, input.p + at, len) : mar_apply_push(apply, input.p + at, len);
        at += len;
    }
    if (code != MAR_OK)
        return code;
    return install != NULL ? mar_install_finish(install) : mar_apply_finish(apply);
}

static int attempt(struct mar_install_config *config, const char *algorithm, struct bytes input) {
    size_t need;
    void *arena;
    mar_install *install = NULL;
    mar_apply *apply = NULL;
    int code;
    config->apply.algorithm = algorithm;
    config->apply.checkpoint.every = 0;
    config->apply.checkpoint.save = NULL;
    if (algorithm == NULL || strcmp(algorithm, "xdelta3") == 0) {
        config->apply.checkpoint.every = 1;
        config->apply.checkpoint.save = save;
    }
    need = algorithm == NULL ? mar_install_need(config) : mar_apply_need(&config->apply);
    arena = malloc(need);
    if (arena == NULL)
        exit(2);
    memset(arena, 0xa5, need);
    code = algorithm == NULL ? mar_install_init(&install, arena, need, config)
                             : mar_apply_init(&apply, arena, need, &config->apply);
    if (code == MAR_OK)
        code = pushed(install, apply, input);
    free(arena);
    return code;
}

static void from_hex(const char *text, uint8_t digest[32]) {
    size_t i;
    for (i = 0; i < 32; i++) {
        unsigned byte = 0;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1)
            exit(2);
        digest[i] = (uint8_t)byte;
    }
}

int main(int argc, char **argv) {
    struct mar_limits limits;
    struct mar_install_config config;
    struct bytes good[16], base, newer, target;
    uint8_t digest[32];
    unsigned long round, rounds, done = 0, bases = 0;
    int i, files = argc - 7;

    if (files < 4 || files > 16)
        return 2;
    rounds = strtoul(argv[1], NULL, 10);
    state = strtoul(argv[2], NULL, 10) * 2654435761u + 1;
    from_hex(argv[4], digest);
    base = load(argv[5]);
    newer = load(argv[6]);
    for (i = 0; i < files; i++)
        good[i] = load(argv[7 + i]);
    target.len = newer.len;
    target.p = (uint8_t *)malloc(target.len);
    if (target.p == NULL)
        return 2;

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
    config.apply.target.user = &target;
    config.apply.target.capacity = target.len;
    config.apply.target.write = target_write;
    config.apply.target.read = target_read;
    config.apply.target_size = newer.len;
    config.apply.target_sha256 = digest;

    for (round = 0; round < rounds; round++) {
        int which = (int)random_below((uint32_t)files), code;
        struct bytes bad = damaged(good[which]);
        /* At times it is the base that is damaged. */
        size_t at = random_below((uint32_t)base.len);
        uint8_t change = random_below(8) == 0 ? (uint8_t)(1 + random_below(255)) : 0;
        base.p[at] ^= change;
        bases += change != 0;
        config.apply.base.align = random_below(2) == 0 ? 0 : 512;
        memset(target.p, 0xff, target.len);
        code = attempt(&config, which < 2 ? "xdelta3" : which == 2 ? "mender-native" : NULL, bad);
        base.p[at] ^= change;
        if (code > MAR_DONE || code < -63) {
            printf("round %lu: code %d\n", round, code);
            return 1;
        }
        if (code == MAR_DONE) {
            if (memcmp(target.p, newer.p, newer.len) != 0) {
                printf("round %lu: a wrong image passed for right\n", round);
                return 1;
            }
            done++;
        } else {
            counts[-code]++;
        }
        free(bad.p);
    }
    printf("%lu rounds, %lu with a damaged base: %lu right images, 0 wrong ones", rounds, bases, done);
    for (i = 0; i < 64; i++)
        if (counts[i] != 0)
            printf(", %lu of %d", counts[i], -i);
    printf("\n");
    for (i = 0; i < files; i++)
        free(good[i].p);
    free(target.p);
    free(newer.p);
    free(base.p);
    return 0;
}
