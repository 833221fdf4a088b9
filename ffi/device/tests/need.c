/* need.c - prints the arena's need of reader, applier and both with default limits, as cells of a table. */
#include "mender_device.h"

#include <stdio.h>
#include <string.h>

static int read_(void *user, uint64_t offset, uint8_t *p, size_t len) {
    (void)user, (void)offset, (void)p, (void)len;
    return 0;
}

static int write_(void *user, uint64_t offset, const uint8_t *p, size_t len) {
    (void)user, (void)offset, (void)p, (void)len;
    return 0;
}

int main(void) {
    struct mar_limits limits;
    struct mar_install_config config;
    size_t apply = 0;

    memset(&limits, 0, sizeof limits);
    memset(&config, 0, sizeof config);
    limits.struct_size = sizeof limits;
    config.struct_size = sizeof config;
    config.reader.struct_size = sizeof config.reader;
    config.reader.limits = &limits;
    config.apply.struct_size = sizeof config.apply;
    config.apply.limits = &limits;
    config.apply.base.read = read_;
    config.apply.base.align = 512;
    config.apply.target.write = write_;
#ifdef WITH_GZIP
    limits.decompress = 32768;
#endif
#if defined WITH_VCDIFF || defined WITH_NATIVE
    config.apply.algorithm = "mender-native";
#ifdef WITH_VCDIFF
    config.apply.algorithm = "xdelta3";
#endif
    {
        static const uint8_t digest[32];
        config.apply.target_sha256 = digest;
        apply = mar_apply_need(&config.apply);
    }
#endif
    printf("%lu | %lu | %lu\n", (unsigned long)mar_reader_need(&config.reader), (unsigned long)apply,
           (unsigned long)mar_install_need(&config));
    return 0;
}
