SUMMARY = "Reads, writes, signs and compares Mender Artifacts"
DESCRIPTION = "The command mender-artifact, for the build and for SDKs: Artifacts, deltas between them, disk images."

require mender-artifact-rs.inc


CARGO_BUILD_FLAGS += "--package mender-artifact-cli --bin mender-artifact"

do_install() {
    install -d ${D}${bindir}
    install -m 0755 ${B}/target/${CARGO_TARGET_SUBDIR}/mender-artifact ${D}${bindir}/mender-artifact
}

RCONFLICTS:${PN} = "mender-artifact"
RPROVIDES:${PN} = "mender-artifact"

BBCLASSEXTEND = "native nativesdk"
