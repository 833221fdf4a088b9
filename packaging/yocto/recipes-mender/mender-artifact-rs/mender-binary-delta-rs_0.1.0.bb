SUMMARY = "Update Module that applies native and xdelta3 deltas"
DESCRIPTION = "One program, no shell, for the Mender client on devices with two root file systems."

require mender-artifact-rs.inc

# Without what only makes deltas.
CARGO_BUILD_FLAGS += "--package mender-artifact-cli --no-default-features --bin mender-binary-delta"

do_install() {
    install -d ${D}${nonarch_libdir}/mender ${D}${datadir}/mender/modules/v3
    install -m 0755 ${B}/target/${CARGO_TARGET_SUBDIR}/mender-binary-delta ${D}${nonarch_libdir}/mender/mender-binary-delta
    for name in mender-binary-delta mender-delta; do
        ln -s -r ${D}${nonarch_libdir}/mender/mender-binary-delta ${D}${datadir}/mender/modules/v3/$name
    done
}

FILES:${PN} = "${nonarch_libdir}/mender/mender-binary-delta ${datadir}/mender/modules/v3"
RCONFLICTS:${PN} = "mender-binary-delta"
# fw_printenv and fw_setenv, or grub-mender-grubenv.
RRECOMMENDS:${PN} = "u-boot-fw-utils"
