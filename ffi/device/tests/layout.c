/* layout.c - prints sizes and offsets of every structure of the header, to be compared with Rust's. */
#include "mender_device.h"

#include <stdio.h>

#define SIZE(type) printf("%s %lu\n", #type, (unsigned long)sizeof(struct type))
#define PLACE(type, member) printf("%s.%s %lu\n", #type, #member, (unsigned long)offsetof(struct type, member))

int main(void) {
    SIZE(mar_slice);
    SIZE(mar_detail);
    PLACE(mar_detail, offset);
    PLACE(mar_detail, what);
    SIZE(mar_limits);
    PLACE(mar_limits, io_block);
    SIZE(mar_crypto);
    PLACE(mar_crypto, verify);
    SIZE(mar_payload);
    PLACE(mar_payload, signature_checked);
    SIZE(mar_events);
    PLACE(mar_events, file_end);
    SIZE(mar_reader_config);
    PLACE(mar_reader_config, device_type);
    SIZE(mar_base);
    PLACE(mar_base, read);
    SIZE(mar_target);
    PLACE(mar_target, flush);
    SIZE(mar_checkpointing);
    PLACE(mar_checkpointing, save);
    SIZE(mar_apply_config);
    PLACE(mar_apply_config, target_sha256);
    SIZE(mar_install_config);
    PLACE(mar_install_config, user);
    return 0;
}
